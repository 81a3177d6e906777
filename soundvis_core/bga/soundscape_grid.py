"""Biophony, geophony and anthrophony all over a land cover map: every place hears the ground about it.

At each cell, raw_k = sum of K_k(distance) x weight_k over the ground that has weights, divided by the same sum without
the weights: a normalised convolution (Knutsson and Westin 1993, doi:10.1109/CVPR.1993.341081), so that borders and
nodata count as unknown and not as silence. Distances are true metres: a kernel is laid out on the cells by how large
these are on the ground. Where that changes over the raster, as with latitude in EPSG:3857, kernels are made at knots
and their results blended between these, so that neighbouring blocks fit together without a seam.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Callable

import numpy as np

from ..errors import InputError
from ..progress import NO_PROGRESS, Progress, check_cancelled
from .cells import Cells
from .kernels import Kernel

#: ``read(column, row, width, height)`` -> (4, height, width) float32: per cell the weights of biophony, geophony and
#: anthrophony, each times the share of the cell that has weights, and that share.
Read = Callable[[int, int, int, int], np.ndarray]

#: A kernel may extend to so many cells on each side: it bounds memory (some 1 GB) and time.
MOST_CELLS = 1024
#: Changes of a ground distance, in parts of it, that are ignored, and that kernels are blended across.
_IGNORED, _BLENDED = 1e-4, 0.02
#: Places along an axis at which the size of the cells is looked at.
_PROFILE = 65
#: Cells of a window along a side: what is worked on at once, with the halo of the kernels.
_SMALL_WINDOW, _LARGE_WINDOW = 1024, 2048
#: Below this share of known ground there is nothing but rounding.
_LEAST = 1e-6


@dataclass(frozen=True)
class SoundscapeBlock:
    """A finished block: where it lies in cells, raw (3, h, w) float64 (NaN where unknown), unmapped (h, w), 0 to 1."""

    column: int
    row: int
    raw: np.ndarray
    unmapped: np.ndarray

    def normalised(self) -> np.ndarray:
        """(3, h, w) of sum 1; NaN where unknown, or where nothing makes a sound."""
        total = self.raw.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(total > 0.0, self.raw / total, np.nan)


def soundscape_blocks(
    read: Read,
    cells: Cells,
    kernels: Sequence[Kernel],
    least_known: float = 0.5,
    progress: Progress = NO_PROGRESS,
    window: int = 0,
) -> Iterator[SoundscapeBlock]:
    """The soundscape of all cells, block by block, each once; rows of blocks from north to south.

    kernels: of biophony, geophony and anthrophony. least_known: cells that know less than this share (0 to 1) of what
    their kernels cover stay unknown. window: cells along a side that are worked on at once; 0 chooses. ``unmapped`` is
    the share of a kernel that no weight covers, for want of weights or of data, of the kernel that has most of it. The
    result does not depend on the blocks. Memory: some 200 bytes per cell of the window.

    Raises :class:`InputError` for kernels too wide for the cells, :class:`Cancelled` where the user stops the run.
    """
    if len(kernels) != 3:
        raise InputError(f"There have to be three kernels, one per category, not {len(kernels)}.")
    layout = _Layout(cells, kernels, window)
    blocks = list(layout.blocks())
    for done, block in enumerate(blocks, start=1):
        check_cancelled(progress)
        yield _finish(block, *layout.convolve(read, block, progress), least_known)
        progress.report(done / len(blocks))


def _finish(block: _Block, sums: np.ndarray, known: np.ndarray, least_known: float) -> SoundscapeBlock:
    """Weighted means of the ground that is known."""
    share = np.clip(known.min(axis=0), 0.0, 1.0)
    # Rounding must not tip the scale where half of a kernel is exactly known.
    enough = share >= max(least_known - 1e-9, _LEAST)
    raw = np.full(sums.shape, np.nan)
    np.divide(sums, known, out=raw, where=enough)
    np.maximum(raw, 0.0, out=raw, where=enough)  # below 0 by rounding only
    return SoundscapeBlock(block.column, block.row, raw, 1.0 - share)


@dataclass(frozen=True)
class _Block:
    """A block, and the knots about it along rows and columns: two where kernels are blended, else one."""

    column: int
    row: int
    width: int
    height: int
    row_knots: tuple[int, ...]
    column_knots: tuple[int, ...]


class _Layout:
    """How the work is cut: knots, blocks, and the kernels' spectra at the knots."""

    def __init__(self, cells: Cells, kernels: Sequence[Kernel], window: int) -> None:
        self._cells, self._kernels = cells, kernels
        self._same = len({(kernel.shape, kernel.radius) for kernel in kernels}) == 1
        self._row_knots = _knots(cells.rows, lambda row: cells.steps(cells.columns / 2.0, row))
        self._column_knots = _knots(cells.columns, lambda column: cells.steps(column, cells.rows / 2.0))
        sizes = [
            kernel.half_size(cells.steps(column, row))
            for kernel in kernels
            for row, column in product(self._row_knots, self._column_knots)
        ]
        self._down, self._across = (max(size[axis] for size in sizes) for axis in (0, 1))
        if max(self._down, self._across) > MOST_CELLS:
            widest = max(kernel.reach for kernel in kernels)
            raise InputError(
                f"The widest kernel reaches {widest:g} m, or {max(self._down, self._across)} cells to each side; at "
                f"most {MOST_CELLS} are possible. Choose larger cells or smaller radii."
            )
        self._shape = (
            _window_size(cells.rows, self._down, window),
            _window_size(cells.columns, self._across, window),
        )
        self._spectra: dict[tuple[int, int], list[np.ndarray]] = {}

    def blocks(self) -> Iterator[_Block]:
        """Blocks that tile the raster between the knots."""
        height, width = self._shape[0] - 2 * self._down, self._shape[1] - 2 * self._across
        for first, last, row_knots in _pieces(self._row_knots, self._cells.rows):
            for row in range(first, last, height):
                for left, right, column_knots in _pieces(self._column_knots, self._cells.columns):
                    for column in range(left, right, width):
                        size = min(width, right - column), min(height, last - row)
                        yield _Block(column, row, *size, row_knots, column_knots)

    def convolve(self, read: Read, block: _Block, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        """Per category the sums of the weights and of the known ground under its kernel, (3, h, w) float64 each."""
        from scipy.fft import irfft2, rfft2

        size = (3, block.height, block.width)
        sums, known = np.zeros(size), np.zeros(size)
        fields = self._fields(read, block)
        if not fields[3].any():
            return sums, known
        workers = min(4, os.cpu_count() or 1)
        spectra = [rfft2(field, self._shape, workers=workers) for field in fields.astype(np.float64)]
        del fields
        core = (
            slice(2 * self._down, 2 * self._down + block.height),
            slice(2 * self._across, 2 * self._across + block.width),
        )

        def under(spectrum: np.ndarray, kernel: np.ndarray) -> np.ndarray:
            check_cancelled(progress)
            return irfft2(spectrum * kernel, self._shape, workers=workers)[core]

        for knot, share in self._shares(block):
            kernels = self._at(knot, block)
            for category in range(3):
                kernel = kernels[0 if self._same else category]
                sums[category] += share * under(spectra[category], kernel)
                if category == 0 or not self._same:
                    known[category] += share * under(spectra[3], kernel)
        if self._same:
            known[1:] = known[0]
        return sums, known

    def _fields(self, read: Read, block: _Block) -> np.ndarray:
        """The fields of a block with its halo, 0 beyond the raster."""
        top, left = block.row - self._down, block.column - self._across
        first_row, first_column = max(0, top), max(0, left)
        last_row = min(self._cells.rows, block.row + block.height + self._down)
        last_column = min(self._cells.columns, block.column + block.width + self._across)
        fields = np.zeros((4, *self._shape), dtype=np.float32)
        inside = (
            slice(first_row - top, last_row - top),
            slice(first_column - left, last_column - left),
        )
        fields[:, inside[0], inside[1]] = read(
            first_column, first_row, last_column - first_column, last_row - first_row
        )
        return fields

    def _shares(self, block: _Block) -> Iterator[tuple[tuple[int, int], np.ndarray | float]]:
        """The knots about a block, and how much the kernel of each counts at its cells: (h, w), or 1."""
        rows = _blend(block.row, block.height, block.row_knots)
        columns = _blend(block.column, block.width, block.column_knots)
        for (row, down), (column, across) in product(rows, columns):
            yield (row, column), down[:, None] * across[None, :]

    def _at(self, knot: tuple[int, int], block: _Block) -> list[np.ndarray]:
        """The spectra of the kernels at a knot; those of knots that lie behind are let go."""
        for old in [old for old in self._spectra if old[0] not in block.row_knots]:
            del self._spectra[old]
        if len(self._column_knots) > 2:
            for old in [old for old in self._spectra if old[1] not in block.column_knots]:
                del self._spectra[old]
        if knot not in self._spectra:
            steps = self._cells.steps(knot[1], knot[0])
            kernels = self._kernels[:1] if self._same else self._kernels
            self._spectra[knot] = [self._spectrum(kernel.on_cells(steps)) for kernel in kernels]
        return self._spectra[knot]

    def _spectrum(self, kernel: np.ndarray) -> np.ndarray:
        from scipy.fft import rfft2

        rows, columns = kernel.shape
        down, across = self._down - rows // 2, self._across - columns // 2
        placed = np.zeros(self._shape)
        placed[down : down + rows, across : across + columns] = kernel
        return np.asarray(rfft2(placed))


def _knots(length: int, steps: Callable[[float], np.ndarray]) -> tuple[int, ...]:
    """Cell edges along an axis between which ground distances change by little; the middle alone where by nothing."""
    places = np.linspace(0.0, length, _PROFILE)
    metric = [_logs(steps(place)) for place in places.tolist()]
    passed = np.concatenate([[0.0], np.cumsum([np.abs(b - a).max() for a, b in zip(metric, metric[1:])])])
    if passed[-1] <= _IGNORED:
        return (length // 2,)
    pieces = int(np.ceil(passed[-1] / _BLENDED))
    edges = np.interp(np.linspace(0.0, passed[-1], pieces + 1), passed, places)
    return tuple(sorted({0, length, *(round(edge) for edge in edges.tolist())}))


def _logs(steps: np.ndarray) -> np.ndarray:
    """What the size and shape of cells change with: log width, log height, and the cosine between the two."""
    lengths = np.linalg.norm(steps, axis=0)
    cosine = float(steps[:, 0] @ steps[:, 1]) / float(lengths.prod())
    return np.array([*np.log(lengths), cosine])


def _pieces(knots: tuple[int, ...], length: int) -> list[tuple[int, int, tuple[int, ...]]]:
    """First and last cell between neighbouring knots, and these."""
    if len(knots) == 1:
        return [(0, length, knots)]
    return [(first, last, (first, last)) for first, last in zip(knots, knots[1:])]


def _blend(start: int, length: int, knots: tuple[int, ...]) -> list[tuple[int, np.ndarray]]:
    """How much each knot counts at the cells from ``start`` on: falling linearly from one to the other."""
    if len(knots) == 1:
        return [(knots[0], np.ones(length))]
    first, last = knots
    part = (start + 0.5 + np.arange(length) - first) / (last - first)
    return [(first, 1.0 - part), (last, part)]


def _window_size(length: int, half: int, asked: int) -> int:
    """Cells of a window along an axis, a number that the Fourier transform is fast for."""
    from scipy.fft import next_fast_len

    chosen = asked or max(_SMALL_WINDOW, min(6 * half, _LARGE_WINDOW), 3 * half)
    return int(next_fast_len(min(max(chosen, 2 * half + 16), length + 2 * half), real=True))
