"""Trees of the street view: clumpy crowns on trunks, drawn from far to near behind what stands in front of them."""

from __future__ import annotations

import math

import numpy as np

from .canvas import EYE, FOCAL, HORIZON, NEAR_TREES, VEGETATION, WIDTH, Canvas, Eye

_SPRITE = 64
_MOST = 320


def crown_sprites(rng: np.random.Generator, count: int = 5) -> list[tuple[np.ndarray, np.ndarray]]:
    """Shapes of crowns: each a mask bool (64, 64) and its light float32 (64, 64), lit from the upper left."""
    grid = (np.arange(_SPRITE) + 0.5) / _SPRITE * 2 - 1
    x, y = np.meshgrid(grid, grid)
    sprites = []
    for _ in range(count):
        mask = np.zeros((_SPRITE, _SPRITE), dtype=bool)
        light = np.full((_SPRITE, _SPRITE), 0.6, dtype=np.float32)
        for k in range(26):
            turn, reach = rng.uniform(0, 2 * math.pi), 0.72 * math.sqrt(rng.random())
            size = rng.uniform(0.18, 0.36) if k else 0.66
            dx, dy = (
                (x - reach * math.cos(turn) * (k > 0)) / size,
                (y - reach * math.sin(turn) * (k > 0)) / size,
            )
            inside = dx**2 + dy**2 < 1
            mask |= inside
            light = np.where(inside, 0.86 - 0.16 * dx - 0.24 * dy - 0.16 * y, light)
        speckle = rng.uniform(0.84, 1.14, (_SPRITE, _SPRITE))
        sprites.append((mask & (rng.random(mask.shape) > 0.03), (light * speckle).astype(np.float32)))
    return sprites


def draw_trees(trees: np.ndarray, eye: Eye, canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw the trees within 77 m before the eye, where nothing nearer stands on the canvas.

    ``trees`` are rows (x, y, radius, height, tint).
    """
    offset = trees[:, :2] - (eye.x, eye.y)
    depth = offset @ eye.forward
    aside = offset @ np.array([eye.forward[1], -eye.forward[0]])
    # None so near that its trunk or leaves would fill the picture.
    chosen = (depth > 3.5) & (depth < NEAR_TREES + 2) & (np.hypot(*offset.T) > 4.5)
    chosen &= np.abs(aside) < depth * WIDTH / 2 / FOCAL + 6
    order = np.nonzero(chosen)[0]
    order = order[np.argsort(depth[order], kind="stable")][:_MOST][::-1]
    sprites = crown_sprites(rng)
    for tree in order:
        _draw_tree(trees[tree], depth[tree], aside[tree], sprites[tree % len(sprites)], canvas)


def _draw_tree(
    tree: np.ndarray, depth: float, aside: float, sprite: tuple[np.ndarray, np.ndarray], canvas: Canvas
) -> None:
    _, _, radius, height, tint = tree
    scale = FOCAL / depth
    middle = WIDTH / 2 + aside * scale
    base = max(0.30 * height, min(1.9, 0.5 * height))
    haze = np.float32(1 - math.exp(-depth / 700))
    trunk = max(0.05 * radius + 0.06, 0.12)
    top = HORIZON - (base + 0.3 * (height - base) - EYE) * scale
    box = (middle - trunk * scale, top, middle + trunk * scale, HORIZON + EYE * scale)
    _stamp(canvas, box, depth, np.array([74.0, 60.0, 46.0]), None)
    green = np.array([70.0, 100.0, 48.0]) * (1 + 0.12 * tint) * (1 - haze) + 200 * haze
    top, bottom = HORIZON - (height - EYE) * scale, HORIZON - (base - EYE) * scale
    _stamp(canvas, (middle - radius * scale, top, middle + radius * scale, bottom), depth, green, sprite)


def _stamp(
    canvas: Canvas,
    box: tuple[float, float, float, float],
    depth: float,
    colour: np.ndarray,
    sprite: tuple[np.ndarray, np.ndarray] | None,
) -> None:
    """Fill a box (left, top, right, bottom in pixels) with a colour, in the shape and light of a sprite if any."""
    left, top, right, bottom = box
    rows, columns = canvas.far.shape
    first, last = max(int(top), 0), min(int(bottom) + 1, rows)
    start, stop = max(int(left), 0), min(max(int(right), int(left) + 1), columns)
    if first >= last or start >= stop:
        return
    place = (slice(first, last), slice(start, stop))
    free = canvas.far[place] > depth
    shades: np.ndarray | float = 1.0
    if sprite is not None:
        v = (np.arange(first, last) + 0.5 - top) / max(bottom - top, 1) * _SPRITE
        u = (np.arange(start, stop) + 0.5 - left) / max(right - left, 1) * _SPRITE
        cells = np.ix_(np.clip(v, 0, _SPRITE - 1).astype(int), np.clip(u, 0, _SPRITE - 1).astype(int))
        free &= sprite[0][cells]
        shades = sprite[1][cells][free][:, None]
    canvas.rgb[place][free] = colour * shades
    canvas.classes[place][free] = VEGETATION
    canvas.far[place][free] = depth
