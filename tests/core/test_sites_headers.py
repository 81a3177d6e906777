"""Headers of recorders and phones, byte by byte or by the libraries of ffmpeg and libsndfile, and read back."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soundvis_core.sites import guano, wamd
from soundvis_core.sites.headers import is_recording, read_header
from soundvis_core.sites.media import NoRecordingError
from tests.builders import recorder_files as files

UTC = dt.timezone.utc


def local(*parts):
    """A moment without its zone."""
    return dt.datetime(*parts)  # noqa: DTZ001


#: What the package guano 1.0.16 writes (``GuanoFile.to_string``) for the example of the specification.
GUANO = (
    b"GUANO|Version: 1.0\nTimestamp: 2012-03-29T03:58:01+04:00\nLoc Position: 37.187802 -86.105731\n"
    b"Make: Pettersson\nModel: D1000X\nNote: H\xc3\xb6hle\\nNord"
)


def place(header):
    return [tuple(claim.position) for claim in header.claims.positions]


def moments(header):
    return [claim.told.moment for claim in header.claims.times]


def test_guano(tmp_path):
    header = read_header(
        str(files.wav(tmp_path / "a.wav", files.chunk(b"guan", GUANO), rate=384000, seconds=0.5))
    )
    assert (header.seconds, header.rate, header.channels) == (0.5, 384000, 1)
    assert place(header) == [(37.187802, -86.105731)]
    assert moments(header) == [dt.datetime(2012, 3, 28, 23, 58, 1, tzinfo=UTC)]
    assert header.claims.recorder == "Pettersson D1000X"


@pytest.mark.parametrize(
    ("source", "coarse"), [("GPS", False), ("Acoustic chime", False), ("Configuration app", True)]
)
def test_audiomoth_with_guano(tmp_path, source, coarse):
    """The fields as the firmware 1.11 writes them; a place from the app is only for the times of sunrise."""
    text = (
        "Make:Open Acoustic Devices\nModel:AudioMoth\nSerial:24F3190361DA539A\nFirmware Version:AudioMoth-Firmware\n"
        f"Timestamp:2024-05-14T07:30:00+02:00\nLoc Position:52.52 13.40\nOAD|Loc Source:{source}\n"
    )
    header = read_header(
        str(files.wav(tmp_path / "a.wav", files.audiomoth("UTC+2", "07:30:00 14/05/2024"), files.guano(text)))
    )
    assert place(header) == [(52.52, 13.4)]
    assert header.claims.positions[0].coarse == coarse
    assert moments(header) == [dt.datetime(2024, 5, 14, 5, 30, tzinfo=UTC)] * 2
    assert header.claims.recorder == "AudioMoth 24F3190361DA539A"
    assert header.claims.author == ""


@pytest.mark.parametrize(
    ("zone", "time", "utc"),
    [
        ("UTC", "05:30:00 14/05/2024", local(2024, 5, 14, 5, 30)),
        ("UTC-02:30", "09:30:00 14/04/2025", local(2025, 4, 14, 12)),
        ("UTC-7", "06:00:00 02/01/2025", local(2025, 1, 2, 13)),
        ("UTC+5:45", "00:00:00 02/01/2025", local(2025, 1, 1, 18, 15)),
    ],
)
def test_audiomoth_comment(tmp_path, zone, time, utc):
    header = read_header(str(files.wav(tmp_path / "a.WAV", files.audiomoth(zone, time))))
    assert moments(header) == [utc.replace(tzinfo=UTC)]
    assert header.claims.recorder == "AudioMoth 24F3190361DA539A"


def test_first_firmware_named_no_zone(tmp_path):
    comment = "Recorded at 15:09:20 25/04/2018 by AudioMoth 0FE081F80FE081F0 at gain setting 2"
    header = read_header(str(files.wav(tmp_path / "a.WAV", files.info(ICMT=comment))))
    assert moments(header) == [dt.datetime(2018, 4, 25, 15, 9, 20, tzinfo=UTC)]
    assert header.claims.recorder == "AudioMoth 0FE081F80FE081F0"


def test_place_in_a_comment(tmp_path):
    comment = "Recorded at 05:30:00 14/05/2024 (UTC) by AudioMoth 24F3190361DA539A at 51.5074N 0.1278W"
    header = read_header(str(files.wav(tmp_path / "a.WAV", files.info(ICMT=comment))))
    assert place(header) == [(51.5074, -0.1278)]


@pytest.mark.parametrize(
    ("gps", "expected"),
    [
        ("WGS84,42.43068,N,71.45617,W,60", (42.43068, -71.45617)),
        ("WGS84, 33.5, S, 70.25, E", (-33.5, 70.25)),
        ("WGS84,42.43068,-71.45617,60", (42.43068, -71.45617)),
    ],
)
def test_song_meter(tmp_path, gps, expected):
    header = read_header(str(files.wav(tmp_path / "a.wav", files.song_meter(gps), channels=2)))
    assert place(header) == [pytest.approx(expected)]
    assert moments(header) == [dt.datetime(2025, 2, 20, 22, tzinfo=UTC)]
    assert header.claims.recorder == "SM4 S4A02641"
    assert header.channels == 2


def test_song_meter_that_was_set_to_a_place(tmp_path):
    """Minis and Micros have no satellites: the place is of kind 0x14, as the maker's wa_meta.h has it."""
    entries = [(0, b"\1\0"), (1, b"SMM"), (0x14, b"WGS84,27.38943,S,152.87787,E")]
    header = read_header(str(files.wav(tmp_path / "a.wav", files.wamd(*entries))))
    assert place(header) == [pytest.approx((-27.38943, 152.87787))]
    assert header.claims.positions[0].source == "Song Meter header (place set)"
    both = files.wamd(*entries, (6, b"WGS84,42.43068,N,71.45617,W,60"))
    header = read_header(str(files.wav(tmp_path / "b.wav", both)))
    assert place(header)[0] == pytest.approx((42.43068, -71.45617))


