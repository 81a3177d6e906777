"""Crosswalks: complete against the published class lists, true to Table 1, and strict with tables of the user's."""

from __future__ import annotations

import csv
import struct

import numpy as np
import pytest

from soundvis_core.bga import crosswalk_rows
from soundvis_core.bga.composition import compose
from soundvis_core.bga.crosswalks import (
    PRESETS,
    crosswalk_path,
    fitting_crosswalk,
    fitting_crosswalks,
    load_crosswalk,
    source_text,
)
from soundvis_core.bga.uncertainty import draw_weights
from soundvis_core.bga.weights import load_weights
from soundvis_core.errors import InputError
from soundvis_core.landcover.wkb import move_shapes
from tests.builders.class_lists import (
    ADE20K,
    CITYSCAPES,
    CORINE,
    GEOFABRIK_AREAS,
    GEOFABRIK_LINES,
    LOVEDA,
    OPENEARTHMAP,
    OSM,
    WORLDCOVER,
    numbered,
)

pytestmark = pytest.mark.filterwarnings("error")


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


def by_code(preset: str) -> dict[int, str]:
    return {code: row.name for code, row in load_crosswalk(preset).codes.items()}


def test_code_lists_are_complete():
    assert by_code("worldcover") == WORLDCOVER
    assert by_code("openearthmap") == OPENEARTHMAP
    assert by_code("loveda") == LOVEDA
    cityscapes = numbered(CITYSCAPES)
    assert len(cityscapes) == 34
    assert by_code("cityscapes-34") == {number: name for number, _, name in cityscapes}
    assert by_code("cityscapes-19") == {number: name for _, number, name in cityscapes if number < 255}
    ade20k = ADE20K.split(";")
    assert len(ade20k) == 150
    assert by_code("ade20k") == dict(enumerate(ade20k, start=1))


def test_corine_is_complete_by_code_and_by_the_grid_code_of_its_rasters():
    legend = numbered(CORINE)
    assert len(legend) == 48
    expected = {grid_code: name for grid_code, _, name in legend}
    expected.update({code: name for grid_code, code, name in legend if grid_code != 255})
    assert by_code("corine") == expected
    assert {row.name for row in load_crosswalk("corine").rows} == {name for *_, name in legend}


@pytest.mark.parametrize("key", OSM)
def test_documented_values_of_openstreetmap_are_there(key):
    crosswalk = load_crosswalk("osm")
    known = {row.value for row in crosswalk.rows if row.key == key}
    assert set(OSM[key].split()) - known == set()
    for value in OSM[key].split():
        row, name = crosswalk.tagged({key: value})
        assert row is not None and name == f"{key}={value}"


@pytest.mark.parametrize(("layers", "lines"), [(GEOFABRIK_AREAS, False), (GEOFABRIK_LINES, True)])
def test_classes_of_geofabriks_layers_are_known(layers, lines):
    crosswalk = load_crosswalk("osm")
    for layer, values in layers.items():
        unknown = [value for value in values.split() if crosswalk.valued(value, lines)[0] is None]
        assert not unknown, layer


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
    # On an area a construction site (landuse); on a line a road or a railway, neither in use.
    assert osm.valued("construction", True)[1] == "highway=construction"
    # A platform of buses has the weights of the paper's roads, one of trains those of SoundVis.
    assert osm.valued("platform", True) == (None, "platform")
    assert osm.valued("moonscape") == (None, "moonscape")
    assert osm.valued("  ") == (None, "")
    assert load_crosswalk("corine").valued("311.0")[1] == "Broad-leaved forest"
    assert load_crosswalk("corine").valued("998") == (None, "998")
    assert load_crosswalk("worldcover").valued("tree COVER")[0].codes == (10,)


@pytest.mark.parametrize(
    ("classes", "preset"),
    [
        (["111", "112", "311", "523", "999"], "corine"),
        (["10", "20", "30", "60", "80"], "worldcover"),
        (["1", "2", "8"], "openearthmap"),
        (["residential", "track_grade2", "forest", "what"], "osm"),
        (["natural=wood", "highway=path"], "osm"),
        (["Tree cover", "built up"], "worldcover"),
        (["Agriculture", "Barren", "Forest"], "loveda"),
        (["roads", "grass", "cars"], "table-1"),
        (["way/1", "way/2", "forest"], ""),
        ([], ""),
    ],
)
def test_the_crosswalk_that_fits_is_found(classes, preset):
    assert fitting_crosswalk(classes) == preset


