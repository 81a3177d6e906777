"""Weights of land cover classes: how much biophony, geophony and anthrophony each class suggests.

The default is Table 1 of the paper (aerial and street view classes), shipped as an editable CSV. A user's
own CSV needs the columns ``class``, ``biophony``, ``geophony`` and ``anthrophony`` only.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..classes import slug
from ..errors import InputError
from ..resources import table_path

#: Order of every weight vector and composition in SoundVis.
CATEGORIES = ("biophony", "geophony", "anthrophony")
SCENES = ("aerial", "street")

#: What else the columns are called in tables people have. "Anthropophony" is the older spelling.
_HEADERS = {
    "class": ("class", "class_name", "name"),
    "biophony": ("biophony", "bio"),
    "geophony": ("geophony", "geo"),
    "anthrophony": ("anthrophony", "anthropophony", "anthro", "ant"),
    "scene": ("scene",),
    "code": ("code", "value"),
    "source": ("source",),
    "note": ("note", "notes"),
    "aliases": ("aliases", "alias", "synonyms"),
}
#: How tables write "no contribution"; the paper's Table 1 uses the en dash.
_NOTHING = ("", "-", "\u2013", "\u2014", "\u2212")


@dataclass(frozen=True)
class ClassWeights:
    """One class of a weight table; ``weights`` is None where the table says it is not mapped.

    line: where the row stands in its CSV; 0 where it comes from elsewhere.
    """

    name: str
    weights: tuple[float, float, float] | None
    scene: str = ""
    source: str = ""
    note: str = ""
    aliases: tuple[str, ...] = ()
    code: int | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class WeightTable:
    """Classes with their weights, found by the slug of a class name, by alias, or by raster code."""

    name: str
    rows: tuple[ClassWeights, ...]
    _by_slug: Mapping[str, ClassWeights] = field(init=False, repr=False, compare=False)
    _by_code: Mapping[int, ClassWeights] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_slug", _index_names(self.name, self.rows))
        object.__setattr__(self, "_by_code", {row.code: row for row in self.rows if row.code is not None})

    def weights(self, class_name: str) -> np.ndarray | None:
        """Weights of a class: (3,) float64 in the order of ``CATEGORIES``; None where it is not mapped.

        Case, blanks and punctuation do not matter ("Forest/Vegetation" = "forest_vegetation"). A class name
        of the table goes before an alias.
        """
        return _vector(self.row(class_name))

    def row(self, class_name: str) -> ClassWeights | None:
        """The row of a class, found as :meth:`weights` finds it; None where the table does not know the class."""
        return self._by_slug.get(slug(class_name))

    def weights_for_code(self, code: int) -> np.ndarray | None:
        """Weights of a raster value, only where the table has a ``code`` column; else None."""
        return _vector(self._by_code.get(int(code)))

    @property
    def has_codes(self) -> bool:
        """Whether the table maps raster values directly."""
        return bool(self._by_code)


def load_weights(path: str | None = None, scene: str = "aerial") -> WeightTable:
    """Read a weight table.

    path: a CSV; None means Table 1 of the paper (Bio, Geo, Anthro per class) for ``scene``.
    scene: ``aerial`` or ``street``. Where the CSV has a ``scene`` column, its rows for this scene and
        those with an empty scene are used; where it has none, all rows are.

    Comma, semicolon or tab between columns, a byte order mark and decimal commas are understood. An empty
    cell or a dash is 0. Weights must be finite and not negative. They may exceed 1, because the normalised
    composition does not change when all weights of a table are multiplied by the same number. Aliases are
    separated by ``;`` or ``|``. A row whose ``source`` is ``unmapped`` names a class that stays unmapped.

    Raises :class:`InputError` that names the row and column that cannot be used.
    """
    if scene not in SCENES:
        raise InputError(f"The scene of a weight table is 'aerial' or 'street', not '{scene}'.")
    if path is None:
        file, name = table_path("bga_table1.csv"), f"Table 1 ({scene})"
    else:
        file, name = Path(path), Path(path).name
    records = _read_records(file, name)
    rows = [row for row in records if row.scene in ("", scene)]
    if not rows:
        raise InputError(
            f"The weight table {name} has no rows for the scene '{scene}'. "
            "Add some, or leave the scene column empty."
        )
    _check_duplicates(name, rows)
    return WeightTable(name, tuple(rows))


def _read_records(file: Path, name: str) -> list[ClassWeights]:
    """All rows of the CSV as classes, whatever their scene."""
    lines = read_lines(file, name)
    columns = _columns(lines[0][1], name)
    width = len(lines[0][1])
    records = [
        replace(_record(cells, columns, width, f"row {number} of the weight table {name}"), line=number)
        for number, cells in lines[1:]
    ]
    if not records:
        raise InputError(f"The weight table {name} has a header but no rows. Add one row per class.")
    return records


def read_lines(file: Path, name: str) -> list[tuple[int, list[str]]]:
    """Cells of the rows of a table that are not empty, with their line numbers, header first: at least one row.

    Raises InputError where the file cannot be read, is no text, or is empty.
    """
    lines = list(_rows_of(_decode(file, name), name))
    if not lines:
        raise InputError(
            f"The weight table {name} is empty. It needs the columns class, {', '.join(CATEGORIES)}."
        )
    return lines


def _decode(file: Path, name: str) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"The weight table {file} cannot be read ({error.strerror or error}). Check the path."
        ) from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")  # what spreadsheets on Windows write
    if "\x00" in text:
        raise InputError(f"The weight table {name} is not a text file. Save it as CSV (UTF-8).")
    return text


def _rows_of(text: str, name: str) -> list[tuple[int, list[str]]]:
    """Non-empty rows with their line numbers, header first."""
    header = text.lstrip().split("\n", 1)[0]
    delimiter = max((",", ";", "\t"), key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    try:
        return [
            (reader.line_num, [cell.strip() for cell in cells])
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        raise InputError(
            f"Row {reader.line_num} of the weight table {name} cannot be read: {error}."
        ) from error


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    """Position of every known column."""
    titles = [slug(title) for title in header]
    columns: dict[str, int] = {}
    for column, accepted in _HEADERS.items():
        places = [titles.index(title) for title in accepted if title in titles]
        if places:
            columns[column] = places[0]
    missing = [column for column in ("class", *CATEGORIES) if column not in columns]
    if missing:
        raise InputError(
            f"The weight table {name} has no column {', '.join(missing)}; "
            f"its columns are {', '.join(header)}. "
            "Name the columns in the first row and separate them by commas or semicolons."
        )
    return columns


def _record(cells: Sequence[str], columns: Mapping[str, int], width: int, where: str) -> ClassWeights:
    def cell(column: str) -> str:
        place = columns.get(column)
        return cells[place] if place is not None and place < len(cells) else ""

    if any(cells[width:]):
        # An unquoted decimal comma in a comma-separated table shifts the cells: wrong numbers, silently.
        raise InputError(
            f"There are more cells than columns in {where}. Put cells that contain the separator in quotes, "
            "and write decimals with a point."
        )
    if not slug(cell("class")):
        raise InputError(f"The column class is empty in {where}. Give the class a name or delete the row.")
    scene = cell("scene").lower()
    if scene not in ("", *SCENES):
        raise InputError(
            f"The column scene says '{cell('scene')}' in {where}. Write aerial or street, or leave it empty."
        )
    bio, geo, ant = (read_weight(cell(category), category, where) for category in CATEGORIES)
    aliases = tuple(alias.strip() for alias in cell("aliases").replace("|", ";").split(";") if slug(alias))
    mapped = cell("source").lower() != "unmapped"
    return ClassWeights(
        name=cell("class"),
        weights=(bio, geo, ant) if mapped else None,
        scene=scene,
        source=cell("source"),
        note=cell("note"),
        aliases=aliases,
        code=_code(cell("code"), where),
    )


def read_weight(text: str, column: str, where: str) -> float:
    """A cell as a number of 0 or more; an empty one or a dash is 0. Raises InputError that names the cell."""
    if text in _NOTHING:
        return 0.0
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"The column {column} says '{text}' in {where}. Write a number such as 0.3, or '-' for none."
        )
    if value < 0:
        raise InputError(f"The column {column} is negative ({text}) in {where}. A weight is 0 or more.")
    return value


def _code(text: str, where: str) -> int | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value.is_integer() or value < 0:
        raise InputError(
            f"The column code says '{text}' in {where}. Write the whole number of the class in the raster."
        )
    return int(value)


def _check_duplicates(name: str, rows: Sequence[ClassWeights]) -> None:
    names: dict[str, ClassWeights] = {}
    codes: dict[int, ClassWeights] = {}
    for row in rows:
        other = names.setdefault(slug(row.name), row)
        if other is not row:
            raise InputError(
                f"The class '{row.name}' is in the weight table {name} twice, in rows {other.line} and {row.line}. "
                "Keep one of the rows."
            )
        if row.code is None:
            continue
        other = codes.setdefault(row.code, row)
        if other is not row:
            raise InputError(
                f"The code {row.code} stands for '{other.name}' and for '{row.name}' in rows {other.line} and "
                f"{row.line} of the weight table {name}. Give each class its own code."
            )


def _index_names(table: str, rows: Sequence[ClassWeights]) -> dict[str, ClassWeights]:
    """Rows by slug: class names first, then aliases that are no class name."""
    index = {slug(row.name): row for row in rows}
    aliases: dict[str, ClassWeights] = {}
    for row in rows:
        for key in map(slug, row.aliases):
            if key in index:
                continue
            other = aliases.setdefault(key, row)
            if other is not row:
                raise InputError(
                    f"The alias '{key}' belongs to '{other.name}' and to '{row.name}' in rows {other.line} and "
                    f"{row.line} of the weight table {table}. Keep it in one of the rows."
                )
    return {**aliases, **index}


def _vector(row: ClassWeights | None) -> np.ndarray | None:
    if row is None or row.weights is None:
        return None
    return np.array(row.weights, dtype=np.float64)
