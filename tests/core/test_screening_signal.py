"""Scores of the signal on sounds whose truth is known, and clipping against a sample-by-sample count."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from soundvis_core.audio import read_windows
from soundvis_core.errors import SiteError
from soundvis_core.progress import NO_PROGRESS
from soundvis_core.screening.events import event_prominences
from soundvis_core.screening.full_scale import FullScaleCounter
from soundvis_core.screening.levels import LevelMeter
from soundvis_core.screening.recordings import screen_recordings
from soundvis_core.screening.rules import SIGNAL, SOUND_RULES
from soundvis_core.screening.signal import RATE, _a_weights, measure

pytest.importorskip("soundfile")
from tests.builders import recordings

THRESHOLD = {rule.name: rule.thresholds.get(SIGNAL) for rule in SOUND_RULES}
RNG = np.random.default_rng(3)


def noise(seconds: float, level: float = 0.05) -> np.ndarray:
    return RNG.normal(0.0, level, round(seconds * RATE)).astype(np.float32)


def band_noise(seconds: float, low: float, high: float) -> np.ndarray:
    return sosfilt(butter(4, (low, high), "bandpass", fs=RATE, output="sos"), noise(seconds))


def syllables(seconds: float, rate: float = 4.0) -> np.ndarray:
    """Noise in the band of voices, swinging at the rate of syllables."""
    times = np.arange(round(seconds * RATE)) / RATE
    return band_noise(seconds, 350.0, 3000.0) * (0.5 + 0.5 * np.sin(2 * np.pi * rate * times)) ** 1.5


def brown(seconds: float) -> np.ndarray:
    """Noise that falls by 6 dB per octave from 20 Hz on, as wind on a microphone does."""
    sound = sosfilt(butter(1, 20.0, "highpass", fs=RATE, output="sos"), np.cumsum(noise(seconds, 1.0)))
    return 0.1 * sound / sound.std()


def scores(path) -> dict:
    (result,) = screen_recordings([str(path)], NO_PROGRESS)
    assert result.status == "ok", result.reason
    return result.values


def test_speech_is_told_from_noise_and_from_other_rhythms():
    assert measure(syllables(10)).speech > THRESHOLD["speech"]
    for other in (
        noise(10),
        brown(10),
        syllables(10, 1.0),
        syllables(10, 12.0),
        band_noise(10, 4000.0, 7000.0),
    ):
        assert measure(other).speech < 0.5 * THRESHOLD["speech"]


def test_birds_that_sing_at_the_rate_of_syllables_do_not_speak():
    times = np.arange(10 * RATE) / RATE
    beat = np.sin(2 * np.pi * 4 * times)
    chirps = 0.1 * np.sin(2 * np.pi * np.cumsum(2600 + 400 * beat) / RATE) * np.maximum(beat, 0.0) ** 2
    assert measure((chirps + noise(10, 0.003)).astype(np.float32)).speech < 0.2 * THRESHOLD["speech"]


def test_speech_in_the_background_of_louder_noise_scores_less():
    quiet = [measure(syllables(10) + noise(10, level)).speech for level in (0.001, 0.01, 0.03, 0.1)]
    assert quiet == sorted(quiet, reverse=True) and quiet[-1] < 0.1


def test_wind_is_low_and_falls():
    assert measure(brown(10)).wind > THRESHOLD["wind"]
    hum = 0.1 * np.sin(2 * np.pi * 100 * np.arange(10 * RATE) / RATE)
    for other in (noise(10), syllables(10), band_noise(10, 200.0, 800.0), hum + noise(10, 0.05)):
        assert measure(other).wind < 0.5 * THRESHOLD["wind"]


def test_an_event_stands_out_of_the_whole_recording(tmp_path):
    sound = noise(30, 0.005)
    sound[12 * RATE : 13 * RATE] += noise(1, 0.3)
    found = scores(recordings.write(tmp_path, "burst.wav", sound, RATE))["transient"]
    assert found[1] > THRESHOLD["transient"] > max(found[0], found[2])
    # 0.3 over 0.005 are 35.6 dB, and a moment of noise is a little above its mean.
    assert found[1] == pytest.approx(20 * np.log10(0.3 / 0.005), abs=1.5)


def test_a_window_that_is_an_event_from_end_to_end_counts(tmp_path):
    sound = np.concatenate([noise(10, 0.004), noise(10, 0.2), noise(10, 0.004)])
    found = scores(recordings.write(tmp_path, "siren.wav", sound, RATE))["transient"]
    assert found[1] > 30 and max(found[0], found[2]) < 3


def test_silence_is_a_level_and_nothing_else_is_heard_in_it(tmp_path):
    sound = np.concatenate([np.zeros(10 * RATE), noise(10, 0.1), np.full(5 * RATE, 0.2)])
    found = scores(recordings.write(tmp_path, "muted.wav", sound, RATE, "FLOAT"))
    assert found["silence"] == pytest.approx([-120, -20, -120], abs=0.2)
    assert [found[name][0] for name in ("speech", "transient", "wind", "clipping")] == [0, 0, 0, 0]
    assert (found["windows"], found["seconds"]) == (3, 25.0)


def test_silence_is_that_of_the_channels_and_not_of_their_mix(tmp_path):
    """Channels in opposite phase are as loud as in phase, and what is in them is heard."""
    voice = np.concatenate([2 * syllables(10), noise(10, 0.1)])
    alone = scores(recordings.write(tmp_path, "alone.wav", voice, RATE, "FLOAT"))
    for name, other in (("in_phase.wav", voice), ("opposed.wav", -voice)):
        both = np.stack([voice, other], axis=1)
        found = scores(recordings.write(tmp_path, name, both, RATE, "FLOAT"))
        for rule in ("silence", "speech", "wind", "transient", "clipping"):
            assert found[rule] == pytest.approx(alone[rule], abs=1e-4), rule
    assert found["silence"].min() > THRESHOLD["silence"] and found["speech"][0] > THRESHOLD["speech"]


def test_the_level_is_the_rms_over_channels_and_samples_of_all_that_was_recorded(tmp_path):
    rate = 96000
    times = np.arange(12 * rate) / rate
    # 20 kHz is above what is heard at 16 kHz; a sine of 0.2 has an RMS of 0.2 / sqrt(2), the other channel is off.
    sound = np.stack([0.2 * np.sin(2 * np.pi * 20000 * times) + 0.3, np.full(times.size, -0.1)], axis=1)
    found = scores(recordings.write(tmp_path, "bats.wav", sound, rate, "FLOAT"))["silence"]
    assert found == pytest.approx([10 * np.log10(0.2**2 / 2 / 2)] * 2, abs=0.01)


@pytest.mark.parametrize("size", [1, 7, 160, 1000])
def test_the_level_does_not_depend_on_how_samples_arrive(size):
    samples = RNG.normal(0.3, 0.1, (500, 2)).astype(np.float32)
    meter = LevelMeter(seconds=2.0)
    for start in range(0, len(samples), size):
        meter(samples[start : start + size], 100)
    meter.finish()
    by_hand = [10 * np.log10(samples[at : at + 200].astype(float).var(axis=0).mean()) for at in (0, 200, 400)]
    assert [meter.level(window) for window in range(4)] == pytest.approx([*by_hand, -120.0])


def test_silent_recordings_are_screened_and_broken_ones_are_not(tmp_path):
    paths = [recordings.silent(tmp_path), tmp_path / "none.wav", recordings.corrupt(tmp_path)]
    tasks = [*map(str, paths), SiteError("the path field is empty", "skipped")]
    statuses = [result.status for result in screen_recordings(tasks, NO_PROGRESS)]
    assert statuses == ["ok", "failed", "failed", "skipped"]


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_a_clipped_sine_is_clipped_and_a_full_one_is_not(tmp_path, rate):
    times = np.arange(rate * 12) / rate
    sine = np.sin(2 * np.pi * 440 * times)
    clipped = scores(recordings.write(tmp_path, "c.wav", np.clip(1.5 * sine, -1, 1), rate))["clipping"]
    # Beyond 1 / 1.5 of its peak: 1 - asin(2 / 3) / (pi / 2) of the time.
    assert clipped == pytest.approx(1 - np.arcsin(2 / 3) / (np.pi / 2), abs=0.01)
    for peak in (1.0, 0.9):
        assert scores(recordings.write(tmp_path, "f.wav", peak * sine, rate))["clipping"].max() < 1e-6


def test_clipping_in_one_channel_is_found_before_channels_are_mixed(tmp_path):
    sound = np.stack([np.clip(noise(20, 0.9), -1, 1), noise(20, 0.01)], axis=1)
    sound[: 10 * RATE, 0] = noise(10, 0.01)
    found = scores(recordings.write(tmp_path, "stereo.wav", sound, RATE))["clipping"]
    assert found[0] == 0.0 and found[1] == pytest.approx(_count(sound[10 * RATE :, :1]), abs=1e-4)
    assert found[1] > THRESHOLD["clipping"]


def _count(samples: np.ndarray) -> float:
    """Share of samples in runs of three or more at full scale, one by one."""
    hot = [1 if value >= 0.999 else -1 if value <= -0.999 else 0 for value in samples[:, 0]]
    total = start = 0
    for end in range(1, len(hot) + 1):
        if end == len(hot) or hot[end] != hot[start] or not hot[start]:
            total += end - start if hot[start] and end - start >= 3 else 0
            start = end
    return total / len(hot)


@pytest.mark.parametrize("gain", [0.5, 0.1])
def test_what_was_clipped_and_turned_down_is_found(tmp_path, gain):
    wave = np.clip(sosfilt(butter(2, 2000.0, fs=RATE, output="sos"), noise(10, 0.9)), -0.9, 0.9) / 0.9
    full = scores(recordings.write(tmp_path, "full.wav", wave, RATE))["clipping"]
    down = scores(recordings.write(tmp_path, "down.wav", gain * wave, RATE))["clipping"]
    assert full[0] > THRESHOLD["clipping"] and down == pytest.approx(full, rel=0.02)


def test_round_tops_and_few_steps_are_no_plateaus(tmp_path):
    times = np.arange(48000 * 10) / 48000
    slow = np.sin(2 * np.pi * 30 * times)
    steps = np.round(sosfilt(butter(1, 500.0, fs=RATE, output="sos"), noise(10, 1.0)) * 8) / 128
    for sound, rate in ((0.5 * slow, 48000), (slow, 48000), (steps, RATE), (np.full(RATE, 0.4), RATE)):
        found = scores(recordings.write(tmp_path, "round.wav", sound, rate))["clipping"]
        assert found.max() < THRESHOLD["clipping"], found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_count_does_not_depend_on_how_samples_arrive(size):
    samples = np.clip(np.cumsum(RNG.normal(0, 0.5, (1000, 1)), axis=0), -1, 1).astype(np.float32)
    counter = FullScaleCounter(seconds=100.0)
    for start in range(0, len(samples), size):
        counter(samples[start : start + size], 10)
    counter.finish()
    assert counter.share(0, 1000) == pytest.approx(_count(samples))
    assert counter.share(7, 1000) == 0.0


def test_listeners_hear_every_sample_as_recorded(tmp_path):
    heard = []
    path = recordings.wav(tmp_path, 3.0, 44100, 2)
    windows = list(read_windows(path, RATE, listener=lambda block, rate: heard.append((block, rate))))
    assert {rate for _, rate in heard} == {44100}
    assert np.concatenate([block for block, _ in heard]).shape == (3 * 44100, 2)
    plain = list(read_windows(path, RATE))
    np.testing.assert_array_equal(windows[0].samples, plain[0].samples)


def test_the_a_weighting_is_that_of_the_standard():
    """IEC 61672-1, table 3."""
    published = {125: -16.1, 250: -8.6, 500: -3.2, 1000: 0.0, 2000: 1.2, 4000: 1.0}
    weights = 10 * np.log10(_a_weights()[1:])
    for frequency, level in published.items():
        assert weights[round(frequency / 31.25) - 1] == pytest.approx(level, abs=0.1)


def test_prominences_by_hand():
    quiet, loud = np.full(8, -60.0), np.full(8, -30.0)
    # Seconds of -60, but the fourth of -30: three of three others lie at -60, as L50 does.
    levels = [np.r_[quiet, quiet], np.array([]), np.r_[quiet, loud]]
    np.testing.assert_allclose(event_prominences(levels), [0.0, 0.0, 30.0])
    # Seconds of 0, 4, 8, 12 and one of 30: three in four of the others, by linear interpolation, do not reach 9.
    levels = [np.repeat([0.0, 4.0], 8), np.repeat([8.0, 12.0], 8), np.repeat([30.0], 8)]
    assert event_prominences(levels)[2] == 21.0
    # Two seconds in a row are one event; where they are most of the recording they are none.
    assert event_prominences([np.r_[quiet, loud, loud, quiet, quiet]]).tolist() == [30.0]
    assert event_prominences([np.r_[quiet, loud, loud]]).tolist() == [0.0]
    assert event_prominences([np.array([])]).tolist() == [0.0] and event_prominences([]).tolist() == []
    assert event_prominences([loud]).tolist() == [0.0]


def tones(times, seconds=30.0):
    """A tone of 3 kHz at ``times`` (start and end in s), with the noise of a quiet place."""
    at = np.arange(round(seconds * RATE)) / RATE
    on = np.any([(at >= start) & (at < end) for start, end in times], axis=0)
    return 0.1 * np.sin(2 * np.pi * 3000 * at) * on + noise(seconds, 0.002)


@pytest.mark.parametrize(
    ("times", "events"),
    [
        ([(14.0, 18.0)], [False, True, False]),  # a siren
        ([(4.0, 4.3), (24.0, 24.3)], [True, False, True]),  # two barks
        ([(8.0, 14.0)], [True, True, False]),  # over the border of two windows
        ([(second, second + 0.2) for second in np.arange(0.5, 30, 1.5)], [False] * 3),  # a bird that sings on
        ([(start, start + 3.0) for start in (1, 10, 19)], [False] * 3),  # verses with breaks of 6 s
        ([(2.0, 28.0)], [False] * 3),  # a fountain, say
    ],
)
def test_what_recurs_or_fills_the_recording_is_no_event(tmp_path, times, events):
    found = scores(recordings.write(tmp_path, "x.wav", tones(times), RATE))["transient"]
    assert (found >= THRESHOLD["transient"]).tolist() == events


def test_an_event_in_a_recording_of_one_window(tmp_path):
    once = recordings.write(tmp_path, "once.wav", tones([(4.0, 8.0)], 10.0), RATE)
    often = recordings.write(tmp_path, "often.wav", tones([(n, n + 0.2) for n in range(10)], 10.0), RATE)
    assert scores(once)["transient"] > 20 and scores(often)["transient"] < 1


def test_no_window_breaks_the_measures():
    for samples in (np.zeros(16), np.zeros(RATE), np.ones(RATE), np.sign(noise(1)), noise(1, 1e-3)[:100]):
        found = measure(samples.astype(np.float32))
        assert 0 <= found.speech <= 1 and 0 <= found.wind <= 1
        assert np.isfinite(found.levels).all()


@pytest.mark.real_data
def test_real_recordings_of_one_kind(test_data):
    audio = test_data / "audio"
    found = {name: scores(audio / f"{name}.ogg") for name in ("wind", "city", "rain", "birds", "waves")}
    assert (found["wind"]["wind"] > THRESHOLD["wind"]).all()
    assert all((found[name]["wind"] < 0.2).all() for name in ("city", "rain", "birds", "waves"))
    assert all((one["speech"] < 0.1).all() and (one["clipping"] < 1e-4).all() for one in found.values())
    # Birds that sing on stand out by 22 dB of L50, but not of each other.
    assert all((one["transient"] < THRESHOLD["transient"]).all() for one in found.values())


@pytest.mark.real_data
def test_real_recordings_that_are_clipped_by_hand(test_data, tmp_path):
    import soundfile

    for name in ("city", "waves"):
        sound, rate = soundfile.read(test_data / "audio" / f"{name}.ogg", always_2d=True)
        ceiling = np.quantile(np.abs(sound), 0.99)
        for gain, suffix in ((1.0, "wav"), (0.25, "wav"), (1.0, "ogg")):
            path = tmp_path / f"{name}.{suffix}"
            soundfile.write(path, gain * np.clip(sound / ceiling, -1, 1), rate)
            assert (scores(path)["clipping"] > THRESHOLD["clipping"]).any(), (name, gain, suffix)
