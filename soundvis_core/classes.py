"""Class lists: what a segmentation may find, under which code, name and colour.

A class list is a small CSV with the columns ``code, name, colour, synonyms, prompts``; only ``name`` is required.
Synonyms and prompts are separated by ``|``. Synonyms are how a class is found under another name; prompts are the
words a model that reads words is asked for, where they differ from the name and its synonyms ("Developed space" is
a good name on a map and a poor prompt). Short lists can be written as text: ``building, roof, house; road; water``.
Codes 0 (unclassified) and 255 (nodata) are the same in every class raster.
"""

from __future__ import annotations

import colorsys
import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError
from .resources import table_path

UNCLASSIFIED = 0
NODATA = 255
#: What is no class of the list goes by this name among shares.
UNCLASSIFIED_NAME = "unclassified"
#: Codes 1 to 254 are free for classes.
MAX_CLASSES = 254

#: What a list calls the class that takes what is none of the others.
BACKGROUND_NAME = "background"

#: The lists that ship with SoundVis and the kind of picture each is for.
PRESETS: Mapping[str, str] = {
    "paper-aerial": "aerial",
    "openearthmap": "aerial",
    "loveda": "aerial",
    "potsdam": "aerial",
    "paper-street": "street",
    "colour-index": "street",
}
#: Below this probability a pixel is background, in SegEarth-OV's settings for the data sets (arXiv 2410.01768). The
#: paper's nine classes have none: together they are meant to cover the ground, their shares are compared as a whole,
#: and among their many prompts the probability of the best one says little about whether it is right.
_THRESHOLDS: Mapping[str, float] = {"openearthmap": 0.1, "loveda": 0.3, "potsdam": 0.1}
_MAX_BYTES = 1_000_000
_MAX_PATH = 4096
_COLUMNS = ("code", "name", "colour", "color", "synonyms", "prompts")


@dataclass(frozen=True)
class LandClass:
    """One class: its code in a raster (1 to 254), name, RGB colour (0 to 255), other names, own prompts if any."""

    code: int
    name: str
    colour: tuple[int, int, int]
    synonyms: tuple[str, ...] = ()
    own_prompts: tuple[str, ...] = ()

    @property
    def prompts(self) -> tuple[str, ...]:
        """What a model that reads words is asked for: the class's prompts, else its name and synonyms."""
        return self.own_prompts or (self.name, *self.synonyms)