def test_only_the_crosswalks_that_could_be_chosen_are_named():
    codes = [str(code) for code in range(1, 140)]
    assert fitting_crosswalk(codes) == ""
    assert fitting_crosswalk(codes, PRESETS) == "ade20k"
    assert fitting_crosswalk(codes, ("worldcover", "corine")) == ""
    assert fitting_crosswalk(codes[:40], ("worldcover", "corine")) == "corine"


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
        (HEAD + "A,,,,1,0,0,,\n,,,,1,0,0,,\n", r"Line 3: The column class is empty"),
        (HEAD + "A,,,,much,0,0,,\n", r"Line 2: The column biophony says 'much'"),
        (HEAD + "A,,,,1,-2,0,,\n", r"Line 2: The column geophony is negative \(-2\)"),
        (HEAD + "A,,,,,,,,\n", r"Line 2: There is neither a weight nor a paper_class"),
        (HEAD + "A,,,,1,0,0,,paper\n", r"Line 2: The source is 'paper', but there is no paper_class"),
        (HEAD + "A,,,,1,0,0,Cloud,\n", r"Line 2: The column paper_class says 'Cloud'.*Grassland"),
        (HEAD + "A,,,,1,0,0,Building,paper\n", r"Line 2: .*'Building' in Table 1 \(aerial\) are 0.1, 0, 1"),
        (HEAD + "A,,,,1,0,0,,guess\n", r"Line 2: The column source says 'guess'"),
        (HEAD + "A,x,,,1,0,0,,\n", r"Line 2: The column code says 'x'"),
        (HEAD + "A,1,,,1,0,0,,\nB,1,,,1,0,0,,\n", r"Line 3: The code '1' is also in line 2"),
        (HEAD + "A,1,,,1,0,0,,\na,2,,,1,0,0,,\n", r"Line 3: The class 'a' is also in line 2"),
        (HEAD + ",,natural,wood,1,0,0,,\nW,,natural,wood,1,0,0,,\n", r"3: The tag 'natural=wood' is also in line 2"),
        (HEAD + "A,,natural,,1,0,0,,\n", r"Line 2: Only one of the columns key and value is filled"),
        (HEAD + "A,,,,1,0,0,,,7\n", r"Line 2: The row has 10 cells, the header 9"),
        (HEAD + "Roof,,,,,,,Building,\nBuilding,,,,1,0,0,,\n", r"Line 3: .*Rename 'Building'"),
    ],
)  # fmt: skip
def test_errors_name_the_line(tmp_path, text, said):
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


def test_the_papers_table_is_read_once_for_all_rows(tmp_path, monkeypatch):
    """Read for every row, 10,000 rows took seconds, each time that the dialog checks its values."""
    read = []
    load = crosswalk_rows.load_weights
    monkeypatch.setattr(crosswalk_rows, "load_weights", lambda *spec: read.append(spec) or load(*spec))
    crosswalk_rows._table_1.cache_clear()
    rows = "".join(
        f"{scheme},C{number},Building\n" for number, scheme in enumerate(["", "cityscapes-19", "mine"] * 5)
    )
    assert len(own(tmp_path, "scheme,class,paper_class\n" + rows).rows) == 15
    assert read == [(None, "aerial"), (None, "street")]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ({1, 4, 7}, ("table-1", "corine", "openearthmap", "loveda")),
        ({1, 8}, ("table-1", "corine", "openearthmap")),
        ({9}, ("table-1", "corine")),
        ({10, 60}, ("worldcover",)),
        ({10, 40}, ("worldcover", "corine")),
        ({0, 1}, ()),
        (set(), ()),
    ],
)
def test_codes_that_several_schemes_share(codes, expected):
    assert fitting_crosswalks(codes) == expected
