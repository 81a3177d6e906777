"""Tables that people edit by hand, as CSV: rows with the lines that an editor shows, and all mistakes told at once."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Callable, TypeVar

from ..classes import slug
from ..errors import InputError

#: How tables write "no contribution"; the paper's Table 1 uses the en dash.
_NOTHING = ("", "-", "\u2013", "\u2014", "\u2212")
#: So many mistakes are told in one message.
_SHOWN = 20

Value = TypeVar("Value")


class TableError(InputError):
    """A table that cannot be used. ``problems``: all that is wrong with it in the order of its lines."""

    def __init__(self, table: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(problems)
        #: How many mistakes there are, without them.
        self.summary = f"The {table} has {count} {'mistake' if count == 1 else 'mistakes'}"
        shown = [f"{self.summary}:", *problems[:_SHOWN]]
        if count > _SHOWN:
            shown.append(f"... and {count - _SHOWN} more.")
        super().__init__("\n".join(shown))


class CsvTable:
    """The rows of a CSV below its header, and what is wrong with them.

    Comma, semicolon or tab between columns, quotes, a byte order mark and any ends of lines are understood; empty rows
    are passed over. A row is known by the line in which it begins, the first line of the file being line 1.
    """

    def __init__(self, file: Path, kind: str) -> None:
        """``kind``: what the table is called in messages, such as "weight table".

        Raises InputError where the file cannot be read, is no text, or is empty.
        """
        self.name = f"{kind} {file.name}"
        text = _decode(file, self.name)
        rows = _rows_of(text, self.name)
        if not rows:
            raise InputError(f"The {self.name} is empty. It needs a header and a row per class.")
        self.header = rows[0][2]
        while len(self.header) > 1 and not self.header[-1]:
            self.header.pop()
        self._rows = rows[1:]
        self._mistakes: dict[tuple[int, str], None] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def columns(self, accepted: Mapping[str, Sequence[str]]) -> dict[str, int]:
        """Where each column stands that is there; ``accepted``: the titles that it may have, best first."""
        titles = [slug(title) for title in self.header]
        found = {
            column: next((titles.index(title) for title in names if title in titles), -1)
            for column, names in accepted.items()
        }
        return {column: place for column, place in found.items() if place >= 0}

    def refuse_without(self, missing: Collection[str]) -> None:
        """Raise InputError where columns are ``missing``, or rows."""
        if missing:
            raise InputError(
                f"The {self.name} has no column {', '.join(missing)}; its columns are {', '.join(self.header)}. "
                "Name the columns in the first row and separate them by commas or semicolons."
            )
        if not self._rows:
            raise InputError(f"The {self.name} has a header but no rows. Add one row per class.")

    def rows(self, columns: Mapping[str, int]) -> Iterator[tuple[int, dict[str, str]]]:
        """Line and cells by column of each row; tells of rows with more or fewer cells than the header."""
        width = len(self.header)
        for first, last, cells in self._rows:
            used = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
            if len(cells) < width or used > width:
                count = len(cells) if len(cells) < width else used
                self.tell(
                    first,
                    f"The row has {count} cells, the header {width}. {_advice(count, width, first, last)}",
                )
            yield first, {column: cells[at] if at < len(cells) else "" for column, at in columns.items()}

    def tell(self, line: int, mistake: str) -> None:
        """Note a mistake in the row of a line."""
        self._mistakes[line, mistake] = None

    def read(self, line: int, default: Value, reader: Callable[..., Value], *given: object) -> Value:
        """What ``reader`` makes of what is ``given``; its InputError is noted as a mistake of the line."""
        try:
            return reader(*given)
        except InputError as error:
            self.tell(line, str(error))
            return default

    def check(self) -> None:
        """Raise :class:`TableError` where mistakes were told."""
        if self._mistakes:
            ordered = sorted(self._mistakes, key=lambda entry: entry[0])
            raise TableError(self.name, [f"Line {line}: {mistake}" for line, mistake in ordered])


def read_weight(text: str, column: str) -> float:
    """A cell as a number of 0 or more; an empty one or a dash is 0. Raises InputError that names the column."""
    if text in _NOTHING:
        return 0.0
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"The column {column} says '{text}'. Write a number such as 0.3, or '-' for none.")
    if value < 0:
        raise InputError(f"The column {column} is negative ({text}). A weight is 0 or more.")
    return value


def read_code(text: str, column: str) -> int | None:
    """A cell as the code of a class in a raster; None where it is empty. Raises InputError that names the column."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value.is_integer() or value < 0:
        raise InputError(
            f"The column {column} says '{text}'. Write the whole number of the class in the map."
        )
    return int(value)


def _advice(count: int, width: int, first: int, last: int) -> str:
    if count < width and last > first:
        return f"It goes on to line {last}: look for a quote that is not closed."
    if count < width:
        return "Keep the separators of empty cells, one cell per column."
    return "Put cells that contain the separator in quotes, and write decimals with a point."


def _decode(file: Path, name: str) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"The {name} ({file}) cannot be read ({error.strerror or error}). Check the path."
        ) from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")  # what spreadsheets on Windows write
    if "\x00" in text:
        raise InputError(f"The {name} is not a text file. Save it as CSV (UTF-8).")
    return text


def _rows_of(text: str, name: str) -> list[tuple[int, int, list[str]]]:
    """First and last line and the cells of each row that is not empty, header first."""
    # All ends of lines become the same, so that lines are counted as editors count them.
    lines = io.StringIO(text, newline=None)
    header = lines.getvalue().lstrip().split("\n", 1)[0]
    delimiter = max((",", ";", "\t"), key=header.count)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    rows: list[tuple[int, int, list[str]]] = []
    before = 0
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                rows.append((before + 1, reader.line_num, cells))
            before = reader.line_num
    except csv.Error as error:
        raise InputError(f"Line {before + 1} of the {name} cannot be read: {error}.") from error
    return rows
