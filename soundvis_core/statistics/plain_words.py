"""What a row of a correlation run says and what it does not, in one plain sentence or two."""

from __future__ import annotations

import math
from collections import Counter

from .advice import Advice
from .comparisons import AERIAL, COMBINED, SOUND, STREET
from .results import (
    MANTEL,
    MORAN,
    NAIVE,
    PARTIAL,
    POOLED,
    RUNGS,
    STRATIFIED,
    CorrelationResult,
    CorrelationRow,
    Rung,
)

#: The level at which a row is called a link.
LEVEL = 0.05
#: With fewer sites than this a row is marked: five sites have 120 orders, four cannot reach p = .04.
FEW_SITES = 6
#: With fewer there is nothing to correlate.
FEWEST_SITES = 3
#: So many reasons are named in a headline.
_REASONS = 3

_VIEWS = {
    SOUND: "sound alike",
    STREET: "look alike from the street",
    AERIAL: "look alike from above",
    COMBINED: "look alike from the street and from above",
}

#: The tests and what each takes for granted.
_TAKEN = {
    NAIVE: "the naive t-test (takes pairs as independent)",
    MANTEL: "the Mantel test (takes all sites as exchangeable)",
    STRATIFIED: "the stratified test (takes the sites of a group as exchangeable)",
    PARTIAL: "the partial test (allows for a straight line only)",
    MORAN: "the Moran test (takes the pattern in space as known)",
}


def says(row: CorrelationRow, advice: Advice) -> str:
    """The row in plain words: whether a link is shown at the advised rung, and what must not be read into it."""
    if row.r is None:
        return f"Nothing can be said: {row.note}."
    coefficient = row.r if row.method == "pearson" else row.rho
    if coefficient is None:
        return f"Nothing can be said: {row.note}."
    rung = row.rungs.get(advice.rung)
    if rung is None or rung.p is None or rung.statistic is None:
        return f"{_size(coefficient)} correlation, not tested by permutation: whether chance does as much is unknown."
    name = RUNGS[advice.rung].split(",")[0].split(" (")[0]
    tested = f"({name}, p = {_probability(rung.p)})"
    if rung.p > LEVEL:
        text = f"No link is shown {tested}; that is not evidence that there is none."
        return text + _loose(row, advice.rung)
    # Of what the advised rung tests: groups or nearness may have made the rest of r.
    toward = "tend to" if rung.statistic > 0 else "tend not to"
    text = f"Places that {_alike(row.block_a, row)} {toward} {_alike(row.block_b, row, be=True)} {tested}: "
    text += f"a {_size(rung.statistic).lower()} link{_beyond(rung)}, which does not say that one causes the other."
    if rung.statistic * coefficient < 0.0:
        text += " The r over all pairs has the other sign: it comes from groups or from nearness."
    if not advice.holds:
        text += f" Read with care: {advice.reason}."
    return text


def _beyond(rung: Rung) -> str:
    """What the link is left after, where the advised rung tests something else than r itself."""
    if rung.name != MORAN or rung.statistic is None:
        return ""
    left = (
        "within groups, beyond what place explains" if "within" in rung.note else "beyond what place explains"
    )
    return f" {left} (r = {rung.statistic:.2f})"


def headline(result: CorrelationResult) -> str:
    """What keeps a run or one of its blocks from being compared at all, and why; empty where nothing does."""
    said = []
    if all(row.r is None for row in result.rows):
        said.append("Nothing could be compared: no row has an r.")
    for name, _, _ in result.blocks:
        reasons = Counter(site.reason for site in result.dropped if site.block == name)
        usable = result.sites - sum(reasons.values())
        if usable < FEWEST_SITES and reasons:
            why = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common(_REASONS))
            has = "have" if usable > 1 else "has"
            said.append(f"{name}: {usable or 'none'} of {result.sites} sites {has} a usable value ({why}).")
    if len(said) == 1 and said[0].startswith("Nothing"):
        notes = dict.fromkeys(row.note for row in result.rows if row.group == POOLED and row.note)
        said += [f"{note[:1].upper()}{note[1:]}." for note in list(notes)[:_REASONS]]
    return " ".join(said)


def few_note(sites: int) -> str:
    """A warning for a row of so few sites that a permutation test can hardly say anything."""
    if sites >= FEW_SITES:
        return ""
    orders = math.factorial(sites)
    return (
        f"only {sites} sites: they have {orders} orders, so the Mantel p cannot be below {1.0 / orders:.2g}"
    )


def _loose(row: CorrelationRow, advised: str) -> str:
    """Which looser tests would have called the row a link, and why they are not to be read."""
    looser = list(_TAKEN)[: list(RUNGS).index(advised)]
    found = []
    for name in looser:
        p = row.p(name)
        if p is not None and p <= LEVEL:
            found.append(_TAKEN[name])
    if not found:
        return ""
    listed = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
    return f" {listed[0].upper()}{listed[1:]} would call it one."


def _alike(block: str, row: CorrelationRow, be: bool = False) -> str:
    verb = "be alike" if be else "are alike"
    if row.category:
        return f"{verb} in the {row.category} of {block}"
    if block in _VIEWS:
        return _VIEWS[block]
    return f"{verb} in {block}"


def _size(r: float) -> str:
    """Cohen's words for a correlation (1988): below .1 negligible, .3 weak, .5 moderate, else strong."""
    size = abs(r)
    return "Negligible" if size < 0.1 else "Weak" if size < 0.3 else "Moderate" if size < 0.5 else "Strong"


def _probability(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1g}"
