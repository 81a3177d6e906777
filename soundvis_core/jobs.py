"""The jobs that run over sites, by name: the same in this process and in a worker.

Options are plain values: ``model`` (an id of the registry), ``runtime`` (see :class:`.models.options.ModelOptions`)
and those that a job names itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from .errors import InputError
from .models.registry import (
    EMBED_AUDIO,
    EMBED_IMAGE,
    SEGMENT_AERIAL,
    SEGMENT_PHOTO,
    TAG_AUDIO,
    TORCH,
    ModelRow,
    by_id,
    find,
    load,
)
from .pipeline import SiteResult, TaskOrError
from .progress import Progress

if TYPE_CHECKING:
    from .models.options import ModelOptions

#: Paths of files, or what else the job works on.
Tasks = Iterable[TaskOrError[Any]]
Options = Mapping[str, Any]
#: Makes the result of a job from what the worker gave.
Derive = Callable[[SiteResult], SiteResult]


@dataclass(frozen=True)
class Job:
    """A job: what runs it, and what its results depend on beside the task, the model and its weights.

    version: changes when the way from file to result does, so that kept results are not used any more.
    parameters: names of the options that decide the result.
    """

    run: Callable[[Options, Tasks, Progress], Iterator[SiteResult]]
    version: int = 1
    parameters: tuple[str, ...] = ()


def run_job(name: str, options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    """Run a job over the tasks of sites; results come in order.

    Raises InputError for a job, model or class list that does not exist, MissingWeightsError where the model's
    files are not there.
    """
    if name not in JOBS:
        raise InputError(f"There is no job '{name}'; known are {', '.join(JOBS)}.")
    return JOBS[name].run(options, tasks, progress)


def model_row(name: str, options: Options) -> ModelRow | None:
    """The model of a job; None where it needs none. Raises InputError for a model that does not exist."""
    if name == "compose-sound":
        method = str(options.get("method") or NDSI)
        return None if method == NDSI else find(method, TAG_AUDIO)
    task = _TASKS.get(name)
    if name == "hear-recordings":
        return by_id(options["model"])
    if name == "screen-photos" and not options.get("model"):
        return None
    return None if task is None else find(options["model"], task)


def worker_part(name: str, options: Options) -> tuple[str, dict[str, Any], Derive | None]:
    """What a worker with torch runs for a job: its name, its options, and what makes the result from its answer.

    A model that tags sounds gives tags and embeddings at once; its answer is kept whole, so that embedding and
    composition of the same recordings, or another threshold, cost one run of the model.
    """
    row = model_row(name, options)
    if row is None or row.runtime != TORCH or TAG_AUDIO not in row.tasks or name == "hear-recordings":
        return name, dict(options), None
    heard = {"model": row.id, "runtime": options.get("runtime")}
    if name == "embed-recordings":
        from .embed import embedding_of

        each_window = bool(options.get("each_window"))
        return "hear-recordings", heard, lambda result: embedding_of(result, each_window)
    from .compose import composition_of

    return "hear-recordings", heard, lambda result: composition_of(result, options)


def check_task(name: str, task: Any) -> None:
    """Raise SiteError where the file of a task is not there or holds nothing, in the words of the job itself.

    It is a look at the file only: no model has to be loaded to say that a file is missing.
    """
    if not isinstance(task, str):
        return
    if name in ("embed-recordings", "hear-recordings", "compose-sound", "screen-recordings"):
        from .audio.decoding import check_file

        check_file(task)
    elif name in ("embed-photos", "segment-photos", "screen-photos"):
        from .images import check_photo

        check_photo(task)


def key_parameters(name: str, options: Options) -> dict[str, Any]:
    """The options that decide the results of a job, by name; of a class list its content, not its name."""
    found = {parameter: options.get(parameter) for parameter in JOBS[name].parameters}
    if "classes" in found:
        from .classes import load_classes

        classes = load_classes(str(options["classes"]))
        found["classes"] = [
            [entry.code, entry.name, entry.synonyms, entry.own_prompts] for entry in classes.classes
        ]
        found["threshold of the list"] = classes.threshold
    return found


def _ready(options: Options, task: str, progress: Progress) -> Any:
    """The model of the options, loaded; what it runs on goes to the log and to the parent."""
    model = load(options["model"], task, _runtime(options))
    placement = getattr(model, "placement", None)
    if placement is not None:
        facts = {"model": options["model"], "revision": str(model.revision), "device": placement.describe()}
        if not hasattr(model, "describe"):  # else the job says more of it
            progress.info(f"Model {facts['model']}, revision {facts['revision']}, on {facts['device']}.")
        tell = getattr(progress, "model", None)
        if tell is not None:
            tell(facts)
    return model


def _embed_recordings(options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    from .embed import embed_recordings

    model = _ready(options, EMBED_AUDIO, progress)
    return embed_recordings(tasks, model, progress, bool(options.get("each_window")))


def _hear_recordings(options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    from .embed import hear_recordings

    return hear_recordings(tasks, _ready(options, TAG_AUDIO, progress), progress)


def _embed_photos(options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    from .embed import embed_photos

    model = _ready(options, EMBED_IMAGE, progress)
    return embed_photos(tasks, model, progress, options.get("views") or "centre")


def _embed_tiles(options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    from .embed import embed_tiles

    return embed_tiles(tasks, _ready(options, EMBED_IMAGE, progress), progress)


def _screen_recordings(_options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    from .screening.recordings import screen_recordings

    return screen_recordings(tasks, progress)


def _screen_photos(options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    from .screening.photos import screen_brightness, screen_photos

    if not options.get("model"):
        return screen_brightness(tasks, progress)
    from .models.store import locate

    model, runtime = _ready(options, EMBED_IMAGE, progress), _runtime(options)
    return screen_photos(tasks, model, locate(by_id(options["model"]), runtime), runtime, progress)


def _segment_photos(options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    from .classes import load_classes
    from .segment_photos import DEFAULT_THRESHOLD, segment_photos

    classes = load_classes(options["classes"])
    threshold = options.get("threshold")
    model = _ready(options, SEGMENT_PHOTO, progress)
    return segment_photos(
        tasks, model, classes, DEFAULT_THRESHOLD if threshold is None else threshold, progress
    )


def _segment_blocks(options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    from .classes import load_classes
    from .segment_windows import segment_window_blocks

    classes = load_classes(options["classes"])
    model = _ready(options, SEGMENT_AERIAL, progress)
    return segment_window_blocks(tasks, model, classes, options, progress)


def _download_models(options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    from .models.download import download_models

    return download_models(tasks, _runtime(options), progress, str(options.get("endpoint") or ""))


def _runtime(options: Options) -> ModelOptions:
    from .models.options import ModelOptions

    return ModelOptions.from_mapping(options.get("runtime"))


def _compose_sound(options: Options, tasks: Tasks, progress: Progress) -> Iterator[SiteResult]:
    from .compose import compose_recordings

    return compose_recordings(tasks, options, progress)


NDSI = "ndsi"
_TASKS = {
    "embed-recordings": EMBED_AUDIO,
    "embed-photos": EMBED_IMAGE,
    "embed-tiles": EMBED_IMAGE,
    "screen-photos": EMBED_IMAGE,
    "segment-photos": SEGMENT_PHOTO,
    "segment-blocks": SEGMENT_AERIAL,
}
JOBS: dict[str, Job] = {
    "embed-recordings": Job(_embed_recordings, version=2, parameters=("each_window",)),
    "hear-recordings": Job(_hear_recordings, version=2),
    "embed-photos": Job(_embed_photos, version=2, parameters=("views",)),
    "embed-tiles": Job(_embed_tiles),
    "screen-recordings": Job(_screen_recordings, version=2),
    "screen-photos": Job(_screen_photos),
    "segment-photos": Job(_segment_photos, parameters=("classes", "threshold")),
    "segment-blocks": Job(_segment_blocks, parameters=("classes", "threshold", "width", "height")),
    "compose-sound": Job(_compose_sound, version=2),
    "download-models": Job(_download_models),
}
