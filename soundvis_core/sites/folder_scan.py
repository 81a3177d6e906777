"""From a folder of files to sites, the way that recordings and photos go alike; a :class:`Kind` is what they differ in.

Headers, names, side-cars, tables and tracks are read, never sound or pixels: thousands of files take seconds.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Generic, Protocol, TypeVar

from ..errors import FAILED, SKIPPED, SiteError
from ..pipeline import OK
from ..progress import PartOf, Progress, check_cancelled
from . import file_names
from .claims import Claims, PositionClaim
from .clocks import RecorderClock, iso
from .companions import Companions
from .folders import find_files
from .media import NoRecordingError
from .positions import Position
from .precedence import Moment, choose_position, choose_time

#: How much of a run is looking for files.
_LOOKING = 0.05


@dataclass(frozen=True)
class Options:
    """What the user says beyond the folder: paths of a table and a track, the clock, and a track's longest gap (s)."""

    metadata: str = ""
    track: str = ""
    clock: RecorderClock = field(default_factory=RecorderClock)
    gap: float = 300.0


@dataclass(frozen=True)
class ScannedFile:
    """One file. ``path`` is relative to the folder, with slashes; times are ISO 8601 text, empty where unknown.

    ``status`` is ok (it has a position), skipped (it has none) or failed (it cannot be read); ``reason`` tells why it
    is not ok, ``remark`` what is doubtful about what is told. ``is_folder``: it is a folder that cannot be read.
    """

    path: str
    position: Position | None = None
    time_utc: str = ""
    time_local: str = ""
    source_of_position: str = ""
    source_of_time: str = ""
    licence: str = ""
    author: str = ""
    link: str = ""
    status: str = SKIPPED
    reason: str = ""
    remark: str = ""
    is_folder: bool = False

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.rpartition("/")[2]


class Header(Protocol):
    """What the header of a file of any kind has."""

    claims: Claims


H = TypeVar("H", bound=Header)
F = TypeVar("F", bound=ScannedFile)


@dataclass(frozen=True)
class Kind(Generic[H, F]):
    """One kind of files: its words, which files are of it, and how its header becomes a row.

    one, made, device: "recording", "made", "recorder". is_one, is_side_car: whether a file is one, or JSON about some,
    by its name. read: the header at a path. empty: the header of what cannot be read. details: the fields that only
    this kind has, and what is doubtful about them and the header. row: the class of the rows.
    """

    one: str
    made: str
    device: str
    is_one: Callable[[str], bool]
    is_side_car: Callable[[str], bool]
    read: Callable[[str, Options], H]
    empty: Callable[[], H]
    details: Callable[[H, Claims, PositionClaim | None], tuple[Mapping[str, Any], list[str]]]
    row: Callable[..., F]


def scan(folder: str, kind: Kind[H, F], options: Options, progress: Progress) -> Iterator[F]:
    """Every file of a kind in ``folder``, then in the folders below, by name; then folders that could not be read.

    Nothing is left out: what has no position or cannot be read comes with its reason. Raises InputError where the
    table or the track that ``options`` name cannot be used.
    """
    options = replace(options, clock=replace(options.clock, device=kind.device))
    found = find_files(folder, progress, kind.is_one, kind.is_side_car)
    progress.report(_LOOKING)
    companions = Companions(folder, found, options.metadata, options.track, progress, kind.one)
    part = PartOf(progress, _LOOKING, 1.0)
    for done, path in enumerate(found.files, start=1):
        check_cancelled(progress)
        yield _file(folder, path, kind, companions, options)
        part.report(done / len(found.files))
    companions.tell_idle_tracks()
    for path, reason in found.unreadable:
        yield kind.row(path=_printable(path), status=FAILED, reason=reason)
    for path, reason in found.closed:
        yield kind.row(path=_printable(path), status=FAILED, reason=reason, is_folder=True)


def _file(folder: str, path: str, kind: Kind[H, F], companions: Companions, options: Options) -> F:
    if _printable(path) != path:
        reason = "the name of the file is not valid Unicode, so that no table can hold it; rename the file"
        return kind.row(path=_printable(path), status=FAILED, reason=reason)
    header, damage = _header(os.path.join(folder, path), kind, options)
    claims, doubts = companions.tables(path)
    # What the device says of itself goes before what a table calls it.
    claims.recorder = header.claims.recorder or claims.recorder
    claims.add(header.claims)
    claims.add(file_names.read(path.rpartition("/")[2]))
    moment, clock_remarks = choose_time(claims.times, options.clock)
    lost = ""
    if moment is not None and moment.utc is not None:
        track_claims, lost = companions.tracks(path, moment.utc, options.gap)
        claims.positions += track_claims
    elif companions.has_tracks(path):
        lost = f"without its time, no track can tell where it was {kind.made}"
    place, contradictions = choose_position(claims.positions)
    details, more = kind.details(header, claims, place)
    status, reason = _outcome(place, damage, [*claims.refused, *claims.gaps, *doubts, lost])
    remarks = [*more, *doubts, *claims.refused, *claims.refused_times, *contradictions, *clock_remarks]
    time_utc, time_local, source_of_time = _time(moment)
    return kind.row(
        path=path,
        position=place.position if place else None,
        time_utc=time_utc,
        time_local=time_local,
        source_of_position=place.source if place else "",
        source_of_time=source_of_time,
        licence=claims.licence,
        author=claims.author,
        link=claims.link,
        status=status,
        reason=reason,
        remark="; ".join(text for text in dict.fromkeys(remarks) if text and text not in reason),
        **details,
    )


def _header(path: str, kind: Kind[H, F], options: Options) -> tuple[H, str]:
    """The header of a file, and why it is none."""
    try:
        return kind.read(path, options), ""
    except (NoRecordingError, SiteError) as error:
        return kind.empty(), str(error)
    except PermissionError:
        return kind.empty(), "no permission to read the file"
    except OSError as error:
        return kind.empty(), f"the file cannot be read: {error.strerror or error}"
    except (ValueError, struct.error, IndexError, OverflowError) as error:
        return kind.empty(), f"the header of the file is damaged ({error})"


def _outcome(place: PositionClaim | None, damage: str, why: list[str]) -> tuple[str, str]:
    if damage:
        return FAILED, damage
    if place is not None:
        return OK, ""
    known = "; ".join(dict.fromkeys(text for text in why if text))
    nothing = "the header and the name of the file tell none, and no table, side-car or track does"
    return SKIPPED, f"no position: {known or nothing}"


def _time(moment: Moment | None) -> tuple[str, str, str]:
    """The moment in UTC and local, and its source; of a date the day alone, without the first."""
    if moment is None:
        return "", "", ""
    if moment.utc is None or moment.local is None:
        return "", moment.claim.told.moment.date().isoformat(), f"{moment.claim.source} (date only)"
    return iso(moment.utc), iso(moment.local), moment.claim.source


def _printable(path: str) -> str:
    """A path with what is no Unicode replaced: bytes of other systems, and halves of characters that Windows takes."""
    return re.sub("[\ud800-\udfff]", "\ufffd", path)
