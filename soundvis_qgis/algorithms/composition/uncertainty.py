"""Bands of a BGA composition under uncertain weights: parameters, fields and values of the tools that use weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext
from qgis.PyQt.QtCore import QByteArray

from ...layers.sinks import TEXT_FORMATS, FieldSpec, embedding, number, output_extension
from ..base import Algorithm
from ..parameters import add_number
from .fields import CATEGORIES

if TYPE_CHECKING:
    from soundvis_core.bga.uncertainty import DrawnWeights
    from soundvis_core.bga.weights import WeightTable

WEIGHT_DRAWS = "WEIGHT_DRAWS"
WEIGHT_SPREAD = "WEIGHT_SPREAD"
SEED = "SEED"


def add_uncertainty(algorithm: Algorithm) -> None:
    """How often the weights are drawn, and how widely."""
    add_number(
        algorithm,
        WEIGHT_DRAWS,
        "Draws of uncertain weights",
        0,
        0,
        "The weights are judgements. With 200, say, they are drawn 200 times at random about their values, and each "
        "site gets the band that holds 95 % of its compositions (fields ending in _lo and _hi) and the draws "
        "themselves, by which 'Correlate sound and sight' tells which conclusions survive. 0 leaves this out.",
        maximum=10_000,
        integer=True,
        advanced=True,
    )
    add_number(
        algorithm,
        WEIGHT_SPREAD,
        "Uncertainty of the weights (%)",
        30.0,
        0.1,
        "Standard deviation of each weight in per cent of its value. A weight of 0 stays 0.",
        maximum=300.0,
        advanced=True,
    )
    add_number(
        algorithm,
        SEED,
        "Seed",
        1,
        0,
        "Start of the random draws. Draw for draw the same weights at all sites, and in layers made with the same "
        "table and seed.",
        maximum=2_147_483_647,
        integer=True,
        advanced=True,
    )


class WeightBands:
    """The bands of each site; without draws no fields and no values."""

    def __init__(
        self,
        algorithm: Algorithm,
        parameters: Mapping[str, Any],
        context: QgsProcessingContext,
        table: WeightTable,
        prefix: str,
        output: str,
    ) -> None:
        """Raises InputError where the weights cannot be drawn. ``output``: name of the parameter of the output."""
        self._prefix = prefix
        self._spread = algorithm.parameterAsDouble(parameters, WEIGHT_SPREAD, context)
        self._as_text = output_extension(parameters.get(output)) in TEXT_FORMATS
        self._drawn: DrawnWeights | None = None
        draws = algorithm.parameterAsInt(parameters, WEIGHT_DRAWS, context)
        if draws:
            from soundvis_core.bga.uncertainty import draw_weights

            seed = algorithm.parameterAsInt(parameters, SEED, context)
            self._drawn = draw_weights(table, draws, self._spread / 100.0, seed)

    def fields(self) -> list[FieldSpec]:
        """The fields behind the BGA fields."""
        if self._drawn is None:
            return []
        note = f"of {self._drawn.draws} draws of the weights, uncertain by {self._spread:g} %"
        made = []
        for short, label in CATEGORIES:
            made.append(number(f"{self._prefix}{short}_lo", f"{label}, low (0-1)", f"2.5 % {note}"))
            made.append(number(f"{self._prefix}{short}_hi", f"{label}, high (0-1)", f"97.5 % {note}"))
        draws = embedding(
            self._prefix + "bga_draws",
            "Compositions under drawn weights",
            f"{self._drawn.draws} draws",
            self._as_text,
        )
        return [*made, draws]

    def values(self, shares: Mapping[str, float]) -> dict[str, Any]:
        """The values of one site. Raises SiteError where the shares cannot be composed."""
        from soundvis_core.bga.uncertainty import bands, draws_text, pack_draws

        compositions = self._drawn.compositions(shares) if self._drawn is not None else None
        if compositions is None:
            return {}
        found: dict[str, Any] = {}
        for (short, _), (low, high) in zip(CATEGORIES, bands(compositions)):
            found[f"{self._prefix}{short}_lo"] = low
            found[f"{self._prefix}{short}_hi"] = high
        packed = pack_draws(compositions)
        found[self._prefix + "bga_draws"] = draws_text(packed) if self._as_text else QByteArray(packed)
        return found
