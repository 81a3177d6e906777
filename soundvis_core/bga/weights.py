"""Weights of land cover classes: how much biophony, geophony and anthrophony each class suggests.

The default is Table 1 of the paper (aerial and street view classes), shipped as an editable CSV. A user's
own CSV needs the columns ``class``, ``biophony``, ``geophony`` and ``anthrophony`` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..classes import slug
from ..errors import InputError
from ..resources import table_path
from .csv_table import CsvTable, read_code, read_weight

#: Order of every weight vector and composition in SoundVis.
CATEGORIES = ("biophony", "geophony", "anthrophony")
SCENES = ("aerial", "street")
#: Who says what a class is worth, and the word in their place for a class that stays unmapped.
SOURCES, UNMAPPED = ("paper", "extension", "user"), "unmapped"
#: What is told of a row that is both.
WEIGHTS_OF_UNMAPPED = (
    "The source is unmapped, but there are weights. Empty their cells, or write user as the source."
)

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
    """Classes with their weights, found by the slug of a class name or by alias."""

    name: str
    rows: tuple[ClassWeights, ...]
    _by_slug: Mapping[str, ClassWeights] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_slug", _index_names(self.rows))

    def weights(self, class_name: str) -> np.ndarray | None:
        """Weights of a class: (3,) float64 in the order of ``CATEGORIES``; None where it is not mapped.

        Case, blanks and punctuation do not matter ("Forest/Vegetation" = "forest_vegetation"). A class name
        of the table goes before an alias.
        """
        return _vector(self.row(class_name))

    def row(self, class_name: str) -> ClassWeights | None:
        """The row of a class, found as :meth:`weights` finds it; None where the table does not know the class."""
        return self._by_slug.get(slug(class_name))

    @property
    def names_by_code(self) -> dict[int, str]:
        """The class of each raster value; empty where the table has no ``code`` column."""
        return {row.code: row.name for row in self.rows if row.code is not None}


def load_weights(path: str | None = None, scene: str = "aerial") -> WeightTable:
    """Read a weight table.

    path: a CSV; None means Table 1 of the paper (Bio, Geo, Anthro per class) for ``scene``.
    scene: ``aerial`` or ``street``. Where the CSV has a ``scene`` column, its rows for this scene and
        those with an empty scene are used; where it has none, all rows are.

    Comma, semicolon or tab between columns, a byte order mark and decimal commas are understood. An empty
    cell or a dash is 0. Weights must be finite and not negative. They may exceed 1, because the normalised
    composition does not change when all weights of a table are multiplied by the same number. Aliases are
    separated by ``;`` or ``|``. A row whose ``source`` is ``unmapped`` names a class that stays unmapped.

    Raises :class:`InputError` that names every line and column that cannot be used.
    """
    if scene not in SCENES:
        raise InputError(f"The scene of a weight table is 'aerial' or 'street', not '{scene}'.")
    if path is None:
        file, name = table_path("bga_table1.csv"), f"Table 1 ({scene})"
    else:
        file, name = Path(path), Path(path).name
    rows = [row for row in read_weight_rows(file) if row.scene in ("", scene)]
    if not rows:
        raise InputError(
            f"The weight table {name} has no rows for the scene '{scene}'. "
            "Add some, or leave the scene column empty."
        )
    return WeightTable(name, tuple(rows))


def read_weight_rows(file: Path) -> list[ClassWeights]:
    """All rows of a weight table, whatever their scene. Raises InputError as :func:`load_weights` does."""
    table = CsvTable(file, "weight table")
    columns = table.columns(_HEADERS)
    table.refuse_without([column for column in ("class", *CATEGORIES) if column not in columns])
    rows = [_record(table, line, cells) for line, cells in table.rows(columns)]
    for scene in SCENES:
        _check_unique(table, [row for row in rows if row.scene in ("", scene)])
    table.check()
    return rows


def _record(table: CsvTable, line: int, cells: Mapping[str, str]) -> ClassWeights:
    """A row as a class; what is wrong with it is told to the table."""
    name, scene = cells["class"], cells.get("scene", "").lower()
    if not slug(name):
        table.tell(line, "The column class is empty. Give the class a name or delete the row.")
    if scene not in ("", *SCENES):
        table.tell(
            line, f"The column scene says '{cells['scene']}'. Write aerial or street, or leave it empty."
        )
    bio, geo, ant = (table.read(line, 0.0, read_weight, cells[category], category) for category in CATEGORIES)
    aliases = cells.get("aliases", "").replace("|", ";").split(";")
    source = read_source(table, line, cells)
    if source == UNMAPPED and any((bio, geo, ant)):
        table.tell(line, WEIGHTS_OF_UNMAPPED)
    return ClassWeights(
        name=name,
        weights=None if source == UNMAPPED else (bio, geo, ant),
        scene=scene,
        source=source,
        note=cells.get("note", ""),
        aliases=tuple(alias.strip() for alias in aliases if slug(alias)),
        code=table.read(line, None, read_code, cells.get("code", ""), "code"),
        line=line,
    )


def read_source(table: CsvTable, line: int, cells: Mapping[str, str]) -> str:
    """The source of a row in small letters, "" for none; what is no source is told to the table."""
    said = cells.get("source", "").lower()
    if said not in ("", UNMAPPED, *SOURCES):
        table.tell(
            line, f"The column source says '{cells['source']}'. Write {', '.join(SOURCES)} or {UNMAPPED}."
        )
    return said


def _check_unique(table: CsvTable, rows: Sequence[ClassWeights]) -> None:
    """Tell of classes, codes and aliases that several rows of a scene have."""
    names: dict[str, ClassWeights] = {}
    codes: dict[int, ClassWeights] = {}
    for row in rows:
        other = names.setdefault(slug(row.name), row)
        if other is not row and slug(row.name):
            table.tell(
                row.line, f"The class '{row.name}' is also in line {other.line}. Keep one of the two rows."
            )
        if row.code is None:
            continue
        other = codes.setdefault(row.code, row)
        if other is not row:
            table.tell(
                row.line,
                f"The code {row.code} stands for '{row.name}', and for '{other.name}' in line {other.line}. Give each "
                "class its own code.",
            )
    aliases: dict[str, ClassWeights] = {}
    for row in rows:
        for alias in map(slug, row.aliases):
            other = aliases.setdefault(alias, row)
            if other is not row and alias not in names:
                table.tell(
                    row.line,
                    f"The alias '{alias}' belongs to '{row.name}', and to '{other.name}' in line {other.line}. Keep it "
                    "in one of the two rows.",
                )


def _index_names(rows: Sequence[ClassWeights]) -> dict[str, ClassWeights]:
    """Rows by slug: by alias, unless a class is called so."""
    aliases = {slug(alias): row for row in rows for alias in row.aliases}
    return {**aliases, **{slug(row.name): row for row in rows}}


def _vector(row: ClassWeights | None) -> np.ndarray | None:
    if row is None or row.weights is None:
        return None
    return np.array(row.weights, dtype=np.float64)
