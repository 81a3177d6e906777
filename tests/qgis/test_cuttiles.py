"""Tiles as files: true metres read back by GDAL, names, the manifest, and folders that stay as they were."""

from __future__ import annotations

import numpy as np
import pytest
from ground import LEVELS_PER_METRE, MIDDLE, ground_about
from helpers import AlgorithmError, Feedback
from osgeo import gdal, osr
from PIL import Image
from pyproj import CRS, Geod, Transformer
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer
from tile_folders import contents, manifest, opened

from soundvis_qgis.layers.tile_files import safe_name

PLACES = {3857: (139.76, 35.68), 28992: (5.95, 51.98), 2056: (8.54, 47.37)}
#: A metre of EPSG:3857 is half a metre on the ground at 60 degrees.
FAR_NORTH = (3857, (25.0, 60.0))


@pytest.mark.parametrize(("epsg", "place"), [*PLACES.items(), FAR_NORTH])
@pytest.mark.parametrize("kind", ["GeoTIFF", "PNG"])
def test_metres_in_the_file_are_metres_on_the_ground(run, make_points, tmp_path, epsg, place, kind):
    """What each pixel shows, and where the file says that it lies, against geodesics on the raster's own datum."""
    ground = ground_about(epsg, *place)
    raster = ground.ramps(tmp_path / "ramps.tif")
    sites = make_points([ground.site], {"id": ["Zürich/1"]}, epsg)
    parameters = {"FOOTPRINT": 200.0, "PIXELS": 50, "FORMAT": kind, "FOLDER": str(tmp_path / "tiles")}
    made = run("cuttiles", {"INPUT": sites, "RASTER": raster, **parameters})
    (row,) = made.features()
    ending = {"GeoTIFF": ".tif", "PNG": ".png"}[kind]
    path = tmp_path / "tiles" / f"Zürich_1{ending}"
    assert (row["tile_path"], row["tile_status"], row["tile_m_per_px"], row["tile_covered"]) == (
        str(path),
        "ok",
        4.0,
        1.0,
    )
    dataset = opened(path)
    assert dataset.GetGeoTransform() == pytest.approx((-100.0, 4.0, 0.0, 100.0, 0.0, -4.0))
    crs = CRS.from_wkt(dataset.GetSpatialRef().ExportToWkt())
    to_lonlat = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    axis = -100.0 + 4.0 * (np.arange(50) + 0.5)
    east, north = np.meshgrid(axis, -axis)
    longitude, latitude = to_lonlat.transform(east, north)
    here = np.full(east.shape, ground.longitude), np.full(east.shape, ground.latitude)
    datum = CRS.from_epsg(epsg).geodetic_crs.ellipsoid
    geod = Geod(a=datum.semi_major_metre, rf=datum.inverse_flattening)
    azimuth, _, length = geod.inv(*here, longitude, latitude)
    assert length == pytest.approx(np.hypot(east, north), abs=1e-3)
    assert length * np.sin(np.radians(azimuth)) == pytest.approx(east, abs=1e-3)
    assert (
        crs.geodetic_crs.datum.name.replace("_", " ")[:6]
        == CRS.from_epsg(epsg).geodetic_crs.datum.name.replace("_", " ")[:6]
    )
    red, green = (dataset.GetRasterBand(band).ReadAsArray().astype(float) for band in (1, 2))
    assert red == pytest.approx(MIDDLE + LEVELS_PER_METRE * east, abs=2.0)
    assert green == pytest.approx(MIDDLE + LEVELS_PER_METRE * north, abs=2.0)
    assert abs((red - MIDDLE - LEVELS_PER_METRE * east).mean()) < 0.3
    (listed,) = manifest(tmp_path / "tiles")
    assert (listed["site"], listed["file"], listed["status"]) == ("Zürich/1", path.name, "ok")
    assert (listed["metres_per_pixel"], listed["footprint_m"], listed["covered"]) == ("4", "200", "1")
    assert "Azimuthal_Equidistant" in listed["crs"]


