"""What the numbers of a correlation run say, in plain words, and how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..statistics.multiplicity import beyond_reach
from ..statistics.results import (
    MANTEL,
    NAIVE,
    POOLED,
    CorrelationResult,
    CorrelationRow,
    Rung,
)

#: The level at which a row is called a link. Said in the report.
LEVEL = 0.05
#: Groups with fewer sites than this are not named as the strongest or weakest.
FEW_SITES = 6
COEFFICIENTS = {"pearson": "Pearson's r", "spearman": "Spearman's rho"}

_SUPERSCRIPTS = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)
#: Back to digits, with a true minus sign, for where the exponent is raised by other means.
PLAIN_DIGITS = {raised: "\u2212" if plain == ord("-") else plain for plain, raised in _SUPERSCRIPTS.items()}


def printable(text: object) -> str:
    """Text without control characters and lone surrogates, which no HTML or SVG file may hold."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def number(value: float | None, digits: int = 3) -> str:
    """A number with a true minus sign; a dash where there is none."""
    if value is None or math.isnan(value):
        return "\u2013"
    text = f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", "\u2212")


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a percentage; a dash where there is none."""
    return "\u2013" if share is None else f"{number(100.0 * share, digits)} %"


def span(interval: tuple[float, float] | None, digits: int = 3) -> str:
    """An interval as ``0.12 to 0.25``; a dash where there is none."""
    return "\u2013" if interval is None else f"{number(interval[0], digits)} to {number(interval[1], digits)}"


def probability(p: float | None) -> str:
    """A p value as plain text: 0.012, or 2.7e-59 as a power of ten; a dash where there is none."""
    if p is None:
        return "\u2013"
    if p >= 0.001:
        return f"{p:.3f}"
    if p < 1e-300:
        return "< 10\u207b\u00b3\u2070\u2070"
    mantissa, exponent = f"{p:.1e}".split("e")
    return f"{mantissa} \u00d7 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def compared(row: object) -> str:
    """What a row compares: its two blocks."""
    return f"{getattr(row, 'block_a', '')} \u2013 {getattr(row, 'block_b', '')}"


def group_name(group: str) -> str:
    """The group as it is headed."""
    return "All sites (pooled)" if group == POOLED else group


def tested(row: CorrelationRow) -> float | None:
    """The coefficient that the ladder of the row tests: r, or rho for Spearman's."""
    return row.rho if row.method == "spearman" else row.r


def advised_rung(row: CorrelationRow) -> Rung | None:
    """The rung that the row advises to read; the Mantel test where it advises none; None where there is no p."""
    rung = row.rungs.get(row.advised) or row.rungs.get(MANTEL)
    return rung if rung is not None and rung.p is not None else None


def shows_link(row: CorrelationRow) -> bool | None:
    """Whether the advised p is at most ``LEVEL``; None where nothing was tested."""
    rung = advised_rung(row)
    return None if rung is None or rung.p is None else rung.p <= LEVEL


def findings(result: CorrelationResult) -> list[tuple[str, str]]:
    """What the run says: per pair of whole blocks its name with the coefficient, and a sentence or two."""
    return [
        (_lead(row), row.says + _group_sentence(row, result.rows))
        for row in result.rows
        if row.group == POOLED and not row.category
    ]


def _lead(row: CorrelationRow) -> str:
    value = tested(row)
    if value is None:
        return f"{compared(row)}."
    symbol = "rho" if row.method == "spearman" else "r"
    return f"{compared(row)}: {symbol} = {number(value, 2)}."


def _group_sentence(pooled: CorrelationRow, rows: Sequence[CorrelationRow]) -> str:
    """Where the correlation is strongest and weakest among the groups that have enough sites to be named."""
    named = [
        (value, row.group)
        for row, value in ((row, tested(row)) for row in rows)
        if row.group != POOLED
        and value is not None
        and row.sites >= FEW_SITES
        and (row.block_a, row.block_b, row.category) == (pooled.block_a, pooled.block_b, pooled.category)
    ]
    if len(named) < 2:
        return ""
    low, high = min(named), max(named)
    return f" By group it runs from {number(low[0], 2)} ({low[1]}) to {number(high[0], 2)} ({high[1]})."


def cautions(result: CorrelationResult) -> list[str]:
    """What the run does not say: what to bear in mind when reading it, as far as its numbers ask for it."""
    said = []
    found = [row for row in result.rows if shows_link(row)]
    if result.groups:
        said.append(
            "Pooled rows also compare sites of different groups. Where groups differ in sound and in sight, "
            "that alone raises the pooled r; the stratified test and the rows within each group are free of it."
        )
    said.extend(_lost_on_the_way(result))
    said.extend(_many_tests(result, found))
    tests = sum(shows_link(row) is not None for row in result.rows)
    if tests and 1.0 / (result.permutations + 1) > LEVEL:
        said.append(
            f"With {result.permutations} permutations the smallest possible p of a permutation test is "
            f"{probability(1.0 / (result.permutations + 1))}; ask for 999 or more."
        )
    said.extend(beyond_reach(result))
    few = sorted({row.group for row in result.rows if row.group != POOLED and row.sites < FEW_SITES})
    if few:
        listed = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
        said.append(f"Groups with fewer than {FEW_SITES} sites say next to nothing by themselves: {listed}.")
    over = [row for row in result.rows if _beyond(row)]
    if over:
        said.append(
            f"In {_rows(len(over))} the observed correlation is above its noise ceiling. The ceiling is itself "
            "an estimate: read it as about the largest correlation to expect, not as a hard limit."
        )
    said.append(
        "A link says that similarity in one goes with similarity in the other across these sites. It does "
        "not say that one causes the other."
    )
    return said


def _lost_on_the_way(result: CorrelationResult) -> list[str]:
    """What the naive test alone calls a link."""
    naive = [row for row in result.rows if (row.p(NAIVE) or 0.0) <= LEVEL and row.p(NAIVE) is not None]
    lost = [row for row in naive if shows_link(row) is False]
    if not lost:
        return []
    return [
        (
            f"The naive test finds {_rows(len(naive))} significant; the advised tests do not support {len(lost)} of "
            "them. It takes each pair of sites as independent evidence, though each site is part of many pairs."
        )
    ]


def _many_tests(result: CorrelationResult, found: Sequence[CorrelationRow]) -> list[str]:
    tests = sum(shows_link(row) is not None for row in result.rows)
    if tests < 2:
        return []
    text = (
        f"{tests} rows were tested. If there were no link at all, about {tests * LEVEL:.1f} of them would still "
        f"reach p \u2264 {LEVEL:g} by chance"
    )
    rungs = [rung for rung in (advised_rung(row) for row in result.rows) if rung is not None]
    if all(rung.holm is None for rung in rungs):
        return [f"{text}."]
    holm = sum(rung.holm is not None and rung.holm <= LEVEL for rung in rungs)
    bh = sum(rung.bh is not None and rung.bh <= LEVEL for rung in rungs)
    return [
        (
            f"{text}; {len(found)} did. After Holm's correction {holm} {'remains' if holm == 1 else 'remain'}, after "
            f"Benjamini and Hochberg's {bh}."
        )
    ]


def _beyond(row: CorrelationRow) -> bool:
    value = tested(row)
    return value is not None and row.ceiling is not None and abs(value) > row.ceiling


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
