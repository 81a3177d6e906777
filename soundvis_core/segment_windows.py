"""Rasters by a model that looks through windows: blocks planned in QGIS, segmented in the worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .classes import NODATA, ClassList
from .errors import Cancelled, InputError, SiteError, as_site_error
from .models.segearth.windows import STRIDE, filled_to_window, padded_span, windows_over
from .pipeline import OK, SiteResult, TaskOrError, failure
from .progress import NO_PROGRESS, FirstUnexpected, Progress, check_cancelled
from .segment import BlockWindow

#: Pixels of a block. The windows at its rims are looked at again for the next block: 18 % more of them, at 1344.
BLOCK = 12 * STRIDE

#: A block: ``column, row, width, height`` (what is wanted), ``padded_column, padded_row`` (where the picture begins),
#: ``image`` uint8 (h, w, 3) and ``valid`` bool (h, w).
BlockTask = Mapping[str, Any]


def plan_window_blocks(width: int, height: int, block: int = BLOCK) -> Iterator[BlockWindow]:
    """Blocks that tile a raster row by row, each padded to all windows that touch it; see :mod:`.windows`.

    The grid of windows is that of the whole raster, so the codes of a pixel do not depend on ``block``.
    """
    if width < 1 or height < 1:
        raise InputError(f"The raster has no pixels ({width} x {height}). Check the extent.")
    if block < STRIDE or block % STRIDE:
        raise ValueError(f"block must be a multiple of {STRIDE}, not {block}")
    for row in range(0, height, block):
        bottom = min(height, row + block)
        padded_top, padded_bottom = padded_span(height, row, bottom)
        for column in range(0, width, block):
            right = min(width, column + block)
            padded_left, padded_right = padded_span(width, column, right)
            yield BlockWindow(
                column, row, right - column, bottom - row,
                padded_left, padded_top, padded_right - padded_left, padded_bottom - padded_top,
            )  # fmt: skip


def segment_window_blocks(
    tasks: Iterable[TaskOrError[BlockTask]],
    model: Any,
    classes: ClassList,
    options: Mapping[str, Any],
    progress: Progress = NO_PROGRESS,
) -> Iterator[SiteResult]:
    """Class codes of blocks (see :func:`plan_window_blocks`), in order: ``codes`` uint8 (height, width).

    ``model`` is a :class:`.models.segearth.model.SegEarth`. options: ``width`` and ``height`` of the whole raster;
    ``threshold``, the probability below which a pixel is background (None: that of the class list). Pixels that
    are not valid become NODATA; where a window holds some, they count as the mean colour. A block that fails is a
    result with its reason.

    Raises InputError for options without meaning, Cancelled between batches of windows.
    """
    size = int(options["width"]), int(options["height"])
    progress.info(model.describe())
    prompts = model.prompts(classes, options.get("threshold"))
    log, told = FirstUnexpected(progress), False
    for task in tasks:
        check_cancelled(progress)
        if isinstance(task, SiteError):
            yield failure(task)
            continue
        try:
            valid = _checked(task)
            told = told or _tell_of_gaps(valid, progress)
            yield SiteResult(OK, values={"codes": _codes(task, valid, model, prompts, size, progress)})
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - the reader of the results decides what a lost block means
            result = failure(as_site_error(error))
            log.tell(result.unexpected)
            yield result


def _checked(task: BlockTask) -> np.ndarray:
    image, valid = task["image"], np.asarray(task["valid"], dtype=bool)
    if image.dtype != np.uint8 or image.shape != (*valid.shape, 3):
        raise ValueError(f"a block has an image {image.dtype} {image.shape} and a mask {valid.shape}")
    return valid


def _tell_of_gaps(valid: np.ndarray, progress: Progress) -> bool:
    if valid.all() or not valid.any():
        return False
    progress.info(
        "Pixels without data stay without; to the model, they have the mean colour of its training."
    )
    return True


def _codes(
    task: BlockTask, valid: np.ndarray, model: Any, prompts: Any, size: tuple[int, int], progress: Progress
) -> np.ndarray:
    """The codes of the wanted part of a block."""
    top, left = task["row"] - task["padded_row"], task["column"] - task["padded_column"]
    wanted = (slice(top, top + task["height"]), slice(left, left + task["width"]))
    if not valid[wanted].any():
        return np.full((task["height"], task["width"]), NODATA, dtype=np.uint8)
    columns = [
        place - task["padded_column"]
        for place in windows_over(size[0], task["column"], task["column"] + task["width"])
    ]
    rows = [
        place - task["padded_row"]
        for place in windows_over(size[1], task["row"], task["row"] + task["height"])
    ]
    image, whole = filled_to_window(task["image"], valid)
    codes = model.class_codes(image, whole, rows, columns, prompts, progress)[: len(valid), : valid.shape[1]]
    codes[~valid] = NODATA
    return np.ascontiguousarray(codes[wanted])
