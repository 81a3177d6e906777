"""The rows of a crosswalk as its CSV has them, checked: errors name the row and column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..classes import slug
from ..errors import InputError
from .weights import CATEGORIES, WeightTable, load_weights, read_lines, read_weight

TABLE_1 = "table-1"
#: Who says what a class is worth.
SOURCES = ("paper", "extension", "user")
UNMAPPED = "unmapped"
#: A key under which ``value`` is a second code of the class, not the value of a tag (rasters of CORINE).
_CODE_KEY = "grid_code"
#: Schemes of street photos; their classes of the paper are those of its street table.
_STREET = ("cityscapes", "ade20k")
_HEADERS = {
    "scheme": ("scheme",),
    "code": ("code",),
    "class": ("class", "class_name", "name"),
    "key": ("key",),
    "value": ("value",),
    "biophony": ("biophony", "bio"),
    "geophony": ("geophony", "geo"),
    "anthrophony": ("anthrophony", "anthropophony", "anthro", "ant"),
    "paper_class": ("paper_class",),
    "source": ("source",),
    "note": ("note", "notes"),
}


@dataclass(frozen=True)
class CrosswalkRow:
    """One class: its weights (None: unmapped), whose judgement they are, and how a map names it.

    codes: raster values. key, value: a tag; value ``*`` stands for any. paper_class: empty where Table 1 of the
    paper has no such class.
    """

    name: str
    weights: tuple[float, float, float] | None
    source: str
    paper_class: str = ""
    codes: tuple[int, ...] = ()
    key: str = ""
    value: str = ""
    scheme: str = ""
    note: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def is_code_key(self) -> bool:
        """Whether key and value are another code, not a tag."""
        return self.key == _CODE_KEY

    def from_user(self) -> CrosswalkRow:
        """The same row as the user's own judgement."""
        return replace(self, source="user")


def read_rows(file: Path, name: str, own: bool = False) -> list[CrosswalkRow]:
    """The rows of a crosswalk; ``own``: a user's, whose rows without a source are theirs.

    Raises InputError for a file that cannot be read, a column that is missing, and a row that cannot be used.
    """
    lines = read_lines(file, name)
    header = lines[0][1]
    columns = _columns(header, name)
    rows: list[CrosswalkRow] = []
    seen: dict[tuple[str, str], int] = {}
    for number, cells in lines[1:]:
        where = f"row {number} of the crosswalk {name}"
        if any(cells[len(header) :]):
            raise InputError(
                f"There are more cells than columns in {where}. Put cells that contain the separator in quotes, and "
                "write decimals with a point."
            )
        row = _row({column: cells[at] for column, at in columns.items() if at < len(cells)}, where, own)
        _check_unique(row, number, seen, name)
        rows.append(row)
    if not rows:
        raise InputError(f"The crosswalk {name} has a header but no rows. Add one row per class.")
    _check_categories(rows, name)
    return rows


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    titles = [slug(title) for title in header]
    columns = {
        column: next(titles.index(title) for title in accepted if title in titles)
        for column, accepted in _HEADERS.items()
        if any(title in titles for title in accepted)
    }
    missing = []
    if "class" not in columns and not {"key", "value"} <= columns.keys():
        missing.append("class (or key and value)")
    if "paper_class" not in columns:
        missing += [column for column in CATEGORIES if column not in columns]
    if missing:
        raise InputError(
            f"The crosswalk {name} has no column {', '.join(missing)}; its columns are {', '.join(header)}. "
            "Name the columns in the first row and separate them by commas or semicolons."
        )
    return columns


