"""BGA of a land cover map in QGIS: shares against brute force, sources, grids, and what cannot be run."""

from __future__ import annotations

import math
import random
import weakref

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, make_raster
from pyproj import Geod, Transformer
from qgis.core import (
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsPointXY,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from vector_maps import CENTRE, box, make_map

from soundvis_core.bga.uncertainty import unpack_draws
from soundvis_qgis.algorithms.composition import cover_sources
from soundvis_qgis.compat import is_null
from soundvis_qgis.layers.painted_cover import PaintedCover

GEOD = Geod(ellps="WGS84")
#: Longitude and latitude of a place, and a CRS in which a unit is no metre there.
PLACES = {
    "london": (-0.1, 51.5, 3857),
    "tokyo": (139.76, 35.68, 4326),
    "sydney": (151.2, -33.87, 28356),
    # Three units to a metre, and the 180th meridian in the middle of a plane.
    "longyearbyen": (15.6, 78.2, 3857),
    "taveuni": (179.9999, -16.9, 3832),
}


def on_ground(place, rings, crs):
    """Rings of (east, north) in metres about a longitude and latitude, as vertices in a CRS: by geodesics."""
    to_crs = Transformer.from_crs(4326, crs, always_xy=True)
    found = []
    for ring in rings:
        east, north = np.array(ring, dtype=float).T
        turned = np.degrees(np.arctan2(east, north))
        longitude, latitude, _ = GEOD.fwd(
            np.full(east.size, place[0]), np.full(east.size, place[1]), turned, np.hypot(east, north)
        )
        found.append([QgsPointXY(x, y) for x, y in zip(*to_crs.transform(longitude, latitude))])
    return found


def inside(ring, x, y):
    """Which places lie inside a ring: edges crossed to the east, counted."""
    crossed = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1]):
        if y0 != y1:
            crossed ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return crossed


def near(line, x, y, width):
    """Which places lie within half a width of a line."""
    found = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(line, line[1:]):
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0.0, 1.0)
        found |= np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) <= width / 2.0
    return found


def sunflower(radius, count=300_000):
    """Places spread evenly over a disc."""
    number = np.arange(count) + 0.5
    turned, away = number * math.pi * (3.0 - math.sqrt(5.0)), radius * np.sqrt(number / count)
    return away * np.cos(turned), away * np.sin(turned)


def scattered(seed):
    """Polygons and lines that overlap in many ways: rings in metres, tags; and lines."""
    chance = random.Random(seed)

    def ring(reach, size, corners):
        x, y = chance.uniform(-reach, reach), chance.uniform(-reach, reach)
        start = chance.uniform(0, 6)
        return [
            (x + size * away * math.cos(start + at), y + size * away * math.sin(start + at))
            for at, away in ((2 * math.pi * k / corners, chance.uniform(0.6, 1.0)) for k in range(corners))
        ]

    areas = [
        (ring(150, chance.uniform(40, 160), 12), {"landuse": chance.choice(["forest", "grass", "farmland"])})
        for _ in range(12)
    ]
    areas += [(ring(150, chance.uniform(20, 60), 9), {"natural": "water"}) for _ in range(6)]
    areas += [(ring(180, chance.uniform(5, 20), 5), {"building": "yes"}) for _ in range(30)]
    lines = [[(chance.uniform(-220, 220), chance.uniform(-220, 220)) for _ in range(3)] for _ in range(6)]
    return areas, lines


def area_of(ring):
    x, y = np.array(ring).T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2.0


@pytest.mark.parametrize("city", PLACES)
def test_shares_are_those_of_brute_force_in_true_metres(run, make_points, city):
    """300,000 places on the ground, each asked by hand what lies on top there."""
    longitude, latitude, crs = PLACES[city]
    radius, width = 180.0, 8.0
    areas, lines = scattered(len(city))
    place = longitude, latitude
    map_areas = make_map([(QgsGeometry.fromPolygonXY(on_ground(place, [ring + ring[:1]], crs)), tags)
                          for ring, tags in areas], crs=crs)  # fmt: skip
    map_lines = make_map([(QgsGeometry.fromPolylineXY(on_ground(place, [line], crs)[0]), {"highway": "service"})
                          for line in lines], "LineString", crs)  # fmt: skip
    x, y = sunflower(radius)
    top = np.full(x.size, "nothing", dtype=object)
    names = {
        "forest": "forest_vegetation",
        "grass": "grassland",
        "farmland": "cropland",
        "water": "waterbody",
    }
    order = sorted(areas, key=lambda entry: -area_of(entry[0]))
    for ring, tags in order:
        if "building" not in tags:
            top[inside(ring, x, y)] = names[tags.get("landuse") or tags["natural"]]
    for line in lines:
        top[near(line, x, y, width)] = "road_sidewalk"
    for ring, tags in order:
        if "building" in tags:
            top[inside(ring, x, y)] = "building"
    parameters = {
        "INPUT": make_points([place], crs=4326),
        "LANDCOVER": [map_lines.id(), map_areas.id()],
        "RADIUS": radius,
        "WIDTH": width,
    }
    (site,) = run("bgalandcover", parameters).features()
    assert site["lc_bga_status"] == "ok"
    for name in (*names.values(), "road_sidewalk", "building"):
        assert site["lc_" + name] == pytest.approx((top == name).mean(), abs=0.0006), name
    assert site["lc_nodata"] == pytest.approx((top == "nothing").mean(), abs=0.0006)
    assert site["lc_unknown"] == 0.0


