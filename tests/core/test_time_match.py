"""Hours, weekdays and seasons of records by the clocks of their place."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.errors import InputError
from soundvis_core.sites.clocks import Told, parse_time
from soundvis_core.statistics.time_match import (
    SEASONS,
    WEEKDAYS,
    TimeRules,
    match_time,
    parse_hours,
    parse_months,
    season_of,
    unknown_time,
)

pytestmark = pytest.mark.filterwarnings("error")
UTC = dt.timezone.utc
LONDON, TOKYO = ZoneInfo("Europe/London"), ZoneInfo("Asia/Tokyo")


def match(text, zone=UTC, untold=None, hemisphere="north", **rules):
    return match_time(parse_time(text), zone, untold or zone, hemisphere, TimeRules(**rules))


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("", ()),
        (" 5-9 ", ((300, 540),)),
        ("6 - 9; 17:30\u201320", ((360, 540), (1050, 1200))),
        ("22-4", ((1320, 240),)),
        ("7", ((420, 480),)),
        ("23", ((1380, 1440),)),
        ("0-24", ((0, 1440),)),
        ("0:15-0:45,", ((15, 45),)),
    ],
)
def test_hours_as_people_write_them(text, ranges):
    assert parse_hours(text) == ranges


@pytest.mark.parametrize("text", ["dawn", "25", "6-9-12", "-3", "6-6", "24-5", "9:70-10", "6-25", "5,x"])
def test_what_are_no_hours(text):
    with pytest.raises(InputError, match="is no range of hours"):
        parse_hours(text)


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("", set()),
        ("4", {4}),
        ("3-5", {3, 4, 5}),
        ("11-2", {11, 12, 1, 2}),
        ("12, 6 - 7", {12, 6, 7}),
        ("1-12", set(range(1, 13))),
    ],
)
def test_months_as_people_write_them(text, months):
    assert parse_months(text) == months


@pytest.mark.parametrize("text", ["0", "13", "May", "3-", "1-13"])
def test_what_are_no_months(text):
    with pytest.raises(InputError, match="is no month"):
        parse_months(text)


@given(st.integers(0, 1439), st.integers(0, 23), st.integers(1, 24))
@settings(max_examples=200, deadline=None)
def test_a_minute_is_in_a_range_or_in_the_rest_of_the_day(minute, first, last):
    if first == last:
        return
    rules = TimeRules(hours=parse_hours(f"{first}-{last}"))
    walked, hour = set(), first
    while hour != last % 24:
        walked.add(hour)
        hour = (hour + 1) % 24
    if (first, last) == (0, 24):
        walked = set(range(24))
    assert rules.in_hours(minute) == (minute // 60 in walked)


def test_seasons_turn_round_in_the_south():
    north = [season_of(month, "north") for month in range(1, 13)]
    expected = ["winter"] * 2 + ["spring"] * 3 + ["summer"] * 3 + ["autumn"] * 3 + ["winter"]
    assert north == expected
    assert [season_of(month, "south") for month in range(1, 13)] == expected[6:] + expected[:6]
    assert set(north) == set(SEASONS)


def test_local_time_with_summer_time():
    summer = match("2024-05-14T05:30:00Z", LONDON)
    assert (summer.local, summer.hour) == ("2024-05-14T06:30:00+01:00", 6)
    assert (summer.weekday, summer.season, summer.keep, summer.reason) == ("Tuesday", "spring", True, "")
    winter = match("2024-01-14T05:30:00Z", LONDON)
    assert (winter.local, winter.hour) == ("2024-01-14T05:30:00+00:00", 5)
    # Over the date line of midnight: Saturday evening in London is Sunday in Tokyo.
    away = match("2024-05-18T20:00:00+01:00", TOKYO)
    assert (away.local, away.weekday) == ("2024-05-19T04:00:00+09:00", "Sunday")


def test_times_without_a_zone_take_that_of_the_clock():
    told = match("2024-05-14 05:30:00", LONDON, untold=UTC)
    assert told.hour == 6
    assert match("2024-05-14 05:30:00", LONDON).hour == 5


@pytest.mark.parametrize(
    ("text", "rules", "reason"),
    [
        ("2024-05-14T04:59:59Z", {"hours": ((300, 540),)}, "04:59 is outside the hours"),
        ("2024-05-14T05:00:00Z", {"hours": ((300, 540),)}, ""),
        ("2024-05-14T08:59:59Z", {"hours": ((300, 540),)}, ""),
        ("2024-05-14T09:00:00Z", {"hours": ((300, 540),)}, "09:00 is outside the hours"),
        ("2024-05-14T23:00:00Z", {"hours": ((1320, 240),)}, ""),
        ("2024-05-14T03:59:00Z", {"hours": ((1320, 240),)}, ""),
        ("2024-05-14T12:00:00Z", {"hours": ((1320, 240), (700, 740))}, ""),
        ("2024-05-18T12:00:00Z", {"weekdays": frozenset({"Monday"})}, "a Saturday"),
        ("2024-05-18T12:00:00Z", {"weekdays": frozenset({"Saturday"})}, ""),
        ("2024-05-18T12:00:00Z", {"seasons": frozenset({"winter"})}, "in spring"),
        ("2024-05-18T12:00:00Z", {"months": frozenset({4, 6})}, "in month 5"),
        (
            "2024-05-18T12:00:00Z",
            {"hours": ((0, 60),), "weekdays": frozenset({"Monday"}), "seasons": frozenset({"winter"})},
            "12:00 is outside the hours; a Saturday; in spring",
        ),
    ],
)
def test_each_rule(text, rules, reason):
    found = match(text, **rules)
    assert (found.keep, found.reason) == (not reason, reason)


def test_a_date_alone_has_no_hour():
    found = match("2024-05-18", weekdays=frozenset({"Saturday"}))
    assert (found.local, found.hour, found.weekday, found.keep) == ("2024-05-18", None, "Saturday", True)
    # Not moved by the zone: it is the date of the place.
    assert match("2024-05-18", TOKYO, untold=UTC).weekday == "Saturday"
    assert match("2024-05-18", hours=((0, 1440),)).reason == "only the date is known"


def test_a_season_needs_a_hemisphere():
    assert match("2024-05-18T12:00:00Z", hemisphere=None).season is None
    found = match("2024-05-18T12:00:00Z", hemisphere=None, seasons=frozenset({"spring"}))
    assert (found.keep, found.reason) == (False, "without a place its season is not known")
    assert match("2024-05-18T12:00:00Z", hemisphere="south").season == "autumn"


def test_clocks_that_were_not_set():
    found = match("1970-01-01T00:00:12Z", hours=((0, 60),))
    assert not found.keep
    assert found.local is None
    assert "clock was not set" in found.reason
    doubtful = match("2000-01-01T00:00:12Z")
    assert doubtful.keep and "was the recorder's clock set" in doubtful.reason


def test_the_hour_that_comes_twice():
    found = match("2024-10-27 01:30:00", LONDON)
    assert found.local == "2024-10-27T01:30:00+01:00"
    assert found.keep and "came twice that day" in found.reason


def test_the_ends_of_the_calendar():
    told = Told(dt.datetime(9999, 12, 31, 23, 0, tzinfo=UTC))
    found = match_time(told, TOKYO, UTC, "north", TimeRules())
    assert found.local is None and found.reason


def test_what_has_no_time_is_kept_only_where_nothing_is_asked():
    assert unknown_time("empty", TimeRules()).keep
    assert not unknown_time("empty", TimeRules(months=frozenset({1}))).keep


@given(
    st.datetimes(*(dt.datetime(year, 1, 1) for year in (2001, 2024))),  # noqa: DTZ001 - in UTC below
    st.sampled_from([LONDON, TOKYO, UTC]),
)
@settings(max_examples=150, deadline=None)
def test_what_python_says_of_the_moment(moment, zone):
    aware = moment.replace(tzinfo=UTC)
    found = match_time(Told(aware), zone, zone, "north", TimeRules())
    local = aware.astimezone(zone)
    assert (found.hour, found.weekday) == (local.hour, WEEKDAYS[local.weekday()])
    assert dt.datetime.fromisoformat(found.local.replace("Z", "+00:00")) == aware.replace(microsecond=0)
