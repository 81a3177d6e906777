"""True metres: local frames against geodesics, at every latitude and in every kind of CRS."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import CRS, Geod, Transformer

from soundvis_core.errors import SKIPPED, InputError, SiteError
from soundvis_core.geodesy import LocalFrame, disc_mask, ground_pixel_size, square_centres

WGS84 = {"a": 6378137.0, "rf": 298.257223563}
#: CRS, the ellipsoid of its definition, and a longitude and a latitude of its datum.
PLACES = [
    ("EPSG:3857", WGS84, -0.1, 51.5),  # London: a unit is 0.62 m
    ("EPSG:3857", WGS84, 139.7, 35.7),
    ("EPSG:3857", WGS84, 25.5, 71.1),
    ("EPSG:4326", WGS84, -74.0, 40.7),
    ("EPSG:4326", WGS84, 106.8, -6.2),
    ("EPSG:4326", WGS84, 15.6, 78.2),  # Longyearbyen
    ("EPSG:28992", {"a": 6377397.155, "rf": 299.1528128}, 4.9, 52.37),  # Bessel 1841
    ("EPSG:32756", WGS84, 151.2, -33.87),
    ("EPSG:32631", WGS84, 3.0, 0.0),
    ("EPSG:27700", {"a": 6377563.396, "rf": 299.3249646}, -3.19, 55.95),  # Airy 1830
    ("EPSG:2263", {"a": 6378137.0, "rf": 298.257222101}, -73.97, 40.78),  # US survey feet
    ("+proj=longlat +R=6371000 +no_defs", {"a": 6371000.0, "b": 6371000.0}, 10.0, 50.0),
]
IDS = [f"{crs.split()[0]} {latitude}" for crs, _, _, latitude in PLACES]


def to_lonlat(crs: str) -> Transformer:
    parsed = CRS.from_user_input(crs)
    return Transformer.from_crs(parsed, parsed.geodetic_crs, always_xy=True)


@pytest.fixture(params=PLACES, ids=IDS)
def place(request):
    """Frame, the transformer to longitude and latitude, the ellipsoid, longitude, latitude."""
    crs, ellipsoid, longitude, latitude = request.param
    lonlat = to_lonlat(crs)
    x, y = lonlat.transform(longitude, latitude, direction="INVERSE")
    return LocalFrame(crs, x, y), lonlat, Geod(**ellipsoid), longitude, latitude


@pytest.mark.parametrize("distance", [1.0, 100.0, 5_000.0, 50_000.0])
@pytest.mark.parametrize("azimuth", [0.0, 37.0, 90.0, 180.0, 281.5])
def test_a_place_so_many_metres_away_is_where_the_geodesic_ends(place, azimuth, distance):
    frame, lonlat, geod, longitude, latitude = place
    east = np.array([distance * math.sin(math.radians(azimuth))])
    north = np.array([distance * math.cos(math.radians(azimuth))])
    x, y = frame.to_crs(east, north)
    found = lonlat.transform(x[0], y[0])
    wanted = geod.fwd(longitude, latitude, azimuth, distance)[:2]
    _, _, miss = geod.inv(*found, *wanted)
    assert miss <= 1e-6 * distance + 1e-7  # a tenth of a micrometre is rounding of the coordinates


def test_metres_to_a_place_are_the_geodesic_to_it(place):
    frame, lonlat, geod, longitude, latitude = place
    target = longitude + 0.004, latitude - 0.003
    azimuth, _, distance = geod.inv(longitude, latitude, *target)
    x, y = lonlat.transform(*target, direction="INVERSE")
    east, north = frame.from_crs(np.array([x]), np.array([y]))
    assert math.hypot(east[0], north[0]) == pytest.approx(distance, rel=1e-6)
    assert math.degrees(math.atan2(east[0], north[0])) % 360 == pytest.approx(azimuth % 360, abs=1e-4)


def test_there_and_back(place):
    frame = place[0]
    east, north = square_centres(400.0, 5)
    back_east, back_north = frame.from_crs(*frame.to_crs(east, north))
    np.testing.assert_allclose(back_east, east, atol=1e-5)
    np.testing.assert_allclose(back_north, north, atol=1e-5)


@pytest.mark.parametrize(("side", "pixels", "largest"), [(200.0, 64, 1e-3), (20_000.0, 64, 0.2)])
def test_the_lattice_of_a_square_interpolates_closely(place, side, pixels, largest):
    """Less than 1 mm at 200 m, less than 1e-5 of the side at 20 km."""
    frame, lonlat, geod, longitude, latitude = place
    x, y = frame.square_to_crs(side, pixels)
    found = lonlat.transform(x.ravel(), y.ravel())
    east, north = square_centres(side, pixels)
    azimuths = np.degrees(np.arctan2(east, north)).ravel()
    start = np.full(azimuths.size, longitude), np.full(azimuths.size, latitude)
    wanted = geod.fwd(*start, azimuths, np.hypot(east, north).ravel())[:2]
    _, _, miss = geod.inv(*found, *wanted)
    assert np.abs(miss).max() < largest


def test_row_0_of_a_square_is_north_and_column_0_west():
    frame = LocalFrame("EPSG:32631", 500000.0, 5760000.0)
    x, y = frame.square_to_crs(100.0, 10)
    assert x.shape == y.shape == (10, 10)
    # On the central meridian UTM shrinks by 0.9996: the first pixel centre is 45 m from the middle.
    np.testing.assert_allclose([x[0, 0], y[0, 0]], [500000 - 45 * 0.9996, 5760000 + 45 * 0.9996], atol=1e-3)
    np.testing.assert_allclose(
        [x[-1, -1], y[-1, -1]], [500000 + 45 * 0.9996, 5760000 - 45 * 0.9996], atol=1e-3
    )


def radii(latitude: float) -> tuple[float, float]:
    """Radii of curvature of WGS84 along the meridian and across it (Snyder 1987, 4-18 and 4-20)."""
    flattening = 1 / 298.257223563
    e2 = flattening * (2 - flattening)
    w = 1 - e2 * math.sin(math.radians(latitude)) ** 2
    return 6378137.0 * (1 - e2) / w**1.5, 6378137.0 / math.sqrt(w)


@pytest.mark.parametrize("latitude", [-45.0, 0.0, 51.5, 70.0])
def test_pixel_of_web_mercator_and_of_degrees_by_the_textbook(latitude):
    along, across = radii(latitude)
    cosine = math.cos(math.radians(latitude))
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(11.0, latitude)
    # Mercator of the sphere of radius a: a step of 1 is 1 / (a cos) in radians of longitude, cos / a of latitude.
    mercator = math.sqrt(across * cosine / 6378137.0 * along * cosine / 6378137.0)
    assert ground_pixel_size("EPSG:3857", x, y, 1.0, 1.0) == pytest.approx(mercator, rel=1e-6)
    degree = math.radians(1e-4)
    geographic = math.sqrt(across * cosine * degree * along * degree)
    assert ground_pixel_size("EPSG:4326", 11.0, latitude, 1e-4, 1e-4) == pytest.approx(geographic, rel=1e-6)


def test_pixel_where_the_scale_of_the_projection_is_known():
    assert ground_pixel_size("EPSG:32631", 500000, 5760000, 0.5, 0.5) == pytest.approx(0.5 / 0.9996, rel=1e-6)
    # RD New: 0.9999079 at Amersfoort, its origin.
    assert ground_pixel_size("EPSG:28992", 155000, 463000, 1, 1) == pytest.approx(1 / 0.9999079, rel=1e-6)
    # A pixel twice as wide as high is as large as a square of their geometric mean.
    assert ground_pixel_size("EPSG:32631", 500000, 5760000, 2, 1) == pytest.approx(
        math.sqrt(2) / 0.9996, rel=1e-6
    )


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:4978",  # earth-centred
        'LOCAL_CS["site plan",UNIT["metre",1]]',
        "EPSG:999999",
        "no such system",
        "",
    ],
)
def test_a_crs_without_a_place_on_earth_is_an_error_of_the_run(crs):
    with pytest.raises(InputError, match="coordinate reference system"):
        LocalFrame(crs, 0.0, 0.0)


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [
        ("EPSG:32631", 1e12, 1e12),
        ("EPSG:4326", 0.0, 95.0),
        ("EPSG:3857", math.inf, 0.0),
        ("EPSG:28992", math.nan, math.nan),
    ],
)
def test_a_place_outside_the_crs_skips_the_site(crs, x, y):
    with pytest.raises(SiteError, match="outside the area") as caught:
        LocalFrame(crs, x, y)
    assert caught.value.status == SKIPPED


@pytest.mark.parametrize(
    ("flat", "high", "x", "y"),
    [
        ("EPSG:4326", "EPSG:4979", 7.0, 47.0),
        ("EPSG:28992", "EPSG:7415", 121000.0, 487000.0),  # RD New + NAP: the Dutch elevation model
        ("EPSG:3857", "EPSG:3857+5773", 779236.0, 5942074.0),
    ],
)
def test_a_crs_with_heights_is_taken_flat(flat, high, x, y):
    east, north = square_centres(100.0, 3)
    wanted = LocalFrame(flat, x, y).to_crs(east, north)
    np.testing.assert_allclose(LocalFrame(high, x, y).to_crs(east, north), wanted, rtol=1e-12)


def test_wkt_and_code_mean_the_same():
    wkt = CRS.from_epsg(28992).to_wkt()
    east, north = square_centres(100.0, 3)
    by_code = LocalFrame("EPSG:28992", 155000, 463000).to_crs(east, north)
    np.testing.assert_allclose(LocalFrame(wkt, 155000, 463000).to_crs(east, north), by_code, atol=1e-6)


def test_square_centres_by_hand():
    east, north = square_centres(4.0, 2)
    assert east.tolist() == [[-1.0, 1.0], [-1.0, 1.0]]
    assert north.tolist() == [[1.0, 1.0], [-1.0, -1.0]]


def test_the_disc_of_a_square():
    # Of 2 x 2 pixel centres at (+-0.5, +-0.5) all lie within 1; of 4 x 4 the corners at (+-0.75, +-0.75) do not.
    assert disc_mask(2).all()
    assert disc_mask(4).sum() == 12
    assert disc_mask(256).mean() == pytest.approx(math.pi / 4, abs=1e-3)


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [("EPSG:4326", 179.9999, -17.0), ("EPSG:3857", 20037500.0, -1920000.0), ("EPSG:4326", 0.0, 89.9999)],
    ids=["Fiji in degrees", "Fiji in metres", "the pole"],
)
def test_a_square_across_the_edge_of_the_crs_is_skipped(crs, x, y):
    with pytest.raises(SiteError, match="crosses the edge") as error:
        LocalFrame(crs, x, y).square_to_crs(200.0, 64)
    assert error.value.status == "skipped"


@pytest.mark.parametrize("latitude", [0.0, 60.0, 80.0, 89.0])
def test_a_square_near_the_edge_is_whole(latitude):
    x, y = LocalFrame("EPSG:4326", 179.0, latitude).square_to_crs(20.0 if latitude > 85 else 2000.0, 64)
    assert np.isfinite(x).all() and np.isfinite(y).all()
