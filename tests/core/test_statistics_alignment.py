"""Each site's own r: against scipy and a literal transcription, and what becomes of sites that have none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from soundvis_core.errors import Cancelled
from soundvis_core.progress import NoProgress
from soundvis_core.statistics.alignment import partners, row_correlations, site_alignment
from soundvis_core.statistics.mantel import permutation_orders
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
    from soundvis_core.statistics import alignment

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
