"""The layers that sites are read from, and where among them a field is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsFeature,
    QgsFeatureRequest,
    QgsField,
    QgsFields,
    QgsProcessingFeatureSource,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
)

from soundvis_core.errors import InputError

#: Fields that an error lists.
_MOST_LISTED = 30


@dataclass(frozen=True)
class SiteTable:
    """One of the layers that sites are read from. ``source`` can be read in the background."""

    name: str
    fields: QgsFields
    source: Any

    def features(self, attributes: Sequence[int] | None, geometry: bool = False) -> Iterator[QgsFeature]:
        """The features with these attributes alone (None: all), and without geometry where that is not needed."""
        request = QgsFeatureRequest()
        if attributes is not None:
            request.setSubsetOfAttributes(sorted({index for index in attributes if index >= 0}))
        if not geometry:
            request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
        if isinstance(self.source, QgsProcessingFeatureSource):
            # What is wrong with a polygon does not matter here; the check would drop its site.
            flag = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
            return self.source.getFeatures(request, flag)
        return self.source.getFeatures(request)


@dataclass(frozen=True)
class Column:
    """A field of a table."""

    table: SiteTable
    index: int

    @property
    def field(self) -> QgsField:
        return self.table.fields.at(self.index)

    @property
    def name(self) -> str:
        return str(self.field.name())


def further_tables(layers: Sequence[QgsVectorLayer]) -> list[SiteTable]:
    """Layers as they are now, for reading in the background. Call it in the main thread.

    Raises InputError for a layer that cannot be read.
    """
    tables = []
    for layer in layers:
        if not layer.isValid():
            raise InputError(f"The layer '{layer.name()}' cannot be read. Mend its source, or leave it out.")
        tables.append(SiteTable(layer.name(), layer.fields(), QgsVectorLayerFeatureSource(layer)))
    return tables


def find_column(tables: Sequence[SiteTable], name: str, title: str) -> Column:
    """The field ``name``: of the first table, else of the further one that has it; ``layer.field`` picks one.

    Raises InputError, with ``title`` as what the field is for, where there is none or more than one.
    """
    index = tables[0].fields.lookupField(name)
    if index >= 0:
        return Column(tables[0], index)
    found = [Column(table, table.fields.lookupField(name)) for table in tables[1:]]
    found = [column for column in found if column.index >= 0]
    if not found:
        picked = [table for table in tables if name.startswith(table.name + ".")]
        found = [Column(table, table.fields.lookupField(name[len(table.name) + 1 :])) for table in picked]
        found = [column for column in found if column.index >= 0]
    if not found:
        if len(tables) == 1:
            raise InputError(
                f"The layer '{tables[0].name}' has no field '{name}' (given for {title}); its fields are "
                f"{listed_fields(tables[0])}."
            )
        layers = ", ".join(f"'{table.name}'" for table in tables)
        raise InputError(f"There is no field '{name}' (given for {title}) in any of the layers {layers}.")
    if len(found) > 1:
        layers = " and ".join(f"'{column.table.name}'" for column in found)
        field = found[0].name
        raise InputError(
            f"The field '{name}' (given for {title}) is in the layers {layers}. Say which is meant, as in "
            f"'{found[0].table.name}.{field}'; layers of the same name have to be renamed for that."
        )
    return found[0]


def listed_fields(table: SiteTable) -> str:
    """The names of a table's fields, for an error."""
    names = [f"'{field.name()}'" for field in table.fields]
    return ", ".join(names[:_MOST_LISTED] + (["..."] if len(names) > _MOST_LISTED else [])) or "none"
