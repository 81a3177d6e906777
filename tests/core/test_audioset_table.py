"""The table that says which of AudioSet's 527 classes is biophony, geophony or anthrophony, row by row."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import pytest

from soundvis_core.bga.audioset import load_sound_classes
from soundvis_core.resources import table_path

CATEGORIES = ("biophony", "geophony", "anthrophony")
TABLE = table_path("audioset_bga.csv")


@pytest.fixture(scope="module")
def table():
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def audioset(test_data):
    folder = test_data / "audioset"
    if not folder.is_dir():
        pytest.skip("real data without AudioSet's lists")
    with (folder / "class_labels_indices.csv").open(encoding="utf-8", newline="") as file:
        labels = list(csv.DictReader(file))
    return folder, labels, json.loads((folder / "ontology.json").read_text("utf-8"))


def verdict(row):
    return "".join(category for category in CATEGORIES if float(row[category]) > 0)


def test_every_class_once_with_one_verdict(table):
    assert [int(row["index"]) for row in table] == list(range(527))
    assert len({row["mid"] for row in table}) == len({row["name"] for row in table}) == 527
    for row in table:
        numbers = sorted(float(row[category]) for category in CATEGORIES)
        assert numbers in ([0, 0, 1], [0, 0, 0]), row["name"]
        assert row["source"] in ("branch", "parents", "exception")
        assert row["group"] in ("", "pets", "livestock", "either")
        assert row["group"] == "" or verdict(row) == "biophony", row["name"]
    counts = {category: sum(verdict(row) == category for row in table) for category in (*CATEGORIES, "")}
    assert counts == {"biophony": 60, "geophony": 14, "anthrophony": 367, "": 86}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Speech", "anthrophony"), ("Music", "anthrophony"), ("Traffic noise, roadway noise", "anthrophony"),
        ("Church bell", "anthrophony"), ("Wind chime", "anthrophony"), ("Cowbell", "anthrophony"),
        ("Hubbub, speech noise, speech babble", "anthrophony"), ("Siren", "anthrophony"),
        ("Bird vocalization, bird call, bird song", "biophony"), ("Bird flight, flapping wings", "biophony"),
        ("Insect", "biophony"), ("Cricket", "biophony"), ("Frog", "biophony"), ("Dog", "biophony"),
        ("Chirp, tweet", "biophony"), ("Pigeon, dove", "biophony"), ("Clip-clop", "biophony"),
        ("Rain on surface", "geophony"), ("Rustling leaves", "geophony"), ("Thunder", "geophony"),
        ("Waves, surf", "geophony"), ("Wind", "geophony"), ("Fire", "geophony"), ("Stream", "geophony"),
        ("Wind noise (microphone)", ""), ("Silence", ""), ("Rustle", ""), ("Crackle", ""), ("Splash, splatter", ""),
        ("Echo", ""), ("White noise", ""), ("Outside, rural or natural", ""), ("Environmental noise", ""),
        ("Buzz", ""), ("Steam", ""), ("Boom", ""),
    ],
)  # fmt: skip
def test_well_known_classes(table, name, expected):
    assert verdict(next(row for row in table if row["name"] == name)) == expected


@pytest.mark.real_data
def test_ids_and_names_are_those_of_the_class_list(table, audioset):
    _, labels, ontology = audioset
    assert [(r["mid"], r["name"]) for r in table] == [
        (label["mid"], label["display_name"]) for label in labels
    ]
    assert {row["mid"] for row in table} <= {node["id"] for node in ontology}


@pytest.mark.real_data
def test_verdicts_follow_the_branches_but_for_named_exceptions(table, audioset):
    """Worked out top down, from the branches to their leaves; the tool that writes the table goes bottom up."""
    _, _, ontology = audioset
    nodes = {node["id"]: node for node in ontology}
    by_name = {node["name"]: node["id"] for node in ontology}

    def below(name):
        found, waiting = set(), [by_name[name]]
        while waiting:
            one = waiting.pop()
            found.add(one)
            waiting += [child for child in nodes[one]["child_ids"] if child not in found]
        return found

    branches = {
        "anthrophony": below("Human sounds") | below("Music") | below("Sounds of things"),
        "biophony": below("Animal"),
        "geophony": below("Natural sounds"),
        "": below("Source-ambiguous sounds") | below("Channel, environment and background"),
    }
    groups = {
        "pets": below("Domestic animals, pets"),
        "livestock": below("Livestock, farm animals, working animals"),
    }
    parents = [child for node in ontology for child in node["child_ids"]]
    by_rule = exceptions = of_group = several = 0
    for row in table:
        possible = {category for category, inside in branches.items() if row["mid"] in inside}
        kept = next((group for group, inside in groups.items() if row["mid"] in inside), "")
        assert possible
        if parents.count(row["mid"]) > 1:
            several += 1
            assert row["source"] == "parents" and row["note"].startswith("several parents: ")
        if row["source"] == "parents":
            by_rule += len(possible) > 1
            # A rule may choose among the branches, or leave a class of two branches unmapped; no more.
            assert verdict(row) in possible or verdict(row) == "", row["name"]
        elif row["source"] == "exception":
            exceptions += 1
            assert row["note"].startswith("exception: ") and verdict(row) not in possible
        else:
            assert possible == {verdict(row)}, row["name"]
        if row["source"] == "branch" and row["group"] != kept:
            of_group += 1
            assert row["note"].startswith("exception of the group: "), row["name"]
    assert (several, by_rule, exceptions, of_group) == (36, 18, 11, 7)
    assert sum(parents.count(node["id"]) > 1 for node in ontology) == 38  # two of them are no classes


@pytest.mark.real_data
def test_the_table_is_what_the_tool_writes(audioset, tmp_path, monkeypatch):
    path = Path(__file__).parents[2] / "tools" / "build_audioset_table.py"
    specification = importlib.util.spec_from_file_location("build_audioset_table", path)
    tool = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tool)
    monkeypatch.setattr(tool, "OUTPUT", tmp_path / "table.csv")
    monkeypatch.setattr("sys.argv", ["tool", str(audioset[0])])
    tool.main()
    assert (tmp_path / "table.csv").read_bytes() == TABLE.read_bytes()


def test_the_classes_are_those_of_the_table(table):
    classes = load_sound_classes()
    assert [(row.mid, row.name, row.group) for row in classes.rows] == [
        (row["mid"], row["name"], row["group"]) for row in table
    ]
    assert [row or "" for row in classes.categories()] == [verdict(row) for row in table]
