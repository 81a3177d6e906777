"""What the numbers of a correlation run say, in plain words, and how numbers are written."""

from __future__ import annotations

from collections.abc import Sequence

from ..statistics.correlate import COMBINED, FEW_SITES
from ..statistics.results import MANTEL, NAIVE, POOLED, CorrelationResult, CorrelationRow

#: The level at which a row is called a link. Said in the report.
LEVEL = 0.05

_SUPERSCRIPTS = str.maketrans(
    "-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"
)
#: Back to digits, with a true minus sign, for where the exponent is raised by other means.
PLAIN_DIGITS = {raised: "\u2212" if plain == ord("-") else plain for plain, raised in _SUPERSCRIPTS.items()}
_ALIKE = {
    "sound": "sound alike",
    "street": "look alike from the street",
    "aerial": "look alike from above",
    COMBINED: "look alike (street and aerial views taken together)",
}


def printable(text: object) -> str:
    """Text without control characters and lone surrogates, which no HTML or SVG file may hold."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def number(value: float | None, digits: int = 3) -> str:
    """A number with a true minus sign; a dash where there is none."""
    if value is None:
        return "\u2013"
    text = f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", "\u2212")


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


def strength(r: float) -> str:
    """Cohen's words for a correlation (1988): below .1 negligible, .3 weak, .5 moderate, else strong."""
    size = abs(r)
    return "negligible" if size < 0.1 else "weak" if size < 0.3 else "moderate" if size < 0.5 else "strong"


def findings(result: CorrelationResult) -> list[str]:
    """What the run says: a sentence or two per pair of blocks."""
    return [
        _pooled_sentence(row) + _group_sentence(row, result.rows)
        for row in result.rows
        if row.group == POOLED
    ]


def _pooled_sentence(row: CorrelationRow) -> str:
    names = f"{row.block_a} and {row.block_b}"
    if row.r is None:
        return f"Nothing can be said about {names}: {row.note}."
    over = f"r = {number(row.r)} over {row.pairs:,} pairs of {row.sites:,} sites"
    p, naive = row.p(MANTEL), row.p(NAIVE)
    if p is None:
        return f"{names}: {over}, a {strength(row.r)} correlation; it was not tested by permutation."
    tested = f"Mantel p = {probability(p)}"
    if p > LEVEL:
        share = f"{100.0 * p:.0f} %"
        text = (
            f"No link between {names} is shown ({over}, {tested}): about {share} of random rearrangements "
            "of the sites give a correlation as strong."
        )
        if naive is not None and naive <= LEVEL:
            text += (
                " The naive p would call it significant, but it counts every pair as independent evidence."
            )
        return text
    first = _ALIKE.get(row.block_a, f"are alike in {row.block_a}")
    second = _ALIKE.get(row.block_b, f"be alike in {row.block_b}")
    statement = f"Places that {first} {'tend to' if row.r > 0 else 'tend not to'} {second}"
    explained = f"{100.0 * row.r**2:.1f} % of the variation in similarity is shared"
    return f"{statement}: {over}, {tested}. The correlation is {strength(row.r)}; {explained}."


def _group_sentence(pooled: CorrelationRow, rows: Sequence[CorrelationRow]) -> str:
    """Where the correlation is strongest and weakest among the groups that have enough sites to be named."""
    named = [
        (row.r, row.group)
        for row in rows
        if row.group != POOLED
        and row.r is not None
        and row.sites >= FEW_SITES
        and (row.block_a, row.block_b) == (pooled.block_a, pooled.block_b)
    ]
    if len(named) < 2:
        return ""
    low, high = min(named), max(named)
    return f" By group it runs from {number(low[0], 2)} ({low[1]}) to {number(high[0], 2)} ({high[1]})."


def cautions(result: CorrelationResult) -> list[str]:
    """What the run does not say: what to bear in mind when reading it."""
    said = []
    if result.groups:
        said.append(
            "Pooled rows also compare sites of different groups. Where groups differ in sound and in sight, "
            "that alone raises the pooled r; the rows within each group are free of it."
        )
    tests = sum(row.p(MANTEL) is not None for row in result.rows)
    if tests > 1:
        said.append(
            f"{tests} rows were tested. If there were no link at all, about {tests * LEVEL:.1f} of them "
            f"would still reach p \u2264 {LEVEL:g} by chance; no correction is applied."
        )
    if tests and 1.0 / (result.permutations + 1) > LEVEL:
        said.append(
            f"With {result.permutations} permutations the smallest possible Mantel p is "
            f"{probability(1.0 / (result.permutations + 1))}; ask for 999 or more."
        )
    said.append(
        "A link says that similarity in one goes with similarity in the other across these sites. It does "
        "not say that one causes the other, and nearby sites can be alike in both for other reasons."
    )
    return said
