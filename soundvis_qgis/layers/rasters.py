"""Any raster layer QGIS can show, as arrays: colours of a window, codes of a class raster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from qgis.core import QgsRasterBlock, QgsRasterDataProvider, QgsRasterLayer, QgsRasterRenderer, QgsRectangle

from soundvis_core.errors import InputError
from soundvis_core.geodesy import ground_pixel_size
from soundvis_core.sampling import pixels_at

#: numpy types of QGIS's raster data types (Qgis.DataType), by their numbers, which are stable.
_DTYPES = {1: "u1", 2: "u2", 3: "i2", 4: "u4", 5: "i4", 6: "f4", 7: "f8", 14: "i1"}
_ARGB, _ARGB_PREMULTIPLIED = 12, 13
_PALETTE, _RED, _GREEN, _BLUE, _ALPHA = 2, 3, 4, 5, 6
#: A window is read whole up to this many pixels a side; beyond, the provider thins it.
_LARGEST_WINDOW = 4096
#: The provider averages down to one pixel in so many a side.
_THINNEST = 1000.0
#: The codes of a raster are looked at in windows of so many pixels a side, so many along each side.
_SAMPLE, _SAMPLES = 128, 8


def enum_number(value: Any) -> int:
    """The number of an enum member, whether sip's or Python's."""
    return int(getattr(value, "value", value))


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie: upper-left corner, pixel size in CRS units, size in pixels."""

    left: float
    top: float
    pixel_width: float
    pixel_height: float
    width: int
    height: int

    def rectangle(self, column: int, row: int, width: int, height: int) -> QgsRectangle:
        """The extent of a window of pixels."""
        left = self.left + column * self.pixel_width
        top = self.top - row * self.pixel_height
        return QgsRectangle(left, top - height * self.pixel_height, left + width * self.pixel_width, top)

    def columns(self, x: np.ndarray) -> np.ndarray:
        """Pixel columns of x coordinates; 0.5 is the centre of the first pixel."""
        return (x - self.left) / self.pixel_width

    def rows(self, y: np.ndarray) -> np.ndarray:
        """Pixel rows of y coordinates; 0.5 is the centre of the first pixel."""
        return (self.top - y) / self.pixel_height

    def part(self, extent: QgsRectangle) -> Grid:
        """The whole pixels that ``extent`` touches, inside this grid. Raises InputError where there are none."""
        # An extent typed with rounded numbers should not pull in a row of neighbours.
        slack = 1e-6
        first_column = max(0, math.floor((extent.xMinimum() - self.left) / self.pixel_width + slack))
        first_row = max(0, math.floor((self.top - extent.yMaximum()) / self.pixel_height + slack))
        last_column = min(self.width, math.ceil((extent.xMaximum() - self.left) / self.pixel_width - slack))
        last_row = min(self.height, math.ceil((self.top - extent.yMinimum()) / self.pixel_height - slack))
        if last_column <= first_column or last_row <= first_row:
            raise InputError("The extent does not overlap the raster. Choose an extent inside it.")
        return Grid(
            self.left + first_column * self.pixel_width,
            self.top - first_row * self.pixel_height,
            self.pixel_width,
            self.pixel_height,
            last_column - first_column,
            last_row - first_row,
        )


@dataclass(frozen=True)
class ColourBlock:
    """A window of colours as a raster holds it.

    bands: (height, width) each, in the raster's type. valid: bool (height, width). A value less ``offset``, over
    ``scale``, is a colour in 0..1.
    """

    bands: tuple[np.ndarray, ...]
    valid: np.ndarray
    scale: float
    offset: float

    def colours(self) -> np.ndarray:
        """float32 (b, height, width) in 0..1; 0 where there is no data."""
        values = np.empty((len(self.bands), *self.valid.shape), dtype=np.float32)
        for index, band in enumerate(self.bands):
            values[index] = np.clip((band.astype(np.float32) - self.offset) / self.scale, 0.0, 1.0)
        values[:, ~self.valid] = 0.0
        return values


