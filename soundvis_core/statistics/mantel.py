"""Correlation of two similarity matrices: Pearson's r over the pairs, naive p, Mantel permutation p."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Union

import numpy as np

from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .orders import OrderGrid, inverse, permutation_orders, stratified_orders
from .similarity import pairs_of, rank, varies

__all__ = [
    "TIE",
    "mantel_p",
    "naive_p",
    "pearson",
    "permutation_orders",
    "permuted_products",
    "spearman",
    "standardised",
    "stratified_orders",
    "two_sided_p",
]

#: A permuted |r| this close to the observed one ties with it; without it rounding would break exact ties.
TIE = 1e-12
#: Numbers in hand at a time while matrices are rearranged (16 MB), and pairs of one matrix among them at most.
_IN_HAND, _PAIRS_IN_HAND = 2_000_000, 32_000
#: Orders that are worked on together.
_BATCH = 256
#: Up to this many sites the products are small.
_SMALL = 200

_Matrices = Union[Sequence[np.ndarray], np.ndarray]


def pearson(first: np.ndarray, second: np.ndarray) -> float | None:
    """Pearson's r, in -1..1, of two vectors of equal length; None where one of them does not vary."""
    if not (varies(first) and varies(second)):
        return None
    return _clip(_inner(_standard(first), _standard(second)))


