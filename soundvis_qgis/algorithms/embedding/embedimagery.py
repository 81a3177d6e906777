"""Embed the basemap around sites."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qgis.core import (
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterRasterLayer,
)

from soundvis_core.errors import Cancelled, as_site_error

from ...layers.sinks import TEXT_FORMATS, FieldSpec, number, output_extension
from ...layers.sources import make_transform, site_point
from ..base import FeedbackProgress
from ..parameters import add_checkpoint, add_field_name, add_model, add_number, chosen_model
from ..per_site import SitesAlgorithm
from .fields import embedding_fields, embedding_values, prefix_of

RASTER = "RASTER"
FOOTPRINT = "FOOTPRINT"
FIELD = "FIELD"
PAPER_MODEL = "remoteclip-vit-l-14"
#: Pixels of a tile on each side for light models: 0.8 m on the ground at the default footprint.
TILE_PIXELS = 256
#: A tile with less of its area on the raster says more about the border than about the place.
LEAST_COVERED = 0.5


class EmbedImagery(SitesAlgorithm):
    """``soundvis:embedimagery``."""

    ID = "embedimagery"
    LABEL = "Embed imagery around sites"
    GROUP = "embedding"
    JOB = "embed-tiles"
    SUMMARY = (
        "Describes the basemap around each site by an embedding: a vector of numbers that is alike for places that "
        "look alike from above.\n"
        "The footprint is a square about the site, upright to true north, measured in metres on the ground "
        "whatever the coordinate reference system. Any raster layer that QGIS shows can be used: GeoTIFF, COG, "
        "WMS, XYZ tiles. A site with less than half of its footprint on the raster is skipped, with the reason.\n"
        "The model 'remoteclip-vit-l-14' is the paper's: CLIP trained further on aerial imagery; 768 numbers. It "
        "runs in SoundVis' own Python environment ('Set up the environment') on weights that 'Download models' "
        "brings. What it sees is kept: a second run takes seconds.\n"
        "The model 'colour-texture' is a baseline without weights: statistics of colour, gradients and texture."
    )
    REQUIRES = ("numpy", "pyproj")

    def site_parameters(self) -> None:
        self.add(
            QgsProcessingParameterRasterLayer(RASTER, self.tr("Basemap")),
            "Aerial image or any other raster layer, local or from the web. One band counts as grey.",
        )
        add_number(
            self,
            FOOTPRINT,
            "Footprint (metres on the ground)",
            200.0,
            1.0,
            "Side of the north-up square around each site, in true metres.",
            maximum=100_000.0,
        )
        add_model(
            self,
            "embed-image",
            "What describes the picture. remoteclip-vit-l-14: the paper's model; remoteclip-vit-b-32 and "
            "remoteclip-rn50 are smaller and faster; clip-vit-l-14 was trained on photos (all need environment "
            "and weights). colour-texture: image statistics, nothing to download.",
            first=PAPER_MODEL,
        )
        add_field_name(
            self,
            FIELD,
            "Embedding field",
            "aer_emb",
            "Name of the new field with the embedding (float32 bytes; text in GeoJSON and CSV). The fields beside "
            "it share its prefix: the part before 'emb'.",
        )
        add_checkpoint(self)

    def job_options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        return chosen_model(self, parameters, context)

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        from ...layers.rasters import RasterSource

        layer = self.parameterAsRasterLayer(parameters, RASTER, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, RASTER))
        self._raster = RasterSource(layer)
        self._raster.check_crs()

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        from ...runtime.execution import model_note

        self._field = self.parameterAsString(parameters, FIELD, context).strip()
        self._job = self.job_options(parameters, context)
        self._pixels = tile_pixels(self._job["model"])
        self._side = self.parameterAsDouble(parameters, FOOTPRINT, context)
        self._as_text = output_extension(parameters.get(self.OUTPUT)) in TEXT_FORMATS
        source = self.source(parameters, context)
        self._transform = make_transform(source.sourceCrs(), self._raster.crs, context)
        prefix = prefix_of(self._field)
        self.status_field = prefix + "status"
        note, dimension = model_note(self.JOB, self._job)
        fields = embedding_fields(self._field, note, dimension, "imagery", self._as_text)
        covered = number(
            prefix + "covered", "Covered footprint (0-1)", "share of the footprint with image data"
        )
        return [*fields, covered]

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        from collections import deque

        from ...runtime.execution import run_for_sites

        shares: deque[float | None] = deque()
        covered = prefix_of(self._field) + "covered"
        tiles = self._tiles(features, shares)
        for result in run_for_sites(self.JOB, self._job, tiles, progress, self.facts):
            yield {**embedding_values(self._field, result, self._as_text), covered: shares.popleft()}

    def _tiles(self, features: Iterator[QgsFeature], shares: Any) -> Iterator[Any]:
        """The tile of each site, or why there is none; the covered share of each goes to ``shares``."""
        from ...layers.tiles import check_covered

        for feature in features:
            share = None
            try:
                tile, share = self._tile(feature)
                check_covered(share, LEAST_COVERED, self._raster.native)
                yield_value: Any = tile
            except Cancelled:
                raise
            except Exception as error:  # noqa: BLE001 - one unreadable block must not cost the other sites
                yield_value = as_site_error(error)
            shares.append(share)
            yield yield_value

    def _tile(self, feature: QgsFeature) -> tuple[Any, float]:
        """The tile and its covered share. A tile with data throughout is lazy: what it shows may be known."""
        from soundvis_core.geodesy import LocalFrame
        from soundvis_core.pipeline import LazyTask

        from ...layers.tiles import read_tile

        point = site_point(feature, self._transform, self._raster.crs)
        frame = LocalFrame(self._raster.crs_text, point.x(), point.y())
        source = read_tile(self._raster, frame, (point.x(), point.y()), self._side, self._pixels)
        if source is None:
            return None, 0.0
        if source.whole:
            return LazyTask(source.content(), lambda: source.tile()[0]), 1.0
        return source.tile()


def tile_pixels(model: str) -> int:
    """Pixels of a tile on each side.

    A trained model gets the very pixels it looks at: sampled once from the raster, averaged where that is finer, and
    not a second time by the model's own resizing. Light models have no size of their own.
    """
    from soundvis_core.models.registry import EMBED_IMAGE, TORCH, find

    row = find(model, EMBED_IMAGE)
    wanted = re.fullmatch(r"(\d+) px", row.input)
    return int(wanted[1]) if row.runtime == TORCH and wanted else TILE_PIXELS
