"""Metres on the ground: a local frame per site, so that a radius means the same at every latitude.

A unit of EPSG:3857 is 0.62 m on the ground in London and 0.81 m in Tokyo; a degree is no length at all.
Every radius and footprint is therefore laid out in an azimuthal equidistant projection about the site,
on the ellipsoid of the raster's own datum, so that no datum shift enters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import SKIPPED, InputError, SiteError

if TYPE_CHECKING:
    from pyproj import Proj, Transformer


#: Knots along a side of the lattice that squares are projected on.
_KNOTS = 17


@dataclass(frozen=True)
class _Datum:
    """A CRS, the way to its own longitude and latitude, and its ellipsoid (semi-major axis, inverse flattening)."""

    to_lonlat: Transformer
    semi_major: float
    inverse_flattening: float


@lru_cache(maxsize=32)
def _datum(crs: str) -> _Datum:
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError, ProjError

    try:
        parsed = CRS.from_user_input(crs)
        geodetic = parsed.geodetic_crs
        if geodetic is None or geodetic.ellipsoid is None or parsed.is_geocentric:
            raise InputError(
                "The coordinate reference system of the raster is not tied to the earth, so metres on the ground "
                "are unknown. Set the right one (Layer > Set CRS) and run again."
            )
        # Only x and y are ever transformed, so a CRS with heights needs no other treatment.
        transformer = Transformer.from_crs(parsed, geodetic, always_xy=True)
    except (CRSError, ProjError) as error:
        raise InputError(f"The coordinate reference system of the raster cannot be used: {error}") from error
    ellipsoid = geodetic.ellipsoid
    return _Datum(transformer, ellipsoid.semi_major_metre, ellipsoid.inverse_flattening)


@dataclass(frozen=True)
class Square:
    """A north-up square on the ground: its side in metres, and a lattice of its places as x and y in a CRS.

    Only the lattice is projected, from edge to edge, and pixels are interpolated between its knots: over 12 m, at the
    default footprint, the earth's curvature moves a pixel by less than 0.01 mm.
    """

    side: float
    x: np.ndarray
    y: np.ndarray

    def centres(self, pixels: int) -> tuple[np.ndarray, np.ndarray]:
        """Pixel centres as x and y in the CRS, shape (pixels, pixels) each, row 0 in the north."""
        knots = np.linspace(-self.side / 2.0, self.side / 2.0, _KNOTS)
        left, part = _position(_offsets(self.side, pixels), knots)
        return _between(self.x, left, part), _between(self.y, left, part)


class LocalFrame:
    """East and north in true metres about one place of a CRS (azimuthal equidistant, Snyder 1987, ch. 25)."""

    def __init__(self, crs: str, x: float, y: float) -> None:
        """``crs`` is WKT or an authority code; ``x``, ``y`` the place in its units.

        Raises InputError for a CRS that has no place on earth, SiteError (skipped) for a place outside it.
        """
        self._datum = _datum(crs)
        longitude, latitude = self._datum.to_lonlat.transform(x, y)
        if not (np.isfinite(longitude) and np.isfinite(latitude) and abs(latitude) <= 90.0):
            raise SiteError(
                "the place lies outside the area of the raster's coordinate reference system", SKIPPED
            )
        self._plane = _plane(self._datum, float(longitude), float(latitude))

    def to_crs(self, east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places ``east`` and ``north`` metres from the centre, as x and y in the CRS (same shapes)."""
        longitude, latitude = self._plane(east, north, inverse=True)
        x, y = self._datum.to_lonlat.transform(longitude, latitude, direction="INVERSE")
        return np.asarray(x), np.asarray(y)

    def square(self, side: float) -> Square:
        """A north-up square of ``side`` metres about the centre.

        Raises SiteError (skipped) where the square crosses the edge of the CRS, such as 180 degrees.
        """
        knots = np.linspace(-side / 2.0, side / 2.0, _KNOTS)
        east, north = np.meshgrid(knots, -knots)
        x, y = self.to_crs(east, north)
        if _torn(x, y):
            raise SiteError(
                "the area around the site crosses the edge of the raster's coordinate reference system (180 degrees "
                "or a pole); use a raster in a local one",
                SKIPPED,
            )
        return Square(side, x, y)

    def square_to_crs(self, side: float, pixels: int) -> tuple[np.ndarray, np.ndarray]:
        """Pixel centres of a north-up square, as :meth:`Square.centres` of :meth:`square`; raises what that raises."""
        return self.square(side).centres(pixels)

    def pixel_size(self, x: float, y: float, width: float, height: float) -> float:
        """The side in true metres of a square as large as a pixel of ``width`` x ``height`` CRS units at (x, y)."""
        xs = np.array([x - width / 2, x + width / 2, x, x])
        ys = np.array([y, y, y - height / 2, y + height / 2])
        east, north = self.from_crs(xs, ys)
        across = np.hypot(east[1] - east[0], north[1] - north[0])
        along = np.hypot(east[3] - east[2], north[3] - north[2])
        return float(np.sqrt(across * along))

    def from_crs(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """East and north in metres of places of the CRS (same shapes)."""
        longitude, latitude = self._datum.to_lonlat.transform(x, y)
        east, north = self._plane(longitude, latitude)
        return np.asarray(east), np.asarray(north)


def _torn(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether a lattice of places has a step much longer than the others along its rows or columns, or none."""
    for axis in (0, 1):
        steps = np.hypot(np.diff(x, axis=axis), np.diff(y, axis=axis))
        if not np.isfinite(steps).all() or steps.max() > 4.0 * np.median(steps):
            return True
    return False


def _position(places: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The knot before each place, and how far (0 to 1) the place is from it to the next; knots evenly spaced."""
    position = (places - knots[0]) / (knots[1] - knots[0])
    left = np.clip(position.astype(np.intp), 0, knots.size - 2)
    return left, position - left


def _between(values: np.ndarray, left: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Bilinear interpolation (places, places) of a square lattice of ``values``, the same places along both axes.

    Not a product of matrices: BLAS would wake its threads for every site, which takes longer than the work.
    """
    rows = values[left] * (1.0 - part)[:, None] + values[left + 1] * part[:, None]
    return rows[:, left] * (1.0 - part) + rows[:, left + 1] * part


def _plane(datum: _Datum, longitude: float, latitude: float) -> Proj:
    from pyproj import Proj

    # A sphere has no inverse flattening (0 in PROJ's terms), which "rf" does not take.
    shape: dict[str, Any] = (
        {"rf": datum.inverse_flattening} if datum.inverse_flattening else {"b": datum.semi_major}
    )
    return Proj(proj="aeqd", lon_0=longitude, lat_0=latitude, a=datum.semi_major, **shape)


def square_centres(side: float, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres of a north-up square about the origin.

    ``side`` in metres; returns east and north, shape (pixels, pixels) each, row 0 in the north.
    """
    offsets = _offsets(side, pixels)
    east, north = np.meshgrid(offsets, -offsets)
    return east, north


def disc_mask(across: int) -> np.ndarray:
    """Which pixel centres of a square of ``across`` pixels a side lie in its inscribed disc; bool (across, across)."""
    east, north = square_centres(2.0, across)
    return east**2 + north**2 <= 1.0


def _offsets(side: float, pixels: int) -> np.ndarray:
    return (np.arange(pixels) + 0.5) / pixels * side - side / 2.0


def ground_pixel_size(crs: str, x: float, y: float, width: float, height: float) -> float:
    """The side in true metres of a square as large as a pixel of ``width`` x ``height`` CRS units at (x, y)."""
    return LocalFrame(crs, x, y).pixel_size(x, y, width, height)
