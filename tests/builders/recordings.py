"""Good, odd and bad recordings, written into a folder of a test.

Each builder takes the folder and gives the path of the file it wrote. Needs soundfile, some PyAV too.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile

TONE = 1000.0
AMPLITUDE = 0.25


def tone(seconds: float, rate: int, channels: int = 1, frequency: float = TONE) -> np.ndarray:
    """A sine (n, channels) of amplitude 0.25, the same in every channel."""
    times = np.arange(round(seconds * rate)) / rate
    wave = AMPLITUDE * np.sin(2 * np.pi * frequency * times)
    return np.repeat(wave[:, None], channels, axis=1)


def noise(seconds: float, rate: int, seed: int = 0, level: float = 0.05) -> np.ndarray:
    """White noise (n,) of RMS ``level``."""
    return np.random.default_rng(seed).normal(0.0, level, round(seconds * rate))


def write(
    folder: Path, name: str, samples: np.ndarray, rate: int, subtype: str = "PCM_16", kind: str = "WAV"
) -> Path:
    """Write ``samples`` by soundfile, whatever the extension of ``name`` says."""
    path = Path(folder) / name
    soundfile.write(str(path), samples, rate, subtype=subtype, format=kind)
    return path


def wav(folder: Path, seconds: float = 12.0, rate: int = 44100, channels: int = 1) -> Path:
    """The plain case: 16-bit WAV."""
    return write(folder, "plain.wav", tone(seconds, rate, channels), rate)


def wav_8bit(folder: Path) -> Path:
    return write(folder, "eight_bit.wav", tone(3, 22050), 22050, "PCM_U8")


def wav_24bit(folder: Path) -> Path:
    return write(folder, "bits24.wav", tone(3, 48000), 48000, "PCM_24")


def wav_32bit(folder: Path) -> Path:
    return write(folder, "bits32.wav", tone(3, 48000), 48000, "PCM_32")


def wav_float(folder: Path) -> Path:
    return write(folder, "float32.wav", tone(3, 48000), 48000, "FLOAT")


def wav_extensible(folder: Path) -> Path:
    return write(folder, "extensible.wav", tone(3, 48000, 2), 48000, "PCM_24", "WAVEX")


def wav_96khz(folder: Path) -> Path:
    return write(folder, "khz96.wav", tone(3, 96000), 96000, "PCM_24")


def surround(folder: Path, seconds: float = 3.0) -> Path:
    """5.1 channels at 96 kHz; the tone is in every channel."""
    return write(folder, "surround.wav", tone(seconds, 96000, 6), 96000, "PCM_24", "WAVEX")


def two_seconds(folder: Path) -> Path:
    return write(folder, "two_seconds.wav", tone(2, 44100), 44100)


def too_short(folder: Path) -> Path:
    return write(folder, "blip.wav", tone(0.4, 44100), 44100)


def no_samples(folder: Path) -> Path:
    return write(folder, "no_samples.wav", np.zeros((0, 1)), 44100)


def flac(folder: Path, seconds: float = 12.0) -> Path:
    return write(folder, "plain.flac", tone(seconds, 44100), 44100, kind="FLAC")


def ogg(folder: Path, seconds: float = 12.0) -> Path:
    return write(folder, "plain.ogg", tone(seconds, 44100), 44100, "VORBIS", "OGG")


def mp3(folder: Path, seconds: float = 12.0) -> Path:
    return write(folder, "plain.mp3", tone(seconds, 44100), 44100, "MPEG_LAYER_III", "MP3")


def m4a(folder: Path, seconds: float = 12.0, rate: int = 44100) -> Path:
    """AAC in MP4, as phones record."""
    return encode_av(folder, "phone.m4a", tone(seconds, rate)[:, 0], rate, "aac", "mp4")


def encode_av(folder: Path, name: str, samples: np.ndarray, rate: int, codec: str, kind: str) -> Path:
    """Write mono ``samples`` by PyAV with FFmpeg's ``codec`` in its container ``kind``."""
    import av

    path = Path(folder) / name
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        stream.time_base = Fraction(1, rate)
        for start in range(0, len(samples), 1024):
            block = np.ascontiguousarray(samples[start : start + 1024], np.float32)[None, :]
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def video_only(folder: Path) -> Path:
    """An MP4 with a picture and no sound."""
    import av

    path = Path(folder) / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24"))
            )
        container.mux(stream.encode(None))
    return path


def silent(folder: Path, seconds: float = 12.0) -> Path:
    return write(folder, "silent.wav", np.zeros(round(seconds * 44100)), 44100)


def wrong_extension(folder: Path) -> Path:
    """An OGG that calls itself WAV."""
    return write(folder, "really_ogg.wav", tone(3, 44100), 44100, "VORBIS", "OGG")


def raw_extension(folder: Path) -> Path:
    """A WAV that calls itself RAW, which soundfile takes for headerless."""
    return write(folder, "really_wav.raw", tone(3, 44100), 44100)


def m4a_as_mp3(folder: Path) -> Path:
    """A phone's M4A that was renamed to MP3."""
    return m4a(folder, 3.0).rename(Path(folder) / "really_m4a.mp3")


def empty(folder: Path) -> Path:
    """0 bytes."""
    path = Path(folder) / "empty.wav"
    path.write_bytes(b"")
    return path