def spearman(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's rho, in -1..1, of two vectors of equal length, ties at their mean rank; None as :func:`pearson`."""
    if not (varies(first) and varies(second)):
        return None
    return pearson(rank(first), rank(second))


def naive_p(r: float, pairs: int) -> float | None:
    """Two-sided p of ``r`` by the t-test with ``pairs`` - 2 degrees of freedom; None for fewer than 3 pairs.

    The test takes the pairs as independent, as the paper does. They are not: each site is in many pairs.
    Computed as the incomplete beta function I(1 - r^2; (pairs - 2) / 2, 1 / 2), equal to the t-test and exact
    at r = 1 and r = -1 too.
    """
    if pairs < 3:
        return None
    from scipy.special import betainc

    return float(betainc((pairs - 2) / 2.0, 0.5, max((1.0 - r) * (1.0 + r), 0.0)))


def standardised(matrix: np.ndarray) -> np.ndarray:
    """A symmetric ``matrix`` so that its upper triangle has mean 0 and length 1, and its diagonal is 0.

    The sum over pairs of the products of two such matrices is Pearson's r. The matrix must vary.
    """
    pairs = pairs_of(matrix)
    centred = pairs - pairs.mean()
    standard = (matrix - pairs.mean()) / math.sqrt(_inner(centred, centred))
    np.fill_diagonal(standard, 0.0)
    return standard


def permuted_products(
    a: np.ndarray,
    targets: _Matrices,
    orders: Iterable[np.ndarray],
    progress: Progress = NO_PROGRESS,
    total: int = 0,
) -> np.ndarray:
    """Per order and target, the sum over pairs of sites of ``a[order][:, order]`` times the target.

    a: (n, n) symmetric; targets: k symmetric (n, n) matrices; the diagonals do not count. Returns
    (permutations, k) float64: correlations, where all are :func:`standardised`. The orders of a fresh
    :class:`OrderGrid` need some 60 rearrangements for 999 of them, any others one each; these are done once for all
    targets. total: how many orders will come, for the progress.

    Raises :class:`Cancelled` where the user stops the run.
    """
    first: list[np.ndarray] | None = None
    rest, steps = iter(orders), math.ceil(total / _BATCH)
    if isinstance(orders, OrderGrid):
        first, rest, steps = orders.first(), orders.second(), math.ceil(orders.columns / _BATCH)
    still, found = [np.arange(len(a))], [np.empty((0, len(targets)))]
    while batch := list(islice(rest, _BATCH)):
        done = len(found) - 1
        share = (min(1.0, done / steps), min(1.0, (done + 1) / steps)) if steps else (0.0, 0.0)
        part = PartOf(progress, *share)
        if first is None:
            table = _table(a, targets, batch, still, part)
        else:
            table = _table(a, targets, first, [inverse(order) for order in batch], part).transpose(1, 0, 2)
        found.append(table.reshape(-1, len(targets)))
    sums = np.concatenate(found)
    return sums if first is None else sums[1:]  # without the order as it is


def two_sided_p(observed: float, null: np.ndarray) -> float:
    """Two-sided p of an observed statistic: (hits + 1) / (permutations + 1).

    null: (permutations,) the statistic under permutation. A hit is one whose size reaches the observed one's, up to
    ``TIE``.
    """
    hits = int(np.count_nonzero(np.abs(null) >= abs(observed) - TIE))
    return (hits + 1) / (len(null) + 1)


def mantel_p(
    permuted: np.ndarray,
    fixed: np.ndarray,
    orders: Iterable[np.ndarray],
    total: int = 0,
    progress: Progress = NO_PROGRESS,
) -> float | None:
    """Two-sided Mantel test (Mantel 1967): (hits + 1) / (permutations + 1).

    permuted, fixed: (n, n) symmetric similarities of the same sites; ``orders`` rearrange the sites of the
    first one, rows and columns together. A hit is an order whose \\|r\\| reaches the observed one.
    total: how many orders will come, for the progress. Equal to scikit-bio's ``mantel`` for equal orders.
    None where one matrix does not vary or no orders are given.

    Raises :class:`Cancelled` where the user stops the run.
    """
    if not (varies(pairs_of(permuted)) and varies(pairs_of(fixed))):
        return None
    first, second = standardised(permuted), standardised(fixed)
    null = permuted_products(first, [second], orders, progress, total)[:, 0]
    # Each pair lies in the matrix twice, hence the half.
    return two_sided_p(0.5 * _inner(first, second), null) if len(null) else None


def _table(
    a: np.ndarray, targets: _Matrices, first: list[np.ndarray], second: list[np.ndarray], progress: Progress
) -> np.ndarray:
    """Sums over pairs of ``a`` in each of the first orders times each target in each of the second, (f, s, k)."""
    sites, count = len(a), len(targets)
    sums = np.zeros((len(first), len(second) * count))
    source = np.ascontiguousarray(a, dtype=np.float64)
    others = []
    for target in targets:
        others.append(target.astype(np.float64))
        np.fill_diagonal(others[-1], 0.0)
    pairs = min(_PAIRS_IN_HAND, _IN_HAND // (len(first) + len(second) * max(1, count)))
    step = max(1, min(sites // 4, pairs // max(1, sites)))
    for start in range(0, sites, step):
        check_cancelled(progress)
        progress.report(start / sites)
        ours = _rearranged(source, first, start, step)
        theirs = np.concatenate([_rearranged(other, second, start, step) for other in others])
        # Columns from the diagonal on only; the square on the diagonal holds its pairs twice.
        theirs[:, :, : theirs.shape[1]] *= 0.5
        ours, theirs = ours.reshape(len(first), -1), theirs.reshape(len(theirs), -1)
        # Small products without BLAS, which wakes its threads for each and waits for them on a busy machine.
        sums += ours @ theirs.T if sites > _SMALL else np.einsum("fp,sp->fs", ours, theirs)
    return sums.reshape(len(first), count, len(second)).transpose(0, 2, 1)


def _rearranged(matrix: np.ndarray, orders: list[np.ndarray], start: int, step: int) -> np.ndarray:
    """Some rows of the matrix in each order, from column ``start`` on: (orders, rows, columns)."""
    sites = len(matrix)
    height = min(step, sites - start)
    found, rows = np.empty((len(orders), height, sites - start)), np.empty((height, sites))
    for part, order in zip(found, orders):
        # Rows first: they stay in the cache while their columns are picked. mode="clip" lets numpy write straight
        # into the buffers; the orders are valid anyway.
        matrix.take(order[start : start + height], axis=0, out=rows, mode="clip")
        rows.take(order[start:], axis=1, out=part, mode="clip")
    return found


def _inner(first: np.ndarray, second: np.ndarray) -> float:
    """Sum of the products of two arrays of one shape.

    Not np.vdot: BLAS wakes its threads for every call, which on a busy machine takes a hundred times as long as
    the sum, and its rounding depends on their number.
    """
    return float(np.einsum("i,i->", first.ravel(), second.ravel()))


def _standard(pairs: np.ndarray) -> np.ndarray:
    """``pairs`` with mean 0 and length 1."""
    centred = pairs - pairs.mean()
    return centred / math.sqrt(_inner(centred, centred))


def _clip(r: float) -> float:
    return min(max(r, -1.0), 1.0)
