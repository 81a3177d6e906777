"""How results are drawn: BGA pies, ternary colours, dominant category, class rasters, BGA rasters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsContrastEnhancement,
    QgsDiagramLayerSettings,
    QgsDiagramSettings,
    QgsLinearlyInterpolatedDiagramRenderer,
    QgsMapLayer,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsPieDiagram,
    QgsProperty,
    QgsRasterLayer,
    QgsRendererCategory,
    QgsSingleSymbolRenderer,
    QgsSymbolLayer,
    QgsUnitTypes,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSizeF
from qgis.PyQt.QtGui import QColor

from .colours import ANTHROPHONY, BIOPHONY, GEOPHONY, UNKNOWN, mix_expression
from .markers import circle
from .outputs import Styler

CATEGORIES = (
    ("bio", "Biophony", BIOPHONY),
    ("geo", "Geophony", GEOPHONY),
    ("ant", "Anthrophony", ANTHROPHONY),
)
_MILLIMETRES = QgsUnitTypes.RenderUnit.RenderMillimeters


def bga_styles(prefix: str) -> dict[str, Styler]:
    """The styles of sites with BGA fields behind ``prefix``; the first is the default."""
    return {
        "BGA pies": partial(_pies, prefix=prefix),
        "BGA ternary": partial(_ternary, prefix=prefix),
        "BGA dominant": partial(_dominant, prefix=prefix),
    }


def _has_fields(layer: QgsMapLayer, names: Sequence[str]) -> bool:
    return isinstance(layer, QgsVectorLayer) and all(layer.fields().lookupField(name) >= 0 for name in names)


def _pies(layer: QgsMapLayer, prefix: str) -> bool:
    """Pies of the three shares; the more of a site is known (1 - unmapped), the larger its pie."""
    names = [prefix + short for short, _, _ in CATEGORIES]
    if not _has_fields(layer, [*names, prefix + "unmapped"]):
        return False
    settings = QgsDiagramSettings()
    settings.enabled = True
    settings.categoryAttributes = [f'"{name}"' for name in names]
    settings.categoryLabels = [label for _, label, _ in CATEGORIES]
    settings.categoryColors = [QColor(*colour) for _, _, colour in CATEGORIES]
    settings.sizeType = _MILLIMETRES
    settings.lineSizeUnit = _MILLIMETRES
    settings.penColor = QColor(255, 255, 255)
    settings.penWidth = 0.25
    settings.opacity = 1.0
    settings.minimumSize = 3.0
    settings.scaleByArea = True
    settings.labelPlacementMethod = QgsDiagramSettings.LabelPlacementMethod.XHeight
    renderer = QgsLinearlyInterpolatedDiagramRenderer()
    renderer.setDiagram(QgsPieDiagram())
    renderer.setDiagramSettings(settings)
    renderer.setClassificationAttributeIsExpression(True)
    renderer.setClassificationAttributeExpression(f'1 - coalesce("{prefix}unmapped", 1)')
    renderer.setLowerValue(0.0)
    renderer.setUpperValue(1.0)
    renderer.setLowerSize(QSizeF(0.0, 0.0))
    renderer.setUpperSize(QSizeF(7.0, 7.0))
    layer.setDiagramRenderer(renderer)
    placement = QgsDiagramLayerSettings()
    placement.setPlacement(QgsDiagramLayerSettings.Placement.OverPoint)
    placement.setShowAllDiagrams(True)
    layer.setDiagramLayerSettings(placement)
    # A small grey dot stays visible where a site has no composition.
    layer.setRenderer(QgsSingleSymbolRenderer(circle(UNKNOWN, 1.6, dark=True)))
    return True


def _no_diagram(layer: QgsVectorLayer) -> None:
    layer.setDiagramRenderer(None)


def _ternary(layer: QgsMapLayer, prefix: str) -> bool:
    """One circle per site in the mixture of the three colours."""
    names = [prefix + short for short, _, _ in CATEGORIES]
    if not _has_fields(layer, names):
        return False
    symbol = circle(UNKNOWN, 4.0)
    colour = mix_expression(*names)
    symbol.symbolLayer(0).setDataDefinedProperty(
        QgsSymbolLayer.Property.PropertyFillColor,
        QgsProperty.fromExpression(f"coalesce({colour}, '150,150,150')"),
    )
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))
    _no_diagram(layer)
    return True


def _dominant(layer: QgsMapLayer, prefix: str) -> bool:
    """One colour per dominant category."""
    if not _has_fields(layer, [prefix + "dominant"]):
        return False
    categories = [
        QgsRendererCategory(label.lower(), circle(colour, 3.6), label) for _, label, colour in CATEGORIES
    ]
    categories.append(QgsRendererCategory("", circle(UNKNOWN, 2.2), "No composition"))
    layer.setRenderer(QgsCategorizedSymbolRenderer(prefix + "dominant", categories))
    _no_diagram(layer)
    return True


def class_style(classes: Sequence[tuple[int, str, tuple[int, int, int]]]) -> dict[str, Styler]:
    """Paletted style of a class raster: (code, name, colour) per class."""

    def paint(layer: QgsMapLayer) -> bool:
        if not isinstance(layer, QgsRasterLayer):
            return False
        entries = [
            QgsPalettedRasterRenderer.Class(code, QColor(*colour), name) for code, name, colour in classes
        ]
        layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, entries))
        return True

    return {"Classes": paint}


def rgb_style(red: int, green: int, blue: int, minimum: float, maximum: float) -> dict[str, Styler]:
    """Three bands as red, green and blue, stretched from ``minimum`` to ``maximum``."""

    def paint(layer: QgsMapLayer) -> bool:
        if not isinstance(layer, QgsRasterLayer) or layer.bandCount() < max(red, green, blue):
            return False
        provider = layer.dataProvider()
        renderer = QgsMultiBandColorRenderer(provider, red, green, blue)
        for band, setter in (
            (red, renderer.setRedContrastEnhancement),
            (green, renderer.setGreenContrastEnhancement),
            (blue, renderer.setBlueContrastEnhancement),
        ):
            stretch = QgsContrastEnhancement(provider.dataType(band))
            stretch.setMinimumValue(minimum)
            stretch.setMaximumValue(maximum)
            stretch.setContrastEnhancementAlgorithm(
                QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
            )
            setter(stretch)
        layer.setRenderer(renderer)
        return True

    return {"RGB": paint}
