"""The tools that take a point layer and pass it through with new fields."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Callable

from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsFields,
    QgsMapLayer,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
)

from soundvis_core.pipeline import OK
from soundvis_core.progress import check_cancelled

from ..layers.field_notes import field_notes
from ..layers.moved_files import Searches
from ..layers.sinks import (
    FieldSpec,
    check_collisions,
    format_problem,
    free_fid,
    is_geopackage,
    is_wanted,
    output_path,
)
from ..layers.source_folder import carried_folder, own_folder
from ..layers.sources import PathResolver, read_ahead
from .base import Algorithm, FeedbackProgress

#: The parameter with the field that names a file per site, of the tools that read such files.
PATH_FIELD = "PATH_FIELD"


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
    #: Where relative paths of the sites may start: the folder of the layer, and the one it carries.
    _folders: tuple[str, str] = ("", "")
    #: What became of the files of the sites; None for tools without any.
    _searches: Searches | None = None
    #: What earlier tools noted on the fields of the sites, by name.
    field_notes: Mapping[str, str] = {}

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
    ) -> Generator[Mapping[str, Any], None, None]:
        """One mapping of values per feature, in the order of ``features``."""
        raise NotImplementedError

    def styles(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext
    ) -> Mapping[str, Callable[[QgsMapLayer], bool]]:
        """The styles of the output by name, the first as default; none by default."""
        return {}

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return (
            format_problem(parameters.get(self.OUTPUT))
            or self.overwrite_problem(parameters, context, self.INPUT, self.OUTPUT)
            or self._path_field_problem(parameters, context)
        )

    def table_problem(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, name: str
    ) -> str | None:
        """Why the table that output ``name`` asks for cannot be written beside the sites; None where it can."""
        if not is_wanted(parameters.get(name)):
            return None
        path = output_path(parameters.get(name))
        named = path != "TEMPORARY_OUTPUT" and not path.startswith("memory:")
        if named and path == output_path(parameters.get(self.OUTPUT)):
            label = self.parameterDefinition(name).description().lower()
            return f"Sites and {label} would be written to the same place ({path}). Choose two files."
        return format_problem(parameters.get(name)) or self.overwrite_problem(
            parameters, context, self.INPUT, name
        )

    def _path_field_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        """Why the path field cannot hold paths; None where it can, and for tools without one."""
        if self.parameterDefinition(PATH_FIELD) is None:
            return None
        source = self.parameterAsSource(parameters, self.INPUT, context)
        if source is None:
            return None
        name = self.parameterAsString(parameters, PATH_FIELD, context)
        fields = source.fields()
        index = fields.lookupField(name)
        texts = ", ".join(f"'{field.name()}'" for field in fields if not field.isNumeric()) or "none"
        if index < 0:
            names = ", ".join(f"'{field.name()}'" for field in fields) or "none"
            return f"The layer has no field '{name}' (given as path field); its fields are {names}."
        if fields.at(index).isNumeric():
            return (
                f"The field '{name}' (given as path field) holds numbers, not paths. Choose a text field; "
                f"those of the layer are {texts}."
            )
        return None

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
        """Where the relative paths of the sites start. Call it in the main thread: it asks the project."""
        base = self.parameterAsString(parameters, base_name, context)
        home = context.project().homePath() if context.project() is not None else ""
        folders = tuple(dict.fromkeys(folder for folder in (*self._folders, home) if folder))
        self._searches = Searches(base, folders)
        return PathResolver(base, folders, self._searches)

    def take_source(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        layer = self.parameterAsVectorLayer(parameters, self.INPUT, context)
        self._folders = own_folder(layer), carried_folder(layer)
        self.field_notes = field_notes(layer)

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from ..layers.outputs import OutputLayer

        source = self.source(parameters, context)
        added = list(self.new_fields(parameters, context))
        check_collisions(source.fields(), added, self.COLLISION_REMEDY)
        fields = self._passed_fields(parameters, source, added, progress)
        sink = self.open_sink(
            parameters, self.OUTPUT, context, added, source.sourceCrs(), source.wkbType(), fields
        )
        total = max(source.featureCount(), 0)
        waiting: deque[QgsFeature] = deque()
        # A point cannot be invalid in a way that matters here; the geometry check would drop features.
        features = source.getFeatures(
            QgsFeatureRequest(), QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        )
        counts: Counter[str] = Counter()
        first_reason = ""
        # Closed as soon as the run ends in whatever way: a worker goes with it.
        with closing(self.describe(read_ahead(features, waiting), total, progress)) as described:
            for done, values in enumerate(described, start=1):
                check_cancelled(progress)
                sink.add(values, waiting.popleft())
                status = str(values.get(self.status_field))
                counts[status] += 1
                if status != OK and not first_reason:
                    first_reason = str(values.get(self.reason_field) or "")
                progress.report(done / total if total else 1.0)
        sink.close()
        self._say_counts(counts, first_reason, progress)
        passed = {name: note for name, note in self.field_notes.items() if fields.lookupField(name) >= 0}
        notes = {**passed, **{spec.name: spec.comment for spec in added if spec.comment}}
        self.on_success(
            OutputLayer(
                sink.destination,
                {**self.provenance, **self.facts, **{f"field {name}": note for name, note in notes.items()}},
                self.styles(parameters, context),
                labels=sink.labels,
                in_database=not sink.own_file,
                source_folder=self._folders[1] or self._folders[0],
            )
        )
        return {self.OUTPUT: sink.destination}

    def _passed_fields(
        self,
        parameters: Mapping[str, Any],
        source: QgsProcessingFeatureSource,
        added: Sequence[FieldSpec],
        progress: FeedbackProgress,
    ) -> QgsFields:
        """The fields of the sites under the names that the output can take."""
        index = source.fields().lookupField("fid")
        if index < 0 or not is_geopackage(parameters.get(self.OUTPUT)):
            return source.fields()
        request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
        request.setSubsetOfAttributes([index])
        features = source.getFeatures(request, QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks)
        fields, renamed = free_fid(source.fields(), (feature.attribute(index) for feature in features), added)
        if renamed is not None:
            progress.warn(
                f"The field '{renamed[0]}' is kept as '{renamed[1]}': a GeoPackage takes only whole numbers there, "
                "each once, and those of the layer are not."
            )
        return fields

    def _say_counts(self, counts: Counter[str], first_reason: str, progress: FeedbackProgress) -> None:
        total = sum(counts.values())
        if total == 0:
            progress.warn("The layer has no sites (mind selections and filters); the output is empty.")
            return
        parts = ", ".join(
            f"{counts[status]} {status}" for status in ("ok", "failed", "skipped") if counts[status]
        )
        line = f"{total} site{'' if total == 1 else 's'}: {parts}."
        if counts["ok"] < total:
            progress.warn(f"{line} The reasons are in the field '{self.reason_field}'.")
            progress.info(f"The first reason: {first_reason}")
        else:
            progress.info(line)
        if self._searches is not None:
            if self._searches.info():
                progress.info(self._searches.info())
            for warning in self._searches.warnings():
                progress.warn(warning)

    @property
    def reason_field(self) -> str:
        """The field that tells why a site was not described."""
        return self.status_field[: -len("status")] + "reason"
