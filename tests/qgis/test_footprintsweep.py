"""r by radius: the radius that the sound was made of is found, with the numbers of the tools that do one radius."""

from __future__ import annotations

import os

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, make_points, make_raster
from osgeo import gdal

from soundvis_qgis.compat import is_null

GRASS, WATER, BUILDING, ROAD = 1, 4, 7, 6
LEFT, TOP = 500000.0, 5000000.0
RADII = (20.0, 40.0, 80.0)


@pytest.fixture
def classes(tmp_path):
    """Patches of 16 m on 640 x 640 m, with a gap in the north-west."""
    codes = np.random.default_rng(1).choice([GRASS, WATER, BUILDING, ROAD], (40, 40)).astype(np.uint8)
    codes = codes.repeat(8, 0).repeat(8, 1)
    codes[:20, :20] = 255
    path = make_raster(tmp_path / "classes.tif", codes, pixel=2.0, nodata=255)
    names = {GRASS: "Grassland", WATER: "Waterbody", BUILDING: "Building", ROAD: "Road/Sidewalk"}
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.GetRasterBand(1).SetCategoryNames([names.get(code, "") for code in range(8)])
    return path


@pytest.fixture
def places():
    rng = np.random.default_rng(2)
    return [(LEFT + x, TOP - y) for x, y in rng.uniform(90.0, 550.0, (24, 2)).tolist()]


@pytest.fixture
def study(run, classes, places):
    """Sites whose sound is the land cover within 40 m, and the fields of all radii."""
    layer = make_points(places, {"site_id": [f"S{number}" for number in range(len(places))]})
    rows = {}
    for radius in RADII:
        parameters = {"INPUT": layer, "CLASSES": classes, "RADIUS": radius, "PREFIX": ""}
        rows[radius] = run("bgasites", parameters).features()
    fields = {f"snd_{name}": [row[name] for row in rows[40.0]] for name in ("bio", "geo", "ant")}
    city = ["north" if y > TOP - 320 else "south" for _, y in places]
    names = [f"S{number}" for number in range(len(places))]
    return make_points(places, {"site_id": names, "city": city, **fields}), rows


def parameters(layer, classes, **further):
    sound = ["snd_bio", "snd_geo", "snd_ant"]
    return {
        "INPUT": layer, "CLASSES": classes, "CROSSWALK": "table-1", "SOUND": sound, "RADII": "80, 20; 40",
        "PERMUTATIONS": 99, **further,
    }  # fmt: skip


def test_the_radius_of_the_sound_is_found(run, study, classes):
    layer, described = study
    made = run("footprintsweep", parameters(layer, classes))
    rows = made.features()
    assert [row["radius_m"] for row in rows] == list(RADII)
    assert [row["best"] for row in rows] == [0, 1, 0]
    assert rows[1]["r"] == pytest.approx(1.0, abs=1e-9)
    assert rows[1]["p_best"] == pytest.approx(0.01)
    assert all(0.0 < row["p"] <= row["p_best"] <= 1.0 for row in rows)
    assert {(row["sites"], row["sites_dropped"], row["pairs"]) for row in rows} == {(24, 0, 276)}
    for row in rows:
        mean = np.mean([site["unmapped"] for site in described[row["radius_m"]]])
        assert row["unmapped"] == pytest.approx(mean, abs=1e-9)
    assert "The best of 3 radii is 40 m: r = 1.000, 24 sites" in made.feedback.text


@pytest.mark.parametrize("sight", ["bga", "shares"])
def test_every_r_is_that_of_the_correlation_tool(run, study, classes, places, sight):
    layer, described = study
    names = ("bio", "geo", "ant")
    if sight == "shares":
        names = ("grassland", "waterbody", "building", "road_sidewalk")
    rows = run("footprintsweep", parameters(layer, classes, SIGHT=sight, RADII="20, 80")).features()
    for row in rows:
        fields = {
            f"a{at}": [site[name] for site in described[row["radius_m"]]] for at, name in enumerate(names)
        }
        sound = {f"snd_{name}": [site[name] for site in described[40.0]] for name in ("bio", "geo", "ant")}
        joined = make_points(places, {**sound, **fields})
        (expected,) = run(
            "correlatelayers",
            {"INPUT": joined, "SOUND": list(sound), "AERIAL": list(fields), "PERMUTATIONS": 0, "BOOTSTRAPS": 0,
             "DISTANCE": False},
        ).features()  # fmt: skip
        assert row["r"] == pytest.approx(expected["r"], abs=1e-9)


