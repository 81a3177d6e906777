"""Figures of a correlation run as inline SVG: similarities of pairs, and r by group.

matplotlib is imported inside, and only its Figure class is used: pyplot's global state stays untouched. The
same numbers give the same bytes.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

from ..dependencies import require
from ..statistics.correlate import COMBINED
from ..statistics.results import MANTEL, POOLED, CorrelationResult, CorrelationRow, PairSimilarities
from .wording import LEVEL, number, printable

#: Colours of the blocks: told apart with any colour vision, and none of them a colour of the BGA categories.
COLOURS = {"sound": "#CC79A7", "street": "#56B4E9", "aerial": "#E69F00", COMBINED: "#882255"}
_OTHER_COLOURS = ("#8C6D00", "#332288", "#3B5B5B", "#999933")
_VISUAL_PAIR = "#6B6B6B"
#: More pairs than this are drawn as density.
MAX_POINTS = 2000
#: Groups side by side in one bar figure.
GROUPS_PER_FIGURE = 7
#: Bar figures stop here; the table goes on.
MAX_BAR_GROUPS = 42

_STYLE = {
    "svg.hashsalt": "soundvis",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "text.usetex": False,
    "hatch.linewidth": 0.8,
    "path.simplify": True,
}


def colour_of(block_a: str, block_b: str, result: CorrelationResult) -> str:
    """The colour of a pair of blocks: that of what sound is compared with, grey for street with aerial."""
    if block_a == "sound" or block_a not in COLOURS:
        if block_b in COLOURS:
            return COLOURS[block_b]
        names = [name for name, _, _ in result.blocks if name not in COLOURS]
        return (
            _OTHER_COLOURS[names.index(block_b) % len(_OTHER_COLOURS)] if block_b in names else _VISUAL_PAIR
        )
    return _VISUAL_PAIR


def pair_figure(pairs: PairSimilarities, row: CorrelationRow, result: CorrelationResult, prefix: str) -> str:
    """Similarity in one block against similarity in the other, with the least-squares line (Figures 5 and 9).

    Points where there are few pairs, hexagons coloured by the number of pairs where there are many.
    ``prefix`` keeps the ids of several figures on one page apart. Returns an ``<svg>`` element.
    """
    with _figure(4.6, 3.9, f"Similarity in {pairs.block_a} against {pairs.block_b}") as (figure, save):
        axes = figure.add_subplot()
        colour = colour_of(pairs.block_a, pairs.block_b, result)
        if len(pairs.a) > MAX_POINTS:
            from matplotlib.colors import LinearSegmentedColormap
            from matplotlib.ticker import FuncFormatter

            shades = LinearSegmentedColormap.from_list("shades", ["#EDEDED", colour, "#1A1A1A"])
            bins = axes.hexbin(
                pairs.a,
                pairs.b,
                gridsize=42,
                mincnt=1,
                bins="log",
                cmap=shades,
                linewidths=0.1,
                rasterized=True,
            )
            sampled = "" if len(pairs.a) == pairs.pairs else f" (sample of {len(pairs.a):,})"
            bar = figure.colorbar(bins, ax=axes, pad=0.02, aspect=28)
            bar.set_label(f"Pairs of sites per cell{sampled}")
            bar.outline.set_visible(False)
            bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:g}"))
        else:
            size = 22.0 if len(pairs.a) < 300 else 11.0
            axes.scatter(
                pairs.a,
                pairs.b,
                s=size,
                color=colour,
                alpha=0.45,
                linewidths=0,
                rasterized=len(pairs.a) > 400,
            )
        if pairs.slope is not None and pairs.intercept is not None:
            ends = [float(pairs.a.min()), float(pairs.a.max())]
            line = [pairs.intercept + pairs.slope * x for x in ends]
            axes.plot(ends, line, color="white", linewidth=4.0, solid_capstyle="round")
            axes.plot(ends, line, color="black", linewidth=1.8, solid_capstyle="round")
        axes.locator_params(nbins=5)
        axes.set_title(_plain(f"{pairs.block_a} and {pairs.block_b}: r = {number(row.r)}"))
        axes.set_xlabel(_axis_label(pairs.block_a, result))
        axes.set_ylabel(_axis_label(pairs.block_b, result))
        _tidy(axes)
        return save(prefix)


def bar_figures(result: CorrelationResult, prefix: str) -> list[str]:
    """Pearson r of every pair of blocks, pooled and by group (Figures 6 and 10), as ``<svg>`` elements.

    Bars are filled where the Mantel p is at most ``LEVEL``, hatched where it is not.
    """
    groups = [POOLED, *result.groups][: MAX_BAR_GROUPS + 1]
    parts = [groups[start : start + GROUPS_PER_FIGURE] for start in range(0, len(groups), GROUPS_PER_FIGURE)]
    values = [row.r for row in result.rows if row.r is not None]
    low, high = min([0.0, *values]), max([0.0, *values])
    room = 0.14 * max(high - low, 0.05)
    limits = (low - room if low < 0.0 else 0.0, high + room)
    return [_bars(result, part, limits, f"{prefix}{index}-") for index, part in enumerate(parts)]


def _bars(result: CorrelationResult, groups: Sequence[str], limits: tuple[float, float], prefix: str) -> str:
    compared = [(row.block_a, row.block_b) for row in result.rows if row.group == POOLED and not row.category]
    rows = {(row.block_a, row.block_b, row.group): row for row in result.rows if not row.category}
    width = 0.8 / max(len(compared), 1)
    labelled = min(len(result.groups) + 1, GROUPS_PER_FIGURE) * len(compared) <= 20  # room for the numbers
    with _figure(9.4, 3.7, f"Correlation by group: {', '.join(groups)}") as (figure, save):
        from matplotlib.patches import Patch

        axes = figure.add_subplot()
        handles = []
        for place, (block_a, block_b) in enumerate(compared):
            colour = colour_of(block_a, block_b, result)
            handles.append(Patch(facecolor=colour, label=_plain(f"{block_a} \u2013 {block_b}")))
            for position, group in enumerate(groups):
                row = rows[block_a, block_b, group]
                x = position + (place - (len(compared) - 1) / 2) * width
                _bar(axes, x, width * 0.9, row, colour, label=labelled)
        tested = any(row.p(MANTEL) is not None for row in result.rows)
        if tested:
            handles.append(
                Patch(facecolor="white", edgecolor="#555555", hatch="////", label=f"Mantel p > {LEVEL:g}")
            )
        axes.axhline(0.0, color="#333333", linewidth=0.9)
        if len(groups) > 1 and groups[0] == POOLED:
            axes.axvline(0.5, color="#BBBBBB", linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xlim(-0.55, max(len(groups), 2) - 0.45)
        axes.set_ylim(*limits)
        axes.set_xticks(range(len(groups)))
        axes.set_xticklabels([_group_label(rows, group, compared) for group in groups])
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel("Pearson's r of similarities")
        axes.grid(axis="y", color="#E2E2E2", linewidth=0.7)
        axes.set_axisbelow(True)
        _tidy(axes)
        axes.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.01),
            ncol=len(handles),
            frameon=False,
            borderaxespad=0.0,
            handlelength=1.4,
            columnspacing=1.4,
        )
        return save(prefix)


def _bar(axes: Any, x: float, width: float, row: CorrelationRow, colour: str, label: bool) -> None:
    if row.r is None:
        axes.annotate(
            "n/a", (x, 0.0), (0, 3), textcoords="offset points", ha="center", fontsize=7.5, color="#555555"
        )
        return
    p = row.p(MANTEL)
    shown = p is None or p <= LEVEL
    look = {"color": colour} if shown else {"facecolor": "white", "edgecolor": colour, "hatch": "////"}
    axes.bar(x, row.r, width, linewidth=0.9, **look)
    if label:
        below = row.r < 0
        axes.annotate(
            number(row.r, 2),
            (x, row.r),
            (0, -3 if below else 3),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            fontsize=8,
        )


def _group_label(
    rows: dict[tuple[str, str, str], CorrelationRow],
    group: str,
    compared: Sequence[tuple[str, str]],
) -> str:
    """The group and how many sites it has: the used ones, as a range where the pairs of blocks differ."""
    sites = sorted({rows[block_a, block_b, group].sites for block_a, block_b in compared})
    counted = f"{sites[0]}" if len(sites) == 1 else f"{sites[0]} to {sites[-1]}"
    name = "All sites" if group == POOLED else "\n".join(textwrap.wrap(_plain(group, 40), 18))
    return f"{name}\n{counted} sites"


def _axis_label(block: str, result: CorrelationResult) -> str:
    measures = {name: measure for name, _, measure in result.blocks}
    measure = measures.get(block, "mean of z-scores").replace(" - ", " \u2212 ")
    return _plain(f"Similarity in {block} ({measure})")


def _plain(text: str, limit: int = 60) -> str:
    """Text that matplotlib takes literally: no math mode, no control characters, not endless."""
    text = " ".join(printable(text).split())
    if len(text) > limit:
        text = text[: limit - 1] + "\u2026"
    return text.replace("$", r"\$")


def _tidy(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors="#333333", width=0.8)


@contextmanager
def _figure(width: float, height: float, label: str) -> Iterator[tuple[Any, Callable[[str], str]]]:
    """A figure of ``width`` by ``height`` inches, and what turns it into SVG read aloud as ``label``."""
    matplotlib = require("matplotlib")
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    def save(prefix: str) -> str:
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", dpi=160, metadata={"Date": None})
        return _inline(buffer.getvalue(), prefix, label)

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # Names in scripts that matplotlib's own font lacks are drawn by the browser all the same.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure = Figure(figsize=(width, height), constrained_layout=True)
        FigureCanvasSVG(figure)
        yield figure, save


def _inline(svg: str, prefix: str, label: str) -> str:
    """The ``<svg>`` element alone: no XML head, no metadata, ids with ``prefix``, as wide as its place."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="([^"]*)"', rf' id="{prefix}\1"', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}", svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    head, rest = svg.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{escape(printable(label))}">{rest}'.strip()
