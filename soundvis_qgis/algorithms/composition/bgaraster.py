"""BGA of every pixel of a class raster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..base import Algorithm, FeedbackProgress
from ..parameters import add_weights
from .base import take_class_raster, weights_problem

INPUT = "INPUT"
OUTPUT = "OUTPUT"
BANDS = ("Biophony", "Geophony", "Anthrophony")
NODATA = -9999.0


class BgaRaster(Algorithm):
    """``soundvis:bgaraster``."""

    ID = "bgaraster"
    LABEL = "BGA raster from classes"
    GROUP = "composition"
    SUMMARY = (
        "Gives every pixel of a class raster its weights of biophony, geophony and anthrophony (Table 1 of the paper), "
        "as a raster of three bands.\n"
        "Pixels of classes without weights have no data. The layer is drawn with anthrophony as red, biophony as green "
        "and geophony as blue."
    )
    REQUIRES = ("numpy",)

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterRasterLayer(INPUT, self.tr("Class raster")),
            "Raster of class codes, as 'Segment raster' makes it, or any land cover raster whose classes have names "
            "or are listed by code in the weights table.",
        )
        add_weights(self, "aerial")
        self.add(
            QgsProcessingParameterRasterDestination(OUTPUT, self.tr("BGA raster")),
            "Float raster with the bands Biophony, Geophony and Anthrophony.",
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return weights_problem(self, parameters, context, "aerial") or self.overwrite_problem(
            parameters, context, INPUT, OUTPUT
        )

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._classes = take_class_raster(self, parameters, context, INPUT)

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        import numpy as np

        from soundvis_core.progress import check_cancelled
        from soundvis_core.segment import BLOCK, plan_blocks

        from ...layers.block_cache import bounded_block_cache
        from ...layers.outputs import OutputLayer
        from ...layers.raster_output import RasterFormat, RasterOutput
        from ...layers.styling import rgb_style

        if self._classes.warning:
            progress.warn(self._classes.warning)
        mapped = self._classes.weights()
        unmapped = [name for code, name in self._classes.names.items() if code not in mapped]
        if unmapped:
            progress.warn(f"Classes without weights have no data: {', '.join(unmapped)}.")
        codes = np.array(sorted(mapped))
        vectors = np.stack([mapped[code] for code in codes.tolist()])
        grid = self._classes.raster.grid()
        path = self.parameterAsOutputLayer(parameters, OUTPUT, context)
        output = RasterOutput(
            path, grid, self._classes.raster.crs_text, RasterFormat("float32", BANDS, NODATA)
        )
        self.on_failure(output.discard)
        blocks = list(plan_blocks(grid.width, grid.height))
        # Three bands of float32 are written beside what is read.
        with bounded_block_cache(self._classes.raster.row_bytes + 12 * grid.width, BLOCK):
            for done, block in enumerate(blocks, start=1):
                check_cancelled(progress)
                extent = grid.rectangle(block.column, block.row, block.width, block.height)
                values, valid = self._classes.raster.codes(extent, block.width, block.height)
                index = np.minimum(np.searchsorted(codes, values), codes.size - 1)
                known = valid & (codes[index] == values)
                for band in range(3):
                    output.write(
                        band + 1, block.column, block.row, np.where(known, vectors[index, band], NODATA)
                    )
                progress.report(done / len(blocks))
            output.close()
        self.on_success(OutputLayer(path, self.provenance, rgb_style(3, 1, 2, 0.0, 1.0), raster=True))
        return {OUTPUT: path}
