"""Draws the street view of a site from the map: ground, buildings and cars by a march through the height raster.

A column of the picture looks in one direction; along it, the first height that reaches a pixel's line of sight is
what the pixel shows (as in voxel-space terrain). Trees near by are drawn as crowns on trunks, distant ones as part
of the heights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .crowns import draw_trees
from .plan import SIZE
from .raster import HEIGHT_STEP, PIXELS, RESOLUTION, Rasters
from .surfaces import BARE, BUILDING, VEHICLES, WATER

#: Size of a photo in pixels and the height of the eye in metres.
WIDTH, HEIGHT = 640, 400
EYE = 1.6
#: Classes of the class buffer; the names are those of Table 1, street part, with the sky and bare land.
STREET_CLASSES = (
    "Sky",
    "Vegetation",
    "Building",
    "Road",
    "Sidewalk",
    "Waterbody",
    "Bare Land",
    "Car, Truck, Bus, etc",
)
SKY, VEGETATION, HOUSE, STREET, WALK, RIVER, EARTH, CAR = range(8)
#: Focal length in pixels (a field of view of 78 degrees) and the row of the horizon.
FOCAL = WIDTH / 2 / math.tan(math.radians(39))
HORIZON = 214.0
#: Beyond this many metres trees are part of the heights.
NEAR_TREES = 75.0
_FAR = 480.0
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
    for name, kind in (
        ("asphalt", STREET),
        ("marking", STREET),
        ("lane", STREET),
        ("sidewalk", WALK),
        ("paving", WALK),
    ):
        classes[[own == name for own in table.names]] = kind
    return classes


def draw_view(rasters: Rasters, x: float, y: float, rng: np.random.Generator) -> View:
    """Draw the view from a place (metres from the lower-left corner) in its most open direction."""
    heading = open_direction(rasters, x, y, rng)
    forward = np.array([math.cos(heading), math.sin(heading)])
    right = np.array([forward[1], -forward[0]])
    aside = (np.arange(WIDTH) + 0.5 - WIDTH / 2) / FOCAL
    rays = forward[None, :] + aside[:, None] * right[None, :]
    elevation = HORIZON - (np.arange(HEIGHT) + 0.5)

    depth = 0.5 * 1.012 ** np.arange(int(math.log(_FAR / 0.5) / math.log(1.012)))
    heights = _heights(
        rasters, x + depth[:, None] * rays[:, 0], y + depth[:, None] * rays[:, 1], depth[:, None]
    )
    skyline = np.maximum.accumulate((heights - EYE) * FOCAL / depth[:, None], axis=0)
    hit = np.empty((HEIGHT, WIDTH), dtype=np.int64)
    for column in range(WIDTH):
        hit[:, column] = np.searchsorted(skyline[:, column], elevation)
    seen = hit < depth.size
    upright = seen & (heights[np.minimum(hit, depth.size - 1), np.arange(WIDTH)] > 0)
    far = np.where(upright, depth[np.minimum(hit, depth.size - 1)], np.inf)
    ground = ~upright & (elevation < 0)[:, None]
    flat = np.broadcast_to((EYE * FOCAL / np.maximum(-elevation, 0.5))[:, None], far.shape)
    far = np.where(ground, flat, far)

    rgb = _sky(elevation, rng)
    classes = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    kinds = ground_classes(rasters)
    _draw_ground(rasters, x, y, rays, far, ground, rgb, classes, kinds, rng)
    _draw_upright(rasters, x, y, rays, far, depth, hit, upright, elevation, rgb, classes, kinds)
    haze = np.where(np.isfinite(far), 1 - np.exp(-far / 700), 0).astype(np.float32)[:, :, None]
    rgb = rgb * (1 - haze) + _HAZE * haze
    draw_trees(rasters.trees, x, y, forward, far, rgb, classes, rng)
    rgb += rng.normal(0, 2.0, rgb.shape[:2]).astype(np.float32)[:, :, None]
    degrees = (90 - math.degrees(heading)) % 360
    return View(np.clip(rgb, 0, 255).astype(np.uint8), classes, degrees)


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
    up = np.clip(elevation / HORIZON, 0, 1)[:, None, None].astype(np.float32)
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


def _draw_ground(rasters, x, y, rays, far, ground, rgb, classes, kinds, rng) -> None:  # type: ignore[no-untyped-def]
    rows, columns = np.nonzero(ground)
    depth = far[rows, columns]
    px, py = x + depth * rays[columns, 0], y + depth * rays[columns, 1]
    table = rasters.table
    tile = rng.standard_normal((256, 256)).astype(np.float32)
    grain = tile[(py * 9).astype(int) % 256, (px * 9).astype(int) % 256]
    # A ragged look-up hides the squares of the map's pixels close to the eye.
    row, column = _pixel(
        px + 0.16 * grain, py + 0.16 * tile[(px * 9).astype(int) % 256, (py * 9).astype(int) % 256]
    )
    number = rasters.surface[row, column]
    light = grain * (2.2 * table.fine[number] / (1 + depth / 14)).astype(np.float32)
    across = -px * np.sin(table.angle[number]) + py * np.cos(table.angle[number])
    strips = np.sin(2 * math.pi * across / np.maximum(table.period[number], 1)) * table.amplitude[number]
    shade = np.where(rasters.canopy[row, column] > 0, np.float32(0.72), np.float32(1))
    colour = table.colour[number] + (light + (1.6 * strips).astype(np.float32))[:, None]
    kind = kinds[number]
    # Water mirrors more of the sky, the flatter one looks at it.
    mirror = (np.clip(depth / 120, 0, 0.55) + 0.03 * grain)[:, None] * (kind == RIVER)[:, None]
    colour = colour * (1 - mirror) + np.array([150.0, 182.0, 212.0]) * mirror
    # A hit just in front of a wall may look up the wall itself: the ground there is pavement.
    colour[kind == HOUSE] = (150, 148, 142)
    rgb[rows, columns] = colour * shade[:, None]
    classes[rows, columns] = np.where(kind == HOUSE, WALK, kind)


def _draw_upright(rasters, x, y, rays, far, depth, hit, upright, elevation, rgb, classes, kinds) -> None:  # type: ignore
    rows, columns = np.nonzero(upright)
    index = hit[rows, columns]
    near, reach = depth[np.maximum(index - 1, 0)], depth[index]
    sight = elevation[rows] / FOCAL
    for _ in range(4):
        middle = (near + reach) / 2
        height = _heights(rasters, x + middle * rays[columns, 0], y + middle * rays[columns, 1], middle)
        over = (height > 0) & (height >= EYE + sight * middle)
        reach, near = np.where(over, middle, reach), np.where(over, near, middle)
    px, py = x + reach * rays[columns, 0], y + reach * rays[columns, 1]
    row, column = _pixel(px, py)
    far[rows, columns] = reach
    number = rasters.surface[row, column]
    height = EYE + sight * reach
    table = rasters.table
    kind = kinds[number]
    tree = (kind != HOUSE) & (kind != CAR)
    colour = np.where(
        (kind == HOUSE)[:, None], _facade(table, number, px, py, height, reach), table.colour[number]
    )
    low, glass = (kind == CAR) & (height < 0.4), (kind == CAR) & (height > 0.85) & (height < 1.3)
    colour[low], colour[glass] = (38, 38, 40), (62, 74, 84)
    tint = rasters.tint[row, column].astype(np.float32) / 100
    leaf = np.array([58.0, 84.0, 42.0], dtype=np.float32) * (0.75 + 0.045 * height + 0.12 * tint)[:, None]
    colour[tree] = leaf[tree]
    rgb[rows, columns] = colour
    classes[rows, columns] = np.where(tree, VEGETATION, kind)


def _facade(table, number, px, py, height, depth) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Colours of walls with windows, and of roofs above the eaves: float32 (n, 3)."""
    angle = table.angle[number]
    lengthwise = px * np.cos(angle) + py * np.sin(angle)
    across = -px * np.sin(angle) + py * np.cos(angle) - table.middle[number]
    side = (np.abs(across) > table.half[number] - 0.9) & (table.slope[number] > 0)
    place = np.where(side, lengthwise, across + lengthwise)
    eaves = table.eaves[number]
    floor, column = np.floor(height / 3.1), np.floor(place / 2.7)
    window = (place / 2.7 - column > 0.28) & (place / 2.7 - column < 0.70) & (height / 3.1 - floor > 0.30)
    window &= (height / 3.1 - floor < 0.80) & (height < eaves - 0.5)
    glint = ((floor * 7 + column * 13 + number) % 5)[:, None] * 9
    light = (0.90 + 0.14 * side * np.sign(across) * np.cos(angle) + 0.01 * height)[:, None]
    wall = table.facade[number] * light
    wall = np.where((height < 0.6)[:, None], wall * 0.8, wall)
    pane = (np.array([66.0, 80.0, 92.0]) + glint) * 1.0
    strength = (0.95 / (1 + (depth / 140) ** 2))[:, None] * window[:, None]
    colour = wall * (1 - strength) + pane * strength
    roof = (height > eaves - 0.05)[:, None]
    return np.where(roof, table.colour[number] * 0.96, colour).astype(np.float32)
