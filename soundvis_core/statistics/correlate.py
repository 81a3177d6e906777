"""Correlate blocks: do places that sound alike look alike?

The statistic is the paper's (section 5.1, Figures 5, 6, 9 and 10): Pearson's r between two vectorised
site-by-site similarity matrices, over all pairs of sites (pooled) and over the pairs within each group. What it is
worth is told by a ladder of tests, from the paper's own to those that allow for cities and for nearness.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .bands import draws_for, has_draws, weight_band
from .checks import Sites, check_numbers, check_sites
from .comparisons import COMBINED, Comparison, Triple, comparisons, triples
from .costs import WORTH_SAYING, band_seconds, factored_seconds, fusion_seconds, in_words, row_seconds
from .fusion import fuse
from .ladder import Settings
from .plain_words import FEW_SITES
from .results import POOLED, Block, CorrelationResult, FusionRow, WeightBand
from .rows import DENSE_SITES, SAMPLE_SITES, RowOutcome, Rows
from .sampling import sample_of
from .similarity import COSINE
from .whole_run import adjusted, advised, between_groups

__all__ = ["COMBINED", "FEW_SITES", "correlate_blocks"]


def correlate_blocks(
    blocks: Sequence[Block],
    groups: Sequence[str | None] | None = None,
    *,
    permutations: int = 999,
    bootstraps: int = 999,
    seed: int = 0,
    method: str = "pearson",
    lonlat: np.ndarray | None = None,
    controls: Sequence[tuple[str, np.ndarray]] = (),
    use_distance: bool = True,
    progress: Progress = NO_PROGRESS,
) -> CorrelationResult:
    """Correlate every pair of blocks, pooled and per group, with the whole ladder of tests.

    blocks: two or more, each (sites, d) for the same sites in the same order. Where ``sound``, ``street`` and
        ``aerial`` are all there, sound is also compared with ``street+aerial``, the mean of their z-scored
        similarities over the pairs of the row. BGA blocks are compared with each other, whole and per category;
        see :func:`comparisons.comparisons`.
    groups: per site, the group (a city) or None; None altogether gives pooled rows only. Pooled rows take the
        pairs between groups too, as the paper's do.
    permutations: of each test; 0 leaves their p out. Each row permutes the sites of its first block among the
        sites that the row uses. bootstraps: of the interval; 0 leaves it out.
    seed: each row starts its own generators from it, so a row does not depend on which others are computed.
    method: what the ladder tests, ``pearson`` or ``spearman``. Fusion is always by Pearson.
    lonlat: (sites, 2) longitude and latitude in degrees, NaN where unknown, or None. controls: names and (sites,)
        values of further fields that the partial test holds fixed, beside log distance where ``use_distance``.

    A site without a value in a block is left out of the rows of that block, counted and named. Where r is
    undefined (fewer than 3 sites, similarities that do not vary) the row has None and says why. Rows of more than
    ``DENSE_SITES`` sites are computed without matrices of sites by sites where that can be, and else on a random
    sample of ``SAMPLE_SITES``; rows and rungs say so.

    Raises :class:`InputError` for input that does not fit together, and :class:`Cancelled` where the user stops.
    """
    check_numbers(permutations, bootstraps, seed, method)
    sites = check_sites(blocks, groups, lonlat, controls)
    run = _Run(sites, Settings(permutations, bootstraps, seed, method, use_distance))
    run.go(progress)
    outcomes = run.outcomes
    return CorrelationResult(
        rows=tuple(adjusted([outcome.row for outcome in outcomes])),
        sites=sites.count,
        groups=sites.groups,
        blocks=tuple(
            (name, block.values.shape[1], run.measure(name)) for name, block in sites.blocks.items()
        ),
        permutations=permutations,
        seed=seed,
        dropped=sites.dropped,
        ungrouped=tuple(np.flatnonzero(sites.codes < 0).tolist()) if groups is not None else (),
        similarities=tuple(outcome.figure for outcome in outcomes if outcome.figure is not None),
        method=method,
        bootstraps=bootstraps,
        controls=tuple(sites.controls),
        fusion=tuple(run.fusion),
        heterogeneity=tuple(between_groups(run.compared, outcomes)),
        bands=tuple(run.bands),
        alignments=tuple(outcome.alignment for outcome in outcomes if outcome.alignment is not None),
        lonlat=sites.lonlat,
        advice=tuple(advised(outcomes)),
        site_groups=sites.labels if groups is not None else (),
    )


class _Run:
    """The steps of a run, with the seconds each will take: the bar moves evenly and the time is told ahead."""

    def __init__(self, sites: Sites, settings: Settings) -> None:
        self._sites = sites
        self._settings = settings
        self._rows = Rows(sites, settings)
        self.compared = comparisons(list(sites.blocks.values()))
        self.outcomes: list[RowOutcome] = []
        self.bands: list[WeightBand] = []
        self.fusion: list[FusionRow] = []

    def measure(self, name: str) -> str:
        return self._rows.similarities.measure(name)

    def go(self, progress: Progress) -> None:
        """All steps. Raises :class:`Cancelled` where the user stops the run."""
        steps = self._steps()
        total = sum(seconds for seconds, _ in steps)
        if total > WORTH_SAYING:
            progress.info(f"This run takes {in_words(total)}. Fewer permutations or bootstraps take less.")
        done = 0.0
        for seconds, step in steps:
            check_cancelled(progress)
            step(PartOf(progress, done / total, (done + seconds) / total))
            done += seconds
        progress.report(1.0)

    def _steps(self) -> list[tuple[float, Callable[[Progress], None]]]:
        every = (POOLED, *self._sites.groups)
        steps: list[tuple[float, Callable[[Progress], None]]] = []
        keys = [(comparison, group) for group in every for comparison in self.compared]
        for comparison, group in keys:
            steps.append((self._row_seconds(comparison, group), partial(self._row, comparison, group)))
        for place, (comparison, group) in enumerate(keys):
            if has_draws(comparison, self._sites):
                used = len(self._sites.used(group, comparison.blocks))
                matrix = used if used <= DENSE_SITES else SAMPLE_SITES
                seconds = band_seconds(draws_for(comparison, self._sites, matrix), matrix)
                steps.append((seconds, partial(self._band, comparison, place)))
        for group in every:
            for triple in triples(list(self._sites.blocks.values())):
                used = len(self._sites.used(group, (triple.sound, triple.street, triple.aerial)))
                matrix = used if used <= DENSE_SITES else SAMPLE_SITES
                steps.append((fusion_seconds(matrix, self._settings), partial(self._fuse, triple, group)))
        return steps

    def _row(self, comparison: Comparison, group: str, progress: Progress) -> None:
        self.outcomes.append(self._rows.of(comparison, group, progress))

    def _band(self, comparison: Comparison, place: int, progress: Progress) -> None:
        outcome = self.outcomes[place]
        self.bands.append(weight_band(comparison, outcome.row, outcome.positions, self._sites, progress))

    def _fuse(self, triple: Triple, group: str, progress: Progress) -> None:
        """Sound against both views in one group. The cosine of both vectors put together is the mean of theirs.

        Only vectors that are compared by cosine can be put together.
        """
        used = self._sites.used(group, (triple.sound, triple.street, triple.aerial))
        positions = used if len(used) <= DENSE_SITES else sample_of(used, SAMPLE_SITES, self._settings.seed)
        similarities = self._rows.similarities
        matrices = []
        for name in (triple.sound, triple.street, triple.aerial):
            check_cancelled(progress)
            matrices.append(similarities.block(name, None, positions))
        sound, street, aerial = matrices
        cosines = all(similarities.measure(name) == COSINE for name in (triple.street, triple.aerial))
        found = fuse(
            sound,
            street,
            aerial,
            (street + aerial) / 2.0 if cosines else None,
            permutations=self._settings.permutations,
            bootstraps=self._settings.bootstraps,
            seed=self._settings.seed,
            group=group,
            category=triple.category,
            progress=progress,
        )
        if len(positions) < len(used):
            sample = f"on a random sample of {len(positions):,} of {len(used):,} sites"
            found = [replace(row, note="; ".join(filter(None, (row.note, sample)))) for row in found]
        self.fusion.extend(found)

    def _row_seconds(self, comparison: Comparison, group: str) -> float:
        sites, settings = self._sites, self._settings
        used = len(sites.used(group, comparison.blocks))
        groups = len(sites.groups) if group == POOLED else 0
        placed = sites.lonlat is not None
        first = comparison == self.compared[0]
        axes = 0
        if comparison.category:
            axes = 1
        elif self._rows.similarities.measure(comparison.block_a) == COSINE:
            axes = sites.blocks[comparison.block_a].values.shape[1]
        matrix = used if used <= DENSE_SITES else SAMPLE_SITES
        seconds = row_seconds(matrix, groups, placed, len(sites.controls), settings, axes, first)
        if used <= DENSE_SITES:
            return seconds
        if settings.method == "pearson" and self._rows.without_matrices(comparison):
            widths = [sites.blocks[name].values.shape[1] for name in comparison.blocks]
            seconds += factored_seconds(used, widths[0], sum(widths[1:]), groups, settings)
        return seconds
