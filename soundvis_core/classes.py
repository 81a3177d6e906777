"""Class lists: what a segmentation may find, under which code, name and colour.

A class list is a small CSV with the columns ``code, name, colour, synonyms``; only ``name`` is required.
Synonyms are separated by ``|``. They are how a class is found under another name, and what models that are
prompted with words are asked for. Codes 0 (unclassified) and 255 (nodata) are the same in every class raster.
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
#: Codes 1 to 254 are free for classes.
MAX_CLASSES = 254

#: The lists that ship with SoundVis and the kind of picture each is for.
PRESETS: Mapping[str, str] = {
    "paper-aerial": "aerial",
    "openearthmap": "aerial",
    "loveda": "aerial",
    "potsdam": "aerial",
    "paper-street": "street",
    "colour-index": "street",
}
_MAX_BYTES = 1_000_000
_COLUMNS = ("code", "name", "colour", "color", "synonyms")


@dataclass(frozen=True)
class LandClass:
    """One class: its code in a raster (1 to 254), name, RGB colour (0 to 255) and other names."""

    code: int
    name: str
    colour: tuple[int, int, int]
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassList:
    """An ordered list of classes. ``scene`` is ``aerial``, ``street`` or empty (a user's list: any scene)."""

    name: str
    scene: str
    classes: tuple[LandClass, ...]

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
    """Load a class list: a preset id (see :func:`preset_ids`) or the path of a CSV.

    The CSV is UTF-8 (with or without a byte order mark), separated by commas, semicolons or tabs. Without a
    ``code`` column the codes are 1, 2, 3... in file order; without a ``colour`` (``#rrggbb`` or ``r g b``)
    a class gets a distinct one.

    Raises :class:`InputError` that names the file and the row.
    """
    text = str(spec).strip()
    if text in PRESETS:
        return _parse(_read(table_path("classes", text + ".csv")), text, PRESETS[text], f"preset '{text}'")
    looks_like_path = text.lower().endswith((".csv", ".txt", ".tsv")) or os.sep in text or "/" in text
    if not text or not (looks_like_path or Path(text).exists()):
        raise InputError(
            f"There is no class list '{text}'. Choose one of {', '.join(preset_ids())}, "
            "or give the path of a CSV with the columns code, name, colour, synonyms."
        )
    path = Path(text)
    return _parse(_read(path), path.stem, "", f"'{path}'")


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


def _parse(text: str, name: str, scene: str, where: str) -> ClassList:
    """The class list in the CSV ``text``; ``where`` names the source in error messages."""
    rows = _rows(text, where)
    codes: dict[int, int] = {}
    slugs: dict[str, int] = {}
    entries: list[tuple[int, str, tuple[int, int, int] | None, tuple[str, ...]]] = []
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
        synonyms = tuple(part.strip() for part in row.get("synonyms", "").split("|") if part.strip())
        entries.append((code, row_name, colour, synonyms))
    if not entries:
        raise InputError(f"Class list {where} has no classes.")
    if len(entries) > MAX_CLASSES:
        raise InputError(
            f"Class list {where} has {len(entries)} classes; a class raster holds {MAX_CLASSES} at most."
        )
    spare = _distinct_colours([entry[2] for entry in entries if entry[2] is not None])
    classes = tuple(
        LandClass(code, row_name, colour if colour is not None else next(spare), synonyms)
        for code, row_name, colour, synonyms in entries
    )
    return ClassList(name, scene, classes)


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
