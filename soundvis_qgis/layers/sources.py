"""What attributes and geometries of sites say: file paths, places, embeddings."""

from __future__ import annotations

import json
import os
import re
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsMapLayer,
    QgsPointXY,
    QgsProcessingContext,
    QgsProviderRegistry,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QByteArray

from soundvis_core.errors import SKIPPED, InputError, SiteError

from ..compat import is_null
from .moved_files import Searches, below, is_whole

_HEXADECIMAL = re.compile("[0-9A-Fa-f]+")
#: Digits of the shortest embedding that is known as one in hexadecimal text: eight numbers.
_SHORTEST = 64


@dataclass(frozen=True)
class PathResolver:
    """Turns the text of a path field into a file path.

    Relative paths start at ``base`` where the user gave one, else at ``fallbacks`` (the folder of the
    layer's file, then the project's), the first in which the file exists. A whole path that leads nowhere is
    looked for below ``base``, by its end.
    """

    base: str
    fallbacks: tuple[str, ...] = ()
    #: What became of the paths.
    searches: Searches = field(default_factory=Searches, compare=False)

    def resolve(self, value: Any) -> str:
        """The path for one attribute value. Raises SiteError (skipped) where the attribute is empty."""
        if is_null(value) or not str(value).strip():
            raise SiteError("the path field is empty", SKIPPED)
        path = str(value).strip()
        if path.lower().startswith("file:"):
            path = path_of_url(path)
        path = os.path.expanduser(path)
        if os.sep == "/" and "\\" in path and not os.path.exists(path):
            path = path.replace("\\", "/")
        if is_whole(path):
            candidates = [path, *(below(self.base, path) if self.base else ())]
        else:
            folders = (self.base,) if self.base else self.fallbacks
            candidates = [os.path.join(folder, path) for folder in folders if folder] or [path]
        file = next((candidate for candidate in candidates if os.path.exists(candidate)), "")
        self.searches.found(path, file, moved=is_whole(path) and file != path)
        return file or candidates[0]


def path_of_url(url: str, windows: bool = sys.platform == "win32") -> str:
    """The path of a ``file:`` URL. What looks like a query or a fragment belongs to the name: files may be called so.

    On Windows ``file:///C:/a.wav`` is on a drive and ``file://server/share/a.wav`` on another computer.
    """
    path = unquote(url[len("file:") :])
    host = ""
    if path.startswith("//"):
        host, slash, rest = path[2:].partition("/")
        path = slash + rest
    if not windows:
        return path
    if re.fullmatch("[A-Za-z]:", host):
        return host + path
    if host and host.lower() != "localhost":
        return f"//{host}{path}"
    return path[1:] if re.match("/[A-Za-z]:", path) else path


def layer_file(layer: QgsMapLayer | None) -> str:
    """The file that a layer was read from; empty for layers without one."""
    if layer is None or layer.providerType() in ("memory", ""):
        return ""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    path = str(parts.get("path", "") or "")
    if not path and layer.source().startswith("file:"):
        # Delimited text: the address of the file, and options behind it.
        path = layer.source().partition("?")[0]
    if path.startswith("file:"):
        path = path_of_url(path)
    return path if path and os.path.exists(path) else ""


def site_point(
    feature: QgsFeature, transform: QgsCoordinateTransform, target: QgsCoordinateReferenceSystem
) -> QgsPointXY:
    """The place of a site in the target CRS.

    Raises SiteError (skipped) for a null or empty geometry, several points in one feature, or a place
    that the target CRS cannot express.
    """
    if not feature.hasGeometry() or feature.geometry().isEmpty():
        raise SiteError("the site has no geometry", SKIPPED)
    geometry = feature.geometry()
    if QgsWkbTypes.geometryType(geometry.wkbType()) != QgsWkbTypes.GeometryType.PointGeometry:
        raise SiteError("the site is not a point", SKIPPED)
    parts = [QgsPointXY(vertex) for vertex in geometry.vertices()]
    if len(parts) > 1:
        raise SiteError(
            f"the site has {len(parts)} points; run 'Multipart to singleparts' on the layer first", SKIPPED
        )
    try:
        point = transform.transform(parts[0])
    except QgsCsException as error:
        raise SiteError(
            f"the place lies outside the area of {target.authid() or 'the raster CRS'}", SKIPPED
        ) from error
    if not (abs(point.x()) < 1e300 and abs(point.y()) < 1e300):
        raise SiteError(f"the place lies outside the area of {target.authid() or 'the raster CRS'}", SKIPPED)
    return point


def make_transform(
    source: QgsCoordinateReferenceSystem, target: QgsCoordinateReferenceSystem, context: QgsProcessingContext
) -> QgsCoordinateTransform:
    """A transform from the sites to a raster. Raises InputError where a CRS is not set."""
    # A GeoPackage keeps "no CRS" as a CRS of its own, "Undefined geographic SRS".
    if not source.isValid() or source.description().lower().startswith("undefined"):
        raise InputError(
            "The sites layer has no coordinate reference system. Set it (Layer > Set CRS) and run again."
        )
    if not target.isValid():
        raise InputError(
            "The raster has no coordinate reference system. Set it (Layer > Set CRS) and run again."
        )
    return QgsCoordinateTransform(source, target, context.transformContext())


def numbers_of(value: Any) -> list[float] | None:
    """The numbers of one embedding attribute: float32 bytes (little-endian), JSON text or a list; None where empty.

    Raises ValueError or TypeError where the value is something else.
    """
    if is_null(value):
        return None
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            found = json.loads(value)
        except ValueError:
            found = value
        if found is None:
            return None
        value = found if isinstance(found, list) else _bytes_of_hexadecimal(value)
        if value is None:
            raise ValueError("it holds text that is no list of numbers")
    if isinstance(value, (list, tuple)):
        if not value:
            raise ValueError("the list is empty")
        return [float(number) for number in value]
    # Not bytes(value) of just anything: of a number that would be so many zeros.
    if not isinstance(value, (bytes, bytearray, QByteArray)):
        raise ValueError(f"{type(value).__name__} is neither bytes nor text nor a list")
    data = bytes(value)
    if len(data) % 4:
        raise ValueError("the bytes are not float32 numbers")
    return list(struct.unpack(f"<{len(data) // 4}f", data)) or None


def _bytes_of_hexadecimal(text: str) -> bytes | None:
    """Embeddings as GDAL writes bytes to CSV; None for other text, such as the sums of files."""
    text = text.strip()
    if len(text) < _SHORTEST or len(text) % 8 or not _HEXADECIMAL.fullmatch(text):
        return None
    data = bytes.fromhex(text)
    numbers = struct.unpack(f"<{len(data) // 4}f", data)
    return data if all(number == 0.0 or 1e-12 < abs(number) < 1e9 for number in numbers) else None


def read_ahead(features: Iterable[QgsFeature], seen: Any) -> Iterator[QgsFeature]:
    """Pass features on and keep each in ``seen`` (a deque) until its result arrives."""
    for feature in features:
        seen.append(feature)
        yield feature
