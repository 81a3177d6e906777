"""Files of sites that are not where their paths say: looked for below a folder, and told of when a run ends."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SLASHES = re.compile(r"[\\/]+")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def is_whole(path: str) -> bool:
    """Whether a path names a place by itself, on whatever system: from a root, a drive or another computer."""
    return os.path.isabs(path) or path.startswith(("/", "\\")) or _DRIVE.match(path) is not None


def below(base: str, path: str) -> Iterator[str]:
    """Where a whole path may lie below another folder: its end, the longest first. Slashes of all systems count."""
    parts = _parts(path)
    for first in range(len(parts)):
        yield os.path.join(base, *parts[first:])


def _parts(path: str) -> list[str]:
    """The folders of a path and its file, without a drive."""
    plain = posixpath.normpath(_SLASHES.sub("/", path))
    return [part for part in plain.split("/") if part and not part.endswith(":")]


@dataclass
class Searches:
    """What became of the files that one run looked for."""

    base: str = ""
    #: Folders that relative paths were looked for in.
    folders: tuple[str, ...] = ()
    asked: int = 0
    missing: int = 0
    #: The first path that led to no file.
    first: str = ""
    #: By file the path that led to it, of those found by the end of their path.
    moved: dict[str, str] = field(default_factory=dict)
    #: Different paths of which only the end is the same, and the file that both led to: the first such.
    mixed_up: tuple[str, str, str] | None = None
    #: Of ``moved``, those of which nothing but the file's own name is in the path that led to them.
    by_name: dict[str, str] = field(default_factory=dict)

    def found(self, path: str, file: str = "", moved: bool = False) -> None:
        """Take note of a path, and of the file that it led to (empty: none)."""
        self.asked += 1
        if not file:
            self.missing += 1
            self.first = self.first or path
        elif moved:
            before = self.moved.setdefault(file, path)
            if self._by_name_alone(path, file):
                self.by_name.setdefault(file, path)
            if before != path and self.mixed_up is None:
                self.mixed_up = before, path, file

    def _by_name_alone(self, path: str, file: str) -> bool:
        """Whether a file of that name may be any: neither folders below the base agree with the path nor the base."""
        folder, base = os.path.dirname(os.path.normpath(file)), os.path.normpath(self.base)
        if not self.base or os.path.normcase(folder) != os.path.normcase(base):
            return False
        parts = _parts(path)
        return len(parts) > 1 and os.path.normcase(parts[-2]) != os.path.normcase(os.path.basename(base))

    def info(self) -> str:
        """That files were found elsewhere; empty where none was. Those found by name alone are warned of instead."""
        moved = {file: path for file, path in self.moved.items() if file not in self.by_name}
        if not moved:
            return ""
        file, path = next(iter(moved.items()))
        count = len(moved)
        which = "1 file is" if count == 1 else f"{count} files are"
        return (
            f"{which} not where the path says; found below the base folder by the end of the path: "
            f"{file} for {path}{' and so on' if count > 1 else ''}."
        )

    def warnings(self) -> Iterator[str]:
        """That no file at all was found, that only names were the same, and that one file was taken for two."""
        if self.by_name:
            file, path = next(iter(self.by_name.items()))
            count = len(self.by_name)
            which = "1 file was" if count == 1 else f"{count} files were"
            yield (
                f"{which} found below the base folder by name alone: {file} for {path}"
                f"{' and so on' if count > 1 else ''}. Check that they are the same recordings or photos, or give the "
                "base folder one level higher."
            )
        if self.mixed_up is not None:
            one, other, file = self.mixed_up
            yield (
                f"{one} and {other} both led to {file} below the base folder, because nothing else there ends like "
                "them. Give a base folder in which each path has a file of its own."
            )
        if not self.asked or self.missing < self.asked:
            return
        if self.asked == 1:
            yield self._where(f"The file {self.first}")
        else:
            yield f"None of the {self.asked} files was found. {self._where(f'The first, {self.first},')}"

    def _where(self, subject: str) -> str:
        if is_whole(self.first):
            if self.base:
                return (
                    f"{subject} is not there, and no file below the base folder {self.base} has a path "
                    "that ends like it. Check the base folder."
                )
            return (
                f"{subject} is not there. If the files were moved, give the folder in which they lie "
                "now as base folder (BASE_FOLDER)."
            )
        if self.base:
            return f"{subject} is not in the base folder {self.base}. Check the base folder."
        remedy = "Give the folder that the paths start at as base folder (BASE_FOLDER)."
        if not self.folders:
            return (
                f"{subject} is a relative path, and neither the layer nor the project has a folder "
                f"that it could start at. {remedy}"
            )
        return f"{subject} was looked for in vain in {' and in '.join(self.folders)}. {remedy}"
