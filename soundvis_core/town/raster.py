"""Turns the plan into rasters: surface numbers, crowns, heights and land cover, 0.5 m a pixel, row 0 in the north."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .plan import SIZE, Plan, Tree, polygons
from .surfaces import BUILDING, FOREST, VEHICLES, WATER, SurfaceTable

#: Metres per pixel, and pixels per side of the map.
RESOLUTION = 0.5
PIXELS = int(SIZE / RESOLUTION)
#: Metres per step of the height rasters, which are bytes.
HEIGHT_STEP = 0.1
#: Metres from a car's bonnet to its roof.
CAR_ROOF = 0.55


@dataclass(frozen=True)
class Rasters:
    """The town as arrays of (3000, 3000).

    ``surface`` uint16 numbers of ``table``; ``canopy`` uint8 heights of crowns and ``body`` uint8 heights of
    buildings and cars in steps of 0.1 m, 0 where there is none; ``tint`` int8 tints of crowns; ``landcover``
    uint8 codes of the classes as seen from above.
    """

    table: SurfaceTable
    surface: np.ndarray
    canopy: np.ndarray
    tint: np.ndarray
    body: np.ndarray
    landcover: np.ndarray
    trees: np.ndarray


def rasterise(plan: Plan, seed: int) -> Rasters:
    """Draw every patch of the plan in order, plant the trees and derive land cover and heights."""
    table = SurfaceTable(plan.surfaces)
    surface = _draw(plan)
    trees = _plant(plan, surface, table, np.random.default_rng([seed, 2]))
    canopy, tint = _crowns(trees, np.random.default_rng([seed, 3]))
    code = table.code[surface]
    open_to_sky = (code != BUILDING) & (code != WATER) & (code != VEHICLES)
    canopy[~open_to_sky] = 0
    landcover = np.where(canopy > 0, np.uint8(FOREST), code)
    landcover.setflags(write=False)  # it is the truth
    return Rasters(table, surface, canopy, tint, _bodies(surface, code, table), landcover, trees)


def _pixels(ring: Any) -> list[tuple[float, float]]:
    # A pixel's centre is at a whole number of Pillow's coordinates, hence the half pixel.
    return [(x / RESOLUTION - 0.5, (SIZE - y) / RESOLUTION - 0.5) for x, y in ring.coords]


def _draw(plan: Plan) -> np.ndarray:
    from PIL import Image, ImageDraw

    image = Image.new("I", (PIXELS, PIXELS), 0)
    draw = ImageDraw.Draw(image)
    for geometry, number in plan.patches:
        for polygon in polygons(geometry):
            if not polygon.interiors:
                draw.polygon(_pixels(polygon.exterior), fill=number)
                continue
            mask = Image.new("1", (PIXELS, PIXELS), 0)
            stencil = ImageDraw.Draw(mask)
            stencil.polygon(_pixels(polygon.exterior), fill=1)
            for hole in polygon.interiors:
                stencil.polygon(_pixels(hole), fill=0)
            image.paste(number, (0, 0), mask)
    return np.asarray(image).astype(np.uint16)


def _plant(plan: Plan, surface: np.ndarray, table: SurfaceTable, rng: np.random.Generator) -> np.ndarray:
    """All trees as rows (x, y, radius, height, tint): those of the plan and those that the patches scatter."""
    cell = 6.0
    count = int(SIZE / cell)
    along = (np.arange(count) + 0.5) * cell
    x, y = (part.ravel() for part in np.meshgrid(along, along))
    x = x + rng.uniform(-2.4, 2.4, x.size)
    y = y + rng.uniform(-2.4, 2.4, y.size)
    inside = (x > 1) & (x < SIZE - 1) & (y > 1) & (y < SIZE - 1)
    column = np.clip((x / RESOLUTION).astype(int), 0, PIXELS - 1)
    row = np.clip(((SIZE - y) / RESOLUTION).astype(int), 0, PIXELS - 1)
    density = table.trees[surface[row, column]]
    chosen = inside & (rng.random(x.size) < density)
    dense = density > 0.5
    radius = np.where(dense, rng.uniform(3.2, 4.8, x.size), rng.uniform(1.6, 3.6, x.size))
    height = np.where(dense, rng.uniform(9, 14, x.size), 2.5 + radius * rng.uniform(1.6, 2.4, x.size))
    scattered = np.column_stack([x, y, radius, height, rng.uniform(-1, 1, x.size)])[chosen]
    own = np.array([_row(tree) for tree in plan.trees], dtype=float).reshape(-1, 5)
    # A tree needs ground: none on a carriageway, in a house or in the water.
    column = np.clip((own[:, 0] / RESOLUTION).astype(int), 0, PIXELS - 1)
    row = np.clip(((SIZE - own[:, 1]) / RESOLUTION).astype(int), 0, PIXELS - 1)
    number = surface[row, column]
    asphalt = np.array([name in ("asphalt", "marking") for name in table.names])[number]
    code = table.code[number]
    grounded = ~asphalt & (code != BUILDING) & (code != WATER) & (code != VEHICLES)
    inside = (own[:, 0] > 0) & (own[:, 0] < SIZE) & (own[:, 1] > 0) & (own[:, 1] < SIZE)
    return np.concatenate([own[grounded & inside], scattered])


def _row(tree: Tree) -> tuple[float, float, float, float, float]:
    return tree.x, tree.y, tree.radius, tree.height, tree.tint


def _crowns(trees: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Heights of the crowns (bumpy domes, the higher one wins) and the tint of the tree that each pixel shows."""
    canopy = np.zeros((PIXELS, PIXELS), dtype=np.uint8)
    tint = np.zeros((PIXELS, PIXELS), dtype=np.int8)
    bumps = rng.uniform(0.86, 1.14, (64, 64)).astype(np.float32)
    shifts = rng.integers(0, 40, (len(trees), 2))
    for (x, y, radius, height, shade), (down, right) in zip(trees, shifts):
        col, row, reach = x / RESOLUTION, (SIZE - y) / RESOLUTION, radius / RESOLUTION
        left, top = max(int(col - reach), 0), max(int(row - reach), 0)
        end, low = min(int(col + reach) + 2, PIXELS), min(int(row + reach) + 2, PIXELS)
        across = (np.arange(left, end, dtype=np.float32) + 0.5 - col) / reach
        down_ = (np.arange(top, low, dtype=np.float32) + 0.5 - row) / reach
        rough = bumps[down : down + len(down_), right : right + len(across)]
        inner = 1.0 - (across[None, :] ** 2 + down_[:, None] ** 2) * rough
        dome = (np.sqrt(np.maximum(inner, 0)) * 0.6 + 0.4) * (height / HEIGHT_STEP) * (0.94 + 0.06 * rough)
        dome = np.where(inner > 0, np.minimum(dome, 255), 0).astype(np.uint8)
        there = canopy[top:low, left:end]
        higher = dome > there
        there[higher] = dome[higher]
        tint[top:low, left:end][higher] = int(shade * 100)
    return canopy, tint


def _bodies(surface: np.ndarray, code: np.ndarray, table: SurfaceTable) -> np.ndarray:
    """Heights of buildings (eaves and roof) and cars, steps of 0.1 m."""
    body = np.zeros(surface.shape, dtype=np.uint8)
    rows, columns = np.nonzero((code == BUILDING) | (code == VEHICLES))
    number = surface[rows, columns]
    x = (columns + 0.5) * RESOLUTION
    y = SIZE - (rows + 0.5) * RESOLUTION
    angle = table.angle[number]
    across = np.abs(-x * np.sin(angle) + y * np.cos(angle) - table.middle[number])
    rise = np.maximum(table.half[number] - across, 0) * table.slope[number]
    height = table.eaves[number] + rise
    # The roof of a car is flat between its windscreens.
    height = np.where(
        code[rows, columns] == VEHICLES, np.minimum(height, table.eaves[number] + CAR_ROOF), height
    )
    body[rows, columns] = np.minimum(height / HEIGHT_STEP, 255).astype(np.uint8)
    return body
