"""How wide the lines of a land cover map are: their own width where they say one, else one for all."""

from __future__ import annotations

from collections.abc import Mapping

from qgis.core import QgsFeature, QgsFields

from soundvis_core.landcover.osm_tags import metres, parse_hstore

from ..compat import is_null
from .cover_remarks import FeatureKey, WidthRemarks

#: The field in which GDAL keeps the tags of OpenStreetMap that have no field of their own.
OTHER_TAGS = "other_tags"
#: Wider lines are mistakes, metres.
WIDEST = 1000.0


class LineWidths:
    """The widths of the lines of one layer, in metres on the ground."""

    def __init__(self, fields: QgsFields, width: float, name: str = "") -> None:
        """``width``: of lines that say none; ``name``: of the field that says it, or of a tag in ``other_tags``."""
        self._width = width
        self._tag = name.lower()
        self._field = fields.lookupField(name) if name else -1
        self._tags = fields.lookupField(OTHER_TAGS) if name else -1

    @property
    def columns(self) -> list[int]:
        """The fields that are read."""
        return [column for column in (self._field, self._tags) if column >= 0]

    def of(self, feature: QgsFeature, key: FeatureKey, remarks: WidthRemarks) -> float:
        """The width of a line: its own where it has a usable one, else the one for all."""
        text = self._said(feature)
        if not text:
            return self._width
        width = metres(text)
        if width is None or not 0.0 < width <= WIDEST:
            remarks.refuse(key, text)
            return self._width
        remarks.own = True
        return width

    def _said(self, feature: QgsFeature) -> str:
        text = _text(feature, self._field)
        if text or self._tags < 0:
            return text
        tags: Mapping[str, str] = parse_hstore(_text(feature, self._tags))
        return tags.get(self._tag, "").strip()


def _text(feature: QgsFeature, column: int) -> str:
    value = feature.attribute(column) if column >= 0 else None
    if is_null(value):
        return ""
    return f"{value:.15g}" if isinstance(value, float) else str(value).strip()
