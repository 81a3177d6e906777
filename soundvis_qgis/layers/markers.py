"""The markers that points are drawn with, and points drawn by rules: a marker of a shape and a colour for each."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.core import QgsMarkerSymbol, QgsRuleBasedRenderer

from .colours import RGB

#: Blue and vermilion of the Okabe-Ito set, told apart with every common colour vision; the shapes have to differ, too.
PLAIN: RGB = (0, 114, 178)
MARKED: RGB = (213, 94, 0)
#: What a feature with a remark is, as an expression.
WITH_REMARK = "coalesce(\"remark\", '') <> ''"
#: The edge is a light one on any basemap, a dark one (and thinner, mm) where a class is nearly white.
_LIGHT, _DARK, _DARK_WIDTH = "#ffffff", "#555555", 0.2


def marker(
    shape: str,
    size: float,
    colour: RGB,
    *,
    filled: bool = True,
    dark: bool = False,
    outline: float = 0.3,
) -> QgsMarkerSymbol:
    """A marker of ``size`` mm: filled, with a light or a ``dark`` edge of ``outline`` mm; or lines alone."""
    plain = "{},{},{}".format(*colour)
    edge = _DARK if dark else _LIGHT
    return QgsMarkerSymbol.createSimple(
        {
            "name": shape,
            "size": str(size),
            "color": plain if filled else "0,0,0,0",
            "outline_color": edge if filled else plain,
            "outline_width": str(outline),
        }
    )


def circle(colour: RGB, size: float, *, dark: bool = False) -> QgsMarkerSymbol:
    """A filled circle of ``size`` mm with a light or a ``dark`` edge."""
    if dark:
        return marker("circle", size, colour, dark=True, outline=_DARK_WIDTH)
    return marker("circle", size, colour)


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
