"""What a correlation run takes and gives: plain values that a table, a map or a report can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

#: The group of the rows that take all sites together, pairs between groups too.
POOLED = "pooled"
#: The significance ladder, from the loosest to the strictest, and what each rung is called in tables and reports.
NAIVE, MANTEL, STRATIFIED, PARTIAL, MORAN = "naive", "mantel", "stratified", "partial", "moran"
RUNGS = {
    NAIVE: "t-test, assumes independent pairs (as in the paper)",
    MANTEL: "Mantel permutation test",
    STRATIFIED: "stratified Mantel test (permutes within groups)",
    PARTIAL: "partial Mantel test, given distance and further fields",
    MORAN: "Moran spectral randomisation (keeps spatial autocorrelation)",
}
#: The rungs where room is short.
SHORT_RUNGS = {
    NAIVE: "naive",
    MANTEL: "Mantel",
    STRATIFIED: "stratified",
    PARTIAL: "partial",
    MORAN: "Moran",
}
#: What is told about sound against both views, in the order of the report.
FUSION_QUANTITIES = {
    "z_mean": "r with the mean of z-scored similarities",
    "concatenated": "r with the concatenated vectors",
    "multiple_r": "multiple R on street and aerial",
    "unique_street": "variance explained by street alone",
    "unique_aerial": "variance explained by aerial alone",
    "shared": "variance explained by both in common",
    "street_minus_aerial": "r with street minus r with aerial",
}


@dataclass(frozen=True)
class Block:
    """What describes the sites in one modality.

    name: as in ``sound``, ``street``, ``aerial``. values: (sites, d) float; a row that is NaN is a site
    without a value. d = 1 is a single number per site. measure: a name of ``similarity.MEASURES``; "" takes cosine
    for vectors and the difference for numbers. bga: the values are biophony, geophony, anthrophony, in this order, so
    each category can be compared by itself. draws: (sites, draws, 3) compositions under drawn weights, or None.
    reasons: per site why it has no value, where a tool before has said so ("" elsewhere), or None.
    reliability: that of the block's similarities (split half), 0 to 1, or None.
    """

    name: str
    values: np.ndarray
    measure: str = ""
    bga: bool = False
    draws: np.ndarray | None = None
    reasons: Sequence[str] | None = None
    reliability: float | None = None


@dataclass(frozen=True)
class Rung:
    """One rung of the significance ladder for one row.

    name: one of ``RUNGS``. statistic: what was tested, r or the partial r. p: two-sided. holm, bh: p adjusted over
    all rows of the run (Holm 1979; Benjamini and Hochberg 1995). sites: how many sites it was computed on, where that
    is a sample of the row's. p and statistic are None where the rung does not apply, and ``note`` says why.
    """

    name: str
    statistic: float | None
    p: float | None
    holm: float | None = None
    bh: float | None = None
    sites: int | None = None
    note: str = ""


@dataclass(frozen=True)
class CorrelationRow:
    """How far two blocks agree within one group.

    category: ``""`` for whole blocks, else the BGA category whose numbers alone are compared. method: what the ladder
    tests, ``pearson`` or ``spearman``. sites: sites with a value in all blocks of the row; dropped: the other sites of
    the group; pairs: pairs of used sites. r: Pearson's r between the similarities of the pairs; rho: Spearman's.
    rungs: the ladder, by name. interval: 95 % site-bootstrap interval of the tested coefficient. null_sd: its exact
    standard deviation over all permutations of sites. ceiling: the largest absolute r that the noise of the
    measurements lets one expect, 0 to 1. advised: the rung to read. says: one plain sentence. All numbers are None
    where r is undefined, and ``note`` says why.
    """

    block_a: str
    block_b: str
    group: str
    sites: int
    dropped: int
    pairs: int
    r: float | None
    category: str = ""
    method: str = "pearson"
    rho: float | None = None
    rungs: Mapping[str, Rung] = field(default_factory=dict)
    interval: tuple[float, float] | None = None
    null_sd: float | None = None
    ceiling: float | None = None
    advised: str = ""
    says: str = ""
    note: str = ""

    def p(self, rung: str) -> float | None:
        """The p of a rung, None where it was not computed."""
        return self.rungs[rung].p if rung in self.rungs else None


@dataclass(frozen=True)
class FusionRow:
    """One number on sound against street and aerial views together, in one group.

    quantity: one of ``FUSION_QUANTITIES``. interval: 95 % site-bootstrap; p: by permutation of sites, of the difference
    the larger of this and that by bootstrap; both None where they do not apply.
    """

    group: str
    category: str
    quantity: str
    value: float | None
    interval: tuple[float, float] | None = None
    p: float | None = None
    sites: int = 0
    note: str = ""


@dataclass(frozen=True)
class HeterogeneityRow:
    """Whether r differs between groups: Cochran's Q over their Fisher z, weighted by sampling variances.

    p: of Q by Welch's F, as the variances are estimated. i2: share of the variation between groups that is not
    sampling noise, 0 to 1.
    """

    block_a: str
    block_b: str
    category: str
    groups: int
    q: float | None
    df: int
    p: float | None
    i2: float | None
    note: str = ""


@dataclass(frozen=True)
class WeightBand:
    """What the uncertainty of the BGA weights does to one row: r over draws of the weights.

    low, median, high: 2.5, 50 and 97.5 % of r over the draws. same_sign: share of draws with r of the row's sign.
    judged_by: the rung that row and draws are judged by, Mantel or stratified: the advised one, or where that would
    have to draw anew (partial, Moran) the strictest before it. significant: share of draws whose p by it is at most
    .05. survives: whether what it says of the row (link or none) holds in at least 95 % of the draws.
    """

    block_a: str
    block_b: str
    category: str
    group: str
    draws: int
    low: float | None
    median: float | None
    high: float | None
    same_sign: float | None
    significant: float | None
    survives: bool | None
    judged_by: str = MANTEL


@dataclass(frozen=True)
class RuleEffect:
    """What a rule of screening does to a row: r (rho where that is tested) with all sites and without those it drops.

    sites: used by the row; lost: those among them that the rule drops. random: where 95 % of the r lie if as many
    sites are dropped at random; None where none is dropped. note: why ``r_without`` is None, or a warning about it;
    note_all: the same of ``r``.
    """

    rule: str
    block_a: str
    block_b: str
    group: str
    category: str
    sites: int
    lost: int
    r: float | None
    r_without: float | None
    random: tuple[float, float] | None = None
    note: str = ""
    note_all: str = ""


@dataclass(frozen=True)
class AlignmentMap:
    """Each site's own r between its similarities in two blocks, for a map. r: (sites,) float, NaN where undefined."""

    block_a: str
    block_b: str
    r: np.ndarray


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
    order. site_groups: per site its group or None; empty without groups. ungrouped: positions of sites without a group
    (in the pooled rows only). lonlat: (sites, 2) degrees or None.
    advice: why the advised rungs were chosen, a sentence each. screening: empty where no rule was given.
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
    method: str = "pearson"
    bootstraps: int = 0
    controls: tuple[str, ...] = ()
    fusion: tuple[FusionRow, ...] = ()
    heterogeneity: tuple[HeterogeneityRow, ...] = ()
    bands: tuple[WeightBand, ...] = ()
    alignments: tuple[AlignmentMap, ...] = ()
    lonlat: np.ndarray | None = None
    advice: tuple[str, ...] = ()
    site_groups: tuple[str | None, ...] = ()
    screening: tuple[RuleEffect, ...] = ()
