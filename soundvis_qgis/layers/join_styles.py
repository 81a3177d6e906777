"""How joined sites are drawn: whether they have something of their own, share it, or have nothing."""

from __future__ import annotations

from functools import partial

from qgis.core import QgsMapLayer, QgsMarkerSymbol, QgsRuleBasedRenderer, QgsVectorLayer

from .colours import UNKNOWN
from .outputs import Styler


def join_styles(prefix: str) -> dict[str, Styler]:
    """The style of sites with the fields ``shared_by`` and ``status`` behind ``prefix``."""
    return {"Joins": partial(_paint, prefix=prefix)}


def _paint(layer: QgsMapLayer, prefix: str) -> bool:
    shared, status = f"{prefix}shared_by", f"{prefix}status"
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField(shared) < 0:
        return False
    root = QgsRuleBasedRenderer.Rule(None)
    # Blue and vermilion of the Okabe-Ito set; the shapes differ, too.
    for label, expression, colour, shape, size in (
        ("Nothing joined", f"\"{status}\" <> 'ok'", UNKNOWN, "cross2", 2.6),
        ("Joined", f'"{shared}" = 1', (0, 114, 178), "circle", 2.8),
        ("Shares its own with other sites", f'"{shared}" > 1', (213, 94, 0), "diamond", 3.6),
    ):
        plain = "{},{},{}".format(*colour)
        symbol = QgsMarkerSymbol.createSimple(
            {
                "name": shape,
                "size": str(size),
                "color": plain,
                "outline_color": plain if shape == "cross2" else "#ffffff",
                "outline_width": "0.5" if shape == "cross2" else "0.3",
            }
        )
        rule = QgsRuleBasedRenderer.Rule(symbol)
        rule.setFilterExpression(expression)
        rule.setLabel(label)
        root.appendChild(rule)
    layer.setRenderer(QgsRuleBasedRenderer(root))
    return True
