"""What a correlation run says in the log: who was dropped and why, then a line per pair of blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soundvis_core.statistics.results import CorrelationResult, CorrelationRow

#: Reasons for which sites were dropped that are listed per block; the rest are counted.
_MOST_REASONS = 5


def dropped_lines(result: CorrelationResult) -> Iterator[str]:
    """A line per block that lacks sites, with the reasons counted."""
    for name, _, _ in result.blocks:
        reasons = Counter(site.reason for site in result.dropped if site.block == name)
        if not reasons:
            continue
        listed = [f"{count} {reason}" for reason, count in reasons.most_common(_MOST_REASONS)]
        if len(reasons) > _MOST_REASONS:
            rest = sum(reasons.values()) - sum(count for _, count in reasons.most_common(_MOST_REASONS))
            listed.append(f"{rest} for other reasons")
        yield f"{name}: {sum(reasons.values())} of {result.sites} sites have no usable value ({'; '.join(listed)})."
    if result.ungrouped:
        yield f"{len(result.ungrouped)} of {result.sites} sites have no group; they count in the pooled rows only."


def row_line(row: CorrelationRow, sites: int) -> str:
    """One line on a pooled row, with the p of the rung to read."""
    what = f"{row.block_a} and {row.block_b}" + (f", {row.category}" if row.category else "")
    if row.r is None:
        return f"{what}: r = undefined: {row.note}; {row.dropped} of {sites} sites dropped."
    tested = f"r = {row.r:.3f}"
    if row.method == "spearman" and row.rho is not None:
        tested = f"rho = {row.rho:.3f}"
    if row.interval is not None:
        tested += f" [{row.interval[0]:.3f}, {row.interval[1]:.3f}]"
    tested += f" ({row.pairs} pairs)"
    return f"{what}: {tested}{_advised(row)}; {row.dropped} of {sites} sites dropped."


def untested_lines(result: CorrelationResult) -> Iterator[str]:
    """A line per rung that no row has a p of, with why."""
    from soundvis_core.statistics.results import RUNGS

    for name, label in RUNGS.items():
        rungs = [row.rungs[name] for row in result.rows if name in row.rungs]
        if any(rung.p is not None for rung in rungs):
            continue
        why = next((rung.note for rung in rungs if rung.note), "")
        if why:
            yield f"Left out, {label}: {why}."


def family_lines(result: CorrelationResult) -> Iterator[str]:
    """Over how many rows each p was adjusted, and whether any can be small enough after that."""
    from soundvis_core.statistics.multiplicity import beyond_reach, family_sizes
    from soundvis_core.statistics.results import RUNGS

    sizes = {name: size for name, size in family_sizes(result.rows).items() if size > 1}
    if sizes:
        listed = "; ".join(
            f"{RUNGS[name].split(',')[0].split(' (')[0]}: {size:,}" for name, size in sizes.items()
        )
        yield f"p by Holm and by Benjamini and Hochberg is adjusted over the rows that have the test ({listed})."
    yield from beyond_reach(result)


def screening_lines(result: CorrelationResult) -> Iterator[str]:
    """A line per rule of screening: how many sites it drops, and what r of the first pooled row becomes."""
    from soundvis_core.screening.effect import ALL_RULES

    told: set[str] = set()
    for effect in result.screening:
        if effect.rule in told or effect.group != "pooled":
            continue
        told.add(effect.rule)
        drops = "drop" if effect.rule == ALL_RULES else "drops"
        what = f"Without the sites that {effect.rule} {drops} ({effect.lost} of {effect.sites})"
        if effect.r is None or effect.r_without is None:
            yield f"{what}: no r of {effect.block_a} and {effect.block_b} ({effect.note})."
        else:
            yield (
                f"{what}: {effect.block_a} and {effect.block_b} {effect.r_without:.3f} instead of {effect.r:.3f}."
            )


def _advised(row: CorrelationRow) -> str:
    from soundvis_core.statistics.results import RUNGS

    if row.advised not in row.rungs or row.p(row.advised) is None:
        return ""
    return f"; to read: {RUNGS[row.advised]}, p = {row.p(row.advised):.3g}"
