"""Which rows of which tables are about a file."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from functools import cached_property
from urllib.parse import unquote

from .metadata_tables import Table

_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:[/\\]")
#: Stands before ids among keys; no path has it.
_ID = "\0"
#: Of a row about the folder that the table itself lies in.
_ALL = "/"


class Names:
    """The files of a folder and those below it, by what tables may call them; one for all tables of the folder."""

    def __init__(self, paths: Iterable[str], own: str = "") -> None:
        """``paths``: relative to the folder, with slashes. ``own``: what the folder is called, with those above it."""
        self.paths = tuple(paths)
        parts = _key(own).split("/") if own else []
        #: What rows may call the folder itself.
        self.own = tuple("/".join(parts[start:]) for start in range(len(parts)))

    @cached_property
    def exact(self) -> frozenset[str]:
        """The paths as they are."""
        return frozenset(self.paths)

    @cached_property
    def whole(self) -> frozenset[str]:
        """The keys of whole paths."""
        return frozenset(map(_key, self.paths))

    @cached_property
    def namesakes(self) -> Counter[str]:
        """How many files have a name, by its key."""
        return Counter(_key(path.rpartition("/")[2]) for path in self.paths)

    @cached_property
    def known(self) -> frozenset[str]:
        """All keys by which a file may be found, but for its id."""
        return frozenset(key for path in self.paths for key in (*_file_keys(path), *_folder_keys(path)))

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids in the names of files, with the empty one of those without."""
        return frozenset(_id_in(path.rpartition("/")[2]) for path in self.paths)


class RowFinder:
    """Which row of a table is about a file. Paths are relative to the folder of the table, with slashes."""

    def __init__(self, table: Table, files: Names) -> None:
        """``files``: all that the table may be about."""
        self.table = table
        self._files = files
        self._rows: dict[str, list[int]] = defaultdict(list)
        self._ends: dict[str, list[int]] = defaultdict(list)
        self._ids: dict[str, int] = {}
        for index, row in enumerate(table.rows):
            keys, own = self._keys(row)
            for key in keys:
                self._rows[key].append(index)
            for end in self._moved(row, files.whole):
                self._ends[end].append(index)
            if own:
                self._ids.setdefault(own, index)

    def _keys(self, row: Sequence[str]) -> tuple[list[str], str]:
        """Under what a row is found: the files or the folder that it is about, and its id."""
        file, folder, own = (self.table.columns.value(row, meaning) for meaning in ("file", "folder", "id"))
        if "://" in file:
            file = unquote(file.partition("?")[0].rpartition("/")[2])
        file = file.replace("\\", "/").lstrip("./")
        keys = [_key(f"{folder.strip('/')}/{file}")] if file and folder else []
        if file:
            keys.append(_key(file))
            keys += self._inside(keys[-1])
        elif folder:
            key = _key(folder.replace("\\", "/").strip("/"))
            keys.append(key + "/")
            keys += [_ALL] if key in self._files.own and keys[0] not in self._files.known else []
        return keys, re.sub(r"^XC", "", own.upper())

    def _inside(self, key: str) -> list[str]:
        """The key of a file that a row names with the folder that the table lies in before it."""
        if "/" not in key or key in self._files.known:
            return []
        return [key[len(own) + 1 :] for own in self._files.own if key.startswith(own + "/")][:1]

    def _moved(self, row: Sequence[str], whole: Set[str]) -> list[str]:
        """The file in ``whole`` that the end of a row's absolute path names: folders are moved to other computers."""
        file = self.table.columns.value(row, "file")
        if not _ABSOLUTE.match(file) or "://" in file:
            return []
        parts = _key(file.replace("\\", "/")).split("/")
        ends = ("/".join(parts[start:]) for start in range(1, len(parts)))
        return [end for end in ends if end in whole][:1]

    @property
    def keys(self) -> Set[str]:
        """All by which a row is found, ids with a mark before them; see :func:`_keys_of`."""
        return {*self._rows, *self._ends, *(_ID + own for own in self._ids)}

    def strangers(self) -> list[str]:
        """What the rows are about that are about none of the files, in the words of the table."""
        known, ids = self._files.known, self._files.ids
        found = []
        for row in self.table.rows:
            keys, own = self._keys(row)
            if known.isdisjoint([*keys, *self._moved(row, known)]) and not (own and own in ids):
                told = (self.table.columns.value(row, meaning) for meaning in ("file", "folder", "id"))
                found.append(next(filter(None, told), ""))
        return found

    def find(self, path: str) -> tuple[Sequence[str] | None, str]:
        """The row about ``path`` (None where there is none), and what is doubtful about it (else empty)."""
        name = path.rpartition("/")[2]
        for text in (path, *_tails(path), name):
            for key in (_key(text), _key(os.path.splitext(text)[0])):
                rows = self._rows.get(key)
                if not rows:
                    continue
                namesakes = self._files.namesakes[_key(name)]
                if "/" not in text and "/" in path and namesakes > 1:
                    return None, (
                        f"{self.table.name} names {name} without its folder, and {namesakes} files are called so"
                    )
                several = f"{len(rows)} rows of {self.table.name} name this file; the first is taken"
                return self.table.rows[rows[0]], several if len(rows) > 1 else ""
        index = self._ids.get(_id_in(name)) if self._ids else None
        if index is not None:
            return self.table.rows[index], ""
        ends = self._ends.get(_key(path), [])
        if len(ends) > 1:
            return None, f"{len(ends)} rows of {self.table.name} name such a file, in other folders"
        return (self.table.rows[ends[0]] if ends else self._by_folder(path)), ""

    def _by_folder(self, path: str) -> Sequence[str] | None:
        for key in _folder_keys(path):
            rows = self._rows.get(key)
            if rows:
                return self.table.rows[rows[0]]
        return None


