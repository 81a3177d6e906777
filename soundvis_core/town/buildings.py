"""Buildings: rectangles with a roof of two slopes or a flat one, in rows along the edges of a block."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .plan import Plan, Point, ring_of
from .surfaces import PALETTE, Colour, Surface

#: Colours of facades: plaster, brick, stone.
FACADES: tuple[Colour, ...] = (
    (204, 190, 164),
    (186, 120, 92),
    (214, 208, 196),
    (172, 148, 124),
    (196, 170, 130),
    (158, 104, 84),
    (188, 188, 186),
)


@dataclass(frozen=True)
class Row:
    """How a row of buildings is set: all in metres, (least, most) where it varies."""

    length: tuple[float, float]
    depth: float
    gap: tuple[float, float]
    setback: float
    eaves: tuple[float, float]
    flat: float
    vary: float = 0.0


def add_building(
    plan: Plan,
    centre: Point,
    angle: float,
    length: float,
    depth: float,
    roof: str,
    eaves: float,
    slope: float,
) -> Any:
    """Draw one building and return its outline (shapely Polygon).

    ``angle`` is the direction of its length and ridge, radians anticlockwise from east; ``roof`` a material of
    the palette; ``slope`` the rise of the roof in metres per metre, 0 for a flat roof.
    """
    from shapely.geometry import Polygon

    rng = plan.rng
    cos, sin = math.cos(angle), math.sin(angle)

    def corner(a: float, b: float) -> Point:
        return centre[0] + a * cos - b * sin, centre[1] + a * sin + b * cos

    half, reach = depth / 2, length / 2
    outline = Polygon(
        [corner(-reach, -half), corner(reach, -half), corner(reach, half), corner(-reach, half)]
    )
    facade = FACADES[int(rng.integers(len(FACADES)))]
    shift = rng.uniform(-9, 9)
    red, green, blue = (value + shift for value in PALETTE[roof].colour)
    middle = -centre[0] * sin + centre[1] * cos
    for side in (-1, 1) if slope > 0 else (0,):
        # The sun stands in the south-west: slopes that face it are lighter.
        lit = 1.0 + 0.09 * side * (0.5 * sin - 0.85 * cos) if side else 1.0
        colour = (int(red * lit), int(green * lit), int(blue * lit))
        surface = Surface(
            roof, colour, angle=angle, eaves=eaves, slope=slope, middle=middle, half=half, facade=facade
        )
        if side:
            plan.fill(
                Polygon(
                    [
                        corner(-reach, 0),
                        corner(reach, 0),
                        corner(reach, side * half),
                        corner(-reach, side * half),
                    ]
                ),
                surface,
            )
        else:
            plan.fill(outline, surface)
    return outline


def line_block(plan: Plan, block: Any, row: Row, share: float = 1.0) -> list[Any]:
    """Set buildings in rows along the edges of a block (shapely Polygon); returns their outlines.

    ``share`` is the share of the places that are built on.
    """
    from shapely.ops import unary_union
    from shapely.prepared import prep

    rng = plan.rng
    room = prep(block.buffer(0.3))
    ring = ring_of(block)
    built: list[Any] = []
    for (px, py), (qx, qy) in zip(ring, ring[1:] + ring[:1]):
        edge = math.hypot(qx - px, qy - py)
        if edge < 9:
            continue
        taken = prep(unary_union(built).buffer(row.gap[0] * 0.6)) if built else None
        dx, dy = (qx - px) / edge, (qy - py) / edge
        at = 0.0
        while at < edge - row.length[0]:
            length = min(float(rng.uniform(*row.length)), edge - at)
            setback = row.setback + float(rng.uniform(0, row.vary))
            depth = row.depth * float(rng.uniform(0.92, 1.08))
            # Along the edge and, as the ring turns anticlockwise, to its left.
            along, inwards = at + length / 2, setback + depth / 2
            centre = (px + dx * along - dy * inwards, py + dy * along + dx * inwards)
            angle = math.atan2(dy, dx)
            outline = rectangle(centre, angle, length, depth)
            if not room.contains(outline) or (taken is not None and taken.intersects(outline)):
                at += 2.0
                continue
            if rng.random() < share:
                built.append(_house(plan, row, centre, angle, (length, depth)))
            at += length + float(rng.uniform(*row.gap))
    return built


def _house(plan: Plan, row: Row, centre: Point, angle: float, size: tuple[float, float]) -> Any:
    rng = plan.rng
    flat = rng.random() < row.flat
    roof = "flat" if flat else str(rng.choice(["tiles", "tiles", "tiles", "tiles", "brown", "slate"]))
    eaves = float(rng.uniform(*row.eaves)) + (2.5 if flat else 0.0)
    slope = 0.0 if flat else float(rng.uniform(0.45, 0.8))
    return add_building(plan, centre, angle, size[0], size[1], roof, eaves, slope)


def rectangle(centre: Point, angle: float, length: float, depth: float) -> Any:
    """A turned rectangle (shapely Polygon); ``angle`` is the direction of its length, radians from east."""
    from shapely.geometry import Polygon

    cos, sin = math.cos(angle), math.sin(angle)
    corners = ((-length, -depth), (length, -depth), (length, depth), (-length, depth))
    return Polygon(
        [(centre[0] + (a * cos - b * sin) / 2, centre[1] + (a * sin + b * cos) / 2) for a, b in corners]
    )
