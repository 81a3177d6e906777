"""The tools of the group 'segmentation', as they are frozen."""

from __future__ import annotations

from .choices import ADVANCED, OPTIONAL

PARAMETERS = {
    "segmentraster": (
        ("INPUT", "raster", None),
        ("MODEL", "enum", "segearth-ov", ["segearth-ov", "spectral-index"]),
        ("CLASSES", "string", "paper-aerial"),
        ("EXTENT", "extent", None, OPTIONAL),
        ("RESOLUTION", "number", 0.0, ADVANCED, OPTIONAL),
        ("THRESHOLD", "number", None, ADVANCED, OPTIONAL),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("OUTPUT", "rasterDestination", None),
    ),
    "segmentphotos": (
        ("INPUT", "source", None),
        ("PATH_FIELD", "field", None),
        ("BASE_FOLDER", "file", None, OPTIONAL),
        ("MODEL", "enum", "clipseg-rd64", ["clipseg-rd64", "colour-index"]),
        ("CLASSES", "string", "paper-street"),
        ("PREFIX", "string", "st_", OPTIONAL),
        ("THRESHOLD", "number", None, ADVANCED, OPTIONAL),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
}
OUTPUTS = {
    "segmentraster": {"OUTPUT": "outputRaster"},
    "segmentphotos": {"OUTPUT": "outputVector"},
}
