"""Sites from photos in QGIS: points, fields, the table of the others, and what is left when a run ends early."""

from __future__ import annotations

import pytest
from helpers import AlgorithmError, Feedback

from tests.builders.photo_headers import OFFSET, ORIENTATION, TAKEN, gps, photo

LONDON, TOKYO = (51.503333, -0.119722), (35.68, 139.76)


@pytest.fixture
def folder(tmp_path):
    taken = {TAKEN: "2024:05:14 05:30:00", OFFSET: "+09:00"}
    place = gps(*TOKYO, direction=123.5, direction_ref="T", error=4.0)
    photo(tmp_path / "photos" / "tokyo" / "ä 1.jpg", (80, 60), place, taken, {ORIENTATION: 6})
    photo(tmp_path / "photos" / "london.jpg", (2000, 1000), gps(*LONDON))
    photo(tmp_path / "photos" / "nowhere.jpg", place=gps(0.0, 0.0))
    (tmp_path / "photos" / "empty.jpg").write_bytes(b"")
    return tmp_path / "photos"


def test_points_and_the_others(run, folder, tmp_path):
    output = {"OUTPUT": str(tmp_path / "sites.gpkg"), "UNPLACED": str(tmp_path / "others.gpkg")}
    made = run("sitesfromphotos", {"FOLDER": str(folder), **output})
    layer = made.layer()
    assert layer.crs().authid() == "EPSG:4326"
    assert made["PLACED"] == 2
    rows = {row["name"]: row for row in made.features()}
    assert set(rows) == {"ä 1.jpg", "london.jpg"}
    row = rows["ä 1.jpg"]
    assert row["_geometry"] == "Point (139.76 35.68)"
    assert (row["path"], row["time_utc"], row["time_local"]) == (
        str(folder / "tokyo" / "ä 1.jpg"), "2024-05-13T20:30:00Z", "2024-05-14T05:30:00+09:00",
    )  # fmt: skip
    assert (row["heading"], row["heading_ref"], row["accuracy_m"]) == (123.5, "true", 4.0)
    assert (row["width"], row["height"], row["rotation"], row["panorama"]) == (60, 80, 90, 0)
    assert (row["status"], row["reason"], row["remark"], row["licence"]) == ("ok", None, None, None)
    assert rows["london.jpg"]["panorama"] == 1
    assert "shape alone" in rows["london.jpg"]["remark"]
    others = {row["name"]: (row["status"], row["reason"]) for row in made.features("UNPLACED")}
    assert others["nowhere.jpg"][0] == "skipped"
    assert "0, 0" in others["nowhere.jpg"][1]
    assert others["empty.jpg"] == ("failed", "The photo 'empty.jpg' is empty (0 bytes).")
    assert (
        "4 files: 2 with a place (1 of them with a remark), 1 without, 1 that cannot be read. 1 is a panorama."
        in made.feedback.text
    )
    assert [rule.label() for rule in layer.renderer().rootRule().children()][-1] == "Direction of view"


def test_every_field_is_labelled_and_angles_tell_their_unit(run, folder):
    layer = run("sitesfromphotos", {"FOLDER": str(folder)}).layer()
    labels = {field.name(): layer.attributeDisplayName(index) for index, field in enumerate(layer.fields())}
    assert [name for name, label in labels.items() if not label.startswith(name + ": ")] == []
    assert labels["heading"] == "heading: Direction of view (degrees)"
    assert labels["rotation"] == "rotation: Rotation (degrees)"


def test_the_paths_serve_the_next_tool(run, folder, tmp_path):
    made = run("sitesfromphotos", {"FOLDER": str(folder), "OUTPUT": str(tmp_path / "sites.gpkg")})
    embedded = run("embedphotos", {"INPUT": made["OUTPUT"], "PATH_FIELD": "path"})
    assert {row["st_status"] for row in embedded.features()} == {"ok"}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"FOLDER": "/no such folder"},
            r"There is no folder /no such folder\. Choose the folder that the photos lie in",
        ),
        (
            {"FOLDER": "{folder}/empty.jpg"},
            r"empty\.jpg is a file, not a folder\. Choose the folder that the photos",
        ),
        ({"TIME_ZONE": "Mars/Olympus"}, "time zone 'Mars/Olympus' is not known"),
        ({"METADATA": "/no.csv"}, "There is no file /no.csv"),
        ({"OUTPUT": "sites.shp"}, "Shapefile"),
    ],
)
def test_refused_before_the_run(run, folder, parameters, words):
    parameters = {name: value.replace("{folder}", str(folder)) for name, value in parameters.items()}
    with pytest.raises(AlgorithmError, match=words):
        run("sitesfromphotos", {"FOLDER": str(folder), **parameters})


def test_a_cancelled_run_leaves_nothing(run, folder, tmp_path):
    for number in range(30):
        photo(folder / f"{number:02}.jpg", (16, 16), gps(*LONDON))
    outputs = {"OUTPUT": str(tmp_path / "sites.gpkg"), "UNPLACED": str(tmp_path / "others.gpkg")}
    run("sitesfromphotos", {"FOLDER": str(folder), **outputs}, Feedback(cancel_at=50.0))
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_folder_without_photos(run, tmp_path):
    made = run("sitesfromphotos", {"FOLDER": str(tmp_path)})
    assert (made.features(), made["PLACED"]) == ([], 0)
    assert made.feedback.warnings == ["There is no photo in the folder; the output is empty."]


def test_help_tells_how_wide_a_panorama_is_at_least(provider):
    assert "1000 pixels wide at least" in provider.algorithm("sitesfromphotos").shortHelpString()
