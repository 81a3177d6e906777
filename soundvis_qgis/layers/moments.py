"""Times in attributes: dates, dates with times, and text, in a zone where they name none."""

from __future__ import annotations

import datetime as dt
from typing import Any

from qgis.PyQt.QtCore import QDate, QDateTime, Qt

from soundvis_core.errors import InputError
from soundvis_core.sites.clocks import NoTimeError, RecorderClock, Told, parse_time, time_zone

from ..compat import is_null
from .qt_zones import qt_zone

#: What an attribute may be to tell a time, in words.
FORMS = "a date, a date with time, or text such as 2024-05-14T05:30:00Z, 2024-05-14 05:30:00 or 2024-05-14"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def zone_of(name: str) -> dt.tzinfo:
    """The zone of a name or offset; empty: UTC. Names that Python does not know are looked up in Qt.

    Raises InputError where neither knows it.
    """
    try:
        return time_zone(name)
    except InputError:
        zone = qt_zone(name.strip())
        if zone is None:
            raise
        return zone


def zone_of_field(name: str, zone: dt.tzinfo) -> dt.tzinfo:
    """The zone of times without one in a field: UTC where its name ends so, else ``zone``.

    Text as 2024-05-14T05:30:00Z becomes a date with time where GDAL reads GeoJSON, and QGIS 3.22 drops its zone.
    """
    return dt.timezone.utc if name.lower().endswith("utc") else zone


def day_of(value: Any, zone: dt.tzinfo) -> float | None:
    """Days since 1970 in UTC of an attribute; None where it is empty.

    ``zone``: of times without one. A date without a time of day is taken for its noon. Raises NoTimeError where it is
    no time, or that of a clock that was not set.
    """
    if is_null(value) or not str(value).strip():
        return None
    told = told_by(value)
    if told.date_only:
        told = Told(told.moment.replace(hour=12))
    try:
        moment, _ = RecorderClock(zone).utc(told, own=True)
    except OverflowError as error:
        raise NoTimeError("the time lies beyond the calendar") from error
    return (moment - _EPOCH) / dt.timedelta(days=1)


def told_by(value: Any) -> Told:
    """What an attribute tells: a date with or without time, or text. Raises NoTimeError where it is no time."""
    if isinstance(value, QDateTime):
        if not value.isValid():
            raise NoTimeError("the time is not valid")
        if value.timeSpec() == Qt.TimeSpec.LocalTime:
            return parse_time(value.toString("yyyy-MM-ddTHH:mm:ss.zzz"))
        return Told(_EPOCH + dt.timedelta(milliseconds=value.toMSecsSinceEpoch()))
    if isinstance(value, QDate):
        return parse_time(value.toString("yyyy-MM-dd"))
    return parse_time(str(value))
