"""The tools of the group 'embedding', as they are frozen."""

from __future__ import annotations

from .choices import ADVANCED, OPTIONAL, REMOTE

PARAMETERS = {
    "embedsound": (
        ("INPUT", "source", None),
        ("PATH_FIELD", "field", None),
        ("BASE_FOLDER", "file", None, OPTIONAL),
        ("MODEL", "enum", "ast-audioset", ["ast-audioset", "acoustic-features"]),
        ("FIELD", "string", "snd_emb"),
        ("MASK", "field", None, ADVANCED, OPTIONAL),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("WINDOWS", "sink", None, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "embedphotos": (
        ("INPUT", "source", None),
        ("PATH_FIELD", "field", None),
        ("BASE_FOLDER", "file", None, OPTIONAL),
        ("MODEL", "enum", "clip-vit-l-14", ["clip-vit-l-14", "colour-texture", *REMOTE]),
        ("FIELD", "string", "st_emb"),
        ("VIEWS", "enum", "centre", ADVANCED, ["centre", "three-crops", "panorama"]),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "embedimagery": (
        ("INPUT", "source", None),
        ("RASTER", "raster", None),
        ("FOOTPRINT", "number", 200.0),
        ("MODEL", "enum", REMOTE[0], [REMOTE[0], "colour-texture", "clip-vit-l-14", *REMOTE[1:]]),
        ("FIELD", "string", "aer_emb"),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
}
OUTPUTS = {
    "embedsound": {"OUTPUT": "outputVector", "WINDOWS": "outputVector"},
    "embedphotos": {"OUTPUT": "outputVector"},
    "embedimagery": {"OUTPUT": "outputVector"},
}
