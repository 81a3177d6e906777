"""``segmentraster``: the core's classes, block by block, in a raster that says what its codes mean."""

from __future__ import annotations

import os

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, make_raster, read_features, read_raster
from osgeo import gdal
from qgis.core import QgsPalettedRasterRenderer, QgsRasterLayer

#: The classes of the paper's Table 1 in its order, with the colours they are drawn in.
PAPER = {
    1: ("Grassland", "#a8d66b"),
    2: ("Forest/Vegetation", "#0b4a20"),
    3: ("Wetlands", "#5cc9bd"),
    4: ("Waterbody", "#2f7fc1"),
    5: ("Bare Land", "#dcc296"),
    6: ("Road/Sidewalk", "#7f7f7f"),
    7: ("Building", "#c8553d"),
    8: ("Vehicles", "#8e0a6b"),
    9: ("Cropland", "#f2d43d"),
}
NODATA = 255
ORIGIN = (500000.0, 5800000.0)
PIXEL = 0.5


@pytest.fixture(scope="module")
def pixels():
    """Grass, wood, water, asphalt and roofs in blotches, uint8 (3, 1150, 1300): two blocks by two."""
    random = np.random.default_rng(8)
    colours = np.array([[120, 160, 80], [40, 70, 35], [50, 80, 110], [120, 120, 122], [170, 90, 70]], float)
    coarse = random.integers(0, len(colours), (23, 26))
    which = np.kron(coarse, np.ones((50, 50), int))
    picture = colours[which] + random.normal(0, 6, (*which.shape, 1)) + random.normal(0, 2, (*which.shape, 3))
    return np.ascontiguousarray(np.moveaxis(np.clip(np.rint(picture), 0, 255).astype(np.uint8), 2, 0))


@pytest.fixture(scope="module")
def aerial(pixels, tmp_path_factory):
    return make_raster(tmp_path_factory.mktemp("aerial") / "aerial.tif", pixels, ORIGIN, PIXEL)


def whole(pixels, classes="paper-aerial", valid=None, pixel=PIXEL):
    """What the core makes of the whole array at once."""
    from soundvis_core.classes import load_classes
    from soundvis_core.models.spectral_index import SpectralIndex

    valid = np.ones(pixels.shape[1:], bool) if valid is None else valid
    bands = np.where(valid, pixels.astype(np.float32) / 255, 0)
    return SpectralIndex().segment(bands, valid, load_classes(classes), pixel)


@pytest.fixture(scope="module")
def segmented(provider, aerial, tmp_path_factory):
    from helpers import run_algorithm

    path = str(tmp_path_factory.mktemp("classes") / "classes.tif")
    return run_algorithm("segmentraster", {"INPUT": aerial, "OUTPUT": path})["OUTPUT"]


def labels_of(path):
    """Label and colour by code, as a fresh layer draws them."""
    # The layer owns its renderer, and a dataset its bands: both have to be held.
    layer = QgsRasterLayer(path, "classes", "gdal")
    renderer = layer.renderer()
    assert isinstance(renderer, QgsPalettedRasterRenderer)
    return {int(entry.value): (entry.label, entry.color.name()) for entry in renderer.classes()}


def names_in_file(path):
    """Class names by code in the metadata of the band."""
    gdal.UseExceptions()
    dataset = gdal.Open(path)
    items = dataset.GetRasterBand(1).GetMetadata()
    return {int(key[6:]): name for key, name in items.items() if key.startswith("CLASS_")}


def test_blocks_make_the_whole(segmented, pixels):
    codes = read_raster(segmented)
    expected = whole(pixels)
    assert codes.shape == (1150, 1300)
    # UTM's scale of 0.9996 changes the pixel size that the texture rules see by as much, and no class.
    np.testing.assert_array_equal(codes, expected)
    assert len(np.unique(codes)) >= 4


