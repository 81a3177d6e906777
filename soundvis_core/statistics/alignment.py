"""Where two modalities agree: each site's own r between its rows of similarities, and its partners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .mantel import permutation_orders
from .similarity import CONSTANT

#: A permuted |r| this close to the observed one ties with it; without it rounding would break exact ties.
_TIE = 1e-12
#: A correlation of fewer other sites than this says nothing: two points always lie on a line.
MIN_OTHERS = 3
#: Similarities are compared to this many decimals when partners are looked for, so that rounding breaks no ties.
_DECIMALS = 12
#: Numbers permuted between two looks at the cancel button, and those kept near the processor meanwhile.
_ELEMENTS_PER_LOOK = 4_000_000
_ELEMENTS_AT_HAND = 64_000
#: How many orders are kept at a time.
_ORDERS_AT_HAND = 1000

PERMUTATION = "permutation of the other sites"
APPROXIMATION = "t-test, which has the mean and variance of the permutation test (Pitman 1937)"


@dataclass(frozen=True)
class Partners:
    """Each site's most and least similar other site in one block.

    nearest, farthest: (n,) int positions of sites, -1 where there is no other; of equally similar ones the first.
    nearest_similarity, farthest_similarity: (n,) float, NaN where there is no other.
    """

    nearest: np.ndarray
    nearest_similarity: np.ndarray
    farthest: np.ndarray
    farthest_similarity: np.ndarray


@dataclass(frozen=True)
class SiteAlignment:
    """How far two blocks agree about each site.

    r: (n,) Pearson's r between the site's similarities to the others in block a and in block b, NaN where undefined.
    p: (n,) two-sided, NaN where not tested. others: (n,) int, how many sites each was compared with. a, b: partners
    in either block. test: what p comes from, ``PERMUTATION`` or ``APPROXIMATION``; "" where nothing was tested.
    constant_a, constant_b: (n,) bool, whether all others are equally similar to the site, so that it has no r.
    """

    r: np.ndarray
    p: np.ndarray
    others: np.ndarray
    a: Partners
    b: Partners
    test: str
    constant_a: np.ndarray
    constant_b: np.ndarray


def site_alignment(
    a: np.ndarray,
    b: np.ndarray,
    permutations: int = 999,
    seed: int = 1,
    progress: Progress = NO_PROGRESS,
) -> SiteAlignment:
    """Each site's own correlation between two (n, n) symmetric matrices of similarities.

    The r of a site is Pearson's r between its rows in ``a`` and ``b``, itself left out: whether what sounds like it
    also looks like it. p: the labels of the other sites are permuted, (hits + 1) / (permutations + 1), a hit being an
    order whose \\|r\\| reaches the observed one; every site sees the same orders. NaN where the site has fewer than
    ``MIN_OTHERS`` others or is equally similar to all of them.

    Raises :class:`Cancelled` where the user stops the run.
    """
    sites = len(a)
    first, constant_a = _standard_rows(a)
    second, constant_b = _standard_rows(b)
    r = np.einsum("ij,ij->i", first, second)
    defined = ~constant_a & ~constant_b & (sites - 1 >= MIN_OTHERS)
    p = np.full(sites, np.nan)
    if permutations and defined.any():
        p[defined] = _permutation_p(first[defined], second[defined], permutations, seed, progress)
    return SiteAlignment(
        np.where(defined, np.clip(r, -1.0, 1.0), np.nan),
        p,
        np.full(sites, max(sites - 1, 0)),
        partners(a),
        partners(b),
        PERMUTATION if permutations else "",
        constant_a,
        constant_b,
    )


def row_correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Each site's own r of two (n, n) matrices of similarities: the (n,) of :func:`site_alignment`, untested."""
    first, constant_a = _standard_rows(a)
    second, constant_b = _standard_rows(b)
    r = np.clip(np.einsum("ij,ij->i", first, second), -1.0, 1.0)
    return np.where(constant_a | constant_b | (len(a) - 1 < MIN_OTHERS), np.nan, r)


def partners(matrix: np.ndarray) -> Partners:
    """The nearest and the farthest other site of each in an (n, n) matrix of similarities."""
    sites = len(matrix)
    if sites < 2:
        nobody, nothing = np.full(sites, -1), np.full(sites, np.nan)
        return Partners(nobody, nothing, nobody, nothing)
    rounded = np.round(matrix, _DECIMALS)
    everyone = np.arange(sites)
    np.fill_diagonal(rounded, -np.inf)
    nearest = rounded.argmax(axis=1)
    np.fill_diagonal(rounded, np.inf)
    farthest = rounded.argmin(axis=1)
    return Partners(nearest, matrix[everyone, nearest], farthest, matrix[everyone, farthest])


def _standard_rows(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, n - 1) without the site itself, mean 0 and length 1, and which of them do not vary (they are 0)."""
    sites = len(matrix)
    if sites < 2:
        return np.zeros((sites, 0)), np.ones(sites, dtype=bool)
    rows = matrix[~np.eye(sites, dtype=bool)].reshape(sites, sites - 1)
    constant = np.ptp(rows, axis=1) <= CONSTANT
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rows /= np.where(constant, 1.0, length)[:, None]
    rows[constant] = 0.0
    return rows, constant


def _permutation_p(
    first: np.ndarray, second: np.ndarray, permutations: int, seed: int, progress: Progress
) -> np.ndarray:
    """Two-sided p (n,) of the products of standard rows (n, m), the columns of the first permuted."""
    others = first.shape[1]
    enough = np.abs(np.einsum("ij,ij->i", first, second)) - _TIE
    hits = np.zeros(len(first), dtype=np.int64)
    # A few rows at a time, so that they stay in the processor's cache while all orders pass.
    height = max(1, _ELEMENTS_AT_HAND // others)
    look = max(1, _ELEMENTS_PER_LOOK // (height * others))
    done = 0
    for orders in _batches(permutation_orders(others, permutations, seed), permutations):
        for start in range(0, len(first), height):
            rows, fixed = first[start : start + height], second[start : start + height]
            shuffled = np.empty_like(rows)
            for number, order in enumerate(orders):
                if number % look == 0:
                    check_cancelled(progress)
                # mode="clip" lets numpy write straight into the buffer; the orders are valid anyway.
                np.take(rows, order, axis=1, out=shuffled, mode="clip")
                reached = np.abs(np.einsum("ij,ij->i", shuffled, fixed)) >= enough[start : start + height]
                hits[start : start + height] += reached
            share = min(start + height, len(first)) / len(first)
            progress.report((done + share * len(orders)) / permutations)
        done += len(orders)
    return (hits + 1) / (permutations + 1)


def _batches(orders: Iterator[np.ndarray], permutations: int) -> Iterator[list[np.ndarray]]:
    """The orders, so many at a time."""
    for start in range(0, permutations, _ORDERS_AT_HAND):
        yield [next(orders) for _ in range(min(_ORDERS_AT_HAND, permutations - start))]
