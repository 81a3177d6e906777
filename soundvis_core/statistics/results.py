"""What a correlation run takes and gives: plain values that a table, a map or a report can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: The group of the rows that take all sites together, pairs between groups too.
POOLED = "pooled"


@dataclass(frozen=True)
class Block:
    """What describes the sites in one modality.

    name: as in ``sound``, ``street``, ``aerial``. values: (sites, d) float; a row that is NaN is a site
    without a value. d = 1 is a single number per site.
    """

    name: str
    values: np.ndarray


@dataclass(frozen=True)
class CorrelationRow:
    """How far two blocks agree within one group.

    sites: sites with a value in all blocks of the row; dropped: the other sites of the group; pairs: pairs of
    used sites. r: Pearson's r between the similarities of the pairs; p_naive: its t-test p, which assumes
    independent pairs; p_mantel: its two-sided permutation p. All three are None where r is undefined, and
    ``note`` says why.
    """

    block_a: str
    block_b: str
    group: str
    sites: int
    dropped: int
    pairs: int
    r: float | None
    p_naive: float | None
    p_mantel: float | None
    note: str = ""


@dataclass(frozen=True)
class DroppedSite:
    """A site that has no usable value in a block. ``index`` is its position in the input, from 0."""

    index: int
    block: str
    reason: str


@dataclass(frozen=True)
class PairSimilarities:
    """The similarities behind a pooled row, for figures.

    a, b: (m,) float32, similarities of the pairs in either block; ``b`` is a mean of z-scores for the
    combined view. ``m`` is ``pairs``, or a seeded sample of them where there are very many. slope, intercept:
    the least-squares line of b on a over all pairs; None where r is undefined.
    """

    block_a: str
    block_b: str
    a: np.ndarray
    b: np.ndarray
    pairs: int
    slope: float | None
    intercept: float | None


@dataclass(frozen=True)
class CorrelationResult:
    """A correlation run: its rows, what it was asked, and what its figures need.

    blocks: name, number of values per site and similarity measure of each block. groups: their names in
    order. ungrouped: positions of sites without a group (in the pooled rows only).
    """

    rows: tuple[CorrelationRow, ...]
    sites: int
    groups: tuple[str, ...]
    blocks: tuple[tuple[str, int, str], ...]
    permutations: int
    seed: int
    dropped: tuple[DroppedSite, ...]
    ungrouped: tuple[int, ...]
    similarities: tuple[PairSimilarities, ...]
