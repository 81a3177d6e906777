"""Land cover maps as people have them: tags, codes, lines with widths, odd geometries, whole worlds, rasters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import AlgorithmError, make_raster
from qgis.core import QgsGeometry
from vector_maps import CENTRE, box, make_map


def strip(middle, width):
    """The share of a circle of 100 m that a straight line covers."""
    at = [(middle + side * width / 2) / 100 for side in (-1, 1)]
    low, high = (math.asin(edge) + edge * math.sqrt(1 - edge**2) for edge in at)
    return (high - low) / math.pi


def test_tags_in_other_tags_and_tunnels(run, make_points):
    fields = ("other_tags",)
    areas = make_map(
        [(box(-200, -200, 200, 200), {"other_tags": '"natural"=>"wetland","name"=>"A \\"b\\""'})],
        fields=fields,
    )
    lines = make_map(
        [
            (f"LINESTRING({CENTRE[0] - 200} {CENTRE[1]}, {CENTRE[0] + 200} {CENTRE[1]})",
             {"other_tags": '"highway"=>"primary","tunnel"=>"yes"'}),
            (f"LINESTRING({CENTRE[0]} {CENTRE[1] - 200}, {CENTRE[0]} {CENTRE[1] + 200})",
             {"other_tags": '"natural"=>"coastline"'}),
        ],
        "LineString", fields=fields,
    )  # fmt: skip
    (site,) = run(
        "bgalandcover", {"INPUT": make_points([CENTRE]), "LANDCOVER": [areas.id(), lines.id()]}
    ).features()
    assert site["lc_wetlands"] == 1.0
    assert site["lc_road_sidewalk"] == 0.0


def test_geofabrik_files_are_read_by_their_class_field(run, make_points):
    areas = make_map([(box(-200, -200, 200, 200), {"fclass": "residential"})], fields=("fclass",))
    lines = make_map(
        [
            (
                f"LINESTRING({CENTRE[0] - 200} {CENTRE[1]}, {CENTRE[0] + 200} {CENTRE[1]})",
                {"fclass": "residential"},
            )
        ],
        "LineString",
        fields=("fclass",),
    )
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": [areas.id(), lines.id()], "WIDTH": 20.0}
    (site,) = run("bgalandcover", parameters).features()
    assert site["lc_road_sidewalk"] == pytest.approx(strip(0, 20), abs=0.0006)
    assert site["lc_extension_classes"] == pytest.approx(1.0 - strip(0, 20), abs=0.0006)


def test_lines_have_widths_of_their_own(run, make_points):
    x, y = CENTRE
    lines = make_map(
        [
            (f"LINESTRING({x - 200} {y + 40}, {x + 200} {y + 40})", {"highway": "primary", "width": "12 m"}),
            (f"LINESTRING({x - 200} {y - 40}, {x + 200} {y - 40})", {"highway": "track", "width": "narrow"}),
            (f"LINESTRING({x - 200} {y}, {x + 200} {y})", {"waterway": "river", "width": None}),
        ],
        "LineString",
        fields=("highway", "waterway", "width"),
    )
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": lines.id(), "WIDTH": 8, "WIDTH_FIELD": "width"}
    made = run("bgalandcover", parameters)
    (site,) = made.features()
    assert site["lc_road_sidewalk"] == pytest.approx(strip(40, 12), abs=0.0006)
    assert site["lc_extension_classes"] == pytest.approx(strip(40, 8), abs=0.0006)
    assert site["lc_waterbody"] == pytest.approx(strip(0, 8), abs=0.0006)
    assert any("1 line has no usable width in 'width'" in text for text in made.feedback.warnings)
    with pytest.raises(AlgorithmError, match="No line layer has a field 'breadth'"):
        run("bgalandcover", {**parameters, "WIDTH_FIELD": "breadth"})


def test_widths_among_other_tags(run, make_points):
    """GDAL keeps the width of OpenStreetMap's lines there, as it does their rarer classes."""
    x, y = CENTRE
    said = {
        60: '"width"=>"7.5 m","lanes"=>"2"',
        20: '"lanes"=>"2","width"=>"12\'6\\""',
        -20: '"width"=>"7,5"',
        -40: '"width"=>"4-5"',
        -60: None,
    }
    lines = make_map(
        [
            (
                f"LINESTRING({x - 200} {y + north}, {x + 200} {y + north})",
                {"highway": "primary", "other_tags": tags},
            )
            for north, tags in said.items()
        ],
        "LineString",
        fields=("highway", "other_tags"),
    )
    parameters = {
        "INPUT": make_points([CENTRE]),
        "LANDCOVER": lines.id(),
        "WIDTH": 3.0,
        "WIDTH_FIELD": "Width",
    }
    made = run("bgalandcover", parameters)
    (site,) = made.features()
    widths = dict(zip(said, (7.5, 3.81, 7.5, 3.0, 3.0)))
    expected = sum(strip(north, width) for north, width in widths.items())
    assert site["lc_road_sidewalk"] == pytest.approx(expected, abs=0.001)
    (warning,) = [text for text in made.feedback.warnings if "usable width" in text]
    assert warning.startswith("1 line has no usable width in 'Width' (such as '4-5';")
    made = run("bgalandcover", {**parameters, "WIDTH_FIELD": "breadth"})
    assert any(
        "No line near the sites has a width in 'breadth'; 3 m was taken" in w for w in made.feedback.warnings
    )


