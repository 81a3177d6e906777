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
from ..parameters import (
    CLASSES,
    add_checkpoint,
    add_model,
    add_number,
    add_threshold,
    chosen_classes,
)
from .blocks import JOB, Segmentation, segment_here, segment_in_worker

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.classes import ClassList
    from soundvis_core.segment import CodeTally

INPUT = "INPUT"
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
    JOB = JOB
    SUMMARY = (
        "Assigns a land cover class to every pixel of a basemap.\n"
        "The raster is read and written block by block, so its size does not matter to memory. The result is a "
        "byte raster with class names and colours in the file; 0 is unclassified and 255 nodata.\n"
        "The model 'segearth-ov' is the paper's: it finds any classes by their names, in English, without "
        "training; with the part 'simfeatup-aid' to the pixel, without it in coarser patches. It runs in "
        "SoundVis' own Python environment ('Set up the environment') on weights that 'Download models' brings, "
        "and takes minutes per square kilometre on a processor. Pixels of 0.3 to 1 m suit it. What it found is "
        "kept block by block: a run that was broken off continues where it stopped.\n"
        "The model 'spectral-index' is a baseline from colour indices, near infrared where there is a fourth "
        "band, and local texture. It needs no weights and knows no objects: look at its result before you rely on "
        "it."
    )
    REQUIRES = ("numpy", "pyproj")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterRasterLayer(INPUT, self.tr("Basemap")),
            "Aerial image with red, green and blue bands (a fourth plain band counts as near infrared), local or "
            "from the web.",
        )
        add_model(
            self,
            "segment-aerial",
            "What assigns the classes. segearth-ov: the paper's model, which reads class names (needs environment "
            "and weights). spectral-index: colour indices, a baseline.",
        )
        self.add(
            QgsProcessingParameterString(
                CLASSES, self.tr("Classes (preset, CSV or text)"), defaultValue="paper-aerial"
            ),
            "A preset (paper-aerial: the nine aerial classes of the paper; openearthmap, loveda, potsdam), the "
            "path of a CSV with the column name, and optionally code (1-254), colour (#rrggbb), synonyms and "
            "prompts, or the classes themselves: building, roof, house; road; water.",
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
        add_threshold(
            self,
            "A pixel whose most probable class is less probable than this (0 to 1) is background, or unclassified "
            "where the classes have no background. Empty: that of the preset (openearthmap and potsdam 0.1, "
            "loveda 0.3), else none. The light model has no probabilities and takes no notice.",
        )
        add_checkpoint(self)
        self.add(
            QgsProcessingParameterRasterDestination(OUTPUT, self.tr("Class raster")),
            "Byte raster of class codes with names and colours.",
        )

    def job_options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        return chosen_classes(self, parameters, context)

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
        from soundvis_core.models.registry import SEGMENT_AERIAL, TORCH, find, load

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
        self._job = self.job_options(parameters, context)
        row = find(self._job["model"], SEGMENT_AERIAL)
        self._light = None if row.runtime == TORCH else load(row.id, SEGMENT_AERIAL)
        if self._light is not None:
            self._light.check_bands(self._raster.band_count)
        elif self._raster.band_count < 3:
            raise InputError(
                f"'{row.id}' needs a picture in red, green and blue; this raster has one band. Choose a colour "
                "picture, or combine its bands first (Build virtual raster)."
            )

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.classes import NODATA, load_classes
        from soundvis_core.segment import CodeTally

        from ...layers.outputs import OutputLayer
        from ...layers.raster_output import RasterFormat, RasterOutput
        from ...layers.styling import class_style
        from ...runtime.execution import model_note

        raster = self._raster
        note, _ = model_note(self.JOB, self._job)
        classes = load_classes(self._job["classes"])
        grid = raster.grid(
            self.parameterAsDouble(parameters, RESOLUTION, context), self._extent(parameters, context)
        )
        path = self.parameterAsOutputLayer(parameters, OUTPUT, context)
        legend = [(entry.code, entry.name, entry.colour) for entry in classes.classes]
        output = RasterOutput(path, grid, raster.crs_text, RasterFormat("uint8", [f"Class ({note})"], NODATA))
        self.on_failure(output.discard)
        output.set_classes(legend)
        pixel = raster.ground_pixel(grid)
        kind = "" if self._light is None else ", a baseline"
        progress.info(
            f"{grid.width} x {grid.height} pixels of {pixel:.2f} m on the ground; model {note}{kind}."
        )
        tally = CodeTally()

        def write(column: int, row: int, codes: np.ndarray) -> None:
            tally.add(codes)
            output.write(1, column, row, codes)

        task = Segmentation(raster, grid, classes, write, progress)
        if self._light is not None:
            segment_here(task, self._light, pixel)
        else:
            segment_in_worker(task, self._job, self.facts)
        output.close()
        self._say_shares(tally, classes, progress)
        provenance = {**self.provenance, **self.facts}
        self.on_success(OutputLayer(path, provenance, class_style(legend), raster=True))
        return {OUTPUT: path}

    @staticmethod
    def _say_shares(tally: CodeTally, classes: ClassList, progress: FeedbackProgress) -> None:
        """What was found, in the log: the first look at whether the model suits the picture."""
        from soundvis_core.classes import UNCLASSIFIED_NAME

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