def test_song_meter_of_another_version(tmp_path):
    """'The decoder should not attempt to parse the rest', says the maker."""
    entries = [(0, b"\2\0"), (1, b"SM9"), (6, b"WGS84,42.43068,N,71.45617,W,60")]
    header = read_header(str(files.wav(tmp_path / "a.wav", files.wamd(*entries))))
    assert (place(header), header.claims.recorder) == ([], "")


def test_song_meter_without_a_fix(tmp_path):
    header = read_header(str(files.wav(tmp_path / "a.wav", files.song_meter("WGS84,0.00000,N,0.00000,E"))))
    assert place(header) == []
    assert "have none" in header.claims.refused[0]


def test_broadcast_wav_and_author(tmp_path):
    bext = bytearray(602)
    bext[256:263] = b"Zoom F3"
    bext[320:338] = b"2024-05-1405:30:00"
    path = files.wav(
        tmp_path / "a.wav", files.chunk(b"bext", bytes(bext)), files.info(IART="Ä. Ström", ICOP="CC BY 4.0")
    )
    header = read_header(str(path))
    assert moments(header) == [local(2024, 5, 14, 5, 30)]
    assert (header.claims.recorder, header.claims.author, header.claims.licence) == (
        "Zoom F3",
        "Ä. Ström",
        "CC BY 4.0",
    )


@pytest.mark.skipif(os.name == "nt", reason="the file would be written with all its zeros")
@pytest.mark.parametrize("told", [5_000_000_000 % 2**32, 2**32 - 1, 0])
def test_more_than_4_gb_without_rf64(tmp_path, told):
    """Sizes of 32 bits begin anew at 4 GB, or say that they are not known; the file has holes, and no samples in it."""
    size, tail = 5_000_000_000, files.guano("Loc Position:52.5 13.4")
    head = b"RIFF\0\0\0\0WAVE" + files.chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 48000, 96000, 2, 16))
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(head + b"data" + struct.pack("<I", told))
        start = file.tell()
        file.truncate(start + size)
        file.seek(0, 2)
        file.write(tail if told == size % 2**32 else b"")
    header = read_header(str(path))
    assert header.seconds == pytest.approx(size / 96000)
    assert [tuple(claim.position) for claim in header.claims.positions] == (
        [(52.5, 13.4)] if told == size % 2**32 else []
    )