def test_golden_values_of_the_paper(run, make_points):
    """50 % building, 30 % road, 20 % forest by area: .28/.06/.80, normalised .2456/.0526/.7018."""
    radius = 100.0
    shares = {"building": 0.5, "road": 0.3, "forest": 0.2}
    # Strips of a circle by area: where a chord cuts off a share of it, by bisection.
    edges, total = [-radius], 0.0
    for share in shares.values():
        total += share
        low, high = -radius, radius
        for _ in range(60):
            middle = (low + high) / 2.0
            part = radius**2 * math.acos(-middle / radius) + middle * math.sqrt(
                max(radius**2 - middle**2, 0.0)
            )
            low, high = (middle, high) if part < total * math.pi * radius**2 else (low, middle)
        edges.append(low)
    # A metre of UTM is 0.9996 m on the middle meridian.
    edges = [edge * 0.9996 for edge in edges]
    edges[-1] = 2.0 * radius
    tags = [{"building": "house"}, {"highway": "pedestrian"}, {"natural": "wood"}]
    layer = make_map(
        [(box(left - 1e-9, -200, right, 200), said) for left, right, said in zip(edges, edges[1:], tags)]
    )
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": layer.id()}
    (site,) = run("bgalandcover", parameters).features()
    raw = [site[f"lc_{name}_raw"] for name in ("bio", "geo", "ant")]
    assert raw == pytest.approx([0.28, 0.06, 0.80], abs=0.0006)
    assert [site[f"lc_{name}"] for name in ("bio", "geo", "ant")] == pytest.approx(
        [0.2456, 0.0526, 0.7018], abs=0.0006
    )
    assert site["lc_dominant"] == "anthrophony"
    assert site["lc_source"] == "paper 100%"


def test_source_tells_paper_and_extension_and_unknown_classes_are_listed(run, make_points):
    # Quadrants: forest, residential, something unheard of, nothing.
    layer = make_map(
        [
            (box(0, 0, 200, 200), {"landuse": "forest"}),
            (box(-200, 0, 0, 200), {"landuse": "residential"}),
            (box(-200, -200, 0, 0), {"landuse": "moonscape"}),
            (box(-200, -200, 200, 200), {}),
        ]
    )
    made = run("bgalandcover", {"INPUT": make_points([CENTRE]), "LANDCOVER": layer.id()})
    (site,) = made.features()
    for name in ("forest_vegetation", "extension_classes", "unknown", "nodata"):
        assert site["lc_" + name] == pytest.approx(0.25, abs=0.0006), name
    assert site["lc_source"] == "paper 50%, extension 50%"
    assert site["lc_unmapped"] == pytest.approx(0.5, abs=0.0006)
    # .25 * (1, .3, 0) + .25 * (.3, .1, 1)
    assert site["lc_bio_raw"] == pytest.approx(0.325, abs=0.0006)
    assert "crosswalk does not know" in site["lc_bga_reason"] and "no data" in site["lc_bga_reason"]
    (warning,) = [text for text in made.feedback.warnings if "does not know" in text]
    assert "landuse=moonscape (0.78" in warning  # a quarter of the circle of 3.14 ha
    assert "1 feature near the sites covers no ground of its own: 1 without a class." in made.feedback.text


