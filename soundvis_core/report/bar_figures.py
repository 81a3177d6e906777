"""Bars of r with intervals: pairs of blocks by group (the paper's Figures 6 and 10), BGA categories (11 to 13)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..statistics.results import POOLED, CorrelationResult, CorrelationRow
from .figures import (
    BGA_COLOURS,
    COLOURS,
    INK,
    OTHER_COLOURS,
    SOFT,
    WIDE,
    colour_of,
    drawing,
    hatched,
    in_parts,
    plain,
    tidy,
    wrapped,
)
from .wording import COEFFICIENTS, FEW_SITES, LEVEL, number, shows_link, tested

#: Groups side by side in one figure, and in one of half the width.
GROUPS_PER_FIGURE = 7
GROUPS_PER_HALF = 4
#: Bars of one group in one figure.
MAX_BARS = 6
#: Figures stop after so many groups; the tables go on.
MAX_BAR_GROUPS = 42
#: With more groups than this, categories are drawn for all sites only.
MAX_CATEGORY_GROUPS = 13
#: Pairs of blocks whose categories are drawn.
MAX_CATEGORY_PAIRS = 12

_LETTER = 0.068  # inches, of a legend's mean letter

_Key = tuple[str, str, str]


@dataclass(frozen=True)
class _Series:
    """The bars of one colour: which row of each group, how it is called."""

    key: _Key
    label: str
    colour: str


def bar_figures(result: CorrelationResult, prefix: str) -> list[str]:
    """The correlation of every pair of whole blocks, pooled and by group, as ``<svg>`` elements of full width.

    Bars are filled where the advised p is at most ``LEVEL``, hatched where it is not.
    """
    limits = _limits(row for row in result.rows if not row.category)
    figures = []
    for index, series in enumerate(_families(result)):
        for part, groups in enumerate(in_parts(drawn_groups(result), GROUPS_PER_FIGURE)):
            figures.append(_bars(result, series, groups, limits, WIDE, "", f"{prefix}{index}-{part}-"))
    return figures


def category_figures(result: CorrelationResult, prefix: str) -> tuple[list[str], bool]:
    """Each BGA category by group: a figure per pair of blocks, and whether the figures take half the width."""
    pairs = list(dict.fromkeys((row.block_a, row.block_b) for row in result.rows if row.category))
    groups = drawn_groups(result) if len(result.groups) <= MAX_CATEGORY_GROUPS else [POOLED]
    half = len(groups) <= GROUPS_PER_HALF
    limits = _limits(row for row in result.rows if row.category)
    figures = []
    for index, (block_a, block_b) in enumerate(pairs[:MAX_CATEGORY_PAIRS]):
        names = dict.fromkeys(
            row.category
            for row in result.rows
            if row.category and (row.block_a, row.block_b) == (block_a, block_b)
        )
        series = [
            _Series((block_a, block_b, name), name, BGA_COLOURS.get(name, OTHER_COLOURS[place % 6]))
            for place, name in enumerate(names)
        ]
        for part, some in enumerate(in_parts(groups, GROUPS_PER_FIGURE)):
            title = f"{block_a} \u2013 {block_b}"
            width = WIDE / 2.0 if half else WIDE
            figures.append(_bars(result, series, some, limits, width, title, f"{prefix}{index}-{part}-"))
    return figures, half


def drawn_groups(result: CorrelationResult) -> list[str]:
    """The groups that figures show, all sites first."""
    return [POOLED, *result.groups][: MAX_BAR_GROUPS + 1]


def _families(result: CorrelationResult) -> list[list[_Series]]:
    """Pairs of blocks that share a figure: whole vectors, then BGA, not too many, each with a colour of its own."""
    pairs = dict.fromkeys((row.block_a, row.block_b) for row in result.rows if not row.category)
    kinds: dict[bool, list[tuple[str, str]]] = {}
    for pair in pairs:
        kinds.setdefault(pair[0].endswith(" BGA") and pair[1].endswith(" BGA"), []).append(pair)
    families = []
    for kind in kinds.values():
        for part in in_parts(kind, MAX_BARS):
            used: set[str] = set()
            series = []
            for block_a, block_b in part:
                colour = colour_of(block_a, block_b, result)
                if colour in used:
                    free = [other for other in (*OTHER_COLOURS, *COLOURS.values()) if other not in used]
                    colour = free[0]
                used.add(colour)
                series.append(
                    _Series((block_a, block_b, ""), plain(f"{block_a} \u2013 {block_b}", 44), colour)
                )
            families.append(series)
    return families


def _limits(rows: Iterable[CorrelationRow]) -> tuple[float, float]:
    """From the lowest to the highest value or interval; intervals of very few sites do not squeeze the others."""
    values = [0.0]
    for row in rows:
        value = tested(row)
        if value is not None:
            values.append(value)
            if row.interval is not None and row.sites >= FEW_SITES:
                values.extend(row.interval)
    low, high = min(values), max(values)
    room = 0.12 * max(high - low, 0.05)
    return (low - room if low < 0.0 else 0.0, high + room)


def _bars(
    result: CorrelationResult,
    series: Sequence[_Series],
    groups: Sequence[str],
    limits: tuple[float, float],
    width: float,
    title: str,
    prefix: str,
) -> str:
    rows = {
        (row.block_a, row.block_b, row.category, row.group): row
        for row in result.rows
        if any(row.block_a == one.key[0] and row.block_b == one.key[1] for one in series)
    }
    slots = max(len(groups), 2 if width < WIDE else 3)
    bar = 0.8 / max(len(series), 1)
    inches = (width - 0.9) / slots * bar  # of one bar: numbers need about a third of an inch
    label = title if title else ", ".join(one.label for one in series)
    with drawing(
        width, 3.3 if width == WIDE else 2.9, f"Correlation by group, {label}: {', '.join(groups)}"
    ) as (
        figure,
        save,
    ):
        axes = figure.add_subplot()
        for place, one in enumerate(series):
            for position, group in enumerate(groups):
                row = rows.get((*one.key, group))
                x = position + (place - (len(series) - 1) / 2) * bar
                _bar(axes, x, bar * 0.88, row, one.colour, inches >= 0.3, limits)
        _finish(
            axes, groups, slots, limits, [_group_label(rows, group, inches * len(series)) for group in groups]
        )
        axes.set_ylabel(COEFFICIENTS.get(result.method, result.method))
        if title:  # the colours are told beside the figures
            axes.set_title(wrapped(title, 48 if width < WIDE else 100, 1))
        else:
            _legend(axes, series, any(shows_link(row) is False for row in rows.values()))
        return save(prefix)


def _finish(
    axes: Any, groups: Sequence[str], slots: int, limits: tuple[float, float], labels: Sequence[str]
) -> None:
    axes.axhline(0.0, color="#333333", linewidth=0.9)
    if len(groups) > 1 and groups[0] == POOLED:
        axes.axvline(0.5, color="#BBBBBB", linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_xlim(-0.55, slots - 0.45)
    axes.set_ylim(*limits)
    axes.set_xticks(range(len(groups)))
    axes.set_xticklabels(labels)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", color="#E2E2E2", linewidth=0.7)
    axes.set_axisbelow(True)
    tidy(axes)


def _legend(axes: Any, series: Sequence[_Series], by_chance: bool) -> None:
    from matplotlib.patches import Patch

    labels = [one.label for one in series]
    handles = [Patch(facecolor=one.colour, label=one.label) for one in series]
    if by_chance:
        labels.append(f"advised p > {LEVEL:g}")
        handles.append(Patch(label=labels[-1], **hatched("#555555")))
    letters = [len(label) + 6 for label in labels]
    fit = (WIDE - 0.8) / _LETTER
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.01),
        ncol=len(handles) if sum(letters) <= fit else max(1, int(fit / max(letters))),
        frameon=False,
        borderaxespad=0.0,
        handlelength=1.2,
        handletextpad=0.5,
        columnspacing=1.2,
        fontsize=8.5,
    )


def _bar(
    axes: Any,
    x: float,
    width: float,
    row: CorrelationRow | None,
    colour: str,
    labelled: bool,
    limits: tuple[float, float],
) -> None:
    value = None if row is None else tested(row)
    if row is None or value is None:
        axes.annotate(
            "n/a", (x, 0.0), (0, 3), textcoords="offset points", ha="center", fontsize=7.5, color=SOFT
        )
        return
    look = hatched(colour) if shows_link(row) is False else {"color": colour}
    axes.bar(x, value, width, linewidth=0.9, **look)
    whole = row.interval or (value, value)
    ends = (max(whole[0], limits[0]), min(whole[1], limits[1]))
    if ends != whole:
        labelled = False  # there is no room beyond a whisker that is cut
    if row.interval is not None:
        axes.plot([x, x], ends, color="white", linewidth=2.8, solid_capstyle="butt")
        axes.plot([x, x], ends, color=INK, linewidth=1.1, solid_capstyle="butt")
        for end in ends:
            axes.plot([x - width * 0.16, x + width * 0.16], [end, end], color=INK, linewidth=1.1)
    if labelled:
        below = value < 0.0
        axes.annotate(
            number(value, 2),
            (x, min(ends[0], value) if below else max(ends[1], value)),
            (0, -3 if below else 3),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            fontsize=7.5,
        )


def _group_label(rows: dict[tuple[str, str, str, str], CorrelationRow], group: str, inches: float) -> str:
    """The group and how many sites it has: the used ones, as a range where the pairs of blocks differ."""
    sites = sorted({row.sites for key, row in rows.items() if key[3] == group})
    counted = f"{sites[0]:,}" if len(sites) == 1 else f"{sites[0]:,}\u2013{sites[-1]:,}" if sites else "0"
    name = "All sites" if group == POOLED else wrapped(group, max(10, int(inches / 0.075)), 2)
    return f"{name}\n{counted} {'site' if sites == [1] else 'sites'}"
