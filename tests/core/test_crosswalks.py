"""Crosswalks: complete against the published class lists, true to Table 1, and strict with tables of the user's."""

from __future__ import annotations

import csv
import struct

import numpy as np
import pytest

from soundvis_core.bga.composition import compose
from soundvis_core.bga.crosswalks import PRESETS, crosswalk_path, load_crosswalk, source_text
from soundvis_core.bga.uncertainty import draw_weights
from soundvis_core.bga.weights import load_weights
from soundvis_core.errors import InputError
from soundvis_core.landcover.wkb import move_shapes

pytestmark = pytest.mark.filterwarnings("error")


def listed(text: str) -> list[str]:
    return text.split(";")


SHIPPED = [preset for preset in PRESETS if preset != "table-1"]
#: Table 1 of the paper, typed from it: biophony, geophony, anthrophony.
AERIAL = {
    "Grassland": (1.0, 0.3, 0), "Forest/Vegetation": (1.0, 0.3, 0), "Wetlands": (1.0, 0.3, 0),
    "Waterbody": (0.3, 1.0, 0), "Bare Land": (0.1, 0.1, 1.0), "Road/Sidewalk": (0.1, 0, 1.0),
    "Building": (0.1, 0, 1.0), "Vehicles": (0, 0, 1.0), "Cropland": (1.0, 0, 0.3),
}  # fmt: skip
STREET = {
    "Road": (0, 0, 1.0), "Sidewalk": (0.3, 0, 1.0), "Building": (0.3, 0, 1.0), "Vegetation": (1.0, 0.3, 0),
    "Waterbody": (1.0, 1.0, 0), "Person": (0, 0, 1.0), "Car, Truck, Bus, etc": (0, 0, 1.0),
}  # fmt: skip
#: ESA WorldCover product user manual v2.0, table of classes (the same in 2020 and 2021).
WORLDCOVER = {
    10: "Tree cover", 20: "Shrubland", 30: "Grassland", 40: "Cropland", 50: "Built-up",
    60: "Bare / sparse vegetation", 70: "Snow and ice", 80: "Permanent water bodies", 90: "Herbaceous wetland",
    95: "Mangroves", 100: "Moss and lichen",
}  # fmt: skip
#: CORINE land cover nomenclature, level 3: how many classes each class of level 2 has.
CORINE_LEVELS = {
    11: 2,
    12: 4,
    13: 3,
    14: 2,
    21: 3,
    22: 3,
    23: 1,
    24: 4,
    31: 3,
    32: 4,
    33: 5,
    41: 2,
    42: 3,
    51: 2,
    52: 3,
}
OPENEARTHMAP = {
    1: "Bareland", 2: "Rangeland", 3: "Developed space", 4: "Road", 5: "Tree", 6: "Water",
    7: "Agriculture land", 8: "Building",
}  # fmt: skip
LOVEDA = {1: "Background", 2: "Building", 3: "Road", 4: "Water", 5: "Barren", 6: "Forest", 7: "Agriculture"}
CITYSCAPES_19 = listed(
    "road;sidewalk;building;wall;fence;pole;traffic light;traffic sign;vegetation;terrain;sky;person;rider;car;"
    "truck;bus;train;motorcycle;bicycle"
)
CITYSCAPES_34 = listed(
    "unlabeled;ego vehicle;rectification border;out of roi;static;dynamic;ground;road;sidewalk;parking;rail track;"
    "building;wall;fence;guard rail;bridge;tunnel;pole;polegroup;traffic light;traffic sign;vegetation;terrain;sky;"
    "person;rider;car;truck;bus;caravan;trailer;train;motorcycle;bicycle"
)
#: Scene Parsing Benchmark (SceneParse150), objectInfo150.txt, the first name of each class.
ADE20K = listed(
    "wall;building;sky;floor;tree;ceiling;road;bed;windowpane;grass;cabinet;sidewalk;person;earth;door;table;mountain;"
    "plant;curtain;chair;car;water;painting;sofa;shelf;house;sea;mirror;rug;field;armchair;seat;fence;desk;rock;"
    "wardrobe;lamp;bathtub;railing;cushion;base;box;column;signboard;chest of drawers;counter;sand;sink;skyscraper;"
    "fireplace;refrigerator;grandstand;path;stairs;runway;case;pool table;pillow;screen door;stairway;river;bridge;"
    "bookcase;blind;coffee table;toilet;flower;book;hill;bench;countertop;stove;palm;kitchen island;computer;"
    "swivel chair;boat;bar;arcade machine;hovel;bus;towel;light;truck;tower;chandelier;awning;streetlight;booth;"
    "television receiver;airplane;dirt track;apparel;pole;land;bannister;escalator;ottoman;bottle;buffet;poster;stage;"
    "van;ship;fountain;conveyer belt;canopy;washer;plaything;swimming pool;stool;barrel;basket;waterfall;tent;bag;"
    "minibike;cradle;oven;ball;food;step;tank;trade name;microwave;pot;animal;bicycle;lake;dishwasher;screen;blanket;"
    "sculpture;hood;sconce;vase;traffic light;tray;ashcan;fan;pier;crt screen;plate;monitor;bulletin board;shower;"
    "radiator;glass;clock;flag"
)
#: "Map features" of the wiki of OpenStreetMap: the values of each key that are documented there.
OSM = {
    "landuse": (
        "commercial construction education fairground industrial residential retail institutional aquaculture "
        "allotments farmland farmyard paddy animal_keeping flowerbed forest logging greenhouse_horticulture meadow "
        "orchard plant_nursery vineyard basin reservoir salt_pond brownfield cemetery depot garages grass greenery "
        "greenfield landfill military port quarry railway recreation_ground religious village_green winter_sports"
    ),
    "natural": (
        "fell grassland heath moor scrub shrubbery tree tree_row tree_stump tundra wood bay beach blowhole cape "
        "coastline crevasse geyser glacier hot_spring isthmus mud peninsula reef shingle shoal spring strait water "
        "wetland arch arete bare_rock blockfield cave_entrance cliff dune earth_bank fumarole gully hill peak ridge "
        "rock saddle sand scree sinkhole stone valley volcano"
    ),
    "highway": (
        "motorway trunk primary secondary tertiary unclassified residential motorway_link trunk_link primary_link "
        "secondary_link tertiary_link living_street service pedestrian track bus_guideway escape raceway road busway "
        "footway bridleway steps corridor path via_ferrata cycleway proposed construction bus_stop crossing "
        "cyclist_waiting_aid elevator emergency_bay emergency_access_point give_way hitchhiking ladder milestone "
        "mini_roundabout motorway_junction passing_place platform rest_area services speed_camera speed_display stop "
        "street_lamp toll_gantry traffic_mirror traffic_signals trailhead turning_circle turning_loop"
    ),
    "waterway": (
        "river riverbank stream tidal_channel canal drain ditch pressurised fairway dock boatyard dam weir waterfall "
        "lock_gate turning_point water_point fuel soakhole sluice_gate canoe_pass fish_pass flowline rapids"
    ),
}


