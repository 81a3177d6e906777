"""Sites at the crossings of a grid with a spacing in true metres."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsRectangle,
)

from soundvis_core.errors import InputError

from ...compat import POINT
from ...layers.sinks import integer, plain_fields

if TYPE_CHECKING:
    import numpy as np

#: More sites than this are a mistake of units, or a task for a raster.
MOST = 500_000
ID = integer("site_id", "Site", "number of the site in the grid, from the north-west")


class GridSource:
    """A grid over ``extent`` as a source of sites: what the tools ask of a feature source."""

    def __init__(self, extent: QgsRectangle, crs: QgsCoordinateReferenceSystem, spacing: float) -> None:
        """``spacing`` in metres on the ground. Raises InputError where there would be no sites, or too many."""
        import numpy as np

        from soundvis_core.geodesy import LocalFrame

        if extent.isEmpty() or not math.isfinite(extent.width() + extent.height()):
            raise InputError("The extent of the grid is empty. Give an extent that the land cover fills.")
        self._crs = crs
        frame = LocalFrame(crs.toWkt(), extent.center().x(), extent.center().y())
        x, y = np.meshgrid(
            np.linspace(extent.xMinimum(), extent.xMaximum(), 17),
            np.linspace(extent.yMinimum(), extent.yMaximum(), 17),
        )
        east, north = frame.from_crs(x, y)
        if not (np.isfinite(east).all() and np.isfinite(north).all()):
            raise InputError(
                "The extent reaches beyond its coordinate reference system. Give a smaller extent."
            )
        columns, rows = _steps(float(np.ptp(east)), spacing), -_steps(float(np.ptp(north)), spacing)
        if columns.size * rows.size > MOST:
            raise InputError(
                f"A grid of {spacing:g} m over this extent has {columns.size * rows.size:,} sites; the most is "
                f"{MOST:,}. Give a wider spacing or a smaller extent."
            )
        places = frame.to_crs(*np.meshgrid(columns, rows))
        inside = (
            (places[0] >= extent.xMinimum())
            & (places[0] <= extent.xMaximum())
            & (places[1] >= extent.yMinimum())
            & (places[1] <= extent.yMaximum())
        )
        self._x, self._y = places[0][inside].tolist(), places[1][inside].tolist()
        self._fields = plain_fields(QgsFields(), [ID])

    def sourceCrs(self) -> QgsCoordinateReferenceSystem:
        return self._crs

    def wkbType(self) -> Any:
        return POINT

    def fields(self) -> QgsFields:
        return self._fields

    def featureCount(self) -> int:
        return len(self._x)

    def getFeatures(self, *_request: Any) -> Iterator[QgsFeature]:
        for number, (x, y) in enumerate(zip(self._x, self._y), start=1):
            feature = QgsFeature(self._fields, number)
            feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(x, y)))
            feature.setAttributes([number])
            yield feature


def _steps(length: float, spacing: float) -> np.ndarray:
    """Places ``spacing`` apart about the middle of a length, at least half a spacing from its ends."""
    import numpy as np

    # A length typed with rounded numbers should not lose a place.
    count = max(1, math.floor(length / spacing + 1e-6))
    return (np.arange(count) - (count - 1) / 2.0) * spacing
