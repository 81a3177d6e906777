"""The journey on real aerials, recordings and photos, through real qgis_process, as a server would run it.

The recordings carry no position: the sites are constructed points, chosen by eye on the aerials, and each gets the
recording and photo that could have been made there.
"""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import read_features, read_raster, vector

import soundvis_qgis

pytestmark = pytest.mark.real_data

STAGED = Path(soundvis_qgis.__file__).resolve().parent
#: What the system's own qgis_process must not inherit from the tests' Python.
FOREIGN = ("PYTHON", "QGIS", "VIRTUAL_ENV", "LD_", "PROJ_", "GDAL_")


@dataclass(frozen=True)
class Place:
    """A site: its column and row on the aerial, what is there, and what was recorded and photographed."""

    name: str
    column: int
    row: int
    kind: str
    recording: str
    photo: str


#: Dutch river town, 0.25 m.
RIVER_TOWN = (
    Place("open river", 191, 268, "water", "waves", "DSCN0010"),
    Place("mid-river", 510, 536, "water", "boat", "DSCN0012"),
    Place("lower river", 459, 714, "water", "rain", "DSCN0021"),
    Place("tree belt", 383, 612, "trees", "birds", "DSCN0025"),
    Place("wood", 944, 880, "trees", "wind", "DSCN0027"),
    Place("trees on the dam", 440, 440, "trees", "summer-night", "DSCN0029"),
    Place("car park", 561, 880, "town", "city", "DSCN0038"),
    Place("roof and yard", 230, 630, "town", "train", "DSCN0040"),
    Place("building site", 893, 191, "town", "storm", "DSCN0042"),
)
#: Zurich housing, 0.5 m.
HOUSING = (
    Place("trees", 480, 156, "green", "birds", "DSCN0010"),
    Place("grove", 296, 441, "green", "wind", "DSCN0012"),
    Place("lawn", 212, 262, "green", "summer-night", "DSCN0021"),
    Place("crossing", 368, 519, "town", "city", "DSCN0025"),
    Place("car park", 345, 478, "town", "train", "DSCN0027"),
    Place("street", 500, 430, "town", "storm", "DSCN0029"),
)


@pytest.fixture(scope="module")
def qgis_process(tmp_path_factory) -> Callable[..., str]:
    """``qgis_process("run", "soundvis:...", NAME=value)``: what it said; ``code`` is the exit code to expect."""
    system = os.pathsep.join(["/usr/bin", "/bin", os.environ.get("PATH", "")])
    # Debian 12's wrapper passes an option that qgis_process of 3.22 refuses: prefer the program behind it.
    program = shutil.which("qgis_process.bin", path=system) or shutil.which("qgis_process", path=system)
    if program is None:
        pytest.fail("qgis_process is missing; it comes with QGIS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environment.update(
        PATH=system,
        QT_QPA_PLATFORM="offscreen",
        QGIS_CUSTOM_CONFIG_PATH=str(tmp_path_factory.mktemp("profile")),
        QGIS_PLUGINPATH=str(STAGED.parent),
        QGIS_PREFIX_PATH="/usr",
        PYTHONDONTWRITEBYTECODE="1",  # the staged plugin stays as it ships
    )

    def call(*arguments: str, code: int = 0, **parameters: Any) -> str:
        given = [f"--{name.replace('__', ':')}={value}" for name, value in parameters.items()]
        done = subprocess.run(
            [program, *arguments, *given], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, encoding="utf-8", errors="replace", timeout=280, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    call("plugins", "enable", STAGED.name)
    return call


@dataclass(frozen=True)
class City:
    """An aerial with sites on it, in a folder of its own."""

    folder: Path
    aerial: str
    sites: str
    places: tuple[Place, ...]

    def output(self, name: str) -> str:
        return str(self.folder / name)


def make_city(
    folder: Path, data: Path, aerial: str, places: tuple[Place, ...], epsg: int, corner, pixel
) -> City:
    """Copy the aerial (QGIS leaves statistics beside it) and write the sites as GeoJSON in its CRS."""
    copied = folder / aerial
    copied.write_bytes((data / "aerial" / aerial).read_bytes())
    features = [
        {
            "type": "Feature",
            "properties": {
                "site": place.name,
                "kind": place.kind,
                "recording": str(data / "audio" / f"{place.recording}.ogg"),
                "photo": str(data / "photos" / f"{place.photo}.jpg"),
            },
            "geometry": {
                "type": "Point",
                "coordinates": [corner[0] + place.column * pixel, corner[1] - place.row * pixel],
            },
        }
        for place in places
    ]
    collection = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{epsg}"}},
        "features": features,
    }
    sites = folder / "sites.geojson"
    sites.write_text(json.dumps(collection), encoding="utf-8")
    return City(folder, str(copied), str(sites), places)


