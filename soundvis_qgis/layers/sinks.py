"""Arrays to features: what the new fields are, where they can be stored, and the sink that keeps a run whole."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsDataSourceUri,
    QgsException,
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProviderConnectionException,
    QgsProviderRegistry,
    QgsVectorFileWriter,
)
from qgis.PyQt.QtCore import QByteArray

from ..compat import BINARY, DOUBLE, INTEGER, LONG, STRING, is_null
from .masking import mask_secrets

if TYPE_CHECKING:
    import numpy as np

#: Formats without a field type for bytes; embeddings become JSON text there.
TEXT_FORMATS = {
    ".geojson",
    ".geojsonl",
    ".json",
    ".csv",
    ".tsv",
    ".tab",
    ".mif",
    ".kml",
    ".gml",
    ".xlsx",
    ".ods",
}
_SIDE_FILES = ("", "-wal", "-shm", "-journal")
#: How an OUTPUT parameter begins that names a table of a database (a drive letter of Windows is no such thing).
_DATABASE = re.compile(r"(ogr|postgres|postgis|spatialite|mssql|oracle|hana):(?://)?(.*)", re.DOTALL)


@dataclass(frozen=True)
class FieldSpec:
    """A field that a tool adds: its name, type, alias (the label in tables), and a note for the metadata."""

    name: str
    kind: Any
    alias: str
    comment: str = ""

    def label(self) -> str:
        """What tables and lists of fields show: the name goes first, for what it means recurs behind each prefix."""
        return self.name if self.alias.lower() == self.name.lower() else f"{self.name}: {self.alias}"

    def field(self) -> QgsField:
        """The QGIS field, bare: formats differ in what they keep of aliases, so the layer gets them afterwards."""
        return QgsField(self.name, self.kind)


def text(name: str, alias: str, comment: str = "") -> FieldSpec:
    """A text field."""
    return FieldSpec(name, STRING, alias, comment)


def integer(name: str, alias: str, comment: str = "") -> FieldSpec:
    """A whole-number field."""
    return FieldSpec(name, INTEGER, alias, comment)


def long_integer(name: str, alias: str, comment: str = "") -> FieldSpec:
    """A whole-number field for what may pass 2 thousand million."""
    return FieldSpec(name, LONG, alias, comment)


def number(name: str, alias: str, comment: str = "") -> FieldSpec:
    """A decimal-number field."""
    return FieldSpec(name, DOUBLE, alias, comment)


def embedding(name: str, alias: str, comment: str, as_text: bool) -> FieldSpec:
    """An embedding field: little-endian float32 bytes, or JSON text for formats without bytes."""
    return FieldSpec(name, STRING if as_text else BINARY, alias, comment)


def pack_vector(vector: np.ndarray | None, as_text: bool) -> Any:
    """The attribute value of an embedding: bytes, or JSON text with seven significant digits."""
    if vector is None:
        return None
    if as_text:
        return json.dumps([float(f"{value:.7g}") for value in vector.tolist()])
    return QByteArray(vector.astype("<f4").tobytes())


def plain_fields(existing: QgsFields, added: Sequence[FieldSpec]) -> QgsFields:
    """The fields of an output, without the aliases and comments that its format may refuse."""
    fields = QgsFields()
    for old in existing:
        field = QgsField(old)
        field.setAlias("")
        field.setComment("")
        fields.append(field)
    for spec in added:
        fields.append(spec.field())
    return fields


def _output_text(value: Any) -> str:
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink.staticValue()
    return str(value or "")


def is_database(value: Any) -> bool:
    """Whether an OUTPUT parameter names one layer inside a database or GeoPackage."""
    return _DATABASE.fullmatch(_output_text(value)) is not None


def database_uri(value: Any) -> tuple[str, str]:
    """Provider and connection of an OUTPUT parameter or destination that names a table; both empty for others."""
    found = _DATABASE.fullmatch(_output_text(value))
    if found is None:
        return "", ""
    return {"postgis": "postgres"}.get(found[1], found[1]), found[2]


def is_geopackage(value: Any) -> bool:
    """Whether an OUTPUT parameter is written as a GeoPackage."""
    if is_database(value):
        return database_uri(value)[0] == "ogr" and ".gpkg'" in database_uri(value)[1].lower()
    text = _output_text(value)
    if text in ("", "TEMPORARY_OUTPUT") or text.startswith("memory:"):
        return False
    # QGIS puts .gpkg behind a name whose ending no format has.
    extension = output_extension(value)
    return extension == ".gpkg" or not QgsVectorFileWriter.driverForExtension(extension)


def output_path(value: Any) -> str:
    """The file of an OUTPUT parameter; what is no file (memory, temporary output) gives text that names none."""
    return _output_text(value).split("|")[0]


def is_wanted(value: Any) -> bool:
    """Whether an optional output is asked for."""
    return value is not None and output_path(value) != ""


def output_extension(value: Any) -> str:
    """The file extension of an OUTPUT parameter, lower case with its dot; empty for memory and databases."""
    if is_database(value) or _output_text(value).startswith("memory:"):
        return ""
    return os.path.splitext(output_path(value))[1].lower()


def format_problem(value: Any) -> str | None:
    """Why an output format cannot hold the fields of this plugin; None where it can."""
    if output_extension(value) in (".shp", ".dbf"):
        return (
            "A Shapefile cuts field names to 10 characters and texts to 254. "
            "Choose a GeoPackage (.gpkg) for the output; GeoJSON and CSV work too."
        )
    return None


def check_collisions(existing: QgsFields, added: Sequence[FieldSpec], remedy: str) -> None:
    """Raise where a new field has the name of an existing one (upper and lower case count as the same)."""
    taken = {field.name().lower() for field in existing}
    clashes = [spec.name for spec in added if spec.name.lower() in taken]
    if clashes:
        names = ", ".join(f"'{name}'" for name in clashes)
        which = "field" if len(clashes) == 1 else "fields"
        raise QgsProcessingException(f"The input layer already has the {which} {names}. {remedy}")
    seen: set[str] = set()
    for spec in added:
        if spec.name.lower() in seen:
            raise QgsProcessingException(f"Two results would both be called '{spec.name}'. {remedy}")
        seen.add(spec.name.lower())


def free_fid(
    fields: QgsFields, ids: Iterable[Any], added: Sequence[FieldSpec]
) -> tuple[QgsFields, tuple[str, str] | None]:
    """The fields for a GeoPackage, and old and new name where its id column cannot take a field ``fid``.

    ``ids``: the values of that field. A GeoPackage takes whole numbers there, each once; anything else is kept
    under a name that is free.
    """
    index = fields.lookupField("fid")
    if index < 0 or fields.at(index).name().lower() != "fid":
        return fields, None
    field = fields.at(index)
    values = list(ids)
    whole = field.isNumeric() and field.type() != DOUBLE
    if whole and not any(is_null(value) for value in values) and len(set(values)) == len(values):
        return fields, None
    taken = {other.name().lower() for other in fields} | {spec.name.lower() for spec in added}
    number = next(number for number in range(1, len(taken) + 2) if f"fid_{number}" not in taken)
    kept = QgsFields()
    for position, other in enumerate(fields):
        copy = QgsField(other)
        if position == index:
            copy.setName(f"fid_{number}")
        kept.append(copy)
    return kept, (field.name(), f"fid_{number}")


class SiteSink:
    """A sink that passes features through with new attributes, and can take the whole output back."""

    def __init__(
        self,
        sink: QgsFeatureSink,
        destination: str,
        fields: QgsFields,
        added: Sequence[FieldSpec],
        own_file: bool = True,
    ) -> None:
        """``own_file`` is False where the output is one layer among others of a database or GeoPackage."""
        self._sink: QgsFeatureSink | None = sink
        self.destination = destination
        self.own_file = own_file
        self._fields = fields
        self._added = added
        self._sites = 0
        #: Aliases by field name, for the layer when it is complete.
        self.labels: dict[str, str] = {}

    def add(
        self, values: Mapping[str, Any], source: QgsFeature | None = None, geometry: QgsGeometry | None = None
    ) -> None:
        """Write one feature: the attributes and geometry of ``source``, then ``values`` by field name."""
        feature = QgsFeature(self._fields)
        attributes: list[Any] = []
        if source is not None:
            attributes = list(source.attributes())
            if geometry is None and source.hasGeometry():
                geometry = source.geometry()
        if geometry is not None:
            feature.setGeometry(geometry)
        feature.setAttributes(attributes + [self._plain(spec, values.get(spec.name)) for spec in self._added])
        if self._sink is None or not self._sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            raise self._error()
        self._sites += 1

    def _error(self) -> QgsProcessingException:
        reason = self._sink.lastError() if self._sink is not None and hasattr(self._sink, "lastError") else ""
        return QgsProcessingException(
            mask_secrets(f"A row could not be written to {self.destination}. {reason}").strip()
        )

    @staticmethod
    def _plain(spec: FieldSpec, value: Any) -> Any:
        """Python's own number types; numbers that are not finite become NULL."""
        if value is None or isinstance(value, (str, QByteArray)):
            return value
        if spec.kind in (INTEGER, LONG):
            return int(value)
        value = float(value)
        return value if math.isfinite(value) else None

    def close(self) -> None:
        """Flush the output; it is complete afterwards. Raises where the last sites could not be written."""
        if self._sink is not None and hasattr(self._sink, "flushBuffer") and not self._sink.flushBuffer():
            raise self._error()
        self._sink = None
        # Tables are written in batches, and QGIS 3.22 says nothing of a last batch that fails.
        path, _, _ = self.destination.partition("|")
        if not self.own_file and os.path.isfile(path):
            written = _count_rows(path, self._table())
            if written != self._sites:
                raise QgsProcessingException(
                    f"Only {written} of {self._sites} rows could be written to {self.destination}."
                )

    def _table(self) -> str:
        parts = QgsProviderRegistry.instance().decodeUri("ogr", self.destination)
        return str(parts.get("layerName") or "")

    def discard(self) -> None:
        """Close the output and delete its file, or its own table in a database: nothing half-written is left.

        Raises OSError or RuntimeError where it has to stay.
        """
        self._sink = None
        provider, connection = database_uri(self.destination)
        if provider:
            _drop_database_table(provider, connection)
            return
        path = self.destination.split("|")[0]
        if not os.path.isfile(path):
            return
        if self.own_file:
            remove_files(path + suffix for suffix in _SIDE_FILES)
        else:
            _drop_table(path, self._table())


