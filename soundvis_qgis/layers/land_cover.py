"""Vector layers as land cover: the class of each feature, and its ground as polygons in true metres."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from soundvis_core.landcover.osm_ground import (
    LOOKED_AT,
    MAIN_KEYS,
    is_overlay,
    is_underground,
    unknown_ground,
)
from soundvis_core.landcover.osm_tags import parse_hstore
from soundvis_core.progress import Progress, check_cancelled

from ..compat import is_null
from .cover_remarks import (
    NO_CLASS,
    NO_DATA,
    NO_GROUND,
    NO_WEIGHTS,
    UNDERGROUND,
    FeatureKey,
    LeftOut,
    Remarks,
    WidthRemarks,
)
from .geodesic import is_placed
from .line_widths import OTHER_TAGS, LineWidths
from .painted_cover import Shape, polygons_of

if TYPE_CHECKING:
    from soundvis_core.bga.crosswalk_rows import CrosswalkRow
    from soundvis_core.bga.crosswalks import Crosswalk
    from soundvis_core.geodesy import LocalFrame

#: The field in which Geofabrik's files keep the class.
_GEOFABRIK = "fclass"
#: Where a class stands in one field, what else is read of a feature.
_BESIDE = ("tunnel", "location")
#: So many different classes of a field are looked at to tell whether any is known.
_MOST_CLASSES = 1000
#: Longer edges (metres) are divided, so that what is straight in the layer's plane stays so on the ground.
_LONGEST_EDGE = 1000.0
#: Corners per quarter of a circle where lines become areas.
_QUARTER = 4
_ORDERS = ("size", "layers")


@dataclass(frozen=True)
class Kind:
    """A class as the map has it: its name, under which name its weights are, and under which its share is given.

    An unknown class has a name only. underneath: its areas count only where nothing else covers the ground, because
    tags say much that lies over ground of any kind.
    """

    name: str
    category: str = ""
    share: str = ""
    underneath: bool = False

    @classmethod
    def of(cls, row: CrosswalkRow, crosswalk: Crosswalk) -> Kind:
        """The class that a row of a crosswalk stands for."""
        underneath = bool(crosswalk.keys) and row.weights is None
        return cls(row.name, crosswalk.category(row), crosswalk.share_name(row), underneath)


@dataclass(frozen=True)
class CoverOptions:
    """How layers are read.

    class_field: empty for the tags of OpenStreetMap in fields of their own. width: of lines, in metres on the
    ground; width_field: the field or tag where a line has its own. order: ``size`` (buildings, then lines, then
    polygons from small to large) or ``layers`` (the first layer and, within a layer, the last feature on top); in both,
    what is ``underneath`` lies below all else.
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
        if not is_placed(self.crs):
            raise InputError(
                f"The layer '{self.name}' has no coordinate reference system. Set it (Layer > Set CRS) and run again."
            )
        self.crs_text = self.crs.toWkt()
        self.extent = layer.extent()
        self.lines = layer.geometryType() == QgsWkbTypes.GeometryType.LineGeometry
        # -1 and -2 stand for unknown.
        self.empty = layer.featureCount() == 0
        self._crosswalk = crosswalk
        self._options = options
        self._source = QgsVectorLayerFeatureSource(layer)
        self._kinds: dict[tuple[str, ...], Kind | LeftOut] = {}
        self._columns = {} if self.empty else self._find_columns([f.name() for f in layer.fields()])
        self._widths = LineWidths(layer.fields(), options.width, options.width_field)
        self.classes = self._listed_classes(layer)

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
            return {"": lower.index(wanted.lower()), **_positions(_BESIDE, lower)}
        if not self._crosswalk.keys:
            raise InputError(
                f"Which field of '{self.name}' holds the classes of the crosswalk {self._crosswalk.name}? Give it as "
                f"the class field; the fields are {', '.join(names) or 'none'}."
            )
        keys = tuple(dict.fromkeys((*self._crosswalk.keys, *MAIN_KEYS)))
        columns = _positions((*keys, OTHER_TAGS), lower)
        if not columns and _GEOFABRIK in lower:
            return {"": lower.index(_GEOFABRIK), **_positions(_BESIDE, lower)}
        if not columns:
            raise InputError(
                f"The layer '{self.name}' has none of the fields {', '.join(keys)} that hold tags of OpenStreetMap; "
                f"its fields are {', '.join(names) or 'none'}. Give the field of the class."
            )
        return {**columns, **_positions(LOOKED_AT, lower)}

    def _listed_classes(self, layer: QgsVectorLayer) -> tuple[str, ...]:
        """The classes in the layer's class field, the first thousand; none where tags tell them."""
        if "" not in self._columns:
            return ()
        values = layer.uniqueValues(self._columns[""], _MOST_CLASSES)
        return tuple(sorted(filter(None, map(_text, values))))

    @property
    def knows_classes(self) -> bool:
        """Whether the crosswalk may know a class of the layer; told of layers with a class field only."""
        return "" not in self._columns or any(
            self._crosswalk.valued(text, self.lines)[0] is not None for text in self.classes
        )

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
        found: list[tuple[Kind, tuple[float, ...], float, FeatureKey]] = []
        flat: list[bytes] = []
        for number, feature in enumerate(self._source.getFeatures(request)):
            if number % 1000 == 0:
                check_cancelled(progress)
            key = FeatureKey(order, feature.id())
            kind = self._kind(feature)
            if isinstance(kind, LeftOut):
                remarks.leave_out(key, kind)
                continue
            part, area = self._part(feature, key, box, scale, remarks)
            if part is None:
                continue
            width = self._widths.of(feature, key, widths) if self.lines else 0.0
            found.append((kind, self._rank(kind, area, width, order, number), width, key))
            flat.append(bytes(part.asWkb()))
        shapes = []
        for (kind, rank, width, key), moved in zip(found, move_shapes(flat, frame.from_crs)):
            geometry = self._on_ground(moved, width)
            if geometry is None:
                remarks.unreadable.add(key)
                continue
            remarks.used.add(key)
            shapes.append(Shape(geometry, kind, rank))
        return shapes

    def _kind(self, feature: QgsFeature) -> Kind | LeftOut:
        """The class of a feature, or why it covers no ground."""
        said = tuple(_text(feature.attribute(column)) for column in self._columns.values())
        if said not in self._kinds:
            self._kinds[said] = self._classify(dict(zip(self._columns, said)))
        return self._kinds[said]

    def _classify(self, said: Mapping[str, str]) -> Kind | LeftOut:
        tags = dict(said)
        for key, value in parse_hstore(tags.pop(OTHER_TAGS, "")).items():
            tags.setdefault(key, value)
            tags[key] = tags[key] or value
        if "" in tags:
            row, name = self._crosswalk.valued(tags[""], self.lines)
            is_ground = bool(name) and not (self._crosswalk.keys and not self.lines and is_overlay(name))
        else:
            row, name = self._tagged(tags)
            if row is None:
                name, is_ground = unknown_ground(tags, self._crosswalk.keys, self.lines)
        if is_underground(tags, self.lines):
            return LeftOut(UNDERGROUND, name)
        if row is None:
            return Kind(name) if is_ground else LeftOut(NO_GROUND, name) if name else LeftOut(NO_CLASS)
        if is_nodata(row):
            return LeftOut(NO_DATA, name)
        if self.lines and row.weights is None:
            return LeftOut(NO_WEIGHTS, name)
        return Kind.of(row, self._crosswalk)

    def _tagged(self, tags: Mapping[str, str]) -> tuple[CrosswalkRow | None, str]:
        """The row of tags and its name; of an area's rows the first with weights, where there is one."""
        first = found = self._crosswalk.tagged(tags)
        rest = dict(tags)
        while not self.lines and found[0] is not None and found[0].weights is None:
            rest.pop(found[0].key, None)
            found = self._crosswalk.tagged(rest)
        return first if found[0] is None else found

    def _part(
        self, feature: QgsFeature, key: FeatureKey, box: QgsRectangle, scale: float, remarks: Remarks
    ) -> tuple[QgsGeometry | None, float]:
        """The part of a feature in ``box``, flat and valid, and the area of the whole feature in square metres."""
        if not feature.hasGeometry() or feature.geometry().isEmpty():
            return None, 0.0
        geometry = _plain(feature.geometry())
        if not self.lines and not geometry.isGeosValid():
            repaired = polygons_of(geometry.makeValid())
            if repaired.isEmpty():
                remarks.unreadable.add(key)
                return None, 0.0
            remarks.repair(key, self.name)
            geometry = repaired
        bounds = geometry.boundingBox()
        if not math.isfinite(bounds.width() + bounds.height()):
            remarks.unreadable.add(key)
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
            return (kind.underneath, order, -number)
        level = 3 if kind.underneath else 1 if self.lines else 0 if kind.category == "Building" else 2
        return (level, -width if self.lines else area, order, -number)


def is_nodata(row: CrosswalkRow) -> bool:
    """Whether a class only says that nothing is known, as CORINE's NODATA does."""
    from soundvis_core.classes import slug

    return row.weights is None and slug(row.name) == "nodata"


def _positions(wanted: Iterable[str], names: Sequence[str]) -> dict[str, int]:
    return {name: names.index(name) for name in wanted if name in names}


def _text(value: Any) -> str:
    if is_null(value):
        return ""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


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
