"""``sitesfromrecordings``: points and the table of the rest, what QGIS makes of them, and what follows."""

from __future__ import annotations

import datetime as dt
import os

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, Run, read_features
from qgis.core import QgsProject, QgsVectorLayer

from tests.builders import recorder_files as files

FIELDS = [
    "path", "name", "time_utc", "time_local", "duration_s", "sample_rate", "channels", "recorder", "source_of_position",
    "source_of_time", "licence", "author", "link", "status", "reason", "remark",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A Song Meter, an AudioMoth without a place, a damaged file, and a table for a third recorder."""
    path = tmp_path / "Aufnahmen süd"
    files.wav(path / "sm4" / "S4A02641_20250220_170000.wav", files.song_meter(), seconds=2.0, channels=2)
    files.wav(path / "20240514_053000.WAV", files.audiomoth())
    files.wav(path / "zoom.wav", seconds=0.5)
    (path / "broken.wav").write_bytes(b"RIFF")
    table = "file;lat;lon;datetime;author;licence;link\nzoom.wav;52,52;13,405;2024-05-14 07:30;Ä. Ström;CC0;https://a.b\n"
    (path / "places.csv").write_text(table, "utf-8")
    return path


def test_points_and_the_rest(run, folder):
    made = run(
        "sitesfromrecordings", {"FOLDER": str(folder), "TIME_ZONE": "Europe/Berlin", "UNPLACED": "memory:"}
    )
    layer = made.layer()
    assert layer.crs().authid() == "EPSG:4326"
    assert made["PLACED"] == 2
    zoom, song_meter = made.features()
    assert [name for name in zoom if name != "_geometry"] == FIELDS
    assert zoom == {
        "path": str(folder / "zoom.wav"), "name": "zoom.wav", "time_utc": "2024-05-14T05:30:00Z",
        "time_local": "2024-05-14T07:30:00+02:00", "duration_s": 0.5, "sample_rate": 8000, "channels": 1,
        "recorder": None, "source_of_position": "table places.csv", "source_of_time": "table places.csv",
        "licence": "CC0", "author": "Ä. Ström", "link": "https://a.b", "status": "ok", "reason": None, "remark": None,
        "_geometry": "Point (13.405 52.52)",
    }  # fmt: skip
    assert song_meter["path"] == str(folder / "sm4" / "S4A02641_20250220_170000.wav")
    assert song_meter["_geometry"] == "Point (-71.456 42.431)"
    table = made.layer("UNPLACED")
    assert table.isSpatial() is False
    moth, broken = made.features("UNPLACED")
    assert (moth["name"], moth["status"], moth["time_utc"]) == (
        "20240514_053000.WAV",
        "skipped",
        "2024-05-14T05:30:00Z",
    )
    assert moth["path"] == str(folder / "20240514_053000.WAV")
    assert moth["recorder"] == "AudioMoth 24F3190361DA539A"
    assert moth["reason"].startswith("no position: ")
    assert (broken["name"], broken["status"]) == ("broken.wav", "failed")
    assert "4 files: 2 with a place, 1 without, 1 that cannot be read." in made.feedback.text


def test_without_the_table_the_log_says_so(run, folder):
    made = run("sitesfromrecordings", {"FOLDER": str(folder)})
    assert "UNPLACED" not in made
    assert "Ask for 'Files without a place'" in made.feedback.text
    assert "1 x no position: " in made.feedback.text


def test_more_reasons_than_are_told(run, folder):
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("nothing to hear here")
    (folder / "cut.wav").write_bytes((folder / "zoom.wav").read_bytes()[:40])
    lines = run("sitesfromrecordings", {"FOLDER": str(folder)}).feedback.text.splitlines()
    assert sum(" x " in line for line in lines) == 3
    assert "and 1 more kind of reasons, of 1 file" in lines


def test_rows_of_the_table_about_no_file(run, folder, tmp_path):
    table = tmp_path / "meta.csv"
    table.write_text("file,lat,lon\nzoom.wav,1,2\n" + "".join(f"{x}.wav,1,2\n" for x in "abcde"), "utf-8")
    made = run("sitesfromrecordings", {"FOLDER": str(folder), "METADATA": str(table)})
    words = (
        "5 rows of the table meta.csv are about no recording in the folder: a.wav, b.wav, c.wav and 2 more."
    )
    assert words in made.feedback.warnings


@pytest.fixture
def audible(folder):
    """The folder with noise in zoom.wav."""
    samples = (np.random.default_rng(1).normal(0, 3000, 8000 * 3)).astype("<i2").tobytes()
    zoom = folder / "zoom.wav"
    content = files.wav(zoom, seconds=3.0).read_bytes()
    zoom.write_bytes(content[:44] + samples)
    return folder


def heard(made) -> dict[str, str]:
    """The status of each recording by its name."""
    return {feature["name"]: feature["snd_status"] for feature in made.features()}


def test_paths_lead_the_next_tool_to_the_files(run, audible, tmp_path):
    folder = audible
    for output in ("memory:", str(tmp_path / "out" / "sites.gpkg")):
        (tmp_path / "out").mkdir(exist_ok=True)
        sites = run("sitesfromrecordings", {"FOLDER": str(folder), "OUTPUT": output})
        layer = sites.layer() if output == "memory:" else QgsVectorLayer(output, "sites", "ogr")
        QgsProject.instance().addMapLayer(layer, False)
        assert heard(run("embedsound", {"INPUT": layer.id(), "PATH_FIELD": "path"}))["zoom.wav"] == "ok"
        QgsProject.instance().removeMapLayer(layer.id())


@pytest.mark.parametrize("kind", ["memory:", "csv", "geojson"])
def test_native_tools_between_do_not_lose_the_files(run, audible, tmp_path, kind):
    """They drop what a layer remembers: the paths have to do alone. A district is joined, one site is chosen."""
    outputs = [kind if kind == "memory:" else str(tmp_path / f"{step}.{kind}") for step in range(2)]
    sites = run("sitesfromrecordings", {"FOLDER": str(audible)}).layer()
    district = run(
        "native:buffer", {"INPUT": sites, "DISTANCE": 1.0, "DISSOLVE": True, "OUTPUT": "memory:"}
    ).layer()
    joined = run("native:joinattributesbylocation", {"INPUT": sites, "JOIN": district, "OUTPUT": outputs[0]})
    chosen = run(
        "native:extractbyexpression",
        {"INPUT": joined["OUTPUT"] if kind != "memory:" else joined.layer(),
         "EXPRESSION": "\"name\" = 'zoom.wav'", "OUTPUT": outputs[1]},
    )  # fmt: skip
    given = chosen.layer()
    if kind == "csv":  # without its geometry, which a plain CSV does not keep
        points = {"EXPRESSION": "make_point(13, 52)", "OUTPUT_GEOMETRY": 2, "OUTPUT": "memory:"}
        given = run("native:geometrybyexpression", {"INPUT": outputs[1], **points}).layer()
    made = run("embedsound", {"INPUT": given, "PATH_FIELD": "path"})
    assert heard(made) == {"zoom.wav": "ok"}
    assert "1 site: 1 ok." in made.feedback.infos


def test_a_study_that_was_moved_is_found_below_the_base_folder(run, audible, tmp_path):
    sites = run("sitesfromrecordings", {"FOLDER": str(audible)}).layer()
    audible.rename(tmp_path / "archive")
    made = run("embedsound", {"INPUT": sites, "PATH_FIELD": "path"})
    assert set(heard(made).values()) == {"failed"}
    lost = [warning for warning in made.feedback.warnings if "None of the 2 files was found" in warning]
    assert len(lost) == 1
    assert str(audible / "zoom.wav") in lost[0] and "BASE_FOLDER" in lost[0]
    made = run("embedsound", {"INPUT": sites, "PATH_FIELD": "path", "BASE_FOLDER": str(tmp_path / "archive")})
    assert heard(made)["zoom.wav"] == "ok"
    assert "1 file is not where the path says; found below the base folder by the end" in made.feedback.text
    assert any(
        "1 file was found below the base folder by name alone" in text for text in made.feedback.warnings
    )
    assert not any("None of" in warning for warning in made.feedback.warnings)


def test_style_labels_and_provenance(run, folder, tmp_path):
    output = tmp_path / "sites.gpkg"
    run(
        "sitesfromrecordings",
        {"FOLDER": str(folder), "OUTPUT": str(output), "UNPLACED": str(tmp_path / "rest.csv")},
    )
    layer = QgsVectorLayer(str(output), "sites", "ogr")
    labels = {field.name(): layer.attributeDisplayName(index) for index, field in enumerate(layer.fields())}
    assert [name for name, label in labels.items() if not label.startswith(name + ": ")] == ["fid"]
    assert layer.renderer().type() == "RuleRenderer"
    assert [item.label() for item in layer.renderer().legendSymbolItems()] == [
        "Recording",
        "Recording with a remark",
    ]
    assert layer.labelsEnabled()
    labels = {feature["name"]: layer.labeling().settings() for feature in layer.getFeatures()}
    assert labels
    assert layer.attributeDisplayName(layer.fields().lookupField("duration_s")) == "duration_s: Duration (s)"
    assert any("tool: soundvis:sitesfromrecordings" in entry for entry in layer.metadata().history())
    assert len(read_features(tmp_path / "rest.csv")) == 2


def test_track_zone_and_clock(run, folder, tmp_path):
    track = files.gpx(
        tmp_path / "t.gpx", [("2024-05-14T05:28:00Z", 52.0, 13.0), ("2024-05-14T05:30:00Z", 53.0, 13.0)]
    )
    values = {"FOLDER": str(folder), "TRACK": str(track), "CLOCK_OFFSET": 60.0}
    by_name = {feature["name"]: feature for feature in run("sitesfromrecordings", values).features()}
    moth = by_name["20240514_053000.WAV"]
    assert moth["_geometry"] == "Point (13 52.5)"
    assert moth["source_of_position"] == "track t.gpx"
    assert moth["time_utc"] == "2024-05-14T05:29:00Z"
    values["TRACK_GAP"] = 100.0
    made = run("sitesfromrecordings", {**values, "UNPLACED": "memory:"})
    assert "a gap of 2 min there, longer than the 100 s allowed" in made.features("UNPLACED")[0]["reason"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"FOLDER": "/nowhere"}, "There is no folder /nowhere"),
        (
            {"FOLDER": "{folder}/zoom.wav"},
            "is a file, not a folder. Choose the folder that the recordings lie in",
        ),
        (
            {"FOLDER": "/nowhere", "TIME_ZONE": "Mars/Olympus"},
            "no folder /nowhere.*'Mars/Olympus' is not known",
        ),
        ({"CLOCK_OFFSET": 1e12, "TRACK_GAP": -1.0}, "CLOCK_OFFSET.*TRACK_GAP"),
        ({"TIME_ZONE": "Mars/Olympus"}, "The time zone 'Mars/Olympus' is not known here"),
        ({"METADATA": "/nowhere.csv"}, "There is no file /nowhere.csv"),
        (
            {"OUTPUT": "{folder}/sites.shp"},
            "A Shapefile cuts field names to 10 characters and texts to 254",
        ),
        ({"OUTPUT": "{folder}/s.gpkg", "UNPLACED": "{folder}/s.gpkg"}, "written to the same file"),
        ({"METADATA": "{folder}/places.csv", "OUTPUT": "{folder}/places.csv"}, "The output would overwrite"),
        ({"CLOCK_OFFSET": 1e12}, "it has to be at least"),
    ],
)
def test_what_cannot_be_run_is_said_before(run, folder, values, words):
    given = {
        name: value.replace("{folder}", str(folder)) if isinstance(value, str) else value
        for name, value in values.items()
    }
    with pytest.raises(AlgorithmError, match=words):
        run("sitesfromrecordings", {"FOLDER": str(folder), **given})


def test_a_table_that_cannot_be_used_leaves_no_output(run, folder, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n", "utf-8")
    output = tmp_path / "sites.gpkg"
    with pytest.raises(AlgorithmError, match="has no column that names recordings"):
        run("sitesfromrecordings", {"FOLDER": str(folder), "METADATA": str(bad), "OUTPUT": str(output)})
    assert not output.exists()


def test_cancelled_run_leaves_nothing(run, tmp_path):
    for number in range(40):
        files.wav(tmp_path / "in" / f"{number:02d}_52.5200+13.4050.wav", seconds=0.01)
    output, rest = tmp_path / "sites.gpkg", tmp_path / "rest.gpkg"
    values = {"FOLDER": str(tmp_path / "in"), "OUTPUT": str(output), "UNPLACED": str(rest)}
    made = run("sitesfromrecordings", values, feedback=Feedback(cancel_at=50.0))
    assert isinstance(made, Run)
    assert not output.exists()
    assert not rest.exists()


def test_empty_folder(run, tmp_path):
    made = run("sitesfromrecordings", {"FOLDER": str(tmp_path)})
    assert made.features() == []
    assert "There is no recording in the folder" in made.feedback.text


def test_zones_of_qt_are_those_of_python(qgis_app):
    """Where Python has no list of zones, Qt's take their place: the same offsets, at both changes of the clocks too."""
    zoneinfo = pytest.importorskip("zoneinfo")
    from soundvis_qgis.layers.qt_zones import qt_zone

    assert qt_zone("Mars/Olympus") is None
    for name in ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"):
        qt, python = qt_zone(name), zoneinfo.ZoneInfo(name)
        start = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
        for hours in range(0, 366 * 24, 5):
            moment = start + dt.timedelta(hours=hours, minutes=30)
            assert moment.astimezone(qt).replace(tzinfo=None) == moment.astimezone(python).replace(
                tzinfo=None
            )
        for day in ("2024-03-31", "2024-10-27", "2024-03-10", "2024-11-03", "2024-04-07", "2024-10-06"):
            for minute in range(0, 240, 15):
                for fold in (0, 1):
                    local = dt.datetime.fromisoformat(day) + dt.timedelta(minutes=minute)
                    local = local.replace(fold=fold)
                    assert local.replace(tzinfo=qt).utcoffset() == local.replace(tzinfo=python).utcoffset(), (
                        name,
                        local,
                    )


def test_unreadable_folder_is_listed(run, folder, monkeypatch):
    original = os.scandir

    def scandir(path):
        if str(path).endswith("sm4"):
            raise PermissionError(13, "Permission denied", path)
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    rest = run("sitesfromrecordings", {"FOLDER": str(folder), "UNPLACED": "memory:"}).features("UNPLACED")
    assert [(row["path"], row["status"]) for row in rest][-1] == (str(folder / "sm4"), "failed")
