"""How records are drawn that were matched by their time: kept ones in colour, the others small and grey."""

from __future__ import annotations

from functools import partial

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsMapLayer,
    QgsRendererCategory,
    QgsVectorLayer,
)

from .colours import UNKNOWN
from .markers import circle
from .outputs import Styler

#: Blue of the Okabe-Ito set.
_KEPT = (0, 114, 178)


def time_styles(prefix: str) -> dict[str, Styler]:
    """The style of records with a field ``keep`` behind ``prefix``."""
    return {"Kept by time": partial(_paint, field=prefix + "keep")}


def _paint(layer: QgsMapLayer, field: str) -> bool:
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField(field) < 0:
        return False
    categories = [
        QgsRendererCategory(value, circle(colour, size), label)
        for value, label, colour, size in ((0, "Other times", UNKNOWN, 1.8), (1, "Kept", _KEPT, 2.8))
    ]
    layer.setRenderer(QgsCategorizedSymbolRenderer(field, categories))
    return True
