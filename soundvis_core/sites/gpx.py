"""GPX tracks: where the recorder was at a time, between two fixes that are not too far apart.

GPX 1.0 and 1.1 (https://www.topografix.com/GPX/1/1/); track points and way points with a time count.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

# Documents that define entities or point elsewhere, which expat is warned of, are refused below.
from xml.parsers import expat  # nosec B407

from ..errors import InputError
from .clocks import NoTimeError, parse_time
from .positions import NoPositionError, Position, checked

_POINTS = ("trkpt", "wpt", "rtept")
_BLOCK = 1 << 20
#: Errors of expat's at the end of a file that should go on.
_CUT = tuple(
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)
_START = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


class NoFixError(ValueError):
    """The track does not say where the recorder was; ``str(error)`` says why."""


@dataclass(frozen=True)
class Track:
    """Fixes in the order of time: seconds since 1970 and places, of the same length.

    ``damage``: what is wrong with the file, where it could be read to some point only.
    """

    name: str
    times: tuple[float, ...]
    places: tuple[Position, ...]
    damage: str = ""

    @property
    def span(self) -> str:
        """When the track begins and ends, in words."""
        # Not fromtimestamp: on Windows it takes no time before 1970.
        start, stop = (_START + dt.timedelta(seconds=time) for time in (self.times[0], self.times[-1]))
        return f"{start:%Y-%m-%d %H:%M} to {stop:%Y-%m-%d %H:%M} UTC"

    def at(self, moment: dt.datetime, gap: float) -> Position:
        """The place at a moment (with its zone), linear between the fixes around it.

        ``gap``: the longest time in seconds between two fixes that is bridged. Raises :class:`NoFixError` where the
        track begins later, ends earlier, or has a longer gap there.
        """
        when = moment.timestamp()
        after = bisect_right(self.times, when)
        if after > 0 and self.times[after - 1] == when:
            return self.places[after - 1]
        if after == 0:
            raise NoFixError(f"the track begins {_length(self.times[0] - when)} later")
        if after == len(self.times):
            raise NoFixError(f"the track ended {_length(when - self.times[-1])} earlier")
        between = self.times[after] - self.times[after - 1]
        if between > gap:
            raise NoFixError(
                f"the track has a gap of {_length(between)} there, longer than the {gap:g} s allowed"
            )
        return _between(self.places[after - 1], self.places[after], (when - self.times[after - 1]) / between)


def _between(one: Position, other: Position, part: float) -> Position:
    """Linear in degrees, the short way round at 180 degrees; over seconds to minutes as good as the geodesic."""
    turn = (other.longitude - one.longitude + 180.0) % 360.0 - 180.0
    longitude = one.longitude + part * turn
    if abs(longitude) > 180.0:
        longitude -= 360.0 if longitude > 0 else -360.0
    return Position(one.latitude + part * (other.latitude - one.latitude), longitude)


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172800 else f"{seconds / 86400:.0f} days"


class _Reader:
    """Collects points while the document goes by; nothing of it is kept but them."""

    def __init__(self) -> None:
        self.fixes: list[tuple[float, Position]] = []
        self.points = 0
        self._place: Position | None = None
        self._time: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name in _POINTS:
            self.points += 1
            try:
                self._place = checked(float(attributes["lat"]), float(attributes["lon"]))
            except (KeyError, ValueError):  # NoPositionError is a ValueError
                self._place = None
        elif name == "time" and self._place is not None:
            self._time = []

    def text(self, text: str) -> None:
        if self._time is not None:
            self._time.append(text)

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name == "time" and self._time is not None and self._place is not None:
            try:
                moment = parse_time("".join(self._time)).moment
                # GPX times are in UTC, also where somebody left out the Z.
                moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)
                self.fixes.append((moment.astimezone(dt.timezone.utc).timestamp(), self._place))
            except (NoTimeError, OverflowError):
                pass  # a fix without a time, or with one beyond the calendar, is none here
            self._time = None
        elif name in _POINTS:
            self._place = self._time = None


def _refuse(*_: Any) -> None:
    raise NoPositionError("it defines a document type or entities, which no GPS writes")


def read_track(path: str, name: str) -> Track:
    """The track of a GPX file, its fixes sorted by time; ``name`` is what messages call it ("track a.gpx").

    Of a file that is cut off or damaged the fixes before that serve. Raises InputError where there is none in it.
    """
    reader = _Reader()
    damage = ""
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.EntityDeclHandler = parser.StartDoctypeDeclHandler = _refuse
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(_BLOCK), b""):
                parser.Parse(block, False)
            parser.Parse(b"", True)
    except OSError as error:
        raise InputError(f"The {name} cannot be read: {error.strerror or error}.") from error
    except expat.ExpatError as error:
        if not reader.fixes:
            raise InputError(f"The {name} is not a GPX file: {error}.") from error
        damage = "ends in the middle" if error.code in _CUT else f"is damaged ({error})"
    except (NoPositionError, ValueError) as error:
        raise InputError(f"The {name} is not a GPX file: {error}.") from error
    if not reader.fixes:
        points = "no points"
        if reader.points:
            points = f"{reader.points} point{'s' * (reader.points > 1)}, but none with a place and a time"
        raise InputError(
            f"The {name} has {points}. "
            "Export it from the GPS with times (a route or way points drawn on a map have none)."
        )
    # Of two fixes at the same second the first is taken.
    fixes = sorted(dict(reversed(reader.fixes)).items())
    return Track(name, tuple(time for time, _ in fixes), tuple(place for _, place in fixes), damage)
