"""JSON as archives answer with it, read as tables about recordings or photos.

Understood are lists of xeno-canto (API 2 and 3: ``recordings``), freesound (``results``) and archive.org (search:
``response.docs``; metadata of an item), of Mapillary and KartaView (see :mod:`.photo_tables`), GeoJSON, plain lists of
objects, and one object per line: wherever in the document the objects lie.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..errors import InputError
from . import photo_tables
from .metadata_tables import Table
from .row_finder import Names
from .table_columns import Columns, recognise

#: Larger files are no lists; street-level archives have the longest.
_MOST_BYTES = {"photo": 256 << 20, "recording": 64 << 20}
_DEEPEST = 8
#: Where answers without a list say why, the plainest first; so much of it is passed on.
_REASONS = ("message", "detail", "error_description", "error")
_LONGEST = 200
#: What archives call their lists.
_LISTS = ("recordings", "results", "docs", "data", "features")
#: Objects with more names are no rows of a table.
_MOST_COLUMNS = 1000


def is_side_car(name: str) -> bool:
    """Whether a file may hold JSON about recordings, by its ending; GeoJSON is more often the map of a place."""
    return name.lower().endswith((".json", ".jsonl", ".ndjson"))


def is_json(path: str) -> bool:
    """Whether a file begins as JSON does; what cannot be read does not."""
    try:
        with open(path, "rb") as file:
            start = file.read(1 << 10)
    except OSError:
        return False
    coding = _coding(start)
    # Half a letter may stand at the end.
    return start.decode(coding, "replace").lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def read_records(path: str, one: str) -> list[Mapping[str, Any]]:
    """The objects about recordings or photos (``one``) in a JSON file.

    Raises OSError, ValueError or RecursionError where it cannot be read.
    """
    return list(_records(_content(path, _MOST_BYTES[one]), one))


def table_of(name: str, records: Sequence[Mapping[str, Any]], files: Names, one: str) -> Table:
    """Objects about ``files`` as the rows of a table, which messages call ``name``."""
    if one == "photo":
        return photo_tables.table_of(name, records, files)
    rows = [_flat(record) for record in records]
    header = tuple(dict.fromkeys(key for row in rows for key in row))
    return Table(
        name, recognise(header, one), tuple(tuple(row.get(key, "") for key in header) for row in rows)
    )


def read_json_table(path: str, name: str, files: Names, one: str) -> Table:
    """The table in a JSON file that the user names. Raises InputError where there is none in it."""
    try:
        content = _content(path, _MOST_BYTES[one])
        records = list(_records(content, one))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"The {name} is JSON that cannot be read: {error}. Get it anew, or save it as CSV."
        ) from error
    if not records:
        answer = _answer(content)
        if answer:
            raise InputError(f"The {name} is JSON without {one}s: {answer}")
        raise InputError(
            f"The {name} is JSON without a list about {one}s: of no object in it are the file or id known, and the "
            "place, time or licence. Save it as CSV, with columns called file, latitude and longitude."
        )
    return table_of(name, records, files, one)


def _content(path: str, most: int) -> Any:
    if os.path.getsize(path) > most:
        raise ValueError(f"it is larger than {most >> 20} MB")
    with open(path, "rb") as file:
        coding = _coding(file.read(4))
    with open(path, encoding=coding) as file:
        text = file.read()
    try:
        return json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        try:
            return [json.loads(line) for line in lines]
        except ValueError:
            pass
        raise


def _coding(start: bytes) -> str:
    """How a file that begins so is written; Windows writes UTF-16 where a list is saved from its command line."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    # All letters of JSON's beginning are ASCII.
    if len(start) >= 2 and 0 in start[:2]:
        return "utf-16-be" if start[0] == 0 else "utf-16-le"
    return "utf-8-sig"


def _answer(content: Any) -> str:
    """What a programming interface answered in place of a list: why there is none, or that nothing was found."""
    if not isinstance(content, dict):
        return "it holds an empty list." if content == [] else ""
    for said in (content, content.get("error")):
        texts = [said.get(key) for key in _REASONS] if isinstance(said, dict) else []
        text = next((text for text in texts if isinstance(text, str) and text.strip()), "")
        if text:
            short = " ".join(text.split())
            short = short if len(short) <= _LONGEST else short[:_LONGEST] + "..."
            return f"the archive answered '{short}'. Mend the request and get it anew."
    nodes = [content, *(node for node in content.values() if isinstance(node, dict))]
    if any(node.get(key) == [] for node in nodes for key in _LISTS):
        return "the archive answered with 0 results. Ask for others and get the list anew."
    return ""


def _records(node: Any, one: str, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The objects about files, wherever they lie in the document."""
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        for child in node:
            yield from _records(child, one, depth + 1)
    elif isinstance(node, dict):
        about = node.get("metadata")
        if node.get("type") == "Feature" and isinstance(node.get("properties"), dict):
            yield {"id": node.get("id"), "geometry": node.get("geometry"), **node["properties"]}
        elif isinstance(about, dict) and "identifier" in about:
            # An item of archive.org: the list of its files beside this tells nothing of places.
            yield about
        elif _is_record(node, one):
            yield node
        else:
            for child in node.values():
                yield from _records(child, one, depth + 1)


def _is_record(node: Mapping[str, Any], one: str) -> bool:
    if len(node) > _MOST_COLUMNS:
        return False
    if one == "photo" and photo_tables.tells_place(node):
        return True
    columns = _columns(tuple(key for key, value in node.items() if value is None or _text(value)), one)
    placed = "latitude" in columns.by_meaning or ("pair" in columns.by_meaning and "type" not in node)
    return placed or (columns.names_files and columns.useful)


@lru_cache(maxsize=256)
def _columns(keys: tuple[str, ...], one: str) -> Columns:
    return recognise(keys, one)


def _flat(record: Mapping[str, Any]) -> dict[str, str]:
    """The texts of an object by name; lists of texts in one, a point as latitude and longitude."""
    row = {key: _text(value) for key, value in record.items()}
    shape = record.get("geometry")
    pair = shape.get("coordinates") if isinstance(shape, Mapping) and shape.get("type") == "Point" else None
    if isinstance(pair, list) and len(pair) >= 2:
        row["latitude"], row["longitude"] = _text(pair[1]), _text(pair[0])
    return row


def _text(value: Any) -> str:
    """Numbers, truth values and texts of JSON as text, lists of texts behind each other; empty for anything else."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "; ".join(value).strip()
    return str(value).strip() if isinstance(value, (str, int, float)) else ""
