"""BGA of land cover around sites: golden values, true metres, class rasters from everywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import AlgorithmError, make_raster
from osgeo import gdal
from pyproj import CRS, Geod, Transformer
from qgis.core import QgsPalettedRasterRenderer, QgsProject, QgsRasterLayer
from qgis.PyQt.QtGui import QColor

#: Codes of the class list paper-aerial.
GRASS, FOREST, WETLANDS, WATER, BARE, ROAD, BUILDING, VEHICLES, CROPLAND = range(1, 10)
PAPER = ["grassland", "forest_vegetation", "wetlands", "waterbody", "bare_land", "road_sidewalk", "building",
         "vehicles", "cropland"]  # fmt: skip
BGA = ["bio", "geo", "ant", "bio_raw", "geo_raw", "ant_raw", "unmapped", "dominant", "evenness",
       "bga_status", "bga_reason"]  # fmt: skip
CENTRE = (500200.0, 4999800.0)


def town_block() -> np.ndarray:
    """400 x 400 pixels, any ten neighbours of a row being five of building, three of road and two of forest."""
    rows, columns = np.mgrid[0:400, 0:400]
    return np.array([BUILDING] * 5 + [ROAD] * 3 + [FOREST] * 2, dtype=np.uint8)[(columns + 3 * rows) % 10]


@pytest.fixture
def golden(tmp_path) -> str:
    return make_raster(tmp_path / "golden.tif", town_block(), nodata=255)


def set_categories(path: str, names: list[str]) -> str:
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.GetRasterBand(1).SetCategoryNames(names)
    dataset.FlushCache()
    return path


def test_golden_values(run, make_points, golden):
    made = run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": golden, "RADIUS": 100})
    (site,) = made.features()
    assert site["aer_building"] == pytest.approx(0.50, abs=0.005)
    assert site["aer_road_sidewalk"] == pytest.approx(0.30, abs=0.005)
    assert site["aer_forest_vegetation"] == pytest.approx(0.20, abs=0.005)
    for name, value in {"aer_bio_raw": 0.28, "aer_geo_raw": 0.06, "aer_ant_raw": 0.80}.items():
        assert site[name] == pytest.approx(value, abs=0.005), name
    for name, value in {"aer_bio": 0.2456, "aer_geo": 0.0526, "aer_ant": 0.7018}.items():
        assert site[name] == pytest.approx(value, abs=0.005), name
    assert site["aer_dominant"] == "anthrophony"
    # -(.2456 ln .2456 + .0526 ln .0526 + .7018 ln .7018) / ln 3
    assert site["aer_evenness"] == pytest.approx(0.6814, abs=0.01)
    assert site["aer_unmapped"] == site["aer_nodata"] == 0.0
    assert (site["aer_bga_status"], site["aer_bga_reason"]) == ("ok", None)


def test_composition_follows_exactly_from_the_shares(run, make_points, golden):
    (site,) = run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": golden}).features()
    building, road, forest = (
        site["aer_" + name] for name in ("building", "road_sidewalk", "forest_vegetation")
    )
    assert building + road + forest == pytest.approx(1.0, abs=1e-12)
    raw = np.array([0.1 * building + 0.1 * road + forest, 0.3 * forest, building + road])
    np.testing.assert_allclose([site[f"aer_{name}_raw"] for name in ("bio", "geo", "ant")], raw, rtol=1e-12)
    shares = raw / raw.sum()
    np.testing.assert_allclose([site[f"aer_{name}"] for name in ("bio", "geo", "ant")], shares, rtol=1e-12)
    evenness = -sum(share * math.log(share) for share in shares) / math.log(3)
    assert site["aer_evenness"] == pytest.approx(evenness, rel=1e-12)


def test_fields_and_their_order(run, make_points, golden):
    points = make_points([CENTRE], {"name": ["here"], "kept": [7]})
    made = run("bgasites", {"INPUT": points, "CLASSES": golden, "PREFIX": "x_"})
    layer = made.layer()
    names = [field.name() for field in layer.fields()]
    assert names == ["name", "kept", *("x_" + name for name in [*PAPER, "nodata", *BGA])]
    (feature,) = layer.getFeatures()
    assert feature["name"] == "here" and feature["kept"] == 7


PLACES = [
    # EPSG, ellipsoid, longitude and latitude in the datum, size of a pixel in units: about 1 m on the ground
    (3857, Geod(ellps="WGS84"), -0.1278, 51.5074, (1.6, 1.6)),
    (3857, Geod(ellps="WGS84"), 25.0, 65.0, (2.4, 2.4)),
    (4326, Geod(ellps="WGS84"), 18.07, 59.33, (1.8e-5, 0.9e-5)),
    (28992, Geod(ellps="bessel"), 4.89, 52.37, (1.0, 1.0)),
    (32756, Geod(ellps="WGS84"), 151.21, -33.86, (1.0, 1.0)),
]


@pytest.mark.parametrize(("epsg", "geod", "longitude", "latitude", "pixel"), PLACES, ids=str)
def test_the_radius_is_in_true_metres(run, make_points, tmp_path, epsg, geod, longitude, latitude, pixel):
    """A disc of forest of 60 m in a sea of water takes 60^2 / 100^2 of a circle of 100 m."""
    crs = CRS.from_epsg(epsg)
    lonlat = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    x, y = lonlat.transform(longitude, latitude, direction="INVERSE")
    size = 300
    left, top = x - size / 2 * pixel[0], y + size / 2 * pixel[1]
    columns, rows = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    there = lonlat.transform((left + columns * pixel[0]).ravel(), (top - rows * pixel[1]).ravel())
    here = np.full(size * size, longitude), np.full(size * size, latitude)
    distance = geod.inv(*here, *there)[2].reshape(size, size)
    assert distance[0].min() > 105  # the whole circle lies on the raster
    classes = np.where(distance <= 60.0, FOREST, WATER).astype(np.uint8)
    path = make_raster(tmp_path / "disc.tif", classes, (left, top), pixel, epsg)
    (site,) = run(
        "bgasites", {"INPUT": make_points([(x, y)], crs=epsg), "CLASSES": path, "RADIUS": 100}
    ).features()
    assert site["aer_forest_vegetation"] == pytest.approx(0.36, abs=0.01)
    assert site["aer_waterbody"] == pytest.approx(0.64, abs=0.01)
    assert site["aer_nodata"] == 0.0


def test_sites_in_another_crs_than_the_raster(run, make_points, tmp_path):
    """Left of the site all is forest, right of it water: half and half only where the site is right to a metre."""
    classes = np.full((400, 400), WATER, dtype=np.uint8)
    classes[:, :200] = FOREST
    path = make_raster(tmp_path / "halves.tif", classes)
    lonlat = Transformer.from_crs(32631, 4326, always_xy=True).transform(*CENTRE)
    mercator = Transformer.from_crs(32631, 3857, always_xy=True).transform(*CENTRE)
    for point, crs in ((lonlat, 4326), (mercator, 3857)):
        (site,) = run("bgasites", {"INPUT": make_points([point], crs=crs), "CLASSES": path}).features()
        assert site["aer_forest_vegetation"] == pytest.approx(0.5, abs=0.006)


def test_nodata_in_the_circle_is_unmapped_not_spread(run, make_points, tmp_path):
    classes = np.full((400, 400), FOREST, dtype=np.uint8)
    classes[:, 200:] = 255
    holes = make_raster(tmp_path / "holes.tif", classes, nodata=255)
    half = make_raster(tmp_path / "half.tif", classes[:, :200].copy())
    for path in (holes, half):  # nodata, or the raster ends there
        (site,) = run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": path}).features()
        assert site["aer_forest_vegetation"] == pytest.approx(0.5, abs=0.005)
        assert site["aer_nodata"] == site["aer_unmapped"] == pytest.approx(0.5, abs=0.005)
        assert site["aer_bio_raw"] == pytest.approx(0.5, abs=0.005)
        assert site["aer_bio"] == pytest.approx(1 / 1.3)
        assert site["aer_geo"] == pytest.approx(0.3 / 1.3)
        assert site["aer_ant"] == 0.0
        assert site["aer_bga_status"] == "ok"
        assert site["aer_bga_reason"] == "50% of the circle has no data"


def test_a_circle_outside_the_raster_is_skipped_with_nulls(run, make_points, golden):
    points = make_points([(510000, 5000000), CENTRE, (500200, 4990000), None, "empty"])
    made = run("bgasites", {"INPUT": points, "CLASSES": golden})
    far, near, south, none, empty = made.features()
    for site in (far, south):
        assert site["aer_bga_status"] == "skipped"
        assert "outside the raster" in site["aer_bga_reason"]
        assert all(site["aer_" + name] is None for name in [*PAPER, "nodata", *BGA[:9]])
    for site in (none, empty):
        assert (site["aer_bga_status"], site["aer_bga_reason"]) == ("skipped", "the site has no geometry")
        assert site["aer_bio"] is None
    assert near["aer_bga_status"] == "ok"
    assert "5 sites: 1 ok, 4 skipped." in made.feedback.text


def test_nothing_mapped_is_null_never_zero(run, make_points, tmp_path):
    path = make_raster(tmp_path / "clouds.tif", np.full((400, 400), 1, dtype=np.uint8))
    set_categories(path, ["", "Cloud", "Forest"])
    (site,) = run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": path}).features()
    assert site["aer_cloud"] == 1.0 and site["aer_forest"] == 0.0
    assert [site["aer_" + name] for name in BGA[:6]] == [None] * 6
    assert site["aer_unmapped"] == 1.0
    assert site["aer_dominant"] is None and site["aer_evenness"] is None
    assert site["aer_bga_status"] == "skipped"
    assert site["aer_bga_reason"] == "no class in the circle has weights"


def test_unclassified_pixels_are_unmapped(run, make_points, tmp_path):
    """Code 0 has no name: it is not nodata, and no class either."""
    classes = np.full((400, 400), FOREST, dtype=np.uint8)
    classes[:, 200:] = 0
    path = make_raster(tmp_path / "gaps.tif", classes)
    (site,) = run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": path}).features()
    assert site["aer_nodata"] == 0.0
    assert site["aer_unmapped"] == pytest.approx(0.5, abs=0.005)
    assert site["aer_bio"] == pytest.approx(1 / 1.3)


# Class rasters that others made: 3 is road on one half, 8 forest on the other.


@pytest.fixture
def foreign(tmp_path) -> str:
    classes = np.full((400, 400), 3, dtype=np.uint8)
    classes[:, 200:] = 8
    return make_raster(tmp_path / "foreign.tif", classes)


def assert_road_and_forest(made) -> None:
    (site,) = made.features()
    assert site["aer_road"] == pytest.approx(0.5, abs=0.005)
    assert site["aer_forest"] == pytest.approx(0.5, abs=0.005)
    road, forest = site["aer_road"], site["aer_forest"]
    assert site["aer_bio_raw"] == pytest.approx(0.1 * road + forest)
    assert site["aer_geo_raw"] == pytest.approx(0.3 * forest)
    assert site["aer_ant_raw"] == pytest.approx(road)
    assert site["aer_unmapped"] == 0.0
    assert not made.feedback.warnings


def test_gdal_category_names(run, make_points, foreign):
    set_categories(foreign, ["", "", "", "Road", "", "", "", "", "Forest"])
    assert_road_and_forest(run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": foreign}))


@pytest.mark.parametrize("usage", [gdal.GFU_MinMax, gdal.GFU_Min])
def test_raster_attribute_table(run, make_points, foreign, usage):
    table = gdal.RasterAttributeTable()
    table.CreateColumn("Value", gdal.GFT_Integer, usage)
    table.CreateColumn("Label", gdal.GFT_String, gdal.GFU_Name)
    table.SetRowCount(2)
    for row, (code, name) in enumerate([(3, "Road"), (8, "Forest")]):
        table.SetValueAsInt(row, 0, code)
        table.SetValueAsString(row, 1, name)
    dataset = gdal.Open(foreign, gdal.GA_Update)
    dataset.GetRasterBand(1).SetDefaultRAT(table)
    dataset.FlushCache()
    del dataset
    assert_road_and_forest(run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": foreign}))


def test_labels_of_a_paletted_style(run, make_points, foreign):
    layer = QgsRasterLayer(foreign, "land cover")
    entries = [
        QgsPalettedRasterRenderer.Class(3, QColor("grey"), "Road"),
        QgsPalettedRasterRenderer.Class(8, QColor("green"), "Forest"),
        QgsPalettedRasterRenderer.Class(9, QColor("red"), "9"),  # what QGIS calls an entry without a name
    ]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, entries))
    QgsProject.instance().addMapLayer(layer)
    made = run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": layer.id()})
    assert_road_and_forest(made)
    assert "aer_9" not in made.features()[0]


def test_weights_with_a_code_column(run, make_points, foreign, tmp_path):
    weights = tmp_path / "weights.csv"
    weights.write_text("code,class,biophony,geophony,anthrophony\n3,Road,0.1,-,1\n8,Forest,1,0.3,0\n")
    parameters = {"INPUT": make_points([CENTRE]), "CLASSES": foreign, "WEIGHTS": str(weights)}
    assert_road_and_forest(run("bgasites", parameters))


def test_no_names_at_all_are_taken_for_table_1_with_a_warning(run, make_points, foreign):
    made = run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": foreign})
    (site,) = made.features()
    assert site["aer_wetlands"] == pytest.approx(0.5, abs=0.005)  # 3
    assert site["aer_vehicles"] == pytest.approx(0.5, abs=0.005)  # 8
    assert any("does not name its classes" in warning for warning in made.feedback.warnings)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32"])
def test_corine_codes_with_a_code_column(run, make_points, tmp_path, dtype):
    """A third each of 111, 311 and 523; the sea has no weights in this table."""
    rows, columns = np.mgrid[0:400, 0:400]
    codes = np.array([111, 311, 523])[(rows + columns) % 3].astype(dtype)
    path = make_raster(tmp_path / "corine.tif", codes, nodata=0)
    weights = tmp_path / "corine.csv"
    weights.write_text(
        "code;class;biophony;geophony;anthrophony;source\n"
        "111;Continuous urban fabric;0,1;0;1;user\n311;Broad-leaved forest;1;0,3;0;user\n523;Sea;0;0;0;unmapped\n"
    )
    parameters = {"INPUT": make_points([CENTRE]), "CLASSES": path, "WEIGHTS": str(weights), "PREFIX": "clc_"}
    (site,) = run("bgasites", parameters).features()
    assert site["clc_continuous_urban_fabric"] == pytest.approx(1 / 3, abs=0.005)
    assert site["clc_sea"] == pytest.approx(1 / 3, abs=0.005)
    assert site["clc_unmapped"] == pytest.approx(1 / 3, abs=0.005)
    assert site["clc_bio_raw"] == pytest.approx(1.1 / 3, abs=0.005)
    assert site["clc_ant_raw"] == pytest.approx(1 / 3, abs=0.005)
    assert site["clc_dominant"] == "biophony"


def test_codes_that_cannot_be_told_are_an_error_that_says_what_to_do(run, make_points, tmp_path):
    path = make_raster(tmp_path / "corine.tif", np.full((20, 20), 311, dtype=np.int16))
    with pytest.raises(AlgorithmError, match=r"does not say what its codes mean.*'code' column.*Paletted"):
        run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": path})


def test_a_raster_of_decimals_is_no_class_raster(run, make_points, tmp_path):
    path = make_raster(tmp_path / "elevation.tif", np.full((20, 20), 0.5, dtype=np.float32))
    with pytest.raises(AlgorithmError, match=r"'elevation' is not a class raster"):
        run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": path})


def test_a_picture_is_no_class_raster(run, make_points, tmp_path):
    path = make_raster(tmp_path / "aerial.tif", np.full((3, 20, 20), 255, dtype=np.uint8))
    with pytest.raises(AlgorithmError, match=r"'aerial' has 3 bands.*looks like a picture.*'Segment raster'"):
        run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": path})


def test_weights_of_the_user(run, make_points, golden, tmp_path):
    weights = tmp_path / "own.csv"
    weights.write_text(
        "Class;Bio;Geo;Anthropophony\nBuilding;0,5;0;0,5\nRoad/Sidewalk;;;2\n", encoding="utf-8-sig"
    )
    parameters = {"INPUT": make_points([CENTRE]), "CLASSES": golden, "WEIGHTS": str(weights)}
    (site,) = run("bgasites", parameters).features()
    building, road = site["aer_building"], site["aer_road_sidewalk"]
    assert site["aer_bio_raw"] == pytest.approx(0.5 * building)
    assert site["aer_geo_raw"] == 0.0
    assert site["aer_ant_raw"] == pytest.approx(0.5 * building + 2 * road)
    assert site["aer_unmapped"] == pytest.approx(site["aer_forest_vegetation"])  # forest is not in the table


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class,biophony,geophony\nForest,1,0\n", "no column anthrophony"),
        ("class,biophony,geophony,anthrophony\nForest,much,0,0\n", r"Line 2: .*'much'"),
        ("class,biophony,geophony,anthrophony\nForest,-1,0,0\n", "negative"),
        ("class,biophony,geophony,anthrophony\n", "no rows"),
        ("", "empty"),
        (None, "cannot be read"),
    ],
)
def test_weights_that_cannot_be_used_are_refused_before_the_run(
    run, make_points, golden, tmp_path, text, said
):
    weights = tmp_path / "bad.csv"
    if text is not None:
        weights.write_text(text)
    with pytest.raises(AlgorithmError, match=said):
        run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": golden, "WEIGHTS": str(weights)})


def test_layers_without_a_crs_are_errors(run, make_points, golden, tmp_path):
    nowhere = make_raster(tmp_path / "nowhere.tif", town_block(), epsg=None)
    with pytest.raises(AlgorithmError, match="raster 'nowhere' has no coordinate reference system"):
        run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": nowhere})
    with pytest.raises(AlgorithmError, match="sites layer has no coordinate reference system"):
        run("bgasites", {"INPUT": make_points([CENTRE], crs=""), "CLASSES": golden})


def test_collisions_name_the_field(run, make_points, golden):
    points = make_points([CENTRE], {"AER_BIO": [0.0]})
    with pytest.raises(AlgorithmError, match="'aer_bio'"):
        run("bgasites", {"INPUT": points, "CLASSES": golden})


def test_the_sample_town_as_it_is(run, make_points, town, tmp_path):
    """On the town's own land cover the shares are those of its truth, counted pixel by pixel."""
    from soundvis_core.town import build_town

    built = build_town(1)
    path = make_raster(tmp_path / "truth.tif", built.landcover, built.origin, built.resolution, built.crs)
    made = run("bgasites", {"INPUT": town.sites, "CLASSES": path, "RADIUS": town.truth["radius_m"]})
    classes = dict(zip(PAPER, town.truth["classes"].values()))
    sites = made.features()
    assert len(sites) == len(town.truth["sites"])
    for site in sites:
        truth = town.truth["sites"][site["site_id"]]
        for name, label in classes.items():
            assert site["aer_" + name] == pytest.approx(truth["landcover"][label], abs=0.01), site["site_id"]
        for short, label in (("bio", "biophony"), ("geo", "geophony"), ("ant", "anthrophony")):
            assert site[f"aer_{short}"] == pytest.approx(truth["bga"][label], abs=0.01), site["site_id"]
