"""Recordings of every kind come out as the same sound, or with a plain reason."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from soundvis_core.audio import Window, decoding, is_silent, level_dbfs, read_windows
from soundvis_core.audio.resampling import StreamResampler
from soundvis_core.errors import MissingDependencyError, SiteError
from tests.builders import recordings

RATE = 24000


def joined(windows):
    return np.concatenate([window.samples for window in windows])


def tone_error(samples, rate=RATE):
    """RMS of what is left of ``samples`` without the builders' tone, over the tone's RMS; and its amplitude."""
    times = np.arange(samples.size) / rate
    basis = np.exp(-2j * np.pi * recordings.TONE * times)
    phasor = 2.0 * np.mean(samples * basis)
    rest = samples - np.real(phasor * np.conj(basis))
    return np.std(rest) / (np.abs(phasor) / np.sqrt(2)), np.abs(phasor)


# Lossy codecs and 8 bits (quantisation step 1/128, RMS 1/443) leave some error, the rest next to none.
TOLERANCE = {"ogg": 0.1, "mp3": 0.1, "m4a": 0.1, "wrong_extension": 0.1, "m4a_as_mp3": 0.1, "wav_8bit": 0.02}


@pytest.mark.parametrize("name", sorted(recordings.GOOD))
def test_every_kind_of_recording_gives_the_same_tone(tmp_path, name):
    path = recordings.GOOD[name](tmp_path)
    windows = list(read_windows(path, RATE))
    for window in windows:
        assert isinstance(window, Window)
        assert window.rate == RATE
        assert window.samples.dtype == np.float32
        assert window.samples.ndim == 1
        assert np.abs(window.samples).max() <= 1.0
    middle = joined(windows)[RATE // 2 : -RATE // 2]
    error, amplitude = tone_error(middle)
    assert error < TOLERANCE.get(name, 0.002)
    assert amplitude == pytest.approx(recordings.AMPLITUDE, rel=0.02)


@pytest.mark.parametrize("name", sorted(recordings.BAD))
def test_bad_recordings_say_what_is_wrong(tmp_path, name):
    build, status, reason = recordings.BAD[name]
    path = build(tmp_path)
    with pytest.raises(SiteError) as caught:
        list(read_windows(path, RATE))
    assert caught.value.status == status
    assert reason in str(caught.value)
    assert "Errno" not in str(caught.value)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(SiteError, match=r"no such file: .*nothing\.wav"):
        list(read_windows(tmp_path / "nothing.wav", RATE))
    with pytest.raises(SiteError, match="a folder, not a recording"):
        list(read_windows(tmp_path, RATE))
    with pytest.raises(SiteError, match="no such file"):
        list(read_windows("http://localhost/x.m4a", RATE))


def test_senseless_parameters_are_refused_at_once(tmp_path):
    for arguments in ((0,), (RATE, 10.0, 0.0), (RATE, 1.0, 2.0)):
        with pytest.raises(ValueError, match="not possible"):
            read_windows(tmp_path, *arguments)


def test_windows_tile_the_recording(tmp_path):
    path = recordings.wav(tmp_path, seconds=21.5, rate=48000)
    windows = list(read_windows(path, RATE))
    assert [window.start for window in windows] == [0.0, 10.0, 20.0]
    assert [window.samples.size for window in windows] == [240000, 240000, 36000]
    assert {window.source_rate for window in windows} == {48000}


@pytest.mark.parametrize(("seconds", "expected"), [(20.9, 2), (21.0, 3), (1.0, 1), (10.0, 1)])
def test_the_tail_is_kept_from_the_minimum_on(tmp_path, seconds, expected):
    path = recordings.wav(tmp_path, seconds=seconds, rate=8000)
    assert len(list(read_windows(path, 8000))) == expected


def test_damage_midway_keeps_the_windows_before_it(tmp_path):
    path = recordings.damaged_flac(tmp_path)
    windows = read_windows(path, RATE, seconds=2.0)
    assert next(windows).start == 0.0
    with pytest.raises(SiteError, match=r"could be read up to [4-6]\.\d s of 12\.0 s"):
        list(windows)


def test_a_recording_that_ends_early_is_read_as_far_as_it_goes(tmp_path):
    wave = joined(read_windows(recordings.truncated_wav(tmp_path), RATE))
    assert wave.size / RATE == pytest.approx(6.0, abs=0.01)
    ogg = joined(read_windows(recordings.truncated_ogg(tmp_path), RATE))
    assert 4.0 < ogg.size / RATE < 6.5


@pytest.mark.parametrize("build", [recordings.mp3, recordings.ogg, recordings.flac])
def test_decoding_in_blocks_is_decoding_at_once(tmp_path, build):
    path = build(tmp_path)
    whole, rate = soundfile.read(str(path), dtype="float32")
    assert np.array_equal(joined(read_windows(path, rate)), whole)


def test_channels_are_averaged(tmp_path):
    left, right = recordings.tone(2, RATE)[:, 0], recordings.noise(2, RATE)
    path = recordings.write(tmp_path, "stereo.wav", np.stack([left, right], axis=1), RATE, "FLOAT")
    assert joined(read_windows(path, RATE)) == pytest.approx((left + right) / 2, abs=1e-6)


def opposed(seconds=12.0, rate=RATE, level=0.1):
    """A stereo recording of which one channel is wired the wrong way round, and a little louder."""
    left = recordings.noise(seconds, rate, level=level)
    return np.stack([left, -1.1 * left], axis=1)


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_channels_that_cancel_each_other_are_not_averaged(tmp_path, rate):
    sound = opposed(25.0, rate)
    path = recordings.write(tmp_path, "opposed.wav", sound, rate, "FLOAT")
    alone = recordings.write(tmp_path, "alone.wav", sound[:, 1], rate, "FLOAT")
    assert level_dbfs(sound.mean(axis=1)) < level_dbfs(sound[:, 1]) - 20
    np.testing.assert_array_equal(joined(read_windows(path, RATE)), joined(read_windows(alone, RATE)))


def test_what_has_little_in_common_or_one_dead_channel_is_averaged(tmp_path):
    left, right = recordings.noise(3, RATE, seed=1), recordings.noise(3, RATE, seed=2)
    for other in (right, 0.0 * left, -0.6 * left, 0.9 * left):
        path = recordings.write(tmp_path, "s.wav", np.stack([left, other], axis=1), RATE, "FLOAT")
        assert joined(read_windows(path, RATE)) == pytest.approx((left + other) / 2, abs=1e-6)


def test_silence_before_the_sound_tells_nothing_of_the_channels(tmp_path):
    """Judged on the first stretch with sound, and as that from then on: a channel is not changed midway."""
    sound = np.concatenate([np.zeros((25 * RATE, 2)), opposed(12.0), np.full((RATE, 2), 0.25)])
    path = recordings.write(tmp_path, "late.wav", sound, RATE, "FLOAT")
    assert joined(read_windows(path, RATE)) == pytest.approx(sound[:, 1].astype(np.float32))


def test_what_is_wrong_with_opposed_channels_is_still_said(tmp_path):
    sound = opposed(21.0)
    sound[15 * RATE, 0] = np.nan
    windows = read_windows(recordings.write(tmp_path, "nan.wav", sound, RATE, "FLOAT"), RATE)
    np.testing.assert_array_equal(next(windows).samples, sound[: 10 * RATE, 1].astype(np.float32))
    with pytest.raises(SiteError, match=r"not finite numbers \(first at 15\.0 s\)"):
        next(windows)
    early = opposed(5.0)
    early[2 * RATE, 1] = np.nan
    path = recordings.write(tmp_path, "early.wav", early, RATE, "FLOAT")
    seconds = read_windows(path, RATE, seconds=0.5, minimum=0.5)
    with pytest.raises(SiteError, match=r"not finite numbers \(first at 2\.0 s\)"):
        list(seconds)


def test_beyond_full_scale_is_clipped(tmp_path):
    samples = joined(read_windows(recordings.loud(tmp_path), RATE))
    assert samples.max() == 1.0
    assert samples.min() == -1.0


@pytest.mark.parametrize("source", [8000, 11025, 22050, 44056, 44100, 48000, 96000])
@pytest.mark.parametrize("rate", [16000, 24000])
def test_there_are_no_seams(tmp_path, source, rate):
    samples = recordings.noise(14, source).astype(np.float32)
    path = recordings.write(tmp_path, "noise.wav", samples, source, "FLOAT")
    common = np.gcd(source, rate)
    whole = resample_poly(samples.astype(np.float64), rate // common, source // common)
    pieces = joined(read_windows(path, rate, seconds=3.0))
    assert pieces.size == whole.size
    assert np.abs(pieces - whole).max() < 2e-6  # of noise that peaks at about 0.2


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1000, 50000),
    st.integers(1000, 50000),
    st.lists(st.integers(1, 30000), min_size=1, max_size=12),
    st.integers(0, 1000),
)
def test_resampling_in_pieces_is_resampling_at_once(source, rate, lengths, seed):
    signal = np.random.default_rng(seed).normal(0, 0.1, sum(lengths)).astype(np.float32)
    resampler = StreamResampler(source, rate)
    ends = np.cumsum(lengths)
    pieces = [resampler.push(signal[end - length : end]) for end, length in zip(ends, lengths)]
    pieces.append(resampler.flush())
    common = np.gcd(source, rate)
    whole = resample_poly(signal.astype(np.float64), rate // common, source // common)
    assert np.concatenate(pieces) == pytest.approx(whole, abs=5e-6)


def test_silence_is_a_matter_of_level_without_offset():
    rng = np.random.default_rng(0)
    assert is_silent(np.zeros(100, np.float32))
    assert is_silent(np.full(100, -1 / 128, np.float32))
    assert is_silent(np.zeros(0, np.float32))
    assert is_silent(rng.normal(0, 10 ** (-71 / 20), 100000))
    assert not is_silent(rng.normal(0, 10 ** (-69 / 20), 100000))
    assert level_dbfs(recordings.tone(1, 8000)) == pytest.approx(20 * np.log10(0.25 / np.sqrt(2)))


def without(monkeypatch, *modules):
    monkeypatch.setattr(decoding, "available", lambda module: module not in modules)

    def require(module):
        if module in modules:
            raise MissingDependencyError(f"no {module}")
        return real(module)

    real = decoding.require
    monkeypatch.setattr(decoding, "require", require)


@pytest.mark.parametrize("name", ["wav_8bit", "wav_24bit", "wav_32bit", "wav_float", "surround", "flac"])
def test_pyav_stands_in_for_soundfile(tmp_path, monkeypatch, name):
    path = recordings.GOOD[name](tmp_path)
    expected = joined(read_windows(path, RATE))
    without(monkeypatch, "soundfile")
    assert joined(read_windows(path, RATE)) == pytest.approx(expected, abs=1e-6)


def test_a_missing_package_is_named_only_where_it_is_needed(tmp_path, monkeypatch):
    without(monkeypatch, "av")
    assert list(read_windows(recordings.wav(tmp_path), RATE))
    with pytest.raises(MissingDependencyError, match="no av"):
        list(read_windows(recordings.m4a(tmp_path, 2.0), RATE))
    with pytest.raises(SiteError, match=r"not a recording that can be read .* PyAV"):
        list(read_windows(recordings.corrupt_header(tmp_path), RATE))
    without(monkeypatch, "av", "soundfile")
    with pytest.raises(MissingDependencyError, match="soundfile"):
        list(read_windows(recordings.wav(tmp_path), RATE))


def test_a_playlist_opens_no_other_file(tmp_path):
    recordings.m4a(tmp_path, 3.0)
    path = tmp_path / "list.m4a"
    entry = tmp_path / "phone.m4a"
    for content in (
        f"#EXTM3U\n#EXTINF:3,\n{entry}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{entry}'\n",
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(SiteError):
            list(read_windows(path, RATE))


def test_names_that_look_like_addresses_are_files(tmp_path):
    for name in ("http:x.m4a", "concat:a|b.m4a", "Straße %d 日本.m4a"):
        path = recordings.m4a(tmp_path, 2.0).rename(tmp_path / name)
        assert len(list(read_windows(path, RATE))) == 1


def test_an_abandoned_recording_is_closed(tmp_path):
    path = recordings.flac(tmp_path)
    windows = read_windows(path, RATE, seconds=1.0)
    next(windows)
    windows.close()
    path.unlink()
    assert list(windows) == []


MEASURE = """
import resource, sys
from soundvis_core.audio import read_windows
for path in sys.argv[1:]:
    count = sum(1 for _ in read_windows(path, 6000))
    print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_length(tmp_path):
    pytest.importorskip("resource")
    short = recordings.long_recording(tmp_path, 600.0, 4000)
    surround = tmp_path / "surround.flac"
    with soundfile.SoundFile(str(surround), "w", 96000, 6, "PCM_24", format="FLAC") as file:
        for _ in range(60):
            file.write(np.zeros((96000, 6), np.float32))
    phone = recordings.encode_av(tmp_path, "long.m4a", recordings.noise(180, 8000), 8000, "aac", "mp4")
    long = recordings.long_recording(tmp_path, rate=4000)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, (short, long, surround, phone))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    counts, peaks = zip(*(map(int, line.split()) for line in done.stdout.splitlines()))
    assert counts == (60, 1080, 6, 18)
    # Three hours decoded at 6 kHz would be 259 MB as float32, the surround minute 138 MB.
    assert peaks[1] - peaks[0] < 5
    assert peaks[3] - peaks[0] < 40