def by_code(preset: str) -> dict[int, str]:
    return {code: row.name for code, row in load_crosswalk(preset).codes.items()}


def test_code_lists_are_complete():
    assert by_code("worldcover") == WORLDCOVER
    assert by_code("openearthmap") == OPENEARTHMAP
    assert by_code("loveda") == LOVEDA
    assert by_code("cityscapes-19") == dict(enumerate(CITYSCAPES_19))
    assert by_code("cityscapes-34") == dict(enumerate(CITYSCAPES_34))
    assert len(ADE20K) == 150
    assert by_code("ade20k") == dict(enumerate(ADE20K, start=1))


def test_corine_has_its_44_classes_by_code_and_by_the_grid_code_of_its_rasters():
    codes = [10 * level + number for level, count in CORINE_LEVELS.items() for number in range(1, count + 1)]
    assert len(codes) == 44
    found = by_code("corine")
    assert sorted(found) == sorted([*range(1, 45), *codes])
    assert [found[number] for number in range(1, 45)] == [found[code] for code in codes]
    # From the legend of the European Environment Agency, here and there.
    assert found[23] == found[311] == "Broad-leaved forest"
    assert found[44] == found[523] == "Sea and ocean"
    assert found[10] == found[141] == "Green urban areas"


@pytest.mark.parametrize("key", OSM)
def test_documented_values_of_openstreetmap_are_there(key):
    crosswalk = load_crosswalk("osm")
    known = {row.value for row in crosswalk.rows if row.key == key}
    assert set(OSM[key].split()) <= known
    for value in OSM[key].split():
        row, name = crosswalk.tagged({key: value})
        assert row is not None and name == f"{key}={value}"


