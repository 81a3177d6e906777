"""Draws the street view of a site from the map: ground, buildings and cars by a march through the height raster.

A column of the picture looks in one direction; along it, the first height that reaches a pixel's line of sight is
what the pixel shows (as in voxel-space terrain). Trees near by are drawn as crowns on trunks, distant ones as part
of the heights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .canvas import (
    CAR,
    EARTH,
    EYE,
    FOCAL,
    HEIGHT,
    HORIZON,
    HOUSE,
    NEAR_TREES,
    RIVER,
    STREET,
    STREET_CLASSES,
    VEGETATION,
    WALK,
    WIDTH,
    Canvas,
    Eye,
)
from .crowns import draw_trees
from .facades import facade_colours
from .plan import SIZE
from .raster import HEIGHT_STEP, PIXELS, RESOLUTION, Rasters
from .surfaces import BARE, BUILDING, VEHICLES, WATER

#: How far one sees, in metres, and the colour of the air.
FARTHEST = 480.0
_HAZE = np.array([196.0, 208.0, 220.0], dtype=np.float32)


@dataclass(frozen=True)
class View:
    """A street view: ``rgb`` uint8 (400, 640, 3), ``classes`` uint8 (400, 640), ``heading`` in degrees from north."""

    rgb: np.ndarray
    classes: np.ndarray
    heading: float

    def shares(self) -> dict[str, float]:
        """Share of every class in the picture; they add up to 1."""
        counts = np.bincount(self.classes.ravel(), minlength=len(STREET_CLASSES))
        return {name: float(count) / self.classes.size for name, count in zip(STREET_CLASSES, counts)}


def ground_classes(rasters: Rasters) -> np.ndarray:
    """The street class of every surface number: uint8 (surfaces,)."""
    table = rasters.table
    classes = np.full(len(table.names), VEGETATION, dtype=np.uint8)
    for code, kind in ((BUILDING, HOUSE), (VEHICLES, CAR), (WATER, RIVER), (BARE, EARTH)):
        classes[table.code == code] = kind
    for names, kind in ((("asphalt", "marking", "lane"), STREET), (("sidewalk", "paving"), WALK)):
        classes[[own in names for own in table.names]] = kind
    return classes


def draw_view(rasters: Rasters, x: float, y: float, rng: np.random.Generator) -> View:
    """Draw the view from a place (metres from the lower-left corner) in its most open direction."""
    heading = open_direction(rasters, x, y, rng)
    eye = Eye.at(x, y, heading)
    depth = 0.5 * 1.012 ** np.arange(int(math.log(FARTHEST / 0.5) / math.log(1.012)))
    columns = np.arange(WIDTH)
    heights = _heights(rasters, *eye.point(columns, depth[:, None]), depth[:, None])
    skyline = np.maximum.accumulate((heights - EYE) / depth[:, None], axis=0)
    hit = np.column_stack([np.searchsorted(skyline[:, column], eye.sight) for column in columns])
    nearest = np.minimum(hit, depth.size - 1)
    upright = (hit < depth.size) & (heights[nearest, columns] > 0)
    ground = ~upright & (eye.sight < 0)[:, None]
    flat = (EYE / np.maximum(-eye.sight, 0.5 / FOCAL))[:, None]
    far = np.where(upright, depth[nearest], np.where(ground, flat, np.inf))

    canvas = Canvas(_sky(eye.sight * FOCAL / HORIZON, rng), np.zeros((HEIGHT, WIDTH), dtype=np.uint8), far)
    kinds = ground_classes(rasters)
    _draw_ground(rasters, eye, ground, canvas, kinds, rng)
    _draw_upright(rasters, eye, upright, np.where(hit > 0, depth[nearest - 1], 0.3), canvas, kinds)
    haze = np.where(np.isfinite(far), 1 - np.exp(-far / 700), 0).astype(np.float32)[:, :, None]
    canvas.rgb[:] = canvas.rgb * (1 - haze) + _HAZE * haze
    draw_trees(rasters.trees, eye, canvas, rng)
    grain = rng.normal(0, 2.0, (HEIGHT, WIDTH)).astype(np.float32)
    rgb = np.clip(canvas.rgb + grain[:, :, None], 0, 255).astype(np.uint8)
    return View(rgb, canvas.classes, (90 - math.degrees(heading)) % 360)


def open_direction(rasters: Rasters, x: float, y: float, rng: np.random.Generator) -> float:
    """The direction (radians from east) in which one sees farthest, trees counting in part; ties by chance."""
    turns = np.arange(48) * 2 * math.pi / 48
    depth = np.arange(1.0, 130.0)
    px, py = x + depth * np.cos(turns)[:, None], y + depth * np.sin(turns)[:, None]
    row, column = _pixel(px, py)
    blocked = rasters.body[row, column] > EYE / HEIGHT_STEP
    reach = np.where(blocked.any(axis=1), blocked.argmax(axis=1), depth.size).astype(float)
    reach -= 0.8 * (rasters.canopy[row, column] > 0)[:, :60].sum(axis=1)
    widest = np.minimum(np.minimum(np.roll(reach, 1), np.roll(reach, -1)) + 25, reach)
    return float(turns[int(np.argmax(widest + rng.uniform(0, 6, turns.size)))])


def _pixel(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Beyond the edge of the map its last pixels go on.
    row = np.clip((SIZE - y) / RESOLUTION, 0, PIXELS - 1).astype(np.int64)
    return row, np.clip(x / RESOLUTION, 0, PIXELS - 1).astype(np.int64)


def _heights(rasters: Rasters, x: np.ndarray, y: np.ndarray, depth: np.ndarray) -> np.ndarray:
    row, column = _pixel(x, y)
    body = rasters.body[row, column]
    canopy = np.where(depth > NEAR_TREES, rasters.canopy[row, column], 0)
    return np.maximum(body, canopy) * HEIGHT_STEP


def _sky(elevation: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sky that pales towards the horizon, with soft clouds: float32 (400, 640, 3)."""
    up = np.clip(elevation, 0, 1)[:, None, None].astype(np.float32)
    top, low = np.array([88.0, 138.0, 204.0]), np.array([196.0, 214.0, 232.0])
    sky = (low + (top - low) * up**0.7).astype(np.float32) * np.ones((1, WIDTH, 1), dtype=np.float32)
    cloud = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    for down, across in ((6, 4), (12, 9), (24, 20)):
        grid = rng.standard_normal((down, across)).astype(np.float32)
        columns = np.linspace(0, across - 1, WIDTH)
        wide = np.array([np.interp(columns, np.arange(across), line) for line in grid])
        lines = np.linspace(0, down - 1, HEIGHT)
        low_, part = (
            np.minimum(lines.astype(int), down - 2),
            (lines - np.minimum(lines.astype(int), down - 2))[:, None],
        )
        cloud += (wide[low_] * (1 - part) + wide[low_ + 1] * part) * 4 / down**0.8
    white = np.clip(cloud * 0.35 - 0.05, 0, 0.75)[:, :, None]
    return sky * (1 - white) + np.float32(242) * white


