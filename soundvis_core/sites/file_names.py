"""What the names of recordings tell: Song Meter, AudioMoth, Frontier Labs, phones, and ISO 8601."""

from __future__ import annotations

import datetime as dt
import os
import re

from .claims import Claims, TimeClaim
from .clocks import NoTimeError, Told, parse_time
from .positions import NoPositionError, degrees

SOURCE = "file name"
#: AudioMoth's first names: seconds since 1970 in hexadecimal digits.
_EPOCH = re.compile(r"[0-9A-F]{8}")
_FIRST_EPOCH, _LAST_EPOCH = 1_420_070_400, 2_208_988_800  # 2015 (no AudioMoth is older) and 2040
#: What AudioMoths write: upper-case WAV, nothing or the device before the time, T behind where sound triggered it.
_AUDIOMOTH = re.compile(r"(?:(?P<device>[0-9A-F]{16})_)?\d{8}_\d{6}T?\.WAV")
#: A time within a name. SM3 writes $ in place of _ where GPS had set the clock.
_TIME = re.compile(
    r"(?<!\d)(?P<date>(?:19|20)\d{2}(?P<mark>[-._]?)\d{2}(?P=mark)\d{2})"
    r"(?:(?:[T_$ ]|[-._ ]{1,3}|[ _]at[ _])(?P<hour>\d{2})[-:._h]?(?P<minute>\d{2})"
    r"(?:[-:._m]?(?P<second>\d{2})(?:[.,](?P<part>\d{1,6}))?)?(?P<zone>Z|[-+]\d{2}:?\d{2}(?!\d))?)?(?!\d)",
    re.IGNORECASE,
)
#: A place within a name: signed "[-27.3866 152.8761]" and "_-18.2656+144.5564", or "52.5200N_13.4050E".
_SIGNED = re.compile(
    r"(?<![\d.])(?P<lat>[-+]?\d{1,2}\.\d{3,})(?:(?=[-+])|[ _,;]+)(?P<lon>[-+]?\d{1,3}\.\d{3,})(?![\d.]*\d)"
)
_HEMISPHERES = re.compile(
    r"(?<![\dA-Za-z.])(?P<lat>\d{1,2}\.\d{2,}[NS]|[NS]\d{1,2}\.\d{2,})[ _,;]*"
    r"(?P<lon>\d{1,3}\.\d{2,}[EW]|[EW]\d{1,3}\.\d{2,})(?![\dA-Za-z])",
    re.IGNORECASE,
)


def read(name: str) -> Claims:
    """What the name of a file (no folders) says about time and place."""
    claims = Claims()
    stem, extension = os.path.splitext(name)
    audiomoth = _AUDIOMOTH.fullmatch(name)
    if audiomoth:
        claims.recorder = f"AudioMoth {audiomoth['device']}" if audiomoth["device"] else "AudioMoth"
    if _EPOCH.fullmatch(stem) and extension.upper() == ".WAV":
        seconds = int(stem, 16)
        if _FIRST_EPOCH <= seconds < _LAST_EPOCH:
            claims.recorder = "AudioMoth"
            moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
            claims.times.append(TimeClaim(f"{SOURCE} (AudioMoth)", Told(moment)))
            return claims
    rest = _read_place(stem, claims)
    _read_time(rest, claims, audiomoth is not None)
    return claims


def _read_place(stem: str, claims: Claims) -> str:
    """Take the place out of a name, so that its digits are not read as a time."""
    for form in (_HEMISPHERES, _SIGNED):
        found = form.search(stem)
        if found is None:
            continue
        try:
            claims.place(SOURCE, degrees(found["lat"]), degrees(found["lon"]))
        except NoPositionError as error:
            claims.refuse(SOURCE, error)
        return stem[: found.start()] + "|" + stem[found.end() :]
    return stem


def _read_time(stem: str, claims: Claims, audiomoth: bool) -> None:
    # Other digits of a name may look like a date: the first with a time of day counts, else the first date.
    found = sorted(_TIME.finditer(stem), key=lambda match: match["hour"] is None)
    for match in found:
        try:
            told = parse_time(_iso(match))
        except NoTimeError:
            continue
        if audiomoth and not told.has_zone and not told.date_only:
            told = Told(told.moment.replace(tzinfo=dt.timezone.utc))
        claims.times.append(TimeClaim(f"{SOURCE} (AudioMoth)" if audiomoth else SOURCE, told))
        return


def _iso(found: re.Match[str]) -> str:
    date = re.sub(r"\D", "", found["date"])
    if found["hour"] is None:
        return date
    part = f".{found['part']}" if found["part"] else ""
    return f"{date}T{found['hour']}{found['minute']}{found['second'] or '00'}{part}{found['zone'] or ''}"
