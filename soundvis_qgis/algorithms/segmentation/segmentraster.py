"""Segment a raster into land cover classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterExtent,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsRectangle,
)

from ...compat import is_null
from ..base import Algorithm, FeedbackProgress
from ..parameters import MODEL, add_model, add_number

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.classes import ClassList
    from soundvis_core.segment import CodeTally

INPUT = "INPUT"
CLASSES = "CLASSES"
EXTENT = "EXTENT"
RESOLUTION = "RESOLUTION"
OUTPUT = "OUTPUT"
#: A class raster with more than this share unclassified deserves a warning.
MOSTLY = 0.5


class SegmentRaster(Algorithm):
    """``soundvis:segmentraster``."""

    ID = "segmentraster"
    LABEL = "Segment raster"
    GROUP = "segmentation"
    SUMMARY = (
        "Assigns a land cover class to every pixel of a basemap.\n"
        "The raster is read and written block by block, so its size does not matter to memory. The result is a byte "
        "raster with class names and colours in the file; 0 is unclassified and 255 nodata.\n"
        "The model 'spectral-index' is a baseline from colour indices, near infrared where there is a fourth band, and "
        "local texture. It needs no weights and knows no objects: look at its result before you rely on it."
    )
    REQUIRES = ("numpy", "scipy", "pyproj")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterRasterLayer(INPUT, self.tr("Basemap")),
            "Aerial image with red, green and blue bands (a fourth plain band counts as near infrared), local or from "
            "the web.",
        )
        add_model(
            self, ("spectral-index",), "What assigns the classes. spectral-index: colour indices, a baseline."
        )
        self.add(
            QgsProcessingParameterString(
                CLASSES, self.tr("Classes (preset or CSV)"), defaultValue="paper-aerial"
            ),
            "A preset (paper-aerial: the nine aerial classes of the paper; openearthmap, loveda, potsdam) or the path "
            "of a CSV with the column name, and optionally code (1-254), colour (#rrggbb) and synonyms.",
        )
        self.add(
            QgsProcessingParameterExtent(EXTENT, self.tr("Extent"), optional=True),
            "The part to segment. Empty: the whole raster. Needed for web layers.",
        )
        add_number(
            self,
            RESOLUTION,
            "Pixel size (units of the raster's CRS)",
            0.0,
            0.0,
            "0 keeps the pixels of the raster. Web layers have none of their own and need a value.",
            advanced=True,
            optional=True,
        )
        self.add(
            QgsProcessingParameterRasterDestination(OUTPUT, self.tr("Class raster")),
            "Byte raster of class codes with names and colours.",
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        from soundvis_core.classes import load_classes
        from soundvis_core.errors import InputError

        try:
            load_classes(self.parameterAsString(parameters, CLASSES, context))
        except InputError as error:
            return str(error)
        return self.overwrite_problem(parameters, context, INPUT, OUTPUT)

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        from soundvis_core.errors import InputError
        from soundvis_core.models.registry import SEGMENT_AERIAL, load

        from ...layers.class_rasters import class_names
        from ...layers.rasters import RasterSource

        layer = self.parameterAsRasterLayer(parameters, INPUT, context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, INPUT))
        self._raster = RasterSource(layer)
        self._raster.check_crs()
        if class_names(layer):
            raise InputError(
                f"'{layer.name()}' is a class raster already: its codes have names. Give the aerial image itself."
            )
        model = load(self.parameterAsEnumString(parameters, MODEL, context), SEGMENT_AERIAL)
        model.check_bands(self._raster.band_count)

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.classes import NODATA, load_classes
        from soundvis_core.models.registry import SEGMENT_AERIAL, load
        from soundvis_core.segment import BLOCK, CodeTally, segment_blocks

        from ...layers.block_cache import bounded_block_cache
        from ...layers.outputs import OutputLayer
        from ...layers.raster_output import RasterFormat, RasterOutput
        from ...layers.styling import class_style

        raster = self._raster
        model_id = self.parameterAsEnumString(parameters, MODEL, context)
        model = load(model_id, SEGMENT_AERIAL)
        classes = load_classes(self.parameterAsString(parameters, CLASSES, context))
        grid = raster.grid(
            self.parameterAsDouble(parameters, RESOLUTION, context), self._extent(parameters, context)
        )
        path = self.parameterAsOutputLayer(parameters, OUTPUT, context)
        legend = [(entry.code, entry.name, entry.colour) for entry in classes.classes]
        output = RasterOutput(
            path, grid, raster.crs_text, RasterFormat("uint8", [f"Class ({model_id})"], NODATA)
        )
        self.on_failure(output.discard)
        output.set_classes(legend)
        pixel = raster.ground_pixel(grid)
        progress.info(
            f"{grid.width} x {grid.height} pixels of {pixel:.2f} m on the ground; model {model_id}, a baseline."
        )
        tally = CodeTally()

        def write(column: int, row: int, codes: np.ndarray) -> None:
            tally.add(codes)
            output.write(1, column, row, codes)

        # The class raster takes one byte per pixel beside what is read.
        with bounded_block_cache(raster.row_bytes + grid.width, BLOCK + 2 * model.halo):
            segment_blocks(
                lambda column, row, width, height: raster.colours(
                    grid.rectangle(column, row, width, height), width, height
                ),
                write,
                grid.width,
                grid.height,
                model,
                classes,
                pixel,
                progress,
            )
            output.close()
        self._say_shares(tally, classes, progress)
        self.on_success(OutputLayer(path, self.provenance, class_style(legend), raster=True))
        return {OUTPUT: path}

    @staticmethod
    def _say_shares(tally: CodeTally, classes: ClassList, progress: FeedbackProgress) -> None:
        """What was found, in the log: the first look at whether the model suits the picture."""
        from soundvis_core.segment import UNCLASSIFIED_NAME

        shares = tally.shares(classes)
        if not shares:
            progress.warn("The raster has no data in this extent; the class raster holds nodata only.")
            return
        progress.info("Found: " + ", ".join(f"{name} {share:.1%}" for name, share in shares.items() if share))
        if shares[UNCLASSIFIED_NAME] > MOSTLY:
            progress.warn(
                "More than half of the raster fits no class. Is it an aerial image in red, green and blue?"
            )

    def _extent(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> QgsRectangle | None:
        """The extent in the raster's CRS; None where none is given. Raises InputError where it is empty."""
        from soundvis_core.errors import InputError

        given = parameters.get(EXTENT)
        if is_null(given) or (isinstance(given, str) and not given.strip()):
            return None
        extent = self.parameterAsExtent(parameters, EXTENT, context, self._raster.crs)
        if extent.isNull() or extent.isEmpty():
            raise InputError(
                "The extent is empty: it has no width or no height. Choose another, or none for the whole raster."
            )
        return extent
