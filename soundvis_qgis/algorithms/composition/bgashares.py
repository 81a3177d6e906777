"""BGA composition from share fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qgis.core import (
    QgsFeature,
    QgsFields,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterString,
)

from soundvis_core.errors import SKIPPED, SiteError

from ...compat import is_null
from ...layers.sinks import FieldSpec
from ..base import FeedbackProgress
from ..parameters import PREFIX, add_prefix, add_weights
from .base import ComposeSites, read_weights
from .fields import RESERVED, bga_fields, bga_values
from .uncertainty import WeightBands, add_uncertainty

SHARE_PREFIX = "SHARE_PREFIX"


def share_fields(fields: QgsFields, prefix: str) -> dict[str, str]:
    """Class (what follows the prefix) by field name, of the numeric fields behind ``prefix`` that are shares."""
    return {
        field.name(): field.name()[len(prefix) :]
        for field in fields
        if field.name().lower().startswith(prefix.lower())
        and field.isNumeric()
        and field.name()[len(prefix) :]
        and field.name()[len(prefix) :].lower() not in RESERVED
    }


class BgaShares(ComposeSites):
    """``soundvis:bgashares``."""

    ID = "bgashares"
    LABEL = "BGA from share fields"
    SUMMARY = (
        "Maps fields with shares of classes (0 to 1), as 'Segment street photos' writes them, to biophony, geophony "
        "and anthrophony (Table 1 of the paper, street classes).\n"
        "Every numeric field behind the share prefix counts as the share of the class that its name ends in. Classes "
        "without weights, such as the sky, are given as 'unmapped' and never spread over the rest. A site with nothing "
        "mapped has no composition (null); a site whose shares exceed 1 fails, with the reason."
    )
    SCENE = "street"
    COLLISION_REMEDY = "Choose another prefix, or remove the field from the layer first."

    def site_parameters(self) -> None:
        self.add(
            QgsProcessingParameterString(
                SHARE_PREFIX, self.tr("Prefix of the share fields"), defaultValue="st_"
            ),
            "The beginning of the names of the fields that hold shares.",
        )
        add_weights(self, "street")
        add_prefix(self, "st_")
        add_uncertainty(self)

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        self._table = read_weights(self, parameters, context, self.SCENE)
        self._prefix = self.parameterAsString(parameters, PREFIX, context)
        share_prefix = self.parameterAsString(parameters, SHARE_PREFIX, context)
        fields = self.source(parameters, context).fields()
        self._shares = share_fields(fields, share_prefix)
        if not self._shares:
            raise QgsProcessingException(
                f"The layer has no numeric fields that start with '{share_prefix}'. Run 'Segment street photos' first, "
                "or give the prefix of your share fields."
            )
        self.status_field = self._prefix + "bga_status"
        self._bands = WeightBands(self, parameters, context, self._table, self._prefix, self.OUTPUT)
        return [*bga_fields(self._prefix, f"shares in {share_prefix}*"), *self._bands.fields()]

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        mapped = {name: self._table.weights(name) is not None for name in self._shares.values()}
        progress.info(
            "Mapped: " + (", ".join(name for name, is_mapped in mapped.items() if is_mapped) or "nothing")
        )
        progress.info(
            "Unmapped: "
            + (", ".join(name for name, is_mapped in mapped.items() if not is_mapped) or "nothing")
        )
        for feature in features:
            try:
                yield self._site(feature)
            except SiteError as error:
                yield bga_values(self._prefix, None, error.status, str(error))

    def _site(self, feature: QgsFeature) -> dict[str, Any]:
        from soundvis_core.bga.composition import compose

        shares = {
            name: float(feature.attribute(field))
            for field, name in self._shares.items()
            if not is_null(feature.attribute(field))
        }
        if not shares:
            raise SiteError("the site has no shares", SKIPPED)
        composition = compose(shares, self._table)
        if composition.raw is None:
            return bga_values(self._prefix, composition, SKIPPED, "no class at this site has weights")
        return {**bga_values(self._prefix, composition, "ok", ""), **self._bands.values(shares)}
