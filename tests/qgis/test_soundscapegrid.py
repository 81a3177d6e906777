"""The soundscape of a land cover map: means of Table 1 within true metres, whole or absent."""

from __future__ import annotations

import os

import numpy as np
import pytest
from ground import ground_about
from helpers import MEMORY, AlgorithmError, Feedback, make_points, make_raster, read_raster
from osgeo import gdal
from pyproj import Geod
from qgis.core import QgsMultiBandColorRenderer, QgsPointXY, QgsRasterLayer, QgsSingleSymbolRenderer

GRASS, WATER, BUILDING = 1, 4, 7
#: Table 1 of the paper, aerial: biophony, geophony, anthrophony.
WEIGHTS = {GRASS: (1.0, 0.3, 0.0), WATER: (0.3, 1.0, 0.0), BUILDING: (0.1, 0.0, 1.0)}
NODATA = -9999.0


@pytest.fixture
def run(run):
    """The rasters here have the codes of the paper, which the tool has to be told."""

    def told(tool, parameters, *rest):
        codes = {"CROSSWALK": "table-1"} if tool == "soundscapegrid" else {}
        return run(tool, {**codes, **parameters}, *rest)

    return told


@pytest.fixture
def halves(tmp_path):
    """Grass in the west, building in the east; 120 x 90 pixels of 10 m."""
    codes = np.full((90, 120), GRASS, np.uint8)
    codes[:, 60:] = BUILDING
    return make_raster(tmp_path / "halves.tif", codes, pixel=10.0, nodata=255)


def bands(path):
    return np.stack([read_raster(path, band) for band in (1, 2, 3, 4)])


def test_two_halves(run, halves, tmp_path):
    """Far from the edge each side has its own weights; on it both count half."""
    output = str(tmp_path / "scape.tif")
    made = run("soundscapegrid", {"INPUT": halves, "VALUES": "raw", "CELL": 10.0, "OUTPUT": output})
    assert made["OUTPUT"] == output
    values = bands(output)
    assert values.shape == (4, 90, 120)
    np.testing.assert_allclose(values[:3, 45, 20], WEIGHTS[GRASS], atol=1e-6)
    np.testing.assert_allclose(values[:3, 45, 100], WEIGHTS[BUILDING], atol=1e-6)
    middle = (values[:3, 45, 59] + values[:3, 45, 60]) / 2
    np.testing.assert_allclose(middle, np.mean([WEIGHTS[GRASS], WEIGHTS[BUILDING]], axis=0), atol=1e-6)
    assert values[3, 45, 60] == pytest.approx(0.0, abs=1e-6)
    assert values[3, 45, 0] == pytest.approx(0.5, abs=0.04)
    assert values[0, 45, 0] == pytest.approx(1.0, abs=1e-6)
    # The raster comes to an end, the ground does not: the west of the disc counts as the rest of it.
    assert values[0, 0, 0] == NODATA
    assert "120 x 90 cells of 10 x 10 m" in made.feedback.text


def test_normalised_values_sum_to_one(run, halves, tmp_path):
    output = run("soundscapegrid", {"INPUT": halves, "OUTPUT": str(tmp_path / "n.tif")})["OUTPUT"]
    values = bands(output)
    known = values[0] != NODATA
    assert known.mean() > 0.9
    np.testing.assert_allclose(values[:3, known].sum(axis=0), 1.0, atol=1e-6)
    total = sum(WEIGHTS[GRASS])
    np.testing.assert_allclose(values[:3, 45, 20], np.array(WEIGHTS[GRASS]) / total, atol=1e-6)


def test_bands_and_place(run, halves, tmp_path):
    output = run("soundscapegrid", {"INPUT": halves, "OUTPUT": str(tmp_path / "b.tif"), "RADIUS": 300.0})[
        "OUTPUT"
    ]
    made, given = gdal.Open(output), gdal.Open(halves)
    names = [made.GetRasterBand(number).GetDescription() for number in (1, 2, 3, 4)]
    assert names == ["Biophony", "Geophony", "Anthrophony", "Unmapped"]
    assert made.GetRasterBand(1).GetNoDataValue() == NODATA
    # A tenth of the radius is three pixels.
    assert (made.RasterXSize, made.RasterYSize) == (40, 30)
    left, width, _, top, _, height = given.GetGeoTransform()
    np.testing.assert_allclose(made.GetGeoTransform(), (left, 3 * width, 0, top, 0, 3 * height))
    assert "UTM zone 31N" in made.GetProjection()


