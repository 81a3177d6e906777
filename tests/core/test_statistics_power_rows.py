"""The power of every row of a run: against the plan of each pair by itself, and by drawn permutations."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.statistics import power_rows as module
from soundvis_core.statistics.power_rows import power_rows
from soundvis_core.statistics.results import Block
from soundvis_core.statistics.similarity import mean_of_z_scores, pairs_of, similarity_matrix
from tests.builders.power_of_pair import power_of

pytestmark = pytest.mark.filterwarnings("error")

GENERATOR = np.random.default_rng(3)
SITES = 40
SOUND, STREET, AERIAL = (GENERATOR.normal(0.5, 1.0, (SITES, width)) for width in (5, 6, 7))
CITIES = ["Lima"] * 22 + ["Oslo"] * 18


def blocks():
    return [Block("sound", SOUND), Block("street", STREET), Block("aerial", AERIAL)]


def test_a_row_per_pair_and_group():
    rows = power_rows(blocks(), CITIES)
    pairs = [("sound", "street"), ("sound", "aerial"), ("sound", "street+aerial"), ("street", "aerial")]
    assert [(row.block_a, row.block_b) for row in rows] == pairs * 3
    assert [row.group for row in rows] == ["pooled"] * 4 + ["Lima"] * 4 + ["Oslo"] * 4
    assert [row.sites for row in rows] == [40] * 4 + [22] * 4 + [18] * 4
    assert {row.note for row in rows} == {""}


def test_the_numbers_are_those_of_each_pair_by_itself():
    rows = power_rows(blocks(), None, (0.15, 0.4), 0.01, 0.9)
    views = [similarity_matrix(values) for values in (SOUND, STREET, AERIAL)]
    seen = [views[1], views[2], mean_of_z_scores(views[1], views[2])]
    for row, view in zip(rows, seen):
        for target in row.targets:
            plan = power_of(views[0], view, target.r, 0.01, 0.9)
            assert (row.null_sd, row.detectable_r) == (plan.null_sd, plan.detectable_r)
            assert (target.power, target.sites_needed) == (plan.power_at_target, plan.sites_needed)


def test_the_spread_by_chance_is_that_of_permutations():
    (row,) = power_rows(blocks()[:2])
    sound, street = similarity_matrix(SOUND), pairs_of(similarity_matrix(STREET))
    orders = np.random.default_rng(0)
    found = []
    for _ in range(3000):
        order = orders.permutation(SITES)
        found.append(np.corrcoef(pairs_of(sound[np.ix_(order, order)]), street)[0, 1])
    assert row.null_sd == pytest.approx(np.std(found), rel=0.05)
    # Found with a chance of .8, so beyond what chance gives in all but .05 of the runs.
    assert row.detectable_r > 1.96 * row.null_sd


def test_weaker_links_and_stricter_tests_take_more_sites():
    def needed(*asked):
        return [target.sites_needed for target in power_rows(blocks()[:2], None, *asked)[0].targets]

    plain = needed((0.1, 0.2, 0.3), 0.05, 0.8)
    assert plain == sorted(plain, reverse=True) and len(set(plain)) == 3
    assert all(more > few for more, few in zip(needed((0.1, 0.2, 0.3), 0.01, 0.8), plain))
    assert all(more > few for more, few in zip(needed((0.1, 0.2, 0.3), 0.05, 0.95), plain))


def test_categories_of_bga_blocks():
    shares = [GENERATOR.dirichlet([2, 2, 2], SITES) for _ in range(2)]
    rows = power_rows([Block("sound BGA", shares[0], bga=True), Block("street BGA", shares[1], bga=True)])
    assert [row.category for row in rows] == ["", "biophony", "geophony", "anthrophony"]
    numbers = [similarity_matrix(values[:, 1:2]) for values in shares]
    assert rows[2].null_sd == power_of(*numbers).null_sd


def test_rows_that_tell_nothing_say_why():
    sound = SOUND.copy()
    sound[:37] = np.nan
    (few,) = power_rows([Block("sound", sound), Block("street", STREET)])
    assert (few.sites, few.null_sd, few.targets) == (3, None, ())
    assert few.note == "fewer than 6 sites have a value in sound and street"
    (same,) = power_rows([Block("sound", np.ones((9, 4))), Block("street", STREET[:9])])
    assert same.note == "all pairs are equally similar in sound" and same.detectable_r is None


def test_many_sites_are_sampled(monkeypatch):
    monkeypatch.setattr(module, "DENSE_SITES", 30)
    monkeypatch.setattr(module, "SAMPLE_SITES", 25)
    (row,) = power_rows(blocks()[:2], seed=2)
    assert row.sites == SITES and row.note == "from a random sample of 25 of the sites"
    monkeypatch.undo()
    (whole,) = power_rows(blocks()[:2])
    assert row.null_sd == pytest.approx(whole.null_sd, rel=0.3)
    assert row.targets[0].sites_needed > SITES


@pytest.mark.parametrize("asked", [((0.0,),), ((1.0,),), ((0.1,), 0.0), ((0.1,), 0.05, 1.0)])
def test_refusals(asked):
    with pytest.raises(InputError, match="must lie between 0 and 1"):
        power_rows(blocks(), None, *asked)


def test_cancel():
    class Impatient(NoProgress):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        power_rows(blocks(), progress=Impatient())
