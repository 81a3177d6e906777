"""The tables and tracks that lie beside files or that the user names, and which of them are about a file."""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Sequence, Set
from typing import Callable

from ..errors import InputError
from ..progress import Progress, check_cancelled
from .claims import Claims, PositionClaim
from .folders import Found
from .gpx import NoFixError, Track, read_track
from .json_tables import is_json, read_json_table, read_records, table_of
from .left_tables import LeftTables, listed
from .metadata_tables import (
    Table,
    check_names_files,
    claims_of,
    header_of,
    read_table,
    rows_beyond_poles,
)
from .row_finder import FolderTables, Names, RowFinder, paths_below

#: So many names of the path to a folder may stand in tables that lie in it.
_ABOVE = 4
#: Columns of the outputs of this plugin, which may lie in the folder and tell nothing new.
_OWN = {"source_of_position", "source_of_time"}


class Companions:
    """Tables and tracks by what they are about; read when first asked for."""

    def __init__(
        self, folder: str, found: Found, metadata: str, track: str, progress: Progress, one: str
    ) -> None:
        """``metadata`` and ``track`` are paths that the user names, or empty; ``one`` is a file in words.

        Raises InputError where one of those cannot be used; others in the folder are left with a warning.
        """
        self._folder = folder
        self._progress = progress
        self._one = one
        self._files = found.files
        self._named: list[RowFinder] = []
        self._named_tracks: list[Track] = []
        self._read: dict[str, Track | None] = {}
        self._served: set[str] = set()
        self._swapped: dict[str, str] = {}
        # As rows may call the folder: by its name, with some of the folders above.
        self._own = "/".join(os.path.abspath(folder).replace(os.sep, "/").split("/")[-_ABOVE:])
        if metadata:
            self._add_named(metadata)
        if track:
            self._named_tracks.append(self._whole(read_track(track, f"track {os.path.basename(track)}")))
        wanted = {stem for path in found.files for stem in _stems(path)}
        self._beside: dict[str, str] = {}
        self._beside_json: dict[str, Claims] = {}
        self._tables: dict[str, FolderTables] = {}
        self._tracks: dict[str, list[str]] = defaultdict(list)
        self._track_beside: dict[str, str] = {}
        self._left = LeftTables(one)
        for path in found.tables:
            check_cancelled(progress)
            stem = os.path.splitext(path)[0]
            if _is_same(os.path.join(folder, path), metadata):
                continue
            if stem in wanted:
                self._beside[stem] = path
            else:
                self._add_table(path)
        for path in found.side_cars:
            check_cancelled(progress)
            if not _is_same(os.path.join(folder, path), metadata):
                self._add_json(path, wanted)
        self._left.tell(found.sheets, progress)
        for path in found.tracks:
            stem = os.path.splitext(path)[0]
            if _is_same(os.path.join(folder, path), track):
                continue
            if stem in wanted:
                self._track_beside[stem] = path
            else:
                self._tracks[path.rpartition("/")[0]].append(path)

    def _add_named(self, path: str) -> None:
        """The table that the user names, as CSV or JSON."""
        name, files = f"table {os.path.basename(path)}", Names(self._files, self._own)
        one = self._one
        table = read_json_table(path, name, files, one) if is_json(path) else read_table(path, name, one)
        check_names_files(table, self._one)
        self._named.append(self._finder(table, files, self._progress.warn))

    def _add_table(self, path: str) -> None:
        """A table of a folder, where its header names files and something about them."""
        full = os.path.join(self._folder, path)
        names, columns = header_of(full, self._one)
        if set(names) >= _OWN:
            return
        if not (columns.names_files and columns.useful):
            self._left.add(path, names, columns)
            return
        try:
            table = read_table(full, f"table {path}", self._one)
        except InputError as error:
            self._progress.warn(f"{error} It is left.")
            return
        tables = self._tables_of(path.rpartition("/")[0])
        # A table of many rows beside few files is usual where an archive's list lies beside a part of its files.
        tables.add(self._finder(table, tables.files, self._progress.info))

    def _add_json(self, path: str, wanted: Set[str]) -> None:
        """A JSON file: about the one file that is called like it, or a table of its folder."""
        stem, name = os.path.splitext(path)[0], path.rpartition("/")[2]
        tables = self._tables_of(path.rpartition("/")[0])
        if not tables.files.paths:
            return
        try:
            records = read_records(os.path.join(self._folder, path), self._one)
        except (OSError, ValueError, RecursionError) as error:
            if stem in wanted:
                self._beside_json[stem] = Claims(refused=[f"the side-car {name} cannot be read ({error})"])
            else:
                self._progress.warn(f"The JSON file {path} cannot be read ({error}). It is left.")
            return
        if stem in wanted and len(records) == 1:
            table = table_of(f"side-car {name}", records, Names([stem]), self._one)
            self._beside_json[stem] = claims_of(table, table.rows[0])
        elif records:
            table = table_of(f"table {path}", records, tables.files, self._one)
            if table.columns.names_files and table.columns.useful:
                # One object that is about no file here is what programs keep of themselves, not a list.
                tell = self._progress.info if len(records) > 1 else (lambda _: None)
                tables.add(self._finder(table, tables.files, tell))

    def _tables_of(self, folder: str) -> FolderTables:
        if folder not in self._tables:
            own = f"{self._own}/{folder}" if folder else self._own
            self._tables[folder] = FolderTables(paths_below(folder, self._files), own)
        return self._tables[folder]

    def _finder(self, table: Table, files: Names, tell: Callable[[str], None]) -> RowFinder:
        """The rows of a table by the files they are about; ``tell`` hears of rows that are about none."""
        finder = RowFinder(table, files)
        strangers = finder.strangers() if files.paths else []
        if len(strangers) == len(table.rows) and files.paths:
            names = " and ".join(f"'{name}'" for name in table.columns.naming)
            tell(
                f"No row of the {table.name} is about a {self._one} in its folder. Files are looked for by {names} "
                f"(which has {_called(strangers)}), and are called as {files.paths[0]}. Call the column that names "
                "them 'file', and check that it is the table of this folder."
            )
        elif strangers:
            rows = "1 row" if len(strangers) == 1 else f"{len(strangers)} rows"
            tell(
                f"{rows} of the {table.name} {'is' if len(strangers) == 1 else 'are'} about no {self._one} in the "
                f"folder: {_called(strangers)}."
            )
        beyond = rows_beyond_poles(table)
        if beyond:
            rows = "1 row" if beyond == 1 else f"{beyond} rows"
            text = f"a latitude beyond 90 degrees in {rows} of the {table.name}: are latitude and longitude swapped?"
            # Few are slips of their rows; where they are most of all, the columns may be swapped.
            if 2 * beyond > len(table.rows):
                self._swapped[table.name] = text
            self._progress.warn(f"There is {text}")
        return finder

    def tables(self, path: str) -> tuple[Claims, list[str]]:
        """What tables say about a file (the named one, its side-car, then from the nearest folder up); doubts."""
        claims = Claims()
        doubts: list[str] = []
        for finder in self._named:
            self._look_up(finder, path, claims, doubts)
        beside = next((self._beside[stem] for stem in _stems(path) if stem in self._beside), None)
        if beside is not None:
            self._look_beside(beside, path, claims)
        for stem in _stems(path):
            if stem in self._beside_json:
                claims.add(self._beside_json[stem])
        for folder in _folders(path):
            inside = path[len(folder) + 1 :] if folder else path
            for finder in self._tables[folder].about(inside) if folder in self._tables else ():
                self._look_up(finder, inside, claims, doubts)
        return claims, doubts

    def _look_up(self, finder: RowFinder, path: str, claims: Claims, doubts: list[str]) -> None:
        row, doubt = finder.find(path)
        if doubt:
            doubts.append(doubt)
        if row is None:
            return
        told = claims_of(finder.table, row)
        claims.add(told)
        if told.positions and finder.table.name in self._swapped:
            doubts.append(self._swapped[finder.table.name])

    def _look_beside(self, beside: str, path: str, claims: Claims) -> None:
        """A side-car is about its file, whatever it calls it; only its first row, or the one that names it."""
        try:
            table: Table = read_table(
                os.path.join(self._folder, beside), f"side-car {beside.rpartition('/')[2]}", self._one
            )
        except InputError as error:
            said = str(error)
            claims.refused.append(said[0].lower() + said[1:].rstrip("."))
            return
        name = path.rpartition("/")[2]
        row = RowFinder(table, Names([name])).find(name)[0] if len(table.rows) > 1 else None
        if not table.columns.useful:
            claims.gaps.append(
                f"the {table.name} has no column that is known ({listed(table.columns.names)})"
            )
        claims.add(claims_of(table, row or table.rows[0]))

    def has_tracks(self, path: str) -> bool:
        """Whether any track could tell where a file was made."""
        return bool(self._named_tracks or self._of(path))

    def tracks(self, path: str, moment: dt.datetime, gap: float) -> tuple[list[PositionClaim], str]:
        """Where tracks say a file was made (the named one, its own, then from the nearest folder up); why not."""
        claims: list[PositionClaim] = []
        reasons: list[str] = []
        own = (self._track(name) for name in self._of(path))
        for track in (*self._named_tracks, *own):
            if track is None:
                continue
            try:
                claims.append(PositionClaim(track.name, track.at(moment, gap)))
                self._served.add(track.name)
            except NoFixError as error:
                reasons.append(f"{track.name}: {error}")
        why = "; ".join(reasons[:2]) + (
            f"; and {len(reasons) - 2} further tracks" if len(reasons) > 2 else ""
        )
        return claims, why

    def tell_idle_tracks(self) -> None:
        """Say which tracks told the place of no file, once all files were asked for."""
        if not self._files:
            return
        for track in self._named_tracks:
            if track.name not in self._served:
                self._progress.warn(
                    f"The {track.name} ({track.span}) tells the place of no {self._one}. Check the time zone, and "
                    "by how much the clock was fast."
                )
        inside = [*self._track_beside.values(), *(name for names in self._tracks.values() for name in names)]
        idle = []
        for name in inside:
            if f"track {name}" in self._served or (name in self._read and self._read[name] is None):
                continue
            read = self._read.get(name)
            idle.append(
                f"{name} ({read.span})"
                if read
                else f"{name} (no {self._one} with a time lies beside or below it)"
            )
        if idle:
            self._progress.info(f"Tracks that tell the place of no {self._one}: {listed(idle)}.")

    def _of(self, path: str) -> list[str]:
        beside = [self._track_beside[stem] for stem in _stems(path) if stem in self._track_beside]
        return [*beside, *(track for folder in _folders(path) for track in self._tracks.get(folder, ()))]

    def _whole(self, track: Track) -> Track:
        """A track, with a warning where it could be read in part only."""
        if track.damage:
            self._progress.warn(
                f"The {track.name} {track.damage}; {len(track.times)} fixes before that are used ({track.span})."
            )
        return track

    def _track(self, path: str) -> Track | None:
        if path not in self._read:
            try:
                self._read[path] = self._whole(read_track(os.path.join(self._folder, path), f"track {path}"))
            except InputError as error:
                self._progress.warn(f"{error} It is left.")
                self._read[path] = None
        return self._read[path]


def _called(rows: Sequence[str]) -> str:
    """What some rows are about, in a few words; those that do not say are counted."""
    named = [name for name in rows if name]
    empty = len(rows) - len(named)
    return " and ".join(filter(None, (listed(named), f"{empty} without a name" if empty else "")))


def _stems(path: str) -> tuple[str, str]:
    """What a side-car may be called without its own ending: a.wav.csv or a.csv."""
    return path, os.path.splitext(path)[0]


def _folders(path: str) -> list[str]:
    """The folders that a path lies in, the nearest first; empty text for the one scanned."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(len(parts), -1, -1)]


def _is_same(path: str, named: str) -> bool:
    try:
        return bool(named) and os.path.samefile(path, named)
    except OSError:
        return False
