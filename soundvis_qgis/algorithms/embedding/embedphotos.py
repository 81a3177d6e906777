"""Embed street photos."""

from __future__ import annotations

from ...layers.sinks import FieldSpec, integer
from .fields import prefix_of
from .files import EmbedFiles


class EmbedPhotos(EmbedFiles):
    """``soundvis:embedphotos``."""

    ID = "embedphotos"
    LABEL = "Embed street photos"
    SUMMARY = (
        "Describes the street photo of each site by an embedding: a vector of numbers that is alike for places that "
        "look alike.\n"
        "JPEG, PNG, TIFF and WebP are read in every colour mode and turned upright by their EXIF tag. A photo that "
        "cannot be read marks its site with a status and a reason; the run goes on.\n"
        "The model 'colour-texture' is a baseline without weights: statistics of colour, gradients and texture."
    )
    WHAT = "photo"
    JOB = "embed-photos"
    TASK = "embed-image"
    MODELS = ("colour-texture",)
    MODEL_HELP = "What describes the picture. colour-texture: image statistics, nothing to download."
    DEFAULT_FIELD = "st_emb"

    def measures(self) -> list[FieldSpec]:
        return [
            integer(prefix_of(self._field) + "views", "Views of the photo", "number of pictures averaged")
        ]
