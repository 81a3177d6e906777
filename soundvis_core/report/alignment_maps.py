"""Maps of alignment: each site coloured by its own r between two blocks, a map per group, in true metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dependencies import available
from ..geodesy import LocalFrame
from ..statistics.results import POOLED, AlignmentMap, CorrelationResult
from .figures import INK, SOFT, WIDE, drawing, in_parts, wrapped
from .wording import number

#: Maps beside each other, and in one figure.
COLUMNS = 3
MAPS_PER_FIGURE = 9
#: Maps in all; a layer of sites shows the others.
MAX_MAPS = 72
#: From "differ" over "no relation" to "agree"; told apart with any colour vision (ColorBrewer's RdBu, turned round).
DIVERGING = ("#2166AC", "#67A9CF", "#D1E5F0", "#F7F7F7", "#FDDBC7", "#EF8A62", "#B2182B")
#: A map is at least this wide, so that sites at one place have a scale.
_SMALLEST = 200.0  # metres
#: Height of a map over its width, and room that lines at the edge of a figure need, in inches.
_SHAPE = 0.86
_EDGE = 0.03


@dataclass(frozen=True)
class _Map:
    """One map: east and north in metres of its sites, and their r (NaN where undefined)."""

    title: str
    east: np.ndarray
    north: np.ndarray
    r: np.ndarray


def alignment_figures(result: CorrelationResult, prefix: str) -> tuple[list[tuple[str, list[str]]], str]:
    """Per pair of blocks its name and its maps as ``<svg>`` elements of full width, and what was not drawn and why."""
    if result.lonlat is None or not result.alignments:
        return [], ""
    if not available("pyproj"):
        return [], "Maps of alignment need the Python package pyproj, which is not installed here."
    members = _members(result)
    room = max(1, MAX_MAPS // max(len(result.alignments), 1))
    drawn = members[:room]
    places = [(name, indices, *_metres(result.lonlat[indices])) for name, indices in drawn]
    figures = []
    for index, alignment in enumerate(result.alignments):
        maps = [
            _Map(_title(name, alignment.r[indices]), east, north, alignment.r[indices])
            for name, indices, east, north in places
        ]
        if not any(np.isfinite(one.r).any() for one in maps):
            continue
        limit = _limit(alignment)
        pages = [
            _figure(part, limit, alignment, f"{prefix}{index}-{page}-")
            for page, part in enumerate(in_parts(maps, MAPS_PER_FIGURE))
        ]
        figures.append((f"{alignment.block_a} \u2013 {alignment.block_b}", pages))
    left = len(members) - len(drawn)
    return figures, f"{left} more groups are not drawn." if left > 0 else ""


def _members(result: CorrelationResult) -> list[tuple[str, np.ndarray]]:
    """The sites of each map, those with a known place: per group, or all where there are no groups."""
    if result.lonlat is None:
        return []
    placed = np.isfinite(result.lonlat).all(axis=1)
    if not result.groups or len(result.site_groups) != len(placed):
        chosen = [(POOLED, np.flatnonzero(placed))]
    else:
        by_group: dict[str, list[int]] = {name: [] for name in result.groups}
        for index, name in enumerate(result.site_groups):
            if name in by_group and placed[index]:
                by_group[name].append(index)
        chosen = [(name, np.array(indices, dtype=int)) for name, indices in by_group.items()]
    return [(name, indices) for name, indices in chosen if len(indices)]


def _metres(lonlat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """East and north in metres about the middle of the sites (azimuthal equidistant)."""
    longitude, latitude = np.radians(lonlat[:, 0]), np.radians(lonlat[:, 1])
    x, y, z = (
        float(np.mean(part))
        for part in (
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        )
    )
    middle = math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))
    east, north = LocalFrame("EPSG:4326", *middle).from_crs(lonlat[:, 0], lonlat[:, 1])
    return np.where(np.isfinite(east), east, 0.0), np.where(np.isfinite(north), north, 0.0)


def _title(name: str, r: np.ndarray) -> str:
    known = r[np.isfinite(r)]
    heading = "All sites" if name == POOLED else wrapped(name, 30, 1)
    if not len(known):
        return f"{heading}\nno site has an r"
    sites = "site" if len(known) == 1 else "sites"
    return f"{heading}\n{len(known):,} {sites}, median r {number(float(np.median(known)), 2)}"


def _limit(alignment: AlignmentMap) -> float:
    """Where the colours end: beyond all but the most extreme 2 % of the sites, in tenths."""
    known = np.abs(alignment.r[np.isfinite(alignment.r)])
    if not len(known):
        return 1.0
    return min(1.0, max(0.2, math.ceil(float(np.quantile(known, 0.98)) * 10.0 - 1e-9) / 10.0))


def _figure(maps: Sequence[_Map], limit: float, alignment: AlignmentMap, prefix: str) -> str:
    rows = -(-len(maps) // COLUMNS)
    side = (WIDE - 2.0 * _EDGE - 0.2 * (COLUMNS - 1)) / COLUMNS
    if len(maps) == 1:
        side = 4.6
    box, head, foot = side * _SHAPE, 0.42, 0.62
    height = rows * (box + head) + foot
    label = f"Maps of alignment of {alignment.block_a} and {alignment.block_b}"
    with drawing(WIDE, height, label, fitted=False) as (figure, save):
        from matplotlib.colors import LinearSegmentedColormap, Normalize

        shades = LinearSegmentedColormap.from_list("alignment", list(DIVERGING))
        scale = Normalize(-limit, limit)
        for place, one in enumerate(maps):
            row, column = divmod(place, COLUMNS)
            bottom = height - (row + 1) * (box + head)
            left = _EDGE + column * (side + 0.2)
            _draw(
                figure.add_axes([left / WIDE, bottom / height, side / WIDE, box / height]), one, shades, scale
            )
        _key(figure, height, shades, scale, limit, alignment)
        return save(prefix)


def _draw(axes: Any, one: _Map, shades: Any, scale: Any) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("#FAFBFA")
    for spine in axes.spines.values():
        spine.set_color("#C5CBC8")
    middle = [(float(part.min()) + float(part.max())) / 2.0 for part in (one.east, one.north)]
    # The lower tenth of the frame is left to the scale bar.
    reach = (
        max(
            float(np.ptp(one.east)) / 2.0,
            float(np.ptp(one.north)) / 2.0 / (_SHAPE * 0.86),
            _SMALLEST / 2.0,
        )
        * 1.08
    )
    axes.set_xlim(middle[0] - reach, middle[0] + reach)
    axes.set_ylim(middle[1] - reach * _SHAPE * 1.13, middle[1] + reach * _SHAPE * 0.87)
    known = np.isfinite(one.r)
    order = np.argsort(np.abs(one.r[known]), kind="stable")  # the most telling on top
    many = len(one.r) > 400
    size = 30.0 if len(one.r) <= 60 else 18.0 if not many else 7.0
    axes.scatter(
        one.east[~known],
        one.north[~known],
        marker="x",
        s=size * 0.6,
        color="#9AA5A0",
        linewidths=0.8,
        rasterized=many,
    )
    axes.scatter(
        one.east[known][order], one.north[known][order], c=one.r[known][order], cmap=shades, norm=scale, s=size,
        edgecolors="#4A4F4C", linewidths=0.45 if not many else 0.15, rasterized=many,
    )  # fmt: skip
    axes.set_title(one.title, fontsize=8.5, weight="normal", pad=4, linespacing=1.25)
    _scale_bar(axes, reach)
    arrow = {"arrowstyle": "-|>", "color": SOFT, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
    axes.annotate(
        "N", (0.955, 0.96), (0.955, 0.845), xycoords="axes fraction", textcoords="axes fraction", ha="center", va="top",
        fontsize=8, color=SOFT, arrowprops=arrow,
    )  # fmt: skip


def _scale_bar(axes: Any, reach: float) -> None:
    """A bar of a round length, about a quarter of the map."""
    target = reach / 2.0
    power = 10.0 ** math.floor(math.log10(target))
    length = max(step * power for step in (1.0, 2.0, 5.0) if step * power <= target)
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    x, y = left + 0.05 * (right - left), bottom + 0.05 * (top - bottom)
    tick = 0.018 * (top - bottom)
    axes.plot(
        [x, x, x + length, x + length],
        [y + tick, y, y, y + tick],
        color=INK,
        linewidth=1.2,
        solid_joinstyle="miter",
    )
    text = f"{length:.0f} m" if length < 1000.0 else f"{length / 1000.0:,.0f} km"
    axes.annotate(
        text, (x + length, y), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK
    )


def _key(figure: Any, height: float, shades: Any, scale: Any, limit: float, alignment: AlignmentMap) -> None:
    from matplotlib.cm import ScalarMappable

    known = alignment.r[np.isfinite(alignment.r)]
    below, above = bool((known < -limit).any()), bool((known > limit).any())
    extend = "both" if below and above else "min" if below else "max" if above else "neither"
    axes = figure.add_axes([0.02, 0.34 / height, 0.4, 0.13 / height])
    bar = figure.colorbar(ScalarMappable(scale, shades), cax=axes, orientation="horizontal", extend=extend)
    bar.outline.set_linewidth(0.5)
    ticks = [-limit, -limit / 2.0, 0.0, limit / 2.0, limit]
    bar.set_ticks(ticks)
    bar.ax.set_xticklabels(
        [number(tick, 1 if abs(limit * 5 - round(limit * 5)) < 1e-9 else 2) for tick in ticks]
    )
    bar.ax.tick_params(labelsize=8, length=2.5, width=0.6)
    figure.text(
        0.45, 0.40 / height,
        "r of the site's similarities to all others in the two blocks.\n"
        "Red: they agree. White: no relation. Blue: they disagree. Cross: no r.",
        fontsize=8, va="center", color=SOFT, linespacing=1.35,
    )  # fmt: skip
