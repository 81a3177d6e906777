"""Tables about recordings and photos: side-cars of one file, tables of a folder, and exports of archives."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from urllib.parse import unquote

from ..errors import InputError
from .claims import Claims, TimeClaim
from .clocks import NoTimeError, Told, parse_time
from .positions import NoPositionError, apart, degrees, pair
from .table_columns import Columns, recognise

#: Larger files are no tables about recordings.
_MOST_BYTES = 256 << 20
_HEADER_BYTES = 1 << 16
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:[/\\]")


@dataclass(frozen=True)
class Table:
    """Rows of text below their columns. ``name`` is what messages call it: "table a.csv", "side-car a.csv"."""

    name: str
    columns: Columns
    rows: tuple[tuple[str, ...], ...]


def read_table(path: str, name: str, one: str = "recording") -> Table:
    """The table about recordings (or photos: ``one``) in a CSV file.

    Commas, semicolons, tabs or bars; UTF-8 or Windows' Western encoding.

    Raises InputError where it is no such table.
    """
    try:
        if os.path.getsize(path) > _MOST_BYTES:
            raise InputError(f"The {name} is larger than {_MOST_BYTES >> 20} MB: is it a CSV file?")
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise InputError(f"The {name} cannot be read: {error.strerror or error}.") from error
    text = _decoded(content)
    line = text.lstrip().partition("\n")[0]
    try:
        lines = io.StringIO(text.lstrip().replace("\0", ""), newline="")
        rows = [tuple(row) for row in csv.reader(lines, delimiter=_delimiter(line)) if any(row)]
    except csv.Error as error:
        raise InputError(f"The {name} is not a CSV file: {error}.") from error
    if len(rows) < 2:
        raise InputError(f"The {name} has no rows below its header.")
    return Table(name, recognise(rows[0], one), tuple(rows[1:]))


def header_of(path: str, one: str = "recording") -> tuple[list[str], Columns]:
    """The column names in the first line of a file and what they mean; none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            line = _decoded(file.read(_HEADER_BYTES)).lstrip().partition("\n")[0]
        names = next(csv.reader([line.replace("\0", "")], delimiter=_delimiter(line)), [])
    except (OSError, csv.Error):
        names = []
    return names, recognise(names, one)


def _delimiter(line: str) -> str:
    return max(",;\t|", key=line.count)


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def check_names_files(table: Table, one: str = "recording") -> None:
    """Raise InputError where the rows of a table do not say which file (``one``) they are about, or nothing else."""
    if not table.columns.names_files:
        archives = "xeno-canto or freesound" if one == "recording" else "Mapillary or KartaView"
        raise InputError(
            f"The {table.name} has no column that names {one}s. Call one 'file' (name or path of the "
            f"{one}), 'folder' (all {one}s in it), or 'id' (of {archives})."
        )
    if not table.columns.useful:
        raise InputError(
            f"The {table.name} has no column that is known here. Call them latitude, longitude, date, time, "
            "datetime, licence, author or link (or as xeno-canto, freesound or archive.org call them)."
        )


def claims_of(table: Table, row: Sequence[str]) -> Claims:
    """What one row says."""
    columns, claims = table.columns, Claims()
    latitude, longitude = columns.value(row, "latitude"), columns.value(row, "longitude")
    both = columns.value(row, "pair")
    try:
        if latitude and longitude:
            north, east, remark = apart(latitude, longitude)
            claims.place(table.name, north, east, remark=remark)
        elif both:
            claims.place(table.name, *pair(both))
    except NoPositionError as error:
        claims.refuse(table.name, error)
    _read_time(table, row, claims)
    claims.licence, claims.author = columns.value(row, "licence"), columns.value(row, "author")
    claims.recorder = columns.value(row, "recorder")
    claims.link = columns.value(row, "link")
    claims.heading, claims.projection = columns.value(row, "heading"), columns.value(row, "projection")
    identifier = columns.value(row, "folder")
    if not claims.link and re.fullmatch(r"aporee_\d+_\d+", identifier):
        claims.link = f"https://archive.org/details/{identifier}"
    if claims.link.startswith("//"):
        claims.link = "https:" + claims.link
    if claims.licence.startswith("//"):
        claims.licence = "https:" + claims.licence
    return claims


