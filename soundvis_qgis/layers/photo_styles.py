"""How photos are drawn: arrows where they look, rings for panoramas, and a mark on those with a remark."""

from __future__ import annotations

from qgis.core import (
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsProperty,
    QgsSimpleMarkerSymbolLayer,
    QgsSymbolLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QPointF

from .markers import MARKED, PLAIN, WITH_REMARK, by_rules, marker
from .outputs import Styler

#: The arrow begins in the point.
_ARROW_AHEAD = QPointF(0.0, -2.4)


def photo_styles() -> dict[str, Styler]:
    """The style of photos with the fields ``heading``, ``panorama`` and ``remark``."""
    return {"Photos": _paint}


def _paint(layer: QgsMapLayer) -> bool:
    names = ("heading", "panorama", "remark")
    if not isinstance(layer, QgsVectorLayer) or any(layer.fields().lookupField(name) < 0 for name in names):
        return False
    rules = (
        ("With a remark", WITH_REMARK, marker("circle", 5.0, MARKED, filled=False, outline=0.5)),
        ("Panorama", '"panorama" = 1', marker("circle", 3.6, PLAIN, filled=False, outline=0.5)),
        ("Photo", "", marker("circle", 1.9, PLAIN, outline=0.2)),
        ("Direction of view", '"heading" IS NOT NULL', _arrow()),
    )
    layer.setRenderer(by_rules(rules))
    return True


def _arrow() -> QgsMarkerSymbol:
    marker = QgsSimpleMarkerSymbolLayer.create(
        {
            "name": "arrow",
            "size": "3.4",
            "color": "{},{},{}".format(*PLAIN),
            "outline_color": "#ffffff",
            "outline_width": "0.2",
        }
    )
    marker.setOffset(_ARROW_AHEAD)
    marker.setDataDefinedProperty(QgsSymbolLayer.Property.PropertyAngle, QgsProperty.fromField("heading"))
    symbol = QgsMarkerSymbol()
    symbol.changeSymbolLayer(0, marker)
    return symbol
