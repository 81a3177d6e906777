"""Cut imagery tiles around sites."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterLayer,
)

from soundvis_core.errors import SKIPPED, Cancelled, SiteError, as_site_error
from soundvis_core.pipeline import OK

from ...compat import is_null
from ...layers.sinks import FieldSpec, number, text
from ...layers.sources import layer_file, make_transform, site_point
from ..base import FeedbackProgress
from ..embedding.embedimagery import FOOTPRINT, LEAST_COVERED, NO_IMAGE, RASTER
from ..parameters import PREFIX, add_number, add_prefix
from ..per_site import SitesAlgorithm

PIXELS = "PIXELS"
FORMAT = "FORMAT"
NAME_FIELD = "NAME_FIELD"
MIN_COVERED = "MIN_COVERED"
FOLDER = "FOLDER"
FORMATS = ("GeoTIFF", "PNG")


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
        "Where the raster is finer than the tile its pixels are averaged, where it is coarser they are interpolated; "
        "where it has no data inside a tile, the mean colour of the rest is put. A site with less covered than asked "
        "for is skipped, with the reason.\n"
        "Tiles of earlier runs of the same sites, in either format, are replaced once all are cut; those of other "
        "sites stay in the folder and in tiles.csv, which is told. Files that no run of this tool listed are never "
        "replaced, and a run that fails or is cancelled leaves the folder as it was."
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
            200.0,
            1.0,
            "Side of the north-up square around each site, in true metres.",
            maximum=100_000.0,
        )
        add_number(
            self,
            PIXELS,
            "Pixels along a side",
            512,
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
        from ...layers.overwriting import same_file
        from ...layers.sinks import output_path
        from ...layers.tile_files import MANIFEST

        manifest = os.path.join(self.parameterAsString(parameters, FOLDER, context), MANIFEST)
        if same_file(output_path(parameters.get(self.OUTPUT)), manifest):
            return f"The sites would be written over the list of tiles ({manifest}). Choose another file."
        return None

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        from ...layers.rasters import RasterSource

        layer = self.parameterAsRasterLayer(parameters, RASTER, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, RASTER))
        self._raster = RasterSource(layer)
        self._raster.check_crs()
        self._raster_file = layer_file(layer)

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        from ...layers.joined_sites import SITE_NAMES

        prefix = self.parameterAsString(parameters, PREFIX, context)
        self.status_field = prefix + "status"
        self._side = self.parameterAsDouble(parameters, FOOTPRINT, context)
        self._pixels = self.parameterAsInt(parameters, PIXELS, context)
        self._format = self.parameterAsEnumString(parameters, FORMAT, context)
        self._least = self.parameterAsDouble(parameters, MIN_COVERED, context)
        self._folder = self.parameterAsString(parameters, FOLDER, context)
        source = self.source(parameters, context)
        chosen = self.parameterAsString(parameters, NAME_FIELD, context)
        found = [source.fields().lookupField(name) for name in ([chosen] if chosen else SITE_NAMES)]
        if chosen and found[0] < 0:
            raise QgsProcessingException(f"The layer has no field '{chosen}' (given for the names of files).")
        self._name_index = next((index for index in found if index >= 0), -1)
        self._transform = make_transform(source.sourceCrs(), self._raster.crs, context)
        self._to_lonlat = make_transform(source.sourceCrs(), _wgs84(), context)
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
        # Last of all: what the folder held is touched once nothing else can fail.
        told = self._tiles.publish()
        self._tiles.settle()
        progress.info(told)
        return {**results, FOLDER: self._tiles.folder}

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        from ...layers.tile_files import TileFolder

        self._tiles = tiles = TileFolder(self._folder, self._format, self._raster_file)
        self.on_failure(tiles.discard)
        prefix = self.status_field[: -len("status")]
        for number_, feature in enumerate(features, start=1):
            site = self._site(feature, number_)
            name, share, status, reason, wkt = "", None, OK, "", ""
            try:
                tile, share, crs = self._tile(feature)
            except Cancelled:
                raise
            except Exception as error:  # noqa: BLE001 - one unreadable block must not cost the other sites
                told = as_site_error(error)
                status, reason = told.status, str(told)
                share = told.share if isinstance(told, _TooLittle) else None
            else:
                # Outside of the above: a disk that is full ends the run.
                name, wkt = tiles.name_for(site), crs.wkt
                tiles.write(name, tile, self._side, crs)
            size = self._side / self._pixels
            tiles.note(
                {
                    "site": site,
                    "file": name,
                    **self._lonlat(feature),
                    "metres_per_pixel": f"{size:.10g}" if name else "",
                    "footprint_m": f"{self._side:.10g}",
                    "covered": "" if share is None else f"{share:.6g}",
                    "status": status,
                    "reason": reason,
                    "crs": wkt,
                }
            )
            yield {
                prefix + "path": tiles.path_of(name) if name else None,
                prefix + "m_per_px": size if name else None,
                prefix + "covered": share,
                prefix + "status": status,
                prefix + "reason": reason or None,
            }

    def _site(self, feature: QgsFeature, number_: int) -> str:
        value = feature.attribute(self._name_index) if self._name_index >= 0 else None
        if is_null(value) or not str(value).strip():
            return f"site_{number_}"
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()

    def _lonlat(self, feature: QgsFeature) -> dict[str, str]:
        try:
            point = site_point(feature, self._to_lonlat, _wgs84())
        except SiteError:
            return {"longitude": "", "latitude": ""}
        return {"longitude": f"{point.x():.9g}", "latitude": f"{point.y():.9g}"}

    def _tile(self, feature: QgsFeature) -> tuple[Any, float, Any]:
        """The tile, its covered share and its coordinate reference system. Raises SiteError where there is none."""
        from soundvis_core.geodesy import LocalFrame

        from ...layers.tile_files import LocalCrs
        from ...layers.tiles import read_tile

        point = site_point(feature, self._transform, self._raster.crs)
        frame = LocalFrame(self._raster.crs_text, point.x(), point.y())
        source = read_tile(self._raster, frame, (point.x(), point.y()), self._side, self._pixels)
        tile, share = (None, 0.0) if source is None else source.tile()
        if share == 0.0 and not self._raster.native:
            raise SiteError(NO_IMAGE)
        if share == 0.0:
            raise _TooLittle("the footprint lies outside the raster or on nodata", share)
        if share < self._least:
            raise _TooLittle(f"only {share:.0%} of the footprint has image data", share)
        return tile, share, LocalCrs(self._raster.crs_text, point.x(), point.y())


class _TooLittle(SiteError):
    """The raster covers too little of the footprint."""

    def __init__(self, reason: str, share: float) -> None:
        super().__init__(reason, SKIPPED)
        self.share = share


def _wgs84() -> QgsCoordinateReferenceSystem:
    return QgsCoordinateReferenceSystem("EPSG:4326")
