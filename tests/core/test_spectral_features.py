"""Window sums and votes against slow and simple ways of doing the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.models.spectral_features import (
    LEVELS,
    box_sum,
    count_valid,
    levels,
    ratios,
    roughness,
    vote,
)


def slow_box_sum(values, radius):
    height, width = values.shape
    out = np.zeros((height, width), dtype=np.int64)
    for row in range(height):
        for column in range(width):
            out[row, column] = values[
                max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1
            ].sum()
    return out


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 14), st.integers(1, 14), st.integers(0, 16), st.integers(0, 2**32 - 1))
def test_box_sum(height, width, radius, seed):
    values = np.random.default_rng(seed).integers(0, LEVELS + 1, (height, width))
    assert np.array_equal(box_sum(values, radius, wide=True), slow_box_sum(values, radius))
    if radius <= 2:
        assert np.array_equal(box_sum(values, radius), slow_box_sum(values, radius))
    holes = values > LEVELS // 5
    assert np.array_equal(count_valid(holes, radius), slow_box_sum(holes, radius))
    whole = np.ones_like(holes)
    assert np.array_equal(count_valid(whole, radius), slow_box_sum(whole, radius))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_vote(radius, seed):
    labels = np.random.default_rng(seed).integers(0, 4, (130, 9)).astype(np.uint8)
    got = vote(labels, 4, radius)
    for row in range(0, 130, 7):
        for column in range(9):
            window = labels[
                max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1
            ]
            counts = np.bincount(window.ravel(), minlength=4)
            best = max((1, 2, 3), key=lambda label: (counts[label], label))
            expected = 0 if counts[0] >= 2 * counts[1:].sum() else best
            assert got[row, column] == expected


def test_levels_are_exact_for_8_bits_and_empty_where_not_valid():
    bands = (np.arange(256, dtype=np.float32) / 255).reshape(1, 16, 16).repeat(3, axis=0)
    valid = np.ones((16, 16), dtype=bool)
    valid[0, 5] = False
    bands[:, 0, 5] = np.nan
    got = levels(bands, valid)
    assert got[0].ravel()[[0, 1, 255]].tolist() == [0, 4, LEVELS]
    assert got[1, 0, 5] == 0


def test_ratios_by_hand():
    # One pixel, R = 0.2, G = 0.4, B = 0.2, N = 0.6 over a window of 4 pixels.
    sums = (np.array([0.2, 0.4, 0.2, 0.6]) * LEVELS * 4).round().astype(np.int16).reshape(4, 1, 1)
    f = ratios(sums, np.full((1, 1), 4))
    assert f.light.item() == pytest.approx(0.8 / 3)
    assert f.green.item() == pytest.approx(0.4 / 0.8)
    assert f.red.item() == pytest.approx(-0.2 / 0.6)
    assert f.blue.item() == pytest.approx(-0.2 / 0.8)
    assert f.ndvi.item() == pytest.approx(0.4 / 0.8)
    assert f.ndwi.item() == pytest.approx(-0.2 / 1.0)
    assert f.infrared.item() == pytest.approx(0.6)
    assert ratios(sums[:3] * 0, np.zeros((1, 1), dtype=int)).green.item() == 0.0


def test_roughness_of_flat_and_of_chequered_ground():
    like = np.ones((40, 40), dtype=bool)
    flat = np.full((3, 40, 40), 400, dtype=np.int16)
    assert roughness(flat, like, 1, 4)[20, 20] == 0
    # 380 and 420 in turn: a 3 x 3 window averages to about 400, so each pixel lies 20 (of 400) off, less 1/9.
    board = flat + np.where(np.indices((40, 40)).sum(axis=0) % 2, 20, -20).astype(np.int16)
    assert roughness(board, like, 1, 4)[20, 20] == pytest.approx(0.05 * 8 / 9, rel=0.06)
