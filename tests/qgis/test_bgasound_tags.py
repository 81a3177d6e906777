"""BGA of recordings from the tags of a model: hand-made answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, read_features

from soundvis_core.bga.audioset import AGGREGATIONS, THRESHOLD, load_sound_classes
from soundvis_core.compose import composition_of
from soundvis_core.errors import SKIPPED, SiteError
from soundvis_core.pipeline import OK, SiteResult
from soundvis_qgis.algorithms.composition import bgasound
from soundvis_qgis.runtime import execution

pytest.importorskip("soundfile")
from tests.builders import recordings

BGA = ["bio", "geo", "ant", "bio_raw", "geo_raw", "ant_raw", "unmapped", "dominant", "evenness",
       "bga_status", "bga_reason"]  # fmt: skip
HEARD = ["tags", "bga_windows", "bga_seconds"]
COLUMNS = [
    "site", "recording", "window", "start_s", "length_s", "tag_index", "tag", "mid", "probability", "category",
]  # fmt: skip

#: What is heard in the windows of recordings, by the name of the file.
ANSWERS = {
    "park.wav": (24.5, [{"Bird": 0.6, "Speech": 0.15}, {"Bird": 0.9, "Rain": 0.5}, {"Rain": 0.3, "Silence": 0.25}]),
    "road.wav": (10.0, [{"Car": 0.8, "Dog": 0.5}]),
    "still.wav": (20.0, [{"Silence": 0.9}, {}]),
}  # fmt: skip


def answer(name: str) -> SiteResult:
    seconds, windows = ANSWERS[name]
    places = {row.name: row.index for row in load_sound_classes().rows}
    probabilities = np.full((len(windows), 527), 0.01, np.float32)
    for window, tags in zip(probabilities, windows):
        for tag, probability in tags.items():
            window[places[tag]] = probability
    starts = 10.0 * np.arange(len(windows), dtype=np.float32)
    values = {"windows": len(windows), "seconds": seconds, "starts": starts, "probabilities": probabilities}
    return SiteResult(OK, values=values)


@pytest.fixture
def model(monkeypatch):
    """Answers by hand in the place of the model; what they become is the core's work."""
    asked = []

    def run_for_sites(job, options, tasks, progress, facts=None):
        asked.append((job, dict(options)))
        for task in tasks:
            if isinstance(task, SiteError):
                yield SiteResult(task.status, str(task))
            elif Path(task).name == "broken.wav":
                yield SiteResult("failed", "not a recording")
            else:
                yield composition_of(answer(Path(task).name), options)
        facts.update(model="ast-audioset", revision="abc", device="cpu, float32")

    monkeypatch.setattr(execution, "run_for_sites", run_for_sites)
    monkeypatch.setattr(execution, "job_problem", lambda job, options=None: None)
    monkeypatch.setattr(execution, "model_note", lambda job, options: ("ast-audioset, revision abc", 768))
    return asked


@pytest.fixture
def sites(make_points, tmp_path):
    def made(*names, path=None):
        for name in names:
            if name:
                (tmp_path / name).touch()
        points = [(500000 + n, 5000000) for n in range(len(names))]
        layer = make_points(points, {"rec": list(names)}, path=path)
        folder = str(tmp_path)
        return {"INPUT": layer, "PATH_FIELD": "rec", "BASE_FOLDER": folder, "METHOD": "ast-audioset"}

    return made


def triple(site, suffix=""):
    return [site[f"snd_{short}{suffix}"] for short in ("bio", "geo", "ant")]


def test_the_defaults_are_those_of_the_core():
    assert bgasound.DEFAULT_THRESHOLD == THRESHOLD
    assert bgasound.AGGREGATIONS == AGGREGATIONS


def test_fields_and_numbers_by_hand(run, model, sites):
    parameters = sites("park.wav", "road.wav")
    del parameters["METHOD"]
    made = run("bgasound", parameters, own_defaults=True)
    assert [field.name() for field in made.layer().fields()] == [
        "rec",
        *("snd_" + name for name in [*HEARD, *BGA]),
    ]
    park, road = made.features()
    assert triple(park, "_raw") == pytest.approx([2 / 3, 2 / 3, 0.0])
    assert triple(park) == pytest.approx([0.5, 0.5, 0.0])
    assert (park["snd_unmapped"], park["snd_dominant"]) == (0.0, None)  # a tie
    assert (park["snd_bga_windows"], park["snd_bga_seconds"]) == (3, 24.5)
    assert park["snd_tags"] == "Bird (67%); Rain (67%); Silence (33%)"
    assert triple(road, "_raw") == [1.0, 0.0, 1.0]
    assert {site["snd_bga_status"] for site in (park, road)} == {"ok"}
    ((job, options),) = model
    assert job == "compose-sound"
    assert options == {
        "method": "ast-audioset", "threshold": 0.2, "aggregation": "share", "pets": True, "weights": "",
        "checkpoint": "", "tags": False,
    }  # fmt: skip


