"""What a study can find, against permutations, Mantel's exact variance and simulated studies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from soundvis_core.statistics.mantel import mantel_p, pearson, permutation_orders
from soundvis_core.statistics.moments import permutation_sd
from soundvis_core.statistics.pair_variance import correlation_influence, pair_variance
from soundvis_core.statistics.power import MAX_SITES, power_model
from soundvis_core.statistics.similarity import pairs_of, similarity_matrix
from tests.builders.power_of_pair import power_of

pytestmark = pytest.mark.filterwarnings("error")


def blocks(sites, generator, noise=None, dimensions=4, hubs=0.0):
    """Two blocks that share a latent part, or nothing where ``noise`` is None; hubs are unlike the others."""
    latent = generator.normal(size=(sites, dimensions))
    found = []
    for _ in range(2):
        own = generator.normal(size=(sites, dimensions))
        values = own if noise is None else np.hstack([latent, noise * own])
        values[:, 0] += hubs * np.exp(0.8 * generator.normal(size=sites))
        found.append(similarity_matrix(values))
    return found


def test_null_sd_is_exact_at_the_present_sites():
    a, b = blocks(30, np.random.default_rng(0), hubs=1.0)
    assert power_of(a, b).null_sd == permutation_sd(a, b)
    assert power_model(a, b).null_sd_at(30) == pytest.approx(permutation_sd(a, b), rel=1e-14)


@pytest.mark.parametrize("hubs", [0.0, 2.0])
def test_null_sd_of_other_numbers_of_sites(hubs):
    generator = np.random.default_rng(1)
    told = np.mean([power_model(*blocks(50, generator, hubs=hubs)).null_sd_at(200) for _ in range(30)])
    true = np.mean([permutation_sd(*blocks(200, generator, hubs=hubs)) for _ in range(30)])
    assert told == pytest.approx(true, rel=0.1)
    back = np.mean([power_model(*blocks(200, generator, hubs=hubs)).null_sd_at(50) for _ in range(30)])
    assert back == pytest.approx(
        np.mean([permutation_sd(*blocks(50, generator, hubs=hubs)) for _ in range(30)]), rel=0.1
    )


def test_null_sd_without_and_with_what_pairs_share():
    # Without: as if the pairs were independent. With: as the root of the sites.
    generator = np.random.default_rng(2)
    model = power_model(*blocks(60, generator, dimensions=40))
    assert model.null_sd_at(600) == pytest.approx(math.sqrt(2.0 / (600 * 599)), rel=0.05)
    hubs = generator.normal(size=(2, 60))
    model = power_model(*(hub[:, None] + hub[None, :] for hub in hubs))
    assert model.null_sd_at(4000) / model.null_sd_at(1000) == pytest.approx(0.5, rel=0.01)


def test_sd_under_a_link_is_that_of_the_mixture_it_stands_for():
    generator = np.random.default_rng(3)
    a, b = blocks(80, generator, dimensions=3, hubs=1.5)
    model = power_model(a, b)
    r, variances = 0.4, []
    za, zb = ((x - pairs_of(x).mean()) / pairs_of(x).std() for x in (a, b))
    for _ in range(40):
        order = generator.permutation(80)
        mixed = r * za + math.sqrt(1 - r * r) * zb[np.ix_(order, order)]
        found = pearson(pairs_of(za), pairs_of(mixed))
        influence = correlation_influence(za, mixed)
        variances.append(pair_variance(influence).of_mean(80) / (1 - found * found) ** 2)
    assert model.sd_at(r, 80) == pytest.approx(math.sqrt(np.mean(variances)), rel=0.08)


@pytest.mark.parametrize(("noise", "dimensions", "hubs"), [(2.0, 2, 0.0), (2.0, 12, 0.0), (1.6, 4, 1.0)])
def test_power_at_the_sites_needed_is_what_was_asked(noise, dimensions, hubs):
    generator = np.random.default_rng(4)
    many = [pearson(*map(pairs_of, blocks(700, generator, noise, dimensions, hubs))) for _ in range(6)]
    truth = float(np.mean(many))
    needed = [
        power_of(*blocks(60, generator, noise, dimensions, hubs), truth).sites_needed for _ in range(15)
    ]
    sites = round(float(np.median(needed)))
    found = 0
    for seed in range(200):
        a, b = blocks(sites, generator, noise, dimensions, hubs)
        found += mantel_p(a, b, permutation_orders(sites, 99, seed)) <= 0.05
    assert found / 200 == pytest.approx(0.8, abs=0.12)


def test_what_is_detectable_is_found_with_the_power_asked_and_is_consistent():
    a, b = blocks(60, np.random.default_rng(5))
    model = power_model(a, b)
    r = model.detectable_r(60)
    assert model.power(r, 60) == pytest.approx(0.8, abs=1e-6)
    assert r > model.critical_r(60) == pytest.approx(stats.norm.isf(0.025) * permutation_sd(a, b))
    needed = model.sites_needed(r)
    assert abs(needed - 60) <= 1
    assert model.power(r, needed) >= 0.8 > model.power(r, needed - 1)
    assert model.detectable_r(60, 0.95) > r > model.detectable_r(240)
    assert model.power(0.0, 60) == pytest.approx(0.05, abs=0.01)


def test_of_a_target():
    a, b = blocks(40, np.random.default_rng(6))
    told = power_of(a, b, 0.1)
    assert told.sites_needed > 40 and told.power_at_target < 0.8 and told.detectable_r > 0.1
    assert power_of(a, b, 0.1, alpha=0.001).sites_needed > told.sites_needed
    assert power_of(a, b, 1e-7).sites_needed is None or power_of(a, b, 1e-7).sites_needed <= MAX_SITES


def test_a_sample_stands_for_more_sites():
    generator = np.random.default_rng(7)
    a, b = blocks(300, generator, dimensions=3)
    part = slice(0, 100)
    exact = permutation_sd(a, b)
    told = power_of(a[part, part], b[part, part], 0.02, sites=300, null_sd=exact)
    assert told.null_sd == exact
    guessed = power_of(a[part, part], b[part, part], sites=300)
    assert guessed.null_sd == pytest.approx(exact, rel=0.15)
    whole = power_of(a, b, 0.02)
    assert told.detectable_r == pytest.approx(whole.detectable_r, rel=0.15)


@pytest.mark.parametrize("sites", [0, 1, 2, 3, 5])
def test_few_sites(sites):
    assert power_model(np.eye(sites), np.eye(sites)) is None


def test_constant_duplicated_and_barely_enough():
    a, b = blocks(8, np.random.default_rng(8))
    assert power_model(a, np.ones((8, 8))) is None
    r = power_of(a, b).detectable_r
    assert r is None or 0.3 < r < 1.0
    twice = np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)
    assert power_of(twice, twice).detectable_r is not None
