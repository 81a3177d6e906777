"""``soundvis:segmentraster`` with SegEarth-OV on large aerials: whether memory stays, in QGIS and in the worker.

The model is a tiny one with the real geometry of windows and blocks, so that a raster of 16k takes minutes, not a day;
what is held at once per pixel, beside the weights, is that of the real one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.claims import Claim, in_qgis
from benchmarks.paper_tools import ask_tool, scratch
from tests.builders import tiny_models

SMALL, LARGE = 4096, 16384
_MAKE = Path(__file__).parent / "inside_qgis" / "segment_raster.py"


def run() -> Iterator[Claim]:
    """One run on each size, without a cache; sixteen times the pixels may take 15 % more memory."""
    with scratch("paper-segmentraster") as folder:
        tiny_models.make(folder / "tiny")
        peaks = {side: _peaks(folder, side) for side in (SMALL, LARGE)}
        for which, name in enumerate(("QGIS", "worker")):
            small, large = peaks[SMALL][which], peaks[LARGE][which]
            yield Claim(
                f"segmentraster (segearth-ov), {name}, 16k over 4k",
                large / small,
                "x",
                f"peak of the process ({small:.0f} MB; {large:.0f} MB)",
                1.15,
            )
        yield Claim(
            "segmentraster (segearth-ov, tiny), 16k x 16k",
            LARGE**2 / 1e6 / peaks[LARGE][2],
            "Mpx/s",
            f"one run, {peaks[LARGE][2]:.0f} s",
        )


def _peaks(folder: Path, side: int) -> tuple[float, float, float]:
    """Peak memory of QGIS and of the worker in MB, and the seconds of the run."""
    raster = folder / f"{side}.tif"
    in_qgis(_MAKE, ["make", str(raster), str(side)])
    parameters = {
        "INPUT": str(raster),
        "MODEL": "segearth-ov",
        "CHECKPOINT": str(folder / "tiny" / "segearth"),
        "OUTPUT": str(folder / f"{side}-classes.tif"),
    }
    answer = ask_tool(folder, "segmentraster", parameters, runs=1, variables={"SOUNDVIS_CACHE_GB": "0"})
    return answer["peak"], answer["worker_peak"], answer["times"][0]
