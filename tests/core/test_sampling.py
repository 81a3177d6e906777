"""Sampling of raster windows, against scipy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from soundvis_core.sampling import bilinear, class_shares, pixels_at, pool

BANDS = np.random.default_rng(4).random((3, 17, 23), dtype=np.float32)
ALL = np.ones((17, 23), dtype=bool)


def test_bilinear_equals_scipy():
    rng = np.random.default_rng(5)
    columns, rows = rng.uniform(0, 23, (40, 30)), rng.uniform(0, 17, (40, 30))
    values, present = bilinear(BANDS, ALL, columns, rows)
    assert present.all()
    for band, found in zip(BANDS, values):
        # Here 0.5 is the centre of the first pixel, there 0; beyond the outermost centres the edge is repeated.
        wanted = map_coordinates(band, [rows - 0.5, columns - 0.5], order=1, mode="nearest")
        np.testing.assert_allclose(found, wanted, atol=2e-6)


def test_bilinear_by_hand():
    bands = np.array([[[0.0, 1.0], [2.0, 4.0]]], dtype=np.float32)
    valid = np.ones((2, 2), dtype=bool)
    places = np.array([0.5, 1.0, 1.5, 1.0]), np.array([0.5, 0.5, 1.5, 1.0])
    values, present = bilinear(bands, valid, *places)
    assert present.all()
    np.testing.assert_allclose(values[0], [0.0, 0.5, 4.0, 1.75])


def test_bilinear_leaves_invalid_pixels_out():
    bands = np.array([[[1.0, 100.0]]], dtype=np.float32)
    valid = np.array([[True, False]])
    values, present = bilinear(bands, valid, np.array([0.9, 1.1]), np.array([0.5, 0.5]))
    assert present.tolist() == [True, False]
    assert values[0].tolist() == [1.0, 0.0]


def test_bilinear_outside_has_no_value():
    places = np.array([-0.01, 23.0, 5.0, 5.0]), np.array([5.0, 5.0, -0.01, 17.0])
    assert not bilinear(BANDS, ALL, *places)[1].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
def test_bilinear_on_a_window_of_one_row_or_column(shape):
    bands = np.full((1, *shape), 0.25, dtype=np.float32)
    values, present = bilinear(bands, np.ones(shape, dtype=bool), np.array([0.2, 0.8]), np.array([0.3, 0.9]))
    assert present.all()
    np.testing.assert_allclose(values, 0.25)


@settings(max_examples=60, deadline=None)
@given(
    a=st.floats(-4, 4), b=st.floats(-4, 4), c=st.floats(-4, 4),
    column=st.floats(0.5, 8.5), row=st.floats(0.5, 6.5),
)  # fmt: skip
def test_bilinear_is_exact_on_a_plane(a, b, c, column, row):
    rows, columns = np.mgrid[0:7, 0:9] + 0.5
    plane = (a * columns + b * rows + c)[None].astype(np.float32)
    values, present = bilinear(plane, np.ones((7, 9), dtype=bool), np.array([column]), np.array([row]))
    assert present[0]
    assert values[0, 0] == pytest.approx(a * column + b * row + c, abs=5e-5)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bilinear_stays_between_its_valid_neighbours(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    bands = rng.random((1, 6, 6), dtype=np.float32)
    valid = rng.random((6, 6)) < 0.7
    columns, rows = rng.uniform(-1, 7, 50), rng.uniform(-1, 7, 50)
    values, present = bilinear(bands, valid, columns, rows)
    for value, there, column, row in zip(values[0], present, columns, rows):
        inside = 0 <= column < 6 and 0 <= row < 6
        assert there == (inside and valid[int(row), int(column)])
        if there:
            near = [
                bands[0, r, c]
                for r in range(6)
                for c in range(6)
                if valid[r, c] and abs(r + 0.5 - row) < 1 and abs(c + 0.5 - column) < 1
            ]
            assert min(near) - 1e-6 <= value <= max(near) + 1e-6


def test_pool_by_hand():
    values = np.array([[[1, 2, 5, 5], [3, 4, 5, 9]]], dtype=np.float32).repeat(2, axis=1)
    present = np.ones((4, 4), dtype=bool)
    present[0, 2] = present[1, 3] = False
    # Rows 1 2 5 5 | 1 2 5 5 | 3 4 5 9 | 3 4 5 9.
    pooled, covered = pool(values, present, 2)
    np.testing.assert_allclose(pooled[0], [[1.5, 5.0], [3.5, 7.0]])
    assert covered.all()


def test_pool_counts_half_a_pixel_as_covered():
    values = np.ones((1, 2, 4), dtype=np.float32)
    present = np.array([[True, False, True, False], [True, False, False, False]])
    pooled, covered = pool(np.concatenate([values, values], axis=1), np.vstack([present, present]), 2)
    assert covered.tolist() == [[True, False], [True, False]]
    np.testing.assert_allclose(pooled[0], 1.0)


def test_pool_of_an_odd_size_leaves_out_what_is_missing():
    values = np.arange(15, dtype=np.float32).reshape(1, 3, 5)
    pooled, present = pool(values, np.ones((3, 5), dtype=bool), 2)
    # Whole blocks; pairs at the border (2 of 4 pixels: present); a corner of one pixel (not present).
    assert pooled[0].tolist() == [[3.0, 5.0, 6.5], [10.5, 12.5, 14.0]]
    assert present.tolist() == [[True, True, True], [True, True, False]]


def test_pool_by_one_changes_nothing():
    values, present = pool(BANDS, ALL, 1)
    assert values is BANDS and present is ALL


def test_a_place_has_the_pixel_that_it_lies_in():
    values = np.arange(12).reshape(3, 4)
    columns, rows = (
        np.array([0.0, 0.999, 1.0, 3.999, 4.0, -0.001]),
        np.array([0.0, 0.999, 1.0, 2.999, 1.0, 1.0]),
    )
    row, column, inside = pixels_at(values.shape, columns, rows)
    found = values[row, column]
    assert inside.tolist() == [True, True, True, True, False, False]
    assert found[:4].tolist() == [0, 0, 5, 11]


def test_class_shares_are_of_all_samples():
    codes = np.array([1, 1, 1, 2, 3, 3, 9, 2, 2, 2])
    known = np.array([True] * 7 + [False] * 3)
    # 9 has no name and three samples have no data: neither is spread over the rest.
    shares = class_shares(codes, known, {1: "Grass", 2: "Road", 3: "Grass", 4: "Water"})
    assert shares == pytest.approx({"Grass": 0.5, "Road": 0.1, "Water": 0.0})


@settings(max_examples=50, deadline=None)
@given(
    codes=st.lists(st.integers(0, 6), min_size=1, max_size=200),
    names=st.dictionaries(st.integers(0, 6), st.sampled_from("abc"), max_size=7),
    seed=st.integers(0, 100),
)
def test_class_shares_add_up_to_what_is_known_and_named(codes, names, seed):
    array = np.array(codes)
    known = np.random.default_rng(seed).random(array.size) < 0.8
    shares = class_shares(array, known, names)
    assert set(shares) == set(names.values())
    counted = sum(1 for code, there in zip(codes, known) if there and code in names)
    assert sum(shares.values()) == pytest.approx(counted / len(codes))
