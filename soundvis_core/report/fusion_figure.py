"""What street and aerial views explain of the similarity in sound: alone, and in common (a stacked bar per group)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..statistics.results import POOLED, CorrelationResult, FusionRow
from .bar_figures import MAX_BAR_GROUPS
from .figures import COLOURS, FAINT, INK, WIDE, drawing, in_parts, plain, tidy
from .wording import number

#: In the order in which they are stacked: what both share stands between what each has alone.
PARTS = {
    "unique_street": ("street alone", COLOURS["street"]),
    "shared": ("in common", COLOURS["street+aerial"]),
    "unique_aerial": ("aerial alone", COLOURS["aerial"]),
}
_BARS = 24


def fusion_bars(result: CorrelationResult) -> list[tuple[str, dict[str, float]]]:
    """A name and the three shares of variance per group, where all three are known."""
    shares: dict[tuple[str, str], dict[str, float]] = {}
    for row in result.fusion:
        if row.quantity in PARTS and row.value is not None:
            shares.setdefault((row.category, row.group), {})[row.quantity] = row.value
    drawn = {POOLED, *result.groups[:MAX_BAR_GROUPS]}
    return [
        (fusion_name(category, group), parts)
        for (category, group), parts in shares.items()
        if len(parts) == len(PARTS) and group in drawn
    ]


def fusion_name(category: str, group: str) -> str:
    """What a group's line is called: with the kind of blocks where it is not the whole vectors."""
    name = "All sites" if group == POOLED else group
    return f"{name} ({category})" if category else name


def fusion_figures(result: CorrelationResult, prefix: str) -> list[str]:
    """Unique and shared variance per group as stacked bars, ``<svg>`` elements of full width."""
    bars = fusion_bars(result)
    if not bars:
        return []
    low = min(sum(value for value in parts.values() if value < 0.0) for _, parts in bars)
    high = max(sum(value for value in parts.values() if value > 0.0) for _, parts in bars)
    limits = (100.0 * low * 1.25, max(100.0 * high * 1.22, 0.5))
    return [_figure(part, limits, f"{prefix}{index}-") for index, part in enumerate(in_parts(bars, _BARS))]


def _figure(bars: Sequence[tuple[str, dict[str, float]]], limits: tuple[float, float], prefix: str) -> str:
    with drawing(WIDE, 0.85 + 0.34 * len(bars), "Variance explained by street and aerial views") as (
        figure,
        save,
    ):
        from matplotlib.patches import Patch

        axes = figure.add_subplot()
        for place, (_, parts) in enumerate(bars):
            _bar(axes, place, parts, limits[1] - limits[0])
        axes.axvline(0.0, color="#333333", linewidth=0.9)
        axes.set_xlim(*limits)
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_yticks(range(len(bars)))
        axes.set_yticklabels([plain(name, 30) for name, _ in bars])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=FAINT, linewidth=0.7)
        axes.set_axisbelow(True)
        tidy(axes)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Variance of the similarity in sound explained, %")
        axes.legend(
            handles=[Patch(facecolor=colour, label=label) for label, colour in PARTS.values()],
            loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=3, frameon=False, borderaxespad=0.0, handlelength=1.2,
        )  # fmt: skip
        return save(prefix)


def _bar(axes: Any, place: int, parts: dict[str, float], width: float) -> None:
    """One stacked bar: what is negative (views that hide each other's part) goes to the left of zero."""
    right = left = 0.0
    for name, (_, colour) in PARTS.items():
        value = 100.0 * parts[name]
        start = right if value >= 0.0 else left
        axes.barh(place, value, 0.62, left=start, color=colour, linewidth=0.8, edgecolor="white")
        if abs(value) > 0.06 * width:
            dark = name == "shared"
            axes.text(
                start + value / 2.0, place, number(value, 1), ha="center", va="center", fontsize=8,
                color="white" if dark else INK,
            )  # fmt: skip
        right, left = (right + value, left) if value >= 0.0 else (right, left + value)
    total = 100.0 * sum(parts.values())
    axes.text(
        right + 0.008 * width, place, f"{number(total, 1)} % in all", va="center", fontsize=8, color=INK
    )


def fusion_rows(result: CorrelationResult) -> dict[tuple[str, str], dict[str, FusionRow]]:
    """The fusion rows by kind of blocks and group, then by quantity."""
    found: dict[tuple[str, str], dict[str, FusionRow]] = {}
    for row in result.fusion:
        found.setdefault((row.category, row.group), {})[row.quantity] = row
    return found
