"""In QGIS: ``soundvis:correlatelayers`` on two blocks of embeddings, to a GeoPackage table, without a report.

Usage: correlate.py FOLDER VECTORS.npz PERMUTATIONS ROUNDS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from qgis.core import QgsField, QgsVectorLayer
from session import points, run_tool, start

from soundvis_qgis.compat import BINARY
from soundvis_qgis.layers.sinks import pack_vector

folder, vectors, permutations, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

start()
data = np.load(vectors)
rows = [
    (float(i), 0.0, [pack_vector(sound, False), pack_vector(aerial, False)])
    for i, (sound, aerial) in enumerate(zip(data["sound"], data["aerial"]))
]
layer = points("EPSG:32632", [QgsField("snd_emb", BINARY), QgsField("aer_emb", BINARY)], rows)
output = str(folder / "correlations.gpkg")
parameters = {
    "INPUT": layer,
    "SOUND": "snd_emb",
    "AERIAL": "aer_emb",
    "PERMUTATIONS": permutations,
    "OUTPUT": output,
}
times = [run_tool("correlatelayers", parameters) for _ in range(rounds + 1)][1:]
row = next(QgsVectorLayer(output, "correlations", "ogr").getFeatures())
print(json.dumps({"times": times, "r": row["r"]}), flush=True)
