"""What the sites of a run can find: the power of every row that a correlation run has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import InputError
from ..progress import NO_PROGRESS, Progress, check_cancelled
from .checks import Sites, check_sites
from .comparisons import Comparison, comparisons
from .matrices import Similarities
from .power import MIN_SITES, power_model
from .results import POOLED, Block
from .rows import DENSE_SITES, SAMPLE_SITES
from .sampling import sample_of


@dataclass(frozen=True)
class TargetPower:
    """An absolute r to find.

    power: the chance to find it with the sites there are. sites_needed: how many find it with the power asked for;
    None for more than ten million.
    """

    r: float
    power: float
    sites_needed: int | None


@dataclass(frozen=True)
class PowerRow:
    """What the sites of one row, two blocks within one group, can find by a Mantel test.

    null_sd: of r over all permutations of the sites. detectable_r: the smallest absolute r found with the power asked
    for. targets: in the order asked for; empty where nothing is known, and ``note`` says why.
    """

    block_a: str
    block_b: str
    category: str
    group: str
    sites: int
    null_sd: float | None = None
    detectable_r: float | None = None
    targets: tuple[TargetPower, ...] = ()
    note: str = ""


def power_rows(
    blocks: Sequence[Block],
    groups: Sequence[str | None] | None = None,
    targets: Sequence[float] = (0.1, 0.2, 0.3),
    alpha: float = 0.05,
    power: float = 0.8,
    seed: int = 0,
    progress: Progress = NO_PROGRESS,
) -> list[PowerRow]:
    """The power of every pair of blocks, whole and per BGA category, pooled and per group.

    blocks, groups: as of :func:`.correlate.correlate_blocks`. targets: absolute r to find, between 0 and 1. alpha:
    level of the two-sided test; power: chance to find a link that is there. Rows of more than ``rows.DENSE_SITES``
    sites take the spread of their similarities from a seeded sample.

    Raises InputError for blocks that do not fit together and numbers out of range, and Cancelled.
    """
    for value, what in ((alpha, "level alpha"), (power, "power")):
        if not 0.0 < value < 1.0:
            raise InputError(f"The {what} is {value:g}; it must lie between 0 and 1.")
    for target in targets:
        if not 0.0 < target < 1.0:
            raise InputError(f"The r to find is {target:g}; it must lie between 0 and 1, without these two.")
    sites = check_sites(blocks, groups, None, ())
    similarities = Similarities(sites)
    wanted = [
        (group, comparison)
        for group in (POOLED, *sites.groups)
        for comparison in comparisons(list(sites.blocks.values()))
    ]
    rows = []
    for done, (group, comparison) in enumerate(wanted):
        check_cancelled(progress)
        progress.report(done / len(wanted))
        rows.append(_row(sites, similarities, group, comparison, targets, alpha, power, seed))
    return rows


def _row(
    sites: Sites,
    similarities: Similarities,
    group: str,
    comparison: Comparison,
    targets: Sequence[float],
    alpha: float,
    power: float,
    seed: int,
) -> PowerRow:
    used = sites.used(group, comparison.blocks)
    count = len(used)
    row = PowerRow(comparison.block_a, comparison.block_b, comparison.category, group, count)
    if count < MIN_SITES:
        return replace(
            row, note=f"fewer than {MIN_SITES} sites have a value in {' and '.join(comparison.blocks)}"
        )
    positions = used if count <= DENSE_SITES else sample_of(used, SAMPLE_SITES, seed)
    constant = similarities.constant(comparison, positions)
    if constant:
        return replace(row, note=f"all pairs are equally similar in {' and '.join(constant)}")
    model = power_model(*similarities.of(comparison, positions), alpha)
    if model is None:
        return replace(row, note="r is the same in every order of the sites")
    detectable = model.detectable_r(count, power)
    notes = []
    if len(positions) < count:
        notes.append(f"from a random sample of {len(positions):,} of the sites")
    if detectable is None:
        notes.append(f"{count} sites are too few to find any r")
    return replace(
        row,
        null_sd=model.null_sd_at(count),
        detectable_r=detectable,
        targets=tuple(TargetPower(r, model.power(r, count), model.sites_needed(r, power)) for r in targets),
        note="; ".join(notes),
    )
