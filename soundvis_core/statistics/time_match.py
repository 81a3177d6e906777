"""Which records fall into given hours, weekdays and seasons of the place they were made at. Nothing is deleted."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from ..errors import InputError
from ..sites.clocks import NoTimeError, RecorderClock, Told, iso

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: Meteorological seasons of the northern hemisphere, from December on; half a year later in the southern one.
SEASONS = ("winter", "spring", "summer", "autumn")
#: Both hemispheres by name; where none is given the latitude tells.
NORTH, SOUTH = "north", "south"
_DAY = 24 * 60
_CLOCK = r"(\d{1,2})(?::([0-5]\d))?"
_HOURS = re.compile(rf"{_CLOCK}(?:\s*[-\u2013]\s*{_CLOCK})?")
_MONTHS = re.compile(r"(\d{1,2})(?:\s*[-\u2013]\s*(\d{1,2}))?")


@dataclass(frozen=True)
class TimeRules:
    """What a record has to fall into; what is empty rules nothing out.

    hours: (first, last) minutes of the day each, the last one not included; last before first goes over midnight.
    weekdays: names of ``WEEKDAYS``. seasons: names of ``SEASONS``. months: 1 to 12.
    """

    hours: tuple[tuple[int, int], ...] = ()
    weekdays: frozenset[str] = frozenset()
    seasons: frozenset[str] = frozenset()
    months: frozenset[int] = frozenset()

    def in_hours(self, minute: int) -> bool:
        """Whether a minute of the day (0 to 1439) lies in one of the ranges."""
        return any(
            first <= minute < last if first < last else minute >= first or minute < last
            for first, last in self.hours
        )


@dataclass(frozen=True)
class TimeMatch:
    """When a record was made by the clocks of its place, and whether that falls into the rules.

    local: ISO 8601 with offset, or a date alone; hour: 0 to 23; weekday, season: names; each None where not known.
    reason: why the record is not kept, or what is doubtful about its time; empty where nothing is.
    """

    local: str | None
    hour: int | None
    weekday: str | None
    season: str | None
    keep: bool
    reason: str


def parse_hours(given: str) -> tuple[tuple[int, int], ...]:
    """Ranges of hours, as in ``6-9, 17:30-20, 22-4``, as minutes; one hour alone lasts until the next.

    Raises :class:`InputError` naming what is no range.
    """
    ranges = []
    for part in _parts(given):
        found = _HOURS.fullmatch(part)
        first = _minute(found[1], found[2]) if found else None
        last = None
        if found and first is not None:
            last = min(first + 60, _DAY) if found[3] is None else _minute(found[3], found[4])
        if first is None or last is None or first in (last, _DAY):
            raise InputError(
                f"'{part}' is no range of hours. Write hours from 0 to 24, such as 6-9, 17:30-20 or 22-4 "
                "(over midnight)."
            )
        ranges.append((first, last))
    return tuple(ranges)


def parse_months(given: str) -> frozenset[int]:
    """Months by number, as in ``3-5, 11-2``. Raises :class:`InputError` naming what is no month."""
    months: set[int] = set()
    for part in _parts(given):
        found = _MONTHS.fullmatch(part)
        first = int(found[1]) if found else 0
        last = int(found[2] or found[1]) if found else 0
        if not (1 <= first <= 12 and 1 <= last <= 12):
            raise InputError(
                f"'{part}' is no month. Write numbers from 1 to 12, such as 3-5 or 11-2 (over new year)."
            )
        months.update(month % 12 + 1 for month in range(first - 1, first + (last - first) % 12))
    return frozenset(months)


def _parts(given: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;]", given) if part.strip()]


def _minute(hour: str, minute: str | None) -> int | None:
    """The minute of the day, up to that of midnight at its end; None beyond."""
    total = 60 * int(hour) + int(minute or 0)
    return total if total <= _DAY else None


def season_of(month: int, hemisphere: str) -> str:
    """The meteorological season of a month: December to February are winter in the north and summer in the south."""
    return SEASONS[(month % 12 // 3 + (2 if hemisphere == SOUTH else 0)) % 4]


def match_time(
    told: Told, zone: dt.tzinfo, untold: dt.tzinfo, hemisphere: str | None, rules: TimeRules
) -> TimeMatch:
    """Look at one record by the rules.

    zone: of the place, whose hours and days count. untold: of a time that comes without a zone. hemisphere: ``NORTH``,
    ``SOUTH``, or None where it is not known.
    """
    try:
        utc, remark = RecorderClock(untold).utc(told, own=True)
        moment = told.moment if told.date_only else utc.astimezone(zone)
    except (NoTimeError, OverflowError) as error:
        return unknown_time(str(error) or "the time lies beyond the calendar", rules)
    hour = None if told.date_only else moment.hour
    weekday = WEEKDAYS[moment.weekday()]
    season = None if hemisphere is None else season_of(moment.month, hemisphere)
    missed = []
    if rules.hours and hour is None:
        missed.append("only the date is known")
    elif rules.hours and not rules.in_hours(60 * moment.hour + moment.minute):
        missed.append(f"{moment:%H:%M} is outside the hours")
    if rules.weekdays and weekday not in rules.weekdays:
        missed.append(f"a {weekday}")
    if rules.seasons and season is None:
        missed.append("without a place its season is not known")
    elif rules.seasons and season not in rules.seasons:
        missed.append(f"in {season}")
    if rules.months and moment.month not in rules.months:
        missed.append(f"in month {moment.month}")
    doubts = [] if told.date_only or not remark else [remark]
    local = moment.date().isoformat() if told.date_only else iso(moment)
    return TimeMatch(local, hour, weekday, season, not missed, "; ".join(missed + doubts))


def unknown_time(reason: str, rules: TimeRules) -> TimeMatch:
    """A record whose time is not known: kept only where nothing is asked of it."""
    return TimeMatch(None, None, None, None, rules == TimeRules(), reason)
