"""BGA composition of a land cover map that the user owns: polygons, lines or a class raster."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeature,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterFeatureSink,
    QgsRasterLayer,
    QgsVectorLayer,
)

from soundvis_core.errors import SKIPPED, Cancelled, InputError, SiteError, SoundVisError, as_site_error

from ...layers.overwriting import overwrites
from ...layers.sinks import FieldSpec, number, text
from ...layers.sources import make_transform, site_point
from ..base import FeedbackProgress
from ..parameters import PREFIX, optional_number
from .base import ComposeSites
from .cover_parameters import (
    CLASS_FIELD,
    CROSSWALK,
    CROSSWALK_FILE,
    EXTENT,
    LANDCOVER,
    ORDER,
    RADIUS,
    SPACING,
    WIDTH,
    WIDTH_FIELD,
    add_map,
    add_sites,
)
from .fields import bga_fields, bga_values, class_fields
from .uncertainty import WeightBands

if TYPE_CHECKING:
    from soundvis_core.bga.crosswalks import Crosswalk

    from ...layers.land_cover import Kind
    from .cover_sources import RasterCover, VectorCover


#: Circles of which the map shows less have a composition by accident.
LEAST_KNOWN = 0.01


class BgaLandCover(ComposeSites):
    """``soundvis:bgalandcover``."""

    ID = "bgalandcover"
    LABEL = "BGA of a land cover map"
    SUMMARY = (
        "Biophony, geophony and anthrophony from the land cover map that you have, without recordings or models: "
        "polygons and lines (OpenStreetMap, CORINE, your own), or a class raster (ESA WorldCover, for one).\n"
        "A crosswalk says which class of the map is which class of the paper (Table 1). Classes that the paper does "
        "not have carry weights of SoundVis (extension) or your own (user), or none (unmapped); the field 'source' "
        "tells how much of each site's composition comes from which. Classes that the crosswalk does not know are "
        "listed in the log with their area and stay unmapped: nothing is guessed.\n"
        "Where features overlap, the ground counts once: by default buildings lie on top, then lines (the widest "
        "first), then polygons from the smallest to the largest. Tags that the crosswalk calls unmapped (nature "
        "reserves, landforms) count only where nothing else covers the ground. The radius is in metres on the "
        "ground, whatever the coordinate reference systems. Shares are of the whole circle and true to about 0.001 (of "
        "a class raster 0.003); a site with nothing mapped has no composition (null)."
    )
    REQUIRES = ("numpy", "pyproj")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        add_sites(self)
        add_map(self)
        self.add(
            QgsProcessingParameterFeatureSink(
                self.OUTPUT, self.tr(self.OUTPUT_LABEL), QgsProcessing.SourceType.TypeVectorPoint
            ),
            "The sites with the new fields.",
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        given = self.parameterAsSource(parameters, self.INPUT, context) is not None
        spacing = optional_number(self, parameters, SPACING, context)
        if not given and spacing is None:
            return "Give a point layer of sites, or the spacing of a grid of sites."
        if given and spacing is not None:
            return "Both sites and the spacing of a grid are given. Leave one of them empty."
        for layer in self.parameterAsLayerList(parameters, LANDCOVER, context):
            if overwrites(layer, parameters.get(self.OUTPUT)):
                return (
                    f"The output would overwrite the land cover layer '{layer.name()}'. Choose another file."
                )
        try:
            self._read_crosswalk(parameters, context)
        except SoundVisError as error:
            return str(error)
        return super().problem(parameters, context)

    def _read_crosswalk(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Crosswalk:
        from soundvis_core.bga.crosswalks import load_crosswalk

        own = self.parameterAsString(parameters, CROSSWALK_FILE, context).strip()
        return load_crosswalk(own or self.parameterAsEnumString(parameters, CROSSWALK, context))

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._crosswalk = self._read_crosswalk(parameters, context)
        layers = self.parameterAsLayerList(parameters, LANDCOVER, context)
        rasters = [layer for layer in layers if isinstance(layer, QgsRasterLayer)]
        vectors = [layer for layer in layers if isinstance(layer, QgsVectorLayer)]
        if len(rasters) + len(vectors) < len(layers) or not layers:
            raise InputError("Give vector layers or one class raster as land cover.")
        if rasters and len(layers) > 1:
            raise InputError(
                "A class raster is a whole map: give it alone, or vector layers only. To combine them, rasterise the "
                "vector layers or polygonise the raster."
            )
        self._cover = (
            self._take_raster(rasters[0]) if rasters else self._take_vectors(vectors, parameters, context)
        )
        self._grid = self._take_grid(parameters, context)

    def _take_raster(self, layer: QgsRasterLayer) -> RasterCover:
        from .cover_sources import RasterCover

        return RasterCover.of(layer, self._crosswalk)

    def _take_vectors(
        self, layers: Sequence[QgsVectorLayer], parameters: Mapping[str, Any], context: QgsProcessingContext
    ) -> VectorCover:
        from ...layers.land_cover import CoverLayer, CoverOptions
        from .cover_sources import VectorCover

        options = CoverOptions(
            class_field=self.parameterAsString(parameters, CLASS_FIELD, context).strip(),
            width=self.parameterAsDouble(parameters, WIDTH, context),
            width_field=self.parameterAsString(parameters, WIDTH_FIELD, context).strip(),
            order=self.parameterAsEnumString(parameters, ORDER, context),
        )
        made = [CoverLayer(layer, self._crosswalk, options) for layer in layers]
        if options.width_field and not any(layer.has_widths for layer in made):
            raise InputError(
                f"No line layer has a field '{options.width_field}', or 'other_tags' that could hold it (given as the "
                "width of lines). Check its name."
            )
        cover = VectorCover(made, options, context.transformContext())
        cover.check(self._crosswalk)
        return cover

    def _take_grid(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Any:
        from .cover_grid import GridSource

        spacing = optional_number(self, parameters, SPACING, context)
        if spacing is None:
            return None
        extent = self.parameterAsExtent(parameters, EXTENT, context, self._cover.crs)
        return GridSource(self._cover.extent() if extent.isNull() else extent, self._cover.crs, spacing)

    def source(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Any:
        """The sites: the point layer, or the grid."""
        return self._grid if self._grid is not None else super().source(parameters, context)

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        from ...layers.land_cover import is_nodata

        prefix = self._prefix = self.parameterAsString(parameters, PREFIX, context)
        self._radius = self.parameterAsDouble(parameters, RADIUS, context)
        self._transform = make_transform(
            self.source(parameters, context).sourceCrs(), self._cover.crs, context
        )
        self.status_field = prefix + "bga_status"
        blank = {row.name for row in self._crosswalk.rows if is_nodata(row)}
        names = [name for name in self._crosswalk.share_names if name not in blank]
        self._fields = class_fields(prefix, dict(enumerate(names)))
        self._bands = WeightBands(self, parameters, context, self._crosswalk.table, prefix, self.OUTPUT)
        note = f"share of the circle of {self._radius:g} m"
        labels: dict[str, str] = {}
        for label, name in self._fields.items():
            # Of classes that share a field, the first names it.
            labels.setdefault(name, label)
        return [
            *(number(name, f"{label} (0-1)", note) for name, label in labels.items()),
            number(
                prefix + "unknown", "Unknown classes (0-1)", note + " in classes the crosswalk does not know"
            ),
            number(prefix + "nodata", "No data (0-1)", note + " that the map does not cover"),
            *bga_fields(prefix, f"{self._crosswalk.name} within {self._radius:g} m"),
            text(
                prefix + "source", "Source of the weights", "paper, extension or user, with the share of each"
            ),
            *self._bands.fields(),
        ]

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Generator[Mapping[str, Any], None, None]:
        from soundvis_core.progress import FirstUnexpected, check_cancelled

        places: list[QgsPointXY | SiteError] = []
        for feature in features:
            check_cancelled(progress)
            try:
                places.append(site_point(feature, self._transform, self._cover.crs))
            except SiteError as error:
                places.append(error)
        self._areas: dict[Kind, float] = {}
        self._thin = 0
        self._cover.start([place for place in places if isinstance(place, QgsPointXY)], self._radius)
        log = FirstUnexpected(progress)
        for place in places:
            try:
                if isinstance(place, SiteError):
                    raise place
                values = self._site(place, progress)
            except Cancelled:
                raise
            except Exception as error:  # noqa: BLE001 - one broken feature must not cost the other sites
                reason = as_site_error(error)
                log.tell(reason)
                values = bga_values(self._prefix, None, reason.status, str(reason))
            yield values
        self._tell(progress)

    def _site(self, place: QgsPointXY, progress: FeedbackProgress) -> dict[str, Any]:
        import math

        from soundvis_core.bga.composition import compose
        from soundvis_core.bga.crosswalks import source_text

        kinds = self._cover.shares(place, progress)
        by_field = dict.fromkeys(self._fields.values(), 0.0)
        shares: dict[str, float] = {}
        unknown = 0.0
        for kind, share in kinds.items():
            self._areas[kind] = self._areas.get(kind, 0.0) + share * math.pi * self._radius**2
            if kind.share:
                by_field[self._fields[kind.share]] += share
            if kind.category:
                shares[kind.category] = shares.get(kind.category, 0.0) + share
            else:
                unknown += share
        if not kinds:
            raise SiteError(self._cover.nothing(place, self._radius), SKIPPED)
        missing = max(0.0, 1.0 - math.fsum(kinds.values()))
        self._thin += missing > 1.0 - LEAST_KNOWN
        composition = compose(shares, self._crosswalk.table)
        remarks = ["no class in the circle has weights"] if composition.raw is None else []
        # Rounded down: "100 %" beside a composition would contradict itself.
        if unknown >= 0.005:
            remarks.append(
                f"{int(100 * unknown)}% of the circle has classes that the crosswalk does not know"
            )
        if missing >= 0.005:
            remarks.append(f"{int(100 * missing)}% of the circle has no data")
        return {
            **by_field,
            self._prefix + "unknown": unknown,
            self._prefix + "nodata": missing,
            **bga_values(
                self._prefix,
                composition,
                "ok" if composition.raw is not None else SKIPPED,
                "; ".join(remarks),
            ),
            self._prefix + "source": source_text(self._crosswalk.sources(shares)) or None,
            **self._bands.values(shares),
        }

    def _tell(self, progress: FeedbackProgress) -> None:
        """The classes found, with their areas: known, unmapped and unknown ones apart."""
        from ...layers.cover_remarks import tally

        self._cover.tell(progress)
        groups: dict[str, dict[str, float]] = {
            "paper": {},
            "extension": {},
            "user": {},
            "unmapped": {},
            "": {},
        }
        for kind, area in self._areas.items():
            row = self._crosswalk.table.row(kind.category) if kind.category else None
            groups[row.source if row is not None else ""][kind.name] = area
        for source, areas in groups.items():
            if not areas:
                continue
            if source:
                progress.info(f"Classes in the circles, {source}: {tally(areas)}.")
            else:
                hint = self._cover.fitting(areas, len(self._areas) - len(areas))
                progress.warn(
                    f"Classes that the crosswalk {self._crosswalk.name} does not know, left unmapped: {tally(areas)}. "
                    f"{hint}Add them to a crosswalk of your own to have them count."
                )
        if self._thin:
            sites, their = ("site has", "its") if self._thin == 1 else ("sites have", "their")
            progress.warn(
                f"{self._thin} {sites} less than {100.0 * LEAST_KNOWN:g}% of {their} circle on the map, so that the "
                "composition rests on a few samples. Choose a smaller radius, or give a map that reaches farther."
            )
        if self._areas:
            progress.info("Areas are summed over the circles; where circles overlap, they count in each.")
