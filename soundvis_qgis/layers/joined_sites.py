"""Sites whose values lie in one layer, or in several that are joined by a site id."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsFeature,
    QgsFields,
    QgsGeometry,
    QgsProcessingFeatureSource,
    QgsWkbTypes,
)

from soundvis_core.errors import InputError
from soundvis_core.progress import NO_PROGRESS, Progress, check_cancelled

from ..compat import is_null
from .blocks import (
    bga_order,
    draws_field,
    is_embedding,
    read_draws,
    read_numbers,
    read_vectors,
    reason_fields,
    said_reason,
)
from .site_tables import Column, SiteTable, find_column, listed_fields

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.statistics.results import Block

#: Fields by which users call their sites, the likeliest first.
SITE_NAMES = ("site_id", "site", "id", "name", "fid")
#: How often a long reading asks whether it was cancelled, in features.
_STRIDE = 2000
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?[0-9]+\.[0-9]*")


class JoinedSites:
    """The sites of a layer, with the fields of further layers joined by a site id.

    Values come as arrays in the order of the sites. Each is read by itself with the attributes it needs, so that
    no more than these arrays is held in memory.
    """

    def __init__(
        self,
        source: QgsProcessingFeatureSource,
        further: Sequence[SiteTable] = (),
        site_id: str = "",
        progress: Progress = NO_PROGRESS,
    ) -> None:
        """``site_id``: a field of every layer; needed where there are ``further`` ones, else the names of the sites.

        Raises InputError where it is missing.
        """
        import numpy as np

        self._source = source
        self._main = SiteTable(source.sourceName(), source.fields(), source)
        self._tables = [self._main, *further]
        self._site_id = site_id
        self._progress = progress
        #: Position by site id, for ids compared as text and by value.
        self._positions: dict[bool, dict[Any, int]] = {}
        #: Sites without an id, and per further layer the sites that are not in it, once they are known.
        self._unnamed = np.zeros(0, dtype=bool)
        self._absent: dict[int, np.ndarray] = {}
        if further and not site_id:
            raise InputError(
                "Further layers are joined by a site id. Choose the field with the id of each site (SITE_ID); every "
                "layer has to have it."
            )
        for table in self._tables if site_id else ():
            if table.fields.lookupField(site_id) < 0:
                raise InputError(
                    f"The layer '{table.name}' has no field '{site_id}' (given as site id); its fields are "
                    f"{listed_fields(table)}."
                )
        self._ids: np.ndarray | None = None
        self._ids = np.fromiter((feature.id() for feature in self._own([])), dtype=np.int64)

    def __len__(self) -> int:
        return 0 if self._ids is None else len(self._ids)

    @property
    def ids(self) -> np.ndarray:
        """The feature ids of the sites, (sites,) int64."""
        import numpy as np

        return np.zeros(0, dtype=np.int64) if self._ids is None else self._ids

    def block(self, names: Sequence[str], title: str, measure: str = "") -> Block:
        """A block from one embedding field (float32), or from one or more numeric fields (float64).

        ``title`` is its name. Raises InputError naming block and field where the fields do not make one.
        """
        from soundvis_core.statistics.results import Block

        columns = [find_column(self._tables, name, title) for name in names]
        other = [column for column in columns if not column.field.isNumeric()]
        if other and len(columns) > 1:
            raise InputError(
                f"{title}: '{other[0].name}' is an embedding, which is a block by itself. Give either one embedding "
                "field or one or more numeric fields."
            )
        if other:
            if not is_embedding(other[0].field):
                raise InputError(f"{title}: the field '{other[0].name}' is neither an embedding nor numeric.")
            rows = self._rows(other[0].table, [other[0].index])
            values = read_vectors(rows, other[0].index, len(self), other[0].name, title)
        else:
            values = self._numbers(columns)
        return Block(title, values, measure, reasons=self._reasons(columns, values))

    def bga_block(self, names: Sequence[str], title: str, measure: str = "") -> Block:
        """A block from three BGA fields, in any order, with the compositions under drawn weights where they are kept.

        Raises InputError where they are not three numeric fields that end in bio, geo and ant.
        """
        from soundvis_core.statistics.results import Block

        columns = [find_column(self._tables, name, title) for name in bga_order(names, title)]
        for column in columns:
            _need_numbers(column, title)
        values = self._numbers(columns)
        reasons = self._reasons(columns, values)
        return Block(title, values, measure, True, self._draws(columns[0], title), reasons)

    def numbers(self, name: str, title: str) -> np.ndarray:
        """A numeric field: (sites,) float64, NaN where it has no value. Raises InputError for other fields."""
        column = find_column(self._tables, name, title)
        _need_numbers(column, title)
        return self._numbers([column])[:, 0]

    def texts(self, name: str, title: str) -> list[str | None]:
        """A field as text; None where it has no value."""
        column = find_column(self._tables, name, title)
        found: list[str | None] = [None] * len(self)
        for site, feature in self._rows(column.table, [column.index]):
            value = feature.attribute(column.index)
            found[site] = None if is_null(value) else str(value)
        return found

    def groups(self, name: str) -> list[str | None] | None:
        """The group of each site, None where it has none; None altogether where no field is given."""
        return self.texts(name, "group") if name else None

    def site_names(self) -> list[str]:
        """What the user calls the sites: the site id, else a field whose name says so, else the feature ids."""
        for name in (self._site_id, *SITE_NAMES):
            index = self._main.fields.lookupField(name) if name else -1
            if index >= 0:
                named = ((feature.id(), feature.attribute(index)) for feature in self._own([index]))
                found = [f"feature {number}" if is_null(value) else str(value) for number, value in named]
                if name == self._site_id:
                    self._warn_of_namesakes(found)
                return found
        return [str(feature.id()) for feature in self._own([])]

    def _warn_of_namesakes(self, names: Sequence[str]) -> None:
        twice = {name: count for name, count in Counter(names).items() if count > 1}
        if twice:
            name, count = max(twice.items(), key=lambda item: item[1])
            self._progress.warn(
                f"{len(twice)} {'value' if len(twice) == 1 else 'values'} of '{self._site_id}' "
                f"{'recurs' if len(twice) == 1 else 'recur'} among the {len(names)} sites ('{name}' {count} times): "
                "results that name a site by it do not tell which one is meant."
            )

    def lonlat(self, transforms: QgsCoordinateTransformContext) -> np.ndarray | None:
        """Longitude and latitude in WGS84 degrees, (sites, 2) float64; NaN where a site has no place.

        Of several points their middle; of lines and areas a point on them. None where the layer has no geometry or
        no coordinate reference system.
        """
        import numpy as np

        crs = self._source.sourceCrs()
        if self._source.wkbType() == QgsWkbTypes.Type.NoGeometry:
            return None
        # A GeoPackage keeps "no CRS" as a CRS of its own, "Undefined geographic SRS".
        if not crs.isValid() or crs.description().lower().startswith("undefined"):
            self._progress.warn(
                f"'{self._main.name}' has no coordinate reference system, so distances between sites are unknown. "
                "Set it (Layer > Set CRS) and run again."
            )
            return None
        transform = QgsCoordinateTransform(crs, QgsCoordinateReferenceSystem("EPSG:4326"), transforms)
        places = np.full((len(self), 2), np.nan)
        for site, feature in enumerate(self._own([], geometry=True)):
            point = _point_of(feature.geometry())
            if point.isEmpty():
                continue
            try:
                place = transform.transform(point.asPoint())
            except QgsCsException:
                continue
            if abs(place.x()) <= 360.0 and abs(place.y()) <= 90.0:
                places[site] = place.x(), place.y()
        return places if np.isfinite(places).all(axis=1).any() else None

    def features(self) -> Iterator[QgsFeature]:
        """The sites' own features, whole, in their order: read once more, not kept."""
        return self._own(None, geometry=True)

    def _numbers(self, columns: Sequence[Column]) -> np.ndarray:
        """The numeric ``columns``, (sites, columns); NaN throughout where one is null."""
        import numpy as np

        values = np.full((len(self), len(columns)), np.nan)
        for table in self._tables:
            mine = [place for place, column in enumerate(columns) if column.table is table]
            if mine:
                indices = [columns[place].index for place in mine]
                values[:, mine] = read_numbers(self._rows(table, indices), indices, len(self))
        values[np.isnan(values).any(axis=1)] = np.nan
        return values

    def _draws(self, biophony: Column, title: str) -> np.ndarray | None:
        # Draws are of normalised compositions: they say nothing of raw ones.
        name = draws_field(biophony.name)
        index = biophony.table.fields.lookupField(name) if name else -1
        if index < 0 or biophony.table.fields.at(index).isNumeric():
            return None
        name = biophony.table.fields.at(index).name()
        return read_draws(self._rows(biophony.table, [index]), index, len(self), name, title)

    def _reasons(self, columns: Sequence[Column], values: np.ndarray) -> list[str] | None:
        """Per site without a value what the layers say of it, "" elsewhere; None where they say nothing."""
        import numpy as np

        missing = np.isnan(values).any(axis=1)
        if not missing.any():
            return None
        reasons = [""] * len(self)
        for table in self._tables:
            names = [column.name for column in columns if column.table is table]
            told = [index for name in names for index in reason_fields(table.fields, name)]
            for site, feature in self._rows(table, told) if told else ():
                if missing[site] and not reasons[site]:
                    reasons[site] = said_reason(feature, told)
            absent = self._absent.get(id(table)) if names else None
            for site in np.flatnonzero(absent).tolist() if absent is not None else ():
                reasons[site] = "no site id" if self._unnamed[site] else f"not in layer {table.name}"
        return reasons if any(reasons) else None

    def _rows(self, table: SiteTable, attributes: Sequence[int]) -> Iterator[tuple[int, QgsFeature]]:
        """Features of a layer with the position of their site; those of other sites are left out."""
        return enumerate(self._own(attributes)) if table is self._main else self._joined(table, attributes)

    def _joined(self, table: SiteTable, attributes: Sequence[int]) -> Iterator[tuple[int, QgsFeature]]:
        import numpy as np

        index = table.fields.lookupField(self._site_id)
        by_value = self._numeric_id(self._main) or self._numeric_id(table)
        positions = self._site_positions(by_value)
        seen = np.zeros(len(self), dtype=bool)
        twice: dict[Any, int] = {}
        example = None
        unnamed = 0
        for feature in self._checked(table.features([index, *attributes])):
            key = _key(feature.attribute(index), by_value)
            if key is None:
                unnamed += 1
                continue
            example = key if example is None else example
            site = positions.get(key, -1)
            if site >= 0 and seen[site]:
                twice[key] = twice.get(key, 1) + 1
            elif site >= 0:
                seen[site] = True
                yield site, feature
        _refuse_duplicates(twice, self._site_id, table.name)
        if positions and example is not None and not seen.any():
            raise InputError(
                f"No site of '{self._main.name}' is in the layer '{table.name}': the values of '{self._site_id}' do "
                f"not match (as in '{next(iter(positions))}' and '{example}'). Choose a field with the same ids in "
                "both."
            )
        if id(table) not in self._absent:
            self._absent[id(table)] = ~seen
            ignored = f"; {unnamed} of its rows have no site id" if unnamed else ""
            self._progress.info(f"'{table.name}': {int(seen.sum())} of {len(self)} sites found{ignored}.")

    def _site_positions(self, by_value: bool) -> dict[Any, int]:
        """Position by site id. Raises InputError where sites share an id."""
        import numpy as np

        if by_value in self._positions:
            return self._positions[by_value]
        index = self._main.fields.lookupField(self._site_id)
        positions: dict[Any, int] = {}
        twice: dict[Any, int] = {}
        unnamed = np.zeros(len(self), dtype=bool)
        for site, feature in enumerate(self._own([index])):
            key = _key(feature.attribute(index), by_value)
            if key is None:
                unnamed[site] = True
            elif key in positions:
                twice[key] = twice.get(key, 1) + 1
            else:
                positions[key] = site
        _refuse_duplicates(twice, self._site_id, self._main.name)
        if unnamed.any() and not self._positions:
            self._progress.warn(
                f"{int(unnamed.sum())} of {len(self)} sites have no '{self._site_id}', so they have no values from "
                "further layers."
            )
        self._positions[by_value] = positions
        self._unnamed = unnamed
        return positions

    def _numeric_id(self, table: SiteTable) -> bool:
        return bool(table.fields.at(table.fields.lookupField(self._site_id)).isNumeric())

    def _own(self, attributes: Sequence[int] | None, geometry: bool = False) -> Iterator[QgsFeature]:
        """The sites' own features; the arrays fit together only where every reading gives the same ones."""
        known = self._ids
        count = 0
        for feature in self._checked(self._main.features(attributes, geometry)):
            if known is not None and (count >= len(known) or known[count] != feature.id()):
                raise InputError(f"The layer '{self._main.name}' changed while it was read. Run again.")
            count += 1
            yield feature
        if known is not None and count != len(known):
            raise InputError(f"The layer '{self._main.name}' changed while it was read. Run again.")

    def _checked(self, features: Iterator[QgsFeature]) -> Iterator[QgsFeature]:
        for number, feature in enumerate(features):
            if number % _STRIDE == 0:
                check_cancelled(self._progress)
            yield feature


