"""What the uncertainty of the BGA weights does to a row: r over draws of them, and whether its conclusion holds."""

from __future__ import annotations

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .checks import Sites
from .comparisons import Comparison
from .factored import FactoredPair
from .mantel import pearson
from .moments import permutation_sd
from .results import MANTEL, MORAN, PARTIAL, STRATIFIED, Block, CorrelationRow, WeightBand
from .similarity import COSINE, mean_of_z_scores, measure_of, pairs_of, rank_matrix, similarity_matrix, varies
from .stratified_moments import stratified_moments, sums_of_matrix, sums_of_rows, two_sided_normal

#: The level of a link, and the share of draws in which a conclusion must hold to survive.
LEVEL, HOLDS = 0.05, 0.95
#: Fewest sites for which r means anything.
MIN_SITES = 3
#: Elements of matrices over all draws; where the sites are many, fewer draws are taken, but no fewer than FEWEST.
_ELEMENTS, FEWEST = 400_000_000, 100
#: With more sites, whole cosine blocks are correlated without matrices.
_MANY_SITES = 300


def has_draws(comparison: Comparison, sites: Sites) -> bool:
    """Whether a row is one of BGA blocks, at least one of which was drawn under uncertain weights."""
    blocks = [sites.blocks[name] for name in comparison.blocks]
    return all(block.bga for block in blocks) and any(block.draws is not None for block in blocks)


def draws_for(comparison: Comparison, sites: Sites, count: int) -> int:
    """How many draws are taken for a row of ``count`` sites."""
    given = min(draws.shape[1] for draws in _drawn(comparison, sites))
    if _without_matrices(comparison, sites, count):
        return int(given)
    return int(min(given, max(FEWEST, _ELEMENTS // max(count * count, 1))))


def weight_band(
    comparison: Comparison,
    row: CorrelationRow,
    positions: np.ndarray,
    sites: Sites,
    progress: Progress = NO_PROGRESS,
) -> WeightBand:
    """The tested coefficient of a row over the draws of its blocks' compositions; draws of one number go together.

    positions: the sites that the row was computed on; those without a composition in some draw are left out of all.
    Draws and row are judged by one test, see :func:`judged_by`. A draw is significant where its \\|r\\| lies beyond
    95 % of a normal distribution with the exact mean and spread of r over all permutations: the Mantel or the
    stratified test without their draws of orders.

    Raises :class:`Cancelled` where the user stops the run.
    """
    observed = row.rho if row.method == "spearman" else row.r
    nothing = WeightBand(
        row.block_a, row.block_b, row.category, row.group, 0, None, None, None, None, None, None, ""
    )
    if observed is None or not all(draws.shape[1] for draws in _drawn(comparison, sites)):
        return nothing
    positions = positions[_usable(comparison, sites, positions)]
    if len(positions) < MIN_SITES:
        return nothing
    count = draws_for(comparison, sites, len(positions))
    rung = judged_by(row)
    codes = _groups(sites.codes[positions]) if rung == STRATIFIED else None
    found: list[tuple[float, bool]] = []
    for draw in range(count):
        check_cancelled(progress)
        progress.report(draw / count)
        values = [_composition(sites.blocks[name], draw, positions) for name in comparison.blocks]
        drawn = _r_and_moments(values, comparison, sites, row.method == "spearman", codes)
        if drawn is not None:
            found.append((drawn[0], two_sided_normal(*drawn) <= LEVEL))
    if not found:
        return nothing
    r = np.array([value for value, _ in found])
    significant = np.array([link for _, link in found])
    same = r * observed > 0.0
    p = row.p(rung)
    if p is None:  # without permutations
        p = two_sided_normal(observed, 0.0, row.null_sd) if row.null_sd else 1.0
    holds: np.ndarray = significant & same if p <= LEVEL else ~significant
    low, median, high = (float(value) for value in np.percentile(r, [2.5, 50.0, 97.5]))
    return WeightBand(
        row.block_a,
        row.block_b,
        row.category,
        row.group,
        len(found),
        low,
        median,
        high,
        float(same.mean()),
        float(significant.mean()),
        bool(holds.mean() >= HOLDS),
        rung,
    )


def judged_by(row: CorrelationRow) -> str:
    """The rung that row and draws are judged by: the advised one, or the strictest before it that needs no drawing.

    The partial and the Moran test would have to be done anew, with all their permutations, for every draw.
    """
    if row.advised in (STRATIFIED, PARTIAL, MORAN) and row.p(STRATIFIED) is not None:
        return STRATIFIED
    return MANTEL


def _groups(codes: np.ndarray) -> np.ndarray:
    """The groups counted from 0; sites without one are a group of their own, as in the stratified test."""
    return np.asarray(np.unique(codes, return_inverse=True)[1]).reshape(-1)


def _drawn(comparison: Comparison, sites: Sites) -> list[np.ndarray]:
    blocks = [sites.blocks[name] for name in comparison.blocks]
    return [block.draws for block in blocks if block.draws is not None]


def _usable(comparison: Comparison, sites: Sites, positions: np.ndarray) -> np.ndarray:
    usable = np.ones(len(positions), dtype=bool)
    for draws in _drawn(comparison, sites):
        here = draws[positions]
        usable &= np.isfinite(here).all(axis=(1, 2)) & here.any(axis=2).all(axis=1)
    return usable


def _composition(block: Block, draw: int, positions: np.ndarray) -> np.ndarray:
    values = block.values if block.draws is None else block.draws[:, draw]
    return values[positions]


def _without_matrices(comparison: Comparison, sites: Sites, count: int) -> bool:
    blocks = [sites.blocks[name] for name in comparison.blocks]
    cosine = all(measure_of(block.values, block.measure) == COSINE for block in blocks)
    return cosine and count > _MANY_SITES and not comparison.category and len(comparison.others) == 1


def _r_and_moments(
    values: list[np.ndarray],
    comparison: Comparison,
    sites: Sites,
    by_rank: bool,
    codes: np.ndarray | None,
) -> tuple[float, float, float] | None:
    """r, and its mean and spread over all permutations, within groups where ``codes`` are given; None if undefined."""
    if not by_rank and _without_matrices(comparison, sites, len(values[0])):
        pair = FactoredPair(values[0], values[1])
        if codes is None:
            return _defined(pair.r(), 0.0, pair.null_sd())
        return _within(pair.r(), stratified_moments(*(sums_of_rows(rows, codes) for rows in values)))
    column = comparison.column
    if column is None:
        measures = [sites.blocks[name].measure for name in comparison.blocks]
        matrices = [similarity_matrix(value, measure) for value, measure in zip(values, measures)]
    else:
        matrices = [similarity_matrix(value[:, column : column + 1]) for value in values]
    if not all(varies(pairs_of(matrix)) for matrix in matrices):
        return None
    a, b = matrices[0], matrices[1] if len(matrices) == 2 else mean_of_z_scores(matrices[1], matrices[2])
    if by_rank:
        a, b = rank_matrix(a), rank_matrix(b)
    r = pearson(pairs_of(a), pairs_of(b))
    if codes is None:
        return _defined(r, 0.0, permutation_sd(a, b))
    return _within(r, stratified_moments(sums_of_matrix(a, codes), sums_of_matrix(b, codes)))


def _within(r: float | None, moments: tuple[float, float] | None) -> tuple[float, float, float] | None:
    return None if moments is None else _defined(r, *moments)


def _defined(r: float | None, mean: float, spread: float | None) -> tuple[float, float, float] | None:
    return (r, mean, spread) if r is not None and spread else None