def _read_time(table: Table, row: Sequence[str], claims: Claims) -> None:
    columns = table.columns
    date, time = columns.value(row, "date"), columns.value(row, "time")
    if re.fullmatch(r"\d:\d{2}.*", time):
        time = "0" + time
    # A time of day that is none ("morning", "?") leaves the date.
    together = f"{date} {time}" if date and re.match(r"\d{2}:?\d{2}", time) and len(date) <= 10 else date
    texts = [(columns.value(row, "utc"), True), (columns.value(row, "moment"), False), (together, False)]
    if not date and len(time) >= 10:
        texts.append((time, False))
    for text, utc in texts:
        if not text:
            continue
        try:
            told = parse_time(text)
        except NoTimeError as error:
            claims.refuse(table.name, error)
            continue
        if utc and not told.has_zone and not told.date_only:
            told = Told(told.moment.replace(tzinfo=dt.timezone.utc))
        claims.times.append(TimeClaim(table.name, told, own=False, weak=told.date_only))


def rows_beyond_poles(table: Table) -> int:
    """How many rows tell a latitude beyond 90 degrees and a longitude within: their columns may be swapped."""
    columns = table.columns
    if "latitude" not in columns.by_meaning:
        return 0
    beyond = 0
    for row in table.rows:
        try:
            latitude = degrees(columns.value(row, "latitude"))
            beyond += 90.0 < abs(latitude) <= 180.0 and abs(degrees(columns.value(row, "longitude"))) <= 90.0
        except NoPositionError:
            continue
    return beyond


class RowFinder:
    """Which row of a table is about a file. Paths are relative to the folder of the table, with slashes."""

    def __init__(self, table: Table, paths: Iterable[str]) -> None:
        """``paths``: all files that the table may be about."""
        self.table = table
        self._paths = tuple(paths)
        self._rows: dict[str, list[int]] = defaultdict(list)
        self._ends: dict[str, list[int]] = defaultdict(list)
        self._ids: dict[str, int] = {}
        self._namesakes = Counter(_key(path.rpartition("/")[2]) for path in self._paths)
        whole = {_key(path) for path in self._paths}
        for index, row in enumerate(table.rows):
            keys, own = self._keys(row)
            for key in keys:
                self._rows[key].append(index)
            for end in self._moved(row, whole):
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
        elif folder:
            keys.append(_key(folder.replace("\\", "/").strip("/")) + "/")
        return keys, re.sub(r"^XC", "", own.upper())

    def _moved(self, row: Sequence[str], whole: Set[str]) -> list[str]:
        """The file in ``whole`` that the end of a row's absolute path names: folders are moved to other computers."""
        file = self.table.columns.value(row, "file")
        if not _ABSOLUTE.match(file) or "://" in file:
            return []
        parts = _key(file.replace("\\", "/")).split("/")
        ends = ("/".join(parts[start:]) for start in range(1, len(parts)))
        return [end for end in ends if end in whole][:1]

    def strangers(self) -> list[str]:
        """What the rows are about that are about none of the files, in the words of the table."""
        known: set[str] = set()
        ids: set[str] = set()
        for path in self._paths:
            name = path.rpartition("/")[2]
            for text in (path, *_tails(path), name):
                known.update((_key(text), _key(os.path.splitext(text)[0])))
            known.update(_key(text) + "/" for text in _folder_names(path))
            ids.add(_id_in(name))
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
                if "/" not in text and "/" in path and self._namesakes[_key(name)] > 1:
                    return None, (
                        f"{self.table.name} names {name} without its folder, and {self._namesakes[_key(name)]} "
                        "files are called so"
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
        for text in _folder_names(path):
            rows = self._rows.get(_key(text) + "/")
            if rows:
                return self.table.rows[rows[0]]
        return None


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


def _folder_names(path: str) -> list[str]:
    """The folders of a path, the innermost first, each by its path and by its name."""
    folders = path.split("/")[:-1]
    return [
        text
        for depth in range(len(folders), 0, -1)
        for text in ("/".join(folders[:depth]), folders[depth - 1])
    ]


def _tails(path: str) -> list[str]:
    """A path without its first folders, the longest first, as far as a folder is left."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts) - 1)]


def _key(text: str) -> str:
    return text.casefold()
