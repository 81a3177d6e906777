"""r by radius against scikit-bio, a loop over orders, and the share of false finds under the null."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.statistics import footprint_sweep as module
from soundvis_core.statistics.footprint_sweep import Footprint, footprint_sweep
from soundvis_core.statistics.orders import permutation_orders, stratified_orders
from soundvis_core.statistics.results import Block
from soundvis_core.statistics.similarity import pairs_of, similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")
RADII = (50.0, 100.0, 200.0, 400.0)


def study(sites=30, seed=0, link=0.0):
    """A sound block, and compositions that change slowly with the radius; ``link`` ties 200 m to the sound."""
    rng = np.random.default_rng(seed)
    scene = rng.dirichlet([1.0, 1.0, 1.0], sites)
    sound = rng.normal(size=(sites, 8))
    sound[:, :3] += link * scene
    footprints, mixed = [], scene
    by_radius = {200.0: scene}
    for radius in (100.0, 50.0, 400.0):
        mixed = 0.6 * scene + 0.4 * rng.dirichlet([1.0, 1.0, 1.0], sites)
        by_radius[radius] = mixed
    footprints = [Footprint(radius, by_radius[radius]) for radius in RADII]
    return Block("sound", sound), footprints


def literal(sound, footprints, orders, method="pearson"):
    """Every order by itself: r at each radius, then hits and hits of the largest."""
    from scipy.stats import pearsonr, spearmanr

    r_of = (lambda a, b: pearsonr(a, b)[0]) if method == "pearson" else (lambda a, b: spearmanr(a, b)[0])
    ours = similarity_matrix(sound.values)
    theirs = [pairs_of(similarity_matrix(entry.values)) for entry in footprints]
    observed = [r_of(pairs_of(ours), pairs) for pairs in theirs]
    null = np.array([[r_of(pairs_of(ours[np.ix_(o, o)]), pairs) for pairs in theirs] for o in orders])
    sizes, maxima = np.abs(null), np.abs(null).max(axis=1)
    count = len(null) + 1
    p = [(np.sum(sizes[:, k] >= abs(r) - 1e-12) + 1) / count for k, r in enumerate(observed)]
    best = [(np.sum(maxima >= abs(r) - 1e-12) + 1) / count for r in observed]
    return observed, p, best


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_against_a_loop_over_orders(method):
    sound, footprints = study(link=2.0)
    sweep = footprint_sweep(sound, footprints[::-1], permutations=99, seed=4, method=method)
    observed, p, best = literal(sound, footprints, permutation_orders(30, 99, 4), method)
    made = [row.rho if method == "spearman" else row.r for row in sweep.rows]
    assert [row.radius for row in sweep.rows] == list(RADII)
    np.testing.assert_allclose(made, observed, atol=1e-12)
    assert [row.p for row in sweep.rows] == pytest.approx(p)
    assert [row.p_best for row in sweep.rows] == pytest.approx(best)
    assert [row.best for row in sweep.rows] == [abs(r) == max(map(abs, observed)) for r in observed]
    assert sweep.best.radius == 200.0
    assert (sweep.sites, sweep.pairs) == (30, 435)


def test_r_is_that_of_scikit_bio():
    skbio = pytest.importorskip("skbio")
    sound, footprints = study(link=1.0)
    sweep = footprint_sweep(sound, footprints, permutations=9)
    for row, entry in zip(sweep.rows, footprints):
        distances = [1.0 - similarity_matrix(values) for values in (sound.values, entry.values)]
        r, _, _ = skbio.stats.distance.mantel(*distances, permutations=0)
        assert row.r == pytest.approx(r, abs=1e-12)


def test_the_correction_costs_between_nothing_and_bonferroni():
    for seed in range(5):
        sound, footprints = study(seed=seed, link=1.0)
        for row in footprint_sweep(sound, footprints, permutations=199, seed=seed).rows:
            assert row.p <= row.p_best <= min(1.0, len(RADII) * row.p + 1e-12)


def test_one_radius_needs_no_correction():
    sound, footprints = study(link=1.0)
    (row,) = footprint_sweep(sound, footprints[:1], permutations=199).rows
    assert row.p == row.p_best
    assert row.best


def test_alike_radii_cost_nothing():
    """Radii that see the same ground are one test."""
    sound, footprints = study(link=1.0)
    same = [Footprint(radius, footprints[2].values) for radius in RADII]
    for row in footprint_sweep(sound, same, permutations=199).rows:
        assert row.p == row.p_best


def test_under_the_null_the_best_radius_is_rarely_called():
    """Of 200 unrelated studies 5 % may have a p of the best radius of .05 or less; uncorrected, more do."""
    corrected = uncorrected = 0
    rng = np.random.default_rng(11)
    for run in range(200):
        sound = Block("sound", rng.normal(size=(16, 5)))
        footprints = [Footprint(radius, rng.dirichlet([1.0] * 3, 16)) for radius in RADII]
        best = footprint_sweep(sound, footprints, permutations=99, seed=run).best
        corrected += best.p_best <= 0.05
        uncorrected += best.p <= 0.05
    assert corrected <= 18  # 10 expected; more than 18 with a chance of 0.7 %
    assert uncorrected >= 25


def test_groups_are_kept():
    sound, footprints = study(link=1.0)
    groups = ["a"] * 14 + ["b"] * 14 + [None] * 2
    sweep = footprint_sweep(sound, footprints, groups=groups, permutations=99, seed=2)
    _, p, best = literal(sound, footprints, stratified_orders(groups, 99, 2))
    assert [row.p for row in sweep.rows] == pytest.approx(p)
    assert [row.p_best for row in sweep.rows] == pytest.approx(best)


@pytest.mark.parametrize("width", [8, 70])
def test_many_sites_without_matrices(monkeypatch, width):
    sound, footprints = study(sites=60, link=1.0)
    sound = Block("sound", np.tile(sound.values, 9)[:, :width])
    dense = footprint_sweep(sound, footprints, permutations=99, seed=3)
    monkeypatch.setattr(module, "DENSE_SITES", 10)
    factored = footprint_sweep(sound, footprints, permutations=99, seed=3)
    for one, other in zip(dense.rows, factored.rows):
        assert one.r == pytest.approx(other.r, abs=1e-9)
        assert (one.p, one.p_best, one.best) == (other.p, other.p_best, other.best)
        assert other.rho is None
    for changed in ({"method": "spearman"}, {"measure": "hellinger"}):
        with pytest.raises(InputError, match="can only be compared by cosine"):
            footprint_sweep(sound, footprints, permutations=9, **changed)


def test_radii_in_several_rounds(monkeypatch):
    sound, footprints = study(link=1.0)
    whole = footprint_sweep(sound, footprints, permutations=99)
    monkeypatch.setattr(module, "_HELD_BYTES", 1)
    assert footprint_sweep(sound, footprints, permutations=99) == whole


def test_only_sites_with_a_value_everywhere():
    sound, footprints = study()
    values = sound.values.copy()
    values[3] = np.nan
    footprints[1].values[5] = np.nan
    footprints[3].values[5:7] = 0.0
    told = ["silence" if site == 3 else "" for site in range(30)]
    sweep = footprint_sweep(Block("sound", values, reasons=told), footprints, permutations=9)
    assert sweep.sites == 27
    named = {site: reason for site, reason in enumerate(sweep.reasons) if reason}
    assert named == {
        3: "sound: silence",
        5: "radius 100 m: no value",
        6: "radius 400 m: all numbers are zero, so the vector has no direction",
    }


def test_a_radius_at_which_all_is_alike():
    sound, footprints = study()
    footprints[0] = Footprint(50.0, np.tile([0.2, 0.3, 0.5], (30, 1)))
    sweep = footprint_sweep(sound, footprints, permutations=99)
    assert sweep.rows[0].r is None and sweep.rows[0].p is None
    assert sweep.rows[0].note == "all sites are equally alike within this radius"
    assert all(row.p_best is not None for row in sweep.rows[1:])


def test_nothing_to_compare():
    sound, footprints = study(sites=2)
    sweep = footprint_sweep(sound, footprints)
    assert sweep.best is None
    assert {row.note for row in sweep.rows} == {"2 sites have a value in everything; at least 3 are needed"}
    sound, footprints = study()
    alike = footprint_sweep(Block("sound", np.ones((30, 4))), footprints)
    assert alike.best is None
    assert {row.note for row in alike.rows} == {"all sites sound equally alike"}
    still = footprint_sweep(sound, footprints, permutations=0)
    assert still.best is not None and still.best.p is None and still.best.note == "nothing was permuted"


def test_what_does_not_fit_is_refused():
    sound, footprints = study()
    with pytest.raises(InputError, match="no method"):
        footprint_sweep(sound, footprints, method="kendall")
    with pytest.raises(InputError, match="given twice"):
        footprint_sweep(sound, [footprints[0], footprints[0]])
    with pytest.raises(InputError, match="at least one"):
        footprint_sweep(sound, [])
    with pytest.raises(InputError, match="different numbers of sites"):
        footprint_sweep(sound, [Footprint(5.0, np.ones((3, 3)))])
    with pytest.raises(InputError, match="cannot be negative"):
        footprint_sweep(sound, footprints, permutations=-1)


def test_it_can_be_stopped():
    class Stopped:
        def report(self, fraction):
            assert 0.0 <= fraction <= 1.0

        def cancelled(self):
            return True

    sound, footprints = study()
    with pytest.raises(Cancelled):
        footprint_sweep(sound, footprints, progress=Stopped())
