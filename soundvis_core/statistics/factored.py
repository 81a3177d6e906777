"""Mantel's r of cosine similarities without any sites-by-sites matrix: time n d^2, memory n d.

With the rows z brought to length 1, the similarity of two sites is z_i.z_j, and sums over all pairs of sites are sums
over d x d matrices: sum_ij (z_i.z_j) (y_i.y_j) = ||Z'Y||^2 (Frobenius). Every sum here is taken around the mean row,
z = mean + e, so that nothing cancels where all similarities are high, as in embeddings with a hub:
with u_i = mean.e_i, sum_ij (S_ij - |mean|^2) (V_ij - |mean'|^2) = 2 n sum_i u_i u'_i + ||E'F||^2. The self-pairs on
the diagonal, all of similarity 1, are then taken out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .factored_orders import MATRIX_SITES, MOVED, MULTIPLIED, ROWS, by_matrices, by_rows, one_order
from .moments import sd_of_sums
from .orders import OrderGrid, permutation_orders
from .similarity import CONSTANT, unit_rows

#: A sum that is this small beside its parts is their rounding.
_ROUNDING = 1e-13
#: Blocks wider than this are permuted in float32, and in float64 again where that could change a p.
_WIDE = 64
#: A multiplication in the product of narrow blocks waits for memory: so many times as long as one of wide ones.
_NARROW = 70.0
#: What part of a sum float32 may be off, at most; some 1e-7 is usual.
_FLOAT32 = 1e-6


@dataclass(frozen=True)
class _Moments:
    """Of two blocks' unit rows: mean rows (d,), and sums of products of what differs from them (d, d)."""

    mean_a: np.ndarray
    mean_b: np.ndarray
    aa: np.ndarray
    bb: np.ndarray
    ab: np.ndarray


