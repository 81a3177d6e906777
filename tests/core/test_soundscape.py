"""The ndsi baseline: what is known to be animal-like, water-like or traffic-like comes out as such."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.audio import Window, read_windows
from soundvis_core.bga import soundscape
from soundvis_core.bga.soundscape import RATE, sound_composition
from soundvis_core.errors import SiteError
from tests.builders import recordings

# EN 1793-3: the normalised road traffic noise spectrum, A-weighted third-octave levels in dB, 100 Hz to 5 kHz,
# and the A-weighting of IEC 61672 at the same frequencies.
TRAFFIC = [-20, -20, -18, -16, -15, -14, -13, -12, -11, -9, -8, -9, -10, -11, -13, -15, -16, -18]
WEIGHTING = [
    -19.1,
    -16.1,
    -13.4,
    -10.9,
    -8.6,
    -6.6,
    -4.8,
    -3.2,
    -1.9,
    -0.8,
    0,
    0.6,
    1.0,
    1.2,
    1.3,
    1.2,
    1.0,
    0.5,
]
THIRDS = 1000.0 * 2.0 ** ((np.arange(18) - 10) / 3.0)


def shaped(level, seconds=10.0, seed=0, rms=0.05):
    """Gaussian noise whose power density follows ``level(frequencies)`` in dB."""
    size = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=size))
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 20.0)
    wave = np.fft.irfft(spectrum * 10 ** (level(hertz) / 20), size)
    return (rms * wave / wave.std()).astype(np.float32)


def pink(hertz):
    return -10 * np.log10(hertz)


def traffic(hertz):
    """Power density: third-octave levels less ten times the logarithm of the bands' widths."""
    levels = np.array(TRAFFIC, float) - np.array(WEIGHTING)
    density = levels - 10 * np.log10(THIRDS)
    slope = density[-1] - density[-2]
    thirds = np.log2(hertz / 1000.0) * 3 + 10
    inside = np.interp(thirds, np.arange(18), density)
    return np.where(thirds > 17, density[-1] + slope * (thirds - 17), inside)


def rumble(hertz):
    return -10 * np.log10(hertz) - 9 * np.log2(np.maximum(hertz, 100.0))


def chirps(seconds=10.0):
    times = np.arange(round(seconds * RATE)) / RATE
    # From 3.5 to 5.5 kHz and back six times a second, with pauses.
    song = np.sin(2 * np.pi * 4500 * times + 1000 / 6 * np.sin(2 * np.pi * 6 * times)) * (
        np.sin(4 * times) > 0
    )
    return (0.1 * song + 1e-4 * np.random.default_rng(1).normal(size=times.size)).astype(np.float32)


def windows(samples, seconds=10.0, rate=RATE, source_rate=0):
    size = round(seconds * rate)
    return [
        Window(samples[start : start + size], rate, start / rate, source_rate)
        for start in range(0, samples.size, size)
    ]


def test_the_reference_ratios_are_those_of_their_spectra():
    hertz = np.arange(1000.0, 11000.0)
    for level, ratio in ((traffic, soundscape._TRAFFIC_RATIO), (pink, soundscape._PINK_RATIO)):
        power = 10 ** (level(hertz) / 10)
        assert power[hertz >= 2000].sum() / power[hertz < 2000].sum() == pytest.approx(ratio, abs=0.03)
    assert soundscape._measure(shaped(traffic), RATE).slope == pytest.approx(1.7, abs=0.2)


@pytest.mark.parametrize(
    ("samples", "dominant", "share"),
    [
        (chirps(), "biophony", 0.9),
        (shaped(pink), "geophony", 0.9),
        (shaped(lambda hertz: 0 * hertz), "geophony", 0.9),  # white noise: heavy rain
        (shaped(rumble), "geophony", 0.9),
        (shaped(traffic), "anthrophony", 0.85),
    ],
    ids=["chirps", "pink", "white", "rumble", "traffic"],
)
def test_what_is_known_is_recognised(samples, dominant, share):
    found = sound_composition(windows(samples))
    assert found.composition.dominant == dominant
    assert max(found.composition.normalised) > share
    assert sum(found.composition.raw) == pytest.approx(1.0)
    assert found.composition.unmapped == 0.0


def test_noise_is_steady_and_chirps_are_not():
    assert sound_composition(windows(shaped(pink))).steadiness > 0.97
    assert (
        sound_composition(windows(shaped(pink) * np.linspace(0.1, 1.0, 240000, dtype=np.float32))).steadiness
        > 0.95
    )
    assert sound_composition(windows(chirps())).steadiness < 0.1


def test_ndsi_and_levels_are_the_standard_ones():
    rng = np.random.default_rng(3)
    white = rng.normal(0, 0.1, 10 * RATE).astype(np.float32)
    found = sound_composition(windows(white))
    assert found.ndsi == pytest.approx(0.8, abs=0.01)  # bands of 9 and 1 kHz
    # 1 of 12 kHz of a mean square of 0.01, and 9 of 12.
    assert found.band_ant == pytest.approx(10 * np.log10(0.01 / 12), abs=0.1)
    assert found.band_bio == pytest.approx(10 * np.log10(0.01 * 9 / 12), abs=0.1)
    assert (found.windows, found.seconds, found.note) == (1, 10.0, "")