def test_groups_methods_and_measures(run, study, classes):
    layer, _ = study
    plain = run("footprintsweep", parameters(layer, classes)).features()
    within = run("footprintsweep", parameters(layer, classes, GROUP="city")).features()
    assert [row["r"] for row in within] == [row["r"] for row in plain]
    assert [row["p"] for row in within] != [row["p"] for row in plain]
    other = run("footprintsweep", parameters(layer, classes, METHOD="spearman", MEASURE="hellinger"))
    assert other.features()[1]["rho"] == pytest.approx(1.0, abs=1e-9)
    assert "40 m: rho = 1.000" in other.feedback.text


def test_sites_without_land_cover_are_named(run, study, classes, places):
    _, described = study
    sound = {f"snd_{name}": [row[name] for row in described[40.0]] for name in ("bio", "geo", "ant")}
    moved = [(LEFT + 5000.0, TOP), None, *places[2:]]
    names = [f"S{number}" for number in range(len(places))]
    made = run("footprintsweep", parameters(make_points(moved, {"site_id": names, **sound}), classes))
    assert {row["sites"] for row in made.features()} == {22}
    assert "1 site has no land cover: the site has no geometry." in made.feedback.warnings
    assert any(
        "2 of 24 sites are left out: S0 (radius 20 m: no value); S1" in line
        for line in made.feedback.warnings
    )


def test_nothing_to_compare_is_said(run, study, classes, places):
    alike = make_points(places, {name: [0.3] * len(places) for name in ("snd_bio", "snd_geo", "snd_ant")})
    made = run("footprintsweep", parameters(alike, classes))
    assert {row["note"] for row in made.features()} == {"all sites sound equally alike"}
    assert any("No radius can be compared" in line for line in made.feedback.warnings)


def test_circles_that_are_mostly_unmapped_are_told(run, study, classes):
    made = run("footprintsweep", parameters(study[0], classes, RADII="20, 700", PERMUTATIONS=9))
    near, far = made.features()
    assert near["unmapped"] < 0.5 < far["unmapped"]
    said = f"{int(100 * far['unmapped'])}%"
    assert is_null(near["note"]) and far["note"] == f"{said} of the circles is unmapped on the average"
    (warning,) = [line for line in made.feedback.warnings if "unmapped on the average" in line]
    assert f"({said} at 700 m)" in warning


def test_a_best_radius_with_a_negative_r_is_told(run, study, classes, places):
    """Of three sites the two that lie on like ground sound unlike."""
    _, described = study
    ground = np.array([[row[name] for name in ("bio", "geo", "ant")] for row in described[20.0]])
    away = np.linalg.norm(ground[:, None] - ground[None], axis=2)
    first, second = np.unravel_index(np.argmin(away + 9.0 * np.eye(len(away))), away.shape)
    third = int(np.argmax(away[first]))
    chosen = [places[at] for at in (first, second, third)]
    layer = make_points(chosen, {"site_id": ["A", "B", "C"], "sound": [0.0, 1.0, 0.5]})
    for method, letter in (("pearson", "r"), ("spearman", "rho")):
        made = run("footprintsweep", parameters(layer, classes, SOUND=["sound"], RADII="20", METHOD=method))
        (row,) = made.features()
        assert row[letter] < -0.5 and row["best"] == 1
        assert row["note"] == f"{letter} is negative: sites with like ground sound less alike"
        assert any(f"20 m, has a negative {letter}:" in line for line in made.feedback.warnings)


@pytest.mark.parametrize(
    ("radii", "message"),
    [
        ("50, wide", "'wide' in the radii is not a number"),
        ("50, -1", "'-1' in the radii"),
        ("50, nan", "'nan' in the radii"),
        ("50, 50.0", "given twice"),
        (" ".join(map(str, range(1, 60))), "at most 40"),
    ],
)
def test_radii_are_checked_before(run, study, classes, radii, message):
    with pytest.raises(AlgorithmError, match=message):
        run("footprintsweep", parameters(study[0], classes, RADII=radii))


def test_a_cancelled_run_leaves_nothing(run, study, classes, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    feedback = Feedback(cancel_at=20)
    run("footprintsweep", parameters(study[0], classes, OUTPUT=str(folder / "t.csv")), feedback)
    assert os.listdir(folder) == []