def test_side_cars_of_a_png(run, make_points, tmp_path):
    """World file by its definition, .prj as ESRI writes it; a plain reader sees the same pixels as GDAL."""
    ground = ground_about(28992, *PLACES[28992])
    sites = make_points([ground.site], {"name": ["a"]}, 28992)
    folder = tmp_path / "tiles"
    parameters = {"FOOTPRINT": 120.0, "PIXELS": 48, "FORMAT": "PNG", "FOLDER": str(folder)}
    run("cuttiles", {"INPUT": sites, "RASTER": ground.ramps(tmp_path / "ramps.tif"), **parameters})
    assert sorted(path.name for path in folder.iterdir()) == [
        "a.pgw",
        "a.png",
        "a.png.aux.xml",
        "a.prj",
        "tiles.csv",
    ]
    numbers = [float(line) for line in (folder / "a.pgw").read_text().split()]
    assert numbers == pytest.approx([2.5, 0.0, 0.0, -2.5, -58.75, 58.75])
    reference = osr.SpatialReference()
    reference.ImportFromESRI([(folder / "a.prj").read_text()])
    assert "Amersfoort" in reference.GetAttrValue("GEOGCS")
    assert reference.GetAttrValue("PROJECTION") == "Azimuthal_Equidistant"
    with Image.open(folder / "a.png") as image:
        assert (image.mode, image.size) == ("RGB", (48, 48))
        assert (np.asarray(image)[:, :, 0] == opened(folder / "a.png").GetRasterBand(1).ReadAsArray()).all()
    # Without GDAL's own side-car the world file tells the same.
    (folder / "a.png.aux.xml").unlink()
    assert opened(folder / "a.png").GetGeoTransform() == pytest.approx((-60.0, 2.5, 0.0, 60.0, 0.0, -2.5))


@pytest.fixture
def grey(make_raster, tmp_path):
    return make_raster(
        tmp_path / "grey.tif", np.full((100, 100), 90, np.uint8), (500000.0, 5000000.0), 4.0, 32631
    )


def test_names_borders_and_sites_without_a_tile(run, make_points, grey, tmp_path):
    inside, edge, outside = (500200.0, 4999800.0), (500040.0, 4999800.0), (600000.0, 4999800.0)
    corner = (500001.0, 4999999.0)
    sites = make_points(
        [inside, inside, edge, corner, outside, None, inside],
        {"label": ["A", "a", "../x", "corner", "out", "none", None]},
        32631,
    )
    folder = tmp_path / "tiles"
    parameters = {"NAME_FIELD": "label", "PIXELS": 32, "FOLDER": str(folder)}
    rows = run("cuttiles", {"INPUT": sites, "RASTER": grey, **parameters}).features()
    assert [row["tile_status"] for row in rows] == ["ok"] * 3 + ["skipped"] * 3 + ["ok"]
    files = ["A.tif", "a_2.tif", "x.tif", "site_7.tif"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*files, "tiles.csv"])
    assert rows[2]["tile_covered"] == pytest.approx(0.7, abs=0.03)
    assert rows[3]["tile_reason"] == "only 25% of the footprint has image data"
    assert rows[4]["tile_reason"] == "the footprint lies outside the raster or on nodata"
    assert rows[5]["tile_reason"] == "the site has no geometry"
    listed = manifest(folder)
    assert [row["file"] for row in listed] == ["A.tif", "a_2.tif", "x.tif", "", "", "", "site_7.tif"]
    assert [row["site"] for row in listed] == ["A", "a", "../x", "corner", "out", "none", "site_7"]
    to_lonlat = Transformer.from_crs("EPSG:32631", "EPSG:4326", always_xy=True)
    assert [float(listed[4][name]) for name in ("longitude", "latitude")] == pytest.approx(
        to_lonlat.transform(*outside), abs=1e-7
    )
    dataset = opened(folder / "A.tif")
    assert dataset.RasterCount == 3
    assert {int(dataset.GetRasterBand(band).ReadAsArray().mean()) for band in (1, 2, 3)} == {90}


def test_the_path_serves_the_next_tool(run, make_points, grey, tmp_path):
    sites = make_points([(500200.0, 4999800.0)], None, 32631)
    made = run(
        "cuttiles",
        {"INPUT": sites, "RASTER": grey, "PIXELS": 32, "FORMAT": "PNG", "FOLDER": str(tmp_path / "t")},
    )
    (row,) = run("embedphotos", {"INPUT": made.layer(), "PATH_FIELD": "tile_path"}).features()
    assert row["st_status"] == "ok"


