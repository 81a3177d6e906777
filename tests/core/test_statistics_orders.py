"""Orders as products of few: what they are, and that a test with them is as exact as with others."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from soundvis_core.statistics.mantel import permuted_products, standardised
from soundvis_core.statistics.orders import OrderGrid, inverse, permutation_orders, stratified_orders
from soundvis_core.statistics.similarity import similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("permutations", [0, 1, 2, 4, 99, 100, 999])
def test_so_many_orders_come_as_were_asked_for(permutations):
    grid = permutation_orders(7, permutations, 3)
    orders = list(grid)
    assert len(orders) == len(grid) == permutations and next(grid, None) is None
    assert all(sorted(order) == list(range(7)) for order in orders)
    assert grid.rows * grid.columns == permutations + 1 and grid.rows <= math.isqrt(permutations + 1)
    first, second = grid.first(), list(grid.second())
    for number, order in enumerate(orders):
        column, row = divmod(number + 1, grid.rows)
        assert order.tolist() == first[row][second[column]].tolist() == grid.order(number).tolist()
        assert order[inverse(order)].tolist() == list(range(7))
    if permutations == 999:
        assert (grid.rows, grid.columns) == (25, 40)


def test_products_of_a_grid_are_those_of_its_orders():
    rng = np.random.default_rng(1)
    a, b, c = (similarity_matrix(rng.normal(size=(23, 4))) for _ in range(3))
    for permutations in (99, 100, 1):
        at_once = permuted_products(a, [b, c], permutation_orders(23, permutations, 1), total=permutations)
        one_by_one = permuted_products(a, [b, c], list(permutation_orders(23, permutations, 1)))
        literal = [
            [np.triu(a[np.ix_(order, order)] * target, 1).sum() for target in (b, c)]
            for order in permutation_orders(23, permutations, 1)
        ]
        np.testing.assert_allclose(at_once, literal, atol=1e-11)
        np.testing.assert_allclose(one_by_one, literal, atol=1e-11)


@pytest.mark.parametrize("sites", [0, 1, 2, 3, 4, 5])
def test_products_of_few_sites(sites):
    matrix = np.arange(sites * sites, dtype=float).reshape(sites, sites)
    matrix = matrix + matrix.T
    found = permuted_products(matrix, [matrix], permutation_orders(sites, 9, 0))
    literal = [np.triu(matrix[np.ix_(o, o)] * matrix, 1).sum() for o in permutation_orders(sites, 9, 0)]
    np.testing.assert_allclose(found[:, 0], literal)


def test_more_orders_than_are_worked_on_together():
    a = similarity_matrix(np.random.default_rng(2).normal(size=(9, 3)))
    grid = permutation_orders(9, 30_010, 5)  # 30,011 is prime: one row, so many columns
    assert grid.rows == 1
    found = permuted_products(a, [a], grid)[:, 0]
    for number in (0, 255, 256, 30_009):
        order = grid.order(number)
        assert found[number] == pytest.approx(np.triu(a[np.ix_(order, order)] * a, 1).sum(), abs=1e-12)


def test_strata_keep_their_sites():
    groups = ["x", "y", None, "x", "y", "x", None, "z"]
    orders = list(stratified_orders(groups, 99, 1))
    assert [order.tolist() for order in orders] == [o.tolist() for o in stratified_orders(groups, 99, 1)]
    for order in orders:
        assert sorted(order) == list(range(8)) and order[2] == 2 and order[6] == 6 and order[7] == 7
        assert {int(site) for site in order[[0, 3, 5]]} == {0, 3, 5}
    assert len({tuple(order) for order in orders}) == 12  # 3! x 2!, the one as it is among them


@pytest.mark.parametrize("size", [2, 1000])
def test_orders_within_many_groups_and_within_large_ones_are_uniform(size):
    groups = np.repeat(np.arange(3000 // size), size)
    orders = list(stratified_orders(groups, 20, 4))
    assert all((groups[order] == groups).all() for order in orders)
    still = np.mean([(order == np.arange(3000)).mean() for order in orders[:5]])
    assert still == pytest.approx(1 / size, abs=0.05)


def test_groups_of_one_site_each_stay():
    orders = list(stratified_orders(list("abcd"), 3, 1))
    assert all(order.tolist() == [0, 1, 2, 3] for order in orders)


def test_a_uniform_order_and_pairs_of_independent_ones():
    """Over all seeds each of the 6 orders of 3 sites is as likely, and each of the 36 pairs for two of the orders."""
    number_of = {order: number for number, order in enumerate(itertools.permutations(range(3)))}
    seeds, table = 4000, {}
    for seed in range(seeds):
        numbers = [number_of[tuple(int(site) for site in order)] for order in permutation_orders(3, 8, seed)]
        for pair in ((0, 1), (0, 3), (3, 7), (4, 5)):
            counts = table.setdefault(pair, np.zeros((6, 6)))
            counts[numbers[pair[0]], numbers[pair[1]]] += 1
    for counts in table.values():
        chi_squared = ((counts - seeds / 36) ** 2 / (seeds / 36)).sum()
        assert chi_squared < 66.6  # 99.9 % of chi-squared with 35 degrees of freedom


def test_every_rank_of_the_observed_is_equally_likely():
    """Unrelated blocks: with 8 permutations each of the 9 ranks of the observed r comes up as often."""
    rng, ranks = np.random.default_rng(6), np.zeros(9)
    runs = 3600
    for run in range(runs):
        a, b = (standardised(similarity_matrix(rng.normal(size=(7, 3)))) for _ in range(2))
        grid = permutation_orders(7, 8, run)
        assert isinstance(grid, OrderGrid) and grid.rows == 3
        null = permuted_products(a, [b], grid)[:, 0]
        ranks[(null >= 0.5 * np.einsum("ij,ij->", a, b)).sum()] += 1
    chi_squared = ((ranks - runs / 9) ** 2 / (runs / 9)).sum()
    assert chi_squared < 26.1  # 99.9 % of chi-squared with 8 degrees of freedom
