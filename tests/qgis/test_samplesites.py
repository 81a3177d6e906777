"""The sample town as users make it: whole, the same each time, or not there at all."""

from __future__ import annotations

import hashlib
import json
import wave
from pathlib import Path

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, build_town, read_features, read_raster
from osgeo import gdal
from qgis.core import QgsRasterLayer, QgsVectorLayer

FIELDS = ["site_id", "district", "surroundings", "recording", "photo"]


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file under ``folder``."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def built():
    """The town as the core builds it."""
    from soundvis_core.town import build_town as build

    return build(1)


@pytest.fixture
def built_before(built, monkeypatch):
    """The tool finds the town built, where a test is about what comes after."""
    monkeypatch.setattr("soundvis_core.town.build_town", lambda seed: built)


def test_sites_in_three_districts(town):
    sites = read_features(town.sites)
    assert 35 <= len(sites) <= 45
    assert [name for name in sites[0] if name not in ("fid", "_geometry")] == FIELDS
    assert [site["site_id"] for site in sites] == [f"T{number:02d}" for number in range(1, len(sites) + 1)]
    districts = [site["district"] for site in sites]
    assert sorted(set(districts)) == ["Centre", "Outskirts", "Riverside"]
    assert min(districts.count(name) for name in set(districts)) >= 10
    layer = QgsVectorLayer(town.sites, "sites", "ogr")
    assert layer.crs().authid() == "EPSG:32631"


def test_truth_is_kept_for_every_site(town):
    truth = town.truth
    assert (truth["seed"], truth["crs"], truth["radius_m"]) == (1, "EPSG:32631", 100.0)
    sites = read_features(town.sites)
    assert set(truth["sites"]) == {site["site_id"] for site in sites}
    for site in sites:
        known = truth["sites"][site["site_id"]]
        assert site["_geometry"] == f"Point ({known['x']:.15g} {known['y']:.15g})"
        assert (site["district"], site["surroundings"]) == (known["district"], known["surroundings"])
        assert sum(known["landcover"].values()) == pytest.approx(1.0)
        assert sum(known["bga"].values()) == pytest.approx(1.0)


def test_every_site_has_a_recording_of_30_s_and_a_photo(town):
    from PIL import Image

    for site in read_features(town.sites):
        assert Path(site["recording"]).is_absolute() and Path(site["photo"]).is_absolute()
        assert Path(site["recording"]).parent.parent == town.folder / "files"
        with wave.open(site["recording"]) as recording:
            assert recording.getnframes() / recording.getframerate() == pytest.approx(30.0)
        with Image.open(site["photo"]) as photo:
            assert photo.format == "JPEG" and min(photo.size) >= 400


def test_the_aerial_is_1500_m_in_pixels_of_half_a_metre(town):
    dataset = gdal.Open(town.aerial)
    assert (dataset.RasterXSize, dataset.RasterYSize, dataset.RasterCount) == (3000, 3000, 3)
    assert dataset.GetGeoTransform() == (500000.0, 0.5, 0.0, 5761500.0, 0.0, -0.5)
    layer = QgsRasterLayer(town.aerial, "aerial")
    assert layer.crs().authid() == "EPSG:32631"
    meanings = [dataset.GetRasterBand(band).GetColorInterpretation() for band in (1, 2, 3)]
    assert meanings == [gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand]
    values = read_raster(town.aerial, 2)
    assert values.std() > 15 and len(np.unique(values)) > 100
    for site in town.truth["sites"].values():
        assert 500100 < site["x"] < 501400 and 5760100 < site["y"] < 5761400


def test_the_picture_shows_the_land_cover(town, built):
    """Water is bluer than red, wood greener than red: the picture and the truth lie on top of each other."""
    codes = built.landcover
    red, green, blue = (read_raster(town.aerial, band).astype(float) for band in (1, 2, 3))
    water, wood = codes == 4, codes == 2
    assert (blue - red)[water].mean() > 10
    assert (green - red)[wood].mean() > 10


def test_the_same_seed_gives_the_same_town(town, tmp_path):
    again = build_town(tmp_path, seed=1)
    first, second = digests(town.folder / "files"), digests(tmp_path / "files")
    assert len(first) == 2 * len(town.truth["sites"]) + 1
    assert first == second
    for band in (1, 2, 3):
        np.testing.assert_array_equal(read_raster(again.aerial, band), read_raster(town.aerial, band))

    def without_folders(path):
        return [
            {**site, "recording": Path(site["recording"]).name, "photo": Path(site["photo"]).name}
            for site in read_features(path)
        ]

    assert without_folders(again.sites) == without_folders(town.sites)


def test_another_seed_gives_another_town(town):
    from soundvis_core.town import build_town as build

    other = {(site.x, site.y) for site in build(2).sites}
    assert not other & {(site["x"], site["y"]) for site in town.truth["sites"].values()}


def test_a_folder_that_cannot_be_made_leaves_nothing(run, tmp_path):
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    parameters = {
        "FOLDER": str(blocked / "town"),
        "OUTPUT": str(tmp_path / "sites.gpkg"),
        "AERIAL": str(tmp_path / "aerial.tif"),
    }
    with pytest.raises(AlgorithmError, match=r"a file is no folder\. Choose another place"):
        run("samplesites", parameters)
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


def test_a_folder_that_cannot_be_written_leaves_nothing_half_written(run, built_before, tmp_path):
    """The aerial is complete by then; it goes too, because a run that failed has no results."""
    folder = tmp_path / "town"
    folder.mkdir()
    (folder / "recordings").write_text("in the way")
    parameters = {
        "FOLDER": str(folder),
        "OUTPUT": str(tmp_path / "sites.gpkg"),
        "AERIAL": str(tmp_path / "aerial.tif"),
    }
    with pytest.raises(AlgorithmError, match="could not be read or written"):
        run("samplesites", parameters)
    assert [path.name for path in tmp_path.iterdir()] == ["town"]
    assert [path.name for path in folder.iterdir()] == ["recordings"]


@pytest.mark.parametrize("cancel_at", [35, 75])
def test_a_cancelled_run_leaves_nothing_it_made(run, built_before, tmp_path, cancel_at):
    """During the recordings, and during the photos."""
    parameters = {
        "FOLDER": str(tmp_path / "town"),
        "OUTPUT": str(tmp_path / "sites.gpkg"),
        "AERIAL": str(tmp_path / "aerial.tif"),
    }
    feedback = Feedback(cancel_at=cancel_at)
    run("samplesites", parameters, feedback)
    assert max(feedback.progress) >= cancel_at
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_run_leaves_what_was_there(run, built_before, tmp_path):
    folder = tmp_path / "town"
    (folder / "recordings").mkdir(parents=True)
    older = [folder / "notes.txt", folder / "truth.json", folder / "recordings" / "T99.wav"]
    for path in older:
        path.write_text("older")
    run(
        "samplesites", {"FOLDER": str(folder), "AERIAL": str(tmp_path / "aerial.tif")}, Feedback(cancel_at=35)
    )
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(older)


def test_a_shapefile_is_refused_before_anything_is_made(run, tmp_path):
    parameters = {
        "FOLDER": str(tmp_path / "town"),
        "OUTPUT": str(tmp_path / "sites.shp"),
        "AERIAL": str(tmp_path / "aerial.tif"),
    }
    with pytest.raises(AlgorithmError, match="Shapefile"):
        run("samplesites", parameters)
    assert list(tmp_path.iterdir()) == []


def test_truth_json_is_valid_json(town):
    text = (town.folder / "files" / "truth.json").read_text("utf-8")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
