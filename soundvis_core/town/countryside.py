"""The land around the town: wood, fields with their lanes and hedges, gravel pit, farms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .buildings import add_building
from .plan import SIZE, Frame, Plan, Road, along, blob, lines, polygons
from .surfaces import Surface

#: Colours of ripe and young crops, all in the class Cropland.
CROPS = ((176, 168, 88), (184, 172, 92), (170, 166, 84), (180, 176, 98))


def lay_countryside(plan: Plan, world: Any) -> None:
    """Paint everything outside the town, and note its areas; ``world`` is the map's square."""
    from shapely.ops import unary_union

    rng = plan.rng
    water = plan.river.buffer(plan.river_half + 9)
    highways = unary_union([road.axis.buffer(9.0) for road in plan.roads if road.kind == "main"])
    free = world.difference(plan.town.buffer(5)).difference(water).difference(highways)
    corners = _corners(plan)
    wood = blob(rng, corners[0], float(rng.uniform(240, 275)), 0.16).intersection(free)
    pit = blob(rng, corners[1], float(rng.uniform(84, 98)), 0.14).intersection(
        free.difference(wood.buffer(12))
    )
    fields = free.difference(wood.buffer(4)).difference(pit.buffer(4))
    _fields(plan, fields)
    for part in polygons(pit, 2000):
        plan.fill(part, Surface("bare"))
        plan.name("gravel pit", part)
        pond = blob(rng, (part.centroid.x + 18, part.centroid.y - 14), 22.0, 0.2)
        plan.fill(pond.intersection(part.buffer(-8)), Surface("pond"))
    _wood(plan, wood)
    _farms(plan, fields)


def _corners(plan: Plan) -> list[tuple[float, float]]:
    """Centres for the wood and the gravel pit: two corners of the map, far from the river."""
    rng = plan.rng
    north = [(250.0, SIZE - 230.0), (SIZE - 250.0, SIZE - 230.0)]
    south = [(250.0, 210.0), (SIZE - 250.0, 210.0)]
    first = north[int(rng.integers(2))]
    second = south[int(rng.integers(2))]
    return [first, second]


def _wood(plan: Plan, wood: Any) -> None:
    """A wood with two tracks through it; the floor counts as forest, as do the crowns above it."""
    from shapely.geometry import LineString

    rng = plan.rng
    for part in polygons(wood, 3000):
        plan.fill(part, Surface("canopy", (46, 68, 36), trees=0.97))
        plan.name("wood", part)
        x, y = part.centroid.x, part.centroid.y
        turn = rng.uniform(0, math.pi)
        for k in range(2):
            points = []
            for t in np.arange(-400, 401, 20.0):
                aside = 22 * math.sin(t / 70 + k)
                cos, sin = math.cos(turn + k * 1.4), math.sin(turn + k * 1.4)
                points.append((x + t * cos - aside * sin, y + t * sin + aside * cos))
            for track in lines(LineString(points).intersection(part.buffer(-3)), 60):
                plan.fill(track.buffer(1.5), Surface("bare", (150, 130, 100)))
                plan.name("track", track)


def _fields(plan: Plan, land: Any) -> None:
    """Parcels of a second, turned grid: crops in strips, meadows, hedges and lanes between them."""
    from shapely.geometry import LineString, Point, Polygon

    rng = plan.rng
    frame = Frame((SIZE / 2, SIZE / 2), plan.frame.angle + float(rng.uniform(0.12, 0.4)))
    us = np.cumsum(np.r_[-1150, rng.uniform(120, 210, 18)])
    vs = np.cumsum(np.r_[-1150, rng.uniform(110, 190, 20)])
    for left, right in zip(us[:-1], us[1:]):
        for bottom, top in zip(vs[:-1], vs[1:]):
            corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
            cell = Polygon([frame.xy(u, v) for u, v in corners])
            for part in polygons(cell.intersection(land).buffer(-2.5), 1200):
                _field(plan, part, frame.angle)
    for positions, upright in ((us, True), (vs, False)):
        chosen = rng.permutation(len(positions))
        for rank, index in enumerate(chosen):
            at = positions[index]
            ends = (
                [frame.xy(at, -1200), frame.xy(at, 1200)]
                if upright
                else [frame.xy(-1200, at), frame.xy(1200, at)]
            )
            for part in lines(LineString(ends).intersection(land), 60):
                if rank % 4 == 0:
                    plan.roads.append(Road(part, "lane", 4.0))
                for (x, y), _ in (
                    along(part, float(rng.uniform(4.0, 6.5)), 5.0) if rng.random() < 0.42 else ()
                ):
                    aside = 3.5 if rank % 4 == 0 else 0.0
                    px, py = (x + aside, y) if upright else (x, y + aside)
                    if land.contains(Point(px, py)) and rng.random() < 0.8:
                        plan.plant(px, py, float(rng.uniform(1.4, 2.8)), float(rng.uniform(4, 8)))


def _field(plan: Plan, part: Any, angle: float) -> None:
    rng = plan.rng
    draw = rng.random()
    angle = angle + (math.pi / 2 if rng.random() < 0.5 else 0.0)
    if draw < 0.62:
        colour = CROPS[int(rng.integers(len(CROPS)))]
        surface = Surface("crop", colour, angle=angle, period=float(rng.uniform(3, 6)), amplitude=5.0)
        plan.name("field", part)
    elif draw < 0.76:
        surface = Surface("young crop", angle=angle, period=float(rng.uniform(2.5, 4)), amplitude=5.0)
        plan.name("field", part)
    else:
        surface = Surface("meadow", angle=angle, period=9.0, amplitude=2.0, trees=0.008)
        plan.name("meadow", part)
    plan.fill(part, surface)


def _farms(plan: Plan, land: Any) -> None:
    """Farmsteads beside the main roads: a house, two barns, a yard and some trees."""
    from shapely.geometry import Point

    rng = plan.rng
    made = 0
    for road in [road for road in plan.roads if road.kind == "main"]:
        for (x, y), (dx, dy) in along(road.axis, 45.0, float(rng.uniform(0, 45))):
            side = float(rng.choice([-1, 1]))
            cx, cy = x - side * dy * 42, y + side * dx * 42
            yard = Point(cx, cy).buffer(30)
            crowded = any(yard.distance(other) < 60 for other in plan.areas.get("farm", ()))
            if made >= 6 or crowded or rng.random() < 0.45 or not land.contains(yard):
                continue
            made += 1
            angle = math.atan2(dy, dx)
            plan.fill(yard, Surface("lawn", trees=0.12))
            plan.fill(Point(cx, cy).buffer(15), Surface("lane", (140, 138, 132)))
            plan.fill(_drive(road.axis, cx, cy), Surface("lane", (140, 138, 132)))
            plan.name("farm", Point(cx, cy).buffer(12))
            for (a, b), (length, depth), roof in (
                ((-18, 0), (22, 12), "brown"),
                ((16, 8), (12, 10), "tiles"),
                ((4, 20 * side), (30, 11), "brown"),
            ):
                bx = cx + a * dx - b * dy
                by = cy + a * dy + b * dx
                add_building(plan, (bx, by), angle, length, depth, roof, float(rng.uniform(4, 5.5)), 0.6)


def _drive(axis: Any, x: float, y: float) -> Any:
    from shapely.geometry import LineString, Point

    foot = axis.interpolate(axis.project(Point(x, y)))
    return LineString([(foot.x, foot.y), (x, y)]).buffer(2.0)
