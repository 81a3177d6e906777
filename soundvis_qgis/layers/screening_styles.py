"""How screened sites are drawn: those that may stay, and those that had better go."""

from __future__ import annotations

from functools import partial

from qgis.core import QgsMapLayer, QgsMarkerSymbol, QgsRuleBasedRenderer, QgsVectorLayer

from .colours import RGB, UNKNOWN
from .outputs import Styler

#: Blue and vermilion of the Okabe-Ito set, told apart with every common colour vision; the shape differs, too.
_KEPT: RGB = (0, 114, 178)
_MASKED: RGB = (86, 180, 233)
_DROPPED: RGB = (213, 94, 0)


def screening_styles(prefix: str) -> dict[str, Styler]:
    """The style of sites with the fields of screening behind ``prefix``."""
    return {"Screening": partial(_paint, prefix=prefix)}


def _paint(layer: QgsMapLayer, prefix: str) -> bool:
    keep, masked = prefix + "keep", prefix + "masked"
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField(keep) < 0:
        return False
    some = f'coalesce("{masked}", 0) > 0' if layer.fields().lookupField(masked) >= 0 else "FALSE"
    root = QgsRuleBasedRenderer.Rule(None)
    for label, expression, colour, shape, size in (
        ("Keep", f'"{keep}" = 1 AND NOT ({some})', _KEPT, "circle", 2.8),
        ("Keep, some windows masked", f'"{keep}" = 1 AND {some}', _MASKED, "circle", 2.8),
        ("Better left out", f'"{keep}" = 0', _DROPPED, "diamond", 3.8),
        ("Not screened", f'"{keep}" IS NULL', UNKNOWN, "square", 2.2),
    ):
        if some == "FALSE" and "masked" in label:
            continue
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
    return True
