"""The soundscape of a whole land cover map: every cell hears the ground about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsGeometry, QgsProcessingContext

from soundvis_core.errors import InputError

from ...compat import POLYGON
from ...layers.sinks import SiteSink, format_problem, is_wanted
from ..base import Algorithm, FeedbackProgress
from ..parameters import optional_number
from .class_cover import cover_problem, take_class_cover
from .fields import bga_fields, bga_values
from .soundscape_parameters import (
    CELL,
    GRID,
    INPUT,
    KERNEL,
    LEAST_KNOWN,
    NORMALISED,
    OUTPUT,
    OWN_RADII,
    RADIUS,
    SQUARE,
    VALUES,
    add_parameters,
)

if TYPE_CHECKING:
    from soundvis_core.bga.cells import CellMeans, Cells
    from soundvis_core.bga.kernels import Kernel
    from soundvis_core.bga.soundscape_grid import SoundscapeBlock

BANDS = ("Biophony", "Geophony", "Anthrophony", "Unmapped")
PREFIX = "sc_"
NODATA = -9999.0
#: More squares than this are a mistake of units; the raster is there for them.
MOST_SQUARES = 500_000
#: Pixels of the class raster that are read at once, and bytes of them kept beside.
_PIXELS, _KEPT_BYTES = 4_000_000, 400_000_000


class SoundscapeGrid(Algorithm):
    """``soundvis:soundscapegrid``."""

    ID = "soundscapegrid"
    LABEL = "Soundscape of a land cover map"
    GROUP = "composition"
    SUMMARY = (
        "Maps biophony, geophony and anthrophony all over a land cover raster, without recordings or models: every "
        "cell takes the weights (Table 1 of the paper) of the ground about it, near ground more than far ground.\n"
        "The kernel says how much the ground counts by its distance: uniform (all within the radius alike, as in 'BGA "
        "of land cover around sites'), exponential or gaussian (half as much at the half-distance, a quarter at twice "
        "that with the exponential; cut off where 99.9 % of the kernel are reached). Each category may have a radius "
        "of its own: traffic is heard farther than crickets. Distances are metres on the ground, "
        "whatever the coordinate reference system.\n"
        "Values are means over the ground that has weights, so that borders and gaps do not look silent; the fourth "
        "band tells how much of the kernel is unmapped, and cells that know too little have no data. With the "
        "uniform kernel, the raw values of 'BGA of land cover around sites' are these times 1 - unmapped.\n"
        "What this is not: no physics of sound. Nothing is known of levels in decibels, of barriers, terrain, wind, "
        "traffic or the time of day; a quiet street weighs as much as a loud one. It maps what the land cover "
        "suggests; compare it with recordings before you rely on it.\n"
        "The raster is worked through block by block, cities of 20,000 x 20,000 pixels in little memory."
    )
    REQUIRES = ("numpy", "scipy", "pyproj")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        add_parameters(self)

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        problem = cover_problem(self, parameters, context) or self.overwrite_problem(
            parameters, context, INPUT, OUTPUT
        )
        return problem or format_problem(parameters.get(GRID))

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._cover = take_class_cover(self, parameters, context, INPUT)

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.bga.cells import Cells, pooled, pooling_factors
        from soundvis_core.bga.soundscape_grid import soundscape_blocks

        from ...layers.block_cache import bounded_block_cache
        from ...layers.outputs import OutputLayer
        from ...layers.raster_output import RasterFormat, RasterOutput
        from ...layers.rasters import Grid
        from ...layers.styling import rgb_style

        if self._cover.warning:
            progress.warn(self._cover.warning)
        weights = self._cover.weights()
        raster, kernels = self._cover.raster, self._kernels(parameters, context)
        grid = raster.grid()
        pixels = Cells(
            raster.crs_text,
            grid.left,
            grid.top,
            grid.pixel_width,
            grid.pixel_height,
            grid.width,
            grid.height,
        )
        factors = pooling_factors(pixels, kernels, optional_number(self, parameters, CELL, context))
        cells = pooled(pixels, *factors)
        self._say_cells(pixels, cells, factors, kernels, progress)
        squares = self._squares(parameters, context, cells)
        normalised = self.parameterAsEnumString(parameters, VALUES, context) == NORMALISED
        path = self.parameterAsOutputLayer(parameters, OUTPUT, context)
        place = Grid(cells.left, cells.top, cells.cell_width, cells.cell_height, cells.columns, cells.rows)
        output = RasterOutput(path, place, raster.crs_text, RasterFormat("float32", BANDS, NODATA))
        self.on_failure(output.discard)
        least = self.parameterAsDouble(parameters, LEAST_KNOWN, context) / 100.0
        kept = raster.row_bytes * factors[1] + 16 * cells.columns
        known = 0
        with bounded_block_cache(kept, max(1, min(2048, _KEPT_BYTES // max(kept, 1)))):
            read = self._reader(weights, pixels, factors, progress)
            for block in soundscape_blocks(read, cells, kernels, least, progress):
                known += _write(output, block, block.normalised() if normalised else block.raw)
                if squares is not None:
                    squares.add(block)
            output.close()
        if known == 0:
            progress.warn(
                "No cell knows enough of the ground about it: all have no data. Check the class raster, or lower the "
                "least share of known ground."
            )
        highest = 1.0 if normalised else max(float(vector.max()) for vector in weights.values()) or 1.0
        self.on_success(OutputLayer(path, self.provenance, rgb_style(3, 1, 2, 0.0, highest), raster=True))
        results = {OUTPUT: path}
        if squares is not None:
            results[GRID] = self._write_squares(parameters, context, cells, squares)
        return results

    def _kernels(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> list[Kernel]:
        from soundvis_core.bga.kernels import Kernel

        shape = self.parameterAsEnumString(parameters, KERNEL, context)
        radius = self.parameterAsDouble(parameters, RADIUS, context)
        own = [optional_number(self, parameters, name, context) for name in OWN_RADII]
        return [Kernel(shape, radius if given is None else given) for given in own]

    def _say_cells(
        self,
        pixels: Cells,
        cells: Cells,
        factors: tuple[int, int],
        kernels: list[Kernel],
        progress: FeedbackProgress,
    ) -> None:
        width, height = cells.middle_size
        progress.info(
            f"{cells.columns} x {cells.rows} cells of {width:.3g} x {height:.3g} m on the ground, "
            f"{factors[0]} x {factors[1]} pixels each."
        )
        narrow = min(kernel.radius for kernel in kernels)
        if narrow < 2.0 * max(width, height):
            progress.warn(
                f"The smallest radius, {narrow:g} m, is hardly wider than a cell: the result is coarser than that. "
                + (
                    "Give a smaller cell size."
                    if factors != (1, 1)
                    else "The class raster has no finer pixels."
                )
            )

    def _reader(
        self,
        weights: Mapping[int, Any],
        pixels: Cells,
        factors: tuple[int, int],
        progress: FeedbackProgress,
    ) -> Any:
        """What reads cells: the class raster in strips, put together to cells."""
        import numpy as np

        from soundvis_core.bga.cells import ClassFields
        from soundvis_core.progress import check_cancelled

        raster, grid = self._cover.raster, self._cover.raster.grid()
        fields = ClassFields(weights)
        across, down = factors

        def read(column: int, row: int, width: int, height: int) -> Any:
            found = np.empty((4, height, width), dtype=np.float32)
            left, right = column * across, min((column + width) * across, pixels.columns)
            step = max(1, _PIXELS // ((right - left) * down))
            for start in range(0, height, step):
                check_cancelled(progress)
                stop = min(start + step, height)
                top, bottom = (row + start) * down, min((row + stop) * down, pixels.rows)
                size = right - left, bottom - top
                codes, valid = raster.codes(grid.rectangle(left, top, *size), *size)
                found[:, start:stop] = fields.of(codes, valid, across, down)
                if size[0] == pixels.columns and height * down >= pixels.rows:
                    progress.report(
                        0.9 * stop / height
                    )  # all in one block: reading is nearly all there is to do
            return found

        return read

    def _squares(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, cells: Cells
    ) -> CellMeans | None:
        """What gathers the polygons; None where they are not asked for. Raises InputError where they are too many."""
        from soundvis_core.bga.cells import CellMeans

        if not is_wanted(parameters.get(GRID)):
            return None
        width, height = cells.middle_size
        side = self.parameterAsDouble(parameters, SQUARE, context)
        size = max(1, round(side / (width * height) ** 0.5))
        count = -(-cells.rows // size) * -(-cells.columns // size)
        if count > MOST_SQUARES:
            raise InputError(
                f"Squares of {side:g} m would be {count:,}; the most is {MOST_SQUARES:,}. Give a wider side."
            )
        return CellMeans(cells, size)

    def _write_squares(
        self,
        parameters: Mapping[str, Any],
        context: QgsProcessingContext,
        cells: Cells,
        squares: CellMeans,
    ) -> str:
        from ...layers.outputs import OutputLayer
        from ...layers.soundscape_styles import soundscape_styles

        fields = [spec for spec in bga_fields(PREFIX, "mean of the cells") if "bga_" not in spec.name]
        sink = self.open_sink(parameters, GRID, context, fields, self._cover.raster.crs, POLYGON)
        _add_squares(sink, cells, squares)
        sink.close()
        notes = {f"field {spec.name}": spec.comment for spec in fields if spec.comment}
        self.on_success(
            OutputLayer(
                sink.destination,
                {**self.provenance, **notes},
                soundscape_styles(PREFIX),
                labels=sink.labels,
                in_database=not sink.own_file,
            )
        )
        return str(sink.destination)


def _write(output: Any, block: SoundscapeBlock, values: Any) -> int:
    """Write the bands of a block; how many of its cells are known."""
    import numpy as np

    known = np.isfinite(values[0])
    for band, numbers in enumerate((*values, block.unmapped), start=1):
        output.write(band, block.column, block.row, np.where(known, numbers, NODATA))
    return int(known.sum())


def _add_squares(sink: SiteSink, cells: Cells, squares: CellMeans) -> None:
    from qgis.core import QgsRectangle

    from soundvis_core.bga.composition import composition_from_raw

    for row, column, raw, unmapped in squares.squares():
        first, last = column * squares.size, min((column + 1) * squares.size, cells.columns)
        top, bottom = row * squares.size, min((row + 1) * squares.size, cells.rows)
        box = QgsRectangle(
            cells.left + first * cells.cell_width,
            cells.top - bottom * cells.cell_height,
            cells.left + last * cells.cell_width,
            cells.top - top * cells.cell_height,
        )
        values = bga_values(PREFIX, composition_from_raw(raw, unmapped), "ok", "")
        sink.add(values, geometry=QgsGeometry.fromRect(box))
