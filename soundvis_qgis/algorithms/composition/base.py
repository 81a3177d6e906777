"""What the three tools that give sites a BGA composition share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext

from ..base import Algorithm
from ..parameters import PREFIX, WEIGHTS
from ..per_site import SitesAlgorithm

if TYPE_CHECKING:
    from soundvis_core.bga.weights import WeightTable

    from ...layers.outputs import Styler


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