def test_the_file_says_what_its_codes_mean(segmented):
    gdal.UseExceptions()
    dataset = gdal.Open(segmented)
    band = dataset.GetRasterBand(1)
    assert dataset.RasterCount == 1
    assert band.DataType == gdal.GDT_Byte
    assert band.GetNoDataValue() == NODATA
    assert dataset.GetGeoTransform() == (500000.0, 0.5, 0.0, 5800000.0, 0.0, -0.5)
    assert QgsRasterLayer(segmented).crs().authid() == "EPSG:32631"
    assert names_in_file(segmented) == {code: name for code, (name, _) in PAPER.items()}
    assert band.GetCategoryNames()[1:] == [name for name, _ in PAPER.values()]
    table = band.GetColorTable()
    assert {code: "#{:02x}{:02x}{:02x}".format(*table.GetColorEntry(code)[:3]) for code in PAPER} == {
        code: colour for code, (_, colour) in PAPER.items()
    }
    assert band.GetBlockSize() == [256, 256]


def test_class_names_survive_without_their_side_cars(segmented, tmp_path):
    import shutil

    shutil.copy(segmented, tmp_path / "alone.tif")
    assert names_in_file(str(tmp_path / "alone.tif"))[4] == "Waterbody"
    from soundvis_qgis.layers.class_rasters import class_names

    names = class_names(QgsRasterLayer(str(tmp_path / "alone.tif")))
    assert names == {code: name for code, (name, _) in PAPER.items()}


def test_a_fresh_layer_is_styled_by_the_side_car(segmented):
    assert os.path.exists(os.path.splitext(segmented)[0] + ".qml")
    assert labels_of(segmented) == PAPER


def test_provenance_lies_beside_it(segmented):
    layer = QgsRasterLayer(segmented, "classes", "gdal")
    layer.loadDefaultMetadata()
    history = "\n".join(layer.metadata().history())
    assert "tool: soundvis:segmentraster" in history
    assert "spectral-index" in history
    assert "paper-aerial" in history


def test_extent_is_honoured_to_the_pixel(run, aerial, pixels, tmp_path):
    """From pixel (100, 40) to (220, 130): whole pixels that the extent touches."""
    left, top = ORIGIN[0] + 100 * PIXEL, ORIGIN[1] - 40 * PIXEL
    exact = f"{left},{left + 60},{top - 45},{top} [EPSG:32631]"
    touched = f"{left + 0.2},{left + 59.8},{top - 44.9},{top - 0.1} [EPSG:32631]"
    rows = []
    for index, extent in enumerate((exact, touched)):
        path = str(tmp_path / f"part{index}.tif")
        run("segmentraster", {"INPUT": aerial, "EXTENT": extent, "OUTPUT": path})
        dataset = gdal.Open(path)
        assert dataset.GetGeoTransform() == (left, 0.5, 0.0, top, 0.0, -0.5)
        assert (dataset.RasterXSize, dataset.RasterYSize) == (120, 90)
        rows.append(read_raster(path))
    np.testing.assert_array_equal(rows[0], whole(pixels[:, 40:130, 100:220]))
    np.testing.assert_array_equal(rows[1], rows[0])


def test_extent_in_another_crs(run, aerial, tmp_path):
    """The middle of the raster, given in degrees: whole pixels around it."""
    path = str(tmp_path / "part.tif")
    run(
        "segmentraster",
        {"INPUT": aerial, "EXTENT": "3.0040,3.0050,52.3480,52.3490 [EPSG:4326]", "OUTPUT": path},
    )
    grid = gdal.Open(path)
    # 0.001 degrees of latitude are 111.3 m here, of longitude 68.2 m.
    assert grid.RasterXSize * PIXEL == pytest.approx(68.2, abs=1.5)
    assert grid.RasterYSize * PIXEL == pytest.approx(111.3, abs=1.5)
    transform = grid.GetGeoTransform()
    assert (transform[0] - ORIGIN[0]) % PIXEL == pytest.approx(0, abs=1e-6)
    assert (ORIGIN[1] - transform[3]) % PIXEL == pytest.approx(0, abs=1e-6)


