"""acoustic-features: mel bands and spectral shapes as librosa has them, and what must not change them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.audio import read_windows
from soundvis_core.audio.spectrum import power_frames
from soundvis_core.models import acoustic_features as features
from soundvis_core.models.acoustic_features import FRAME, RATE, AcousticFeatures

MODEL = AcousticFeatures()
LEVEL = MODEL.names.index("level")


@pytest.fixture(scope="module")
def sound():
    """Four seconds with chirps, a hum and noise, at a third of full scale."""
    rng = np.random.default_rng(5)
    times = np.arange(4 * RATE) / RATE
    chirps = np.sin(2 * np.pi * 3000 * times + 300 * np.sin(2 * np.pi * 3 * times)) * (
        np.sin(9 * times) > 0.3
    )
    wave = 0.1 * chirps + 0.1 * np.sin(2 * np.pi * 120 * times) + 0.02 * rng.normal(size=times.size)
    return wave.astype(np.float32)


def test_names_and_dimension_agree():
    assert MODEL.dimension == len(MODEL.names) == len(set(MODEL.names)) == 105
    assert MODEL.id == "acoustic-features"
    assert MODEL.encode([]).shape == (0, 105)


def test_mel_filters_are_those_of_librosa():
    expected = librosa.filters.mel(
        sr=RATE, n_fft=FRAME, n_mels=features.MEL_BANDS, fmin=features.MEL_LOW, fmax=features.MEL_HIGH
    )
    assert features.mel_filters() == pytest.approx(expected, abs=1e-7)


def test_mel_levels_are_those_of_librosa(sound):
    power = power_frames(sound, FRAME)
    mel = librosa.filters.mel(sr=RATE, n_fft=FRAME, n_mels=40, fmin=50, fmax=11000) @ power.T
    expected = librosa.power_to_db(mel, ref=np.max, amin=1e-20, top_db=80.0)
    assert features.mel_levels(power).T == pytest.approx(expected, abs=0.01)


def test_spectral_shapes_are_those_of_librosa(sound):
    power = power_frames(sound, FRAME)
    amplitude = np.sqrt(power).T
    ours = features.spectral_shape(power).T
    spectral = librosa.feature
    assert ours[0] == pytest.approx(spectral.spectral_centroid(S=amplitude, sr=RATE)[0], rel=1e-4)
    assert ours[1] == pytest.approx(spectral.spectral_bandwidth(S=amplitude, sr=RATE)[0], rel=1e-3)
    assert ours[2] == pytest.approx(
        spectral.spectral_rolloff(S=amplitude, sr=RATE)[0], abs=RATE / FRAME + 0.1
    )
    assert ours[3] == pytest.approx(spectral.spectral_flatness(S=amplitude, amin=1e-30)[0], rel=1e-3)


def test_rhythm_finds_the_rate_and_depth_of_a_swing():
    times = np.arange(10 * RATE) / RATE
    noise = np.random.default_rng(2).normal(0, 0.1, times.size)
    for rate, column in ((1.0, 0), (4.0, 1), (11.0, 2)):
        swung = (noise * (1 + 0.8 * np.sin(2 * np.pi * rate * times))).astype(np.float32)
        depths = features.rhythm(power_frames(swung, FRAME)).reshape(3, 3)
        # The envelope 1 + 0.8 sin has the squared coefficient of variation 0.8 ** 2 / 2; each frame smooths it.
        assert (np.argmax(depths, axis=1) == column).all()
        assert depths[:, column].mean() == pytest.approx(0.32, rel=0.25)


def test_a_tone_is_where_it_should_be():
    tone = (0.1 * np.sin(2 * np.pi * 4000 * np.arange(RATE) / RATE)).astype(np.float32)
    values = dict(zip(MODEL.names, features.describe(tone)))
    assert values["centroid"] == pytest.approx(2.0, abs=0.01)  # 4 kHz: two octaves above 1 kHz
    assert values["ndsi"] == pytest.approx(1.0, abs=1e-3)
    assert values["level"] == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)), abs=0.01)
    loudest = max((name for name in values if name.startswith("shape_")), key=values.get)
    assert abs(float(loudest[6:-2]) - 4000) < 200


@settings(max_examples=25, deadline=None)
@given(st.floats(-40.0, 9.0))
def test_gain_moves_the_level_only(sound, gain):
    before = features.describe(sound)
    after = features.describe(sound * np.float32(10 ** (gain / 20)))
    assert after[LEVEL] - before[LEVEL] == pytest.approx(gain, abs=1e-3)
    assert np.delete(after, LEVEL) == pytest.approx(np.delete(before, LEVEL), abs=2e-3)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 3 * RATE),
    st.sampled_from(["zeros", "ones", "noise", "click", "quiet", "huge", "half"]),
    st.integers(0, 99),
)
def test_any_finite_input_gives_finite_vectors(size, kind, seed):
    rng = np.random.default_rng(seed)
    samples = {
        "zeros": lambda: np.zeros(size),
        "ones": lambda: np.ones(size),
        "noise": lambda: rng.uniform(-1, 1, size),
        "click": lambda: np.eye(1, max(size, 1), size // 2)[0],
        "quiet": lambda: rng.normal(0, 1e-30, size),
        "huge": lambda: rng.normal(0, 1e30, size),
        "half": lambda: np.where(np.arange(size) < size // 2, 0.0, rng.normal(0, 0.1, size)),
    }[kind]().astype(np.float32)
    encoded = MODEL.encode([samples])
    assert encoded.dtype == np.float32
    assert encoded.shape == (1, MODEL.dimension)
    assert np.isfinite(encoded).all()
    assert np.abs(encoded).max() <= 3.0


def test_a_window_is_encoded_alike_alone_and_among_others(sound):
    windows = [sound, sound[:RATE], sound[::-1].copy()]
    together = MODEL.encode(windows)
    assert np.array_equal(together, np.concatenate([MODEL.encode([window]) for window in windows]))


def test_several_threads_may_encode_at_once(sound):
    windows = [sound[start : start + RATE] for start in range(0, 3 * RATE, RATE // 4)]
    expected = MODEL.encode(windows)
    features.mel_filters.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda window: MODEL.encode([window])[0], windows * 3))
    assert np.array_equal(np.array(rows), np.tile(expected, (3, 1)))


@pytest.mark.real_data
def test_real_recordings_are_told_apart(test_data):
    vectors = {}
    for path in sorted((test_data / "audio").glob("*.ogg")):
        mean = MODEL.encode([window.samples for window in read_windows(path, RATE)]).mean(axis=0)
        vectors[path.stem] = mean / np.linalg.norm(mean)
    names = sorted(vectors)
    matrix = np.array([[vectors[a] @ vectors[b] for b in names] for a in names])
    pairs = matrix[np.triu_indices(len(names), 1)]
    assert pairs.min() < -0.5
    assert pairs.max() > 0.5
    assert abs(np.median(pairs)) < 0.25

    def alike(one, other):
        return matrix[names.index(one), names.index(other)]

    assert alike("birds", "summer-night") > alike("birds", "city")
    assert alike("city", "train") > alike("city", "summer-night")
    assert alike("rain", "waves") > alike("rain", "train")
    # No dimension rules: each has less than a tenth of what makes the vectors up.
    energy = np.mean([vector**2 for vector in vectors.values()], axis=0)
    assert energy.max() < 0.1
    # Windows of one recording are more alike than recordings are.
    birds = MODEL.encode([window.samples for window in read_windows(test_data / "audio" / "birds.ogg", RATE)])
    birds /= np.linalg.norm(birds, axis=1, keepdims=True)
    assert (birds @ birds.T).min() > np.median(pairs)
