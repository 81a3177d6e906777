"""Where outputs go: whole paths, and whether a file can be written there at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from qgis.core import QgsDataSourceUri, QgsProcessingOutputLayerDefinition, QgsProperty

from .sinks import database_uri, is_database, output_path

_NOWHERE = ("", "TEMPORARY_OUTPUT")


def own_path(value: Any) -> str:
    """The file or folder that an output parameter names, as a whole path; empty for memory, temporary outputs and
    databases.
    """
    if value is None or is_database(value):
        return ""
    path = output_path(value)
    return "" if path in _NOWHERE or path.startswith("memory:") else os.path.abspath(path)


def with_whole_path(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The parameters with output ``name`` as a whole path: a relative one would mean another place elsewhere."""
    value, path = parameters.get(name), own_path(parameters.get(name))
    found = dict(parameters)
    if not path or path == output_path(value):
        return found
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = QgsProcessingOutputLayerDefinition(value)
        value.sink = QgsProperty.fromValue(path)
        found[name] = value
    else:
        found[name] = path
    return found


def make_folder_of(value: Any) -> None:
    """Make the folder that the file of an output lies in, where it is missing. Raises OSError where that fails."""
    path = own_path(value)
    if path:
        os.makedirs(os.path.dirname(path), exist_ok=True)


def place_problem(value: Any, label: str, folder: bool = False) -> str | None:
    """Why the output called ``label`` cannot be written where ``value`` says; None where nothing speaks against it.

    Folders that are missing are made when the run writes. ``folder``: the output is a folder itself.
    """
    path = own_path(value)
    if value is not None and is_database(value):
        path = _file_of_database(value)
    if not path:
        return None
    remedy = "Choose another place."
    if not folder and os.path.isdir(path):
        return f"'{label}' would be written to {path}, which is a folder. Give the name of a file in it."
    if not folder and os.path.exists(path) and not os.access(path, os.W_OK):
        return f"'{label}' would replace {path}, which is write-protected. {remedy}"
    nearest = path if folder else os.path.dirname(path)
    while not os.path.lexists(nearest) and os.path.dirname(nearest) != nearest:
        nearest = os.path.dirname(nearest)
    if not os.path.lexists(nearest):
        return f"'{label}' would be written to {path}, but {nearest} is not there. {remedy}"
    if not os.path.isdir(nearest):
        return f"'{label}' would be written to {path}, but {nearest} is no folder. {remedy}"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return (
            f"'{label}' would be written to {path}, but nothing may be written in the folder {nearest}. Choose a "
            "folder of your own, or ask for the right to write there."
        )
    return None


def _file_of_database(value: Any) -> str:
    provider, connection = database_uri(value)
    database = QgsDataSourceUri(connection).database() if provider in ("ogr", "spatialite") else ""
    return os.path.abspath(database) if database else ""
