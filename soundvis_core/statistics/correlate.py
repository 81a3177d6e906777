"""Correlate blocks: do places that sound alike look alike?

The statistic is the paper's (section 5.1, Figures 5, 6, 9 and 10): Pearson's r between two vectorised
site-by-site similarity matrices, over all pairs of sites (pooled) and over the pairs within each group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .mantel import mantel_p, naive_p, pearson, permutation_orders
from .results import (
    MANTEL,
    NAIVE,
    POOLED,
    Block,
    CorrelationResult,
    CorrelationRow,
    DroppedSite,
    PairSimilarities,
    Rung,
)
from .similarity import mean_of_z_scores, measure_of, missing_reasons, pairs_of, similarity_matrix, varies

#: The name of street view and aerial imagery taken together.
COMBINED = "street+aerial"
#: Matrices of sites by sites are held in memory: about 1 GB at this many sites (measured).
MAX_SITES = 4000
#: Fewest sites for which r, and a permutation of it, mean anything.
MIN_SITES = 3
#: With fewer sites than this a row is marked: five sites have 120 orders, four cannot reach p = 0.04.
FEW_SITES = 6
#: Pairs kept for a figure; more are sampled.
MAX_FIGURE_PAIRS = 200_000


@dataclass(frozen=True)
class _Comparison:
    """One row to come: a block against one block, or against two as a combined view."""

    block_a: str
    block_b: str
    others: tuple[str, ...]

    @property
    def blocks(self) -> tuple[str, ...]:
        return (self.block_a, *self.others)


def correlate_blocks(
    blocks: Sequence[Block],
    groups: Sequence[str | None] | None = None,
    permutations: int = 999,
    seed: int = 0,
    progress: Progress = NO_PROGRESS,
) -> CorrelationResult:
    """Correlate every pair of blocks, pooled and per group.

    blocks: two or more, each (sites, d) for the same sites in the same order. Where ``sound``, ``street`` and
        ``aerial`` are all there, sound is also compared with ``street+aerial``, the mean of their z-scored
        similarities over the pairs of the row.
    groups: per site, the group (a city) or None; None altogether gives pooled rows only. Pooled rows take the
        pairs between groups too, as the paper's do.
    permutations: of the Mantel test; 0 leaves its p out. Each row permutes the sites of its first block
        among the sites that the row uses.
    seed: each row starts its own generator from it, so a row does not depend on which others are computed.

    A site without a value in a block is left out of the rows of that block, counted and named. Where r is
    undefined (fewer than 3 sites, similarities that do not vary) the row has None and says why.

    Raises :class:`InputError` for blocks that do not fit together or more than ``MAX_SITES`` sites, and
    :class:`Cancelled` where the user stops the run.
    """
    values = _check(blocks, groups, permutations, seed)
    names = [block.name for block in blocks]
    sites = len(values[names[0]])
    dropped = [
        DroppedSite(index, name, reason)
        for name in names
        for index, reason in enumerate(missing_reasons(values[name]))
        if reason is not None
    ]
    usable = {name: np.ones(sites, dtype=bool) for name in names}
    for site in dropped:
        usable[site.block][site.index] = False
    labels = [_label(group) for group in groups] if groups is not None else [None] * sites
    group_names = sorted({label for label in labels if label is not None})
    members = {POOLED: np.ones(sites, dtype=bool)}
    for name in group_names:
        members[name] = np.array([label == name for label in labels], dtype=bool)

    comparisons = _comparisons(names)
    rows: list[CorrelationRow] = []
    figures: list[PairSimilarities] = []
    work = [int(mask.sum()) ** 2 + 1 for mask in members.values() for _ in comparisons]
    done = 0
    for group, mask in members.items():
        for comparison in comparisons:
            check_cancelled(progress)
            part = PartOf(progress, done / sum(work), (done + work[len(rows)]) / sum(work))
            used = mask & np.logical_and.reduce([usable[name] for name in comparison.blocks])
            data = {name: values[name][used] for name in comparison.blocks}
            row, pairs = _correlate(comparison, group, data, int(mask.sum()), permutations, seed, part)
            done += work[len(rows)]
            rows.append(row)
            if group == POOLED:
                figures.append(pairs)
    progress.report(1.0)
    ungrouped = [index for index, label in enumerate(labels) if label is None] if groups is not None else []
    return CorrelationResult(
        rows=tuple(rows),
        sites=sites,
        groups=tuple(group_names),
        blocks=tuple((name, values[name].shape[1], measure_of(values[name])) for name in names),
        permutations=permutations,
        seed=seed,
        dropped=tuple(dropped),
        ungrouped=tuple(ungrouped),
        similarities=tuple(figures),
    )


def _check(
    blocks: Sequence[Block], groups: Sequence[str | None] | None, permutations: int, seed: int
) -> dict[str, np.ndarray]:
    """The values of each block as (sites, d) float64, once everything fits together."""
    if len(blocks) < 2:
        raise InputError(
            "A correlation needs at least two blocks, such as sound and street. Choose one more."
        )
    values: dict[str, np.ndarray] = {}
    for block in blocks:
        if block.name in values or block.name == COMBINED:
            raise InputError(f"There are two blocks called '{block.name}'. Give each block its own name.")
        array = np.asarray(block.values, dtype=np.float64)
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or array.shape[1] == 0:
            raise InputError(f"The block '{block.name}' has no values. Choose its field or fields.")
        values[block.name] = array
    sizes = {name: len(array) for name, array in values.items()}
    sites = next(iter(sizes.values()))
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InputError(
            f"The blocks have different numbers of sites ({listed}); they must be the same sites."
        )
    if groups is not None and len(groups) != sites:
        raise InputError(f"There are {len(groups)} groups for {sites} sites; there must be one per site.")
    if sites > MAX_SITES:
        raise InputError(
            f"The layer has {sites:,} sites; correlating keeps matrices of sites by sites "
            f"in memory and takes at most {MAX_SITES:,}. Select fewer sites or thin the layer."
        )
    if permutations < 0:
        raise InputError(f"The number of permutations is {permutations}; it cannot be negative.")
    if seed < 0:
        raise InputError(f"The seed is {seed}; it cannot be negative.")
    return values


def _label(group: object) -> str | None:
    """The group as text; None for null and blank. A group that is called as the pooled rows are says so."""
    if group is None or (isinstance(group, float) and math.isnan(group)):
        return None
    text = str(group).strip()
    if not text:
        return None
    return f"{text} (group)" if text == POOLED else text


def _comparisons(names: Sequence[str]) -> list[_Comparison]:
    """Every pair of blocks in their order, and sound with the combined view after sound with its parts."""
    comparisons: list[_Comparison] = []
    for position, first in enumerate(names):
        comparisons.extend(_Comparison(first, second, (second,)) for second in names[position + 1 :])
        if first == "sound" and {"street", "aerial"} <= set(names):
            comparisons.append(_Comparison(first, COMBINED, ("street", "aerial")))
    return comparisons


def _correlate(
    comparison: _Comparison,
    group: str,
    data: dict[str, np.ndarray],
    members: int,
    permutations: int,
    seed: int,
    progress: Progress,
) -> tuple[CorrelationRow, PairSimilarities]:
    """One row, and the similarities behind it. ``data`` holds the used sites only."""
    first, second = comparison.block_a, comparison.block_b
    sites = len(data[first])
    pairs = sites * (sites - 1) // 2

    def outcome(r: float | None, naive: float | None, mantel: float | None, note: str) -> CorrelationRow:
        rungs = {NAIVE: Rung(NAIVE, r, naive), MANTEL: Rung(MANTEL, r, mantel)}
        return CorrelationRow(first, second, group, sites, members - sites, pairs, r, rungs=rungs, note=note)

    if sites < MIN_SITES:
        listed = " and ".join(comparison.blocks)
        note = f"fewer than {MIN_SITES} sites have a value in {listed}"
        return outcome(None, None, None, note), _figure(comparison, np.empty(0), np.empty(0), seed)
    matrices = {name: similarity_matrix(data[name]) for name in comparison.blocks}
    constant = [name for name in comparison.blocks if not varies(pairs_of(matrices[name]))]
    matrix_a = matrices[first]
    if constant:
        note = f"all pairs are equally similar in {' and '.join(constant)}"
        shown = pairs_of(matrices[comparison.others[0]]) if len(comparison.others) == 1 else np.zeros(pairs)
        return outcome(None, None, None, note), _figure(comparison, pairs_of(matrix_a), shown, seed)
    if len(comparison.others) == 2:
        matrix_b = mean_of_z_scores(*(matrices[name] for name in comparison.others))
    else:
        matrix_b = matrices[second]
    del matrices
    pairs_a, pairs_b = pairs_of(matrix_a), pairs_of(matrix_b)
    figure = _figure(comparison, pairs_a, pairs_b, seed)
    r = pearson(pairs_a, pairs_b)
    if r is None:  # street and aerial that cancel each other exactly
        return outcome(None, None, None, f"all pairs are equally similar in {second}"), figure
    orders = permutation_orders(sites, permutations, seed)
    mantel = mantel_p(matrix_a, matrix_b, orders, permutations, progress)
    return outcome(r, naive_p(r, pairs), mantel, _few_note(sites)), figure


def _few_note(sites: int) -> str:
    """A warning for a row of so few sites that a permutation test can hardly say anything."""
    if sites >= FEW_SITES:
        return ""
    orders = math.factorial(sites)
    return (
        f"only {sites} sites: they have {orders} orders, so the Mantel p cannot be below {1.0 / orders:.2g}"
    )


def _figure(comparison: _Comparison, a: np.ndarray, b: np.ndarray, seed: int) -> PairSimilarities:
    """The similarities for a scatter figure, sampled where there are very many, and their line."""
    slope = intercept = None
    if varies(a) and varies(b):
        centred = a - a.mean()
        slope = float((centred * (b - b.mean())).sum() / (centred * centred).sum())
        intercept = float(b.mean() - slope * a.mean())
    pairs = len(a)
    if pairs > MAX_FIGURE_PAIRS:
        kept = np.sort(np.random.default_rng(seed).choice(pairs, MAX_FIGURE_PAIRS, replace=False))
        a, b = a[kept], b[kept]
    a, b = a.astype(np.float32), b.astype(np.float32)
    return PairSimilarities(comparison.block_a, comparison.block_b, a, b, pairs, slope, intercept)