class FolderTables:
    """The tables of a folder: thousands, where each file has one of its own that is not called like it."""

    def __init__(self, paths: Iterable[str], own: str = "") -> None:
        """``paths``: of all files in the folder and below, relative to it; ``own``: see :class:`Names`."""
        self.files = Names(paths, own)
        self._finders: list[RowFinder] = []
        self._by_key: dict[str, list[int]] = defaultdict(list)

    def add(self, finder: RowFinder) -> None:
        """Take in a table."""
        for key in finder.keys:
            self._by_key[key].append(len(self._finders))
        self._finders.append(finder)

    def about(self, path: str) -> list[RowFinder]:
        """The tables that have a row about a file, in their order."""
        places = {place for key in _keys_of(path) for place in self._by_key.get(key, ())}
        return [self._finders[place] for place in sorted(places)]


def paths_below(folder: str, paths: Iterable[str]) -> list[str]:
    """Those of some paths that lie in a folder or below it, relative to it; empty text for the folder of them all."""
    start = len(folder) + 1 if folder else 0
    return [path[start:] for path in paths if not folder or path.startswith(folder + "/")]


def _id_in(name: str) -> str:
    """The id of a file as archives name them; empty where there is none.

    XC123456 - Name.mp3, 123456__user__title.wav, Genus-species-123456.mp3.
    """
    stem = os.path.splitext(name)[0]
    found = (
        re.match(r"XC\s?(\d+)(?!\d)", stem, re.IGNORECASE)
        or re.match(r"(\d+)(?:__|$|_[^_]|[- ])", stem)
        or re.search(r"-(\d+)$", stem)
    )
    return found[1] if found else ""


def _keys_of(path: str) -> list[str]:
    """All keys of rows about a file."""
    return [*_file_keys(path), *_folder_keys(path), _ID + _id_in(path.rpartition("/")[2])]


def _file_keys(path: str) -> list[str]:
    """A path, its ends and the name, each with and without its ending."""
    texts = (path, *_tails(path), path.rpartition("/")[2])
    return [_key(form) for text in texts for form in (text, os.path.splitext(text)[0])]


def _folder_keys(path: str) -> list[str]:
    """The folders of a path, the innermost first, each by its path and by its name; last the one of the table."""
    folders = path.split("/")[:-1]
    keys = [
        _key(text) + "/"
        for depth in range(len(folders), 0, -1)
        for text in ("/".join(folders[:depth]), folders[depth - 1])
    ]
    return [*keys, _ALL]


def _tails(path: str) -> list[str]:
    """A path without its first folders, the longest first, as far as a folder is left."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts) - 1)]


def _key(text: str) -> str:
    return text.casefold()
