"""Which files may be written beside an output.

QGIS applies ``lc.qml`` and ``lc.qmd`` to whatever is called ``lc`` in the folder: ``lc.tif`` as well as ``lc.geojson``.
They are written only where nothing else of that name would be drawn by them, and never over those of something else or
of the user. Ours end with a remark; QGIS leaves it out when it writes a style anew, so one that the user has changed
and saved is the user's.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from osgeo import gdal

from .gdal_errors import gdal_exceptions
from .output_places import own_path
from .overwriting import same_file
from .sinks import is_geopackage, output_extension

STYLE, METADATA = ".qml", ".qmd"
#: Behind the document of each side-car that SoundVis writes.
_OURS = b"<!-- written by SoundVis, which may replace it -->"
#: What lies beside a dataset of an ending and is none by itself.
_COMPANIONS = {
    ".shp": (".dbf", ".shx"),
    ".tab": (".dat", ".map", ".id", ".ind"),
    ".mif": (".mid",),
}
#: Side-cars of every kind; some are rasters by themselves.
_BESIDE = (STYLE, METADATA, ".sld", ".xml", ".aux", ".ovr", ".rrd", ".msk")
#: What GDAL does not know as a layer, but QGIS opens as one.
_TEXT = (".txt", ".tsv")
_UNSTYLED = (
    "SELECT count(*) FROM gpkg_contents WHERE lower(table_name) <> 'layer_styles' AND lower(table_name) NOT IN "
    "(SELECT lower(f_table_name) FROM layer_styles WHERE useAsDefault)"
)


def called_alike(path: str, besides: Collection[str] = ()) -> list[str]:
    """The datasets in the folder of ``path`` that go by its name with another ending, by their file names.

    besides: paths that do not count.
    """
    folder, name = os.path.split(os.path.abspath(path))
    stem, ending = os.path.splitext(os.path.normcase(name))
    try:
        entries = sorted(os.listdir(folder))
    except OSError:
        return []
    endings = {}
    for entry in entries:
        begins, ends = os.path.splitext(os.path.normcase(entry))
        if begins == stem and ends and ends not in (ending, *_BESIDE):
            endings[ends] = entry
    for main, companions in _COMPANIONS.items():
        if main == ending or main in endings:
            for companion in companions:
                endings.pop(companion, None)
    return [
        entry
        for ends, entry in endings.items()
        if not any(same_file(os.path.join(folder, entry), other) for other in besides)
        and (ends in _TEXT or _is_dataset(os.path.join(folder, entry)))
    ]


def mark_ours(file: str) -> None:
    """Note in a side-car just written that it is ours."""
    # Without the note a later run leaves the file alone, which costs nothing now.
    with suppress(OSError), open(file, "ab") as stream:
        stream.write(b"\n" + _OURS + b"\n")


def is_users(file: str) -> bool:
    """Whether a side-car is there that SoundVis did not write, or that was changed since."""
    if not os.path.lexists(file):
        return False
    try:
        with open(file, "rb") as stream:
            stream.seek(-min(os.path.getsize(file), 2 * len(_OURS)), os.SEEK_END)
            return not stream.read().rstrip().endswith(_OURS)
    except OSError:
        return True


def users_side_car(stem: str) -> str:
    """The file name of the style or else the metadata of a user that go by ``stem``; empty where there are none."""
    return next((os.path.basename(stem) + kind for kind in (STYLE, METADATA) if is_users(stem + kind)), "")


def side_car_stem(path: str, own: Collection[str] = ()) -> tuple[str, str]:
    """The path without ending that the side-cars of the output ``path`` go by, and a warning where it is not the usual.

    Empty where they can be written nowhere. own: the outputs of the run, which have agreed on whose they are (see
    :func:`names_problem`).
    """
    stem, ending = os.path.splitext(path)
    others = called_alike(path, own)
    written = any(os.path.exists(stem + kind) for kind in (STYLE, METADATA))
    users = users_side_car(stem)
    if others and (written or any(not _styled_inside(stem, other) for other in others)):
        said = f"QGIS would apply {os.path.basename(stem)}{STYLE} to {others[0]} as well, so it was left as it is: "
    elif users:
        said = f"{users} is not as SoundVis wrote it, so it was left as it is: "
    else:
        return stem, ""
    another = f"{stem}_{ending[1:].lower()}"
    if called_alike(another + STYLE) or users_side_car(another):
        return "", f"{said}the style of {os.path.basename(path)} was not written beside it."
    return another, (
        f"{said}the style and the metadata of {os.path.basename(path)} are in {os.path.basename(another)}{STYLE} and "
        f"{METADATA}. Load them in the layer's properties, or give the output a name of its own."
    )


def names_problem(vectors: Mapping[str, Any], rasters: Mapping[str, Any]) -> str | None:
    """Why the outputs of a run that become layers cannot lie side by side; None where they can.

    Values of their parameters by label. A GeoPackage keeps the styles of vectors inside, so it goes with one other file
    of the same name.
    """
    seen: dict[str, tuple[str, str]] = {}
    whole: dict[str, str] = {}
    for label, value in (*vectors.items(), *rasters.items()):
        path = own_path(value)
        if not path:
            continue
        inside = label in vectors and is_geopackage(value)
        if inside and output_extension(value) != ".gpkg":
            path += ".gpkg"
        other = whole.setdefault(os.path.normcase(path), label)
        if other != label:
            return f"'{other}' and '{label}' would be written to the same place ({path}). Choose two files."
        if inside:
            continue
        stem = os.path.splitext(path)[0]
        other, before = seen.setdefault(os.path.normcase(stem), (label, path))
        if other != label:
            one, two, style = (os.path.basename(file) for file in (before, path, stem + STYLE))
            return (
                f"'{other}' ({one}) and '{label}' ({two}) would keep their styles in one file, {style}. "
                "Give them names that differ in more than the ending, or make one a GeoPackage (.gpkg)."
            )
    return None


def _is_dataset(path: str) -> bool:
    with gdal_exceptions():
        try:
            return gdal.IdentifyDriverEx(path) is not None
        except RuntimeError:
            return False


def _styled_inside(stem: str, name: str) -> bool:
    """Whether a dataset is drawn by styles that it holds itself."""
    if not name.lower().endswith(".gpkg"):
        return False
    path = Path(os.path.dirname(os.path.abspath(stem)), name)
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            rows: Sequence[tuple[int]] = database.execute(_UNSTYLED).fetchall()
    except sqlite3.Error:  # no styles at all, or no GeoPackage
        return False
    return rows[0][0] == 0
