"""Objects about photos in JSON, as street-level archives write it, read as tables: Mapillary and KartaView.

Understood are ``mapillary_image_description.json`` (of mapillary_tools), answers of Mapillary's API v4 and of
KartaView's APIs 1.0 and 2.0 as people keep them beside the pictures, and objects with the names of columns.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import lru_cache
from typing import Any

from .metadata_tables import Table
from .row_finder import Names
from .table_columns import Columns, recognise

_COLUMNS = (
    "file", "folder", "id", "latitude", "longitude", "time_utc", "datetime", "date", "time", "heading", "projection",
    "device", "author", "licence", "link",
)  # fmt: skip
#: What is read under any name that columns of tables have, where no archive's own name tells it, by its column.
_PLAIN = {
    "file": "file", "latitude": "latitude", "longitude": "longitude", "moment": "datetime", "date": "date",
    "time": "time", "author": "author", "licence": "licence", "link": "link",
}  # fmt: skip
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
    "lth_name",
    "th_name",
)


def is_side_car(name: str) -> bool:
    """Whether a file may hold JSON about photos, by its ending."""
    return name.lower().endswith((".json", ".geojson", ".jsonl", ".ndjson"))


def tells_place(record: Mapping[str, Any]) -> bool:
    """Whether an object is one about a photo: whether it tells where."""
    return any(name in record for name in _PLACES)


def table_of(name: str, records: Iterable[Mapping[str, Any]], files: Names) -> Table:
    """Rows about photos; a record that may be called in several ways has several, where there are such files."""
    rows: list[tuple[str, ...]] = []
    for record in records:
        told = _row(record)
        names = list(dict.fromkeys(_names(record, files.exact))) or [told.get("file", "")]
        known = [file for file in names if file.casefold() in files.known]
        # Each name is a row of its own, so that any of them finds the record, as its id does.
        rows += [
            tuple({**told, "file": file}.get(column, "") for column in _COLUMNS)
            for file in known or names[:1]
        ]
    return Table(name, recognise(_COLUMNS, "photo"), tuple(rows))


def _names(record: Mapping[str, Any], known: Set[str]) -> Iterator[str]:
    for key in _FILES:
        value = record.get(key)
        if not isinstance(value, str) or not value.strip():
            continue
        parts = value.partition("?")[0].replace("\\", "/").strip("/").split("/")
        # Paths of another computer: the longest end that is a photo here.
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        yield next((tail for tail in tails if tail in known), parts[-1])
    sequence, index = _sequence(record)
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
    sequence, index = _sequence(record)
    if key.isdigit() and sequence and index:
        row["link"], row["licence"] = f"https://kartaview.org/details/{sequence}/{index}", _ARCHIVE_LICENCE
    elif key.isdigit() and any(
        name in record for name in ("captured_at", "compass_angle", "computed_geometry")
    ):
        row["link"], row["licence"] = f"https://www.mapillary.com/app/?pKey={key}", _ARCHIVE_LICENCE
    plain = _plain(tuple(name for name, value in record.items() if _text(value)))
    for meaning, column in _PLAIN.items():
        if not row.get(column) and not (row["time_utc"] and meaning in ("moment", "date", "time")):
            name = plain.get(meaning)
            row[column] = _text(record[name]) if name else ""
    return row


@lru_cache(maxsize=256)
def _plain(keys: tuple[str, ...]) -> dict[str, str]:
    """Which of the names of an object has which meaning in tables."""
    columns: Columns = recognise(keys, "photo")
    return {meaning: keys[index] for meaning, index in columns.by_meaning.items()}


def _sequence(record: Mapping[str, Any]) -> tuple[str, str]:
    """KartaView's number of a drive, and of the photo in it: by API 2.0 or 1.0."""
    return _first(record, "sequenceId", "sequence_id"), _first(record, "sequenceIndex", "sequence_index")


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
    text = _first(record, "MAPCaptureTime", "captured_at", "shotDate", "shot_date")
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