def test_the_parameters_reach_the_composition(run, model, sites, tmp_path):
    weights = tmp_path / "own.csv"
    weights.write_text("class,biophony,geophony,anthrophony\nCar,0,1,0\n", encoding="utf-8")
    changed = {"PETS": False, "WEIGHTS": str(weights), "CHECKPOINT": "mine", "PREFIX": "x_"}
    (road,) = run("bgasound", {**sites("road.wav"), **changed}).features()
    assert [road[f"x_{short}_raw"] for short in ("bio", "geo", "ant")] == [0.0, 1.0, 1.0]
    assert model[-1][1]["checkpoint"] == "mine"
    (park,) = run("bgasound", {**sites("park.wav"), "THRESHOLD": 0.55}).features()
    assert triple(park, "_raw") == pytest.approx([2 / 3, 0.0, 0.0])
    assert park["snd_unmapped"] == pytest.approx(1 / 3)
    (road,) = run("bgasound", {**sites("road.wav"), "AGGREGATION": "maximum"}).features()
    assert triple(road, "_raw") == pytest.approx([0.5, 0.01, 0.8])


def test_sites_without_a_composition_are_null_and_say_why(run, model, sites):
    made = run("bgasound", sites("still.wav", None, "broken.wav", "road.wav"))
    still, none, broken, road = made.features()
    assert [site["snd_bga_status"] for site in (still, none, broken, road)] == [
        "skipped",
        "skipped",
        "failed",
        "ok",
    ]
    for site in (still, none, broken):
        assert triple(site) == triple(site, "_raw") == [None] * 3 and site["snd_bga_reason"]
    assert (still["snd_unmapped"], still["snd_bga_windows"], still["snd_tags"]) == (1.0, 2, "Silence (50%)")
    assert none["snd_tags"] is None and none["snd_bga_windows"] is None


def test_the_metadata_name_model_and_parameters(run, model, sites, tmp_path):
    output = str(tmp_path / "out.gpkg")
    made = run("bgasound", {**sites("road.wav"), "OUTPUT": output, "TAGS": str(tmp_path / "tags.gpkg")})
    for name in ("OUTPUT", "TAGS"):
        history = "\n".join(made.layer(name).metadata().history())
        assert "model: ast-audioset" in history and "revision: abc" in history and "cpu" in history
        assert "PETS" in history


# ----------------------------------------------------------------------------------------- the table of tags


def tags_of(made):
    return [tuple(row[name] for name in COLUMNS) for row in made.features("TAGS")]


def test_the_table_of_tags_by_hand(run, model, sites):
    made = run("bgasound", {**sites("park.wav", None, "broken.wav", "road.wav"), "TAGS": "memory:"})
    assert [field.name() for field in made.layer("TAGS").fields()] == COLUMNS
    assert not made.layer("TAGS").isSpatial()
    rows = {row.name: row for row in load_sound_classes().rows}
    first, last = (feature.id() for feature in list(made.layer().getFeatures())[::3])
    expected = [
        (first, "park.wav", 1, 0.0, 10.0, "Speech", 0.15, "anthrophony"),
        (first, "park.wav", 1, 0.0, 10.0, "Bird", 0.6, "biophony"),
        (first, "park.wav", 2, 10.0, 10.0, "Bird", 0.9, "biophony"),
        (first, "park.wav", 2, 10.0, 10.0, "Rain", 0.5, "geophony"),
        (first, "park.wav", 3, 20.0, 4.5, "Rain", 0.3, "geophony"),
        (first, "park.wav", 3, 20.0, 4.5, "Silence", 0.25, None),
        (last, "road.wav", 1, 0.0, 10.0, "Dog", 0.5, "biophony"),
        (last, "road.wav", 1, 0.0, 10.0, "Car", 0.8, "anthrophony"),
    ]
    expected = [
        (*where, rows[tag].index, tag, rows[tag].mid, pytest.approx(p, abs=1e-6), category)
        for *where, tag, p, category in expected
    ]
    assert tags_of(made) == expected
    assert model[-1][1]["tags"] is True


def test_the_score_of_the_table_and_its_categories(run, model, sites):
    parameters = {**sites("park.wav", "road.wav"), "TAGS": "memory:", "TAGS_SCORE": 0.5, "PETS": False}
    found = tags_of(run("bgasound", parameters))
    assert [(row[6], row[9]) for row in found] == [
        ("Bird", "biophony"), ("Bird", "biophony"), ("Rain", "geophony"),
        ("Dog", "anthrophony"), ("Car", "anthrophony"),
    ]  # fmt: skip
    everything = run("bgasound", {**sites("road.wav"), "TAGS": "memory:", "TAGS_SCORE": 0.0})
    assert len(tags_of(everything)) == 527
    # 0.15 in the model's 32 bits is 0.15.
    at_the_edge = run("bgasound", {**sites("park.wav"), "TAGS": "memory:", "TAGS_SCORE": 0.15})
    assert tags_of(at_the_edge)[0][6] == "Speech"


