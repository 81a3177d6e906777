"""The symbol that points are drawn with."""

from __future__ import annotations

from qgis.core import QgsMarkerSymbol

from .colours import RGB

#: Colour and width (mm) of the edge: a light one on any basemap, a dark one where a class is nearly white.
_LIGHT, _DARK = ("#ffffff", 0.3), ("#555555", 0.2)


def circle(colour: RGB, size: float, *, dark: bool = False) -> QgsMarkerSymbol:
    """A filled circle of ``size`` mm with a light or a ``dark`` edge."""
    outline, width = _DARK if dark else _LIGHT
    return QgsMarkerSymbol.createSimple(
        {
            "name": "circle",
            "size": str(size),
            "color": "{},{},{}".format(*colour),
            "outline_color": outline,
            "outline_width": str(width),
        }
    )
