"""Crosswalks: what the classes of a land cover map are worth in biophony, geophony and anthrophony.

A crosswalk is a CSV with a row per class of a published scheme (or of a map of the user's own): the class by code,
name, or key and value (OpenStreetMap), and either the class of Table 1 of the paper that it is, whose weights it
takes, or weights of its own. Its ``source`` tells which: ``paper``, ``extension`` (SoundVis' judgement), ``user``, or
``unmapped`` for classes that tell nothing of the soundscape. What a map holds beyond its crosswalk is unknown, and is
named, never guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from ..classes import load_classes, slug
from ..errors import InputError
from ..resources import table_path
from .crosswalk_rows import STREET, TABLE_1, CrosswalkRow, read_rows
from .weights import SOURCES, ClassWeights, WeightTable, load_weights

#: The crosswalks that ship with SoundVis, by id; ``table-1`` is made of the paper's table itself.
PRESETS: Mapping[str, str] = {
    TABLE_1: "Classes of the paper (Table 1, aerial)",
    "osm": "OpenStreetMap tags",
    "worldcover": "ESA WorldCover 2020 and 2021",
    "corine": "CORINE land cover, level 3",
    "openearthmap": "OpenEarthMap",
    "loveda": "LoveDA",
    "cityscapes-19": "Cityscapes, 19 classes (train ids)",
    "cityscapes-34": "Cityscapes, 34 classes (ids)",
    "ade20k": "ADE20K, 150 classes",
}
#: Those of maps; the others are of street photos.
GROUND = tuple(preset for preset in PRESETS if not preset.startswith(STREET))
#: Those whose classes have codes in rasters.
CODED = tuple(preset for preset in GROUND if preset != "osm")
#: A scheme with more classes than this has share fields by class of the paper, not one per class.
MANY_CLASSES = 60
_TOGETHER = {"extension": "Extension classes", "user": "Classes of your own"}
#: Keys of OpenStreetMap whose lines are ground of their own.
LINE_KEYS = ("highway", "railway", "aeroway", "waterway")


@dataclass(frozen=True)
class Crosswalk:
    """The rows of a crosswalk, found by raster code, by name, or by tags.

    Keys count in the order in which they first stand in the table: where a feature has several, the first key whose
    value the table knows decides.
    """

    name: str
    rows: tuple[CrosswalkRow, ...]
    _by_code: Mapping[int, CrosswalkRow] = field(init=False, repr=False, compare=False)
    _by_name: Mapping[str, CrosswalkRow] = field(init=False, repr=False, compare=False)
    _by_tag: Mapping[tuple[str, str], CrosswalkRow] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = {slug(alias): row for row in self.rows for alias in row.aliases}
        names.update({slug(row.name): row for row in self.rows})
        object.__setattr__(self, "_by_name", names)
        object.__setattr__(self, "_by_code", {code: row for row in self.rows for code in row.codes})
        tags = {(row.key, row.value): row for row in self.rows if row.key and not row.is_code_key}
        object.__setattr__(self, "_by_tag", tags)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys of tags in order of precedence; empty for schemes of codes and names."""
        return tuple(dict.fromkeys(key for key, _ in self._by_tag))

    @property
    def codes(self) -> Mapping[int, CrosswalkRow]:
        """The rows by raster code."""
        return self._by_code

    def named(self, name: str) -> CrosswalkRow | None:
        """The row of a class name, whatever its case, blanks and punctuation."""
        return self._by_name.get(slug(name)) if slug(name) else None

    def tagged(self, tags: Mapping[str, str]) -> tuple[CrosswalkRow | None, str]:
        """The row of a feature's tags, and how its class is called where there is none.

        (None, "") where no key of the table is among the tags; "no" as a value counts as no tag.
        """
        unknown = ""
        for key in self.keys:
            value = tags.get(key, "").strip().lower()
            if value in ("", "no"):
                continue
            row = self._by_tag.get((key, value)) or self._by_tag.get((key, "*"))
            if row is not None:
                return row, row.name
            unknown = unknown or f"{key}={value}"
        return None, unknown

    def valued(self, text: str, line: bool = False) -> tuple[CrosswalkRow | None, str]:
        """The row of one attribute: a code, a class name, ``key=value``, or the value of a tag alone.

        A value that several keys share is told by ``line`` (roads and water courses are lines, land uses are not);
        where these differ and it stays ambiguous, it is unknown. (None, "") where the text is empty.
        """
        text = text.strip()
        if not text:
            return None, ""
        found = self._by_code.get(_whole(text)) or self.named(text)
        if found is None and self.keys:
            key, separator, value = text.partition("=")
            if separator:
                return self.tagged({key.strip().lower(): value})
            found = self._by_value(text.lower(), line)
        return found, text if found is None else found.name

    def _by_value(self, value: str, line: bool) -> CrosswalkRow | None:
        found = [self._by_tag[key, value] for key in self.keys if (key, value) in self._by_tag]
        if not found and (value, "*") in self._by_tag:
            return self._by_tag[value, "*"]
        if len(_judgements(found)) > 1:
            found = [row for row in found if (row.key in LINE_KEYS) == line]
        return found[0] if len(_judgements(found)) == 1 else None

    @staticmethod
    def category(row: CrosswalkRow) -> str:
        """What a row's weights belong to: the class of the paper, or the row itself."""
        return row.paper_class if row.source == "paper" else row.name

    def share_name(self, row: CrosswalkRow) -> str:
        """Under which name the share of a class is given.

        Its own; where there are many classes, that of the paper's class, or one name for all that have weights of
        their own. Empty for unmapped ones among many: their share is part of what is unmapped.
        """
        if len(self.rows) <= MANY_CLASSES:
            return row.name
        return row.paper_class if row.source == "paper" else _TOGETHER.get(row.source, "")

    @cached_property
    def share_names(self) -> tuple[str, ...]:
        """The names of :meth:`share_name`, each once, in the order of the table."""
        return tuple(dict.fromkeys(name for name in map(self.share_name, self.rows) if name))

    @cached_property
    def table(self) -> WeightTable:
        """The weights by category, each once: classes that are one class of the paper share its weights' draws."""
        rows: dict[str, ClassWeights] = {}
        for row in self.rows:
            name = self.category(row)
            rows.setdefault(slug(name), ClassWeights(name, row.weights, source=row.source))
        return WeightTable(self.name, tuple(rows.values()))

    def sources(self, shares: Mapping[str, float]) -> dict[str, float]:
        """How much of the mapped share each source covers, 0 to 1, largest first; ``shares`` by category."""
        totals = dict.fromkeys(SOURCES, 0.0)
        for name, share in shares.items():
            row = self.table.row(name)
            if row is not None and row.weights is not None:
                totals[row.source] += share
        whole = sum(totals.values())
        ranked = sorted(totals.items(), key=lambda entry: -entry[1])
        return {source: share / whole for source, share in ranked if share > 0.0}


