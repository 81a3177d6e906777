"""Cosine r without a sites-by-sites matrix: the same numbers as with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.errors import Cancelled
from soundvis_core.statistics import factored, factored_orders
from soundvis_core.statistics.factored import FactoredPair
from soundvis_core.statistics.mantel import (
    pearson,
    permutation_orders,
    permuted_products,
    standardised,
    stratified_orders,
    two_sided_p,
)
from soundvis_core.statistics.moments import permutation_sd
from soundvis_core.statistics.similarity import pairs_of, similarity_matrix, varies

pytestmark = pytest.mark.filterwarnings("error")


def blocks(sites, width_a, width_b, hub=0.0, dtype=np.float64, seed=1):
    """Two blocks that share something; hub: how far all vectors point one way."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(sites, 3))
    return [
        (
            shared @ rng.normal(size=(3, width))
            + 2 * rng.normal(size=(sites, width))
            + hub * rng.normal(size=width)
        ).astype(dtype)
        for width in (width_a, width_b)
    ]


CASES = [
    (3, 2, 5, 0.0, np.float64),
    (60, 3, 3, 0.0, np.float64),
    (60, 3, 3, 3.0, np.float32),
    (150, 64, 10, 1.0, np.float64),
    (150, 80, 70, 0.0, np.float32),
    (5000 // 16, 512, 768, 8.0, np.float32),
    (200, 100, 20, 60.0, np.float32),
]


@pytest.mark.parametrize("case", CASES)
def test_r_and_its_spread_are_the_dense_ones(case):
    a, b = blocks(*case)
    dense_a, dense_b = similarity_matrix(a), similarity_matrix(b)
    pair = FactoredPair(a, b)
    assert pair.varies() == (True, True)
    assert pair.r() == pytest.approx(pearson(pairs_of(dense_a), pairs_of(dense_b)), abs=1e-12)
    assert pair.null_sd() == pytest.approx(permutation_sd(dense_a, dense_b), abs=1e-12)
    spreads = pairs_of(dense_a).std(), pairs_of(dense_b).std()
    assert pair.spreads() == pytest.approx(spreads, rel=1e-10)


def test_embeddings_with_a_hub():
    """Mean cosines of .9 and .995 cost no digits, in float32 rows neither."""
    for hub, mean in ((9.0, 0.9), (40.0, 0.99)):
        a, b = blocks(1000, 300, 300, hub, np.float32)
        dense = [pairs_of(similarity_matrix(values)) for values in (a, b)]
        assert dense[0].mean() > mean and dense[1].mean() > mean
        assert FactoredPair(a, b).r() == pytest.approx(pearson(*dense), abs=1e-10)


def dense_null(a, b, orders):
    return permuted_products(*map_standard(a, b), orders)[:, 0]


def map_standard(a, b):
    return standardised(similarity_matrix(a)), [standardised(similarity_matrix(b))]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["list", "grid", "matrices"])
def test_permuted_r_are_the_dense_ones(case, way, monkeypatch):
    a, b = blocks(*case)
    sites, pair = case[0], FactoredPair(a, b)
    monkeypatch.setattr(factored, "_matrices_seconds", lambda *_: 0.0 if way == "matrices" else math.inf)
    grid = permutation_orders(sites, 99, 2)
    found = pair.permuted(list(grid) if way == "list" else grid)
    expected = dense_null(a, b, permutation_orders(sites, 99, 2))
    wide = max(case[1:3]) > 64
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=(2e-5 if way == "matrices" else 1e-6) if wide else 1e-12
    )
    observed = pearson(pairs_of(similarity_matrix(a)), pairs_of(similarity_matrix(b)))
    assert two_sided_p(pair.r(), found) == two_sided_p(observed, expected)


