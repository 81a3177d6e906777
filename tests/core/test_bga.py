"""Weights and compositions against the paper's Table 1 and numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.bga.composition import compose, composition_from_raw
from soundvis_core.bga.weights import CATEGORIES, load_weights
from soundvis_core.errors import InputError, SiteError

# Table 1 of the paper, typed again from the page.
TABLE_1 = {
    "aerial": {
        "Grassland": (1.0, 0.3, 0),
        "Forest/Vegetation": (1.0, 0.3, 0),
        "Wetlands": (1.0, 0.3, 0),
        "Waterbody": (0.3, 1.0, 0),
        "Bare Land": (0.1, 0.1, 1.0),
        "Road/Sidewalk": (0.1, 0, 1.0),
        "Building": (0.1, 0, 1.0),
        "Vehicles": (0, 0, 1.0),
        "Cropland": (1.0, 0, 0.3),
    },
    "street": {
        "Road": (0, 0, 1.0),
        "Sidewalk": (0.3, 0, 1.0),
        "Building": (0.3, 0, 1.0),
        "Vegetation": (1.0, 0.3, 0),
        "Waterbody": (1.0, 1.0, 0),
        "Person": (0, 0, 1.0),
        "Car, Truck, Bus, etc": (0, 0, 1.0),
    },
}


@pytest.mark.parametrize("scene", ["aerial", "street"])
def test_table_1_is_the_paper_s(scene):
    table = load_weights(scene=scene)
    assert {row.name: row.weights for row in table.rows} == TABLE_1[scene]
    assert all(row.source == "paper" for row in table.rows)
    for name, weights in TABLE_1[scene].items():
        np.testing.assert_array_equal(table.weights(name), weights)


@pytest.mark.parametrize(
    ("scene", "given", "row"),
    [
        ("aerial", "forest_vegetation", "Forest/Vegetation"),
        ("aerial", "tree", "Forest/Vegetation"),
        ("aerial", "BARELAND", "Bare Land"),
        ("aerial", "house", "Building"),
        ("aerial", "agricultural", "Cropland"),
        ("aerial", "low vegetation", "Grassland"),
        ("aerial", "Cars", "Vehicles"),
        ("street", "car_truck_bus_etc", "Car, Truck, Bus, etc"),
        ("street", "Built", "Building"),
    ],
)
def test_names_are_found_by_slug_and_alias(scene, given, row):
    np.testing.assert_array_equal(load_weights(scene=scene).weights(given), TABLE_1[scene][row])


def test_what_the_table_does_not_know_is_unmapped():
    assert load_weights().weights("sky") is None
    assert load_weights().weights("") is None
    assert load_weights().names_by_code == {}
    with pytest.raises(InputError, match="aerial' or 'street"):
        load_weights(scene="underwater")


def write(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "weights.csv"
    path.write_bytes(content.encode(encoding))
    return str(path)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("class,biophony,geophony,anthrophony\nHeide,0.8,0.25,-\nGebäude,,0,1\n", "utf-8-sig"),
        ("class;biophony;geophony;anthrophony\r\nHeide;0,8;0,25;-\r\nGebäude;;0;1\r\n", "cp1252"),
        ("Class;Bio;Geo;Anthropophony\nHeide;0,8;0,25;–\n\n;;;\nGebäude;;0;1\n", "utf-8"),
        ('class,bio,geo,ant\nHeide,"0,8","0,25",-\nGebäude,,0,1,\n', "utf-16"),
        ("class\tbio\tgeo\tant\nHeide\t.8\t.25\t0\nGebäude\t\t\t1\n", "utf-8"),
    ],
)
def test_tables_as_people_have_them(tmp_path, content, encoding):
    table = load_weights(write(tmp_path, content, encoding))
    np.testing.assert_allclose(table.weights("heide"), (0.8, 0.25, 0.0))
    np.testing.assert_allclose(table.weights("Gebäude"), (0.0, 0.0, 1.0))


def test_scene_alias_code_and_source_columns(tmp_path):
    path = write(
        tmp_path,
        "code,scene,class,biophony,geophony,anthrophony,source,aliases\n"
        "10,aerial,Tree cover,1,0.3,0,extension,trees|wood\n"
        '80,,Water,0.3,1,0,extension,"river;lake"\n'
        "95,aerial,Unknown,0,0,0,unmapped,\n"
        "1,street,Wall,0,0,1,user,\n",
    )
    table = load_weights(path)
    assert [row.name for row in table.rows] == ["Tree cover", "Water", "Unknown"]
    assert [row.name for row in load_weights(path, "street").rows] == ["Water", "Wall"]
    assert table.names_by_code == {10: "Tree cover", 80: "Water", 95: "Unknown"}
    np.testing.assert_array_equal(table.weights("Lake"), (0.3, 1, 0))
    assert table.weights("wall") is None and table.weights("unknown") is None


HEADER = "class,biophony,geophony,anthrophony\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        (HEADER, "no rows"),
        ("class,biophony,geophony\nA,1,1\n", "no column anthrophony"),
        ("a;b\nA;1\n", "no column class, biophony"),
        (HEADER + "A,1,0,0\nB,x,0,0\n", "Line 3: The column biophony says 'x'"),
        (HEADER + "A,1,0,-0.5\n", r"Line 2: The column anthrophony is negative \(-0.5\)"),
        (HEADER + "A,1,nan,0\n", "Line 2: The column geophony says 'nan'"),
        (HEADER + "A,1,inf,0\n", "Line 2: The column geophony says 'inf'"),
        (HEADER + "A,1,0,0\na,1,0,0\n", "Line 3: The class 'a' is also in line 2"),
        (HEADER + ",1,0,0\n", "Line 2: The column class is empty"),
        (HEADER + "A,0,3,0,1,1\n", "Line 2: The row has 6 cells, the header 4"),
        (
            "class,bio,geo,ant,aliases\nA,1,0,0,x\nB,1,0,0,x\n",
            "Line 3: The alias 'x' belongs to 'B', and to 'A'",
        ),
        (
            "class,bio,geo,ant,code\nA,1,0,0,1\nB,1,0,0,1\n",
            "Line 3: The code 1 stands for 'B', and for 'A' in line 2",
        ),
        ("class,bio,geo,ant,code\nA,1,0,0,1.5\n", "Line 2: The column code says '1.5'"),
        ("class,bio,geo,ant,scene\nA,1,0,0,sea\n", "Line 2: The column scene says 'sea'"),
        ("class,bio,geo,ant,scene\nA,1,0,0,street\n", "no rows for the scene 'aerial'"),
        ("class,bio,geo,ant\x00\nA,1,0,0\n", "not a text file"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(tmp_path, content, says):
    with pytest.raises(InputError, match=says):
        load_weights(write(tmp_path, content))


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv\) cannot be read"):
        load_weights(str(tmp_path / "none.csv"))


def test_a_class_name_goes_before_an_alias(tmp_path):
    table = load_weights(write(tmp_path, "class,bio,geo,ant,aliases\nA,1,0,0,B\nB,0,1,0,\n"))
    np.testing.assert_array_equal(table.weights("b"), (0, 1, 0))


def test_golden_aerial():
    site = compose({"Building": 0.5, "Road/Sidewalk": 0.3, "Forest/Vegetation": 0.2}, load_weights())
    assert site.raw == pytest.approx((0.28, 0.06, 0.80), abs=1e-12)
    assert site.normalised == pytest.approx((0.2456, 0.0526, 0.7018), abs=5e-5)
    assert site.unmapped == 0.0
    assert site.dominant == "anthrophony"
    # -(.2456 ln .2456 + .0526 ln .0526 + .7018 ln .7018) / ln 3, by hand: (.3449 + .1549 + .2485) / 1.0986
    assert site.evenness == pytest.approx(0.6812, abs=2e-4)


def test_golden_street():
    shares = {"building": 0.4, "road": 0.25, "vegetation": 0.25, "sidewalk": 0.1}
    site = compose(shares, load_weights(scene="street"))
    assert site.raw == pytest.approx((0.40, 0.075, 0.75), abs=1e-12)


def test_unmapped_is_reported_never_renormalised():
    site = compose({"Building": 0.25, "Sky": 0.5}, load_weights())
    assert site.raw == pytest.approx((0.025, 0, 0.25))
    assert site.unmapped == pytest.approx(0.75)  # the sky, and the quarter that no class covers
    assert site.normalised == pytest.approx((1 / 11, 0, 10 / 11))


@pytest.mark.parametrize("shares", [{}, {"Sky": 1.0}, {"Building": 0.0}])
def test_nothing_mapped_is_null(shares):
    site = compose(shares, load_weights())
    assert (site.raw, site.normalised, site.dominant, site.evenness) == (None, None, None, None)
    assert site.unmapped == 1.0


def test_mapped_classes_without_any_sound_keep_their_zeros(tmp_path):
    table = load_weights(write(tmp_path, HEADER + "Sky,0,0,0\n"))
    site = compose({"sky": 0.6}, table)
    assert site.raw == (0, 0, 0) and site.unmapped == pytest.approx(0.4)
    assert (site.normalised, site.dominant, site.evenness) == (None, None, None)


@pytest.mark.parametrize(
    ("raw", "dominant", "evenness"),
    [
        ((1, 0, 0), "biophony", 0.0),
        ((0, 2, 1), "geophony", math.log(3) / math.log(3) - (2 / 3) * math.log(2) / math.log(3)),
        ((1, 1, 1), None, 1.0),
        ((1, 1, 0), None, math.log(2) / math.log(3)),
        ((1e-320, 0, 0), "biophony", 0.0),
        ((1e308, 1e308, 1e307), None, None),
    ],
)
def test_dominant_and_evenness(raw, dominant, evenness):
    site = composition_from_raw(raw, 0.0)
    assert site.dominant == dominant
    if evenness is not None:
        assert site.evenness == pytest.approx(evenness, abs=1e-12)


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ({"Building": 50.0, "Road": 50.0}, "'Building' is 50; .* Divide percentages by 100"),
        ({"Building": -0.1}, "'Building' is negative"),
        ({"Building": 0.6, "Road": 0.6}, r"sum to 1.2"),
        ({"Building": float("nan")}, "'Building' is not a number"),
        ({"Building": None}, "'Building' is not a number"),
    ],
)
def test_shares_that_cannot_be(shares, says):
    with pytest.raises(SiteError, match=says):
        compose(shares, load_weights())


@pytest.mark.parametrize("raw", [(1, 2), (1, -1, 0), (math.nan, 0, 0), (math.inf, 0, 0)])
def test_raw_values_that_cannot_be(raw):
    with pytest.raises(SiteError):
        composition_from_raw(raw, 0.0)


NAMES = [*TABLE_1["aerial"], "Sky", "Snow"]


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.floats(0, 1), min_size=len(NAMES), max_size=len(NAMES)), st.floats(0, 1))
def test_any_shares_give_a_composition(numbers, cover):
    total = sum(numbers)
    shares = {name: number / total * cover if total else 0.0 for name, number in zip(NAMES, numbers)}
    site = compose(shares, load_weights())
    mapped = sum(shares[name] for name in TABLE_1["aerial"])
    assert site.unmapped == pytest.approx(1 - mapped, abs=2e-6)
    if site.raw is None:
        assert mapped == 0
        return
    expected = np.sum(
        [shares[name] * np.array(TABLE_1["aerial"][name]) for name in TABLE_1["aerial"]], axis=0
    )
    np.testing.assert_allclose(site.raw, expected, rtol=1e-9, atol=1e-300)
    assert sum(site.normalised) == pytest.approx(1)
    assert 0 <= site.evenness <= 1
    if site.dominant is not None:
        assert site.normalised[CATEGORIES.index(site.dominant)] == max(site.normalised)


@settings(deadline=None)  # a busy machine is no failure
@given(st.tuples(*[st.floats(1e-3, 1)] * 3), st.floats(0.01, 100))
def test_the_scale_of_the_weights_does_not_matter(raw, scale):
    one = composition_from_raw(raw, 0.0)
    other = composition_from_raw([value * scale for value in raw], 0.0)
    assert other.normalised == pytest.approx(one.normalised)
    assert other.evenness == pytest.approx(one.evenness, abs=1e-9)
