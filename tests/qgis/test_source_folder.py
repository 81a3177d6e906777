"""Relative paths go on meaning the same files when tools are chained, however the layers between are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from qgis.core import QgsVectorLayer

from soundvis_qgis.layers.source_folder import SOURCE_FOLDER
from tests.builders import recordings

pytest.importorskip("soundfile")

SITES = 3
PLACES = [(500100.0 + 60 * index, 5000150.0) for index in range(SITES)]


@pytest.fixture
def sites(make_points, tmp_path) -> QgsVectorLayer:
    """Sites in ``in/s.gpkg`` beside ``in/rec`` and ``in/pic``, which they name by relative paths."""
    folders = {"rec": tmp_path / "in" / "rec", "pic": tmp_path / "in" / "pic"}
    for folder in folders.values():
        folder.mkdir(parents=True)
    for index in range(SITES):
        recordings.write(folders["rec"], f"{index}.wav", recordings.tone(2.0, 32000), 32000, "FLOAT")
        pixels = np.random.default_rng(index).integers(0, 256, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folders["pic"] / f"{index}.png")
    fields = {
        "rec": [f"rec/{index}.wav" for index in range(SITES)],
        "pic": [f"pic/{index}.png" for index in range(SITES)],
    }
    return make_points(PLACES, fields, path=tmp_path / "in" / "s.gpkg")


def statuses(rows, *fields: str) -> list[list[str]]:
    return [[row[field] for field in fields] for row in rows]


def chain(run, sites, outputs) -> list[dict]:
    """Three tools that read files and one that does not, each on the output of the one before."""
    first = run("embedsound", {"INPUT": sites, "PATH_FIELD": "rec", "OUTPUT": outputs[0]})
    second = run("bgasound", {"INPUT": given(first), "PATH_FIELD": "rec", "OUTPUT": outputs[1]})
    third = run("segmentphotos", {"INPUT": given(second), "PATH_FIELD": "pic", "OUTPUT": outputs[2]})
    fourth = run("bgashares", {"INPUT": given(third), "OUTPUT": outputs[3]})
    return run("embedphotos", {"INPUT": given(fourth), "PATH_FIELD": "pic"}).features()


def given(made):
    return made.layer() if made["OUTPUT"].startswith(("memory", "output_", "OUTPUT")) else made["OUTPUT"]


ALL = ("snd_status", "snd_bga_status", "st_seg_status", "st_status")


def test_through_temporary_layers(run, sites):
    rows = chain(run, sites, ["memory:"] * 4)
    assert statuses(rows, *ALL) == [["ok"] * 4] * SITES


@pytest.mark.parametrize("kind", ["gpkg", "geojson"])
def test_through_files_in_another_folder(run, sites, tmp_path, kind):
    (tmp_path / "elsewhere").mkdir()
    outputs = [str(tmp_path / "elsewhere" / f"{step}.{kind}") for step in range(4)]
    assert statuses(chain(run, sites, outputs), *ALL) == [["ok"] * 4] * SITES


def test_through_tables_of_a_database(run, sites, tmp_path):
    database = tmp_path / "elsewhere" / "all.gpkg"
    database.parent.mkdir()
    outputs = [str(database), *(f"ogr:dbname='{database}' table=\"t{step}\" (geom)" for step in (1, 2, 3))]
    assert statuses(chain(run, sites, outputs), *ALL) == [["ok"] * 4] * SITES


def test_the_folder_of_the_layer_itself_goes_first(run, sites, tmp_path):
    """Files that were moved along with an output are found beside it."""
    moved = tmp_path / "moved"
    (moved / "rec").mkdir(parents=True)
    made = run("bgasound", {"INPUT": sites, "PATH_FIELD": "rec", "OUTPUT": str(moved / "s.gpkg")})
    layer = QgsVectorLayer(made["OUTPUT"], "s", "ogr")
    assert layer.customProperty(SOURCE_FOLDER) == str(tmp_path / "in")
    recordings.write(moved / "rec", "0.wav", np.zeros(64000), 32000, "FLOAT")  # silent: skipped
    rows = run("embedsound", {"INPUT": layer, "PATH_FIELD": "rec"}).features()
    assert statuses(rows, "snd_status") == [["skipped"], ["ok"], ["ok"]]


def test_the_ready_model(run, sites, make_raster, tmp_path):
    pytest.importorskip("matplotlib")
    pixels = np.random.default_rng(5).integers(0, 256, (3, 300, 400), dtype=np.uint8)
    basemap = make_raster(tmp_path / "map.tif", pixels, (500000.0, 5000300.0))
    made = run(
        "soundvis:sound_vision_alignment",
        {
            "SITES": str(tmp_path / "in" / "s.gpkg"),
            "BASEMAP": basemap,
            "RECORDING_FIELD": "rec",
            "PHOTO_FIELD": "pic",
            "FOOTPRINT": 40,
            "RADIUS": 20,
            "PERMUTATIONS": 9,
            "bga_sites:sites": str(tmp_path / "out.gpkg"),
            "segment_raster:classes": str(tmp_path / "classes.tif"),
            "bga_raster:bga": str(tmp_path / "bga.tif"),
            "correlate:correlations": str(tmp_path / "r.gpkg"),
            "correlate:report": str(tmp_path / "r.html"),
        },
    )
    rows = [
        {field.name(): feature[field.name()] for field in feature.fields()}
        for feature in QgsVectorLayer(made["bga_sites:sites"], "s", "ogr").getFeatures()
    ]
    assert statuses(rows, *ALL) == [["ok"] * 4] * SITES
    assert Path(made["correlate:report"]).exists()
