"""The grid of windows that SegEarth-OV slides over a raster (arXiv 2410.01768, eq. 6).

There is one grid for the whole raster, whatever blocks it is read in: a window of 224 pixels every 112, the last
row and column of windows shifted inward. So the result does not depend on the blocks, and there are no seams.
"""

from __future__ import annotations

import numpy as np

CROP = 224
STRIDE = 112


def window_starts(size: int) -> tuple[int, ...]:
    """Where the windows begin along an axis of ``size`` pixels; one window where there is no more than a window."""
    last = max(size - CROP, 0)
    return tuple(min(number * STRIDE, last) for number in range(-(-last // STRIDE) + 1))


def windows_over(size: int, start: int, stop: int) -> tuple[int, ...]:
    """The starts of those windows of an axis that hold a pixel of ``start`` .. ``stop`` (not included)."""
    return tuple(place for place in window_starts(size) if place < stop and place + CROP > start)


def padded_span(size: int, start: int, stop: int) -> tuple[int, int]:
    """First and last pixel (not included) of all windows over ``start`` .. ``stop``."""
    places = windows_over(size, start, stop)
    return places[0], min(places[-1] + CROP, size)


def visits(starts: tuple[int, ...], size: int) -> np.ndarray:
    """How many of the windows hold each pixel of an axis, float32 (size,)."""
    counts = np.zeros(size, dtype=np.float32)
    for start in starts:
        counts[start : start + CROP] += 1
    return counts


def filled_to_window(image: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture (h, w, 3) and its mask (h, w), mirrored to the right and below until they fill a window."""
    height, width = valid.shape
    below, right = max(CROP - height, 0), max(CROP - width, 0)
    if not below and not right:
        return image, valid
    return (
        np.pad(image, ((0, below), (0, right), (0, 0)), mode="symmetric"),
        np.pad(valid, ((0, below), (0, right)), mode="symmetric"),
    )
