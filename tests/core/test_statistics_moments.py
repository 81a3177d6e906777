"""The closed form of the permutation spread against every permutation there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from soundvis_core.statistics.mantel import permutation_orders, permuted_products, standardised
from soundvis_core.statistics.moments import permutation_sd
from soundvis_core.statistics.similarity import pairs_of, similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("sites", [3, 4, 5, 6])
@pytest.mark.parametrize("kind", ["noise", "hub", "ties"])
def test_every_permutation(sites, kind):
    rng = np.random.default_rng(sites)
    a, b = (rng.normal(size=(sites, sites)) for _ in range(2))
    if kind == "hub":
        a, b = (matrix + 10 * rng.normal(size=(sites, 1)) for matrix in (a, b))
    if kind == "ties":
        a, b = (np.sign(matrix + matrix.T) + 3 * np.eye(sites)[0] for matrix in (a, b))
    a, b = a + a.T, b + b.T
    found = [
        np.corrcoef(pairs_of(a[np.ix_(order, order)]), pairs_of(b))[0, 1]
        for order in itertools.permutations(range(sites))
    ]
    assert np.mean(found) == pytest.approx(0, abs=1e-12)
    assert permutation_sd(a, b) == pytest.approx(np.std(found), abs=1e-12)


def test_drawn_permutations_spread_so():
    rng = np.random.default_rng(1)
    a, b = (similarity_matrix(rng.normal(size=(40, 3)) + 1) for _ in range(2))
    null = permuted_products(standardised(a), [standardised(b)], permutation_orders(40, 9999, 2))
    assert null.std() == pytest.approx(permutation_sd(a, b), rel=0.05)


def test_no_spread_without_a_correlation():
    a = similarity_matrix(np.random.default_rng(2).normal(size=(6, 3)))
    assert permutation_sd(np.ones((6, 6)), a) is None
    assert permutation_sd(a, np.ones((6, 6))) is None
    assert permutation_sd(a[:2, :2], a[:2, :2]) is None
    assert permutation_sd(np.empty((0, 0)), np.empty((0, 0))) is None
