"""How photos are drawn: arrows where they look, rings for panoramas, and a mark on those with a remark."""

from __future__ import annotations

from qgis.core import (
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsProperty,
    QgsRuleBasedRenderer,
    QgsSimpleMarkerSymbolLayer,
    QgsSymbolLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QPointF

from .colours import RGB
from .outputs import Styler

#: Blue and vermilion of the Okabe-Ito set, told apart with every common colour vision; the shape differs, too.
_PLAIN: RGB = (0, 114, 178)
_REMARK: RGB = (213, 94, 0)
#: The arrow begins in the point.
_ARROW_AHEAD = QPointF(0.0, -2.4)


def photo_styles() -> dict[str, Styler]:
    """The style of photos with the fields ``heading``, ``panorama`` and ``remark``."""
    return {"Photos": _paint}


def _paint(layer: QgsMapLayer) -> bool:
    names = ("heading", "panorama", "remark")
    if not isinstance(layer, QgsVectorLayer) or any(layer.fields().lookupField(name) < 0 for name in names):
        return False
    root = QgsRuleBasedRenderer.Rule(None)
    rules = (
        ("With a remark", "coalesce(\"remark\", '') <> ''", _circle(5.0, _REMARK, filled=False)),
        ("Panorama", '"panorama" = 1', _circle(3.6, _PLAIN, filled=False)),
        ("Photo", "", _circle(1.9, _PLAIN)),
        ("Direction of view", '"heading" IS NOT NULL', _arrow()),
    )
    for label, expression, symbol in rules:
        rule = QgsRuleBasedRenderer.Rule(symbol)
        if expression:
            rule.setFilterExpression(expression)
        rule.setLabel(label)
        root.appendChild(rule)
    layer.setRenderer(QgsRuleBasedRenderer(root))
    return True


def _circle(size: float, colour: RGB, filled: bool = True) -> QgsMarkerSymbol:
    plain = "{},{},{}".format(*colour)
    return QgsMarkerSymbol.createSimple(
        {
            "name": "circle",
            "size": str(size),
            "color": plain if filled else "0,0,0,0",
            "outline_color": "#ffffff" if filled else plain,
            "outline_width": "0.2" if filled else "0.5",
        }
    )


def _arrow() -> QgsMarkerSymbol:
    marker = QgsSimpleMarkerSymbolLayer.create(
        {
            "name": "arrow",
            "size": "3.4",
            "color": "{},{},{}".format(*_PLAIN),
            "outline_color": "#ffffff",
            "outline_width": "0.2",
        }
    )
    marker.setOffset(_ARROW_AHEAD)
    marker.setDataDefinedProperty(QgsSymbolLayer.Property.PropertyAngle, QgsProperty.fromField("heading"))
    symbol = QgsMarkerSymbol()
    symbol.changeSymbolLayer(0, marker)
    return symbol