@pytest.mark.parametrize("matrices", [True, False])
def test_p_is_exact_where_many_permutations_tie(matrices, monkeypatch):
    """Twenty groups of two: orders that move few sites; sites that are copies tie exactly, in float32 too."""
    monkeypatch.setattr(factored, "_matrices_seconds", lambda *_: 0.0 if matrices else math.inf)
    a, b = blocks(40, 80, 80, 2.0, np.float32)
    a = np.repeat(a[:20], 2, axis=0)
    groups = np.repeat(np.arange(20), 2)
    observed = pearson(pairs_of(similarity_matrix(a)), pairs_of(similarity_matrix(b)))
    expected = dense_null(a, b, stratified_orders(groups, 199, 3))
    assert two_sided_p(observed, expected) == 1.0  # all of them are the order as it is
    pair = FactoredPair(a, b)
    assert two_sided_p(pair.r(), pair.permuted(stratified_orders(groups, 199, 3))) == 1.0


def test_the_error_bound_of_rounded_similarities_holds():
    for hub in (0.0, 5.0):
        a, b = blocks(400, 100, 100, hub, np.float32)
        pair = FactoredPair(a, b)
        rows_a, rows_b = pair._deviations()
        self_pairs = pair._self_pairs / pair.sites
        grid = permutation_orders(400, 199, 4)
        sums, bound = factored_orders.by_matrices(rows_a, rows_b, grid, pair._sums - self_pairs, self_pairs)
        exact = np.array([pair._exact_r(grid.order(number)) for number in range(199)])
        assert np.abs(pair._r_of(sums) - exact).max() < bound / pair._scale < 1e-4


def test_orders_in_batches(monkeypatch):
    a, b = blocks(50, 70, 3)
    pair = FactoredPair(a, b)
    whole = pair.permuted(permutation_orders(50, 199, 1))
    monkeypatch.setattr(factored_orders, "_BATCH", 7)
    monkeypatch.setattr(factored_orders, "_IN_HAND", 3000)
    np.testing.assert_allclose(pair.permuted(permutation_orders(50, 199, 1)), whole, atol=1e-5)
    a, b = blocks(50, 3, 3)
    pair = FactoredPair(a, b)
    expected = dense_null(a, b, permutation_orders(50, 199, 1))
    np.testing.assert_allclose(pair.permuted(permutation_orders(50, 199, 1)), expected, atol=1e-12)


@pytest.mark.parametrize("case", CASES[1:])
def test_weighted_r_leaves_out_a_site_with_itself(case):
    a, b = blocks(*case)
    sites = case[0]
    weights = np.bincount(np.random.default_rng(5).integers(0, sites, sites), minlength=sites).astype(float)
    of_pairs = pairs_of(weights[:, None] * weights[None, :])
    dense = [pairs_of(similarity_matrix(values)) for values in (a, b)]
    covariances = np.cov(*dense, aweights=of_pairs)
    expected = covariances[0, 1] / math.sqrt(covariances[0, 0] * covariances[1, 1])
    pair = FactoredPair(a, b)
    assert pair.weighted(weights) == pytest.approx(expected, abs=1e-5 if max(case[1:3]) > 64 else 1e-11)
    assert pair.weighted(np.ones(sites)) == pytest.approx(pair.r(), abs=1e-6)
    assert pair.weighted(np.eye(sites)[0] * 5) is None
    assert pair.weighted(np.zeros(sites)) is None


@pytest.mark.parametrize("case", CASES[1:])
def test_each_site_s_own_r(case):
    a, b = blocks(*case)
    dense_a, dense_b = similarity_matrix(a), similarity_matrix(b)
    expected = [
        np.corrcoef(np.delete(dense_a[site], site), np.delete(dense_b[site], site))[0, 1]
        for site in range(case[0])
    ]
    np.testing.assert_allclose(FactoredPair(a, b).row_r(), expected, rtol=0, atol=1e-9)


