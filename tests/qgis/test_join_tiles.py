"""The last rung of a join: tiles of a basemap for sites that nothing else was found for."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback
from qgis.core import QgsExpression, QgsExpressionContext, QgsFeature, QgsVectorLayer
from tile_folders import contents, manifest

from tests.builders.photo_headers import gps, photo

HERE = (500200.0, 4999800.0)
EDGE = (500240.0, 4999760.0)


@pytest.fixture
def basemap(make_raster, tmp_path):
    shades = np.random.default_rng(5).integers(0, 255, (3, 100, 100), np.uint8)
    return make_raster(tmp_path / "basemap.tif", shades, (500000.0, 5000000.0), 4.0, 32631)


@pytest.fixture
def sites(make_points):
    """One by key, one by the nearest, one with neither, one off the basemap, one without a place."""
    return make_points(
        [HERE, HERE, EDGE, (600000.0, 4999800.0), None],
        {"site": ["a", "b", "c", "d", "e"], "nr": ["1", None, "9", None, None]},
        32631,
    )


def test_the_ladder_ends_with_a_tile(run, sites, make_points, basemap, tmp_path):
    others = make_points([HERE, (0.0, 0.0)], {"path": ["/x/near.jpg", "/x/key.jpg"], "nr": ["7", "1"]}, 32631)
    folder = tmp_path / "tiles"
    parameters = {"INPUT": sites, "OTHER": others, "KEY_FIELD": "nr", "MAX_DISTANCE": 20.0}
    tiles = {"TILES": basemap, "TILE_FOLDER": str(folder), "TILE_FOOTPRINT": 120.0}
    made = run("joinsites", {**parameters, **tiles})
    rows = {row["site"]: row for row in made.features()}
    assert [rows[name]["j_way"] for name in "abcde"] == ["key", "nearest", "tile", None, None]
    assert [rows[name]["j_status"] for name in "abcde"] == ["ok", "ok", "ok", "skipped", "skipped"]
    assert (rows["a"]["j_path"], rows["b"]["j_path"]) == ("/x/key.jpg", "/x/near.jpg")
    tile = rows["c"]
    # The key field of the sites gives the name.
    assert tile["j_path"] == str(folder / "9.png")
    assert (tile["j_dist_m"], tile["j_shared_by"], tile["j_days_gap"], tile["j_nr"]) == (0.0, 1, None, None)
    assert tile["j_reason"] == "no key '9' in the other layer; the nearest is 57 m away, further than 20 m"
    assert rows["d"]["j_reason"].startswith(
        "the nearest is 100 km away, further than 20 m; no tile: the footprint lies"
    )
    assert (rows["d"]["j_path"], rows["d"]["j_dist_m"]) == (None, None)
    assert rows["e"]["j_reason"] == "the site has no geometry"
    assert made["TILE_FOLDER"] == str(folder)
    assert "Joined by key: 1, nearest: 1, tile: 1." in made.feedback.text
    assert any(line.startswith("1 site has a tile from above") for line in made.feedback.warnings)
    assert [(row["site"], row["file"], row["status"]) for row in manifest(folder)] == [
        ("9", "9.png", "ok"), ("site_4", "", "skipped"), ("site_5", "", "skipped"),
    ]  # fmt: skip
    # It is the very tile that 'Cut tiles' cuts.
    alone = make_points([EDGE], {"site": ["9"]}, 32631)
    cut = {"RASTER": basemap, "FOOTPRINT": 120.0, "FORMAT": "PNG", "FOLDER": str(tmp_path / "cut")}
    run("cuttiles", {"INPUT": alone, **cut})
    assert (folder / "9.png").read_bytes() == (tmp_path / "cut" / "9.png").read_bytes()
    # Without a basemap the same sites have nothing.
    rows = run("joinsites", parameters).features()
    assert [row["j_way"] for row in rows] == ["key", "nearest", None, None, None]


def test_photos_and_tiles_serve_the_next_tool_from_one_field(run, make_points, basemap, tmp_path):
    photo(tmp_path / "photos" / "a.jpg", place=gps(10.0, 10.0))
    photos = run(
        "sitesfromphotos", {"FOLDER": str(tmp_path / "photos"), "OUTPUT": str(tmp_path / "photos.gpkg")}
    )
    sites = make_points([HERE, EDGE], {"photo": ["a.jpg", None]}, 32631)
    parameters = {"INPUT": sites, "OTHER": photos["OUTPUT"], "SITE_PATH": "photo"}
    made = run("joinsites", {**parameters, "TILES": basemap, "TILE_FOLDER": str(tmp_path / "tiles")})
    assert [row["j_way"] for row in made.features()] == ["path", "tile"]
    embedded = run("embedphotos", {"INPUT": made.layer(), "PATH_FIELD": "j_path"}).features()
    assert [row["st_status"] for row in embedded] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("fields", "more", "name"),
    [
        ({"nr": ["7"]}, {}, "j_path"),
        ({"nr": ["7"], "path": ["x.jpg"]}, {"FIELDS": ["nr"]}, "j_path"),
        ({"file": ["x.jpg"]}, {"SITE_PATH": "site", "OTHER_PATH": "file"}, "j_file"),
        ({"path": [7]}, {}, "j_tile"),
        ({"path": [7], "tile": ["x"]}, {}, "j_tile_path"),
    ],
)
def test_the_field_of_the_path(run, make_points, basemap, tmp_path, fields, more, name):
    """Where the other layer has paths, the tile stands among them; else it has a field of its own."""
    sites = make_points([HERE], {"site": ["a"]}, 32631)
    others = make_points([(0.0, 0.0)], fields, 32631)
    parameters = {
        "INPUT": sites,
        "OTHER": others,
        "TILES": basemap,
        "TILE_FOLDER": str(tmp_path / "tiles"),
        **more,
    }
    (row,) = run("joinsites", parameters).features()
    assert (row["j_way"], row[name]) == ("tile", str(tmp_path / "tiles" / "a.png"))


def test_refused_before_the_run(run, sites, make_points, basemap, tmp_path):
    others = make_points([HERE], {"nr": ["7"]}, 32631)
    parameters = {"INPUT": sites, "OTHER": others}
    with pytest.raises(AlgorithmError, match="Choose the folder that the tiles are written to"):
        run("joinsites", {**parameters, "TILES": basemap})
    with pytest.raises(AlgorithmError, match="nothing to cut them from"):
        run("joinsites", {**parameters, "TILE_FOLDER": str(tmp_path / "t")})
    tiles = {"TILES": basemap, "TILE_FOLDER": str(tmp_path / "t")}
    with pytest.raises(AlgorithmError, match="written over the list of tiles"):
        run("joinsites", {**parameters, **tiles, "OUTPUT": str(tmp_path / "t" / "tiles.csv")})
    assert not (tmp_path / "t").exists()


def test_a_broken_run_leaves_the_folder_as_it_was(run, make_points, basemap, tmp_path, monkeypatch):
    from soundvis_qgis.layers import sinks

    sites = make_points([HERE] * 4, {"name": list("abcd")}, 32631)
    others = make_points([(0.0, 0.0)], {"nr": ["7"]}, 32631)
    folder = tmp_path / "tiles"
    parameters = {"INPUT": sites, "OTHER": others, "TILES": basemap, "TILE_FOLDER": str(folder)}
    run("joinsites", parameters)
    before = contents(folder)
    run("joinsites", {**parameters, "TILE_FOOTPRINT": 90.0}, Feedback(cancel_at=50.0))
    assert contents(folder) == before

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sinks.SiteSink, "close", full)
    with pytest.raises(AlgorithmError, match="No space left"):
        run("joinsites", {**parameters, "TILE_FOOTPRINT": 90.0})
    assert contents(folder) == before


def test_a_place_corrected_since_the_tile_was_cut(run, make_points, basemap, tmp_path):
    others = make_points([(0.0, 0.0)], {"nr": ["7"]}, 32631)
    folder = tmp_path / "tiles"
    parameters = {"OTHER": others, "TILES": basemap, "TILE_FOLDER": str(folder)}
    run("joinsites", {**parameters, "INPUT": make_points([HERE], {"site": ["A"]}, 32631)})
    made = run(
        "joinsites", {**parameters, "INPUT": make_points([(600000.0, 4999800.0)], {"site": ["A"]}, 32631)}
    )
    assert sorted(contents(folder)) == ["tiles.csv"]
    (row,) = manifest(folder)
    assert (row["file"], row["status"], row["longitude"][:3]) == ("", "skipped", "4.2")
    assert "1 tile of an earlier run is removed" in made.feedback.text


@pytest.mark.parametrize("kind", ["table", "points without a place", "no rows"])
def test_others_that_are_nowhere(run, make_points, basemap, tmp_path, kind):
    """Nothing is near to any site, so each gets a tile."""
    if kind == "table":
        others = QgsVectorLayer("NoGeometry?field=nr:string", "others", "memory")
        feature = QgsFeature(others.fields())
        feature.setAttributes(["7"])
        others.dataProvider().addFeatures([feature])
    else:
        others = make_points(*(([], {"nr": []}) if kind == "no rows" else ([None], {"nr": ["7"]})), 32631)
    parameters = {"INPUT": make_points([HERE, EDGE], {"site": ["a", "b"]}, 32631), "OTHER": others}
    tiles = {"TILES": basemap, "TILE_FOLDER": str(tmp_path / "tiles")}
    rows = run("joinsites", {**parameters, **tiles}).features()
    assert [(row["j_way"], row["j_path"]) for row in rows] == [
        ("tile", str(tmp_path / "tiles" / f"{name}.png")) for name in "ab"
    ]
    if kind == "table":
        with pytest.raises(AlgorithmError, match="no points, so nothing is near"):
            run("joinsites", parameters)


def test_stretched_values_are_told_once_in_the_words_of_cut_tiles(run, make_points, make_raster, tmp_path):
    values = np.full((5, 100, 100), 4000, np.uint16)
    deep = make_raster(tmp_path / "deep.tif", values, (500000.0, 5000000.0), 4.0, 32631)
    # The first ones have no tile.
    sites = make_points([None, (600000.0, 4999800.0), HERE], {"site": list("abc")}, 32631)
    others = make_points([(0.0, 0.0)], {"nr": ["7"]}, 32631)
    joined = run(
        "joinsites", {"INPUT": sites, "OTHER": others, "TILES": deep, "TILE_FOLDER": str(tmp_path / "joined")}
    )
    cut = run("cuttiles", {"INPUT": sites, "RASTER": deep, "PIXELS": 32, "FOLDER": str(tmp_path / "cut")})
    told = [
        [line for line in made.feedback.text.splitlines() if "pictures of 8 bits" in line]
        for made in (joined, cut)
    ]
    assert len(told[0]) == 1
    assert told[0] == told[1]
    assert "0 to 4000 in the raster are 0 to 255; bands 1, 2, 3" in told[0][0]
    for made in (joined, cut):
        assert "0 to 4000 in the raster are 0 to 255" in str(made.layer().metadata().history())


def test_tiles_are_drawn_apart(run, sites, make_points, basemap, tmp_path):
    others = make_points([HERE], {"nr": ["1"]}, 32631)
    parameters = {"INPUT": sites, "OTHER": others, "TILES": basemap, "TILE_FOLDER": str(tmp_path / "tiles")}
    layer = run("joinsites", {**parameters, "MAX_DISTANCE": 20.0}).layer()
    renderer = layer.renderer()
    root = renderer.rootRule()
    rules = [(rule.label(), QgsExpression(rule.filterExpression())) for rule in root.children()]
    context = QgsExpressionContext()
    context.setFields(layer.fields())
    drawn = {}
    for feature in layer.getFeatures():
        context.setFeature(feature)
        drawn[feature["site"]] = [label for label, rule in rules if rule.evaluate(context)]
    shares, tile, nothing = (
        "Shares its own with other sites",
        "A tile from above in its place",
        "Nothing joined",
    )
    assert drawn == {"a": [shares], "b": [shares], "c": [tile], "d": [nothing], "e": [nothing]}
