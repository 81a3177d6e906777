"""``soundvis:segmentraster`` on large aerials: how much of its model's speed is left, and whether memory stays."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.claims import BUILD, HIGHER, Claim, in_qgis

SMALL, LARGE = 4096, 16384
ROUNDS = 3
_SCRIPT = Path(__file__).parent / "inside_qgis" / "segment_raster.py"


def run() -> Iterator[Claim]:
    """Speed on the small aerial, tool and model in turn; memory of one run on each size.

    Each run is a process of its own. The bars: decoding, blocks with their margins, encoding and styles may
    take two thirds of what the model takes; sixteen times the pixels may take 15 % more memory.
    """
    folder = BUILD / "bench" / "aerials"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield from _claims(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _claims(folder: Path) -> Iterator[Claim]:
    small, large = folder / "small.tif", folder / "large.tif"
    _ask("make", str(small), str(SMALL))
    tool, bare = [], []
    for _ in range(ROUNDS):
        tool.append(_ask("tool", str(small), str(folder / "classes.tif")))
        bare.append(_ask("bare", str(small)))
    seconds, alone = (statistics.median(run["seconds"] for run in runs) for runs in (tool, bare))
    cpu, cpu_alone = (statistics.median(run["cpu"] for run in runs) for runs in (tool, bare))
    rate, rate_alone = (SMALL**2 / 1e6 / value for value in (seconds, alone))
    of_model = f"its model on arrays, same threads ({rate_alone:.1f} Mpx/s)"
    yield Claim(
        "segmentraster, share of its model's speed", 100.0 * rate / rate_alone, "%", of_model, 60.0, HIGHER
    )
    yield Claim(
        "segmentraster, processor time", cpu / cpu_alone, "x", "the same, user and system, all threads"
    )
    yield Claim("segmentraster, 4k x 4k", rate, "Mpx/s", f"median of {ROUNDS} runs")
    _ask("make", str(large), str(LARGE))
    big = _ask("tool", str(large), str(folder / "large_classes.tif"))
    yield Claim("segmentraster, 16k x 16k", LARGE**2 / 1e6 / big["seconds"], "Mpx/s", "one run")
    peak = statistics.median(run["peak"] for run in tool)
    yield Claim(
        "segmentraster, memory of 16k over 4k",
        big["peak"] / peak,
        "x",
        f"peak of the process ({peak:.0f} MB; {big['peak']:.0f} MB)",
        1.15,
    )


def _ask(*arguments: str) -> dict[str, float]:
    answer = in_qgis(_SCRIPT, arguments)
    if not isinstance(answer, dict):
        raise RuntimeError("the script in QGIS gave no numbers")
    return answer
