"""What clocks told: moments in the notations of recorders and tables, time zones, and clocks that ran wrong."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from ..errors import InputError

#: Before this, no recorder with files was in the field: clocks that were never set start at 1904, 1970 or 1980.
_FIRST_YEAR = 1990
#: Where clocks start that were not set. Some recorders start at 2000, and tables hold any of them: told, not refused.
_RESETS = tuple(
    dt.date(*day) for day in ((1904, 1, 1), (1970, 1, 1), (1980, 1, 1), (1980, 1, 6), (2000, 1, 1))
)
#: So far ahead of this computer's clock nothing was made, whatever zone a time was thought to be in.
_AHEAD = dt.timedelta(days=1)
_UTC = dt.timezone.utc
_ZONE = r"(?P<zone>Z|(?:UTC|GMT)?\s?[-+]\d{1,2}(?::?\d{2})?|UTC|GMT)?"
_TIME = (
    rf"(?P<hour>\d{{2}}):?(?P<minute>\d{{2}})(?::?(?P<second>\d{{2}})(?:[.,](?P<part>\d{{1,9}}))?)?\s?{_ZONE}"
)
_DATE = r"(?P<year>\d{4})(?P<mark>[-/.:]?)(?P<month>\d{2})(?P=mark)(?P<day>\d{2})"
_DAY_FIRST = r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})"
_NAMED = r"(?P<year>\d{4})-(?P<name>[A-Za-z]{3})-(?P<day>\d{2})"
_FORMS = [re.compile(rf"{date}(?:[T_ ]\s*{_TIME})?", re.IGNORECASE) for date in (_DATE, _DAY_FIRST, _NAMED)]
_OFFSET = re.compile(
    r"(?:UTC|GMT)?\s?(?P<sign>[-+])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?", re.IGNORECASE
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


class NoTimeError(ValueError):
    """What was given is no moment; ``str(error)`` says why, in a few words."""


@dataclass(frozen=True)
class Told:
    """What a clock told: a moment with its zone, a local one without (naive), or only a date."""

    moment: dt.datetime
    date_only: bool = False

    @property
    def has_zone(self) -> bool:
        """Whether the moment came with its zone."""
        return self.moment.tzinfo is not None


def parse_time(text: str) -> Told:
    """The moment of a text: ISO 8601 (basic or extended), ``YYYY-MM-DD``, ``YYYY/MM/DD``, ``DD.MM.YYYY``, with or
    without time and zone.

    Days and months with a solidus between (03/04/2024) mean different days in different countries and are refused.
    Raises :class:`NoTimeError`.
    """
    text = " ".join(text.strip().strip("\0").split())
    found = next(filter(None, (form.fullmatch(text) for form in _FORMS)), None)
    if found is None:
        raise NoTimeError(f"'{text[:40]}' is not a time like 2024-05-14 05:30:00")
    parts = found.groupdict()
    try:
        month = _MONTHS.index(parts["name"].lower()) + 1 if parts.get("name") else int(parts["month"])
        date = dt.date(int(parts["year"]), month, int(parts["day"]))
        if parts["hour"] is None:
            return Told(dt.datetime(date.year, date.month, date.day), date_only=True)  # noqa: DTZ001 - local
        # A leap second is the one before: none of the clocks here counts it.
        second = min(int(parts["second"] or 0), 59) if parts["second"] == "60" else int(parts["second"] or 0)
        micro = int((parts["part"] or "0")[:6].ljust(6, "0"))
        time = dt.time(int(parts["hour"]), int(parts["minute"]), second, micro, offset_zone(parts["zone"]))
        return Told(dt.datetime.combine(date, time))
    except ValueError as error:
        raise NoTimeError(f"'{text[:40]}' is no moment of the calendar") from error


def offset_zone(text: str | None) -> dt.tzinfo | None:
    """The zone of ``Z``, ``UTC``, ``UTC+2``, ``+02:00``; None for no text. Raises ValueError for anything else."""
    text = (text or "").strip()
    if not text:
        return None
    if text.upper() in ("Z", "UTC", "GMT"):
        return _UTC
    found = _OFFSET.fullmatch(text)
    if found is None or int(found["hours"]) > 14 or int(found["minutes"] or 0) > 59:
        raise ValueError(f"'{text}' is no offset from UTC")
    away = dt.timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
    return dt.timezone(-away if found["sign"] == "-" else away) if away else _UTC


def time_zone(text: str) -> dt.tzinfo:
    """The zone that a user names: an offset (see :func:`offset_zone`) or a name as ``Europe/London``; empty: UTC.

    Raises InputError where the name is unknown here.
    """
    text = text.strip()
    try:
        return offset_zone(text) or _UTC
    except ValueError:
        pass
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f"The time zone '{text}' is not known here. Give an offset as UTC+2 or +05:30, or a name as Europe/London."
        ) from error


@dataclass(frozen=True)
class RecorderClock:
    """How a device's clock ran: its zone, where a time names none, and by how many seconds it was fast.

    ``device``: what messages call it.
    """

    zone: dt.tzinfo = _UTC
    fast: float = 0.0
    device: str = "recorder"

    def utc(self, told: Told, own: bool) -> tuple[dt.datetime, str]:
        """The moment in UTC, and what is doubtful about it (empty where nothing is).

        ``own``: the recorder's clock told it, so that :attr:`fast` is taken off; else somebody wrote it down.
        Raises :class:`NoTimeError` where the clock was not set, or told a time that is yet to come.
        """
        if own and told.moment.year < _FIRST_YEAR:
            raise NoTimeError(f"the {self.device}'s clock was not set ({told.moment:%Y-%m-%d %H:%M})")
        correction = dt.timedelta(seconds=self.fast if own else 0.0)
        moment = told.moment
        try:
            day = (moment - correction).date()
            if not told.has_zone:
                moment = moment.replace(tzinfo=self.zone)
            utc = moment.astimezone(_UTC) - correction
        except OverflowError as error:
            raise NoTimeError(f"{moment.year} is no year of any recorder") from error
        if utc > dt.datetime.now(_UTC) + _AHEAD:
            raise NoTimeError(f"the time {moment:%Y-%m-%d %H:%M} lies in the future")
        if day in _RESETS:
            return utc, f"the time is on {day}: was the {self.device}'s clock set?"
        return utc, "" if told.has_zone else self._turned(told.moment)

    def local(self, utc: dt.datetime, told: Told) -> dt.datetime:
        """A moment in the zone that it was told with, or in the recorder's where that was UTC or none.

        Raises :class:`NoTimeError` where that lies beyond the calendar, as 0001-01-01T00:00:00Z, which some programs
        write for "unknown", does in the west.
        """
        own = told.moment.tzinfo
        keeps = own is not None and told.moment.utcoffset()
        try:
            return utc.astimezone(own if keeps else self.zone)
        except OverflowError as error:
            raise NoTimeError(f"{utc.year} is no year of any recorder") from error

    def _turned(self, moment: dt.datetime) -> str:
        first = moment.replace(tzinfo=self.zone, fold=0).utcoffset()
        second = moment.replace(tzinfo=self.zone, fold=1).utcoffset()
        if first is None or second is None or first == second:
            return ""
        if first > second:
            return (
                f"the local time {moment:%H:%M} came twice that day (clocks turned back); the first is taken"
            )
        return f"there was no local time {moment:%H:%M} that day (clocks turned forward)"


def iso(moment: dt.datetime) -> str:
    """ISO 8601 with seconds and zone (``Z`` for UTC)."""
    text = moment.isoformat(sep="T", timespec="seconds")
    return text[:-6] + "Z" if moment.tzinfo is _UTC else text