class FactoredPair:
    """Two blocks of the same sites, each compared by cosine. Nothing here is (sites, sites).

    rows_a, rows_b: (n, d) floats of either width, no row of zeros; they are brought to length 1 in float64, chunk by
    chunk, so float32 rows give what their float64 copy would. They must not change while the pair is in use.
    The first block is the one that permutations rearrange.
    """

    def __init__(self, rows_a: np.ndarray, rows_b: np.ndarray, progress: Progress = NO_PROGRESS) -> None:
        self.sites = len(rows_a)
        self._a, self._b = rows_a, rows_b
        self._moments = self._sum_up(progress)
        moments, ones = self._moments, float(self.sites)
        mean_a, mean_b = moments.mean_a, moments.mean_b
        trace_a, trace_b = float(np.trace(moments.aa)), float(np.trace(moments.bb))
        along_a, along_b = float(mean_a @ moments.aa @ mean_a), float(mean_b @ moments.bb @ mean_b)
        self._squares_a = _off_diagonal(moments.aa, along_a, trace_a, trace_a, ones, ones)
        self._squares_b = _off_diagonal(moments.bb, along_b, trace_b, trace_b, ones, ones)
        self._scale = math.sqrt(max(self._squares_a, 0.0) * max(self._squares_b, 0.0))
        # Over all ordered pairs, self-pairs included, and what these are, times the number of sites.
        self._sums = _squared(moments.ab) + 2.0 * ones * float(mean_a @ moments.ab @ mean_b)
        self._self_pairs = trace_a * trace_b
        self._ready: tuple[np.ndarray, np.ndarray] | None = None

    def varies(self) -> tuple[bool, bool]:
        """Whether the similarities of either block differ at all between the pairs."""
        moments = self._moments
        return self._differ(self._squares_a, moments.aa), self._differ(self._squares_b, moments.bb)

    def spreads(self) -> tuple[float, float]:
        """Standard deviation over the pairs of the similarities of either block; 0 below 2 sites."""
        pairs = self.sites * (self.sites - 1.0)
        if pairs <= 0.0:
            return 0.0, 0.0
        return math.sqrt(max(self._squares_a, 0.0) / pairs), math.sqrt(max(self._squares_b, 0.0) / pairs)

    def r(self) -> float | None:
        """Pearson's r of the similarities over the pairs; None where one block's do not vary."""
        return float(self._r_of(self._sums)) if all(self.varies()) else None

    def null_sd(self) -> float | None:
        """Exact standard deviation of r over all orders of the sites; None where r is, or below 3 sites."""
        if self.sites < 3 or not all(self.varies()):
            return None
        moments, squared = self._moments, float(self.sites) ** 2
        rows_a = squared * float(moments.mean_a @ moments.aa @ moments.mean_a)
        rows_b = squared * float(moments.mean_b @ moments.bb @ moments.mean_b)
        return sd_of_sums(self.sites, self._squares_a, rows_a, self._squares_b, rows_b)

    def permuted(
        self, orders: Iterable[np.ndarray], progress: Progress = NO_PROGRESS, total: int = 0
    ) -> np.ndarray:
        """The r with the sites of the first block in each of the orders, (permutations,) float64.

        Wide blocks are multiplied in float32 (r off by some 1e-7) and again in float64 where \\|r\\| is near the
        observed, so that the p from these is that of the exact ones. NaN throughout where r is undefined.
        total: how many orders will come, for the progress.

        Raises :class:`Cancelled` where the user stops the run.
        """
        observed, spread = self.r(), self.null_sd()
        if observed is None or spread is None:
            return np.array([math.nan for _ in orders])
        a, b = self._deviations(progress)
        if isinstance(orders, OrderGrid) and not self._wide:
            return np.asarray(self._r_of(by_rows(a, b, orders, progress)))
        widths = self._a.shape[1], self._b.shape[1]
        if isinstance(orders, OrderGrid) and _matrices_pay(self.sites, *widths, orders):
            self_pairs = self._self_pairs / self.sites
            sums, error = by_matrices(a, b, orders, self._sums - self_pairs, self_pairs, progress)
            found = np.asarray(self._r_of(sums))
            near = np.abs(np.abs(found) - abs(observed)) <= error / self._scale
            for number in np.flatnonzero(near):
                check_cancelled(progress)
                found[number] = self._exact_r(orders.order(int(number)), progress)
            return found
        one_by_one = []
        for done, order in enumerate(orders):
            check_cancelled(progress)
            if total:
                progress.report(done / total)
            summed = one_order(a, b, order, progress)
            r = float(self._r_of(summed))
            if self._wide and abs(abs(r) - abs(observed)) <= _FLOAT32 * (abs(summed) / self._scale + spread):
                r = self._exact_r(order, progress)
            one_by_one.append(r)
        return np.array(one_by_one)

    def weighted(self, weights: np.ndarray, progress: Progress = NO_PROGRESS) -> float | None:
        """The r with the pair of sites i, j counted weights[i] * weights[j] times, weights (n,) at least 0.

        For the site bootstrap: a site drawn twice makes no pair with itself. None where the similarities of the
        pairs left do not vary. Raises :class:`Cancelled`.
        """
        drawn = np.flatnonzero(weights)
        counts = np.asarray(weights, dtype=np.float64)[drawn]
        whole, squares = float(counts.sum()), float(np.einsum("i,i->", counts, counts))
        if whole * whole - squares <= 0.0:
            return None
        rows_a, rows_b = self._deviations(progress)
        cut, width = rows_a.shape[1], rows_a.shape[1] + rows_b.shape[1]
        products, shift = np.zeros((width, width)), np.zeros(width)
        for start in range(0, len(drawn), ROWS):
            check_cancelled(progress)
            chosen, count = drawn[start : start + ROWS], counts[start : start + ROWS]
            both = np.concatenate([rows_a[chosen], rows_b[chosen]], axis=1)
            shift += np.einsum("i,ij->j", count, both)
            both *= np.sqrt(count)[:, None].astype(both.dtype)
            products += both.T @ both
        # Around the mean row of what was drawn, and along that one.
        shift /= whole
        products -= whole * np.outer(shift, shift)
        along_a, along_b = np.append(shift[: cut - 1], 1.0), np.append(shift[cut:-1], 1.0)
        aa, bb, ab = products[:cut, :cut], products[cut:, cut:], products[:cut, cut:]
        traces = float(np.trace(aa[:-1, :-1])), float(np.trace(bb[:-1, :-1]))

        def summed(
            of: np.ndarray, first: np.ndarray, second: np.ndarray, trace_a: float, trace_b: float
        ) -> float:
            along = float(first @ of @ second)
            return _off_diagonal(of[:-1, :-1], along, trace_a, trace_b, whole, squares)

        squares_a = summed(aa, along_a, along_a, traces[0], traces[0])
        squares_b = summed(bb, along_b, along_b, traces[1], traces[1])
        if not (self._differ(squares_a, aa[:-1, :-1]) and self._differ(squares_b, bb[:-1, :-1])):
            return None
        covered = summed(ab, along_a, along_b, traces[0], traces[1])
        return min(max(covered / math.sqrt(squares_a * squares_b), -1.0), 1.0)

    def row_r(self, progress: Progress = NO_PROGRESS) -> np.ndarray:
        """Each site's own r between its similarities to the other sites in the two blocks, (n,) float64.

        NaN where its similarities do not vary in one of the blocks. Raises :class:`Cancelled`.
        """
        moments, found = self._moments, np.full(self.sites, np.nan)
        if self.sites < 3:
            return found
        share = self.sites / (self.sites - 1.0)
        for start in range(0, self.sites, ROWS):
            check_cancelled(progress)
            a, b = self._unit(self._a, start), self._unit(self._b, start)
            # A site's similarity to itself, less its mean one: out of the sums over all sites.
            self_a, self_b = 1.0 - a @ moments.mean_a, 1.0 - b @ moments.mean_b
            across_a = a @ moments.aa
            all_a = np.einsum("ij,ij->i", across_a, a)
            all_b = np.einsum("ij,ij->i", b @ moments.bb, b)
            squares_a, squares_b = all_a - share * self_a * self_a, all_b - share * self_b * self_b
            products = np.einsum("ij,ij->i", a @ moments.ab, b) - share * self_a * self_b
            floor = (self.sites - 1) * CONSTANT**2
            good = (squares_a > np.maximum(floor, _ROUNDING * all_a)) & (
                squares_b > np.maximum(floor, _ROUNDING * all_b)
            )
            r = products[good] / np.sqrt(squares_a[good] * squares_b[good])
            found[start : start + len(a)][good] = np.clip(r, -1.0, 1.0)
        return found

    def estimate_seconds(self, permutations: int) -> float:
        """About how long that many permutations take; see :func:`permuted_seconds`."""
        return permuted_seconds(self.sites, self._a.shape[1], self._b.shape[1], permutations)

    @property
    def _wide(self) -> bool:
        return _is_wide(self._a.shape[1], self._b.shape[1])

    def _unit(self, rows: np.ndarray, start: int) -> np.ndarray:
        return unit_rows(rows[start : start + ROWS].astype(np.float64))

    def _sum_up(self, progress: Progress) -> _Moments:
        width_a, width_b = self._a.shape[1], self._b.shape[1]
        means = [np.zeros(width_a), np.zeros(width_b)]
        starts = range(0, self.sites, ROWS)
        for mean, rows in zip(means, (self._a, self._b)):
            for start in starts:
                check_cancelled(progress)
                mean += self._unit(rows, start).sum(axis=0) / self.sites
        products = np.zeros((width_a + width_b, width_a + width_b))
        part = PartOf(progress, 0.1, 1.0)
        for start in starts:
            check_cancelled(progress)
            part.report(start / self.sites)
            both = np.concatenate(
                [self._unit(self._a, start) - means[0], self._unit(self._b, start) - means[1]], axis=1
            )
            products += both.T @ both
        aa, bb, ab = products[:width_a, :width_a], products[width_a:, width_a:], products[:width_a, width_a:]
        return _Moments(means[0], means[1], aa, bb, ab)

    def _deviations(self, progress: Progress = NO_PROGRESS) -> tuple[np.ndarray, np.ndarray]:
        """Per block (n, d + 1): what differs from the mean row, and in the last column its product with the mean."""
        if self._ready is None:
            dtype = np.float32 if self._wide else np.float64
            ready = []
            for rows, mean in ((self._a, self._moments.mean_a), (self._b, self._moments.mean_b)):
                deviations = np.empty((self.sites, rows.shape[1] + 1), dtype)
                for start in range(0, self.sites, ROWS):
                    check_cancelled(progress)
                    chunk = self._unit(rows, start) - mean
                    deviations[start : start + ROWS, :-1] = chunk
                    deviations[start : start + ROWS, -1] = chunk @ mean
                ready.append(deviations)
            self._ready = (ready[0], ready[1])
        return self._ready

    def _exact_r(self, order: np.ndarray, progress: Progress = NO_PROGRESS) -> float:
        """The r of one order in float64 throughout."""
        moments = self._moments
        products = np.zeros((len(moments.mean_a), len(moments.mean_b)))
        for start in range(0, self.sites, ROWS):
            check_cancelled(progress)
            a = unit_rows(self._a[order[start : start + ROWS]].astype(np.float64)) - moments.mean_a
            products += a.T @ (self._unit(self._b, start) - moments.mean_b)
        along = float(moments.mean_a @ products @ moments.mean_b)
        return float(self._r_of(_squared(products) + 2.0 * self.sites * along))

    def _differ(self, squares: float, products: np.ndarray) -> bool:
        rounding = _ROUNDING * (_squared(products) + float(np.trace(products)) ** 2 / max(self.sites - 1, 1))
        return self.sites > 2 and squares > max(self.sites * (self.sites - 1) * CONSTANT**2, rounding)

    def _r_of(self, sums: float | np.ndarray) -> np.floating | np.ndarray:
        """The r from sums over all ordered pairs, self-pairs included."""
        return np.clip((sums - self._self_pairs / (self.sites - 1.0)) / self._scale, -1.0, 1.0)


