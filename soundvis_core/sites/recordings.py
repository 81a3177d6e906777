"""From a folder of recordings to sites: where, when, by what and by whom, and why not where it cannot be told.

Headers, names, tables and tracks are read, never the sound: thousands of files take seconds.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import FAILED, SKIPPED
from ..pipeline import OK
from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from . import file_names
from .claims import Claims, PositionClaim
from .clocks import RecorderClock, iso
from .companions import Companions
from .folders import Found, find_files
from .headers import read_header
from .media import Header, NoRecordingError
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
class Recording:
    """One file. ``path`` is relative to the folder, with slashes; times are ISO 8601 text, empty where unknown.

    ``status`` is ok (it has a position), skipped (it has none) or failed (it cannot be read); ``reason`` tells why it
    is not ok, ``remark`` what is doubtful about what is told.
    """

    path: str
    position: Position | None = None
    time_utc: str = ""
    time_local: str = ""
    seconds: float | None = None
    rate: int | None = None
    channels: int | None = None
    recorder: str = ""
    source_of_position: str = ""
    source_of_time: str = ""
    licence: str = ""
    author: str = ""
    link: str = ""
    status: str = SKIPPED
    reason: str = ""
    remark: str = ""

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.rpartition("/")[2]


def scan_recordings(
    folder: str, options: Options | None = None, progress: Progress = NO_PROGRESS
) -> Iterator[Recording]:
    """Every recording in ``folder``, then in the folders below, by name; then folders that could not be read.

    Nothing is left out: what has no position or cannot be read comes with its reason. Raises InputError where the
    table or the track that ``options`` name cannot be used.
    """
    options = options or Options()
    found = find_files(folder, progress)
    progress.report(_LOOKING)
    companions = Companions(folder, found, options.metadata, options.track, progress)
    yield from _recordings(folder, found, companions, options, PartOf(progress, _LOOKING, 1.0))
    for path, reason in found.unreadable:
        yield Recording(_printable(path), status=FAILED, reason=reason)


def _recordings(
    folder: str, found: Found, companions: Companions, options: Options, progress: Progress
) -> Iterator[Recording]:
    for done, path in enumerate(found.recordings, start=1):
        check_cancelled(progress)
        yield _recording(folder, path, companions, options)
        progress.report(done / len(found.recordings))


def _recording(folder: str, path: str, companions: Companions, options: Options) -> Recording:
    if _printable(path) != path:
        reason = "the name of the file is not valid Unicode, so that no table can hold it; rename the file"
        return Recording(_printable(path), status=FAILED, reason=reason)
    header, damage = _header(os.path.join(folder, path))
    claims, doubts = companions.tables(path)
    header.claims.recorder, told = "", header.claims.recorder
    # What the recorder says of itself goes before what a table calls it.
    claims.recorder = told or claims.recorder
    claims.add(header.claims)
    claims.add(file_names.read(path.rpartition("/")[2]))
    moment, remarks = choose_time(claims.times, options.clock)
    lost = ""
    if moment is not None and moment.utc is not None:
        track_claims, lost = companions.tracks(path, moment.utc, options.gap)
        claims.positions += track_claims
    elif companions.has_tracks(path):
        lost = "without its time, no track can tell where it was made"
    place, contradictions = choose_position(claims.positions)
    remarks = [text for text in (header.remark, *doubts, *claims.refused, *contradictions, *remarks) if text]
    status, reason = _outcome(place, damage, [*claims.refused, *doubts, lost])
    return _row(path, header, claims, place, moment, status, reason, remarks)


def _header(path: str) -> tuple[Header, str]:
    """The header of a file, and why it is none."""
    try:
        return read_header(path).without_nonsense(), ""
    except NoRecordingError as error:
        return Header(), str(error)
    except PermissionError:
        return Header(), "no permission to read the file"
    except OSError as error:
        return Header(), f"the file cannot be read: {error.strerror or error}"
    except (ValueError, struct.error, IndexError, OverflowError) as error:
        return Header(), f"the header of the file is damaged ({error})"


def _outcome(place: PositionClaim | None, damage: str, why: list[str]) -> tuple[str, str]:
    if damage:
        return FAILED, damage
    if place is not None:
        return OK, ""
    known = "; ".join(text for text in why if text)
    nothing = "the header and the name of the file tell none, and no table or track does"
    return SKIPPED, f"no position: {known or nothing}"


def _row(
    path: str,
    header: Header,
    claims: Claims,
    place: PositionClaim | None,
    moment: Moment | None,
    status: str,
    reason: str,
    remarks: list[str],
) -> Recording:
    utc = local = source = ""
    if moment is not None:
        source = moment.claim.source
        if moment.utc is not None and moment.local is not None:
            utc, local = iso(moment.utc), iso(moment.local)
        else:
            local, source = moment.claim.told.moment.date().isoformat(), f"{source} (date only)"
    return Recording(
        path,
        place.position if place else None,
        utc,
        local,
        header.seconds,
        header.rate,
        header.channels,
        claims.recorder,
        place.source if place else "",
        source,
        claims.licence,
        claims.author,
        claims.link,
        status,
        reason,
        "; ".join(remarks) if status == OK else "; ".join(text for text in remarks if text not in reason),
    )


def _printable(path: str) -> str:
    """A path with what is no Unicode (names of other systems) replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
