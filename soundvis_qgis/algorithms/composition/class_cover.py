"""A class raster whose weights come by the names of its classes, or by a crosswalk of published codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import QgsProcessingContext

from ..base import Algorithm
from ..parameters import WEIGHTS, add_choice
from .base import ClassInput, raster_layer, read_weights, take_class_raster, weights_problem

CROSSWALK = "CROSSWALK"
NAMES, TABLE_1 = "class names", "table-1"
#: As soundvis_core.bga.crosswalks has them, those of rasters.
CROSSWALKS = (NAMES, TABLE_1, "worldcover", "corine", "openearthmap", "loveda")


def add_crosswalk(algorithm: Algorithm, advanced: bool = False) -> None:
    """CROSSWALK: how the codes of the raster are told."""
    add_choice(
        algorithm,
        CROSSWALK,
        "Codes of the raster",
        CROSSWALKS,
        "class names: the raster names its classes (in the file, its attribute table or the layer's style), or the "
        "weights table lists their codes. table-1: codes 1 to 9 are the classes of the paper in the order of its "
        "Table 1. Else the published codes of ESA WorldCover 2020 and 2021, CORINE level 3 (three-digit codes, or 1 to "
        "44), OpenEarthMap or LoveDA, with SoundVis' crosswalk to Table 1.",
        advanced,
    )


def cover_problem(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> str | None:
    """Why the weights cannot be used; None where they can."""
    chosen = algorithm.parameterAsEnumString(parameters, CROSSWALK, context)
    given = algorithm.parameterAsString(parameters, WEIGHTS, context).strip()
    if chosen not in (NAMES, TABLE_1) and given:
        return (
            f"A weights table and the crosswalk '{chosen}' are both given. Leave the table empty, or choose "
            f"'{NAMES}' for the codes of the raster."
        )
    return weights_problem(algorithm, parameters, context, "aerial")


def take_class_cover(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext, name: str
) -> ClassInput:
    """The class raster of parameter ``name`` with its weights. Call it in the main thread.

    Raises InputError where it is no class raster, has no place on the ground, or its codes cannot be told.
    """
    from soundvis_core.bga.crosswalks import load_crosswalk
    from soundvis_core.classes import NODATA, UNCLASSIFIED
    from soundvis_core.errors import InputError

    from ...layers.crosswalk_rasters import check_placed, crosswalk_raster, listed

    chosen = algorithm.parameterAsEnumString(parameters, CROSSWALK, context)
    layer = raster_layer(algorithm, parameters, context, name)
    if chosen == NAMES:
        cover = take_class_raster(algorithm, parameters, context, name, assume=False)
        check_placed(cover.raster)
        return cover
    crosswalk = load_crosswalk(chosen)
    table = crosswalk.table if chosen != TABLE_1 else read_weights(algorithm, parameters, context, "aerial")
    if chosen == TABLE_1 and table.names_by_code:
        raise InputError(
            f"The weights table lists codes, and so does the crosswalk '{chosen}'. Choose '{NAMES}' for those of the "
            "table, or leave its column 'code' out."
        )
    found = crosswalk_raster(layer, crosswalk, CROSSWALKS[1:])
    names = {code: crosswalk.category(row) for code, row in found.rows.items()}
    unknown = found.unknown.keys() - ({UNCLASSIFIED, NODATA} if chosen == TABLE_1 else set())
    warning = ""
    if unknown:
        warning = (
            f"Codes that the crosswalk {chosen} does not know, left unmapped: {listed(unknown)}. {found.hint}"
        )
    return ClassInput(found.raster, table, names, warning.strip())