def test_long_recordings_and_cut_ones(tmp_path):
    """RF64 with its size apart (a promise of 5 GB), a recorder that lost power, a card that was pulled."""
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    size = 5_000_000_000
    rf64 = (
        b"RF64\xff\xff\xff\xffWAVE" + files.chunk(b"ds64", struct.pack("<QQQI", size + 72, size, size // 2, 0))
        + files.chunk(b"fmt ", form) + b"data\xff\xff\xff\xff" + b"\0" * 16000
    )  # fmt: skip
    (tmp_path / "long.wav").write_bytes(rf64)
    header = read_header(str(tmp_path / "long.wav"))
    assert header.seconds == 1.0
    assert header.remark == f"cut short: 1.0 s are there of {size / 16000:.1f} s"
    start = b"RIFF\0\0\0\0WAVE" + files.chunk(b"fmt ", form)
    (tmp_path / "power.wav").write_bytes(start + b"data\0\0\0\0" + b"\0" * 8000)
    assert read_header(str(tmp_path / "power.wav")).seconds == 0.5
    (tmp_path / "pulled.wav").write_bytes(start + b"data" + struct.pack("<I", 16000) + b"\0" * 4000)
    header = read_header(str(tmp_path / "pulled.wav"))
    assert (header.seconds, header.remark) == (0.25, "cut short: 0.2 s are there of 1.0 s")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.wav", b"", "empty"),
        ("a.wav", b"RIFF\x24\0\0\0WAVE", "no format chunk"),
        ("a.wav", b"RIFF\x24\0\0\0WAVE" + files.chunk(b"fmt ", b"\0" * 16), "no samples"),
        ("a.wav", b"<html>404 not found</html>", "like no kind of recording"),
        ("a.m4a", b"\0\0\0\x14ftypM4A \0\0\0\0" + b"\0\0\0\0mdat" + b"\0" * 99, "no index"),
        ("a.mp3", b"ID3\x04\0\0\0\0\0\0" + b"\0" * 500, "no MP3 sound"),
        ("a.flac", b"fLaC", "no sample rate"),
    ],
)
def test_what_is_no_recording(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NoRecordingError, match=words):
        read_header(str(tmp_path / name))


def test_endings():
    assert all(map(is_recording, ("a.WAV", "b.m4a", "ñ.Flac", "c.opus")))
    assert not any(map(is_recording, ("a.txt", "._a.wav", ".wav", "a", "a.wav.part")))