def test_odd_geometries_count_and_the_invalid_are_repaired_with_a_remark(run, make_points):
    x, y = CENTRE

    def ring(*corners, height=""):
        return "(" + ", ".join(f"{x + east} {y + north}{height}" for east, north in corners) + ")"

    def kite(side):
        return ring((-50, side * 50), (50, side * 50), (0, side * 80), (-50, side * 50), height=" 5")

    bow_tie = f"POLYGON({ring((-200, -200), (200, 200), (200, -200), (-200, 200), (-200, -200))})"
    parts = f"MULTIPOLYGON Z (({kite(1)}), ({kite(-1)}))"
    disc = f"CURVEPOLYGON(CIRCULARSTRING{ring((-20, 0), (0, 20), (20, 0), (0, -20), (-20, 0))})"
    layer = make_map(
        [
            (bow_tie, {"landuse": "grass"}),
            (parts, {"natural": "water"}),
            (disc, {"building": "yes"}),
            (QgsGeometry(), {"building": "yes"}),
            ("POLYGON EMPTY", {"building": "yes"}),
        ],
        kind="MultiSurfaceZ",
    )
    made = run("bgalandcover", {"INPUT": make_points([CENTRE]), "LANDCOVER": layer.id()})
    (site,) = made.features()
    ground = math.pi * 100**2 * 0.9996**2
    assert site["lc_building"] == pytest.approx(math.pi * 20**2 / ground, abs=0.0006)
    assert site["lc_waterbody"] == pytest.approx(2 * 0.5 * 100 * 30 / ground, abs=0.0006)
    # West and east quarters of the circle, less half of the disc that lies in them.
    assert site["lc_grassland"] == pytest.approx(0.5 - 0.5 * math.pi * 20**2 / ground, abs=0.002)
    (warning,) = [text for text in made.feedback.warnings if "repaired" in text]
    assert warning.startswith("1 invalid polygon was repaired") and "'map'" in warning


def test_the_order_of_layers_decides_where_that_is_asked_for(run, make_points):
    small = make_map([(box(-50, -50, 50, 50), {"natural": "water"})], name="ponds")
    large = make_map([(box(-200, -200, 200, 200), {"landuse": "forest"})], name="woods")
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": [large.id(), small.id()]}
    (by_size,) = run("bgalandcover", parameters).features()
    assert by_size["lc_waterbody"] == pytest.approx(100**2 / (math.pi * 100**2 * 0.9996**2), abs=0.0006)
    (by_layers,) = run("bgalandcover", {**parameters, "ORDER": "layers"}).features()
    assert by_layers["lc_waterbody"] == 0.0 and by_layers["lc_forest_vegetation"] == 1.0
    turned = {**parameters, "LANDCOVER": [small.id(), large.id()], "ORDER": "layers"}
    assert run("bgalandcover", turned).features()[0]["lc_waterbody"] == pytest.approx(by_size["lc_waterbody"])


