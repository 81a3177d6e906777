"""The rungs of a row: what each equals, where it does not apply, and what it says then."""

from __future__ import annotations

import math

import numpy as np
import pytest

from soundvis_core.statistics import ladder as ladder_module
from soundvis_core.statistics import places, rows
from soundvis_core.statistics.correlate import correlate_blocks
from soundvis_core.statistics.mantel import mantel_p, naive_p, permutation_orders, stratified_orders
from soundvis_core.statistics.moran import moran_null, off_centre_p, spatial_basis
from soundvis_core.statistics.partial import difference_matrix, log_distance, partial_mantel
from soundvis_core.statistics.results import MANTEL, MORAN, NAIVE, PARTIAL, RUNGS, STRATIFIED, Block
from soundvis_core.statistics.similarity import pairs_of, rank_matrix, similarity_matrix
from soundvis_core.statistics.spatial_trend import beyond_columns, place_columns

pytestmark = pytest.mark.filterwarnings("error")

SITES = 30
CITIES = ["a"] * 18 + ["b"] * 12


def two_blocks(seed=0, sites=SITES, width=4):
    generator = np.random.default_rng(seed)
    cause = generator.normal(size=(sites, width))
    return [Block(name, cause + generator.normal(size=(sites, width))) for name in ("sound", "sight")]


def lonlat(sites=SITES, seed=5):
    return np.array([0.1, 51.5]) + np.random.default_rng(seed).uniform(-0.05, 0.05, (sites, 2))


def first_row(blocks, groups=None, **options):
    options = {"permutations": 99, "bootstraps": 0, "seed": 3, **options}
    return correlate_blocks(blocks, groups, **options).rows[0]


def matrices(blocks):
    return [similarity_matrix(block.values) for block in blocks]


def test_all_rungs_are_there_in_their_order():
    row = first_row(two_blocks())
    assert list(row.rungs) == list(RUNGS) == [NAIVE, MANTEL, STRATIFIED, PARTIAL, MORAN]
    assert all(name == rung.name for name, rung in row.rungs.items())