def test_an_extent_outside_is_one_clear_error(run, aerial, tmp_path):
    with pytest.raises(AlgorithmError, match="extent does not overlap the raster"):
        run(
            "segmentraster",
            {"INPUT": aerial, "EXTENT": "0,10,0,10 [EPSG:32631]", "OUTPUT": str(tmp_path / "out.tif")},
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("extent", ["500010,500010,5799900,5799950", "500010,500050,5799900,5799900"])
def test_an_empty_extent_is_not_the_whole_raster(run, aerial, tmp_path, extent):
    with pytest.raises(AlgorithmError, match="extent is empty"):
        run(
            "segmentraster",
            {"INPUT": aerial, "EXTENT": extent + " [EPSG:32631]", "OUTPUT": str(tmp_path / "out.tif")},
        )
    assert list(tmp_path.iterdir()) == []


def test_resolution_sets_the_pixel(run, aerial, tmp_path):
    path = str(tmp_path / "coarse.tif")
    run("segmentraster", {"INPUT": aerial, "RESOLUTION": 2.0, "OUTPUT": path})
    dataset = gdal.Open(path)
    assert (dataset.RasterXSize, dataset.RasterYSize) == (325, 288)
    assert dataset.GetGeoTransform() == (500000.0, 2.0, 0.0, 5800000.0, 0.0, -2.0)


def test_another_preset(run, aerial, tmp_path):
    from soundvis_core.classes import load_classes

    path = str(tmp_path / "loveda.tif")
    part = f"{ORIGIN[0]},{ORIGIN[0] + 100},{ORIGIN[1] - 100},{ORIGIN[1]} [EPSG:32631]"
    run("segmentraster", {"INPUT": aerial, "CLASSES": "loveda", "EXTENT": part, "OUTPUT": path})
    expected = {entry.code: entry.name for entry in load_classes("loveda").classes}
    assert names_in_file(path) == expected
    assert set(np.unique(read_raster(path))) <= {0, *expected}


def test_classes_of_a_csv(run, aerial, pixels, tmp_path):
    table = tmp_path / "my classes.csv"
    table.write_text(
        "code;name;colour;synonyms\n17;Green things;#00ff00;grass|tree\n200;Wasser;#0000ff;water\n3;Grau;;road|house\n",
        encoding="utf-8",
    )
    path = str(tmp_path / "mine.tif")
    part = f"{ORIGIN[0]},{ORIGIN[0] + 200},{ORIGIN[1] - 200},{ORIGIN[1]} [EPSG:32631]"
    run("segmentraster", {"INPUT": aerial, "CLASSES": str(table), "EXTENT": part, "OUTPUT": path})
    codes = read_raster(path)
    np.testing.assert_array_equal(codes, whole(pixels[:, :400, :400], str(table)))
    assert {17, 200, 3} <= set(np.unique(codes)) <= {0, 3, 17, 200}
    labels = {code: label for code, (label, _) in labels_of(path).items()}
    assert labels == {3: "Grau", 17: "Green things", 200: "Wasser"}
    assert labels_of(path)[17][1] == "#00ff00"


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("no-such-list", "There is no class list 'no-such-list'"),
        ("/nowhere/classes.csv", "does not exist"),
        ("", "Incorrect parameter value for CLASSES"),
    ],
)
def test_unknown_classes_are_refused_before_the_run(run, aerial, tmp_path, classes, message):
    with pytest.raises(AlgorithmError, match=message):
        run("segmentraster", {"INPUT": aerial, "CLASSES": classes, "OUTPUT": str(tmp_path / "out.tif")})
    assert list(tmp_path.iterdir()) == []


