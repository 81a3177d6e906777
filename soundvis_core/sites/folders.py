"""The files of a folder and of those below it: those of a kind, side-cars, tables, tracks."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Callable

from ..progress import Progress, check_cancelled

#: Folders that computers keep for themselves.
_NOT_OURS = ("$RECYCLE.BIN", "System Volume Information", "__MACOSX", "lost+found")


@dataclass
class Found:
    """Paths relative to the folder, with slashes, in order; ``unreadable`` with the reason of each."""

    files: list[str] = field(default_factory=list)
    side_cars: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    tracks: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def find_files(
    folder: str, progress: Progress, wanted: Callable[[str], bool], is_side_car: Callable[[str], bool]
) -> Found:
    """All files of interest in ``folder``, then in the folders below, by name.

    wanted: whether a name is that of a file of the kind that is looked for; is_side_car: of JSON about some.

    Links to folders are followed, each folder once: a link to a folder above is no loop. Hidden files and
    folders are left. A folder that cannot be opened is listed, not fatal.
    """
    found = Found()
    seen: set[tuple[int, int]] = set()
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
            found.unreadable.append((below or ".", f"the folder cannot be read: {error.strerror or error}"))
            continue
        folders = []
        for entry in children:
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.name.startswith(".") or entry.name in _NOT_OURS:
                continue
            if _is_folder(entry):
                folders.append(name)
            elif wanted(entry.name):
                found.files.append(name)
            elif is_side_car(entry.name):
                found.side_cars.append(name)
            elif entry.name.lower().endswith((".csv", ".tsv")):
                found.tables.append(name)
            elif entry.name.lower().endswith(".gpx"):
                found.tracks.append(name)
        waiting += reversed(folders)
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere or to itself
        return False