def source_text(sources: Mapping[str, float]) -> str:
    """Sources as a field tells them, such as ``paper 62%, extension 38%``; empty where nothing is mapped."""
    return ", ".join(f"{source} {100.0 * share:.0f}%" for source, share in sources.items())


def fitting_crosswalk(classes: Collection[str], among: Collection[str] = GROUND) -> str:
    """The id of the shipped crosswalk that knows the most of some classes, and more than half; empty where none does.

    classes: codes or names as a map has them. among: ids to choose from; of equals, the one with the fewest rows.
    """
    known: dict[str, int] = {}
    for preset in among:
        crosswalk = load_crosswalk(preset)
        known[preset] = sum(crosswalk.valued(text)[0] is not None for text in classes)
    best = max(known, key=lambda preset: (known[preset], -len(load_crosswalk(preset).rows)), default="")
    return best if best and 2 * known[best] > len(classes) else ""


def fitting_crosswalks(codes: Collection[int], among: Collection[str] = CODED) -> tuple[str, ...]:
    """The ids of all shipped crosswalks that know every one of some codes; none for no codes.

    Codes from 1 on are much alike in all schemes: where several fit, codes alone do not tell which one is meant.
    """
    if not codes:
        return ()
    return tuple(preset for preset in among if set(codes) <= load_crosswalk(preset).codes.keys())


def crosswalk_path(preset: str) -> Path:
    """The CSV of a crosswalk that ships with SoundVis (not ``table-1``, which is the weight table itself)."""
    return table_path("crosswalks", preset + ".csv")


def load_crosswalk(spec: str) -> Crosswalk:
    """Load a crosswalk: an id of :data:`PRESETS`, or the path of a CSV.

    The columns of a CSV: ``class`` (or ``key`` and ``value``), then ``biophony``, ``geophony`` and ``anthrophony``,
    or ``paper_class`` for the weights of Table 1, or both; optional ``code``, ``source`` and ``note``. Commas,
    semicolons or tabs; decimal points or commas; an empty cell or a dash is 0.

    Raises :class:`InputError` that names every line that cannot be used.
    """
    text = str(spec).strip()
    if text in PRESETS:
        return _preset(text)
    file = Path(text)
    if not text or not file.suffix:
        raise InputError(
            f"There is no crosswalk '{text}'. Choose one of {', '.join(PRESETS)}, or give the path of a CSV."
        )
    return Crosswalk(file.name, _as_shipped(read_rows(file, own=True)))


@cache
def _preset(preset: str) -> Crosswalk:
    if preset != TABLE_1:
        return Crosswalk(preset, tuple(read_rows(crosswalk_path(preset))))
    codes = {slug(entry.name): entry.code for entry in load_classes("paper-aerial").classes}
    return Crosswalk(
        preset,
        tuple(
            CrosswalkRow(
                row.name,
                row.weights,
                "paper",
                row.name,
                _codes(codes.get(slug(row.name))),
                aliases=row.aliases,
            )
            for row in load_weights(None, "aerial").rows
        ),
    )


def _codes(code: int | None) -> tuple[int, ...]:
    return () if code is None else (code,)


def _as_shipped(rows: Sequence[CrosswalkRow]) -> tuple[CrosswalkRow, ...]:
    """A user's rows: what says "extension" but has other weights than the shipped table is the user's."""
    kept = []
    for row in rows:
        if row.source == "extension":
            shipped = _preset(row.scheme).named(row.name) if row.scheme in PRESETS else None
            if shipped is None or shipped.weights != row.weights:
                row = row.from_user()
        kept.append(row)
    return tuple(kept)


def _judgements(rows: Sequence[CrosswalkRow]) -> set[tuple[object, ...]]:
    """What rows say of their classes: one entry where all say the same."""
    return {(row.weights, row.source, row.paper_class) for row in rows}


def _whole(text: str) -> int:
    """A text as a whole number; -1, which is no code, where it is none."""
    try:
        value = float(text)
    except ValueError:
        return -1
    return int(value) if value.is_integer() else -1
