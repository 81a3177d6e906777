"""The grid of windows: every pixel, every border, the same grid whatever part is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundvis_core.errors import InputError
from soundvis_core.models.segearth.windows import (
    CROP,
    filled_to_window,
    padded_span,
    visits,
    window_starts,
    windows_over,
)
from soundvis_core.segment_windows import BLOCK, plan_window_blocks


@pytest.mark.parametrize(
    ("size", "starts"),
    [
        (1, (0,)),
        (224, (0,)),
        (225, (0, 1)),
        (336, (0, 112)),
        (337, (0, 112, 113)),
        (448, (0, 112, 224)),
        (500, (0, 112, 224, 276)),
    ],
)
def test_starts(size, starts):
    assert window_starts(size) == starts


@given(st.integers(1, 3000), st.data())
def test_windows_over_a_span_are_those_of_the_grid_that_touch_it(size, data):
    start = data.draw(st.integers(0, size - 1))
    stop = data.draw(st.integers(start + 1, size))
    grid = window_starts(size)
    assert (visits(grid, size) >= 1).all()
    found = windows_over(size, start, stop)
    span = range(start, stop)
    assert found == tuple(place for place in grid if set(range(place, place + CROP)).intersection(span))
    first, last = padded_span(size, start, stop)
    assert first == found[0] <= start
    assert stop <= last == min(size, found[-1] + CROP)


@pytest.mark.parametrize("block", [112, 336, BLOCK])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (300, 100), (700, 1345), (1344, 1344)])
def test_blocks_tile_the_raster(width, height, block):
    seen = np.zeros((height, width), int)
    for window in plan_window_blocks(width, height, block):
        seen[window.row : window.row + window.height, window.column : window.column + window.width] += 1
        assert window.padded_column + window.padded_width <= width
        assert window.padded_row + window.padded_height <= height
        assert window.width <= block
        assert window.height <= block
    assert (seen == 1).all()


def test_an_inner_block_has_one_window_more_than_half_of_it_to_each_side():
    middle = list(plan_window_blocks(5000, 5000))[5]
    assert (middle.column, middle.row, middle.width, middle.height) == (1344, 1344, 1344, 1344)
    assert (middle.padded_column, middle.padded_row) == (1232, 1232)
    assert (middle.padded_width, middle.padded_height) == (1568, 1568)


def test_what_cannot_be_planned():
    with pytest.raises(InputError, match="no pixels"):
        list(plan_window_blocks(0, 5))
    with pytest.raises(ValueError, match="multiple of 112"):
        list(plan_window_blocks(500, 500, 100))


@pytest.mark.parametrize("shape", [(1, 1), (3, 300), (224, 10), (300, 400)])
def test_small_pictures_are_mirrored_to_a_window(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    valid = image[..., 0] > 20
    filled, mask = filled_to_window(image, valid)
    assert filled.shape[:2] == mask.shape == (max(shape[0], CROP), max(shape[1], CROP))
    assert (filled[: shape[0], : shape[1]] == image).all()
    assert (mask == (filled[..., 0] > 20)).all()
    if shape[0] < CROP:
        assert (filled[shape[0]] == filled[shape[0] - 1]).all()
