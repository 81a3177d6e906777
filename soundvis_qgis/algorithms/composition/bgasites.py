"""BGA composition of the land cover around sites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qgis.core import (
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingParameterRasterLayer,
)

from soundvis_core.errors import SKIPPED, Cancelled, SiteError, as_site_error

from ...layers.sinks import FieldSpec, number
from ...layers.sources import make_transform, site_point
from ..base import FeedbackProgress
from ..parameters import PREFIX, add_number, add_prefix, add_weights
from .base import ComposeSites, take_class_raster
from .fields import bga_fields, bga_values, class_fields
from .uncertainty import WeightBands, add_uncertainty

CLASSES = "CLASSES"
RADIUS = "RADIUS"
#: Samples over the diameter of the circle: 0.8 m at the default radius.
SAMPLES = 256


class BgaSites(ComposeSites):
    """``soundvis:bgasites``."""

    ID = "bgasites"
    LABEL = "BGA of land cover around sites"
    SUMMARY = (
        "Measures the shares of land cover classes in a circle about each site, and the biophony, geophony and "
        "anthrophony that they suggest (Table 1 of the paper).\n"
        "The radius is in metres on the ground, whatever the coordinate reference system. Shares are of the whole "
        "circle; what has no data or no weight is given as 'unmapped' and never spread over the rest. A site with "
        "nothing mapped has no composition (null)."
    )
    REQUIRES = ("numpy", "pyproj")
    SCENE = "aerial"

    def site_parameters(self) -> None:
        self.add(
            QgsProcessingParameterRasterLayer(CLASSES, self.tr("Class raster")),
            "Raster of class codes, as 'Segment raster' makes it, or any land cover raster whose classes have names "
            "(in the file, its attribute table or the layer's style) or are listed by code in the weights table.",
        )
        add_number(
            self,
            RADIUS,
            "Radius (metres on the ground)",
            100.0,
            0.1,
            "Radius of the circle about each site, in true metres.",
            maximum=100_000.0,
        )
        add_weights(self, "aerial")
        add_prefix(self, "aer_")
        add_uncertainty(self)

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._classes = take_class_raster(self, parameters, context, CLASSES)
        self._classes.raster.check_crs()

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        self._prefix = self.parameterAsString(parameters, PREFIX, context)
        self._radius = self.parameterAsDouble(parameters, RADIUS, context)
        source = self.source(parameters, context)
        self._transform = make_transform(source.sourceCrs(), self._classes.raster.crs, context)
        self.status_field = self._prefix + "bga_status"
        self._fields = class_fields(self._prefix, self._classes.names)
        self._bands = WeightBands(self, parameters, context, self._classes.table, self._prefix, self.OUTPUT)
        note = f"share of the circle of {self._radius:g} m"
        # Classes that share a field are told by the first of their names.
        labels = {field: name for name, field in reversed(self._fields.items())}
        return [
            *(
                number(field, f"{labels[field]} (0-1)", note)
                for field in dict.fromkeys(self._fields.values())
            ),
            number(self._prefix + "nodata", "No data (0-1)", note + " without data"),
            *bga_fields(self._prefix, f"land cover within {self._radius:g} m"),
            *self._bands.fields(),
        ]

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        from soundvis_core.geodesy import disc_mask
        from soundvis_core.progress import FirstUnexpected

        if self._classes.warning:
            progress.warn(self._classes.warning)
        disc = disc_mask(SAMPLES)
        log = FirstUnexpected(progress)
        for feature in features:
            try:
                values = self._site(feature, disc)
            except Cancelled:
                raise
            except Exception as error:  # noqa: BLE001 - one unreadable block must not cost the other sites
                reason = as_site_error(error)
                log.tell(reason)
                values = bga_values(self._prefix, None, reason.status, str(reason))
            yield values

    def _site(self, feature: QgsFeature, disc: Any) -> dict[str, Any]:
        from soundvis_core.bga.composition import compose
        from soundvis_core.geodesy import LocalFrame
        from soundvis_core.sampling import class_shares

        point = site_point(feature, self._transform, self._classes.raster.crs)
        frame = LocalFrame(self._classes.raster.crs_text, point.x(), point.y())
        x, y = frame.square_to_crs(2.0 * self._radius, SAMPLES)
        codes, known = self._classes.raster.codes_at(x[disc], y[disc])
        missing = 1.0 - float(known.mean())
        if not known.any():
            raise SiteError("the circle lies outside the raster or on nodata", SKIPPED)
        shares = class_shares(codes, known, self._classes.names)
        composition = compose(shares, self._classes.table)
        # Rounded down: "100 %" beside a composition would contradict itself.
        reason = f"{int(100 * missing)}% of the circle has no data" if missing >= 0.005 else ""
        if composition.raw is None:
            reason = "no class in the circle has weights" + (f"; {reason}" if reason else "")
        values = dict.fromkeys(self._fields.values(), 0.0)
        for name, share in shares.items():
            values[self._fields[name]] += share
        return {
            **values,
            self._prefix + "nodata": missing,
            **bga_values(self._prefix, composition, "ok" if composition.raw is not None else SKIPPED, reason),
            **self._bands.values(shares),
        }
