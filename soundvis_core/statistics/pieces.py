"""Similarities between many sites, piece by piece: what a matrix of sites by sites would hold, without the matrix."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .similarity import (
    AITCHISON,
    COSINE,
    DIFFERENCE,
    HELLINGER,
    JENSEN_SHANNON,
    centred_log_ratios,
    closed,
    measure_of,
    similarity_matrix,
    unit_rows,
)

#: Up to so many sites the whole matrix is made, in float64; with more, pieces are computed as they are asked for.
DENSE_SITES = 3000
#: Sites along each side of a piece: 4 MB of float32.
_STEP = 1024
#: Pairs looked up together where each needs a distance.
_PAIRS = 32
#: A run that would take longer than this many seconds says so once it has run for the second number.
_LONG, _TRIAL = 60.0, 5.0


class Pieces:
    """Similarities between the sites of one block, by slices of sites. Equal to ``similarity_matrix`` of all of them.

    values: (n, d), every row usable. measure: see :func:`similarity.measure_of`. Of more than ``DENSE_SITES`` sites
    cosines are computed from float32 rows (they agree to 6 decimals), other measures in float64; for the largest
    Aitchison distance all pairs are looked at once. Raises :class:`Cancelled` where the user stops that.
    """

    def __init__(self, values: np.ndarray, measure: str = "", progress: Progress = NO_PROGRESS) -> None:
        self.sites = len(values)
        self.measure = measure_of(values, measure)
        self._matrix: np.ndarray | None = None
        self._scale = 1.0
        self._points: np.ndarray
        if self.sites <= DENSE_SITES:
            self._matrix = similarity_matrix(values, measure)
            return
        if self.measure == COSINE:
            #: What the similarities are computed from: unit rows, shares, log-ratios or numbers.
            self._points = unit_rows(values).astype(np.float32, copy=False)
            return
        numbers = values.astype(np.float64)
        if self.measure == DIFFERENCE:
            largest = float(np.abs(numbers).max())
            self._points = numbers / largest if largest > 0.0 else numbers
            self._scale = float(np.ptp(self._points)) or 1.0
        elif self.measure == AITCHISON:
            self._points = centred_log_ratios(closed(numbers))
            self._scale = self._largest_distance(progress) or 1.0
        else:
            self._points = closed(numbers)
            self._scale = math.sqrt(math.log(2.0))  # from nats to bits
            if self.measure == HELLINGER:
                self._points, self._scale = np.sqrt(self._points), math.sqrt(2.0)

    @property
    def rows(self) -> np.ndarray | None:
        """Unit rows (n, d) float32 where similarities are their products (cosine of many sites), else None."""
        return self._points if self._matrix is None and self.measure == COSINE else None

    def piece(self, rows: slice, columns: slice) -> np.ndarray:
        """(k, l) similarities of the sites ``rows`` to the sites ``columns``; a fresh array."""
        if self._matrix is not None:
            return self._matrix[rows, columns].copy()
        first, second = self._points[rows], self._points[columns]
        if self.measure == COSINE:
            return first @ second.T
        return 1.0 - self._distances(first, second) / self._scale

    def of_pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """(k,) float64 similarities of the sites ``first`` to the sites ``second``, pair by pair."""
        if self._matrix is not None:
            return np.asarray(self._matrix[first, second], dtype=np.float64)
        if self.measure != COSINE:
            return self._of_some_pairs(first, second)
        found = np.empty(len(first))
        for start in range(0, len(first), _STEP):
            here = slice(start, start + _STEP)
            found[here] = np.einsum(
                "ij,ij->i", self._points[first[here]], self._points[second[here]], dtype=np.float64
            )
        return np.clip(found, -1.0, 1.0)

    def _of_some_pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """:meth:`of_pairs` by distances, a few pairs at a time: the diagonals of small pieces."""
        found = np.empty(len(first))
        for start in range(0, len(first), _PAIRS):
            here = slice(start, start + _PAIRS)
            apart = self._distances(self._points[first[here]], self._points[second[here]])
            found[here] = 1.0 - apart.diagonal() / self._scale
        return found

    def sums(self, start: int, stop: int, progress: Progress = NO_PROGRESS) -> tuple[float, float]:
        """Sum and sum of squares of the similarities of the pairs among the sites ``start`` to ``stop``.

        Of cosines of many sites in closed form: the sum of all products of rows is the squared length of their sum,
        that of the squared products the squared length of their Gram matrix.
        """
        if self.rows is None:
            total = squares = 0.0
            for rows, columns in walk(start, stop, progress):
                found = self.piece(rows, columns).astype(np.float64, copy=False)
                if rows == columns:
                    found = found[np.triu_indices(len(found), k=1)]
                total += float(found.sum())
                squares += float(np.einsum("i,i->", found.ravel(), found.ravel()))
            return total, squares
        width = self.rows.shape[1]
        summed, gram, own, own_squares = np.zeros(width), np.zeros((width, width)), 0.0, 0.0
        for first in range(start, stop, _STEP):
            check_cancelled(progress)
            rows64 = self.rows[first : min(first + _STEP, stop)].astype(np.float64)
            summed += rows64.sum(axis=0)
            gram += rows64.T @ rows64
            lengths = np.einsum("ij,ij->i", rows64, rows64)
            own += float(lengths.sum())
            own_squares += float((lengths**2).sum())
        total = float(np.einsum("i,i->", summed, summed)) - own
        return total / 2.0, (float(np.einsum("ij,ij->", gram, gram)) - own_squares) / 2.0

    def _distances(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        if self.measure == DIFFERENCE:
            return np.abs(first - second.T)
        from scipy.spatial.distance import cdist

        if self.measure == JENSEN_SHANNON:
            # Rounding may take the root of a divergence just below 0.
            return np.nan_to_num(np.asarray(cdist(first, second, "jensenshannon")))
        return np.asarray(cdist(first, second))

    def _largest_distance(self, progress: Progress) -> float:
        return max(
            float(self._distances(self._points[rows], self._points[columns]).max())
            for rows, columns in walk(0, self.sites, progress)
        )


def walk(start: int, stop: int, progress: Progress = NO_PROGRESS) -> Iterator[tuple[slice, slice]]:
    """Slices of rows and columns that cover each pair of the sites ``start`` to ``stop`` once.

    The columns never come before the rows; a piece on the diagonal holds its pairs twice, and each site with itself.
    Reports progress, says how long a long walk will take, and raises :class:`Cancelled` where the user stops the run.
    """
    edges = list(range(start, stop, _STEP))
    total = len(edges) * (len(edges) + 1) // 2
    began, said, done = time.monotonic(), False, 0
    for place, first in enumerate(edges):
        rows = slice(first, min(first + _STEP, stop))
        for second in edges[place:]:
            check_cancelled(progress)
            yield rows, slice(second, min(second + _STEP, stop))
            done += 1
            progress.report(done / total)
            past = time.monotonic() - began
            if not said and past > _TRIAL:
                said = True
                if past * total / done > _LONG:
                    minutes = math.ceil(past * (total - done) / done / 60.0)
                    progress.info(
                        f"Comparing all pairs of {stop - start:,} sites takes about {minutes} more "
                        f"minute{'s' if minutes > 1 else ''}."
                    )
