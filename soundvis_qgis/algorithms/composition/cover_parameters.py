"""The parameters of the land cover map and of the sites on it."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterString,
)

from ..base import Algorithm
from ..parameters import PREFIX, add_choice, add_number, add_table_file
from .uncertainty import add_uncertainty

INPUT = "INPUT"
SPACING = "SPACING"
EXTENT = "EXTENT"
LANDCOVER = "LANDCOVER"
CROSSWALK = "CROSSWALK"
CROSSWALK_FILE = "CROSSWALK_FILE"
CLASS_FIELD = "CLASS_FIELD"
RADIUS = "RADIUS"
WIDTH = "WIDTH"
WIDTH_FIELD = "WIDTH_FIELD"
ORDER = "ORDER"
#: As soundvis_core.bga.crosswalks has them, which imports numpy and is not read when the plugin loads.
CROSSWALKS = (
    "osm",
    "worldcover",
    "corine",
    "openearthmap",
    "loveda",
    "cityscapes-19",
    "cityscapes-34",
    "ade20k",
    "table-1",
)
ORDERS = ("size", "layers")


def add_sites(algorithm: Algorithm) -> None:
    """INPUT or SPACING: a point layer, or a grid."""
    algorithm.add(
        QgsProcessingParameterFeatureSource(
            INPUT,
            algorithm.tr("Sites"),
            [QgsProcessing.SourceType.TypeVectorPoint],
            optional=True,
        ),
        "Point layer of the sites, in any coordinate reference system. Empty: a grid of sites, see the spacing.",
    )
    add_number(
        algorithm,
        SPACING,
        "Spacing of a grid of sites (metres on the ground)",
        None,
        1.0,
        "Instead of a point layer: sites this far apart all over the map, or over the extent given below, half of it "
        "or more from the edges.",
        maximum=1_000_000.0,
        optional=True,
    )


def add_map(algorithm: Algorithm) -> None:
    """LANDCOVER, what its classes are called, and how it is read."""
    algorithm.add(
        QgsProcessingParameterMultipleLayers(
            LANDCOVER, algorithm.tr("Land cover"), QgsProcessing.SourceType.TypeMapLayer
        ),
        "Layers of polygons and lines that are one map together, such as the buildings, roads and land use of "
        "OpenStreetMap; or one class raster. Filters of layers are honoured, selections are not.",
    )
    add_choice(
        algorithm,
        CROSSWALK,
        "Crosswalk",
        CROSSWALKS,
        "What the classes of the map are called: tags of OpenStreetMap, ESA WorldCover 2020 and 2021, CORINE level "
        "3 (three-digit codes, or 1 to 44 as in its rasters), OpenEarthMap, LoveDA, Cityscapes, ADE20K, or the "
        "class names of the paper's Table 1.",
    )
    algorithm.add(
        QgsProcessingParameterString(CLASS_FIELD, algorithm.tr("Class field"), optional=True),
        "Field of the vector layers that holds the class, as a code or a name of the crosswalk. Empty, for "
        "OpenStreetMap: the fields called building, highway, natural, landuse and so on, 'other_tags', or "
        "Geofabrik's 'fclass'. Areas with tags such as tourism, man_made or power that the crosswalk does not name are "
        "ground of an unknown class; borders, places and routes are none.",
    )
    add_number(
        algorithm,
        RADIUS,
        "Radius (metres on the ground)",
        100.0,
        0.1,
        "Radius of the circle about each site, in true metres.",
        maximum=100_000.0,
    )
    _add_advanced(algorithm)


def _add_advanced(algorithm: Algorithm) -> None:
    """What most runs leave as it is."""
    add_table_file(
        algorithm,
        CROSSWALK_FILE,
        "Crosswalk of your own (CSV)",
        "Goes before the crosswalk chosen above. Columns: class (or key and value, for tags), then biophony, "
        "geophony and anthrophony (0 or more, an empty cell is 0), or paper_class for the weights of Table 1; optional "
        "code, source (paper, extension, user, unmapped) and note. 'Edit or check a table of BGA weights' checks it.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterExtent(EXTENT, algorithm.tr("Extent of the grid"), optional=True),
        "Where the grid of sites lies. Empty: the extent of the land cover.",
        advanced=True,
    )
    add_number(
        algorithm,
        WIDTH,
        "Width of lines (metres on the ground)",
        6.0,
        0.1,
        "How wide a road or stream is that is drawn as a line. Lines in tunnels, and those of classes without "
        "weights, cover no ground.",
        maximum=1000.0,
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterString(
            WIDTH_FIELD, algorithm.tr("Field with the width of a line"), optional=True
        ),
        "Field of the line layers with a width, or name of a tag in their field 'other_tags': a number of metres, or "
        "text such as '7.5 m', '750 cm' or 12'6\". Where it is empty, the width above is taken; widths that cannot be "
        "read are counted in the log.",
        advanced=True,
    )
    add_choice(
        algorithm,
        ORDER,
        "What lies on top",
        ORDERS,
        "Which class counts where features overlap. size: buildings, then lines (the widest first), then polygons "
        "from the smallest to the largest; of equals, the later one. layers: the first layer of the list, and "
        "within a layer the last feature. In both, tags that the crosswalk calls unmapped lie below all else.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterString(
            PREFIX, algorithm.tr("Prefix of the new fields"), defaultValue="lc_", optional=True
        ),
        "Put before the name of every new field, so that the results of several tools fit into one layer.",
        advanced=True,
    )
    add_uncertainty(algorithm)