@pytest.mark.parametrize("values", [("311", "523"), ("23", "44"), ("Broad-leaved forest", "sea and ocean")])
def test_corine_polygons_by_code_grid_code_and_name(run, make_points, values):
    layer = make_map(
        [(box(-200, -200, 0, 200), {"Code_18": values[0]}), (box(0, -200, 200, 200), {"Code_18": values[1]})],
        fields=("Code_18",),
    )
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": layer.id(), "CROSSWALK": "corine"}
    with pytest.raises(AlgorithmError, match=r"Which field of 'map'.*Code_18"):
        run("bgalandcover", parameters)
    (site,) = run("bgalandcover", {**parameters, "CLASS_FIELD": "code_18"}).features()
    assert site["lc_broad_leaved_forest"] == pytest.approx(0.5, abs=0.0006)
    assert site["lc_sea_and_ocean"] == pytest.approx(0.5, abs=0.0006)
    assert site["lc_continuous_urban_fabric"] == 0.0
    assert site["lc_geo_raw"] == pytest.approx(0.65, abs=0.0006)


def test_worldcover_rasters(run, make_points, tmp_path):
    codes = np.array([[10, 50], [80, 42]], dtype=np.uint8).repeat(300, axis=0).repeat(300, axis=1)
    path = make_raster(tmp_path / "worldcover.tif", codes, (CENTRE[0] - 300, CENTRE[1] + 300), nodata=0)
    made = run(
        "bgalandcover",
        {"INPUT": make_points([CENTRE]), "LANDCOVER": path, "CROSSWALK": "worldcover", "PREFIX": ""},
    )
    (site,) = made.features()
    for name in ("tree_cover", "built_up", "permanent_water_bodies", "unknown"):
        assert site[name] == pytest.approx(0.25, abs=0.003), name
    assert site["bio_raw"] == pytest.approx(0.25 * (1.0 + 0.1 + 0.3), abs=0.005)
    assert any("42 (0.78" in text for text in made.feedback.warnings)
    said = r"None of the codes in 'worldcover' \(10, 42, 50, 80\).*loveda.*are in the crosswalk 'worldcover'\. Choose"
    with pytest.raises(AlgorithmError, match=said):
        run("bgalandcover", {"INPUT": make_points([CENTRE]), "LANDCOVER": path, "CROSSWALK": "loveda"})


def test_corine_rasters_hold_grid_codes(run, make_points, tmp_path):
    codes = np.full((60, 60), 23, dtype=np.int16)
    path = make_raster(
        tmp_path / "clc.tif", codes, (CENTRE[0] - 300, CENTRE[1] + 300), pixel=10.0, nodata=-128
    )
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": path, "CROSSWALK": "corine"}
    made = run("bgalandcover", parameters)
    assert made.features()[0]["lc_broad_leaved_forest"] == 1.0
    # CORINE's class NODATA is none: it has no share of its own beside that of ground without data.
    codes[:, :30] = 48
    make_raster(path, codes, (CENTRE[0] - 300, CENTRE[1] + 300), pixel=10.0, nodata=-128)
    made = run("bgalandcover", parameters)
    (site,) = made.features()
    assert site["lc_nodata"] == pytest.approx(0.5, abs=0.01) and site["lc_unknown"] == 0.0
    assert site["lc_broad_leaved_forest"] + site["lc_nodata"] == pytest.approx(1.0)
    assert "lc_nodata_share" not in [field.name() for field in made.layer().fields()]


