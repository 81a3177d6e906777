"""In QGIS: ``soundvis:bgasites`` to a GeoPackage, and the bare sampling of the raster held in memory, in turn.

Usage: bga_sites.py FOLDER SITES ROUNDS
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from osgeo import gdal
from qgis.core import QgsField, QgsVectorLayer
from session import points, run_tool, start

from soundvis_core.geodesy import LocalFrame, disc_mask
from soundvis_qgis.algorithms.composition.bgasites import SAMPLES
from soundvis_qgis.compat import INTEGER

folder, sites, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
SIDE, PIXEL, PATCH, RADIUS = 6000, 0.5, 24, 100.0
LEFT, TOP = 500_000.0, 5_000_000.0

gdal.UseExceptions()
start()
folder.mkdir(parents=True, exist_ok=True)
generator = np.random.default_rng(5)
patches = generator.integers(1, 10, (SIDE // PATCH, SIDE // PATCH), dtype=np.uint8)
codes = np.kron(patches, np.ones((PATCH, PATCH), dtype=np.uint8))
raster = str(folder / "classes.tif")
options = ["TILED=YES", "COMPRESS=DEFLATE"]
dataset = gdal.GetDriverByName("GTiff").Create(raster, SIDE, SIDE, 1, gdal.GDT_Byte, options=options)
dataset.SetGeoTransform((LEFT, PIXEL, 0.0, TOP, 0.0, -PIXEL))
dataset.SetProjection("EPSG:32632")
crs = dataset.GetProjection()
dataset.GetRasterBand(1).WriteArray(codes)
dataset = None
margin = RADIUS + 10.0
xs = generator.uniform(LEFT + margin, LEFT + SIDE * PIXEL - margin, sites)
ys = generator.uniform(TOP - SIDE * PIXEL + margin, TOP - margin, sites)
layer = points(
    "EPSG:32632",
    [QgsField("id", INTEGER)],
    ((float(x), float(y), [i]) for i, (x, y) in enumerate(zip(xs, ys))),
)
output = str(folder / "sites.gpkg")


def bare() -> tuple[float, np.ndarray]:
    """Seconds of circles, projection and counting alone; and the share of class 1 of each site."""
    began = time.perf_counter()
    disc = disc_mask(SAMPLES)
    shares = []
    for x, y in zip(xs, ys):
        east, north = LocalFrame(crs, x, y).square_to_crs(2.0 * RADIUS, SAMPLES)
        columns = ((east[disc] - LEFT) / PIXEL).astype(np.intp)
        rows = ((TOP - north[disc]) / PIXEL).astype(np.intp)
        counts = np.bincount(codes[rows, columns], minlength=10)
        shares.append(counts[1] / counts.sum())
    return time.perf_counter() - began, np.array(shares)


tool_times, bare_times = [], []
shares = np.empty(0)
for _ in range(rounds):
    tool_times.append(
        run_tool("bgasites", {"INPUT": layer, "CLASSES": raster, "RADIUS": RADIUS, "OUTPUT": output})
    )
    seconds, shares = bare()
    bare_times.append(seconds)
written = QgsVectorLayer(output, "sites", "ogr")
found = {
    feature["id"]: feature[2 if feature.fields().at(0).name() == "fid" else 1]
    for feature in written.getFeatures()
}
difference = max(abs(found[i] - share) for i, share in enumerate(shares))
print(json.dumps({"tool": tool_times, "bare": bare_times, "difference": difference}), flush=True)
