"""What embedding recordings and embedding photos have in common: a file per site, a model, an embedding field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from qgis.core import QgsFeature, QgsProcessingContext

from soundvis_core.errors import SiteError
from soundvis_core.pipeline import SiteResult, TaskOrError

from ...layers.sinks import TEXT_FORMATS, FieldSpec, output_extension
from ...layers.sources import PathResolver
from ..base import FeedbackProgress
from ..parameters import (
    BASE_FOLDER,
    PATH_FIELD,
    add_checkpoint,
    add_field_name,
    add_model,
    add_path_parameters,
    chosen_model,
)
from ..per_site import SitesAlgorithm
from .fields import embedding_fields, embedding_values, prefix_of

FIELD = "FIELD"


def paths_of(
    features: Iterable[QgsFeature], field: str, resolver: PathResolver
) -> Iterator[TaskOrError[str]]:
    """The file of each site, or why there is none."""
    for feature in features:
        try:
            yield resolver.resolve(feature.attribute(field))
        except SiteError as error:
            yield error


class EmbedFiles(SitesAlgorithm):
    """Embeds one file per site."""

    GROUP = "embedding"
    WHAT = ""
    TASK = ""
    MODEL_HELP = ""
    DEFAULT_FIELD = ""

    def site_parameters(self) -> None:
        add_path_parameters(self, self.WHAT)
        add_model(self, self.TASK, self.MODEL_HELP)
        add_field_name(
            self,
            FIELD,
            "Embedding field",
            self.DEFAULT_FIELD,
            "Name of the new field with the embedding (float32 bytes; text in GeoJSON and CSV). The fields beside "
            "it share its prefix: the part before 'emb'.",
        )
        self.further_parameters()
        add_checkpoint(self)

    def further_parameters(self) -> None:
        """The parameters of this kind of file alone."""

    def job_options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        return chosen_model(self, parameters, context)

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._resolver = self.path_resolver(parameters, BASE_FOLDER, context)

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        from ...runtime.execution import model_note

        self._field = self.parameterAsString(parameters, FIELD, context).strip()
        self._options = self.job_options(parameters, context)
        self._as_text = output_extension(parameters.get(self.OUTPUT)) in TEXT_FORMATS
        self._path_field = self.parameterAsString(parameters, PATH_FIELD, context)
        self.status_field = prefix_of(self._field) + "status"
        note, dimension = model_note(self.JOB, self._options)
        return embedding_fields(self._field, note, dimension, self.WHAT, self._as_text) + self.measures()

    def measures(self) -> list[FieldSpec]:
        """The further fields of this kind of file."""
        raise NotImplementedError

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        from ...runtime.execution import run_for_sites

        paths = paths_of(features, self._path_field, self._resolver)
        prefix = prefix_of(self._field)
        for found in run_for_sites(self.JOB, self._options, paths, progress, self.facts):
            result = self.completed(found)
            yield {
                **embedding_values(self._field, result, self._as_text),
                **{prefix + name: value for name, value in self.measured(result).items()},
            }

    def completed(self, result: SiteResult) -> SiteResult:
        """What the tool itself makes of the result of a site; results come in the order of the sites."""
        return result

    def measured(self, result: SiteResult) -> dict[str, Any]:
        """The values of the further fields, without prefix."""
        return dict(result.values)
