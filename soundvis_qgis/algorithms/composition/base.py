"""What the three tools that give sites a BGA composition share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext, QgsProcessingException, QgsRasterLayer

from ..base import Algorithm
from ..parameters import PREFIX, WEIGHTS
from ..per_site import SitesAlgorithm

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.bga.weights import WeightTable

    from ...layers.outputs import Styler
    from ...layers.rasters import RasterSource


def read_weights(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext, scene: str
) -> WeightTable:
    """The weights table of a run. Raises InputError where it cannot be used."""
    from soundvis_core.bga.weights import load_weights

    path = algorithm.parameterAsString(parameters, WEIGHTS, context).strip()
    return load_weights(path or None, scene)


def weights_problem(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext, scene: str
) -> str | None:
    """Why the weights table cannot be used; None where it can."""
    from soundvis_core.errors import InputError

    try:
        read_weights(algorithm, parameters, context, scene)
    except InputError as error:
        return str(error)
    return None


@dataclass(frozen=True)
class ClassInput:
    """A class raster with its weights: names by code, and a warning where the names are assumed."""

    raster: RasterSource
    table: WeightTable
    names: dict[int, str]
    warning: str

    def weights(self) -> dict[int, np.ndarray]:
        """The weights of each code that has some, (3,) each. Raises InputError where none has."""
        from soundvis_core.errors import InputError

        found = {code: self.table.weights(name) for code, name in self.names.items()}
        mapped = {code: vector for code, vector in found.items() if vector is not None}
        if not mapped:
            names = ", ".join(self.names.values())
            raise InputError(
                f"No class of '{self.raster.name}' has weights ({names}). Give a weights table with these classes."
            )
        return mapped


def raster_layer(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext, name: str
) -> QgsRasterLayer:
    """The raster layer of parameter ``name``. Raises QgsProcessingException where there is none."""
    layer = algorithm.parameterAsRasterLayer(parameters, name, context)
    if layer is None:
        raise QgsProcessingException(algorithm.invalidRasterError(parameters, name))
    return layer


def take_class_raster(
    algorithm: Algorithm,
    parameters: Mapping[str, Any],
    context: QgsProcessingContext,
    name: str,
    assume: bool = True,
) -> ClassInput:
    """The class raster of parameter ``name``. Call it in the main thread.

    assume: whether codes that the raster does not name may be taken for the classes of the paper. Raises InputError
    where it is no class raster or its codes cannot be told.
    """
    from ...layers.class_rasters import names_for_weights
    from ...layers.crosswalk_rasters import class_raster

    layer = raster_layer(algorithm, parameters, context, name)
    raster = class_raster(layer)
    table = read_weights(algorithm, parameters, context, "aerial")
    names, warning = names_for_weights(layer, raster, table, assume)
    return ClassInput(raster, table, names, warning)


class ComposeSites(SitesAlgorithm):
    """Gives sites a BGA composition; styles the result as BGA pies."""

    GROUP = "composition"
    SCENE = ""
    OUTPUT_LABEL = "Sites with BGA composition"

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        weights = weights_problem(self, parameters, context, self.SCENE) if self.SCENE else None
        return super().problem(parameters, context) or weights

    def styles(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Mapping[str, Styler]:
        from ...layers.styling import bga_styles

        return bga_styles(self.parameterAsString(parameters, PREFIX, context))
