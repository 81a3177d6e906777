"""Each site's own r and partners among very many sites, without a matrix of sites by sites."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from ..progress import NO_PROGRESS, PartOf, Progress
from .alignment import APPROXIMATION, MIN_OTHERS, Partners, SiteAlignment
from .factored import FactoredPair
from .pieces import Pieces, walk

#: Similarities of a site that lie this close together do not vary: the rest is rounding of float32.
_CONSTANT = 1e-6


def streamed_alignment(
    a: Pieces, b: Pieces, start: int, stop: int, test: bool = True, progress: Progress = NO_PROGRESS
) -> SiteAlignment:
    """:func:`alignment.site_alignment` of the sites ``start`` to ``stop`` of two blocks, which are many.

    Positions count from ``start``. r: in closed form where both blocks are cosines of unit rows, else by sums over
    pieces. p: the permutation distribution of a site's r has mean 0 and variance 1 / (others - 1); the t-test has the
    same two moments (Pitman 1937, doi:10.2307/2983647), and with thousands of others the same tails. NaN where
    ``test`` is off.

    Raises :class:`Cancelled` where the user stops the run.
    """
    others = stop - start - 1
    factored = a.rows is not None and b.rows is not None
    sums = _Sums(a, b, start, stop)
    found_a, found_b = _Search(start, stop), _Search(start, stop)
    for rows, columns in walk(start, stop, PartOf(progress, 0.0, 0.9)):
        first, second = a.piece(rows, columns), b.piece(rows, columns)
        if not factored:
            sums.add(rows, columns, first, second)
        found_a.look(rows, columns, first)
        found_b.look(rows, columns, second)
    constant_a, constant_b = found_a.constant(), found_b.constant()
    if a.rows is None or b.rows is None:
        r = sums.r()
    else:
        r = FactoredPair(a.rows[start:stop], b.rows[start:stop], PartOf(progress, 0.9, 1.0)).row_r(progress)
    r = np.where(constant_a | constant_b | (others < MIN_OTHERS), np.nan, r)
    return SiteAlignment(
        r,
        _t_test(r, others) if test else np.full(len(r), np.nan),
        np.full(len(r), others),
        found_a.partners(a),
        found_b.partners(b),
        APPROXIMATION if test else "",
        constant_a,
        constant_b,
    )


class _Sums:
    """Sums of similarities, squares and products per site, over pieces as they pass."""

    def __init__(self, a: Pieces, b: Pieces, start: int, stop: int) -> None:
        self._start = start
        self._sums = np.zeros((5, stop - start))
        # About some middle value, so that squares of what is nearly constant keep their digits.
        few = slice(start, min(start + 64, stop))
        self._middle = float(a.piece(few, few).mean()), float(b.piece(few, few).mean())

    def add(self, rows: slice, columns: slice, first: np.ndarray, second: np.ndarray) -> None:
        """Take in a piece, for its rows and, off the diagonal, for its columns."""
        x = first.astype(np.float64) - self._middle[0]
        y = second.astype(np.float64) - self._middle[1]
        if rows == columns:
            np.fill_diagonal(x, 0.0)
            np.fill_diagonal(y, 0.0)
        self._add(rows, x.sum(axis=1), y.sum(axis=1), x, y, "ij,ij->i")
        if rows != columns:
            self._add(columns, x.sum(axis=0), y.sum(axis=0), x, y, "ij,ij->j")

    def _add(
        self, sites: slice, x_sum: np.ndarray, y_sum: np.ndarray, x: np.ndarray, y: np.ndarray, way: str
    ) -> None:
        here = slice(sites.start - self._start, sites.stop - self._start)
        products = (np.einsum(way, one, other) for one, other in ((x, x), (y, y), (x, y)))
        for row, values in enumerate((x_sum, y_sum, *products)):
            self._sums[row, here] += values

    def r(self) -> np.ndarray:
        """Each site's r (n,), NaN where its similarities do not vary."""
        x, y, xx, yy, xy = self._sums
        others = max(len(x) - 1, 1)
        squares = np.maximum(xx - x * x / others, 0.0) * np.maximum(yy - y * y / others, 0.0)
        defined = squares > 0.0
        r = (xy - x * y / others) / np.sqrt(np.where(defined, squares, 1.0))
        return np.where(defined, np.clip(r, -1.0, 1.0), np.nan)


class _Search:
    """The nearest and farthest other site of each, as pieces pass. Ties go to the site that comes first."""

    def __init__(self, start: int, stop: int) -> None:
        self._start = start
        sites = stop - start
        self._nearest, self._farthest = np.full(sites, -1), np.full(sites, -1)
        self._most, self._least = np.full(sites, -np.inf), np.full(sites, np.inf)

    def look(self, rows: slice, columns: slice, piece: np.ndarray) -> None:
        """Take in a piece; its diagonal is lost."""
        own = rows == columns
        if own:
            np.fill_diagonal(piece, -np.inf)
        most = (self._nearest, self._most, np.max, np.argmax, np.greater)
        least = (self._farthest, self._least, np.min, np.argmin, np.less)
        self._improve(rows, columns.start, piece, 1, *most)
        if not own:
            self._improve(columns, rows.start, piece, 0, *most)
        if own:
            np.fill_diagonal(piece, np.inf)
        self._improve(rows, columns.start, piece, 1, *least)
        if not own:
            self._improve(columns, rows.start, piece, 0, *least)

    def _improve(
        self,
        sites: slice,
        partners_from: int,
        piece: np.ndarray,
        axis: int,
        who: np.ndarray,
        best: np.ndarray,
        extreme: Callable[..., Any],
        place: Callable[..., Any],
        beyond: Callable[..., Any],
    ) -> None:
        here = slice(sites.start - self._start, sites.stop - self._start)
        found = extreme(piece, axis=axis)
        # Few sites find a better partner in any one piece: only for these is it looked up who that is.
        better = np.flatnonzero(beyond(found, best[here]))
        if not len(better):
            return
        taken = piece[better] if axis else piece[:, better].T
        who[here.start + better] = place(taken, axis=1) + partners_from - self._start
        best[here.start + better] = found[better]

    def constant(self) -> np.ndarray:
        """(n,) bool, the sites to which all others are equally similar."""
        none: np.ndarray = ~(self._most - self._least > _CONSTANT)
        return none

    def partners(self, pieces: Pieces) -> Partners:
        """What was found, with similarities computed afresh in float64."""
        return Partners(
            self._nearest,
            self._similarities(pieces, self._nearest),
            self._farthest,
            self._similarities(pieces, self._farthest),
        )

    def _similarities(self, pieces: Pieces, partner: np.ndarray) -> np.ndarray:
        known = np.flatnonzero(partner >= 0)
        found = np.full(len(partner), np.nan)
        found[known] = pieces.of_pairs(known + self._start, partner[known] + self._start)
        return found


def _t_test(r: np.ndarray, others: int) -> np.ndarray:
    """Two-sided p (n,) by the t-test with ``others`` - 2 degrees of freedom; NaN where r is."""
    from scipy.special import betainc

    if others < MIN_OTHERS:
        return np.full(len(r), np.nan)
    defined = np.isfinite(r)
    known = np.where(defined, r, 0.0)
    p = betainc((others - 2) / 2.0, 0.5, np.maximum((1.0 - known) * (1.0 + known), 0.0))
    return np.where(defined, p, np.nan)