@dataclass(frozen=True)
class ClassList:
    """An ordered list of classes. ``scene`` is ``aerial``, ``street`` or empty (a user's list: any scene).

    threshold: the probability (0 to 1) below which a model that reads words gives a pixel to the background.
    """

    name: str
    scene: str
    classes: tuple[LandClass, ...]
    threshold: float = 0.0

    @property
    def background(self) -> int | None:
        """The code of the class that goes by the name "background" or has it as a synonym; None where none does."""
        entry = self.find(BACKGROUND_NAME)
        return None if entry is None else entry.code

    def prompts(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """All prompts in the order of the classes, and the code of the class that each belongs to."""
        pairs = [(prompt, entry.code) for entry in self.classes for prompt in entry.prompts]
        return tuple(prompt for prompt, _ in pairs), tuple(code for _, code in pairs)

    def find(self, text: str) -> LandClass | None:
        """The class whose name, or else one of whose synonyms, has the same slug as ``text``."""
        wanted = slug(text)
        if not wanted:
            return None
        for entry in self.classes:
            if slug(entry.name) == wanted:
                return entry
        for entry in self.classes:
            if any(slug(synonym) == wanted for synonym in entry.synonyms):
                return entry
        return None


def slug(name: str) -> str:
    """A name as a field name: small letters, digits and underscores; accents on Latin letters are dropped.

    ``"Car, Truck, Bus, etc"`` becomes ``"car_truck_bus_etc"``. Letters of other scripts are kept.
    """
    letters = []
    for letter in unicodedata.normalize("NFKC", name).lower():
        plain = unicodedata.normalize("NFKD", letter)
        letters.append(plain[0] if plain and plain[0].isascii() else letter)
    return re.sub(r"[\W_]+", "_", "".join(letters)).strip("_")


def preset_ids(scene: str | None = None) -> tuple[str, ...]:
    """Ids of the class lists that ship with SoundVis, of one scene (``aerial``, ``street``) or all."""
    return tuple(preset for preset, kind in PRESETS.items() if scene is None or kind == scene)


def load_classes(spec: str) -> ClassList:
    """Load a class list: a preset id (see :func:`preset_ids`), the path of a CSV, or the classes as text.

    The CSV is UTF-8 (with or without a byte order mark), separated by commas, semicolons or tabs. Without a
    ``code`` column the codes are 1, 2, 3... in file order; without a ``colour`` (``#rrggbb`` or ``r g b``)
    a class gets a distinct one. In text, classes are separated by semicolons or line breaks and the names of one
    class by commas, as in ``building, roof, house; road; water``; the first name is the class's.

    Raises :class:`InputError` that names the file and the row, or the class.
    """
    text = str(spec).strip()
    if text in PRESETS:
        where, content = f"preset '{text}'", _read(table_path("classes", text + ".csv"))
        return _parse(content, text, PRESETS[text], where, _THRESHOLDS.get(text, 0.0))
    if _is_file(text):
        path = Path(text)
        return _parse(_read(path), path.stem, "", f"'{path}'")
    if any(separator in text for separator in ";\n,"):
        return _from_text(text)
    if os.sep in text or "/" in text:
        return _parse(_read(Path(text)), Path(text).stem, "", f"'{text}'")
    raise InputError(
        f"There is no class list '{text}'. Choose one of {', '.join(preset_ids())}, "
        "give the path of a CSV with the columns code, name, colour, synonyms, "
        "or write the classes as text: building, roof, house; road; water."
    )


def _is_file(text: str) -> bool:
    """Whether ``text`` is the name of a table, there or not, rather than classes."""
    if not text or "\n" in text or len(text) > _MAX_PATH:
        return False
    if text.lower().endswith((".csv", ".txt", ".tsv")):
        return True
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # no name of a file on this system
        return False


def _from_text(text: str) -> ClassList:
    """Classes separated by semicolons or line breaks, their names by commas."""
    groups = [[name.strip() for name in group.split(",")] for group in re.split(r"[;\r\n]+", text)]
    named = [[name for name in names if slug(name)] for names in groups]
    named = [names for names in named if names]
    if not named:
        raise InputError("The class list has no classes. Write them as: building, roof, house; road; water.")
    if len(named) == 1 and not re.search(r"[;\n]", text):
        raise InputError(
            f"The class list '{text}' is one class with {len(named[0])} names. Separate classes with semicolons; "
            "commas separate the names of one class."
        )
    _check_count(len(named), "in the text")
    seen: set[str] = set()
    for name in (name for names in named for name in names):
        if slug(name) in seen:
            raise InputError(f"The class list has '{name}' twice. Each name can stand for one class, once.")
        seen.add(slug(name))
    spare = _distinct_colours([])
    classes = tuple(
        LandClass(code, names[0], next(spare), tuple(names[1:])) for code, names in enumerate(named, start=1)
    )
    return ClassList("text", "", classes)


def _check_count(count: int, where: str) -> None:
    if count > MAX_CLASSES:
        raise InputError(
            f"Class list {where} has {count} classes; a class raster holds {MAX_CLASSES} at most."
        )


def _read(path: Path) -> str:
    if not path.exists():
        raise InputError(f"The class list '{path}' does not exist. Check the path.")
    if path.is_dir():
        raise InputError(f"The class list '{path}' is a folder. Give the path of a CSV file.")
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise InputError(f"The class list '{path}' has {size} bytes; that is not a table of classes.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"The class list '{path}' cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The class list '{path}' is not UTF-8 text. Save it as 'CSV UTF-8'.") from error


def _parse(text: str, name: str, scene: str, where: str, threshold: float = 0.0) -> ClassList:
    """The class list in the CSV ``text``; ``where`` names the source in error messages."""
    rows = _rows(text, where)
    codes: dict[int, int] = {}
    slugs: dict[str, int] = {}
    entries: list[tuple[int, str, tuple[int, int, int] | None, tuple[str, ...], tuple[str, ...]]] = []
    for number, row in rows:
        row_name = row.get("name", "")
        key = slug(row_name)
        if not key:
            raise InputError(f"Class list {where}, row {number}: the name is empty.")
        if key in slugs:
            raise InputError(
                f"Class list {where}, row {number}: the name '{row_name}' is already used in row {slugs[key]}."
            )
        code = _code(row.get("code", ""), len(entries) + 1, f"Class list {where}, row {number}")
        if code in codes:
            raise InputError(
                f"Class list {where}, row {number}: code {code} is already used in row {codes[code]}."
            )
        slugs[key], codes[code] = number, number
        colour = _colour(row.get("colour") or row.get("color") or "", f"Class list {where}, row {number}")
        entries.append((code, row_name, colour, _parts(row, "synonyms"), _parts(row, "prompts")))
    if not entries:
        raise InputError(f"Class list {where} has no classes.")
    _check_count(len(entries), where)
    spare = _distinct_colours([entry[2] for entry in entries if entry[2] is not None])
    classes = tuple(
        LandClass(code, row_name, colour if colour is not None else next(spare), synonyms, prompts)
        for code, row_name, colour, synonyms, prompts in entries
    )
    return ClassList(name, scene, classes, threshold)


def _parts(row: Mapping[str, str], column: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in row.get(column, "").split("|") if part.strip())


def _rows(text: str, where: str) -> list[tuple[int, dict[str, str]]]:
    """(line number, column -> value) of every row that is not blank."""
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"Class list {where} is not a valid CSV ({error}).") from error
    if not lines:
        raise InputError(f"Class list {where} is empty.")
    header = [cell.strip().lower() for cell in lines[0][1]]
    if "name" not in header and header.count("class") == 1:
        # A table of weights calls its classes so; it should serve here, too.
        header[header.index("class")] = "name"
    if "name" not in header:
        raise InputError(
            f"Class list {where} has no column 'name' (its columns: {', '.join(header)}). "
            "The first row must be a header with the columns code, name, colour, synonyms; only name is required."
        )
    repeated = [column for column in _COLUMNS if header.count(column) > 1]
    if repeated:
        raise InputError(f"Class list {where} has the column '{repeated[0]}' twice.")
    rows = []
    for number, cells in lines[1:]:
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise InputError(
                f"Class list {where}, row {number}: {len(cells)} values for {len(header)} columns. "
                "Put values that contain a separator in double quotes."
            )
        rows.append((number, {column: cell.strip() for column, cell in zip(header, cells)}))
    return rows


def _code(text: str, default: int, where: str) -> int:
    if not text:
        return default
    try:
        code = int(text)
    except ValueError:
        raise InputError(f"{where}: the code '{text}' is not a whole number.") from None
    if code in (UNCLASSIFIED, NODATA):
        raise InputError(
            f"{where}: code {code} is reserved ({UNCLASSIFIED} is unclassified, {NODATA} is nodata). Use 1 to 254."
        )
    if not 1 <= code <= MAX_CLASSES:
        raise InputError(f"{where}: code {code} does not fit a class raster. Use 1 to {MAX_CLASSES}.")
    return code


def _colour(text: str, where: str) -> tuple[int, int, int] | None:
    """``#rrggbb``, ``#rgb`` or three numbers 0 to 255; None where nothing is given."""
    if not text:
        return None
    digits = text.removeprefix("#")
    if re.fullmatch(r"[0-9a-fA-F]{6}", digits):
        return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    if text.startswith("#") and re.fullmatch(r"[0-9a-fA-F]{3}", digits):
        return int(digits[0] * 2, 16), int(digits[1] * 2, 16), int(digits[2] * 2, 16)
    parts = re.split(r"[\s,]+", text)
    if len(parts) == 3 and all(re.fullmatch(r"[0-9]{1,3}", part) for part in parts):
        red, green, blue = (int(part) for part in parts)
        if max(red, green, blue) <= 255:
            return red, green, blue
    raise InputError(
        f"{where}: the colour '{text}' is not understood. Write it as #rrggbb, for example #1b7837."
    )


def _distinct_colours(taken: list[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Endless colours that differ from ``taken`` and from each other: hues by the golden angle."""
    used = set(taken)
    step = 0
    while True:
        hue = (step * 0.6180339887) % 1.0
        lightness = (0.45, 0.65, 0.3)[step % 3]
        red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, lightness, 0.65))
        step += 1
        if (red, green, blue) not in used:
            used.add((red, green, blue))
            yield red, green, blue
