"""Runs of 'Cut tiles' into folders that hold something: earlier tiles, files of the user, lists that were edited."""

from __future__ import annotations

import os

import numpy as np
import pytest
from helpers import AlgorithmError
from PIL import Image
from tile_folders import contents, manifest, opened


@pytest.fixture
def grey(make_raster, tmp_path):
    return make_raster(
        tmp_path / "grey.tif", np.full((100, 100), 90, np.uint8), (500000.0, 5000000.0), 4.0, 32631
    )


def test_runs_into_one_folder_leave_one_list_of_all_that_is_there(run, make_points, grey, tmp_path):
    """Other sites stay; the same ones are replaced in whichever format, with what lies beside them."""
    folder = tmp_path / "tiles"
    here = (500200.0, 4999800.0)
    parameters = {"RASTER": grey, "PIXELS": 32, "FOLDER": str(folder), "FORMAT": "PNG"}
    first = make_points([here] * 3, {"name": list("abc")}, 32631)
    run("cuttiles", {**parameters, "INPUT": first})
    (folder / "notes.txt").write_text("of the user")
    (folder / "b.png").unlink()
    second = make_points([here, here, (0.0, 0.0)], {"name": ["a", "d", "e"]}, 32631)
    made = run(
        "cuttiles",
        {**parameters, "INPUT": second, "FORMAT": "GeoTIFF", "FOOTPRINT": 100.0, "MIN_COVERED": 0.9},
    )
    names = ["a.tif", "c.pgw", "c.png", "c.png.aux.xml", "c.prj", "d.tif", "notes.txt", "tiles.csv"]
    assert sorted(contents(folder)) == names
    listed = [(row["site"], row["file"], row["footprint_m"], row["status"]) for row in manifest(folder)]
    assert listed == [
        ("a", "a.tif", "100", "ok"), ("d", "d.tif", "100", "ok"), ("e", "", "100", "skipped"),
        ("c", "c.png", "200", "ok"),
    ]  # fmt: skip
    assert "They replace 1 of an earlier run." in made.feedback.text
    assert (
        "1 tile of another site, from an earlier run, stays in the folder and in the list (another footprint, another "
        "size of a pixel, another format)." in made.feedback.text
    )
    with Image.open(folder / "c.png") as image:
        assert image.size == (32, 32)


def test_adjoining_sheets_into_one_folder(run, make_points, make_raster, tmp_path):
    """A site that a sheet does not cover keeps the tile of the sheet before; so do namesakes at other places."""
    west, east = (
        make_raster(
            tmp_path / f"{name}.tif", np.full((100, 100), level, np.uint8), (left, 5000000.0), 4.0, 32631
        )
        for name, left, level in (("west", 500000.0, 50), ("east", 500400.0, 200))
    )
    places = [(500200.0, 4999800.0), (500600.0, 4999800.0)]
    folder = tmp_path / "tiles"
    for names, files in ((["w", "e"], ["w.tif", "e.tif"]), (["x", "x"], ["x.tif", "x_2.tif"])):
        sites = make_points([*places, (0.0, 0.0)], {"name": [*names, "no"]}, 32631)
        parameters = {"INPUT": sites, "PIXELS": 32, "FOLDER": str(folder / names[0])}
        run("cuttiles", {**parameters, "RASTER": west})
        for kind in ("GeoTIFF", "PNG", "PNG"):
            files[1] = files[1][:-4] + {"GeoTIFF": ".tif", "PNG": ".png"}[kind]
            made = run("cuttiles", {**parameters, "RASTER": east, "FORMAT": kind})
            assert [row["tile_status"] for row in made.features()] == ["skipped", "ok", "skipped"]
            listed = [(row["site"], row["file"], row["status"]) for row in manifest(folder / names[0])]
            assert sorted(listed) == sorted(
                [(names[0], files[0], "ok"), (names[1], files[1], "ok"), ("no", "", "skipped")]
            )
            assert "1 tile of an earlier run, whose site has none from this run, stays" in made.feedback.text
        assert "They replace 1 of an earlier run." in made.feedback.text
        levels = [opened(folder / names[0] / name).ReadAsArray().mean() for name in files]
        assert levels == [50.0, 200.0]


