"""The header of a photo: EXIF place, direction, time and rotation (CIPA DC-008), and its size; never its pixels."""

from __future__ import annotations

import datetime as dt
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..dependencies import require
from ..images import check_photo, open_photo
from .claims import Claims, TimeClaim
from .clocks import NoTimeError, Told, parse_time
from .photo_xmp import Xmp, read_xmp
from .positions import NoPositionError

SOURCE = "EXIF"
GPS_TIME = "EXIF GPS time"
TRUE, MAGNETIC = "true", "magnetic"
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_MAKE, _MODEL, _ORIENTATION, _CHANGED, _ARTIST, _COPYRIGHT = 0x010F, 0x0110, 0x0112, 0x0132, 0x013B, 0x8298
#: Moments with their offsets from UTC and parts of a second: taken, then digitised.
_TIMES = ((0x9003, 0x9011, 0x9291), (0x9004, 0x9012, 0x9292))
_FOCAL_35 = 0xA405
_TIFF_XMP = 700
#: Clockwise turns (degrees) that bring the stored picture upright; mirrored ones too, but for the mirroring.
_TURNS = {1: 0, 2: 0, 3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}
#: The clocks of camera and satellites differ by less than this (s) once the time zone is taken off.
_SAME_MOMENT = 180.0
#: Zones off the half hour: Nepal, Eucla, Chatham (hours).
_ODD_ZONES = (5.75, 8.75, 12.75, 13.75)


@dataclass
class PhotoHeader:
    """Upright size in pixels, turn to be upright in degrees clockwise, direction in degrees with its reference.

    focal: focal length in mm of a 35 mm camera with the same view. accuracy: of the position, in m.
    """

    width: int | None = None
    height: int | None = None
    turn: int | None = None
    heading: float | None = None
    heading_ref: str = ""
    accuracy: float | None = None
    focal: float | None = None
    xmp: Xmp = field(default_factory=Xmp)
    claims: Claims = field(default_factory=Claims)
    remarks: list[str] = field(default_factory=list)


def read_photo(path: str, fast: float = 0.0) -> PhotoHeader:
    """The header of the photo at ``path``. ``fast``: by how many seconds the camera's clock was ahead.

    Raises SiteError where it is no photo that can be opened, OSError where it cannot be read.
    """
    check_photo(path)
    image = open_photo(require("PIL.Image"), Path(path))
    try:
        header = PhotoHeader(*_stored_size(image))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exif = _exif(image)
                main, detail, gps = dict(exif), exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD)
        except Exception as error:  # noqa: BLE001 - broken EXIF raises anything, and the photo is one all the same
            header.claims.refused.append(f"the EXIF header is damaged ({type(error).__name__})")
            main, detail, gps = {}, {}, {}
        header.xmp = read_xmp(_packet(image))
    finally:
        image.close()
    _turn(header, main)
    _place(header, gps)
    _direction(header, gps)
    _times(header.claims, main, detail, gps, fast)
    header.focal = _number(detail.get(_FOCAL_35))
    make, model = _text(main.get(_MAKE)), _text(main.get(_MODEL))
    header.claims.recorder = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    header.claims.author, header.claims.licence = _text(main.get(_ARTIST)), _text(main.get(_COPYRIGHT))
    return header


def _stored_size(image: Any) -> tuple[int, int]:
    """Width and height as they lie in the file: of a turned TIFF newer versions of Pillow tell those it has upright."""
    if image.format == "TIFF":
        return int(image.tag_v2[256]), int(image.tag_v2[257])
    return int(image.size[0]), int(image.size[1])


def _exif(image: Any) -> Any:
    """The EXIF of an open picture. Not ``getexif`` of a PNG without any: that decodes the pixels."""
    if "exif" in image.info:
        exif = require("PIL.Image").Exif()
        exif.load(image.info["exif"])
        return exif
    return image.getexif() if image.format == "TIFF" else require("PIL.Image").Exif()


def _packet(image: Any) -> bytes | str | None:
    """The XMP packet, where this version of Pillow keeps it."""
    for name in ("xmp", "XML:com.adobe.xmp"):
        if image.info.get(name):
            packet: bytes | str = image.info[name]
            return packet
    for segment, content in getattr(image, "applist", ()):
        if segment == "APP1" and content.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            return bytes(content)
    tags = getattr(image, "tag_v2", {})
    found = tags.get(_TIFF_XMP) if hasattr(tags, "get") else None
    return found if isinstance(found, (bytes, str)) else None


def _turn(header: PhotoHeader, main: Mapping[int, Any]) -> None:
    value = main.get(_ORIENTATION)
    header.turn = _TURNS.get(value) if isinstance(value, int) else None
    if header.turn in (90, 270):
        header.width, header.height = header.height, header.width


