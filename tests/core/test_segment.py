"""Blocks tile the raster, reach the model with their halo, and come out as if the raster were one."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.classes import NODATA, load_classes
from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.segment import CodeTally, plan_blocks, segment_blocks

AERIAL = load_classes("paper-aerial")


class Neighbour:
    """Code 1 where the pixel ``halo`` to the right and below is brighter than one half, else 2."""

    halo = 3

    def check_bands(self, count):
        pass

    def segment(self, bands, valid, classes, pixel_size):
        grey = np.pad(bands[0], ((0, self.halo), (0, self.halo)), mode="edge")[self.halo :, self.halo :]
        return np.where(valid, np.where(grey > 0.5, 1, 2), NODATA).astype(np.uint8)


class Recorder(NoProgress):
    def __init__(self, cancel_after=None):
        self.fractions = []
        self.cancel_after = cancel_after

    def report(self, fraction):
        self.fractions.append(fraction)

    def cancelled(self):
        return self.cancel_after is not None and len(self.fractions) >= self.cancel_after


def raster(width, height, bands=3):
    rng = np.random.default_rng(5)
    pixels = rng.random((bands, height, width), dtype=np.float32)
    valid = rng.random((height, width)) > 0.1
    return pixels, valid


def run(pixels, valid, model, block, progress=None):
    height, width = valid.shape
    out = np.zeros((height, width), dtype=np.uint8)
    caller = threading.get_ident()

    def read(column, row, w, h):
        assert threading.get_ident() == caller
        return pixels[:, row : row + h, column : column + w], valid[row : row + h, column : column + w]

    def write(column, row, codes):
        assert threading.get_ident() == caller
        assert codes.dtype == np.uint8
        out[row : row + codes.shape[0], column : column + codes.shape[1]] = codes

    segment_blocks(read, write, width, height, model, AERIAL, 0.5, progress or Recorder(), block=block)
    return out


@given(
    st.integers(1, 50), st.integers(1, 50), st.integers(1, 60), st.integers(0, 12)
)  # fmt: skip
def test_blocks_tile_the_raster_once(width, height, block, halo):
    seen = np.zeros((height, width), dtype=int)
    for window in plan_blocks(width, height, block, halo):
        seen[window.row : window.row + window.height, window.column : window.column + window.width] += 1
        assert 0 <= window.padded_column and window.padded_column + window.padded_width <= width
        assert 0 <= window.padded_row and window.padded_row + window.padded_height <= height
        assert window.padded_column == max(0, window.column - halo)
        right = min(width, window.column + window.width + halo)
        assert window.padded_column + window.padded_width == right
        assert window.crop(np.zeros((window.padded_height, window.padded_width))).shape == (
            window.height,
            window.width,
        )
    assert (seen == 1).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(4, 50))
def test_block_size_does_not_matter(width, height, block):
    pixels, valid = raster(width, height)
    whole = Neighbour().segment(pixels, valid, AERIAL, 0.5)
    assert np.array_equal(run(pixels, valid, Neighbour(), block), whole)


def test_progress_ends_at_one_and_grows():
    progress = Recorder()
    run(*raster(40, 30), Neighbour(), 10, progress)
    assert progress.fractions == pytest.approx(np.arange(1, 13) / 12)


def test_cancel_stops_between_blocks():
    progress = Recorder(cancel_after=2)
    with pytest.raises(Cancelled):
        run(*raster(200, 200), Neighbour(), 10, progress)
    assert len(progress.fractions) == 2


def test_a_model_that_refuses_writes_nothing():
    class Refuses(Neighbour):
        def segment(self, bands, valid, classes, pixel_size):
            raise InputError("needs three bands")

    written = []
    pixels, valid = raster(30, 30, 1)
    with pytest.raises(InputError, match="three bands"):
        segment_blocks(
            lambda c, r, w, h: (pixels[:, r : r + h, c : c + w], valid[r : r + h, c : c + w]),
            lambda *block: written.append(block),
            30, 30, Refuses(), AERIAL, 0.5, Recorder(), block=10,
        )  # fmt: skip
    assert written == []


def test_blocks_without_a_valid_pixel_skip_the_model():
    class Never(Neighbour):
        def segment(self, bands, valid, classes, pixel_size):
            raise AssertionError("called")

    assert (run(np.zeros((3, 20, 20), np.float32), np.zeros((20, 20), bool), Never(), 8) == NODATA).all()


@pytest.mark.parametrize(("width", "height", "pixel_size"), [(0, 5, 1.0), (5, 5, 0.0), (5, 5, float("nan"))])
def test_impossible_rasters(width, height, pixel_size):
    with pytest.raises(InputError):
        segment_blocks(None, None, width, height, Neighbour(), AERIAL, pixel_size, Recorder())


def test_a_tally_counts_over_blocks_and_leaves_nodata_out():
    tally = CodeTally()
    assert tally.shares(AERIAL) == {}
    tally.add(np.array([[1, 1, 2, 0]], dtype=np.uint8))
    tally.add(np.array([[7, NODATA], [NODATA, 1]], dtype=np.uint8))
    shares = tally.shares(AERIAL)
    assert {name: share for name, share in shares.items() if share} == pytest.approx(
        {"Grassland": 3 / 6, "Forest/Vegetation": 1 / 6, "Building": 1 / 6, "unclassified": 1 / 6}
    )
