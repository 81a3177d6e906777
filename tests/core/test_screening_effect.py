"""r with and without the sites that a rule drops, against the run itself on the sites that are left."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.screening import effect
from soundvis_core.screening.effect import ALL_RULES, rule_effects, rules_of
from soundvis_core.statistics.correlate import correlate_blocks
from soundvis_core.statistics.results import Block

pytestmark = pytest.mark.filterwarnings("error")
SITES = 40


@pytest.fixture(scope="module")
def blocks():
    rng = np.random.default_rng(4)
    sound = rng.normal(size=(SITES, 6))
    street = sound + rng.normal(0, 1.0, (SITES, 6))
    aerial = rng.normal(size=(SITES, 3)) + sound[:, :3]
    sound[5] = np.nan
    bga = rng.dirichlet((1, 1, 1), SITES)
    return [
        Block("sound", sound), Block("street", street), Block("aerial", aerial),
        Block("sound BGA", bga, bga=True), Block("street BGA", np.roll(bga, 1, axis=0), bga=True),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def keep():
    speech, night = np.ones(SITES), np.ones(SITES)
    speech[[1, 2, 3, 5, 20]] = 0
    night[[2, 30, 31]] = 0
    night[8] = np.nan
    return {"speech": speech, "night": night}


GROUPS = ["A" if site < 22 else "B" for site in range(SITES)]


def subset(blocks, kept):
    return [Block(one.name, one.values[kept], bga=one.bga) for one in blocks]


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_each_r_is_that_of_a_run_on_the_sites_that_are_left(blocks, keep, method):
    found = rule_effects(blocks, GROUPS, keep, method=method, random_drops=0)
    kept = {name: values != 0 for name, values in keep.items()}
    kept[ALL_RULES] = kept["speech"] & kept["night"]
    plain = {"permutations": 0, "bootstraps": 0, "method": method}
    every = correlate_blocks(blocks, GROUPS, **plain)
    runs = {
        name: correlate_blocks(subset(blocks, stay), np.array(GROUPS)[stay].tolist(), **plain)
        for name, stay in kept.items()
    }
    assert len(found) == 3 * len(every.rows)
    coefficient = "rho" if method == "spearman" else "r"
    keyed = {(e.rule, e.block_a, e.block_b, e.category, e.group): e for e in found}
    for name, run in runs.items():
        for whole, row in zip(every.rows, run.rows):
            effect = keyed[name, row.block_a, row.block_b, row.category, row.group]
            assert (effect.sites, effect.sites - effect.lost) == (whole.sites, row.sites)
            assert effect.r == pytest.approx(getattr(whole, coefficient), abs=1e-12)
            assert effect.r_without == pytest.approx(getattr(row, coefficient), abs=1e-12)


def test_sites_lost_are_those_that_the_row_used(blocks, keep):
    found = {(e.rule, e.group): e for e in rule_effects(blocks[:2], GROUPS, keep, random_drops=0)}
    # Site 5 has no sound, so the rule cannot take it from the row.
    assert [found["speech", group].lost for group in ("pooled", "A", "B")] == [4, 4, 0]
    assert [found["night", group].lost for group in ("pooled", "A", "B")] == [3, 1, 2]
    assert found[ALL_RULES, "pooled"].lost == 6
    assert found["speech", "B"].r_without == found["speech", "B"].r


def test_the_advice_beside_its_own_rules_is_no_further_rule(blocks, keep):
    names = ["h_keep", "h_keep_speech", "h_keep_wind", "st_scr_keep_night", "other_keep"]
    assert rules_of(names) == ["h_keep_speech", "h_keep_wind", "st_scr_keep_night", "other_keep"]
    assert rules_of(["scr_keep", "st_scr_keep"]) == ["scr_keep", "st_scr_keep"]
    advice = np.minimum(keep["speech"], np.nan_to_num(keep["night"], nan=1.0))
    advice[35] = 0  # by windows that two rules mask, each too few
    given = {"h_keep": advice, "h_keep_speech": keep["speech"], "h_keep_night": keep["night"]}
    found = {e.rule: e.lost for e in rule_effects(blocks[1:3], None, given, random_drops=0)}
    assert found == {"h_keep": 8, "h_keep_speech": 5, "h_keep_night": 3, ALL_RULES: 7}
    del given["h_keep_night"]
    assert [e.rule for e in rule_effects(blocks[1:3], None, given, random_drops=0)] == list(given)


def test_where_r_lies_if_as_many_are_dropped_at_random(blocks, keep):
    (found,) = rule_effects(blocks[1:3], None, {"speech": keep["speech"]}, seed=3)
    street, aerial = blocks[1].values, blocks[2].values
    rng = np.random.default_rng(9)
    drawn = []
    for _ in range(400):
        stay = np.sort(rng.choice(SITES, SITES - 5, replace=False))
        run = rule_effects(
            [Block("street", street[stay]), Block("aerial", aerial[stay])], None, {"x": np.ones(len(stay))}
        )
        drawn.append(run[0].r)
    np.testing.assert_allclose(found.random, np.percentile(drawn, [2.5, 97.5]), atol=0.01)
    again = rule_effects(blocks[1:3], None, {"speech": keep["speech"]}, seed=3)
    assert again == [found]


def test_a_rule_that_drops_nobody_or_nearly_everybody(blocks):
    none, most = np.ones(SITES), np.zeros(SITES)
    most[:2] = 1
    first, second, both = rule_effects(blocks[1:3], None, {"none": none, "most": most})
    assert (first.lost, first.r_without, first.random) == (0, first.r, None)
    assert (second.lost, second.r_without, second.note) == (38, None, "fewer than 3 sites")
    assert second.r == first.r and (second.note_all, first.note, second.random) == ("", "", None)
    assert both.rule == ALL_RULES and both.r_without is None


def test_constant_blocks_have_no_r(blocks, keep):
    constant = Block("flat", np.ones((SITES, 2)))
    (found,) = rule_effects([blocks[1], constant], None, {"speech": keep["speech"]})
    assert found.r is None and found.r_without is None and "equally similar" in found.note
    assert found.note_all == found.note


def test_a_group_of_two_has_no_r_by_its_number(blocks):
    groups = ["pair"] * 2 + ["rest"] * (SITES - 2)
    pooled, pair, rest = rule_effects(blocks[1:3], groups, {"none": np.ones(SITES)})
    assert (pair.group, pair.r, pair.note, pair.note_all) == ("pair", None, *["fewer than 3 sites"] * 2)
    assert not pooled.note and not rest.note


def test_many_sites_are_sampled(blocks, keep, monkeypatch):
    monkeypatch.setattr(effect, "MOST_SITES", 25)
    (found,) = rule_effects(blocks[1:3], None, {"speech": keep["speech"]})
    assert (found.sites, found.lost) == (40, 5)
    assert found.note == found.note_all == "on a random sample of 25 sites" and found.r is not None


def test_what_is_no_keep_field_is_refused(blocks):
    with pytest.raises(InputError, match="other numbers than 1"):
        rule_effects(blocks[1:3], None, {"scr_speech": np.full(SITES, 0.3)})
    with pytest.raises(InputError, match="39 values for 40 sites"):
        rule_effects(blocks[1:3], None, {"x": np.ones(SITES - 1)})


def test_a_user_can_stop(blocks, keep):
    class Stop(NoProgress):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        rule_effects(blocks, GROUPS, keep, progress=Stop())
