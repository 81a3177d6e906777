"""Tables without geometry, as the statistics tools write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsProcessingContext

from ...compat import NO_GEOMETRY
from ...layers.sinks import FieldSpec
from ..base import Algorithm


def write_table(
    algorithm: Algorithm,
    parameters: Mapping[str, Any],
    output: str,
    context: QgsProcessingContext,
    fields: Sequence[FieldSpec],
    rows: Iterable[Mapping[str, Any]],
    name: str = "",
) -> str:
    """Write the rows as the table that the parameter ``output`` asks for; where it lies, as Processing names it.

    What the fields hold goes into the table's metadata with the provenance. ``name``: of the loaded layer.
    """
    from ...layers.outputs import OutputLayer

    sink = algorithm.open_sink(
        parameters, output, context, fields, QgsCoordinateReferenceSystem(), NO_GEOMETRY
    )
    for row in rows:
        sink.add(row, geometry=QgsGeometry())
    sink.close()
    notes = {f"field {spec.name}": spec.comment for spec in fields if spec.comment}
    algorithm.on_success(
        OutputLayer(
            sink.destination,
            {**algorithm.provenance, **algorithm.facts, **notes},
            name=name,
            labels=sink.labels,
            in_database=not sink.own_file,
        )
    )
    return str(sink.destination)