@pytest.mark.parametrize("preset", SHIPPED)
def test_weights_follow_table_1_and_rows_say_whose_they_are(preset):
    """Read without the package: the file itself has to be right."""
    table = STREET if preset.startswith(("cityscapes", "ade20k")) else AERIAL
    with open(crosswalk_path(preset), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ["scheme", "code", "class", "key", "value", "biophony", "geophony", "anthrophony", "paper_class",
               "source", "note"]  # fmt: skip
    assert list(rows[0]) == columns
    for row in rows:
        weights = [row[name] for name in ("biophony", "geophony", "anthrophony")]
        assert row["scheme"] == preset
        if row["source"] == "paper":
            assert tuple(map(float, weights)) == table[row["paper_class"]], row["class"]
            continue
        assert row["paper_class"] == ""
        if row["source"] == "unmapped":
            assert weights == ["", "", ""]
        else:
            assert row["source"] == "extension", row["class"]
            assert all(0.0 <= float(weight) <= 1.0 for weight in weights) and any(map(float, weights))
            assert row["note"], f"{row['class']} has weights of our own without a reason"


@pytest.mark.parametrize("preset", SHIPPED)
def test_a_shipped_crosswalk_serves_as_a_weight_table_and_as_a_table_of_the_users(preset):
    shipped = load_crosswalk(preset)
    table = load_weights(str(crosswalk_path(preset)))
    for row in shipped.rows:
        found = table.weights(row.name)
        assert (None if found is None else tuple(found)) == row.weights
    assert load_crosswalk(str(crosswalk_path(preset))).rows == shipped.rows


def test_table_1_itself_is_a_crosswalk():
    crosswalk = load_crosswalk("table-1")
    assert {row.name: row.weights for row in crosswalk.rows} == AERIAL
    assert crosswalk.named("roads").name == "Road/Sidewalk"  # an alias
    assert crosswalk.codes[7].name == "Building"


def test_the_first_key_whose_value_is_known_decides():
    osm = load_crosswalk("osm")
    assert osm.tagged({"landuse": "residential", "building": "yes"})[1] == "building=*"
    assert osm.tagged({"landuse": "Forest ", "natural": "no"})[1] == "landuse=forest"
    assert osm.tagged({"natural": "moonscape", "landuse": "meadow"})[1] == "landuse=meadow"
    assert osm.tagged({"natural": "moonscape"}) == (None, "natural=moonscape")
    assert osm.tagged({"building": "no", "name": "A"}) == (None, "")


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("residential", True, "highway=residential"),
        ("residential", False, "landuse=residential"),
        ("building", False, "building=*"),
        ("river", True, "waterway=river"),
        ("Forest", False, "landuse=forest"),
        ("natural=wood", False, "natural=wood"),
    ],
)
def test_a_value_alone_is_told_by_its_geometry(text, line, name):
    row, found = load_crosswalk("osm").valued(text, line)
    assert row is not None and found == name


def test_what_is_ambiguous_or_unheard_of_is_unknown():
    osm = load_crosswalk("osm")
    # On an area a construction site (landuse), or what is no railway any more: lines only.
    assert osm.valued("construction", True)[0] is None
    assert osm.valued("moonscape") == (None, "moonscape")
    assert osm.valued("  ") == (None, "")
    assert load_crosswalk("corine").valued("311.0")[1] == "Broad-leaved forest"
    assert load_crosswalk("corine").valued("999") == (None, "999")
    assert load_crosswalk("worldcover").valued("tree COVER")[0].codes == (10,)


