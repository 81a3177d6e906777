"""Where a job runs: in QGIS where QGIS has what it needs, else in the worker. The caller does not see which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from soundvis_core.dependencies import how_to_get, missing
from soundvis_core.jobs import run_job
from soundvis_core.pipeline import SiteResult, TaskOrError
from soundvis_core.progress import Progress

from .client import run_in_worker
from .environment import PYTHON_VARIABLE, worker_python

#: What each job needs in QGIS's own Python to run there.
NEEDS = {
    "embed-recordings": ("numpy", "scipy", "soundfile"),
    "compose-sound": ("numpy", "scipy", "soundfile"),
    "embed-photos": ("numpy", "scipy", "PIL"),
    "segment-photos": ("numpy", "scipy", "PIL"),
}


def job_problem(job: str) -> str | None:
    """Why a job cannot run anywhere, and the ways out; None where it can."""
    absent = missing(NEEDS[job])
    if not absent or worker_python() is not None:
        return None
    return (
        f"This tool needs Python packages that QGIS does not have: {', '.join(absent)}. {how_to_get(absent)} "
        f"Or let {PYTHON_VARIABLE} name a Python that has them."
    )


def run_for_sites(
    job: str, options: dict[str, Any], paths: Iterable[TaskOrError[str]], progress: Progress
) -> Iterator[SiteResult]:
    """Results of ``job`` over the files of sites, in order."""
    python = worker_python()
    if missing(NEEDS[job]) and python is not None:
        # Everything travels in one request: paths are short, and the features have to be read in this thread.
        return run_in_worker(python, job, options, list(paths), progress)
    return run_job(job, options, paths, progress)
