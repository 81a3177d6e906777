"""Each site's own r: against scipy and a literal transcription, and what becomes of sites that have none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.statistics import aligned_sites, alignment, pieces
from soundvis_core.statistics.aligned_sites import align_sites
from soundvis_core.statistics.alignment import (
    APPROXIMATION,
    PERMUTATION,
    partners,
    row_correlations,
    site_alignment,
)
from soundvis_core.statistics.mantel import permutation_orders
from soundvis_core.statistics.paired_blocks import NO_GROUP, pair_blocks
from soundvis_core.statistics.pieces import Pieces
from soundvis_core.statistics.results import Block
from soundvis_core.statistics.similarity import similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")


def two_matrices(sites: int, seed: int = 0, link: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of two blocks that share part of what they say."""
    random = np.random.default_rng(seed)
    shared = random.normal(size=(sites, 6))
    first = np.hstack([link * shared, random.normal(size=(sites, 6))])
    second = np.hstack([link * shared, random.normal(size=(sites, 6))])
    return similarity_matrix(first), similarity_matrix(second)


def others(site: int, sites: int) -> list[int]:
    return [other for other in range(sites) if other != site]


def test_r_is_pearsons_of_the_rows_without_the_site():
    a, b = two_matrices(23)
    made = site_alignment(a, b, permutations=0)
    expected = [stats.pearsonr(a[i, others(i, 23)], b[i, others(i, 23)])[0] for i in range(23)]
    assert made.r == pytest.approx(expected, abs=1e-13)
    assert row_correlations(a, b) == pytest.approx(expected, abs=1e-13)
    assert np.isnan(made.p).all() and made.test == ""
    assert (made.others == 22).all()


def test_p_counts_permutations_of_the_other_sites():
    a, b = two_matrices(12, seed=3)
    made = site_alignment(a, b, permutations=199, seed=5)
    for site in range(12):
        x, y = a[site, others(site, 12)], b[site, others(site, 12)]
        observed = abs(np.corrcoef(x, y)[0, 1])
        permuted = [abs(np.corrcoef(x[order], y)[0, 1]) for order in permutation_orders(11, 199, 5)]
        assert made.p[site] == (sum(r >= observed - 1e-12 for r in permuted) + 1) / 200


def test_p_does_not_depend_on_how_the_work_is_cut(monkeypatch):
    a, b = two_matrices(17, seed=4)
    whole = site_alignment(a, b, permutations=50, seed=2).p
    monkeypatch.setattr(alignment, "_ELEMENTS_AT_HAND", 40)
    monkeypatch.setattr(alignment, "_ORDERS_AT_HAND", 7)
    assert (site_alignment(a, b, permutations=50, seed=2).p == whole).all()


def test_under_no_link_p_is_about_uniform():
    p = np.concatenate([site_alignment(*two_matrices(30, seed, 0.0), 99, seed).p for seed in range(30)])
    assert 0.03 < (p <= 0.05).mean() < 0.07


def test_partners_are_the_most_and_least_similar_others():
    a, _ = two_matrices(15)
    made = partners(a)
    for site in range(15):
        ranked = sorted(others(site, 15), key=lambda other, site=site: a[site, other])
        assert (made.farthest[site], made.nearest[site]) == (ranked[0], ranked[-1])
        assert made.nearest_similarity[site] == a[site, ranked[-1]]
        assert made.farthest_similarity[site] == a[site, ranked[0]]


def test_of_tied_partners_the_first_counts_whatever_the_rounding():
    matrix = np.array(
        [[1.0, 0.5, 0.5 + 2e-16, 0.5], [0.5, 1, 0.1, 0.2], [0.5 + 2e-16, 0.1, 1, 0.2], [0.5, 0.2, 0.2, 1]]
    )
    made = partners(matrix)
    assert made.nearest[0] == 1 and made.farthest[0] == 1


def test_a_site_equally_similar_to_all_others_has_no_r():
    a, b = two_matrices(9)
    a[4, :] = a[:, 4] = 0.25
    made = site_alignment(a, b, permutations=19)
    assert np.isnan(made.r).nonzero()[0].tolist() == [4]
    assert np.isnan(made.p).nonzero()[0].tolist() == [4]
    assert made.constant_a.nonzero()[0].tolist() == [4] and not made.constant_b.any()


def test_all_sites_the_same():
    same = np.ones((8, 8))
    made = site_alignment(same, two_matrices(8)[1], permutations=19)
    assert np.isnan(made.r).all() and np.isnan(made.p).all() and made.constant_a.all()
    assert made.a.nearest.tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("sites", [0, 1, 2, 3])
