"""The two ways a raster becomes classes: a light model here, a model with weights in the worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base import FeedbackProgress

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.classes import ClassList
    from soundvis_core.segment import BlockWindow

    from ...layers.rasters import Grid, RasterSource

JOB = "segment-blocks"


@dataclass(frozen=True)
class Segmentation:
    """What is to be segmented, and where the codes go: ``write(column, row, codes)``."""

    raster: RasterSource
    grid: Grid
    classes: ClassList
    write: Callable[[int, int, np.ndarray], None]
    progress: FeedbackProgress

    def read(self, column: int, row: int, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Bands float32 (b, h, w) in 0..1 and valid bool (h, w) of a window."""
        return self.raster.colours(self.grid.rectangle(column, row, width, height), width, height)


def segment_here(task: Segmentation, model: Any, pixel: float) -> None:
    """A light model, a few blocks at a time, in this process. ``pixel``: metres on the ground."""
    from soundvis_core.segment import BLOCK, segment_blocks

    from ...layers.block_cache import bounded_block_cache

    grid = task.grid
    # The class raster takes one byte per pixel beside what is read.
    with bounded_block_cache(task.raster.row_bytes + grid.width, BLOCK + 2 * model.halo):
        segment_blocks(
            task.read, task.write, grid.width, grid.height, model, task.classes, pixel, task.progress
        )


def segment_in_worker(task: Segmentation, options: Mapping[str, Any], facts: dict[str, str]) -> None:
    """A model with weights, block by block, in the worker; what it found before comes from the cache.

    A block without data is not asked for. Raises InputError where the model failed on a block: a class raster with a
    hole is none.
    """
    from soundvis_core import segment_windows
    from soundvis_core.errors import InputError
    from soundvis_core.models.segearth.windows import CROP
    from soundvis_core.pipeline import OK

    from ...layers.block_cache import bounded_block_cache
    from ...runtime.execution import run_for_sites

    grid = task.grid
    side = segment_windows.BLOCK
    blocks = list(segment_windows.plan_window_blocks(grid.width, grid.height, side))
    asked: deque[BlockWindow] = deque()
    steps = _Steps(len(blocks), task.progress)
    sent = {**options, "width": grid.width, "height": grid.height}
    with bounded_block_cache(task.raster.row_bytes + grid.width, side + 2 * CROP):
        results = run_for_sites(JOB, sent, _tasks(task, blocks, asked, steps), task.progress, facts)
        with closing(results):
            for result in results:
                block = asked.popleft()
                if result.status != OK:
                    raise InputError(
                        f"The block at column {block.column}, row {block.row} failed: {result.reason}. Nothing was "
                        "written; blocks that were done are kept, and the next run continues from there."
                    )
                task.write(block.column, block.row, result.values["codes"])
                steps.one_more()


class _Steps:
    """Progress by blocks, whoever finishes them."""

    def __init__(self, total: int, progress: FeedbackProgress) -> None:
        self._total = total
        self._progress = progress
        self._done = 0

    def one_more(self) -> None:
        self._done += 1
        self._progress.report(self._done / self._total)


def _tasks(
    task: Segmentation, blocks: list[BlockWindow], asked: deque[BlockWindow], steps: _Steps
) -> Iterator[dict[str, Any]]:
    """The pictures of the blocks that hold data, as the worker takes them; the others are written at once."""
    import numpy as np

    from soundvis_core.classes import NODATA

    for block in blocks:
        bands, valid = task.read(
            block.padded_column, block.padded_row, block.padded_width, block.padded_height
        )
        if not block.crop(valid).any():
            task.write(block.column, block.row, np.full((block.height, block.width), NODATA, dtype=np.uint8))
            steps.one_more()
            continue
        image = (np.moveaxis(bands[:3], 0, 2) * 255.0 + 0.5).astype(np.uint8)
        asked.append(block)
        yield {
            "column": block.column,
            "row": block.row,
            "width": block.width,
            "height": block.height,
            "padded_column": block.padded_column,
            "padded_row": block.padded_row,
            "image": np.ascontiguousarray(image),
            "valid": valid,
        }
