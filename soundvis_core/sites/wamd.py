"""Wildlife Acoustics' metadata (Song Meter, Echo Meter): entries in the chunk ``wamd`` of a WAV file.

Each entry is its kind (16 bit), its length (32 bit, both little-endian) and its value. Kinds and notations are those of
the maker's own description (wa_meta.h, version 1); chunks of another version are not to be read.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from .claims import Claims, TimeClaim
from .clocks import NoTimeError, parse_time
from .positions import NoPositionError, apart

SOURCE = "Song Meter header"
#: Recorders without satellites of their own keep only the place that they were set to, or that was known last.
SOURCE_SET = "Song Meter header (place set)"
_VERSION, _MODEL, _SERIAL, _TIMESTAMP, _GPS_FIRST, _PLACE_LAST = 0x00, 0x01, 0x02, 0x05, 0x06, 0x14
_READ = (_MODEL, _SERIAL, _TIMESTAMP, _GPS_FIRST, _PLACE_LAST)


def entries(chunk: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and value of every entry that is whole."""
    at = 0
    while at + 6 <= len(chunk):
        kind, size = struct.unpack_from("<HI", chunk, at)
        if size > len(chunk) - at - 6:
            return
        yield kind, chunk[at + 6 : at + 6 + size]
        at += 6 + size


def read(chunk: bytes) -> Claims:
    """What the chunk says about place, time and recorder."""
    found: dict[int, str] = {}
    for kind, value in entries(chunk):
        if kind == _VERSION and value[:2] != b"\1\0":
            return Claims()
        if kind in _READ:
            found.setdefault(kind, value.decode("utf-8", "replace").strip(" \t\r\n\0"))
    claims = Claims(recorder=" ".join(part for part in (found.get(_MODEL), found.get(_SERIAL)) if part))
    for kind, source in ((_GPS_FIRST, SOURCE), (_PLACE_LAST, SOURCE_SET)):
        if not found.get(kind):
            continue
        try:
            latitude, longitude, remark = _waypoint(found[kind])
            claims.place(source, latitude, longitude, remark=remark)
        except NoPositionError as error:
            claims.refuse(source, error)
    if found.get(_TIMESTAMP):
        try:
            claims.times.append(TimeClaim(SOURCE, parse_time(found[_TIMESTAMP])))
        except NoTimeError as error:
            claims.refuse(SOURCE, error)
    return claims


def _waypoint(text: str) -> tuple[float, float, str]:
    """Latitude, longitude, doubts of ``WGS84,42.43,N,71.45,W,60`` or (Echo Meter Touch) ``WGS84,42.43,-71.45``."""
    values = [value.strip() for value in text.split(",")][1:]
    if len(values) >= 4 and re.fullmatch("[NSEW]", values[1], re.IGNORECASE):
        return apart(values[0] + values[1], values[2] + values[3])
    if len(values) >= 2:
        return apart(values[0], values[1])
    raise NoPositionError(f"'{text[:40]}' is not a waypoint")
