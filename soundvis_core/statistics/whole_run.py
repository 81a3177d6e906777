"""What takes all rows of a run together: p adjusted for their number, differences between groups, the advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .advice import Advice, sentence
from .comparisons import Comparison
from .heterogeneity import heterogeneity
from .multiplicity import benjamini_hochberg, holm
from .plain_words import FEW_SITES
from .results import POOLED, RUNGS, CorrelationRow, HeterogeneityRow
from .rows import RowOutcome

#: Rows that a piece of advice names; more are counted.
_NAMED = 4


def adjusted(rows: Sequence[CorrelationRow]) -> list[CorrelationRow]:
    """The rows with each rung's p adjusted for the number of rows that have one."""
    ladders = [dict(row.rungs) for row in rows]
    for name in RUNGS:
        p = [row.p(name) for row in rows]
        for ladder, by_holm, by_bh in zip(ladders, holm(p), benjamini_hochberg(p)):
            if name in ladder:
                ladder[name] = replace(ladder[name], holm=by_holm, bh=by_bh)
    return [replace(row, rungs=ladder) for row, ladder in zip(rows, ladders)]


def between_groups(compared: Sequence[Comparison], outcomes: Sequence[RowOutcome]) -> list[HeterogeneityRow]:
    """Whether r differs between groups, per comparison with two groups or more of enough sites.

    outcomes: those of all comparisons for one group after the other.
    """
    found = []
    for number, comparison in enumerate(compared):
        groups = [
            outcome
            for outcome in outcomes[number :: len(compared)]
            if outcome.row.group != POOLED and outcome.row.sites >= FEW_SITES
        ]
        if len(groups) < 2:
            continue
        r = [outcome.row.rho if outcome.row.method == "spearman" else outcome.row.r for outcome in groups]
        counts = [len(outcome.positions) for outcome in groups]
        test = heterogeneity(r, [outcome.spread for outcome in groups], counts)
        found.append(
            HeterogeneityRow(
                comparison.block_a,
                comparison.block_b,
                comparison.category,
                test.groups,
                test.q,
                test.df,
                test.p,
                test.i2,
                test.note,
            )
        )
    return found


def advised(outcomes: Sequence[RowOutcome]) -> list[str]:
    """A sentence per piece of advice, with the rows that it is for."""
    rows: dict[Advice, list[str]] = {}
    for outcome in outcomes:
        if outcome.advice is None:
            continue
        row = outcome.row
        category = f" ({row.category})" if row.category else ""
        where = "pooled" if row.group == POOLED else f"in {row.group}"
        rows.setdefault(outcome.advice, []).append(f"{row.block_a} and {row.block_b}{category} {where}")
    return [sentence(_listed(names), advice) for advice, names in rows.items()]


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return "; ".join(names)
    return f"{'; '.join(names[:_NAMED])} and {len(names) - _NAMED} more rows"