@pytest.mark.parametrize("epsg", [3857, 4326, 27700])
def test_the_radius_is_in_true_metres(run, make_raster, tmp_path, epsg):
    """A disc of grass of 60 m about a place: what is within 60 m of it is all grass, within 120 m a quarter."""
    ground = ground_about(epsg, -0.1, 51.5, reach=150.0, count=150)
    codes = np.where(np.hypot(ground.east, ground.north) <= 60.0, GRASS, BUILDING).astype(np.uint8)
    path = ground.write(tmp_path / "disc.tif", codes)
    for radius, share in ((60.0, 1.0), (120.0, 0.25)):
        output = run(
            "soundscapegrid",
            {
                "INPUT": path, "RADIUS": radius, "VALUES": "raw", "CELL": 0.5,
                "OUTPUT": str(tmp_path / f"{radius}.tif"),
            },
        )["OUTPUT"]  # fmt: skip
        middle = bands(output)[:3, 74:76, 74:76].mean(axis=(1, 2))
        expected = share * np.array(WEIGHTS[GRASS]) + (1 - share) * np.array(WEIGHTS[BUILDING])
        np.testing.assert_allclose(middle, expected, atol=0.025)


@pytest.mark.parametrize("kernel", ["uniform", "exponential"])
def test_cells_in_the_far_north_against_geodesics(run, make_raster, tmp_path, kernel):
    """Pixels of 7 x 11 m at 70 degrees north in EPSG:4326; nodata and the edges count as unknown."""
    patches = np.random.default_rng(5).choice([GRASS, WATER, BUILDING, 255], (12, 12)).astype(np.uint8)
    codes = patches.repeat(10, 0).repeat(10, 1)
    pixel, corner, radius = (1.9e-4, 1e-4), (20.0, 70.0), 60.0
    path = make_raster(tmp_path / "north.tif", codes, corner, pixel=pixel, epsg=4326, nodata=255)
    parameters = {"INPUT": path, "KERNEL": kernel, "RADIUS": radius, "CELL": 0.01, "VALUES": "raw"}
    values = bands(run("soundscapegrid", {**parameters, "OUTPUT": str(tmp_path / "o.tif")})["OUTPUT"])
    assert values.shape == (4, 120, 120)
    parts = 5
    fine = codes.repeat(parts, 0).repeat(parts, 1)
    x = corner[0] + (np.arange(fine.shape[1]) + 0.5) / parts * pixel[0]
    y = corner[1] - (np.arange(fine.shape[0]) + 0.5) / parts * pixel[1]
    known = fine != 255
    weights = np.zeros((3, *fine.shape))
    for code, triple in WEIGHTS.items():
        weights[:, fine == code] = np.array(triple)[:, None]
    geod = Geod(ellps="WGS84")
    # Metres along a degree of longitude and of latitude there, and where all of a kernel counts.
    size = [
        geod.inv(20.0, 69.994, 20.0 + east, 69.994 + north)[2] for east, north in ((1e-3, 0.0), (0.0, 1e-3))
    ]
    part = size[0] * size[1] * 1e6 * pixel[0] * pixel[1] / parts**2
    volume = {"uniform": np.pi * radius**2, "exponential": 2 * np.pi * (radius / np.log(2)) ** 2}[kernel]
    unknown = 0
    for row, column in ((60, 60), (0, 55), (119, 119), (5, 64), (33, 97), (88, 20), (61, 59)):
        place = corner[0] + (column + 0.5) * pixel[0], corner[1] - (row + 0.5) * pixel[1]
        east, north = np.meshgrid(x, y)
        start = [np.full(east.size, at) for at in place]
        distances = geod.inv(*start, east.ravel(), north.ravel())[2].reshape(fine.shape)
        counts = distances <= radius if kernel == "uniform" else np.exp2(-distances / radius)
        heard = counts * known
        share = heard.sum() * part / volume
        if values[0, row, column] == NODATA:
            assert share < 0.51
            unknown += 1
            continue
        np.testing.assert_allclose(
            values[:3, row, column], (weights * heard).sum(axis=(1, 2)) / heard.sum(), atol=2e-3
        )
        assert values[3, row, column] == pytest.approx(1.0 - share, abs=5e-3)
    assert 1 <= unknown <= 4


