"""``soundvis:embedimagery`` with RemoteCLIP ViT-L/14 at full size, end to end, over its bare forward passes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.claims import Claim, in_qgis
from benchmarks.full_size import checkpoint
from benchmarks.paper_tools import scratch, tool_over_forwards

SITES = 240
SIDE = 8192
#: Metres per pixel of the aerial image, and its lower left corner in EPSG:28992.
PIXEL, LEFT, BOTTOM = 0.25, 100_000.0, 400_000.0
_WRITE = """
import json, sys
import numpy as np
from osgeo import gdal, osr
gdal.UseExceptions()
path, side, pixel, left, bottom = sys.argv[1], int(sys.argv[2]), *map(float, sys.argv[3:])
made = gdal.GetDriverByName("GTiff").Create(path, side, side, 3, gdal.GDT_Byte, ["TILED=YES", "COMPRESS=DEFLATE"])
made.SetGeoTransform((left, pixel, 0, bottom + side * pixel, 0, -pixel))
crs = osr.SpatialReference()
crs.ImportFromEPSG(28992)
made.SetProjection(crs.ExportToWkt())
generator = np.random.default_rng(0)
for row in range(0, side, 512):
    for band in (1, 2, 3):
        coarse = generator.integers(0, 256, (32, side // 16), dtype=np.uint8)
        made.GetRasterBand(band).WriteArray(np.kron(coarse, np.ones((16, 16), np.uint8)), 0, row)
made = None
print(json.dumps(path))
"""


def run() -> Iterator[Claim]:
    """240 sites on a compressed aerial image of 8192 x 8192 pixels, footprints of 200 m."""
    with scratch("paper-embedimagery") as folder:
        raster = str(folder / "aerial.tif")
        in_qgis(_WRITE, [raster, str(SIDE), str(PIXEL), str(LEFT), str(BOTTOM)])
        file = checkpoint("remoteclip-vit-l-14") / "RemoteCLIP-ViT-L-14.pt"
        tile = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
        yield from tool_over_forwards(
            folder, "embedimagery", "remoteclip-vit-l-14", file, tile, SITES, ("tiles", f"{SITES} sites"),
            {"RASTER": raster}, points=_sites(), crs="EPSG:28992",
        )  # fmt: skip


def _sites() -> list[tuple[float, float]]:
    """Points at least 150 m from the image's edge."""
    generator = np.random.default_rng(1)
    inside = generator.uniform(150.0, SIDE * PIXEL - 150.0, (SITES, 2))
    return [(LEFT + float(x), BOTTOM + float(y)) for x, y in inside]
