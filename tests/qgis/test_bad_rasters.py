"""Rasters of every kind, as basemaps of ``embedimagery`` and ``segmentraster``: each has a defined outcome."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from helpers import AlgorithmError, as_crs, make_raster, read_raster, vector
from osgeo import gdal
from PIL import Image
from qgis.core import QgsProject, QgsRasterLayer

ORIGIN = (500000.0, 5800000.0)
#: The middle of a raster of 300 x 300 pixels of 1 m.
PLACE = (500150.0, 5799850.0)
SIZE = 300


def means_of(embedding):
    """Mean L*, a*, b* and the same of the nine cells, in the scale of the embedding."""
    from soundvis_core.models.colour_texture import ColourTexture

    names = ColourTexture.names
    picked = [index for index, name in enumerate(names) if name.startswith(("mean_", "cell_"))]
    return embedding[picked]


def expected_means(picture):
    from soundvis_core.models.colour_texture import ColourTexture

    return means_of(ColourTexture().encode([picture])[0])


def describe(run, make_points, raster, footprint=200.0, places=(PLACE,), crs=32631):
    made = run(
        "embedimagery",
        {"INPUT": make_points(list(places), crs=crs), "RASTER": raster, "FOOTPRINT": footprint},
    )
    return made.features()


@pytest.fixture(scope="module")
def picture():
    """Three stripes from west to east, of red, green and blue roofs; uint8 (300, 300, 3)."""
    pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
    pixels[:, :100], pixels[:, 100:200], pixels[:, 200:] = (180, 60, 40), (60, 140, 60), (40, 80, 170)
    return pixels


def bands(picture):
    return np.ascontiguousarray(np.moveaxis(picture, 2, 0))


def middle(picture, reach=100):
    centre = SIZE // 2
    return picture[centre - reach : centre + reach, centre - reach : centre + reach]


def test_plain(run, make_points, tmp_path, picture):
    raster = make_raster(tmp_path / "plain.tif", bands(picture), ORIGIN)
    row = describe(run, make_points, raster)[0]
    np.testing.assert_allclose(means_of(vector(row["aer_emb"])), expected_means(middle(picture)), atol=0.08)


def test_one_band_is_grey(run, make_points, tmp_path, picture):
    grey = picture[:, :, 0]
    raster = make_raster(tmp_path / "grey.tif", grey, ORIGIN)
    row = describe(run, make_points, raster)[0]
    expected = expected_means(middle(np.repeat(grey[:, :, None], 3, axis=2)))
    np.testing.assert_allclose(means_of(vector(row["aer_emb"])), expected, atol=0.03)


def test_sixteen_bits_are_stretched_to_their_range(run, make_points, tmp_path, picture):
    """12-bit reflectances: 0 to the 99.5th percentile becomes 0 to 255, the same for every band."""
    deep = bands(picture).astype(np.uint16) * 16
    raster = make_raster(tmp_path / "deep.tif", deep, ORIGIN)
    row = describe(run, make_points, raster)[0]
    scaled = np.clip(picture.astype(float) / 180 * 255, 0, 255)
    expected = expected_means(middle(np.rint(scaled).astype(np.uint8)))
    np.testing.assert_allclose(means_of(vector(row["aer_emb"])), expected, atol=0.05)


def test_sixteen_bits_segment_like_eight(run, tmp_path, picture):
    """Stretched alike, so the same classes."""
    eight = bands(np.clip(np.rint(picture / 180 * 255), 0, 255).astype(np.uint8))
    plain = make_raster(tmp_path / "eight.tif", eight, ORIGIN)
    deep = make_raster(tmp_path / "deep.tif", bands(picture).astype(np.uint16) * 200, ORIGIN)
    results = []
    for name, raster in (("a.tif", plain), ("b.tif", deep)):
        path = str(tmp_path / name)
        run("segmentraster", {"INPUT": raster, "OUTPUT": path})
        results.append(read_raster(path))
    assert (results[0] == results[1]).mean() > 0.99


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_other_number_types(run, make_points, tmp_path, picture, dtype):
    """Reflectances of 0 to 1, and signed whole numbers with a nodata value below zero."""
    values = bands(picture).astype(float)
    values = values / 180 if dtype == "float32" else values * 10
    values[:, :, :20] = -9999
    raster = make_raster(tmp_path / "odd.tif", values.astype(dtype), ORIGIN, nodata=-9999)
    row = describe(run, make_points, raster)[0]
    expected = expected_means(middle(np.rint(np.clip(picture / 180 * 255, 0, 255)).astype(np.uint8)))
    np.testing.assert_allclose(means_of(vector(row["aer_emb"])), expected, atol=0.05)


def test_not_a_number_is_nodata(run, make_points, tmp_path, picture):
    values = bands(picture).astype(np.float32) / 255
    values[:, :, :90] = np.nan
    row = describe(run, make_points, make_raster(tmp_path / "nan.tif", values, ORIGIN))[0]
    # The footprint begins at column 50: 40 of its 200 columns are missing.
    assert row["aer_status"] == "ok"
    assert row["aer_covered"] == pytest.approx(0.80, abs=0.01)
    assert np.isfinite(vector(row["aer_emb"])).all()


def test_transparent_pixels_are_missing(run, make_points, tmp_path, picture):
    alpha = np.full((1, SIZE, SIZE), 255, np.uint8)
    alpha[:, :, :100] = 0
    raster = make_raster(tmp_path / "a.tif", np.concatenate([bands(picture), alpha]), ORIGIN, alpha=True)
    row = describe(run, make_points, raster)[0]
    # 50 of 200 columns.
    assert row["aer_covered"] == pytest.approx(0.75, abs=0.01)
    blank = np.concatenate([bands(picture), np.zeros((1, SIZE, SIZE), np.uint8)])
    row = describe(run, make_points, make_raster(tmp_path / "b.tif", blank, ORIGIN, alpha=True))[0]
    assert (row["aer_status"], row["aer_covered"]) == ("skipped", 0.0)


def test_nodata_holes(run, make_points, tmp_path, picture):
    holed = bands(picture).copy()
    holed[:, 100:140, 100:200] = 0
    raster = make_raster(tmp_path / "holes.tif", holed, ORIGIN, nodata=0)
    row = describe(run, make_points, raster)[0]
    assert row["aer_covered"] == pytest.approx(1 - 40 * 100 / 200**2, abs=0.01)
    # A hole takes the mean of the rest: the mean colour stays what it is without the hole.
    present = np.ones((SIZE, SIZE, 1), bool)
    present[100:140, 100:200] = False
    present = middle(present)[:, :, 0]
    filled = middle(picture).copy()
    filled[~present] = filled[present].mean(axis=0)
    np.testing.assert_allclose(means_of(vector(row["aer_emb"])), expected_means(filled), atol=0.08)


def test_nodata_set_by_the_user_counts(run, make_points, tmp_path, picture, project):
    """ "Additional no data value" in the layer's properties."""
    from qgis.core import QgsRasterRange

    raster = make_raster(tmp_path / "plain.tif", bands(picture), ORIGIN)
    layer = QgsRasterLayer(raster, "basemap", "gdal")
    QgsProject.instance().addMapLayer(layer)
    # 180 is the red of the western stripe.
    layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(180, 180)])
    row = describe(run, make_points, layer)[0]
    assert row["aer_covered"] == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("degrees", [30.0, 90.0])
