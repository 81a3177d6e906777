"""The alignment of every site of two blocks, over all sites or within groups, and why some sites have none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..progress import NO_PROGRESS, PartOf, Progress
from .alignment import MIN_OTHERS, Partners, SiteAlignment, site_alignment
from .multiplicity import benjamini_hochberg
from .paired_blocks import PairedBlocks
from .pieces import DENSE_SITES
from .streamed_alignment import streamed_alignment


@dataclass(frozen=True)
class AlignedSites:
    """What two blocks say about each site of the input, in its order.

    r, p, p_bh: (n,) float, NaN where undefined; p_bh is adjusted over all sites of the run (Benjamini and Hochberg
    1995). others: (n,) int, sites each was compared with. a, b: partners as positions in the input. reasons: why a
    site has no r, "" where it has. tests: what p comes from, one or two sentences.
    """

    r: np.ndarray
    p: np.ndarray
    p_bh: np.ndarray
    others: np.ndarray
    a: Partners
    b: Partners
    reasons: tuple[str, ...]
    tests: tuple[str, ...]


def align_sites(
    pair: PairedBlocks, permutations: int = 999, seed: int = 1, progress: Progress = NO_PROGRESS
) -> AlignedSites:
    """Each site's own r between two blocks, its p and its partners; see :func:`alignment.site_alignment`.

    Where more than ``DENSE_SITES`` sites are compared with each other, p comes from the t-test with the permutation
    distribution's mean and variance. Without permutations nothing is tested.

    Raises :class:`Cancelled` where the user stops the run.
    """
    sites = len(pair.reasons)
    made = _Collector(sites)
    reasons = list(pair.reasons)
    tests: dict[str, None] = {}
    done = 0
    for start, stop in pair.ranges:
        part = PartOf(progress, done / max(pair.pairs, 1), (done + _pairs(start, stop)) / max(pair.pairs, 1))
        done += _pairs(start, stop)
        found = _align(pair, start, stop, permutations, seed, part)
        where = pair.positions[start:stop]
        made.put(where, found)
        for position, reason in zip(where.tolist(), _reasons(found, pair.names)):
            reasons[position] = reason
        if found.test and np.isfinite(found.p).any():
            tests[found.test] = None
    adjusted = benjamini_hochberg([None if np.isnan(p) else p for p in made.p.tolist()])
    return AlignedSites(
        made.r,
        made.p,
        np.array([np.nan if p is None else p for p in adjusted], dtype=np.float64),
        made.others,
        made.a.partners(),
        made.b.partners(),
        tuple(reasons),
        tuple(tests),
    )


def _pairs(start: int, stop: int) -> int:
    return (stop - start) * (stop - start - 1) // 2


def _align(
    pair: PairedBlocks, start: int, stop: int, permutations: int, seed: int, progress: Progress
) -> SiteAlignment:
    if stop - start > DENSE_SITES:
        return streamed_alignment(pair.a, pair.b, start, stop, permutations > 0, progress)
    here = slice(start, stop)
    matrices = [block.piece(here, here).astype(np.float64, copy=False) for block in (pair.a, pair.b)]
    return site_alignment(matrices[0], matrices[1], permutations, seed, progress)


def _reasons(found: SiteAlignment, names: tuple[str, str]) -> list[str]:
    """Per site why it has no r, "" where it has one."""
    said = []
    for r, others, *constant in zip(found.r, found.others, found.constant_a, found.constant_b):
        if not np.isnan(r):
            said.append("")
        elif others < MIN_OTHERS:
            said.append(
                f"too few other sites to compare it with ({others}; at least {MIN_OTHERS} are needed)"
            )
        else:
            alike = " and ".join(name for name, same in zip(names, constant) if same) or "one of the blocks"
            said.append(f"all other sites are equally similar to it in {alike}")
    return said


class _PartnersOf:
    """Partners of all sites of the input, filled in group by group."""

    def __init__(self, sites: int) -> None:
        self.nearest, self.farthest = np.full(sites, -1), np.full(sites, -1)
        self.nearest_similarity, self.farthest_similarity = np.full(sites, np.nan), np.full(sites, np.nan)

    def put(self, where: np.ndarray, found: Partners) -> None:
        """``found`` counts within ``where``, positions in the input."""
        known = found.nearest >= 0
        self.nearest[where[known]] = where[found.nearest[known]]
        self.farthest[where[known]] = where[found.farthest[known]]
        self.nearest_similarity[where] = found.nearest_similarity
        self.farthest_similarity[where] = found.farthest_similarity

    def partners(self) -> Partners:
        return Partners(self.nearest, self.nearest_similarity, self.farthest, self.farthest_similarity)


class _Collector:
    """The numbers of all sites of the input, filled in group by group."""

    def __init__(self, sites: int) -> None:
        self.r, self.p = np.full(sites, np.nan), np.full(sites, np.nan)
        self.others = np.zeros(sites, dtype=np.int64)
        self.a, self.b = _PartnersOf(sites), _PartnersOf(sites)

    def put(self, where: np.ndarray, found: SiteAlignment) -> None:
        """Take in the sites at ``where``, positions in the input."""
        self.r[where], self.p[where], self.others[where] = found.r, found.p, found.others
        self.a.put(where, found.a)
        self.b.put(where, found.b)