def test_agrees_with_bga_around_sites(run, make_raster, tmp_path):
    """The uniform kernel at a site is the composition that 'BGA of land cover around sites' gives there."""
    patches = np.random.default_rng(3).choice([GRASS, WATER, BUILDING, 0], (12, 12)).astype(np.uint8)
    path = make_raster(tmp_path / "patches.tif", patches.repeat(20, 0).repeat(20, 1), pixel=2.0)
    places = [(500000.0 + 120 + 40 * step, 5000000.0 - 130 - 30 * step) for step in range(7)]
    sites = run("bgasites", {"INPUT": make_points(places), "CLASSES": path, "RADIUS": 60.0}).features()
    for values, raw in (("normalised", ""), ("raw", "_raw")):
        output = str(tmp_path / f"{values}.tif")
        run(
            "soundscapegrid", {"INPUT": path, "RADIUS": 60.0, "VALUES": values, "CELL": 2.0, "OUTPUT": output}
        )
        layer = QgsRasterLayer(output, "s", "gdal")
        for (x, y), site in zip(places, sites):
            made = [layer.dataProvider().sample(QgsPointXY(x, y), band)[0] for band in (1, 2, 3, 4)]
            assert made[3] == pytest.approx(site["aer_unmapped"], abs=0.02)
            whole = 1.0 - made[3] if raw else 1.0
            for value, name in zip(made, ("bio", "geo", "ant")):
                assert value * whole == pytest.approx(site[f"aer_{name}{raw}"], abs=0.02)


def test_a_radius_per_category(run, halves, tmp_path):
    """Anthrophony from afar: 300 m west of the buildings they still count, and their weight of biophony does not."""
    output = run(
        "soundscapegrid",
        {
            "INPUT": halves, "KERNEL": "gaussian", "RADIUS": 30.0, "RADIUS_ANT": 250.0, "VALUES": "raw", "CELL": 10.0,
            "OUTPUT": str(tmp_path / "r.tif"),
        },
    )["OUTPUT"]  # fmt: skip
    bio, geo, ant, unmapped = bands(output)[:, 45, 30]
    assert bio == pytest.approx(1.0, abs=1e-4) and geo == pytest.approx(0.3, abs=1e-4)
    assert 0.05 < ant < 0.3
    assert 0.0 < unmapped < 0.3


def test_squares(run, halves, tmp_path):
    made = run(
        "soundscapegrid",
        {"INPUT": halves, "OUTPUT": str(tmp_path / "s.tif"), "GRID": MEMORY, "SQUARE": 300.0, "CELL": 10.0},
    )
    rows = made.features("GRID")
    assert len(rows) == 4 * 3
    areas = [feature.geometry().area() for feature in made.layer("GRID").getFeatures()]
    np.testing.assert_allclose(areas, 300.0 * 300.0)
    west = next(
        row
        for row in rows
        if (row["sc_bio_raw"] > 0.99 and row["sc_unmapped"] < 0.01) or row["sc_ant"] < 0.01
    )
    assert west["sc_dominant"] == "biophony"
    assert isinstance(made.layer("GRID").renderer(), QgsSingleSymbolRenderer)


def test_too_many_squares(run, halves, tmp_path):
    parameters = {"INPUT": halves, "OUTPUT": str(tmp_path / "s.tif"), "GRID": MEMORY, "SQUARE": 1.0}
    # Squares are no smaller than cells, of which there are few here.
    assert len(run("soundscapegrid", parameters).features("GRID")) > 100


