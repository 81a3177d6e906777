"""The street view's picture while it is drawn, and the geometry of its camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

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


@dataclass(frozen=True)
class Canvas:
    """A picture in the making.

    ``rgb`` float32 (400, 640, 3); ``classes`` uint8 (400, 640); ``far`` float64 (400, 640), metres to what a pixel
    shows so far (infinite: the sky).
    """

    rgb: np.ndarray
    classes: np.ndarray
    far: np.ndarray


@dataclass(frozen=True)
class Eye:
    """Where one stands and looks: place in metres from the map's lower-left corner, unit vector of the heading.

    ``rays`` (640, 2) is what a column advances in x and y per metre of depth, ``sight`` (400,) what a row rises.
    """

    x: float
    y: float
    forward: np.ndarray
    rays: np.ndarray
    sight: np.ndarray

    @classmethod
    def at(cls, x: float, y: float, heading: float) -> Eye:
        """An eye that looks along ``heading`` (radians anticlockwise from east)."""
        forward = np.array([math.cos(heading), math.sin(heading)])
        right = np.array([forward[1], -forward[0]])
        aside = (np.arange(WIDTH) + 0.5 - WIDTH / 2) / FOCAL
        sight = (HORIZON - (np.arange(HEIGHT) + 0.5)) / FOCAL
        return cls(x, y, forward, forward[None, :] + aside[:, None] * right[None, :], sight)

    def point(self, columns: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The places (x, y) that columns show at a depth in metres."""
        return self.x + depth * self.rays[columns, 0], self.y + depth * self.rays[columns, 1]
