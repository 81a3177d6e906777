"""Cochran's Q between groups against scipy, a direct Welch test, hand-worked numbers and simulated groups."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from soundvis_core.statistics.heterogeneity import heterogeneity
from soundvis_core.statistics.mantel import pearson
from soundvis_core.statistics.pair_variance import fisher_sd
from soundvis_core.statistics.similarity import pairs_of, similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")


def test_two_groups_by_hand():
    # z = 0 and 1, both with a deviation of 1 / 2: mean 1 / 2, Q = 4 / 4 + 4 / 4.
    found = heterogeneity([0.0, math.tanh(1.0)], [0.5, 0.5])
    assert found.q == pytest.approx(2.0) and found.df == 1 and found.groups == 2
    assert found.p == pytest.approx(stats.chi2.sf(2.0, 1)) and found.i2 == pytest.approx(0.5)
    assert found.note == ""


def test_equals_scipys_chi_square_and_welch_by_its_formula():
    generator = np.random.default_rng(0)
    r, sd, sites = generator.uniform(-0.3, 0.6, 5), generator.uniform(0.05, 0.2, 5), [20, 31, 55, 12, 90]
    z, w = np.arctanh(r), sd**-2.0
    q = float((w * (z - np.average(z, weights=w)) ** 2).sum())
    found = heterogeneity(list(r), list(sd))
    assert found.q == pytest.approx(q) and found.p == pytest.approx(stats.chi2.sf(q, 4))
    lam = 3 * sum((1 - wi / w.sum()) ** 2 / ((n - 1) / 2) for wi, n in zip(w, sites)) / (5**2 - 1)
    f = (q / 4) / (1 + 2 * (5 - 2) * lam / 3)
    welch = heterogeneity(list(r), list(sd), sites)
    assert welch.p == pytest.approx(stats.f.sf(f, 4, 1 / lam)) and welch.q == pytest.approx(q)
    assert welch.p > found.p
    # Many sites: the deviations are as good as known.
    assert heterogeneity(list(r), list(sd), [10**7] * 5).p == pytest.approx(found.p, rel=1e-3)


def test_equal_groups_have_nothing_between_them():
    found = heterogeneity([0.2, 0.2, 0.2], [0.1, 0.2, 0.3], [10, 20, 30])
    assert found.q == pytest.approx(0.0, abs=1e-20) and found.i2 == 0.0 and found.p == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("r", "sd"),
    [
        ([], []),
        ([0.3], [0.1]),
        ([0.3, None], [0.1, 0.1]),
        ([0.3, 0.4], [0.1, None]),
        ([0.3, 1.0], [0.1, 0.1]),
        ([0.3, 0.2], [0.1, 0.0]),
    ],
)
def test_fewer_than_two_usable_groups(r, sd):
    found = heterogeneity(r, sd, [9] * len(r))
    assert (found.q, found.df, found.p, found.i2) == (None, 0, None, None)
    assert "fewer than two groups" in found.note


def test_unusable_groups_are_named():
    found = heterogeneity([0.3, None, 0.1], [0.1, 0.1, 0.1])
    assert found.groups == 2 and found.df == 1 and "1 of 3 groups left out" in found.note


def groups_of(generator, noises):
    r, sd = [], []
    for noise in noises:
        latent = generator.normal(size=(40, 4))
        a, b = (
            similarity_matrix(np.hstack([latent, noise * generator.normal(size=(40, 4))])) for _ in range(2)
        )
        r.append(pearson(pairs_of(a), pairs_of(b)))
        sd.append(fisher_sd(a, b))
    return r, sd


def test_type_one_error_and_power_by_simulation():
    generator = np.random.default_rng(1)
    equal = [heterogeneity(*groups_of(generator, [1.0, 1.0, 1.0]), [40] * 3).p <= 0.05 for _ in range(200)]
    unlike = [heterogeneity(*groups_of(generator, [0.5, 1.0, 3.0]), [40] * 3).p <= 0.05 for _ in range(40)]
    # 0.05 and 3.5 standard deviations of 200 runs.
    assert np.mean(equal) <= 0.105
    assert np.mean(unlike) >= 0.9
