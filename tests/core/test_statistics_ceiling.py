"""The noise ceiling against simulated noise of known size, a literal computation and the formulas' own identities."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.errors import Cancelled
from soundvis_core.progress import NoProgress
from soundvis_core.statistics.ceiling import (
    attainable_r,
    half_correlation,
    spearman_brown,
    split_half_reliability,
)
from soundvis_core.statistics.mantel import pearson
from soundvis_core.statistics.similarity import pairs_of, similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")


def recordings(truth, windows, noise, generator):
    """Per site its windows: the truth of the site and noise."""
    counts = np.broadcast_to(windows, len(truth))
    return [
        site + noise * generator.normal(size=(count, truth.shape[1])) for site, count in zip(truth, counts)
    ]


@pytest.mark.parametrize(("noise", "windows"), [(0.5, 6), (1.0, 6), (2.0, 12), (1.0, 2)])
def test_known_noise_known_reliability(noise, windows):
    # What is estimated: r between the similarities of two independent recordings of every site.
    generator = np.random.default_rng(0)
    estimates, replicates = [], []
    for seed in range(6):
        truth = generator.normal(size=(70, 16))
        first, second = (recordings(truth, windows, noise, generator) for _ in range(2))
        matrices = [
            similarity_matrix(np.array([site.mean(axis=0) for site in one])) for one in (first, second)
        ]
        replicates.append(pearson(*(pairs_of(matrix) for matrix in matrices)))
        estimates.append(split_half_reliability(first, seed=seed).value)
    assert np.mean(estimates) == pytest.approx(np.mean(replicates), abs=0.06)


def test_ragged_numbers_of_windows():
    generator = np.random.default_rng(1)
    truth = generator.normal(size=(80, 12))
    counts = generator.integers(2, 15, size=80)
    first, second = (recordings(truth, counts, 1.5, generator) for _ in range(2))
    matrices = [similarity_matrix(np.array([site.mean(axis=0) for site in one])) for one in (first, second)]
    found = split_half_reliability(first)
    assert found.sites == 80 and found.left_out == () and found.note == ""
    assert found.value == pytest.approx(pearson(*(pairs_of(matrix) for matrix in matrices)), abs=0.07)
    assert found.low <= found.half <= found.high < found.value


def test_no_noise_is_wholly_reliable_and_noise_alone_not_at_all():
    truth = np.random.default_rng(2).normal(size=(30, 5))
    same = split_half_reliability([np.repeat(site[None], 3, axis=0) for site in truth], halvings=3)
    assert same.value == pytest.approx(1.0) and same.half == pytest.approx(1.0)
    noise = [np.random.default_rng(i).normal(size=(4, 64)) for i in range(60)]
    assert split_half_reliability(noise).value < 0.1


def test_halves_that_disagree_have_a_reliability_of_0():
    found = [
        split_half_reliability(list(np.random.default_rng(seed).normal(size=(8, 4, 64))), halvings=2)
        for seed in range(12)
    ]
    below = [one for one in found if one.half <= 0.0]
    assert below
    for one in below:
        assert one.value == 0.0 and "noise" in one.note


def test_half_correlation_is_the_mean_of_both_ways():
    generator = np.random.default_rng(3)
    first, second = generator.normal(size=(2, 9, 4))
    unit_a, unit_b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (first, second))
    upper = np.triu_indices(9, 1)
    straight = np.corrcoef((unit_a @ unit_a.T)[upper], (unit_b @ unit_b.T)[upper])[0, 1]
    crossed = np.corrcoef((unit_a @ unit_b.T)[upper], (unit_b @ unit_a.T)[upper])[0, 1]
    assert half_correlation(first, second) == pytest.approx((straight + crossed) / 2)


def test_single_numbers_are_compared_by_their_difference():
    levels = np.random.default_rng(4).normal(size=40)
    windows = [level + 0.2 * np.random.default_rng(i).normal(size=(6, 1)) for i, level in enumerate(levels)]
    assert 0.9 < split_half_reliability(windows).value < 1.0


def test_sites_that_cannot_be_halved_are_counted_with_a_reason():
    generator = np.random.default_rng(5)
    windows = recordings(generator.normal(size=(10, 4)), 4, 0.3, generator)
    windows[2] = windows[2][:1]
    windows[5] = np.empty((0, 4))
    windows[7][1:] = np.nan
    windows[8][0, 0] = np.inf
    found = split_half_reliability(windows)
    assert [site for site, _ in found.left_out] == [2, 5, 7]
    assert all("two windows" in reason for _, reason in found.left_out)
    assert found.sites == 7 and 0.5 < found.value <= 1.0


@pytest.mark.parametrize(
    "windows",
    [
        [],
        [np.ones((4, 3))] * 2,
        [np.ones((1, 3))] * 9,
        [np.ones((4, 3))] * 9,
        [np.zeros((4, 3))] * 9,
        [np.ones((4, 1))] * 9,
    ],
)
def test_undefined_says_why(windows):
    found = split_half_reliability(windows, halvings=2)
    assert found.value is None and found.half is None and found.note


def test_same_seed_same_value_and_order_of_windows_in_a_file_does_not_decide():
    generator = np.random.default_rng(6)
    windows = recordings(generator.normal(size=(20, 4)), 7, 1.0, generator)
    assert split_half_reliability(windows, seed=3) == split_half_reliability(windows, seed=3)
    turned = split_half_reliability([site[::-1] for site in windows], seed=3, halvings=60)
    assert turned.value == pytest.approx(split_half_reliability(windows, seed=4, halvings=60).value, abs=0.05)


def test_more_sites_than_fit_are_sampled(monkeypatch):
    monkeypatch.setattr("soundvis_core.statistics.ceiling.MAX_SITES", 25)
    generator = np.random.default_rng(7)
    found = split_half_reliability(recordings(generator.normal(size=(60, 4)), 4, 0.5, generator))
    assert found.sites == 25 and "25 of 60" in found.note and found.value > 0.5


def test_spearman_brown():
    # Half a test of .6: 1.2 / 1.6; three times of .5: 1.5 / 2. Twice twice is four times.
    assert spearman_brown(0.6) == pytest.approx(0.75)
    assert spearman_brown(0.5, 3.0) == pytest.approx(0.75)
    assert spearman_brown(spearman_brown(0.3)) == pytest.approx(spearman_brown(0.3, 4.0))
    assert spearman_brown(1.0) == 1.0 and spearman_brown(0.0) == spearman_brown(-1.0) == 0.0


def test_attainable_r():
    assert attainable_r(0.81, 0.49) == pytest.approx(0.63)
    assert attainable_r(0.81, None) == attainable_r(None, 0.81) == pytest.approx(0.9)
    assert attainable_r(None, None) is None and attainable_r(0.0, 0.5) == 0.0


def test_noise_lowers_r_to_the_attainable():
    # Both blocks see the same truth; r of what was measured is what the ceiling says.
    generator = np.random.default_rng(8)
    found, ceilings = [], []
    for _ in range(6):
        truth = generator.normal(size=(70, 16))
        blocks = [recordings(truth, 8, noise, generator) for noise in (1.0, 2.0)]
        matrices = [similarity_matrix(np.array([site.mean(axis=0) for site in one])) for one in blocks]
        found.append(pearson(*(pairs_of(matrix) for matrix in matrices)))
        ceilings.append(attainable_r(*(split_half_reliability(one).value for one in blocks)))
    assert np.mean(found) == pytest.approx(np.mean(ceilings), abs=0.06)


def test_cancel():
    class Stop(NoProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        split_half_reliability([np.eye(3)] * 5, progress=Stop())
