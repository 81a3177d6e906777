"""Where relative paths of sites start: the folder of the first layer goes along with what is made of it."""

from __future__ import annotations

import os

from qgis.core import QgsMapLayer, QgsVectorLayer

from .sources import layer_file

#: Custom property of an output: the folder of the layer that its sites come from.
SOURCE_FOLDER = "soundvis/source_folder"
#: Providers that keep styles, and with them custom properties, in a file or a database.
_KEEPS_STYLES = ("ogr", "postgres", "spatialite")


def own_folder(layer: QgsMapLayer | None) -> str:
    """The folder of the layer's file; empty for layers without one."""
    file = layer_file(layer)
    return os.path.dirname(os.path.abspath(file)) if file else ""


def carried_folder(layer: QgsMapLayer | None) -> str:
    """The folder that an output of this plugin carries; empty where there is none (any more).

    Call it in the main thread. Processing opens files without their style, so it may have to be read from there.
    """
    if not isinstance(layer, QgsVectorLayer):
        return ""
    folder = str(layer.customProperty(SOURCE_FOLDER) or "")
    if not folder and layer.providerType() in _KEEPS_STYLES:
        styled = QgsVectorLayer(layer.source(), layer.name(), layer.providerType())
        folder = str(styled.customProperty(SOURCE_FOLDER) or "")
    return folder if os.path.isdir(folder) else ""
