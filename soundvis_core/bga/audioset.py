"""Biophony, geophony and anthrophony of a recording from the sounds a model names in it.

A model trained on AudioSet (Gemmeke et al. 2017, doi:10.1109/ICASSP.2017.7952261) gives each window of a recording a
probability for each of 527 classes. ``resources/tables/audioset_bga.csv`` says which of them is biophony, geophony,
anthrophony or none of these (unmapped: it names no source, or tells of the recording and not of the place).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..classes import slug
from ..errors import SKIPPED, InputError, SiteError
from ..resources import table_path
from .composition import Composition, composition_from_raw
from .csv_table import CsvTable, read_weight
from .weights import CATEGORIES

#: How the probabilities of a category's classes become its value; the first is the default.
AGGREGATIONS = ("share", "noisy-or", "maximum")
#: Where no class has a threshold of its own. For calibrated probabilities the threshold that maximises F1 is half of
#: that F1 (Lipton et al. 2014, arXiv 1402.1892); with models of AudioSet, F1 is 0.4 to 0.55 (Pellegrini and
#: Masquelier 2021, arXiv 2103.00833), hence 0.2 to 0.27; the low end because distant sounds count here, too.
THRESHOLD = 0.2
#: How many tags stand for a recording.
TOP_TAGS = 3

_KEPT = ("pets", "livestock")
#: Wild or kept: the class does not tell which.
_EITHER = "either"
_GROUPS = ("", *_KEPT, _EITHER)
_HEADERS = {
    "name": ("class", "class_name", "name", "display_name"),
    "mid": ("mid",),
    "biophony": ("biophony", "bio"),
    "geophony": ("geophony", "geo"),
    "anthrophony": ("anthrophony", "anthropophony", "anthro", "ant"),
    "group": ("group",),
    "threshold": ("threshold",),
    "source": ("source",),
}


@dataclass(frozen=True)
class SoundClass:
    """One class that a model names.

    weights: biophony, geophony, anthrophony, 0 to 1 each; three zeros where the class is unmapped. group: ``pets``,
    ``livestock``, ``either`` (wild or kept) or empty. threshold: the probability from which on the class counts as
    heard; None where that of the run is used.
    """

    index: int
    mid: str
    name: str
    weights: tuple[float, float, float]
    group: str = ""
    threshold: float | None = None


@dataclass(frozen=True)
class SoundClasses:
    """All classes of a model, in the order of its outputs."""

    rows: tuple[SoundClass, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def weights(self, pets: bool = True) -> np.ndarray:
        """Weights by class and category, (classes, 3) float64, columns in the order of ``CATEGORIES``.

        pets: whether pets and livestock are biophony. Where not, their biophony becomes anthrophony, and that of
        classes which do not tell wild animals from kept ones is left out.
        """
        weights = np.array([row.weights for row in self.rows], dtype=np.float64).reshape(-1, 3)
        if not pets:
            kept = np.array([row.group in _KEPT for row in self.rows])
            unsure = np.array([row.group == _EITHER for row in self.rows])
            weights[kept, 2] = np.minimum(1.0, weights[kept, 0] + weights[kept, 2])
            weights[kept | unsure, 0] = 0.0
        return weights

    def thresholds(self, default: float = THRESHOLD) -> np.ndarray:
        """The threshold of each class, (classes,) float32: its own, else ``default``."""
        return np.array(
            [default if row.threshold is None else row.threshold for row in self.rows], dtype=np.float32
        )

    def categories(self, pets: bool = True) -> tuple[str, ...]:
        """What each class counts as: a category, several joined by "+", or empty where it is unmapped."""
        return tuple(
            "+".join(category for category, weight in zip(CATEGORIES, row) if weight > 0.0)
            for row in self.weights(pets)
        )


def is_shuffled(labels: Sequence[str], classes: SoundClasses) -> bool:
    """Whether a model's labels are names of AudioSet in another order than ``classes``.

    Labels that are no names of AudioSet (``LABEL_0``) tell nothing, and spellings may differ: only where most labels
    are known names and most of those stand elsewhere, the order is another.
    """
    places = {slug(row.name): row.index for row in classes.rows}
    known = [(index, places[slug(label)]) for index, label in enumerate(labels) if slug(label) in places]
    if len(known) < len(labels) / 2:
        return False
    return sum(index == place for index, place in known) < len(known) / 2


def load_sound_classes(path: str | None = None) -> SoundClasses:
    """The 527 classes of AudioSet with their weights.

    path: a CSV whose rows replace those of the plugin's table; classes that it does not name stay as they are. Its
        columns: ``class`` (the name; or ``mid``, AudioSet's id), ``biophony``, ``geophony``, ``anthrophony`` (0 to 1;
        none of them, or ``unmapped`` in a column ``source``: the class is unmapped), and optionally ``threshold``
        (0 to 1) and ``group`` (pets, livestock, either). Commas, semicolons or tabs, decimal points or commas.

    Raises InputError that names every line that cannot be used.
    """
    if not path:
        return _shipped()
    return SoundClasses(_replaced(_shipped().rows, Path(path)))


def compose_windows(
    probabilities: np.ndarray,
    classes: SoundClasses,
    threshold: float = THRESHOLD,
    aggregation: str = "share",
    pets: bool = True,
) -> Composition:
    """The composition of a recording from the probabilities of its windows, (windows, classes), 0 to 1 each.

    A class is heard in a window where its probability p reaches its threshold. The raw value of a category, with its
    classes' weights w, is the mean over all windows of

    - ``share``: the largest w of the classes that are heard, 0 where none is: with weights of 0 and 1, the share of
      windows in which some class of the category is heard;
    - ``noisy-or``: 1 - product of (1 - w p) over all classes, as if they were independent;
    - ``maximum``: the largest w p of all classes.

    ``unmapped``: the share of windows in which no class with weights is heard. Where that is all of them, there is no
    composition (raw None), whatever the aggregation.

    Raises InputError where the classes are not those of the table, or a parameter is none of the above; SiteError
    where there are no windows or the probabilities are not numbers from 0 to 1.
    """
    if aggregation not in AGGREGATIONS:
        raise InputError(
            f"There is no aggregation '{aggregation}'. Choose one of: {', '.join(AGGREGATIONS)}."
        )
    if not 0.0 <= threshold <= 1.0:
        raise InputError(f"The threshold is {threshold:g}; it is a probability between 0 and 1.")
    checked = check_probabilities(probabilities, classes)
    weights = classes.weights(pets)
    heard = checked >= classes.thresholds(threshold)
    mapped = weights.any(axis=1)
    with_some = heard[:, mapped].any(axis=1)
    if not with_some.any():
        return composition_from_raw(None, 1.0)
    raw = [_value(checked, heard, weights[:, category], aggregation) for category in range(3)]
    return composition_from_raw(raw, 1.0 - float(with_some.mean()))


def check_probabilities(probabilities: np.ndarray, classes: SoundClasses) -> np.ndarray:
    """Probabilities (windows, classes) as float32 from 0 to 1. Raises as :func:`compose_windows` does."""
    found = np.asarray(probabilities, dtype=np.float32)
    if found.ndim != 2 or found.shape[1] != len(classes):
        count = found.shape[-1] if found.ndim else 0
        raise InputError(
            f"The model names {count} classes, but the table of BGA weights is about the {len(classes)} of AudioSet. "
            "Choose a model or checkpoint that was trained on AudioSet."
        )
    if found.shape[0] == 0:
        raise SiteError("the recording has no windows", SKIPPED)
    # Half precision may end a little beyond 0 and 1.
    if not np.isfinite(found).all() or found.min() < -1e-3 or found.max() > 1.0 + 1e-3:
        raise SiteError("the model gave probabilities that are not numbers from 0 to 1")
    return np.clip(found, 0.0, 1.0)


def top_tags(
    probabilities: np.ndarray, classes: SoundClasses, threshold: float = THRESHOLD, count: int = TOP_TAGS
) -> str:
    """The classes heard in the most windows, such as ``Bird (80%); Speech (30%)``; empty where none is heard.

    Among classes heard equally often the one with the higher mean probability goes first. Unmapped classes count.
    """
    checked = check_probabilities(probabilities, classes)
    shares = (checked >= classes.thresholds(threshold)).mean(axis=0)
    means = checked.mean(axis=0, dtype=np.float64)
    order = np.lexsort((-means, -shares))[:count]
    return "; ".join(f"{classes.rows[at].name} ({shares[at]:.0%})" for at in order if shares[at] > 0.0)


def _value(probabilities: np.ndarray, heard: np.ndarray, weights: np.ndarray, aggregation: str) -> float:
    """The raw value of one category."""
    inside = weights > 0.0
    if not inside.any():
        return 0.0
    if aggregation == "share":
        return float((heard[:, inside] * weights[inside]).max(axis=1).mean())
    weighted = probabilities[:, inside].astype(np.float64) * weights[inside]
    if aggregation == "maximum":
        return float(weighted.max(axis=1).mean())
    return float((1.0 - np.prod(1.0 - weighted, axis=1)).mean())


@lru_cache(maxsize=1)
def _shipped() -> SoundClasses:
    table, columns = _open(table_path("audioset_bga.csv"))
    rows = [
        _row(table, line, cells, SoundClass(index, "", "", (0.0, 0.0, 0.0)))
        for index, (line, cells) in enumerate(table.rows(columns))
    ]
    table.check()
    return SoundClasses(tuple(rows))


def _replaced(rows: Sequence[SoundClass], file: Path) -> tuple[SoundClass, ...]:
    """The rows with those of a user's table in their places."""
    table, columns = _open(file)
    places = {slug(row.name): row.index for row in rows}
    places.update({row.mid: row.index for row in rows})
    replaced: dict[int, SoundClass] = {}
    lines: dict[int, int] = {}
    for line, cells in table.rows(columns):
        mid, title = cells.get("mid", ""), cells.get("name", "")
        place = places.get(mid) if mid else places.get(slug(title))
        if place is None:
            table.tell(
                line,
                f"AudioSet has no class '{mid or title}'. Write the class as the table of tags names it.",
            )
        elif lines.setdefault(place, line) != line:
            table.tell(
                line,
                f"The class '{rows[place].name}' is also in line {lines[place]}. Keep one of the two rows.",
            )
        # What else is wrong is told of rows of no class, too.
        before = rows[place or 0]
        found = _row(table, line, cells, before)
        if place is not None:
            replaced[place] = replace(found, name=before.name)
    table.check()
    return tuple(replaced.get(row.index, row) for row in rows)


