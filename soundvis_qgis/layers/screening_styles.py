"""How screened sites are drawn: those that may stay, and those that had better go."""

from __future__ import annotations

from functools import partial

from qgis.core import QgsMapLayer, QgsVectorLayer

from .colours import RGB, UNKNOWN
from .markers import MARKED, PLAIN, by_rules, marker
from .outputs import Styler

#: The light blue of the Okabe-Ito set: between what is kept whole and what is not.
_IN_PART: RGB = (86, 180, 233)


def screening_styles(prefix: str) -> dict[str, Styler]:
    """The style of sites with the fields of screening behind ``prefix``."""
    return {"Screening": partial(_paint, prefix=prefix)}


def _paint(layer: QgsMapLayer, prefix: str) -> bool:
    keep, masked = prefix + "keep", prefix + "masked"
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField(keep) < 0:
        return False
    kept, in_part = f'"{keep}" = 1', []
    if layer.fields().lookupField(masked) >= 0:
        some = f'coalesce("{masked}", 0) > 0'
        in_part = [("Keep, some windows masked", f"{kept} AND {some}", marker("circle", 2.8, _IN_PART))]
        kept = f"{kept} AND NOT ({some})"
    rules = [
        ("Keep", kept, marker("circle", 2.8, PLAIN)),
        *in_part,
        ("Better left out", f'"{keep}" = 0', marker("diamond", 3.8, MARKED)),
        ("Not screened", f'"{keep}" IS NULL', marker("square", 2.2, UNKNOWN)),
    ]
    layer.setRenderer(by_rules(rules))
    return True
