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
#: An angle beside a hemisphere: there its marks may be left out.
_ANGLE = (
    r"[-+]?\d+(?:[.,]\d+)?\s*(?:°|º|deg|d)?"
    r"(?:\s*\d+(?:[.,]\d+)?\s*['’′m]?(?:\s*\d+(?:[.,]\d+)?\s*(?:\"|”|″|''|s)?)?)?"
)
#: Two angles with their hemispheres, before both or behind both, and whatever is said after them.
_LETTERED = (
    re.compile(
        rf"([NSEW])\s*({_ANGLE})\s*[,;]?\s*([NSEW])\s*({_ANGLE})(?=[\s,;]|$)(?P<rest>.*)", re.I | re.S
    ),
    re.compile(
        rf"({_ANGLE})\s*([NSEW])\s*[,;]?\s*({_ANGLE})\s*([NSEW])(?=[\s,;]|$)(?P<rest>.*)", re.I | re.S
    ),
)
#: A hemisphere that was not read: behind a space, or behind a comma with no name after it.
_LETTER_LEFT = r"\s*(?:°|[NSEWnsew]\b|[,;]\s*[NSEWnsew]\s*(?:[,;\d]|$))"
#: Two decimal numbers, and whatever is said behind them.
_PLAIN_PAIR = re.compile(
    rf"([-+]?\d{{1,3}}\.\d+)\s*[,;\s]\s*([-+]?\d{{1,3}}\.\d+)(?=[\s,;]|$)(?!{_LETTER_LEFT})"
)
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
    if size and found["degrees"].startswith("-") and hemisphere in ("N", "E"):
        raise NoPositionError(f"'{_short(text)}' is negative, and {hemisphere} is not")
    return -size if negative else size


def apart(latitude: str, longitude: str) -> tuple[float, float, str]:
    """Latitude and longitude of two texts (see :func:`degrees`), and what is doubtful about them (else empty).

    Texts that both have the hemisphere of the other axis ("13.4 E" for the latitude, "52.5 N" for the longitude) are
    exchanged. Raises :class:`NoPositionError`, also where only one of them has.
    """
    letters = _hemisphere(latitude), _hemisphere(longitude)
    wrong = [bool(letter) and letter in others for letter, others in zip(letters, ("EW", "NS"))]
    if all(wrong):
        return (
            degrees(longitude),
            degrees(latitude),
            "latitude and longitude were swapped; their letters tell which is which",
        )
    if any(wrong):
        axis, text, letter = (
            ("latitude", latitude, letters[0]) if wrong[0] else ("longitude", longitude, letters[1])
        )
        raise NoPositionError(
            f"the {axis} is told as '{_short(text)}', but {letter} is no {axis}; are the two swapped?"
        )
    return degrees(latitude), degrees(longitude), ""


def _hemisphere(text: str) -> str:
    """The letter of an angle, in upper case; empty where there is none."""
    found = _DEGREES.fullmatch(text.strip())
    return (found["before"] or found["after"] or "").upper() if found else ""


def pair(text: str) -> Position:
    """Latitude and longitude in one text, behind each other: ``51.5 -0.12``, ``51.5, -0.12``, ISO 6709.

    With hemispheres (``N43 27.6 E11 52.8``, ``11.88E 43.46N``) these tell which is which, and the marks of degrees,
    minutes and seconds may be missing. What follows behind a separator (a height, the name of the place) is left,
    unless it may as well be minutes or seconds. Raises :class:`NoPositionError`.
    """
    whole = text
    text = text.strip().strip("[]()")
    if _ISO6709.fullmatch(text):
        return iso6709(text)
    lettered = _lettered_pair(text)
    if lettered:
        return lettered
    plain = _PLAIN_PAIR.match(text)
    if plain:
        return checked(float(plain[1]), float(plain[2]))
    # Angles with marks or decimal commas: semicolons or spaces between them, commas where they can be told apart.
    for separator in (r"\s*;\s*", r"\s*,\s+|,(?=[-+]?\d+\.\d|[^-+\d\s])", r"\s+"):
        parts = [part.rstrip(",") for part in re.split(separator, text) if part]
        if len(parts) >= 2:
            try:
                first, second = degrees(parts[0]), degrees(parts[1])
            except NoPositionError:
                continue
            _check_letters(text, parts)
            _check_no_minutes(text, parts)
            return checked(first, second)
    raise NoPositionError(f"'{_short(whole)}' is not a latitude and a longitude")


