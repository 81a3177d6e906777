"""The table of reliabilities that 'Noise ceiling' writes, as something to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qgis.core import QgsProcessingFeatureSource

from soundvis_core.errors import InputError

from ...compat import is_null
from .correlation_parameters import BlockFields

if TYPE_CHECKING:
    from soundvis_core.statistics.results import Block

BLOCK, RELIABILITY = "block", "reliability"


def read_reliabilities(source: QgsProcessingFeatureSource) -> dict[str, float]:
    """Reliability by the name of a block or field, in small letters; rows without one are passed over.

    Raises InputError where the table has other fields, or a reliability is not between 0 and 1.
    """
    fields = source.fields()
    indices = [fields.lookupField(name) for name in (BLOCK, RELIABILITY)]
    if min(indices) < 0:
        raise InputError(
            f"The table of noise ceilings needs the fields '{BLOCK}' and '{RELIABILITY}', as 'Noise ceiling' makes it; "
            f"its fields are {', '.join(repr(field.name()) for field in fields) or 'none'}."
        )
    found: dict[str, float] = {}
    for feature in source.getFeatures():
        name, value = (feature.attribute(index) for index in indices)
        if is_null(name) or is_null(value):
            continue
        try:
            reliability = float(value)
        except (TypeError, ValueError):
            reliability = -1.0
        if not 0.0 <= reliability <= 1.0:
            raise InputError(
                f"The reliability of '{name}' in the table of noise ceilings is {value}; it has to be 0 to 1."
            )
        found[str(name).strip().lower()] = reliability
    return found


def with_reliabilities(
    blocks: Sequence[Block], given: Sequence[BlockFields], reliabilities: dict[str, float]
) -> list[Block]:
    """The blocks with their reliability, found by the name of the block or of its one field."""
    found = []
    for block, fields in zip(blocks, given):
        names = [block.name]
        if len(fields.fields) == 1:
            names += [fields.fields[0], fields.fields[0].rpartition(".")[2]]
        values = [reliabilities[name.lower()] for name in names if name.lower() in reliabilities]
        found.append(replace(block, reliability=values[0]) if values else block)
    return found
