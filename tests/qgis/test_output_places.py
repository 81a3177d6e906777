"""Outputs by relative paths, in folders yet to be made, and where nothing can be written: told before the run."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from helpers import AlgorithmError
from qgis.core import QgsProcessingOutputLayerDefinition, QgsProject, QgsVectorLayer

from soundvis_qgis.layers import input_places, output_places

SITES = 12


@pytest.fixture
def sites(make_points, tmp_path) -> Path:
    random = np.random.default_rng(3)
    fields = {
        name: [row.astype("<f4").tobytes() for row in random.normal(size=(SITES, 4))]
        for name in ("snd_emb", "st_emb")
    }
    places = [(float(x), float(y)) for x, y in random.uniform(0.0, 1.0, (SITES, 2))]
    make_points(places, fields, 4326, tmp_path / "s.gpkg")
    return tmp_path / "s.gpkg"


ALIGNED = {"SOUND": ["snd_emb"], "SIGHT": ["st_emb"], "PERMUTATIONS": 9}
CORRELATED = {"SOUND": ["snd_emb"], "STREET": ["st_emb"], "PERMUTATIONS": 9, "BOOTSTRAPS": 0}


def styles_of(path: Path) -> set[str]:
    related, _, names = QgsVectorLayer(str(path)).listStylesInDatabase()[:3]
    return set(names[:related])


@pytest.mark.parametrize("source", ["s.gpkg", "./s.gpkg"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_bare_file_names_keep_every_style(run, sites, tmp_path, monkeypatch, source, wrapped):
    # QGIS 3.22 ended with a segmentation fault here, when a copy of the layer read the style just saved.
    monkeypatch.chdir(tmp_path)
    output = QgsProcessingOutputLayerDefinition("al.gpkg") if wrapped else "al.gpkg"
    made = run("sitealignment", {"INPUT": source, **ALIGNED, "OUTPUT": output})
    assert made["OUTPUT"] == str(tmp_path / "al.gpkg")
    assert len(styles_of(tmp_path / "al.gpkg")) == 2
    assert len(made.features()) == SITES


def test_inputs_by_bare_file_names_are_opened_by_whole_paths(run, sites, tmp_path, monkeypatch):
    """Else QGIS 3.22 may crash when a style is saved, which depends on what lies where in memory."""
    monkeypatch.chdir(tmp_path)
    made = run("sitealignment", {"INPUT": "s.gpkg", **ALIGNED, "OUTPUT": "al.gpkg"})
    assert f"INPUT='{sites}'" in "\n".join(made.layer().metadata().history())


def test_what_is_no_relative_file_stays(provider, sites, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "snd_emb").write_text("")
    tool, project = provider.algorithm("sitealignment"), QgsProject()
    layer = QgsVectorLayer(str(sites), "s.gpkg")
    given = {"INPUT": "s.gpkg", "SOUND": ["snd_emb"], "OUTPUT": "s.gpkg"}
    whole = input_places.with_whole_inputs(given, tool.parameterDefinitions(), project)
    assert whole == {**given, "INPUT": str(sites)}
    for value in (layer, "missing.gpkg", str(sites), "memory:", None):
        found = input_places.with_whole_inputs({"INPUT": value}, tool.parameterDefinitions(), project)
        assert found == {"INPUT": value}
    project.addMapLayer(layer)  # QGIS takes the layer of that name
    assert input_places.with_whole_inputs(given, tool.parameterDefinitions(), project) == given


def test_labels_are_in_every_style(run, sites, tmp_path):
    path = tmp_path / "al.gpkg"
    run("sitealignment", {"INPUT": str(sites), **ALIGNED, "OUTPUT": str(path)})
    layer = QgsVectorLayer(str(path))
    related, identifiers, _ = layer.listStylesInDatabase()[:3]
    for identifier in identifiers[:related]:
        assert "Alignment r" in layer.getStyleFromDatabase(identifier)[0]


def test_missing_folders_are_made(run, sites, tmp_path):
    folder = tmp_path / "new" / "er"
    made = run(
        "correlatelayers",
        {
            "INPUT": str(sites),
            **CORRELATED,
            "OUTPUT": str(folder / "t.csv"),
            "REPORT": str(folder / "r" / "r.html"),
        },
    )
    assert Path(made["OUTPUT"]).is_file() and (folder / "r" / "r.csv").is_file()


@pytest.mark.parametrize(
    ("tool", "output", "end"),
    [
        ("sitealignment", "OUTPUT", ".gpkg"),
        ("correlatelayers", "OUTPUT", ".csv"),
        ("correlatelayers", "FUSION", ".gpkg"),
        ("correlatelayers", "REPORT", ".html"),
        ("sitepairs", "GALLERY", ".html"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_the_run(run, sites, tmp_path, tool, output, end):
    (tmp_path / "file").write_text("")
    given = CORRELATED if tool == "correlatelayers" else {"SOUND": ["snd_emb"], "SIGHT": ["st_emb"]}
    values = {"INPUT": str(sites), **given, output: str(tmp_path / "file" / f"out{end}")}
    with pytest.raises(AlgorithmError, match=r"file is no folder\. Choose another place") as caught:
        run(tool, values)
    assert not caught.value.feedback.progress


def test_rasters_and_folders_are_looked_at_too(run, tmp_path):
    (tmp_path / "file").write_text("")
    values = {
        "FOLDER": str(tmp_path / "file" / "town"),
        "OUTPUT": "memory:",
        "AERIAL": str(tmp_path / "a.tif"),
    }
    with pytest.raises(AlgorithmError, match=r"'Folder for recordings and photos'.* is no folder"):
        run("samplesites", values)
    with pytest.raises(AlgorithmError, match=r"'Aerial image'.* is no folder"):
        run("samplesites", {**values, "FOLDER": str(tmp_path), "AERIAL": str(tmp_path / "file" / "a.tif")})


def test_what_may_not_be_written(monkeypatch, tmp_path):
    kept = tmp_path / "kept.csv"
    kept.write_text("")
    place_problem = output_places.place_problem
    assert place_problem(str(kept), "Table") is None
    assert place_problem(str(tmp_path), "Table") is not None and "is a folder" in place_problem(
        str(tmp_path), "Table"
    )
    assert place_problem(str(tmp_path), "Folder", folder=True) is None
    for nowhere in (None, "", "TEMPORARY_OUTPUT", "memory:", "postgres://dbname='x' table=\"t\""):
        assert place_problem(nowhere, "Table") is None
    database = f"ogr:dbname='{kept / 'in.gpkg'}' table=\"t\" (geom)"
    assert "is no folder" in place_problem(database, "Table")
    allowed = os.access
    locked = {str(kept), str(tmp_path / "locked")}
    monkeypatch.setattr(
        output_places.os, "access", lambda path, mode: str(path) not in locked and allowed(path, mode)
    )
    (tmp_path / "locked").mkdir()
    assert "write-protected" in place_problem(str(kept), "Table")
    assert "nothing may be written in the folder" in place_problem(
        str(tmp_path / "locked" / "t.csv"), "Table"
    )
    assert "nothing may be written" in place_problem(str(tmp_path / "locked" / "new"), "Folder", folder=True)