@pytest.fixture(scope="module")
def river_town(test_data, tmp_path_factory) -> City:
    folder = tmp_path_factory.mktemp("river town")  # with a blank, as folders have them
    return make_city(folder, test_data, "test_tiled.tif", RIVER_TOWN, 28992, (127375.0, 428250.0), 0.25)


@pytest.fixture(scope="module")
def housing(test_data, tmp_path_factory) -> City:
    folder = tmp_path_factory.mktemp("Zürich")
    return make_city(folder, test_data, "zurich_1091-322_00.tif", HOUSING, 2056, (2679062.5, 1248000.0), 0.5)


PAPER = ["grassland", "forest_vegetation", "wetlands", "waterbody", "bare_land", "road_sidewalk", "building",
         "vehicles", "cropland"]  # fmt: skip


def by_site(path: str) -> dict[str, dict[str, Any]]:
    return {site["site"]: site for site in read_features(path)}


def land_cover(site: Mapping[str, Any]) -> str:
    """The class with the largest share."""
    return max(PAPER, key=lambda name: site["aer_" + name])


@pytest.fixture(scope="module")
def river_classes(qgis_process, river_town) -> str:
    path = river_town.output("classes.tif")
    said = qgis_process(
        "run", "soundvis:segmentraster", INPUT=river_town.aerial, MODEL="spectral-index", OUTPUT=path
    )
    assert "1000 x 1000 pixels of 0.25 m on the ground" in said
    return path


def test_the_class_raster_of_the_river_town(river_classes):
    """About a third of the picture is river, a quarter trees and grass (counted by eye on a grid)."""
    codes = read_raster(river_classes)
    shares = {code: float((codes == code).mean()) for code in range(10)}
    assert codes.shape == (1000, 1000)
    assert 0.28 < shares[4] < 0.50
    assert 0.15 < shares[1] + shares[2] < 0.45
    assert 0.12 < shares[5] + shares[6] + shares[7] < 0.45
    assert shares[0] < 0.05


def test_land_cover_around_the_sites_of_the_river_town(qgis_process, river_town, river_classes):
    output = river_town.output("cover.gpkg")
    said = qgis_process(
        "run", "soundvis:bgasites", INPUT=river_town.sites, CLASSES=river_classes, RADIUS=10, OUTPUT=output
    )
    assert "9 sites: 9 ok." in said
    sites = by_site(output)
    for place in river_town.places:
        site = sites[place.name]
        if place.kind == "water":
            assert site["aer_waterbody"] > 0.9, place
            assert site["aer_dominant"] == "geophony"
            # Water alone: .3 and 1 of 1.3.
            assert site["aer_geo"] == pytest.approx(1 / 1.3, abs=0.05)
        elif place.kind == "trees":
            assert site["aer_forest_vegetation"] + site["aer_grassland"] > 0.6, place
            assert site["aer_dominant"] == "biophony"
        else:
            sealed = site["aer_road_sidewalk"] + site["aer_building"] + site["aer_bare_land"]
            assert sealed > 0.6, place
            assert site["aer_dominant"] == "anthrophony"


