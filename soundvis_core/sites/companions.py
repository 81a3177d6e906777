"""The tables and tracks that lie beside recordings or that the user names, and which of them are about a file."""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict

from ..errors import InputError
from ..progress import Progress, check_cancelled
from .claims import Claims, PositionClaim
from .folders import Found
from .gpx import NoFixError, Track, read_track
from .metadata_tables import RowFinder, Table, check_names_files, claims_of, header_of, read_table

#: Columns of the outputs of this plugin, which may lie in the folder and tell nothing new.
_OWN = {"source_of_position", "source_of_time"}


class Companions:
    """Tables and tracks by what they are about; read when first asked for."""

    def __init__(self, folder: str, found: Found, metadata: str, track: str, progress: Progress) -> None:
        """``metadata`` and ``track`` are paths that the user names, or empty.

        Raises InputError where one of those cannot be used; others in the folder are left with a warning.
        """
        self._folder = folder
        self._progress = progress
        self._recordings = found.recordings
        self._named: list[RowFinder] = []
        self._named_tracks: list[Track] = []
        self._read: dict[str, Track | None] = {}
        if metadata:
            table = read_table(metadata, f"table {os.path.basename(metadata)}")
            check_names_files(table)
            self._named.append(RowFinder(table, found.recordings))
        if track:
            self._named_tracks.append(read_track(track, f"track {os.path.basename(track)}"))
        wanted = {stem for path in found.recordings for stem in _stems(path)}
        self._beside: dict[str, str] = {}
        self._tables: dict[str, list[RowFinder]] = defaultdict(list)
        self._tracks: dict[str, list[str]] = defaultdict(list)
        self._track_beside: dict[str, str] = {}
        for path in found.tables:
            check_cancelled(progress)
            stem = os.path.splitext(path)[0]
            if _is_same(os.path.join(folder, path), metadata):
                continue
            if stem in wanted:
                self._beside[stem] = path
            else:
                self._add_table(path)
        for path in found.tracks:
            stem = os.path.splitext(path)[0]
            if _is_same(os.path.join(folder, path), track):
                continue
            if stem in wanted:
                self._track_beside[stem] = path
            else:
                self._tracks[path.rpartition("/")[0]].append(path)

    def _add_table(self, path: str) -> None:
        """A table of a folder, where its header names recordings and something about them."""
        full = os.path.join(self._folder, path)
        names, columns = header_of(full)
        if not (columns.names_files and columns.useful) or set(names) >= _OWN:
            return
        try:
            table = read_table(full, f"table {path}")
        except InputError as error:
            self._progress.warn(f"{error} It is left.")
            return
        below = path.rpartition("/")[0]
        start = len(below) + 1 if below else 0
        paths = (file[start:] for file in self._recordings if not below or file.startswith(below + "/"))
        self._tables[below].append(RowFinder(table, paths))

    def tables(self, path: str) -> tuple[Claims, list[str]]:
        """What tables say about a recording (the named one, its side-car, then from the nearest folder up); doubts."""
        claims = Claims()
        doubts: list[str] = []
        for finder in self._named:
            self._look_up(finder, path, claims, doubts)
        beside = next((self._beside[stem] for stem in _stems(path) if stem in self._beside), None)
        if beside is not None:
            self._look_beside(beside, path, claims)
        for folder in _folders(path):
            for finder in self._tables.get(folder, ()):
                self._look_up(finder, path[len(folder) + 1 :] if folder else path, claims, doubts)
        return claims, doubts

    def _look_up(self, finder: RowFinder, path: str, claims: Claims, doubts: list[str]) -> None:
        row, doubt = finder.find(path)
        if doubt:
            doubts.append(doubt)
        if row is not None:
            claims.add(claims_of(finder.table, row))

    def _look_beside(self, beside: str, path: str, claims: Claims) -> None:
        """A side-car is about its recording, whatever it calls it; only its first row, or the one that names it."""
        try:
            table: Table = read_table(
                os.path.join(self._folder, beside), f"side-car {beside.rpartition('/')[2]}"
            )
        except InputError as error:
            claims.refused.append(str(error))
            return
        name = path.rpartition("/")[2]
        row = RowFinder(table, [name]).find(name)[0] if len(table.rows) > 1 else None
        claims.add(claims_of(table, row or table.rows[0]))

    def has_tracks(self, path: str) -> bool:
        """Whether any track could tell where a recording was made."""
        return bool(self._named_tracks or self._of(path))

    def tracks(self, path: str, moment: dt.datetime, gap: float) -> tuple[list[PositionClaim], str]:
        """Where tracks say a recording was made (the named one, its own, then from the nearest folder up); why not."""
        claims: list[PositionClaim] = []
        reasons: list[str] = []
        own = (self._track(name) for name in self._of(path))
        for track in (*self._named_tracks, *own):
            if track is None:
                continue
            try:
                claims.append(PositionClaim(track.name, track.at(moment, gap)))
            except NoFixError as error:
                reasons.append(f"{track.name}: {error}")
        why = "; ".join(reasons[:2]) + (
            f"; and {len(reasons) - 2} further tracks" if len(reasons) > 2 else ""
        )
        return claims, why

    def _of(self, path: str) -> list[str]:
        beside = [self._track_beside[stem] for stem in _stems(path) if stem in self._track_beside]
        return [*beside, *(track for folder in _folders(path) for track in self._tracks.get(folder, ()))]

    def _track(self, path: str) -> Track | None:
        if path not in self._read:
            try:
                self._read[path] = read_track(os.path.join(self._folder, path), f"track {path}")
            except InputError as error:
                self._progress.warn(f"{error} It is left.")
                self._read[path] = None
        return self._read[path]


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