def naming_field(fields: QgsFields) -> str:
    """The field by which the user calls the sites; empty where only the feature id does."""
    found = (fields.lookupField(name) for name in SITE_NAMES if name != "fid")
    return next((fields.at(index).name() for index in found if index >= 0), "")


def _point_of(geometry: QgsGeometry) -> QgsGeometry:
    """The point that stands for a geometry in distances; empty where there is none."""
    if geometry.isEmpty():
        return QgsGeometry()
    if QgsWkbTypes.geometryType(geometry.wkbType()) != QgsWkbTypes.GeometryType.PointGeometry:
        return geometry.pointOnSurface()
    return geometry.centroid() if geometry.isMultipart() else geometry


def _need_numbers(column: Column, title: str) -> None:
    if not column.field.isNumeric():
        raise InputError(f"{title}: the field '{column.name}' does not hold numbers. Choose another.")


def _key(value: Any, by_value: bool) -> Any:
    """A site id to compare: as text, or by value where one of the fields holds numbers ("7" is 7). None where null."""
    if is_null(value):
        return None
    text = str(value).strip()
    if not text or text.lower() == "nan":
        return None
    if not by_value:
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _refuse_duplicates(twice: dict[Any, int], field: str, layer: str) -> None:
    if not twice:
        return
    examples = ", ".join(f"'{key}' ({count} times)" for key, count in list(twice.items())[:3])
    more = f" and {len(twice) - 3} more" if len(twice) > 3 else ""
    raise InputError(
        f"Values of '{field}' recur in the layer '{layer}': {examples}{more}. Sites are joined by it, so each may "
        "occur once. Remove the duplicates, or choose another field."
    )
