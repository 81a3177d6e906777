"""Distance kernels: how much the ground at a distance counts, laid out on raster cells in true metres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..geodesy import LocalFrame

UNIFORM, EXPONENTIAL, GAUSSIAN = "uniform", "exponential", "gaussian"
#: The kernels, and what each is called in texts.
KERNELS = {
    UNIFORM: "uniform within the radius",
    EXPONENTIAL: "exponential, halved with every half-distance",
    GAUSSIAN: "Gaussian, half at the half-distance",
}
#: Kernels without an end are cut where they hold this share of their volume.
KEPT = 0.999
#: Where the ends lie, in half-distances. Exponential: (1 + x) exp(-x) = 1 - KEPT at x = 9.2334, over ln 2. Gaussian:
#: 2^-(x^2) = 1 - KEPT.
_REACH = {UNIFORM: 1.0, EXPONENTIAL: 9.233413476 / math.log(2.0), GAUSSIAN: math.sqrt(-math.log2(1.0 - KEPT))}
#: A kernel is sampled at so many places along its half, in cells cut into at most so many parts a side.
_FINE, _MOST_PARTS = 200, 9


@dataclass(frozen=True)
class Kernel:
    """How much the ground counts by distance.

    shape: a name of ``KERNELS``. radius: metres on the ground; the radius of the disc, or the distance at which the
    ground counts half as much as at the place itself. Raises :class:`InputError` for anything else.
    """

    shape: str
    radius: float

    def __post_init__(self) -> None:
        if self.shape not in KERNELS:
            raise InputError(f"There is no kernel '{self.shape}'. The kernels are {', '.join(KERNELS)}.")
        if not (math.isfinite(self.radius) and self.radius > 0.0):
            raise InputError(f"The radius of a kernel is {self.radius:g} m; it has to be more than 0.")

    @property
    def reach(self) -> float:
        """Metres beyond which nothing counts: the radius, or where 99.9 % of the kernel's volume lie within."""
        return self.radius * _REACH[self.shape]

    def at(self, distances: np.ndarray) -> np.ndarray:
        """How much the ground counts at ``distances`` (metres, any shape): 1 at 0, 0 beyond the reach."""
        parts = distances / self.radius
        if self.shape == UNIFORM:
            return (parts <= 1.0).astype(np.float64)
        falling = np.exp2(-parts if self.shape == EXPONENTIAL else -parts * parts)
        falling[distances > self.reach] = 0.0
        return falling

    def half_size(self, steps: np.ndarray) -> tuple[int, int]:
        """Rows and columns that the kernel extends to each side of its middle cell; ``steps`` as :meth:`on_cells`."""
        # The circle of the reach is an ellipse in cells: its box follows from the rows of the inverse.
        columns, rows = self.reach * np.sqrt(np.square(np.linalg.inv(steps)).sum(axis=1))
        return math.ceil(rows + 0.5), math.ceil(columns + 0.5)

    def on_cells(self, steps: np.ndarray) -> np.ndarray:
        """The kernel on raster cells, (2 rows + 1, 2 columns + 1) float64 of sum 1.

        steps: (2, 2), how far east (first row) and north (second row), in metres, a step of one column (first column)
        and one row (second column) leads. Each cell takes the mean over its area, so that a small disc is no staircase.
        """
        rows, columns = self.half_size(steps)
        parts = min(_MOST_PARTS, max(1, math.ceil(_FINE / max(rows, columns)))) | 1
        within = (np.arange(parts) + 0.5) / parts - 0.5
        down, across = np.arange(-rows, rows + 1.0)[:, None], np.arange(-columns, columns + 1.0)[None, :]
        total = np.zeros((2 * rows + 1, 2 * columns + 1))
        for below in within:
            for beside in within:
                total += self.at(_distances(steps, across + beside, down + below))
        return total / total.sum()


def _distances(steps: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    east = steps[0, 0] * across + steps[0, 1] * down
    north = steps[1, 0] * across + steps[1, 1] * down
    return np.hypot(east, north)


def ground_steps(crs: str, x: float, y: float, width: float, height: float) -> np.ndarray:
    """How far a step of one column and of one row leads on the ground, as :meth:`Kernel.on_cells` takes it.

    ``x``, ``y``: a place in the CRS; ``width``, ``height``: of a cell, in units of the CRS, rows going south.
    Raises InputError or SiteError as :class:`..geodesy.LocalFrame`.
    """
    frame = LocalFrame(crs, x, y)
    xs = np.array([x - width / 2.0, x + width / 2.0, x, x])
    ys = np.array([y, y, y + height / 2.0, y - height / 2.0])
    east, north = frame.from_crs(xs, ys)
    return np.array([[east[1] - east[0], east[3] - east[2]], [north[1] - north[0], north[3] - north[2]]])
