"""The outputs of every tool, as they are frozen."""

from __future__ import annotations

OUTPUTS = {
    "samplesites": {"FOLDER": "outputFolder", "OUTPUT": "outputVector", "AERIAL": "outputRaster"},
    "sitesfromrecordings": {"OUTPUT": "outputVector", "UNPLACED": "outputVector"},
    "sitesfromphotos": {"OUTPUT": "outputVector", "UNPLACED": "outputVector"},
    "joinsites": {"OUTPUT": "outputVector"},
    "cuttiles": {"FOLDER": "outputFolder", "OUTPUT": "outputVector"},
    "screenrecordings": {"THRESHOLDS": "outputVector", "WINDOWS": "outputVector", "OUTPUT": "outputVector"},
    "screenphotos": {"THRESHOLDS": "outputVector", "OUTPUT": "outputVector"},
    "embedsound": {"OUTPUT": "outputVector", "WINDOWS": "outputVector"},
    "embedphotos": {"OUTPUT": "outputVector"},
    "embedimagery": {"OUTPUT": "outputVector"},
    "segmentraster": {"OUTPUT": "outputRaster"},
    "segmentphotos": {"OUTPUT": "outputVector"},
    "bgaraster": {"OUTPUT": "outputRaster"},
    "bgasites": {"OUTPUT": "outputVector"},
    "bgalandcover": {"OUTPUT": "outputVector"},
    "bgashares": {"OUTPUT": "outputVector"},
    "bgasound": {"OUTPUT": "outputVector", "TAGS": "outputVector"},
    "soundscapegrid": {"OUTPUT": "outputRaster", "GRID": "outputVector"},
    "correlatelayers": {"OUTPUT": "outputVector", "FUSION": "outputVector", "REPORT": "outputHtml"},
    "crossmodalcosine": {"OUTPUT": "outputVector", "SUMMARY": "outputVector"},
    "footprintsweep": {"OUTPUT": "outputVector"},
    "sitealignment": {"OUTPUT": "outputVector"},
    "sitepairs": {"OUTPUT": "outputVector", "GALLERY": "outputHtml"},
    "noiseceiling": {"OUTPUT": "outputVector"},
    "powerplan": {"OUTPUT": "outputVector"},
    "setupenvironment": {"OUTPUT": "outputHtml"},
    "downloadmodels": {"MODELS_FOLDER": "outputFolder", "READY": "outputNumber"},
    "checkenvironment": {"OUTPUT": "outputHtml"},
}
