"""``embedimagery``: the footprint is a north-up square in true metres, in every CRS, and its tile reaches the model."""

from __future__ import annotations

import numpy as np
import pytest
from ground import LEVELS_PER_METRE, MIDDLE, ground_about
from helpers import AlgorithmError, Feedback, make_raster, vector
from qgis.core import QgsProcessingFeatureSourceDefinition, QgsRasterLayer

from soundvis_qgis.compat import BINARY, DOUBLE, STRING

DIMENSION = 87
TILE = 256
#: EPSG code, longitude, latitude (of the CRS's own datum) and name.
PLACES = [
    (3857, 151.2093, -33.8688, "Sydney"),
    (3857, 24.9384, 60.1699, "Helsinki"),
    (3857, 23.6850, 69.9700, "Alta"),
    (4326, 8.5417, 47.3769, "Zurich"),
    (4326, 25.7482, 66.5039, "Rovaniemi"),
    (28992, 6.5665, 53.2194, "Groningen"),
    (28992, 5.6910, 50.8514, "Maastricht"),
    (32756, 150.1500, -33.4100, "Lithgow, far from the central meridian"),
    (32756, 153.0260, -27.4705, "Brisbane"),
]
NAMES = [f"{epsg} {name.split(',')[0]}" for epsg, _, _, name in PLACES]


@pytest.fixture(params=PLACES, ids=NAMES)
def ground(request):
    epsg, longitude, latitude, _ = request.param
    return ground_about(epsg, longitude, latitude)


def tile_of(path, site, side, pixels=TILE):
    from soundvis_core.geodesy import LocalFrame
    from soundvis_qgis.layers.rasters import RasterSource
    from soundvis_qgis.layers.tiles import read_tile

    layer = QgsRasterLayer(path, "basemap", "gdal")
    frame = LocalFrame(layer.crs().toWkt(), *site)
    return read_tile(RasterSource(layer), frame, site, side, pixels).tile()


def plane(values):
    """Value at the middle and slope per column and per row of the best plane through ``values`` (n, n)."""
    size = values.shape[0]
    row, column = np.mgrid[:size, :size] - (size - 1) / 2
    design = np.stack([np.ones(values.size), column.ravel(), row.ravel()], axis=1)
    return np.linalg.lstsq(design, values.ravel(), rcond=None)[0]


@pytest.mark.parametrize("side", [200.0, 120.0])
def test_tiles_are_true_squares_upright_to_true_north(qgis_app, tmp_path, ground, side):
    tile, covered = tile_of(ground.ramps(tmp_path / "ramps.tif"), ground.site, side)
    assert covered == 1.0
    metres = (tile.astype(float) - MIDDLE) / LEVELS_PER_METRE
    east, along, across = plane(metres[:, :, 0])
    # Edge to edge the tile holds `side` metres, to 0.5 %, and turns from true north by less than 0.15 degrees.
    assert along * TILE == pytest.approx(side, rel=0.005)
    assert abs(across / along) < 0.0025
    north, across, along = plane(metres[:, :, 1])
    assert -along * TILE == pytest.approx(side, rel=0.005)
    assert abs(across / along) < 0.0025
    assert abs(east) < 0.3
    assert abs(north) < 0.3
    # The outermost pixels, read one by one.
    for edge, expected in (
        (metres[:, -1, 0], side / 2 - side / TILE / 2),
        (metres[:, 0, 0], -side / 2 + side / TILE / 2),
        (metres[0, :, 1], side / 2 - side / TILE / 2),
        (metres[-1, :, 1], -side / 2 + side / TILE / 2),
    ):
        assert edge.mean() == pytest.approx(expected, abs=0.0025 * side)


def lightness_share(embedding):
    """How much of a black and white tile is white, from the mean lightness in its embedding."""
    from soundvis_core.models.colour_texture import ColourTexture

    model = ColourTexture()
    index = model.names.index("mean_lightness")
    sheet = np.zeros((TILE, TILE, 3), np.uint8)
    black, white = model.encode([sheet, sheet + 255])[:, index]
    return (embedding[index] - black) / (white - black)


def test_the_tool_sees_the_right_footprint(run, make_points, tmp_path, ground):
    """A white square of 140 m takes (140 / side) squared of the footprint."""
    raster = ground.square(tmp_path / "square.tif", 140.0)
    layer = make_points([ground.site], crs=ground.epsg)
    for side in (200.0, 280.0):
        row = run("embedimagery", {"INPUT": layer, "RASTER": raster, "FOOTPRINT": side}).features()[0]
        assert row["aer_status"] == "ok"
        assert row["aer_covered"] == pytest.approx(1.0, abs=0.001)
        # Soft edges are darker than their share in L*: the square is bordered by one pixel of 0.8 m.
        seen = side * np.sqrt(lightness_share(vector(row["aer_emb"])))
        assert seen == pytest.approx(140.0, rel=0.005)


