"""AST's log-mel spectrogram against transformers' own extractor, and what a checkpoint may say of it."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from soundvis_core.audio import read_windows
from soundvis_core.errors import InputError
from soundvis_core.models.ast_features import AUDIOSET, MelSettings, log_mel
from soundvis_core.models.torch_stack import torch_stack

RATE = 16000


def make_extractor(**settings):
    """transformers' own. Only its numpy path is the reference; with torchaudio it would take another one."""
    torch_stack()
    torch.set_num_threads(1)
    from transformers import ASTFeatureExtractor

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="At least one mel filter has all zero values")
        made = ASTFeatureExtractor(**settings)
    assert hasattr(made, "mel_filters")
    return made


@pytest.fixture(scope="module")
def extractor():
    return make_extractor()


def reference(extractor, samples: np.ndarray) -> np.ndarray:
    return extractor(samples, sampling_rate=RATE, return_tensors="np")["input_values"][0]


def sounds(count: int) -> dict[str, np.ndarray]:
    """Hard cases of ``count`` samples: each breaks some short cut."""
    random = np.random.default_rng(count)
    steps = np.arange(count)
    made = {
        "noise": random.normal(0.0, 0.1, count),
        "full scale tone": np.sin(steps * 0.3),
        "soft noise": random.normal(0.0, 1e-4, count),
        "tone over silence": 0.9 * np.sin(steps * 0.05) + random.normal(0.0, 1e-6, count),
        "constant offset": np.full(count, 0.5),
        "noise on an offset": 0.7 + random.normal(0.0, 1e-3, count),
        "digital silence": np.zeros(count),
        "clipped": np.sign(random.normal(0.0, 1.0, count)),
        "one click": (steps == 777).astype(float),
        "sweep": 0.5 * np.sin(steps**2 * 1e-6),
    }
    return {name: samples.astype(np.float32) for name, samples in made.items()}


@pytest.mark.parametrize("seconds", [1.0, 1.7, 3.0, 9.9999, 10.0, 10.24, 10.25, 10.26, 12.0])
def test_it_equals_the_reference(extractor, seconds):
    for name, samples in sounds(round(seconds * RATE)).items():
        ours, theirs = log_mel(samples), reference(extractor, samples)
        assert ours.shape == theirs.shape == (1024, 128) and ours.dtype == np.float32
        assert np.abs(ours - theirs).max() <= 1e-6, name


@pytest.mark.real_data
def test_it_equals_the_reference_on_recordings(extractor, test_data):
    compared = 0
    for path in sorted(test_data.joinpath("audio").iterdir())[:8]:
        for window in list(read_windows(path, RATE))[:2]:
            assert np.abs(log_mel(window.samples) - reference(extractor, window.samples)).max() <= 1e-6
            compared += 1
    assert compared


def test_ten_seconds_are_998_frames_and_the_rest_is_padded_before_the_normalisation():
    spectrogram = log_mel(sounds(10 * RATE)["noise"])
    padding = (0.0 + 4.2677393) / (2 * 4.5689974)
    np.testing.assert_allclose(spectrogram[998:], padding, rtol=1e-6)
    assert np.abs(spectrogram[:998] - padding).min(axis=1).max() > 0.0


def test_silence_is_the_floor_and_not_the_padding():
    spectrogram = log_mel(np.zeros(2 * RATE, np.float32))
    floor = (np.log(1.192092955078125e-07) + 4.2677393) / (2 * 4.5689974)
    frames = 1 + (2 * RATE - 400) // 160
    np.testing.assert_allclose(spectrogram[:frames], floor, rtol=1e-6)
    assert not np.isclose(spectrogram[frames:], floor).any()


