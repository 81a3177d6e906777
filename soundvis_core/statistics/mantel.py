"""Correlation of two similarity matrices: Pearson's r over the pairs, naive p, Mantel permutation p."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .similarity import pairs_of, rank, varies

#: A permuted |r| this close to the observed one ties with it; without it rounding would break exact ties.
TIE = 1e-12
#: Matrix elements to permute between two looks at the cancel button (some tens of milliseconds).
_ELEMENTS_PER_LOOK = 4_000_000
#: Groups of fewer sites than this on average are permuted by sorting instead of one by one.
_FEW_PER_GROUP = 200


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


def permutation_orders(sites: int, permutations: int, seed: int) -> Iterator[np.ndarray]:
    """``permutations`` random orders of ``sites`` sites, the same ones for the same seed."""
    generator = np.random.default_rng(seed)
    for _ in range(permutations):
        yield generator.permutation(sites)


def stratified_orders(
    groups: Sequence[Hashable | None] | np.ndarray, permutations: int, seed: int
) -> Iterator[np.ndarray]:
    """``permutations`` random orders that move sites within their group only, the same ones for the same seed.

    groups: per site, its group; a site whose group is None stays where it is.
    """
    generator = np.random.default_rng(seed)
    members: dict[Hashable, list[int]] = {}
    for site, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(site)
    moved = [np.array(sites, dtype=np.intp) for sites in members.values() if len(sites) > 1]
    stay = np.arange(len(groups), dtype=np.intp)
    if not moved:
        for _ in range(permutations):
            yield stay.copy()
        return
    slots = np.concatenate(moved)
    many = len(slots) < _FEW_PER_GROUP * len(moved)
    group_of_slot = np.repeat(np.arange(len(moved), dtype=np.float64), [len(sites) for sites in moved])
    for _ in range(permutations):
        order = stay.copy()
        if many:
            order[slots] = slots[np.argsort(group_of_slot + generator.random(len(slots)))]
        else:
            for sites in moved:
                order[sites] = generator.permutation(sites)
        yield order


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
    targets: Sequence[np.ndarray] | np.ndarray,
    orders: Iterable[np.ndarray],
    progress: Progress = NO_PROGRESS,
    total: int = 0,
) -> np.ndarray:
    """Per order and target, the sum over pairs of sites of ``a[order][:, order]`` times the target.

    a: (n, n) symmetric; targets: k symmetric (n, n) matrices; the diagonals do not count. Returns
    (permutations, k) float64: correlations, where all are :func:`standardised`. The orders rearrange ``a`` once for
    all targets. total: how many orders will come, for the progress.

    Raises :class:`Cancelled` where the user stops the run.
    """
    sites = len(a)
    count = len(targets)
    blocks = _row_blocks(sites)
    parts = [
        np.stack([_above(target, start, stop) for target in targets]) if count else np.empty((0, 0))
        for start, stop in blocks
    ]
    a = np.ascontiguousarray(a, dtype=np.float64)
    found: list[np.ndarray] = []
    look = max(1, _ELEMENTS_PER_LOOK // max(1, a.size))
    for done, order in enumerate(orders):
        if done % look == 0:
            check_cancelled(progress)
            if total:
                progress.report(done / total)
        sums = np.zeros(count)
        for (start, stop), part in zip(blocks, parts):
            rows = a.take(order[start:stop], axis=0)
            shuffled = rows.take(order[start:], axis=1)
            for target in range(count):
                sums[target] += _inner(shuffled, part[target])
        found.append(sums)
    return np.array(found).reshape(len(found), count)


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


def _row_blocks(sites: int) -> list[tuple[int, int]]:
    edges = np.unique(np.linspace(0, sites, 1 + max(1, min(sites // 64, 64))).astype(int))
    return [(int(start), int(stop)) for start, stop in zip(edges[:-1], edges[1:])]


def _above(target: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Rows ``start`` to ``stop`` of what is above the diagonal, from column ``start`` on."""
    return np.triu(target[start:stop, start:].astype(np.float64), k=1)


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
