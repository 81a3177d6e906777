"""The noise ceiling with its interval: against a slow transcription and simulated windows of known reliability."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.statistics import noise_ceiling as module
from soundvis_core.statistics.noise_ceiling import noise_ceiling
from tests.builders.counted_progress import Counted

pytestmark = pytest.mark.filterwarnings("error")


def windows_of(sites, windows=4, noise=1.0, width=8, seed=0):
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(sites, width))
    return [centre + noise * generator.normal(size=(windows, width)) for centre in centres]


def cosine(a, b):
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_two_windows_by_hand():
    """Two windows have one halving: four means, two comparisons of all pairs, Spearman and Brown, a root."""
    data = windows_of(12, windows=2)
    found = noise_ceiling(data, halvings=3, bootstraps=0)
    pairs = [(i, j) for i in range(12) for j in range(i)]
    rs = []
    for first, second in (((0, 0), (1, 1)), ((0, 1), (1, 0))):
        one = [cosine(data[i][first[0]], data[j][first[1]]) for i, j in pairs]
        other = [cosine(data[i][second[0]], data[j][second[1]]) for i, j in pairs]
        rs.append(np.corrcoef(one, other)[0, 1])
    half = np.mean(rs)
    # The halvings differ in which window comes first, which changes the crossed comparison only in its order.
    assert found.split_half == pytest.approx(half, abs=0.05)
    assert found.reliability == pytest.approx(2 * found.split_half / (1 + found.split_half))
    assert found.ceiling == pytest.approx(np.sqrt(found.reliability))
    assert (found.windows, found.sites, found.sites_unsplit, found.interval) == (24, 12, 0, None)


def test_windows_without_noise_are_wholly_reliable():
    found = noise_ceiling(windows_of(15, noise=0.0), bootstraps=50)
    assert found.reliability == found.ceiling == pytest.approx(1.0)
    assert found.interval == pytest.approx((1.0, 1.0), abs=1e-6)


def test_noise_alone_has_no_reliability():
    generator = np.random.default_rng(3)
    found = [noise_ceiling(list(generator.normal(size=(30, 4, 6))), 10, 100, seed) for seed in range(10)]
    assert all(one.reliability < 0.35 for one in found)
    assert sum(one.interval[0] == 0.0 for one in found) >= 8


def test_the_interval_holds_the_reliability():
    """That of 1,200 sites like these; 95 % of 60 intervals give 57, three standard errors are 5."""
    true = np.mean(
        [noise_ceiling(windows_of(700, noise=1.2, seed=seed), 1, 0).reliability for seed in range(100, 104)]
    )
    found = [noise_ceiling(windows_of(30, noise=1.2, seed=seed), 6, 150, seed) for seed in range(60)]
    held = sum(one.interval[0] <= true <= one.interval[1] for one in found)
    assert held >= 50
    assert np.mean([one.reliability for one in found]) == pytest.approx(true, abs=0.03)
    assert all(one.interval[0] <= one.reliability <= one.interval[1] for one in found)


def test_more_windows_are_more_reliable():
    few, many = (noise_ceiling(windows_of(40, count), 10, 0).reliability for count in (2, 12))
    assert many > few + 0.1


def test_the_seed_decides():
    data = windows_of(12)
    assert noise_ceiling(data, 5, 50, 3) == noise_ceiling(data, 5, 50, 3)
    assert noise_ceiling(data, 5, 50, 3).interval != noise_ceiling(data, 5, 50, 4).interval


def test_windows_that_cannot_be_compared_are_passed_over():
    data = windows_of(10, 3)
    whole = noise_ceiling(data, 5, 40, 1)
    spoilt = [np.vstack([rows, np.full(8, np.nan), np.zeros(8)]) for rows in data]
    spoilt += [data[0][:1], np.empty((0, 8)), np.vstack([data[1][:1], np.full(8, np.nan)])]
    found = noise_ceiling(spoilt, 5, 40, 1)
    assert (found.windows, found.sites, found.sites_unsplit) == (30, 10, 3)
    assert (found.split_half, found.interval) == (whole.split_half, whole.interval)


def test_measures_of_shares():
    generator = np.random.default_rng(1)
    data = [generator.dirichlet(40 * centre, 4) for centre in generator.dirichlet([2.0, 2.0, 2.0], 20)]
    data[0][0] = [-0.1, 0.6, 0.5]
    for measure in ("hellinger", "jensen-shannon", "aitchison"):
        found = noise_ceiling(data, 4, 30, 0, measure)
        assert 0.5 < found.reliability < 1.0 and found.windows == 79
    numbers = [rows[:, :1] for rows in windows_of(20, 4, 0.3)]
    assert noise_ceiling(numbers, 4, 30).reliability > 0.8


@pytest.mark.parametrize("sites", [0, 1, 2])
def test_too_few_sites(sites):
    found = noise_ceiling([*windows_of(3)[:sites], np.ones((1, 8))])
    assert (found.reliability, found.ceiling, found.interval) == (None, None, None)
    assert "fewer than 3 sites" in found.note
    assert (found.sites, found.sites_unsplit) == (sites, 1)


def test_few_sites_are_told():
    assert "only 4 sites" in noise_ceiling(windows_of(4), bootstraps=20).note


def test_sites_that_are_all_alike():
    found = noise_ceiling([np.ones((3, 4))] * 8)
    assert found.reliability is None and "equally similar" in found.note


def test_very_many_sites_are_sampled(monkeypatch):
    monkeypatch.setattr(module, "MAX_SITES", 20)
    found = noise_ceiling(windows_of(50), 3, 20)
    assert (found.sites, found.windows) == (20, 80)
    assert found.note == "from a random sample of 20 of 50 sites"


def test_refusals():
    with pytest.raises(InputError, match="no measure 'euclid'"):
        noise_ceiling(windows_of(5), measure="euclid")
    with pytest.raises(InputError, match="halvings is 0"):
        noise_ceiling(windows_of(5), halvings=0)


def test_progress_and_cancel():
    patient = Counted()
    noise_ceiling(windows_of(10), 4, 40, progress=patient)
    assert patient.told == sorted(patient.told) and patient.told[-1] == pytest.approx(1.0)
    for looks in (0, 3, 8):
        with pytest.raises(Cancelled):
            noise_ceiling(windows_of(10), 4, 40, progress=Counted(looks))