def test_nodata_stays_nodata(run, pixels, tmp_path):
    part = pixels[:, :300, :400].copy()
    part[part == 0] = 1
    part[:, 50:120, 200:300] = 0
    part[:, :, :10] = 0
    raster = make_raster(tmp_path / "holes.tif", part, ORIGIN, PIXEL, nodata=0)
    path = str(tmp_path / "classes.tif")
    run("segmentraster", {"INPUT": raster, "OUTPUT": path})
    codes = read_raster(path)
    hole = np.zeros((300, 400), bool)
    hole[50:120, 200:300] = True
    hole[:, :10] = True
    np.testing.assert_array_equal(codes == NODATA, hole)
    np.testing.assert_array_equal(codes, whole(part, valid=~hole))


def test_transparent_pixels_are_nodata(run, pixels, tmp_path):
    part = pixels[:, :200, :200]
    alpha = np.full((1, 200, 200), 255, np.uint8)
    alpha[:, 100:, :] = 0
    raster = make_raster(tmp_path / "alpha.tif", np.concatenate([part, alpha]), ORIGIN, PIXEL, alpha=True)
    path = str(tmp_path / "classes.tif")
    run("segmentraster", {"INPUT": raster, "OUTPUT": path})
    codes = read_raster(path)
    assert (codes[100:] == NODATA).all()
    np.testing.assert_array_equal(codes[:100] == NODATA, False)


def test_a_single_band_is_one_clear_error_and_no_file(run, pixels, tmp_path):
    raster = make_raster(tmp_path / "grey.tif", pixels[0, :200, :200], ORIGIN, PIXEL)
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(AlgorithmError, match=r"needs three bands .* this raster has 1"):
        run("segmentraster", {"INPUT": raster, "OUTPUT": str(folder / "classes.tif")})
    assert list(folder.iterdir()) == []


def test_formats(run, aerial, tmp_path):
    part = f"{ORIGIN[0]},{ORIGIN[0] + 60},{ORIGIN[1] - 40},{ORIGIN[1]} [EPSG:32631]"
    base = {"INPUT": aerial, "EXTENT": part}
    plain = read_raster(run("segmentraster", {**base, "OUTPUT": str(tmp_path / "a.tif")})["OUTPUT"])
    erdas = run("segmentraster", {**base, "OUTPUT": str(tmp_path / "b.img")})["OUTPUT"]
    np.testing.assert_array_equal(read_raster(erdas), plain)
    assert gdal.Open(erdas).GetDriver().ShortName == "HFA"
    for name in ("c.png", "c.jpg"):
        with pytest.raises(AlgorithmError, match=rf"'\{name[1:]}'. Choose a GeoTIFF \(.tif\)"):
            run("segmentraster", {**base, "OUTPUT": str(tmp_path / name)})
    assert sorted({file.name[0] for file in tmp_path.iterdir()}) == ["a", "b"]


def test_the_folder_of_the_output_is_made(run, aerial, tmp_path):
    part = f"{ORIGIN[0]},{ORIGIN[0] + 60},{ORIGIN[1] - 40},{ORIGIN[1]} [EPSG:32631]"
    path = str(tmp_path / "new" / "classes.tif")
    assert run("segmentraster", {"INPUT": aerial, "EXTENT": part, "OUTPUT": path})["OUTPUT"] == path
    assert read_raster(path).shape == (round(40 / PIXEL), round(60 / PIXEL))


def test_a_temporary_output_is_a_geotiff(run, aerial):
    part = f"{ORIGIN[0]},{ORIGIN[0] + 60},{ORIGIN[1] - 40},{ORIGIN[1]} [EPSG:32631]"
    made = run("segmentraster", {"INPUT": aerial, "EXTENT": part, "OUTPUT": "TEMPORARY_OUTPUT"})
    assert made["OUTPUT"].endswith(".tif")
    assert read_raster(made["OUTPUT"]).shape == (80, 120)


