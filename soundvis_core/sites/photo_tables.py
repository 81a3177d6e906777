"""JSON beside photos, as street-level archives write it, read as tables: Mapillary and KartaView.

Understood are ``mapillary_image_description.json`` (of mapillary_tools), answers of Mapillary's API v4 and of
KartaView's API 2.0 as people keep them beside the pictures, GeoJSON, and one object per line.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from ..progress import Progress, check_cancelled
from .claims import Claims
from .metadata_tables import Table, claims_of
from .row_finder import FolderTables, RowFinder, paths_below
from .table_columns import recognise

#: Larger files are no side-cars.
_MOST_BYTES = 256 << 20
_DEEPEST = 8
_COLUMNS = (
    "file", "folder", "id", "latitude", "longitude", "time_utc", "heading", "projection", "device", "author",
    "licence", "link",
)  # fmt: skip
#: What marks an object as one about a photo.
_PLACES = ("MAPLatitude", "lat", "latitude", "computed_geometry", "geometry")
_SPHERES = ("spherical", "equirectangular", "sphere", "true", "1")
#: What both archives publish under.
_ARCHIVE_LICENCE = "CC BY-SA 4.0"
#: Keys of KartaView's with the name or address of a file.
_FILES = (
    "filename",
    "MAPFilename",
    "file",
    "name",
    "fileurl",
    "fileurlProc",
    "fileurlLTh",
    "filepath",
    "filepathLTh",
)


def is_side_car(name: str) -> bool:
    """Whether a file may hold JSON about photos, by its ending."""
    return name.lower().endswith((".json", ".geojson", ".jsonl", ".ndjson"))


class JsonTables:
    """The JSON files of a folder by what they are about."""

    def __init__(self, folder: str, files: Sequence[str], photos: Sequence[str], progress: Progress) -> None:
        """``files`` and ``photos``: paths relative to ``folder``, with slashes. Files that tell nothing are left."""
        self._beside: dict[str, Claims] = {}
        self._tables: dict[str, FolderTables] = {}
        stems = {stem for path in photos for stem in (path, os.path.splitext(path)[0])}
        for path in files:
            check_cancelled(progress)
            below = path.rpartition("/")[0]
            if below not in self._tables:
                self._tables[below] = FolderTables(paths_below(below, photos))
            tables = self._tables[below]
            if not tables.files.paths:
                continue
            try:
                found = list(_records(_content(os.path.join(folder, path))))
            except (OSError, ValueError, RecursionError) as error:
                if path.endswith("mapillary_image_description.json"):
                    progress.warn(f"The side-car {path} cannot be read ({error}). It is left.")
                continue
            stem = os.path.splitext(path)[0]
            name = f"side-car {path.rpartition('/')[2]}"
            if stem in stems and len(found) == 1:
                table = _table(name, found, {stem.rpartition("/")[2]})
                self._beside[stem] = claims_of(table, table.rows[0])
            elif found:
                tables.add(RowFinder(_table(name, found, tables.files.exact), tables.files))

    def claims(self, path: str) -> tuple[Claims, list[str]]:
        """What the files say about a photo: its own, then those of its folder and of the folders above; doubts."""
        claims, doubts = Claims(), []
        for stem in (path, os.path.splitext(path)[0]):
            if stem in self._beside:
                claims.add(self._beside[stem])
        parts = path.split("/")[:-1]
        for depth in range(len(parts), -1, -1):
            below = "/".join(parts[:depth])
            inside = path[len(below) + 1 :] if below else path
            for finder in self._tables[below].about(inside) if below in self._tables else ():
                row, doubt = finder.find(inside)
                if doubt:
                    doubts.append(doubt)
                if row is not None:
                    claims.add(claims_of(finder.table, row))
        return claims, doubts


def _content(path: str) -> Any:
    if os.path.getsize(path) > _MOST_BYTES:
        raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MB")
    with open(path, encoding="utf-8-sig") as file:
        text = file.read()
    try:
        return json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line) for line in lines]


def _records(node: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The objects about photos, wherever they lie in the document."""
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        for child in node:
            yield from _records(child, depth + 1)
    elif isinstance(node, dict):
        if node.get("type") == "Feature" and isinstance(node.get("properties"), dict):
            yield {"id": node.get("id"), "geometry": node.get("geometry"), **node["properties"]}
        elif any(name in node for name in _PLACES):
            yield node
        else:
            for child in node.values():
                yield from _records(child, depth + 1)


