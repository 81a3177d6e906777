"""Cut imagery tiles around sites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from qgis.core import (
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterLayer,
)

from ...layers.sinks import FieldSpec, number, text
from ...layers.sources import layer_file
from ..base import FeedbackProgress
from ..embedding.embedimagery import FOOTPRINT, LEAST_COVERED, RASTER
from ..parameters import PREFIX, add_number, add_prefix
from ..per_site import SitesAlgorithm

PIXELS = "PIXELS"
FORMAT = "FORMAT"
NAME_FIELD = "NAME_FIELD"
MIN_COVERED = "MIN_COVERED"
FOLDER = "FOLDER"
FORMATS = ("GeoTIFF", "PNG")
#: The side of a tile in metres on the ground and in pixels, unless asked for otherwise.
TILE_METRES, TILE_PIXELS = 200.0, 512


class CutTiles(SitesAlgorithm):
    """``soundvis:cuttiles``."""

    ID = "cuttiles"
    LABEL = "Cut tiles around sites"
    GROUP = "sites"
    SUMMARY = (
        "Cuts a square of the basemap about each site into a picture of its own, for use elsewhere: for other models, "
        "for figures, for looking at. It is the very square that 'Embed imagery around sites' sees: upright to true "
        "north and measured in metres on the ground, whatever the coordinate reference system of the raster.\n"
        "Each picture lies in metres about its site (azimuthal equidistant, on the raster's datum): in the GeoTIFF "
        "itself, or beside the PNG (.pgw, .prj, .aux.xml). The folder gets one table more, tiles.csv, with the file, "
        "place, metres per pixel, covered share and coordinate reference system of every site.\n"
        "Tiles are pictures, 3 bands of 8 bits, for looking at and for models: values of more bits (16-bit images, "
        "reflectances, heights) are stretched, from 0 (or the lowest, where negative) to that which half a percent of "
        "the raster exceeds, the same for all tiles, and bands beyond those shown as red, green and blue are left out. "
        "The log and the layer's metadata tell which values and bands. Where the numbers matter, cut the raster itself "
        "('Clip raster by extent').\n"
        "Where the raster is finer than the tile its pixels are averaged, where it is coarser they are interpolated; "
        "where it has no data inside a tile, the mean colour of the rest is put. A site with less covered than asked "
        "for is skipped, with the reason.\n"
        "Tiles of earlier runs of the same sites, in either format, are replaced once all are cut; those of other "
        "sites, and of sites of which this run has none, stay in the folder and in tiles.csv, which is told: adjoining "
        "sheets can be cut one after the other into one folder. Where such a site has moved by more than a metre, or "
        "the footprint is another, its earlier tile is removed, which is told, too. Files that no run of this tool "
        "listed are never replaced, and a run that fails or is cancelled leaves the folder as it was."
    )
    REQUIRES = ("numpy", "pyproj")

    def site_parameters(self) -> None:
        self.add(
            QgsProcessingParameterRasterLayer(RASTER, self.tr("Basemap")),
            "Aerial image or any other raster layer, local or from the web. One band becomes grey. Mind the licence "
            "of web layers: many allow looking at them, not keeping copies.",
        )
        add_number(
            self,
            FOOTPRINT,
            "Footprint (metres on the ground)",
            TILE_METRES,
            1.0,
            "Side of the north-up square around each site, in true metres.",
            maximum=100_000.0,
        )
        add_number(
            self,
            PIXELS,
            "Pixels along a side",
            TILE_PIXELS,
            16,
            "Footprint over pixels is the size of a pixel: 200 m and 512 pixels make 0.39 m.",
            maximum=2048,
            integer=True,
        )
        self.add(
            QgsProcessingParameterEnum(
                FORMAT,
                self.tr("Format"),
                options=list(FORMATS),
                defaultValue=FORMATS[0],
                usesStaticStrings=True,
            ),
            "GeoTIFF holds its place itself; PNG has it in files beside it. Both are without loss.",
        )
        self.add(
            QgsProcessingParameterField(
                NAME_FIELD, self.tr("Field for the names"), parentLayerParameterName=self.INPUT, optional=True
            ),
            "Files are called by it; what no file name takes becomes _, and names that recur get a number. Empty: the "
            "id of the site (a field 'site_id', 'site', 'id' or 'name'), else its number.",
        )
        add_number(
            self,
            MIN_COVERED,
            "Least covered share",
            LEAST_COVERED,
            0.0,
            "Sites with a smaller share of the footprint on the raster are skipped; those without any always are.",
            maximum=1.0,
            advanced=True,
        )
        add_prefix(self, "tile_")
        definition = self.parameterDefinition(PREFIX)
        definition.setFlags(definition.flags() | definition.Flag.FlagAdvanced)
        self.add(
            QgsProcessingParameterFolderDestination(FOLDER, self.tr("Folder for the tiles")),
            "The pictures and tiles.csv are written here.",
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        problem = super().problem(parameters, context)
        if problem:
            return problem
        from ...layers.tile_files import manifest_problem

        folder = self.parameterAsString(parameters, FOLDER, context)
        return manifest_problem(parameters.get(self.OUTPUT), folder)

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        from ...layers.rasters import RasterSource

        layer = self.parameterAsRasterLayer(parameters, RASTER, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, RASTER))
        self._raster = RasterSource(layer)
        self._raster.check_crs()
        self._raster_file = layer_file(layer)

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        from ...layers.site_tiles import SiteTiles, Wanted, naming_field

        prefix = self.parameterAsString(parameters, PREFIX, context)
        self.status_field = prefix + "status"
        wanted = Wanted(
            self.parameterAsDouble(parameters, FOOTPRINT, context),
            self.parameterAsInt(parameters, PIXELS, context),
            self.parameterAsEnumString(parameters, FORMAT, context),
            self.parameterAsDouble(parameters, MIN_COVERED, context),
            self.parameterAsString(parameters, FOLDER, context),
        )
        source = self.source(parameters, context)
        named = naming_field(source.fields(), self.parameterAsString(parameters, NAME_FIELD, context))
        # Made once the run begins to work: it makes the folder.
        self._make_tiles = partial(SiteTiles, wanted, self._raster, self._raster_file, source, named, context)
        return [
            text(prefix + "path", "Tile", "path of the picture"),
            number(prefix + "m_per_px", "Metres per pixel", "on the ground"),
            number(prefix + "covered", "Covered footprint (0-1)", "share of the footprint with image data"),
            text(prefix + "status", "Status", "ok, skipped or failed"),
            text(prefix + "reason", "Reason", "why there is no tile"),
        ]

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        results = super().execute(parameters, context, progress)
        self._tiles.publish(progress)
        return {**results, FOLDER: self._tiles.folder}

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        self._tiles = tiles = self._make_tiles()
        self.on_failure(tiles.discard)
        self.facts.update(tiles.say_values(progress))
        prefix = self.status_field[: -len("status")]
        for number_, feature in enumerate(features, start=1):
            made = tiles.cut(feature, tiles.name_for(feature, number_))
            yield {
                prefix + "path": made.path,
                prefix + "m_per_px": tiles.pixel_size if made.path else None,
                prefix + "covered": made.share,
                prefix + "status": made.status,
                prefix + "reason": made.reason or None,
            }
