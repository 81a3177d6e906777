"""GUANO metadata of bat detectors, AudioMoths and Song Meters: text in the chunk ``guan`` of a WAV file.

The specification is at https://guano-md.org (version 1.0).
"""

from __future__ import annotations

from .claims import Claims, TimeClaim
from .clocks import NoTimeError, parse_time
from .positions import NoPositionError, pair

SOURCE = "GUANO header"


def fields(chunk: bytes) -> dict[str, str]:
    """The fields by their full name (``OAD|Loc Source``); the first of two with one name."""
    try:
        text = chunk.decode("utf-8")
    except UnicodeDecodeError:
        text = chunk.decode("latin-1")
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, colon, value = line.strip(" \t\r\0\x0b\x0c").partition(":")
        if colon and value.strip():
            found.setdefault(name.strip(), value.strip())
    return found


def read(chunk: bytes) -> Claims:
    """What the chunk says about place, time and recorder."""
    found = fields(chunk)
    claims = Claims()
    if "Loc Position" in found:
        # AudioMoths write the place that sunrise was computed for, to 0.01 degrees.
        coarse = found.get("OAD|Loc Source", "").lower() == "configuration app"
        source = "GUANO header (configured place)" if coarse else SOURCE
        try:
            place = pair(found["Loc Position"])
            claims.place(source, *place, coarse=coarse)
        except NoPositionError as error:
            claims.refuse(SOURCE, error)
    if "Timestamp" in found:
        try:
            claims.times.append(TimeClaim(SOURCE, parse_time(found["Timestamp"])))
        except NoTimeError as error:
            claims.refuse(SOURCE, error)
    make, model, serial = (found.get(name, "") for name in ("Make", "Model", "Serial"))
    if make == "Open Acoustic Devices":
        make = ""
    claims.recorder = " ".join(part for part in (make, model, serial) if part)
    return claims