def _off_diagonal(
    products: np.ndarray, along: float, trace_a: float, trace_b: float, whole: float, squares: float
) -> float:
    """Sum over ordered pairs of distinct sites of the product of two similarities, each less its mean over them.

    products: (d, d) sums of products of deviations, a by b; along: the same for what lies along the mean rows.
    whole, squares: the sum of the sites' weights and of their squares. trace_a, trace_b: sums of squared deviations; a
    self-pair's similarity, 1, lies trace / whole above the square of the mean row.
    """
    pairs = whole * whole - squares
    if pairs <= 0.0:
        return 0.0
    inside = 2.0 * whole * along + _squared(products)
    return inside - (trace_a / whole) * (trace_b / whole) * (squares + squares * squares / pairs)


def _squared(products: np.ndarray) -> float:
    return float(np.einsum("ij,ij->", products, products))


def permuted_seconds(sites: int, width_a: int, width_b: int, permutations: int) -> float:
    """About how long that many permutations of :meth:`FactoredPair.permuted` take, in seconds on two cores.

    For orders as :class:`OrderGrid` has them.
    """
    orders = permutation_orders(sites, permutations, 0)
    if _matrices_pay(sites, width_a, width_b, orders):
        return _matrices_seconds(sites, width_a, width_b, orders)
    rows = _rows_seconds(sites, width_a, width_b, permutations)
    return rows if _is_wide(width_a, width_b) else rows * _NARROW


def _matrices_pay(sites: int, width_a: int, width_b: int, orders: OrderGrid) -> bool:
    """Whether matrices of 2 bytes are the faster way, where they fit."""
    if sites > MATRIX_SITES or not _is_wide(width_a, width_b):
        return False
    rows = _rows_seconds(sites, width_a, width_b, len(orders))
    return _matrices_seconds(sites, width_a, width_b, orders) < rows


def _rows_seconds(sites: int, width_a: int, width_b: int, permutations: int) -> float:
    return sites * (width_a + 1.0) * (width_b + 1.0) * permutations * MULTIPLIED


def _matrices_seconds(sites: int, width_a: int, width_b: int, orders: OrderGrid) -> float:
    multiplied = width_a + width_b + float(orders.rows) * orders.columns
    return sites * sites / 2.0 * (multiplied * MULTIPLIED + (orders.rows + orders.columns) * MOVED)


def _is_wide(width_a: int, width_b: int) -> bool:
    return max(width_a, width_b) > _WIDE
