"""Recordings with the headers of recorders, byte by byte from their specifications; nothing of the core is used."""

from __future__ import annotations

import struct
import wave
from pathlib import Path


def chunk(name: bytes, content: bytes) -> bytes:
    """A RIFF chunk, padded to an even length."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def wav(path: Path, *chunks: bytes, seconds: float = 1.0, rate: int = 8000, channels: int = 1) -> Path:
    """A 16-bit WAV by Python's own module, further chunks behind its samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\0" * (2 * channels * round(seconds * rate)))
    content = path.read_bytes() + b"".join(chunks)
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    return path


def guano(text: str) -> bytes:
    """A ``guan`` chunk."""
    return chunk(b"guan", ("GUANO|Version:1.0\n" + text).encode("utf-8"))


def wamd(*entries: tuple[int, bytes]) -> bytes:
    """A ``wamd`` chunk of kinds and values."""
    return chunk(b"wamd", b"".join(struct.pack("<HI", kind, len(value)) + value for kind, value in entries))


def song_meter(gps: str = "WGS84,42.43068,N,71.45617,W,60", time: str = "2025-02-20 17:00:00-05:00") -> bytes:
    """A ``wamd`` chunk as a Song Meter 4 writes it."""
    entries = [(0, b"\1\0"), (1, b"SM4\0"), (2, b"S4A02641"), (5, time.encode())]
    return wamd(*entries, *([(6, gps.encode())] if gps else []))


def info(**entries: str) -> bytes:
    """A LIST chunk of kind INFO."""
    return chunk(
        b"LIST", b"INFO" + b"".join(chunk(k.encode(), v.encode() + b"\0") for k, v in entries.items())
    )


def audiomoth(zone: str = "UTC", time: str = "05:30:00 14/05/2024") -> bytes:
    """The comment of an AudioMoth."""
    device = "AudioMoth 24F3190361DA539A"
    comment = f"Recorded at {time} ({zone}) by {device} at medium gain while battery was 4.1V"
    return info(ICMT=comment, IART=device)


def gpx(path: Path, fixes: list[tuple[str, float, float]]) -> Path:
    """A GPX 1.1 track of times, latitudes and longitudes."""
    points = "".join(
        f'<trkpt lat="{lat}" lon="{lon}"><ele>30</ele><time>{time}</time></trkpt>' for time, lat, lon in fixes
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">'
        f"<metadata><time>2020-01-01T00:00:00Z</time></metadata><trk><trkseg>{points}</trkseg></trk></gpx>",
        "utf-8",
    )
    return path