def test_cancelling_leaves_nothing_and_keeps_what_was(run, aerial, tmp_path):
    path = tmp_path / "classes.tif"
    path.write_bytes(b"an earlier result")
    feedback = Feedback(cancel_at=20.0)
    made = run("segmentraster", {"INPUT": aerial, "OUTPUT": str(path)}, feedback)
    assert "OUTPUT" not in made
    assert [file.name for file in tmp_path.iterdir()] == ["classes.tif"]
    assert path.read_bytes() == b"an earlier result"


def test_an_earlier_result_is_replaced_with_its_side_cars(run, aerial, tmp_path):
    part = f"{ORIGIN[0]},{ORIGIN[0] + 60},{ORIGIN[1] - 40},{ORIGIN[1]} [EPSG:32631]"
    path = str(tmp_path / "classes.tif")
    for preset in ("paper-aerial", "potsdam"):
        run("segmentraster", {"INPUT": aerial, "EXTENT": part, "CLASSES": preset, "OUTPUT": path})
    assert "Wetlands" not in {label for label, _ in labels_of(path).values()}
    assert "Wetlands" not in names_in_file(path).values()


@pytest.fixture(scope="module")
def town_shares(town, tmp_path_factory):
    """Class shares within 100 m of every site of the sample town, as the tools find them."""
    from helpers import run_algorithm

    path = str(tmp_path_factory.mktemp("town") / "classes.tif")
    run_algorithm("segmentraster", {"INPUT": town.aerial, "OUTPUT": path})
    made = run_algorithm("bgasites", {"INPUT": town.sites, "CLASSES": path, "RADIUS": 100.0})
    return {row["site_id"]: row for row in made.features()}


def test_the_sample_town_is_within_ten_points_of_its_truth(town, town_shares):
    from soundvis_core.classes import slug

    truth = town.truth["sites"]
    assert set(truth) == set(town_shares)
    assert len(truth) == 40
    wrong = {}
    for site, known in truth.items():
        assert sum(known["landcover"].values()) == pytest.approx(1.0, abs=1e-6)
        for name, share in known["landcover"].items():
            found = town_shares[site]["aer_" + slug(name)]
            if abs(found - share) > 0.10:
                wrong[site, name] = (round(found, 3), round(share, 3))
    assert wrong == {}


def test_rivers_and_woods_of_the_town_lie_where_they_should(town, town_shares):
    truth = town.truth["sites"]
    wettest = max(truth, key=lambda site: truth[site]["landcover"]["Waterbody"])
    greenest = max(truth, key=lambda site: truth[site]["landcover"]["Forest/Vegetation"])
    assert town_shares[wettest]["aer_waterbody"] > 0.2
    assert town_shares[greenest]["aer_forest_vegetation"] > 0.8
    assert town_shares[greenest]["aer_dominant"] == "biophony"


def test_the_sites_file_is_whole(town):
    rows = read_features(town.sites)
    assert {row["site_id"] for row in rows} == set(town.truth["sites"])
    assert all(os.path.exists(row["recording"]) and os.path.exists(row["photo"]) for row in rows)


def test_the_log_says_what_was_found(run, tmp_path):
    """Grass-green paint over the whole raster: one class, and no warning."""
    green = np.full((3, 200, 200), 0, np.uint8)
    green[0], green[1], green[2] = 118, 140, 78
    raster = make_raster(tmp_path / "green.tif", green, pixel=0.5)
    done = run("segmentraster", {"INPUT": raster, "OUTPUT": str(tmp_path / "classes.tif")})
    assert "Found: Grassland 100.0%" in done.feedback.text


def test_a_class_raster_is_no_aerial_image(run, tmp_path):
    green = np.full((3, 200, 200), 100, np.uint8)
    raster = make_raster(tmp_path / "green.tif", green, pixel=0.5)
    run("segmentraster", {"INPUT": raster, "OUTPUT": str(tmp_path / "classes.tif")})
    with pytest.raises(AlgorithmError, match="is a class raster already"):
        run("segmentraster", {"INPUT": str(tmp_path / "classes.tif"), "OUTPUT": str(tmp_path / "again.tif")})
    assert not (tmp_path / "again.tif").exists()
