"""Points drawn by rules: a marker of a shape and a colour for each."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.core import QgsMarkerSymbol, QgsRuleBasedRenderer

from .colours import RGB

#: Blue and vermilion of the Okabe-Ito set, told apart with every common colour vision; the shapes have to differ, too.
PLAIN: RGB = (0, 114, 178)
MARKED: RGB = (213, 94, 0)
#: What a feature with a remark is, as an expression.
WITH_REMARK = "coalesce(\"remark\", '') <> ''"


def marker(
    shape: str, size: float, colour: RGB, filled: bool = True, outline: float = 0.3
) -> QgsMarkerSymbol:
    """A marker of ``size`` mm, filled with a white ``outline`` (mm) around it, or the outline alone."""
    plain = "{},{},{}".format(*colour)
    return QgsMarkerSymbol.createSimple(
        {
            "name": shape,
            "size": str(size),
            "color": plain if filled else "0,0,0,0",
            "outline_color": "#ffffff" if filled else plain,
            "outline_width": str(outline),
        }
    )


def by_rules(rules: Iterable[tuple[str, str, QgsMarkerSymbol]]) -> QgsRuleBasedRenderer:
    """A renderer of labels, expressions (empty: every feature) and markers; later ones lie above."""
    root = QgsRuleBasedRenderer.Rule(None)
    for label, expression, symbol in rules:
        rule = QgsRuleBasedRenderer.Rule(symbol)
        if expression:
            rule.setFilterExpression(expression)
        rule.setLabel(label)
        root.appendChild(rule)
    return QgsRuleBasedRenderer(root)
