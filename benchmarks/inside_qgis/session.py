"""In QGIS: the application with this project's tools, and one run of a tool as Processing makes it."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable, Mapping
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsField,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsVectorLayer,
)

# The plugin makes the core inside it importable, for whoever imports this first.
from soundvis_qgis.plugin import SoundVisPlugin

#: The application and the plugin, which Python would otherwise collect.
_kept: list[object] = []


def start() -> None:
    """QGIS without a window, the tools registered."""
    # pyproj looks for its data beside the Python it runs in, and the environment's is a link: name the system's.
    if os.path.isdir("/usr/share/proj"):
        os.environ.setdefault("PROJ_DATA", "/usr/share/proj")
        os.environ.setdefault("PROJ_LIB", "/usr/share/proj")
    application = QgsApplication([], False)
    application.initQgis()
    plugin = SoundVisPlugin(None)
    plugin.initProcessing()
    _kept.extend((application, plugin))


def run_tool(tool: str, parameters: Mapping[str, Any]) -> float:
    """Seconds of one run, from its preparation to its written output. Raises RuntimeError where it fails."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"soundvis:{tool}")
    context = QgsProcessingContext()
    feedback = QgsProcessingFeedback(False)
    ok, message = algorithm.checkParameterValues(dict(parameters), context)
    if not ok:
        raise RuntimeError(message)
    began = time.perf_counter()
    _, ok = algorithm.run(dict(parameters), context, feedback)
    seconds = time.perf_counter() - began
    if not ok:
        raise RuntimeError(feedback.textLog())
    return seconds


def points(
    crs: str, fields: Iterable[QgsField], rows: Iterable[tuple[float, float, list[Any]]]
) -> QgsVectorLayer:
    """A layer in memory of points (x, y, attributes)."""
    layer = QgsVectorLayer(f"Point?crs={crs}", "sites", "memory")
    layer.dataProvider().addAttributes(list(fields))
    layer.updateFields()
    features = []
    for x, y, attributes in rows:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(x, y)))
        feature.setAttributes(attributes)
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    return layer


def peak_megabytes() -> float:
    """The most memory this process has held at once, in MB (Linux counts in kB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
