"""The parameters of the soundscape of a land cover map."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..base import Algorithm
from ..parameters import add_choice, add_number, add_weights
from .class_cover import add_crosswalk

INPUT = "INPUT"
KERNEL = "KERNEL"
RADIUS = "RADIUS"
VALUES = "VALUES"
OWN_RADII = {"RADIUS_BIO": "biophony", "RADIUS_GEO": "geophony", "RADIUS_ANT": "anthrophony"}
CELL = "CELL"
LEAST_KNOWN = "LEAST_KNOWN"
SQUARE = "SQUARE"
OUTPUT = "OUTPUT"
GRID = "GRID"
#: As soundvis_core.bga.kernels has them, which imports numpy and is not read when the plugin loads.
SHAPES = ("uniform", "exponential", "gaussian")
NORMALISED, RAW = "normalised", "raw"


def add_parameters(algorithm: Algorithm) -> None:
    """The parameters and outputs of the tool."""
    algorithm.add(
        QgsProcessingParameterRasterLayer(INPUT, algorithm.tr("Class raster")),
        "Raster of class codes, as 'Segment raster' makes it, or any land cover raster.",
    )
    add_crosswalk(algorithm)
    add_choice(
        algorithm,
        KERNEL,
        "Kernel",
        SHAPES,
        "How much the ground counts by its distance. uniform: all the same within the radius, nothing beyond. "
        "exponential: half as much with every half-distance, with a long tail. gaussian: half as much at the "
        "half-distance, next to nothing at three of them.",
    )
    add_number(
        algorithm,
        RADIUS,
        "Radius or half-distance (metres on the ground)",
        100.0,
        0.1,
        "Radius of the uniform kernel; distance at which the ground counts half in the other two.",
        maximum=100_000.0,
    )
    add_choice(
        algorithm,
        VALUES,
        "Values",
        [NORMALISED, RAW],
        "normalised: the three categories sum to 1 in every cell. raw: the means of their weights.",
    )
    add_weights(algorithm, "aerial")
    _add_advanced(algorithm)
    algorithm.add(
        QgsProcessingParameterRasterDestination(OUTPUT, algorithm.tr("Soundscape")),
        "Float raster with the bands Biophony, Geophony, Anthrophony and Unmapped (0 to 1). Drawn with "
        "anthrophony as red, biophony as green and geophony as blue.",
    )
    algorithm.add(
        QgsProcessingParameterFeatureSink(
            GRID,
            algorithm.tr("Squares"),
            QgsProcessing.SourceType.TypeVectorPolygon,
            optional=True,
            createByDefault=False,
        ),
        "The same as polygons: squares with the mean composition of their cells.",
    )


def _add_advanced(algorithm: Algorithm) -> None:
    """What most runs leave as it is."""
    for name, category in OWN_RADII.items():
        add_number(
            algorithm,
            name,
            f"Radius of {category} (metres)",
            None,
            0.1,
            f"Radius or half-distance of {category} alone. Empty: the one above.",
            maximum=100_000.0,
            advanced=True,
            optional=True,
        )
    add_number(
        algorithm,
        CELL,
        "Cell size of the result (metres on the ground)",
        None,
        0.01,
        "A whole number of pixels of the class raster is put together to a cell of about this size. Empty: a tenth "
        "of the smallest radius, for the result is no finer than that, and never less than a pixel.",
        maximum=100_000.0,
        advanced=True,
        optional=True,
    )
    add_number(
        algorithm,
        LEAST_KNOWN,
        "Least share of known ground (%)",
        50.0,
        0.0,
        "Cells that have weights for less than this share of their kernel have no data.",
        maximum=100.0,
        advanced=True,
    )
    add_number(
        algorithm,
        SQUARE,
        "Side of the squares (metres on the ground)",
        500.0,
        0.1,
        "Side of the polygons, rounded to whole cells. Only where they are asked for.",
        maximum=1_000_000.0,
        advanced=True,
    )
