"""Tiles as files: in a local projection about each site, together in a folder or not at all."""

from __future__ import annotations

import csv
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from osgeo import gdal

from soundvis_core.errors import InputError

from .gdal_errors import gdal_exceptions
from .overwriting import same_file
from .raster_output import RasterFormat, RasterOutput
from .rasters import Grid
from .sinks import remove_files

if TYPE_CHECKING:
    import numpy as np

GEOTIFF, PNG = "GeoTIFF", "PNG"
ENDINGS = {GEOTIFF: ".tif", PNG: ".png"}
MANIFEST = "tiles.csv"
#: Bytes of a name without its ending: file systems take 255 with everything.
_LONGEST_NAME = 120
#: What Windows keeps for devices.
_DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{kind}{number}" for kind in ("com", "lpt") for number in range(1, 10)),
}


class LocalCrs:
    """Azimuthal equidistant metres about a place, on the datum of a raster, so that no datum shift enters."""

    def __init__(self, crs: str, x: float, y: float) -> None:
        """``crs``: WKT of the raster; ``x``, ``y``: the place in its units."""
        from pyproj.crs import ProjectedCRS
        from pyproj.crs.coordinate_operation import AzimuthalEquidistantConversion

        geodetic, to_lonlat = _geodetic(crs)
        longitude, latitude = to_lonlat.transform(x, y)
        # A tenth of a millimetre.
        conversion = AzimuthalEquidistantConversion(
            latitude_natural_origin=round(latitude, 9), longitude_natural_origin=round(longitude, 9)
        )
        self._crs = ProjectedCRS(conversion, name="Metres about the site", geodetic_crs=geodetic)

    @property
    def wkt(self) -> str:
        """The text for GDAL."""
        return str(self._crs.to_wkt("WKT1_GDAL"))

    @property
    def esri(self) -> str:
        """The text of a .prj file."""
        return str(self._crs.to_wkt("WKT1_ESRI"))


@lru_cache(maxsize=8)
def _geodetic(crs: str) -> tuple[Any, Any]:
    from pyproj import CRS, Transformer

    parsed = CRS.from_user_input(crs)
    return parsed.geodetic_crs, Transformer.from_crs(parsed, parsed.geodetic_crs, always_xy=True)


class TileFolder:
    """Tiles of one run: written beside their place, moved there together by :meth:`publish`."""

    def __init__(self, folder: str, kind: str) -> None:
        """``kind``: GEOTIFF or PNG. Raises InputError where the folder cannot be written to."""
        self.folder = os.path.abspath(folder)
        self._kind = kind
        self._names: set[str] = set()
        self._rows: list[Mapping[str, Any]] = []
        self._published: list[str] = []
        self._new = not os.path.isdir(self.folder)
        try:
            os.makedirs(self.folder, exist_ok=True)
            self._stage = tempfile.mkdtemp(prefix=".unfinished-", dir=self.folder)
        except OSError as error:
            raise InputError(
                f"The folder {self.folder} cannot be written to ({error.strerror or error}). Choose another."
            ) from error

    def name_for(self, site: str) -> str:
        """A file name for a site, with its ending: like no other of the run, and allowed everywhere."""
        stem = safe_name(site)
        number, name = 1, stem
        while name.casefold() in self._names:
            number += 1
            name = f"{stem}_{number}"
        self._names.add(name.casefold())
        return name + ENDINGS[self._kind]

    def path_of(self, name: str) -> str:
        """Where a tile will be."""
        return os.path.join(self.folder, name)

    def write(self, name: str, tile: np.ndarray, side: float, crs: LocalCrs) -> None:
        """Write a tile, uint8 (pixels, pixels, 3), of ``side`` metres about the origin of ``crs``."""
        pixels = tile.shape[0]
        size = side / pixels
        grid = Grid(-side / 2.0, side / 2.0, size, size, pixels, pixels)
        path = os.path.join(self._stage, name)
        if self._kind == GEOTIFF:
            output = RasterOutput(path, grid, crs.wkt, RasterFormat("uint8", ["Red", "Green", "Blue"]))
            output.set_colour_bands()
            for band in range(3):
                output.write(band + 1, 0, 0, tile[:, :, band])
            output.close()
            return
        self._write_png(path, tile, grid, crs)

    @staticmethod
    def _write_png(path: str, tile: np.ndarray, grid: Grid, crs: LocalCrs) -> None:
        """A PNG with a world file, a .prj and GDAL's own side-car, for what reads any of them."""
        with gdal_exceptions():
            memory = gdal.GetDriverByName("MEM").Create("", grid.width, grid.height, 3, gdal.GDT_Byte)
            memory.SetGeoTransform((grid.left, grid.pixel_width, 0.0, grid.top, 0.0, -grid.pixel_height))
            memory.SetProjection(crs.wkt)
            for band in range(3):
                memory.GetRasterBand(band + 1).WriteRaster(
                    0, 0, grid.width, grid.height, tile[:, :, band].tobytes()
                )
            written = gdal.GetDriverByName("PNG").CreateCopy(path, memory)
            written.FlushCache()
            written = memory = None
        stem = os.path.splitext(path)[0]
        # Pixel size across, two rotations, size down, and the middle of the first pixel.
        first = grid.left + grid.pixel_width / 2.0, grid.top - grid.pixel_height / 2.0
        lines = (grid.pixel_width, 0.0, 0.0, -grid.pixel_height, *first)
        with open(stem + ".pgw", "w", encoding="ascii") as file:
            file.write("".join(f"{line:.12g}\n" for line in lines))
        with open(stem + ".prj", "w", encoding="utf-8") as file:
            file.write(crs.esri)

    def note(self, row: Mapping[str, Any]) -> None:
        """Keep a row of the manifest."""
        self._rows.append(row)

    def publish(self, forbidden: str = "") -> str:
        """Move everything to its place, the manifest last; returns the manifest's path.

        ``forbidden``: a file that must not be replaced (the raster). Raises InputError where it would be.
        """
        names = sorted(os.listdir(self._stage))
        if any(same_file(self.path_of(name), forbidden) for name in names):
            raise InputError(
                f"A tile would replace the raster itself ({forbidden}). Choose another folder or field for the names."
            )
        if self._rows:
            path = os.path.join(self._stage, MANIFEST)
            with open(path, "w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(self._rows[0]))
                writer.writeheader()
                writer.writerows(self._rows)
            names.append(MANIFEST)
        for name in names:
            os.replace(os.path.join(self._stage, name), self.path_of(name))
            self._published.append(self.path_of(name))
        os.rmdir(self._stage)
        return self.path_of(MANIFEST)

    def discard(self) -> None:
        """Take back everything that this run wrote, and the folder where it made it."""
        shutil.rmtree(self._stage, ignore_errors=True)
        remove_files(self._published)
        if self._new and os.path.isdir(self.folder) and not os.listdir(self.folder):
            os.rmdir(self.folder)


def safe_name(text: str) -> str:
    """A file name without ending that every system takes: letters of any script, digits, dots, hyphens, underscores."""
    name = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", text)).strip("._ ")
    name = name.encode("utf-8", "ignore")[:_LONGEST_NAME].decode("utf-8", "ignore").rstrip("._ ") or "site"
    return f"{name}_" if name.partition(".")[0].casefold() in _DEVICES else name
