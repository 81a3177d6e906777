"""Where a job runs: in QGIS where QGIS has what it needs, else in the worker. The caller does not see which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from soundvis_core.dependencies import how_to_get, missing
from soundvis_core.errors import SoundVisError
from soundvis_core.models.registry import LIGHT, TORCH, ModelRow, for_task, problems
from soundvis_core.pipeline import SiteResult, TaskOrError, make_tasks
from soundvis_core.progress import Progress

from .client import run_in_worker, worker_versions
from .environment import PYTHON_VARIABLE, missing_pythons, worker_python
from .settings import cache_bytes, cache_folder, model_options, share_home

if TYPE_CHECKING:
    from soundvis_core.cache import ResultCache

_SOUND = (("numpy",), ("scipy",), ("soundfile", "av"))
_PHOTOS = (("numpy",), ("scipy",), ("PIL",))
#: What each job needs in QGIS's own Python to run there with a light model: of every group one package, the first as
#: the best. PyAV alone reads recordings, too.
NEEDS = {
    "embed-recordings": _SOUND,
    "compose-sound": _SOUND,
    "embed-photos": _PHOTOS,
    "embed-tiles": _PHOTOS,
    "screen-recordings": _SOUND,
    "screen-photos": (("numpy",), ("PIL",)),
    "segment-photos": _PHOTOS,
    "segment-blocks": (("numpy",), ("scipy",)),
}
#: Jobs whose light way is a method of the tool and no model of the registry.
_LIGHT_METHODS = {"compose-sound": "ndsi", "hear-recordings": "light", "screen-photos": "light"}
#: Jobs that the worker does for models with weights only.
_ONLY_HERE = ("segment-blocks",)
#: What models with weights need in the worker's Python, by name on PyPI.
TORCH_PACKAGES = ("torch", "transformers", "open_clip_torch", "safetensors")
_SET_UP = "Run 'Set up the environment' (toolbox, SoundVis, Setup)"


def absent_groups(job: str) -> list[tuple[str, ...]]:
    """The groups of packages of which QGIS's Python has none."""
    return [group for group in NEEDS[job] if len(missing(group)) == len(group)]


def job_problem(job: str, options: Mapping[str, Any] | None = None) -> str | None:
    """Why a job cannot run, and the ways out; None where it can. Asked before a run."""
    from soundvis_core.jobs import model_row

    options = options or {}
    share_home()
    try:
        row = model_row(job, options) if options else None
        if row is not None and row.runtime == TORCH:
            return _torch_problem(job, row, options)
        if row is not None and options.get("checkpoint"):
            return f"The model '{row.id}' has no weights: leave CHECKPOINT empty, or choose another model."
    except SoundVisError as error:
        return str(error)
    return _light_problem(job)


def _light_problem(job: str) -> str | None:
    absent = absent_groups(job)
    if not absent or (worker_python() is not None and job not in _ONLY_HERE):
        return None
    names = ", ".join(" or ".join(group) for group in absent)
    return (
        f"This tool needs Python packages that QGIS does not have: {names}. "
        f"{how_to_get([group[0] for group in absent])} "
        f"{'' if job in _ONLY_HERE else f'Or let {PYTHON_VARIABLE} name a Python that has them.'}{_misnamed()}"
    )


def _torch_problem(job: str, row: ModelRow, options: Mapping[str, Any]) -> str | None:
    """Environment, then weights. The two ways out are in each message."""
    from soundvis_core.models.store import missing_weights

    instead = _light_instead(job, row)
    python = worker_python()
    if python is None:
        return (
            f"The model '{row.id}' runs in SoundVis' own Python environment, and there is none.{_misnamed()} "
            f"{_SET_UP}, {instead}."
        )
    versions = worker_versions(python, TORCH_PACKAGES)
    absent = [name for name in (*TORCH_PACKAGES, "numpy") if not versions.get(name)]
    if absent:
        return (
            f"The model '{row.id}' needs packages that {python} does not have: {', '.join(absent)}. "
            f"{_SET_UP}, {instead}."
        )
    cache_bytes()  # a size that is no number is told before the run
    problem = missing_weights(row, model_options(str(options.get("checkpoint") or "")))
    return None if problem is None else f"{problem} {_named_light(job, row)}".strip()


