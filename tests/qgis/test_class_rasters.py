"""Class rasters as people have them, in ``bgasites``: codes without names, pictures, damage, names that clash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import AlgorithmError, make_raster
from osgeo import gdal
from qgis.core import QgsRasterLayer

#: The middle of a raster of 400 x 400 pixels of 1 m.
CENTRE = (500200.0, 4999800.0)


def set_categories(path: str, names: list[str]) -> str:
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.GetRasterBand(1).SetCategoryNames(names)
    dataset.FlushCache()
    return path


@pytest.mark.parametrize("largest", [255, 254])
def test_a_grey_picture_is_no_class_raster(run, make_points, tmp_path, largest):
    grey = np.random.default_rng(0).integers(0, largest + 1, (400, 400), dtype=np.uint8)
    path = make_raster(tmp_path / "grey.tif", grey)
    with pytest.raises(AlgorithmError, match=r"does not say what its codes mean.*'Segment raster'"):
        run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": path})


def test_a_picture_is_no_map_of_a_crosswalk(run, make_points, tmp_path):
    """Some colours of a picture are codes of a crosswalk by chance."""
    colours = np.random.default_rng(0).integers(0, 256, (3, 400, 400), dtype=np.uint8)
    path = make_raster(tmp_path / "aerial.tif", colours)
    words = r"'aerial' has 3 bands.*looks like a picture"
    with pytest.raises(AlgorithmError, match=words):
        run("bgalandcover", {"INPUT": make_points([CENTRE]), "LANDCOVER": [path], "CROSSWALK": "worldcover"})
    output = str(tmp_path / "scape.tif")
    for crosswalk in ("class names", "worldcover"):
        with pytest.raises(AlgorithmError, match=words):
            run("soundscapegrid", {"INPUT": path, "CROSSWALK": crosswalk, "CELL": 10.0, "OUTPUT": output})


@pytest.mark.parametrize("nodata", [None, 99])
def test_nodata_is_no_strange_code(run, make_points, tmp_path, nodata):
    """Half waterbody (4), a quarter unclassified, and a quarter nodata: 255 always, 99 where the file says so."""
    codes = np.full((400, 400), 4, dtype=np.uint8)
    codes[:, 200:], codes[200:, 200:] = 0, nodata or 255
    path = make_raster(tmp_path / "codes.tif", codes, nodata=nodata)
    (site,) = run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": path}).features()
    assert site["aer_waterbody"] == pytest.approx(0.5, abs=0.01)
    assert site["aer_nodata"] == pytest.approx(0.25 if nodata else 0.0, abs=0.01)


def test_nothing_is_left_beside_the_raster(run, make_points, project, tmp_path):
    # With colours of its own: for others QGIS itself measures the raster, and keeps that beside it.
    colours = {3: (0, 90, 200), 8: (200, 0, 90)}
    path = make_raster(tmp_path / "codes.tif", np.full((400, 400), 3, dtype=np.uint8), palette=colours)
    before = sorted(file.name for file in tmp_path.iterdir())
    made = run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": path})
    assert any("does not name its classes" in warning for warning in made.feedback.warnings)
    del made
    project.clear()
    assert sorted(file.name for file in tmp_path.iterdir()) == before


def test_a_strange_code_is_found_wherever_it_stands(qgis_app, tmp_path):
    """Far larger than what is looked at: windows lie in every eighth of it, the corners included."""
    from soundvis_qgis.layers.rasters import RasterSource

    codes = np.ones((1500, 2100), dtype=np.uint8)
    codes[-1, -1], codes[0, 0], codes[100:400, 800:1100] = 77, 88, 99
    codes[300:420] = 3
    layer = QgsRasterLayer(make_raster(tmp_path / "codes.tif", codes, nodata=3), "codes")
    assert RasterSource(layer).found_codes() == {1, 77, 88, 99}


def test_an_unreadable_block_fails_the_sites_on_it_only(run, make_points, tmp_path):
    path = make_raster(tmp_path / "cut.tif", np.full((400, 400), 4, dtype=np.uint8))
    set_categories(path, ["", "Ground", "", "", "Water"])
    weights = tmp_path / "own.csv"
    weights.write_text("class,biophony,geophony,anthrophony\nWater,0,1,0\n")
    data = Path(path).read_bytes()
    assert len(data) > 160000
    strips = data.index(bytes([4]) * 1000)
    # Only the rows of the upper half are left.
    Path(path).write_bytes(data[: strips + 80000])
    north, south = (CENTRE[0], CENTRE[1] + 100), (CENTRE[0], CENTRE[1] - 100)
    made = run(
        "bgasites",
        {
            "INPUT": make_points([north, south, north]),
            "CLASSES": path,
            "WEIGHTS": str(weights),
            "RADIUS": 50.0,
        },
    )
    good, bad, again = made.features()
    assert [site["aer_bga_status"] for site in (good, bad, again)] == ["ok", "failed", "ok"]
    assert "could not be read" in bad["aer_bga_reason"] and bad["aer_water"] is None
    assert good["aer_water"] == pytest.approx(1.0)


def test_classes_called_like_results_get_names_of_their_own(run, make_points, tmp_path):
    """Rows in turn of six classes, of which two differ in punctuation only."""
    rows, _ = np.mgrid[0:400, 0:400]
    path = make_raster(tmp_path / "named.tif", (rows % 6 + 1).astype(np.uint8))
    set_categories(path, ["", "NODATA", "Bio", "Road/Sidewalk", "road sidewalk", "Nodata share", "???"])
    (site,) = run("bgasites", {"INPUT": make_points([CENTRE]), "CLASSES": path}).features()
    expected = {
        "aer_nodata_share_share": 1 / 6,
        "aer_bio_share": 1 / 6,
        "aer_road_sidewalk": 2 / 6,
        "aer_nodata_share": 1 / 6,
        "aer_class_6": 1 / 6,
        "aer_nodata": 0.0,
        "aer_bio": 0.1 / 1.1,  # of roads
        "aer_ant_raw": 2 / 6,
        "aer_unmapped": 4 / 6,
    }
    for name, value in expected.items():
        assert site[name] == pytest.approx(value, abs=0.01), name


@pytest.mark.parametrize("tool", ["bgasites", "bgaraster"])
def test_what_is_assumed_names_what_else_it_may_be(run, make_points, tmp_path, tool):
    path = make_raster(tmp_path / "codes.tif", np.tile(np.arange(1, 9, dtype=np.uint8), (400, 50)))
    parameters = {"INPUT": make_points([CENTRE]), "CLASSES": path}
    if tool == "bgaraster":
        parameters = {"INPUT": path, "OUTPUT": str(tmp_path / "bga.tif")}
    (warning,) = [text for text in run(tool, parameters).feedback.warnings if "does not name" in text]
    assert "codes 1 to 9 are taken for the classes of the paper in the order of its Table 1" in warning
    assert "They may as well be those of corine or openearthmap: 'BGA of a land cover map'" in warning
    path = make_raster(tmp_path / "wc.tif", np.tile(np.array([10, 50], dtype=np.uint8), (400, 200)))
    said = r"\(10, 50\)\. Most of the map's classes are in the crosswalk 'worldcover': 'BGA of a land"
    with pytest.raises(AlgorithmError, match=said):
        run(tool, {**parameters, "INPUT" if tool == "bgaraster" else "CLASSES": path})


def test_all_schemes_of_rasters_are_offered():
    from soundvis_core.bga.crosswalks import CODED
    from soundvis_qgis.algorithms.composition.class_cover import CROSSWALKS, NAMES

    assert CROSSWALKS[0] == NAMES and set(CROSSWALKS[1:]) == set(CODED)
