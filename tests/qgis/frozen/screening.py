"""The tools of the group 'screening', as they are frozen."""

from __future__ import annotations

from .choices import ADVANCED, OPTIONAL

SOUND_RULES = ["speech", "indoor", "transient", "wind", "silence", "clipping"]
PHOTO_RULES = ["indoor", "night", "snow", "rain"]
PARAMETERS = {
    "screenrecordings": (
        ("INPUT", "source", None),
        ("PATH_FIELD", "field", None),
        ("BASE_FOLDER", "file", None, OPTIONAL),
        ("METHOD", "enum", "ast-audioset", ["ast-audioset", "light"]),
        ("RULES", "enum", SOUND_RULES, OPTIONAL, SOUND_RULES),
        ("PREFIX", "string", "scr_", OPTIONAL),
        ("MOST_MASKED", "number", 0.5, ADVANCED),
        *((rule.upper(), "number", None, ADVANCED, OPTIONAL) for rule in SOUND_RULES),
        ("LABEL", "field", None, ADVANCED, OPTIONAL),
        ("LABEL_RULE", "enum", "speech", ADVANCED, SOUND_RULES),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("THRESHOLDS", "sink", None, OPTIONAL),
        ("WINDOWS", "sink", None, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "screenphotos": (
        ("INPUT", "source", None),
        ("PATH_FIELD", "field", None),
        ("BASE_FOLDER", "file", None, OPTIONAL),
        ("METHOD", "enum", "clip", ["clip", "light"]),
        ("RULES", "enum", PHOTO_RULES, OPTIONAL, PHOTO_RULES),
        ("PREFIX", "string", "st_scr_", OPTIONAL),
        *((rule.upper(), "number", None, ADVANCED, OPTIONAL) for rule in PHOTO_RULES),
        ("LABEL", "field", None, ADVANCED, OPTIONAL),
        ("LABEL_RULE", "enum", "indoor", ADVANCED, PHOTO_RULES),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("THRESHOLDS", "sink", None, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
}
OUTPUTS = {
    "screenrecordings": {"THRESHOLDS": "outputVector", "WINDOWS": "outputVector", "OUTPUT": "outputVector"},
    "screenphotos": {"THRESHOLDS": "outputVector", "OUTPUT": "outputVector"},
}
