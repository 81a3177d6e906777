"""Which features of OpenStreetMap cover ground, where a crosswalk does not know their class.

The map tags everything, not only land cover: borders, names, routes and power lines lie over ground of another kind,
and would bury it as "unknown". So an unknown class is ground where one of these holds, and else is left out:

- an area with a key of the crosswalk, or with one of :data:`AREA_KEYS`;
- a line with one of :data:`LINE_KEYS`;

and never what is a border, a place, or a route (:data:`OUTLINE_KEYS`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: Keys that say at once that a layer is one of OpenStreetMap, and that its areas are ground.
MAIN_KEYS = (
    "building",
    "highway",
    "railway",
    "aeroway",
    "amenity",
    "leisure",
    "natural",
    "landuse",
    "waterway",
)
#: Keys of areas that are something on the ground.
AREA_KEYS = (
    *MAIN_KEYS,
    "man_made",
    "tourism",
    "power",
    "military",
    "public_transport",
    "shop",
    "office",
    "craft",
    "healthcare",
    "emergency",
    "landcover",
    "golf",
    "aerialway",
)
#: Keys of lines that take ground of their own; others (fences, pipes, power lines, cliffs) have next to no breadth.
LINE_KEYS = ("highway", "railway", "aeroway", "waterway")
#: Keys of features that only draw a line about ground.
OUTLINE_KEYS = ("boundary", "place", "route", "admin_level")
#: Keys that say something of ground, but not what covers it.
_SAYING_KEYS = ("historic", "barrier", "geological", "sport")
#: Where what is tagged lies below the surface.
_TUNNELS = ("yes", "culvert", "flooded", "t", "true", "1")
_BELOW = ("underground",)
#: All keys that are looked at beyond those of a crosswalk.
LOOKED_AT = (*AREA_KEYS, *OUTLINE_KEYS, *_SAYING_KEYS, "tunnel", "location")


def is_underground(tags: Mapping[str, str], line: bool) -> bool:
    """Whether a feature covers no ground because it lies in a tunnel or pipe, or below the surface."""
    if line and tags.get("tunnel", "").strip().lower() in _TUNNELS:
        return True
    return tags.get("location", "").strip().lower() in _BELOW


def unknown_ground(tags: Mapping[str, str], keys: Iterable[str], line: bool) -> tuple[str, bool]:
    """What a feature is called whose class the crosswalk with these ``keys`` does not know, and whether it is ground.

    The name is its first tag that tells, as ``key=value``; empty where no key that is looked at is among the tags.
    "no" as a value counts as no tag.
    """
    keys = tuple(keys)
    outline = _first(tags, OUTLINE_KEYS)
    if outline:
        return outline, False
    found = _first(tags, LINE_KEYS if line else (*keys, *AREA_KEYS))
    if found:
        return found, True
    return _first(tags, (*keys, *AREA_KEYS, *_SAYING_KEYS)), False


def _first(tags: Mapping[str, str], keys: Iterable[str]) -> str:
    for key in keys:
        value = tags.get(key, "").strip().lower()
        if value not in ("", "no"):
            return f"{key}={value}"
    return ""