def corrupt(folder: Path) -> Path:
    """Bytes that are no recording."""
    path = Path(folder) / "corrupt.wav"
    path.write_bytes(np.random.default_rng(1).integers(0, 256, 50_000, dtype=np.uint8).tobytes())
    return path


def corrupt_header(folder: Path) -> Path:
    """A WAV whose format chunk is nonsense."""
    path = Path(folder) / "corrupt_header.wav"
    head = (
        b"RIFF"
        + struct.pack("<I", 36 + 4000)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 0x7777, 0, 0, 0, 0, 0)
    )
    path.write_bytes(head + b"data" + struct.pack("<I", 4000) + bytes(4000))
    return path


def text(folder: Path) -> Path:
    path = Path(folder) / "notes.txt"
    path.write_text("Tuesday: forgot to press record.\n" * 40, encoding="utf-8")
    return path


def cut(path: Path, share: float) -> Path:
    """Keep only the first ``share`` (0 to 1) of the bytes of ``path``."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def scribble(path: Path, at: float, length: int = 20_000, seed: int = 2) -> Path:
    """Overwrite ``length`` bytes of ``path`` from the share ``at`` (0 to 1) on with noise."""
    data = bytearray(path.read_bytes())
    start = int(len(data) * at)
    stop = min(start + length, len(data))
    data[start:stop] = np.random.default_rng(seed).integers(0, 256, stop - start, dtype=np.uint8).tobytes()
    path.write_bytes(bytes(data))
    return path


def truncated_wav(folder: Path) -> Path:
    return cut(wav(folder), 0.5).rename(Path(folder) / "truncated.wav")


def truncated_ogg(folder: Path) -> Path:
    path = write(folder, "truncated.ogg", noise(12, 44100), 44100, "VORBIS", "OGG")
    return cut(path, 0.5)


def truncated_flac(folder: Path) -> Path:
    path = write(folder, "truncated.flac", noise(12, 44100), 44100, kind="FLAC")
    return cut(path, 0.5)


def truncated_m4a(folder: Path) -> Path:
    """Cut off before its index, as when a phone runs out of power."""
    return cut(m4a(folder), 0.5).rename(Path(folder) / "truncated.m4a")


def damaged_flac(folder: Path) -> Path:
    """A FLAC with garbage in its middle."""
    return scribble(write(folder, "damaged.flac", noise(12, 44100), 44100, kind="FLAC"), 0.5)


def damaged_m4a(folder: Path) -> Path:
    """A phone's recording with garbage in its middle."""
    path = encode_av(folder, "damaged.m4a", noise(12, 44100), 44100, "aac", "mp4")
    return scribble(path, 0.5, 4000)


def not_finite(folder: Path) -> Path:
    samples = tone(3, 44100)
    samples[44100] = np.nan
    return write(folder, "not_finite.wav", samples, 44100, "FLOAT")


def wild(folder: Path) -> Path:
    """Integers dressed as floats."""
    return write(folder, "wild.wav", tone(3, 44100) * 32767, 44100, "FLOAT")


def loud(folder: Path) -> Path:
    """A 32-bit float recording that exceeds full scale by 12 dB."""
    return write(folder, "loud.wav", tone(3, 44100) * 16, 44100, "FLOAT")


def long_recording(folder: Path, seconds: float = 3 * 3600.0, rate: int = 8000, seed: int = 3) -> Path:
    """Hours of low noise in FLAC (a minute's noise over and over), written as a stream."""
    path = Path(folder) / f"long_{seconds:.0f}.flac"
    minute = np.random.default_rng(seed).normal(0.0, 0.002, 60 * rate).astype(np.float32)
    left = round(seconds * rate)
    with soundfile.SoundFile(str(path), "w", rate, 1, "PCM_16", format="FLAC") as file:
        while left > 0:
            file.write(minute[: min(left, minute.size)])
            left -= minute.size
    return path


#: Odd but sound recordings of the tone: name -> builder.
GOOD = {
    builder.__name__: builder
    for builder in (
        wav,
        wav_8bit,
        wav_24bit,
        wav_32bit,
        wav_float,
        wav_extensible,
        wav_96khz,
        surround,
        two_seconds,
        flac,
        ogg,
        mp3,
        m4a,
        wrong_extension,
        raw_extension,
        m4a_as_mp3,
        truncated_wav,
    )
}

#: Bad recordings: name -> (builder, status of the site, part of the reason).
BAD = {
    builder.__name__: (builder, status, reason)
    for builder, status, reason in (
        (too_short, "skipped", "only 0.40 s long"),
        (no_samples, "failed", "no samples"),
        (empty, "failed", "empty (0 bytes)"),
        (corrupt, "failed", "not a recording"),
        (corrupt_header, "failed", "not a recording"),
        (text, "failed", "no sound in the file"),
        (video_only, "failed", "no sound in the file"),
        (truncated_flac, "failed", "could be read up to"),
        (damaged_flac, "failed", "could be read up to"),
        (truncated_m4a, "failed", "not a recording"),
        (damaged_m4a, "failed", "could be read up to"),
        (not_finite, "failed", "not finite numbers (first at 1.0 s)"),
        (wild, "failed", "not scaled"),
    )
}