def test_codes_of_worldcover(run, make_raster, tmp_path):
    codes = np.full((40, 40), 10, np.uint8)
    codes[:, 20:] = 50
    codes[0, 0] = 77
    path = make_raster(tmp_path / "wc.tif", codes, pixel=10.0)
    made = run(
        "soundscapegrid",
        {"INPUT": path, "CROSSWALK": "worldcover", "RADIUS": 30.0, "CELL": 10.0, "VALUES": "raw",
         "OUTPUT": str(tmp_path / "s.tif")},
    )  # fmt: skip
    values = bands(made["OUTPUT"])
    np.testing.assert_allclose(values[:3, 20, 5], (1.0, 0.3, 0.0), atol=1e-6)
    assert values[2, 20, 35] == pytest.approx(1.0, abs=1e-6)
    assert "Codes that the crosswalk worldcover does not know, left unmapped: 77." in made.feedback.warnings
    # The crosswalk that fits is named where another is chosen, or none.
    said = "None of the codes in 'wc'.*classes are in the crosswalk 'worldcover'"
    for crosswalk, message in (
        ("loveda", said),
        ("class names", "does not say what its codes mean.*'worldcover'"),
    ):
        with pytest.raises(AlgorithmError, match=message):
            run("soundscapegrid", {"INPUT": path, "CROSSWALK": crosswalk, "OUTPUT": str(tmp_path / "t.tif")})
    assert not (tmp_path / "t.tif").exists()


def test_what_cannot_be_run_is_said_before(run, halves, tmp_path):
    output = str(tmp_path / "o.tif")
    weights = tmp_path / "w.csv"
    weights.write_text("class,biophony,geophony,anthrophony\nGrassland,1,0,0\n")
    with pytest.raises(AlgorithmError, match="both given"):
        run(
            "soundscapegrid",
            {"INPUT": halves, "WEIGHTS": str(weights), "CROSSWALK": "corine", "OUTPUT": output},
        )
    with pytest.raises(AlgorithmError, match=r"RADIUS_BIO .* it has to be at least 0.1"):
        run("soundscapegrid", {"INPUT": halves, "RADIUS_BIO": 0.0, "OUTPUT": output})
    with pytest.raises(AlgorithmError, match=r"The widest kernel reaches .* Choose larger cells"):
        run("soundscapegrid", {"INPUT": halves, "RADIUS": 50_000.0, "CELL": 10.0, "OUTPUT": output})
    with pytest.raises(AlgorithmError, match="overwrite"):
        run("soundscapegrid", {"INPUT": halves, "OUTPUT": halves})
    with pytest.raises(AlgorithmError, match="keep their styles in one file"):
        run("soundscapegrid", {"INPUT": halves, "OUTPUT": output, "GRID": str(tmp_path / "o.geojson")})
    dem = make_raster(tmp_path / "dem.tif", np.full((4, 4), 0.5, dtype=np.float32))
    with pytest.raises(AlgorithmError, match="'dem' is not a class raster"):
        run("soundscapegrid", {"INPUT": dem, "OUTPUT": output})
    nowhere = make_raster(tmp_path / "nowhere.tif", np.ones((4, 4), dtype=np.uint8), epsg=None)
    with pytest.raises(AlgorithmError, match="no coordinate reference system"):
        run("soundscapegrid", {"INPUT": nowhere, "OUTPUT": output})
    assert not os.path.exists(output)


def test_nothing_known_is_said(run, make_raster, tmp_path):
    path = make_raster(tmp_path / "gap.tif", np.full((20, 20), 255, np.uint8), pixel=10.0, nodata=255)
    made = run("soundscapegrid", {"INPUT": path, "OUTPUT": str(tmp_path / "o.tif")})
    assert (bands(made["OUTPUT"])[:3] == NODATA).all()
    assert any("No cell knows enough" in text for text in made.feedback.warnings)


def test_a_cancelled_run_leaves_nothing(run, make_raster, tmp_path):
    codes = np.random.default_rng(0).integers(1, 9, (1500, 1500)).astype(np.uint8)
    path = make_raster(tmp_path / "large.tif", codes)
    folder = tmp_path / "out"
    folder.mkdir()
    parameters = {"INPUT": path, "CELL": 1.0, "RADIUS": 20.0, "OUTPUT": str(folder / "s.tif")}
    run("soundscapegrid", {**parameters, "GRID": str(folder / "g.gpkg")}, Feedback(cancel_at=20))
    assert list(folder.iterdir()) == []