def test_too_few_sites_give_no_r(sites):
    a, b = two_matrices(5)
    made = site_alignment(a[:sites, :sites], b[:sites, :sites], permutations=19)
    assert np.isnan(made.r).all() and np.isnan(made.p).all() and len(made.r) == sites
    assert (made.a.nearest == -1).all() if sites < 2 else (made.a.nearest >= 0).all()
    assert np.isnan(row_correlations(a[:sites, :sites], b[:sites, :sites])).all()


def test_four_sites_can_do_no_better_than_the_orders_of_three():
    a, _ = two_matrices(4, seed=1)
    made = site_alignment(a, a, permutations=2000)
    assert made.r == pytest.approx(1.0)
    assert (np.abs(made.p - 1 / 6) < 0.04).all()


def test_it_can_be_cancelled():
    class Stop(NoProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        site_alignment(*two_matrices(10), progress=Stop())


# Two blocks of a layer: who is compared with whom, and many sites.


def block(values, name="sound", **options) -> Block:
    return Block(name, np.asarray(values, dtype=float), **options)


def two_blocks(sites: int, seed: int = 0, width: int = 5) -> tuple[Block, Block]:
    random = np.random.default_rng(seed)
    shared = random.normal(size=(sites, width))
    noise = random.normal(size=(2, sites, width))
    return block(shared + noise[0]), block(shared + noise[1] + 1.0, "sight")


@pytest.fixture
def streamed(monkeypatch):
    """Every group of more than three sites counts as very many, in pieces of four."""
    monkeypatch.setattr(pieces, "DENSE_SITES", 3)
    monkeypatch.setattr(aligned_sites, "DENSE_SITES", 3)
    monkeypatch.setattr(pieces, "_STEP", 4)


def test_all_sites_are_compared():
    a, b = two_blocks(20)
    made = align_sites(pair_blocks(a, b), 99, 3)
    expected = site_alignment(similarity_matrix(a.values), similarity_matrix(b.values), 99, 3)
    assert (made.r == expected.r).all() and (made.p == expected.p).all()
    assert (made.a.nearest == expected.a.nearest).all() and (made.b.farthest == expected.b.farthest).all()
    # Benjamini and Hochberg 1995: the least of n p / rank over this rank and all above.
    ranks = stats.rankdata(made.p, method="max")
    raised = [min(len(ranks) * q / rank for q, rank in zip(made.p, ranks) if q >= p) for p in made.p]
    assert made.p_bh == pytest.approx(raised)
    assert made.reasons == ("",) * 20 and made.tests == (PERMUTATION,)


def test_within_groups_only_sites_of_a_group_are_compared():
    a, b = two_blocks(21)
    groups = ["Ö", "a", "b"] * 7
    made = align_sites(pair_blocks(a, b, groups), 0)
    for group in ("Ö", "a", "b"):
        mine = np.flatnonzero(np.array(groups) == group)
        expected = site_alignment(similarity_matrix(a.values[mine]), similarity_matrix(b.values[mine]), 0)
        assert made.r[mine] == pytest.approx(expected.r, abs=1e-12)
        assert made.a.nearest[mine].tolist() == mine[expected.a.nearest].tolist()
        assert (made.others[mine] == 6).all()


def test_sites_without_a_value_or_a_group_are_named():
    a, b = two_blocks(12)
    a.values[3], b.values[3], b.values[5] = np.nan, 0.0, np.inf
    made = align_sites(pair_blocks(a, b, ["x"] * 11 + [None]), 19)
    assert made.reasons[3] == "sound: no value; sight: all numbers are zero, so the vector has no direction"
    assert made.reasons[5] == "sight: a number in the vector is missing or infinite"
    assert made.reasons[11] == NO_GROUP
    left_out = [3, 5, 11]
    assert np.isnan(made.r[left_out]).all() and (made.a.nearest[left_out] == -1).all()
    assert not np.isin(made.a.nearest, left_out).any() and not np.isin(made.b.farthest, left_out).any()
    assert (np.delete(made.others, left_out) == 8).all()


def test_what_a_tool_before_has_said_is_kept():
    a, b = two_blocks(6)
    a.values[2] = np.nan
    told = block(a.values, reasons=["", "", "silence", "", "", ""])
    assert align_sites(pair_blocks(told, b), 0).reasons[2] == "sound: silence"


def test_one_site_per_group_has_nobody_to_be_compared_with():
    made = align_sites(pair_blocks(*two_blocks(5), list("abcde")), 9)
    assert np.isnan(made.r).all() and (made.a.nearest == -1).all() and made.tests == ()
    assert set(made.reasons) == {"too few other sites to compare it with (0; at least 3 are needed)"}


@pytest.mark.parametrize("sites", [0, 1, 2, 3])
def test_few_sites_at_all(sites):
    made = align_sites(pair_blocks(*two_blocks(sites)), 9)
    assert len(made.r) == sites and np.isnan(made.r).all() and len(made.reasons) == sites
    assert all(reason.startswith("too few other sites") for reason in made.reasons)


def test_a_constant_block_is_named():
    a, _ = two_blocks(7)
    same = block(np.ones((7, 3)), "sight")
    assert set(align_sites(pair_blocks(a, same), 9).reasons) == {
        "all other sites are equally similar to it in sight"
    }


def test_blocks_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="'sound' has 5 sites and 'sight' 6"):
        pair_blocks(two_blocks(5)[0], two_blocks(6)[1])