def _draw_ground(
    rasters: Rasters,
    eye: Eye,
    ground: np.ndarray,
    canvas: Canvas,
    kinds: np.ndarray,
    rng: np.random.Generator,
) -> None:
    rows, columns = np.nonzero(ground)
    depth = canvas.far[rows, columns]
    px, py = eye.point(columns, depth)
    table = rasters.table
    tile = rng.standard_normal((256, 256)).astype(np.float32)
    down, across = (py * 9).astype(int) % 256, (px * 9).astype(int) % 256
    grain = tile[down, across]
    # A ragged look-up hides the squares of the map's pixels close to the eye.
    row, column = _pixel(px + 0.11 * grain, py + 0.11 * tile[across, down])
    number = rasters.surface[row, column]
    kind = kinds[number]
    light = grain * (2.2 * table.fine[number] / (1 + depth / 14)).astype(np.float32)
    aside = -px * np.sin(table.angle[number]) + py * np.cos(table.angle[number])
    light += 1.6 * np.sin(2 * math.pi * aside / np.maximum(table.period[number], 1)) * table.amplitude[number]
    colour = table.colour[number] + light[:, None]
    # Water mirrors more of the sky, the flatter one looks at it.
    mirror = (np.clip(depth / 120, 0, 0.55) + 0.03 * grain)[:, None] * (kind == RIVER)[:, None]
    colour = colour * (1 - mirror) + np.array([150.0, 182.0, 212.0]) * mirror
    # A hit just in front of a wall or a car may look up the thing itself: the ground there is paved.
    for thing, below in ((HOUSE, WALK), (CAR, STREET)):
        colour[kind == thing] = (118, 117, 116)
        kind = np.where(kind == thing, below, kind)
    shade = np.where(rasters.canopy[row, column] > 0, np.float32(0.72), np.float32(1))
    canvas.rgb[rows, columns] = colour * shade[:, None]
    canvas.classes[rows, columns] = kind


def _draw_upright(
    rasters: Rasters, eye: Eye, upright: np.ndarray, before: np.ndarray, canvas: Canvas, kinds: np.ndarray
) -> None:
    """Walls, roofs, cars and distant trees, between the depths ``before`` and the canvas's ``far``."""
    rows, columns = np.nonzero(upright)
    near, reach, sight = before[rows, columns], canvas.far[rows, columns], eye.sight[rows]
    for _ in range(4):
        middle = (near + reach) / 2
        height = _heights(rasters, *eye.point(columns, middle), middle)
        over = (height > 0) & (height >= EYE + sight * middle)
        reach, near = np.where(over, middle, reach), np.where(over, near, middle)
    px, py = eye.point(columns, reach)
    row, column = _pixel(px, py)
    canvas.far[rows, columns] = reach
    number = rasters.surface[row, column]
    height = EYE + sight * reach
    kind = kinds[number]
    house, car = kind == HOUSE, kind == CAR
    tree = ~house & ~car
    colour = rasters.table.colour[number]
    colour[house] = facade_colours(
        rasters.table, number[house], (px[house], py[house]), height[house], reach[house]
    )
    colour[car & (height < 0.4)] = (38, 38, 40)
    colour[car & (height > 0.92) & (height < 1.32)] = (62, 74, 84)
    tint = rasters.tint[row, column].astype(np.float32) / 100
    leaf = np.array([58.0, 84.0, 42.0], dtype=np.float32) * (0.75 + 0.045 * height + 0.12 * tint)[:, None]
    colour[tree] = leaf[tree]
    canvas.rgb[rows, columns] = colour
    canvas.classes[rows, columns] = np.where(tree, VEGETATION, kind)
