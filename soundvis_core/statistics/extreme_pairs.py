"""The pairs of sites that speak loudest for and against a link: alike in both blocks, in one only, in neither.

Figures 7 and 8 of the paper show such pairs. How extreme a pair is in its quadrant is told by the smaller of its two
\\|z\\|, so that it lies far out in both blocks. No matrix of sites by sites is kept: 100,000 sites will do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..progress import NO_PROGRESS, PartOf, Progress
from .paired_blocks import PairedBlocks
from .pieces import Pieces, walk

BOTH, SOUND_ONLY, SIGHT_ONLY, NEITHER = (
    "alike in both",
    "alike in sound only",
    "alike in sight only",
    "unlike in both",
)
#: The quadrants in the order of the paper's figures, and the signs of the pair's z in sound and in sight.
QUADRANTS = {BOTH: (1.0, 1.0), SOUND_ONLY: (1.0, -1.0), SIGHT_ONLY: (-1.0, 1.0), NEITHER: (-1.0, -1.0)}
#: Similarities whose standard deviation is below this do not vary: the rest is rounding of sums.
_CONSTANT_SD = 1e-7
#: Most pairs that may be asked for: what has to be remembered grows with its square.
MAX_COUNT = 100


@dataclass(frozen=True)
class ExtremePair:
    """One pair of sites. a, b: positions in the input, a before b. quadrant: of ``QUADRANTS``; rank: from 1 in it.

    similarity_a, similarity_b: in either block; z_a, z_b: the same in standard deviations from the mean of all pairs.
    """

    a: int
    b: int
    quadrant: str
    rank: int
    similarity_a: float
    similarity_b: float
    z_a: float
    z_b: float

    @property
    def extremeness(self) -> float:
        """The smaller of the two \\|z\\|."""
        return min(abs(self.z_a), abs(self.z_b))


@dataclass(frozen=True)
class ExtremePairs:
    """The most extreme pairs, quadrant by quadrant. considered: how many pairs were looked at. note: why none came."""

    pairs: tuple[ExtremePair, ...]
    considered: int
    note: str = ""


def extreme_pairs(
    pair: PairedBlocks, count: int = 5, per_site: int = 2, progress: Progress = NO_PROGRESS
) -> ExtremePairs:
    """The ``count`` most extreme pairs of each quadrant, each site in at most ``per_site`` of them.

    Pairs are taken in the order of their extremeness, the most extreme first, as long as neither site has had its
    share: one odd recording does not fill the list. Ties go to the pair that comes first. z is taken over all pairs
    that are compared (those within groups, where ``pair`` is about groups).

    Raises :class:`InputError` for a ``count`` beyond ``MAX_COUNT`` or below 1 and a ``per_site`` below 1, and
    :class:`Cancelled` where the user stops the run.
    """
    if not 1 <= count <= MAX_COUNT or per_site < 1:
        raise InputError(
            f"{count} pairs per quadrant, {per_site} per site: ask for 1 to {MAX_COUNT} pairs, and at least 1 per site."
        )
    if not pair.pairs:
        return ExtremePairs((), 0, "fewer than two sites can be compared with each other")
    if pair.pairs == 1:
        return ExtremePairs((), 1, "there is only one pair of sites, and no other to compare it with")
    scales = []
    for name, block, part in zip(pair.names, (pair.a, pair.b), (0.0, 0.1)):
        mean, deviation = _mean_and_deviation(block, pair, PartOf(progress, part, part + 0.1))
        if deviation <= _CONSTANT_SD:
            return ExtremePairs((), pair.pairs, f"all pairs are equally similar in {name}")
        scales.append((mean, deviation))
    pools = {quadrant: _Pool(count, per_site) for quadrant in QUADRANTS}
    done = 0
    for start, stop in pair.ranges:
        size = (stop - start) * (stop - start - 1) // 2
        span = PartOf(progress, 0.2 + 0.8 * done / pair.pairs, 0.2 + 0.8 * (done + size) / pair.pairs)
        done += size
        for rows, columns in walk(start, stop, span):
            _look(pair, rows, columns, scales, pools)
    found = [made for quadrant, pool in pools.items() for made in _finish(pair, quadrant, pool, scales)]
    return ExtremePairs(tuple(found), pair.pairs)


def _mean_and_deviation(block: Pieces, pair: PairedBlocks, progress: Progress) -> tuple[float, float]:
    total = squares = 0.0
    done = 0
    for start, stop in pair.ranges:
        size = (stop - start) * (stop - start - 1) // 2
        part = PartOf(progress, done / pair.pairs, (done + size) / pair.pairs)
        done += size
        added, added_squares = block.sums(start, stop, part)
        total, squares = total + added, squares + added_squares
    mean = total / pair.pairs
    return mean, math.sqrt(max(squares / pair.pairs - mean * mean, 0.0))


def _look(
    pair: PairedBlocks,
    rows: slice,
    columns: slice,
    scales: list[tuple[float, float]],
    pools: dict[str, _Pool],
) -> None:
    """Offer the pairs of a piece to the quadrants they lie in."""
    z = []
    for block, (mean, deviation) in zip((pair.a, pair.b), scales):
        piece = block.piece(rows, columns)
        piece -= piece.dtype.type(mean)
        piece *= piece.dtype.type(1.0 / deviation)
        z.append(piece)
    if rows == columns:  # each pair once, and no site with itself
        z[0][np.tril_indices(len(z[0]))] = 0.0
    signed_a, signed_b = {1.0: z[0], -1.0: -z[0]}, {1.0: z[1], -1.0: -z[1]}
    for quadrant, (sign_a, sign_b) in QUADRANTS.items():
        pool = pools[quadrant]
        extremeness = np.minimum(signed_a[sign_a], signed_b[sign_b])
        # Nearly all pieces hold nothing extreme enough: their maximum tells so, ten times faster than a search.
        if extremeness.max() > pool.least:
            first, second = np.nonzero(extremeness > pool.least)
            pool.offer(first + rows.start, second + columns.start, extremeness[first, second])


class _Pool:
    """The pairs of one quadrant that may yet be among the most extreme.

    Each site may be in ``per_site`` chosen pairs. When ``count`` pairs are chosen, at most 2 ``count`` / ``per_site``
    sites have had their share, so a chosen pair is among the best ``per_site`` + 2 ``count`` / ``per_site`` of both its
    sites: ``_deep``. And with at most so many pairs per site in the pool, those sites stand in the way of at most
    2 ``count`` / ``per_site`` times ``_deep`` pairs of it: that many and ``count`` more are enough.
    """

    def __init__(self, count: int, per_site: int) -> None:
        self._count, self._per_site = count, per_site
        full = 2 * count // per_site
        self._deep = per_site + full
        self._enough = count + full * self._deep
        self._pairs = np.empty((0, 2), dtype=np.int64)
        self._values = np.empty(0)
        #: What is not more extreme than this cannot be chosen any more.
        self.least = 0.0

    def offer(self, first: np.ndarray, second: np.ndarray, values: np.ndarray) -> None:
        """Take in pairs, first before second, and let go what cannot be chosen any more."""
        pairs = np.concatenate([self._pairs, np.column_stack([first, second])])
        values = np.concatenate([self._values, values.astype(np.float64)])
        order = np.lexsort((pairs[:, 1], pairs[:, 0], -values))
        pairs, values = pairs[order], values[order]
        kept = np.flatnonzero(_turn_of_sites(pairs) < self._deep)[: self._enough]
        self._pairs, self._values = pairs[kept], values[kept]
        if len(kept) == self._enough:
            self.least = float(self._values[-1])

    def chosen(self) -> list[tuple[int, int]]:
        """The most extreme pairs, none of whose sites comes more than ``per_site`` times."""
        times: dict[int, int] = {}
        found: list[tuple[int, int]] = []
        for first, second in self._pairs.tolist():
            if len(found) == self._count:
                break
            if max(times.get(first, 0), times.get(second, 0)) < self._per_site:
                found.append((first, second))
                for site in (first, second):
                    times[site] = times.get(site, 0) + 1
        return found


def _turn_of_sites(pairs: np.ndarray) -> np.ndarray:
    """(k,) for sorted pairs (k, 2): how many earlier pairs the busier of the two sites is in."""
    sites = pairs.ravel()
    order = np.argsort(sites, kind="stable")
    grouped = sites[order]
    starts = (
        np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]]) if len(grouped) else np.empty(0, np.intp)
    )
    turn = np.empty(len(sites), dtype=np.int64)
    turn[order] = np.arange(len(sites)) - np.repeat(starts, np.diff(np.r_[starts, len(sites)]))
    busiest: np.ndarray = turn.reshape(-1, 2).max(axis=1)
    return busiest


def _finish(
    pair: PairedBlocks, quadrant: str, pool: _Pool, scales: list[tuple[float, float]]
) -> list[ExtremePair]:
    """The chosen pairs of a quadrant in terms of the input."""
    chosen = pool.chosen()
    if not chosen:
        return []
    first, second = np.array(chosen, dtype=np.intp).T
    similar = [block.of_pairs(first, second) for block in (pair.a, pair.b)]
    z = [(values - mean) / deviation for values, (mean, deviation) in zip(similar, scales)]
    made = []
    for rank, (i, j, *numbers) in enumerate(zip(first, second, *similar, *z), start=1):
        a, b = sorted((int(pair.positions[i]), int(pair.positions[j])))
        made.append(ExtremePair(a, b, quadrant, rank, *map(float, numbers)))
    return made
