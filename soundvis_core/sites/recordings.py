"""From a folder of recordings to sites: where, when, by what and by whom, and why not where it cannot be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..progress import NO_PROGRESS, Progress
from .claims import Claims, PositionClaim
from .folder_scan import Kind, Options, ScannedFile, scan
from .headers import is_recording, read_header
from .json_tables import is_side_car
from .media import Header


@dataclass(frozen=True)
class Recording(ScannedFile):
    """One recording: duration in seconds, sample rate in Hz, channels; None where the header does not tell."""

    seconds: float | None = None
    rate: int | None = None
    channels: int | None = None
    recorder: str = ""


def scan_recordings(
    folder: str, options: Options | None = None, progress: Progress = NO_PROGRESS
) -> Iterator[Recording]:
    """Every recording in ``folder`` and below (see :func:`.folder_scan.scan`, also for what is raised)."""
    return scan(folder, _RECORDINGS, options or Options(), progress)


def _read(path: str, _: Options) -> Header:
    return read_header(path).without_nonsense()


def _details(header: Header, claims: Claims, _: PositionClaim | None) -> tuple[Mapping[str, Any], list[str]]:
    fields = {
        "seconds": header.seconds,
        "rate": header.rate,
        "channels": header.channels,
        "recorder": claims.recorder,
    }
    return fields, [header.remark]


_RECORDINGS: Kind[Header, Recording] = Kind(
    one="recording",
    made="made",
    device="recorder",
    is_one=is_recording,
    is_side_car=is_side_car,
    read=_read,
    empty=Header,
    details=_details,
    row=Recording,
)
