"""How loud each kind of sound is at a site, from what surrounds it in true metres.

Every component is the sum over its sources (points along roads, cells of trees, water and squares) of power over
the squared distance, with an attenuation per metre for screening: energies add, as outdoors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .plan import SIZE, Plan, along
from .raster import RESOLUTION, Rasters
from .surfaces import BARE, CROPLAND, GRASSLAND, WATER

#: The components of a recording, in the order in which they are mixed.
COMPONENTS = ("traffic", "birds", "water", "wind", "voices")
#: Emission of a metre of road relative to a main road, by kind.
EMISSION = {"main": 1.0, "quay": 0.04, "street": 0.02, "lane": 0.0006}
#: Decibels of a component where the sum over its sources is one, and its attenuation in decibels per metre.
REFERENCE = {"traffic": 72.0, "birds": 65.0, "water": 70.0, "voices": 62.0}
ATTENUATION = {"traffic": 0.045, "birds": 0.06, "water": 0.06, "voices": 0.11}
#: Standard deviation in decibels of what differs from day to day, per site and component.
SPREAD = 2.0
#: Components fainter than this many decibels are left out.
FAINTEST = 16.0
_CELL = 10.0


@dataclass(frozen=True)
class Sources:
    """Sources of the components: each (n, 3) of x, y (metres from the lower-left corner) and power."""

    points: dict[str, np.ndarray]
    openness: np.ndarray


def find_sources(plan: Plan, rasters: Rasters) -> Sources:
    """Collect the sources of a town: roads every 5 m, squares every 6 m, trees and water in cells of 10 m."""
    traffic = []
    for road in plan.roads:
        for (x, y), _ in along(road.axis, 5.0):
            traffic.append((x, y, 5.0 * EMISSION[road.kind]))
    roads = np.array(traffic)
    inside = (roads[:, :2] > -100).all(axis=1) & (roads[:, :2] < SIZE + 100).all(axis=1)
    code = rasters.table.code[rasters.surface]
    meadows = np.isin(code, (GRASSLAND, CROPLAND)) & (rasters.canopy == 0)
    points = {
        "traffic": roads[inside],
        # Larks over the fields are heard too, though far fewer than the birds of the trees.
        "birds": np.concatenate([_cells(rasters.canopy > 0), _cells(meadows) * (1, 1, 0.03)]),
        # Still ponds make no sound.
        "water": _cells(np.array([name == "water" for name in rasters.table.names])[rasters.surface]),
        "voices": _people(plan),
    }
    return Sources(points, _shares(np.isin(code, (GRASSLAND, CROPLAND, BARE, WATER)) & (rasters.canopy == 0)))


def _shares(mask: np.ndarray) -> np.ndarray:
    """Share of the mask in every cell of 10 m."""
    size = int(_CELL / RESOLUTION)
    count = mask.shape[0] // size
    return mask.reshape(count, size, count, size).mean(axis=(1, 3))


def _cells(mask: np.ndarray) -> np.ndarray:
    shares = _shares(mask)
    rows, columns = np.nonzero(shares > 0.02)
    power = shares[rows, columns] * _CELL**2 / 100
    return np.column_stack([(columns + 0.5) * _CELL, SIZE - (rows + 0.5) * _CELL, power])


def _people(plan: Plan) -> np.ndarray:
    """People: many on squares, some in the park, a few on the pavements of the centre."""
    from shapely.geometry import Point

    points = []
    for area, density, step in (("square", 1.0, 6.0), ("park", 0.03, 12.0)):
        for part in plan.areas.get(area, ()):
            left, bottom, right, top = part.bounds
            for x in np.arange(left, right, step):
                column = [(x, y, density * step * step / 36) for y in np.arange(bottom, top, step)]
                points += [point for point in column if part.contains(Point(point[:2]))]
    for road in plan.roads:
        if road.kind in ("street", "quay"):
            points += [(x, y, 0.02) for (x, y), _ in along(road.axis, 20.0)]
    return np.array(points).reshape(-1, 3)


def site_levels(sources: Sources, x: float, y: float, rng: np.random.Generator) -> dict[str, float]:
    """Level in decibels of every component that can be heard at a place, with the day's random part.

    ``x``, ``y`` in metres from the lower-left corner of the map.
    """
    levels = {}
    for component in COMPONENTS:
        if component == "wind":
            column, row = int(x / _CELL), int((SIZE - y) / _CELL)
            around = sources.openness[max(row - 8, 0) : row + 9, max(column - 8, 0) : column + 9]
            level = 36.0 + 8.0 * float(around.mean())
        else:
            points = sources.points[component]
            squared = (points[:, 0] - x) ** 2 + (points[:, 1] - y) ** 2
            screened = 10 ** (-ATTENUATION[component] * np.sqrt(squared) / 10)
            total = float((points[:, 2] * screened / (squared + 25.0)).sum())
            level = REFERENCE[component] + 10 * np.log10(max(total, 1e-12))
        level += float(rng.normal(0, SPREAD))
        if level >= FAINTEST:
            levels[component] = round(float(level), 2)
    return levels
