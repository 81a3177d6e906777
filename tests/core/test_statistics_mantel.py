"""Similarities, r, naive p and Mantel p against hand-worked numbers, scipy, scikit-bio and the paper."""

from __future__ import annotations

import itertools
import math
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.errors import Cancelled
from soundvis_core.statistics.mantel import mantel_p, naive_p, pearson, permutation_orders, two_sided_p
from soundvis_core.statistics.similarity import (
    mean_of_z_scores,
    measure_of,
    missing_reasons,
    pairs_of,
    similarity_matrix,
    varies,
)

pytestmark = pytest.mark.filterwarnings("error")


def test_cosine_by_hand():
    # (3, 4) and (4, 3): 24 / 25; (1, 0): 3 / 5 and 4 / 5; (-3, -4): -1.
    similarity = similarity_matrix(np.array([[3.0, 4], [4, 3], [1, 0], [-3, -4]]))
    np.testing.assert_allclose(pairs_of(similarity), [0.96, 0.6, -1, 0.8, -0.96, -0.6], atol=1e-15)
    np.testing.assert_array_equal(np.diag(similarity), 1.0)


def test_single_numbers_by_difference_over_range():
    similarity = similarity_matrix(np.array([[0.0], [1], [4]]))
    np.testing.assert_allclose(pairs_of(similarity), [0.75, 0.0, 0.25])
    assert measure_of(np.zeros((3, 1))) != measure_of(np.zeros((3, 2))) == "cosine"


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("width", [1, 3])
def test_similarity_does_not_depend_on_the_unit(scale, width):
    values = np.random.default_rng(1).normal(size=(6, width))
    np.testing.assert_allclose(similarity_matrix(values * scale), similarity_matrix(values), atol=1e-12)


def test_scipy_agrees_on_cosine():
    from scipy.spatial.distance import pdist

    values = np.random.default_rng(2).normal(size=(20, 7))
    np.testing.assert_allclose(pairs_of(similarity_matrix(values)), 1 - pdist(values, "cosine"), atol=1e-13)


def test_constant_blocks_do_not_vary():
    assert not varies(pairs_of(similarity_matrix(np.full((4, 1), 7.0))))
    assert not varies(pairs_of(similarity_matrix(np.tile([0.1, 0.2, 0.7], (9, 1)))))
    assert not varies(np.array([0.5]))
    assert similarity_matrix(np.empty((0, 1))).shape == (0, 0)


def test_sites_without_a_value():
    vectors = np.array([[1, 2], [np.nan, np.nan], [0, 0], [1, np.nan], [np.inf, 1]])
    reasons = missing_reasons(vectors)
    assert reasons[0] is None and reasons[1] == "no value" and "zero" in reasons[2]
    assert "missing or infinite" in reasons[3] and "missing or infinite" in reasons[4]
    assert missing_reasons(np.array([[0.0], [np.nan]])) == [None, "no value"]


def symmetric(rng, sites):
    matrix = rng.normal(size=(sites, sites))
    return matrix + matrix.T


@pytest.mark.parametrize(
    ("sites", "r", "paper"),
    [
        (158, 0.145, 2.7e-59),
        (158, 0.130, 6.1e-48),
        (158, 0.070, 9.0e-15),
        (158, -0.023, 1.1e-2),
        (158, 0.024, 6.4e-3),
        (158, -0.005, 0.55),
        (32, 0.27, 1.0e-9),  # Tokyo
        (98, 0.12, 1.1e-17),  # London
        (28, 0.18, 5.0e-4),  # New York
    ],
)
def test_the_paper_s_p_values_come_out_of_its_r_and_pairs(sites, r, paper):
    """The printed r is rounded, so the printed p lies between those of the ends of the rounding interval."""
    pairs = sites * (sites - 1) // 2
    half = 0.0005 if sites == 158 else 0.005
    low, high = naive_p(abs(r) + half, pairs), naive_p(abs(r) - half, pairs)
    assert low <= paper <= high


def test_the_paper_s_pairs():
    assert len(pairs_of(np.ones((158, 158)))) == 12_403
    # At the printed r, without the rounding interval.
    assert naive_p(0.145, 12_403) == pytest.approx(2.7e-59, rel=0.6)


def test_naive_p_is_scipy_s():
    from scipy.stats import pearsonr

    rng = np.random.default_rng(3)
    for size in (3, 5, 40, 500):
        a, b = rng.normal(size=(2, size))
        r, p = pearsonr(a, b)
        assert pearson(a, b) == pytest.approx(r, abs=1e-14)
        assert naive_p(r, size) == pytest.approx(p, rel=1e-9)


def test_naive_p_at_the_ends():
    assert naive_p(1.0, 10) == naive_p(-1.0, 10) == 0.0
    assert naive_p(0.0, 10) == 1.0
    assert naive_p(0.5, 2) is None


def test_pearson_is_exact_for_a_line_and_none_for_a_constant():
    line = np.linspace(0, 1, 50)
    assert pearson(line, 3 * line + 1) == pytest.approx(1.0, abs=1e-15)
    assert -1.0 <= pearson(line, -line) <= -1.0 + 1e-15
    assert pearson(line, np.full(50, 0.3)) is None


@pytest.mark.parametrize("sites", [4, 12, 40])
def test_scikit_bio_agrees(sites):
    distance = pytest.importorskip("skbio.stats.distance")
    rng = np.random.default_rng(sites)
    a = similarity_matrix(rng.normal(size=(sites, 3)))
    b = similarity_matrix(rng.normal(size=(sites, 3))) + 0.3 * a
    seen = []

    class Recorder(np.random.Generator):
        """Hands scikit-bio its permutations and keeps them."""

        def permutation(self, x, axis=0):
            order = super().permutation(x, axis=axis)
            seen.append(order)
            return order

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, p, _ = distance.mantel(
            distance.DistanceMatrix(distances(a)),
            distance.DistanceMatrix(distances(b)),
            permutations=199,
            seed=Recorder(np.random.PCG64(5)),
        )
    assert len(seen) == 199
    assert pearson(pairs_of(a), pairs_of(b)) == pytest.approx(theirs, abs=1e-12)
    assert mantel_p(a, b, seen) == p


