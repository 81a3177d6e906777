"""Rows of a correlation run: who is compared with whom, who is dropped, what undefined cases give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.statistics import checks, correlate, scatter
from soundvis_core.statistics.correlate import COMBINED, correlate_blocks
from soundvis_core.statistics.costs import in_words
from soundvis_core.statistics.mantel import mantel_p, permutation_orders
from soundvis_core.statistics.multiplicity import benjamini_hochberg, holm
from soundvis_core.statistics.results import Block
from soundvis_core.statistics.similarity import pairs_of, similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")


def blocks(sites=24, seed=0, names=("sound", "street", "aerial"), width=4):
    """Blocks that share a hidden cause, so that they correlate."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=(sites, width))
    return [Block(name, cause + rng.normal(size=(sites, width))) for name in names]


def row_of(result, block_a, block_b, group="pooled"):
    (row,) = [r for r in result.rows if (r.block_a, r.block_b, r.group) == (block_a, block_b, group)]
    return row


def test_rows_and_their_order():
    result = correlate_blocks(blocks(), ["b", "a"] * 12, permutations=19)
    compared = [("sound", "street"), ("sound", "aerial"), ("sound", COMBINED), ("street", "aerial")]
    expected = [(a, b, group) for group in ("pooled", "a", "b") for a, b in compared]
    assert [(row.block_a, row.block_b, row.group) for row in result.rows] == expected
    assert result.groups == ("a", "b") and result.sites == 24
    assert [(name, width) for name, width, _ in result.blocks] == [("sound", 4), ("street", 4), ("aerial", 4)]


def test_pooled_takes_pairs_between_groups_too():
    data = blocks()
    result = correlate_blocks(data, ["a"] * 10 + ["b"] * 14, permutations=0)
    assert [row.pairs for row in result.rows[::4]] == [24 * 23 // 2, 10 * 9 // 2, 14 * 13 // 2]
    first, second = (pairs_of(similarity_matrix(block.values)) for block in data[:2])
    assert result.rows[0].r == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-12)
    inside = [pairs_of(similarity_matrix(block.values[:10])) for block in data[:2]]
    assert row_of(result, "sound", "street", "a").r == pytest.approx(np.corrcoef(*inside)[0, 1], abs=1e-12)


def test_the_first_block_is_permuted_with_the_seed():
    data = blocks(12)
    result = correlate_blocks(data[:2], None, permutations=99, seed=4)
    a, b = (similarity_matrix(block.values) for block in data[:2])
    assert result.rows[0].p("mantel") == mantel_p(a, b, permutation_orders(12, 99, 4))
    assert result == result and correlate_blocks(data[:2], None, permutations=99, seed=4).rows == result.rows


def test_a_row_does_not_depend_on_the_others():
    data = blocks()
    alone = correlate_blocks([data[0], data[2]], None, permutations=99, seed=1).rows[0]
    among = row_of(correlate_blocks(data, ["x"] * 24, permutations=99, seed=1), "sound", "aerial")
    assert [alone.p(name) for name in alone.rungs] == [among.p(name) for name in alone.rungs]
    assert replace(alone, rungs={}) == replace(among, rungs={})


def test_sites_without_values_are_dropped_counted_and_named():
    sound, street, aerial = blocks()
    sound.values[3] = np.nan
    street.values[[3, 5]] = 0.0
    street.values[7, 1] = np.nan
    result = correlate_blocks([sound, street, aerial], ["a"] * 6 + ["b"] * 18, permutations=9)
    assert [(d.index, d.block) for d in result.dropped] == [
        (3, "sound"),
        (3, "street"),
        (5, "street"),
        (7, "street"),
    ]
    counts = {
        (row.block_b, row.group): (row.sites, row.dropped, row.pairs)
        for row in result.rows[:3] + result.rows[4:7]
    }
    assert counts["street", "pooled"] == (21, 3, 210)
    assert counts["aerial", "pooled"] == (23, 1, 253)
    assert counts[COMBINED, "pooled"] == (21, 3, 210)
    assert counts["street", "a"] == (4, 2, 6)
    kept = [site for site in range(24) if site not in (3, 5, 7)]
    pairs = [pairs_of(similarity_matrix(block.values[kept])) for block in (sound, street)]
    assert result.rows[0].r == pytest.approx(np.corrcoef(*pairs)[0, 1], abs=1e-12)


