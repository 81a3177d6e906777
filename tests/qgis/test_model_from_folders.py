"""The ready model from two folders and a basemap: places from a table and from EXIF, and files that serve nobody."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from helpers import AlgorithmError, read_features, vector
from osgeo import gdal
from PIL import Image
from qgis.core import QgsApplication

from tests.builders.photo_headers import gps

pytest.importorskip("soundfile")
pytest.importorskip("matplotlib")
pyproj = pytest.importorskip("pyproj")

MODEL = "soundvis:sound_vision_from_folders"
FILES = {
    "recording_sites:unplaced": "recordings.csv",
    "photo_sites:unplaced": "photos.csv",
    "bga_sites:sites": "sites.gpkg",
    "segment_raster:classes": "classes.tif",
    "bga_raster:bga": "bga.tif",
    "correlate:correlations": "correlations.gpkg",
    "correlate:report": "report.html",
}
UNPLACED = ["recording_sites:unplaced", "photo_sites:unplaced"]
#: The part of the sample town that is used: its middle and half its side, in metres.
MIDDLE, HALF = (500750.0, 5760750.0), 350.0
#: How far east of its site each photo is taken, in metres.
EAST = 12.0


@pytest.fixture(scope="module")
def places(town) -> dict[str, tuple[float, float]]:
    """Places of the sites of the part, by id, in UTM 31N."""
    found = {name: (site["x"], site["y"]) for name, site in town.truth["sites"].items()}
    inside = {
        name: place
        for name, place in found.items()
        if max(abs(place[0] - MIDDLE[0]), abs(place[1] - MIDDLE[1])) < HALF - 60
    }
    assert len(inside) >= 6
    return inside


@pytest.fixture
def basemap(town, tmp_path) -> str:
    path = str(tmp_path / "aerial.tif")
    corners = [MIDDLE[0] - HALF, MIDDLE[1] + HALF, MIDDLE[0] + HALF, MIDDLE[1] - HALF]
    gdal.Translate(path, town.aerial, projWin=corners)
    return path


@pytest.fixture
def folders(town, places, tmp_path) -> tuple[Path, Path]:
    """Recordings with a table of places beside them, and photos with a place in their EXIF.

    The first site's photo has no place, the second's was taken 400 m away, and two recordings are of no use.
    """
    recordings, photos = tmp_path / "Aufnahmen süd", tmp_path / "photos"
    (recordings / "sd 1").mkdir(parents=True)
    (photos / "tag 1").mkdir(parents=True)
    to_degrees = pyproj.Transformer.from_crs(32631, 4326, always_xy=True).transform
    lines = ["file;lat;lon"]
    for number, (name, (x, y)) in enumerate(places.items()):
        os.link(town.folder / "files" / "recordings" / f"{name}.wav", recordings / "sd 1" / f"{name}.wav")
        lon, lat = to_degrees(x, y)
        lines.append(f"sd 1/{name}.wav;{lat:.8f};{lon:.8f}")
        photo = town.folder / "files" / "photos" / f"{name}.jpg"
        lon, lat = to_degrees(x + (400.0 if number == 1 else EAST), y)
        copy_with_place(photo, photos / "tag 1" / f"view {number}.jpg", None if number == 0 else (lat, lon))
    shutil.copy(recordings / "sd 1" / f"{name}.wav", recordings / "nowhere.wav")
    (recordings / "broken.wav").write_bytes(b"RIFF")
    (recordings / "places.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return recordings, photos


def copy_with_place(source: Path, target: Path, place: tuple[float, float] | None) -> None:
    """A copy of a JPEG with a place, the picture untouched: EXIF stands behind the first marker."""
    content = source.read_bytes()
    segment = b""
    if place is not None:
        exif = Image.Exif()
        exif[0x8825] = gps(*place)
        data = exif.tobytes()
        segment = b"\xff\xe1" + (len(data) + 2).to_bytes(2, "big") + data
    target.write_bytes(content[:2] + segment + content[2:])


@pytest.fixture
def parameters(folders, basemap, tmp_path):
    (tmp_path / "out").mkdir()
    return {
        "RECORDINGS": str(folders[0]),
        "PHOTOS": str(folders[1]),
        "BASEMAP": basemap,
        "FOOTPRINT": 60,
        "RADIUS": 40,
        "PERMUTATIONS": 19,
        "SEED": 4,
        **{name: str(tmp_path / "out" / file) for name, file in FILES.items()},
    }


def test_the_toolbox_offers_it(provider):
    model = QgsApplication.processingRegistry().algorithmById(MODEL)
    assert model.displayName() == "Sound vision from folders"
    assert model.validate() == (True, [])
    assert {output.name() for output in model.outputDefinitions()} == set(FILES)
    optional = model.parameterDefinition("correlate:report").Flag.FlagOptional
    for name in FILES:
        assert bool(model.parameterDefinition(name).flags() & optional) == (
            name in [*UNPLACED, "correlate:report"]
        ), name
    assert model.parameterDefinition("MAX_DISTANCE").defaultValue() == 100.0


def test_from_two_folders_to_the_report(run, parameters, places, town, make_points):
    made = run(MODEL, parameters)
    sites = {Path(row["path"]).stem: row for row in read_features(made["bga_sites:sites"])}
    others = list(places)[2:]
    assert set(sites) == set(places)
    for site in sites.values():
        assert [site[f"{block}_status"] for block in ("snd", "snd_bga", "aer", "aer_bga")] == ["ok"] * 4
        assert site["source_of_position"] == "table places.csv"
        assert site["aer_bio"] + site["aer_geo"] + site["aer_ant"] == pytest.approx(1.0)
        assert (site["photo_status"], site["st_status"]) == (
            ("ok", "ok") if site["photo_path"] else ("skipped", "skipped")
        )
    for number, name in enumerate(others, start=2):
        assert os.path.basename(sites[name]["photo_path"]) == f"view {number}.jpg"
        # A metre of UTM is up to 0.04 % off a metre on the ground.
        assert sites[name]["photo_dist_m"] == pytest.approx(EAST, rel=5e-4)
    assert not any(os.path.basename(site["photo_path"] or "") == "view 0.jpg" for site in sites.values())

    assert [(row["name"], row["status"]) for row in read_features(made["recording_sites:unplaced"])] == [
        ("broken.wav", "failed"), ("nowhere.wav", "skipped"),
    ]  # fmt: skip
    (photo,) = read_features(made["photo_sites:unplaced"])
    assert (photo["name"], photo["status"]) == ("view 0.jpg", "skipped")

    without = sum(site["photo_path"] is None for site in sites.values())
    rows = read_features(made["correlate:correlations"])
    assert [(row["group"], row["block_a"], row["block_b"]) for row in rows] == [
        ("pooled", "sound", "street"), ("pooled", "sound", "aerial"), ("pooled", "sound", "street+aerial"),
        ("pooled", "street", "aerial"),
    ]  # fmt: skip
    assert [(row["sites"], row["dropped"]) for row in rows] == [
        (len(sites) - without, without) if "street" in row["block_a"] + row["block_b"] else (len(sites), 0)
        for row in rows
    ]
    assert all(-1 <= row["r"] <= 1 and 0.05 <= row["p_mantel"] <= 1 for row in rows)
    report = Path(made["correlate:report"]).read_text("utf-8")
    assert "<svg" in report and "19 permutations, seed 4" in report

    # Each vector is that of the town's own file for the site: no recording or photo went to a wrong place.
    files = {row["site_id"]: (row["recording"], row["photo"]) for row in read_features(town.sites)}
    fields = {
        "site": others,
        "wav": [files[name][0] for name in others],
        "jpg": [files[name][1] for name in others],
    }
    layer = make_points([places[name] for name in others], fields)
    base = {"BASE_FOLDER": str(Path(town.sites).parent)}
    heard = run("embedsound", {"INPUT": layer, "PATH_FIELD": "wav", **base})
    for row in run("embedphotos", {"INPUT": heard.layer(), "PATH_FIELD": "jpg", **base}).features():
        for field in ("snd_emb", "st_emb"):
            assert vector(sites[row["site"]][field]) == pytest.approx(vector(row[field])), (
                row["site"],
                field,
            )


@pytest.fixture
def given(parameters):
    """The parameters without what is optional."""
    return {name: value for name, value in parameters.items() if name not in UNPLACED}


@pytest.mark.parametrize("wrong", ["there is none", "nothing has a place"])
def test_no_site_is_told_before_the_basemap_is_read(run, given, tmp_path, wrong):
    folder, words = tmp_path / "other", "There is no folder"
    if wrong != "there is none":
        folder.mkdir()
        shutil.copy(Path(given["RECORDINGS"]) / "nowhere.wav", folder)
        words = "No recording in the folder has a place, so there is no site."
    with pytest.raises(AlgorithmError, match=words):
        run(MODEL, {**given, "RECORDINGS": str(folder)})
    assert list((tmp_path / "out").iterdir()) == []


def test_without_photos_sound_is_still_compared_with_the_basemap(run, given, places, tmp_path):
    (tmp_path / "none").mkdir()
    made = run(MODEL, {**given, "PHOTOS": str(tmp_path / "none")})
    assert "There is no photo in the folder" in made.feedback.text
    rows = {(row["block_a"], row["block_b"]): row for row in read_features(made["correlate:correlations"])}
    assert rows["sound", "aerial"]["sites"] == len(places)
    assert -1 <= rows["sound", "aerial"]["r"] <= 1
    assert (rows["sound", "street"]["sites"], rows["sound", "street"]["r"]) == (0, None)
