"""Segment street photos into shares of classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qgis.core import QgsFeature, QgsProcessingContext, QgsProcessingParameterString

from ...layers.sinks import FieldSpec, number, text
from ..base import FeedbackProgress
from ..embedding.files import paths_of
from ..parameters import BASE_FOLDER, MODEL, PATH_FIELD, PREFIX, add_model, add_path_parameters, add_prefix
from ..per_site import SitesAlgorithm

CLASSES = "CLASSES"
JOB = "segment-photos"


class SegmentPhotos(SitesAlgorithm):
    """``soundvis:segmentphotos``."""

    ID = "segmentphotos"
    LABEL = "Segment street photos"
    GROUP = "segmentation"
    SUMMARY = (
        "Measures which share of each street photo belongs to which class, as one field per class (0 to 1).\n"
        "The model 'colour-index' is a baseline that tells sky, vegetation, built and road by colour, texture and "
        "position in the picture. It needs no weights and knows no objects: persons and vehicles are not told apart. "
        "What fits no class is missing from the sum of 1."
    )

    def site_parameters(self) -> None:
        add_path_parameters(self, "photo")
        add_model(
            self,
            ("colour-index",),
            "What finds the classes. colour-index: a baseline from colour and position.",
        )
        self.add(
            QgsProcessingParameterString(
                CLASSES, self.tr("Classes (preset or CSV)"), defaultValue="colour-index"
            ),
            "A preset (colour-index: sky, vegetation, built, road; paper-street: the street classes of the paper) or "
            "the path of a CSV with the column name, and optionally code, colour and synonyms.",
        )
        add_prefix(self, "st_")

    def dependency_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        from ...runtime.execution import job_problem

        return super().dependency_problem(parameters, context) or job_problem(JOB)

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        from soundvis_core.classes import load_classes
        from soundvis_core.errors import InputError

        try:
            load_classes(self.parameterAsString(parameters, CLASSES, context))
        except InputError as error:
            return str(error)
        return super().problem(parameters, context)

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._resolver = self.path_resolver(parameters, BASE_FOLDER, context)

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        from soundvis_core.classes import load_classes, slug

        prefix = self.parameterAsString(parameters, PREFIX, context)
        self._model = self.parameterAsEnumString(parameters, MODEL, context)
        self._classes = self.parameterAsString(parameters, CLASSES, context)
        self._path_field = self.parameterAsString(parameters, PATH_FIELD, context)
        self._shares = {
            entry.name: prefix + slug(entry.name) for entry in load_classes(self._classes).classes
        }
        self.status_field = prefix + "seg_status"
        return [
            *(
                number(field, f"{name} (0-1)", f"share of the photo, {self._model}")
                for name, field in self._shares.items()
            ),
            text(self.status_field, "Status of the photo's shares", "ok, failed or skipped"),
            text(self.reason_field, "Reason or remark on the photo's shares"),
        ]

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        from ...runtime.execution import run_for_sites

        options = {"model": self._model, "classes": self._classes}
        paths = paths_of(features, self._path_field, self._resolver)
        for result in run_for_sites(JOB, options, paths, progress):
            yield {
                **{field: result.values.get(name) for name, field in self._shares.items()},
                self.status_field: result.status,
                self.reason_field: result.reason or None,
            }
