"""Tables of weights: every mistake is told with the line that an editor shows, and what ships has none."""

from __future__ import annotations

import pytest

from soundvis_core.bga.crosswalks import PRESETS, load_crosswalk
from soundvis_core.bga.csv_table import TableError
from soundvis_core.bga.table_check import BOTH, CROSSWALK, SOUNDS, TABLES, WEIGHTS, check_table, shipped_table
from soundvis_core.bga.weights import load_weights
from soundvis_core.errors import InputError

HEADER = "class,biophony,geophony,anthrophony,code\n"


def write(tmp_path, text, encoding="utf-8"):
    file = tmp_path / "mine.csv"
    file.write_bytes(text.encode(encoding))
    return file


def problems(tmp_path, text, kind="", encoding="utf-8"):
    """(line, mistake) of each mistake."""
    with pytest.raises(TableError) as caught:
        check_table(write(tmp_path, text, encoding), kind)
    found = []
    for problem in caught.value.problems:
        start, _, said = problem.partition(": ")
        assert start.startswith("Line ")
        found.append((int(start[5:]), said))
    return found


def lines(found):
    return [line for line, _ in found]


@pytest.mark.parametrize("name", TABLES)
def test_what_ships_is_whole(name):
    found = check_table(shipped_table(name))
    assert found.kind == TABLES[name]
    assert found.rows == sum(1 for line in shipped_table(name).read_text("utf-8").splitlines()[1:] if line)


def test_all_crosswalks_are_offered():
    assert {name for name, kind in TABLES.items() if kind != SOUNDS} == set(PRESETS)
    with pytest.raises(InputError, match="There is no table 'x'"):
        shipped_table("x")


def test_every_mistake_with_its_line(tmp_path):
    text = HEADER + (
        "Grass,1,0,0,1\n"
        "Water,x,-1,0,2\n"  # 3: two
        "\n"
        "Wood,-1,0,0,3\n"  # 5
        "grass,1,0,0,4\n"  # 6: as line 2
        "Road,0,0,1,1\n"  # 7: the code of line 2
        "Yard,0,0,1,9,9\n"  # 8
        ",0,0,1,10\n"  # 9
        "Roof,0,0,1,1.5\n"  # 10
        "Shed,0,0,1\n"  # 11
        "Field,1,0,0.3,11\n"
    )
    found = problems(tmp_path, text)
    assert lines(found) == [3, 3, 5, 6, 7, 8, 9, 10, 11]
    assert [said.split(". ")[0] for _, said in found] == [
        "The column biophony says 'x'",
        "The column geophony is negative (-1)",
        "The column biophony is negative (-1)",
        "The class 'grass' is also in line 2",
        "The code 1 stands for 'Road', and for 'Grass' in line 2",
        "The row has 6 cells, the header 5",
        "The column class is empty",
        "The column code says '1.5'",
        "The row has 4 cells, the header 5",
    ]


def test_a_message_shows_twenty_mistakes_and_counts_the_rest(tmp_path):
    file = write(tmp_path, HEADER + "".join(f"C{number},x,y,0,{number}\n" for number in range(75)))
    for read in (lambda: check_table(file), lambda: load_weights(str(file))):
        with pytest.raises(TableError) as caught:
            read()
        assert len(caught.value.problems) == 150
        said = str(caught.value).split("\n")
        assert said[0] == "The weight table mine.csv has 150 mistakes:"
        assert said[1].startswith("Line 2: ") and said[20].startswith("Line 11: ")
        assert said[21:] == ["... and 130 more."]


def test_a_row_is_known_by_the_line_in_which_it_begins(tmp_path):
    text = HEADER + '"Grass\nand more",1,0,0,1\n\n"Water\n\nstill",x,0,0,2\nWood,y,0,0,3\n'
    assert lines(problems(tmp_path, text)) == [5, 8]


def test_a_quote_that_is_not_closed_is_found(tmp_path):
    text = HEADER + 'Grass,1,0,0,1\n"Water,1,0,0,2\nWood,1,0,0,3\n'
    ((line, said),) = problems(tmp_path, text)
    assert line == 3 and said.startswith(
        "The row has 1 cells, the header 5. It goes on to line 4: look for a quote"
    )


def test_cells_missing_from_a_row_are_no_zeros(tmp_path):
    """One cell short, everything behind it would slip into the next column."""
    crosswalk = "class,biophony,geophony,anthrophony,source,note\nReeds,1,0.3,,user,\nPond,0.3,1,user,\n"
    file = write(tmp_path, crosswalk)
    for read in (load_crosswalk, load_weights):
        with pytest.raises(
            TableError, match=r"Line 3: The row has 5 cells, the header 6\. Keep the separators"
        ):
            read(str(file))
    # Blank titles and cells at the end, as spreadsheets leave them, are no columns.
    text = "class,biophony,geophony,anthrophony,,\nReeds,1,,-\nPond,0.3,1,,,\n"
    assert check_table(write(tmp_path, text)).rows == 2
    table = load_weights(str(write(tmp_path, text)))
    assert [tuple(table.weights(name)) for name in ("reeds", "pond")] == [(1.0, 0.0, 0.0), (0.3, 1.0, 0.0)]


@pytest.mark.parametrize(
    ("encoding", "end"), [("utf-16", "\n"), ("cp1252", "\r\n"), ("utf-8-sig", "\r\n"), ("utf-8", "\r")]
)
def test_encodings_and_ends_of_lines(tmp_path, encoding, end):
    text = (HEADER + "Forêt,1,0,0,1\nEau,x,0,0,2\nRue,y,0,0,3\n").replace(",", ";").replace("\n", end)
    assert lines(problems(tmp_path, text, encoding=encoding)) == [3, 4]


