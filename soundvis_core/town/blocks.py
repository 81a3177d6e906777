"""What stands in the blocks of the town: perimeter blocks, terraces, villas, halls, squares, the park."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .buildings import Row, add_building, line_block
from .plan import Plan, blob, polygons
from .surfaces import Surface

PERIMETER = Row(length=(11, 22), depth=12.0, gap=(0.0, 0.3), setback=0.0, eaves=(10, 15), flat=0.16)
TERRACE = Row(length=(7, 11), depth=9.5, gap=(0.0, 0.2), setback=3.0, eaves=(6, 7.5), flat=0.04)
VILLAS = Row(length=(9, 13), depth=9.0, gap=(5, 10), setback=4.5, eaves=(4.5, 6.5), flat=0.10, vary=3.0)
SHEDS = Row(length=(7, 15), depth=6.0, gap=(2, 9), setback=0.0, eaves=(2.8, 4.5), flat=0.45, vary=2.0)
HALLS = Row(length=(26, 48), depth=24.0, gap=(7, 12), setback=6.0, eaves=(5, 7), flat=1.0)


def build_blocks(plan: Plan, blocks: Any, park: Any) -> None:
    """Fill every block (polygons of ``blocks``) by its distance from the centre; ``park`` is where the park lies."""
    rng, (cx, cy) = plan.rng, plan.frame.centre
    parts = sorted(
        polygons(blocks, 250), key=lambda part: math.hypot(part.centroid.x - cx, part.centroid.y - cy)
    )
    trade = rng.uniform(0, 2 * math.pi)
    squares, sites, trades = 0, 0, 0
    own = int(rng.integers(2**31))
    for rank, part in enumerate(parts):
        # Each block draws its own numbers: where a version of GEOS rounds otherwise, one block differs and no more.
        plan.rng = np.random.default_rng([own, rank])
        x, y = part.centroid.x, part.centroid.y
        reach = math.hypot(x - cx, y - cy)
        turn = abs((math.atan2(y - cy, x - cx) - trade + math.pi) % (2 * math.pi) - math.pi)
        if park.intersection(part).area > 0.5 * part.area:
            _park(plan, part)
        elif part.area < 1300:
            plan.fill(part, Surface("lawn", trees=0.28))
        elif squares < 4 and part.area > 4500 and (rank in (0, 3) or (rank > 5 and rng.random() < 0.3)):
            _square(plan, part, church=squares == 0)
            squares += 1
        elif reach > 300 and turn < 0.8 and trades < 5 and part.area > 3000:
            trades += 1
            plan.fill(part, Surface("lane", (118, 118, 118)))
            plan.name("industry", part)
            line_block(plan, part, HALLS)
        elif reach > 330 and sites < 2 and part.area > 4000 and rng.random() < 0.3:
            plan.fill(part, Surface("sand"))
            plan.name("building site", part)
            line_block(plan, part, HALLS, share=0.18)
            sites += 1
        elif reach < 255:
            _perimeter(plan, part)
        elif reach < 380 and rng.random() < 0.72:
            plan.fill(part, Surface("lawn", trees=0.14))
            line_block(plan, part, TERRACE)
        else:
            plan.fill(part, Surface("lawn", trees=0.17))
            line_block(plan, part, VILLAS, share=0.93)
    plan.rng = rng


def _perimeter(plan: Plan, block: Any) -> None:
    """Houses wall to wall along the streets; behind them yards, partly green, with sheds."""
    paved = plan.rng.random() < 0.4
    plan.fill(block, Surface("paving", trees=0.04) if paved else Surface("lawn", trees=0.16))
    line_block(plan, block, PERIMETER)
    court = block.buffer(-19, join_style=2)
    for part in polygons(court, 400):
        if not paved:
            for _ in range(2):
                x, y = (
                    part.centroid.x + plan.rng.uniform(-14, 14),
                    part.centroid.y + plan.rng.uniform(-14, 14),
                )
                plan.fill(
                    blob(plan.rng, (x, y), 12.0, 0.3).intersection(part),
                    Surface("lawn", (98, 128, 68), trees=0.5),
                )
        line_block(plan, part, SHEDS, share=0.62)


def _square(plan: Plan, block: Any, church: bool) -> None:
    """A paved square on about half of a block, with a church or with houses on the other half."""
    from shapely.geometry import Point, Polygon

    rng, frame = plan.rng, plan.frame
    x, y = block.centroid.x, block.centroid.y
    cos, sin = math.cos(frame.angle), math.sin(frame.angle)
    side = float(rng.choice([-1, 1]))

    def corner(u: float, v: float) -> Any:
        return x + u * cos - v * sin, y + u * sin + v * cos

    half = Polygon([corner(-200, 0), corner(200, 0), corner(200, side * 200), corner(-200, side * 200)])
    plan.fill(block, Surface("paving"))
    open_part = max(polygons(block.intersection(half)), key=lambda part: part.area)
    for rest in polygons(block.difference(half).buffer(-0.2), 800):
        if church:
            plan.fill(rest, Surface("paving", trees=0.02))
            add_building(plan, corner(0, -side * 22), frame.angle, 42, 17, "slate", 11.0, 0.9)
            add_building(plan, corner(-24, -side * 22), frame.angle, 9, 9, "slate", 18.0, 1.0)
        else:
            _perimeter(plan, rest)
    plan.name("square", open_part)
    centre = open_part.centroid
    plan.fill(Point(centre.x, centre.y).buffer(3.2), Surface("water", (84, 112, 124)))
    ring = open_part.buffer(-5).exterior
    for at in range(0, int(ring.length), 11):
        point = ring.interpolate(at)
        if rng.random() < 0.5:
            plan.plant(point.x, point.y, float(rng.uniform(1.8, 2.6)), float(rng.uniform(6, 8.5)))


def _park(plan: Plan, block: Any) -> None:
    """Lawns, clumps of trees, winding paths and a pond."""
    from shapely.geometry import LineString

    rng = plan.rng
    plan.fill(block, Surface("lawn", trees=0.09))
    plan.name("park", block)
    x, y = block.centroid.x, block.centroid.y
    left, bottom, right, top = block.bounds
    for _ in range(7):
        clump = blob(
            rng, (rng.uniform(left, right), rng.uniform(bottom, top)), float(rng.uniform(16, 34)), 0.25
        )
        plan.fill(clump.intersection(block.buffer(-2)), Surface("lawn", (96, 126, 66), trees=0.85))
    pond = blob(rng, (x + 34, y - 30), 26.0, 0.25).intersection(block.buffer(-6))
    plan.fill(pond, Surface("pond"))
    paths: list[Any] = []
    for k in range(3):
        turn = plan.frame.angle + math.pi / 4 + k * math.pi / 3
        _cos, _sin = math.cos(turn), math.sin(turn)
        points = []
        for t in range(-200, 201, 10):
            aside = 16 * math.sin(t / 38 + k) - 14 + 10 * k
            points.append(
                (
                    x + t * math.cos(turn) - aside * math.sin(turn),
                    y + t * math.sin(turn) + aside * math.cos(turn),
                )
            )
        paths.append(LineString(points).buffer(1.7))
    for path in paths:
        plan.fill(path.intersection(block).difference(pond.buffer(1.5)), Surface("sidewalk", (168, 162, 150)))
