"""The exact mean and spread of Mantel's r over all permutations of the sites, without drawing any of them."""

from __future__ import annotations

import math

import numpy as np

from .similarity import pairs_of, varies


def permutation_sd(a: np.ndarray, b: np.ndarray) -> float | None:
    """Standard deviation of Mantel's r over all n! orders of the sites (Mantel 1967); its mean is 0.

    a, b: (n, n) symmetric similarities of the same sites. None for fewer than 3 sites, and where one of the two does
    not vary over the pairs.
    """
    if len(a) < 3 or not (varies(pairs_of(a)) and varies(pairs_of(b))):
        return None
    return sd_of_sums(len(a), *_sums(a), *_sums(b))


def sd_of_sums(sites: int, squares_a: float, rows_a: float, squares_b: float, rows_b: float) -> float:
    """The same from sums over the two matrices with mean 0 off the diagonal and a diagonal of 0.

    squares: the sum of squares over both triangles. rows: the sum over the sites of the squared sum of their row.
    The mean being 0, products of two pairs sum to the squares where the pairs are the same, to ``paths`` where they
    share one site and to ``apart`` where they share none; a permutation keeps which of the three two pairs are, and
    makes each equally likely within it.
    """
    paths_a, paths_b = rows_a - squares_a, rows_b - squares_b
    variance = 2.0 / (sites * (sites - 1.0))
    variance += 4.0 * (paths_a / squares_a) * (paths_b / squares_b) / (sites * (sites - 1.0) * (sites - 2.0))
    if sites > 3:
        apart_a, apart_b = -2.0 - 4.0 * paths_a / squares_a, -2.0 - 4.0 * paths_b / squares_b
        variance += apart_a * apart_b / (sites * (sites - 1.0) * (sites - 2.0) * (sites - 3.0))
    return math.sqrt(max(variance, 0.0))


def _sums(matrix: np.ndarray) -> tuple[float, float]:
    centred = matrix - pairs_of(matrix).mean()
    np.fill_diagonal(centred, 0.0)
    rows = centred.sum(axis=1)
    return float(np.einsum("ij,ij->", centred, centred)), float(np.einsum("i,i->", rows, rows))
