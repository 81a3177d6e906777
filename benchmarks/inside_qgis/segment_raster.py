"""In QGIS: an aerial picture of the sample town repeated to any size, ``soundvis:segmentraster`` on it, its bare model.

Usage: segment_raster.py make AERIAL SIDE | tool AERIAL OUTPUT | bare AERIAL
Each call is a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from osgeo import gdal
from session import peak_megabytes, run_tool, start

gdal.UseExceptions()
TILE = 1024
PIXEL = 0.5
SEED = 7


def make(path: str, side: int) -> dict[str, float]:
    """Write the town, side by side with itself, as a tiled DEFLATE GeoTIFF of ``side`` x ``side`` pixels."""
    start()
    from soundvis_core.town import build_town

    town = build_town(SEED)
    rows, columns = town.height, town.width
    picture = town.paint(0, rows)
    options = ["TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "NUM_THREADS=ALL_CPUS", "PHOTOMETRIC=RGB"]
    dataset = gdal.GetDriverByName("GTiff").Create(path, side, side, 3, gdal.GDT_Byte, options=options)
    dataset.SetGeoTransform((500_000.0, PIXEL, 0.0, 5_000_000.0, 0.0, -PIXEL))
    dataset.SetProjection("EPSG:32632")
    for top in range(0, side, TILE):
        for left in range(0, side, TILE):
            r = np.arange(top, min(side, top + TILE)) % rows
            c = np.arange(left, min(side, left + TILE)) % columns
            dataset.WriteArray(np.ascontiguousarray(np.moveaxis(picture[np.ix_(r, c)], 2, 0)), left, top)
    dataset = None
    return {"bytes": os.path.getsize(path)}


def tool(path: str, output: str) -> dict[str, float]:
    """Seconds of the tool and the peak of this process."""
    start()
    parameters = {"INPUT": path, "MODEL": "spectral-index", "CLASSES": "paper-aerial", "OUTPUT": output}
    cpu = time.process_time()
    seconds = run_tool("segmentraster", parameters)
    return {"seconds": seconds, "cpu": time.process_time() - cpu, "peak": peak_megabytes()}


def bare(path: str) -> dict[str, float]:
    """Seconds of the model alone on the tool's own blocks, decoded before, with as many threads."""
    start()
    from soundvis_core.classes import load_classes
    from soundvis_core.models.spectral_index import SpectralIndex
    from soundvis_core.segment import _MOST_WORKERS, plan_blocks

    model, classes = SpectralIndex(), load_classes("paper-aerial")
    dataset = gdal.Open(path)
    blocks = []
    for window in plan_blocks(dataset.RasterXSize, dataset.RasterYSize, halo=model.halo):
        place = (window.padded_column, window.padded_row, window.padded_width, window.padded_height)
        pixels = dataset.ReadAsArray(*place)
        blocks.append((pixels.astype(np.float32) / 255.0, np.ones(pixels.shape[1:], dtype=bool)))
    began, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(max(1, min(_MOST_WORKERS, os.cpu_count() or 1))) as pool:
        list(pool.map(lambda block: model.segment(*block, classes, PIXEL), blocks))
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


work, arguments = {"make": make, "tool": tool, "bare": bare}[sys.argv[1]], sys.argv[2:]
if sys.argv[1] == "make":
    arguments[1] = int(arguments[1])
print(json.dumps(work(*arguments)), flush=True)
