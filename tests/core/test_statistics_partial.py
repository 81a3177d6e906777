"""Partial Mantel test: numbers of vegan and ecodist, a literal regression, and the outcomes of edge cases."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.statistics.mantel import mantel_p, pearson, permutation_orders
from soundvis_core.statistics.partial import difference_matrix, log_distance, partial_mantel
from soundvis_core.statistics.similarity import pairs_of

pytestmark = pytest.mark.filterwarnings("error")

# Humus and soil of 24 pine forest sites (Väre, Ohtonen and Oksanen 1995, J. Veg. Sci. 6:523), as the data set varechem
# of vegan has them: N, P, K, Ca, Mg, Al, pH, depth of humus.
VARECHEM = np.array(
    [
        [19.8, 42.1, 139.9, 519.4, 90.0, 39.0, 2.7, 2.2],
        [13.4, 39.1, 167.3, 356.7, 70.7, 88.1, 2.8, 2.2],
        [20.2, 67.7, 207.1, 973.3, 209.1, 138.0, 3.0, 2.0],
        [20.6, 60.8, 233.7, 834.0, 127.2, 15.4, 2.8, 2.9],
        [23.8, 54.5, 180.6, 777.0, 125.8, 24.2, 2.7, 3.0],
        [22.8, 40.9, 171.4, 691.8, 151.4, 104.8, 2.7, 3.8],
        [26.6, 36.7, 171.4, 738.6, 94.9, 20.7, 2.8, 2.8],
        [24.2, 31.0, 138.2, 394.6, 45.3, 74.2, 2.8, 2.0],
        [29.8, 73.5, 260.0, 748.6, 105.3, 17.9, 2.8, 3.0],
        [28.1, 40.5, 313.8, 540.7, 118.9, 329.7, 2.8, 2.2],
        [21.8, 38.1, 146.8, 512.2, 75.0, 92.3, 2.7, 2.7],
        [26.2, 61.9, 202.2, 741.2, 86.3, 124.3, 2.9, 2.5],
        [22.8, 50.6, 151.7, 648.0, 64.8, 12.1, 2.9, 2.6],
        [30.5, 24.6, 78.7, 188.5, 55.5, 294.9, 3.1, 1.7],
        [33.1, 22.7, 43.6, 240.3, 25.7, 39.0, 3.1, 1.0],
        [19.1, 26.4, 61.1, 259.1, 37.0, 155.1, 3.0, 1.9],
        [31.1, 32.3, 73.7, 219.0, 52.5, 304.6, 3.3, 1.8],
        [18.0, 64.9, 224.5, 517.6, 59.7, 435.1, 2.9, 1.8],
        [22.3, 47.4, 165.9, 436.1, 64.3, 316.5, 2.9, 1.5],
        [15.0, 48.4, 127.4, 499.6, 75.1, 227.1, 3.0, 2.2],
        [16.0, 32.7, 126.4, 471.4, 61.3, 108.8, 2.9, 2.2],
        [14.3, 62.8, 215.2, 709.7, 102.5, 168.2, 3.2, 1.2],
        [16.7, 55.8, 205.3, 1169.7, 126.3, 253.6, 3.6, 1.1],
        [21.0, 26.5, 104.4, 484.8, 74.4, 35.8, 3.0, 2.5],
    ]
)


def distances(values):
    values = np.atleast_2d(values.T).T
    return np.sqrt(((values[:, None, :] - values[None, :, :]) ** 2).sum(axis=2))


def ranks(matrix):
    ranked = np.zeros_like(matrix)
    ranked[np.triu_indices(len(matrix), k=1)] = rankdata(pairs_of(matrix))
    return ranked + ranked.T


NPK, BASES = distances(VARECHEM[:, :3]), distances(VARECHEM[:, 3:6])
ACID, HUMUS = difference_matrix(VARECHEM[:, 6]), difference_matrix(VARECHEM[:, 7])


def literal(a, b, controls):
    """Correlation of the residuals of two least-squares fits on the controls."""
    design = np.column_stack([np.ones(pairs_of(a).size), *(pairs_of(control) for control in controls)])
    left = [pairs_of(m) - design @ np.linalg.lstsq(design, pairs_of(m), rcond=None)[0] for m in (a, b)]
    return np.corrcoef(*left)[0, 1]


# The numbers of the next tests come from vegan 2.6-4 and ecodist 2.0.9, run in R 4.2.2 on these data.


@pytest.mark.parametrize(
    ("controls", "transformed", "expected"),
    [
        ([ACID], np.asarray, 0.406135877580974),  # mantel.partial(npk, bases, ph); mantel(npk ~ bases + ph)
        ([ACID], ranks, 0.3955802953176938),  # mantel.partial(..., method = "spearman")
        ([ACID, HUMUS], np.asarray, 0.408923921311505),  # mantel(npk ~ bases + ph + humus)
        ([ACID, HUMUS], ranks, 0.4131988411422063),  # mantel(..., mrank = TRUE)
    ],
)
def test_partial_r_is_that_of_vegan_and_ecodist(controls, transformed, expected):
    a, b, *given_matrices = (transformed(matrix) for matrix in (NPK, BASES, *controls))
    r, p = partial_mantel(a, b, given_matrices, [])
    assert r == pytest.approx(expected, abs=1e-12)
    assert p is None


def test_permuted_r_are_those_of_vegan():
    # mantel.partial(npk, bases, ph, permutations = rbind(24:1, c(8:24, 1:7), c(seq(1, 24, 2), seq(2, 24, 2))))$perm
    orders = [
        np.arange(24)[::-1],
        np.roll(np.arange(24), -7),
        np.concatenate([np.arange(0, 24, 2), np.arange(1, 24, 2)]),
    ]
    for order, expected in zip(orders, (-0.04288788196001327, 0.0577705310872335, -0.02872018520419736)):
        moved = NPK[np.ix_(order, order)]
        assert partial_mantel(moved, BASES, [ACID], [])[0] == pytest.approx(expected, abs=1e-12)
    assert partial_mantel(NPK, BASES, [ACID], orders)[1] == 0.25


def test_stratified_p_is_that_of_vegan():
    # mantel and mantel.partial of the first eight sites with all 575 orders within strata = gl(2, 4); mantel(...,
    # strata = gl(2, 4)) gives the same p.
    orders = [
        np.array([*first, *second])
        for first, second in product(permutations(range(4)), permutations(range(4, 8)))
        if (*first, *second) != tuple(range(8))
    ]
    a, b, control = (matrix[:8, :8] for matrix in (NPK, BASES, ACID))
    assert pearson(pairs_of(a), pairs_of(b)) == pytest.approx(0.4248531673818528, abs=1e-12)
    assert mantel_p(a, b, orders) == pytest.approx(0.0607638888888889, abs=1e-15)
    r, p = partial_mantel(a, b, [control], orders)
    assert r == pytest.approx(0.4221263849892369, abs=1e-12)
    assert p == pytest.approx(0.0607638888888889, abs=1e-15)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sites=st.integers(5, 14),
    count=st.integers(1, 3),
    scale=st.sampled_from([1e-6, 1, 1e6]),
)
def test_equals_residuals_of_regressions_order_by_order(seed, sites, count, scale):
    generator = np.random.default_rng(seed)
    a, b, *controls = (scale * distances(generator.normal(size=(sites, 2))) for _ in range(2 + count))
    orders = list(permutation_orders(sites, 19, seed))
    r, p = partial_mantel(a, b, controls, orders)
    observed = literal(a, b, controls)
    null = np.array([literal(a[np.ix_(order, order)], b, controls) for order in orders])
    assert r == pytest.approx(observed, abs=1e-9)
    assert p == ((np.abs(null) >= abs(observed) - 1e-9).sum() + 1) / 20


def test_one_control_by_the_formula():
    ab, ac, bc = (
        np.corrcoef(pairs_of(x), pairs_of(y))[0, 1] for x, y in ((NPK, BASES), (NPK, ACID), (BASES, ACID))
    )
    expected = (ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2))
    assert partial_mantel(NPK, BASES, [ACID], [])[0] == pytest.approx(expected, abs=1e-12)


def test_controls_count_once():
    both, _ = partial_mantel(NPK, BASES, [ACID, HUMUS], [])
    constant = np.ones_like(ACID)
    again, _ = partial_mantel(NPK, BASES, [constant, ACID, 3.0 * ACID + 2.0, HUMUS, ACID - HUMUS], [])
    assert again == pytest.approx(both, abs=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "controls"),
    [
        (NPK, BASES, []),
        (NPK, BASES, [np.ones_like(NPK)]),
        (np.zeros_like(NPK), BASES, [ACID]),
        (NPK, np.ones_like(BASES), [ACID]),
        (NPK, BASES, [2.0 - 5.0 * NPK]),
        (NPK, BASES, [ACID, BASES]),
        (NPK[:2, :2], BASES[:2, :2], [ACID[:2, :2]]),
    ],
)
def test_nothing_to_correlate_is_none(a, b, controls):
    assert partial_mantel(a, b, controls, permutation_orders(len(a), 9, 1)) == (None, None)


def test_as_many_controls_as_pairs_leave_nothing():
    generator = np.random.default_rng(3)
    a, b, *controls = (distances(generator.normal(size=(4, 2))) for _ in range(7))
    assert partial_mantel(a, b, controls, permutation_orders(4, 9, 1)) == (None, None)


def test_orders_that_put_a_onto_the_control_count_as_no_correlation():
    # Of 5 sites in a row, some orders of a match the control wholly: nothing is left of a, and no warning comes.
    line = difference_matrix(np.arange(5.0))
    order = np.array([2, 0, 4, 1, 3])
    r, p = partial_mantel(
        line[np.ix_(order, order)], BASES[:5, :5], [line], [np.argsort(order), np.arange(5)]
    )
    assert -1.0 <= r <= 1.0
    assert p == pytest.approx(2 / 3)


def test_cancel_stops():
    class Stop(NoProgress):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        partial_mantel(NPK, BASES, [ACID], permutation_orders(24, 99, 1), Stop())


def test_same_seed_same_p():
    first, second = (partial_mantel(NPK, BASES, [ACID], permutation_orders(24, 99, 5)) for _ in range(2))
    assert first == second


def test_log_distance_is_geodesic():
    # Flinders Peak to Buninyong, 54,972.271 m (Geocentric Datum of Australia technical manual, ch. 4; GRS 80, which
    # differs from WGS 84 by less than 1e-4 m here). Pole to equator is a quarter of the meridian, 10,001,965.729 m.
    places = np.array(
        [
            [144 + 25 / 60 + 29.52440 / 3600, -(37 + 57 / 60 + 3.72030 / 3600)],
            [143 + 55 / 60 + 35.38390 / 3600, -(37 + 39 / 60 + 10.15610 / 3600)],
            [0.0, 90.0],
            [77.0, 0.0],
            [77.0, 0.0],
        ]
    )
    found = log_distance(places)
    metres = np.expm1(found)
    assert metres[0, 1] == pytest.approx(54_972.271, abs=0.001)
    assert metres[2, 3] == pytest.approx(10_001_965.729, abs=0.001)
    assert found[3, 4] == 0.0
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diagonal(found), 0.0)


def test_log_distance_across_the_date_line_and_to_the_antipode():
    metres = np.expm1(log_distance(np.array([[179.9995, 0.0], [-179.9995, 0.0], [-0.0005, 0.0]])))
    assert metres[0, 1] == pytest.approx(111.32, abs=0.01)
    assert metres[0, 2] == pytest.approx(20_003_931.4586, abs=0.01)  # over a pole (Karney 2013)


@pytest.mark.parametrize("place", [[np.nan, 1.0], [np.inf, 1.0], [0.0, 91.0]])
def test_log_distance_names_the_site_without_a_place(place):
    with pytest.raises(InputError, match="Site 2 has no place"):
        log_distance(np.array([[0.0, 0.0], place]))


@pytest.mark.parametrize("sites", [0, 1])
def test_log_distance_of_hardly_any_sites(sites):
    np.testing.assert_array_equal(log_distance(np.zeros((sites, 2))), np.zeros((sites, sites)))


def test_difference_matrix():
    np.testing.assert_array_equal(
        difference_matrix(np.array([3, 1, 1])), [[0.0, 2.0, 2.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0]]
    )
    with pytest.raises(InputError, match="Site 2 has no number"):
        difference_matrix(np.array([0.0, np.nan]))
