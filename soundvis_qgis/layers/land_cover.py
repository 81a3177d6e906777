"""Vector layers as land cover: the class of each feature, and its ground as polygons in true metres."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPointXY,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
    QgsWkbTypes,
)

from soundvis_core.errors import SKIPPED, InputError, SiteError
from soundvis_core.landcover.osm_tags import parse_hstore
from soundvis_core.progress import Progress, check_cancelled

from ..compat import is_null
from .cover_remarks import Remarks, WidthRemarks
from .line_widths import OTHER_TAGS, LineWidths
from .painted_cover import Shape, polygons_of

if TYPE_CHECKING:
    from soundvis_core.bga.crosswalk_rows import CrosswalkRow
    from soundvis_core.bga.crosswalks import Crosswalk
    from soundvis_core.geodesy import LocalFrame

#: The field in which Geofabrik's files keep the class.
_GEOFABRIK = "fclass"
#: What lies in a tunnel or pipe covers no ground.
_UNDERGROUND = ("yes", "culvert", "flooded", "t", "true", "1")
#: Longer edges (metres) are divided, so that what is straight in the layer's plane stays so on the ground.
_LONGEST_EDGE = 1000.0
#: Corners per quarter of a circle where lines become areas.
_QUARTER = 4
_ORDERS = ("size", "layers")


@dataclass(frozen=True)
class Kind:
    """A class as the map has it: its name, under which name its weights are, and under which its share is given.

    An unknown class has a name only.
    """

    name: str
    category: str = ""
    share: str = ""

    @classmethod
    def of(cls, row: CrosswalkRow, crosswalk: Crosswalk) -> Kind:
        """The class that a row of a crosswalk stands for."""
        return cls(row.name, crosswalk.category(row), crosswalk.share_name(row))


@dataclass(frozen=True)
class CoverOptions:
    """How layers are read.

    class_field: empty for the tags of OpenStreetMap in fields of their own. width: of lines, in metres on the
    ground; width_field: the field or tag where a line has its own. order: ``size`` (buildings, then lines, then
    polygons from small to large) or ``layers`` (the first layer and, within a layer, the last feature on top).
    """

    class_field: str = ""
    width: float = 6.0
    width_field: str = ""
    order: str = _ORDERS[0]


class CoverLayer:
    """One layer of polygons or lines. Made in the main thread; read in one thread."""

    def __init__(self, layer: QgsVectorLayer, crosswalk: Crosswalk, options: CoverOptions) -> None:
        """Raises InputError for a layer that cannot be land cover, or lacks the fields that are needed."""
        self.name = layer.name()
        self.crs = layer.crs()
        if not layer.isValid():
            raise InputError(f"The layer '{self.name}' cannot be read. Check its source.")
        if layer.geometryType() not in (
            QgsWkbTypes.GeometryType.PolygonGeometry,
            QgsWkbTypes.GeometryType.LineGeometry,
        ):
            raise InputError(
                f"The layer '{self.name}' has neither polygons nor lines, so it covers no ground. Take it off the list."
            )
        if not self.crs.isValid():
            raise InputError(
                f"The layer '{self.name}' has no coordinate reference system. Set it (Layer > Set CRS) and run again."
            )
        self.crs_text = self.crs.toWkt()
        self.extent = layer.extent()
        self.lines = layer.geometryType() == QgsWkbTypes.GeometryType.LineGeometry
        self.count = max(layer.featureCount(), 0)
        self._crosswalk = crosswalk
        self._options = options
        self._source = QgsVectorLayerFeatureSource(layer)
        self._kinds: dict[tuple[str, ...], Kind | None] = {}
        self._columns = self._find_columns([f.name() for f in layer.fields()])
        self._widths = LineWidths(layer.fields(), options.width, options.width_field)

    def _find_columns(self, names: Sequence[str]) -> dict[str, int]:
        """Positions of the fields that tell the class: one under "", or those of tags under their keys."""
        lower = [name.lower() for name in names]
        wanted = self._options.class_field.strip()
        if wanted:
            if wanted.lower() not in lower:
                raise InputError(
                    f"The layer '{self.name}' has no field '{wanted}' (given as class field); its fields are "
                    f"{', '.join(names) or 'none'}."
                )
            return {"": lower.index(wanted.lower()), **_position("tunnel", lower)}
        if not self._crosswalk.keys:
            raise InputError(
                f"Which field of '{self.name}' holds the classes of the crosswalk {self._crosswalk.name}? Give it as "
                f"the class field; the fields are {', '.join(names) or 'none'}."
            )
        keys = (*self._crosswalk.keys, OTHER_TAGS)
        columns = {key: lower.index(key) for key in keys if key in lower}
        if not columns and _GEOFABRIK in lower:
            return {"": lower.index(_GEOFABRIK), **_position("tunnel", lower)}
        if not columns:
            raise InputError(
                f"The layer '{self.name}' has none of the fields {', '.join(self._crosswalk.keys)} that hold tags of "
                f"OpenStreetMap; its fields are {', '.join(names) or 'none'}. Give the field of the class."
            )
        return {**columns, **_position("tunnel", lower)}

    @property
    def has_widths(self) -> bool:
        """Whether the layer has lines and a field that may tell their width."""
        return self.lines and bool(self._widths.columns)

    def shapes(
        self,
        box: QgsRectangle,
        frame: LocalFrame,
        scale: float,
        order: int,
        remarks: Remarks,
        widths: WidthRemarks,
        progress: Progress,
    ) -> list[Shape]:
        """What lies in ``box`` (in the layer's plane) as polygons in the metres of ``frame``.

        scale: metres per unit of the plane there; order: position of the layer among all.
        """
        from soundvis_core.landcover.wkb import move_shapes

        wanted = [*self._columns.values(), *(self._widths.columns if self.lines else [])]
        request = QgsFeatureRequest(box).setSubsetOfAttributes(wanted)
        found: list[tuple[Kind, tuple[float, ...], float]] = []
        flat: list[bytes] = []
        for number, feature in enumerate(self._source.getFeatures(request)):
            if number % 1000 == 0:
                check_cancelled(progress)
            kind = self._kind(feature, remarks)
            if kind is None:
                continue
            part, area = self._part(feature, box, scale, remarks)
            if part is None:
                continue
            width = self._widths.of(feature, widths) if self.lines else 0.0
            found.append((kind, self._rank(kind, area, width, order, number), width))
            flat.append(bytes(part.asWkb()))
        shapes = []
        for (kind, rank, width), moved in zip(found, move_shapes(flat, frame.from_crs)):
            geometry = self._on_ground(moved, width)
            if geometry is None:
                remarks.unreadable += 1
                continue
            shapes.append(Shape(geometry, kind, rank))
        return shapes

    def _kind(self, feature: QgsFeature, remarks: Remarks) -> Kind | None:
        """The class of a feature; None where it says nothing, lies underground, or is a line without weights."""
        said = tuple(self._said(feature, column) for column in self._columns.values())
        if said not in self._kinds:
            self._kinds[said] = self._classify(dict(zip(self._columns, said)))
        kind = self._kinds[said]
        if kind is None:
            remarks.unclassed += 1
        return kind

    @staticmethod
    def _said(feature: QgsFeature, column: int) -> str:
        value = feature.attribute(column)
        if is_null(value):
            return ""
        return f"{value:.15g}" if isinstance(value, float) else str(value)

    def _classify(self, said: Mapping[str, str]) -> Kind | None:
        tags = dict(said)
        for key, value in parse_hstore(tags.pop(OTHER_TAGS, "")).items():
            tags.setdefault(key, value)
            tags[key] = tags[key] or value
        if self.lines and tags.get("tunnel", "").lower() in _UNDERGROUND:
            return None
        row, name = (
            self._crosswalk.valued(tags[""], self.lines) if "" in tags else self._crosswalk.tagged(tags)
        )
        if row is None:
            return Kind(name) if name else None
        if self.lines and row.weights is None:
            return None
        return Kind.of(row, self._crosswalk)

    def _part(
        self, feature: QgsFeature, box: QgsRectangle, scale: float, remarks: Remarks
    ) -> tuple[QgsGeometry | None, float]:
        """The part of a feature in ``box``, flat and valid, and the area of the whole feature in square metres."""
        if not feature.hasGeometry() or feature.geometry().isEmpty():
            return None, 0.0
        geometry = _plain(feature.geometry())
        if not self.lines and not geometry.isGeosValid():
            repaired = polygons_of(geometry.makeValid())
            if repaired.isEmpty():
                remarks.unreadable += 1
                return None, 0.0
            remarks.repair(f"{feature.id()} of '{self.name}'")
            geometry = repaired
        bounds = geometry.boundingBox()
        if not math.isfinite(bounds.width() + bounds.height()):
            remarks.unreadable += 1
            return None, 0.0
        area = 0.0 if self.lines else geometry.area() * scale * scale
        if not box.contains(bounds):
            geometry = geometry.clipped(box)
            geometry = geometry if self.lines else polygons_of(geometry)
            if geometry.isEmpty():
                return None, 0.0
        if max(bounds.width(), bounds.height()) * scale > _LONGEST_EDGE:
            geometry = geometry.densifyByDistance(_LONGEST_EDGE / scale)
        return geometry, area

    def _on_ground(self, shape: bytes | None, width: float) -> QgsGeometry | None:
        if shape is None:
            return None
        geometry = QgsGeometry()
        geometry.fromWkb(shape)
        if self.lines:
            geometry = geometry.buffer(width / 2.0, _QUARTER)
        elif not geometry.isGeosValid():
            geometry = polygons_of(geometry.makeValid())
        return None if geometry.isNull() or geometry.isEmpty() else geometry

    def _rank(self, kind: Kind, area: float, width: float, order: int, number: int) -> tuple[float, ...]:
        if self._options.order != _ORDERS[0]:
            return (order, -number)
        level = 1 if self.lines else 0 if kind.category == "Building" else 2
        return (level, -width if self.lines else area, order, -number)


def _position(name: str, names: Sequence[str]) -> dict[str, int]:
    return {name: names.index(name)} if name in names else {}


def _plain(geometry: QgsGeometry) -> QgsGeometry:
    """The geometry without curves, heights and measures."""
    shape = geometry.constGet()
    if QgsWkbTypes.isCurvedType(geometry.wkbType()):
        geometry = QgsGeometry(shape.segmentize())
    if QgsWkbTypes.hasZ(geometry.wkbType()) or QgsWkbTypes.hasM(geometry.wkbType()):
        geometry = QgsGeometry(geometry)
        geometry.get().dropZValue()
        geometry.get().dropMValue()
    return geometry


def box_about(frame: LocalFrame, extent: QgsRectangle) -> QgsRectangle:
    """What an extent in the metres of a frame takes in the plane of the frame's CRS.

    Raises SiteError (skipped) where it crosses the edge of the CRS.
    """
    import numpy as np

    edges = (extent.xMinimum(), extent.xMaximum(), extent.yMinimum(), extent.yMaximum())
    # Raises what this may raise, for the square about the whole extent.
    frame.square(2.0 * max(map(abs, edges)))
    knots = np.linspace(0.0, 1.0, 17)
    x, y = frame.to_crs(*np.meshgrid(edges[0] + knots * extent.width(), edges[2] + knots * extent.height()))
    box = QgsRectangle(float(x.min()), float(y.min()), float(x.max()), float(y.max()))
    # Edges bow out between the knots.
    box.grow(0.01 * max(box.width(), box.height()))
    return box


def metres_per_unit(frame: LocalFrame, x: float, y: float, unit: float) -> float:
    """Metres on the ground per unit of the CRS about (x, y); ``unit`` is a small length in the CRS."""
    return frame.pixel_size(x, y, unit, unit) / unit


def moved_point(
    point: QgsPointXY,
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    transforms: QgsCoordinateTransformContext,
) -> QgsPointXY:
    """A place in another CRS. Raises SiteError (skipped) where it has none there."""
    try:
        moved = QgsCoordinateTransform(source, target, transforms).transform(point)
    except QgsCsException as error:
        raise SiteError(
            f"the place lies outside the area of {target.authid() or 'a layer'}", SKIPPED
        ) from error
    if not (math.isfinite(moved.x()) and math.isfinite(moved.y())):
        raise SiteError(f"the place lies outside the area of {target.authid() or 'a layer'}", SKIPPED)
    return moved
