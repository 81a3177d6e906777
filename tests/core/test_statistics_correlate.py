"""Rows of a correlation run: who is compared with whom, who is dropped, and what is told about them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soundvis_core.statistics import scatter
from soundvis_core.statistics.correlate import COMBINED, correlate_blocks
from soundvis_core.statistics.mantel import mantel_p, permutation_orders
from soundvis_core.statistics.multiplicity import benjamini_hochberg, holm
from soundvis_core.statistics.results import Block
from soundvis_core.statistics.similarity import pairs_of, similarity_matrix
from tests.builders.linked_blocks import QUICK, blocks, row_of

pytestmark = pytest.mark.filterwarnings("error")


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
