"""Which features of OpenStreetMap cover ground, where a crosswalk does not know their class.

The map tags everything, not only land cover: borders, names, routes and power lines lie over ground of another kind,
and would bury it as "unknown". So an unknown class is ground where one of these holds, and else is left out:

- an area with a key of the crosswalk, or with one of :data:`AREA_KEYS`;
- a line with one of :data:`LINE_KEYS`;

and never what is a border, a place, or a route (:data:`OUTLINE_KEYS`), nor what lies over ground of any kind
(:data:`OVERLAYS`).
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
#: Tags of areas that are told apart from others, whatever covers them. With a row in a crosswalk they are what it says.
OVERLAYS = frozenset(
    {
        "tourism=attraction",
        "tourism=information",
        "tourism=viewpoint",
        "military=danger_area",
        "military=exclusion_zone",
        "military=range",
        "military=training_area",
        "man_made=bridge",
        "emergency=assembly_point",
        "leisure=nature_reserve",
        "landuse=conservation",
        "landuse=military",
        "landuse=national_park",
        "landuse=nature_reserve",
        "natural=bay",
        "natural=cape",
        "natural=coastline",
        "natural=hill",
        "natural=isthmus",
        "natural=mountain_range",
        "natural=peninsula",
        "natural=plateau",
        "natural=ridge",
        "natural=strait",
        "natural=valley",
    }
)
_OVERLAY_VALUES = frozenset(tag.partition("=")[2] for tag in OVERLAYS)
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


def is_overlay(text: str) -> bool:
    """Whether a class that stands in one field, as ``key=value`` or as a value alone, is no cover by itself."""
    text = text.strip().lower()
    return text in OVERLAYS if "=" in text else text in _OVERLAY_VALUES


def unknown_ground(tags: Mapping[str, str], keys: Iterable[str], line: bool) -> tuple[str, bool]:
    """What a feature is called whose class the crosswalk with these ``keys`` does not know, and whether it is ground.

    The name is its first tag that tells, as ``key=value``; empty where no key that is looked at is among the tags.
    "no" as a value counts as no tag.
    """
    keys = tuple(keys)
    outline = _first(tags, OUTLINE_KEYS)
    if outline:
        return outline, False
    told = _told(tags, LINE_KEYS if line else (*keys, *AREA_KEYS))
    ground = [tag for tag in told if line or tag not in OVERLAYS]
    if told:
        return (ground or told)[0], bool(ground)
    return _first(tags, (*keys, *AREA_KEYS, *_SAYING_KEYS)), False


def _first(tags: Mapping[str, str], keys: Iterable[str]) -> str:
    return next(iter(_told(tags, keys)), "")


def _told(tags: Mapping[str, str], keys: Iterable[str]) -> list[str]:
    """The tags with one of ``keys``, as ``key=value``."""
    values = [(key, tags.get(key, "").strip().lower()) for key in keys]
    return [f"{key}={value}" for key, value in values if value not in ("", "no")]