def _table(name: str, records: Iterable[Mapping[str, Any]], known: Set[str]) -> Table:
    """Rows about photos, ``known`` by their paths; a record that may be called in several ways has several."""
    rows: list[tuple[str, ...]] = []
    for record in records:
        told = _row(record)
        names = dict.fromkeys(_names(record, known))
        # An id and each name are rows of their own, so that any of them finds the record.
        rows += [
            tuple({**told, "file": file}.get(column, "") for column in _COLUMNS) for file in names or [""]
        ]
    return Table(name, recognise(_COLUMNS), tuple(rows))


def _names(record: Mapping[str, Any], known: Set[str]) -> Iterator[str]:
    for key in _FILES:
        value = record.get(key)
        if not isinstance(value, str) or not value.strip():
            continue
        parts = value.partition("?")[0].replace("\\", "/").strip("/").split("/")
        # Paths of another computer: the longest end that is a photo here.
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        yield next((tail for tail in tails if tail in known), parts[-1])
    sequence, index = _text(record.get("sequenceId")), _text(record.get("sequenceIndex"))
    if sequence and index:
        yield from (f"{sequence}_{index}", f"{sequence}/{index}")


def _row(record: Mapping[str, Any]) -> dict[str, str]:
    latitude, longitude = _place(record)
    key = _text(record.get("id"))
    maker = _first(record, "MAPDeviceMake", "make"), _first(record, "MAPDeviceModel", "model")
    row = {
        "id": key,
        "latitude": latitude,
        "longitude": longitude,
        "time_utc": _time(record),
        "heading": _heading(record),
        "projection": "equirectangular" if _is_sphere(record) else "",
        "device": " ".join(filter(None, maker)),
    }
    creator = record.get("creator")
    row["author"] = (
        _text(creator.get("username")) if isinstance(creator, Mapping) else _first(record, "username")
    )
    sequence, index = _text(record.get("sequenceId")), _text(record.get("sequenceIndex"))
    if key.isdigit() and sequence and index:
        row["link"], row["licence"] = f"https://kartaview.org/details/{sequence}/{index}", _ARCHIVE_LICENCE
    elif key.isdigit() and any(
        name in record for name in ("captured_at", "compass_angle", "computed_geometry")
    ):
        row["link"], row["licence"] = f"https://www.mapillary.com/app/?pKey={key}", _ARCHIVE_LICENCE
    return row


def _place(record: Mapping[str, Any]) -> tuple[str, str]:
    for name in ("computed_geometry", "geometry"):
        shape = record.get(name)
        pair = shape.get("coordinates") if isinstance(shape, Mapping) else None
        if isinstance(pair, list) and len(pair) >= 2 and not isinstance(pair[0], list):
            return _text(pair[1]), _text(pair[0])
    return (
        _first(record, "MAPLatitude", "latitude", "lat"),
        _first(record, "MAPLongitude", "longitude", "lng", "lon"),
    )


def _time(record: Mapping[str, Any]) -> str:
    """The moment as ISO 8601 in UTC: of mapillary_tools, in milliseconds since 1970, or as it stands."""
    text = _first(record, "MAPCaptureTime", "captured_at", "shotDate")
    parts = text.split("_")
    if len(parts) >= 6 and all(part.isdigit() for part in parts):
        return "{}-{}-{}T{}:{}:{}.{}Z".format(*parts[:6], parts[6] if len(parts) > 6 else "0")
    if re.fullmatch(r"\d{12,13}(\.0+)?", text):
        moment = dt.datetime.fromtimestamp(float(text) / 1000.0, dt.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return text


def _heading(record: Mapping[str, Any]) -> str:
    compass = record.get("MAPCompassHeading")
    if isinstance(compass, Mapping):
        return _text(compass.get("TrueHeading"))
    return _first(record, "computed_compass_angle", "compass_angle", "heading")


def _is_sphere(record: Mapping[str, Any]) -> bool:
    return any(
        _text(record.get(name)).lower() in _SPHERES for name in ("is_pano", "camera_type", "projection")
    )


def _first(record: Mapping[str, Any], *names: str) -> str:
    return next((text for name in names if (text := _text(record.get(name)))), "")


def _text(value: Any) -> str:
    """Numbers, truth values and texts of JSON as text; empty for anything else."""
    return str(value).strip() if isinstance(value, (str, int, float)) else ""