def _light_id(job: str, row: ModelRow) -> str:
    """The first light model of the same task; empty where there is none."""
    if job in _LIGHT_METHODS:
        return _LIGHT_METHODS[job]
    return next((other.id for other in for_task(row.task) if other.runtime == LIGHT), "")


def _light_instead(job: str, row: ModelRow) -> str:
    light = _light_id(job, row)
    return f"or choose the light model '{light}', which needs none" if light else "then run this tool again"


def _named_light(job: str, row: ModelRow) -> str:
    light = _light_id(job, row)
    return f"(The light model is '{light}'.)" if light else ""


def _misnamed() -> str:
    return "".join(f" ({source} names {path}, which is not there.)" for source, path in missing_pythons())


def run_for_sites(
    job: str,
    options: Mapping[str, Any],
    tasks: Iterable[TaskOrError[Any]],
    progress: Progress,
    facts: dict[str, str] | None = None,
) -> Iterator[SiteResult]:
    """Results of ``job`` over the tasks of sites, in order. ``tasks`` is read in the calling thread, a little ahead.

    options: those of the job (see :mod:`soundvis_core.jobs`), and ``checkpoint``, a local file or folder in place of
    the downloaded weights. facts: gets model, revision and device of models with weights, by the end of the run.

    Models with weights run in the worker, and what they find is kept: a task that was done before, whatever its file
    is called by now, is not done again.
    """
    from soundvis_core.jobs import model_row, run_job

    share_home()
    row = model_row(job, options)
    python = worker_python()
    if row is not None and row.runtime == TORCH:
        return _run_torch(python, job, options, row, tasks, progress, facts if facts is not None else {})
    if job in NEEDS and absent_groups(job) and python is not None:
        return run_in_worker(python, job, options, make_tasks(tasks), progress)
    return run_job(job, options, make_tasks(tasks), progress)


def _run_torch(
    python: str | None,
    job: str,
    options: Mapping[str, Any],
    row: ModelRow,
    tasks: Iterable[TaskOrError[Any]],
    progress: Progress,
    facts: dict[str, str],
) -> Iterator[SiteResult]:
    from soundvis_core.jobs import worker_part
    from soundvis_core.models.store import locate

    from .kept_results import KeptJob, run_kept

    for problem in problems():
        progress.warn(problem)
    chosen = model_options(str(options.get("checkpoint") or ""))
    name, sent, derive = worker_part(job, {**options, "runtime": chosen.to_mapping()})
    weights = locate(row, chosen)
    facts.update(model=row.id, revision=weights.revision)
    if weights.own():
        progress.info(weights.own())
    if python is None:
        raise SoundVisError(f"The model '{row.id}' needs SoundVis' own Python environment. {_SET_UP}.")
    kept = KeptJob(python, name, sent, row, weights.fingerprint, result_cache())
    results = run_kept(kept, tasks, progress, facts)
    return results if derive is None else _derived(results, derive)


def _derived(
    results: Iterator[SiteResult], derive: Callable[[SiteResult], SiteResult]
) -> Iterator[SiteResult]:
    with closing(results):  # type: ignore[type-var] - a generator
        for result in results:
            yield derive(result)


def model_note(job: str, options: Mapping[str, Any]) -> tuple[str, int | None]:
    """What notes on a field say of a job's model (id; revision, or the file of the user's own), and its dimension."""
    from soundvis_core.jobs import model_row
    from soundvis_core.models.registry import load
    from soundvis_core.models.store import LOCAL, locate

    share_home()
    row = model_row(job, options)
    if row is None:
        return "", None
    if row.runtime != TORCH:
        return row.id, getattr(load(row.id, row.task), "dimension", None)
    own = str(options.get("checkpoint") or "")
    weights = locate(row, model_options(own))
    if weights.revision != LOCAL:
        return f"{row.id}, revision {weights.revision[:12]}", row.dimension
    # Weights of the user's own may have another size.
    return f"{row.id}, own weights {weights.folder.name} ({weights.fingerprint[:12]})", None


def result_cache() -> ResultCache | None:
    """Where results are kept; None where the user wants none kept."""
    from soundvis_core.cache import ResultCache

    limit = cache_bytes()
    return ResultCache(cache_folder() / "results", limit) if limit else None
