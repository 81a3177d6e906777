"""Undefined cases, settings that do not fit, progress and cancel of a correlation run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.statistics import checks, correlate
from soundvis_core.statistics.correlate import COMBINED, correlate_blocks
from soundvis_core.statistics.costs import in_words
from soundvis_core.statistics.results import Block
from tests.builders.linked_blocks import QUICK, bga_blocks, blocks, row_of

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("sites", [0, 1, 2])
def test_too_few_sites(sites):
    result = correlate_blocks(blocks(sites), None, permutations=99)
    for row in result.rows:
        assert (row.r, row.p("naive"), row.p("mantel")) == (None, None, None)
        assert row.sites == sites and "fewer than 3 sites" in row.note


def test_three_sites_are_enough():
    result = correlate_blocks(blocks(3), None, permutations=99)
    assert result.rows[0].pairs == 3 and -1 <= result.rows[0].r <= 1
    assert result.rows[0].p("mantel") > 0.1  # six orders only


def test_a_constant_block_leaves_r_undefined_and_says_why():
    sound, street, aerial = blocks()
    street.values[:] = street.values[0]
    result = correlate_blocks([sound, street, aerial], None, permutations=9)
    row = row_of(result, "sound", "street")
    assert (row.r, row.p("naive"), row.p("mantel")) == (None, None, None)
    assert row.note == "all pairs are equally similar in street" and row.sites == 24
    assert "street" in row_of(result, "sound", COMBINED).note
    assert row_of(result, "sound", "aerial").r is not None


def test_a_group_of_two_and_sites_without_a_group():
    result = correlate_blocks(
        blocks(), ["a"] * 2 + ["b"] * 18 + [None, "", "  ", float("nan")], permutations=9
    )
    assert result.groups == ("a", "b") and result.ungrouped == (20, 21, 22, 23)
    assert row_of(result, "sound", "street", "a").r is None
    assert row_of(result, "sound", "street", "b").sites == 18
    assert row_of(result, "sound", "street").sites == 24


def test_a_group_called_pooled_is_told_apart():
    result = correlate_blocks(blocks(), ["pooled"] * 24, permutations=9)
    assert result.groups == ("pooled (group)",)
    assert row_of(result, "sound", "street", "pooled (group)").r == row_of(result, "sound", "street").r


def test_duplicate_sites_are_pairs_like_any_other():
    data = [Block(block.name, np.repeat(block.values, 2, axis=0)) for block in blocks(6)]
    row = correlate_blocks(data, None, permutations=99).rows[0]
    assert row.sites == 12 and row.pairs == 66 and row.r is not None


def test_no_permutations_leave_p_mantel_out():
    row = correlate_blocks(blocks(), None, permutations=0).rows[0]
    assert row.p("mantel") is None and row.r is not None and row.p("naive") is not None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"blocks": blocks()[:1]}, "at least two blocks"),
        ({"blocks": [blocks()[0], blocks()[0]]}, "two blocks called 'sound'"),
        ({"blocks": [blocks(5)[0], blocks(6)[1]]}, "sound 5, street 6"),
        ({"blocks": [blocks(5)[0], Block("street", np.empty((5, 0)))]}, "'street' has no values"),
        ({"blocks": blocks(), "groups": ["a"]}, "1 groups for 24 sites"),
        ({"blocks": blocks(), "permutations": -1}, "cannot be negative"),
        ({"blocks": blocks(), "seed": -1}, "seed is -1"),
    ],
)
def test_blocks_that_do_not_fit(arguments, says):
    with pytest.raises(InputError, match=says):
        correlate_blocks(**arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"bootstraps": -1}, "cannot be negative"),
        ({"method": "kendall"}, "no method 'kendall'"),
        ({"lonlat": np.zeros((3, 2))}, "coordinates"),
        ({"controls": [("x", np.zeros(3))]}, "control field 'x' has 3 values"),
        ({"controls": [("x", np.zeros(24)), ("x", np.zeros(24))]}, "given twice"),
        ({"blocks": [Block("a", np.ones((24, 2)), bga=True), *blocks()]}, "has 2 fields"),
        ({"blocks": [*blocks(), Block(COMBINED, np.ones((24, 2)))]}, "two blocks called"),
        ({"blocks": [replace(blocks()[0], reliability=1.2), *blocks()[1:]]}, "between 0 and 1"),
        ({"blocks": [replace(bga_blocks()[0], draws=np.ones((3, 4, 3))), *bga_blocks()[1:]]}, "draws of the"),
        ({"blocks": [replace(blocks()[0], reasons=[""]), *blocks()[1:]]}, "1 reasons for 24"),
    ],
)
def test_settings_that_do_not_fit(arguments, says):
    with pytest.raises(InputError, match=says):
        correlate_blocks(**{"blocks": blocks(), **arguments})


def test_too_many_sites_name_the_limit(monkeypatch):
    monkeypatch.setattr(checks, "MAX_SITES", 20)
    with pytest.raises(InputError, match=r"24 sites.*at most 20"):
        correlate_blocks(blocks())


def test_progress_rises_to_the_end_and_cancel_is_honoured():
    class Watch(NoProgress):
        def __init__(self, patience):
            self.seen = []
            self.patience = patience

        def report(self, fraction):
            self.seen.append(fraction)

        def cancelled(self):
            self.patience -= 1
            return self.patience < 0

    watch = Watch(10**6)
    correlate_blocks(blocks(), ["a", "b"] * 12, permutations=50, progress=watch)
    assert watch.seen == sorted(watch.seen) and watch.seen[-1] == 1.0 and 0 <= watch.seen[0]
    with pytest.raises(Cancelled):
        correlate_blocks(blocks(), ["a", "b"] * 12, permutations=50, progress=Watch(4))


@pytest.mark.parametrize(("sites", "orders", "floor"), [(3, 6, "0.17"), (4, 24, "0.042"), (5, 120, "0.0083")])
def test_rows_of_few_sites_say_how_small_p_can_be(sites, orders, floor):
    generator = np.random.default_rng(3)
    blocks = [Block(name, generator.normal(size=(sites, 4))) for name in ("sound", "street")]
    row = correlate_blocks(blocks, permutations=99).rows[0]
    assert (
        row.note == f"only {sites} sites: they have {orders} orders, so the Mantel p cannot be below {floor}"
    )


def test_rows_of_enough_sites_have_no_note():
    generator = np.random.default_rng(3)
    blocks = [Block(name, generator.normal(size=(6, 4))) for name in ("sound", "street")]
    assert correlate_blocks(blocks, permutations=9).rows[0].note == ""


def test_a_long_run_says_how_long(monkeypatch):
    told = []

    class Listen(NoProgress):
        def info(self, text):
            told.append(text)

    correlate_blocks(blocks(), None, **QUICK, progress=Listen())
    assert told == []
    monkeypatch.setattr(correlate, "WORTH_SAYING", 0.0)
    correlate_blocks(blocks(), None, **QUICK, progress=Listen())
    assert told == ["This run takes about 10 seconds. Fewer permutations or bootstraps take less."]
    assert [in_words(seconds) for seconds in (44, 200, 9000)] == [
        "about 50 seconds",
        "about 3 minutes",
        "about 3 hours",
    ]


def test_equal_runs_are_equal_with_everything_on():
    given, groups = blocks() + bga_blocks(draws=5), ["a", "b"] * 12
    lonlat = np.random.default_rng(1).uniform(-0.1, 0.1, (24, 2))
    options = {"permutations": 19, "bootstraps": 19, "lonlat": lonlat, "controls": [("x", lonlat[:, 0])]}
    first, second = (correlate_blocks(given, groups, **options) for _ in range(2))
    assert first.rows == second.rows and first.fusion == second.fusion and first.bands == second.bands
    assert first.site_groups == ("a", "b") * 12 and first.controls == ("x",)
    values = [
        number
        for row in first.rows
        for number in (row.r, row.rho, row.null_sd, *(row.interval or ()), *(r.p for r in row.rungs.values()))
        if number is not None
    ]
    assert np.isfinite(values).all()


@pytest.mark.parametrize("method", ["pearson", "spearman"])
@pytest.mark.parametrize("sites", [0, 1, 2, 3, 4, 5, 8])
def test_any_number_of_sites_has_a_defined_outcome(sites, method):
    given = blocks(sites) + bga_blocks(sites, draws=3)
    places = np.random.default_rng(sites).uniform(-0.1, 0.1, (sites, 2))
    groups = [str(site % 3) for site in range(sites)]
    result = correlate_blocks(
        given,
        groups,
        permutations=9,
        bootstraps=9,
        method=method,
        lonlat=places,
        controls=[("x", places[:, 1])],
    )
    for row in result.rows:
        assert row.says and (row.r is not None or row.note)
        assert all(rung.p is None or 0 < rung.p <= 1 for rung in row.rungs.values() if rung.name != "naive")