def test_single_tools_one_after_another(qgis_process, river_town):
    """Each reads the GeoPackage that the one before it wrote."""
    first, second, third = (river_town.output(f"step{number}.gpkg") for number in (1, 2, 3))
    light = {"PATH_FIELD": "recording", "MODEL": "acoustic-features"}
    qgis_process("run", "soundvis:embedsound", INPUT=river_town.sites, OUTPUT=first, **light)
    qgis_process(
        "run", "soundvis:bgasound", INPUT=first, PATH_FIELD="recording", METHOD="ndsi", OUTPUT=second
    )
    qgis_process(
        "run",
        "soundvis:embedimagery",
        INPUT=second,
        RASTER=river_town.aerial,
        FOOTPRINT=40,
        MODEL="colour-texture",
        OUTPUT=third,
    )
    table = river_town.output("single.csv")
    qgis_process(
        "run",
        "soundvis:correlatelayers",
        INPUT=third,
        SOUND="snd_emb",
        AERIAL="aer_emb",
        PERMUTATIONS=99,
        OUTPUT=table,
    )
    sites = by_site(third)
    assert {site["snd_status"] for site in sites.values()} == {"ok"}
    assert {site["aer_status"] for site in sites.values()} == {"ok"}
    sound = {name: vector(site["snd_emb"]) for name, site in sites.items()}
    aerial = {name: vector(site["aer_emb"]) for name, site in sites.items()}
    for vectors in (sound, aerial):
        assert len({values.size for values in vectors.values()}) == 1
        assert all(np.isfinite(values).all() for values in vectors.values())

    def nearest(vectors, name):
        def distance(other):
            return float(np.linalg.norm(vectors[name] - vectors[other]))

        return min((other for other in vectors if other != name), key=distance)

    # Still water looks most like other water (the sun glitters on the third place).
    kinds = {place.name: place.kind for place in river_town.places}
    assert kinds[nearest(aerial, "open river")] == kinds[nearest(aerial, "lower river")] == "water"
    with open(table, encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["block_a"], row["block_b"], row["sites"], row["pairs"]) == ("sound", "aerial", "9", "36")
    assert -1 <= float(row["r"]) <= 1 and 0.01 <= float(row["p_mantel"]) <= 1


def run_model(qgis_process, city: City, model: str) -> dict[str, str]:
    """Run the ready model; its results by name."""
    results = {
        name: city.output("model_" + file)
        for name, file in (
            ("bga_sites__sites", "sites.gpkg"),
            ("segment_raster__classes", "classes.tif"),
            ("bga_raster__bga", "bga.tif"),
            ("correlate__correlations", "correlations.gpkg"),
            ("correlate__report", "report.html"),
        )
    }
    qgis_process(
        "run", model, SITES=city.sites, BASEMAP=city.aerial, RECORDING_FIELD="recording", PHOTO_FIELD="photo",
        GROUP_FIELD="kind", FOOTPRINT=40, RADIUS=15, PERMUTATIONS=99, **results,
    )  # fmt: skip
    return {name.split("__")[1]: path for name, path in results.items()}


