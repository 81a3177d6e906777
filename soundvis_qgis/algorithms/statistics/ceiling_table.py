"""The table of reliabilities that 'Noise ceiling' writes, as something to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qgis.core import QgsProcessingFeatureSource

from soundvis_core.errors import InputError
from soundvis_core.progress import NO_PROGRESS, Progress

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
    blocks: Sequence[Block],
    given: Sequence[BlockFields],
    reliabilities: dict[str, float],
    progress: Progress = NO_PROGRESS,
) -> list[Block]:
    """The blocks with their reliability, found by the name of the block or of its one field.

    Blocks without one and names that no block has are told as a warning.
    """
    found = []
    used: set[str] = set()
    for block, fields in zip(blocks, given):
        names = [block.name]
        if len(fields.fields) == 1:
            names += [fields.fields[0], fields.fields[0].rpartition(".")[2]]
        known = [name.lower() for name in names if name.lower() in reliabilities]
        used.update(known)
        found.append(replace(block, reliability=reliabilities[known[0]]) if known else block)
    without = [block.name for block in found if block.reliability is None]
    if without:
        unused = [name for name in reliabilities if name not in used]
        progress.warn(
            f"The table of noise ceilings has no reliability for {_listed(without)}, so the ceilings of their rows "
            f"take them as free of noise. It has {_listed(list(reliabilities)) or 'none at all'}"
            + (
                f"; {_listed(unused)} {'is' if len(unused) == 1 else 'are'} in no block of this run"
                if unused
                else ""
            )
            + ". Names have to be those of the blocks or of their field: set BLOCK in 'Noise ceiling'."
        )
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