def _lettered_pair(text: str) -> Position | None:
    """The place of two angles that both have a hemisphere; None where ``text`` is no such pair."""
    for before, pattern in zip((True, False), _LETTERED):
        found = pattern.fullmatch(text)
        if found is None:
            continue
        letters = [found[1], found[3]] if before else [found[2], found[4]]
        angles = [found[2], found[4]] if before else [found[1], found[3]]
        axes = ["NS" if letter.upper() in "NS" else "EW" for letter in letters]
        if axes[0] == axes[1]:
            raise NoPositionError(f"'{_short(text)}' has two hemispheres of one axis")
        numbers = [re.findall(r"\d+(?:[.,]\d+)?", angle) for angle in angles]
        if len(numbers[0]) != len(numbers[1]) and not all(
            re.search(r"[°ºd]", angle, re.I) for angle in angles
        ):
            raise NoPositionError(_ambiguous(text))
        values = dict(zip(axes, map(_signed, angles, numbers, letters)))
        return checked(values["NS"], values["EW"])
    return None


def _signed(angle: str, numbers: list[str], letter: str) -> float:
    """Degrees of ``numbers`` (degrees, minutes, seconds), to the side of ``letter``."""
    if any(not number.isdigit() for number in numbers[:-1]):
        raise NoPositionError(f"'{_short(angle)}' has a fraction before its minutes or seconds")
    values = [float(number.replace(",", ".")) for number in numbers]
    if any(value >= 60.0 for value in values[1:]):
        raise NoPositionError(f"'{_short(angle)}' has minutes or seconds above 60")
    negative = angle.startswith("-")
    if negative and letter.upper() in "NE":
        raise NoPositionError(f"'{_short(angle)}' is negative, and {letter.upper()} is not")
    size = sum(value / 60.0**power for power, value in enumerate(values))
    return -size if letter.upper() in "SW" else size


def _check_letters(text: str, parts: list[str]) -> None:
    """Raise where a hemisphere is not that of its axis, or stands alone behind the pair."""
    for part, others, axis in ((parts[0], "EW", "latitude"), (parts[1], "NS", "longitude")):
        letter = _hemisphere(part)
        if letter and letter in others:
            raise NoPositionError(f"'{_short(text)}' has {letter} where the {axis} is expected")
    if len(parts) > 2 and re.fullmatch(r"[NSEW]", parts[2].strip(), re.I):
        raise NoPositionError(f"'{_short(text)}' has one hemisphere that may be that of either angle")


def _check_no_minutes(text: str, parts: list[str]) -> None:
    """Raise where the second angle may be minutes of the first, or what follows minutes of the second."""
    after = [part.strip() for part in parts[2:] if re.match(r"\s*[-+]?[NSEW]?\d", part, re.I)]
    second_is_minutes = _whole(parts[0]) and parts[1].strip()[:1].isdigit()
    third_is_minutes = bool(after) and _whole(parts[1]) and re.match(r"[1-5]?\d(?!\d)", after[0]) is not None
    if after and (second_is_minutes or third_is_minutes):
        raise NoPositionError(_ambiguous(text))


def _whole(angle: str) -> bool:
    """Whether degrees without a fraction, to which minutes may belong."""
    return re.fullmatch(r"[-+]?\d+\s*(?:°|º|deg|d)?", angle.strip(), re.I) is not None


def _ambiguous(text: str) -> str:
    return (
        f"'{_short(text)}' may be in degrees and minutes; write decimal degrees, or minutes and seconds with N or S "
        "and E or W"
    )


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