def _place(header: PhotoHeader, gps: Mapping[int, Any]) -> None:
    claims = header.claims
    if 2 in gps or 4 in gps:
        try:
            latitude, longitude = _angle(gps.get(2), gps.get(1), "NS"), _angle(gps.get(4), gps.get(3), "EW")
            claims.place(SOURCE, latitude, longitude)
        except NoPositionError as error:
            claims.refuse(SOURCE, error)
    if header.xmp.place is not None:
        claims.place("XMP", *header.xmp.place)
    header.accuracy = _number(gps.get(31))
    if not claims.positions:
        return
    if _text(gps.get(9)).upper() == "V":
        header.remarks.append("the GPS had lost its fix: the place may be an earlier one")
    datum = _text(gps.get(18)).upper().replace(" ", "").replace("-", "")
    if datum and not datum.startswith("WGS84"):
        header.remarks.append(
            f"the place is told in the datum {_text(gps.get(18))[:20]}, taken as WGS 84: it may lie some 100 m off"
        )


def _angle(values: Any, hemisphere: Any, names: str) -> float:
    """Signed degrees of EXIF's degrees, minutes and seconds. Raises NoPositionError."""
    numbers = [_number(value) for value in (values if isinstance(values, (tuple, list)) else (values,))]
    side = _text(hemisphere).upper()[:1]
    what = "latitude" if names == "NS" else "longitude"
    if not numbers or len(numbers) > 3 or None in numbers:
        raise NoPositionError(f"the {what} is not a number")
    if not side or side not in names:
        raise NoPositionError(f"the {what} does not say its hemisphere ({' or '.join(names)})")
    parts = [number or 0.0 for number in numbers]
    if any(part < 0.0 for part in parts) or any(part > 60.0 for part in parts[1:]):
        raise NoPositionError(f"the {what} has minutes or seconds outside 0 to 60")
    size = sum(part / scale for part, scale in zip(parts, (1.0, 60.0, 3600.0)))
    return -size if side in "SW" else size


def _direction(header: PhotoHeader, gps: Mapping[int, Any]) -> None:
    value = _number(gps.get(17))
    if value is None:
        return
    if not 0.0 <= value <= 360.0:
        header.remarks.append(f"the direction {value:g} is not within 0 and 360 degrees and is left")
        return
    header.heading = value % 360.0
    header.heading_ref = {"T": TRUE, "M": MAGNETIC}.get(_text(gps.get(16)).upper()[:1], "")


def _times(
    claims: Claims, main: Mapping[int, Any], detail: Mapping[int, Any], gps: Mapping[int, Any], fast: float
) -> None:
    satellites = _gps_time(claims, gps)
    taken = None
    for moment, offset, part in _TIMES:
        taken = taken or _told(claims, detail.get(moment), detail.get(offset), detail.get(part))
    if taken is not None and not taken.has_zone and satellites is not None:
        zone = _zone_between(taken.moment - dt.timedelta(seconds=fast), satellites)
        if zone is not None:
            claims.times.append(
                TimeClaim(f"{SOURCE}, zone by GPS time", Told(taken.moment.replace(tzinfo=zone)))
            )
            taken = None
    elif taken is not None:
        claims.times.append(TimeClaim(SOURCE, taken))
        taken = None
    if satellites is not None:
        claims.times.append(TimeClaim(GPS_TIME, Told(satellites), own=False))
    if taken is not None:
        claims.times.append(TimeClaim(SOURCE, taken))
    changed = _told(claims, main.get(_CHANGED), None, None)
    if changed is not None:
        claims.times.append(TimeClaim("EXIF time of the last change", changed, weak=True))


def _told(claims: Claims, moment: Any, offset: Any, part: Any) -> Told | None:
    text, zone, digits = _text(moment), _text(offset), _text(part)
    # Unknown moments are blanks or noughts between the colons.
    if not text.strip(" :0"):
        return None
    try:
        told = parse_time(text)
        if told.date_only:
            return told
        if digits.isdecimal():
            told = Told(told.moment.replace(microsecond=int(digits[:6].ljust(6, "0"))))
        if not told.has_zone and zone.strip(" :"):
            told = parse_time(f"{told.moment:%Y-%m-%dT%H:%M:%S.%f}{zone}")
        return told
    except NoTimeError as error:
        claims.refuse(SOURCE, error)
        return None


def _gps_time(claims: Claims, gps: Mapping[int, Any]) -> dt.datetime | None:
    date, clock = _text(gps.get(29)), gps.get(7)
    if not date.strip(" :0") or not isinstance(clock, (tuple, list)) or len(clock) != 3:
        return None
    numbers = [_number(value) for value in clock]
    if None in numbers:
        return None
    hours, minutes, seconds = (number or 0.0 for number in numbers)
    try:
        day = parse_time(date).moment
    except NoTimeError as error:
        claims.refuse(GPS_TIME, error)
        return None
    if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 61):
        return None
    return day.replace(tzinfo=dt.timezone.utc) + dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _zone_between(local: dt.datetime, utc: dt.datetime) -> dt.timezone | None:
    """The time zone that makes a camera's local time the moment of the satellites; None where none does."""
    away = (local - utc.replace(tzinfo=None)).total_seconds()
    for hours in (round(away / 1800.0) / 2.0, *_ODD_ZONES):
        if -12.0 <= hours <= 14.0 and abs(away - hours * 3600.0) <= _SAME_MOMENT:
            return dt.timezone(dt.timedelta(hours=hours))
    return None


def _number(value: Any) -> float | None:
    """A finite number of a rational (which may be 0/0) or anything else; None where it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return " ".join(value.partition("\0")[0].split()) if isinstance(value, str) else ""