def test_combined_is_the_mean_of_z_scores_over_the_row_s_pairs():
    data = blocks()
    result = correlate_blocks(data, ["a"] * 10 + ["b"] * 14, permutations=99)
    sound, street, aerial = (pairs_of(similarity_matrix(block.values[10:])) for block in data)
    z = [(pairs - pairs.mean()) / pairs.std() for pairs in (street, aerial)]
    row = row_of(result, "sound", COMBINED, "b")
    assert row.r == pytest.approx(np.corrcoef(sound, (z[0] + z[1]) / 2)[0, 1], abs=1e-12)
    assert row.p("mantel") is not None


def test_without_sound_or_with_other_names_there_is_no_combined_view():
    assert [row.block_b for row in correlate_blocks(blocks()[1:], None, permutations=0).rows] == ["aerial"]
    named = blocks(names=("sound", "street", "tags"))
    assert [row.block_b for row in correlate_blocks(named, None, permutations=0).rows] == [
        "street",
        "tags",
        "tags",
    ]


def test_single_numbers_are_compared_by_difference():
    numbers = np.arange(5.0)
    result = correlate_blocks(
        [Block("sound", numbers), Block("aerial", -2 * numbers + 1)], None, permutations=99
    )
    assert result.rows[0].r == pytest.approx(1.0, abs=1e-12) and result.rows[0].p("naive") < 1e-12
    assert all(measure == "difference" for _, _, measure in result.blocks)


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


def test_too_many_sites_name_the_limit(monkeypatch):
    monkeypatch.setattr(checks, "MAX_SITES", 20)
    with pytest.raises(InputError, match=r"24 sites.*at most 20"):
        correlate_blocks(blocks())


def test_figures_get_the_similarities_and_the_line():
    data = blocks()
    result = correlate_blocks(data, None, permutations=0)
    assert [(s.block_a, s.block_b) for s in result.similarities] == [
        (r.block_a, r.block_b) for r in result.rows
    ]
    shown = result.similarities[0]
    a, b = (pairs_of(similarity_matrix(block.values)) for block in data[:2])
    np.testing.assert_allclose(shown.a, a, atol=1e-6)
    slope, intercept = np.polyfit(a, b, 1)
    assert shown.slope == pytest.approx(slope) and shown.intercept == pytest.approx(intercept)


def test_very_many_pairs_are_sampled_for_figures(monkeypatch):
    monkeypatch.setattr(scatter, "MAX_FIGURE_PAIRS", 100)
    shown = correlate_blocks(blocks(), None, permutations=0).similarities[0]
    assert shown.pairs == 276 and len(shown.a) == len(shown.b) == 100


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


def bga_blocks(sites=24, seed=0, draws=0, names=("sound BGA", "street BGA", "aerial BGA")):
    generator = np.random.default_rng(seed)
    cause = generator.dirichlet([1, 1, 2], sites)
    found = []
    for name in names:
        values = 0.6 * cause + 0.4 * generator.dirichlet([1, 1, 2], sites)
        drawn = None
        if draws:
            drawn = np.abs(values[:, None] + 0.02 * generator.normal(size=(sites, draws, 3)))
        found.append(Block(name, values, bga=True, draws=drawn))
    return found


def compared(given):
    return [(row.block_a, row.block_b, row.category) for row in correlate_blocks(given, None, **QUICK).rows]


QUICK = {"permutations": 0, "bootstraps": 0}
CATEGORIES = ("", "biophony", "geophony", "anthrophony")


