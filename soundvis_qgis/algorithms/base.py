"""What every tool shares: ids, help, errors in plain words, and outputs that are whole or absent."""

from __future__ import annotations

import html
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFields,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterVectorDestination,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from soundvis_core.dependencies import how_to_get, missing
from soundvis_core.errors import Cancelled, SiteError, SoundVisError

from ..layers.input_places import with_whole_inputs
from ..layers.masking import mask_secrets
from ..layers.output_places import make_folder_of, place_problem, with_whole_path
from ..layers.overwriting import overwrites
from ..layers.side_cars import names_problem
from ..layers.sinks import FieldSpec, SiteSink, is_database, output_path, plain_fields

if TYPE_CHECKING:
    from ..layers.outputs import OutputLayer

_VECTORS = (QgsProcessingParameterFeatureSink, QgsProcessingParameterVectorDestination)
#: A maximum beyond this is none.
_NO_LIMIT = 1e300

GROUPS = {
    "sites": "Sites",
    "screening": "Screening",
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
        # qgis_process hears Ctrl-C as an event of the very thread that runs the tool. On the desktop no event may
        # come in between: there, the button of the dialog reaches the feedback from another thread.
        if QgsApplication.platform() == "qgis_process":
            QCoreApplication.processEvents()
        return self._feedback.isCanceled()


class Algorithm(QgsProcessingAlgorithm):
    """A tool. Subclasses give the literals, the parameters and :meth:`execute`."""

    ID = ""
    LABEL = ""
    GROUP = ""
    SUMMARY = ""
    #: Packages that must be there in QGIS's own Python.
    REQUIRES: tuple[str, ...] = ("numpy",)
    #: The job of the core whose needs are looked at, too; empty where there is none.
    JOB = ""

    def __init__(self) -> None:
        super().__init__()
        self._discards: list[Callable[[], None]] = []
        self._finished: list[OutputLayer] = []
        #: Tool, version, parameters and date of this run, for metadata and report; known once it is prepared.
        self.provenance: Mapping[str, str] = {}
        #: Model, revision and device of a model with weights; known once the run is done.
        self.facts: dict[str, str] = {}

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
        if isinstance(definition, QgsProcessingParameterEnum) and definition.usesStaticStrings():
            # The help of qgis_process counts the choices, and refuses the numbers.
            help_text = f"{help_text} In scripts and models, write the name, not its number."
        definition.setHelp(self.tr(help_text))
        if advanced:
            definition.setFlags(definition.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(definition, **options)

    def checkParameterValues(self, parameters, context):  # noqa: ANN001, ANN201 - QGIS's signature
        """What stands in the way of a run is said before it."""
        outside = self._range_problem(parameters)
        if outside:
            return False, outside
        parameters = self._whole_inputs(parameters, context)
        ok, message = super().checkParameterValues(parameters, context)
        if not ok:
            return ok, message
        problem = self._any_problem(parameters, context)
        return (problem is None), problem or ""

    def _whole_inputs(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        return with_whole_inputs(parameters, self.parameterDefinitions(), context.project())

    def _any_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return (
            self.dependency_problem(parameters, context)
            or self.problem(parameters, context)
            or self._places_problem(parameters)
        )

    def _places_problem(self, parameters: Mapping[str, Any]) -> str | None:
        """Which output cannot be written where it is asked for: not after hours of work."""
        for definition in self.parameterDefinitions():
            if not definition.isDestination():
                continue
            folder = isinstance(definition, QgsProcessingParameterFolderDestination)
            problem = place_problem(parameters.get(definition.name()), definition.description(), folder)
            if problem:
                return problem
        vectors, rasters = (
            {
                definition.description(): parameters.get(definition.name())
                for definition in self.parameterDefinitions()
                if isinstance(definition, kinds)
            }
            for kinds in (_VECTORS, QgsProcessingParameterRasterDestination)
        )
        return names_problem(vectors, rasters)

    def _range_problem(self, parameters: Mapping[str, Any]) -> str | None:
        """Which numbers lie outside their limits; QGIS itself says only that one is incorrect."""
        problems = []
        for definition in self.parameterDefinitions():
            if not isinstance(definition, QgsProcessingParameterNumber):
                continue
            try:
                value = float(parameters[definition.name()])
            except (KeyError, TypeError, ValueError):
                continue
            if not definition.minimum() <= value <= definition.maximum():
                limits = f"at least {definition.minimum():g}"
                if definition.maximum() < _NO_LIMIT:
                    limits += f" and at most {definition.maximum():g}"
                problems.append(
                    f"{definition.name()} ({definition.description()}) is {value:g}; it has to be {limits}."
                )
        return " ".join(problems) or None

    def dependency_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        """Which packages, environment or weights are missing and how to get them; None where all are there."""
        absent = missing(self.REQUIRES)
        if absent:
            names = ", ".join(absent)
            return f"This tool needs Python packages that QGIS does not have: {names}. {how_to_get(absent)}"
        if not self.JOB:
            return None
        from ..runtime.execution import job_problem

        return job_problem(self.JOB, self.job_options(parameters, context))

    def job_options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        """The options of :attr:`JOB`, at least those that tell its model."""
        return {}

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        """Why the parameters cannot be run; None where they can."""
        return None

    def prepareAlgorithm(self, parameters, context, feedback):  # noqa: ANN001, ANN201 - QGIS's signature
        """What asks layers, in the main thread; the steps of a model come here without their values checked."""
        from ..layers.outputs import provenance

        parameters = self._whole_inputs(parameters, context)
        with _plain_errors(self, feedback):
            problem = self._any_problem(parameters, context)
            if problem:
                raise QgsProcessingException(problem)
            self.provenance = provenance(self, parameters, context)
            self.take_source(parameters, context)
            self.take_layers(parameters, context)
        return True

    def processAlgorithm(self, parameters, context, feedback):  # noqa: ANN001, ANN201 - QGIS's signature
        parameters = self._whole_inputs(parameters, context)
        with _plain_errors(self, feedback):
            return self.execute(parameters, context, FeedbackProgress(feedback))
        return {}

    def postProcessAlgorithm(self, context, feedback):  # noqa: ANN001, ANN201 - QGIS's signature
        """Style, metadata and side-car files of the outputs; a failure here never costs the result."""
        own = [output.destination for output in self._finished]
        for output in self._finished:
            for warning in output.finish(context, own):
                feedback.pushWarning(warning)
        return {}

    def take_source(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        """What all tools of a kind need to know of their input, in the main thread, before :meth:`take_layers`."""

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        """Take hold of layers in the main thread, before :meth:`execute` goes to the background."""

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        """Do the work and return the results by output name."""
        raise NotImplementedError

    # QGIS itself looks for a relative path in whatever folder is the current one by then.
    def parameterAsSink(self, parameters, name, context, *rest):  # noqa: ANN001, ANN002, ANN201 - QGIS's signature
        return super().parameterAsSink(with_whole_path(parameters, name), name, context, *rest)

    def parameterAsOutputLayer(self, parameters, name, context):  # noqa: ANN001, ANN201 - QGIS's signature
        return super().parameterAsOutputLayer(with_whole_path(parameters, name), name, context)

    def parameterAsFileOutput(self, parameters, name, context):  # noqa: ANN001, ANN201 - QGIS's signature
        return super().parameterAsFileOutput(with_whole_path(parameters, name), name, context)

    def open_sink(
        self,
        parameters: Mapping[str, Any],
        name: str,
        context: QgsProcessingContext,
        added: Sequence[FieldSpec],
        crs: QgsCoordinateReferenceSystem,
        geometry: Any,
        existing: QgsFields | None = None,
    ) -> SiteSink:
        """The output ``name`` with the ``existing`` fields and the ``added`` ones; taken back if the run fails."""
        before = existing if existing is not None else QgsFields()
        fields = plain_fields(before, added)
        make_folder_of(parameters.get(name))
        sink, destination = self.parameterAsSink(parameters, name, context, fields, geometry, crs)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, name))
        own_file = not is_database(parameters.get(name))
        wrapped = SiteSink(sink, destination, fields, added, own_file)
        wrapped.labels = {field.name(): field.alias() for field in before if field.alias()}
        wrapped.labels.update({spec.name: spec.label() for spec in added})
        self.on_failure(wrapped.discard)
        return wrapped

    def overwrite_problem(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, source: str, output: str
    ) -> str | None:
        """Why an output cannot be written because it is what is being read; None where it can.

        Call it in the main thread: it asks the layer.
        """
        layer = self.parameterAsLayer(parameters, source, context)
        if layer is None or not overwrites(layer, parameters.get(output)):
            return None
        label = self.parameterDefinition(source).description()
        if is_database(parameters.get(output)):
            return (
                f"The output would overwrite the table that '{label}' is read from. "
                "Choose another table or another file."
            )
        return (
            f"The output would overwrite the file that '{label}' is read from "
            f"({output_path(parameters.get(output))}). Choose another file."
        )

    def on_failure(self, discard: Callable[[], None]) -> None:
        """Register what takes an output back when the run fails or is cancelled."""
        self._discards.append(discard)

    def on_success(self, output: OutputLayer) -> None:
        """Register an output to style and describe when the run is done."""
        self._finished.append(output)

    def discard_outputs(self, feedback: QgsProcessingFeedback) -> None:
        """Take every output back; one that has to stay is named in the log and hides neither others nor the error."""
        for discard in self._discards:
            try:
                discard()
            except (OSError, RuntimeError) as error:
                feedback.pushWarning(mask_secrets(f"An unfinished output could not be taken back: {error}"))
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
        self._algorithm.discard_outputs(self._feedback)
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
