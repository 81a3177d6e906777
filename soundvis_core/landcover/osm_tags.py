"""Tags of OpenStreetMap as files keep them: several in one text, and widths with units."""

from __future__ import annotations

import re

_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=>\s*"((?:[^"\\]|\\.)*)"')
_NUMBER = r"(\d+(?:[.,]\d+)?)"
_METRIC = re.compile(_NUMBER + r"\s*(mm|cm|km|m|met(?:er|re)s?)?", re.IGNORECASE)
_FEET = re.compile(
    rf"{_NUMBER}\s*(?:'|\u2032|ft\.?|feet|foot)(?:\s*{_NUMBER}\s*(?:\"|''|\u2033|in\.?|inch(?:es)?))?",
    re.IGNORECASE,
)
_INCHES = re.compile(rf"{_NUMBER}\s*(?:\"|''|\u2033|in\.?|inch(?:es)?)", re.IGNORECASE)
_METRES = {"mm": 0.001, "cm": 0.01, "km": 1000.0}
_FOOT, _INCH = 0.3048, 0.0254


def parse_hstore(text: str) -> dict[str, str]:
    """The tags of a text such as ``"width"=>"7.5","lanes"=>"2"``: GDAL's field ``other_tags``."""
    return {_plain(key): _plain(value) for key, value in _PAIR.findall(text)}


def metres(text: str) -> float | None:
    """A length in metres; None where the text is none.

    A number is metres; m, cm, mm, km, feet (``12'``, ``12 ft``) and inches (``12'6"``) are understood, and a comma in
    place of the point. Ranges, lists and words are no length.
    """
    text = text.strip()
    found = _METRIC.fullmatch(text)
    if found:
        return _value(found.group(1)) * _METRES.get((found.group(2) or "").lower(), 1.0)
    found = _FEET.fullmatch(text)
    if found:
        return _value(found.group(1)) * _FOOT + _value(found.group(2) or "0") * _INCH
    found = _INCHES.fullmatch(text)
    return _value(found.group(1)) * _INCH if found else None


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _value(text: str) -> float:
    return float(text.replace(",", "."))
