"""The exact moments of r within groups, against all orders written out."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from soundvis_core.statistics.similarity import pairs_of, similarity_matrix
from soundvis_core.statistics.stratified_moments import (
    stratified_moments,
    sums_of_matrix,
    sums_of_rows,
    two_sided_normal,
)

pytestmark = pytest.mark.filterwarnings("error")


def all_orders(codes: np.ndarray) -> list[np.ndarray]:
    groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    found = []
    for chosen in product(*(permutations(group.tolist()) for group in groups)):
        order = np.arange(len(codes))
        for group, moved in zip(groups, chosen):
            order[group] = moved
        found.append(order)
    return found


def symmetric(sites: int, generator: np.random.Generator) -> np.ndarray:
    matrix = generator.standard_normal((sites, sites))
    return matrix + matrix.T


@pytest.mark.parametrize(
    "codes", [[0, 0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1, 0, 1, 0], [0, 0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 2, 3]]
)
def test_moments_are_those_of_all_orders(codes):
    codes, generator = np.array(codes), np.random.default_rng(3)
    a, b = symmetric(len(codes), generator), symmetric(len(codes), generator)
    r = [np.corrcoef(pairs_of(a[order][:, order]), pairs_of(b))[0, 1] for order in all_orders(codes)]
    mean, spread = stratified_moments(sums_of_matrix(a, codes), sums_of_matrix(b, codes))
    assert mean == pytest.approx(np.mean(r), abs=1e-12)
    assert spread == pytest.approx(np.std(r), abs=1e-10)


def test_cosines_need_no_matrix():
    generator, codes = np.random.default_rng(4), np.arange(60) % 4
    shares = [generator.dirichlet([5, 3, 2], 60) for _ in range(2)]
    dense = stratified_moments(*(sums_of_matrix(similarity_matrix(block), codes) for block in shares))
    assert stratified_moments(*(sums_of_rows(block, codes) for block in shares)) == pytest.approx(
        dense, rel=1e-9
    )


def test_what_does_not_vary_has_no_moments():
    codes = np.array([0, 0, 1, 1])
    varied = sums_of_matrix(symmetric(4, np.random.default_rng(5)), codes)
    assert stratified_moments(varied, sums_of_matrix(np.ones((4, 4)), codes)) is None


def test_both_tails_about_a_mean():
    from scipy.stats import norm

    told = norm.sf(0.3, 0.1, 0.08) + norm.cdf(-0.3, 0.1, 0.08)
    assert two_sided_normal(-0.3, 0.1, 0.08) == pytest.approx(told)
    assert two_sided_normal(0.3, 0.3, 0.0) == 1.0 and two_sided_normal(0.3, 0.2, 0.0) == 0.0