def _open(file: Path) -> tuple[CsvTable, dict[str, int]]:
    table = CsvTable(file, "table of sounds")
    columns = table.columns(_HEADERS)
    missing = [] if {"name", "mid"} & columns.keys() else ["class"]
    table.refuse_without([*missing, *(category for category in CATEGORIES if category not in columns)])
    return table, columns


def _row(table: CsvTable, line: int, cells: Mapping[str, str], before: SoundClass) -> SoundClass:
    """A row of a table; what it has no column for is as in the row ``before``. Mistakes are told to the table."""
    bio, geo, ant = (table.read(line, 0.0, _to_one, cells[category], category) for category in CATEGORIES)
    if cells.get("source", "").lower() == "unmapped":
        bio = geo = ant = 0.0
    group = cells.get("group", before.group).lower()
    if group not in _GROUPS:
        table.tell(line, f"The column group says '{group}'. Write {', '.join(_GROUPS[1:])} or nothing.")
    own = cells.get("threshold", "")
    threshold = table.read(line, None, _to_one, own, "threshold") if own else before.threshold
    return SoundClass(
        index=before.index,
        mid=cells.get("mid", "") or before.mid,
        name=cells.get("name", "") or before.name,
        weights=(bio, geo, ant),
        group=group,
        threshold=threshold,
    )


def _to_one(text: str, column: str) -> float:
    value = read_weight(text, column)
    if value > 1.0:
        raise InputError(f"The column {column} says {text}. Write a number between 0 and 1.")
    return value