def distances(similarity):
    """A distance matrix with the same correlations: 2 - similarity off the diagonal."""
    matrix = 2.0 - similarity
    np.fill_diagonal(matrix, 0.0)
    return (matrix + matrix.T) / 2


def test_mantel_by_counting_every_permutation():
    """Four sites have 24 orders: count by hand those whose |r| reaches the observed one."""
    rng = np.random.default_rng(7)
    a, b = symmetric(rng, 4), symmetric(rng, 4)
    orders = [np.array(order) for order in itertools.permutations(range(4))]
    observed = abs(np.corrcoef(pairs_of(a), pairs_of(b))[0, 1])
    reached = [
        abs(np.corrcoef(pairs_of(a[np.ix_(o, o)]), pairs_of(b))[0, 1]) >= observed - 1e-12 for o in orders
    ]
    assert 1 <= sum(reached) < 24
    assert mantel_p(a, b, orders) == (sum(reached) + 1) / 25


def test_identical_matrices_tie_with_the_identity_only():
    a = symmetric(np.random.default_rng(8), 5)
    identity, swap = np.arange(5), np.array([1, 0, 2, 3, 4])
    assert mantel_p(a, a, [identity, swap, swap]) == 2 / 4


def test_mantel_of_a_constant_or_of_no_orders_is_none():
    a = symmetric(np.random.default_rng(9), 5)
    assert mantel_p(np.ones((5, 5)), a, [np.arange(5)]) is None
    assert mantel_p(a, a, []) is None


def test_two_sided_p_counts_ties_and_both_tails():
    assert two_sided_p(0.3, np.array([0.3, -0.3 + 1e-13, 0.3 - 1e-13, 0.29, -0.31, 0.0])) == 5 / 7
    assert two_sided_p(-0.3, np.array([0.3, 0.1])) == 2 / 3
    assert two_sided_p(0.3, np.empty(0)) == 1.0


def test_orders_repeat_with_the_seed():
    first = [order.tolist() for order in permutation_orders(6, 5, 42)]
    assert first == [order.tolist() for order in permutation_orders(6, 5, 42)]
    assert first != [order.tolist() for order in permutation_orders(6, 5, 43)]
    assert all(sorted(order) == list(range(6)) for order in first)


def test_mantel_holds_its_level_where_naive_p_does_not():
    """Unrelated blocks: Mantel rejects at its level; the naive test far more often (pairs share sites)."""
    rng = np.random.default_rng(10)
    naive = mantel = 0
    runs = 200
    for run in range(runs):
        a, b = (similarity_matrix(rng.random((25, 3))) for _ in range(2))
        naive += naive_p(pearson(pairs_of(a), pairs_of(b)), 300) < 0.05
        mantel += mantel_p(a, b, permutation_orders(25, 99, run)) <= 0.05
    # Binomial(200, 0.05): 3 to 19 in 99.9 % of runs.
    assert 3 <= mantel <= 19
    assert naive > 1.5 * mantel


def test_the_combined_view_gives_the_paper_s_r():
    """r = .19 (street), .14 (aerial) and .27 (both) give (.19 + .14) / sqrt(2 + 2 x .27) = .207."""
    assert (0.19 + 0.14) / math.sqrt(2 + 2 * 0.27) == pytest.approx(0.207, abs=5e-4)
    rng = np.random.default_rng(11)
    sound, street, aerial = (symmetric(rng, 30) for _ in range(3))
    combined = pairs_of(mean_of_z_scores(street, aerial))
    r = {
        "street": np.corrcoef(pairs_of(sound), pairs_of(street))[0, 1],
        "aerial": np.corrcoef(pairs_of(sound), pairs_of(aerial))[0, 1],
        "both": np.corrcoef(pairs_of(street), pairs_of(aerial))[0, 1],
    }
    expected = (r["street"] + r["aerial"]) / math.sqrt(2 + 2 * r["both"])
    assert pearson(pairs_of(sound), combined) == pytest.approx(expected, abs=1e-12)


def test_cancel_stops_the_permutations():
    class Impatient:
        looks = 0

        def report(self, fraction):
            assert 0 <= fraction <= 1

        info = warn = report

        def cancelled(self):
            self.looks += 1
            return self.looks > 2

    a = similarity_matrix(np.random.default_rng(12).normal(size=(300, 4)))
    progress = Impatient()
    start = time.perf_counter()
    with pytest.raises(Cancelled):
        mantel_p(a, a + 0.0, permutation_orders(300, 10**9, 0), 10**9, progress)
    assert time.perf_counter() - start < 5


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(3, 12), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_any_data_gives_values_in_range(sites, width, seed):
    rng = np.random.default_rng(seed)
    a, b = (similarity_matrix(rng.integers(1, 4, size=(sites, width)).astype(float)) for _ in range(2))
    assert np.all(np.abs(a) <= 1) and np.array_equal(a, a.T)
    r = pearson(pairs_of(a), pairs_of(b))
    p = mantel_p(a, b, permutation_orders(sites, 19, seed))
    assert (r is None) == (p is None)
    if r is not None:
        assert -1 <= r <= 1 and 1 / 20 <= p <= 1 and 0 <= naive_p(r, sites * (sites - 1) // 2) <= 1