def test_silence_is_unmapped():
    silence = np.zeros(10 * RATE, np.float32)
    nothing = sound_composition(windows(np.concatenate([silence, silence])))
    assert nothing.composition.raw is None
    assert nothing.composition.normalised is None
    assert nothing.composition.unmapped == 1.0
    assert nothing.ndsi is nothing.band_ant is nothing.band_bio is nothing.steadiness is None
    assert (nothing.windows, nothing.seconds) == (2, 20.0)
    half = sound_composition(windows(np.concatenate([chirps(), silence])))
    whole = sound_composition(windows(chirps()))
    assert half.composition.unmapped == pytest.approx(0.5)
    assert half.composition.normalised == pytest.approx(whole.composition.normalised)
    assert sum(half.composition.raw) == pytest.approx(0.5)
    assert half.ndsi == pytest.approx(whole.ndsi)


def test_no_windows_and_no_sound_above_1_khz_give_nothing():
    assert sound_composition([]).composition.raw is None
    hum = (0.1 * np.sin(2 * np.pi * 50 * np.arange(10 * RATE) / RATE)).astype(np.float32)
    found = sound_composition(windows(hum))
    assert found.composition.raw is None or sum(found.composition.raw) == pytest.approx(1.0)


def test_windows_count_by_their_time_not_by_their_level():
    both = np.concatenate([chirps(), 5.0 * shaped(traffic)])
    found = sound_composition(windows(both))
    assert found.composition.normalised[0] == pytest.approx(0.5, abs=0.06)
    assert found.composition.normalised[2] == pytest.approx(0.5, abs=0.08)


@settings(max_examples=15, deadline=None)
@given(st.floats(-20.0, 15.0))
def test_gain_moves_the_levels_only(gain):
    samples = np.concatenate([chirps(3.0), shaped(traffic, 3.0), shaped(pink, 3.0)])
    before = sound_composition(windows(samples, 3.0))
    after = sound_composition(windows(samples * np.float32(10 ** (gain / 20)), 3.0))
    assert after.composition.raw == pytest.approx(before.composition.raw, abs=1e-4)
    assert after.ndsi == pytest.approx(before.ndsi, abs=1e-5)
    assert after.band_bio - before.band_bio == pytest.approx(gain, abs=1e-3)


def test_low_sample_rates_are_noted_or_refused(tmp_path):
    path = recordings.write(tmp_path, "phone.wav", recordings.noise(3, 8000), 8000)
    found = sound_composition(read_windows(path, RATE))
    assert "no sound above 4 kHz (sample rate 8000 Hz)" in found.note
    assert found.composition.raw is not None
    path = recordings.write(tmp_path, "telex.wav", recordings.noise(3, 4000), 4000)
    with pytest.raises(SiteError, match="4000 Hz is too low"):
        sound_composition(read_windows(path, RATE))


def test_windows_are_taken_one_at_a_time():
    alive = []

    def stream():
        for window in windows(shaped(pink, 3.0), 1.0):
            alive.append(window.start)
            yield window

    assert sound_composition(stream()).windows == len(alive) == 3


@pytest.mark.real_data
def test_real_recordings_are_parted_sensibly(test_data):
    found = {
        path.stem: sound_composition(read_windows(path, RATE))
        for path in sorted((test_data / "audio").glob("*.ogg"))
    }
    bio, geo, ant = (
        {name: one.composition.normalised[place] for name, one in found.items()} for place in range(3)
    )
    assert bio["birds"] > bio["city"] + 0.5
    assert bio["summer-night"] > bio["train"] + 0.5
    assert ant["city"] > ant["birds"] + 0.5
    for name in ("rain", "waves", "wind", "storm"):
        assert geo[name] > geo["birds"] + 0.2
        assert geo[name] > geo["city"] + 0.2
        assert found[name].composition.dominant == "geophony"
    for name in ("city", "train"):
        assert found[name].composition.dominant == "anthrophony"
    for name in ("birds", "summer-night"):
        assert found[name].composition.dominant == "biophony"
    assert found["birds"].ndsi > 0.5 > 0.0 > found["city"].ndsi


def test_the_sample_town_sounds_like_its_map(tmp_path):
    from soundvis_core.town.build import build_town
    from soundvis_core.town.files import write_recordings

    town = build_town(1)
    paths = write_recordings(town, tmp_path)
    expected = {"wood": "biophony", "river bank": "geophony", "main road": "anthrophony"}
    right = {surroundings: [] for surroundings in expected}
    for site in town.sites:
        if site.surroundings in expected:
            found = sound_composition(read_windows(paths[site.id], RATE))
            right[site.surroundings].append(found.composition.dominant == expected[site.surroundings])
    # A loud neighbour may drown one site of a kind.
    assert all(np.mean(sites) >= 0.75 for sites in right.values()), right
