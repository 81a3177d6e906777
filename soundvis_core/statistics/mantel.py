"""Correlation of two similarity matrices: Pearson's r over the pairs, naive p, Mantel permutation p."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .similarity import pairs_of, varies

#: A permuted |r| this close to the observed one ties with it; without it rounding would break exact ties.
_TIE = 1e-12
#: Matrix elements to permute between two looks at the cancel button (some tens of milliseconds).
_ELEMENTS_PER_LOOK = 4_000_000


def pearson(first: np.ndarray, second: np.ndarray) -> float | None:
    """Pearson's r, in -1..1, of two vectors of equal length; None where one of them does not vary."""
    if not (varies(first) and varies(second)):
        return None
    return _clip(_inner(_standard(first), _standard(second)))


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


def permutation_orders(sites: int, permutations: int, seed: int) -> Iterator[np.ndarray]:
    """``permutations`` random orders of ``sites`` sites, the same ones for the same seed."""
    generator = np.random.default_rng(seed)
    for _ in range(permutations):
        yield generator.permutation(sites)


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
    first, second = _standard_matrix(permuted), _standard_matrix(fixed)
    # Each pair lies in the matrix twice, hence the half. The diagonal is 0 and stays on the diagonal.
    observed = 0.5 * abs(_inner(first, second))
    rows, shuffled = np.empty_like(first), np.empty_like(first)
    look = max(1, _ELEMENTS_PER_LOOK // first.size)
    hits = done = 0
    for order in orders:
        if done % look == 0:
            check_cancelled(progress)
            if total:
                progress.report(done / total)
        # mode="clip" lets numpy write straight into the buffers; the orders are valid anyway.
        np.take(first, order, axis=0, out=rows, mode="clip")
        np.take(rows, order, axis=1, out=shuffled, mode="clip")
        hits += 0.5 * abs(_inner(shuffled, second)) >= observed - _TIE
        done += 1
    return (hits + 1) / (done + 1) if done else None


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


def _standard_matrix(matrix: np.ndarray) -> np.ndarray:
    """``matrix`` so that its upper triangle has mean 0 and length 1, and its diagonal is 0."""
    pairs = pairs_of(matrix)
    centred = pairs - pairs.mean()
    standard = (matrix - pairs.mean()) / math.sqrt(_inner(centred, centred))
    np.fill_diagonal(standard, 0.0)
    return standard


def _clip(r: float) -> float:
    return min(max(r, -1.0), 1.0)
