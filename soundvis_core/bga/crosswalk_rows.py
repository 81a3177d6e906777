"""The rows of a crosswalk as its CSV has them, checked: errors name the line and column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ..classes import slug
from .csv_table import CsvTable, read_code, read_weight
from .weights import CATEGORIES, UNMAPPED, WEIGHTS_OF_UNMAPPED, WeightTable, load_weights, read_source

TABLE_1 = "table-1"
#: A key under which ``value`` is a second code of the class, not the value of a tag (rasters of CORINE).
_CODE_KEY = "grid_code"
#: Schemes of street photos; their classes of the paper are those of its street table.
STREET = ("cityscapes", "ade20k")
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


def read_rows(file: Path, own: bool = False) -> list[CrosswalkRow]:
    """The rows of a crosswalk; ``own``: a user's, whose rows without a source are theirs.

    Raises InputError for a file that cannot be read, a column that is missing, and all rows that cannot be used.
    """
    table = CsvTable(file, "crosswalk")
    columns = table.columns(_HEADERS)
    missing = [] if "class" in columns or {"key", "value"} <= columns.keys() else ["class (or key and value)"]
    if "paper_class" not in columns:
        missing += [column for column in CATEGORIES if column not in columns]
    table.refuse_without(missing)
    rows = [(line, _row(table, line, cells, own)) for line, cells in table.rows(columns)]
    _check_unique(table, rows)
    _check_categories(table, rows)
    table.check()
    return [row for _, row in rows]


def _row(table: CsvTable, line: int, cells: Mapping[str, str], own: bool) -> CrosswalkRow:
    """A row as a class; what is wrong with it is told to the table."""
    key, value = cells.get("key", "").lower(), cells.get("value", "").lower()
    name = cells.get("class", "") or (f"{key}={value}" if key and value else "")
    if not slug(name):
        table.tell(line, "The column class is empty. Give the class a name or delete the row.")
    if bool(key) != bool(value):
        table.tell(line, "Only one of the columns key and value is filled. Fill both or none.")
    codes = [table.read(line, None, read_code, cells.get("code", ""), "code")]
    if key == _CODE_KEY:
        codes.append(table.read(line, None, read_code, value, "value"))
    scheme = cells.get("scheme", "").lower()
    weights, paper_class, source = _judge(table, line, cells, scheme, own)
    return CrosswalkRow(
        name,
        weights,
        source,
        paper_class,
        tuple(code for code in codes if code is not None),
        key,
        value,
        scheme,
        cells.get("note", ""),
    )


def _judge(
    table: CsvTable, line: int, cells: Mapping[str, str], scheme: str, own: bool
) -> tuple[tuple[float, float, float] | None, str, str]:
    """Weights, class of the paper and source of a row."""
    said = read_source(table, line, cells)
    bio, geo, ant = (
        table.read(line, 0.0, read_weight, cells.get(category, ""), category) for category in CATEGORIES
    )
    weights = (bio, geo, ant)
    if said == UNMAPPED:
        if any(weights):
            table.tell(line, WEIGHTS_OF_UNMAPPED)
        elif cells.get("paper_class"):
            table.tell(
                line,
                "The source is unmapped, but there is a paper_class. Empty its cell, or write paper as the source.",
            )
        return None, "", UNMAPPED
    given = any(cells.get(category) for category in CATEGORIES)
    title = cells.get("paper_class", "")
    if not title:
        if not given:
            table.tell(
                line,
                "There is neither a weight nor a paper_class. Fill one of them, or write unmapped as the source.",
            )
        elif said == "paper":
            table.tell(
                line,
                "The source is 'paper', but there is no paper_class. Name it, or write user as the source.",
            )
        return weights, "", said or ("user" if own else "extension")
    paper = _table_1("street" if scheme.startswith(STREET) else "aerial")
    entry = paper.row(title)
    if entry is None or entry.weights is None:
        names = ", ".join(row.name for row in paper.rows)
        table.tell(line, f"The column paper_class says '{title}'; {paper.name} has {names}.")
        return weights, "", said or "user"
    if not given or weights == entry.weights:
        return entry.weights, entry.name, "paper"
    if said == "paper":
        shown = ", ".join(f"{weight:g}" for weight in entry.weights)
        table.tell(
            line,
            f"The source is 'paper', but the weights of '{entry.name}' in {paper.name} are {shown}. Correct the "
            "weights, or write user as the source.",
        )
    return weights, "", said or "user"


@cache
def _table_1(scene: str) -> WeightTable:
    return load_weights(None, scene)


def _check_unique(table: CsvTable, rows: Sequence[tuple[int, CrosswalkRow]]) -> None:
    """Tell of names, codes and tags that several rows have."""
    seen: dict[tuple[str, str], int] = {}
    for line, row in rows:
        marks = [("code", str(code)) for code in row.codes]
        if slug(row.name):
            marks.append(("class", slug(row.name)))
        if row.key and row.value and not row.is_code_key:
            marks.append(("tag", f"{row.key}={row.value}"))
        for kind, mark in marks:
            before = seen.setdefault((kind, mark), line)
            if before != line:
                shown = row.name if kind == "class" else mark
                table.tell(
                    line, f"The {kind} '{shown}' is also in line {before}. Keep it in one of the two rows."
                )


def _check_categories(table: CsvTable, rows: Sequence[tuple[int, CrosswalkRow]]) -> None:
    """Tell of a class that is called like a class of the paper that others are, and has other weights."""
    paper = {slug(row.paper_class): row for _, row in rows if row.source == "paper" and row.paper_class}
    for line, row in rows:
        other = paper.get(slug(row.name))
        if other is not None and row.source != "paper" and row.weights != other.weights:
            table.tell(
                line,
                f"The class '{row.name}' has weights of its own, but '{other.name}' counts as the paper's class of "
                f"that name. Rename '{row.name}', or give both the same weights.",
            )
