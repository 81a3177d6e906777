"""Class lists: presets, CSVs people really have, and errors that say where."""

from __future__ import annotations

import pytest

from soundvis_core.classes import NODATA, UNCLASSIFIED, load_classes, preset_ids, slug
from soundvis_core.errors import InputError

TABLE_1_AERIAL = (
    "Grassland", "Forest/Vegetation", "Wetlands", "Waterbody", "Bare Land", "Road/Sidewalk", "Building", "Vehicles",
    "Cropland",
)  # fmt: skip
TABLE_1_STREET = ("Road", "Sidewalk", "Building", "Vegetation", "Waterbody", "Person", "Car, Truck, Bus, etc")


def write(folder, text, encoding="utf-8"):
    path = folder / "classes.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Forest/Vegetation", "forest_vegetation"),
        ("Car, Truck, Bus, etc", "car_truck_bus_etc"),
        ("  Bare  Land ", "bare_land"),
        ("Forêt", "foret"),
        ("緑地", "緑地"),
        ("ガソリン", "ガソリン"),
        ("/ -", ""),
    ],
)
def test_slug(name, expected):
    assert slug(name) == expected


def test_paper_presets_are_table_1():
    aerial, street = load_classes("paper-aerial"), load_classes("paper-street")
    assert tuple(entry.name for entry in aerial.classes) == TABLE_1_AERIAL
    assert tuple(entry.code for entry in aerial.classes) == tuple(range(1, 10))
    assert tuple(entry.name for entry in street.classes) == TABLE_1_STREET
    assert (aerial.name, aerial.scene, street.scene) == ("paper-aerial", "aerial", "street")


@pytest.mark.parametrize("preset", preset_ids())
def test_every_preset_loads_with_distinct_colours_and_synonyms(preset):
    classes = load_classes(preset).classes
    assert len({entry.colour for entry in classes}) == len(classes)
    names = [slug(text) for entry in classes for text in (entry.name, *entry.synonyms)]
    assert len(set(names)) == len(names)
    assert not {UNCLASSIFIED, NODATA} & {entry.code for entry in classes}


def test_preset_ids_by_scene():
    assert preset_ids("aerial") == ("paper-aerial", "openearthmap", "loveda", "potsdam")
    assert preset_ids("street") == ("paper-street", "colour-index")


def test_find_by_name_and_synonym():
    aerial = load_classes("paper-aerial")
    assert aerial.find("forest / vegetation").code == 2
    assert aerial.find("WATER").name == "Waterbody"
    assert aerial.find("nothing") is None
    assert aerial.find("") is None


def test_only_names_with_a_byte_order_mark(tmp_path):
    classes = load_classes(write(tmp_path, "name\r\nWater\r\n\r\nGrass\r\n", "utf-8-sig"))
    assert [(entry.code, entry.name) for entry in classes.classes] == [(1, "Water"), (2, "Grass")]
    assert classes.classes[0].colour != classes.classes[1].colour
    assert (classes.name, classes.scene) == ("classes", "")


def test_semicolons_quotes_and_colour_forms(tmp_path):
    text = 'name;code;color;synonyms\n"Road; path";7;255 0 16;street|lane\nWater;3;#0af;\n'
    road, water = load_classes(write(tmp_path, text)).classes
    assert (road.code, road.name, road.colour, road.synonyms) == (
        7,
        "Road; path",
        (255, 0, 16),
        ("street", "lane"),
    )
    assert water.colour == (0, 170, 255)


def test_many_classes_without_colours_are_all_distinct(tmp_path):
    text = "name\n" + "\n".join(f"c{i}" for i in range(254))
    assert len({entry.colour for entry in load_classes(write(tmp_path, text)).classes}) == 254


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("code,name\n0,Water\n", ("row 2", "reserved")),
        ("code,name\n1,Water\n255,Sky\n", ("row 3", "reserved")),
        ("code,name\n300,Water\n", ("row 2", "300")),
        ("code,name\nx,Water\n", ("row 2", "'x'")),
        ("code,name\n1,Water\n1,Grass\n", ("row 3", "row 2")),
        ("name\nWater\nwater\n", ("row 3", "already used in row 2")),
        ("name,colour\nWater,blueish\n", ("row 2", "blueish")),
        ("name,colour\nWater,#12345\n", ("row 2", "#12345")),
        ("name,colour\nWater,0 0 256\n", ("row 2",)),
        ("name,code\n,1\n", ("row 2", "empty")),
        ("klass\nWater\n", ("no column 'name'",)),
        ("name,name\nWater,x\n", ("twice",)),
        ("name,code\nCar, Truck,1\n", ("row 2", "quotes")),
        ("name\n", ("no classes",)),
        ("", ("empty",)),
        ('name\n"Water\n', ("not a valid CSV",)),
        ("name\n" + "\n".join(f"c{i}" for i in range(255)), ("254",)),
    ],
)
def test_errors_name_the_place(tmp_path, text, words):
    with pytest.raises(InputError) as error:
        load_classes(write(tmp_path, text))
    for word in words:
        assert word in str(error.value)


