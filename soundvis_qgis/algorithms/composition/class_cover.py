"""A class raster whose weights come by the names of its classes, or by a crosswalk of published codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingParameterEnum

from ..base import Algorithm
from ..parameters import WEIGHTS
from .base import ClassInput, take_class_raster, weights_problem

CROSSWALK = "CROSSWALK"
NAMES = "class names"
#: As soundvis_core.bga.crosswalks has them, those of rasters.
CROSSWALKS = (NAMES, "worldcover", "corine", "openearthmap", "loveda")


def add_crosswalk(algorithm: Algorithm, advanced: bool = False) -> None:
    """CROSSWALK: how the codes of the raster are told."""
    algorithm.add(
        QgsProcessingParameterEnum(
            CROSSWALK,
            algorithm.tr("Codes of the raster"),
            options=list(CROSSWALKS),
            defaultValue=CROSSWALKS[0],
            usesStaticStrings=True,
        ),
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

    Raises InputError where it is no class raster or its codes cannot be told.
    """
    from soundvis_core.bga.crosswalks import load_crosswalk
    from soundvis_core.errors import InputError

    from ...layers.class_rasters import check_no_picture, class_names
    from ...layers.rasters import RasterSource

    chosen = algorithm.parameterAsEnumString(parameters, CROSSWALK, context)
    if chosen == NAMES:
        return take_class_raster(algorithm, parameters, context, name)
    layer = algorithm.parameterAsRasterLayer(parameters, name, context)
    if layer is None:
        raise QgsProcessingException(algorithm.invalidRasterError(parameters, name))
    raster = RasterSource(layer)
    if not raster.is_class_raster():
        raise InputError(
            f"'{layer.name()}' is not a class raster: its first band does not hold whole numbers. Give a land cover "
            "raster, or make one by 'Segment raster'."
        )
    named = class_names(layer)
    if not named:
        check_no_picture(layer)
    crosswalk = load_crosswalk(chosen)
    rows = dict(crosswalk.codes)
    for code, title in named.items():
        row = crosswalk.named(title)
        if row is not None:
            rows[code] = row
    found = raster.found_codes()
    unknown = ", ".join(map(str, sorted(found - rows.keys())[:20]))
    if found and not found & rows.keys():
        raise InputError(
            f"None of the codes in '{layer.name()}' ({unknown}) is in the crosswalk {chosen}. Choose the codes of "
            "this raster."
        )
    warning = f"Codes that the crosswalk {chosen} does not know, left unmapped: {unknown}." if unknown else ""
    names = {code: crosswalk.category(row) for code, row in rows.items()}
    return ClassInput(raster, crosswalk.table, names, warning)


def class_weights(cover: ClassInput) -> dict[int, Any]:
    """The weights of each code that has some, (3,) each. Raises InputError where none has."""
    from soundvis_core.errors import InputError

    weights = {code: cover.table.weights(name) for code, name in cover.names.items()}
    mapped = {code: vector for code, vector in weights.items() if vector is not None}
    if not mapped:
        names = ", ".join(cover.names.values())
        raise InputError(
            f"No class of '{cover.raster.name}' has weights ({names}). Give a weights table with these classes."
        )
    return mapped
