"""Tags of OpenStreetMap in one text, and widths with units."""

from __future__ import annotations

import pytest

from soundvis_core.landcover.osm_tags import metres, parse_hstore

pytestmark = pytest.mark.filterwarnings("error")


def test_tags_in_one_text():
    text = r'"width"=>"7.5","lanes"=>"2", "name" => "A \"b\" \\ c","empty"=>"","inscription"=>"a=>b, \"x\"=>\"y\""'
    assert parse_hstore(text) == {
        "width": "7.5",
        "lanes": "2",
        "name": r'A "b" \ c',
        "empty": "",
        "inscription": 'a=>b, "x"=>"y"',
    }
    assert parse_hstore("") == parse_hstore("width=7.5") == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7.5", 7.5),
        (" 7.5 m ", 7.5),
        ("7,5", 7.5),
        ("7m", 7.0),
        ("12 metres", 12.0),
        ("12 Meter", 12.0),
        ("350 cm", 3.5),
        ("900mm", 0.9),
        ("0.012 km", 12.0),
        ("12'", 3.6576),
        ("12 ft", 3.6576),
        ("12'6\"", 3.81),
        ("12 ft 6 in", 3.81),
        ("30\"", 0.762),
        ("0", 0.0),
    ],
)  # fmt: skip
def test_lengths(text, expected):
    assert metres(text) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "text", ["", "narrow", "~6", "3-4", "6;7", "-2", "6 m?", "1.2.3", "7 yd", "nan", "1e3", "'"]
)
def test_what_is_no_length(text):
    assert metres(text) is None
