"""The indices equal those of scikit-maad, and digital silence breaks none of them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.audio.spectrum import frequencies, power_frames, third_octaves
from soundvis_core.models import acoustic_indices as indices

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import maad.features as maad

# At this rate bins lie on every full kHz, so that scikit-maad, which takes the nearest bins, means the same bands.
RATE, FRAME = 25600, 1024
BINS = frequencies(RATE, FRAME)


def make(kind, seed=0):
    rng = np.random.default_rng(seed)
    times = np.arange(3 * RATE) / RATE
    if kind == "noise":
        return rng.normal(0, 0.05, times.size).astype(np.float32)
    if kind == "tone":
        return (0.2 * np.sin(2 * np.pi * 3100 * times) + 1e-4 * rng.normal(size=times.size)).astype(
            np.float32
        )
    sweep = np.sin(2 * np.pi * 2500 * times + 100 * np.sin(8 * times)) * (np.sin(5 * times) > 0)
    return (0.2 * sweep + 0.001 * rng.normal(size=times.size)).astype(np.float32)


@pytest.fixture(params=["noise", "tone", "birds"])
def samples(request):
    return make(request.param)


def test_equal_to_scikit_maad(samples):
    power = power_frames(samples, FRAME).T.astype(np.float64)
    amplitude = np.sqrt(power)
    activity = indices.band_activity(amplitude, BINS)
    assert indices.acoustic_complexity(amplitude) == pytest.approx(
        maad.acoustic_complexity_index(amplitude)[2], rel=1e-9
    )
    assert indices.acoustic_diversity(activity) == pytest.approx(
        maad.acoustic_diversity_index(amplitude, BINS, fmax=10000, bin_step=1000), abs=1e-9
    )
    assert indices.acoustic_evenness(activity) == pytest.approx(
        maad.acoustic_eveness_index(amplitude, BINS, fmax=10000, bin_step=1000), abs=1e-9
    )
    assert indices.bioacoustic(amplitude, BINS) == pytest.approx(
        maad.bioacoustics_index(amplitude, BINS, flim=(2000, 11000)), rel=1e-6
    )
    assert indices.entropy(power.mean(axis=1)) == pytest.approx(maad.frequency_entropy(power)[0], rel=1e-6)
    envelope = indices.envelope(samples).astype(np.float64)
    assert indices.entropy(envelope**2) == pytest.approx(maad.temporal_entropy(samples, Nt=512), rel=1e-4)


def test_ndsi_agrees_with_scikit_maad(samples):
    # It adds up 1-kHz bins named by their lower edges, both ends included: hence 1000 alone, and 2000 to 10000.
    power = power_frames(samples, FRAME).T.astype(np.float64)
    theirs = maad.soundscape_index(
        power, BINS, flim_bioPh=(2000, 10000), flim_antroPh=(1000, 1000), R_compatible=None
    )[0]
    assert indices.ndsi(power.mean(axis=1), BINS) == pytest.approx(theirs, abs=0.02)


def test_ndsi_by_hand():
    power = np.zeros(BINS.size)
    power[np.argmin(np.abs(BINS - 1500))] = 1.0
    assert indices.ndsi(power, BINS) == -1.0
    power[np.argmin(np.abs(BINS - 5000))] = 3.0
    assert indices.ndsi(power, BINS) == 0.5
    power[np.argmin(np.abs(BINS - 500))] = 100.0  # counts for neither
    assert indices.ndsi(power, BINS) == 0.5


def test_ndsi_of_white_noise_is_that_of_the_band_widths():
    power = power_frames(make("noise"), FRAME).mean(axis=0)
    assert indices.ndsi(power, BINS) == pytest.approx((9 - 1) / (9 + 1), abs=0.01)


def test_gini_and_entropy_by_hand():
    assert indices.acoustic_evenness(np.array([1.0, 1.0, 1.0, 1.0])) == pytest.approx(0.0)
    assert indices.acoustic_evenness(np.array([0.0, 0.0, 0.0, 1.0])) == pytest.approx(0.75)
    assert indices.acoustic_diversity(np.array([0.5, 0.5, 0.0])) == pytest.approx(np.log(2))
    assert indices.entropy(np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(0.5)


def test_silence_has_no_activity():
    power = power_frames(np.zeros(RATE, np.float32), FRAME)
    amplitude = np.sqrt(power).T
    activity = indices.band_activity(amplitude, BINS)
    assert indices.acoustic_complexity(amplitude) == 0.0
    assert indices.acoustic_diversity(activity) == indices.acoustic_evenness(activity) == 0.0
    assert indices.bioacoustic(amplitude, BINS) == 0.0
    assert indices.entropy(power.mean(axis=0)) == 0.0
    assert indices.ndsi(power.mean(axis=0), BINS) == 0.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(FRAME, 3 * RATE))
def test_power_of_a_frame_is_its_mean_square(seed, size):
    """Parseval: with a Hann window, the frames' powers average to the mean square of stationary noise."""
    samples = np.random.default_rng(seed).normal(0, 0.1, size + 20 * FRAME).astype(np.float32)
    power = power_frames(samples, FRAME)
    assert power.shape == ((samples.size - FRAME) // (FRAME // 2) + 1, FRAME // 2 + 1)
    assert power.sum(axis=1).mean() == pytest.approx(float(np.mean(samples**2)), rel=0.1)


def test_power_frames_equal_welch(samples):
    from scipy.signal import welch

    _, density = welch(samples, RATE, nperseg=FRAME, noverlap=FRAME // 2, detrend=False)
    assert power_frames(samples, FRAME).mean(axis=0) == pytest.approx(
        density * RATE / FRAME, rel=1e-3, abs=1e-12
    )


def test_third_octaves_adjoin():
    bands = third_octaves(1000.0, 2000.0)
    assert len(bands) == 3
    assert bands[0][0] == 1000.0
    assert bands[-1][1] == pytest.approx(2000.0)
    assert all(one[1] == other[0] for one, other in zip(bands, bands[1:]))
    assert third_octaves(2000.0, 11000.0)[-1][1] == 11000.0
