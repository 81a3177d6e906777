"""How long a worker process takes from its start to its end when it has nothing to do."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.claims import ROOT, Claim, in_qgis

ROUNDS = 9
WORKER_PYTHON = ROOT / ".venv" / "bin" / "python"
_SCRIPT = Path(__file__).parent / "inside_qgis" / "worker_start.py"


def run() -> Iterator[Claim]:
    """One claim: a worker costs little more than the import of numpy that no job can do without.

    The bar leaves the core's own modules (compiled anew each time: a worker writes no bytecode) and the
    hand-over as much time as Python with numpy takes. scipy alone takes more than that: the claim fails as
    soon as something heavy is imported before a job needs it.
    """
    answer = in_qgis(_SCRIPT, [str(WORKER_PYTHON), str(ROUNDS)])
    if not isinstance(answer, dict):
        raise RuntimeError("no times came back")
    worker, numpy = (statistics.median(answer[name]) for name in ("worker", "numpy"))
    yield Claim(
        "worker start to end, nothing to do",
        worker / numpy,
        "x",
        f"python -c 'import numpy' ({1000.0 * numpy:.0f} ms; worker {1000.0 * worker:.0f} ms)",
        2.0,
    )
