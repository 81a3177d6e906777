"""Agreement of two descriptions of a site: against scipy, scikit-bio and numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import distance
from skbio.stats.composition import clr, multi_replace

from soundvis_core.errors import InputError
from soundvis_core.statistics.agreement import (
    AGREEMENTS,
    LEAST_SHARE,
    Comparison,
    agreement,
    zeros_replaced,
)
from soundvis_core.statistics.similarity import closed

pytestmark = pytest.mark.filterwarnings("error")

GENERATOR = np.random.default_rng(4)
SOUND = GENERATOR.dirichlet([1.0, 0.5, 2.0], 40)
SIGHT = GENERATOR.dirichlet([2.0, 1.0, 1.0], 40)
for shares_of in (SOUND, SIGHT):  # none between zero and what stands for it
    shares_of[shares_of < 0.02] = 0.02
    shares_of /= shares_of.sum(axis=1, keepdims=True)
SOUND[:6] = [[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [0, 0, 1], [1 / 3] * 3, [0.2, 0, 0.8]]
SIGHT[:6] = [[1, 0, 0], [1, 0, 0], [0.25, 0.25, 0.5], [0, 0.1, 0.9], [1, 0, 0], [0, 0.2, 0.8]]


def test_cosine_is_scipys():
    expected = [1.0 - distance.cosine(a, b) for a, b in zip(SOUND, SIGHT)]
    np.testing.assert_allclose(agreement(SOUND, SIGHT, "cosine"), expected, atol=1e-12)


def test_jensen_shannon_is_scipys():
    expected = [1.0 - distance.jensenshannon(a, b, base=2) for a, b in zip(SOUND, SIGHT)]
    np.testing.assert_allclose(agreement(SOUND, SIGHT, "jensen-shannon"), expected, atol=1e-9)


def test_hellinger_by_the_affinity():
    affinity = [sum(math.sqrt(p * q) for p, q in zip(a, b)) for a, b in zip(SOUND, SIGHT)]
    expected = [1.0 - math.sqrt(max(1.0 - part, 0.0)) for part in affinity]
    np.testing.assert_allclose(agreement(SOUND, SIGHT, "hellinger"), expected, atol=1e-7)


def test_aitchison_is_scikit_bios():
    logs = [clr(multi_replace(rows, delta=LEAST_SHARE)) for rows in (SOUND, SIGHT)]
    expected = 1.0 / (1.0 + np.linalg.norm(logs[0] - logs[1], axis=1))
    np.testing.assert_allclose(agreement(SOUND, SIGHT, "aitchison"), expected, atol=1e-12)
    np.testing.assert_allclose(zeros_replaced(SOUND), multi_replace(SOUND, delta=LEAST_SHARE), atol=1e-15)


def test_numbers_by_hand():
    sound, sight = np.array([[0.0, 0.0, 4.0]]), np.array([[3.0, 0.0, 3.0]])
    assert agreement(sound, sight, "cosine") == pytest.approx([math.sqrt(0.5)])
    assert agreement(sound, sight, "hellinger") == pytest.approx([1 - math.sqrt(1 - math.sqrt(0.5))])
    # p = (0, 0, 1), q = (.5, 0, .5), m = (.25, 0, .75): (log2(4/3) + .5 log2(2) + .5 log2(2/3)) / 2 bits.
    bits = (math.log2(4 / 3) + 0.5 * math.log2(2) + 0.5 * math.log2(2 / 3)) / 2
    assert agreement(sound, sight, "jensen-shannon") == pytest.approx([1 - math.sqrt(bits)])
    # (.01, .01, .98) and (.495, .01, .495): the log ratios part by these, less their mean.
    apart = [math.log(0.01 / 0.495), 0.0, math.log(0.98 / 0.495)]
    mean = sum(apart) / 3
    length = math.sqrt(sum((part - mean) ** 2 for part in apart))
    assert agreement(sound, sight, "aitchison") == pytest.approx([1 / (1 + length)])


shares = arrays(
    float,
    st.tuples(st.integers(1, 8), st.integers(2, 6)),
    elements=st.one_of(st.just(0.0), st.floats(1e-9, 1e9)),
)


@given(shares, st.integers(0, 2**31))
def test_what_holds_for_all_measures(values, seed):
    other = np.random.default_rng(seed).permutation(values.ravel()).reshape(values.shape)
    usable = values.any(axis=1) & other.any(axis=1)
    for measure in AGREEMENTS:
        found = agreement(values, other, measure)
        assert np.isnan(found).tolist() == (~usable).tolist()
        assert ((found[usable] >= 0.0) & (found[usable] <= 1.0)).all()
        np.testing.assert_array_equal(found, agreement(other, values, measure))
        same = agreement(values, values * 3.0, measure)[values.any(axis=1)]
        np.testing.assert_allclose(same, 1.0, atol=1e-6)


def test_disjoint_compositions_agree_least():
    first, second = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 1.0]])
    for measure in ("cosine", "hellinger", "jensen-shannon"):
        assert agreement(first, second, measure) == pytest.approx([0.0], abs=1e-15)
    assert agreement(first, second, "aitchison") == pytest.approx([1 / (1 + math.sqrt(2) * math.log(98))])


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e300])
def test_extreme_numbers_are_closed(scale):
    values = np.array([[1.0, 1.0, 2.0]]) * scale
    np.testing.assert_allclose(closed(values), [[0.25, 0.25, 0.5]], rtol=1e-3)
    for measure in AGREEMENTS:
        assert agreement(values, np.array([[1.0, 1.0, 2.0]]), measure) == pytest.approx([1.0], abs=1e-3)


def test_rows_without_agreement():
    values = np.array(
        [[0.2, 0.3, 0.5], [np.nan, 0.5, 0.5], [np.inf, 0, 0], [0, 0, 0], [-0.1, 0.6, 0.5], [np.nan] * 3]
    )
    ones = np.ones_like(values)
    assert np.isnan(agreement(values, ones, "aitchison")).tolist() == [False, *[True] * 5]
    assert np.isnan(agreement(ones, values, "cosine")).tolist() == [False, True, True, True, False, True]


def test_no_sites():
    for measure in AGREEMENTS:
        assert agreement(np.empty((0, 3)), np.empty((0, 3)), measure).shape == (0,)


def test_any_order_and_stretch():
    order = np.random.default_rng(0).permutation(len(SOUND))
    for measure in AGREEMENTS:
        comparison = Comparison(SOUND, SIGHT, measure)
        np.testing.assert_array_equal(comparison.scores(order), agreement(SOUND[order], SIGHT, measure))
        part = slice(5, 17)
        np.testing.assert_array_equal(comparison.scores(order, part), comparison.scores(order)[part])


def test_what_is_less_than_a_replaced_zero_counts_as_one():
    values = np.array([[0.5, 0.5, 0.0], [0.5, 0.4999, 0.0001], [0.5, 0.49, 0.01]])
    np.testing.assert_allclose(zeros_replaced(values)[:, 2], LEAST_SHARE, atol=1e-15)
    np.testing.assert_allclose(zeros_replaced(values).sum(axis=1), 1.0)
    np.testing.assert_allclose(zeros_replaced(values)[1], [0.99 * 0.5 / 0.9999, 0.99 * 0.4999 / 0.9999, 0.01])
    other = np.array([[0.2, 0.3, 0.5]] * 3)
    found = agreement(values, other, "aitchison")
    assert found == pytest.approx([found[0]] * 3, abs=1e-2)  # and no cliff at zero


def test_refusals():
    with pytest.raises(InputError, match="no measure 'euclid'"):
        agreement(SOUND, SIGHT, "euclid")
    with pytest.raises(InputError, match="3 numbers for 40 sites, the other 2 for 40"):
        Comparison(SOUND, SIGHT[:, :2])
    with pytest.raises(InputError, match="a single number"):
        Comparison(SOUND[:, :1], SIGHT[:, :1])
    with pytest.raises(InputError, match=r"below 0\.333"):
        zeros_replaced(SOUND, 0.4)
