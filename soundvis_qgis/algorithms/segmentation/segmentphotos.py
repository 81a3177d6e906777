"""Segment street photos into shares of classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qgis.core import QgsFeature, QgsProcessingContext, QgsProcessingParameterString

from ...layers.sinks import FieldSpec, number, text
from ..base import FeedbackProgress
from ..embedding.files import paths_of
from ..parameters import (
    BASE_FOLDER,
    CLASSES,
    PATH_FIELD,
    PREFIX,
    add_checkpoint,
    add_model,
    add_path_parameters,
    add_prefix,
    add_threshold,
    chosen_classes,
)
from ..per_site import SitesAlgorithm


class SegmentPhotos(SitesAlgorithm):
    """``soundvis:segmentphotos``."""

    ID = "segmentphotos"
    LABEL = "Segment street photos"
    GROUP = "segmentation"
    JOB = "segment-photos"
    SUMMARY = (
        "Measures which share of each street photo belongs to which class, as one field per class (0 to 1).\n"
        "The model 'clipseg-rd64' is the paper's: CLIPSeg finds any classes by their names, in English; each "
        "pixel gets the most probable one. It runs in SoundVis' own Python environment ('Set up the environment') "
        "on weights that 'Download models' brings. What it sees is kept: a second run takes seconds.\n"
        "The model 'colour-index' is a baseline that tells sky, vegetation, built and road by colour, texture and "
        "position in the picture. It needs no weights and knows no objects: persons and vehicles are not told "
        "apart. What fits no class is missing from the sum of 1."
    )

    def site_parameters(self) -> None:
        add_path_parameters(self, "photo")
        add_model(
            self,
            "segment-photo",
            "What finds the classes. clipseg-rd64: the paper's model, a trained network (needs environment and "
            "weights). colour-index: a baseline from colour and position.",
        )
        self.add(
            QgsProcessingParameterString(
                CLASSES, self.tr("Classes (preset, CSV or text)"), defaultValue="paper-street"
            ),
            "A preset (paper-street: the street classes of the paper; colour-index: sky, vegetation, built, "
            "road), the path of a CSV with the column name, and optionally code, colour, synonyms and prompts, or "
            "the classes themselves: building, house; road; tree.",
        )
        add_prefix(self, "st_")
        add_threshold(
            self,
            "A pixel whose best class has a lower score than this (0 to 1) belongs to none. Empty: 0.1. CLIPSeg's "
            "scores are low (its authors tell one object from all else best at 0.3, not at 0.5) and not calibrated "
            "between prompts: the same score means more for one class than for another. Try another threshold on a "
            "few photos first. The light model has no scores and takes no notice.",
        )
        add_checkpoint(self)

    def job_options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        return chosen_classes(self, parameters, context)

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

        from ...runtime.execution import model_note

        prefix = self.parameterAsString(parameters, PREFIX, context)
        self._job = self.job_options(parameters, context)
        self._path_field = self.parameterAsString(parameters, PATH_FIELD, context)
        self._shares = {
            entry.name: prefix + slug(entry.name) for entry in load_classes(self._job["classes"]).classes
        }
        self.status_field = prefix + "seg_status"
        note, _ = model_note(self.JOB, self._job)
        return [
            *(
                number(field, f"{name} (0-1)", f"share of the photo, {note}")
                for name, field in self._shares.items()
            ),
            text(self.status_field, "Status of the photo's shares", "ok, failed or skipped"),
            text(self.reason_field, "Reason or remark on the photo's shares"),
        ]

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        from ...runtime.execution import run_for_sites

        paths = paths_of(features, self._path_field, self._resolver)
        for result in run_for_sites(self.JOB, self._job, paths, progress, self.facts):
            yield {
                **{field: result.values.get(name) for name, field in self._shares.items()},
                self.status_field: result.status,
                self.reason_field: result.reason or None,
            }
