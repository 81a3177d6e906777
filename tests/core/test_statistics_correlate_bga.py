"""BGA blocks in a correlation run: rows per category, measures, fusion, and what the weights' uncertainty does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soundvis_core.statistics.bands import judged_by
from soundvis_core.statistics.correlate import COMBINED, correlate_blocks
from soundvis_core.statistics.results import Block, CorrelationRow, Rung
from soundvis_core.statistics.similarity import pairs_of, similarity_matrix
from tests.builders.linked_blocks import QUICK, bga_blocks, blocks, row_of

pytestmark = pytest.mark.filterwarnings("error")

CATEGORIES = ("", "biophony", "geophony", "anthrophony")


def compared(given):
    return [(row.block_a, row.block_b, row.category) for row in correlate_blocks(given, None, **QUICK).rows]


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


def test_only_vectors_compared_by_cosine_are_put_together():
    shares = [replace(block, measure="hellinger") for block in bga_blocks()]
    for given in (shares, [Block(block.name, block.values[:, :1]) for block in blocks()]):
        assert "concatenated" not in [row.quantity for row in correlate_blocks(given, None, **QUICK).fusion]


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


def row_advised(advised: str, **p: float) -> CorrelationRow:
    rungs = {name: Rung(name, 0.3, value) for name, value in p.items()}
    return CorrelationRow("sound BGA", "street BGA", "pooled", 24, 0, 276, 0.3, rungs=rungs, advised=advised)


def test_bands_are_judged_by_the_advised_rung_or_the_strictest_before_it():
    every = {"mantel": 0.01, "stratified": 0.2, "partial": 0.3, "moran": 0.4}
    told = {name: judged_by(row_advised(name, **every)) for name in every}
    assert told == {
        "mantel": "mantel",
        "stratified": "stratified",
        "partial": "stratified",
        "moran": "stratified",
    }
    assert judged_by(row_advised("moran", mantel=0.01, moran=0.4)) == "mantel"
    assert judged_by(row_advised("")) == "mantel"


def test_bands_where_groups_alone_make_the_link():
    generator, city = np.random.default_rng(8), np.repeat([0, 1], 30)
    means = np.array([[12.0, 3.0, 5.0], [3.0, 9.0, 8.0]])
    values = [np.array([generator.dirichlet(means[group]) for group in city]) for _ in range(2)]
    given = [Block(name, v, bga=True) for name, v in zip(("sound BGA", "street BGA"), values)]
    given[0] = replace(given[0], draws=np.repeat(values[0][:, None], 20, axis=1))
    result = correlate_blocks(given, [f"city {group}" for group in city], permutations=499, bootstraps=0)
    row, band = result.rows[0], result.bands[0]
    assert row.advised == "stratified" == band.judged_by
    # Draws that are all alike say what the row says: nothing by the stratified test, a link by the Mantel test.
    assert row.p("mantel") <= 0.01 and row.p("stratified") > 0.05
    assert (band.same_sign, band.significant, band.survives) == (1.0, 0.0, True)
    assert {band.judged_by for band in result.bands if band.group != "pooled"} == {"mantel"}


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
