"""The tools of the group 'setup', as they are frozen."""

from __future__ import annotations

from .choices import ADVANCED, OPTIONAL, REMOTE

PAPER = ["ast-audioset", "clip-vit-l-14", "remoteclip-vit-l-14", "clipseg-rd64", "segearth-ov"]
PARAMETERS = {
    "setupenvironment": (
        ("COMPUTE", "enum", "auto", ["auto", "cpu", "cuda"]),
        ("PYTHON", "file", None, OPTIONAL),
        ("WHEELS", "file", None, OPTIONAL),
        ("FOLDER", "file", None, ADVANCED, OPTIONAL),
        ("INDEX", "string", None, ADVANCED, OPTIONAL),
        ("REINSTALL", "boolean", False, ADVANCED),
        ("OUTPUT", "fileDestination", None, OPTIONAL),
    ),
    "downloadmodels": (
        ("MODELS", "enum", PAPER, [*PAPER[:2], *REMOTE, "segearth-ov", "clipseg-rd64", "simfeatup-aid"]),
        ("SOURCE_FOLDER", "file", None, OPTIONAL),
        ("FOLDER", "file", None, ADVANCED, OPTIONAL),
        ("ENDPOINT", "string", None, ADVANCED, OPTIONAL),
    ),
    "checkenvironment": (("OUTPUT", "fileDestination", None),),
}
OUTPUTS = {
    "setupenvironment": {"OUTPUT": "outputHtml"},
    "downloadmodels": {"MODELS_FOLDER": "outputFolder", "READY": "outputNumber"},
    "checkenvironment": {"OUTPUT": "outputHtml"},
}
