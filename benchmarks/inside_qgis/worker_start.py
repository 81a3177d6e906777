"""In QGIS: a worker without work, from its start to its end, and a bare Python that imports numpy, in turn.

Usage: worker_start.py PYTHON ROUNDS
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

from soundvis_qgis.runtime.client import run_in_worker
from soundvis_qgis.runtime.environment import child_environment

# isort: split
# Only now: the plugin makes the core inside it importable.
from soundvis_core.progress import NO_PROGRESS

python, rounds = sys.argv[1], int(sys.argv[2])


def timed(work: Callable[[], None]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def worker() -> None:
    """The whole life of a worker that has no site to work on."""
    if list(run_in_worker(python, "embed-recordings", {"model": "acoustic-features"}, [], NO_PROGRESS)):
        raise RuntimeError("the worker answered though it was asked nothing")


def numpy() -> None:
    """The same Python and the same environment, numpy and nothing else."""
    subprocess.run([python, "-c", "import numpy"], env=child_environment(), check=True)


times = {"worker": [], "numpy": []}
for round_number in range(rounds + 1):
    for name, work in (("worker", worker), ("numpy", numpy)):
        seconds = timed(work)
        if round_number:
            times[name].append(seconds)
print(json.dumps(times), flush=True)