def check_results(city: City, results: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What holds on any city; returns the sites by name."""
    sites = by_site(results["sites"])
    assert set(sites) == {place.name for place in city.places}
    for site in sites.values():
        for prefix in ("snd_", "st_", "aer_"):
            assert site[prefix + "status"] == "ok"
            assert len(site[prefix + "emb"]) % 4 == 0 and np.isfinite(vector(site[prefix + "emb"])).all()
            shares = [site[prefix + name] for name in ("bio", "geo", "ant")]
            assert min(shares) >= 0 and sum(shares) == pytest.approx(1.0)
        # Sky has no weights, so every photo with sky is partly unmapped.
        assert site["st_unmapped"] == pytest.approx(site["st_sky"], abs=1e-6)
    groups = ["pooled", *sorted({place.kind for place in city.places})]
    pairs = [("sound", "street"), ("sound", "aerial"), ("sound", "street+aerial"), ("street", "aerial")]
    rows = read_features(results["correlations"])
    assert [(row["group"], (row["block_a"], row["block_b"])) for row in rows] == [
        (group, pair) for group in groups for pair in pairs
    ]
    for row in rows:
        members = [place for place in city.places if row["group"] in ("pooled", place.kind)]
        assert (row["sites"], row["dropped"]) == (len(members), 0)
        assert row["pairs"] == math.comb(len(members), 2)
        assert -1 <= row["r"] <= 1 and 0 <= row["p_naive"] <= 1 and 0.01 <= row["p_mantel"] <= 1
    report = Path(results["report"]).read_text("utf-8")
    assert "<svg" in report and "soundvis:correlatelayers" in report
    assert read_raster(results["bga"], 1).shape == read_raster(results["classes"]).shape
    return sites


def test_the_ready_model_on_the_river_town(qgis_process, river_town):
    results = run_model(qgis_process, river_town, "soundvis:sound_vision_alignment")
    sites = check_results(river_town, results)
    assert sites["open river"]["aer_dominant"] == "geophony"
    assert land_cover(sites["open river"]) == land_cover(sites["mid-river"]) == "waterbody"
    assert land_cover(sites["wood"]) in ("forest_vegetation", "grassland")
    assert sites["car park"]["aer_dominant"] == "anthrophony"
    heard = {place.recording: sites[place.name] for place in river_town.places}
    assert heard["birds"]["snd_bio"] > heard["city"]["snd_bio"] + 0.2
    assert heard["city"]["snd_ant"] > heard["birds"]["snd_ant"] + 0.2
    assert heard["birds"]["snd_ndsi"] > heard["city"]["snd_ndsi"]
    assert heard["rain"]["snd_geo"] > heard["birds"]["snd_geo"]
    for name in ("waves", "storm", "wind"):
        assert heard[name]["snd_dominant"] == "geophony", name


def test_from_two_folders_of_real_files(qgis_process, river_town, test_data, tmp_path):
    """Places from tables; the photos' own EXIF tells another town, which is remarked and not taken."""
    pyproj = pytest.importorskip("pyproj")
    to_degrees = pyproj.Transformer.from_crs(28992, 4326, always_xy=True).transform
    kinds = {"recordings": ("audio", "ogg"), "photos": ("photos", "jpg")}
    for name, (folder, extension) in kinds.items():
        (tmp_path / name).mkdir()
        lines = ["file,latitude,longitude"]
        for place in RIVER_TOWN:
            file = f"{place.recording if name == 'recordings' else place.photo}.{extension}"
            shutil.copy(test_data / folder / file, tmp_path / name)
            lon, lat = to_degrees(127375.0 + 0.25 * place.column, 428250.0 - 0.25 * place.row)
            lines.append(f"{file},{lat:.8f},{lon:.8f}")
        (tmp_path / name / "places.csv").write_text("\n".join(lines) + "\n", "utf-8")
    outputs = {
        name: str(tmp_path / file)
        for name, file in (
            ("bga_sites__sites", "sites.gpkg"),
            ("segment_raster__classes", "classes.tif"),
            ("bga_raster__bga", "bga.tif"),
            ("correlate__correlations", "correlations.csv"),
            ("correlate__report", "report.html"),
        )
    }
    qgis_process(
        "run", "soundvis:sound_vision_from_folders", RECORDINGS=tmp_path / "recordings", PHOTOS=tmp_path / "photos",
        BASEMAP=river_town.aerial, MAX_DISTANCE=5, FOOTPRINT=40, RADIUS=15, PERMUTATIONS=99, **outputs,
    )  # fmt: skip
    sites = {Path(site["path"]).stem: site for site in read_features(outputs["bga_sites__sites"])}
    assert set(sites) == {place.recording for place in RIVER_TOWN}
    for place in RIVER_TOWN:
        site = sites[place.recording]
        assert Path(site["photo_path"]).stem == place.photo
        assert site["photo_dist_m"] < 0.01 and site["photo_source_of_position"] == "table places.csv"
        assert "EXIF puts it" in site["photo_remark"]
        assert [site[name] for name in ("snd_status", "st_status", "aer_status")] == ["ok"] * 3
    assert sites["waves"]["aer_dominant"] == "geophony"
    assert "<svg" in Path(outputs["correlate__report"]).read_text("utf-8")


def test_the_ready_model_by_its_path_on_zurich(qgis_process, housing):
    model = STAGED / "resources" / "models" / "sound_vision_alignment.model3"
    sites = check_results(housing, run_model(qgis_process, housing, str(model)))
    for name in ("trees", "grove", "lawn"):
        assert sites[name]["aer_dominant"] == "biophony", name
        assert land_cover(sites[name]) in ("forest_vegetation", "grassland")
    for name in ("crossing", "car park", "street"):
        assert sites[name]["aer_dominant"] == "anthrophony", name
    heard = {place.recording: sites[place.name] for place in housing.places}
    assert heard["birds"]["snd_bio"] > heard["city"]["snd_bio"]


def test_bad_input_is_one_message_and_exit_code_1(qgis_process, river_town, river_classes):
    output = river_town.output("never.gpkg")
    said = qgis_process(
        "run", "soundvis:bgasites", code=1, INPUT=river_town.sites, CLASSES=river_classes, RADIUS=10,
        WEIGHTS=river_town.output("missing.csv"), OUTPUT=output,
    )  # fmt: skip
    assert "cannot be read" in said and "missing.csv" in said
    assert not os.path.exists(output)
    assert "Traceback" not in said
