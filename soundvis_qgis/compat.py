"""What differs between QGIS 3.22 and 4: the types of fields and the names of a few enums."""

from __future__ import annotations

from typing import Any

from qgis.core import Qgis, QgsField, QgsProcessingAlgorithm, QgsWkbTypes

if Qgis.QGIS_VERSION_INT >= 33800:
    from qgis.PyQt.QtCore import QMetaType

    STRING = QMetaType.Type.QString
    INTEGER = QMetaType.Type.Int
    LONG = QMetaType.Type.LongLong
    DOUBLE = QMetaType.Type.Double
    BINARY = QMetaType.Type.QByteArray
    _LISTS = (QMetaType.Type.QVariantList, QMetaType.Type.QStringList)
else:
    from qgis.PyQt.QtCore import QVariant

    STRING = QVariant.String
    INTEGER = QVariant.Int
    LONG = QVariant.LongLong
    DOUBLE = QVariant.Double
    BINARY = QVariant.ByteArray
    _LISTS = (QVariant.List, QVariant.StringList)

#: The geometry types that sinks take.
NO_GEOMETRY = Qgis.WkbType.NoGeometry if hasattr(Qgis, "WkbType") else QgsWkbTypes.Type.NoGeometry
POINT = Qgis.WkbType.Point if hasattr(Qgis, "WkbType") else QgsWkbTypes.Type.Point
LINE = Qgis.WkbType.LineString if hasattr(Qgis, "WkbType") else QgsWkbTypes.Type.LineString
POLYGON = Qgis.WkbType.Polygon if hasattr(Qgis, "WkbType") else QgsWkbTypes.Type.Polygon


def is_null(value: Any) -> bool:
    """Whether an attribute is NULL, as None or as one of QGIS's null variants."""
    if value is None:
        return True
    is_null_method = getattr(value, "isNull", None)
    return (
        bool(is_null_method()) if callable(is_null_method) and not isinstance(value, (str, bytes)) else False
    )


def is_binary(field: QgsField) -> bool:
    """Whether a field holds bytes."""
    return field.type() == BINARY


def is_text(field: QgsField) -> bool:
    """Whether a field holds text."""
    return field.type() == STRING


def is_list(field: QgsField) -> bool:
    """Whether a field holds a list."""
    return field.type() in _LISTS


def field_names(algorithm: QgsProcessingAlgorithm, parameters: Any, name: str, context: Any) -> list[str]:
    """The values of a parameter of several fields."""
    # parameterAsStrings is new in 3.32, and parameterAsFields deprecated from 3.40 on.
    read = getattr(algorithm, "parameterAsStrings", None) or algorithm.parameterAsFields
    return list(read(parameters, name, context))