def test_bga_blocks_are_compared_with_each_other_whole_and_per_category():
    pairs = [("sound", "street"), ("sound", "aerial"), ("sound", COMBINED), ("street", "aerial")]
    expected = [(a, b, "") for a, b in pairs]
    expected += [(f"{a} BGA", f"{b} BGA", category) for a, b in pairs for category in CATEGORIES]
    assert compared(blocks() + bga_blocks()) == expected


def test_bga_in_the_plain_fields_has_categories_too():
    assert compared(bga_blocks(names=("sound", "street"))) == [("sound", "street", c) for c in CATEGORIES]


def test_kinds_are_compared_where_modalities_share_none_or_a_block_has_no_partner():
    sound, street = blocks()[:2]
    (sound_bga,) = bga_blocks(names=("sound BGA",))
    assert compared([sound_bga, street]) == [("sound BGA", "street", "")]
    assert compared([sound, street, sound_bga]) == [("sound", "street", ""), ("street", "sound BGA", "")]


def test_a_category_is_compared_by_difference():
    sound, street = bga_blocks()[:2]
    row = correlate_blocks([sound, street], None, **QUICK).rows[2]
    numbers = [pairs_of(-np.abs(b.values[:, 1:2] - b.values[:, 1:2].T)) for b in (sound, street)]
    assert row.category == "geophony" and row.r == pytest.approx(np.corrcoef(*numbers)[0, 1], abs=1e-12)


def test_measures_of_blocks_are_used_and_named():
    sound, street = (replace(block, measure="hellinger") for block in bga_blocks()[:2])
    result = correlate_blocks([sound, street], None, **QUICK)
    assert [measure for _, _, measure in result.blocks] == ["hellinger", "hellinger"]
    pairs = [pairs_of(similarity_matrix(block.values, "hellinger")) for block in (sound, street)]
    assert result.rows[0].r == pytest.approx(np.corrcoef(*pairs)[0, 1], abs=1e-12)
    assert result.rows[1].category == "biophony" and result.rows[1].r is not None


def test_reasons_told_by_the_tool_before_are_kept():
    sound, street = blocks()[:2]
    sound.values[2] = np.nan
    sound.values[5] = np.nan
    reasons = ["failed: corrupt clip" if site == 2 else "" for site in range(24)]
    dropped = correlate_blocks([replace(sound, reasons=reasons), street], None, **QUICK).dropped
    assert [(site.index, site.reason) for site in dropped] == [(2, "failed: corrupt clip"), (5, "no value")]


def test_the_ceiling_comes_from_reliabilities_of_whole_blocks():
    sound, street, aerial = blocks()
    given = [replace(sound, reliability=0.64), replace(street, reliability=0.25), aerial]
    ceilings = [row.ceiling for row in correlate_blocks(given, None, **QUICK).rows]
    assert ceilings == pytest.approx([0.4, 0.8, 0.8, 0.5])


def test_p_is_adjusted_over_all_rows_per_rung():
    result = correlate_blocks(blocks(), ["a", "b"] * 12, permutations=99, bootstraps=0)
    for name in ("naive", "mantel", "stratified"):
        rungs = [row.rungs[name] for row in result.rows if row.p(name) is not None]
        assert [rung.holm for rung in rungs] == holm([rung.p for rung in rungs])
        assert [rung.bh for rung in rungs] == benjamini_hochberg([rung.p for rung in rungs])
    assert len([row for row in result.rows if row.p("stratified") is not None]) == 4


def test_interval_and_spread_of_the_null():
    row = correlate_blocks(blocks(40)[:2], None, permutations=999, bootstraps=199).rows[0]
    assert row.interval[0] < row.r < row.interval[1]
    orders = permutation_orders(40, 999, 0)
    a, b = (similarity_matrix(block.values) for block in blocks(40)[:2])
    null = [np.corrcoef(pairs_of(a[np.ix_(order, order)]), pairs_of(b))[0, 1] for order in orders]
    assert row.null_sd == pytest.approx(np.std(null), rel=0.1)


