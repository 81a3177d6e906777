"""Distances on the ellipsoid."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qgis.core import QgsCoordinateReferenceSystem, QgsDistanceArea, QgsPointXY


def geodesic_metres(first: Sequence[float], second: Sequence[float]) -> float | None:
    """The geodesic distance in metres of two places (longitude, latitude; WGS84); None where one is unknown."""
    numbers = [float(number) for number in (*first, *second)]
    if not all(map(math.isfinite, numbers)):
        return None
    measure = QgsDistanceArea()
    measure.setEllipsoid("EPSG:7030")
    return measure.measureLine(QgsPointXY(*numbers[:2]), QgsPointXY(*numbers[2:]))


def is_placed(crs: QgsCoordinateReferenceSystem) -> bool:
    """Whether a layer says where it lies."""
    # A GeoPackage keeps "no CRS" as a CRS of its own, "Undefined geographic SRS".
    return bool(crs.isValid()) and not crs.description().lower().startswith("undefined")
