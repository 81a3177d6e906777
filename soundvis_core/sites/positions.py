"""Places in the notations of recorders, phones and tables; what cannot be a place is refused with its reason."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

_EARTH_KM = 6371.0088  # mean radius of the GRS 80 ellipsoid (Moritz 2000, doi:10.1007/s001900050278)
_NUMBER = r"[-+]?\d+(?:[.,]\d+)?"
#: Degrees, then minutes and seconds with their marks; a hemisphere before or behind.
_DEGREES = re.compile(
    rf"(?P<before>[NSEW])?\s*(?P<degrees>{_NUMBER})\s*(?:°|º|deg|d)?\s*"
    r"(?:(?P<minutes>\d+(?:[.,]\d+)?)\s*['’′m]\s*)?(?:(?P<seconds>\d+(?:[.,]\d+)?)\s*(?:\"|”|″|''|s)\s*)?"
    r"(?P<after>[NSEW])?",
    re.IGNORECASE,
)
#: Two decimal numbers, and whatever is said behind them.
_PLAIN_PAIR = re.compile(r"([-+]?\d{1,3}\.\d+)\s*[,;\s]\s*([-+]?\d{1,3}\.\d+)(?=[\s,;]|$)(?!\s*[°NSEW])")
#: ISO 6709: latitude, longitude, then height and reference system, closed by a solidus.
_ISO6709 = re.compile(r"([-+]\d{1,6}(?:\.\d+)?)([-+]\d{1,7}(?:\.\d+)?)(?:[-+]\d+(?:\.\d+)?)?(?:CRS[^/]*)?/?")


class Position(NamedTuple):
    """A place in degrees of WGS 84."""

    latitude: float
    longitude: float


class NoPositionError(ValueError):
    """What was given is no place on earth; ``str(error)`` says why, in a few words."""


def checked(latitude: float, longitude: float) -> Position:
    """The place. Raises :class:`NoPositionError` for what no recorder stood at."""
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        raise NoPositionError("the position is not a number")
    if latitude == 0.0 and longitude == 0.0:
        raise NoPositionError("the position is 0, 0, which recorders write where they have none")
    if abs(latitude) > 90.0:
        swapped = "; are latitude and longitude swapped?" if abs(longitude) <= 90.0 else ""
        raise NoPositionError(f"the latitude {latitude:g} is not within -90 and 90 degrees{swapped}")
    if abs(longitude) > 180.0:
        raise NoPositionError(f"the longitude {longitude:g} is not within -180 and 180 degrees")
    return Position(latitude, longitude)


def degrees(text: str) -> float:
    """The angle that ``text`` tells: ``51.5``, ``51,5``, ``0.12 W``, ``51°30'20"N``.

    Raises :class:`NoPositionError`.
    """
    found = _DEGREES.fullmatch(text.strip())
    if found is None:
        raise NoPositionError(f"'{_short(text)}' is not an angle in degrees")
    parts = [float((found[name] or "0").replace(",", ".")) for name in ("degrees", "minutes", "seconds")]
    if parts[1] >= 60.0 or parts[2] >= 60.0:
        raise NoPositionError(f"'{_short(text)}' has minutes or seconds above 60")
    hemisphere = (found["before"] or found["after"] or "").upper()
    negative = found["degrees"].startswith("-") or hemisphere in ("S", "W")
    size = abs(parts[0]) + parts[1] / 60.0 + parts[2] / 3600.0
    return -size if negative else size


def pair(text: str) -> Position:
    """Latitude and longitude in one text, behind each other: ``51.5 -0.12``, ``51.5, -0.12``, ISO 6709.

    What follows them behind a separator (a height, the name of the place) is left. Raises
    :class:`NoPositionError`.
    """
    text = text.strip().strip("[]()")
    if _ISO6709.fullmatch(text):
        return iso6709(text)
    plain = _PLAIN_PAIR.match(text)
    if plain:
        return checked(float(plain[1]), float(plain[2]))
    # Angles with marks or decimal commas: semicolons or spaces between them, commas where they can be told apart.
    for separator in (r"\s*;\s*", r"\s*,\s+|,(?=[-+]?\d+\.\d|[^-+\d\s])", r"\s+"):
        parts = [part for part in re.split(separator, text) if part]
        if len(parts) >= 2:
            try:
                first, second = degrees(parts[0].rstrip(",")), degrees(parts[1].rstrip(","))
            except NoPositionError:
                continue
            return checked(first, second)
    raise NoPositionError(f"'{_short(text)}' is not a latitude and a longitude")


def iso6709(text: str) -> Position:
    """The place of an ISO 6709 text: degrees, degrees and minutes, or degrees, minutes and seconds.

    How many digits stand before the point tells which (ISO 6709:2022, annex H). Raises :class:`NoPositionError`.
    """
    found = _ISO6709.fullmatch(text.strip().rstrip("\0").strip())
    if found is None:
        raise NoPositionError(f"'{_short(text)}' is not a position by ISO 6709")
    return checked(_sexagesimal(found[1], 2), _sexagesimal(found[2], 3))


def _sexagesimal(text: str, digits: int) -> float:
    """Degrees of ``+DD.D``, ``+DDMM.M`` or ``+DDMMSS.S`` with ``digits`` digits of degrees."""
    whole = text[1:].partition(".")[0]
    value = float(text[1:])
    if len(whole) > digits + 2:
        value = value // 10000 + value // 100 % 100 / 60.0 + value % 100 / 3600.0
    elif len(whole) > digits:
        value = value // 100 + value % 100 / 60.0
    return -value if text.startswith("-") else value


def distance_km(one: Position, other: Position) -> float:
    """Kilometres along the great circle of a sphere (haversine); within 0.6 % of the ellipsoid."""
    across = math.radians(other.longitude - one.longitude)
    along = math.radians(other.latitude - one.latitude)
    scale = math.cos(math.radians(one.latitude)) * math.cos(math.radians(other.latitude))
    half = math.sin(along / 2) ** 2 + scale * math.sin(across / 2) ** 2
    return 2.0 * _EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."