def test_crosswalks(tmp_path):
    text = (
        "code,class,paper_class,source\n"
        "1,Wood,Forest/Vegetation,paper\n"
        "2,Lake,Ocean,paper\n"  # 3
        "1,River,Waterbody,paper\n"  # 4
        "x,Rock,,hearsay\n"  # 5: three
    )
    found = problems(tmp_path, text)
    assert lines(found) == [3, 4, 5, 5, 5]
    assert {said.split(" says")[0] for line, said in found if line == 5} == {
        "The column code",
        "The column source",
        "There is neither a weight nor a paper_class. Fill one of them, or write unmapped as the source.",
    }
    assert check_table(write(tmp_path, "key,value,paper_class\nnatural,reef,Waterbody\n")).kind == CROSSWALK


def test_sounds(tmp_path):
    text = "mid,class,biophony,geophony,anthrophony\n,Bird,1,0,0\n,Brid,1,x,0\n,Speech,0,0,2\n,bird,0,1,0\n"
    found = problems(tmp_path, text)
    assert lines(found) == [3, 3, 4, 5]
    assert found[-1][1].startswith("The class 'Bird' is also in line 2")
    good = write(tmp_path, "class,biophony,geophony,anthrophony\nBird,1,0,0\n")
    assert check_table(good, SOUNDS).kind == SOUNDS
    assert check_table(good).kind == BOTH


def test_scenes(tmp_path):
    """A table of one scene is no mistake; a class may stand in both."""
    head = "scene,class,biophony,geophony,anthrophony\n"
    for text in ("street,Tree,1,0,0\n", "street,Tree,1,0,0\naerial,Tree,1,0,0\n"):
        assert check_table(write(tmp_path, head + text)).kind == WEIGHTS
    # A row without a scene is of both, and told once.
    text = head + "street,Tree,1,0,0\nstreet,tree,1,0,0\nindoor,Tree,1,0,0\n,Road,0,0,1\n,road,0,0,1\n"
    assert lines(problems(tmp_path, text)) == [3, 4, 6]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("class,biophony\nA,1\n", "has no column geophony"),
        (HEADER, "has a header but no rows"),
        ("no\0text", "not a text file"),
        (HEADER + "A," + "1" * 140_000 + ",0,0,1\n", r"Line 2 of the table mine\.csv cannot be read"),
    ],
)
def test_tables_that_are_none(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        check_table(write(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        check_table(tmp_path / "none.csv")
    large = tmp_path / "large.csv"
    with large.open("wb") as stream:
        stream.truncate(5_000_000_000)
    with pytest.raises(InputError, match="too large"):
        check_table(large)


def test_what_may_be_either_is_checked_as_both(tmp_path):
    """As crosswalks are written by hand, without the columns that weights never have."""
    header = "class,code,biophony,geophony,anthrophony,source\n"
    fine = write(tmp_path, header + "Reeds,1,1,0.3,0,user\nSnow,2,,,,unmapped\n")
    assert check_table(fine).kind == BOTH
    assert check_table(fine, WEIGHTS).kind == WEIGHTS and check_table(fine, CROSSWALK).kind == CROSSWALK
    empty = write(tmp_path, header + "Reeds,1,1,0.3,0,user\nX,20,,,,user\n")
    found = check_table(empty)
    assert found.kind == WEIGHTS
    assert [problem.split(".")[0] for problem in found.not_crosswalk] == [
        "Line 3: There is neither a weight nor a paper_class"
    ]
    with pytest.raises(TableError, match="Line 3: There is neither"):
        check_table(empty, CROSSWALK)
    # What is wrong as weights does not hide what is wrong as a crosswalk.
    both = problems(tmp_path, header + "Reeds,1,1,0.3,0,user\nX,20,,,,user\nY,21,x,0,0,user\n")
    assert lines(both) == [3, 4]
    assert both[0][1].startswith("There is neither a weight nor") and both[0][1].endswith("(As a crosswalk.)")
    assert "biophony says 'x'" in both[1][1] and "crosswalk" not in both[1][1]
    # With columns that only weights have there is no doubt.
    aliases = "class,code,biophony,geophony,anthrophony,aliases\nX,20,,,,y\n"
    assert check_table(write(tmp_path, aliases)).not_crosswalk == ()


@pytest.mark.parametrize("kind", [WEIGHTS, CROSSWALK, ""])
def test_sources_are_looked_at_in_both_kinds(tmp_path, kind):
    header = "class,code,biophony,geophony,anthrophony,source\n"
    rows = "A,1,1,0,0,User\nB,2,1,0,0,guess\nC,3,,,,unmaped\nD,4,0.5,0,0,unmapped\nE,5,-,0,,Unmapped\n"
    found = problems(tmp_path, header + rows, kind)
    assert [line for line in lines(found) if line != 4] == [3, 5]
    assert (4, "The column source says 'unmaped'. Write paper, extension, user or unmapped.") in found
    assert found[0][1] == "The column source says 'guess'. Write paper, extension, user or unmapped."
    assert found[-1][1].startswith("The source is unmapped, but there are weights. Empty their cells")


def test_unmapped_goes_with_no_class_of_the_paper(tmp_path):
    text = "class,paper_class,source\nA,Cropland,unmapped\nB,,unmapped\n"
    ((line, said),) = problems(tmp_path, text)
    assert line == 2 and said.startswith("The source is unmapped, but there is a paper_class")
