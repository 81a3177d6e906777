"""Random orders of the sites for permutation tests, drawn so that matrices are rearranged some 60 times for 999 orders.

The orders are the products x_u[y_v] of few random orders x and few random orders y, each list beginning with the order
as it is: 25 times 40 make the observed order and 999 others. The sum of products of a matrix in the order x[y] with
another one is that of the first in the order x with the second in the inverse of y, so 24 + 39 rearrangements and one
matrix product give all 999.

The test stays exact. Where the sites are exchangeable, so are the rows and the columns of the table of products
(multiply all by one order from the left, another from the right), so the observed one is equally likely to be of any
rank among the 1000. Any two of the products are independent of each other, as two orders drawn one by one are: the
number of hits has the same mean and variance, and the p the same precision. Compare Ramdas, Barber, Candes and
Tibshirani 2023, doi:10.1007/s13171-023-00308-8, on permutation tests with orders that are not all independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np

#: Groups of fewer sites than this on average are permuted by sorting instead of one by one.
_FEW_PER_GROUP = 200
#: First factors at most: they are kept, 8 bytes per site and factor.
_MOST_ROWS = 100


class OrderGrid(Iterator[np.ndarray]):
    """Random orders of ``sites`` sites, ``permutations`` of them, the same ones for the same seed.

    Comes one by one, as any iterator, or as its ``first`` and ``second`` factors: order number v * len(first) + u - 1
    is first[u][second[v]]; u = v = 0, the order as it is, is left out. draw: makes one order of the group of orders
    that are allowed.
    """

    def __init__(
        self, sites: int, permutations: int, seed: int, draw: Callable[[np.random.Generator], np.ndarray]
    ) -> None:
        self.sites, self.permutations = sites, permutations
        self.rows = next(
            rows
            for rows in range(min(math.isqrt(permutations + 1), _MOST_ROWS), 0, -1)
            if not (permutations + 1) % rows
        )
        self.columns = (permutations + 1) // self.rows
        self._seed, self._draw = seed, draw
        self._orders = self._one_by_one()

    def __len__(self) -> int:
        return self.permutations

    def __next__(self) -> np.ndarray:
        return next(self._orders)

    def order(self, number: int) -> np.ndarray:
        """One of the orders by its number, from 0."""
        column, row = divmod(number + 1, self.rows)
        return self._factor(row)[self._factor(column and self.rows + column)]

    def first(self) -> list[np.ndarray]:
        """The factors that are applied first, ``rows`` of them, no more than the square root of the orders."""
        return [self._factor(number) for number in range(self.rows)]

    def second(self) -> Iterator[np.ndarray]:
        """The factors that are applied to these, ``columns`` of them."""
        for number in range(self.columns):
            yield self._factor(number and self.rows + number)

    def _factor(self, number: int) -> np.ndarray:
        if number == 0:
            return np.arange(self.sites)
        # Each its own generator, so that the factors need not all be kept.
        return self._draw(np.random.default_rng([self._seed, number]))

    def _one_by_one(self) -> Iterator[np.ndarray]:
        first = self.first()
        for column, after in enumerate(self.second()):
            for row, order in enumerate(first):
                if row or column:
                    yield order[after]


def permutation_orders(sites: int, permutations: int, seed: int) -> OrderGrid:
    """``permutations`` random orders of ``sites`` sites, the same ones for the same seed."""
    return OrderGrid(sites, permutations, seed, lambda generator: generator.permutation(sites))


def stratified_orders(
    groups: Sequence[Hashable | None] | np.ndarray, permutations: int, seed: int
) -> OrderGrid:
    """``permutations`` random orders that move sites within their group only, the same ones for the same seed.

    groups: per site, its group; a site whose group is None stays where it is.
    """
    members: dict[Hashable, list[int]] = {}
    for site, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(site)
    moved = [np.array(sites) for sites in members.values() if len(sites) > 1]
    slots = np.concatenate(moved) if moved else np.empty(0, dtype=np.intp)
    many = len(slots) < _FEW_PER_GROUP * len(moved)
    group_of_slot = np.repeat(np.arange(len(moved), dtype=np.float64), [len(sites) for sites in moved])

    def draw(generator: np.random.Generator) -> np.ndarray:
        order = np.arange(len(groups))
        if many:
            order[slots] = slots[np.argsort(group_of_slot + generator.random(len(slots)))]
        else:
            for sites in moved:
                order[sites] = generator.permutation(sites)
        return order

    return OrderGrid(len(groups), permutations, seed, draw)


def inverse(order: np.ndarray) -> np.ndarray:
    """The order that takes ``order`` back."""
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return back
