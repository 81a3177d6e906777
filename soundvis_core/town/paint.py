"""Paints the aerial picture of the town, row by row, from the rasters.

Every pixel depends on its place and the seed alone, so the picture is the same however it is cut into blocks.
"""

from __future__ import annotations

import math

import numpy as np

from .raster import HEIGHT_STEP, PIXELS, RESOLUTION, Rasters

_TILE = 512
_COARSE = 24


class Painter:
    """Holds the textures of one town; ``paint`` gives rows of the aerial picture."""

    def __init__(self, rasters: Rasters, seed: int) -> None:
        rng = np.random.default_rng([seed, 4])
        self._rasters = rasters
        self._fine = rng.standard_normal((_TILE, _TILE)).astype(np.float32)
        count = PIXELS // _COARSE + 3
        rough = rng.standard_normal((count, count)).astype(np.float32)
        places = np.arange(PIXELS) / _COARSE
        self._coarse = np.array([np.interp(places, np.arange(count), row) for row in rough], dtype=np.float32)

    def _noise(self, row: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Fine and coarse noise of these rows, each (rows, PIXELS) with a variance near one."""
        y = np.arange(row, row + rows)
        # Two tiles of different periods, so that no repetition shows.
        x = np.arange(PIXELS)
        fine = (
            self._fine[np.ix_(y % _TILE, x % _TILE)]
            + self._fine[np.ix_((y // 3) % 509, (x // 3 + 101) % 503)]
        )
        place = y / _COARSE
        low = place.astype(int)
        part = (place - low).astype(np.float32)[:, None]
        coarse = self._coarse[low] * (1 - part) + self._coarse[low + 1] * part
        return fine * np.float32(0.71), coarse * np.float32(1.3)

    def paint(self, row: int, rows: int) -> np.ndarray:
        """The aerial picture of ``rows`` rows from ``row`` on: uint8 (rows, 3000, 3), red, green, blue."""
        r, t = self._rasters, self._rasters.table
        part = slice(row, row + rows)
        surface, canopy = r.surface[part], r.canopy[part]
        fine, coarse = self._noise(row, rows)
        light = fine * t.fine[surface] + coarse * t.coarse[surface]
        self._rows_of_crops(row, surface, light)
        colour = t.colour[surface]
        light *= 1 - 0.9 * (canopy > 0)
        colour += light[:, :, None]
        colour *= self._shadow(row, rows)[:, :, None]
        self._crowns(row, colour, canopy, fine)
        return np.clip(colour + 0.5, 0, 255).astype(np.uint8)

    def _rows_of_crops(self, row: int, surface: np.ndarray, light: np.ndarray) -> None:
        t = self._rasters.table
        rows, columns = np.nonzero(t.amplitude[surface] > 0)
        number = surface[rows, columns]
        x = (columns + 0.5) * RESOLUTION
        y = -(rows + row + 0.5) * RESOLUTION
        across = -x * np.sin(t.angle[number]) + y * np.cos(t.angle[number])
        wave = np.sin(2 * math.pi * across / t.period[number])
        light[rows, columns] += (t.amplitude[number] * wave).astype(np.float32)

    def _shadow(self, row: int, rows: int) -> np.ndarray:
        """Soft, short shadows of buildings and crowns towards the north-east, as a factor."""
        r = self._rasters
        dark = np.zeros((rows, PIXELS), dtype=np.float32)
        for step, weight in ((1, 0.10), (2, 0.07), (4, 0.05), (6, 0.04)):
            stop = min(row + rows + step, PIXELS)
            start = min(row + step, PIXELS)
            tall = np.maximum(r.body[start:stop, :-step], r.canopy[start:stop, :-step])
            dark[: stop - start, step:] += weight * (tall > 25 * step**0.5)
        flat = (r.body[row : row + rows] == 0) & (r.canopy[row : row + rows] == 0)
        return 1 - dark * flat

    def _crowns(self, row: int, colour: np.ndarray, canopy: np.ndarray, fine: np.ndarray) -> None:
        """Crowns: green by the tree's tint, lit from the south-west by the slope of the crown."""
        r = self._rasters
        rows, columns = np.nonzero(canopy)
        if not rows.size:
            return
        here = canopy[rows, columns].astype(np.float32)
        below = r.canopy[np.minimum(rows + row + 2, PIXELS - 1), np.maximum(columns - 2, 0)].astype(
            np.float32
        )
        slope = np.clip((here - below) * HEIGHT_STEP, -4, 4)
        tint = r.tint[rows + row, columns].astype(np.float32) / 100
        base = np.array([[52.0, 78.0, 40.0]], dtype=np.float32)
        change = np.array([[8.0, 9.0, 5.0]], dtype=np.float32)
        green = base + change * (tint + 0.55 * slope + 0.3 * fine[rows, columns])[:, None]
        colour[rows, columns] = np.maximum(green, (18, 28, 14))
