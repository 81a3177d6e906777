"""Where inputs are: files by whole paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from qgis.core import QgsProcessingParameterDefinition, QgsProject

#: The types of parameters that read a layer.
_LAYERS = ("source", "vector", "raster", "layer", "multilayer")


def with_whole_inputs(
    parameters: Mapping[str, Any],
    definitions: Iterable[QgsProcessingParameterDefinition],
    project: QgsProject | None,
) -> dict[str, Any]:
    """The parameters with the files of layers as whole paths, those that are layers of ``project`` left alone.

    Where a layer was opened by its bare file name (``sites.gpkg``) QGIS 3.22 may end with a segmentation fault as soon
    as a style is saved into any GeoPackage.
    """
    found = dict(parameters)
    for definition in definitions:
        name = definition.name()
        if definition.type() in _LAYERS and name in found:
            value = found[name]
            found[name] = (
                [_whole(one, project) for one in value] if isinstance(value, list) else _whole(value, project)
            )
    return found


def _whole(value: Any, project: QgsProject | None) -> Any:
    if not isinstance(value, str):
        return value
    path, bar, rest = value.partition("|")
    if os.path.isabs(path) or not os.path.isfile(path):
        return value
    if project is not None and (project.mapLayer(value) is not None or project.mapLayersByName(value)):
        return value
    return os.path.abspath(path) + bar + rest