def test_a_cancelled_run_leaves_the_folder_as_it_was(run, make_points, grey, tmp_path):
    sites = make_points([(500200.0, 4999800.0)] * 6, {"name": list("abcdef")}, 32631)
    folder = tmp_path / "tiles"
    parameters = {"INPUT": sites, "RASTER": grey, "PIXELS": 32, "FOLDER": str(folder)}
    run("cuttiles", {**parameters, "OUTPUT": str(tmp_path / "o.gpkg")}, Feedback(cancel_at=50.0))
    assert not folder.exists()
    assert not (tmp_path / "o.gpkg").exists()
    run("cuttiles", parameters)
    before = contents(folder)
    run("cuttiles", {**parameters, "PIXELS": 64, "FORMAT": "PNG"}, Feedback(cancel_at=50.0))
    assert contents(folder) == before
    assert opened(folder / "a.tif").RasterXSize == 32


def test_a_failure_at_the_end_takes_the_tiles_back(run, make_points, grey, tmp_path, monkeypatch):
    from soundvis_qgis.layers import sinks

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sinks.SiteSink, "close", full)
    sites = make_points([(500200.0, 4999800.0)] * 3, {"name": list("abc")}, 32631)
    with pytest.raises(AlgorithmError, match="No space left"):
        run("cuttiles", {"INPUT": sites, "RASTER": grey, "PIXELS": 32, "FOLDER": str(tmp_path / "tiles")})
    assert not (tmp_path / "tiles").exists()


def test_a_failure_while_tiles_are_moved_puts_the_earlier_ones_back(
    run, make_points, grey, tmp_path, monkeypatch
):
    from soundvis_qgis.layers import tile_files

    sites = make_points([(500200.0, 4999800.0)] * 3, {"name": list("abc")}, 32631)
    folder = tmp_path / "tiles"
    parameters = {"INPUT": sites, "RASTER": grey, "FOLDER": str(folder)}
    run("cuttiles", {**parameters, "PIXELS": 32})
    before = contents(folder)
    replace = tile_files.os.replace

    def held_open(source, target):
        if target == str(folder / "b.png"):
            raise PermissionError(13, "the file is open elsewhere")
        replace(source, target)

    monkeypatch.setattr(tile_files.os, "replace", held_open)
    with pytest.raises(AlgorithmError, match="open elsewhere"):
        run("cuttiles", {**parameters, "PIXELS": 48, "FORMAT": "PNG", "OUTPUT": str(tmp_path / "o.gpkg")})
    assert contents(folder) == before
    assert not (tmp_path / "o.gpkg").exists()


def test_more_than_8_bits_and_more_than_three_bands_are_told(run, make_points, make_raster, grey, tmp_path):
    """Half a percent of the values lies above the one that becomes 255."""
    values = np.full((5, 100, 100), 1000, np.uint16)
    values[:, :, 50:] = 4000
    values[:, 0, :20] = 60000
    raster = make_raster(tmp_path / "deep.tif", values, (500000.0, 5000000.0), 4.0, 32631)
    sites = make_points([(500200.0, 4999800.0)], {"name": ["a"]}, 32631)
    parameters = {"INPUT": sites, "PIXELS": 32, "FOLDER": str(tmp_path / "tiles")}
    made = run("cuttiles", {**parameters, "RASTER": raster})
    assert (
        "Tiles are pictures of 8 bits in 3 bands: 0 to 4000 in the raster are 0 to 255; bands 1, 2, 3 of the raster; "
        "2 more left out."
    ) in made.feedback.text
    assert "0 to 4000 in the raster are 0 to 255" in str(made.layer().metadata().history())
    tile = opened(tmp_path / "tiles" / "a.tif").ReadAsArray()
    assert (tile.shape[0], tile.min(), tile.max()) == (3, 64, 255)
    assert "8 bits" not in run("cuttiles", {**parameters, "RASTER": grey}).feedback.text