def test_sites_in_another_crs_find_their_place(run, make_points, tmp_path):
    ground = ground_about(32756, 151.2093, -33.8688)
    raster = ground.square(tmp_path / "square.tif", 140.0)
    own = make_points([ground.site], crs=32756)
    # WGS 84 is the datum of UTM zone 56 too: the same place.
    other = make_points([(ground.longitude, ground.latitude)], crs=4326)
    first = run("embedimagery", {"INPUT": own, "RASTER": raster}).features()[0]
    second = run("embedimagery", {"INPUT": other, "RASTER": raster}).features()[0]
    np.testing.assert_allclose(vector(second["aer_emb"]), vector(first["aer_emb"]), atol=0.01)


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory):
    """400 m by 400 m, 0.5 m pixels: noise in colours that change from place to place."""
    from helpers import make_raster

    random = np.random.default_rng(5)
    y, x = np.mgrid[:800, :800]
    base = np.stack([40 + x / 5, 200 - y / 5, 60 + (x + y) / 12])
    pixels = np.clip(base + random.normal(0, 8, base.shape), 0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("mosaic") / "mosaic.tif"
    return make_raster(path, pixels, (500000.0, 5800000.0), 0.5, 32631), pixels


#: The middle of the mosaic and places about it; UTM's scale is 0.9996 here.
MIDDLE_PLACE = (500200.0, 5799800.0)


def test_values_are_those_of_the_core(run, make_points, mosaic):
    from soundvis_core.models.colour_texture import ColourTexture

    path, pixels = mosaic
    rows = run(
        "embedimagery",
        {"INPUT": make_points([MIDDLE_PLACE, (500110.0, 5799890.0)]), "RASTER": path, "FOOTPRINT": 128.0},
    ).features()
    # 128 m is 256 pixels of 0.5 m: the tile is cut from the array, but for the 0.0004 of UTM's scale.
    cuts = [pixels[:, 272:528, 272:528], pixels[:, 92:348, 92:348]]
    expected = ColourTexture().encode([np.moveaxis(cut, 0, 2) for cut in cuts])
    for row, numbers in zip(rows, expected):
        got = vector(row["aer_emb"])
        assert got.size == DIMENSION
        cosine = got @ numbers / np.linalg.norm(got) / np.linalg.norm(numbers)
        assert cosine > 0.998
        means = [ColourTexture.names.index(f"mean_{c}") for c in ("lightness", "red_green", "yellow_blue")]
        np.testing.assert_allclose(got[means], numbers[means], atol=0.05)
    assert not np.allclose(vector(rows[0]["aer_emb"]), vector(rows[1]["aer_emb"]), atol=0.3)


def test_the_tile_is_what_the_core_encodes(run, make_points, mosaic):
    from soundvis_core.models.colour_texture import ColourTexture

    path, _ = mosaic
    row = run("embedimagery", {"INPUT": make_points([MIDDLE_PLACE]), "RASTER": path}).features()[0]
    tile, _ = tile_of(path, MIDDLE_PLACE, 200.0)
    np.testing.assert_allclose(vector(row["aer_emb"]), ColourTexture().encode([tile])[0], rtol=1e-6)


def test_coarse_rasters_are_interpolated_and_fine_ones_averaged(qgis_app, tmp_path):
    """A chequer of 0.1 m pixels is grey at 0.78 m; a step between 10-m pixels becomes a ramp."""
    from helpers import make_raster

    chequer = np.repeat((np.indices((1200, 1200)).sum(axis=0) % 2 * 255).astype(np.uint8)[None], 3, axis=0)
    fine = make_raster(tmp_path / "fine.tif", chequer, (500000.0, 5800000.0), 0.1)
    tile, _ = tile_of(fine, (500060.0, 5799940.0), 50.0, 64)
    assert tile.mean() == pytest.approx(127.5, abs=1.0)
    assert tile.std() < 8.0
    step = np.zeros((3, 40, 40), np.uint8)
    step[:, :, 20:] = 200
    coarse = make_raster(tmp_path / "coarse.tif", step, (500000.0, 5800000.0), 10.0)
    tile, _ = tile_of(coarse, (500200.0, 5799800.0), 40.0, 40)
    assert tile[:, 19:21].mean() == pytest.approx(100.0, abs=2.0)
    # 5 m to each side the ramp between the two pixel centres has ended.
    np.testing.assert_array_equal(tile[:, :14], 0)
    np.testing.assert_array_equal(tile[:, 26:], 200)


def test_how_much_of_the_footprint_is_covered(run, make_points, mosaic):
    """Left edge of the mosaic: x = 500000. The footprint of 200 m reaches 100 m to the west."""
    path, _ = mosaic
    layer = make_points(
        [(500100.5, 5799800.0), (500050.0, 5799800.0), (500001.0, 5799800.0), (499910.0, 5799800.0),
         (499500.0, 5799800.0), (500000.0, 5800000.0)]
    )  # fmt: skip
    made = run("embedimagery", {"INPUT": layer, "RASTER": path})
    rows = made.features()
    covered = [row["aer_covered"] for row in rows]
    assert covered == pytest.approx([1.0, 0.75, 0.505, 0.05, 0.0, 0.25], abs=0.005)
    assert [row["aer_status"] for row in rows] == ["ok", "ok", "ok", "skipped", "skipped", "skipped"]
    assert rows[3]["aer_reason"] == "only 5% of the footprint has image data"
    assert rows[4]["aer_reason"] == "the footprint lies outside the raster or on nodata"
    assert [row["aer_emb"] is None for row in rows] == [False, False, False, True, True, True]
    assert made.feedback.warnings == ["6 sites: 3 ok, 3 skipped. The reasons are in the field 'aer_reason'."]


def test_fields_types_and_prefix(run, make_points, mosaic):
    path, _ = mosaic
    layer = make_points([MIDDLE_PLACE], {"a": [7]})
    fields = run("embedimagery", {"INPUT": layer, "RASTER": path}).layer().fields()
    assert fields.names() == ["a", "aer_emb", "aer_status", "aer_reason", "aer_covered"]
    assert [fields.at(index).type() for index in range(1, 5)] == [BINARY, STRING, STRING, DOUBLE]
    other = run("embedimagery", {"INPUT": layer, "RASTER": path, "FIELD": "map"}).layer().fields()
    assert other.names() == ["a", "map", "map_status", "map_reason", "map_covered"]


def test_selection_order_and_attributes(run, make_points, mosaic, tmp_path):
    path, _ = mosaic
    places = [(500100.0 + 20 * index, 5799800.0) for index in range(6)]
    layer = make_points(places, {"n": list(range(6))}, path=tmp_path / "sites.gpkg")
    layer.selectByIds([2, 4, 5])
    rows = run(
        "embedimagery", {"INPUT": QgsProcessingFeatureSourceDefinition(layer.id(), True), "RASTER": path}
    ).features()
    assert [row["n"] for row in rows] == [1, 3, 4]
    assert rows[1]["_geometry"] == "Point (500160 5799800)"
    layer.setSubsetString('"n" > 3')
    assert [row["n"] for row in run("embedimagery", {"INPUT": layer, "RASTER": path}).features()] == [4, 5]


def test_collision_shapefile_and_empty_layer(run, make_points, mosaic, tmp_path):
    path, _ = mosaic
    clash = make_points([MIDDLE_PLACE], {"aer_covered": [1.0]})
    with pytest.raises(AlgorithmError, match="already has the field 'aer_covered'"):
        run("embedimagery", {"INPUT": clash, "RASTER": path, "OUTPUT": str(tmp_path / "out.gpkg")})
    plain = make_points([MIDDLE_PLACE])
    with pytest.raises(AlgorithmError, match="Shapefile"):
        run("embedimagery", {"INPUT": plain, "RASTER": path, "OUTPUT": str(tmp_path / "out.shp")})
    assert list(tmp_path.iterdir()) == []
    made = run("embedimagery", {"INPUT": make_points([]), "RASTER": path})
    assert made.features() == []
    assert made.layer().fields().names() == ["aer_emb", "aer_status", "aer_reason", "aer_covered"]


def test_the_footprint_has_limits(run, make_points, mosaic):
    path, _ = mosaic
    for side in (0.0, -5.0, 1e6):
        with pytest.raises(AlgorithmError):
            run("embedimagery", {"INPUT": make_points([MIDDLE_PLACE]), "RASTER": path, "FOOTPRINT": side})


def test_cancelling_leaves_no_file(run, make_points, mosaic, tmp_path):
    path, _ = mosaic
    feedback = Feedback(cancel_at=2.0)
    made = run(
        "embedimagery",
        {"INPUT": make_points([MIDDLE_PLACE] * 60), "RASTER": path, "OUTPUT": str(tmp_path / "out.gpkg")},
        feedback,
    )
    assert "OUTPUT" not in made
    assert max(feedback.progress) < 50.0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [4000, 6000], ids=["whole window", "thinned window"])
def test_fine_pixels_are_averaged_not_passed_over(tmp_path, size):
    """A chessboard of 0.5-m pixels is plain grey in a footprint whose tile has pixels of 7 m and more."""
    board = (np.indices((size, size)).sum(axis=0) % 2 * 255).astype(np.uint8)
    half = size * 0.5 / 2
    path = make_raster(tmp_path / "board.tif", np.stack([board] * 3), (500_000 - half, 5_760_000 + half), 0.5)
    tile, share = tile_of(path, (500_000.0, 5_760_000.0), 1.9 * half)
    assert share == 1.0
    assert np.abs(tile.astype(float) - 127.5).max() < 12
