"""The last rung of a join: a tile of a basemap for sites that nothing else was found for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterLayer,
)

from ...layers.sources import layer_file
from ..embedding.embedimagery import LEAST_COVERED
from ..parameters import add_number
from .cuttiles import TILE_METRES, TILE_PIXELS

if TYPE_CHECKING:
    from ...layers.rasters import RasterSource
    from ...layers.site_tiles import SiteTiles
    from ..per_site import SitesAlgorithm

TILES = "TILES"
TILE_FOOTPRINT = "TILE_FOOTPRINT"
TILE_FOLDER = "TILE_FOLDER"
#: What a join by a tile is called, beside the ways of the core.
BY_TILE = "tile"


def add_tile_parameters(algorithm: SitesAlgorithm) -> None:
    """TILES, TILE_FOOTPRINT and TILE_FOLDER."""
    algorithm.add(
        QgsProcessingParameterRasterLayer(
            TILES, algorithm.tr("Basemap for sites without any"), optional=True
        ),
        "Sites for which no path, key or near row is found get a tile cut from this raster, as 'Cut tiles' cuts it "
        f"({TILE_PIXELS} pixels a side, PNG, at least half covered). For a second layer of aerial images or tiles, or "
        "where each site needs something to look at: a tile from above does not replace a street photo, so look at "
        "the field way before you compare. Empty: such sites get nothing.",
        advanced=True,
    )
    add_number(
        algorithm,
        TILE_FOOTPRINT,
        "Footprint of tiles (metres on the ground)",
        TILE_METRES,
        1.0,
        "Side of the north-up square around each such site, in true metres.",
        maximum=100_000.0,
        advanced=True,
        optional=True,
    )
    algorithm.add(
        QgsProcessingParameterFolderDestination(
            TILE_FOLDER, algorithm.tr("Folder for the tiles"), optional=True, createByDefault=False
        ),
        "Needed where a basemap is given. The tiles and their list, tiles.csv, are written here, under the rules of "
        "'Cut tiles': all or none, and never over a file that it did not make.",
        advanced=True,
    )


class JoinTiles:
    """What a run was asked for; made in the main thread."""

    def __init__(
        self, algorithm: SitesAlgorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
    ) -> None:
        self._side = algorithm.parameterAsDouble(parameters, TILE_FOOTPRINT, context)
        self._folder = algorithm.parameterAsString(parameters, TILE_FOLDER, context)
        #: Whether there is a basemap to cut tiles from.
        self.given = bool(parameters.get(TILES))
        self._layer = algorithm.parameterAsRasterLayer(parameters, TILES, context) if self.given else None
        self._invalid = algorithm.invalidRasterError(parameters, TILES)
        self._output = parameters.get(algorithm.OUTPUT)
        self._raster: RasterSource | None = None

    def problem(self) -> str | None:
        """Why the parameters cannot be run; None where they can."""
        if not self.given:
            return (
                f"There is a folder for tiles ({TILE_FOLDER}), but nothing to cut them from. Choose the basemap "
                f"({TILES}), or leave the folder empty."
                if self._folder
                else None
            )
        if not self._folder:
            return f"Choose the folder that the tiles are written to ({TILE_FOLDER}), or leave {TILES} empty."
        from ...layers.tile_files import manifest_problem

        return manifest_problem(self._output, self._folder)

    def take_raster(self) -> None:
        """Take hold of the basemap. Raises where it cannot be read, or does not say where it lies."""
        if not self.given:
            return
        from ...layers.rasters import RasterSource

        if self._layer is None:
            raise QgsProcessingException(self._invalid)
        self._raster = RasterSource(self._layer)
        self._raster.check_crs()
        self._file = layer_file(self._layer)
        self._layer = None

    def maker(
        self, sites: QgsProcessingFeatureSource, key_field: str, context: QgsProcessingContext
    ) -> Callable[[], SiteTiles] | None:
        """What makes the tiles, and with them their folder; None where there are none to be."""
        if self._raster is None:
            return None
        from ...layers.site_tiles import SiteTiles, Wanted, naming_field
        from ...layers.tile_files import PNG

        wanted = Wanted(self._side, TILE_PIXELS, PNG, LEAST_COVERED, self._folder)
        named = naming_field(sites.fields(), key_field)
        return partial(SiteTiles, wanted, self._raster, self._file, sites, named, context)
