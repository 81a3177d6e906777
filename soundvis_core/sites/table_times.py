"""Dates and times of day as people and programs write them into tables; some of it only the whole column tells."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .claims import TimeClaim
from .clocks import NoTimeError, Told, parse_time
from .table_columns import Columns

#: A day, and what stands behind it.
_PARTS = re.compile(r"(?P<day>[\d./:-]{6,}|\d{4}-[A-Za-z]{3}-\d{2})(?:[Tt_]|\s)\s*(?P<clock>\S.*)")
#: 6:30, 06:30:15.250, 0630, 630 (a lost zero), 6h30, 6:30 PM, 6 am, with a zone.
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2})(?:[:h]?(?P<minute>\d{2})(?:[:m]?(?P<second>\d{2})s?(?:[.,](?P<part>\d{1,9}))?)?|(?P<whole>h))?"
    r"\s*(?:(?P<half>[ap])\.?\s?m\.?|h|hrs|uhr)?"
    r"\s*(?P<zone>Z|(?:UTC|GMT)(?:\s?[-+]\d{1,2}(?::?\d{2})?)?|[-+]\d{1,2}(?::?\d{2})?)?",
    re.IGNORECASE,
)
#: Days behind or before months, in the middle of which countries differ.
_YEAR_LAST = re.compile(r"(?P<first>\d{1,2})(?P<mark>[/-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})(?!\d)")
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?!\d)")
#: Before this year no sound and few photos were recorded: programs write the year 1 or 1601 for no time.
_FIRST_YEAR = 1826
_MEANINGS = ("utc", "moment", "date")


@dataclass(frozen=True)
class Notation:
    """How a table writes.

    order: which of 03/04/2024 is first, "day" or "month", by rows that leave no choice; "both" where these differ,
    empty where there are none. days: the meanings of the columns in which midnight says no more than the day.
    archive: whether archive.org wrote it, which gives every date without a time a midnight.
    """

    order: str = ""
    days: frozenset[str] = frozenset()
    archive: bool = False


def notation_of(columns: Columns, rows: Sequence[Sequence[str]]) -> Notation:
    """How the rows of a table write their dates.

    Programs write a date as the midnight that it begins with. A column with more midnights than other times of day is
    one of dates; so is any column called ``date`` in a list of archive.org.
    """
    archive = "folder" in columns.by_meaning and (
        columns.names[columns.by_meaning["folder"]].lower() == "identifier"
    )
    orders: set[str] = set()
    days: set[str] = {"date"} if archive else set()
    for meaning in _MEANINGS:
        if meaning not in columns.by_meaning:
            continue
        midnights = others = 0
        for row in rows:
            text = columns.value(row, meaning)
            slashed = _YEAR_LAST.match(text)
            if slashed:
                orders.update(_order_of(slashed))
            found = _PARTS.fullmatch(text)
            if found:
                midnight = _is_midnight(found["clock"])
                midnights += midnight
                others += not midnight
        if midnights > others:
            days.add(meaning)
    order = "both" if len(orders) > 1 else "".join(orders)
    return Notation(order, frozenset(days), archive)


def times_of(
    columns: Columns, row: Sequence[str], notation: Notation, source: str
) -> tuple[list[TimeClaim], list[NoTimeError]]:
    """The times of a row, and why others are none."""
    claims: list[TimeClaim] = []
    wrong: list[NoTimeError] = []
    for meaning, text, clock in _texts(columns, row):
        try:
            told = _told(text, clock, notation, wrong)
            if told.moment.year < _FIRST_YEAR:
                raise NoTimeError(f"{told.moment.year} is no year of any recorder")
        except NoTimeError as error:
            wrong.append(error)
            continue
        if meaning == "utc" and not told.has_zone and not told.date_only:
            told = Told(told.moment.replace(tzinfo=dt.timezone.utc))
        whole = None
        if not clock and meaning in notation.days and _at_midnight(told):
            whole = None if notation.archive and meaning == "date" else told
            day = told.moment
            told = Told(dt.datetime(day.year, day.month, day.day), date_only=True)  # noqa: DTZ001 - local
        claims.append(TimeClaim(source, told, own=False, weak=told.date_only, midnight=whole))
    return claims, wrong


def _texts(columns: Columns, row: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """What a row tells of time: the meaning of its column, a date or a moment, and the time of day told apart."""
    date, time = columns.value(row, "date"), columns.value(row, "time")
    utc = columns.value(row, "utc")
    if utc and date and _CLOCK.fullmatch(utc) and len(utc) < 8 + len("HH:MM"):
        yield "utc", date, utc
    elif utc:
        yield "utc", utc, ""
    moment = columns.value(row, "moment")
    if moment:
        yield "moment", moment, ""
    if date:
        # Spreadsheets write a date beside its time with a midnight, and a time of day with a date of their own.
        inside, apart = _PARTS.fullmatch(date), _PARTS.fullmatch(time)
        if time and (inside is None or _is_midnight(inside["clock"])):
            yield "date", inside["day"] if inside else date, apart["clock"] if apart else time
        else:
            yield "date", date, ""
    elif _PARTS.fullmatch(time):
        yield "moment", time, ""


def _told(text: str, clock: str, notation: Notation, wrong: list[NoTimeError]) -> Told:
    """The moment of a text; the day alone where its time of day is none, which is put into ``wrong``.

    ``clock``: the time of day where it stands apart.
    """
    text = " ".join(text.split())
    span = bool(clock)
    if not clock:
        try:
            return parse_time(text)
        except NoTimeError:
            found = _PARTS.fullmatch(text)
            if found is None:
                return parse_time(_iso_day(text, notation))
            text, clock = found["day"], found["clock"]
    day = _iso_day(text, notation)
    try:
        return parse_time(f"{day} {_iso_clock(clock, span)}")
    except NoTimeError as error:
        told = parse_time(day)
        wrong.append(error)
        return told


def _iso_day(text: str, notation: Notation) -> str:
    """A date with its year first; others than those with numbers alone as they stand."""
    found = _YEAR_FIRST.fullmatch(text)
    if found:
        return f"{found['year']}-{int(found['month']):02}-{int(found['day']):02}"
    found = _YEAR_LAST.fullmatch(text)
    if found is None:
        return text
    first, second = int(found["first"]), int(found["second"])
    order = "".join(_order_of(found)) or ("day" if first == second else notation.order)
    if order not in ("day", "month"):
        why = (
            "other rows of the table have the day first and the month first"
            if order == "both"
            else "no row of the table has a day above 12, which would tell"
        )
        year = found["year"]
        raise NoTimeError(
            f"'{text}' may be {year}-{second:02}-{first:02} or {year}-{first:02}-{second:02}; {why}. Write the year "
            "first"
        )
    day, month = (first, second) if order == "day" else (second, first)
    return f"{found['year']}-{month:02}-{day:02}"


def _order_of(found: re.Match[str]) -> list[str]:
    """What a date with its year last says of the order of its table: one order, or nothing."""
    first, second = int(found["first"]), int(found["second"])
    if first > 12 >= second:
        return ["day"]
    return ["month"] if second > 12 >= first else []


def _iso_clock(text: str, apart: bool) -> str:
    """A time of day as ``HH:MM:SS``, with its fraction and zone. ``apart``: it has a column of its own."""
    text = " ".join(text.split())
    found = _CLOCK.fullmatch(text)
    wrong = NoTimeError(f"'{text[:40]}' is not a time of day like 05:30 or 5:30 PM; the date is taken alone")
    if found is None or not (found["minute"] or found["whole"] or found["half"]):
        raise wrong
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        raise wrong
    hour = hour % 12 + 12 * (half == "p") if half else hour
    minute, zone = found["minute"] or "00", found["zone"] or ""
    if hour > 23 or int(minute) > 59 or int(found["second"] or 0) > 60:
        raise wrong
    if apart and zone.startswith("-") and len(zone) > 3:
        raise NoTimeError(
            f"'{text[:40]}' may be from one time to another, or a time with its zone; the date is taken alone"
        )
    part = f".{found['part']}" if found["part"] else ""
    return f"{hour:02}:{minute}:{found['second'] or '00'}{part}{zone}"


def _is_midnight(clock: str) -> bool:
    try:
        told = parse_time(f"2000-01-01 {_iso_clock(clock, False)}")
    except NoTimeError:
        return False
    return _at_midnight(told)


def _at_midnight(told: Told) -> bool:
    """Whether a moment is the one that a program makes of a date: midnight in UTC, or without a zone."""
    return not told.date_only and told.moment.time() == dt.time() and not told.moment.utcoffset()
