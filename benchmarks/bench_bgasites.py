"""What ``soundvis:bgasites`` takes over the sampling that it cannot do without."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.claims import BUILD, Claim, in_qgis

SITES = 2000
ROUNDS = 2
_SCRIPT = Path(__file__).parent / "inside_qgis" / "bga_sites.py"


def run() -> Iterator[Claim]:
    """2,000 circles of 100 m on a class raster of 0.5 m.

    The reference projects the same circles with pyproj and counts the classes with numpy in the whole raster
    held in memory; the bar lets reading windows of the file, composition and GeoPackage take as much again.
    """
    folder = BUILD / "bench" / "bgasites"
    try:
        answer = in_qgis(_SCRIPT, [str(folder), str(SITES), str(ROUNDS)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not isinstance(answer, dict):
        raise RuntimeError("the script in QGIS gave no numbers")
    tool, bare = (statistics.median(answer[name]) for name in ("tool", "bare"))
    reference = f"pyproj and numpy on an array ({SITES / bare:.0f} sites/s)"
    yield Claim("bgasites over bare sampling", tool / bare, "x", reference, 2.0)
    yield Claim("bgasites", SITES / tool, "sites/s", f"median of {ROUNDS} runs of {SITES} sites")
    yield Claim(
        "bgasites away from bare sampling",
        answer["difference"],
        "share",
        "share of a class in a circle",
        1e-4,
    )
