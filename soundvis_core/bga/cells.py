"""The cells of a land cover map: their size on the ground, and how much of each class's weights lies in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .kernels import Kernel, ground_steps

if TYPE_CHECKING:
    from .soundscape_grid import SoundscapeBlock

#: Cells are left to automatics this fine: the smallest radius over so many, where the widest kernel then fits this.
_PER_RADIUS, _FITS = 10, 512


@dataclass(frozen=True)
class Cells:
    """North-up raster cells: upper-left corner and size of a cell in units of ``crs``, and how many there are."""

    crs: str
    left: float
    top: float
    cell_width: float
    cell_height: float
    columns: int
    rows: int

    def steps(self, column: float, row: float) -> np.ndarray:
        """Ground metres of a step of one column and row at a place, (2, 2); see :meth:`.kernels.Kernel.on_cells`.

        Raises :class:`InputError` where cells have no size on the ground, as at a pole.
        """
        x, y = self.left + column * self.cell_width, self.top - row * self.cell_height
        steps = ground_steps(self.crs, x, y, self.cell_width, self.cell_height)
        sizes = np.linalg.norm(steps, axis=0)
        if not np.isfinite(steps).all() or abs(np.linalg.det(steps)) < 1e-3 * float(sizes.max()) ** 2:
            raise InputError(
                "The cells of the raster have no size on the ground somewhere: it reaches a pole or beyond its "
                "coordinate reference system. Clip it to the area of interest."
            )
        return steps

    @cached_property
    def middle_size(self) -> tuple[float, float]:
        """Width and height of a cell in true metres, in the middle of the raster."""
        width, height = np.linalg.norm(self.steps(self.columns / 2.0, self.rows / 2.0), axis=0)
        return float(width), float(height)


def pooling_factors(pixels: Cells, kernels: Sequence[Kernel], cell: float | None = None) -> tuple[int, int]:
    """How many pixels along x and y make a cell of about ``cell`` true metres.

    None: a tenth of the smallest radius, wider where the widest kernel would reach over too many cells. Never finer
    than the pixels.
    """
    if cell is None:
        finest = min(kernel.radius for kernel in kernels) / _PER_RADIUS
        cell = max(finest, max(kernel.reach for kernel in kernels) / _FITS)
        across, down = (max(1, int(cell / size + 0.05)) for size in pixels.middle_size)
    else:
        across, down = (max(1, round(cell / size)) for size in pixels.middle_size)
    return min(across, pixels.columns), min(down, pixels.rows)


def pooled(pixels: Cells, across: int, down: int) -> Cells:
    """Cells of ``across`` x ``down`` pixels that cover all pixels; the last ones may reach beyond."""
    return Cells(
        pixels.crs,
        pixels.left,
        pixels.top,
        pixels.cell_width * across,
        pixels.cell_height * down,
        -(-pixels.columns // across),
        -(-pixels.rows // down),
    )


class ClassFields:
    """Class codes of pixels as fields of cells."""

    def __init__(self, weights: Mapping[int, np.ndarray]) -> None:
        """``weights``: (3,) by code, of those classes that have some: at least one."""
        self._codes = np.array(sorted(weights))
        vectors = np.stack([weights[code] for code in self._codes.tolist()])
        #: (4, classes + 1) float32; the last one stands for no weights.
        self._table = np.zeros((4, len(self._codes) + 1), dtype=np.float32)
        self._table[:3, :-1], self._table[3, :-1] = vectors.T, 1.0

    def of(self, codes: np.ndarray, valid: np.ndarray, across: int, down: int) -> np.ndarray:
        """(4, h, w) float32 of pixels, ``across`` x ``down`` to a cell: weights times share with weights, that share.

        What lacks to whole cells at the right and below has no weights.
        """
        place = self._places(codes)
        place[~valid] = len(self._codes)
        short = (-place.shape[0] % down, -place.shape[1] % across)
        if any(short):
            place = np.pad(place, [(0, short[0]), (0, short[1])], constant_values=len(self._codes))
        fields = np.empty((4, place.shape[0] // down, place.shape[1] // across), dtype=np.float32)
        for band, values in zip(fields, self._table):
            # Sums of whole rows and columns are several times faster than over both axes at once.
            pixels = values.take(place)
            rows = _summed([pixels[start::down] for start in range(down)])
            band[:] = _summed([rows[:, start::across] for start in range(across)])
        fields /= np.float32(across * down)
        return fields

    def _places(self, codes: np.ndarray) -> np.ndarray:
        """Where the class of each pixel stands among those with weights; behind them for others."""
        if codes.dtype in (np.uint8, np.uint16):
            every = np.full(np.iinfo(codes.dtype).max + 1, len(self._codes), dtype=np.intp)
            fit = (self._codes >= 0) & (self._codes < len(every))
            every[self._codes[fit]] = np.flatnonzero(fit)
            return every.take(codes)
        place = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        place[self._codes[place] != codes] = len(self._codes)
        return place


def _summed(parts: Sequence[np.ndarray]) -> np.ndarray:
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


class CellMeans:
    """Means of the soundscape over squares of ``size`` x ``size`` cells, filled in block by block."""

    def __init__(self, cells: Cells, size: int) -> None:
        self.size = size
        shape = (-(-cells.rows // size), -(-cells.columns // size))
        #: Sums of raw, known cells, unmapped, all cells.
        self._sums = np.zeros((6, *shape))

    def add(self, block: SoundscapeBlock) -> None:
        """Take in a block."""
        known = np.isfinite(block.raw[0])
        values = np.stack([*np.where(known, block.raw, 0.0), known, block.unmapped, np.ones(known.shape)])
        rows, columns = (
            (start + np.arange(length)) // self.size
            for start, length in zip((block.row, block.column), known.shape)
        )
        row_starts, column_starts = (np.flatnonzero(np.diff(axis, prepend=-1)) for axis in (rows, columns))
        summed = np.add.reduceat(np.add.reduceat(values, row_starts, axis=1), column_starts, axis=2)
        self._sums[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += summed

    def squares(self) -> Iterator[tuple[int, int, tuple[float, float, float], float]]:
        """Row, column, mean raw values of the known cells and mean unmapped share of squares with a known cell."""
        *raw, known, unmapped, count = self._sums
        for row, column in np.argwhere(known > 0).tolist():
            cells = known[row, column]
            bio, geo, ant = (float(values[row, column] / cells) for values in raw)
            yield row, column, (bio, geo, ant), float(unmapped[row, column] / count[row, column])
