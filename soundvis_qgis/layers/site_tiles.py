"""Tiles cut around the sites of a layer, as files of one folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFields,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
)

from soundvis_core.errors import Cancelled, InputError, SiteError, as_site_error
from soundvis_core.geodesy import LocalFrame
from soundvis_core.pipeline import OK
from soundvis_core.progress import Progress

from ..compat import is_null
from .joined_sites import SITE_NAMES
from .rasters import RasterSource
from .sources import make_transform, site_point
from .tile_files import LocalCrs, TileFolder
from .tiles import check_covered, read_tile


@dataclass(frozen=True)
class Wanted:
    """What tiles are to be: metres along a side, pixels along a side, format, least covered share, and their folder."""

    side: float
    pixels: int
    kind: str
    least: float
    folder: str


@dataclass(frozen=True)
class Cut:
    """What came of one site: the path of its tile (None: it has none), the covered share, status and reason."""

    path: str | None
    share: float | None
    status: str
    reason: str


class SiteTiles:
    """The tiles of one run: each is cut by :meth:`cut`, all are moved to their place by :meth:`publish`."""

    def __init__(
        self,
        wanted: Wanted,
        raster: RasterSource,
        raster_file: str,
        sites: QgsProcessingFeatureSource,
        name_index: int,
        context: QgsProcessingContext,
    ) -> None:
        """``raster_file``: where the raster lies, which no tile may replace. ``name_index``: of the field that names
        the files, -1 for the numbers of sites.

        Raises InputError where a coordinate reference system is missing, or the folder cannot be written to.
        """
        self._wanted, self._raster, self._name_index = wanted, raster, name_index
        self._transform = make_transform(sites.sourceCrs(), raster.crs, context)
        self._to_lonlat = make_transform(sites.sourceCrs(), _wgs84(), context)
        self._files = TileFolder(wanted.folder, wanted.kind, raster_file)
        #: The folder as a whole path.
        self.folder = self._files.folder
        #: Metres along a side of a pixel.
        self.pixel_size = wanted.side / wanted.pixels
        #: Takes back what this run wrote.
        self.discard = self._files.discard

    def name_for(self, feature: QgsFeature, number: int) -> tuple[str, str]:
        """What the ``number``-th site of the layer is called, and its file: ask for every site, in their order."""
        site = self._site(feature, number)
        return site, self._files.name_for(site)

    def cut(self, feature: QgsFeature, named: tuple[str, str]) -> Cut:
        """Cut the tile of a site and list it; a site without one is listed with the reason. Raises Cancelled."""
        site, name = named
        share: float | None = None
        try:
            tile, share, crs = self._tile(feature)
            check_covered(share, self._wanted.least, self._raster.native)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - one unreadable block must not cost the other sites
            told = as_site_error(error)
            made = Cut(None, share, told.status, str(told))
        else:
            # Outside of the above: a disk that is full ends the run.
            self._files.write(name, tile, self._wanted.side, crs)
            made = Cut(self._files.path_of(name), share, OK, "")
        self._files.note(
            name,
            {
                "site": site,
                "file": name if made.path else "",
                **self._lonlat(feature),
                "metres_per_pixel": f"{self.pixel_size:.10g}" if made.path else "",
                "footprint_m": f"{self._wanted.side:.10g}",
                "covered": "" if share is None else f"{share:.6g}",
                "status": made.status,
                "reason": made.reason,
                "crs": crs.wkt if made.path else "",
            },
        )
        return made

    def say_values(self, progress: Progress) -> dict[str, str]:
        """Tell where tiles do not hold the values of the raster itself; what is told, as facts of the run."""
        facts = {}
        limits = self._raster.limits()
        if limits is not None:
            low, high = limits
            facts["values of the tiles"] = f"{low:.6g} to {high:.6g} in the raster are 0 to 255"
        shown, others = self._raster.bands_shown()
        if others:
            named = f"band {shown[0]}" if len(shown) == 1 else f"bands {', '.join(map(str, shown))}"
            facts["bands of the tiles"] = f"{named} of the raster; {others} more left out"
        if facts:
            progress.info(
                f"Tiles are pictures of 8 bits in 3 bands: {'; '.join(facts.values())}. For measured values cut the "
                "raster itself ('Clip raster by extent')."
            )
        return facts

    def publish(self, progress: Progress) -> None:
        """Last of all: what the folder held is touched once nothing else can fail."""
        told = self._files.publish()
        self._files.settle()
        progress.info(told)

    def _site(self, feature: QgsFeature, number: int) -> str:
        value = feature.attribute(self._name_index) if self._name_index >= 0 else None
        if is_null(value) or not str(value).strip():
            return f"site_{number}"
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()

    def _lonlat(self, feature: QgsFeature) -> dict[str, str]:
        try:
            point = site_point(feature, self._to_lonlat, _wgs84())
        except SiteError:
            return {"longitude": "", "latitude": ""}
        return {"longitude": f"{point.x():.9g}", "latitude": f"{point.y():.9g}"}

    def _tile(self, feature: QgsFeature) -> tuple[Any, float, LocalCrs]:
        """The tile (None: off the raster), its covered share and its coordinate reference system."""
        wanted, raster = self._wanted, self._raster
        point = site_point(feature, self._transform, raster.crs)
        frame = LocalFrame(raster.crs_text, point.x(), point.y())
        source = read_tile(raster, frame, (point.x(), point.y()), wanted.side, wanted.pixels)
        tile, share = (None, 0.0) if source is None else source.tile()
        return tile, share, LocalCrs(raster.crs_text, point.x(), point.y())


def naming_field(fields: QgsFields, chosen: str = "") -> int:
    """The index of the field that names the files of tiles: the ``chosen`` one, else one by its name (-1: none).

    Raises InputError where there is no field that is called as chosen.
    """
    if chosen and fields.lookupField(chosen) < 0:
        raise InputError(f"The layer has no field '{chosen}' (given for the names of files).")
    names: Sequence[str] = [chosen] if chosen else SITE_NAMES
    return next((index for index in map(fields.lookupField, names) if index >= 0), -1)


def _wgs84() -> QgsCoordinateReferenceSystem:
    return QgsCoordinateReferenceSystem("EPSG:4326")
