"""One row of a correlation run: two blocks, one group, and everything that is told about their correlation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .advice import Advice, advise, structure_of
from .alignment import row_correlations
from .bootstrap import bootstrap_r, bootstrap_weights, draws, site_interval, site_shrink
from .ceiling import attainable_r
from .checks import Sites
from .comparisons import Comparison
from .factored import FactoredPair
from .ladder import Evidence, Settings, ladder
from .mantel import pearson
from .matrices import Similarities
from .moments import permutation_sd
from .pair_variance import fisher_sd
from .places import Places
from .plain_words import few_note, says
from .results import POOLED, AlignmentMap, CorrelationRow, PairSimilarities
from .sampling import sample_of
from .scatter import no_scatter, scatter
from .similarity import COSINE, pairs_of, unit_rows

#: With fewer sites r, and a permutation of it, mean nothing.
MIN_SITES = 3
#: Up to so many sites, matrices of sites by sites are made (72 MB each) and every rung is exact.
DENSE_SITES = 3000
#: With more sites, what needs such matrices is computed on a random sample of so many.
SAMPLE_SITES = 2000


@dataclass(frozen=True)
class RowOutcome:
    """A row and what only the run as a whole can use.

    positions: the sites of its matrices. figure, alignment: of pooled rows of whole blocks. spread: sampling
    deviation of Fisher's z of the tested coefficient. advice: which rung to read and why; None where r is undefined.
    """

    row: CorrelationRow
    positions: np.ndarray
    figure: PairSimilarities | None = None
    alignment: AlignmentMap | None = None
    spread: float | None = None
    advice: Advice | None = None


class Rows:
    """Makes the rows of a run, keeping what they share."""

    def __init__(self, sites: Sites, settings: Settings) -> None:
        self._sites = sites
        self._settings = settings
        self.similarities = Similarities(sites)
        self._places = Places(sites.lonlat)

    def of(self, comparison: Comparison, group: str, progress: Progress = NO_PROGRESS) -> RowOutcome:
        """One row. Raises :class:`Cancelled` where the user stops the run."""
        used = self._sites.used(group, comparison.blocks)
        members = int(self._sites.members(group).sum())
        pairs = len(used) * (len(used) - 1) // 2
        row = CorrelationRow(
            comparison.block_a,
            comparison.block_b,
            group,
            len(used),
            members - len(used),
            pairs,
            None,
            comparison.category,
            self._settings.method,
        )
        if len(used) < MIN_SITES:
            listed = " and ".join(comparison.blocks)
            return self._nothing(
                comparison, row, used, f"fewer than {MIN_SITES} sites have a value in {listed}"
            )
        positions = used if len(used) <= DENSE_SITES else sample_of(used, SAMPLE_SITES, self._settings.seed)
        constant = self.similarities.constant(comparison, positions, progress)
        if constant:
            named = [
                f"the {comparison.category} of {name}" if comparison.category else name for name in constant
            ]
            return self._nothing(
                comparison, row, positions, f"all pairs are equally similar in {' and '.join(named)}"
            )
        check_cancelled(progress)
        a, b = self.similarities.of(comparison, positions)
        r = pearson(pairs_of(a), pairs_of(b))
        rank_a, rank_b = self.similarities.ranks(comparison, positions, progress)
        check_cancelled(progress)
        rho = pearson(pairs_of(rank_a), pairs_of(rank_b))
        if r is None or rho is None:  # street and aerial that cancel each other exactly
            return self._nothing(
                comparison, row, positions, f"all pairs are equally similar in {comparison.block_b}"
            )
        return self._tested(comparison, replace(row, r=r, rho=rho), used, positions, (a, b), progress)

    def without_matrices(self, comparison: Comparison) -> bool:
        """Whether a row needs no matrices of sites by sites for r: its blocks are compared by cosine."""
        column = comparison.column
        return all(self.similarities.measure(name, column) == COSINE for name in comparison.blocks)

    def _tested(
        self,
        comparison: Comparison,
        row: CorrelationRow,
        used: np.ndarray,
        positions: np.ndarray,
        matrices: tuple[np.ndarray, np.ndarray],
        progress: Progress,
    ) -> RowOutcome:
        settings = self._settings
        notes = [few_note(len(used))]
        exact = None
        if len(positions) < len(used):
            exact = self._exact(comparison, used, PartOf(progress, 0.0, 0.1))
        if exact is not None:
            row = replace(row, r=exact.r())
            notes.append(f"rho is from a random sample of {len(positions):,} of the sites")
        elif len(positions) < len(used):
            row = replace(row, pairs=len(positions) * (len(positions) - 1) // 2)
            notes.append(f"all is from a random sample of {len(positions):,} of the {len(used):,} sites")
        figure = alignment = None
        if row.group == POOLED and not comparison.category:
            figure = scatter(comparison, *matrices, row.pairs, settings.seed)
            alignment = self._alignment(comparison, matrices, positions, used, exact, progress)
        by_rank = settings.method == "spearman"
        if by_rank:  # ranks take matrices: of the sample, where there are too many sites
            matrices, exact = self.similarities.ranks(comparison, positions, progress), None
        coefficient = row.rho if by_rank else row.r
        if coefficient is None:
            raise ValueError("a row without r has nothing to test")
        evidence = Evidence(
            matrices[0], matrices[1], positions, row.group, coefficient, row.pairs, len(used), exact, used
        )
        rungs = ladder(evidence, self._sites, self._places, settings, PartOf(progress, 0.1, 0.8))
        check_cancelled(progress)
        row = replace(
            row,
            rungs=rungs,
            interval=self._interval(evidence, PartOf(progress, 0.8, 1.0)),
            null_sd=permutation_sd(*matrices) if exact is None else exact.null_sd(),
            ceiling=self._ceiling(comparison),
            note="; ".join(note for note in notes if note),
        )
        check_cancelled(progress)
        distance = self._places.distance_or_nan(positions, progress)
        codes = self._sites.codes[positions]
        advice = advise(structure_of(*matrices, codes, distance, row.group), rungs)
        row = replace(row, advised=advice.rung)
        check_cancelled(progress)
        spread = fisher_sd(*matrices, len(positions) if exact is None else len(used))
        return RowOutcome(replace(row, says=says(row, advice)), positions, figure, alignment, spread, advice)

    def _nothing(
        self, comparison: Comparison, row: CorrelationRow, positions: np.ndarray, note: str
    ) -> RowOutcome:
        """A row whose r is undefined."""
        row = replace(row, note=note, says=f"Nothing can be said: {note}.")
        shown = row.group == POOLED and not comparison.category
        return RowOutcome(row, positions, no_scatter(comparison, row.pairs) if shown else None)

    def _exact(self, comparison: Comparison, used: np.ndarray, progress: Progress) -> FactoredPair | None:
        """The row over all its sites without matrices, where that can be."""
        if not self.without_matrices(comparison):
            return None
        rows_a, *others = [self._rows(name, used) for name in comparison.blocks]
        rows_b = others[0]
        if len(others) == 2:
            # The mean of z-scored cosines is a cosine too, up to a constant: that of rows put together, each of
            # length 1 over the square root of its block's spread.
            spreads = FactoredPair(others[0], others[1], PartOf(progress, 0.0, 0.5)).spreads()
            if not all(spreads):
                return None
            scaled = [
                unit_rows(rows) * np.asarray(spread**-0.5, rows.dtype)
                for rows, spread in zip(others, spreads)
            ]
            rows_b = np.concatenate(scaled, axis=1)
        pair = FactoredPair(rows_a, rows_b, PartOf(progress, 0.5, 1.0))
        return None if pair.r() is None else pair

    def _rows(self, name: str, used: np.ndarray) -> np.ndarray:
        values = self.similarities.values(name)
        return values if len(used) == len(values) else values[used]

    def _alignment(
        self,
        comparison: Comparison,
        matrices: tuple[np.ndarray, np.ndarray],
        positions: np.ndarray,
        used: np.ndarray,
        exact: FactoredPair | None,
        progress: Progress,
    ) -> AlignmentMap:
        r = np.full(self._sites.count, np.nan)
        if exact is not None:
            r[used] = exact.row_r(progress)
        else:
            r[positions] = row_correlations(*matrices)
        return AlignmentMap(comparison.block_a, comparison.block_b, r)

    def _interval(self, evidence: Evidence, progress: Progress) -> tuple[float, float] | None:
        settings = self._settings
        if settings.bootstraps == 0:
            return None
        if evidence.exact is None:
            weights = bootstrap_weights(len(evidence.positions), settings.bootstraps, settings.seed)
            replicates = bootstrap_r(evidence.a, evidence.b, weights, progress)
            check_cancelled(progress)
            shrink = site_shrink(evidence.a, evidence.b)
            return site_interval(evidence.r, replicates, shrink)
        found = []
        for done, weights in enumerate(draws(evidence.sites, settings.bootstraps, settings.seed)):
            check_cancelled(progress)
            progress.report(done / settings.bootstraps)
            r = evidence.exact.weighted(weights, progress)
            found.append(np.nan if r is None else r)
        shrink = site_shrink(evidence.a, evidence.b, evidence.sites)
        return site_interval(evidence.r, np.array(found), shrink)

    def _ceiling(self, comparison: Comparison) -> float | None:
        """For whole blocks; a view of two has a reliability of its own that nobody knows, so it counts as 1."""
        if comparison.category:
            return None
        blocks = self._sites.blocks
        other = blocks[comparison.block_b].reliability if len(comparison.others) == 1 else None
        return attainable_r(blocks[comparison.block_a].reliability, other)
