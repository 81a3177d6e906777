"""How recordings are drawn: points with their names, those with a remark in another colour."""

from __future__ import annotations

from qgis.core import (
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsPalLayerSettings,
    QgsRuleBasedRenderer,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtGui import QColor

from .colours import RGB
from .outputs import Styler

#: Blue and vermilion of the Okabe-Ito set, told apart with every common colour vision; the shape differs, too.
_PLAIN: RGB = (0, 114, 178)
_REMARK: RGB = (213, 94, 0)


def recording_styles() -> dict[str, Styler]:
    """The style of sites with the fields ``name`` and ``remark``."""
    return {"Recordings": _paint}


def _paint(layer: QgsMapLayer) -> bool:
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField("remark") < 0:
        return False
    doubtful = "coalesce(\"remark\", '') <> ''"
    root = QgsRuleBasedRenderer.Rule(None)
    for label, expression, colour, shape, size in (
        ("Recording", f"NOT ({doubtful})", _PLAIN, "circle", 2.8),
        ("Recording with a remark", doubtful, _REMARK, "diamond", 3.8),
    ):
        symbol = QgsMarkerSymbol.createSimple(
            {
                "name": shape,
                "size": str(size),
                "color": "{},{},{}".format(*colour),
                "outline_color": "#ffffff",
                "outline_width": "0.3",
            }
        )
        rule = QgsRuleBasedRenderer.Rule(symbol)
        rule.setFilterExpression(expression)
        rule.setLabel(label)
        root.appendChild(rule)
    layer.setRenderer(QgsRuleBasedRenderer(root))
    layer.setLabeling(QgsVectorLayerSimpleLabeling(_labels()))
    layer.setLabelsEnabled(True)
    return True


def _labels() -> QgsPalLayerSettings:
    """The name without its ending, beside the point; of many at one place as many as there is room for."""
    text = QgsTextFormat()
    text.setSize(8.0)
    text.setColor(QColor(40, 40, 40))
    buffer = QgsTextBufferSettings()
    buffer.setEnabled(True)
    buffer.setSize(0.8)
    buffer.setColor(QColor(255, 255, 255, 220))
    text.setBuffer(buffer)
    settings = QgsPalLayerSettings()
    settings.fieldName = "regexp_replace(\"name\", '\\\\.[^.]*$', '')"
    settings.isExpression = True
    settings.setFormat(text)
    settings.dist = 1.2
    return settings
