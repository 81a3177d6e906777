"""Tiles: north-up squares of a raster layer about places, in true metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qgis.core import QgsRectangle

from soundvis_core.errors import SKIPPED, SiteError
from soundvis_core.geodesy import LocalFrame, Square
from soundvis_core.sampling import bilinear, pool

from .rasters import ColourBlock, Grid, RasterSource, box_of


@dataclass(frozen=True)
class TileSource:
    """What a tile is made from: the pixels that were read about a place, and where the tile lies in them.

    samples: how many samples a pixel of the tile has along each side. finer: how many pixels of the block along each
    side are averaged before they are sampled. whole: the tile lies on the block, and the block has data throughout.
    """

    block: ColourBlock
    window: Grid
    square: Square
    pixels: int
    samples: int
    finer: int
    whole: bool

    def content(self) -> tuple[object, ...]:
        """Everything that the tile depends on, for a content key."""
        window, block = self.window, self.block
        grid = (window.left, window.top, window.pixel_width, window.pixel_height)
        valid = True if self.whole else block.valid
        way = (self.pixels, self.samples, self.finer, block.scale, block.offset)
        return (*grid, *way, self.square.side, self.square.x, self.square.y, valid, *block.bands[:3])

    def tile(self) -> tuple[np.ndarray, float]:
        """The tile as uint8 (pixels, pixels, 3), and the share of its area that has data (0 to 1).

        Where the raster is finer than the tile, its pixels are averaged; where it is coarser, they are interpolated.
        """
        x, y = self.square.centres(self.pixels * self.samples)
        values, valid = self.block.colours(), self.block.valid
        values = values[:3] if values.shape[0] >= 3 else np.repeat(values[:1], 3, axis=0)
        # Pixels much finer than the samples are averaged first: none is passed over.
        values, valid = pool(values, valid, self.finer)
        window, finer = self.window, self.finer
        sampled, present = bilinear(values, valid, window.columns(x) / finer, window.rows(y) / finer)
        tile, covered = pool(sampled, present, self.samples)
        if covered.any():
            # What is missing takes the mean of the rest, so that a border does not look like a black object.
            tile[:, ~covered] = tile[:, covered].mean(axis=1, keepdims=True)
        return (np.moveaxis(tile, 0, 2) * 255.0 + 0.5).astype(np.uint8), float(present.mean())


def read_tile(
    raster: RasterSource, frame: LocalFrame, centre: tuple[float, float], side: float, pixels: int
) -> TileSource | None:
    """Read what a tile of ``side`` true metres and ``pixels`` x ``pixels`` pixels about a place is made from.

    ``centre``: the place of ``frame`` in the raster's CRS. None where the tile lies outside the raster. Raises
    SiteError where the square crosses the edge of the CRS, InputError where the raster cannot be read.
    """
    square = frame.square(side)
    grid = raster.grid() if raster.native else None
    # A raster finer than the tile is sampled twice as densely, and averaged.
    samples = 1
    if grid is not None:
        samples = 2 if frame.pixel_size(*centre, grid.pixel_width, grid.pixel_height) < side / pixels else 1
        window = raster.window(square.x, square.y, grid)
    else:
        window = _drawn_window(square, pixels, raster.extent)
    if window is None:
        return None
    block = raster.colour_block(
        window.rectangle(0, 0, window.width, window.height), window.width, window.height
    )
    pixel = frame.pixel_size(*centre, window.pixel_width, window.pixel_height)
    finer = max(1, int(side / (pixels * samples) / pixel))
    return TileSource(
        block,
        window,
        square,
        pixels,
        samples,
        finer,
        bool(block.valid.all()) and _covers(window, square, finer),
    )


def check_covered(share: float, least: float, native: bool) -> None:
    """Raise SiteError where a raster covers too little of a tile. ``native``: it has pixels of its own."""
    if share == 0.0 and not native:
        raise SiteError(
            "no image came back from the web layer: check the network, or whether the place lies in the layer's area"
        )
    if share == 0.0:
        raise SiteError("the footprint lies outside the raster or on nodata", SKIPPED)
    if share < least:
        raise SiteError(f"only {share:.0%} of the footprint has image data", SKIPPED)


def _drawn_window(square: Square, pixels: int, extent: QgsRectangle) -> Grid | None:
    """For a layer that is drawn at any size: as many pixels as the tile has; None where outside."""
    box = box_of(square.x, square.y)
    if box is None or not box.intersects(extent):
        return None
    return Grid(box.xMinimum(), box.yMaximum(), box.width() / pixels, box.height() / pixels, pixels, pixels)


def _covers(window: Grid, square: Square, finer: int) -> bool:
    """Whether the whole square lies on the pixels of a window, after averaging ``finer`` of them along each side."""
    columns, rows = window.columns(square.x), window.rows(square.y)
    # Pixels that are short of a whole one after averaging count as missing.
    width, height = window.width // finer * finer, window.height // finer * finer
    return bool(columns.min() >= 0 and columns.max() < width and rows.min() >= 0 and rows.max() < height)
