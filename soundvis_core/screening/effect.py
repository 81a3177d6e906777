"""What each rule of screening does to the correlations of a run: r with and without the sites that it drops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from ..statistics.bootstrap import bootstrap_r, percentile_interval
from ..statistics.checks import Sites, check_sites
from ..statistics.comparisons import Comparison, comparisons
from ..statistics.mantel import pearson
from ..statistics.matrices import Similarities
from ..statistics.results import POOLED, Block, RuleEffect
from ..statistics.sampling import sample_of
from ..statistics.similarity import pairs_of, rank_matrix

#: The row that takes all rules together.
ALL_RULES = "all rules together"
#: With fewer sites left r means nothing.
MIN_SITES = 3
#: With more sites, a random sample of so many stands for them.
MOST_SITES = 2000
#: How often as many sites as a rule drops are dropped at random, to see what that alone does to r.
RANDOM_DROPS = 499


@dataclass(frozen=True)
class _Run:
    """What all rows share. kept: per rule, (sites,) bool."""

    sites: Sites
    similarities: Similarities
    kept: Mapping[str, np.ndarray]
    method: str
    seed: int


def rule_effects(
    blocks: Sequence[Block],
    groups: Sequence[str | None] | None,
    keep: Mapping[str, np.ndarray],
    *,
    method: str = "pearson",
    seed: int = 0,
    random_drops: int = RANDOM_DROPS,
    progress: Progress = NO_PROGRESS,
) -> list[RuleEffect]:
    """The r of every row of a correlation run with all its sites, and without those that each rule drops.

    blocks, groups, method, seed: as :func:`.statistics.correlate.correlate_blocks` takes them; the rows are the same.
    keep: by rule, (sites,) float: 0 where it drops the site, NaN where it was not screened, which keeps it. With two
    rules or more the last row of each is all of them together; see :func:`rules_of`.

    No test is made: a rule that was chosen because it raises r would make any p too small. Instead each row tells
    where r comes to lie if as many sites are dropped at random (95 %, ``random_drops`` times; 0 leaves it out).

    Raises :class:`InputError` where sizes do not fit together or a value is neither 0 nor 1, :class:`Cancelled`.
    """
    sites = check_sites(blocks, groups, None, ())
    kept = {name: _checked(name, values, sites.count) for name, values in keep.items()}
    rules = rules_of(kept)
    if len(rules) > 1:
        kept[ALL_RULES] = np.logical_and.reduce([kept[name] for name in rules])
    run = _Run(sites, Similarities(sites), kept, method, seed)
    keys = [
        (comparison, group)
        for group in (POOLED, *sites.groups)
        for comparison in comparisons(list(sites.blocks.values()))
    ]
    found: list[RuleEffect] = []
    for done, (comparison, group) in enumerate(keys):
        check_cancelled(progress)
        part = PartOf(progress, done / len(keys), (done + 1) / len(keys))
        found.extend(_effects(run, comparison, group, random_drops, part))
    progress.report(1.0)
    return found


def rules_of(names: Iterable[str]) -> list[str]:
    """Those of the keep fields that stand for a rule of their own.

    ``scr_keep``, the advice of the tool as a whole, does not where a rule of it, such as ``scr_keep_speech``, is there,
    too: it also drops sites of which each rule alone masks too few windows.
    """
    every = list(names)
    return [name for name in every if not any(other.startswith(f"{name}_") for other in every)]


def _effects(
    run: _Run, comparison: Comparison, group: str, random_drops: int, progress: Progress
) -> list[RuleEffect]:
    """One row under every rule."""
    used = run.sites.used(group, comparison.blocks)
    positions = sample_of(used, MOST_SITES, run.seed)
    note = f"on a random sample of {len(positions):,} sites" if len(positions) < len(used) else ""
    matrices = _matrices(run, comparison, positions)
    every = None if matrices is None else pearson(pairs_of(matrices[0]), pairs_of(matrices[1]))
    if every is None:
        note = _why_undefined(len(positions))
    effects = []
    for name, kept in run.kept.items():
        check_cancelled(progress)
        lost = int((~kept[used]).sum())
        left = positions[kept[positions]]
        without, span, why = every, None, note
        if lost:
            fewer = _matrices(run, comparison, left)
            without = None if fewer is None else pearson(pairs_of(fewer[0]), pairs_of(fewer[1]))
            if matrices is not None and random_drops and len(left) >= MIN_SITES:
                drops = _random_drops(len(positions), len(left), random_drops, run.seed)
                span = percentile_interval(bootstrap_r(*matrices, drops, progress))
            if without is None:
                why = _why_undefined(len(left))
        effects.append(
            RuleEffect(
                name,
                comparison.block_a,
                comparison.block_b,
                group,
                comparison.category,
                len(used),
                lost,
                every,
                without,
                span,
                why,
                note,
            )
        )
    return effects


def _matrices(
    run: _Run, comparison: Comparison, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """The similarities (n, n) of a row, ranks for Spearman's rho; None where r is undefined."""
    if len(positions) < MIN_SITES or run.similarities.constant(comparison, positions):
        return None
    first, second = run.similarities.of(comparison, positions)
    return (rank_matrix(first), rank_matrix(second)) if run.method == "spearman" else (first, second)


def _why_undefined(sites: int) -> str:
    """Why so many sites have no r."""
    if sites < MIN_SITES:
        return f"fewer than {MIN_SITES} sites"
    return "all pairs are equally similar in one of the blocks"


def _random_drops(sites: int, left: int, draws: int, seed: int) -> np.ndarray:
    """(draws, sites) of 1 and 0: so many sites left each time, drawn without replacement."""
    order = np.random.default_rng(seed).random((draws, sites)).argsort(axis=1)
    return (order < left).astype(np.float64)


def _checked(name: str, values: np.ndarray, count: int) -> np.ndarray:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (count,):
        raise InputError(
            f"The rule '{name}' has {numbers.size} values for {count} sites; there must be one per site."
        )
    known = np.isfinite(numbers)
    if not np.isin(numbers[known], (0.0, 1.0)).all():
        raise InputError(
            f"The field '{name}' holds other numbers than 1 (keep) and 0 (leave out). Take the keep fields of 'Screen "
            "recordings' or 'Screen street photos'."
        )
    return ~known | (numbers != 0.0)