CASES = [
    ("cosine", "cosine", 5),
    ("cosine", "hellinger", 3),
    ("jensen-shannon", "aitchison", 3),
    ("", "hellinger", 1),
]


@pytest.mark.parametrize(("measure_a", "measure_b", "width"), CASES)
@pytest.mark.parametrize("within", [False, True])
def test_very_many_sites_give_the_same(streamed, measure_a, measure_b, width, within):
    random = np.random.default_rng(width)
    shares = random.dirichlet(np.ones(3), size=26)
    a = block(shares[:, :width] if width < 5 else random.normal(size=(26, 5)), measure=measure_a)
    b = block(random.dirichlet(np.ones(3), size=26) + shares, "sight", measure=measure_b)
    groups = ["x", "y"] * 13 if within else None
    made = align_sites(pair_blocks(a, b, groups), 99)
    matrices = similarity_matrix(a.values, measure_a), similarity_matrix(b.values, measure_b)
    for mine in (np.arange(0, 26, 2), np.arange(1, 26, 2)) if within else (np.arange(26),):
        first, second = (matrix[np.ix_(mine, mine)] for matrix in matrices)
        expected = site_alignment(first, second, 0)
        assert made.r[mine] == pytest.approx(expected.r, abs=1e-6)
        for found, right in ((made.a, expected.a), (made.b, expected.b)):
            assert found.nearest[mine].tolist() == mine[right.nearest].tolist()
            assert found.farthest[mine].tolist() == mine[right.farthest].tolist()
            assert found.nearest_similarity[mine] == pytest.approx(right.nearest_similarity, abs=1e-6)
            assert found.farthest_similarity[mine] == pytest.approx(right.farthest_similarity, abs=1e-6)
        degrees = len(mine) - 3  # two less than the other sites
        t = expected.r * np.sqrt(degrees / (1 - expected.r**2))
        assert made.p[mine] == pytest.approx(2 * stats.t.sf(np.abs(t), degrees), abs=1e-5)
    assert made.tests == (APPROXIMATION,)


def test_very_many_sites_that_are_all_the_same(streamed):
    _, b = two_blocks(9)
    made = align_sites(pair_blocks(block(np.ones((9, 4))), b), 99)
    assert np.isnan(made.r).all() and np.isnan(made.p).all()
    assert set(made.reasons) == {"all other sites are equally similar to it in sound"}
    assert made.a.nearest_similarity == pytest.approx(1.0, abs=1e-6)


def test_the_approximation_has_the_spread_of_the_permutations():
    """The t-test's p against that of many permutations, for thirty other sites."""
    a, b = two_matrices(31, seed=8, link=0.3)
    exact = site_alignment(a, b, 2000, 1)
    degrees = 28
    t = exact.r * np.sqrt(degrees / (1 - exact.r**2))
    assert np.abs(exact.p - 2 * stats.t.sf(np.abs(t), degrees)).max() < 0.05


def test_a_long_walk_says_how_long_it_takes(monkeypatch):
    lines: list[str] = []

    class Log(NoProgress):
        def info(self, text: str) -> None:
            lines.append(text)

    clock = iter(range(0, 10_000, 30))
    monkeypatch.setattr(pieces.time, "monotonic", lambda: float(next(clock)))
    covered = np.zeros((2500, 2500), dtype=int)
    for rows, columns in pieces.walk(0, 2500, Log()):
        covered[rows, columns] += 1
    assert (np.triu(covered) == np.triu(np.ones_like(covered))).all()
    assert lines == ["Comparing all pairs of 2,500 sites takes about 3 more minutes."]


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_numbers_beyond_single_precision_have_a_direction(monkeypatch, size):
    values = np.random.default_rng(4).normal(size=(6, 3))
    whole = Pieces(values).piece(slice(0, 6), slice(0, 6))
    monkeypatch.setattr(pieces, "DENSE_SITES", 3)
    np.testing.assert_allclose(Pieces(values * size).piece(slice(0, 6), slice(0, 6)), whole, atol=1e-6)


def test_the_largest_distance_of_many_sites_can_be_stopped(monkeypatch):
    class Stop(NoProgress):
        def cancelled(self):
            return True

    monkeypatch.setattr(pieces, "DENSE_SITES", 3)
    with pytest.raises(Cancelled):
        Pieces(np.random.default_rng(5).dirichlet([1, 1, 1], 6), "aitchison", Stop())
