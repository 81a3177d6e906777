"""How joined sites are drawn: whether they have something of their own, share it, or have a tile or nothing."""

from __future__ import annotations

from functools import partial

from qgis.core import QgsMapLayer, QgsVectorLayer

from .colours import UNKNOWN
from .markers import MARKED, PLAIN, by_rules, marker
from .outputs import Styler


def join_styles(prefix: str) -> dict[str, Styler]:
    """The style of sites with the fields ``way``, ``shared_by`` and ``status`` behind ``prefix``."""
    return {"Joins": partial(_paint, prefix=prefix)}


def _paint(layer: QgsMapLayer, prefix: str) -> bool:
    way, shared, status = f"{prefix}way", f"{prefix}shared_by", f"{prefix}status"
    if not isinstance(layer, QgsVectorLayer) or layer.fields().lookupField(shared) < 0:
        return False
    rules = [
        (
            "Nothing joined",
            f"\"{status}\" <> 'ok'",
            marker("cross2", 2.6, UNKNOWN, filled=False, outline=0.5),
        ),
        ("Joined", f'"{shared}" = 1 AND "{way}" <> \'tile\'', marker("circle", 2.8, PLAIN)),
        ("A tile from above in its place", f"\"{way}\" = 'tile'", marker("square", 2.8, PLAIN)),
        ("Shares its own with other sites", f'"{shared}" > 1', marker("diamond", 3.6, MARKED)),
    ]
    layer.setRenderer(by_rules(rules))
    return True
