"""The table of windows of embedded recordings."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, read_features, vector
from qgis.core import QgsVectorLayer

from soundvis_core.pipeline import SiteResult
from soundvis_qgis.runtime import execution

pytest.importorskip("soundfile")
from tests.builders import recordings

#: Seconds of the recordings, and the lengths of their windows: a last window of a second or more counts.
LENGTHS = {"long.wav": (24.5, [10.0, 10.0, 4.5]), "short.wav": (3.0, [3.0]), "cut.wav": (10.5, [10.0])}
COLUMNS = ["site", "recording", "window", "start_s", "length_s", "embedding"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for seed, (name, (seconds, _)) in enumerate(LENGTHS.items()):
        recordings.write(folder, name, recordings.noise(seconds, 24000, seed=seed), 24000)
    recordings.write(folder, "silent.wav", np.zeros(24000), 24000)
    return folder


@pytest.fixture
def sites(make_points, clips):
    def made(*names, path=None):
        points = [(500000 + n, 5000000) for n in range(len(names))]
        layer = make_points(points, {"rec": list(names)}, path=path)
        return {"INPUT": layer, "PATH_FIELD": "rec", "BASE_FOLDER": str(clips)}

    return made


def direct(clips, name):
    from soundvis_core.audio import read_windows
    from soundvis_core.models.acoustic_features import AcousticFeatures

    model = AcousticFeatures()
    return model.encode([window.samples for window in read_windows(clips / name, model.rate)])


def test_a_row_per_window_with_its_own_embedding(run, sites, clips):
    names = ["long.wav", None, "short.wav", "silent.wav", "cut.wav"]
    parameters = sites(*names)
    made = run("embedsound", {**parameters, "WINDOWS": "memory:"})
    assert made.layer("WINDOWS").fields().names() == COLUMNS
    assert not made.layer("WINDOWS").isSpatial()
    ids = [feature.id() for feature in parameters["INPUT"].getFeatures()]
    rows, sites_done = made.features("WINDOWS"), made.features()
    for site, name, described in zip(ids, names, sites_done):
        own = [row for row in rows if row["site"] == site]
        lengths = LENGTHS[name][1] if name in LENGTHS else []
        assert [row["recording"] for row in own] == [name] * len(lengths)
        assert [row["window"] for row in own] == list(range(1, len(lengths) + 1))
        assert [row["start_s"] for row in own] == [10.0 * n for n in range(len(lengths))]
        assert [row["length_s"] for row in own] == pytest.approx(lengths, abs=0.01)
        if own:
            vectors = np.array([vector(row["embedding"]) for row in own])
            np.testing.assert_allclose(vectors, direct(clips, name), rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(vectors.mean(axis=0), vector(described["snd_emb"]), atol=1e-6)
            assert described["snd_windows"] == len(lengths)
    assert [row["snd_status"] for row in sites_done] == ["ok", "skipped", "ok", "skipped", "ok"]
    history = "\n".join(made.layer("WINDOWS").metadata().history())
    assert "tool: soundvis:embedsound" in history and "field embedding: acoustic-features, float32" in history


def test_the_sites_are_what_they_are_without_the_table(run, sites):
    parameters = sites("long.wav", "short.wav")
    plain, tabled = run("embedsound", parameters), run("embedsound", {**parameters, "WINDOWS": "memory:"})
    assert plain.features() == tabled.features()
    assert plain.layer().fields().names() == tabled.layer().fields().names()
    assert "WINDOWS" not in plain


def test_tables_in_files(run, sites, clips, tmp_path):
    table = tmp_path / "windows.gpkg"
    run("embedsound", {**sites("long.wav"), "OUTPUT": str(tmp_path / "o.gpkg"), "WINDOWS": str(table)})
    layer = QgsVectorLayer(str(table), "windows", "ogr")
    assert layer.attributeAlias(layer.fields().lookupField("start_s")) == "start_s: Start of the window (s)"
    kept = np.array([vector(row["embedding"]) for row in read_features(table)])
    text = tmp_path / "windows.csv"
    run("embedsound", {**sites("long.wav"), "WINDOWS": str(text)})
    read = np.array([json.loads(row["embedding"]) for row in read_features(text)])
    np.testing.assert_allclose(kept, direct(clips, "long.wav"), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(read, kept, rtol=2e-5, atol=1e-6)


def test_a_trained_model_gives_what_it_heard(run, sites, monkeypatch):
    """The values of the worker's answer go to the table; none is asked of it where no table is wanted."""
    from soundvis_core.embed import embedding_of

    asked = []
    heard = {"windows": 2, "seconds": 15.0, "starts": np.array([0, 10], np.float32)}
    heard["embeddings"] = np.array([[1, 2], [3, 4]], np.float32)

    def run_for_sites(job, options, tasks, progress, facts=None):
        asked.append((job, dict(options)))
        for _ in tasks:
            yield embedding_of(SiteResult("ok", values=heard), bool(options.get("each_window")))
        facts.update(model="ast-audioset", revision="abc", device="cpu, float32")

    monkeypatch.setattr(execution, "run_for_sites", run_for_sites)
    monkeypatch.setattr(execution, "job_problem", lambda job, options=None: None)
    monkeypatch.setattr(execution, "model_note", lambda job, options: ("ast-audioset, revision abc", 2))
    chosen = {**sites("long.wav", "short.wav"), "MODEL": "ast-audioset"}
    made = run("embedsound", {**chosen, "WINDOWS": "memory:"})
    rows = made.features("WINDOWS")
    assert [vector(row["embedding"]).tolist() for row in rows] == [[1, 2], [3, 4]] * 2
    assert [(row["window"], row["start_s"], row["length_s"]) for row in rows[:2]] == [(1, 0, 10), (2, 10, 5)]
    assert vector(made.features()[0]["snd_emb"]).tolist() == [2, 3]
    run("embedsound", chosen)
    assert [options.get("each_window") for _, options in asked] == [True, None]
    assert "device: cpu, float32" in "\n".join(made.layer("WINDOWS").metadata().history())


