"""A class raster whose weights come by the names of its classes, or by a crosswalk of published codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import QgsProcessingContext

from ..base import Algorithm
from ..parameters import WEIGHTS, add_choice
from .base import ClassInput, raster_layer, take_class_raster, weights_problem

CROSSWALK = "CROSSWALK"
NAMES = "class names"
#: As soundvis_core.bga.crosswalks has them, those of rasters.
CROSSWALKS = (NAMES, "worldcover", "corine", "openearthmap", "loveda")


def add_crosswalk(algorithm: Algorithm, advanced: bool = False) -> None:
    """CROSSWALK: how the codes of the raster are told."""
    add_choice(
        algorithm,
        CROSSWALK,
        "Codes of the raster",
        CROSSWALKS,
        "class names: the raster names its classes (in the file, its attribute table or the layer's style), or the "
        "weights table lists their codes. Else the published codes of ESA WorldCover 2020 and 2021, CORINE level 3 "
        "(three-digit codes, or 1 to 44), OpenEarthMap or LoveDA, with SoundVis' crosswalk to Table 1.",
        advanced,
    )


def cover_problem(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> str | None:
    """Why the weights cannot be used; None where they can."""
    chosen = algorithm.parameterAsEnumString(parameters, CROSSWALK, context)
    given = algorithm.parameterAsString(parameters, WEIGHTS, context).strip()
    if chosen != NAMES and given:
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
    from soundvis_core.errors import InputError

    from ...layers.crosswalk_rasters import code_hint, crosswalk_raster, listed

    chosen = algorithm.parameterAsEnumString(parameters, CROSSWALK, context)
    layer = raster_layer(algorithm, parameters, context, name)
    if chosen == NAMES:
        try:
            cover = take_class_raster(algorithm, parameters, context, name)
        except InputError as error:
            raise InputError(f"{error} {code_hint(layer, CROSSWALKS[1:])}".rstrip()) from error
        cover.raster.check_crs()
        return cover
    crosswalk = load_crosswalk(chosen)
    found = crosswalk_raster(layer, crosswalk, CROSSWALKS[1:])
    names = {code: crosswalk.category(row) for code, row in found.rows.items()}
    warning = ""
    if found.unknown:
        warning = f"Codes that the crosswalk {chosen} does not know, left unmapped: {listed(found.unknown)}."
    return ClassInput(found.raster, crosswalk.table, names, f"{warning} {found.hint}".strip())