def test_shares_compose_by_category_and_tell_their_source():
    osm = load_crosswalk("osm")
    shares: dict[str, float] = {}
    found = {"landuse=forest": 0.2, "natural=wood": 0.1, "building=yes": 0.3, "landuse=residential": 0.2}
    for text, share in found.items():
        category = osm.category(osm.valued(text)[0])
        shares[category] = shares.get(category, 0.0) + share
    assert shares == pytest.approx({"Forest/Vegetation": 0.3, "Building": 0.3, "landuse=residential": 0.2})
    composition = compose(shares, osm.table)
    # By hand: bio .3*1 + .3*.1 + .2*.3, geo .3*.3 + .2*.1, ant .3*1 + .2*1; 0.2 is not there.
    assert composition.raw == pytest.approx((0.39, 0.11, 0.5))
    assert composition.unmapped == pytest.approx(0.2)
    assert osm.sources(shares) == pytest.approx({"paper": 0.75, "extension": 0.25})
    assert source_text(osm.sources(shares)) == "paper 75%, extension 25%"
    assert source_text(osm.sources({"natural=peak": 0.5})) == ""
    drawn = draw_weights(osm.table, 20, 0.3, 1).weights
    assert drawn["Forest/Vegetation"].shape == (20, 3)


def test_schemes_of_many_classes_give_shares_by_class_of_the_paper():
    osm = load_crosswalk("osm")
    assert osm.share_name(osm.tagged({"natural": "wood"})[0]) == "Forest/Vegetation"
    assert osm.share_name(osm.tagged({"landuse": "residential"})[0]) == "Extension classes"
    assert osm.share_name(osm.tagged({"natural": "peak"})[0]) == ""
    assert len(osm.share_names) == 8 + 1  # Vehicles are on no map
    corine = load_crosswalk("corine")
    assert corine.share_names == tuple(row.name for row in corine.rows)


def own(tmp_path, text: str, encoding: str = "utf-8"):
    path = tmp_path / "own.csv"
    path.write_bytes(text.encode(encoding))
    return load_crosswalk(str(path))


def test_a_table_of_the_users(tmp_path):
    made = own(
        tmp_path,
        "Class;Code;Bio;Geo;Anthropophony;paper_class;source\n"
        "Étang;1;;;;Waterbody;\nHalle;2;0,1;0;1;Building;\nMarkt;3;0,2;0;0,9;;\nSquare;4;0,2;0;0,9;Road/Sidewalk;\n"
        "Wolke;5;;;;;unmapped\n",
        "utf-8-sig",
    )
    told = {row.name: (row.weights, row.source) for row in made.rows}
    assert told == {
        "Étang": ((0.3, 1.0, 0.0), "paper"),
        "Halle": ((0.1, 0.0, 1.0), "paper"),
        "Markt": ((0.2, 0.0, 0.9), "user"),
        "Square": ((0.2, 0.0, 0.9), "user"),  # other weights than the paper's: the user's judgement
        "Wolke": (None, "unmapped"),
    }
    assert made.category(made.codes[1]) == "Waterbody" and made.category(made.codes[4]) == "Square"


def test_an_extension_that_was_changed_is_the_users(tmp_path):
    text = crosswalk_path("worldcover").read_text("utf-8").replace("0.5,0.3,0", "0.4,0.3,0")
    made = own(tmp_path, text)
    assert made.named("Moss and lichen").source == "user"
    assert made.named("Grassland").source == "paper"