def test_the_site_of_a_tag_is_the_feature_that_was_read(run, model, sites, tmp_path):
    """A selection of a GeoPackage: the ids are those of its features, not counted anew."""
    parameters = sites("still.wav", "park.wav", "road.wav", path=tmp_path / "sites.gpkg")
    layer = parameters["INPUT"]
    layer.selectByExpression("\"rec\" = 'road.wav'")
    from qgis.core import QgsProcessingFeatureSourceDefinition

    parameters["INPUT"] = QgsProcessingFeatureSourceDefinition(layer.id(), True)
    found = tags_of(run("bgasound", {**parameters, "TAGS": "memory:"}))
    assert {row[0] for row in found} == {layer.selectedFeatureIds()[0]} == {3}


@pytest.mark.parametrize("name", ["tags.gpkg", "tags.csv", "tags.geojson"])
def test_the_table_in_files(run, model, sites, tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    run("bgasound", {**sites("park.wav"), "OUTPUT": str(out / "sites.gpkg"), "TAGS": str(out / name)})
    rows = read_features(str(out / name))
    assert [row["tag"] for row in rows] == ["Speech", "Bird", "Bird", "Rain", "Rain", "Silence"]
    assert all(row["_geometry"] is None for row in rows)


def test_two_tables_of_one_geopackage(run, model, sites, tmp_path):
    path = tmp_path / "both.gpkg"
    targets = {name: f"ogr:dbname='{path}' table=\"{table}\" (geom)" for name, table in
               (("OUTPUT", "sites"), ("TAGS", "tags"))}  # fmt: skip
    run("bgasound", {**sites("park.wav", "road.wav"), **targets})
    assert len(read_features(f"{path}|layername=sites")) == 2
    assert len(read_features(f"{path}|layername=tags")) == 8


def test_without_being_asked_for_there_is_no_table(run, model, sites):
    assert "TAGS" not in run("bgasound", sites("park.wav"))
    assert "TAGS" not in run("bgasound", {**sites("park.wav"), "TAGS": None})


@pytest.mark.parametrize("how", ["cancel", "error"])
def test_a_run_that_ends_early_leaves_no_file(run, model, sites, tmp_path, monkeypatch, how):
    out = tmp_path / "out"
    out.mkdir()
    parameters = {
        **sites(*["park.wav"] * 12), "OUTPUT": str(out / "sites.gpkg"), "TAGS": str(out / "tags.gpkg"),
    }  # fmt: skip
    if how == "cancel":
        run("bgasound", parameters, Feedback(cancel_at=20))
    else:
        inner = execution.run_for_sites

        def breaks(*arguments):
            for count, result in enumerate(inner(*arguments)):
                if count == 5:
                    raise RuntimeError("the model is gone")
                yield result

        monkeypatch.setattr(execution, "run_for_sites", breaks)
        with pytest.raises(AlgorithmError, match="the model is gone"):
            run("bgasound", parameters)
    assert list(out.iterdir()) == []


# --------------------------------------------------------------------------------------- before the run


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"METHOD": "ndsi", "TAGS": "memory:"}, "table of tags comes with the method 'ast-audioset'"),
        ({"TAGS": "{folder}/tags.shp"}, "Shapefile"),
        ({"OUTPUT": "{folder}/a.gpkg", "TAGS": "{folder}/a.gpkg"}, "same place"),
        ({"TAGS": "{folder}/sites.gpkg"}, "would overwrite the file"),
        ({"WEIGHTS": "{folder}/none.csv"}, "cannot be read"),
        ({"WEIGHTS": "{folder}/bad.csv"}, "no class 'Unicorn'"),
        ({"THRESHOLD": 1.5}, "THRESHOLD"),
        ({"TAGS_SCORE": -1}, "TAGS_SCORE"),
        ({"AGGREGATION": "median"}, "AGGREGATION"),
    ],
)
def test_what_cannot_work_is_said_before_the_run(run, model, sites, tmp_path, changed, message):
    (tmp_path / "bad.csv").write_text(
        "class,biophony,geophony,anthrophony\nUnicorn,1,0,0\n", encoding="utf-8"
    )
    parameters = sites("park.wav", path=tmp_path / "sites.gpkg")
    filled = {name: str(value).replace("{folder}", str(tmp_path)) for name, value in changed.items()}
    with pytest.raises(AlgorithmError, match=message):
        run("bgasound", {**parameters, **filled})
    assert model == []


def test_the_weights_of_tags_are_no_matter_of_the_baseline(run, model, sites, monkeypatch, tmp_path):
    monkeypatch.undo()
    path = str(recordings.wav(tmp_path))
    parameters = {**sites(None), "METHOD": "ndsi", "WEIGHTS": str(tmp_path / "none.csv")}
    (site,) = run("bgasound", parameters).features()
    assert site["snd_bga_status"] == SKIPPED and path


def test_a_missing_model_is_said_before_the_run(run, sites, monkeypatch, tmp_path):
    """Neither environment nor weights: the ways out are named."""
    from soundvis_qgis.runtime import environment

    monkeypatch.setenv(environment.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv("SOUNDVIS_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv(environment.PYTHON_VARIABLE, raising=False)
    with pytest.raises(AlgorithmError, match=r"ast-audioset.*'Set up the environment'.*ndsi"):
        run("bgasound", sites("park.wav"))
