"""The ready model: the whole journey in one run, also past a site that fails on the way."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from helpers import Feedback, read_features, read_raster
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingModelAlgorithm,
    QgsProcessingUtils,
    QgsVectorLayer,
)

import soundvis_qgis

pytest.importorskip("soundfile")
pytest.importorskip("matplotlib")

MODEL = "soundvis:sound_vision_alignment"
FILE = Path(soundvis_qgis.__file__).parent / "resources" / "models" / "sound_vision_alignment.model3"
OUTPUTS = {
    "bga_sites:sites": "sites.gpkg",
    "segment_raster:classes": "classes.tif",
    "bga_raster:bga": "bga.tif",
    "correlate:correlations": "correlations.gpkg",
    "correlate:report": "report.html",
}
PAIRS = [("sound", "street"), ("sound", "aerial"), ("sound", "street+aerial"), ("street", "aerial")]


@pytest.fixture(scope="module")
def part(town, tmp_path_factory):
    """A quarter of the sample town: its aerial, and its sites by id."""
    middle = (500750.0, 5760750.0)
    half = 350.0
    path = str(tmp_path_factory.mktemp("part") / "aerial.tif")
    corners = [middle[0] - half, middle[1] + half, middle[0] + half, middle[1] - half]
    gdal.Translate(path, town.aerial, projWin=corners)
    sites = {
        site["site_id"]: site
        for site in read_features(town.sites)
        if max(
            abs(town.truth["sites"][site["site_id"]]["x"] - middle[0]),
            abs(town.truth["sites"][site["site_id"]]["y"] - middle[1]),
        )
        < half - 60
    }
    assert len(sites) >= 6
    return path, sites


@pytest.fixture
def parameters(part, town, make_points, tmp_path):
    aerial, sites = part
    places = [(town.truth["sites"][name]["x"], town.truth["sites"][name]["y"]) for name in sites]
    fields = {
        name: [site[name] for site in sites.values()]
        for name in ("site_id", "district", "recording", "photo")
    }
    layer = make_points(places, fields, 32631, tmp_path / "points.gpkg")
    return {
        "SITES": layer,
        "BASEMAP": aerial,
        "RECORDING_FIELD": "recording",
        "PHOTO_FIELD": "photo",
        "GROUP_FIELD": "district",
        "FOOTPRINT": 60,
        "RADIUS": 40,
        "PERMUTATIONS": 19,
        "SEED": 4,
        **{name: str(tmp_path / file) for name, file in OUTPUTS.items()},
    }


def check(results, sites, failed=()) -> None:
    """What holds of a run, where the sites ``failed`` have no sound."""
    made = {site["site_id"]: site for site in read_features(results["bga_sites:sites"])}
    assert list(made) == list(sites)
    for name, site in made.items():
        assert site["snd_status"] == site["snd_bga_status"] == ("failed" if name in failed else "ok")
        assert (site["snd_emb"] is None) == (site["snd_bio"] is None) == (name in failed)
        assert site["st_status"] == site["st_seg_status"] == site["st_bga_status"] == "ok"
        assert site["aer_status"] == site["aer_bga_status"] == "ok"
        assert site["aer_bio"] + site["aer_geo"] + site["aer_ant"] == pytest.approx(1.0)
    rows = read_features(results["correlate:correlations"])
    districts = sorted({site["district"] for site in sites.values()})
    assert [(row["group"], (row["block_a"], row["block_b"])) for row in rows] == [
        (group, pair) for group in ["pooled", *districts] for pair in PAIRS
    ]
    for row in rows:
        members = [name for name, site in sites.items() if row["group"] in ("pooled", site["district"])]
        dropped = len(set(members) & set(failed)) if "sound" in row["block_a"] else 0
        assert (row["sites"], row["dropped"]) == (len(members) - dropped, dropped)
        assert row["pairs"] == math.comb(row["sites"], 2)
        if row["group"] == "pooled":
            assert -1 <= row["r"] <= 1 and 0.05 <= row["p_mantel"] <= 1
    report = Path(results["correlate:report"]).read_text("utf-8")
    assert "<svg" in report and "19 permutations, seed 4" in report
    assert read_raster(results["segment_raster:classes"]).shape == (1400, 1400)
    assert read_raster(results["bga_raster:bga"], 3).shape == (1400, 1400)


def test_the_toolbox_offers_it(provider):
    model = QgsApplication.processingRegistry().algorithmById(MODEL)
    assert model is not None
    assert model.displayName() == "Sound vision alignment"
    assert set(OUTPUTS) == {output.name() for output in model.outputDefinitions()}
    used = {child.algorithmId() for child in model.childAlgorithms().values()}
    assert used == {
        f"soundvis:{name}"
        for name in ("embedsound", "bgasound", "embedphotos", "segmentphotos", "bgashares", "embedimagery",
                     "segmentraster", "bgaraster", "bgasites", "correlatelayers")
    }  # fmt: skip
    for definition in model.parameterDefinitions():
        assert definition.help() or definition.isDestination(), definition.name()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"correlate:correlations": "report.csv"},
            "The table beside the report would overwrite 'Correlations'",
        ),
        ({"correlate:correlations": "sites.gpkg"}, "would be written to the same place"),
    ],
)
def test_outputs_over_each_other_are_refused_before_the_run(provider, parameters, tmp_path, changed, words):
    model = QgsApplication.processingRegistry().algorithmById(MODEL)
    context = QgsProcessingContext()
    assert model.checkParameterValues(parameters, context) == (True, "")
    parameters.update({name: str(tmp_path / file) for name, file in changed.items()})
    ok, said = model.checkParameterValues(parameters, context)
    assert not ok and words in said


def test_from_the_registry(run, parameters, part):
    results = run(MODEL, parameters)
    check(results, part[1])
    layer = QgsVectorLayer(results["bga_sites:sites"], "sites", "ogr")
    assert layer.diagramRenderer() is not None  # opens as pies


def test_by_path_past_a_corrupt_recording(provider, project, parameters, part, make_points, town, tmp_path):
    """The failure of one site goes through to the end: marked, dropped where sound counts, nothing lost."""
    corrupt = tmp_path / "corrupt.wav"
    corrupt.write_bytes(b"RIFF\x00\x00\x00\x00not a recording at all")
    sites = part[1]
    failing = list(sites)[2]
    layer = parameters["SITES"]
    layer.startEditing()
    for feature in layer.getFeatures():
        if feature["site_id"] == failing:
            layer.changeAttributeValue(feature.id(), layer.fields().lookupField("recording"), str(corrupt))
    assert layer.commitChanges()
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(FILE))
    context = QgsProcessingContext()
    context.setProject(project)
    feedback = Feedback()
    results, succeeded = model.run(parameters, context, feedback)
    assert succeeded, feedback.text
    check(results, sites, failed=(failing,))
    assert f"{len(sites)} sites: {len(sites) - 1} ok, 1 failed." in feedback.text


@pytest.mark.parametrize(
    ("choice", "paper"),
    [
        ("SOUND_MODEL", "ast-audioset"),
        ("SOUND_METHOD", "ast-audioset"),
        ("PHOTO_MODEL", "clip-vit-l-14"),
        ("PHOTO_CLASSES_MODEL", "clipseg-rd64"),
        ("IMAGERY_MODEL", "remoteclip-vit-l-14"),
        ("LAND_COVER_MODEL", "segearth-ov"),
    ],
)
def test_the_papers_models_are_a_choice(provider, project, parameters, monkeypatch, choice, paper):
    """The light ones are the default; what a chosen model lacks is said before the first step, and by its step."""
    monkeypatch.delenv("SOUNDVIS_PYTHON", raising=False)
    model = QgsApplication.processingRegistry().createAlgorithmById(MODEL)
    definition = model.parameterDefinition(choice)
    assert paper in definition.options() and definition.defaultValue() in definition.options()
    context = QgsProcessingContext()
    context.setProject(project)
    accepted, _ = model.checkParameterValues({**parameters, choice: definition.defaultValue()}, context)
    assert accepted
    accepted, message = model.checkParameterValues({**parameters, choice: paper}, context)
    assert not accepted
    assert f"'{paper}'" in message and "Set up the environment" in message
    feedback = Feedback()
    _, succeeded = model.run({**parameters, choice: paper}, context, feedback)
    assert not succeeded
    assert f"The model '{paper}' runs in SoundVis' own Python environment" in feedback.text


def test_temporary_results_without_groups(provider, project, parameters, part):
    """As in the desktop: no files named, no group field."""
    given = {
        name: value for name, value in parameters.items() if name not in OUTPUTS and name != "GROUP_FIELD"
    }
    for name in OUTPUTS:
        given[name] = "TEMPORARY_OUTPUT"
    model = QgsApplication.processingRegistry().createAlgorithmById(MODEL)
    context = QgsProcessingContext()
    context.setProject(project)
    feedback = Feedback()
    accepted, message = model.checkParameterValues(given, context)
    assert accepted, message
    results, succeeded = model.run(given, context, feedback)
    assert succeeded, feedback.text
    table = QgsProcessingUtils.mapLayerFromString(results["correlate:correlations"], context)
    assert [row["group"] for row in read_features(table)] == ["pooled"] * 4
    layer = QgsProcessingUtils.mapLayerFromString(results["bga_sites:sites"], context)
    assert layer.featureCount() == len(part[1])
    assert Path(results["correlate:report"]).exists()