def test_rotated_geotransform(run, make_points, tmp_path, degrees):
    """The red half of a rotated raster lies where its geotransform puts it."""
    pixels = np.zeros((3, 400, 400), np.uint8)
    pixels[0, :, :200], pixels[2, :, 200:] = 200, 200
    turn = math.radians(degrees)
    # Columns run towards azimuth 90 + degrees; the middle of the raster is PLACE.
    along, across = (math.cos(turn), -math.sin(turn)), (-math.sin(turn), -math.cos(turn))
    left = PLACE[0] - 200 * along[0] - 200 * across[0]
    top = PLACE[1] - 200 * along[1] - 200 * across[1]
    raster = make_raster(
        tmp_path / "rotated.tif", pixels, geotransform=(left, along[0], across[0], top, along[1], across[1])
    )
    places = [
        PLACE,
        (PLACE[0] - 100 * along[0], PLACE[1] - 100 * along[1]),
        (PLACE[0] + 100 * along[0], PLACE[1] + 100 * along[1]),
    ]
    rows = describe(run, make_points, raster, footprint=60.0, places=places)
    assert [row["aer_status"] for row in rows] == ["ok"] * 3
    red, blue = np.zeros((2, 64, 64, 3), np.uint8)
    red[:, :, 0], blue[:, :, 2] = 200, 200
    np.testing.assert_allclose(means_of(vector(rows[1]["aer_emb"])), expected_means(red), atol=0.02)
    np.testing.assert_allclose(means_of(vector(rows[2]["aer_emb"])), expected_means(blue), atol=0.02)
    # About the middle the border between red and blue is turned as the raster is.
    offsets = (np.arange(256) + 0.5) / 256 * 60 - 30
    east, north = np.meshgrid(offsets, -offsets)
    column = east * along[0] + north * along[1]
    both = np.zeros((256, 256, 3), np.uint8)
    both[:, :, 0], both[:, :, 2] = np.where(column < 0, 200, 0), np.where(column < 0, 0, 200)
    np.testing.assert_allclose(means_of(vector(rows[0]["aer_emb"])), expected_means(both), atol=0.25)


