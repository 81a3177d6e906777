"""The sample town as one value: built from a seed, with its sites, land cover and aerial picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from .layout import lay_out
from .paint import Painter
from .plan import SIZE, Plan
from .raster import PIXELS, RESOLUTION, Rasters, rasterise
from .sites import choose_sites

#: Lower-left corner of the town in its coordinate reference system.
CRS = "EPSG:32631"
LOWER_LEFT = (500000.0, 5760000.0)


@dataclass(frozen=True)
class Site:
    """A place where a person stands: ``x``, ``y`` in the town's CRS, and what surrounds it in a word or two."""

    id: str
    district: str
    x: float
    y: float
    surroundings: str


@dataclass(frozen=True)
class Scene:
    """What the town is drawn and heard from; ``views`` remembers class shares of street views by site."""

    plan: Plan
    rasters: Rasters
    painter: Painter
    views: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Town:
    """The sample town of a seed; :func:`build_town` makes it.

    ``origin`` is the upper-left corner of the map (x, y in ``crs``), ``size`` its side and ``resolution`` its
    pixels, both in metres. Rows count from the north.
    """

    seed: int
    sites: tuple[Site, ...]
    scene: Scene = field(repr=False, compare=False)
    crs: str = CRS
    origin: tuple[float, float] = (LOWER_LEFT[0], LOWER_LEFT[1] + SIZE)
    size: float = SIZE
    resolution: float = RESOLUTION

    @property
    def width(self) -> int:
        """Columns of the map."""
        return PIXELS

    @property
    def height(self) -> int:
        """Rows of the map."""
        return PIXELS

    @property
    def landcover(self) -> np.ndarray:
        """Land cover as seen from above: uint8 (height, width), codes of the class list ``paper-aerial``."""
        return self.scene.rasters.landcover

    def paint(self, row: int, rows: int) -> np.ndarray:
        """The aerial picture of ``rows`` rows from ``row`` on: uint8 (rows, width, 3), red, green, blue.

        The same pixels come out however the rows are cut into blocks. Raises :class:`InputError` where the
        rows lie outside the map.
        """
        if row < 0 or rows < 1 or row + rows > self.height:
            raise InputError(
                f"The town has rows 0 to {self.height - 1}; rows {row} to {row + rows - 1} were asked for."
            )
        return self.scene.painter.paint(row, rows)

    def local(self, site: Site) -> tuple[float, float]:
        """A site's place in metres from the lower-left corner of the map."""
        return site.x - self.origin[0], site.y - (self.origin[1] - self.size)


def build_town(seed: int = 1) -> Town:
    """Build the sample town of a seed (any whole number from 0 on); takes a few seconds.

    The same seed gives the same town. Raises :class:`InputError` for a negative seed.
    """
    if seed < 0:
        raise InputError(f"The seed of the sample town must be 0 or more, not {seed}.")
    plan = lay_out(seed)
    rasters = rasterise(plan, seed)
    found = choose_sites(plan, rasters, np.random.default_rng([seed, 5]))
    sites = tuple(
        Site(f"T{number:02d}", district, round(LOWER_LEFT[0] + x, 2), round(LOWER_LEFT[1] + y, 2), kind)
        for number, (kind, district, x, y) in enumerate(found, start=1)
    )
    return Town(seed, sites, Scene(plan, rasters, Painter(rasters, seed)))
