"""The BGA raster: every pixel has its row of Table 1, to the bit."""

from __future__ import annotations

import os

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, make_raster, read_raster
from osgeo import gdal
from qgis.core import QgsMultiBandColorRenderer, QgsRasterLayer

#: Table 1 of the paper, aerial classes in its order: biophony, geophony, anthrophony.
TABLE_1 = [
    (1.0, 0.3, 0.0),  # grassland
    (1.0, 0.3, 0.0),  # forest, vegetation
    (1.0, 0.3, 0.0),  # wetlands
    (0.3, 1.0, 0.0),  # waterbody
    (0.1, 0.1, 1.0),  # bare land
    (0.1, 0.0, 1.0),  # road, sidewalk
    (0.1, 0.0, 1.0),  # building
    (0.0, 0.0, 1.0),  # vehicles
    (1.0, 0.0, 0.3),  # cropland
]
NODATA = -9999.0


@pytest.fixture
def classes(tmp_path) -> str:
    """0 (unclassified) to 9 and 255 (nodata), each a block of 30 x 40 pixels."""
    codes = np.repeat(np.repeat(np.array([[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 255, 0]], np.uint8), 30, 0), 40, 1)
    return make_raster(tmp_path / "classes.tif", codes, (4.5, 52.0), (0.002, 0.001), 4326, nodata=255)


def test_every_class_has_exactly_its_weights(run, classes, tmp_path):
    output = str(tmp_path / "bga.tif")
    made = run("bgaraster", {"INPUT": classes, "OUTPUT": output})
    assert made["OUTPUT"] == output
    codes = read_raster(classes)
    for band in range(3):
        values = read_raster(output, band + 1)
        assert values.dtype == np.float32
        for code, weights in enumerate(TABLE_1, start=1):
            assert (values[codes == code] == np.float32(weights[band])).all()
        assert (values[(codes == 0) | (codes == 255)] == NODATA).all()


def test_bands_are_named_and_lie_where_the_classes_lie(run, classes, tmp_path):
    output = run("bgaraster", {"INPUT": classes, "OUTPUT": str(tmp_path / "bga.tif")})["OUTPUT"]
    made, given = gdal.Open(output), gdal.Open(classes)
    assert made.RasterCount == 3
    bands = [made.GetRasterBand(number) for number in (1, 2, 3)]
    assert [band.GetDescription() for band in bands] == ["Biophony", "Geophony", "Anthrophony"]
    assert [gdal.GetDataTypeName(band.DataType) for band in bands] == ["Float32"] * 3
    assert [band.GetNoDataValue() for band in bands] == [NODATA] * 3
    np.testing.assert_allclose(made.GetGeoTransform(), given.GetGeoTransform(), rtol=1e-12)
    assert (made.RasterXSize, made.RasterYSize) == (given.RasterXSize, given.RasterYSize)
    assert "WGS 84" in made.GetProjection()


def test_blocks_meet_without_a_seam(run, tmp_path):
    """Larger than one block of 1024 pixels."""
    codes = np.random.default_rng(2).integers(1, 10, (1100, 1500), dtype=np.uint8)
    path = make_raster(tmp_path / "large.tif", codes, nodata=255)
    output = run("bgaraster", {"INPUT": path, "OUTPUT": str(tmp_path / "bga.tif")})["OUTPUT"]
    table = np.array([(0.0, 0.0, 0.0), *TABLE_1], dtype=np.float32)
    for band in range(3):
        np.testing.assert_array_equal(read_raster(output, band + 1), table[codes, band])


