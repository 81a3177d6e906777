"""Chooses the sites: places where a person could stand, spread across surroundings and districts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Callable

import numpy as np

from .plan import SIZE, Plan, Point, along
from .raster import RESOLUTION, Rasters
from .surfaces import BUILDING, VEHICLES, WATER

CENTRE, RIVERSIDE, OUTSKIRTS = "Centre", "Riverside", "Outskirts"
#: Metres between a site and the edge of the map, so that circles of 100 m lie inside.
MARGIN = 112.0
#: Fewest sites per district.
FEWEST = 10
#: (surroundings, district, how many are wanted).
WANTED: tuple[tuple[str, str, int], ...] = (
    ("wood", OUTSKIRTS, 4),
    ("field", OUTSKIRTS, 3),
    ("gravel pit", OUTSKIRTS, 2),
    ("country road", OUTSKIRTS, 2),
    ("meadow", OUTSKIRTS, 2),
    ("residential street", OUTSKIRTS, 2),
    ("river bank", RIVERSIDE, 6),
    ("quay", RIVERSIDE, 4),
    ("main road", RIVERSIDE, 1),
    ("square", CENTRE, 3),
    ("park", CENTRE, 2),
    ("main road", CENTRE, 5),
    ("residential street", CENTRE, 4),
)
#: What may stand in where the wanted surroundings have no room left, per district.
_STAND_INS = {
    OUTSKIRTS: ("field", "meadow", "wood", "country road"),
    RIVERSIDE: ("river bank", "quay", "residential street"),
    CENTRE: ("residential street", "main road", "park"),
}

Found = tuple[str, str, float, float]


def choose_sites(plan: Plan, rasters: Rasters, rng: np.random.Generator) -> list[Found]:
    """The sites as (surroundings, district, x, y), from north to south; about 40, at least 10 per district.

    Sites are at least 60 m apart where that is possible, else 30 m.
    """
    candidates = {kind: list(points) for kind, points in _candidates(plan, rng)}
    for points in candidates.values():
        rng.shuffle(points)
    found: list[Found] = []

    def take(kind: str, district: str, spacing: float) -> bool:
        for x, y in candidates.get(kind, ()):
            near = any(math.hypot(x - site[2], y - site[3]) < spacing for site in found)
            if not near and district_of(plan, x, y) == district and standable(rasters, x, y):
                found.append((kind, district, float(x), float(y)))
                return True
        return False

    for kind, district, count in WANTED:
        for _ in range(count):
            choices = (kind,) + _STAND_INS[district]
            # Rather other surroundings at a good distance than the same ones on top of each other.
            any(take(choice, district, spacing) for spacing in (75.0, 60.0, 30.0) for choice in choices)
    return sorted(found, key=lambda site: -site[3])


def district_of(plan: Plan, x: float, y: float) -> str:
    """Riverside within 110 m of the water's axis, else Centre within the town proper, else Outskirts."""
    from shapely.geometry import Point as Dot

    here = Dot(x, y)
    if plan.river.distance(here) < 110:
        return RIVERSIDE
    reach = math.hypot(x - plan.frame.centre[0], y - plan.frame.centre[1])
    return CENTRE if reach < 370 and plan.town.contains(here) else OUTSKIRTS


def standable(rasters: Rasters, x: float, y: float) -> bool:
    """Whether a person could stand there: inside the margin, and within 1.5 m no building, car or water."""
    if not (MARGIN <= x <= SIZE - MARGIN and MARGIN <= y <= SIZE - MARGIN):
        return False
    row, column = int((SIZE - y) / RESOLUTION), int(x / RESOLUTION)
    code = rasters.table.code[rasters.surface[row - 3 : row + 4, column - 3 : column + 4]]
    return not np.isin(code, (BUILDING, WATER, VEHICLES)).any()


def _candidates(plan: Plan, rng: np.random.Generator) -> Iterator[tuple[str, list[Point]]]:
    def beside(kinds: tuple[str, ...], offset: Callable[[Any], float], inside: bool) -> list[Point]:
        from shapely.geometry import Point as Dot

        points = []
        for road in plan.roads:
            if road.kind not in kinds:
                continue
            for (x, y), (dx, dy) in along(road.axis, 23.0, 11.0):
                side = float(rng.choice([-1, 1])) * offset(road)
                at = (x - side * dy, y + side * dx)
                if plan.town.contains(Dot(at)) == inside:
                    points.append(at)
        return points

    yield "main road", beside(("main",), lambda road: road.width / 2 + 1.2, True)
    yield "country road", beside(("main",), lambda road: road.width / 2 + 2.0, False)
    yield "residential street", beside(("street",), lambda road: road.width / 2 + 1.2, True)
    yield "quay", beside(("quay",), lambda road: road.width / 2 + 1.5, True)
    yield "field", beside(("lane",), lambda road: 0.5, False)
    bank = []
    for (x, y), (dx, dy) in along(plan.river, 31.0):
        side = float(rng.choice([-1, 1])) * (plan.river_half + 4.3)
        bank.append((x - side * dy, y + side * dx))
    yield "river bank", bank
    tracks: list[Point] = []
    for track in plan.areas.get("track", ()):
        tracks += [point for point, _ in along(track, 17.0, 8.0)]
    yield "wood", [point for point in tracks if _deep(plan, "wood", point, 45.0)]
    for kind, inset in (("square", 9.0), ("park", 12.0), ("gravel pit", 12.0), ("meadow", 15.0)):
        yield kind, _inside(plan.areas.get(kind, []), inset, rng)


def _deep(plan: Plan, area: str, point: Point, depth: float) -> bool:
    from shapely.geometry import Point as Dot

    return any(part.buffer(-depth).contains(Dot(point)) for part in plan.areas.get(area, ()))


def _inside(areas: list[Any], inset: float, rng: np.random.Generator) -> list[Point]:
    """Random points inside the areas, ``inset`` metres from their edges, a dozen per area at most."""
    from shapely.geometry import Point as Dot

    points = []
    for area in areas:
        room = area.buffer(-inset)
        if room.is_empty:
            continue
        left, bottom, right, top = room.bounds
        for x, y in rng.uniform((left, bottom), (right, top), (24, 2)):
            if room.contains(Dot(x, y)):
                points.append((float(x), float(y)))
    return points
