"""Whether what a statistics tool writes would land on what it reads, or on what else it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qgis.core import QgsMapLayer, QgsProcessingContext

from ...layers.overwriting import overwrites, same_file
from ...layers.sinks import format_problem, is_database, is_wanted, output_path
from ...layers.sources import layer_file
from ..base import Algorithm
from .correlation_parameters import LAYERS

_NOWHERE = ("", "TEMPORARY_OUTPUT")


def numbers_beside(report: str) -> str:
    """The table of every number of a report, beside it."""
    from soundvis_core.report import csv_beside

    return str(csv_beside(report))


def read_layers(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext, sources: Sequence[str]
) -> dict[QgsMapLayer, str]:
    """The layers that a tool reads, with what their parameter is called. Call it in the main thread."""
    found: dict[QgsMapLayer, str] = {}
    for name in sources:
        layer = algorithm.parameterAsLayer(parameters, name, context) if parameters.get(name) else None
        if layer is not None:
            found[layer] = algorithm.parameterDefinition(name).description()
    if algorithm.parameterDefinition(LAYERS) is not None and parameters.get(LAYERS):
        for layer in algorithm.parameterAsLayerList(parameters, LAYERS, context):
            found.setdefault(layer, layer.name())
    return found


def files_problem(
    algorithm: Algorithm,
    parameters: Mapping[str, Any],
    context: QgsProcessingContext,
    sources: Sequence[str],
    tables: Sequence[str],
    report: str,
) -> str | None:
    """Why outputs cannot be written where they are asked for; None where they can. Call it in the main thread.

    ``sources``: parameters of layers that are read, beside LAYERS. ``tables``: sinks. ``report``: a file, with a table
    of its numbers beside it.
    """
    layers = read_layers(algorithm, parameters, context, sources)
    wanted = {
        algorithm.parameterDefinition(name).description(): parameters.get(name)
        for name in tables
        if is_wanted(parameters.get(name)) and output_path(parameters.get(name)) not in _NOWHERE
    }
    html = output_path(parameters.get(report))
    files = _files_of(html)
    return (
        next(filter(None, map(format_problem, wanted.values())), None)
        or _over_layers(layers, wanted, files)
        or _over_each_other(wanted, files)
    )


def report_problem(tables: Mapping[str, Any], report: Any) -> str | None:
    """Why tables (their values by label) and a report cannot be written side by side; None where they can."""
    wanted = {
        label: value
        for label, value in tables.items()
        if is_wanted(value) and output_path(value) not in _NOWHERE
    }
    html = output_path(report)
    return _over_each_other(wanted, _files_of(html))


def _files_of(html: str) -> dict[str, str]:
    """What a report is made of, by path."""
    return {} if html in _NOWHERE else {html: "report", numbers_beside(html): "table beside the report"}


def _over_layers(
    layers: Mapping[QgsMapLayer, str], wanted: Mapping[str, Any], files: Mapping[str, str]
) -> str | None:
    for layer, label in layers.items():
        for value in wanted.values():
            if overwrites(layer, value):
                what = "table" if is_database(value) else "file"
                where = "" if is_database(value) else f" ({output_path(value)})"
                return f"The output would overwrite the {what} that '{label}' is read from{where}. Choose another file."
        for path, what in files.items():
            if same_file(path, layer_file(layer)):
                return f"The {what} would overwrite the file that '{label}' is read from ({path}). Choose another file."
    return None


def _over_each_other(wanted: Mapping[str, Any], files: Mapping[str, str]) -> str | None:
    places: dict[str, str] = {}
    for label, value in wanted.items():
        place = output_path(value)
        if place.startswith("memory:"):
            continue
        if place in places:
            return f"'{places[place]}' and '{label}' would be written to the same place ({place}). Choose two files."
        places[place] = label
        for path, what in files.items():
            if same_file(path, place):
                return f"The {what} would overwrite '{label}' ({place}). Choose another file for one of them."
    return None
