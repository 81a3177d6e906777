"""Tables about recordings and photos: side-cars of one file, tables of a folder, and exports of archives."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from .claims import Claims, TimeClaim
from .clocks import NoTimeError, Told, parse_time
from .positions import NoPositionError, apart, degrees, pair
from .table_columns import Columns, recognise

#: Larger files are no tables about recordings.
_MOST_BYTES = 256 << 20
_HEADER_BYTES = 1 << 16


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
