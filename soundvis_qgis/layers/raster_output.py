"""Arrays to raster files, block by block, through a temporary name: the file is whole or absent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osgeo import gdal

from soundvis_core.errors import InputError

from .gdal_errors import gdal_exceptions
from .rasters import Grid
from .sinks import remove_files

if TYPE_CHECKING:
    import numpy as np

_GDAL_TYPES = {"uint8": gdal.GDT_Byte, "float32": gdal.GDT_Float32}
_TIFF_OPTIONS = ["TILED=YES", "COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER", "NUM_THREADS=ALL_CPUS"]
#: The prefix of the metadata items that name classes inside the file itself.
CLASS_ITEM = "CLASS_"


@dataclass(frozen=True)
class RasterFormat:
    """What a new raster holds: numpy type name, band names, nodata."""

    dtype: str
    bands: Sequence[str]
    nodata: float | None = None


class RasterOutput:
    """A raster being written. :meth:`close` gives it its name; :meth:`discard` leaves nothing."""

    def __init__(self, path: str, grid: Grid, crs: str, form: RasterFormat) -> None:
        """Create the folder and the file. Raises InputError where either cannot be written."""
        self.path = path
        self._dtype = form.dtype
        self._whole = False
        self._dataset: gdal.Dataset | None = None
        stem, extension = os.path.splitext(path)
        driver = _driver_for(extension.lower() or ".tif")
        self._partial = f"{stem}.part{extension}"
        options = list(_TIFF_OPTIONS) if driver.ShortName == "GTiff" else []
        if driver.ShortName == "GTiff" and form.dtype == "float32":
            options.append("PREDICTOR=3")
        try:
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            with gdal_exceptions():
                self._dataset = driver.Create(
                    self._partial,
                    grid.width,
                    grid.height,
                    len(form.bands),
                    _GDAL_TYPES[form.dtype],
                    options=options,
                )
                self._describe(grid, crs, form)
        except (OSError, RuntimeError) as error:
            self.discard()
            raise InputError(f"The raster {path} cannot be created: {error}") from error

    def _describe(self, grid: Grid, crs: str, form: RasterFormat) -> None:
        self._dataset.SetGeoTransform((grid.left, grid.pixel_width, 0.0, grid.top, 0.0, -grid.pixel_height))
        self._dataset.SetProjection(crs)
        for number, name in enumerate(form.bands, start=1):
            band = self._dataset.GetRasterBand(number)
            band.SetDescription(name)
            if form.nodata is not None:
                band.SetNoDataValue(form.nodata)

    def set_classes(self, classes: Sequence[tuple[int, str, tuple[int, int, int]]]) -> None:
        """Keep names and colours of class codes in the file (palette, categories, band metadata)."""
        band = self._dataset.GetRasterBand(1)
        palette = gdal.ColorTable()
        for code, _, colour in classes:
            palette.SetColorEntry(code, (*colour, 255))
        band.SetRasterColorTable(palette)
        # Category names live in a side-car file; the metadata of the band lies in a GeoTIFF itself.
        band.SetMetadata({f"{CLASS_ITEM}{code}": name for code, name, _ in classes})
        names = [""] * (max(code for code, _, _ in classes) + 1)
        for code, name, _ in classes:
            names[code] = name
        band.SetCategoryNames(names)

    def set_colour_bands(self) -> None:
        """Mark bands 1 to 3 as red, green and blue."""
        for number, meaning in ((1, gdal.GCI_RedBand), (2, gdal.GCI_GreenBand), (3, gdal.GCI_BlueBand)):
            self._dataset.GetRasterBand(number).SetColorInterpretation(meaning)

    def write(self, band: int, column: int, row: int, values: np.ndarray) -> None:
        """Write a block of one band, shape (h, w)."""
        import numpy as np

        data = np.ascontiguousarray(values, dtype=self._dtype)
        height, width = data.shape
        with gdal_exceptions():
            self._dataset.GetRasterBand(band).WriteRaster(
                column, row, width, height, data.tobytes(), width, height, _GDAL_TYPES[self._dtype]
            )

    def close(self) -> None:
        """Flush the file and give it its name."""
        with gdal_exceptions():
            self._dataset.FlushCache()
            self._dataset = None
        side_car = self._partial + ".aux.xml"
        os.replace(self._partial, self.path)
        remove_files([self.path + ".aux.xml"])
        if os.path.exists(side_car):
            os.replace(side_car, self.path + ".aux.xml")
        self._whole = True

    def discard(self) -> None:
        """Delete what was written, the whole raster as well where a later step of the run failed."""
        self._dataset = None
        remove_files([self._partial, self._partial + ".aux.xml"])
        if self._whole:
            remove_files([self.path, self.path + ".aux.xml"])


def _driver_for(extension: str) -> gdal.Driver:
    for index in range(gdal.GetDriverCount()):
        driver = gdal.GetDriver(index)
        extensions = (driver.GetMetadataItem(gdal.DMD_EXTENSIONS) or "").lower().split()
        if extension[1:] in extensions and driver.GetMetadataItem(gdal.DCAP_CREATE) == "YES":
            # COG and others share .tif; the first that writes block by block is GTiff.
            return driver
    raise InputError(f"Rasters cannot be written block by block as '{extension}'. Choose a GeoTIFF (.tif).")