def test_in_degrees(run, make_points, tmp_path, picture):
    """Pixels of 1e-5 degrees: 0.68 m from west to east and 1.11 m from south to north at 52.3 N."""
    raster = make_raster(tmp_path / "degrees.tif", bands(picture), (5.0, 52.3015), 1e-5, 4326)
    row = describe(run, make_points, raster, 100.0, [(5.0015, 52.3)], 4326)[0]
    assert (row["aer_status"], row["aer_covered"]) == ("ok", 1.0)
    # 100 m are 146.6 of 300 columns and 89.9 rows.
    cut = picture[105:195, 77:223]
    np.testing.assert_allclose(means_of(vector(row["aer_emb"])), expected_means(cut), atol=0.06)


def test_segmenting_in_degrees_keeps_the_grid(run, tmp_path, picture):
    raster = make_raster(tmp_path / "degrees.tif", bands(picture), (5.0, 52.3015), 1e-5, 4326)
    made = run("segmentraster", {"INPUT": raster, "OUTPUT": str(tmp_path / "classes.tif")})
    dataset = gdal.Open(made["OUTPUT"])
    assert dataset.GetGeoTransform() == pytest.approx((5.0, 1e-5, 0.0, 52.3015, 0.0, -1e-5))
    assert QgsRasterLayer(made["OUTPUT"]).crs() == as_crs(4326)
    # 1e-5 degrees squared at 52.3 N: the root of 0.6826 m times 1.1128 m.
    assert any("300 x 300 pixels of 0.87 m" in line for line in made.feedback.infos)


def test_palette_colours_are_seen(run, make_points, tmp_path):
    """A scanned map with a palette: its colours count, not its numbers."""
    codes = np.zeros((SIZE, SIZE), np.uint8)
    codes[:, 150:] = 1
    raster = make_raster(tmp_path / "map.tif", codes, ORIGIN, palette={0: (200, 30, 30), 1: (30, 30, 200)})
    row = describe(run, make_points, raster)[0]
    seen = np.zeros((256, 256, 3), np.uint8)
    seen[:, :128], seen[:, 128:] = (200, 30, 30), (30, 30, 200)
    np.testing.assert_allclose(means_of(vector(row["aer_emb"])), expected_means(seen), atol=0.25)
    path = str(tmp_path / "classes.tif")
    run("segmentraster", {"INPUT": raster, "OUTPUT": path})
    assert read_raster(path).shape == (SIZE, SIZE)


