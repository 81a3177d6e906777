"""Rasters whose values are true ground distances from a site, worked out with geodesics on the raster's own datum."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from helpers import make_raster
from pyproj import CRS, Transformer

#: Grey levels per metre in the ramps: 150 m either way fit into a byte.
LEVELS_PER_METRE = 0.8
MIDDLE = 128.0


@dataclass(frozen=True)
class Ground:
    """The pixels of a raster about a site. ``east`` and ``north`` (h, w): true metres of each from the site."""

    epsg: int
    site: tuple[float, float]
    longitude: float
    latitude: float
    origin: tuple[float, float]
    pixel: tuple[float, float]
    east: np.ndarray
    north: np.ndarray

    def write(self, path: Path, array: np.ndarray) -> str:
        """Write ``array`` on these pixels."""
        return make_raster(path, array, self.origin, self.pixel, self.epsg)

    def ramps(self, path: Path) -> str:
        """Red rises to the east, green to the north, blue is even."""
        bands = [MIDDLE + LEVELS_PER_METRE * self.east, MIDDLE + LEVELS_PER_METRE * self.north]
        pixels = np.stack([*bands, np.full(self.east.shape, MIDDLE)])
        # Dithered, so that rounding to whole levels leaves no steps of 1.25 m in the mean.
        pixels += np.random.default_rng(0).uniform(-0.5, 0.5, pixels.shape)
        return self.write(path, np.clip(np.rint(pixels), 0, 255).astype(np.uint8))

    def square(self, path: Path, side: float) -> str:
        """A white, north-up square of ``side`` true metres about the site, on black, with soft edges."""
        step = float(np.abs(np.diff(self.east, axis=1)).mean())
        cover = np.ones(self.east.shape)
        for distance in (self.east, self.north):
            cover *= np.clip((side / 2 - np.abs(distance)) / step + 0.5, 0.0, 1.0)
        return self.write(path, np.repeat(np.rint(255 * cover).astype(np.uint8)[None], 3, axis=0))


def ground_about(
    epsg: int, longitude: float, latitude: float, reach: float = 160.0, count: int = 380
) -> Ground:
    """``count`` x ``count`` pixels that reach ``reach`` metres in every direction from a place of the CRS's datum.

    The distances are geodesics (Karney 2013, by pyproj's Geod), independent of any projection.
    """
    crs = CRS.from_epsg(epsg)
    geod = crs.get_geod()
    to_crs = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    azimuths = np.arange(0.0, 360.0, 15.0)
    lon, lat, _ = geod.fwd(*(np.full(azimuths.shape, value) for value in (longitude, latitude)), azimuths,
                           np.full(azimuths.shape, reach))  # fmt: skip
    xs, ys = to_crs.transform(lon, lat)
    # The site lies at no special place of a pixel.
    left, top = xs.min(), ys.max()
    pixel = ((xs.max() - left) / (count - 0.37), (top - ys.min()) / (count - 0.61))
    x = left + (np.arange(count) + 0.5) * pixel[0]
    y = top - (np.arange(count) + 0.5) * pixel[1]
    lon, lat = to_crs.transform(*np.meshgrid(x, y), direction="INVERSE")
    azimuth, _, distance = geod.inv(np.full(lon.shape, longitude), np.full(lat.shape, latitude), lon, lat)
    return Ground(
        epsg,
        to_crs.transform(longitude, latitude),
        longitude,
        latitude,
        (left, top),
        pixel,
        distance * np.sin(np.radians(azimuth)),
        distance * np.cos(np.radians(azimuth)),
    )
