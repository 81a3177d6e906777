"""Tables of weights as files: which ship with SoundVis, and everything that is wrong with one of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from ..classes import slug
from ..errors import InputError
from ..resources import table_path
from .audioset import load_sound_classes
from .crosswalk_rows import read_rows
from .crosswalks import crosswalk_path
from .csv_table import CsvTable, TableError
from .weights import read_weight_rows

#: What a table may be: classes with weights, a crosswalk from a published scheme, or classes of sound.
WEIGHTS, CROSSWALK, SOUNDS = "weights", "crosswalk", "sound classes"
KINDS = (WEIGHTS, CROSSWALK, SOUNDS)
BOTH = "weights and crosswalk"
#: The tables that ship with SoundVis, by id, and what each is.
TABLES: Mapping[str, str] = {
    "table-1": WEIGHTS,
    "audioset": SOUNDS,
    **dict.fromkeys(
        ("osm", "worldcover", "corine", "openearthmap", "loveda", "cityscapes-19", "cityscapes-34", "ade20k"),
        CROSSWALK,
    ),
}
#: Columns that only a crosswalk has, those that only a table of sounds has, and those that only weights have.
_OF_CROSSWALKS, _OF_SOUNDS = {"scheme", "key", "paper_class"}, {"mid", "threshold", "group"}
_OF_WEIGHTS = {"scene", "alias", "aliases", "synonyms"}
_MOST_BYTES = 10_000_000


@dataclass(frozen=True)
class TableCheck:
    """What a table without mistakes is, and how many rows it has below the header.

    kind: one of ``KINDS``; ``BOTH`` where weights and crosswalk have the same columns and none was asked for.
    not_crosswalk: why such a table of weights is no crosswalk, by line; empty where it is one as well.
    """

    kind: str
    rows: int
    not_crosswalk: tuple[str, ...] = ()


def shipped_table(name: str) -> Path:
    """The CSV of one of ``TABLES``. Raises :class:`InputError` for another name."""
    if name not in TABLES:
        raise InputError(f"There is no table '{name}'. Choose one of {', '.join(TABLES)}.")
    if name == "table-1":
        return table_path("bga_table1.csv")
    return table_path("audioset_bga.csv") if name == "audioset" else crosswalk_path(name)


def check_table(file: Path, kind: str = "") -> TableCheck:
    """Read a table as the tools do.

    kind: one of ``KINDS``; "" tells by the columns, and checks as both what may be weights or a crosswalk. Raises
    :class:`.csv_table.TableError` with all that is wrong with its rows (as weights and as a crosswalk, where it may be
    both and is no table of weights), :class:`InputError` where it cannot be read at
    all.
    """
    if file.is_file() and file.stat().st_size > _MOST_BYTES:
        raise InputError(f"{file} is too large for a table of weights ({file.stat().st_size / 1e6:,.0f} MB).")
    table = CsvTable(file, kind or "table")
    header = {slug(title) for title in table.header}
    if not kind and _kind_of(header) == WEIGHTS and not header & _OF_WEIGHTS:
        as_weights, as_crosswalk = _mistakes(read_weight_rows, file), _mistakes(read_rows, file, own=True)
        if as_weights:
            # A line that is wrong either way is told once.
            told = set(map(_line_of, as_weights))
            further = [
                f"{problem} (As a crosswalk.)" for problem in as_crosswalk if _line_of(problem) not in told
            ]
            raise TableError(f"weight {table.name}", sorted((*as_weights, *further), key=_line_of))
        return TableCheck(WEIGHTS if as_crosswalk else BOTH, len(table), as_crosswalk)
    kind = kind or _kind_of(header)
    if kind == CROSSWALK:
        read_rows(file, own=True)
    elif kind == SOUNDS:
        load_sound_classes(str(file))
    else:
        read_weight_rows(file)
    return TableCheck(kind, len(table))


def _mistakes(read: Callable[..., object], file: Path, **how: bool) -> tuple[str, ...]:
    """All that is wrong with the rows of a table where it is read so."""
    try:
        read(file, **how)
    except TableError as error:
        return error.problems
    return ()


def _line_of(problem: str) -> int:
    return int(problem.partition(":")[0].rpartition(" ")[2])


def _kind_of(header: set[str]) -> str:
    if header & _OF_CROSSWALKS:
        return CROSSWALK
    return SOUNDS if header & _OF_SOUNDS else WEIGHTS