def test_near_infrared_is_used(run, tmp_path):
    """Equal in colour, unlike in the fourth band: only living plants are bright there."""
    pixels = np.empty((4, 200, 200), np.uint8)
    pixels[:3] = np.array([90, 100, 80], np.uint8)[:, None, None]
    pixels[3, :, :100], pixels[3, :, 100:] = 220, 60
    pixels = np.clip(pixels + np.random.default_rng(2).normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)
    raster = make_raster(tmp_path / "nir.tif", pixels, ORIGIN)
    dataset = gdal.Open(raster, gdal.GA_Update)
    dataset.GetRasterBand(4).SetColorInterpretation(gdal.GCI_Undefined)
    dataset = None
    path = str(tmp_path / "classes.tif")
    run("segmentraster", {"INPUT": raster, "OUTPUT": path})
    codes = read_raster(path)
    green = {1, 2, 9}
    assert np.isin(codes[20:-20, 20:80], list(green)).mean() > 0.9
    assert np.isin(codes[20:-20, 120:180], list(green)).mean() < 0.1


def test_without_a_crs_it_is_one_clear_error(run, make_points, tmp_path, picture):
    raster = make_raster(tmp_path / "lost.tif", bands(picture), ORIGIN, epsg=None)
    with pytest.raises(AlgorithmError, match=r"raster 'lost' has no coordinate reference system.*Set it"):
        run(
            "embedimagery",
            {"INPUT": make_points([PLACE]), "RASTER": raster, "OUTPUT": str(tmp_path / "out.gpkg")},
        )
    with pytest.raises(AlgorithmError, match=r"raster 'lost' has no coordinate reference system.*Set it"):
        run("segmentraster", {"INPUT": raster, "OUTPUT": str(tmp_path / "classes.tif")})
    assert [file.name for file in tmp_path.iterdir()] == ["lost.tif"]