def test_maps_of_the_whole_world_and_places_at_its_edges(run, make_points):
    world = QgsGeometry.fromWkt("POLYGON((-180 -90, 180 -90, 180 90, -180 90, -180 -90))")
    square = box(0, -10, 10, 10, (30.0, 60.0))  # from the 30th meridian eastwards
    broken = QgsGeometry.fromWkt("POLYGON((nan nan, 1 1, 2 0, nan nan))")
    layer = make_map([(world, {"natural": "water"}), (square, {"landuse": "forest"}), (broken, {"building": "yes"})],
                     crs=4326)  # fmt: skip
    points = make_points([(30.0, 60.0), (-0.1, 51.5), (179.99999, 10.0), (0.0, 89.9999)], crs=4326)
    for radius in (10.0, 20_000.0):
        sites = run("bgalandcover", {"INPUT": points, "LANDCOVER": layer.id(), "RADIUS": radius}).features()
        assert sites[0]["lc_forest_vegetation"] == pytest.approx(0.5, abs=0.0006)
        assert sites[0]["lc_waterbody"] == pytest.approx(0.5, abs=0.0006)
        assert sites[1]["lc_waterbody"] == 1.0
        assert sites[2]["lc_bga_status"] == "skipped" and "180 degrees" in sites[2]["lc_bga_reason"]


def test_a_field_of_ids_as_class_field_knows_no_class_and_says_so(run, make_points):
    layer = make_map(
        [(box(step, -100, step + 1, 100), {"id": f"way/{step}"}) for step in range(-100, 100)], fields=("id",)
    )
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": layer.id(), "CLASS_FIELD": "id"}
    with pytest.raises(
        AlgorithmError, match=r"None of the classes in 'map' \(way/-1, .*crosswalk osm\. Choose"
    ):
        run("bgalandcover", parameters)
    # A class that is known, if far off: the map may be of this crosswalk.
    far = make_map([(box(5000, 0, 5100, 100), {"id": "forest"})], fields=("id",), name="far")
    parameters["LANDCOVER"] = [layer.id(), far.id()]
    made = run("bgalandcover", parameters)
    (site,) = made.features()
    assert site["lc_unknown"] == pytest.approx(1.0, abs=0.0006)
    assert site["lc_bga_status"] == "skipped"
    assert any("and 170 more" in text for text in made.feedback.warnings)


def test_the_crosswalk_that_fits_better_is_named(run, make_points, tmp_path):
    """Codes of CORINE with the default crosswalk; a raster of which the wrong crosswalk knows a few codes."""
    codes = ("111", "112", "311", "523")
    layer = make_map(
        [(box(50 * at - 100, -100, 50 * at - 50, 100), {"clc": code}) for at, code in enumerate(codes)],
        fields=("clc",),
    )
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": layer.id(), "CLASS_FIELD": "clc"}
    for crosswalk in ("osm", "worldcover"):
        said = r"None of the classes in 'map' \(111, 112, 311, 523\) is in.*are in the crosswalk 'corine'\. Choose"
        with pytest.raises(AlgorithmError, match=said):
            run("bgalandcover", {**parameters, "CROSSWALK": crosswalk})
    known = make_map([(box(-100, -110, 100, -100), {"clc": "forest"})], fields=("clc",), name="known")
    parameters["LANDCOVER"] = [layer.id(), known.id()]
    for crosswalk in ("osm", "ade20k"):
        made = run("bgalandcover", {**parameters, "CROSSWALK": crosswalk})
        hinted = any(
            "Most of the map's classes are in the crosswalk 'corine'." in w for w in made.feedback.warnings
        )
        # 111 and 112 are classes of ADE20K, too: half is not most.
        assert hinted == (crosswalk == "osm")
    rows = np.arange(1, 8, dtype=np.uint8).repeat(30)[:, None].repeat(210, axis=1)
    path = make_raster(tmp_path / "grid_codes.tif", rows * 5, (CENTRE[0] - 105, CENTRE[1] + 105))
    made = run("bgalandcover", {"INPUT": make_points([CENTRE]), "LANDCOVER": path, "CROSSWALK": "worldcover"})
    assert any(
        "Most of the map's classes are in the crosswalk 'corine'." in w for w in made.feedback.warnings
    )