HEAD = "class,code,key,value,biophony,geophony,anthrophony,paper_class,source\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (HEAD, "has a header but no rows"),
        ("name,biophony\nA,1\n", r"no column geophony, anthrophony; its columns are name, biophony"),
        ("biophony,geophony,anthrophony\n1,0,0\n", r"no column class \(or key and value\)"),
        (HEAD + "A,,,,1,0,0,,\n,,,,1,0,0,,\n", r"class is empty in row 3"),
        (HEAD + "A,,,,much,0,0,,\n", r"biophony says 'much' in row 2"),
        (HEAD + "A,,,,1,-2,0,,\n", r"geophony is negative \(-2\) in row 2"),
        (HEAD + "A,,,,,,,,\n", r"neither a weight nor a paper_class in row 2"),
        (HEAD + "A,,,,1,0,0,,paper\n", r"'paper' in row 2.*no paper_class"),
        (HEAD + "A,,,,1,0,0,Cloud,\n", r"paper_class says 'Cloud' in row 2.*Grassland"),
        (HEAD + "A,,,,1,0,0,Building,paper\n", r"row 2.*'Building' in Table 1 \(aerial\) are 0.1, 0, 1"),
        (HEAD + "A,,,,1,0,0,,guess\n", r"source says 'guess' in row 2"),
        (HEAD + "A,x,,,1,0,0,,\n", r"code says 'x' in row 2"),
        (HEAD + "A,1,,,1,0,0,,\nB,1,,,1,0,0,,\n", r"code '1' stands in rows 2 and 3"),
        (HEAD + "A,1,,,1,0,0,,\na,2,,,1,0,0,,\n", r"class 'a' stands in rows 2 and 3"),
        (HEAD + ",,natural,wood,1,0,0,,\nW,,natural,wood,1,0,0,,\n", r"tag 'natural=wood' stands in rows 2 and 3"),
        (HEAD + "A,,natural,,1,0,0,,\n", r"Only one of the columns key and value is filled in row 2"),
        (HEAD + "A,,,,1,0,0,,,7\n", r"more cells than columns in row 2"),
        (HEAD + "Roof,,,,,,,Building,\nBuilding,,,,1,0,0,,\n", r"Rename 'Building'"),
    ],
)  # fmt: skip
def test_errors_name_the_row(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        own(tmp_path, text)


def test_no_such_crosswalk(tmp_path):
    with pytest.raises(InputError, match=r"no crosswalk 'corin'.*corine"):
        load_crosswalk("corin")
    with pytest.raises(InputError, match="cannot be read"):
        load_crosswalk(str(tmp_path / "absent.csv"))


def test_shapes_move_vertex_by_vertex():
    shapely = pytest.importorskip("shapely")
    from shapely import affinity, wkb, wkt

    texts = [
        "POINT (1 2)",
        "LINESTRING (0 0, 1 1, 2 0)",
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (2 2, 3 2, 3 3, 2 2))",
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5), (5.5 5.2, 5.6 5.2, 5.6 5.3, 5.5 5.2)))",
        "GEOMETRYCOLLECTION (POINT (3 4), MULTILINESTRING ((0 0, 1 1), (2 2, 3 3, 4 4)))",
        "POLYGON EMPTY",
    ]
    shapes = [wkb.dumps(wkt.loads(text)) for text in texts]
    moved = move_shapes(shapes, lambda x, y: (2.0 * x + 1.0, y - 3.0))
    for text, shape in zip(texts, moved):
        expected = affinity.affine_transform(wkt.loads(text), (2, 0, 0, 1, 1, -3))
        assert shape is not None and wkb.loads(shape).equals_exact(expected, 0.0)
    assert shapely.__version__


def test_shapes_that_leave_the_plane_are_none_and_others_stay():
    line = struct.pack("<BIIdddd", 1, 2, 2, 0.0, 0.0, 5.0, 5.0)
    point = struct.pack("<BIdd", 1, 1, 1.0, 1.0)
    moved = move_shapes([line, point], lambda x, y: (np.where(x > 4, np.inf, x), y))
    assert moved == [None, point]
    assert move_shapes([], lambda x, y: (x, y)) == []
    for bad in (line[:-3], b"\x00" + line[1:], struct.pack("<BI", 1, 10), b""):
        with pytest.raises(ValueError):
            move_shapes([bad], lambda x, y: (x, y))
