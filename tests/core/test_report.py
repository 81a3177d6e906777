"""The report: complete, self-contained, escaped, the same each time, in words that fit the numbers."""

from __future__ import annotations

import html.parser
import re
import sys
from xml.dom import minidom

import numpy as np
import pytest

from soundvis_core import dependencies
from soundvis_core.errors import InputError, MissingDependencyError
from soundvis_core.report import write_report
from soundvis_core.report.bar_figures import bar_figures
from soundvis_core.report.figures import COLOURS, colour_of
from soundvis_core.report.pair_figures import MAX_POINTS, pair_figure
from soundvis_core.report.wording import number, probability
from soundvis_core.statistics.correlate import correlate_blocks
from soundvis_core.statistics.plain_words import headline
from soundvis_core.statistics.results import Block

pytest.importorskip("matplotlib")

VOID = {"meta", "br", "path", "use", "image", "rect", "line"}


def run(sites=20, groups=None, permutations=49, names=("sound", "street", "aerial"), noise=1.0):
    rng = np.random.default_rng(5)
    cause = rng.normal(size=(sites, 4))
    blocks = [Block(name, cause + noise * rng.normal(size=(sites, 4))) for name in names]
    blocks[0].values[2:3] = np.nan
    return correlate_blocks(blocks, groups, permutations=permutations, bootstraps=19, seed=3)


