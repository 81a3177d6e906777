"""Embed street photos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingParameterEnum

from ...layers.sinks import FieldSpec, integer
from .fields import prefix_of
from .files import EmbedFiles

VIEWS = "VIEWS"
#: As in the core's images, which loads numpy: not when the plugin loads.
MODES = ("centre", "three-crops", "panorama")


class EmbedPhotos(EmbedFiles):
    """``soundvis:embedphotos``."""

    ID = "embedphotos"
    LABEL = "Embed street photos"
    SUMMARY = (
        "Describes the street photo of each site by an embedding: a vector of numbers that is alike for places "
        "that look alike.\n"
        "JPEG, PNG, TIFF and WebP are read in every colour mode and turned upright by their EXIF tag. A photo that "
        "cannot be read marks its site with a status and a reason; the run goes on.\n"
        "The model 'clip-vit-l-14' is the paper's: CLIP ViT-L/14 of OpenAI; 768 numbers. It looks at a square of "
        "224 pixels; VIEWS says which parts of a wide photo that is. It runs in SoundVis' own Python environment "
        "('Set up the environment') on weights that 'Download models' brings. What it sees is kept: a second run "
        "takes seconds.\n"
        "The model 'colour-texture' is a baseline without weights: statistics of colour, gradients and texture."
    )
    WHAT = "photo"
    JOB = "embed-photos"
    TASK = "embed-image"
    MODEL_HELP = (
        "What describes the picture. clip-vit-l-14: the paper's model (needs environment and weights). "
        "colour-texture: image statistics, nothing to download. The remoteclip models are made for aerial imagery."
    )
    DEFAULT_FIELD = "st_emb"

    def further_parameters(self) -> None:
        self.add(
            QgsProcessingParameterEnum(
                VIEWS, self.tr("Views"), options=list(MODES), defaultValue=MODES[0], usesStaticStrings=True
            ),
            "Which parts of a photo are described and averaged. centre: one picture, as the paper does (of a wide "
            "photo, trained models see the middle square). three-crops: left, middle and right square. panorama: "
            "four directions of an equirectangular panorama (twice as wide as high).",
            advanced=True,
        )

    def job_options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        views = self.parameterAsEnumString(parameters, VIEWS, context)
        return {**super().job_options(parameters, context), "views": views}

    def measures(self) -> list[FieldSpec]:
        return [
            integer(prefix_of(self._field) + "views", "Views of the photo", "number of pictures averaged")
        ]
