"""How squares of a soundscape are drawn: each in the mixture of the three colours, or by its dominant category."""

from __future__ import annotations

from functools import partial

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFillSymbol,
    QgsMapLayer,
    QgsProperty,
    QgsRendererCategory,
    QgsSingleSymbolRenderer,
    QgsSymbolLayer,
    QgsVectorLayer,
)

from .colours import RGB, UNKNOWN, mix_expression
from .outputs import Styler
from .styling import CATEGORIES


def soundscape_styles(prefix: str) -> dict[str, Styler]:
    """The styles of polygons with BGA fields behind ``prefix``; the first is the default."""
    return {
        "BGA mixture": partial(_mixture, prefix=prefix),
        "BGA dominant": partial(_dominant, prefix=prefix),
    }


def _fill(colour: RGB) -> QgsFillSymbol:
    # An outline of the same colour, for without one the map would shine through between neighbours.
    paint = "{},{},{}".format(*colour)
    return QgsFillSymbol.createSimple({"color": paint, "outline_color": paint, "outline_width": "0.1"})


def _mixture(layer: QgsMapLayer, prefix: str) -> bool:
    names = [prefix + short for short, _, _ in CATEGORIES]
    if not isinstance(layer, QgsVectorLayer) or any(layer.fields().lookupField(name) < 0 for name in names):
        return False
    symbol = _fill(UNKNOWN)
    mixture = QgsProperty.fromExpression("coalesce({}, '{},{},{}')".format(mix_expression(*names), *UNKNOWN))
    for part in (QgsSymbolLayer.Property.PropertyFillColor, QgsSymbolLayer.Property.PropertyStrokeColor):
        symbol.symbolLayer(0).setDataDefinedProperty(part, mixture)
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))
    return True


def _dominant(layer: QgsMapLayer, prefix: str) -> bool:
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField(prefix + "dominant") < 0:
        return False
    categories = [QgsRendererCategory(label.lower(), _fill(colour), label) for _, label, colour in CATEGORIES]
    categories.append(QgsRendererCategory("", _fill(UNKNOWN), "No category ahead"))
    layer.setRenderer(QgsCategorizedSymbolRenderer(prefix + "dominant", categories))
    return True