class RasterSource:
    """A raster layer as a source of arrays. Made in the main thread; read in one thread."""

    def __init__(self, layer: QgsRasterLayer) -> None:
        """Raises InputError for a layer that cannot be read."""
        if not layer.isValid() or layer.dataProvider() is None:
            raise InputError(f"The raster layer '{layer.name()}' cannot be read. Check its source.")
        self.name = layer.name()
        self.crs = layer.crs()
        self.crs_text = layer.crs().toWkt()
        self._provider: QgsRasterDataProvider = layer.dataProvider().clone()
        # Layers keep what the user set as nodata in their provider; a clone starts with the file's own.
        for band in range(1, layer.bandCount() + 1):
            self._provider.setUserNoDataValue(band, layer.dataProvider().userNoDataValues(band))
            self._provider.setUseSourceNoDataValue(band, layer.dataProvider().useSourceNoDataValue(band))
        self._renderer: QgsRasterRenderer | None = None
        self.native = self._provider.xSize() > 0 and self._provider.ySize() > 0
        self.extent = layer.extent()
        self._bands: list[int] = []
        self._alpha: int | None = None
        self._scale: float | None = None
        self._offset = 0.0
        if self.native:
            self._choose_bands(layer)
            self._average_when_thinned()

    def _choose_bands(self, layer: QgsRasterLayer) -> None:
        provider = self._provider
        meaning = {
            band: enum_number(provider.colorInterpretation(band)) for band in range(1, layer.bandCount() + 1)
        }
        plain = [band for band in meaning if meaning[band] != _ALPHA]
        self._alpha = next((band for band in meaning if meaning[band] == _ALPHA), None)
        if meaning and meaning[1] == _PALETTE and len(plain) == 1 and layer.renderer() is not None:
            self._renderer = layer.renderer().clone()
            self._renderer.setInput(provider)
            return
        if len(plain) < 3:
            self._bands = plain[:1]
            return
        shown = layer.renderer()
        chosen = [shown.redBand(), shown.greenBand(), shown.blueBand()] if hasattr(shown, "redBand") else []
        if len(set(chosen)) != 3 or not set(chosen) <= set(plain):
            chosen = plain[:3]
        # Four plain bands are colour and near infrared (NAIP and most aerial surveys).
        self._bands = chosen + ([band for band in plain if band not in chosen] if len(plain) == 4 else [])

    def _average_when_thinned(self) -> None:
        """Have the provider average where it is asked for fewer pixels than there are; codes are never averaged."""
        if self.is_class_raster() and len(self._bands) < 3:
            return
        self._provider.enableProviderResampling(True)
        self._provider.setZoomedOutResamplingMethod(QgsRasterDataProvider.ResamplingMethod.Bilinear)
        self._provider.setMaxOversampling(_THINNEST)

    def check_crs(self) -> None:
        """Raise InputError where the raster does not say where it lies."""
        if not self.crs.isValid():
            raise InputError(
                f"The raster '{self.name}' has no coordinate reference system. Set it (Layer > Set CRS) and run again."
            )

    @property
    def band_count(self) -> int:
        """How many bands :meth:`colours` gives: 1 (grey), 3 (RGB) or 4 (RGB and near infrared)."""
        return len(self._bands) if self._bands else 3

    @property
    def row_bytes(self) -> int:
        """What one row has to take in GDAL's memory, all bands; 0 for web layers and for tiled files.

        A file in strips is decoded by whole rows; of a tiled one the tiles of a block are enough.
        """
        provider = self._provider
        if provider.xBlockSize() < provider.xSize():
            return 0
        types = (enum_number(provider.dataType(band)) for band in range(1, provider.bandCount() + 1))
        return provider.xSize() * sum(np.dtype(_DTYPES.get(number, "f8")).itemsize for number in types)

    def grid(self, resolution: float = 0.0, extent: QgsRectangle | None = None) -> Grid:
        """The raster's own pixels, or pixels of ``resolution`` CRS units over ``extent``.

        Raises InputError where the layer has no pixels of its own (WMS, XYZ) and they are not given.
        """
        if self.native and resolution <= 0:
            provider = self._provider
            whole = provider.extent()
            grid = Grid(
                whole.xMinimum(),
                whole.yMaximum(),
                whole.width() / provider.xSize(),
                whole.height() / provider.ySize(),
                provider.xSize(),
                provider.ySize(),
            )
            return grid if extent is None else grid.part(extent)
        if extent is None and not self.native:
            raise InputError(
                f"'{self.name}' is a web layer without pixels of its own. Give an extent and a pixel size (advanced "
                "parameters)."
            )
        if resolution <= 0:
            raise InputError(
                f"'{self.name}' is a web layer without pixels of its own. Give a pixel size (advanced)."
            )
        area = self.extent if extent is None else extent.intersect(self.extent)
        if area.isEmpty():
            raise InputError("The extent does not overlap the raster. Choose an extent inside it.")
        width = max(1, math.ceil(area.width() / resolution - 1e-6))
        height = max(1, math.ceil(area.height() / resolution - 1e-6))
        return Grid(area.xMinimum(), area.yMaximum(), resolution, resolution, width, height)

    def ground_pixel(self, grid: Grid) -> float:
        """The pixel size of ``grid`` in true metres, at its middle."""
        x = grid.left + grid.width * grid.pixel_width / 2
        y = grid.top - grid.height * grid.pixel_height / 2
        return ground_pixel_size(self.crs_text, x, y, grid.pixel_width, grid.pixel_height)

    def colours(self, extent: QgsRectangle, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Colours of a window: float32 (b, height, width) in 0..1 and bool (height, width), False for nodata.

        Pixels whose centre lies outside the layer have no data.
        """
        block = self.colour_block(extent, width, height)
        return block.colours(), block.valid

    def colour_block(self, extent: QgsRectangle, width: int, height: int) -> ColourBlock:
        """The window of :meth:`colours` as it was read."""
        valid = self._inside(extent, width, height)
        if not self._bands:
            reader = self._renderer if self._renderer is not None else self._provider
            channels, present = _unpack_colours(reader.block(1, extent, width, height), width, height)
            return ColourBlock(channels, valid & present, 255.0, 0.0)
        bands = []
        for band in self._bands:
            data, present = self._values(band, extent, width, height)
            bands.append(data)
            valid &= present
        if self._alpha is not None:
            alpha, present = self._values(self._alpha, extent, width, height)
            valid &= present & (alpha > 0)
        return ColourBlock(tuple(bands), valid, *self._stretch())

    def _inside(self, extent: QgsRectangle, width: int, height: int) -> np.ndarray:
        """Which pixels of a window have their centre on the layer: bool (height, width)."""
        area = self._provider.extent() if self.native else self.extent
        x = extent.xMinimum() + (np.arange(width) + 0.5) * (extent.width() / width)
        y = extent.yMaximum() - (np.arange(height) + 0.5) * (extent.height() / height)
        columns = (x >= area.xMinimum()) & (x <= area.xMaximum())
        rows = (y >= area.yMinimum()) & (y <= area.yMaximum())
        return rows[:, None] & columns

    def codes(self, extent: QgsRectangle, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Whole-number values of band 1 and bool, False for nodata; both (height, width)."""
        return self._values(1, extent, width, height)

    def found_codes(self) -> set[int]:
        """Values of band 1 that stand in windows all over the raster, without nodata.

        Small windows at full size: thinning a large raster without overviews would read all of it.
        """
        grid = self.grid()
        found: set[int] = set()
        width, height = min(_SAMPLE, grid.width), min(_SAMPLE, grid.height)
        for row in _spread(grid.height, height):
            for column in _spread(grid.width, width):
                values, valid = self.codes(grid.rectangle(column, row, width, height), width, height)
                found.update(np.unique(values[valid]).tolist())
        return found

    def is_class_raster(self) -> bool:
        """Whether band 1 holds whole numbers."""
        return self.native and _DTYPES.get(enum_number(self._provider.dataType(1)), "f4")[0] in "ui"

    def _values(
        self, band: int, extent: QgsRectangle, width: int, height: int
    ) -> tuple[np.ndarray, np.ndarray]:
        block = self._provider.block(band, extent, width, height)
        dtype = _DTYPES.get(enum_number(block.dataType()))
        if not block.isValid() or dtype is None:
            raise InputError(
                f"The raster '{self.name}' could not be read ({block.error().summary() or 'unsupported data type'})."
            )
        data = np.frombuffer(block.data().data(), dtype=dtype).reshape(height, width)
        valid = np.ones((height, width), dtype=bool)
        if data.dtype.kind == "f":
            valid &= np.isfinite(data)
        if block.hasNoDataValue():
            valid &= data != np.asarray(block.noDataValue()).astype(data.dtype)
        elif block.hasNoData():
            for span in self._provider.userNoDataValues(band):
                valid &= ~((data >= span.min()) & (data <= span.max()))
        if data.dtype.kind == "f":
            data = np.where(valid, data, 0).astype(np.float32)
        return data, valid

    def _stretch(self) -> tuple[float, float]:
        """Scale and offset that bring values to 0..1, the same for every band and every block."""
        if self._scale is None:
            self._scale, self._offset = self._measure_stretch()
        return self._scale, self._offset

    def limits(self) -> tuple[float, float] | None:
        """What becomes 0 and 1 in colours; None for 8 bits and what is drawn. Raises InputError if unreadable."""
        if not self._bands or enum_number(self._provider.dataType(self._bands[0])) == 1:
            return None
        scale, offset = self._stretch()
        return offset, offset + scale

    def bands_shown(self) -> tuple[list[int], int]:
        """The bands of red, green and blue or of grey (none: colours are drawn), and how many more but alpha."""
        shown = self._bands[:3]
        others = self._provider.bandCount() - (self._alpha is not None) - len(shown) if shown else 0
        return shown, others

    def _measure_stretch(self) -> tuple[float, float]:
        if enum_number(self._provider.dataType(self._bands[0])) == 1:
            return 255.0, 0.0
        extent = self._provider.extent()
        width = min(512, self._provider.xSize())
        height = min(512, self._provider.ySize())
        sample = []
        for band in self._bands[:3]:
            data, valid = self._values(band, extent, width, height)
            sample.append(data[valid].astype(float))
        values = np.concatenate(sample)
        if values.size == 0:
            return 1.0, 0.0
        low, high = np.percentile(values, [0.5, 99.5])
        # Reflectances start at zero; only a raster with negative values is shifted.
        offset = float(min(low, 0.0))
        return (float(high) - offset or 1.0), offset

    def codes_at(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Class codes at places, and whether each place has one; shapes as ``x``."""
        window = self.window(x, y, self.grid())
        if window is None:
            return np.zeros(x.shape, dtype=np.int64), np.zeros(x.shape, dtype=bool)
        data, valid = self.codes(
            window.rectangle(0, 0, window.width, window.height), window.width, window.height
        )
        row, column, inside = pixels_at((window.height, window.width), window.columns(x), window.rows(y))
        return data[row, column], inside & valid[row, column]

    def window(self, x: np.ndarray, y: np.ndarray, grid: Grid) -> Grid | None:
        """The part of ``grid`` that covers the places, thinned where it would be too large; None where outside."""
        box = box_of(x, y)
        if box is None:
            return None
        box = QgsRectangle(
            box.xMinimum() - grid.pixel_width,
            box.yMinimum() - grid.pixel_height,
            box.xMaximum() + grid.pixel_width,
            box.yMaximum() + grid.pixel_height,
        )
        try:
            part = grid.part(box)
        except InputError:
            return None
        thin = max(1, math.ceil(max(part.width, part.height) / _LARGEST_WINDOW))
        if thin == 1:
            return part
        return Grid(
            part.left,
            part.top,
            part.pixel_width * part.width / math.ceil(part.width / thin),
            part.pixel_height * part.height / math.ceil(part.height / thin),
            math.ceil(part.width / thin),
            math.ceil(part.height / thin),
        )


def box_of(x: np.ndarray, y: np.ndarray) -> QgsRectangle | None:
    """The box about those places that are numbers; None where there are none."""
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.any():
        return None
    return QgsRectangle(
        float(x[finite].min()), float(y[finite].min()), float(x[finite].max()), float(y[finite].max())
    )


def _spread(length: int, window: int) -> list[int]:
    """Where up to _SAMPLES windows begin, from the first pixel to the last, without more overlap than needed."""
    count = min(_SAMPLES, math.ceil(length / window))
    return sorted({round(start) for start in np.linspace(0, length - window, count)})


def _unpack_colours(
    block: QgsRasterBlock, width: int, height: int
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Red, green and blue (uint8) and mask of a block that a web provider or a renderer has drawn."""
    if not block.isValid() or enum_number(block.dataType()) not in (_ARGB, _ARGB_PREMULTIPLIED):
        summary = block.error().summary() if not block.isValid() else "it does not draw colours"
        raise InputError(
            f"The basemap could not be read ({summary or 'no image came back'}). Check the layer and the network."
        )
    packed = np.frombuffer(block.data().data(), dtype="<u4").reshape(height, width)
    channels = tuple(((packed >> shift) & 0xFF).astype(np.uint8) for shift in (16, 8, 0))
    return channels, (packed >> 24) >= 128