def test_drawn_as_colours(run, halves, tmp_path):
    output = run("soundscapegrid", {"INPUT": halves, "OUTPUT": str(tmp_path / "c.tif")})["OUTPUT"]
    layer = QgsRasterLayer(output, "c", "gdal")
    message, loaded = layer.loadDefaultStyle()
    assert loaded, message
    renderer = layer.renderer()
    assert isinstance(renderer, QgsMultiBandColorRenderer)
    assert (renderer.redBand(), renderer.greenBand(), renderer.blueBand()) == (3, 1, 2)


@pytest.mark.parametrize("further", [{"RADIUS": 50_000.0}, {"CELL": 5000.0}], ids=["unknown", "one value"])
def test_gdal_does_not_complain_of_what_is_drawn(run, halves, tmp_path, capfd, further):
    """Of a raster without values, or with one, no statistics can be had, and none are needed."""
    run("soundscapegrid", {"INPUT": halves, "OUTPUT": str(tmp_path / "out" / "o.tif"), **further})
    assert "ERROR" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("tool", ["soundscapegrid", "footprintsweep"])
def test_codes_that_several_schemes_share_are_asked_for(run, make_raster, tmp_path, tool):
    """Labels of OpenEarthMap, 1 to 8, are none of the paper's."""
    path = make_raster(tmp_path / "oem.tif", np.tile(np.arange(0, 9, dtype=np.uint8), (45, 5)))
    output = str(tmp_path / ("o.tif" if tool == "soundscapegrid" else "o.csv"))
    parameters = {"OUTPUT": output, "INPUT": path}
    if tool == "footprintsweep":
        sites = make_points(
            [(500010.0 + step, 4999980.0) for step in range(5)], {"s": [1.0, 2.0, 4.0, 3.0, 5.0]}
        )
        parameters = {"OUTPUT": output, "INPUT": sites, "CLASSES": path, "SOUND": ["s"], "RADII": "5"}
    said = r"codes \(1, 2, 3, 4, 5, \.\.\.\) may be those of table-1, corine or openearthmap\. Set CROSSWALK"
    with pytest.raises(AlgorithmError, match=said):
        run(tool, {**parameters, "CROSSWALK": "class names"})
    assert not os.path.exists(output)
    for crosswalk in ("table-1", "openearthmap"):
        assert run(tool, {**parameters, "CROSSWALK": crosswalk}).feedback.errors == []


def test_the_order_of_table_1(run, make_raster, tmp_path):
    """With the weights of the paper or one's own by its names; unclassified and no data are no strange codes."""
    codes = np.full((20, 20), BUILDING, np.uint8)
    codes[0, :5] = 0, 255, 44, GRASS, WATER
    path = make_raster(tmp_path / "codes.tif", codes, pixel=10.0)
    weights = tmp_path / "w.csv"
    parameters = {
        "INPUT": path,
        "RADIUS": 30.0,
        "CELL": 10.0,
        "VALUES": "raw",
        "OUTPUT": str(tmp_path / "o.tif"),
    }
    made = run("soundscapegrid", parameters)
    np.testing.assert_allclose(bands(made["OUTPUT"])[:3, 10, 10], WEIGHTS[BUILDING], atol=1e-6)
    assert made.feedback.warnings == ["Codes that the crosswalk table-1 does not know, left unmapped: 44."]
    weights.write_text("class,biophony,geophony,anthrophony\nBuilding,0.4,0.1,0.5\n")
    made = run("soundscapegrid", {**parameters, "WEIGHTS": str(weights)})
    np.testing.assert_allclose(bands(made["OUTPUT"])[:3, 10, 10], (0.4, 0.1, 0.5), atol=1e-6)
    weights.write_text("class,code,biophony,geophony,anthrophony\nBuilding,7,0.4,0.1,0.5\n")
    with pytest.raises(AlgorithmError, match="The weights table lists codes, and so does the crosswalk"):
        run("soundscapegrid", {**parameters, "WEIGHTS": str(weights)})
    made = run("soundscapegrid", {**parameters, "WEIGHTS": str(weights), "CROSSWALK": "class names"})
    np.testing.assert_allclose(bands(made["OUTPUT"])[:3, 10, 10], (0.4, 0.1, 0.5), atol=1e-6)
