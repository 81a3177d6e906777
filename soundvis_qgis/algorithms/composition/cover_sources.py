"""What lies around places: shares of classes in circles, from vector layers or from a class raster."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsPointXY,
    QgsRasterLayer,
    QgsRectangle,
)

from soundvis_core.errors import InputError, SiteError
from soundvis_core.progress import Progress

from ...layers.cover_remarks import Remarks, WidthRemarks
from ...layers.crosswalk_rasters import crosswalk_raster, fitting_hint, listed
from ...layers.land_cover import (
    CoverLayer,
    CoverOptions,
    Kind,
    box_about,
    is_nodata,
    metres_per_unit,
    moved_point,
)
from ...layers.line_widths import WIDEST
from ...layers.painted_cover import PaintedCover
from ...layers.rasters import RasterSource

if TYPE_CHECKING:
    from soundvis_core.bga.crosswalks import Crosswalk
    from soundvis_core.geodesy import LocalFrame

#: Samples over the diameter of a circle on a raster: 0.8 m at a radius of 100 m.
SAMPLES = 256
#: Sites in a field of so many degrees share one plane: 16 km from its middle, a metre is true to a millionth.
_FIELD = 0.1


@dataclass
class _Field:
    """The neighbourhood of the sites of one field: a place in it, its plane, its extent in metres, what lies in it.

    awaited: of how many sites the circle is still to come; what lies there is kept until the last.
    """

    centre: QgsPointXY
    frame: LocalFrame
    extent: QgsRectangle
    awaited: int = 0
    cover: PaintedCover | None = None
    error: SiteError | None = None


class VectorCover:
    """Polygons and lines of several layers, seen from above, in true metres."""

    def __init__(
        self, layers: Sequence[CoverLayer], options: CoverOptions, transforms: QgsCoordinateTransformContext
    ) -> None:
        self.crs: QgsCoordinateReferenceSystem = layers[0].crs
        self.name = layers[0].name
        self._layers = layers
        self._options = options
        self._transforms = transforms
        self._fields: dict[tuple[int, int], _Field] = {}
        self._to_degrees = QgsCoordinateTransform(
            self.crs, QgsCoordinateReferenceSystem("EPSG:4326"), transforms
        )
        self._remarks, self._widths = Remarks(), WidthRemarks()

    def extent(self) -> QgsRectangle:
        """What the layers cover together, in the plane of the first."""
        whole = QgsRectangle()
        whole.setMinimal()
        for layer in self._layers:
            if not layer.extent.isEmpty():
                transform = QgsCoordinateTransform(layer.crs, self.crs, self._transforms)
                whole.combineExtentWith(transform.transformBoundingBox(layer.extent))
        return whole

    def check(self, crosswalk: Crosswalk) -> None:
        """Raise InputError where the map is empty, or the crosswalk knows none of its classes."""
        from soundvis_core.bga.crosswalks import GROUND

        filled = [layer for layer in self._layers if not layer.empty]
        if not filled:
            raise InputError(
                f"{_named(self._layers)} has no features. Check the source and filter of the layer."
            )
        classes = list(dict.fromkeys(text for layer in filled for text in layer.classes))
        if not classes or any(layer.knows_classes for layer in filled):
            return
        raise InputError(
            f"None of the classes in {_named(filled)} ({listed(classes)}) is in the crosswalk {crosswalk.name}. "
            f"{fitting_hint(classes, GROUND)}Choose the crosswalk and the class field of this map, or give a crosswalk "
            "of your own with these classes."
        )

    def start(self, points: Sequence[QgsPointXY], radius: float) -> None:
        """Learn where the circles will be, so that each part of the map is read once."""
        self._radius = radius
        reach = radius + (WIDEST if self._options.width_field else self._options.width) / 2.0 + 1.0
        for point in points:
            try:
                found = self._field(point)
                east, north = map(float, found.frame.from_crs(point.x(), point.y()))
            except SiteError:
                continue  # told when its turn comes
            found.awaited += 1
            found.extent.combineExtentWith(
                QgsRectangle(east - reach, north - reach, east + reach, north + reach)
            )

    def shares(self, point: QgsPointXY, progress: Progress) -> Mapping[Kind, float]:
        """The share of each class in the circle about a place. Raises SiteError where there can be none."""
        found = self._field(point)
        if found.error is not None:
            raise found.error
        if found.cover is None:
            try:
                found.cover = self._read(found, progress)
            except SiteError as error:
                found.error = error
                raise
        cover = found.cover
        found.awaited -= 1
        if found.awaited <= 0:
            found.cover = None
        east, north = found.frame.from_crs(point.x(), point.y())
        return cover.shares(float(east), float(north), self._radius)

    def _field(self, point: QgsPointXY) -> _Field:
        from soundvis_core.geodesy import LocalFrame

        degrees = moved_point(point, self.crs, self._to_degrees.destinationCrs(), self._transforms)
        key = math.floor(degrees.x() / _FIELD), math.floor(degrees.y() / _FIELD)
        if key not in self._fields:
            frame = LocalFrame(self._layers[0].crs_text, point.x(), point.y())
            nowhere = QgsRectangle()
            nowhere.setMinimal()
            self._fields[key] = _Field(point, frame, nowhere)
        return self._fields[key]

    def _read(self, found: _Field, progress: Progress) -> PaintedCover:
        from soundvis_core.geodesy import LocalFrame

        shapes = []
        for order, layer in enumerate(self._layers):
            centre = moved_point(found.centre, self.crs, layer.crs, self._transforms)
            frame = LocalFrame(layer.crs_text, centre.x(), centre.y())
            box = box_about(frame, found.extent)
            scale = metres_per_unit(frame, centre.x(), centre.y(), box.width() / 1000.0)
            shapes += layer.shapes(box, frame, scale, order, self._remarks, self._widths, progress)
        return PaintedCover(shapes)

    def nothing(self, point: QgsPointXY, radius: float) -> str:
        """Why there are no shares about a place."""
        frame = self._field(point).frame
        return _nothing(self.extent(), frame, *frame.from_crs(point.x(), point.y()), radius)

    def tell(self, progress: Progress) -> None:
        """What was met, for the log."""
        used = len(self._remarks.used)
        progress.info(
            f"{used} {'polygon or line lies' if used == 1 else 'polygons and lines lie'} near the sites."
        )
        warnings = self._remarks.warnings()
        empty = [layer for layer in self._layers if layer.empty]
        if empty:
            warnings.append(f"{_named(empty)} has no features, so it covers nothing.")
        if self._options.width_field:
            warnings.append(self._widths.warning(self._options.width_field, self._options.width))
        for line in filter(None, warnings):
            progress.warn(line)
        if self._remarks.left_out():
            progress.info(self._remarks.left_out())

    def fitting(self, unknown: Collection[str], known: int) -> str:
        """Which crosswalk fits better where most classes are ``unknown``, as a sentence; empty where none does."""
        from soundvis_core.bga.crosswalks import GROUND

        return fitting_hint(unknown, GROUND) if len(unknown) > known else ""


def _nothing(extent: QgsRectangle, frame: LocalFrame, east: float, north: float, radius: float) -> str:
    """Why a circle about (east, north) in the metres of a frame has no class."""
    import numpy as np

    x, y = frame.from_crs(
        np.array([extent.xMinimum(), extent.xMaximum()] * 2),
        np.array([extent.yMinimum(), extent.yMaximum()]).repeat(2),
    )
    # False where the map has no extent, or one that the plane cannot hold.
    if (np.hypot(x - east, y - north) < radius).all():
        return "the map lies within the circle, but fills too little of it to be measured: choose a smaller radius"
    return "the map shows nothing within the circle"


def _named(layers: Sequence[CoverLayer]) -> str:
    return ", ".join(f"'{layer.name}'" for layer in layers)


@dataclass
class RasterCover:
    """A class raster, sampled."""

    raster: RasterSource
    kinds: Mapping[int, Kind]
    hint: str
    nodata: Collection[int] = ()
    radius: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.crs = self.raster.crs
        self.name = self.raster.name

    @classmethod
    def of(cls, layer: QgsRasterLayer, crosswalk: Crosswalk) -> RasterCover:
        """Raises InputError where the raster is no class raster or shares no class with the crosswalk."""
        from soundvis_core.bga.crosswalks import GROUND

        found = crosswalk_raster(layer, crosswalk, GROUND)
        kinds = {code: Kind.of(row, crosswalk) for code, row in found.rows.items()}
        nodata = [code for code, row in found.rows.items() if is_nodata(row)]
        unknown = {code: Kind(f"{code} {name}".strip()) for code, name in found.unknown.items()}
        return cls(found.raster, {**kinds, **unknown}, found.hint, nodata)

    def extent(self) -> QgsRectangle:
        """What the raster covers."""
        return self.raster.extent

    def start(self, points: Sequence[QgsPointXY], radius: float) -> None:
        """Learn the radius of the circles."""
        from soundvis_core.geodesy import disc_mask

        self.radius = radius
        self._disc = disc_mask(SAMPLES)

    def shares(self, point: QgsPointXY, progress: Progress) -> Mapping[Kind, float]:
        """The share of each class in the circle about a place. Raises SiteError where there can be none."""
        import numpy as np

        from soundvis_core.geodesy import LocalFrame

        frame = LocalFrame(self.raster.crs_text, point.x(), point.y())
        x, y = frame.square_to_crs(2.0 * self.radius, SAMPLES)
        codes, known = self.raster.codes_at(x[self._disc], y[self._disc])
        known &= ~np.isin(codes, list(self.nodata))
        shares: dict[Kind, float] = {}
        for code, count in zip(*(part.tolist() for part in np.unique(codes[known], return_counts=True))):
            kind = self.kinds.get(int(code)) or Kind(f"{code:g}")
            shares[kind] = shares.get(kind, 0.0) + count / codes.size
        return shares

    def nothing(self, point: QgsPointXY, radius: float) -> str:
        """Why there are no shares about a place."""
        from soundvis_core.geodesy import LocalFrame

        return _nothing(
            self.extent(), LocalFrame(self.raster.crs_text, point.x(), point.y()), 0.0, 0.0, radius
        )

    def tell(self, progress: Progress) -> None:
        """Nothing beyond what the shares tell."""

    def fitting(self, unknown: Collection[str], known: int) -> str:
        """Which crosswalk fits better, as a sentence; told of all codes of the raster when it was read."""
        return self.hint
