"""The ready models, as they are frozen."""

from __future__ import annotations

_CHOSEN = ["SOUND_MODEL", "SOUND_METHOD", "PHOTO_MODEL", "PHOTO_CLASSES_MODEL", "IMAGERY_MODEL"]
_SHARED = {"BASEMAP": "raster", "PHOTO_CLASSES": "string"}
_SHARED.update(dict.fromkeys([*_CHOSEN, "LAND_COVER_MODEL"], "enum"))
_SHARED.update(dict.fromkeys(["FOOTPRINT", "RADIUS", "PERMUTATIONS", "SEED"], "number"))
_FIELDS = dict.fromkeys(["RECORDING_FIELD", "PHOTO_FIELD", "GROUP_FIELD"], "field")
_FILES = dict.fromkeys(["RECORDINGS", "PHOTOS", "RECORDINGS_TABLE", "PHOTOS_TABLE", "TRACK"], "file")
_JOIN = {"MAX_DISTANCE": "number", "TIME_ZONE": "string", "ONE_TO_ONE": "boolean"}
#: Types of the parameters of the ready models.
READY_MODELS = {
    "sound_vision_alignment": {"SITES": "source", "BASE_FOLDER": "file", **_FIELDS, **_SHARED},
    "sound_vision_from_folders": {**_FILES, **_JOIN, **_SHARED},
}
