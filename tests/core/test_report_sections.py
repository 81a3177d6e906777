"""What the parts of the report say about a full run: every number that belongs there, and no more."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.dom import minidom

import pytest

from soundvis_core.report import wording
from soundvis_core.report.bar_figures import bar_figures, category_figures
from soundvis_core.report.data_section import data_section, left_out_section
from soundvis_core.report.figures import BGA_COLOURS, in_parts
from soundvis_core.report.further_tables import (
    bands_section,
    ceiling_section,
    fusion_section,
    heterogeneity_section,
)
from soundvis_core.report.fusion_figure import fusion_figures
from soundvis_core.report.ladder_figure import LINES_PER_FIGURE, MAX_LINES, ladder_figures
from soundvis_core.report.method_section import method_section
from soundvis_core.report.numbers_table import numbers_csv
from soundvis_core.report.page import write_report
from soundvis_core.report.references import REFERENCES
from soundvis_core.report.results_tables import ladder_table, results_section, row_sentences
from soundvis_core.report.screening_table import screening_section
from soundvis_core.report.wording import advised_rung, cautions, findings, number, probability, span
from soundvis_core.statistics.results import POOLED, RUNGS, FusionRow, RuleEffect
from tests.builders.correlation_results import correlation_result, without_r

pytest.importorskip("matplotlib")

GROUPS = [f"Municipality {index:02d}" for index in range(40)]


@pytest.fixture(scope="module")
def paper():
    return correlation_result()


@pytest.fixture(scope="module")
def many():
    return correlation_result({name: 4 + index % 9 * 4 for index, name in enumerate(GROUPS)})


def texts(svg):
    """The texts of a figure, as a browser shows them."""
    found = []
    for node in minidom.parseString(svg).getElementsByTagName("text"):
        parts = [part.data for part in _leaves(node)]
        found.append("".join(parts).strip())
    return found


def _leaves(node):
    for child in node.childNodes:
        if child.nodeType == child.TEXT_NODE:
            yield child
        else:
            yield from _leaves(child)


def test_every_row_is_in_the_main_table(paper):
    html = results_section(paper)
    assert html.count("<tr>") + html.count("<tr class='noted'>") == 1 + len(paper.rows)
    row = paper.rows[0]
    for text in (
        number(row.r),
        number(row.rho),
        span(row.interval),
        f"{row.pairs:,}",
        number(row.ceiling, 2),
    ):
        assert text in html
    assert "Moran" in html and "Holm" in html


def test_columns_without_numbers_are_left_out():
    bare = correlation_result(permutations=0, bootstraps=0, ceiling=False, bga=False)
    html = results_section(bare)
    assert "95 % interval" not in html and "Ceiling" not in html and "Holm" not in html
    assert "no permutations were asked for" in html
    html = results_section(replace(bare, permutations=999))
    assert "no permutations" not in html and "Nothing could be tested by permutation" in html


def test_the_head_of_words_stands_over_the_words_whichever_columns_there_are(paper):
    """The cell of the test is marked in the head where it is in the rows."""
    for result in (
        paper,
        replace(paper, rows=tuple(replace(row, dropped=0, ceiling=None) for row in paper.rows)),
    ):
        html = results_section(result)
        head = re.findall(r"<th scope='col'(.*?)</th>", html)
        row = re.search(r"<tr[^>]*><th scope='row'.*?</tr>", html).group(0)
        cells = re.findall(r"<t[hd]([^>]*)>", row)
        marked = [index for index, text in enumerate(head) if text.startswith(" class=words")]
        assert marked == [index for index, text in enumerate(cells) if "test" in text]
        assert head[marked[0]].startswith(" class=words>Test<")


def test_every_rung_is_in_the_ladder_table_with_its_adjustments_and_note(paper):
    html = ladder_table(paper)
    assert html.count("<td class='number read'>") == len(paper.rows)
    partial = paper.rows[0].rungs["partial"]
    assert number(partial.statistic) in html
    row = paper.rows[0]
    same = replace(row, rungs={**row.rungs, "partial": replace(partial, statistic=row.r)})
    assert f"<span class='beside'>{number(row.r)}</span>" in ladder_table(replace(paper, rows=(same,)))
    assert f"BH, of {sum(row.p('mantel') is not None for row in paper.rows)}<" in html
    assert "Within one group it is the Mantel test." in html
    assert html.count("<li") == 1  # the same note is told once


def test_ladder_figures_show_every_row_and_fit_a_page(paper, many):
    figures, left = ladder_figures(paper, "l-")
    words = [word for svg in figures for word in texts(svg)]
    assert left == 0 and words.count("London") == len([row for row in paper.rows if row.group == "London"])
    assert all(f"{row.block_a} \u2013 {row.block_b}" in " ".join(words) for row in paper.rows)
    for svg in figures:
        width, height = (float(part) for part in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
        assert height / width * 180 < 260  # millimetres on A4
    figures, left = ladder_figures(many, "l-")
    drawn = [word for svg in figures for word in texts(svg) if word in GROUPS or word == "All sites"]
    assert len(drawn) == MAX_LINES and left == len(many.rows) - MAX_LINES
    assert LINES_PER_FIGURE < MAX_LINES


def test_the_ladder_is_shown_without_intervals_or_permutations():
    bare = correlation_result(permutations=0, bootstraps=0, bga=False)
    bare = replace(bare, rows=tuple(replace(row, null_sd=None, advised="") for row in bare.rows))
    (svg,), _ = ladder_figures(bare, "l-")
    assert "naive" in texts(svg) and "Mantel" not in texts(svg)
    assert ladder_figures(replace(bare, rows=tuple(without_r(row, "x") for row in bare.rows)), "l-") == (
        [],
        0,
    )


def test_whiskers_of_very_few_sites_are_cut_not_the_axis():
    result = correlation_result({"Big": 90, "Tiny": 4}, bga=False)
    rows = [replace(row, interval=(-1.0, 1.0)) if row.group == "Tiny" else row for row in result.rows]
    (svg,), _ = ladder_figures(replace(result, rows=tuple(rows)), "l-")
    assert not {"1.0", "\u22121.0"} & set(texts(svg))


def test_bars_have_intervals_and_categories_their_colours(paper, many):
    (first, second) = bar_figures(paper, "b-")
    assert {"sound \u2013 street", "London", "97 sites", "0.20"} <= set(texts(first)) | set(
        " ".join(texts(first)).split("\n")
    )
    assert "sound BGA \u2013 street BGA" in texts(second)
    figures, half = category_figures(paper, "c-")
    assert half and len(figures) == 4
    for svg in figures:
        assert all(colour.lower() in svg.lower() for colour in BGA_COLOURS.values())
    figures, half = category_figures(many, "c-")
    assert half and len(figures) == 4 and all("All sites" in texts(svg) for svg in figures)


def test_the_bga_colours_are_those_of_the_layers():
    from pathlib import Path

    source = Path(__file__).parents[2].joinpath("soundvis_qgis", "layers", "colours.py").read_text("utf-8")
    for name, colour in BGA_COLOURS.items():
        red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
        assert f"{name.upper()}: RGB = ({red}, {green}, {blue})" in source


def test_sites_used_and_left_out_are_counted_per_group_and_block(paper):
    html = data_section(paper, {"sound BGA": ["bio", "geo", "ant"]})
    assert "bio</bdi>, <bdi>geo" in html and "1 \u2212 Aitchison distance" in html
    london = re.search(r"<tr><th scope='row'><bdi>London</bdi></th>(.*?)</tr>", html).group(1)
    assert re.sub(r"<[^>]+>", " ", london).split() == "98 97 1 left out 97 1 left out 98 98 98 98".split()  # noqa: SIM905
    assert "street (<bdi>London</bdi>): 1 site, no value" in html
    assert "HTTP 404" in left_out_section(paper, None)


def test_ungrouped_sites_have_their_line(paper):
    labels = (None, *paper.site_groups[1:])
    html = data_section(replace(paper, site_groups=labels, ungrouped=(0,)), {})
    assert "<bdi>without a group</bdi></th><td class='number'>1</td>" in html
    assert "1 site without a group: in the pooled rows only" in html


def test_both_views_are_told_in_numbers_and_bars(paper):
    html = fusion_section(paper)
    row = next(row for row in paper.fusion if row.quantity == "unique_street")
    assert f"{number(100 * row.value, 1)} %" in html and "<svg" in html
    (svg,) = fusion_figures(paper, "f-")
    shares = ("unique_street", "unique_aerial", "shared")
    total = sum(row.value for row in paper.fusion if row.group == POOLED and row.quantity in shares)
    assert f"{number(100 * total, 1)} % in all" in texts(svg)
    noted = replace(
        paper, fusion=(FusionRow(POOLED, "", "z_mean", None, note="all pairs are equally similar in street"),)
    )
    html = fusion_section(noted)
    assert "all pairs are equally similar in street" in html and "<svg" not in html
    assert fusion_section(replace(paper, fusion=())) == ""


def test_heterogeneity_ceiling_and_weights_are_told(paper):
    html = heterogeneity_section(paper)
    row = paper.heterogeneity[0]
    assert (
        "Welch's F" in html
        and number(row.q, 2) in html
        and ("groups differ" in html or "no difference" in html)
    )
    html = ceiling_section(paper)
    row = paper.rows[0]
    assert number(row.ceiling, 2) in html and f"{number(100 * row.r / row.ceiling, 0)} %" in html
    html = bands_section(paper)
    survive = sum(bool(band.survives) for band in paper.bands)
    assert f"{survive} of {len(paper.bands)} conclusions" in html and html.count(">survives<") == survive
    band = paper.bands[0]
    for rung, mark in (("mantel", False), ("moran", True)):
        rows = tuple(replace(row, advised=rung) for row in paper.rows)
        html = bands_section(replace(paper, bands=(replace(band, judged_by="mantel"),), rows=rows))
        assert ("Mantel *" in html) == ("drawn anew" in html) == mark
    none = replace(
        paper, bands=(), heterogeneity=(), rows=tuple(replace(row, ceiling=None) for row in paper.rows)
    )
    assert bands_section(none) == heterogeneity_section(none) == ceiling_section(none) == ""


def test_the_method_tells_what_was_used_and_cites_it(paper):
    html = method_section(paper)
    assert "Moran spectral randomisation" in html and "10.1111/2041-210X.13141" in html
    assert "elevation" in html and "999 permutations" in html
    cited = [int(text) for text in re.findall(r"<sup>(\d+)</sup>", html)]
    assert sorted(set(cited)) == list(range(1, html.count("<li>") + 1))
    assert html.count("<li>") == len(REFERENCES)
    bare = correlation_result(permutations=0, bootstraps=0, ceiling=False, bga=False)
    bare = replace(bare, bands=(), fusion=(), heterogeneity=(), alignments=())
    assert "Moran" not in method_section(bare) and "bootstrap" not in method_section(bare)


def test_rows_within_groups_are_told_in_words(paper):
    html = row_sentences(paper)
    told = [row for row in paper.rows if row.group != POOLED or row.category]
    assert html.count("<td>") == len(told)


def test_findings_lead_with_the_number(paper):
    lead, words = findings(paper)[0]
    assert lead == "sound \u2013 street: r = 0.19."
    assert words.startswith("Places that") and words.endswith(
        "By group it runs from 0.14 (New York City) to 0.26 (Tokyo)."
    )
    lost = replace(paper, rows=tuple(without_r(row, "no value") for row in paper.rows))
    assert findings(lost)[0] == ("sound \u2013 street.", "Nothing can be said: no value.")


def test_cautions_follow_from_the_numbers(paper):
    said = " ".join(cautions(paper))
    naive = [row for row in paper.rows if row.p("naive") <= 0.05]
    lost = [row for row in naive if advised_rung(row).p > 0.05]
    assert (
        f"naive test finds {len(naive)} rows significant; the advised tests do not support {len(lost)}"
        in said
    )
    assert f"{len(paper.rows)} rows were tested" in said and "Holm" in said and "different groups" in said
    few = correlation_result({"Big": 40, "Tiny": 4}, permutations=9)
    said = " ".join(cautions(few))
    assert (
        "fewer than 6 sites" in said
        and "Tiny" in said
        and "smallest possible p of a permutation test is 0.100" in said
    )
    above = replace(paper, rows=tuple(replace(row, ceiling=0.1) for row in paper.rows))
    assert "above its noise ceiling" in " ".join(cautions(above))
    alone = correlation_result({}, bga=False)
    alone = replace(alone, rows=alone.rows[:1])
    assert "different groups" not in " ".join(cautions(alone)) and "rows were tested" not in " ".join(
        cautions(alone)
    )


def test_spearman_is_named_wherever_a_number_is_its(tmp_path):
    result = correlation_result(method="spearman", bga=False)
    write_report(tmp_path / "report.html", result)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "rho = 0.18" in text and "Spearman's rho" in text and "95 % interval<small>of rho</small>" in text
    assert number(wording.tested(result.rows[0]), 3) in text


@pytest.mark.filterwarnings("error")
def test_any_names_make_a_whole_page(tmp_path):
    long = "A very long name of a municipality, written out in full, with its province and its country"
    names = {
        long: 17,
        "$x_{1}$ <b>&": 9,
        "بيروت": 12,
        "東京都特別区部": 8,
        "\u202eturned\u202c": 7,
        long.replace(" ", ""): 6,
    }
    write_report(tmp_path / "report.html", correlation_result(names, bga=False))
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "<b>&" not in text.replace("<b>&amp;", "") and "&lt;b&gt;&amp;" in text
    assert "<bdi>بيروت</bdi>" in text
    assert "\u202e" not in text


@pytest.mark.filterwarnings("error")
def test_rows_without_r_leave_holes_not_errors(tmp_path):
    result = correlation_result()
    rows = tuple(
        without_r(row, "all pairs are equally similar in street")
        if "street" in row.block_b or row.group == "Tokyo"
        else row
        for row in result.rows
    )
    write_report(tmp_path / "report.html", replace(result, rows=rows, alignments=()))
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "All pairs are equally similar in street." in text and ">nan" not in text.lower()


def test_the_ladder_says_each_rung_in_words(tmp_path):
    write_report(tmp_path / "report.html", correlation_result(bga=False))
    text = (tmp_path / "report.html").read_text("utf-8")
    for words in RUNGS.values():
        assert words[1:] in text


def test_parts_are_of_nearly_the_same_length():
    assert [len(part) for part in in_parts(list(range(15)), 7)] == [5, 5, 5]
    assert in_parts([], 7) == []


def test_p_in_words_keeps_its_digits():
    assert probability(0.0004) == "4.0 \u00d7 10\u207b\u2074" and number(float("nan")) == "\u2013"


def test_screening_is_told_per_rule_and_group(paper):
    assert screening_section(paper) == ""
    effects = (
        RuleEffect("scr_keep_<speech>", "sound", "street", POOLED, "", 158, 20, 0.19, 0.24, (0.16, 0.21)),
        RuleEffect("scr_keep_<speech>", "sound", "street", "Tokyo", "", 32, 31, 0.26, None, None, "too few"),
        RuleEffect("st_keep", "sound BGA", "street BGA", POOLED, "biophony", 158, 3, 0.1, 0.1, (0.08, 0.12)),
    )
    result = replace(paper, screening=effects)
    part = screening_section(result)
    assert "scr_keep_&lt;speech&gt;" in part and "<strong>0.240</strong>" in part and "0.160 to 0.210" in part
    assert "Tokyo" in part and "too few" in part and "st_keep" not in part  # categories are in the CSV file
    lines = [line for line in numbers_csv(result).splitlines() if line.startswith("screening")]
    assert len(lines) == 9 and any("st_keep" in line for line in lines)
    # The note stands by the number that it is about.
    assert [line.split(",")[6] for line in lines if "too few" in line] == ["r without"]


def test_the_adjusted_p_of_the_table_are_explained(paper):
    """Holm and BH head columns: the words above the table say what they are, and where the rest is told."""
    text = results_section(paper)
    assert "Holm, BH: p adjusted for the number of rows that have the same test." in text
    assert "<a href='#method'>Method</a>" in text
    bare = tuple(
        replace(
            row,
            rungs={name: replace(rung, holm=None, bh=None) for name, rung in row.rungs.items()},
        )
        for row in paper.rows
    )
    assert "Holm" not in results_section(replace(paper, rows=bare))
