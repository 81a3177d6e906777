"""Tables of weights as files: which ship with SoundVis, and everything that is wrong with one of the user's own."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..classes import slug
from ..errors import InputError
from ..resources import table_path
from .audioset import load_sound_classes
from .crosswalks import crosswalk_path, load_crosswalk
from .weights import SCENES, load_weights, read_lines

#: What a table may be: classes with weights, a crosswalk from a published scheme, or classes of sound.
WEIGHTS, CROSSWALK, SOUNDS = "weights", "crosswalk", "sound classes"
KINDS = (WEIGHTS, CROSSWALK, SOUNDS)
#: The tables that ship with SoundVis, by id, and what each is.
TABLES: Mapping[str, str] = {
    "table-1": WEIGHTS,
    "audioset": SOUNDS,
    **dict.fromkeys(
        ("osm", "worldcover", "corine", "openearthmap", "loveda", "cityscapes-19", "cityscapes-34", "ade20k"),
        CROSSWALK,
    ),
}
#: Columns that only a crosswalk has, and those that only a table of sounds has.
_OF_CROSSWALKS, _OF_SOUNDS = {"scheme", "key", "paper_class"}, {"mid", "threshold", "group"}
#: After this many mistakes a table had better be made anew.
_MOST = 100
_MOST_BYTES = 10_000_000
_ROW = re.compile(r"\brows? (\d+)(?: and (\d+))?\b")


@dataclass(frozen=True)
class TableCheck:
    """What a table is (one of ``KINDS``), its rows below the header, and what is wrong with it, each naming its row."""

    kind: str
    rows: int
    problems: tuple[str, ...]


def shipped_table(name: str) -> Path:
    """The CSV of one of ``TABLES``. Raises :class:`InputError` for another name."""
    if name not in TABLES:
        raise InputError(f"There is no table '{name}'. Choose one of {', '.join(TABLES)}.")
    if name == "table-1":
        return table_path("bga_table1.csv")
    return table_path("audioset_bga.csv") if name == "audioset" else crosswalk_path(name)


def check_table(file: Path, kind: str = "") -> TableCheck:
    """Read a table as the tools would, and go on after each row that they would refuse.

    kind: one of ``KINDS``; "" tells by the columns. Raises :class:`InputError` where the file cannot be read at all.
    """
    if file.is_file() and file.stat().st_size > _MOST_BYTES:
        raise InputError(f"{file} is too large for a table of weights ({file.stat().st_size / 1e6:,.0f} MB).")
    lines = read_lines(file, file.name)
    header = {slug(title) for title in lines[0][1]}
    kind = kind or _kind_of(header)
    problems: list[str] = []
    problem = _first_problem(file, kind)
    if problem:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / file.name
            text = _text_of(file)
            spans = _spans(text)
            while problem and len(problems) < _MOST:
                problems.append(problem)
                # Of two rows that contradict each other the second one goes.
                row = _row_of(problem)
                if row not in spans:
                    break
                text = _without(text, *spans.pop(row))
                copy.write_bytes(text.encode("utf-8"))
                # What remains may be a header alone, which is no further mistake.
                problem = _first_problem(copy, kind) if len(read_lines(copy, copy.name)) > 1 else ""
    return TableCheck(kind, len(lines) - 1, tuple(sorted(problems, key=_row_of)))


def _kind_of(header: set[str]) -> str:
    if header & _OF_CROSSWALKS:
        return CROSSWALK
    return SOUNDS if header & _OF_SOUNDS else WEIGHTS


def _first_problem(file: Path, kind: str) -> str:
    """What the loader of a table says against it; empty where it says nothing."""
    try:
        if kind == CROSSWALK:
            load_crosswalk(str(file))
        elif kind == SOUNDS:
            load_sound_classes(str(file))
        else:
            for scene in _scenes(file):
                load_weights(str(file), scene)
    except InputError as error:
        return str(error)
    return ""


def _scenes(file: Path) -> list[str]:
    """The scenes that a table of weights is about; all where it does not say."""
    lines = read_lines(file, file.name)
    titles = [slug(title) for title in lines[0][1]]
    if "scene" not in titles:
        return list(SCENES)
    at = titles.index("scene")
    named = {cells[at].lower() for _, cells in lines[1:] if at < len(cells)}
    return [scene for scene in SCENES if scene in named] or list(SCENES)


def _row_of(problem: str) -> int:
    """The row that a message names, the last one of several; 0 where it names none."""
    named = [int(second or first) for first, second in _ROW.findall(problem)]
    return named[-1] if named else 0


def _text_of(file: Path) -> str:
    data = file.read_bytes()
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _spans(text: str) -> dict[int, tuple[int, int]]:
    """First and last line of each row, by the number under which it is known: that of its last line."""
    header = text.lstrip().split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text), delimiter=max((",", ";", "\t"), key=header.count), skipinitialspace=True
    )
    spans, before = {}, 0
    try:
        for _ in reader:
            spans[reader.line_num] = (before + 1, reader.line_num)
            before = reader.line_num
    except csv.Error:
        return spans
    return spans


def _without(text: str, first: int, last: int) -> str:
    """The text with empty lines in place of some, so that the others keep their numbers."""
    lines = text.split("\n")
    lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(lines)
