"""Screen street photos."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from qgis.core import QgsFeature, QgsProcessingContext

from soundvis_core.pipeline import SiteResult
from soundvis_core.screening.rules import BRIGHTNESS, CLIP, CLIP_MODEL, PHOTO_RULES

from ..base import FeedbackProgress
from ..embedding.files import paths_of
from ..parameters import checkpoint_of
from .base import METHOD, ScreenSites

if TYPE_CHECKING:
    import numpy as np


class ScreenPhotos(ScreenSites):
    """``soundvis:screenphotos``."""

    ID = "screenphotos"
    LABEL = "Screen street photos"
    SUMMARY = (
        "Says which street photos are indoor, at night, in snow or in rain, and whether to keep each site.\n"
        "The paper leaves such photos out so that what is seen is stable and fits the sound (section 3.2). Nothing is "
        "deleted here: each site gets a score per rule, the advice to keep it or not and the reason, and stays.\n"
        "The method 'clip' asks the paper's model of street view, CLIP ViT-L/14, whether sentences such as 'a street "
        "at night' or their opposites are nearer to a photo; several sentences stand for each. The margin between the "
        "nearest of both sides decides. It needs the model's weights and SoundVis' own Python environment (tools "
        "'Download models' and 'Set up the environment'). Nobody has measured how well that does on your photos: "
        "judge some, and calibrate.\n"
        "The method 'light' knows the share of dark pixels only, hence night; indoor, snow and rain stay empty."
    )
    JOB = "screen-photos"
    WHAT = "photo"
    ALL_RULES = PHOTO_RULES
    METHODS = (CLIP, BRIGHTNESS)
    METHOD_HELP = (
        "clip: sentences and photos compared by CLIP ViT-L/14 (needs environment and weights). light: brightness "
        "alone, which tells night only, nothing to download."
    )
    DEFAULT_PREFIX = "st_scr_"

    def job_options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        if self.parameterAsEnumString(parameters, METHOD, context) != CLIP:
            return {}
        return {"model": CLIP_MODEL, "checkpoint": checkpoint_of(self, parameters, context)}

    def scored(
        self, features: Iterator[QgsFeature], progress: FeedbackProgress
    ) -> Generator[SiteResult, None, None]:
        from ...runtime.execution import run_for_sites

        options = {"model": CLIP_MODEL, "checkpoint": self._checkpoint} if self._method == CLIP else {}
        paths = paths_of(features, self._path_field, self._resolver)
        with closing(run_for_sites(self.JOB, options, paths, progress, self.facts)) as results:  # type: ignore[type-var]
            yield from results

    def score_arrays(self, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
        from soundvis_core.screening.photos import scores_of

        return scores_of(values, [rule.name for rule in PHOTO_RULES])