def test_a_crosswalk_of_the_users_with_draws(run, make_points, tmp_path):
    own = tmp_path / "own.csv"
    own.write_text(
        "class;biophony;geophony;anthrophony;paper_class\nWald;;;;Forest/Vegetation\nMarkt;0,1;0;0,9;\n"
    )
    layer = make_map(
        [(box(-200, -200, 0, 200), {"art": "WALD"}), (box(0, -200, 200, 200), {"art": "Markt"})],
        fields=("art",),
    )
    parameters = {
        "INPUT": make_points([CENTRE]),
        "LANDCOVER": layer.id(),
        "CROSSWALK_FILE": str(own),
        "CLASS_FIELD": "art",
    }
    (site,) = run("bgalandcover", {**parameters, "WEIGHT_DRAWS": 50}).features()
    assert site["lc_source"] in ("paper 50%, user 50%", "user 50%, paper 50%")
    assert site["lc_ant_raw"] == pytest.approx(0.45, abs=0.0006)
    assert site["lc_bio_lo"] < site["lc_bio"] < site["lc_bio_hi"]
    assert unpack_draws(bytes(site["lc_bga_draws"])).shape == (50, 3)
    own.write_text("class,biophony,geophony,anthrophony\nWald,1,viel,0\n")
    with pytest.raises(
        AlgorithmError, match=r"crosswalk own\.csv has 1 mistake:\nLine 2: .*geophony says 'viel'"
    ):
        run("bgalandcover", parameters)


def test_a_grid_has_its_spacing_on_the_ground(run):
    longitude, latitude, _ = PLACES["london"]
    corner = box(0, 0, 0.02, 0.01, (longitude, latitude))
    layer = make_map([(corner, {"landuse": "meadow"})], crs=4326)
    made = run("bgalandcover", {"SPACING": 100, "LANDCOVER": layer.id(), "RADIUS": 40})
    output = made.layer()
    assert output.crs().authid() == "EPSG:4326"
    points = np.array([feature.geometry().asPoint() for feature in output.getFeatures()])
    # 1388 by 1113 metres.
    assert len(points) == 13 * 11
    # As far from one edge as from the other.
    assert points.mean(axis=0) == pytest.approx([longitude + 0.01, latitude + 0.005], abs=1e-5)
    assert [site["site_id"] for site in made.features()] == list(range(1, len(points) + 1))
    away = GEOD.inv(*(np.repeat(points[:1], len(points) - 1, axis=0).T), *points[1:].T)[2]
    assert away.min() == pytest.approx(100.0, abs=1e-3)
    assert sum(site["lc_grassland"] == 1.0 for site in made.features()) > 0.6 * len(points)
    part = f"{longitude},{longitude + 0.004},{latitude},{latitude + 0.004} [EPSG:4326]"
    fewer = run("bgalandcover", {"SPACING": 100, "LANDCOVER": layer.id(), "RADIUS": 40, "EXTENT": part})
    assert 0 < len(fewer.features()) <= 16
    with pytest.raises(AlgorithmError, match="the most is 500,000"):
        run("bgalandcover", {"SPACING": 1, "LANDCOVER": layer.id()})


def test_a_small_map_has_a_regular_grid(run):
    layer = make_map([(box(0, 0, 400, 400), {"landuse": "meadow"})])
    made = run("bgalandcover", {"SPACING": 100, "LANDCOVER": layer.id(), "RADIUS": 45})
    points = np.array([feature.geometry().asPoint() for feature in made.layer().getFeatures()]) - CENTRE
    # True metres are a 2500th longer than those of UTM there; from the north-west, half a spacing off the edges.
    expected = [(x, y) for y in (350, 250, 150, 50) for x in (50, 150, 250, 350)]
    assert points == pytest.approx(np.array(expected), abs=0.1)
    assert [site["lc_grassland"] for site in made.features()] == [1.0] * 16
    wide = run("bgalandcover", {"SPACING": 1000, "LANDCOVER": layer.id(), "RADIUS": 45}).layer()
    (only,) = wide.getFeatures()
    assert only.geometry().asPoint().x() == pytest.approx(CENTRE[0] + 200, abs=1e-3)


def test_sites_in_several_neighbourhoods_of_the_map(run, make_points):
    """0.1 degrees apart and more, in any order: each is as it is alone."""
    spots = [(x, 5_700_000.0) for x in (500_000.0, 512_345.0, 500_050.0, 590_000.0, 512_400.0)]
    layer = make_map(
        [(box(-70, -300, 40, 300, spot), {"landuse": "forest"}) for spot in spots[:4]]
        + [(box(-1e5, -500, 1e5, 500), {"landuse": "meadow"})]
    )
    parameters = {"LANDCOVER": layer.id(), "PREFIX": ""}
    together = run("bgalandcover", {**parameters, "INPUT": make_points(spots)}).features()
    for spot, site in zip(spots, together):
        (alone,) = run("bgalandcover", {**parameters, "INPUT": make_points([spot])}).features()
        assert site["forest_vegetation"] == pytest.approx(alone["forest_vegetation"], abs=1e-4)
        assert site["forest_vegetation"] + site["grassland"] == pytest.approx(1.0, abs=1e-9)


