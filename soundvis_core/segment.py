"""Segment rasters block by block: pixels in, class codes out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .classes import NODATA, UNCLASSIFIED, UNCLASSIFIED_NAME, ClassList
from .errors import InputError
from .progress import NO_PROGRESS, Progress, check_cancelled

BLOCK = 1024
#: Blocks at work at the same time, at most: bounds the memory on machines with many processors.
_MOST_WORKERS = 4

#: ``read(column, row, width, height)`` -> bands float32 (b, h, w) in 0..1 and valid bool (h, w).
Read = Callable[[int, int, int, int], "tuple[np.ndarray, np.ndarray]"]
#: ``write(column, row, codes)`` with codes uint8 (h, w).
Write = Callable[[int, int, np.ndarray], None]


class Segmenter(Protocol):
    """What a model for rasters offers (see :class:`.models.spectral_index.SpectralIndex`)."""

    halo: int

    def check_bands(self, count: int) -> None:
        """Raise InputError where a raster of ``count`` bands cannot be segmented."""

    def segment(
        self, bands: np.ndarray, valid: np.ndarray, classes: ClassList, pixel_size: float
    ) -> np.ndarray:
        """Class codes, uint8 (h, w), of bands (b, h, w)."""


@dataclass(frozen=True)
class BlockWindow:
    """A block of a raster in pixels: the core that is written, and the padded window that is read for it."""

    column: int
    row: int
    width: int
    height: int
    padded_column: int
    padded_row: int
    padded_width: int
    padded_height: int

    def crop(self, codes: np.ndarray) -> np.ndarray:
        """The core of an array (padded_height, padded_width)."""
        top, left = self.row - self.padded_row, self.column - self.padded_column
        return codes[top : top + self.height, left : left + self.width]


def plan_blocks(width: int, height: int, block: int = BLOCK, halo: int = 0) -> Iterator[BlockWindow]:
    """Blocks that tile a raster row by row; each is padded by ``halo`` pixels, clipped to the raster."""
    if block < 1 or halo < 0:
        raise ValueError(f"block must be positive and halo not negative, not {block} and {halo}")
    for row in range(0, height, block):
        for column in range(0, width, block):
            core_width, core_height = min(block, width - column), min(block, height - row)
            left, top = max(0, column - halo), max(0, row - halo)
            right = min(width, column + core_width + halo)
            bottom = min(height, row + core_height + halo)
            yield BlockWindow(column, row, core_width, core_height, left, top, right - left, bottom - top)


def segment_blocks(
    read: Read,
    write: Write,
    width: int,
    height: int,
    model: Segmenter,
    classes: ClassList,
    pixel_size: float,
    progress: Progress = NO_PROGRESS,
    block: int = BLOCK,
) -> None:
    """Segment a raster of ``width`` x ``height`` pixels of ``pixel_size`` metres on the ground.

    ``read`` and ``write`` are only ever called on the calling thread, ``write`` in block order; the model works
    on a few blocks at a time in threads of its own. Memory holds those blocks and no more. Pixels that are
    not valid become NODATA. The result does not depend on ``block`` as long as the model's halo is enough.

    Raises :class:`InputError` where the model cannot use the raster, before anything is written, and
    :class:`.errors.Cancelled` between blocks.
    """
    if width < 1 or height < 1:
        raise InputError(f"The raster has no pixels ({width} x {height}). Check the extent.")
    if not (np.isfinite(pixel_size) and pixel_size > 0):
        raise InputError(
            f"The pixel size of the raster must be a positive number of metres, not {pixel_size}."
        )
    windows = list(plan_blocks(width, height, block, int(model.halo)))
    workers = max(1, min(_MOST_WORKERS, os.cpu_count() or 1, len(windows)))
    pending: deque[tuple[BlockWindow, Future[np.ndarray]]] = deque()
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="soundvis-segment")
    done = 0

    def finish_one() -> None:
        nonlocal done
        window, future = pending.popleft()
        codes = future.result()
        check_cancelled(progress)
        write(window.column, window.row, codes)
        done += 1
        progress.report(done / len(windows))

    try:
        for window in windows:
            check_cancelled(progress)
            bands, valid = read(
                window.padded_column, window.padded_row, window.padded_width, window.padded_height
            )
            pending.append(
                (window, pool.submit(_segment_block, model, window, bands, valid, classes, pixel_size))
            )
            del bands, valid
            if len(pending) > workers:
                finish_one()
        while pending:
            finish_one()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class CodeTally:
    """Counts the codes of a class raster block by block."""

    def __init__(self) -> None:
        self._counts = np.zeros(256, dtype=np.int64)

    def add(self, codes: np.ndarray) -> None:
        """Count a block of codes, uint8."""
        self._counts += np.bincount(codes.ravel(), minlength=256)

    def shares(self, classes: ClassList) -> dict[str, float]:
        """Share of each class and of ``unclassified`` among all pixels with data; empty where there are none."""
        total = int(self._counts.sum() - self._counts[NODATA])
        if total == 0:
            return {}
        shares = {entry.name: float(self._counts[entry.code] / total) for entry in classes.classes}
        return {**shares, UNCLASSIFIED_NAME: float(self._counts[UNCLASSIFIED] / total)}


def _segment_block(
    model: Segmenter,
    window: BlockWindow,
    bands: np.ndarray,
    valid: np.ndarray,
    classes: ClassList,
    pixel_size: float,
) -> np.ndarray:
    """The codes of the core of one block."""
    expected = (window.padded_height, window.padded_width)
    if bands.ndim != 3 or bands.shape[1:] != expected or valid.shape != expected:
        raise ValueError(f"read returned {bands.shape} and {valid.shape} for a window of {expected}")
    if not valid.any():
        model.check_bands(bands.shape[0])
        return np.full((window.height, window.width), NODATA, dtype=np.uint8)
    codes = model.segment(bands, valid, classes, pixel_size)
    return np.ascontiguousarray(window.crop(codes))
