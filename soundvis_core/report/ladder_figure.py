"""The significance ladder as dots and whiskers: the observed r against what chance gives, with the p of each rung.

A forest plot: a line per group with r, its bootstrap interval and the band in which chance leaves it, and beside
it, from the loosest rung to the strictest, the p. A reader sees at once where a link is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..statistics.results import PARTIAL, POOLED, RUNGS, SHORT_RUNGS, CorrelationResult, CorrelationRow
from .bar_figures import MAX_BAR_GROUPS
from .figures import BGA_COLOURS, FAINT, INK, SOFT, WIDE, colour_of, drawing, plain
from .wording import FEW_SITES, LEVEL, advised_rung, number, tested

#: Lines in one figure: it must fit on a page, the first one with its heading.
LINES_PER_FIGURE = 52
FIRST_LINES = 38
#: Lines in all; the table goes on.
MAX_LINES = 240
_LINE = 0.205  # inches
_HEADING = 1.5  # lines that a heading takes
_LEFT, _GAP, _RUNG, _VALUE = (
    1.95,
    0.12,
    0.64,
    0.5,
)  # inches: names, room between columns, a column of p, that of r
_BAND = "#D9DEDB"


@dataclass(frozen=True)
class _Panel:
    """The lines of one pair of blocks or one category of it, under one heading."""

    heading: str
    colour: str
    rows: Sequence[CorrelationRow]


@dataclass(frozen=True)
class _Frame:
    """Where things stand in a figure: inches across, and how r is laid out between ``left`` and ``right``."""

    left: float
    right: float
    low: float
    high: float
    rungs: tuple[str, ...]

    def x(self, r: float) -> float:
        return self.left + (r - self.low) / (self.high - self.low) * (self.right - self.left)

    def column(self, rung: str) -> float:
        return self.right + _VALUE + _GAP + _RUNG * (self.rungs.index(rung) + 0.5)


def ladder_figures(result: CorrelationResult, prefix: str) -> tuple[list[str], int]:
    """The ladder of every row as ``<svg>`` elements, and how many rows were not drawn."""
    rows = [row for row in result.rows if tested(row) is not None]
    panels = _panels(result)
    rungs = tuple(rung for rung in RUNGS if any(row.p(rung) is not None for row in rows))
    if not panels:
        return [], 0
    low, high = _limits(rows)
    right = WIDE - _RUNG * len(rungs) - _GAP - _VALUE - 0.03
    frame = _Frame(_LEFT, right, low, high, rungs)
    figures = [
        _figure(page, frame, result.method, f"{prefix}{index}-") for index, page in enumerate(_pages(panels))
    ]
    return figures, len(rows) - sum(len(panel.rows) for panel in panels)


def _panels(result: CorrelationResult) -> list[_Panel]:
    """A panel per pair of blocks and category, its groups in order; stops after ``MAX_LINES``."""
    groups = {group: place for place, group in enumerate([POOLED, *result.groups][: MAX_BAR_GROUPS + 1])}
    found: dict[tuple[str, str, str], list[CorrelationRow]] = {}
    for row in result.rows:
        if tested(row) is not None and row.group in groups:
            found.setdefault((row.block_a, row.block_b, row.category), []).append(row)
    panels: list[_Panel] = []
    left = MAX_LINES
    for (block_a, block_b, category), rows in found.items():
        ordered = sorted(rows, key=lambda row: groups[row.group])[:left]
        left -= len(ordered)
        if not ordered:
            break
        name = f"{block_a} \u2013 {block_b}" + (f", {category}" if category else "")
        colour = BGA_COLOURS.get(category) or colour_of(block_a, block_b, result)
        panels.append(_Panel(name, colour, ordered))
    return panels


def _pages(panels: Sequence[_Panel]) -> list[list[_Panel]]:
    """Panels that fit into one figure each; a panel is cut only where it is longer than a figure."""
    pages: list[list[_Panel]] = [[]]
    room = float(FIRST_LINES)
    most = LINES_PER_FIGURE - 2
    for panel in panels:
        for start in range(0, len(panel.rows), most):
            part = panel.rows[start : start + most]
            if pages[-1] and len(part) + _HEADING > room:
                pages.append([])
                room = LINES_PER_FIGURE
            heading = f"{panel.heading} (continued)" if start else panel.heading
            pages[-1].append(_Panel(heading, panel.colour, part))
            room -= len(part) + _HEADING
    return pages


def _limits(rows: Sequence[CorrelationRow]) -> tuple[float, float]:
    """From the lowest to the highest number drawn; whiskers of groups of very few sites are cut instead."""
    values = [0.0]
    for row in rows:
        values.append(tested(row) or 0.0)
        if row.sites >= FEW_SITES:
            values.extend(row.interval or ())
            if row.null_sd is not None:
                values.extend((-1.96 * row.null_sd, 1.96 * row.null_sd))
    room = 0.04 * max(max(values) - min(values), 0.05)
    return max(min(values) - room, -1.05), min(max(values) + room, 1.05)


def _figure(panels: Sequence[_Panel], frame: _Frame, method: str, prefix: str) -> str:
    lines = sum(len(panel.rows) + _HEADING for panel in panels)
    height = _LINE * lines + 0.75
    label = "Ladder of tests: " + "; ".join(panel.heading for panel in panels)
    with drawing(WIDE, height, label, fitted=False) as (figure, save):
        axes = figure.add_axes([0.0, 0.0, 1.0, 1.0])
        axes.set_xlim(0.0, WIDE)
        axes.set_ylim(height, 0.0)
        axes.axis("off")
        top, bottom = 0.42, 0.42 + _LINE * lines
        _scale(axes, frame, top, bottom, "rho" if method == "spearman" else "r")
        y = top
        for panel in panels:
            y += _LINE * 1.1
            axes.text(
                0.0, y, plain(panel.heading, 60), fontsize=9, weight="bold", va="center", color=INK, zorder=6,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )  # fmt: skip
            for row in panel.rows:
                y += _LINE
                _line(axes, y, row, panel.colour, frame)
            y += _LINE * 0.4
        return save(prefix)


def _scale(axes: Any, frame: _Frame, top: float, bottom: float, symbol: str) -> None:
    """The axis of r above and below, its grid, and the heads of the columns."""
    from matplotlib.ticker import MaxNLocator

    ticks = [
        tick for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(frame.low, frame.high)
        if frame.low <= tick <= frame.high
    ]  # fmt: skip
    digits = 1 if all(abs(tick * 10 - round(tick * 10)) < 1e-6 for tick in ticks) else 2
    for tick in ticks:
        x = frame.x(float(tick))
        zero = abs(tick) < 1e-9
        axes.plot(
            [x, x],
            [top, bottom],
            color="#8A938E" if zero else FAINT,
            linewidth=0.9 if zero else 0.6,
            zorder=0.5 if zero else 0,
        )
        for y in (top - 0.1, bottom + 0.12):
            axes.text(x, y, number(float(tick), digits), fontsize=8, ha="center", va="center", color=SOFT)
    words = [((frame.left + frame.right) / 2.0, top - 0.27, f"{symbol} of similarities")]
    words.append((frame.right + _VALUE - 0.08, top - 0.1, symbol))
    words.append((frame.left - 0.22, top - 0.1, "sites"))
    words.extend((frame.column(rung), top - 0.1, SHORT_RUNGS[rung]) for rung in frame.rungs)
    if frame.rungs:
        middle = (frame.column(frame.rungs[0]) + frame.column(frame.rungs[-1])) / 2.0
        words.append(
            (middle, top - 0.27, "p, from the loosest to the strictest test" if len(frame.rungs) > 2 else "p")
        )
    for x, y, text in words:
        side = "right" if text == symbol else "center"
        axes.text(x, y, text, fontsize=8, ha=side, va="center", color=SOFT)


def _line(axes: Any, y: float, row: CorrelationRow, colour: str, frame: _Frame) -> None:
    name = "All sites" if row.group == POOLED else plain(row.group, 24)
    axes.text(0.1, y, name, fontsize=8.5, va="center", color=INK)
    axes.text(frame.left - 0.12, y, f"{row.sites:,}", fontsize=7.5, va="center", ha="right", color=SOFT)
    if row.null_sd is not None:
        ends = [max(-1.96 * row.null_sd, frame.low), min(1.96 * row.null_sd, frame.high)]
        axes.fill_between(
            [frame.x(end) for end in ends], y - 0.075, y + 0.075, color=_BAND, linewidth=0, zorder=1
        )
    _whisker(axes, y, row, colour, frame)
    partial = row.rungs.get(PARTIAL)
    if partial is not None and partial.statistic is not None and frame.low <= partial.statistic <= frame.high:
        axes.plot(
            frame.x(partial.statistic), y, marker="D", markersize=3.6, markerfacecolor="white",
            markeredgecolor=INK, markeredgewidth=0.8, zorder=4,
        )  # fmt: skip
    value = tested(row)
    if value is not None:
        right = frame.right + _VALUE - 0.08
        axes.text(right, y, number(value, 2), fontsize=8, ha="right", va="center", color=INK)
        axes.plot(
            frame.x(value), y, marker="o", markersize=5.6, color=colour, markeredgecolor=INK, markeredgewidth=0.7,
            zorder=5,
        )  # fmt: skip
    if row.ceiling is not None and frame.low <= row.ceiling <= frame.high:
        x = frame.x(row.ceiling if (value or 0.0) >= 0.0 else -row.ceiling)
        if frame.left <= x <= frame.right:
            axes.plot(
                [x, x], [y - 0.075, y + 0.075], color=INK, linewidth=1.2, linestyle=(0, (1, 1)), zorder=3
            )
    read = advised_rung(row)
    for rung in frame.rungs:
        _p(
            axes,
            frame.column(rung),
            y,
            row.p(rung),
            read is not None and read.name == rung and bool(row.advised),
        )


def _whisker(axes: Any, y: float, row: CorrelationRow, colour: str, frame: _Frame) -> None:
    """The bootstrap interval; an arrow where it goes on beyond the figure."""
    if row.interval is None:
        return
    low, high = max(row.interval[0], frame.low), min(row.interval[1], frame.high)
    if low >= high:
        return
    axes.plot(
        [frame.x(low), frame.x(high)], [y, y], color=INK, linewidth=3.0, solid_capstyle="butt", zorder=2
    )
    axes.plot(
        [frame.x(low), frame.x(high)], [y, y], color=colour, linewidth=1.8, solid_capstyle="butt", zorder=2.5
    )
    for end, kept, marker in ((row.interval[0], low, "<"), (row.interval[1], high, ">")):
        if end != kept:
            axes.plot(frame.x(kept), y, marker=marker, markersize=4, color=INK, zorder=3)


def _p(axes: Any, x: float, y: float, p: float | None, advised: bool) -> None:
    """A p: filled dot, dark where it is at most ``LEVEL``; open and soft above; framed where it is advised."""
    if p is None:
        axes.text(x, y, "\u2013", fontsize=8, ha="center", va="center", color=SOFT)
        return
    found = p <= LEVEL
    if advised:
        from matplotlib.patches import FancyBboxPatch

        axes.add_patch(
            FancyBboxPatch(
                (x - 0.27, y - 0.07), 0.54, 0.14, boxstyle="round,pad=0.02,rounding_size=0.05",
                facecolor="#FFF6D6", edgecolor="#B8930B", linewidth=0.7, zorder=1,
            )
        )  # fmt: skip
    axes.plot(
        x - 0.2, y, marker="o", markersize=3.8, markerfacecolor=INK if found else "white",
        markeredgecolor=INK if found else SOFT, markeredgewidth=0.7, zorder=3,
    )  # fmt: skip
    text = "< .001" if p < 0.0005 else f"{p:.3f}".lstrip("0") if p < 0.9995 else "1"
    axes.text(
        x - 0.11, y, text, fontsize=8, va="center", ha="left", color=INK if found else SOFT,
        weight="bold" if advised and found else "normal", zorder=3,
    )  # fmt: skip
