"""Tables about recordings and photos: side-cars of one file, tables of a folder, and exports of archives."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..errors import InputError
from .claims import Claims
from .positions import NoPositionError, apart, degrees, pair
from .table_columns import Columns, recognise
from .table_times import Notation, notation_of, times_of

#: Larger files are no tables about recordings.
_MOST_BYTES = 256 << 20
_HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class Table:
    """Rows of text below their columns. ``name`` is what messages call it: "table a.csv", "side-car a.csv"."""

    name: str
    columns: Columns
    rows: tuple[tuple[str, ...], ...]

    @cached_property
    def notation(self) -> Notation:
        """How its rows write dates."""
        return notation_of(self.columns, self.rows)


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
    _refuse_others(content, name)
    text, delimiter = _from_header(_decoded(content), one)
    try:
        lines = io.StringIO(text.replace("\0", ""), newline="")
        rows = [tuple(row) for row in csv.reader(lines, delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise InputError(f"The {name} is not a CSV file: {error}.") from error
    if len(rows) < 2:
        raise InputError(f"The {name} has no rows below its header.")
    return Table(name, recognise(rows[0], one), tuple(rows[1:]))


def header_of(path: str, one: str = "recording") -> tuple[list[str], Columns]:
    """The column names in the first line of a file and what they mean; none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            text, delimiter = _from_header(_decoded(file.read(_HEADER_BYTES)), one)
        names = next(csv.reader([text.partition("\n")[0].replace("\0", "")], delimiter=delimiter), [])
    except (OSError, csv.Error):
        names = []
    return names, recognise(names, one)


def _refuse_others(content: bytes, name: str) -> None:
    """Raise InputError for the files of spreadsheets and databases, by their first bytes."""
    kinds = (
        (b"PK\3\4", "a spreadsheet"),
        (b"\xd0\xcf\x11\xe0", "a spreadsheet"),
        (b"SQLite format 3", "a database"),
    )
    for start, kind in kinds:
        if content.startswith(start):
            raise InputError(f"The {name} is {kind}. Save it as CSV and choose that.")


def _from_header(text: str, one: str) -> tuple[str, str]:
    """A text from the line of its column names on, and what separates columns.

    Before that line may stand ``sep=;`` for Excel, and notes behind a ``#``; the names may stand behind one, too.
    """
    text, delimiter, start = text.lstrip(), "", 0
    while start < len(text):
        stop = text.find("\n", start) + 1 or len(text)
        line = text[start:stop].rstrip("\n")
        said = re.fullmatch(r'"?sep=(.)"?\s*', line, re.IGNORECASE)
        if said:
            delimiter = said[1]
        elif line.startswith("#"):
            bare = line.lstrip("# ")
            columns = recognise(next(csv.reader([bare], delimiter=_delimiter(bare)), []), one)
            if columns.names_files and columns.useful:
                return f"{bare}\n{text[stop:]}", delimiter or _delimiter(bare)
        elif line.strip(",;\t| \r"):
            break
        start = stop
    text = text[start:]
    return text, delimiter or _delimiter(text.partition("\n")[0])


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
        else:
            gap = _gap(columns, latitude, longitude)
            claims.gaps += [f"{table.name} {gap} in the row of this file"] if gap else []
    except NoPositionError as error:
        claims.refuse(table.name, error)
    times, wrong = times_of(columns, row, table.notation, table.name)
    claims.times += times
    for reason in wrong:
        claims.refuse(table.name, reason)
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


def _gap(columns: Columns, latitude: str, longitude: str) -> str:
    """What a row has a column for and no value; empty where the table tells no places."""
    if "latitude" in columns.by_meaning:
        if latitude or longitude:
            return f"has no {'longitude' if latitude else 'latitude'}"
        return "has no latitude and longitude"
    return "has no coordinates" if "pair" in columns.by_meaning else ""


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