def test_unknown_preset_lists_the_presets():
    with pytest.raises(InputError, match="paper-aerial, openearthmap"):
        load_classes("paper")
    with pytest.raises(InputError):
        load_classes("")


def test_classes_written_as_text():
    classes = load_classes(" building, roof ,house;road ;\n Low vegetation; background,; ")
    assert [(entry.code, entry.name, entry.synonyms) for entry in classes.classes] == [
        (1, "building", ("roof", "house")),
        (2, "road", ()),
        (3, "Low vegetation", ()),
        (4, "background", ()),
    ]
    assert len({entry.colour for entry in classes.classes}) == 4
    assert (classes.name, classes.scene, classes.threshold, classes.background) == ("text", "", 0.0, 4)
    names, codes = classes.prompts()
    assert names == ("building", "roof", "house", "road", "Low vegetation", "background")
    assert codes == (1, 1, 1, 2, 3, 4)


def test_a_slash_in_text_is_no_path():
    assert [entry.name for entry in load_classes("forest/vegetation; water").classes] == [
        "forest/vegetation",
        "water",
    ]
    assert [entry.name for entry in load_classes("\n".join(f"class {n}" for n in range(200))).classes][
        -1:
    ] == ["class 199"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (";;\n", "no classes"),
        (",", "no classes"),
        ("building, road, water", "Separate classes with semicolons"),
        ("building; road; Building", "'Building' twice"),
        ("building, house; home, house", "'house' twice"),
        ("building, building; road", "'building' twice"),
        (";".join(f"c{number}" for number in range(255)), "255 classes.*254 at most"),
    ],
)
def test_text_that_is_no_class_list(text, words):
    with pytest.raises(InputError, match=words):
        load_classes(text)


#: What the models of the data sets are asked for: SegEarth-OV's settings (arXiv 2410.01768), code by code.
PROMPTS = {
    "openearthmap": (
        (
            "bareland,barren / grass / pavement / road / tree,forest / water,river / cropland / "
            "building,roof,house / background"
        ),
        0.1,
        9,
    ),
    "loveda": ("background / building,roof,house / road / water / barren / forest / agricultural", 0.3, 1),
    "potsdam": ("road,parking lot / building / low vegetation / tree / car / clutter,background", 0.1, 6),
}


@pytest.mark.parametrize("preset", PROMPTS)
def test_prompts_threshold_and_background_of_the_data_sets(preset):
    text, threshold, background = PROMPTS[preset]
    classes = load_classes(preset)
    assert " / ".join(",".join(entry.prompts) for entry in classes.classes) == text
    assert (classes.threshold, classes.background) == (threshold, background)
    assert [entry.code for entry in classes.classes] == list(range(1, len(classes.classes) + 1))


def test_the_papers_classes_have_no_background_and_distinct_prompts():
    aerial = load_classes("paper-aerial")
    assert (aerial.threshold, aerial.background) == (0.0, None)
    names, codes = aerial.prompts()
    assert len(set(names)) == len(names)
    assert set(codes) == set(range(1, 10))


def test_prompts_of_a_csv(tmp_path):
    text = "name,synonyms,prompts\nDeveloped space,pavement|paved,\nWater,river,water|sea\n"
    first, second = load_classes(write(tmp_path, text)).classes
    assert first.prompts == ("Developed space", "pavement", "paved")
    assert (second.prompts, second.synonyms) == (("water", "sea"), ("river",))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_classes(str(tmp_path / "no.csv"))
    with pytest.raises(InputError, match="folder"):
        load_classes(str(tmp_path))
    with pytest.raises(InputError, match="UTF-8"):
        load_classes(write(tmp_path, "name\nForêt\n", "latin-1"))


def test_a_table_of_weights_serves_as_class_list(tmp_path):
    path = tmp_path / "weights.csv"
    path.write_text("class,biophony,geophony,anthrophony\nMeadow,1,0.3,0\nRoad,0.1,0,1\n", encoding="utf-8")
    assert [entry.name for entry in load_classes(str(path)).classes] == ["Meadow", "Road"]
