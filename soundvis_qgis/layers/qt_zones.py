"""Qt's time zones as Python's: where Python has no list of them (on Windows), Qt asks the system."""

from __future__ import annotations

import datetime as dt

from qgis.PyQt.QtCore import QDateTime, QTimeZone

_DAY = 86400


class QtZone(dt.tzinfo):
    """A zone of Qt by its IANA name, with its summer time."""

    def __init__(self, zone: QTimeZone) -> None:
        self._zone = zone

    def utcoffset(self, moment: dt.datetime | None) -> dt.timedelta:
        """The offset of a local time; ``fold`` chooses where the clocks were changed, as PEP 495 has it."""
        if moment is None:
            return dt.timedelta(seconds=self._zone.standardTimeOffset(QDateTime.currentDateTimeUtc()))
        as_if_utc = int(moment.replace(tzinfo=dt.timezone.utc).timestamp())
        # The offsets before and after a change of the clocks nearby; both may hold at this local time, or neither.
        before, after = (self._offset(as_if_utc + away) for away in (-_DAY, _DAY))
        wanted, other = (after, before) if moment.fold else (before, after)
        wanted_holds, other_holds = (self._offset(as_if_utc - offset) == offset for offset in (wanted, other))
        return dt.timedelta(seconds=other if other_holds and not wanted_holds else wanted)

    def dst(self, moment: dt.datetime | None) -> None:
        """Not told apart from the offset."""
        return

    def tzname(self, moment: dt.datetime | None) -> str:
        """The IANA name."""
        return bytes(self._zone.id()).decode("ascii", "replace")

    def fromutc(self, moment: dt.datetime) -> dt.datetime:
        """The local time of a moment in UTC (which carries this zone, as Python wants it)."""
        instant = int(moment.replace(tzinfo=dt.timezone.utc).timestamp())
        return moment + dt.timedelta(seconds=self._offset(instant))

    def _offset(self, instant: int) -> int:
        return int(self._zone.offsetFromUtc(QDateTime.fromSecsSinceEpoch(instant)))


def qt_zone(name: str) -> QtZone | None:
    """The zone of an IANA name; None where Qt does not know it."""
    zone = QTimeZone(name.encode("utf-8"))
    return QtZone(zone) if name and zone.isValid() else None
