"""Compositions under drawn weights: their moments by the lognormal's own formulas, draws that fit together, packing."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundvis_core.bga.composition import compose
from soundvis_core.bga.uncertainty import bands, draw_weights, draws_text, pack_draws, unpack_draws
from soundvis_core.bga.weights import ClassWeights, WeightTable, load_weights
from soundvis_core.errors import InputError, SiteError

SITE = {"building": 0.5, "road": 0.3, "forest": 0.2}


def test_weights_keep_their_mean_and_spread_and_zeros_stay():
    table = load_weights()
    drawn = draw_weights(table, 20_000, 0.3, 5)
    for row in table.rows:
        weights = drawn.weights[row.name]
        for index, weight in enumerate(row.weights):
            if weight == 0:
                assert not weights[:, index].any()
            else:
                # Standard errors: 0.3 / sqrt(20,000) of the mean, about 1 % of the deviation.
                assert weights[:, index].mean() == pytest.approx(weight, rel=0.01)
                assert weights[:, index].std() == pytest.approx(0.3 * weight, rel=0.06)
                # A lognormal's median is its mean over sqrt(1 + spread^2).
                assert np.median(weights[:, index]) == pytest.approx(weight / np.sqrt(1.09), rel=0.012)
    building, forest = drawn.weights["Building"], drawn.weights["Forest/Vegetation"]
    assert abs(np.corrcoef(building[:, 2], forest[:, 0])[0, 1]) < 0.03
    assert abs(np.corrcoef(building[:, 0], building[:, 2])[0, 1]) < 0.03


def test_each_draw_is_a_composition_with_that_draw_s_weights():
    table = load_weights()
    drawn = draw_weights(table, 5, 0.4, 1)
    found = drawn.compositions(SITE)
    for draw in range(5):
        rows = [
            ClassWeights(row.name, tuple(drawn.weights[row.name][draw]), aliases=row.aliases)
            for row in table.rows
        ]
        np.testing.assert_allclose(
            found[draw], compose(SITE, WeightTable("drawn", tuple(rows))).normalised, atol=1e-12
        )


def test_a_small_spread_leaves_the_composition_and_a_large_one_widens_the_band():
    table = load_weights()
    # The golden value of the aerial scene: .28/.06/.80 over 1.14.
    golden = np.array([0.28, 0.06, 0.80]) / 1.14
    np.testing.assert_allclose(draw_weights(table, 50, 1e-6, 1).compositions(SITE), [golden] * 50, atol=1e-5)
    widths = []
    for spread in (0.1, 0.3, 0.6):
        band = bands(draw_weights(table, 500, spread, 1).compositions(SITE))
        assert all(low < value < high for (low, high), value in zip(band, golden))
        widths.append([high - low for low, high in band])
    assert np.all(np.diff(widths, axis=0) > 0)


def test_one_class_with_one_category_has_no_band():
    found = draw_weights(load_weights(), 20, 0.5, 3).compositions({"vehicles": 0.4})
    np.testing.assert_array_equal(found, [[0, 0, 1]] * 20)
    assert bands(found) == [(0, 0), (0, 0), (1, 1)]


def test_draws_belong_together_and_repeat_with_the_seed():
    table = load_weights()
    first = draw_weights(table, 30, 0.3, 7).compositions(SITE)
    np.testing.assert_array_equal(first, draw_weights(table, 30, 0.3, 7).compositions(SITE))
    assert not np.array_equal(first, draw_weights(table, 30, 0.3, 8).compositions(SITE))
    # Twice the place is the same composition in every draw.
    half = {name: share / 2 for name, share in SITE.items()}
    np.testing.assert_allclose(first, draw_weights(table, 30, 0.3, 7).compositions(half), atol=1e-12)


def test_tables_and_classes_vary_apart():
    aerial, street = (draw_weights(load_weights(scene=scene), 2000, 0.3, 7) for scene in ("aerial", "street"))
    pairs = [
        (aerial.weights["Building"], street.weights["Building"]),
        (aerial.weights["Grassland"], street.weights["Road"]),
    ]
    assert all(
        abs(np.corrcoef(first[:, 0] + first[:, 2], second[:, 0] + second[:, 2])[0, 1]) < 0.08
        for first, second in pairs
    )
    # A table with a row less draws the same for the others.
    table = load_weights()
    fewer = draw_weights(WeightTable(table.name, table.rows[1:]), 2000, 0.3, 7)
    np.testing.assert_array_equal(fewer.weights["Building"], aerial.weights["Building"])


def test_nothing_mapped_has_no_draws_and_bad_shares_are_refused():
    drawn = draw_weights(load_weights(), 3, 0.3, 1)
    assert drawn.compositions({"sky": 0.8}) is None
    assert drawn.compositions({}) is None
    with pytest.raises(SiteError, match="sum to"):
        drawn.compositions({"building": 0.9, "road": 0.9})


@pytest.mark.parametrize(
    ("draws", "spread", "says"), [(1, 0.3, "at least 2"), (5, 0.0, "above 0"), (5, np.inf, "above 0")]
)
def test_draws_that_make_no_band_are_refused(draws, spread, says):
    with pytest.raises(InputError, match=says):
        draw_weights(load_weights(), draws, spread, 0)


@pytest.mark.filterwarnings("error")
@given(st.floats(1e-200, 1e200), st.floats(0.01, 3.0))
def test_any_scale_of_weights_gives_compositions(scale, spread):
    table = WeightTable("scaled", (ClassWeights("a", (scale, scale / 2, 0.0)),))
    found = draw_weights(table, 8, spread, 0).compositions({"a": 1.0})
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert np.isfinite(found).all()


def test_packing():
    found = draw_weights(load_weights(), 12, 0.3, 1).compositions(SITE)
    packed = pack_draws(found)
    assert len(packed) == 8 + 12 * 3 * 2
    assert struct.unpack("<3e", packed[8:14]) == tuple(found[0].astype(np.float16).tolist())
    for data in (packed, draws_text(packed)):
        np.testing.assert_allclose(unpack_draws(data), found, atol=5e-4)


@pytest.mark.parametrize(
    "data", [b"", b"BGA1", b"xxxx\1\0\0\0" + bytes(6), b"BGA1\2\0\0\0" + bytes(6), "no base64!", "QUJD"]
)
def test_what_holds_no_draws_is_told(data):
    with pytest.raises(ValueError, match=r"does not begin|does not fit|not base64"):
        unpack_draws(data)