def test_chunks_join(monkeypatch):
    a, b = blocks(137, 5, 80, 2.0)
    whole = FactoredPair(a, b)
    monkeypatch.setattr("soundvis_core.statistics.factored.ROWS", 10)
    monkeypatch.setattr(factored_orders, "ROWS", 10)
    parts = FactoredPair(a, b)
    weights = np.random.default_rng(6).integers(0, 3, 137).astype(float)
    assert parts.r() == pytest.approx(whole.r(), abs=1e-13)
    assert parts.null_sd() == pytest.approx(whole.null_sd(), abs=1e-13)
    assert parts.weighted(weights) == pytest.approx(whole.weighted(weights), abs=1e-6)
    np.testing.assert_allclose(parts.row_r(), whole.row_r(), atol=1e-12)
    orders = list(permutation_orders(137, 5, 0))
    np.testing.assert_allclose(parts.permuted(orders), whole.permuted(orders), atol=1e-6)


def test_what_does_not_vary_has_no_r():
    same, other = np.tile([0.1, 0.2, 0.7], (40, 1)), blocks(40, 3, 3)[0]
    scaled = same * np.random.default_rng(7).uniform(1, 9, size=(40, 1))
    for constant in (same, scaled, same.astype(np.float32)):
        pair = FactoredPair(constant, other)
        assert pair.varies() == (False, True)
        assert pair.r() is None and pair.null_sd() is None and pair.weighted(np.ones(40)) is None
        assert np.isnan(pair.permuted(permutation_orders(40, 9, 0))).tolist() == [True] * 9
        assert np.isnan(pair.row_r()).all()
    corners = FactoredPair(np.eye(5), blocks(5, 3, 3)[0])  # all pairs at right angles
    assert corners.r() is None and np.isnan(corners.row_r()).all()
    for sites in (1, 2):
        few = FactoredPair(other[:sites], other[:sites])
        assert few.r() is None and few.null_sd() is None and np.isnan(few.row_r()).all()


def test_cancel_and_progress():
    class Impatient:
        def __init__(self, looks):
            self.looks, self.told = looks, [0.0]

        def report(self, fraction):
            assert self.told[-1] <= fraction <= 1
            self.told.append(fraction)

        info = warn = report

        def cancelled(self):
            self.looks -= 1
            return self.looks < 0

    narrow, wide = FactoredPair(*blocks(900, 3, 3)), FactoredPair(*blocks(900, 100, 100))
    for pair in (narrow, wide):
        for orders in (permutation_orders(900, 99, 0), list(permutation_orders(900, 99, 0))):
            patient = Impatient(10**6)
            pair.permuted(orders, patient, 99)
            assert patient.told[-1] > 0.2 or pair is narrow  # whose sites are few enough for one step
        with pytest.raises(Cancelled):
            pair.permuted(permutation_orders(900, 99, 0), Impatient(0))
    with pytest.raises(Cancelled):
        FactoredPair(*blocks(900, 3, 3), progress=Impatient(1))


def test_an_estimate_grows_with_the_work():
    narrow, wide = FactoredPair(*blocks(900, 3, 3)), FactoredPair(*blocks(900, 100, 100))
    assert 0 < narrow.estimate_seconds(99) < narrow.estimate_seconds(999) < 5
    assert narrow.estimate_seconds(999) < wide.estimate_seconds(999) < 60


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 12), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_any_data_agrees_with_the_dense_way(sites, width, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(1, 4, size=(sites, width)).astype(float) for _ in range(2))
    dense = [pairs_of(similarity_matrix(values)) for values in (a, b)]
    pair = FactoredPair(a, b)
    if not all(varies(pairs) for pairs in dense):
        assert pair.r() is None
        return
    assert pair.r() == pytest.approx(pearson(*dense), abs=1e-9)
    assert pair.null_sd() == pytest.approx(
        permutation_sd(similarity_matrix(a), similarity_matrix(b)), abs=1e-9
    )
    expected = dense_null(a, b, permutation_orders(sites, 19, seed % 1000))
    np.testing.assert_allclose(pair.permuted(permutation_orders(sites, 19, seed % 1000)), expected, atol=1e-9)