def test_one_place_for_two_outputs_is_refused(run, sites, tmp_path):
    both = str(tmp_path / "out.gpkg")
    with pytest.raises(AlgorithmError, match="Sites and table of windows would be written to the same place"):
        run("embedsound", {**sites("short.wav"), "OUTPUT": both, "WINDOWS": both})
    with pytest.raises(AlgorithmError, match="Shapefile"):
        run("embedsound", {**sites("short.wav"), "WINDOWS": str(tmp_path / "windows.dbf")})
    parameters = sites("short.wav", path=tmp_path / "in.gpkg")
    with pytest.raises(AlgorithmError, match="would overwrite the file"):
        run("embedsound", {**parameters, "WINDOWS": str(tmp_path / "in.gpkg")})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.gpkg"]


def test_cancelling_leaves_neither_file(run, sites, tmp_path):
    files = {"OUTPUT": str(tmp_path / "out.gpkg"), "WINDOWS": str(tmp_path / "windows.gpkg")}
    made = run("embedsound", {**sites(*["long.wav"] * 30), **files}, Feedback(cancel_at=2.0))
    assert "WINDOWS" not in made
    assert list(tmp_path.iterdir()) == []


def test_an_empty_layer_gives_an_empty_table(run, sites):
    made = run("embedsound", {**sites(), "WINDOWS": "memory:"})
    assert made.features("WINDOWS") == []
    assert made.layer("WINDOWS").fields().names() == COLUMNS


@pytest.mark.parametrize("field", ["site_id", "Site", "name"])
def test_the_users_own_names_of_the_sites_go_along(run, make_points, clips, field):
    layer = make_points([(0, 0), (1, 0)], {"rec": ["short.wav", "long.wav"], field: ["Tower", None]})
    parameters = {"INPUT": layer, "PATH_FIELD": "rec", "BASE_FOLDER": str(clips), "WINDOWS": "memory:"}
    made = run("embedsound", parameters)
    assert made.layer("WINDOWS").fields().names() == ["site", "site_id", *COLUMNS[1:]]
    assert [row["site_id"] for row in made.features("WINDOWS")] == ["Tower", None, None, None]
    history = "\n".join(made.layer("WINDOWS").metadata().history())
    assert f"field site_id: field '{field}' of the layer" in history