def test_fusion_per_group_and_of_bga_blocks():
    result = correlate_blocks(blocks() + bga_blocks(), ["a", "b"] * 12, permutations=19, bootstraps=19)
    assert {(row.group, row.category) for row in result.fusion} == {
        (group, category) for group in ("pooled", "a", "b") for category in ("", "BGA")
    }
    (mean,) = [f for f in result.fusion if (f.group, f.category, f.quantity) == ("pooled", "", "z_mean")]
    assert mean.value == pytest.approx(row_of(result, "sound", COMBINED).r, abs=1e-12)
    units = [b.values / np.linalg.norm(b.values, axis=1, keepdims=True) for b in blocks()[1:]]
    both = pairs_of(similarity_matrix(np.concatenate(units, axis=1)))
    r = np.corrcoef(pairs_of(similarity_matrix(blocks()[0].values)), both)[0, 1]
    (put,) = [f for f in result.fusion if (f.group, f.category, f.quantity) == ("pooled", "", "concatenated")]
    assert put.value == pytest.approx(r, abs=1e-12)


def test_heterogeneity_needs_two_groups_of_six():
    groups = ["a"] * 10 + ["b"] * 10 + ["c"] * 4
    result = correlate_blocks(blocks(), groups, **QUICK)
    assert [(row.block_b, row.groups, row.df) for row in result.heterogeneity] == [
        ("street", 2, 1),
        ("aerial", 2, 1),
        (COMBINED, 2, 1),
        ("aerial", 2, 1),
    ]
    assert all(0 <= row.p <= 1 for row in result.heterogeneity)
    assert correlate_blocks(blocks(), ["a"] * 20 + ["b"] * 4, **QUICK).heterogeneity == ()


def test_alignments_are_each_site_s_own_r():
    sound, street, _ = blocks()
    street.values[5] = np.nan
    result = correlate_blocks([sound, street], None, **QUICK)
    (alignment,) = result.alignments
    a, b = (similarity_matrix(np.delete(block.values, 5, axis=0)) for block in (sound, street))
    assert np.isnan(alignment.r[5]) and alignment.r.shape == (24,)
    expected = np.corrcoef(np.delete(a[0], 0), np.delete(b[0], 0))[0, 1]
    assert alignment.r[0] == pytest.approx(expected, abs=1e-12)


def test_bands_are_r_over_the_draws_of_the_weights():
    sound, street, _ = bga_blocks(draws=30)
    result = correlate_blocks([sound, replace(street, draws=None)], None, permutations=199, bootstraps=0)
    assert [band.category for band in result.bands] == list(CATEGORIES)
    band, row = result.bands[0], result.rows[0]
    b = pairs_of(similarity_matrix(street.values))
    r = [np.corrcoef(pairs_of(similarity_matrix(sound.draws[:, d])), b)[0, 1] for d in range(30)]
    assert band.draws == 30 and band.median == pytest.approx(np.median(r), abs=1e-12)
    assert (band.low, band.high) == pytest.approx(tuple(np.percentile(r, [2.5, 97.5])), abs=1e-12)
    assert band.same_sign == 1.0 and row.p("mantel") <= 0.05 and band.significant > 0.9 and band.survives


def test_bands_where_the_weights_turn_the_conclusion():
    sound, street, _ = bga_blocks(draws=40)
    noise = np.random.default_rng(5).dirichlet([1, 1, 1], (24, 40))
    result = correlate_blocks([replace(sound, draws=noise), street], None, permutations=199, bootstraps=0)
    assert result.rows[0].p("mantel") <= 0.05 and result.bands[0].survives is False


def test_bands_of_nothing():
    sound, street, _ = bga_blocks(draws=5)
    sound.values[:] = sound.values[0]
    band = correlate_blocks([sound, street], None, **QUICK).bands[0]
    assert (band.draws, band.low, band.survives) == (0, None, None)
    sound, street, _ = bga_blocks(draws=5)
    sound.draws[:, 2] = np.nan
    assert correlate_blocks([sound, street], None, **QUICK).bands[0].draws == 0
    no_draws = replace(sound, draws=np.empty((24, 0, 3)))
    assert correlate_blocks([no_draws, street], None, **QUICK).bands[0].draws == 0


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
