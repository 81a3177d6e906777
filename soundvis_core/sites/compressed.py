"""FLAC, OGG and MP3: rate, channels, duration and comments from the first bytes (OGG: and the last).

FLAC is RFC 9639, OGG RFC 3533 with Vorbis I and Opus (RFC 7845); MP3's frame header is that of ISO/IEC 11172-3.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from .claims import TimeClaim
from .clocks import NoTimeError, parse_time
from .media import Header, NoRecordingError, read_at, size_of, text_of
from .positions import NoPositionError, pair

SOURCE = "comment in the file"
#: How much of an OGG file's end is searched for its last page (one is at most 65,307 bytes).
_TAIL = 1 << 16
#: kbit/s of layer 3 by index, for MPEG 1 and for MPEG 2 and 2.5.
_KBIT = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
)
_HERTZ = (44100, 48000, 32000)


def read_flac(file: BinaryIO) -> Header:
    """The header of an open FLAC file."""
    header = Header()
    at = 4 + _id3_size(read_at(file, 0, 10))
    for _ in range(200):
        head = read_at(file, at, 4)
        if len(head) < 4:
            break
        kind, size = head[0] & 0x7F, int.from_bytes(head[1:], "big")
        if kind == 0:
            packed = int.from_bytes(read_at(file, at + 14, 8), "big")
            header.rate, header.channels = packed >> 44 or None, (packed >> 41 & 7) + 1
            samples = packed & 0xFFFFFFFFF
            header.seconds = samples / header.rate if samples and header.rate else None
        elif kind == 4:
            _read_comments(header, read_at(file, at + 4, size))
        at += 4 + size
        if head[0] & 0x80:
            break
    if header.rate is None:
        raise NoRecordingError("the FLAC file is damaged: its first block tells no sample rate")
    return header


def read_ogg(file: BinaryIO) -> Header:
    """The header of an open OGG file with Vorbis or Opus in it; of other codecs nothing is told."""
    header = Header()
    start = read_at(file, 0, _TAIL)
    clock = 0
    skipped = 0
    vorbis, opus = start.find(b"\x01vorbis"), start.find(b"OpusHead")
    if vorbis >= 0 and len(start) >= vorbis + 16:
        header.channels, header.rate = struct.unpack_from("<BI", start, vorbis + 11)
        clock = header.rate or 0
    elif opus >= 0 and len(start) >= opus + 16:
        header.channels, skipped, header.rate = struct.unpack_from("<BHI", start, opus + 9)
        clock = 48000  # Opus counts at 48 kHz, whatever went in
    total = size_of(file)
    tail = read_at(file, max(0, total - _TAIL), _TAIL)
    last = tail.rfind(b"OggS")
    if clock and last >= 0 and len(tail) >= last + 14:
        position = struct.unpack_from("<q", tail, last + 6)[0] - skipped
        header.seconds = position / clock if position > 0 else None
    for mark in (b"\x03vorbis", b"OpusTags"):
        at = start.find(mark)
        if at >= 0:
            _read_comments(header, start[at + len(mark) :])
    return header


def _read_comments(header: Header, content: bytes) -> None:
    """Vorbis comments: ``NAME=value`` behind their lengths."""
    claims = header.claims
    found: dict[str, str] = {}
    try:
        at = 4 + struct.unpack_from("<I", content)[0]
        count = struct.unpack_from("<I", content, at)[0]
        at += 4
        for _ in range(min(count, 500)):
            size = struct.unpack_from("<I", content, at)[0]
            name, _, value = text_of(content[at + 4 : at + 4 + size]).partition("=")
            found.setdefault(name.upper(), value)
            at += 4 + size
    except struct.error:
        pass  # cut short: what was read so far counts
    claims.author = found.get("ARTIST", "")
    claims.licence = found.get("LICENSE", "") or found.get("COPYRIGHT", "")
    claims.link = found.get("CONTACT", "") if "://" in found.get("CONTACT", "") else ""
    claims.recorder = found.get("SENSORUID", "")
    # What Frontier Labs' recorders write, and what people add.
    for name in ("SENSORLOCATION", "GEO_LOCATION", "LOCATION"):
        if found.get(name, "")[:1] in tuple("+-0123456789"):
            try:
                claims.place(SOURCE, *pair(found[name]))
            except NoPositionError as error:
                claims.refuse(SOURCE, error)
    for name in ("RECORDINGSTART", "DATE"):
        if len(found.get(name, "")) >= 10:
            try:
                told = parse_time(found[name])
                claims.times.append(TimeClaim(SOURCE, told, weak=told.date_only))
            except NoTimeError as error:
                claims.refuse(SOURCE, error)


def _id3_size(head: bytes) -> int:
    """The size of an ID3v2 tag at the start; 0 without one."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return size + 10 + (10 if head[5] & 0x10 else 0)


def read_mp3(file: BinaryIO) -> Header:
    """The header of an open MP3 file: duration from the count of frames, else from size and bit rate.

    Raises :class:`NoRecordingError` where no frame follows.
    """
    total = size_of(file)
    start = _id3_size(read_at(file, 0, 10))
    block = read_at(file, start, 8192)
    at = next((at for at in range(len(block) - 4) if _frame(block[at : at + 4])), None)
    if at is None:
        raise NoRecordingError("there is no MP3 sound in the file")
    mpeg1, rate, kbit, mono = _frame(block[at : at + 4]) or (True, 44100, 0, False)
    header = Header(rate=rate, channels=1 if mono else 2)
    samples = 1152 if mpeg1 else 576
    side = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    tag = block[at + 4 + side : at + 4 + side + 12]
    if tag[:4] in (b"Xing", b"Info") and len(tag) == 12 and tag[7] & 1:
        header.seconds = struct.unpack(">I", tag[8:12])[0] * samples / rate
    elif kbit:
        header.seconds = (total - start - at) * 8 / (kbit * 1000)
    return header


def _frame(head: bytes) -> tuple[bool, int, int, bool] | None:
    """Whether MPEG 1, Hz, kbit/s and whether mono, of the header of a frame of layer 3; None of anything else."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version = head[1] >> 3 & 3
    kbit, hertz = _KBIT[0 if version == 3 else 1][head[2] >> 4], head[2] >> 2 & 3
    if version == 1 or not kbit or hertz == 3:
        return None
    return version == 3, _HERTZ[hertz] >> {3: 0, 2: 1, 0: 2}[version], kbit, head[3] >> 6 == 3