def test_a_broken_raster_is_one_clear_error(run, make_points, tmp_path, picture):
    raster = make_raster(tmp_path / "cut.tif", bands(picture), ORIGIN)
    data = Path(raster).read_bytes()
    Path(raster).write_bytes(data[: len(data) // 2])
    output = tmp_path / "out.tif"
    with pytest.raises(AlgorithmError, match="could not be read"):
        run("segmentraster", {"INPUT": raster, "OUTPUT": str(output)})
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(AlgorithmError):
        run("segmentraster", {"INPUT": str(tmp_path / "text.tif"), "OUTPUT": str(output)})
    with pytest.raises(AlgorithmError):
        describe(run, make_points, str(tmp_path / "nowhere.tif"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["cut.tif", "text.tif"]


def test_an_unreadable_block_fails_the_sites_on_it_only(run, make_points, tmp_path, picture):
    raster = make_raster(tmp_path / "cut.tif", bands(picture)[0], ORIGIN)
    data = Path(raster).read_bytes()
    Path(raster).write_bytes(data[: len(data) // 2])
    north, south = (ORIGIN[0] + 150, ORIGIN[1] - 60), (ORIGIN[0] + 150, ORIGIN[1] - 240)
    good, bad, again = describe(run, make_points, raster, 80.0, [north, south, north])
    assert (good["aer_status"], bad["aer_status"], again["aer_status"]) == ("ok", "failed", "ok")
    assert "'cut' could not be read" in bad["aer_reason"] and bad["aer_emb"] is None


def test_pixels_beyond_the_raster_are_nodata(run, tmp_path):
    """100 m at 30 m a pixel: the centres of the fourth column and row lie at 105 m, those of the third at 75 m."""
    array = np.zeros((3, 100, 100), np.uint8)
    array[:] = np.array([60, 140, 50])[:, None, None]
    raster = make_raster(tmp_path / "ground.tif", array, ORIGIN)
    path = str(tmp_path / "classes.tif")
    run("segmentraster", {"INPUT": raster, "RESOLUTION": 30.0, "OUTPUT": path})
    outside = np.zeros((4, 4), bool)
    outside[3], outside[:, 3] = True, True
    np.testing.assert_array_equal(read_raster(path) == 255, outside)


ZOOM = 18
#: Web Mercator: the side of the world in metres, and of a tile of this zoom.
WORLD = 2 * math.pi * 6378137.0
TILE_SIDE = WORLD / 2**ZOOM
FIRST = (135400, 86100)


@pytest.fixture
def web_map(tmp_path, project):
    """4 x 4 tiles of 256 pixels: the western half green, the eastern half grey. Bounds in EPSG:3857."""
    for column in range(4):
        for row in range(4):
            tile = np.empty((256, 256, 3), np.uint8)
            tile[:] = (50, 120, 40) if column < 2 else (128, 128, 130)
            folder = tmp_path / "tiles" / str(ZOOM) / str(FIRST[0] + column)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(tile).save(folder / f"{FIRST[1] + row}.png")
    address = (tmp_path / "tiles").as_uri() + "/{z}/{x}/{y}.png"
    layer = QgsRasterLayer(
        f"type=xyz&url={address.replace('{', '%7B').replace('}', '%7D')}&zmin={ZOOM}&zmax={ZOOM}",
        "web",
        "wms",
    )
    assert layer.isValid()
    project.addMapLayer(layer)
    left = FIRST[0] * TILE_SIDE - WORLD / 2
    top = WORLD / 2 - FIRST[1] * TILE_SIDE
    return layer, left, top


def test_web_tiles_are_described(run, make_points, web_map):
    layer, left, top = web_map
    side = 4 * TILE_SIDE
    latitude = math.atan(math.sinh((top - side / 2) / 6378137.0))
    footprint = 1.5 * TILE_SIDE * math.cos(latitude)
    places = [
        (left + TILE_SIDE, top - side / 2),
        (left + 3 * TILE_SIDE, top - side / 2),
        (left + side / 2, top - side / 2),
    ]
    rows = describe(run, make_points, layer, footprint, places, 3857)
    assert [row["aer_status"] for row in rows] == ["ok"] * 3
    green, grey = np.zeros((2, 256, 256, 3), np.uint8)
    green[:], grey[:] = (50, 120, 40), (128, 128, 130)
    both = green.copy()
    both[:, 128:] = grey[:, 128:]
    for row, seen, tolerance in zip(rows, (green, grey, both), (0.05, 0.05, 0.25)):
        np.testing.assert_allclose(means_of(vector(row["aer_emb"])), expected_means(seen), atol=tolerance)


def test_web_tiles_are_segmented_at_the_given_pixel(run, web_map, tmp_path):
    layer, left, top = web_map
    pixel = TILE_SIDE / 128
    extent = f"{left},{left + 4 * TILE_SIDE},{top - 2 * TILE_SIDE},{top} [EPSG:3857]"
    path = str(tmp_path / "classes.tif")
    run("segmentraster", {"INPUT": layer, "EXTENT": extent, "RESOLUTION": pixel, "OUTPUT": path})
    codes = read_raster(path)
    assert codes.shape == (256, 512)
    dataset = gdal.Open(path)
    assert dataset.GetGeoTransform() == pytest.approx((left, pixel, 0, top, 0, -pixel))
    vegetation = np.isin(codes, (1, 2, 9))
    assert vegetation[20:-20, 20:236].mean() > 0.95
    assert vegetation[20:-20, 276:492].mean() < 0.05
    assert (codes != 255).all()


@pytest.mark.parametrize("given", [{}, {"RESOLUTION": 1.0}, {"EXTENT": "0,100,0,100 [EPSG:3857]"}])
def test_web_tiles_need_an_extent_and_a_pixel(run, web_map, tmp_path, given):
    layer, _, _ = web_map
    output = tmp_path / "out.tif"
    with pytest.raises(AlgorithmError, match="web layer without pixels of its own"):
        run("segmentraster", {"INPUT": layer, **given, "OUTPUT": str(output)})
    assert not output.exists()


def test_a_web_layer_that_answers_nothing_is_said_so(run, make_points, web_map):
    """Beyond the tiles that are there no picture comes, as from a server that is down."""
    layer, left, top = web_map
    footprint = 0.5 * TILE_SIDE
    places = [(left + 2 * TILE_SIDE, top - 2 * TILE_SIDE), (left - 40 * TILE_SIDE, top)]
    there, dead = describe(run, make_points, layer, footprint, places, 3857)
    assert there["aer_status"] == "ok"
    assert dead["aer_status"] == "failed"
    assert "no image came back from the web layer: check the network" in dead["aer_reason"]
