"""Tables of weights as layers: copied as they are, edited in QGIS, checked row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import AlgorithmError, make_raster, read_raster
from qgis.core import QgsVectorLayer

from soundvis_core.bga.table_check import TABLES, shipped_table
from soundvis_core.bga.weights import load_weights
from soundvis_qgis.algorithms.composition.bgatable import SOURCES


def test_all_tables_are_offered():
    assert tuple(TABLES) == SOURCES


@pytest.mark.parametrize("name", SOURCES)
def test_a_copy_is_the_table_to_the_byte(run, tmp_path, name):
    target = tmp_path / "mine" / f"{name}.csv"
    made = run("bgatable", {"SOURCE": name, "OUTPUT": str(target)})
    assert target.read_bytes() == shipped_table(name).read_bytes()
    assert [file.name for file in target.parent.iterdir()] == [target.name]
    assert made["OUTPUT"] == str(target)
    assert list(made.context.layersToLoadOnCompletion()) == [str(target)]
    layer = made.layer()
    assert layer.isValid() and layer.featureCount() == made["ROWS"] > 0
    # Checked as a table of one's own, it has no mistakes either, and is loaded where it lies.
    again = run("bgatable", {"TABLE": str(target), "OUTPUT": None})
    assert (again["OUTPUT"], again["ROWS"]) == (str(target), made["ROWS"])
    assert target.read_bytes() == shipped_table(name).read_bytes()


def test_edited_in_qgis_and_given_to_a_tool(run, tmp_path):
    """What is changed is changed, and all else is as it was."""
    target = tmp_path / "weights.csv"
    run("bgatable", {"OUTPUT": str(target)})
    layer = QgsVectorLayer(str(target), "weights", "ogr")
    before = [feature.attributes() for feature in layer.getFeatures()]
    row = next(f for f in layer.getFeatures() if (f["scene"], f["class"]) == ("aerial", "Grassland"))
    assert layer.startEditing()
    assert layer.changeAttributeValue(row.id(), layer.fields().lookupField("biophony"), "0.55")
    assert layer.commitChanges(), layer.commitErrors()
    del layer
    edited = QgsVectorLayer(str(target), "weights", "ogr")
    after = [feature.attributes() for feature in edited.getFeatures()]
    changed = [(old, new) for old, new in zip(before, after) if old != new]
    assert len(before) == len(after) and len(changed) == 1
    mine, paper = load_weights(str(target), "aerial"), load_weights(None, "aerial")
    assert mine.weights("Grassland").tolist() == [0.55, 0.3, 0.0]
    for old, new in zip(paper.rows[1:], mine.rows[1:]):
        assert (old.name, old.weights, old.source, old.note, old.aliases) == (
            new.name, new.weights, new.source, new.note, new.aliases
        )  # fmt: skip
    assert load_weights(str(target), "street").rows == load_weights(None, "street").rows
    assert run("bgatable", {"TABLE": str(target), "OUTPUT": None})["ROWS"] == len(after)
    path = make_raster(tmp_path / "classes.tif", np.ones((3, 3), np.uint8))
    output = str(tmp_path / "bga.tif")
    run("bgaraster", {"INPUT": path, "WEIGHTS": str(target), "OUTPUT": output})
    np.testing.assert_allclose(read_raster(output, 1), 0.55)


def test_mistakes_are_told_with_their_lines(run, tmp_path):
    table = tmp_path / "mine.csv"
    rows = ["A,1,0,0", "B,x,0,0", "A,1,0,0", "D,1,0", *(f"C{number},-1,0,0" for number in range(22))]
    table.write_text("\n".join(["class,biophony,geophony,anthrophony", *rows]))
    output = tmp_path / "copy.csv"
    with pytest.raises(AlgorithmError, match=r"The weight table mine\.csv has 25 mistakes") as caught:
        run("bgatable", {"TABLE": str(table), "OUTPUT": str(output)})
    # QGIS writes the message itself several times: it names the first, and the log has each once.
    assert "Line 3: The column biophony says 'x'" in str(caught.value)
    assert "The log lists them all." in str(caught.value) and "Line 4" not in str(caught.value)
    log = "\n".join(caught.value.feedback.warnings)
    assert "Line 4: The class 'A' is also in line 2" in log
    assert "Line 5: The row has 3 cells, the header 4." in log
    assert len(caught.value.feedback.warnings) == 25
    assert not output.exists()


@pytest.mark.parametrize(
    "content",
    [
        b'\xef\xbb\xbfclass;biophony;geophony;anthrophony\r\n"Wald; licht";1,0;0,3;0\r\n\r\nMoor;1;;-\r\n',
        "class\tbiophony\tgeophony\tanthrophony\nÉtang\t0.3\t1\t0".encode("utf-16"),
        b'"class","biophony","geophony","anthrophony"\n"two\nlines, ""quoted""",1,0,0\n',
        "class,biophony,geophony,anthrophony\r\nForêt,1,0,0\r\n".encode("cp1252"),
    ],
    ids=["bom-semicolon-crlf", "utf16-tab", "quotes", "cp1252"],
)
def test_a_table_of_ones_own_is_not_changed_by_a_byte(run, tmp_path, content):
    table, copy = tmp_path / "mine.csv", tmp_path / "copy.csv"
    table.write_bytes(content)
    run("bgatable", {"TABLE": str(table), "OUTPUT": str(copy)})
    assert table.read_bytes() == copy.read_bytes() == content
    run("bgatable", {"TABLE": str(table), "OUTPUT": None})
    assert table.read_bytes() == content
    assert load_weights(str(copy)).rows == load_weights(str(table)).rows
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.csv", "mine.csv"]


