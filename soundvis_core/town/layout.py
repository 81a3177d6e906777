"""Lays the town out: river, roads, blocks, park, wood, fields."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blocks import build_blocks
from .countryside import lay_countryside
from .plan import SIZE, Frame, Plan, Road, along, blob, lines
from .surfaces import Surface

#: Width of the carriageway and of each sidewalk in metres, by kind of road.
WIDTHS = {"main": (11.0, 3.5), "street": (7.0, 2.5), "quay": (6.0, 3.0), "lane": (4.0, 0.0)}
#: Metres of grass between the water and the quay.
BANK = 14.0


def lay_out(seed: int) -> Plan:
    """Lay out the whole town of a seed.

    Raises nothing of its own; every seed gives a town.
    """
    from shapely.geometry import box

    rng = np.random.default_rng([seed, 1])
    angle = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.06, 0.3))
    frame = Frame((float(rng.uniform(690, 790)), float(rng.uniform(740, 820))), angle)
    plan = Plan(rng=rng, frame=frame)
    world = box(0, 0, SIZE, SIZE)
    plan.fill(world, Surface("meadow", (121, 138, 80), trees=0.012))
    plan.town = blob(rng, frame.centre, 470.0, 0.10)
    _river(plan)
    grid = _roads(plan)
    lay_countryside(plan, world)
    plan.fill(plan.town, Surface("lawn", trees=0.10))
    _paint_river(plan, world)
    build_blocks(plan, _blocks(plan), _park(plan, grid))
    _paint_roads(plan, world)
    _avenues(plan)
    _cars(plan)
    return plan


def _river(plan: Plan) -> None:
    """The axis of the river, winding across the whole map south of the centre."""
    from shapely.geometry import LineString

    rng = plan.rng
    plan.river_half = float(rng.uniform(20, 27))
    base, tilt = rng.uniform(-270, -230), rng.uniform(-0.06, 0.06)
    phases = rng.uniform(0, 2 * math.pi, 2)
    axis = []
    for u in np.arange(-1400, 1401, 12.0):
        v = base + tilt * u + 46 * math.sin(u / 150 + phases[0]) + 16 * math.sin(u / 61 + phases[1])
        axis.append(plan.frame.xy(u, v))
    plan.river = LineString(axis)


def _steps(rng: np.random.Generator, reach: float) -> list[float]:
    """Positions of parallel streets: 0 and outwards both ways at 84 to 122 m."""
    positions = [0.0]
    for sign in (1, -1):
        at = 0.0
        while abs(at) < reach:
            at += sign * float(rng.uniform(84, 122))
            positions.append(at)
    return sorted(positions)


def _roads(plan: Plan) -> Any:
    """Main roads across the map, streets within the town, quays along the river; returns the grid positions."""
    from shapely.geometry import LineString

    rng, frame = plan.rng, plan.frame
    us, vs = _steps(rng, 560), _steps(rng, 560)
    quay_at = plan.river_half + BANK + WIDTHS["quay"][0] / 2 + WIDTHS["quay"][1]
    # Streets reach past the edge of the town, so that they part its outermost blocks too.
    inside = plan.town.buffer(12)
    dry = inside.difference(plan.river.buffer(quay_at))
    bend = rng.uniform(-1, 1, 4)

    def drift(t: float, before: float, after: float) -> float:
        beyond = max(abs(t) - 380, 0.0)
        return (before if t < 0 else after) * 130 * (1 - math.cos(beyond / 260))

    reach = np.arange(-1300, 1301, 15.0)
    plan.roads.append(Road(LineString([frame.xy(drift(t, *bend[:2]), t) for t in reach]), "main", 11.0))
    # The western and eastern arms bend away from the river, to the north.
    east_west = [frame.xy(t, drift(t, abs(bend[2]), abs(bend[3]))) for t in reach]
    plan.roads.append(Road(LineString(east_west), "main", 11.0))
    bridge = int(np.argmin([abs(u - 230 * rng.choice([-1, 1])) for u in us]))
    park = _park_cells(plan, us, vs)
    for index, u in enumerate(us):
        if u == 0.0:
            continue
        line = LineString([frame.xy(u, -700), frame.xy(u, 700)])
        clipped = line.intersection(inside if index == bridge else dry).difference(park)
        plan.roads += [Road(part, "street", 7.0) for part in lines(clipped, 40)]
    for v in vs:
        if v == 0.0:
            continue
        line = LineString([frame.xy(-700, v), frame.xy(700, v)])
        clipped = line.intersection(dry.difference(plan.river.buffer(quay_at + 35))).difference(park)
        plan.roads += [Road(part, "street", 7.0) for part in lines(clipped, 40)]
    for side in (1, -1):
        shifted = []
        for (x, y), (dx, dy) in along(plan.river, 10.0):
            shifted.append((x - side * dy * quay_at, y + side * dx * quay_at))
        quay = LineString(shifted).simplify(1.0).intersection(plan.town.buffer(-4))
        plan.roads += [Road(part, "quay", 6.0) for part in lines(quay, 80)]
    return us, vs


def _park_cells(plan: Plan, us: list[float], vs: list[float]) -> Any:
    """The grid cells that the park takes: two by two, north of the centre, on the side that the angle chooses."""
    from shapely.geometry import Polygon

    u0, v0 = us.index(0.0), vs.index(0.0)
    left = plan.frame.angle > 0
    low, high = (us[u0 - 3], us[u0 - 1]) if left else (us[u0 + 1], us[u0 + 3])
    bottom, top = vs[v0 + 1], vs[v0 + 3]
    corners = [(low, bottom), (high, bottom), (high, top), (low, top)]
    return Polygon([plan.frame.xy(u, v) for u, v in corners]).buffer(-0.5)


def _park(plan: Plan, grid: Any) -> Any:
    return _park_cells(plan, *grid).intersection(plan.town.buffer(-4))


def _corridor(road: Road) -> Any:
    return road.axis.buffer(road.width / 2 + WIDTHS[road.kind][1], cap_style=2)


def _blocks(plan: Plan) -> Any:
    """What the streets, the quays and the river leave of the town."""
    from shapely.ops import unary_union

    quay_at = plan.river_half + BANK + WIDTHS["quay"][0] / 2 + WIDTHS["quay"][1]
    taken = [_corridor(road) for road in plan.roads if road.kind != "lane"] + [plan.river.buffer(quay_at)]
    return plan.town.difference(unary_union(taken))


def _paint_river(plan: Plan, world: Any) -> None:
    water = plan.river.buffer(plan.river_half)
    plan.fill(plan.river.buffer(plan.river_half + 9).intersection(world), Surface("bank", trees=0.10))
    plan.fill(plan.river.buffer(plan.river_half + BANK).intersection(plan.town), Surface("bank", trees=0.14))
    plan.fill(water.intersection(world), Surface("water"))


def _paint_roads(plan: Plan, world: Any) -> None:
    from shapely.ops import unary_union

    near_town = plan.town.buffer(12)
    paved = unary_union([_corridor(road) for road in plan.roads if road.kind != "lane"])
    plan.fill(paved.intersection(near_town), Surface("sidewalk"))
    # A path on the town side of the bank, so that a walker finds the water.
    bank = plan.river.buffer(plan.river_half + 5.5).difference(plan.river.buffer(plan.river_half + 3))
    plan.fill(bank.intersection(plan.town), Surface("sidewalk"))
    lanes = unary_union([_corridor(road) for road in plan.roads if road.kind == "lane"])
    plan.fill(lanes.intersection(world), Surface("lane"))
    for road in plan.roads:
        if road.kind in ("street", "quay"):
            plan.fill(road.axis.buffer(road.width / 2, cap_style=2), Surface("asphalt", (110, 110, 112)))
    for road in plan.roads:
        if road.kind == "main":
            plan.fill(road.axis.buffer(road.width / 2).intersection(world), Surface("asphalt"))
    for road in plan.roads:
        if road.kind == "main":
            dashes = []
            for at in np.arange(0, road.axis.length - 3, 9.0):
                start, stop = road.axis.interpolate(at), road.axis.interpolate(at + 3.0)
                dashes.append(_segment(start, stop).buffer(0.25, cap_style=2))
            plan.fill(unary_union(dashes).intersection(world), Surface("marking"))


def _segment(start: Any, stop: Any) -> Any:
    from shapely.geometry import LineString

    return LineString([(start.x, start.y), (stop.x, stop.y)])


def _avenues(plan: Plan) -> None:
    """Rows of trees along the main roads, along some streets and along the river."""
    from shapely.geometry import Point

    rng = plan.rng
    for road in plan.roads:
        if road.kind == "lane" or (road.kind == "street" and rng.random() < 0.5):
            continue
        step = {"main": 13.0, "quay": 15.0, "street": 17.0}[road.kind]
        offset = road.width / 2 + (1.6 if road.kind != "main" else 2.4)
        for (x, y), (dx, dy) in along(road.axis, step, 9.0):
            for side in (-1, 1):
                at = (x - side * dy * offset, y + side * dx * offset)
                if rng.random() < 0.24 or not plan.town.contains(Point(at)):
                    continue
                if plan.river.distance(Point(at)) > plan.river_half + 3:
                    plan.plant(at[0], at[1], float(rng.uniform(1.7, 2.9)), float(rng.uniform(6, 10)))


#: Colours of cars: white, silver, red, blue, yellow, black-blue.
CARS = (
    (236, 236, 236),
    (220, 222, 226),
    (196, 38, 36),
    (38, 70, 168),
    (226, 186, 40),
    (40, 44, 66),
    (150, 24, 40),
)


def _cars(plan: Plan) -> None:
    """Cars parked along streets and driving on main roads."""
    from shapely.geometry import Point, Polygon

    rng = plan.rng
    for road in plan.roads:
        if road.kind == "lane":
            continue
        share = {"main": 0.20, "street": 0.26, "quay": 0.18}[road.kind]
        for (x, y), (dx, dy) in along(road.axis, 7.0, 6.0):
            for side in (-1, 1):
                if rng.random() > share * (1.0 if plan.town.contains(Point(x, y)) else 0.35):
                    continue
                offset = side * (road.width / 2 - 1.1 if road.kind != "main" else 2.7) + rng.uniform(
                    -0.2, 0.2
                )
                cx, cy = x - dy * offset, y + dx * offset
                length, width = (4.4, 1.8) if rng.random() < 0.92 else (8.5, 2.4)
                corners = [(-length / 2, -width / 2), (length / 2, -width / 2)]
                corners += [(length / 2, width / 2), (-length / 2, width / 2)]
                body = Polygon([(cx + a * dx - b * dy, cy + a * dy + b * dx) for a, b in corners])
                colour = CARS[int(rng.integers(len(CARS)))]
                # The cabin rises towards the middle of the length, as a roof does towards its ridge.
                across = math.atan2(dy, dx) + math.pi / 2
                middle = -cx * math.sin(across) + cy * math.cos(across)
                if length < 5:
                    surface = Surface(
                        "car", colour, angle=across, middle=middle, eaves=0.9, half=1.7, slope=1.3
                    )
                else:
                    surface = Surface("car", colour, angle=across, eaves=2.9)
                plan.fill(body, surface)
