"""Site bootstrap and the variance of means over pairs against literal loops, and their coverage by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.errors import Cancelled
from soundvis_core.progress import NoProgress
from soundvis_core.statistics.bootstrap import (
    bootstrap_correlations,
    bootstrap_r,
    bootstrap_weights,
    draws,
    influence_shrink,
    linear_interval,
    percentile_interval,
    site_interval,
    site_shrink,
)
from soundvis_core.statistics.moments import permutation_sd
from soundvis_core.statistics.pair_variance import (
    PairVariance,
    correlation_influence,
    fisher_sd,
    pair_variance,
    z_scores,
)
from soundvis_core.statistics.similarity import pairs_of, similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")


def symmetric(sites: int, seed: int) -> np.ndarray:
    matrix = np.random.default_rng(seed).normal(size=(sites, sites))
    return matrix + matrix.T


def literal_r(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> float:
    """r over the pairs of the sites drawn, each written out as often as it was drawn, own copies left out."""
    drawn = np.repeat(np.arange(len(a)), weights.astype(int))
    pairs = [(i, j) for i, j in itertools.combinations(drawn, 2) if i != j]
    first, second = np.array([a[i, j] for i, j in pairs]), np.array([b[i, j] for i, j in pairs])
    if len(pairs) < 2 or np.ptp(first) < 1e-12 or np.ptp(second) < 1e-12:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


@settings(max_examples=40, deadline=None)
@given(sites=st.integers(3, 12), seed=st.integers(0, 1000), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_equals_a_literal_resampling_loop(sites, seed, scale):
    a, b = symmetric(sites, seed) * scale + 7.0, symmetric(sites, seed + 1)
    weights = bootstrap_weights(sites, 12, seed)
    expected = [literal_r(a, b, drawn) for drawn in weights]
    np.testing.assert_allclose(bootstrap_r(a, b, weights), expected, atol=1e-9)


def test_several_matrices_at_once_are_each_pair_by_itself():
    matrices = [symmetric(15, seed) for seed in range(4)]
    weights = bootstrap_weights(15, 30, 0)
    found = bootstrap_correlations(matrices, weights)
    for i, j in itertools.product(range(4), repeat=2):
        one = np.ones(30) if i == j else bootstrap_r(matrices[i], matrices[j], weights)
        np.testing.assert_allclose(found[:, i, j], one, atol=1e-12)


def test_chunks_do_not_matter(monkeypatch):
    a, b, weights = symmetric(9, 0), symmetric(9, 1), bootstrap_weights(9, 25, 2)
    whole = bootstrap_r(a, b, weights)
    monkeypatch.setattr("soundvis_core.statistics.bootstrap._ELEMENTS_AT_A_TIME", 30)
    np.testing.assert_allclose(bootstrap_r(a, b, weights), whole, atol=1e-14)


def test_every_site_once_is_the_sample_itself():
    a, b = symmetric(20, 0), symmetric(20, 1)
    expected = np.corrcoef(pairs_of(a), pairs_of(b))[0, 1]
    np.testing.assert_allclose(bootstrap_r(a, b, np.ones((1, 20))), expected, atol=1e-14)


def test_weights_are_draws_of_as_many_sites_and_come_again_with_the_seed():
    weights = bootstrap_weights(50, 200, 3)
    assert weights.shape == (200, 50)
    np.testing.assert_array_equal(weights.sum(axis=1), 50)
    np.testing.assert_array_equal(weights, np.array(list(draws(50, 200, 3))))
    assert not np.array_equal(weights, bootstrap_weights(50, 200, 4))
    # The variance of a multinomial count is 1 - 1 / n.
    assert weights.var() == pytest.approx(0.98, abs=0.03)


@pytest.mark.parametrize("sites", [0, 1, 2])
def test_too_few_sites_are_nan(sites):
    found = bootstrap_r(np.ones((sites, sites)), np.ones((sites, sites)), np.ones((5, sites)))
    assert found.shape == (5,) and np.isnan(found).all()
    assert percentile_interval(found) is None
    assert site_interval(0.3, found) is None and linear_interval(0.3, found) is None


def test_constant_matrix_is_nan_and_its_shrink_is_none():
    a, constant = symmetric(8, 0), np.full((8, 8), 0.3)
    assert np.isnan(bootstrap_r(a, constant, bootstrap_weights(8, 20, 0))).all()
    assert site_shrink(a, constant) == 1.0
    assert fisher_sd(a, constant) is None


def test_interval_by_hand_and_without_what_is_undefined():
    values = np.concatenate([np.arange(101.0), [math.nan] * 50])
    np.testing.assert_allclose(percentile_interval(values), (2.5, 97.5))
    np.testing.assert_allclose(percentile_interval(values, 0.8), (10.0, 90.0))
    assert percentile_interval(np.concatenate([np.arange(10.0), [math.nan] * 11])) is None
    np.testing.assert_allclose(linear_interval(50.0, values, 0.5), (26.25, 73.75))


def test_site_interval_without_shrink_is_the_percentiles_and_shrinks_on_fishers_z():
    replicates = np.random.default_rng(0).uniform(-0.2, 0.9, 500)
    np.testing.assert_allclose(site_interval(0.4, replicates), percentile_interval(replicates), atol=1e-12)
    low, high = site_interval(0.4, replicates, 0.5)
    ends = [math.tanh((math.atanh(0.4) + math.atanh(end)) / 2) for end in percentile_interval(replicates)]
    np.testing.assert_allclose((low, high), ends, atol=1e-12)
    assert site_interval(1.0, np.ones(10), 0.6) == (1.0, 1.0)
    assert site_interval(0.5, np.ones(10), 0.6)[1] < 1.0


def test_cancel():
    class Stop(NoProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        bootstrap_r(symmetric(5, 0), symmetric(5, 1), np.ones((3, 5)), Stop())


def literal_parts(h: np.ndarray) -> tuple[float, float]:
    """Variance and covariance by their definition: mean products less the mean product of disjoint pairs."""
    same, sharing, disjoint = [], [], []
    pairs = list(itertools.combinations(range(len(h)), 2))
    for (i, j), (k, m) in itertools.product(pairs, repeat=2):
        (disjoint, sharing, same)[len({i, j} & {k, m})].append(h[i, j] * h[k, m])
    return np.mean(same) - np.mean(disjoint), np.mean(sharing) - np.mean(disjoint)


@pytest.mark.parametrize("sites", [4, 5, 9])
def test_parts_of_the_variance_by_definition(sites):
    rows = np.random.default_rng(sites).normal(size=sites)
    h = rows[:, None] + rows[None, :] + 0.3 * symmetric(sites, sites) + 5.0
    single, shared = literal_parts(h)
    assert 0.0 < shared < single / 2.0
    parts = pair_variance(h)
    assert parts.single == pytest.approx(single) and parts.shared == pytest.approx(shared)


def test_variance_of_a_mean_by_hand_and_bounds():
    # Four sites: 6 pairs; each shares a site with 4 others. (6 * 3 + 6 * 4 * 1) / 36.
    assert PairVariance(3.0, 1.0).of_mean(4) == pytest.approx(42.0 / 36.0)
    assert pair_variance(symmetric(3, 0)) is None
    parts = pair_variance(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0.0]]))
    assert parts == PairVariance(0.0, 0.0)  # both estimates are below 0 here
    zero = pair_variance(np.full((6, 6), 2.0))
    assert zero == PairVariance(0.0, 0.0) and zero.bootstrap_shrink(6) == 1.0
    assert PairVariance(1.0, 0.0).bootstrap_shrink(50) == pytest.approx(math.sqrt(1 / 3))
    assert PairVariance(1.0, 0.5).bootstrap_shrink(1000) == pytest.approx(1.0, abs=2e-3)


def test_bootstrap_of_a_mean_has_the_excess_that_is_taken_off():
    # Of a mean over pairs, the bootstrap's variance is what bootstrap_shrink says it is.
    h = z_scores(symmetric(60, 1))
    weights = bootstrap_weights(60, 4000, 0)
    means = np.einsum("bi,bi->b", weights @ h, weights) / (weights.sum(1) ** 2 - (weights**2).sum(1))
    ratio = math.sqrt(pair_variance(h).of_mean(60)) / means.std()
    assert ratio == pytest.approx(pair_variance(h).bootstrap_shrink(60), rel=0.06)


def test_influence_is_the_derivative_of_r():
    a, b = symmetric(7, 0), symmetric(7, 1)
    influence = correlation_influence(a, b)
    pairs = len(pairs_of(a))
    assert pairs_of(influence).mean() == pytest.approx(0.0, abs=1e-14)
    first, second = pairs_of(a), pairs_of(b)

    def weighted(weights):
        cov = np.cov(first, second, aweights=weights, ddof=0)
        return cov[0, 1] / math.sqrt(cov[0, 0] * cov[1, 1])

    for pair in (0, 5, 11):
        step = np.ones(pairs)
        step[pair] += 1e-6
        slope = (weighted(step) - weighted(np.ones(pairs))) / 1e-6
        assert slope * pairs == pytest.approx(pairs_of(influence)[pair], rel=1e-3)


def test_fisher_sd_of_unlinked_blocks_is_that_of_permutations():
    # Without hubs, r over samples and r over permutations spread alike.
    sds = []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        a, b = (similarity_matrix(generator.normal(size=(40, 20))) for _ in range(2))
        sds.append((fisher_sd(a, b), permutation_sd(a, b)))
    estimated, exact = np.mean(sds, axis=0)
    assert estimated == pytest.approx(exact, rel=0.12)
    a, b = symmetric(30, 0), symmetric(30, 1)
    assert fisher_sd(a, b, 300) < 0.35 * fisher_sd(a, b)
    assert fisher_sd(a, 2.0 * a + 1.0) is None and fisher_sd(a[:3, :3], b[:3, :3]) is None


def linked(sites: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    latent = generator.normal(size=(sites, 3))
    blocks = (np.hstack([latent, 1.2 * generator.normal(size=(sites, 3))]) for _ in range(2))
    first, second = (similarity_matrix(block) for block in blocks)
    return first, second


@pytest.mark.parametrize("link", [True, False])
def test_coverage_of_the_interval(link):
    # True r from very many sites; 95 % wanted, of 200 runs 3 standard deviations are 4.6 %.
    def make(sites, generator):
        if link:
            return linked(sites, generator)
        return tuple(similarity_matrix(generator.normal(size=(sites, 3))) for _ in range(2))

    many = np.random.default_rng(99)
    truth = np.mean([np.corrcoef(*(pairs_of(x) for x in make(800, many)))[0, 1] for _ in range(6)])
    generator = np.random.default_rng(5)
    corrected = plain = 0
    for seed in range(200):
        a, b = make(40, generator)
        r = float(np.corrcoef(pairs_of(a), pairs_of(b))[0, 1])
        replicates = bootstrap_r(a, b, bootstrap_weights(40, 299, seed))
        low, high = site_interval(r, replicates, site_shrink(a, b))
        corrected += low <= truth <= high
        low, high = percentile_interval(replicates)
        plain += low <= truth <= high
    assert 0.90 <= corrected / 200 <= 0.995
    assert corrected <= plain


def test_shrink_of_an_influence_is_that_of_the_correlation():
    a, b = symmetric(25, 0), symmetric(25, 1)
    assert site_shrink(a, b) == influence_shrink(correlation_influence(a, b), 25)
    # As the sites grow, what they share decides, and the bootstrap needs no correction.
    hub = np.random.default_rng(0).normal(size=25)
    a = a + 3 * hub[:, None] + 3 * hub[None, :]
    b = b + 3 * hub[:, None] + 3 * hub[None, :]
    assert site_shrink(a, b, 100_000) == pytest.approx(1.0, abs=1e-3)
