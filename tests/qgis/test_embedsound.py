"""``embedsound``: what the core computes, in the right field of the right site, whatever layer it comes from."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, as_crs, read_features, vector
from qgis.core import QgsFeatureRequest, QgsProcessingFeatureSourceDefinition, QgsVectorLayer

from soundvis_qgis.compat import BINARY, DOUBLE, INTEGER, STRING
from tests.builders import recordings

DIMENSION = 105
#: Recordings with the windows of 10 s (a rest of 1 s or more counts) and the seconds in them, by hand.
CLIPS = {
    "tone_12.wav": (recordings.tone(12.0, 32000), 2, 12.0),
    "noise_25.wav": (recordings.noise(25.5, 32000, seed=1), 3, 25.5),
    "noise_10.wav": (recordings.noise(10.5, 32000, seed=2), 1, 10.0),
    "tone_2.wav": (recordings.tone(2.0, 44100, channels=2), 1, 2.0),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, (samples, _, _) in CLIPS.items():
        recordings.write(folder, name, samples, 44100 if name == "tone_2.wav" else 32000, "FLOAT")
    return folder


@pytest.fixture(scope="module")
def direct(clips):
    """The embedding of each recording, by the core alone."""
    from soundvis_core.audio import read_windows
    from soundvis_core.models.acoustic_features import AcousticFeatures

    model = AcousticFeatures()
    return {
        name: model.encode([window.samples for window in read_windows(clips / name, model.rate)]).mean(axis=0)
        for name in CLIPS
    }


def places(count):
    return [(500000.0 + 10 * index, 5761000.25 - 7 * index) for index in range(count)]


def sites(make_points, clips, names=tuple(CLIPS), **options):
    paths = [None if name is None else str(clips / name) for name in names]
    return make_points(
        places(len(names)), {"site": [f"S{i}" for i in range(len(names))], "path": paths}, **options
    )


def test_values_are_those_of_the_core(run, make_points, clips, direct):
    made = run("embedsound", {"INPUT": sites(make_points, clips), "PATH_FIELD": "path"})
    rows = made.features()
    assert [row["site"] for row in rows] == ["S0", "S1", "S2", "S3"]
    for row, (name, (_, windows, seconds)) in zip(rows, CLIPS.items()):
        assert len(row["snd_emb"]) == 4 * DIMENSION == 4 * direct[name].size
        np.testing.assert_allclose(vector(row["snd_emb"]), direct[name], rtol=1e-5, atol=1e-6)
        assert (row["snd_status"], row["snd_reason"]) == ("ok", None)
        assert row["snd_windows"] == windows
        assert row["snd_seconds"] == pytest.approx(seconds, abs=0.01)
    assert not np.allclose(vector(rows[0]["snd_emb"]), vector(rows[1]["snd_emb"]), atol=0.1)
    assert made.feedback.infos[-1] == "4 sites: 4 ok."
    assert made.feedback.warnings == []


def test_types_of_the_fields(run, make_points, clips):
    made = run("embedsound", {"INPUT": sites(make_points, clips, ["tone_2.wav"]), "PATH_FIELD": "path"})
    fields = made.layer().fields()
    assert fields.names() == [
        "site", "path", "snd_emb", "snd_status", "snd_reason", "snd_windows", "snd_seconds",
    ]  # fmt: skip
    kinds = [fields.at(index).type() for index in range(2, 7)]
    assert kinds == [BINARY, STRING, STRING, INTEGER, DOUBLE]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("ear_emb", ["ear_emb", "ear_status", "ear_reason", "ear_windows", "ear_seconds"]),
        ("tower", ["tower", "tower_status", "tower_reason", "tower_windows", "tower_seconds"]),
    ],
)
def test_the_field_name_gives_the_prefix(run, make_points, clips, field, expected):
    layer = sites(make_points, clips, ["tone_2.wav"])
    made = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "FIELD": field})
    assert made.layer().fields().names() == ["site", "path", *expected]
    row = made.features()[0]
    assert len(row[expected[0]]) == 4 * DIMENSION
    assert [row[name] for name in expected[1:4]] == ["ok", None, 1]


def test_two_runs_fit_into_one_layer(run, make_points, clips):
    first = run("embedsound", {"INPUT": sites(make_points, clips, ["tone_2.wav"]), "PATH_FIELD": "path"})
    second = run("embedsound", {"INPUT": first.layer(), "PATH_FIELD": "path", "FIELD": "again_emb"})
    row = second.features()[0]
    assert row["snd_emb"] == row["again_emb"]


def test_only_selected_sites(run, make_points, clips):
    layer = sites(make_points, clips)
    layer.selectByExpression("\"site\" IN ('S1', 'S3')")
    chosen = QgsProcessingFeatureSourceDefinition(layer.id(), True)
    made = run("embedsound", {"INPUT": chosen, "PATH_FIELD": "path"})
    # Memory layers give a selection in no order of their own.
    assert {row["site"]: row["snd_windows"] for row in made.features()} == {"S1": 3, "S3": 1}


def test_filters_are_honoured(run, make_points, clips, tmp_path):
    layer = sites(make_points, clips, path=tmp_path / "sites.gpkg")
    assert layer.setSubsetString("\"site\" >= 'S2'")
    made = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path"})
    assert [row["site"] for row in made.features()] == ["S2", "S3"]


@pytest.mark.parametrize("crs", [4326, 3857, 28992, "PROJ:+proj=laea +lat_0=52 +lon_0=5 +ellps=GRS80"])
def test_geometry_attributes_and_crs_pass_through(run, make_points, clips, crs):
    layer = make_points(
        [(4.899431, 52.379189), (5.25, 52.5), None, "empty"],
        {
            "name": ["Dam", "Ünïcode ’ 𝄞", None, ""],
            "number": [1, -2, None, 4],
            "level": [0.1, None, 3e300, -4.5],
            "blob": [b"\x00\xff", None, b"1", b"2"],
            "path": [str(clips / "tone_2.wav")] * 4,
        },
        crs=crs,
    )
    made = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path"})
    before, after = read_features(layer), made.features()
    assert made.layer().crs() == as_crs(crs)
    assert [{name: row[name] for name in before[0]} for row in after] == before
    # A recording needs no place.
    assert [row["snd_status"] for row in after] == ["ok"] * 4


def test_order_is_that_of_the_layer(run, make_points, clips):
    names = ["noise_25.wav", "tone_2.wav"] * 6
    rows = run("embedsound", {"INPUT": sites(make_points, clips, names), "PATH_FIELD": "path"}).features()
    assert [row["site"] for row in rows] == [f"S{index}" for index in range(12)]
    assert [row["snd_windows"] for row in rows] == [3, 1] * 6


def test_relative_paths_start_at_the_base_folder(run, make_points, clips):
    layer = make_points(places(2), {"path": ["tone_2.wav", f"..\\{clips.name}\\noise_10.wav"]})
    rows = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "BASE_FOLDER": str(clips)}).features()
    assert [row["snd_status"] for row in rows] == ["ok", "ok"]


@pytest.mark.parametrize("kind", ["gpkg", "geojson", "csv"])
def test_relative_paths_start_at_the_folder_of_the_layer(run, make_points, clips, tmp_path, kind):
    shutil.copytree(clips, tmp_path / "sound")
    layer = make_points(
        places(1), {"path": ["sound/tone_2.wav"], "n": [1]}, crs=4326, path=tmp_path / f"sites.{kind}"
    )
    assert run("embedsound", {"INPUT": layer, "PATH_FIELD": "path"}).features()[0]["snd_status"] == "ok"


def test_relative_paths_start_at_the_project(run, make_points, project, clips):
    project.setFileName(str(clips / "project.qgz"))
    layer = make_points(places(1), {"path": ["tone_2.wav"]})
    assert run("embedsound", {"INPUT": layer, "PATH_FIELD": "path"}).features()[0]["snd_status"] == "ok"


def test_the_base_folder_goes_before_all_others(run, make_points, clips, tmp_path):
    shutil.copy(clips / "tone_2.wav", tmp_path / "clip.wav")
    layer = make_points(places(1), {"path": ["clip.wav"]}, path=tmp_path / "sites.gpkg")
    row = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "BASE_FOLDER": str(clips)}).features()[0]
    assert row["snd_status"] == "failed"
    assert str(clips / "clip.wav") in row["snd_reason"]


def test_file_addresses(run, make_points, clips):
    layer = make_points(places(1), {"path": [(clips / "tone_2.wav").as_uri()]})
    assert run("embedsound", {"INPUT": layer, "PATH_FIELD": "path"}).features()[0]["snd_status"] == "ok"


def test_missing_paths_and_files_cost_only_their_site(run, make_points, clips):
    layer = make_points(
        places(5),
        {"path": [None, "  ", str(clips / "nowhere.wav"), str(clips), str(clips / "tone_2.wav")]},
    )
    made = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path"})
    rows = made.features()
    assert [row["snd_status"] for row in rows] == ["skipped", "skipped", "failed", "failed", "ok"]
    assert rows[0]["snd_reason"] == rows[1]["snd_reason"] == "the path field is empty"
    assert "nowhere.wav" in rows[2]["snd_reason"]
    assert [row["snd_emb"] is None for row in rows] == [True, True, True, True, False]
    assert [row["snd_windows"] for row in rows] == [None, None, None, None, 1]
    assert made.feedback.warnings == [
        "5 sites: 1 ok, 2 failed, 2 skipped. The reasons are in the field 'snd_reason'."
    ]


@pytest.mark.parametrize("taken", ["snd_emb", "snd_status", "SND_Windows"])
def test_a_collision_names_the_field_and_leaves_no_file(run, make_points, clips, tmp_path, taken):
    layer = make_points(places(1), {"path": [str(clips / "tone_2.wav")], taken: ["x"]})
    output = tmp_path / "out.gpkg"
    with pytest.raises(AlgorithmError, match=f"already has the field '{taken.lower()}'"):
        run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "OUTPUT": str(output)})
    assert list(tmp_path.iterdir()) == []


def test_a_collision_leaves_an_earlier_output_as_it_was(run, make_points, clips, tmp_path):
    output = tmp_path / "out.gpkg"
    layer = sites(make_points, clips, ["tone_2.wav"])
    run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "OUTPUT": str(output)})
    clash = make_points(places(1), {"path": ["x"], "snd_emb": ["x"]})
    with pytest.raises(AlgorithmError):
        run("embedsound", {"INPUT": clash, "PATH_FIELD": "path", "OUTPUT": str(output)})
    assert len(read_features(output)) == 1


def test_an_empty_field_name_is_refused(run, make_points, clips):
    layer = sites(make_points, clips, ["tone_2.wav"])
    with pytest.raises(AlgorithmError):
        run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "FIELD": " "})


def test_an_unknown_path_field_or_model_is_refused(run, make_points, clips):
    layer = sites(make_points, clips, ["tone_2.wav"])
    with pytest.raises(AlgorithmError, match="nowhere"):
        run("embedsound", {"INPUT": layer, "PATH_FIELD": "nowhere"})
    with pytest.raises(AlgorithmError):
        run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "MODEL": "no-such-model"})


def test_an_empty_layer_gives_an_empty_output_with_the_fields(run, make_points, tmp_path):
    layer = make_points([], {"path": []}, crs=28992)
    made = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "OUTPUT": str(tmp_path / "out.gpkg")})
    output = QgsVectorLayer(made["OUTPUT"], "out", "ogr")
    assert output.featureCount() == 0
    assert output.crs().authid() == "EPSG:28992"
    assert output.fields().names()[1:] == [
        "path", "snd_emb", "snd_status", "snd_reason", "snd_windows", "snd_seconds",
    ]  # fmt: skip
    assert made.feedback.warnings == [
        "The layer has no sites (mind selections and filters); the output is empty."
    ]


def test_geopackage_keeps_the_bytes(run, make_points, clips, direct, tmp_path):
    output = tmp_path / "out.gpkg"
    run("embedsound", {"INPUT": sites(make_points, clips), "PATH_FIELD": "path", "OUTPUT": str(output)})
    with closing(sqlite3.connect(output)) as database:
        stored = [row[0] for row in database.execute("SELECT snd_emb FROM out ORDER BY fid")]
    for value, name in zip(stored, CLIPS):
        np.testing.assert_allclose(np.frombuffer(value, "<f4"), direct[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["geojson", "csv"])
def test_text_formats_hold_json(run, make_points, clips, direct, tmp_path, kind):
    layer = make_points(places(2), {"path": [str(clips / "tone_12.wav"), None]}, crs=4326)
    output = tmp_path / f"out.{kind}"
    run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "OUTPUT": str(output)})
    rows = read_features(output)
    assert len(rows) == 2
    # GDAL reads an array of GeoJSON as a list, and text of CSV as text.
    numbers = rows[0]["snd_emb"]
    numbers = json.loads(numbers) if isinstance(numbers, str) else numbers
    assert len(numbers) == DIMENSION
    np.testing.assert_allclose(numbers, direct["tone_12.wav"], rtol=2e-5, atol=1e-6)
    assert rows[0]["snd_status"] == "ok"
    assert rows[1]["snd_status"] == "skipped"
    assert not rows[1]["snd_emb"]


def test_shapefile_is_refused_before_anything_is_written(run, make_points, clips, tmp_path):
    layer = sites(make_points, clips, ["tone_2.wav"])
    with pytest.raises(AlgorithmError, match=r"Shapefile cuts field names.*GeoPackage"):
        run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "OUTPUT": str(tmp_path / "out.shp")})
    assert list(tmp_path.iterdir()) == []


def second_table(path: Path) -> str:
    return f"ogr:dbname='{path}' table=\"second\" (geom)"


def tables(path: Path) -> dict[str, int]:
    """Rows by table of a GeoPackage."""
    with closing(sqlite3.connect(path)) as database:
        names = [row[0] for row in database.execute("SELECT table_name FROM gpkg_contents")]
        counted = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    counted.pop("layer_styles", None)
    return counted


@pytest.fixture
def geopackage(make_points, project, tmp_path):
    """A GeoPackage with one layer, which is not open: QGIS 3.22 does not see a new table of an open one."""
    path = tmp_path / "all.gpkg"
    layer = make_points(places(3), {"keep": ["a", "b", "c"]}, path=path)
    project.removeMapLayer(layer.id())
    del layer
    return path


def test_a_further_layer_of_a_geopackage(run, make_points, clips, geopackage):
    layer = sites(make_points, clips)
    assert tables(geopackage) == {"sites": 3}
    made = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "OUTPUT": second_table(geopackage)})
    assert [len(row["snd_emb"]) for row in made.features()] == [4 * DIMENSION] * 4
    assert tables(geopackage) == {"sites": 3, "second": 4}


def test_a_failure_deletes_nothing_else_from_a_geopackage(run, make_points, geopackage):
    clash = make_points(places(1), {"path": ["x"], "snd_emb": ["x"]})
    with pytest.raises(AlgorithmError, match="snd_emb"):
        run("embedsound", {"INPUT": clash, "PATH_FIELD": "path", "OUTPUT": second_table(geopackage)})
    assert tables(geopackage) == {"sites": 3}


@pytest.fixture
def fault(monkeypatch):
    """The tool itself breaks in a way that nobody has foreseen."""
    from soundvis_qgis.algorithms.embedding.files import EmbedFiles

    def broken(self, result):
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(EmbedFiles, "measured", broken)


def test_a_failure_midway_takes_back_its_own_table_only(run, make_points, clips, geopackage, fault):
    layer = sites(make_points, clips)
    with pytest.raises(AlgorithmError, match=r"does not know \(ZeroDivisionError: a fault of ours\)"):
        run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "OUTPUT": second_table(geopackage)})
    assert tables(geopackage) == {"sites": 3}


@pytest.mark.parametrize("output", ["out.gpkg", "out.geojson", "out.csv"])
def test_a_failure_midway_leaves_no_file(run, make_points, clips, tmp_path, fault, output):
    layer = sites(make_points, clips)
    with pytest.raises(AlgorithmError, match="a fault of ours"):
        run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "OUTPUT": str(tmp_path / output)})
    assert list(tmp_path.iterdir()) == []


def check_cancelled(run, layer, output):
    feedback = Feedback(cancel_at=2.0)
    made = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "OUTPUT": output}, feedback)
    assert "OUTPUT" not in made
    assert feedback.errors == []
    assert max(feedback.progress) < 50.0


@pytest.mark.parametrize("output", ["out.gpkg", "out.geojson"])
def test_cancelling_stops_and_leaves_no_file(run, make_points, clips, tmp_path, output):
    check_cancelled(run, sites(make_points, clips, ["noise_25.wav"] * 40), str(tmp_path / output))
    assert list(tmp_path.iterdir()) == []


def test_cancelling_leaves_the_rest_of_a_geopackage(run, make_points, clips, geopackage):
    check_cancelled(run, sites(make_points, clips, ["noise_25.wav"] * 40), second_table(geopackage))
    assert tables(geopackage) == {"sites": 3}


def test_progress_rises_to_its_end(run, make_points, clips):
    layer = sites(make_points, clips, ["tone_2.wav"] * 4)
    made = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path"})
    steps = [percent for percent in made.feedback.progress if percent > 0]
    assert steps == sorted(steps)
    assert steps[-1] == pytest.approx(100.0)


def test_output_carries_its_provenance(run, make_points, clips, tmp_path):
    layer = sites(make_points, clips, ["tone_2.wav"])
    output = tmp_path / "out.gpkg"
    run("embedsound", {"INPUT": layer, "PATH_FIELD": "path", "OUTPUT": str(output)})
    opened = QgsVectorLayer(str(output), "out", "ogr")
    opened.loadDefaultMetadata()
    history = "\n".join(opened.metadata().history())
    assert "tool: soundvis:embedsound" in history
    assert "acoustic-features" in history


def test_the_input_layer_is_left_alone(run, make_points, clips):
    layer = sites(make_points, clips, ["tone_2.wav", "tone_12.wav"])
    before = read_features(layer)
    run("embedsound", {"INPUT": layer, "PATH_FIELD": "path"})
    assert read_features(layer) == before
    assert next(layer.getFeatures(QgsFeatureRequest())).fields().names() == ["site", "path"]
