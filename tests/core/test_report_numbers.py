"""The table of every number beside the report, and that both files come together or not at all."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soundvis_core.errors import InputError
from soundvis_core.report import csv_beside, write_report
from soundvis_core.report.numbers_table import COLUMNS, numbers_csv
from soundvis_core.report.writing import replace_together
from soundvis_core.statistics.results import POOLED
from tests.builders.correlation_results import correlation_result


@pytest.fixture(scope="module")
def result():
    return correlation_result()


def lines(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def find(table, **wanted):
    found = [line for line in table if all(line[key] == value for key, value in wanted.items())]
    assert len(found) == 1, (wanted, found)
    return found[0]


def test_every_number_of_the_run_is_there_to_the_last_digit(result):
    table = lines(numbers_csv(result))
    assert tuple(table[0]) == COLUMNS
    for row in result.rows:
        key = {"block_a": row.block_a, "block_b": row.block_b, "category": row.category, "group": row.group}
        line = find(table, kind="correlation", quantity="r", **key)
        assert float(line["value"]) == row.r and (float(line["low"]), float(line["high"])) == row.interval
        assert float(find(table, kind="correlation", quantity="rho", **key)["value"]) == row.rho
        assert float(find(table, kind="correlation", quantity="null sd", **key)["value"]) == row.null_sd
        assert float(find(table, kind="correlation", quantity="ceiling", **key)["value"]) == row.ceiling
        for name, rung in row.rungs.items():
            line = find(table, kind="rung", quantity=name, **key)
            for column, value in (
                ("value", rung.statistic),
                ("p", rung.p),
                ("p_holm", rung.holm),
                ("p_bh", rung.bh),
            ):
                assert line[column] == "" if value is None else float(line[column]) == value
    for row in result.fusion:
        line = find(table, kind="fusion", group=row.group, category=row.category, quantity=row.quantity)
        assert float(line["value"]) == row.value
    for row in result.bands:
        key = {"block_a": row.block_a, "block_b": row.block_b, "category": row.category, "group": row.group}
        assert float(find(table, kind="weights", quantity="median r", **key)["value"]) == row.median
        assert find(table, kind="weights", quantity="survives", **key)["value"] == str(int(row.survives))
    for row in result.heterogeneity:
        key = {"block_a": row.block_a, "block_b": row.block_b, "category": row.category}
        assert float(find(table, kind="heterogeneity", quantity="Q", **key)["value"]) == row.q
    own = [line for line in table if line["kind"] == "alignment"]
    assert len(own) == sum(
        int(np.isfinite(one.r).sum()) for one in result.alignments
    )  # none where it is undefined
    assert (
        float(own[0]["value"]) == result.alignments[0].r[1]
        and own[0]["site"] == "2"
        and own[0]["group"] == "London"
    )
    assert [line["text"] for line in table if line["kind"] == "left out"] == [
        site.reason for site in result.dropped
    ]


def test_spearman_s_interval_stands_beside_rho():
    table = lines(numbers_csv(correlation_result(method="spearman", bga=False)))
    key = {"kind": "correlation", "block_a": "sound", "block_b": "street", "group": POOLED}
    assert find(table, quantity="r", **key)["low"] == "" and find(table, quantity="rho", **key)["low"] != ""


@pytest.mark.parametrize("text", ["=1+1", "+31 6", "-5", "@SUM(A1)", "\t=1", " =1", "＝1"])
def test_text_is_no_formula(result, text):
    named = find(lines(numbers_csv(result, {"Layer": text})), kind="run", quantity="Layer")
    assert named["text"].startswith("'") and named["text"].endswith(text.strip())
    negative = [line["value"] for line in lines(numbers_csv(result)) if line["value"].startswith("-")]
    assert negative  # numbers keep their sign


def test_names_come_back_as_they_were(result, tmp_path):
    names = [f'{index}, "quoted"; 日本 \ud800\nnew' for index in range(result.sites)]
    text = numbers_csv(result, {}, names)
    text.encode("utf-8")
    own = [line for line in lines(text) if line["kind"] == "alignment"]
    assert own[0]["site"].startswith('1, "quoted"; 日本')


@pytest.mark.parametrize(
    ("html", "table"),
    [
        ("report.html", "report.csv"),
        ("a.b.HTM", "a.b.csv"),
        ("report", "report.csv"),
        ("report.csv", "report.csv.csv"),
    ],
)
def test_where_the_table_goes(html, table):
    assert csv_beside(Path("/data") / html) == Path("/data") / table


def test_both_paths_are_returned_and_nothing_else_stays(result, tmp_path):
    pytest.importorskip("matplotlib")
    small = replace(result, rows=result.rows[:1], similarities=(), alignments=(), fusion=(), bands=())
    for _ in range(2):
        written = write_report(tmp_path / "report.html", small)
    assert written == [tmp_path / "report.html", tmp_path / "report.csv"]
    assert sorted(tmp_path.iterdir()) == sorted(written)
    assert (tmp_path / "report.csv").read_bytes().startswith(b"kind,block_a,")


def test_files_are_replaced_together_or_not_at_all(tmp_path, monkeypatch):
    first, second = tmp_path / "a.csv", tmp_path / "b.html"
    first.write_text("old a")
    move = os.replace

    def held(source, target):
        if Path(target) == second and Path(source).name.endswith(".part"):
            raise PermissionError(13, "Permission denied")
        move(source, target)

    monkeypatch.setattr(os, "replace", held)
    with pytest.raises(InputError, match=r"cannot be written to .*b\.html"):
        replace_together({first: b"new a", second: b"new b"})
    assert first.read_text() == "old a" and sorted(tmp_path.iterdir()) == [first]
    second.write_text("old b")
    with pytest.raises(InputError, match=r"b\.html"):
        replace_together({first: b"new a", second: b"new b"})
    assert (first.read_text(), second.read_text()) == ("old a", "old b")
    assert sorted(tmp_path.iterdir()) == [first, second]


def test_a_million_sites_stay_small():
    result = replace(correlation_result(bga=False), sites=1_000_000, dropped=())
    text = numbers_csv(result, None, ["x"])
    assert len(text) < 200_000 and "not listed for more than 200,000 sites" in text
