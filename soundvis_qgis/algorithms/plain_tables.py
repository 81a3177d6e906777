"""Tables without geometry, as tools write them beside or instead of a layer of sites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterFeatureSink,
)

from ..compat import NO_GEOMETRY
from ..layers.sinks import FieldSpec
from .base import Algorithm

if TYPE_CHECKING:
    from ..layers.outputs import OutputLayer


def add_plain_table(algorithm: Algorithm, name: str, label: str, text: str) -> None:
    """A table that a tool writes beside its layer where it is asked for."""
    kind = QgsProcessing.SourceType.TypeVector
    definition = QgsProcessingParameterFeatureSink(
        name, algorithm.tr(label), kind, optional=True, createByDefault=False
    )
    algorithm.add(definition, f"Table without geometry{text}")


class PlainTable:
    """The table that an output of a tool asks for; written row by row, holds none of them."""

    def __init__(
        self,
        algorithm: Algorithm,
        parameters: Mapping[str, Any],
        output: str,
        context: QgsProcessingContext,
        fields: Sequence[FieldSpec],
    ) -> None:
        self._fields = fields
        self._sink = algorithm.open_sink(
            parameters, output, context, fields, QgsCoordinateReferenceSystem(), NO_GEOMETRY
        )

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a row: values by the names of the fields."""
        self._sink.add(row, geometry=QgsGeometry())

    def close(self, provenance: Mapping[str, str], name: str = "") -> OutputLayer:
        """Complete the table; what its fields hold goes into its metadata with the provenance.

        ``name``: of the loaded layer. Raises where the last rows could not be written.
        """
        from ..layers.outputs import OutputLayer

        self._sink.close()
        notes = {f"field {spec.name}": spec.comment for spec in self._fields if spec.comment}
        return OutputLayer(
            self._sink.destination,
            {**provenance, **notes},
            name=name,
            labels=self._sink.labels,
            in_database=not self._sink.own_file,
        )

    @property
    def destination(self) -> str:
        """Where the table lies, as Processing names it."""
        return str(self._sink.destination)


def write_table(
    algorithm: Algorithm,
    parameters: Mapping[str, Any],
    output: str,
    context: QgsProcessingContext,
    fields: Sequence[FieldSpec],
    rows: Iterable[Mapping[str, Any]],
    name: str = "",
) -> str:
    """Write the rows as the table that the parameter ``output`` asks for; where it lies, as Processing names it."""
    table = PlainTable(algorithm, parameters, output, context, fields)
    for row in rows:
        table.write(row)
    algorithm.on_success(table.close({**algorithm.provenance, **algorithm.facts}, name))
    return table.destination