def test_each_rung_equals_its_test_alone():
    blocks, where = two_blocks(), lonlat()
    field = np.random.default_rng(9).normal(size=SITES)
    row = first_row(blocks, CITIES, lonlat=where, controls=[("people", field)])
    a, b = matrices(blocks)
    r = np.corrcoef(pairs_of(a), pairs_of(b))[0, 1]
    assert row.rungs[NAIVE].statistic == pytest.approx(r, abs=1e-12)
    assert row.p(NAIVE) == naive_p(row.r, SITES * (SITES - 1) // 2)
    assert row.p(MANTEL) == mantel_p(a, b, permutation_orders(SITES, 99, 3))
    assert row.p(STRATIFIED) == mantel_p(a, b, stratified_orders(CITIES, 99, 3))
    controls = [log_distance(where), difference_matrix(field)]
    expected = partial_mantel(a, b, controls, permutation_orders(SITES, 99, 3))
    assert (row.rungs[PARTIAL].statistic, row.p(PARTIAL)) == expected


def test_moran_without_groups_is_the_test_beyond_place():
    blocks, where = two_blocks(), lonlat()
    row = first_row(blocks, lonlat=where)
    a, b = matrices(blocks)
    r, null = moran_null(a, beyond(b, where), spatial_basis(where), 99, 3)
    assert (row.rungs[MORAN].statistic, row.p(MORAN)) == (r, off_centre_p(r, null))
    assert row.rungs[MORAN].note == "beyond what place explains" and row.rungs[MORAN].sites is None


def test_moran_of_a_pooled_row_stays_within_groups():
    blocks, where = two_blocks(), lonlat()
    row = first_row(blocks, CITIES, lonlat=where)
    r, null = 0.0, np.zeros(99)
    for number, part in enumerate((slice(0, 18), slice(18, 30))):
        a, b = (matrix[part, part] for matrix in matrices(blocks))
        part_r, drawn = moran_null(a, beyond(b, where[part]), spatial_basis(where[part]), 99, 3 + number)
        r, null = r + len(a) / 30 * part_r, null + len(a) / 30 * drawn
    assert row.rungs[MORAN].statistic == pytest.approx(r, abs=1e-12)
    assert row.p(MORAN) == off_centre_p(r, null)
    assert "mean of the r within 2 groups" in row.rungs[MORAN].note


def beyond(similarity, where):
    return beyond_columns(similarity, place_columns(log_distance(where), where, spatial_basis(where).vectors))


def test_what_place_leaves_over_has_nothing_of_place():
    where, (block, _) = lonlat(), two_blocks()
    similarity, distance = similarity_matrix(block.values), log_distance(where)
    left = pairs_of(beyond(similarity, where))
    apart = pairs_of(distance)
    explained = [np.ones_like(apart), apart]
    explained += [np.maximum(apart - knot, 0) for knot in np.quantile(apart, np.arange(1, 6) / 6)]
    explained.append(pairs_of(difference_matrix(where[:, 1])))
    patterns = spatial_basis(where).vectors[:, :2]
    explained.append(pairs_of(np.outer(patterns[:, 0], patterns[:, 0])))
    explained.append(
        pairs_of(np.outer(patterns[:, 0], patterns[:, 1]) + np.outer(patterns[:, 1], patterns[:, 0]))
    )
    for column in explained:
        assert np.dot(left, column) / np.linalg.norm(column) == pytest.approx(0.0, abs=1e-9)
    assert 0 < np.var(left) < np.var(pairs_of(similarity))


def test_where_place_explains_all_nothing_is_left_over():
    where = lonlat()
    assert beyond(-2.0 * log_distance(where) + 1.0, where) is None
    assert beyond(np.ones((SITES, SITES)), where) is None


@pytest.mark.parametrize("sites", [5, 6, 8, 12, 20])
def test_few_sites_have_less_of_place_taken_off(sites):
    left = beyond(similarity_matrix(two_blocks(sites=sites)[0].values), lonlat(sites))
    assert np.isfinite(left).all() and pairs_of(left).mean() == pytest.approx(0.0, abs=1e-12)
    assert np.linalg.matrix_rank(left) > 1


def test_spearman_tests_ranks_at_every_rung():
    blocks, where = two_blocks(), lonlat()
    row = first_row(blocks, CITIES, lonlat=where, method="spearman")
    a, b = (rank_matrix(matrix) for matrix in matrices(blocks))
    from scipy.stats import spearmanr

    rho = spearmanr(*(pairs_of(matrix) for matrix in matrices(blocks))).statistic
    assert row.rho == pytest.approx(rho, abs=1e-12)
    assert row.rungs[MANTEL].statistic == row.rungs[NAIVE].statistic == row.rho != row.r
    assert row.p(MANTEL) == mantel_p(a, b, permutation_orders(SITES, 99, 3))
    expected = partial_mantel(a, b, [rank_matrix(log_distance(where))], permutation_orders(SITES, 99, 3))
    assert (row.rungs[PARTIAL].statistic, row.p(PARTIAL)) == expected


@pytest.mark.parametrize(
    ("options", "rung", "note"),
    [
        ({}, STRATIFIED, "fewer than two groups"),
        ({"groups": ["a"] * SITES}, STRATIFIED, "fewer than two groups"),
        ({"groups": [str(site) for site in range(SITES)]}, STRATIFIED, "no group has two sites"),
        ({}, PARTIAL, "no distance and no further field"),
        ({"lonlat": lonlat(), "use_distance": False}, PARTIAL, "no distance and no further field"),
        ({"controls": [("x", np.full(SITES, np.nan))]}, PARTIAL, "fewer than 5 sites"),
        ({"controls": [("x", np.ones(SITES))]}, PARTIAL, "do not vary"),
        ({}, MORAN, "no coordinates"),
        ({"lonlat": np.full((SITES, 2), np.nan)}, MORAN, "no coordinates"),
        ({"lonlat": np.zeros((SITES, 2))}, MORAN, "fewer than five different places"),
        ({"lonlat": np.where(np.arange(SITES)[:, None] < 7, lonlat(), np.nan)}, MORAN, "fewer than 8 sites"),
        (
            {"lonlat": lonlat(), "groups": ["a", "b", "c", "d", "e"] * 6},
            MORAN,
            "fewer than 8 sites in any group",
        ),
    ],
)
def test_rungs_that_do_not_apply_say_why(options, rung, note):
    found = first_row(two_blocks(), **options).rungs[rung]
    assert found.p is None and found.statistic is None and note in found.note


def test_within_a_group_the_stratified_rung_is_the_mantel_test():
    result = correlate_blocks(two_blocks(), CITIES, permutations=9, bootstraps=0)
    assert "within one group" in result.rows[1].rungs[STRATIFIED].note


def test_ungrouped_sites_stay_where_they_are():
    blocks = two_blocks()
    groups = [*CITIES[:-4], None, None, "", None]
    row = first_row(blocks, groups)
    a, b = matrices(blocks)
    alone = [group or f"alone {site}" for site, group in enumerate(groups)]
    assert row.p(STRATIFIED) == mantel_p(a, b, stratified_orders(alone, 99, 3))


def test_groups_with_few_orders_say_how_small_p_can_be():
    blocks = two_blocks(sites=6)
    rung = first_row(blocks, ["a", "a", "b", "b", "c", "c"]).rungs[STRATIFIED]
    assert rung.note == "the groups allow 8 orders only, so p cannot be below 0.12"


def test_sites_without_a_control_are_left_out_of_the_partial_rung_only():
    blocks, where = two_blocks(), lonlat()
    field = np.random.default_rng(1).normal(size=SITES)
    field[4], where[7, 0] = np.inf, np.nan
    row = first_row(blocks, lonlat=where, controls=[("people", field)])
    kept = [site for site in range(SITES) if site not in (4, 7)]
    a, b = (matrix[np.ix_(kept, kept)] for matrix in matrices(blocks))
    controls = [log_distance(where[kept]), difference_matrix(field[kept])]
    expected = partial_mantel(a, b, controls, permutation_orders(28, 99, 3))
    assert row.sites == 30 and row.rungs[PARTIAL].sites == 28
    assert (row.rungs[PARTIAL].statistic, row.p(PARTIAL)) == pytest.approx(expected, abs=1e-12)
    assert row.rungs[PARTIAL].note.startswith("2 sites are left out")
    assert row.rungs[MORAN].sites == 29 and "1 site is left out: no place" in row.rungs[MORAN].note


def test_no_permutations_leave_all_p_but_the_naive_one_out():
    row = first_row(two_blocks(), CITIES, permutations=0, lonlat=lonlat())
    assert row.p(NAIVE) is not None and row.advised == ""
    for name in (MANTEL, STRATIFIED, PARTIAL, MORAN):
        assert row.p(name) is None and row.rungs[name].statistic is not None
    assert "not tested by permutation" in row.says


def test_duplicated_sites_and_places_have_every_rung():
    blocks = [Block(block.name, np.repeat(block.values, 2, axis=0)) for block in two_blocks(sites=12)]
    row = first_row(blocks, ["a", "b"] * 12, lonlat=np.repeat(lonlat(12), 2, axis=0))
    assert all(rung.p is not None and 0 < rung.p <= 1 for rung in row.rungs.values())


def test_ties_count_as_hits():
    """Blocks of two kinds of sites have few different orders; every one that ties with the observed r is a hit."""
    kinds = np.repeat([[1.0, 0.0], [0.0, 1.0]], 3, axis=0)
    row = first_row([Block("sound", kinds), Block("sight", kinds)], permutations=999)
    # Of the 720 orders, 2 x 3! x 3! keep the two kinds apart.
    assert row.p(MANTEL) == pytest.approx(72 / 720, abs=0.04)


def test_a_sample_of_many_sites_is_said(monkeypatch):
    monkeypatch.setattr(rows, "DENSE_SITES", 40)
    monkeypatch.setattr(rows, "SAMPLE_SITES", 32)
    monkeypatch.setattr(ladder_module, "MORAN_SITES", 20)
    monkeypatch.setattr(places, "_ALL_SITES", 40)
    blocks, where = two_blocks(sites=50), lonlat(50)
    row = first_row(blocks, ["a", "b"] * 25, lonlat=where, bootstraps=49)
    a, b = matrices(blocks)
    assert row.r == pytest.approx(np.corrcoef(pairs_of(a), pairs_of(b))[0, 1], abs=1e-9)
    assert row.pairs == 50 * 49 // 2 and "rho is from a random sample of 32" in row.note
    assert row.p(MANTEL) == mantel_p(a, b, permutation_orders(50, 99, 3))
    assert row.p(STRATIFIED) == mantel_p(a, b, stratified_orders(["a", "b"] * 25, 99, 3))
    assert row.rungs[MANTEL].sites is None and row.rungs[PARTIAL].sites == 32
    assert row.rungs[PARTIAL].note == "on a random sample of 32 sites"
    assert "random sample" in row.rungs[MORAN].note and row.rungs[MORAN].sites <= 32
    assert row.interval[0] < row.r < row.interval[1]
    by_rank = first_row(blocks, method="spearman", lonlat=where)
    assert by_rank.rungs[MANTEL].sites == 32 and by_rank.r == pytest.approx(row.r, abs=1e-12)


def test_measures_that_need_matrices_are_sampled_wholly(monkeypatch):
    monkeypatch.setattr(rows, "DENSE_SITES", 40)
    monkeypatch.setattr(rows, "SAMPLE_SITES", 32)
    numbers = np.random.default_rng(2).normal(size=(50, 2))
    row = first_row([Block("sound", numbers[:, 0]), Block("sight", numbers[:, 1])])
    assert row.sites == 50 and row.pairs == 32 * 31 // 2
    assert row.note == "all is from a random sample of 32 of the 50 sites"
    assert row.rungs[MANTEL].sites == 32


def test_the_combined_view_of_many_sites_equals_that_of_few(monkeypatch):
    generator = np.random.default_rng(8)
    blocks = [Block(name, generator.normal(size=(50, 5)) + 1.0) for name in ("sound", "street", "aerial")]
    dense = correlate_blocks(blocks, permutations=49, bootstraps=0).rows[2]
    monkeypatch.setattr(rows, "DENSE_SITES", 40)
    many = correlate_blocks(blocks, permutations=49, bootstraps=0).rows[2]
    assert many.block_b == "street+aerial"
    assert (many.r, many.null_sd) == pytest.approx((dense.r, dense.null_sd), abs=1e-9)
    assert many.p(MANTEL) == dense.p(MANTEL)


def test_a_hundred_thousand_sites():
    generator = np.random.default_rng(0)
    cause = generator.dirichlet([1, 1, 2], 100_000)
    blocks = [
        Block(name, (cause + generator.dirichlet([1, 1, 2], 100_000)).astype(np.float32))
        for name in ("sound", "sight")
    ]
    result = correlate_blocks(blocks, permutations=5, bootstraps=3)
    (row,) = result.rows
    assert row.sites == 100_000 and row.pairs == math.comb(100_000, 2)
    assert row.p(MANTEL) == 1 / 6 and row.null_sd < 0.01 and 0.2 < row.r < 0.6
    assert np.isfinite(result.alignments[0].r).all()
