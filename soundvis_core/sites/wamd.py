"""Wildlife Acoustics' metadata (Song Meter, Echo Meter): entries in the chunk ``wamd`` of a WAV file.

Each entry is its kind (16 bit), its length (32 bit, both little-endian) and its value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .claims import Claims, TimeClaim
from .clocks import NoTimeError, parse_time
from .positions import NoPositionError, degrees

SOURCE = "Song Meter header"
_MODEL, _SERIAL, _TIMESTAMP, _GPS_FIRST = 0x01, 0x02, 0x05, 0x06


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
        if kind in (_MODEL, _SERIAL, _TIMESTAMP, _GPS_FIRST):
            found.setdefault(kind, value.decode("utf-8", "replace").strip(" \t\r\n\0"))
    claims = Claims(recorder=" ".join(part for part in (found.get(_MODEL), found.get(_SERIAL)) if part))
    if found.get(_GPS_FIRST):
        try:
            claims.place(SOURCE, *_waypoint(found[_GPS_FIRST]))
        except NoPositionError as error:
            claims.refuse(SOURCE, error)
    if found.get(_TIMESTAMP):
        try:
            claims.times.append(TimeClaim(SOURCE, parse_time(found[_TIMESTAMP])))
        except NoTimeError as error:
            claims.refuse(SOURCE, error)
    return claims


def _waypoint(text: str) -> tuple[float, float]:
    """Latitude and longitude of ``WGS84,42.43,N,71.45,W,60`` or, of the Echo Meter Touch, ``WGS84,42.43,-71.45``."""
    values = [value.strip() for value in text.split(",")][1:]
    if len(values) >= 4 and values[1].upper() in ("N", "S"):
        return degrees(values[0] + values[1]), degrees(values[2] + values[3])
    if len(values) >= 2:
        return degrees(values[0]), degrees(values[1])
    raise NoPositionError(f"'{text[:40]}' is not a waypoint")
