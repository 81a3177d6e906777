"""How alignment is drawn: sites by their own r about zero and by its p, pairs of sites by quadrant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFeatureRequest,
    QgsGraduatedSymbolRenderer,
    QgsLineSymbol,
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsProperty,
    QgsRendererCategory,
    QgsRendererRange,
    QgsSimpleLineSymbolLayer,
    QgsSymbolLayer,
    QgsUnitTypes,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor

from .colours import RGB, UNKNOWN
from .graduated import SEQUENTIAL, graduated
from .markers import circle
from .outputs import Styler

#: From "differ" over "no relation" to "agree" (ColorBrewer's RdBu turned round, as in the report's maps); told apart
#: with every common colour vision.
DIVERGING: tuple[RGB, ...] = (
    (33, 102, 172), (103, 169, 207), (209, 229, 240), (247, 247, 247), (253, 219, 199), (239, 138, 98), (178, 24, 43)
)  # fmt: skip
#: Half the width of the middle class about 0; the smallest one that holds nearly all sites is taken.
_HALF_STEPS = (0.01, 0.02, 0.05, 0.1)
#: The bounds where more than a tenth of the sites lie beyond those of the largest.
_FAR = (0.1, 0.4, 0.7)
#: p above this is not called significant.
LEVEL = 0.05
_LARGE, _SMALL = 3.8, 2.2
#: What stands for NULL in the classes, and a class that no number is in, to explain the size of the symbols.
_NOTHING, _NEVER = -1e9, 1e9


def alignment_styles(prefix: str, r: Sequence[float]) -> dict[str, Styler]:
    """The styles of sites with fields of alignment behind ``prefix``; ``r`` are the numbers that are to be shown."""
    return {
        "Alignment r": partial(_by_r, prefix=prefix, bounds=tuple(class_bounds(r))),
        "Alignment p": graduated(prefix + "p", (0.0, 0.001, 0.01, 0.05, 0.1, 1.0), SEQUENTIAL),
    }


def class_bounds(r: Sequence[float]) -> list[float]:
    """Eight bounds of seven classes about 0, the outer ones open to -1 and 1, round numbers between."""
    sizes = sorted(abs(value) for value in r)
    most = sizes[int(0.9 * (len(sizes) - 1))] if sizes else 0.0
    half = next((half for half in _HALF_STEPS if 5 * half >= most), 0.0)
    # Where many sites have a large r, the classes reach further: none would be told from the others above 0.5.
    inner = [half, 3 * half, 5 * half] if half else list(_FAR)
    return [-1.0, *(-value for value in reversed(inner)), *inner, 1.0]


def _by_r(layer: QgsMapLayer, prefix: str, bounds: Sequence[float]) -> bool:
    """Sites coloured by their r, smaller where p is above .05; the strongest on top."""
    field = prefix + "r"
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField(field) < 0:
        return False
    ranges = [
        QgsRendererRange(low, high, _site(colour, prefix + "p"), _label(low, high))
        for low, high, colour in zip(bounds, bounds[1:], DIVERGING)
    ]
    ranges.reverse()
    ranges.append(
        QgsRendererRange(_NEVER, _NEVER, circle(DIVERGING[3], _SMALL, dark=True), f"smaller: p > {LEVEL:g}")
    )
    ranges.append(QgsRendererRange(_NOTHING, _NOTHING, circle(UNKNOWN, 1.6, dark=True), "no r"))
    renderer = QgsGraduatedSymbolRenderer(f'coalesce("{field}", {_NOTHING:.0f})', ranges)
    strongest_last = QgsFeatureRequest.OrderByClause(f'abs(coalesce("{field}", 0))', True)
    renderer.setOrderBy(QgsFeatureRequest.OrderBy([strongest_last]))
    renderer.setOrderByEnabled(True)
    layer.setRenderer(renderer)
    return True


def _label(low: float, high: float) -> str:
    numbers = f"{low:g} to {high:g}".replace("-", "\u2212")
    if low < 0.0 < high:
        return f"r {numbers}: unrelated"
    if high == 1.0:
        return f"r {numbers}: what sounds like it looks like it"
    return f"r {numbers}: what sounds like it looks different" if low == -1.0 else f"r {numbers}"


def _site(colour: RGB, p: str) -> QgsMarkerSymbol:
    symbol = circle(colour, _LARGE, dark=True)
    size = f'if("{p}" > {LEVEL:g}, {_SMALL:g}, {_LARGE:g})'
    symbol.setDataDefinedSize(QgsProperty.fromExpression(size))
    return symbol


def pair_styles() -> dict[str, Styler]:
    """The styles of the lines of extreme pairs."""
    return {"Quadrants": _by_quadrant}


def _by_quadrant(layer: QgsMapLayer) -> bool:
    """Lines coloured by quadrant, the wider the more extreme."""
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField("quadrant") < 0:
        return False
    from soundvis_core.gallery.quadrants import LOOKS

    categories = [
        QgsRendererCategory(name, _line(look.colour, look.broken), name.capitalize())
        for name, look in LOOKS.items()
    ]
    layer.setRenderer(QgsCategorizedSymbolRenderer("quadrant", categories))
    return True


def _line(colour: RGB, broken: bool) -> QgsLineSymbol:
    """A line on a white edge, so that it shows on any basemap. Width in mm by the smaller of the two |z|."""
    extremeness = 'min(abs("z_sound"), abs("z_sight"))'
    symbol = QgsLineSymbol.createSimple({})
    symbol.deleteSymbolLayer(0)
    for extra, paint in ((0.7, QColor(255, 255, 255, 220)), (0.0, QColor(*colour))):
        line = QgsSimpleLineSymbolLayer(paint, 0.9 + extra)
        line.setWidthUnit(QgsUnitTypes.RenderUnit.RenderMillimeters)
        line.setPenCapStyle(Qt.PenCapStyle.RoundCap if extra or not broken else Qt.PenCapStyle.FlatCap)
        if broken and not extra:
            line.setPenStyle(Qt.PenStyle.DashLine)
        line.setDataDefinedProperty(
            QgsSymbolLayer.Property.PropertyStrokeWidth,
            QgsProperty.fromExpression(
                f"{extra} + coalesce(scale_linear({extremeness}, 0.5, 3, 0.5, 1.6), 0.5)"
            ),
        )
        # One by one: a symbol made of a list of layers does not own them.
        symbol.appendSymbolLayer(line)
    return symbol
