"""WAV files (RIFF, RF64, BW64): chunk by chunk, never the samples.

RF64 is EBU Tech 3306, the broadcast extension EBU Tech 3285.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from . import audiomoth, guano, wamd
from .claims import TimeClaim
from .clocks import NoTimeError, parse_time
from .media import MOST_CHUNKS, Header, NoRecordingError, read_at, size_of, text_of

_UNKNOWN = 0xFFFFFFFF
#: Sizes of 32 bits begin anew here: recorders that know no RF64 write the rest.
_TURN = 1 << 32
#: Chunks whose content is read; of all others only where they lie.
_WANTED = (b"fmt ", b"ds64", b"LIST", b"guan", b"wamd", b"bext", b"fact")


def read(file: BinaryIO) -> Header:
    """The header of an open WAV file. Raises :class:`NoRecordingError` where it holds no sound."""
    total = size_of(file)
    chunks, data = _chunks(file, total)
    header = Header()
    if len(chunks.get(b"fmt ", b"")) < 16:
        raise NoRecordingError("the WAV file has no format chunk: it is damaged or cut short")
    if data is None:
        raise NoRecordingError("the WAV file has no samples: the recording was cut short")
    _read_sound(header, chunks, data, total)
    info = _info(chunks.get(b"LIST", b""))
    claims = header.claims
    # AudioMoths write both; the comment is the older, and its time the same.
    if b"guan" in chunks:
        claims.add(guano.read(chunks[b"guan"]))
    if b"wamd" in chunks:
        claims.add(wamd.read(chunks[b"wamd"]))
    moth = audiomoth.read(info.get("ICMT", ""), info.get("IART", ""))
    claims.add(moth)
    if not moth.recorder:
        claims.author = info.get("IART", "")
    claims.licence = info.get("ICOP", "")
    _read_broadcast(header, chunks.get(b"bext", b""))
    return header


def _chunks(file: BinaryIO, total: int) -> tuple[dict[bytes, bytes], tuple[int, int] | None]:
    """Contents of the wanted chunks by name (the first of each; all INFO lists), and start and size of the samples."""
    file.seek(0)
    order = ">" if file.read(4) == b"RIFX" else "<"
    found: dict[bytes, bytes] = {}
    data: tuple[int, int] | None = None
    at = 12
    for _ in range(MOST_CHUNKS):
        head = read_at(file, at, 8)
        if len(head) < 8:
            break
        name, size = head[:4], struct.unpack(order + "I", head[4:])[0]
        if name == b"data" and data is None:
            size = _data_size(file, at + 8, size, total, found)
            data = at + 8, size
        elif name in _WANTED:
            content = read_at(file, at + 8, size)
            if name == b"LIST" and content[:4] == b"INFO":
                found[name] = found.get(name, b"") + content[4:]
            elif name != b"LIST":
                found.setdefault(name, content)
        at += 8 + size + size % 2
        if at >= total:
            break
    if order == ">" and b"fmt " in found and len(found[b"fmt "]) >= 16:
        found[b"fmt "] = struct.pack("<HHIIHH", *struct.unpack(">HHIIHH", found[b"fmt "][:16]))
    return found, data


def _data_size(file: BinaryIO, start: int, size: int, total: int, found: dict[bytes, bytes]) -> int:
    """The true size of the samples.

    That of RF64 stands in its own chunk; that of a recorder that lost power goes to the end; that of more than 4 GB has
    lost its whole multiples of 4 GB where no chunk lies behind what is told.
    """
    if size == _UNKNOWN and len(found.get(b"ds64", b"")) >= 16:
        return int(struct.unpack_from("<Q", found[b"ds64"], 8)[0])
    unfinished = size == 0 and total - start >= 8 and not _looks_like_chunk(file, start, total)
    if size == _UNKNOWN or unfinished:
        return total - start
    rest = total - start - size
    if rest >= _TURN and not _looks_like_chunk(file, start + size + size % 2, total):
        return size + rest // _TURN * _TURN
    return size


def _looks_like_chunk(file: BinaryIO, at: int, total: int) -> bool:
    head = read_at(file, at, 8)
    return all(32 <= byte < 127 for byte in head[:4]) and struct.unpack("<I", head[4:])[0] <= total - at - 8


def _read_sound(header: Header, chunks: dict[bytes, bytes], data: tuple[int, int], total: int) -> None:
    coding, channels, rate, per_second, block = struct.unpack_from("<HHIIH", chunks[b"fmt "])
    if rate == 0 or channels == 0:
        raise NoRecordingError(f"the WAV file is damaged: {rate} Hz, {channels} channels")
    header.rate, header.channels = rate, channels
    start, size = data
    there = max(0, min(size, total - start))
    plain = coding in (1, 3, 0xFFFE) and block > 0
    speed = float(block * rate if plain else per_second)
    if speed <= 0:
        return
    header.seconds = there / speed
    fact = chunks.get(b"fact", b"")
    if not plain and len(fact) >= 4 and 0 < struct.unpack_from("<I", fact)[0] < _UNKNOWN:
        header.seconds = struct.unpack_from("<I", fact)[0] / rate
    if there < size:
        header.remark = f"cut short: {there / speed:.1f} s are there of {size / speed:.1f} s"
    if there == 0:
        raise NoRecordingError("the WAV file holds no samples")


def _info(content: bytes) -> dict[str, str]:
    """The entries of an INFO list by their four letters."""
    found: dict[str, str] = {}
    at = 0
    while at + 8 <= len(content):
        name, size = content[at : at + 4], struct.unpack_from("<I", content, at + 4)[0]
        if name == b"INFO":  # the next list
            at += 4
            continue
        found.setdefault(name.decode("latin-1"), text_of(content[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def _read_broadcast(header: Header, content: bytes) -> None:
    """Date and time of origin, as field recorders of sound engineers write them (local time)."""
    if len(content) < 338:
        return
    originator = text_of(content[256:288])
    date, time = text_of(content[320:330]), text_of(content[330:338])
    header.claims.recorder = header.claims.recorder or originator
    if not date.strip("0-:/ "):
        return
    try:
        moment = parse_time(f"{date.replace('/', '-').replace(':', '-')} {time.replace('-', ':')}".strip())
        header.claims.times.append(TimeClaim("broadcast header", moment))
    except NoTimeError as error:
        header.claims.refuse("broadcast header", error)
