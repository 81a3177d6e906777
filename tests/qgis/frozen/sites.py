"""The tools of the group 'sites', as they are frozen."""

from __future__ import annotations

from .choices import ADVANCED, OPTIONAL

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
SEASONS = ["winter", "spring", "summer", "autumn"]
JOIN_FIELDS = ["OTHER_KEY", "SITE_PATH", "OTHER_PATH", "SITE_TIME", "OTHER_TIME"]
FOLDER_SCAN = (
    ("FOLDER", "file", None),
    ("METADATA", "file", None, OPTIONAL),
    ("TRACK", "file", None, OPTIONAL),
    ("TIME_ZONE", "string", "UTC", OPTIONAL),
    ("CLOCK_OFFSET", "number", 0.0),
    ("TRACK_GAP", "number", 300.0, ADVANCED),
    ("OUTPUT", "sink", None),
    ("UNPLACED", "sink", None, OPTIONAL),
)
PARAMETERS = {
    "samplesites": (
        ("FOLDER", "folderDestination", None),
        ("SEED", "number", 1),
        ("OUTPUT", "sink", None),
        ("AERIAL", "rasterDestination", None),
    ),
    "sitesfromrecordings": FOLDER_SCAN,
    "sitesfromphotos": FOLDER_SCAN,
    "joinsites": (
        ("INPUT", "source", None),
        ("OTHER", "source", None),
        ("KEY_FIELD", "field", None, OPTIONAL),
        ("MAX_DISTANCE", "number", 50.0),
        ("MAX_DAYS", "number", None, OPTIONAL),
        ("ONE_TO_ONE", "boolean", False),
        *((name, "field", None, ADVANCED, OPTIONAL) for name in JOIN_FIELDS),
        ("TIME_ZONE", "string", "UTC", ADVANCED, OPTIONAL),
        ("FIELDS", "field", None, ADVANCED, OPTIONAL),
        ("TILES", "raster", None, ADVANCED, OPTIONAL),
        ("TILE_FOOTPRINT", "number", 200.0, ADVANCED, OPTIONAL),
        ("TILE_FOLDER", "folderDestination", None, ADVANCED, OPTIONAL),
        ("PREFIX", "string", "j_", ADVANCED, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "cuttiles": (
        ("INPUT", "source", None),
        ("RASTER", "raster", None),
        ("FOOTPRINT", "number", 200.0),
        ("PIXELS", "number", 512),
        ("FORMAT", "enum", "GeoTIFF", ["GeoTIFF", "PNG"]),
        ("NAME_FIELD", "field", None, OPTIONAL),
        ("MIN_COVERED", "number", 0.5, ADVANCED),
        ("PREFIX", "string", "tile_", ADVANCED, OPTIONAL),
        ("FOLDER", "folderDestination", None),
        ("OUTPUT", "sink", None),
    ),
    "timematch": (
        ("INPUT", "source", None),
        ("TIME_FIELD", "field", "time_utc", OPTIONAL),
        ("TIME_ZONE", "string", "UTC", OPTIONAL),
        ("HOURS", "string", None, OPTIONAL),
        ("WEEKDAYS", "enum", DAYS, OPTIONAL, DAYS),
        ("SEASONS", "enum", SEASONS, OPTIONAL, SEASONS),
        ("MONTHS", "string", None, ADVANCED, OPTIONAL),
        ("HEMISPHERE", "enum", "by latitude", ADVANCED, ["by latitude", "north", "south"]),
        ("ZONE_FIELD", "field", None, ADVANCED, OPTIONAL),
        ("CLOCK_ZONE", "string", None, ADVANCED, OPTIONAL),
        ("PREFIX", "string", "tm_", ADVANCED, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
}
OUTPUTS = {
    "samplesites": {"FOLDER": "outputFolder", "OUTPUT": "outputVector", "AERIAL": "outputRaster"},
    "sitesfromrecordings": {"OUTPUT": "outputVector", "UNPLACED": "outputVector", "PLACED": "outputNumber"},
    "sitesfromphotos": {"OUTPUT": "outputVector", "UNPLACED": "outputVector", "PLACED": "outputNumber"},
    "joinsites": {"TILE_FOLDER": "outputFolder", "OUTPUT": "outputVector"},
    "cuttiles": {"FOLDER": "outputFolder", "OUTPUT": "outputVector"},
    "timematch": {"OUTPUT": "outputVector"},
}
