"""Where a job runs: in QGIS where QGIS has what it needs, else in the worker. The caller does not see which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from soundvis_core.dependencies import how_to_get, missing
from soundvis_core.pipeline import SiteResult, TaskOrError
from soundvis_core.progress import Progress

from .client import run_in_worker
from .environment import PYTHON_VARIABLE, missing_pythons, worker_python

_SOUND = (("numpy",), ("scipy",), ("soundfile", "av"))
_PHOTOS = (("numpy",), ("scipy",), ("PIL",))
#: What each job needs in QGIS's own Python to run there: of every group one package, the first as the best.
#: PyAV alone reads recordings, too.
NEEDS = {
    "embed-recordings": _SOUND,
    "compose-sound": _SOUND,
    "embed-photos": _PHOTOS,
    "segment-photos": _PHOTOS,
}


def absent_groups(job: str) -> list[tuple[str, ...]]:
    """The groups of packages of which QGIS's Python has none."""
    return [group for group in NEEDS[job] if len(missing(group)) == len(group)]


def job_problem(job: str) -> str | None:
    """Why a job cannot run anywhere, and the ways out; None where it can."""
    absent = absent_groups(job)
    if not absent or worker_python() is not None:
        return None
    names = ", ".join(" or ".join(group) for group in absent)
    named = "".join(f" ({source} names {path}, which is not there.)" for source, path in missing_pythons())
    return (
        f"This tool needs Python packages that QGIS does not have: {names}. "
        f"{how_to_get([group[0] for group in absent])} "
        f"Or let {PYTHON_VARIABLE} name a Python that has them.{named}"
    )


def run_for_sites(
    job: str, options: dict[str, Any], paths: Iterable[TaskOrError[str]], progress: Progress
) -> Iterator[SiteResult]:
    """Results of ``job`` over the files of sites, in order."""
    from soundvis_core.jobs import run_job

    python = worker_python()
    if absent_groups(job) and python is not None:
        # Everything travels in one request: paths are short, and the features have to be read in this thread.
        return run_in_worker(python, job, options, list(paths), progress)
    return run_job(job, options, paths, progress)