def test_it_is_drawn_as_rgb_wherever_it_is_opened(run, classes, tmp_path):
    output = run("bgaraster", {"INPUT": classes, "OUTPUT": str(tmp_path / "bga.tif")})["OUTPUT"]
    assert os.path.exists(tmp_path / "bga.qml")
    layer = QgsRasterLayer(output, "bga")
    renderer = layer.renderer()
    assert isinstance(renderer, QgsMultiBandColorRenderer)
    # Anthrophony red, biophony green, geophony blue.
    assert (renderer.redBand(), renderer.greenBand(), renderer.blueBand()) == (3, 1, 2)
    for stretch in (
        renderer.redContrastEnhancement(),
        renderer.greenContrastEnhancement(),
        renderer.blueContrastEnhancement(),
    ):
        assert (stretch.minimumValue(), stretch.maximumValue()) == (0.0, 1.0)


def test_provenance_is_kept_with_the_layer(run, classes, tmp_path):
    output = run("bgaraster", {"INPUT": classes, "OUTPUT": str(tmp_path / "bga.tif")})["OUTPUT"]
    layer = QgsRasterLayer(output, "bga")
    layer.loadDefaultMetadata()
    history = "\n".join(layer.metadata().history())
    assert "tool: soundvis:bgaraster" in history
    assert "INPUT" in history and "classes.tif" in history


def test_without_names_the_assumption_is_said(run, classes, tmp_path):
    made = run("bgaraster", {"INPUT": classes, "OUTPUT": str(tmp_path / "bga.tif")})
    assert any("does not name its classes" in warning for warning in made.feedback.warnings)


def test_classes_without_weights_have_no_data_and_are_named(run, tmp_path):
    path = make_raster(tmp_path / "own.tif", np.array([[1, 2]], dtype=np.uint8).repeat(5, 0))
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.GetRasterBand(1).SetCategoryNames(["", "Forest", "Cloud"])
    del dataset
    made = run("bgaraster", {"INPUT": path, "OUTPUT": str(tmp_path / "bga.tif")})
    assert read_raster(made["OUTPUT"], 1).tolist() == [[1.0, NODATA]] * 5
    assert "Classes without weights have no data: Cloud." in made.feedback.warnings


def test_large_codes_by_the_code_column(run, tmp_path):
    path = make_raster(tmp_path / "corine.tif", np.array([[111, 311, 523, -1]], dtype=np.int16).repeat(4, 0))
    weights = tmp_path / "weights.csv"
    weights.write_text("code,class,biophony,geophony,anthrophony\n111,City,0.1,0,1\n523,Sea,0.25,1,0\n")
    parameters = {"INPUT": path, "WEIGHTS": str(weights), "OUTPUT": str(tmp_path / "bga.tif")}
    output = run("bgaraster", parameters)["OUTPUT"]
    assert read_raster(output, 2).tolist() == [[0.0, NODATA, 1.0, NODATA]] * 4
    assert read_raster(output, 3).tolist() == [[1.0, NODATA, 0.0, NODATA]] * 4


def test_no_class_with_weights_is_an_error(run, tmp_path):
    path = make_raster(tmp_path / "sky.tif", np.ones((4, 4), dtype=np.uint8))
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.GetRasterBand(1).SetCategoryNames(["", "Cloud"])
    del dataset
    with pytest.raises(AlgorithmError, match=r"No class of 'sky' has weights \(Cloud\)"):
        run("bgaraster", {"INPUT": path, "OUTPUT": str(tmp_path / "bga.tif")})
    assert not (tmp_path / "bga.tif").exists()


def test_a_raster_of_decimals_is_refused(run, tmp_path):
    path = make_raster(tmp_path / "dem.tif", np.full((4, 4), 0.5, dtype=np.float32))
    with pytest.raises(AlgorithmError, match="'dem' is not a class raster"):
        run("bgaraster", {"INPUT": path, "OUTPUT": str(tmp_path / "bga.tif")})


def test_a_cancelled_run_leaves_nothing(run, tmp_path):
    path = make_raster(tmp_path / "large.tif", np.ones((1100, 2100), dtype=np.uint8))
    folder = tmp_path / "out"
    folder.mkdir()
    run("bgaraster", {"INPUT": path, "OUTPUT": str(folder / "bga.tif")}, Feedback(cancel_at=10))
    assert list(folder.iterdir()) == []