def _row(cells: Mapping[str, str], where: str, own: bool) -> CrosswalkRow:
    key, value = cells.get("key", "").lower(), cells.get("value", "").lower()
    name = cells.get("class", "") or (f"{key}={value}" if key and value else "")
    if not slug(name):
        raise InputError(f"The column class is empty in {where}. Give the class a name or delete the row.")
    if bool(key) != bool(value):
        raise InputError(f"Only one of the columns key and value is filled in {where}. Fill both or none.")
    codes = [_code(cells["code"], "code", where)] if cells.get("code") else []
    if key == _CODE_KEY:
        codes.append(_code(value, "value", where))
    scheme = cells.get("scheme", "").lower()
    weights, paper_class, source = _judge(cells, scheme, where, own)
    return CrosswalkRow(
        name, weights, source, paper_class, tuple(codes), key, value, scheme, cells.get("note", "")
    )


def _judge(
    cells: Mapping[str, str], scheme: str, where: str, own: bool
) -> tuple[tuple[float, float, float] | None, str, str]:
    """Weights, class of the paper and source of a row."""
    said = cells.get("source", "").lower()
    if said not in ("", UNMAPPED, *SOURCES):
        raise InputError(
            f"The column source says '{cells['source']}' in {where}. Write {', '.join(SOURCES)} or {UNMAPPED}."
        )
    if said == UNMAPPED:
        return None, "", UNMAPPED
    bio, geo, ant = (read_weight(cells.get(category, ""), category, where) for category in CATEGORIES)
    weights = (bio, geo, ant)
    given = any(cells.get(category) for category in CATEGORIES)
    title = cells.get("paper_class", "")
    if not title:
        if said == "paper" or not given:
            raise InputError(
                f"There is neither a weight nor a paper_class in {where}. Fill one of them, or write unmapped as the "
                "source."
                if not given
                else f"The source is 'paper' in {where}, but there is no paper_class. Name it, or write user."
            )
        return weights, "", said or ("user" if own else "extension")
    table = _table_1(scheme)
    entry = table.row(title)
    if entry is None or entry.weights is None:
        names = ", ".join(row.name for row in table.rows)
        raise InputError(f"The column paper_class says '{title}' in {where}; {table.name} has {names}.")
    if not given or weights == entry.weights:
        return entry.weights, entry.name, "paper"
    if said == "paper":
        shown = ", ".join(f"{weight:g}" for weight in entry.weights)
        raise InputError(
            f"The source is 'paper' in {where}, but the weights of '{entry.name}' in {table.name} are {shown}. "
            "Correct the weights, or write user as the source."
        )
    return weights, "", said or "user"


def _table_1(scheme: str) -> WeightTable:
    return load_weights(None, "street" if scheme.startswith(_STREET) else "aerial")


def _code(text: str, column: str, where: str) -> int:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value.is_integer() or value < 0:
        raise InputError(
            f"The column {column} says '{text}' in {where}. Write the whole number of the class in the map."
        )
    return int(value)


def _check_unique(row: CrosswalkRow, number: int, seen: dict[tuple[str, str], int], name: str) -> None:
    """Raise where a name, code or tag of ``row`` was ``seen`` in a row before."""
    marks = [("class", slug(row.name)), *(("code", str(code)) for code in row.codes)]
    if row.key and not row.is_code_key:
        marks.append(("tag", f"{row.key}={row.value}"))
    for kind, mark in marks:
        before = seen.setdefault((kind, mark), number)
        if before != number:
            shown = row.name if kind == "class" else mark
            raise InputError(
                f"The {kind} '{shown}' stands in rows {before} and {number} of the crosswalk {name}. "
                "Keep it in one of them."
            )


def _check_categories(rows: Sequence[CrosswalkRow], name: str) -> None:
    """Raise where a class is called like a class of the paper that others are, and has other weights."""
    paper = {slug(row.paper_class): row for row in rows if row.source == "paper"}
    for row in rows:
        other = paper.get(slug(row.name))
        if other is not None and row.source != "paper" and row.weights != other.weights:
            raise InputError(
                f"The class '{row.name}' of the crosswalk {name} has weights of its own, but '{other.name}' counts as "
                f"the paper's class of that name. Rename '{row.name}', or give both the same weights."
            )
