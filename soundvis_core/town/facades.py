"""Walls with windows and roofs above them, for the street view."""

from __future__ import annotations

import numpy as np

from .surfaces import SurfaceTable


def facade_colours(
    table: SurfaceTable,
    number: np.ndarray,
    place: tuple[np.ndarray, np.ndarray],
    height: np.ndarray,
    depth: np.ndarray,
) -> np.ndarray:
    """Colours of points on buildings: float32 (n, 3).

    ``number`` are the surfaces, ``place`` x and y, ``height`` metres above the ground, ``depth`` metres from the eye.
    """
    px, py = place
    angle = table.angle[number]
    lengthwise = px * np.cos(angle) + py * np.sin(angle)
    across = -px * np.sin(angle) + py * np.cos(angle) - table.middle[number]
    side = (np.abs(across) > table.half[number] - 0.9) & (table.slope[number] > 0)
    along = np.where(side, lengthwise, across + lengthwise)
    eaves = table.eaves[number]
    floor, column = np.floor(height / 3.1), np.floor(along / 2.7)
    window = (along / 2.7 - column > 0.28) & (along / 2.7 - column < 0.70) & (height / 3.1 - floor > 0.30)
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
