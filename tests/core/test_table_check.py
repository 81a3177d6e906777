"""Tables of weights: every mistake is told with its row, and what ships has none."""

from __future__ import annotations

import re

import pytest

from soundvis_core.bga.crosswalks import PRESETS
from soundvis_core.bga.table_check import CROSSWALK, SOUNDS, TABLES, WEIGHTS, check_table, shipped_table
from soundvis_core.errors import InputError

HEADER = "class,biophony,geophony,anthrophony,code\n"


def check(tmp_path, text, kind="", name="mine.csv", encoding="utf-8"):
    file = tmp_path / name
    file.write_bytes(text.encode(encoding))
    return check_table(file, kind)


def rows(found):
    """The rows that the problems name, the last one of each."""
    return [int(re.findall(r"rows? (?:\d+ and )?(\d+)", problem)[-1]) for problem in found.problems]


@pytest.mark.parametrize("name", TABLES)
def test_what_ships_is_whole(name):
    found = check_table(shipped_table(name))
    assert found.kind == TABLES[name]
    assert found.problems == ()
    assert found.rows == sum(1 for line in shipped_table(name).read_text("utf-8").splitlines()[1:] if line)


def test_all_crosswalks_are_offered():
    assert {name for name, kind in TABLES.items() if kind != SOUNDS} == set(PRESETS)
    with pytest.raises(InputError, match="There is no table 'x'"):
        shipped_table("x")


def test_every_mistake_with_its_row(tmp_path):
    text = HEADER + (
        "Grass,1,0,0,1\n"
        "Water,x,0,0,2\n"  # 3
        "\n"
        "Wood,-1,0,0,3\n"  # 5
        "grass,1,0,0,4\n"  # 6: as row 2
        "Road,0,0,1,1\n"  # 7: the code of row 2
        "Yard,0,0,1,9,9\n"  # 8
        ",0,0,1,10\n"  # 9
        "Roof,0,0,1,1.5\n"  # 10
        "Field,1,0,0.3,11\n"
    )
    found = check(tmp_path, text)
    assert found.kind == WEIGHTS
    assert found.rows == 9
    assert rows(found) == [3, 5, 6, 7, 8, 9, 10]
    assert "biophony says 'x'" in found.problems[0]
    assert "'grass' is in the weight table mine.csv twice, in rows 2 and 6" in found.problems[2]
    assert "code 1 stands for 'Grass' and for 'Road' in rows 2 and 7" in found.problems[3]


def test_rows_over_several_lines(tmp_path):
    text = HEADER + '"Grass\nand more",1,0,0,1\n"Water\n\nstill",x,0,0,2\nWood,y,0,0,3\n'
    assert rows(check(tmp_path, text)) == [6, 7]


@pytest.mark.parametrize(("encoding", "end"), [("utf-16", "\n"), ("cp1252", "\r\n"), ("utf-8-sig", "\r\n")])
def test_encodings_and_ends_of_lines(tmp_path, encoding, end):
    text = (HEADER + "Forêt,1,0,0,1\nEau,x,0,0,2\nRue,y,0,0,3\n").replace(",", ";").replace("\n", end)
    assert rows(check(tmp_path, text, encoding=encoding)) == [3, 4]


def test_crosswalks(tmp_path):
    text = (
        "code,class,paper_class,source\n"
        "1,Wood,Forest/Vegetation,paper\n"
        "2,Lake,Ocean,paper\n"  # 3
        "1,River,Waterbody,paper\n"  # 4
        "4,Rock,,hearsay\n"  # 5
    )
    found = check(tmp_path, text)
    assert found.kind == CROSSWALK
    assert rows(found) == [3, 4, 5]


def test_sounds(tmp_path):
    text = "mid,class,biophony,geophony,anthrophony\n,Bird,1,0,0\n,Brid,1,0,0\n,Speech,0,0,2\n,Rain,0,1,0\n"
    found = check(tmp_path, text)
    assert found.kind == SOUNDS
    assert rows(found) == [3, 4]
    assert check(tmp_path, "class,biophony,geophony,anthrophony\nBird,1,0,0\n", SOUNDS).problems == ()


def test_scenes(tmp_path):
    """A table of one scene is no mistake; a class may stand in both."""
    head = "scene,class,biophony,geophony,anthrophony\n"
    assert check(tmp_path, head + "street,Tree,1,0,0\n").problems == ()
    assert check(tmp_path, head + "street,Tree,1,0,0\naerial,Tree,1,0,0\n").problems == ()
    found = check(tmp_path, head + "street,Tree,1,0,0\nstreet,tree,1,0,0\nindoor,Tree,1,0,0\n")
    assert rows(found) == [3, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("class,biophony\nA,1\n", "has no column geophony"),
        (HEADER, "has a header but no rows"),
        ("no\0text", "not a text file"),
    ],
)
def test_tables_that_are_none(tmp_path, text, message):
    try:
        (problem,) = check(tmp_path, text).problems
    except InputError as error:
        problem = str(error)
    assert message in problem


def test_a_table_of_mistakes_only(tmp_path):
    found = check(tmp_path, HEADER + "".join(f"C{number},x,0,0,{number}\n" for number in range(150)))
    assert len(found.problems) == 100


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        check_table(tmp_path / "none.csv")
    large = tmp_path / "large.csv"
    with large.open("wb") as stream:
        stream.truncate(5_000_000_000)
    with pytest.raises(InputError, match="too large"):
        check_table(large)