def encode(path, form, codec, rate=44100, options=None, **metadata):
    """Three seconds by ffmpeg."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w", format=form, options=options or {}) as container:
        container.metadata.update(metadata)
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 3 * rate), np.float32), format="flt", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout="mono", rate=rate)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return read_header(str(path))


def test_phones_of_android(tmp_path):
    """The box ©xyz; the time is when the file was made."""
    header = encode(
        tmp_path / "a.m4a", "mp4", "aac", location="-33.5000-070.2500/", creation_time="2024-05-14T05:30:00Z"
    )
    assert place(header) == [pytest.approx((-33.5, -70.25), abs=1e-4)]
    assert moments(header) == [dt.datetime(2024, 5, 14, 5, 30, tzinfo=UTC)]
    assert header.claims.times[0].weak
    assert (header.rate, header.channels, header.seconds) == (44100, 1, pytest.approx(3.0, abs=0.05))


def test_phones_of_apple(tmp_path):
    header = encode(
        tmp_path / "a.m4a", "mov", "aac", options={"movflags": "use_metadata_tags"},
        **{
            "com.apple.quicktime.location.ISO6709": "+52.5200+013.4050+034.000/",
            "com.apple.quicktime.creationdate": "2024-05-14T07:30:00+0200",
        },
    )  # fmt: skip
    assert place(header) == [(52.52, 13.405)]
    assert moments(header)[0] == dt.datetime(2024, 5, 14, 5, 30, tzinfo=UTC)
    assert not header.claims.times[0].weak


def test_phones_with_3gp(tmp_path):
    assert place(encode(tmp_path / "a.3gp", "3gp", "aac", location="+52.5200+013.4050/")) == [
        pytest.approx((52.52, 13.405), abs=1e-4)
    ]


def test_compressed_by_ffmpeg(tmp_path):
    header = encode(
        tmp_path / "a.flac", "flac", "flac", rate=48000, artist="Ström", RECORDINGSTART="2021-06-17T08:00:00+10:00",
        SENSORLOCATION="-18.2656 144.5564",
    )  # fmt: skip
    assert (header.seconds, header.rate, header.channels) == (3.0, 48000, 1)
    assert header.claims.author == "Ström"
    assert place(header) == [(-18.2656, 144.5564)]
    assert moments(header) == [dt.datetime(2021, 6, 16, 22, tzinfo=UTC)]
    header = encode(tmp_path / "a.opus", "ogg", "libopus", rate=48000, artist="Ström")
    assert (header.seconds, header.rate, header.claims.author) == (
        pytest.approx(3.0, abs=0.02),
        48000,
        "Ström",
    )
    for rate in (44100, 22050):
        header = encode(tmp_path / "a.mp3", "mp3", "libmp3lame", rate=rate, artist="Ström" * 100)
        assert (header.rate, header.channels) == (rate, 1)
        assert header.seconds == pytest.approx(3.0, abs=0.1)


def test_compressed_by_libsndfile(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    samples = np.random.default_rng(1).normal(0, 0.1, (3 * 32000, 2))
    for name, form, subtype in (
        ("a.ogg", "OGG", "VORBIS"),
        ("a.flac", "FLAC", "PCM_24"),
        ("a.wav", "WAVEX", "FLOAT"),
    ):
        soundfile.write(str(tmp_path / name), samples, 32000, format=form, subtype=subtype)
        header = read_header(str(tmp_path / name))
        assert (header.seconds, header.rate, header.channels) == (pytest.approx(3.0, abs=1e-3), 32000, 2)


@pytest.mark.parametrize("of", ["guano", "wamd"])
@given(content=st.binary(max_size=80))
@example(content=b"\x06\0\xff\xff\xff\xff")
@example(content=b"\x06\0\x03\0\0\0a,b")
@example(content=b"Loc Position: nan nan\nTimestamp: 9999-99-99")
def test_any_chunk_is_read(of, content):
    (guano if of == "guano" else wamd).read(content)


@settings(max_examples=150)
@given(data=st.data())
def test_damaged_headers_end_in_a_reason(tmp_path_factory, data):
    """A bit of a good file is overwritten: it is read, or refused in words; nothing else, and never for long."""
    folder = tmp_path_factory.getbasetemp() / "damaged"
    good = files.wav(
        folder / "good.wav", files.song_meter(), files.audiomoth(), files.guano("Loc Position: 1 2")
    )
    content = good.read_bytes()
    content = bytearray(content[:60] + content[44 + 16000 - 40 :])
    at = data.draw(st.integers(0, len(content) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=8))
    content[at : at + len(patch)] = patch
    path = folder / "bad.wav"
    path.write_bytes(bytes(content))
    with contextlib.suppress(NoRecordingError, ValueError, struct.error):
        read_header(str(path))


def test_samples_are_never_read(tmp_path, monkeypatch):
    """Of a file of 4 GB (sparse), less than 100 kB is read."""
    path = tmp_path / "large.wav"
    files.wav(path)
    size = 4_000_000_000
    with path.open("r+b") as file:
        file.seek(40)
        file.write(struct.pack("<I", size))
        file.seek(44 + size)
        file.write(files.song_meter())
    read = []
    original = io.BufferedReader.read

    class Counted(io.BufferedReader):
        def read(self, count=-1):
            content = original(self, count)
            read.append(len(content))
            return content

    monkeypatch.setattr("builtins.open", lambda name, mode: Counted(io.FileIO(name)))
    header = read_header(os.fspath(path))
    assert header.seconds == size / 16000
    assert len(header.claims.positions) == 1
    assert sum(read) < 100_000