def test_a_table_of_another_kind(run, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("class,biophony,geophony,anthrophony\nBird,1,0,0\nMeadow,1,0,0\n")
    assert run("bgatable", {"TABLE": str(table), "OUTPUT": None})["ROWS"] == 2
    with pytest.raises(AlgorithmError, match=r"has 1 mistake\. Line 3: .*Meadow"):
        run("bgatable", {"TABLE": str(table), "KIND": "sound classes", "OUTPUT": None})


def test_a_table_that_may_be_of_two_kinds(run, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("class,code,biophony,geophony,anthrophony,source\nA,1,1,0,0,user\nX,20,,,,user\n")
    made = run("bgatable", {"TABLE": str(table), "OUTPUT": None})
    assert made["ROWS"] == 2
    said, problem = made.feedback.warnings
    assert "may be a crosswalk as well" in said and problem.startswith(
        "Line 3: There is neither a weight nor"
    )
    with pytest.raises(AlgorithmError, match="Line 3: There is neither"):
        run("bgatable", {"TABLE": str(table), "KIND": "crosswalk", "OUTPUT": None})
    table.write_text("class,code,biophony,geophony,anthrophony,source\nA,1,1,0,0,user\n")
    made = run("bgatable", {"TABLE": str(table), "OUTPUT": None})
    assert made.feedback.warnings == [] and "weights and crosswalk, 1 row, no mistakes" in made.feedback.text


def test_what_cannot_be_run_is_said_before(run, tmp_path):
    with pytest.raises(AlgorithmError, match="Give a file for the copy"):
        run("bgatable", {"OUTPUT": None})
    with pytest.raises(AlgorithmError, match="There is no file"):
        run("bgatable", {"TABLE": str(tmp_path / "none.csv"), "OUTPUT": None})
    table = tmp_path / "mine.csv"
    table.write_text("class,biophony,geophony,anthrophony\nBird,1,0,0\n")
    with pytest.raises(AlgorithmError, match="would overwrite"):
        run("bgatable", {"TABLE": str(table), "OUTPUT": str(table)})


def test_a_temporary_copy(run):
    made = run("bgatable", {"OUTPUT": "TEMPORARY_OUTPUT"})
    assert Path(made["OUTPUT"]).suffix == ".csv"
    assert made.layer().featureCount() == made["ROWS"]