def _count_rows(path: str, table: str) -> int:
    from osgeo import gdal

    from .gdal_errors import gdal_exceptions

    with gdal_exceptions():
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR)  # layers do not keep it alive
        layer = dataset.GetLayerByName(table)
        return layer.GetFeatureCount() if layer is not None else 0


def _drop_table(path: str, table: str) -> None:
    from osgeo import gdal

    from .gdal_errors import gdal_exceptions

    with gdal_exceptions():
        dataset = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_UPDATE)
        names = [dataset.GetLayer(index).GetName() for index in range(dataset.GetLayerCount())]
        if table in names:
            dataset.DeleteLayer(names.index(table))
        dataset = None


def _drop_database_table(provider: str, connection: str) -> None:
    """Drop a table through QGIS. Raises OSError where that cannot be done."""
    uri = QgsDataSourceUri(connection)
    metadata = QgsProviderRegistry.instance().providerMetadata(provider)
    try:
        if metadata is None:
            raise QgsProviderConnectionException(f"QGIS has no provider '{provider}'")
        metadata.createConnection(connection, {}).dropVectorTable(uri.schema(), uri.table())
    except (QgsProviderConnectionException, QgsException) as error:
        raise OSError(f"the table '{uri.table()}' stays in the database, unfinished ({error})") from error


def remove_files(paths: Iterable[str]) -> None:
    """Delete those of the files that exist."""
    for path in paths:
        if os.path.exists(path):
            os.remove(path)