def test_what_lies_in_a_neighbourhood_is_kept_no_longer_than_its_last_site(run, make_points, monkeypatch):
    """A map of a country is not held whole."""
    alive, held = weakref.WeakSet(), []

    class Counted(PaintedCover):
        def __init__(self, shapes):
            super().__init__(shapes)
            alive.add(self)
            held.append(len(alive))

    monkeypatch.setattr(cover_sources, "PaintedCover", Counted)
    layer = make_map([(box(-1e5, -500, 1e5, 500), {"landuse": "meadow"})])
    spots = [(500_000.0 + 20_000.0 * field, 5_700_000.0 + step) for field in range(4) for step in (0, 50)]
    sites = run("bgalandcover", {"LANDCOVER": layer.id(), "INPUT": make_points(spots)}).features()
    assert all(site["lc_grassland"] == pytest.approx(1.0, abs=1e-9) for site in sites)
    assert held == [1, 1, 1, 1]


def test_places_without_a_map_have_no_composition(run, make_points):
    layer = make_map([(box(-200, -200, 200, 200), {"natural": "peak"})])
    points = make_points([CENTRE, (CENTRE[0] + 5000, CENTRE[1]), None, "empty"])
    sites = run("bgalandcover", {"INPUT": points, "LANDCOVER": layer.id()}).features()
    assert [site["lc_bga_status"] for site in sites] == ["skipped"] * 4
    assert sites[0]["lc_bga_reason"] == "no class in the circle has weights"
    assert sites[0]["lc_unmapped"] == 1.0 and sites[0]["lc_nodata"] == 0.0
    assert sites[1]["lc_bga_reason"] == "the map shows nothing within the circle"
    assert all(is_null(site["lc_bio"]) and is_null(site["lc_source"]) for site in sites)


def test_what_cannot_be_run_is_said_before(run, make_points, tmp_path):
    layer = make_map([(box(-9, -9, 9, 9), {"landuse": "forest"})])
    sites = make_points([CENTRE])
    plain = make_map([(box(-9, -9, 9, 9), {"kind": "forest"})], fields=("kind",), name="plain")
    nowhere = make_map([(box(-9, -9, 9, 9), {"landuse": "forest"})], crs="", name="nowhere")
    # As a GeoPackage keeps a layer without a CRS: for QGIS 3.22 it has one, for 3.44 none.
    path = str(tmp_path / "undefined.gpkg")
    options = QgsVectorFileWriter.SaveVectorOptions()
    QgsVectorFileWriter.writeAsVectorFormatV3(nowhere, path, QgsCoordinateTransformContext(), options)
    undefined = QgsVectorLayer(path, "undefined", "ogr")
    assert undefined.featureCount() == 1
    raster = make_raster(tmp_path / "codes.tif", np.ones((9, 9), dtype=np.uint8), CENTRE)
    decimals = make_raster(tmp_path / "whole.tif", np.ones((9, 9), dtype=np.float32), CENTRE)
    heights = make_raster(tmp_path / "heights.tif", np.full((9, 9), 0.5, dtype=np.float32), CENTRE)
    for parameters, said in (
        ({"LANDCOVER": layer.id()}, "Give a point layer of sites, or the spacing"),
        ({"INPUT": sites, "SPACING": 50, "LANDCOVER": layer.id()}, "Both sites and the spacing"),
        ({"INPUT": sites, "LANDCOVER": sites.id()}, "'sites' has neither polygons nor lines"),
        ({"INPUT": sites, "LANDCOVER": plain.id()}, "'plain' has none of the fields building, highway"),
        ({"INPUT": sites, "LANDCOVER": layer.id(), "CLASS_FIELD": "art"}, "no field 'art'.*landuse"),
        ({"INPUT": sites, "LANDCOVER": nowhere.id()}, "'nowhere' has no coordinate reference system"),
        ({"INPUT": sites, "LANDCOVER": path}, "'undefined' has no coordinate reference system"),
        ({"INPUT": sites, "LANDCOVER": [layer.id(), raster]}, "give it alone"),
        ({"INPUT": sites, "LANDCOVER": decimals}, "'whole' holds whole numbers that are stored as decimals.*Translate"),
        ({"INPUT": sites, "LANDCOVER": heights}, "'heights' is not a class raster.*does not hold whole numbers"),
    ):  # fmt: skip
        with pytest.raises(AlgorithmError, match=said):
            run("bgalandcover", parameters)


def test_cancelling_leaves_no_file(run, make_points, tmp_path):
    layer = make_map([(box(-500, -500, 500, 500), {"landuse": "forest"})])
    points = make_points([(CENTRE[0] + step, CENTRE[1]) for step in range(40)])
    path = tmp_path / "out.gpkg"
    parameters = {"INPUT": points, "LANDCOVER": layer.id(), "OUTPUT": str(path)}
    feedback = Feedback(cancel_at=30)
    run("bgalandcover", parameters, feedback)
    assert feedback.isCanceled()
    assert not path.exists()
