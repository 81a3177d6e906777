"""In QGIS: a tool with a full-size model in the worker, run twice; the second run finds everything in the cache.

Usage: paper_tool.py JSON with tool, parameters, and paths (a file per site) or points (x, y) with crs.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from qgis.core import QgsField, QgsVectorLayer
from session import peak_megabytes, points, run_tool, start

from soundvis_qgis.compat import STRING

job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
start()
parameters = dict(job["parameters"])
if "paths" in job:
    rows = ((float(number), 0.0, [path]) for number, path in enumerate(job["paths"]))
    parameters["INPUT"] = points("EPSG:28992", [QgsField("path", STRING)], rows)
    parameters["PATH_FIELD"] = "path"
elif "points" in job:
    parameters["INPUT"] = points(job["crs"], [], ((x, y, []) for x, y in job["points"]))

times = [run_tool(job["tool"], parameters) for _ in range(job["runs"])]
statuses: dict[str, int] = {}
if parameters["OUTPUT"].endswith(".gpkg"):
    layer = QgsVectorLayer(parameters["OUTPUT"], "sites", "ogr")
    field = next(field.name() for field in layer.fields() if field.name().endswith("status"))
    for feature in layer.getFeatures():
        statuses[feature[field]] = statuses.get(feature[field], 0) + 1
worker_peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0
answer = {"times": times, "statuses": statuses, "peak": peak_megabytes(), "worker_peak": worker_peak}
print(json.dumps(answer), flush=True)