def test_a_tone_by_hand():
    """One frame by the definition, in plain sums: a 1-kHz sine, its energy in the filters around 1 kHz."""
    samples = np.sin(2 * np.pi * 1000.0 * np.arange(400) / RATE)
    frame = samples - samples.mean()
    frame = np.concatenate([[frame[0] * 0.03], frame[1:] - 0.97 * frame[:-1]])
    frame *= 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)
    powers = [
        abs(sum(value * np.exp(-2j * np.pi * k * n / 512) for n, value in enumerate(frame))) ** 2
        for k in range(257)
    ]

    def mel(hertz):
        return 1127.0 * np.log(1.0 + hertz / 700.0)

    step = (mel(8000.0) - mel(20.0)) / 129
    expected = []
    for index in range(128):
        centre = mel(20.0) + (index + 1) * step
        weights = [max(0.0, 1.0 - abs(mel(k * 31.25) - centre) / step) for k in range(257)]
        energy = sum(weight * power for weight, power in zip(weights, powers))
        expected.append((np.log(max(energy, 1.192092955078125e-07)) + 4.2677393) / (2 * 4.5689974))
    found = log_mel(samples.astype(np.float32))[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.argmax(found) == round((mel(1000.0) - mel(20.0)) / step) - 1


def test_values_of_the_checkpoint_are_honoured():
    samples = sounds(3 * RATE)["noise"]
    theirs = make_extractor(mean=-6.0, std=2.5, max_length=200, num_mel_bins=96)
    ours = MelSettings.from_mapping(theirs.to_dict(), "the file")
    np.testing.assert_allclose(log_mel(samples, ours), reference(theirs, samples), atol=1e-6)
    plain = MelSettings.from_mapping({"do_normalize": False}, "the file")
    np.testing.assert_allclose(
        (log_mel(samples, plain) + 4.2677393) / (2 * 4.5689974), log_mel(samples), atol=1e-5
    )


def test_without_values_they_are_those_of_audioset():
    assert (
        MelSettings.from_mapping({}, "the file") == AUDIOSET == MelSettings(-4.2677393, 4.5689974, 1024, 128)
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sampling_rate": 44100}, "44100 Hz"),
        ({"mean": "loud"}, "'loud' as mean"),
        ({"std": None}, "'None' as std"),
        ({"std": 0.0}, "std 0"),
        ({"mean": float("nan")}, "as mean"),
        ({"num_mel_bins": 4000}, "num_mel_bins 4000"),
        ({"max_length": 0}, "max_length 0"),
        ({"max_length": 10_000_000}, "max_length 10000000"),
        ({"feature_extractor_type": "WhisperFeatureExtractor"}, "WhisperFeatureExtractor"),
    ],
)
def test_what_is_no_such_spectrogram_is_refused(values, words):
    with pytest.raises(InputError, match=r"preprocessor\.json") as caught:
        MelSettings.from_mapping(values, "preprocessor.json")
    assert words in str(caught.value)


def test_less_than_a_frame_is_padding_only():
    assert np.ptp(log_mel(np.ones(399, np.float32))) == 0.0
    assert np.ptp(log_mel(np.zeros(0, np.float32))) == 0.0


def test_its_input_is_left_alone_and_its_output_is_new():
    samples = sounds(RATE)["noise"]
    before = samples.copy()
    first, second = log_mel(samples), log_mel(samples)
    first += 1.0
    assert np.array_equal(samples, before) and not np.shares_memory(first, second)
    assert np.array_equal(second, log_mel(samples))


def test_threads_do_not_disturb_each_other():
    made = [sounds(RATE * (1 + number % 3))["noise"] * (number + 1) / 40 for number in range(24)]
    alone = [log_mel(samples) for samples in made]
    start = threading.Barrier(4)

    def work(part: int) -> list[np.ndarray]:
        start.wait()
        return [log_mel(samples) for samples in made[part::4]]

    with ThreadPoolExecutor(4) as pool:
        for part, together in enumerate(pool.map(work, range(4))):
            assert all(np.array_equal(one, other) for one, other in zip(together, alone[part::4]))
