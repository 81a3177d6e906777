"""The similarity measures against hand-worked numbers, scipy and scikit-bio; ranks; rows without a value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.errors import InputError
from soundvis_core.statistics.mantel import pearson, spearman
from soundvis_core.statistics.similarity import (
    COMPOSITIONAL,
    MEASURES,
    measure_of,
    missing_reasons,
    pairs_of,
    rank_matrix,
    similarity_matrix,
    unit_rows,
    varies,
)

pytestmark = pytest.mark.filterwarnings("error")


def shares(seed, sites=15, parts=4):
    return np.random.default_rng(seed).dirichlet(np.ones(parts), size=sites)


def test_the_measure_that_is_used():
    number, vector = np.zeros((3, 1)), np.zeros((3, 2))
    assert measure_of(number) == "difference" and measure_of(vector) == "cosine"
    assert measure_of(vector, "hellinger") == "hellinger"
    assert all(measure_of(number, name) == "difference" for name in MEASURES)
    with pytest.raises(InputError, match="no similarity measure 'euclid'"):
        measure_of(vector, "euclid")
    with pytest.raises(InputError, match="single numbers"):
        measure_of(vector, "difference")


def test_hellinger_by_hand():
    # Shares (1, 0), (0, 1) and (1/2, 1/2): distances 1, and sqrt(1 - sqrt(1/2)) twice. The rows' sums do not count.
    similarity = similarity_matrix(np.array([[1.0, 0], [0, 3], [2, 2]]), "hellinger")
    half = 1 - math.sqrt(1 - math.sqrt(0.5))
    np.testing.assert_allclose(pairs_of(similarity), [0, half, half], atol=1e-15)


def test_jensen_shannon_by_hand():
    # (1, 0) and (0, 1): 1 bit. (1, 0) and (1/2, 1/2): H(3/4, 1/4) - H(1/2, 1/2) / 2 bits.
    similarity = similarity_matrix(np.array([[1.0, 0], [0, 3], [2, 2]]), "jensen-shannon")
    entropy = -0.75 * math.log2(0.75) - 0.25 * math.log2(0.25)
    half = 1 - math.sqrt(entropy - 0.5)
    np.testing.assert_allclose(pairs_of(similarity), [0, half, half], atol=1e-15)


def test_aitchison_by_hand():
    # Log-ratios of (1, 1), (1, e) and (1, e^2) over 2 parts: distances 1, 2 and 1 times sqrt(1/2).
    values = np.array([[1, 1], [1, math.e], [1, math.e**2]])
    np.testing.assert_allclose(pairs_of(similarity_matrix(values, "aitchison")), [0.5, 0, 0.5], atol=1e-15)


def test_scipy_and_scikit_bio_agree_on_compositions():
    composition = pytest.importorskip("skbio.stats.composition")
    from scipy.spatial.distance import jensenshannon, pdist

    values = shares(1)
    hellinger = pdist(np.sqrt(values)) / math.sqrt(2)
    np.testing.assert_allclose(pairs_of(similarity_matrix(values, "hellinger")), 1 - hellinger, atol=1e-14)
    shannon = pdist(values, lambda p, q: jensenshannon(p, q, 2))
    np.testing.assert_allclose(pairs_of(similarity_matrix(values, "jensen-shannon")), 1 - shannon, atol=1e-14)
    distances = pdist(composition.clr(values))
    aitchison = pairs_of(similarity_matrix(values, "aitchison"))
    np.testing.assert_allclose(aitchison, 1 - distances / distances.max(), atol=1e-14)
    values[0, 1] = values[3, 2] = values[3, 3] = 0.0
    closed = values / values.sum(axis=1, keepdims=True)
    small = 0.65 * closed[closed > 0].min()
    distances = pdist(composition.clr(composition.multi_replace(closed, delta=small)))
    aitchison = pairs_of(similarity_matrix(values, "aitchison"))
    np.testing.assert_allclose(aitchison, 1 - distances / distances.max(), atol=1e-14)


@pytest.mark.parametrize("measure", COMPOSITIONAL)
def test_compositions_that_are_equal_but_for_their_sum_do_not_vary(measure):
    values = np.tile([0.1, 0.2, 0.7], (40, 1)) * np.random.default_rng(2).uniform(1e-3, 1e3, size=(40, 1))
    similarity = similarity_matrix(values, measure)
    np.testing.assert_allclose(similarity, 1.0, atol=1e-12)
    assert not varies(pairs_of(similarity))


def test_sites_without_a_composition():
    values = np.array([[0.2, 0.8], [0, 0], [-0.1, 0.4], [np.nan, np.nan], [0, 0.3], [np.inf, 0.1]])
    for measure in COMPOSITIONAL:
        reasons = missing_reasons(values, measure)
        assert reasons[0] is None and reasons[4] is None
        assert reasons[1] == "all shares are zero" and reasons[2] == "a share is negative"
        assert reasons[3] == "no value" and "missing or infinite" in reasons[5]
    assert missing_reasons(values)[2] is None
    assert missing_reasons(np.array([[-1.0], [0.0]]), "hellinger") == [None, None]
    assert missing_reasons(np.empty((0, 3))) == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unit_rows_keep_the_float_type(dtype):
    values = np.random.default_rng(3).normal(size=(5, 9)).astype(dtype) * dtype(1e30)
    rows = unit_rows(values)
    assert rows.dtype == dtype
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=4 * np.finfo(dtype).eps)
    assert unit_rows(np.array([[3, 4], [0, -2]])).tolist() == [[0.6, 0.8], [0, -1]]


def test_ranks_give_spearman_s_rho():
    from scipy.stats import rankdata, spearmanr

    rng = np.random.default_rng(4)
    a, b = (similarity_matrix(rng.integers(0, 4, size=(12, 1)).astype(float)) for _ in range(2))
    a[0, 1] = a[1, 0] = a[0, 1] + 1e-15  # a tie but for rounding
    ranks = rank_matrix(a)
    np.testing.assert_array_equal(pairs_of(ranks), rankdata(np.round(pairs_of(a), 12)))
    np.testing.assert_array_equal(ranks, ranks.T)
    assert not np.diag(ranks).any()
    a_12, b_12 = (np.round(pairs_of(matrix), 12) for matrix in (a, b))
    rho = spearman(pairs_of(a), pairs_of(b))
    assert rho == pytest.approx(spearmanr(a_12, b_12)[0], abs=1e-14)
    assert rho == pytest.approx(pearson(pairs_of(ranks), pairs_of(rank_matrix(b))), abs=1e-15)
    assert spearman(np.ones(9), np.arange(9.0)) is None


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(2, 5), st.sampled_from(sorted(MEASURES)), st.integers(0, 2**32 - 1))
def test_any_measure_is_symmetric_and_bounded(sites, parts, measure, seed):
    width = 1 if measure == "difference" else parts
    values = np.random.default_rng(seed).integers(0, 3, size=(sites, width)).astype(float)
    values[:, 0] += 1.0  # no row of zeros
    similarity = similarity_matrix(values, measure)
    np.testing.assert_allclose(similarity, similarity.T, atol=1e-15)
    np.testing.assert_array_equal(np.diag(similarity), 1.0)
    assert similarity.min() >= (-1 if measure == "cosine" else 0) and similarity.max() <= 1
