"""What every tool shares: ids, help, errors in plain words, and outputs that are whole or absent."""

from __future__ import annotations

import html
import traceback
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable

from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsFields,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from soundvis_core.dependencies import how_to_get, missing
from soundvis_core.errors import Cancelled, SiteError, SoundVisError
from soundvis_core.progress import check_cancelled

from ..layers.sinks import FieldSpec, SiteSink, check_collisions, format_problem, is_database
from ..layers.sources import PathResolver, layer_folder, read_ahead

if TYPE_CHECKING:
    from ..layers.outputs import OutputLayer

GROUPS = {
    "sites": "Sites",
    "embedding": "Embeddings",
    "segmentation": "Segmentation",
    "composition": "BGA composition",
    "statistics": "Statistics",
    "setup": "Setup",
}


class FeedbackProgress:
    """The core's progress, spoken to a Processing feedback."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback

    def report(self, fraction: float) -> None:
        self._feedback.setProgress(100.0 * fraction)

    def info(self, text: str) -> None:
        self._feedback.pushInfo(text)

    def warn(self, text: str) -> None:
        # pushWarning is there from QGIS 3.16.2; it shows in colour and in the log of qgis_process.
        self._feedback.pushWarning(text)

    def cancelled(self) -> bool:
        return self._feedback.isCanceled()


class Algorithm(QgsProcessingAlgorithm):
    """A tool. Subclasses give the literals, the parameters and :meth:`execute`."""

    ID = ""
    LABEL = ""
    GROUP = ""
    SUMMARY = ""
    #: Packages that must be there in QGIS's own Python.
    REQUIRES: tuple[str, ...] = ("numpy",)

    def __init__(self) -> None:
        super().__init__()
        self._discards: list[Callable[[], None]] = []
        self._finished: list[OutputLayer] = []

    def createInstance(self) -> Algorithm:
        return type(self)()

    def name(self) -> str:
        return self.ID

    def displayName(self) -> str:
        return self.tr(self.LABEL)

    def group(self) -> str:
        return self.tr(GROUPS[self.GROUP])

    def groupId(self) -> str:
        return self.GROUP

    def icon(self) -> QIcon:
        return self.provider().icon() if self.provider() is not None else QIcon()

    def shortDescription(self) -> str:
        return self.tr(self.SUMMARY.split("\n")[0])

    def shortHelpString(self) -> str:
        """The summary and the help of each parameter, so that the help cannot lag behind the tool."""
        paragraphs = [
            f"<p>{html.escape(part)}</p>" for part in self.tr(self.SUMMARY).split("\n") if part.strip()
        ]
        rows = [
            f"<li><b>{html.escape(definition.description())}</b>: {html.escape(definition.help())}</li>"
            for definition in self.parameterDefinitions()
            if definition.help()
        ]
        return "".join(paragraphs) + f"<ul>{''.join(rows)}</ul>"

    def tr(self, text: str) -> str:
        return QCoreApplication.translate("SoundVis", text)

    def add(
        self,
        definition: QgsProcessingParameterDefinition,
        help_text: str,
        advanced: bool = False,
        **options: Any,
    ) -> None:
        """Add a parameter with its help; further ``options`` go to ``addParameter``."""
        definition.setHelp(self.tr(help_text))
        if advanced:
            definition.setFlags(definition.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(definition, **options)

    def checkParameterValues(self, parameters, context):  # noqa: ANN001, ANN201 - QGIS's signature
        """What stands in the way of a run is said before it."""
        ok, message = super().checkParameterValues(parameters, context)
        if not ok:
            return ok, message
        problem = self.dependency_problem(parameters, context) or self.problem(parameters, context)
        return (problem is None), problem or ""

    def dependency_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        """Which packages are missing and how to get them; None where all are there."""
        absent = missing(self.REQUIRES)
        if not absent:
            return None
        return f"This tool needs Python packages that QGIS does not have: {', '.join(absent)}. {how_to_get(absent)}"

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        """Why the parameters cannot be run; None where they can."""
        return None

    def prepareAlgorithm(self, parameters, context, feedback):  # noqa: ANN001, ANN201 - QGIS's signature
        with _plain_errors(self, feedback):
            self.take_layers(parameters, context)
        return True

    def processAlgorithm(self, parameters, context, feedback):  # noqa: ANN001, ANN201 - QGIS's signature
        problem = self.dependency_problem(parameters, context) or self.problem(parameters, context)
        if problem:
            raise QgsProcessingException(problem)
        with _plain_errors(self, feedback):
            return self.execute(parameters, context, FeedbackProgress(feedback))
        return {}

    def postProcessAlgorithm(self, context, feedback):  # noqa: ANN001, ANN201 - QGIS's signature
        """Style, metadata and side-car files of the outputs; a failure here never costs the result."""
        for output in self._finished:
            for warning in output.finish(context):
                feedback.pushWarning(warning)
        return {}

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        """Take hold of layers in the main thread, before :meth:`execute` goes to the background."""

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        """Do the work and return the results by output name."""
        raise NotImplementedError

    def on_failure(self, discard: Callable[[], None]) -> None:
        """Register what takes an output back when the run fails or is cancelled."""
        self._discards.append(discard)

    def on_success(self, output: OutputLayer) -> None:
        """Register an output to style and describe when the run is done."""
        self._finished.append(output)

    def discard_outputs(self) -> None:
        """Take every output back."""
        for discard in self._discards:
            discard()
        self._discards.clear()
        self._finished.clear()


class _plain_errors:  # noqa: N801 - reads as a statement
    """Turn errors into the one message that Processing shows, and take outputs back."""

    def __init__(self, algorithm: Algorithm, feedback: QgsProcessingFeedback) -> None:
        self._algorithm = algorithm
        self._feedback = feedback

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, trace: Any) -> bool:
        if error is None:
            return False
        self._algorithm.discard_outputs()
        if isinstance(error, Cancelled):
            return True
        if isinstance(error, QgsProcessingException):
            return False
        if isinstance(error, (SoundVisError, SiteError)):
            raise QgsProcessingException(str(error)) from error
        if isinstance(error, MemoryError):
            raise QgsProcessingException(
                "There is not enough memory for this run. Close other programs, or run it on a part of the data."
            ) from error
        if isinstance(error, OSError):
            raise QgsProcessingException(f"A file could not be read or written: {error}") from error
        if isinstance(error, Exception):
            self._feedback.pushDebugInfo("".join(traceback.format_exception(kind, error, trace)))
            raise QgsProcessingException(
                f"SoundVis met an error that it does not know ({type(error).__name__}: {error}). "
                "Please report it with the log above."
            ) from error
        return False


class SitesAlgorithm(Algorithm):
    """A tool that takes a point layer and passes it through with new fields.

    Subclasses add their parameters in :meth:`site_parameters`, say in :meth:`new_fields` which fields come,
    and yield one mapping of values per feature, in order, from :meth:`describe`.
    """

    INPUT = "INPUT"
    OUTPUT = "OUTPUT"
    OUTPUT_LABEL = "Sites"
    COLLISION_REMEDY = "Choose another prefix or field name, or remove the field from the layer first."
    #: The field whose values (ok, failed, skipped) are counted at the end.
    status_field = ""

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterFeatureSource(
                self.INPUT, self.tr("Sites"), [QgsProcessing.SourceType.TypeVectorPoint]
            ),
            "Point layer of the sites, in any coordinate reference system. Selection and filters are honoured; "
            "geometry and attributes pass through.",
        )
        self.site_parameters()
        self.add(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, self.tr(self.OUTPUT_LABEL), QgsProcessing.SourceType.TypeVectorPoint
            ),
            "The sites with the new fields. GeoPackage holds everything; GeoJSON and CSV hold embeddings as text.",
        )

    def site_parameters(self) -> None:
        """Add the parameters between INPUT and OUTPUT."""

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        """The fields that the tool adds."""
        raise NotImplementedError

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterable[Mapping[str, Any]]:
        """One mapping of values per feature, in the order of ``features``."""
        raise NotImplementedError

    def output_layer(
        self, destination: str, parameters: Mapping[str, Any], context: QgsProcessingContext
    ) -> OutputLayer:
        """The finished layer with its styles; plain by default."""
        from ..layers.outputs import OutputLayer

        return OutputLayer(destination, self.provenance(parameters, context))

    def provenance(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, str]:
        """Tool, version, parameters and date, for the metadata of outputs."""
        from ..layers.outputs import provenance

        return provenance(self, parameters, context)

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return format_problem(parameters.get(self.OUTPUT))

    def source(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext
    ) -> QgsProcessingFeatureSource:
        """The sites. Raises where the layer cannot be read."""
        source = self.parameterAsSource(parameters, self.INPUT, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, self.INPUT))
        return source

    def path_resolver(
        self, parameters: Mapping[str, Any], base_name: str, context: QgsProcessingContext
    ) -> PathResolver:
        """Where the relative paths of the sites start."""
        base = self.parameterAsString(parameters, base_name, context)
        layer = self.parameterAsVectorLayer(parameters, self.INPUT, context)
        home = context.project().homePath() if context.project() is not None else ""
        return PathResolver(base, (layer_folder(layer), home))

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        source = self.source(parameters, context)
        added = list(self.new_fields(parameters, context))
        check_collisions(source.fields(), added, self.COLLISION_REMEDY)
        fields = QgsFields(source.fields())
        for spec in added:
            fields.append(spec.field())
        qgis_sink, destination = self.parameterAsSink(
            parameters, self.OUTPUT, context, fields, source.wkbType(), source.sourceCrs()
        )
        if qgis_sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, self.OUTPUT))
        sink = SiteSink(
            qgis_sink, destination, fields, added, own_file=not is_database(parameters.get(self.OUTPUT))
        )
        del qgis_sink
        self.on_failure(sink.discard)

        total = max(source.featureCount(), 0)
        waiting: deque[QgsFeature] = deque()
        # A point cannot be invalid in a way that matters here; the geometry check would drop features.
        features = source.getFeatures(
            QgsFeatureRequest(), QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        )
        counts: Counter[str] = Counter()
        for done, values in enumerate(self.describe(read_ahead(features, waiting), total, progress), start=1):
            check_cancelled(progress)
            sink.add(values, waiting.popleft())
            counts[str(values.get(self.status_field))] += 1
            progress.report(done / total if total else 1.0)
        sink.close()
        self._say_counts(counts, progress)
        self.on_success(self.output_layer(destination, parameters, context))
        return {self.OUTPUT: destination}

    def _say_counts(self, counts: Counter[str], progress: FeedbackProgress) -> None:
        total = sum(counts.values())
        if total == 0:
            progress.warn("The layer has no sites (mind selections and filters); the output is empty.")
            return
        parts = ", ".join(
            f"{counts[status]} {status}" for status in ("ok", "failed", "skipped") if counts[status]
        )
        line = f"{total} sites: {parts}."
        if counts["ok"] < total:
            progress.warn(f"{line} The reasons are in the field '{self.reason_field}'.")
        else:
            progress.info(line)

    @property
    def reason_field(self) -> str:
        """The field that tells why a site was not described."""
        return self.status_field.replace("status", "reason")
