"""Which features of OpenStreetMap are ground of an unknown class, and which lie over ground of another kind."""

from __future__ import annotations

import pytest

from soundvis_core.bga.crosswalks import LINE_KEYS as CROSSWALK_LINE_KEYS
from soundvis_core.bga.crosswalks import load_crosswalk
from soundvis_core.landcover.osm_ground import (
    AREA_KEYS,
    LINE_KEYS,
    LOOKED_AT,
    OUTLINE_KEYS,
    OVERLAYS,
    is_overlay,
    is_underground,
    unknown_ground,
)

pytestmark = pytest.mark.filterwarnings("error")

KEYS = ("landuse", "leisure")


@pytest.mark.parametrize(
    ("tags", "line", "expected"),
    [
        ({"tourism": "Zoo ", "name": "Z"}, False, ("tourism=zoo", True)),
        ({"power": "substation", "landuse": "moonscape"}, False, ("landuse=moonscape", True)),
        ({"landuse": "no", "man_made": "works"}, False, ("man_made=works", True)),
        ({"boundary": "administrative", "admin_level": "8"}, False, ("boundary=administrative", False)),
        ({"place": "island", "tourism": "attraction"}, False, ("place=island", False)),
        ({"tourism": "Attraction"}, False, ("tourism=attraction", False)),
        ({"tourism": "attraction", "man_made": "works"}, False, ("man_made=works", True)),
        ({"leisure": "nature_reserve", "military": "danger_area"}, False, ("leisure=nature_reserve", False)),
        ({"man_made": "bridge", "highway": "unheard_of"}, True, ("highway=unheard_of", True)),
        ({"shop": "mall"}, False, ("shop=mall", True)),
        ({"route": "ferry"}, True, ("route=ferry", False)),
        ({"historic": "battlefield"}, False, ("historic=battlefield", False)),
        ({"sport": "soccer"}, False, ("sport=soccer", False)),
        ({"name": "Somewhere", "ref": "7"}, False, ("", False)),
        ({}, False, ("", False)),
        ({"highway": "unheard_of"}, True, ("highway=unheard_of", True)),
        ({"railway": "unheard_of", "power": "line"}, True, ("railway=unheard_of", True)),
        ({"power": "line"}, True, ("power=line", False)),
        ({"landuse": "moonscape"}, True, ("landuse=moonscape", False)),
        ({"barrier": "fence"}, True, ("barrier=fence", False)),
        # A crosswalk of the user's own may have any key.
        ({"mine": "old"}, False, ("", False)),
    ],
)
def test_what_is_ground(tags, line, expected):
    assert unknown_ground(tags, KEYS, line) == expected


def test_keys_of_a_crosswalk_of_ones_own_count():
    assert unknown_ground({"mine": "new"}, ("mine",), False) == ("mine=new", True)


@pytest.mark.parametrize(
    ("tags", "line", "expected"),
    [
        ({"tunnel": "Yes"}, True, True),
        ({"tunnel": "culvert"}, True, True),
        ({"tunnel": "yes"}, False, False),
        ({"tunnel": "no"}, True, False),
        ({"location": "underground"}, False, True),
        ({"location": "overground"}, False, False),
        ({}, True, False),
    ],
)
def test_what_lies_below(tags, line, expected):
    assert is_underground(tags, line) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("attraction", True),
        ("Tourism=attraction", True),
        ("shop=attraction", False),
        ("mall", False),
        ("", False),
    ],
)
def test_overlays_in_one_field(text, expected):
    assert is_overlay(text) is expected


def test_keys_are_those_of_the_shipped_crosswalk_and_more():
    assert set(load_crosswalk("osm").keys) <= set(AREA_KEYS)
    assert set(LINE_KEYS) == set(CROSSWALK_LINE_KEYS) <= set(AREA_KEYS)
    assert not set(OUTLINE_KEYS) & set(AREA_KEYS)
    assert {tag.partition("=")[0] for tag in OVERLAYS} <= set(AREA_KEYS)
    assert len(set(LOOKED_AT)) == len(LOOKED_AT)
