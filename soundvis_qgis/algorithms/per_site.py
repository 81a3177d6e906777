"""The tools that take a point layer and pass it through with new fields."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Callable

from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsMapLayer,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
)

from soundvis_core.progress import check_cancelled

from ..layers.sinks import FieldSpec, check_collisions, format_problem
from ..layers.sources import PathResolver, layer_file, read_ahead
from .base import Algorithm, FeedbackProgress


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

    def styles(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext
    ) -> Mapping[str, Callable[[QgsMapLayer], bool]]:
        """The styles of the output by name, the first as default; none by default."""
        return {}

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return format_problem(parameters.get(self.OUTPUT)) or self.overwrite_problem(
            parameters, context, self.INPUT, self.OUTPUT
        )

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
        """Where the relative paths of the sites start. Call it in the main thread: it asks the layer."""
        base = self.parameterAsString(parameters, base_name, context)
        folder = os.path.dirname(layer_file(self.parameterAsVectorLayer(parameters, self.INPUT, context)))
        home = context.project().homePath() if context.project() is not None else ""
        return PathResolver(base, (folder, home))

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from ..layers.outputs import OutputLayer, provenance

        source = self.source(parameters, context)
        added = list(self.new_fields(parameters, context))
        check_collisions(source.fields(), added, self.COLLISION_REMEDY)
        sink = self.open_sink(
            parameters, self.OUTPUT, context, added, source.sourceCrs(), source.wkbType(), source.fields()
        )
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
        notes = {f"field {spec.name}": spec.comment for spec in added if spec.comment}
        self.on_success(
            OutputLayer(
                sink.destination,
                {**provenance(self, parameters, context), **notes},
                self.styles(parameters, context),
                labels=sink.labels,
            )
        )
        return {self.OUTPUT: sink.destination}

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