@pytest.mark.parametrize(
    ("place", "footprint", "stays"),
    [
        ((500200.0, 4999800.0), 200.0, True),
        ((500200.5, 4999800.5), 200.0, True),
        ((500202.0, 4999800.0), 200.0, False),
        ((500200.0, 4999802.0), 200.0, False),
        ((600000.0, 4999800.0), 200.0, False),
        (None, 200.0, False),
        ((500200.0, 4999800.0), 100.0, False),
    ],
)
def test_a_skipped_site_keeps_its_tile_where_it_is_what_it_was(
    run, make_points, make_raster, grey, tmp_path, monkeypatch, place, footprint, stays
):
    """The tile of a place that was corrected since would pass for one of the new place."""
    elsewhere = make_raster(
        tmp_path / "elsewhere.tif", np.full((9, 9), 9, np.uint8), (700000.0, 5000000.0), 4.0, 32631
    )
    folder = tmp_path / "tiles"
    parameters = {"PIXELS": 32, "FOLDER": str(folder), "FORMAT": "PNG"}
    here = (500200.0, 4999800.0)
    run(
        "cuttiles",
        {**parameters, "RASTER": grey, "INPUT": make_points([here] * 2, {"name": ["A", "B"]}, 32631)},
    )
    before = contents(folder)
    moved = make_points([place], {"name": ["A"]}, 32631)
    parameters = {**parameters, "RASTER": elsewhere, "INPUT": moved, "FOOTPRINT": footprint}
    replace = os.replace

    def held_open(source, target):
        if target == str(folder / "tiles.csv") and os.path.basename(os.path.dirname(source)) == "new":
            raise PermissionError(13, "the file is open elsewhere")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", held_open)
        with pytest.raises(AlgorithmError, match="open elsewhere"):
            run("cuttiles", parameters)
    assert contents(folder) == before
    made = run("cuttiles", {**parameters, "FORMAT": "GeoTIFF"})
    rows = {row["site"]: row for row in manifest(folder)}
    assert len(rows) == len(manifest(folder)) == 2
    assert rows["B"]["status"] == "ok"
    assert (rows["A"]["file"], rows["A"]["status"]) == (("A.png", "ok") if stays else ("", "skipped"))
    left = {name for name in before if stays or not name.startswith("A.")}
    assert set(contents(folder)) == left
    told = (
        "1 tile of an earlier run is removed, for its site has none from this run and another place or footprint than "
        "then: A.png."
    )
    assert (told in made.feedback.text) is not stays


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.tif", "of the user", "a.tif, which no earlier run made"),
        ("tiles.csv", "name,when\nx,y\n", "not a list of tiles that this tool wrote"),
        ("tiles.csv", "\0\x01", "not a list of tiles that this tool wrote"),
    ],
)
def test_files_of_the_user_are_never_replaced(run, make_points, grey, tmp_path, name, content, words):
    sites = make_points([(500200.0, 4999800.0)], {"name": ["a"]}, 32631)
    folder = tmp_path / "tiles"
    folder.mkdir()
    (folder / name).write_text(content)
    with pytest.raises(AlgorithmError, match=words):
        run("cuttiles", {"INPUT": sites, "RASTER": grey, "PIXELS": 32, "FOLDER": str(folder)})
    assert contents(folder) == {name: content.encode()}


def test_a_list_with_paths_out_of_its_folder_touches_nothing_there(run, make_points, grey, tmp_path):
    sites = make_points([(500200.0, 4999800.0)], {"name": ["a"]}, 32631)
    folder = tmp_path / "tiles"
    parameters = {"INPUT": sites, "RASTER": grey, "PIXELS": 32, "FOLDER": str(folder)}
    run("cuttiles", parameters)
    (tmp_path / "mine.tif").write_text("of the user")
    text = (folder / "tiles.csv").read_text("utf-8")
    (folder / "tiles.csv").write_text(text.replace("a,a.tif", "a,../mine.tif"), "utf-8")
    (folder / "a.tif").unlink()
    run("cuttiles", {**parameters, "FORMAT": "PNG"})
    assert (tmp_path / "mine.tif").read_text() == "of the user"


def test_a_list_with_cells_that_somebody_added(run, make_points, grey, tmp_path):
    folder = tmp_path / "tiles"
    parameters = {"RASTER": grey, "PIXELS": 32, "FOLDER": str(folder)}
    for name in "ab":
        run(
            "cuttiles", {**parameters, "INPUT": make_points([(500200.0, 4999800.0)], {"name": [name]}, 32631)}
        )
        lines = (folder / "tiles.csv").read_text("utf-8").splitlines()
        (folder / "tiles.csv").write_text(
            "\n".join([lines[0], *(f"{line},checked" for line in lines[1:])]), "utf-8"
        )
    assert [row["file"] for row in manifest(folder)] == ["b.tif", "a.tif"]


def test_the_list_is_not_written_over(run, make_points, grey, tmp_path):
    sites = make_points([(500200.0, 4999800.0)], {"name": ["a"]}, 32631)
    parameters = {"INPUT": sites, "RASTER": grey, "PIXELS": 32, "FOLDER": str(tmp_path / "t")}
    with pytest.raises(AlgorithmError, match="written over the list of tiles"):
        run("cuttiles", {**parameters, "OUTPUT": str(tmp_path / "t" / "tiles.csv")})
