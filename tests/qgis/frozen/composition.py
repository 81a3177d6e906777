"""The tools of the group 'composition', as they are frozen."""

from __future__ import annotations

from .choices import ADVANCED, COVER_CODES, OPTIONAL

CROSSWALKS = [
    "osm", "worldcover", "corine", "openearthmap", "loveda", "cityscapes-19", "cityscapes-34", "ade20k", "table-1",
]  # fmt: skip
TABLES = [
    "table-1", "audioset", "osm", "worldcover", "corine", "openearthmap", "loveda", "cityscapes-19", "cityscapes-34",
    "ade20k",
]  # fmt: skip
UNCERTAINTY = [
    ("WEIGHT_DRAWS", "number", 0, ADVANCED),
    ("WEIGHT_SPREAD", "number", 30.0, ADVANCED),
    ("SEED", "number", 1, ADVANCED),
]
PARAMETERS = {
    "bgaraster": (
        ("INPUT", "raster", None),
        ("WEIGHTS", "file", None, OPTIONAL),
        ("OUTPUT", "rasterDestination", None),
    ),
    "bgasites": (
        ("INPUT", "source", None),
        ("CLASSES", "raster", None),
        ("RADIUS", "number", 100.0),
        ("WEIGHTS", "file", None, OPTIONAL),
        ("PREFIX", "string", "aer_", OPTIONAL),
        *UNCERTAINTY,
        ("OUTPUT", "sink", None),
    ),
    "bgalandcover": (
        ("INPUT", "source", None, OPTIONAL),
        ("SPACING", "number", None, OPTIONAL),
        ("LANDCOVER", "multilayer", None),
        ("CROSSWALK", "enum", "osm", CROSSWALKS),
        ("CLASS_FIELD", "string", None, OPTIONAL),
        ("RADIUS", "number", 100.0),
        ("CROSSWALK_FILE", "file", None, ADVANCED, OPTIONAL),
        ("EXTENT", "extent", None, ADVANCED, OPTIONAL),
        ("WIDTH", "number", 6.0, ADVANCED),
        ("WIDTH_FIELD", "string", None, ADVANCED, OPTIONAL),
        ("ORDER", "enum", "size", ADVANCED, ["size", "layers"]),
        ("PREFIX", "string", "lc_", ADVANCED, OPTIONAL),
        *UNCERTAINTY,
        ("OUTPUT", "sink", None),
    ),
    "bgashares": (
        ("INPUT", "source", None),
        ("SHARE_PREFIX", "string", "st_"),
        ("WEIGHTS", "file", None, OPTIONAL),
        ("PREFIX", "string", "st_", OPTIONAL),
        *UNCERTAINTY,
        ("OUTPUT", "sink", None),
    ),
    "bgasound": (
        ("INPUT", "source", None),
        ("PATH_FIELD", "field", None),
        ("BASE_FOLDER", "file", None, OPTIONAL),
        ("METHOD", "enum", "ast-audioset", ["ast-audioset", "ndsi"]),
        ("PREFIX", "string", "snd_", OPTIONAL),
        ("THRESHOLD", "number", 0.2, ADVANCED),
        ("AGGREGATION", "enum", "share", ADVANCED, ["share", "noisy-or", "maximum"]),
        ("PETS", "boolean", True, ADVANCED),
        ("WEIGHTS", "file", None, ADVANCED, OPTIONAL),
        ("MASK", "field", None, ADVANCED, OPTIONAL),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("TAGS_SCORE", "number", 0.1, ADVANCED),
        ("TAGS", "sink", None, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "soundscapegrid": (
        ("INPUT", "raster", None),
        ("CROSSWALK", "enum", COVER_CODES[0], COVER_CODES),
        ("KERNEL", "enum", "uniform", ["uniform", "exponential", "gaussian"]),
        ("RADIUS", "number", 100.0),
        ("VALUES", "enum", "normalised", ["normalised", "raw"]),
        ("WEIGHTS", "file", None, OPTIONAL),
        ("RADIUS_BIO", "number", None, ADVANCED, OPTIONAL),
        ("RADIUS_GEO", "number", None, ADVANCED, OPTIONAL),
        ("RADIUS_ANT", "number", None, ADVANCED, OPTIONAL),
        ("CELL", "number", None, ADVANCED, OPTIONAL),
        ("LEAST_KNOWN", "number", 50.0, ADVANCED),
        ("SQUARE", "number", 500.0, ADVANCED),
        ("OUTPUT", "rasterDestination", None),
        ("GRID", "sink", None, OPTIONAL),
    ),
    "bgatable": (
        ("SOURCE", "enum", "table-1", TABLES),
        ("TABLE", "file", None, OPTIONAL),
        (
            "KIND",
            "enum",
            "by its columns",
            ADVANCED,
            ["by its columns", "weights", "crosswalk", "sound classes"],
        ),
        ("OUTPUT", "fileDestination", None, OPTIONAL),
    ),
}
OUTPUTS = {
    "bgaraster": {"OUTPUT": "outputRaster"},
    "bgasites": {"OUTPUT": "outputVector"},
    "bgalandcover": {"OUTPUT": "outputVector"},
    "bgashares": {"OUTPUT": "outputVector"},
    "bgasound": {"OUTPUT": "outputVector", "TAGS": "outputVector"},
    "soundscapegrid": {"OUTPUT": "outputRaster", "GRID": "outputVector"},
    "bgatable": {"OUTPUT": "outputFile", "ROWS": "outputNumber"},
}