def test_a_web_map(run, make_points, project, tmp_path):
    """Tiles of a web server, here files: drawn at the size that is asked for, in true metres about the site."""
    zoom, column, row = 16, 37312, 18992  # near 25 degrees east, 60 north
    world = 2 * np.pi * 6378137.0
    side = world / 2**zoom
    for right in range(3):
        target = tmp_path / "web" / str(zoom) / str(column + right)
        target.mkdir(parents=True)
        for down in range(3):
            # Red tells the column in the map: 85 levels a tile, about 0.28 a pixel of EPSG:3857.
            ramp = 85.0 * right + np.arange(256) * 85.0 / 256
            picture = np.zeros((256, 256, 3), np.uint8)
            picture[..., 0] = np.rint(ramp)
            Image.fromarray(picture).save(target / f"{row + down}.png")
    address = (tmp_path / "web").as_uri() + "/%7Bz%7D/%7Bx%7D/%7By%7D.png"
    layer = QgsRasterLayer(f"type=xyz&url={address}&zmin={zoom}&zmax={zoom}", "web", "wms")
    assert layer.isValid()
    project.addMapLayer(layer)
    place = (column + 1.5) * side - world / 2, world / 2 - (row + 1.5) * side
    sites = make_points([place], {"name": ["a"]}, 3857)
    longitude, latitude = Transformer.from_crs(3857, 4326, always_xy=True).transform(*place)
    assert latitude == pytest.approx(60.0, abs=0.5)
    folder = tmp_path / "tiles"
    parameters = {"FOOTPRINT": 300.0, "PIXELS": 60, "FOLDER": str(folder)}
    (made,) = run("cuttiles", {"INPUT": sites, "RASTER": layer, **parameters}).features()
    assert made["tile_status"] == "ok"
    dataset = opened(folder / "a.tif")
    red = dataset.GetRasterBand(1).ReadAsArray().astype(float).mean(axis=0)
    edges = Geod(ellps="WGS84").fwd([longitude] * 2, [latitude] * 2, [270.0, 90.0], [147.5] * 2)[0]
    x, _ = Transformer.from_crs(4326, 3857, always_xy=True).transform(edges, [latitude] * 2)
    expected = 127.5 + 85.0 * (np.array(x) - place[0]) / side
    assert red[[0, -1]] == pytest.approx(expected, abs=1.5)


def test_a_basemap_without_a_coordinate_reference_system(run, make_points, tmp_path):
    path = tmp_path / "bare.tif"
    driver = gdal.GetDriverByName("GTiff")
    driver.Create(str(path), 50, 50, 3).FlushCache()
    sites = make_points([(10.0, 10.0)], {"name": ["a"]}, 4326)
    layer = QgsRasterLayer(str(path), "bare")
    layer.setCrs(QgsCoordinateReferenceSystem())
    with pytest.raises(AlgorithmError, match="no coordinate reference system"):
        run("cuttiles", {"INPUT": sites, "RASTER": layer, "FOLDER": str(tmp_path / "t")})
    assert not (tmp_path / "t").exists()


def test_the_raster_is_never_replaced(run, make_points, grey, tmp_path):
    sites = make_points([(500200.0, 4999800.0)], {"name": ["grey"]}, 32631)
    before = (tmp_path / "grey.tif").read_bytes()
    with pytest.raises(AlgorithmError, match="would replace the raster itself"):
        run("cuttiles", {"INPUT": sites, "RASTER": grey, "PIXELS": 32, "FOLDER": str(tmp_path)})
    assert (tmp_path / "grey.tif").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.endswith(".xml")) == ["grey.tif"]


def test_a_folder_that_is_a_file(run, make_points, grey, tmp_path):
    sites = make_points([(500200.0, 4999800.0)], None, 32631)
    with pytest.raises(AlgorithmError, match="is no folder"):
        run("cuttiles", {"INPUT": sites, "RASTER": grey, "FOLDER": grey})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.b-c_1", "a.b-c_1"), ("..", "site"), ("a/b\\c:d*?", "a_b_c_d"), ("CON", "CON_"), ("aux.x", "aux.x_"),
        ("東京 駅", "東京_駅"), ("\0", "site"), ("é" * 300, "é" * 60), (" x ", "x"),
    ],
)  # fmt: skip
def test_names_that_every_system_takes(text, name):
    assert safe_name(text) == name