class Page(html.parser.HTMLParser):
    """The text and the attributes of a page; complains about tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.tags, self.attributes = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend((tag, *pair) for pair in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend((tag, *pair) for pair in attrs)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def write(path, result, **more):
    write_report(path, result, **more)
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def test_everything_is_there(tmp_path):
    result = run(groups=["Noord", "Zuid"] * 10)
    text, page = write(
        tmp_path / "report.html",
        result,
        title="Town",
        question="Why?",
        provenance={"Tool": "SoundVis", "Layer": "sites"},
        block_fields={"sound": ["snd_emb"]},
    )
    words = " ".join(page.text)
    for wanted in (
        "Town",
        "Why?",
        "Noord",
        "Zuid",
        "sound \u2013 street+aerial",
        "assumes independent pairs (as in the paper)",
    ):
        assert wanted in words
    assert "49 permutations, seed 3" in words and "snd_emb" in words and "cosine" in words
    assert "site 3" in words and "no value" in words  # dropped, with its reason
    assert page.tags.count("svg") == 7  # bars, the ladder, both views, and a figure per pair of blocks
    places = [
        text.index(f"id='{key}'") for key in ("summary", "data", "correlations", "ladder", "provenance")
    ]
    assert places == sorted(places)
    for row in result.rows:
        assert number(row.r) in words


def test_nothing_is_loaded_from_anywhere(tmp_path):
    text, page = write(tmp_path / "report.html", run(80))
    assert not {"script", "link", "iframe", "img", "object"} & set(page.tags)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "xlink:href"):
            assert value.startswith(("#", "data:image/png;base64,")), (tag, name, value[:80])
        assert re.findall(r"url\((?!#)", value or "") == [], (tag, name, value[:80])
    assert "default-src 'none'" in text and "@import" not in text


def test_ids_are_not_used_twice(tmp_path):
    _, page = write(tmp_path / "report.html", run(groups=["a", "b"] * 10))
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids)) > 10
    used = {
        value[1:] for _, name, value in page.attributes if name.endswith("href") and value.startswith("#")
    }
    assert used <= set(ids)


def test_text_of_the_user_s_is_text(tmp_path):
    nasty = '<script>alert("1")</script> & $x_{$ \x00 \ud800 日本'
    groups = [nasty] * 10 + ["$a$"] * 10
    text, page = write(
        tmp_path / "report.html",
        run(groups=groups),
        title=nasty,
        question=nasty,
        provenance={nasty: nasty},
        block_fields={"sound": [nasty]},
        site_names=[nasty] * 20,
    )
    assert "script" not in page.tags and "\x00" not in text
    assert '<script>alert("1")</script> & $x_{$' in " ".join(page.text)
    assert "$a$" in " ".join(page.text)


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    pages = []
    for name in ("one.html", "two.html"):
        write_report(tmp_path / name, run(80, ["a", "b"] * 40, 9))
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_matplotlib_s_settings_stay_as_they_were(tmp_path):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    write_report(tmp_path / "report.html", run())
    assert dict(mpl.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_importing_the_report_does_not_import_matplotlib():
    import subprocess

    code = "import sys, soundvis_core.report; sys.exit('matplotlib' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_figures_are_well_formed_and_density_takes_over(tmp_path):
    few, many = run(20), run(100)
    assert len(few.similarities[0].a) < MAX_POINTS < len(many.similarities[0].a)
    for result in (few, many):
        for svg in [
            pair_figure(result.similarities[0], result.rows[0], result, "p-"),
            *bar_figures(result, "b-"),
        ]:
            parsed = minidom.parseString(svg)  # our own SVG, not the user's
            assert parsed.documentElement.tagName == "svg" and parsed.documentElement.hasAttribute("viewBox")
    assert "Pairs of sites per cell" in pair_figure(many.similarities[0], many.rows[0], many, "p-")


def test_every_group_has_its_bars():
    result = run(60, [f"group {number:02d}" for number in range(20)] * 3)
    figures = bar_figures(result, "b-")
    assert len(figures) == 3  # 21 with the pooled one, seven in each
    assert all(f"group {number:02d}" in "".join(figures) for number in range(20))


def test_colours_go_with_the_blocks():
    result = run()
    assert colour_of("sound", "street", result) == COLOURS["street"]
    assert colour_of("street", "aerial", result) not in COLOURS.values()
    other = run(names=("tags", "noise", "aerial"))
    assert colour_of("tags", "aerial", other) == COLOURS["aerial"]
    assert colour_of("tags", "noise", other).startswith("#")


def test_an_empty_run_still_has_a_report(tmp_path):
    text, page = write(tmp_path / "report.html", run(2, ["a", None]))
    assert "svg" not in page.tags
    assert "fewer than 3 sites" in text and "1 site without a group" in text


@pytest.mark.parametrize(
    ("street", "aerial", "expected"),
    [
        (np.full(8, np.nan), np.full(8, np.nan),
         ("Nothing could be compared: no row has an r. street: none of 8 sites has a usable value (8 no value). "
          "aerial: none of 8 sites has a usable value (8 no value).")),
        (np.full(8, np.nan), np.arange(8.0), "street: none of 8 sites has a usable value (8 no value)."),
        (np.array([1.0, 2.0, *[np.nan] * 6]), np.arange(8.0),
         "street: 2 of 8 sites have a usable value (6 no value)."),
        (np.ones(8), np.ones(8), "Nothing could be compared: no row has an r. "),
        (np.arange(8.0) ** 2, np.arange(8.0), ""),
    ],
)  # fmt: skip
def test_what_could_not_be_compared_is_the_headline(tmp_path, street, aerial, expected):
    blocks = [Block("sound", np.arange(8.0) ** 0.5), Block("street", street), Block("aerial", aerial)]
    result = correlate_blocks(blocks, None, permutations=9, bootstraps=0)
    said = headline(result)
    assert said.startswith(expected) and (expected.endswith(" ") or said == expected)
    if not street.std():
        assert said.count(". ") >= 1 and "equally similar" in said
    text, _ = write(tmp_path / "report.html", result)
    assert (f"What this says</h2><p><strong>{said}" in text) == bool(expected)


def test_negative_and_untested_rows(tmp_path):
    numbers = np.arange(8.0)
    blocks = [Block("sound", numbers), Block("street", np.abs(numbers - 3.5))]
    result = correlate_blocks(blocks, None, permutations=0, bootstraps=0)
    text, _ = write(tmp_path / "report.html", result)
    assert "no permutations were asked for" in text and "not tested by permutation" in text
    assert "1 \u2212 |difference| / range" in text


def test_many_dropped_sites_are_counted(tmp_path):
    values = np.random.default_rng(0).normal(size=(400, 3))
    empty = np.full_like(values, np.nan)
    result = correlate_blocks(
        [Block("sound", values), Block("street", empty)], None, permutations=9, bootstraps=9
    )
    text, _ = write(tmp_path / "report.html", result)
    assert "street: 400 sites, no value" in text and "And 200 more;" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\u2013"),
        (0.0123, "0.012"),
        (0.109, "0.109"),
        (1.0, "1.000"),
        (2.7e-59, "2.7 \u00d7 10\u207b\u2075\u2079"),
        (9.96e-5, "1.0 \u00d7 10\u207b\u2074"),
        (0.0, "< 10\u207b\u00b3\u2070\u2070"),
    ],
)
def test_how_p_is_written(value, text):
    assert probability(value) == text


def test_how_r_is_written():
    assert number(-0.1234) == "\u22120.123" and number(-0.0001) == "0.000" and number(None) == "\u2013"


def test_a_report_that_cannot_be_written_says_so_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"cannot be written to .*missing"):
        write_report(tmp_path / "missing" / "report.html", run())
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_report(tmp_path / "folder.html", run())
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.html"]


def test_a_failing_run_keeps_the_old_report(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def broken(module):
        raise ImportError("no module")

    monkeypatch.setattr(dependencies.importlib, "import_module", broken)
    with pytest.raises(MissingDependencyError, match=r"matplotlib.*figures of the correlation report"):
        write_report(path, run())
    assert path.read_text() == "old"
