"""The plan of the town: painted patches in drawing order, trees, roads and what else sites and sounds need.

All coordinates are metres from the lower-left corner of the map, x to the east and y to the north.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .surfaces import Surface

#: Side of the map in metres.
SIZE = 1500.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Road:
    """A road: its axis (shapely LineString), kind (main, street, quay, lane) and the width of its carriageway."""

    axis: Any
    kind: str
    width: float


@dataclass(frozen=True)
class Tree:
    """A tree: position, crown radius and height in metres, and a tint of its green (-1 dark to 1 light)."""

    x: float
    y: float
    radius: float
    height: float
    tint: float


@dataclass(frozen=True)
class Frame:
    """The street grid's own axes: ``u`` and ``v`` in metres, turned by ``angle`` around ``centre``."""

    centre: Point
    angle: float

    def xy(self, u: float, v: float) -> Point:
        """Map coordinates of a point of the grid."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return self.centre[0] + u * cos - v * sin, self.centre[1] + u * sin + v * cos


@dataclass
class Plan:
    """What was laid out so far. ``patches`` are (shapely geometry, surface number) in drawing order."""

    rng: np.random.Generator
    frame: Frame
    surfaces: list[Surface] = field(default_factory=list)
    patches: list[tuple[Any, int]] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    roads: list[Road] = field(default_factory=list)
    areas: dict[str, list[Any]] = field(default_factory=dict)
    river: Any = None
    river_half: float = 0.0
    town: Any = None

    def fill(self, geometry: Any, surface: Surface) -> None:
        """Paint a shapely geometry (its polygons) with a surface, over what lies there."""
        if geometry.is_empty:
            return
        self.surfaces.append(surface)
        self.patches.append((geometry, len(self.surfaces) - 1))

    def name(self, area: str, geometry: Any) -> None:
        """Remember an area (square, park, wood, bare, industry, field, meadow) for sites and sounds."""
        self.areas.setdefault(area, []).append(geometry)

    def plant(self, x: float, y: float, radius: float, height: float) -> None:
        """Plant one tree."""
        self.trees.append(Tree(x, y, radius, height, float(self.rng.uniform(-1, 1))))


def polygons(geometry: Any, smallest: float = 0.0) -> list[Any]:
    """The polygons of any shapely geometry that are larger than ``smallest`` square metres, from west to east."""
    return [part for part in _parts(geometry, "Polygon") if part.area > smallest]


def lines(geometry: Any, shortest: float = 0.0) -> list[Any]:
    """The lines of any shapely geometry that are longer than ``shortest`` metres, from west to east."""
    return [part for part in _parts(geometry, "LineString") if part.length > shortest]


def _parts(geometry: Any, kind: str) -> list[Any]:
    # The order of the parts is up to the version of GEOS; the town is not.
    if hasattr(geometry, "geoms"):
        found = [part for each in geometry.geoms for part in _parts(each, kind)]
        return sorted(found, key=lambda part: (round(part.centroid.x, 3), round(part.centroid.y, 3)))
    return [geometry] if geometry.geom_type == kind and not geometry.is_empty else []


def ring_of(polygon: Any) -> list[Point]:
    """The corners of a polygon's exterior, anticlockwise from the southernmost, without a repeated last one.

    Corners less than 2 m off a straight line are left out.
    """
    from shapely.geometry.polygon import orient

    # Simplifying keeps the first corner, so the ring is turned to start at the same one before.
    ring = list(orient(polygon).exterior.coords)[:-1]
    first = min(range(len(ring)), key=lambda index: (round(ring[index][1], 3), round(ring[index][0], 3)))
    ring = ring[first:] + ring[:first]
    return list(type(polygon)(ring).simplify(2.0).exterior.coords)[:-1]


def along(line: Any, step: float, start: float = 0.0) -> Iterator[tuple[Point, Point]]:
    """Points every ``step`` metres along a line, each with the unit vector of the line's direction there."""
    at = start
    while at < line.length:
        here = line.interpolate(at)
        ahead = line.interpolate(min(at + 0.5, line.length))
        back = line.interpolate(max(at - 0.5, 0.0))
        dx, dy = ahead.x - back.x, ahead.y - back.y
        length = math.hypot(dx, dy) or 1.0
        yield (here.x, here.y), (dx / length, dy / length)
        at += step


def blob(rng: np.random.Generator, centre: Point, radius: float, roughness: float = 0.18) -> Any:
    """A rounded patch: a circle whose radius wanders by ``roughness`` of itself."""
    from shapely.geometry import Polygon

    turns = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    reach = np.ones_like(turns)
    for waves in (2, 3, 5, 7):
        reach += roughness / math.sqrt(waves) * np.sin(waves * turns + rng.uniform(0, 2 * math.pi)) * 0.7
    ring = [
        (centre[0] + radius * r * math.cos(t), centre[1] + radius * r * math.sin(t))
        for t, r in zip(turns, reach)
    ]
    return Polygon(ring).buffer(0)
