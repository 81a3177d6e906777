"""The files of a folder and of those below it: those of a kind, side-cars, tables, tracks, spreadsheets."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import Callable

from ..progress import Progress, check_cancelled

#: Folders that computers keep for themselves.
_NOT_OURS = ("$RECYCLE.BIN", "System Volume Information", "__MACOSX", "lost+found")


@dataclass
class Found:
    """Paths relative to the folder, with slashes, in order.

    ``closed`` are folders and ``unreadable`` files that cannot be read, with the reason of each.
    """

    files: list[str] = field(default_factory=list)
    side_cars: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    tracks: list[str] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)
    closed: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def find_files(
    folder: str, progress: Progress, wanted: Callable[[str], bool], is_side_car: Callable[[str], bool]
) -> Found:
    """All files of interest in ``folder``, then in the folders below, by name.

    wanted: whether a name is that of a file of the kind that is looked for; is_side_car: of JSON about some.

    Links to folders are followed, each folder once, but for those to a folder that ``folder`` itself lies in: there
    the rest of the disk would be scanned. Hidden files and folders are left. A folder that cannot be opened is listed,
    not fatal; so is a pipe, which would be waited for.
    """
    found = Found()
    seen = _above(folder)
    waiting = [""]
    while waiting:
        check_cancelled(progress)
        below = waiting.pop()
        path = os.path.join(folder, below) if below else folder
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in seen and status.st_ino:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            found.closed.append((below or ".", f"the folder cannot be read: {error.strerror or error}"))
            continue
        folders = []
        for entry in children:
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.name.startswith(".") or entry.name in _NOT_OURS:
                continue
            if _is_folder(entry):
                folders.append(name)
            else:
                _take(entry, name, found, wanted, is_side_car)
        waiting += reversed(folders)
    return found


def _take(
    entry: os.DirEntry[str],
    path: str,
    found: Found,
    wanted: Callable[[str], bool],
    is_side_car: Callable[[str], bool],
) -> None:
    """Put a file where it belongs, or nowhere."""
    if _is_no_file(entry):
        if wanted(entry.name):
            found.unreadable.append((path, "it is a pipe or a device, not a file"))
    elif wanted(entry.name):
        found.files.append(path)
    elif is_side_car(entry.name):
        found.side_cars.append(path)
    elif entry.name.lower().endswith((".csv", ".tsv")):
        found.tables.append(path)
    elif entry.name.lower().endswith(".gpx"):
        found.tracks.append(path)
    elif entry.name.lower().endswith((".xlsx", ".xls", ".ods")):
        found.sheets.append(path)


def _above(folder: str) -> set[tuple[int, int]]:
    """Device and number of the folders that a folder lies in."""
    seen = set()
    path = os.path.realpath(folder)
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        try:
            status = os.stat(path)
        except OSError:
            continue
        if status.st_ino:
            seen.add((status.st_dev, status.st_ino))
    return seen


def _is_no_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is neither a file nor a link, which is told when it is opened."""
    try:
        return not entry.is_file() and not stat.S_ISREG(entry.stat().st_mode)
    except OSError:  # a link that leads nowhere or to itself
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere or to itself
        return False
