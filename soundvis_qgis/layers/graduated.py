"""Points coloured by a number in classes; sites without one stay visible in grey."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qgis.core import (
    QgsGraduatedSymbolRenderer,
    QgsMapLayer,
    QgsRendererRange,
    QgsVectorLayer,
)

from .colours import RGB, UNKNOWN
from .markers import circle
from .outputs import Styler

#: From dark blue to yellow, in the order of lightness; told apart with every common colour vision (cividis).
SEQUENTIAL: tuple[RGB, ...] = ((0, 34, 78), (65, 77, 107), (124, 123, 120), (188, 174, 108), (254, 232, 56))
#: From orange over white to violet: below and above a middle.
DIVERGING: tuple[RGB, ...] = ((230, 97, 1), (253, 184, 99), (247, 247, 247), (178, 171, 210), (94, 60, 153))
#: What stands for NULL in the classes; beyond any number shown.
_NOTHING = -1e9


def graduated(field: str, bounds: Sequence[float], colours: Sequence[RGB] = SEQUENTIAL) -> Styler:
    """A style in classes between neighbouring ``bounds`` (ascending); at most as many as there are colours."""
    return partial(_paint, field=field, bounds=tuple(bounds), colours=tuple(colours))


def _paint(layer: QgsMapLayer, field: str, bounds: Sequence[float], colours: Sequence[RGB]) -> bool:
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField(field) < 0:
        return False
    classes = max(len(bounds) - 1, 0)
    ranges = [QgsRendererRange(_NOTHING, _NOTHING, circle(UNKNOWN, 2.2, dark=True), "No value")]
    for place in range(classes):
        low, high = bounds[place], bounds[place + 1]
        colour = colours[place * (len(colours) - 1) // max(classes - 1, 1)]
        ranges.append(QgsRendererRange(low, high, circle(colour, 3.6, dark=True), f"{low:.3g} to {high:.3g}"))
    layer.setRenderer(QgsGraduatedSymbolRenderer(f'coalesce("{field}", {_NOTHING:.0f})', ranges))
    return True
