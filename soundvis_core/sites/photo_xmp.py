"""XMP packets of photos: the panorama they are (GPano), where they were taken, and where they look.

Google's Photo Sphere metadata (https://developers.google.com/streetview/spherical-metadata) and the exif namespace of
the XMP specification, part 2. Values are picked out of the text, as attributes or elements: no XML is parsed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

#: A position in the exif namespace: degrees, minutes and decimals or seconds, hemisphere.
_ANGLE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])")
#: No packet about a photo is longer.
_MOST = 1 << 18
_LARGEST_PICTURE = 10**6


@dataclass(frozen=True)
class Xmp:
    """What a packet says; None and empty where it says nothing.

    projection: in lower case ("equirectangular"). share: how much of the whole sphere's width and height the picture
    has (the smaller of both, 0 to 1). heading: degrees. place: latitude and longitude.
    """

    projection: str = ""
    share: float | None = None
    heading: float | None = None
    place: tuple[float, float] | None = None


def read_xmp(packet: bytes | str | None) -> Xmp:
    """What an XMP packet says about its photo."""
    if not packet:
        return Xmp()
    text = packet[:_MOST].decode("utf-8", "replace") if isinstance(packet, bytes) else packet[:_MOST]
    latitude, longitude = (
        _angle(_value(text, "GPSLatitude"), "NS"),
        _angle(_value(text, "GPSLongitude"), "EW"),
    )
    return Xmp(
        _value(text, "ProjectionType").lower(),
        _share(text),
        _number(_value(text, "PoseHeadingDegrees")),
        None if latitude is None or longitude is None else (latitude, longitude),
    )


def _value(text: str, name: str) -> str:
    """An attribute ``prefix:name="value"`` or an element ``<prefix:name>value<``."""
    if f":{name}" not in text:
        return ""
    found = re.search(rf"\b[\w-]{{1,20}}:{name}\s{{0,9}}=\s{{0,9}}[\"']([^\"'<]{{0,80}})[\"']", text)
    found = found or re.search(rf"<[\w-]{{1,20}}:{name}>([^<]{{0,80}})<", text)
    return found[1].strip() if found else ""


def _share(text: str) -> float | None:
    shares = []
    for side in ("Width", "Height"):
        whole = _number(_value(text, f"FullPano{side}Pixels"))
        part = _number(_value(text, f"CroppedAreaImage{side}Pixels"))
        if whole is None or part is None or not 0 < part <= whole <= _LARGEST_PICTURE:
            return None
        shares.append(part / whole)
    return min(shares)


def _angle(text: str, hemispheres: str) -> float | None:
    found = _ANGLE.fullmatch(text)
    if found is None or found[4] not in hemispheres:
        return None
    size = int(found[1]) + float(found[2]) / 60.0 + float(found[3] or 0.0) / 3600.0
    return -size if found[4] in "SW" else size


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
