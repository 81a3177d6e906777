"""How recordings are drawn: points with their names, those with a remark in another colour."""

from __future__ import annotations

from qgis.core import (
    QgsMapLayer,
    QgsPalLayerSettings,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtGui import QColor

from .markers import MARKED, PLAIN, WITH_REMARK, by_rules, marker
from .outputs import Styler


def recording_styles() -> dict[str, Styler]:
    """The style of sites with the fields ``name`` and ``remark``."""
    return {"Recordings": _paint}


def _paint(layer: QgsMapLayer) -> bool:
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField("remark") < 0:
        return False
    rules = [
        ("Recording", f"NOT ({WITH_REMARK})", marker("circle", 2.8, PLAIN)),
        ("Recording with a remark", WITH_REMARK, marker("diamond", 3.8, MARKED)),
    ]
    layer.setRenderer(by_rules(rules))
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
