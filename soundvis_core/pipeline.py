"""Many sites, several threads, one order: the loop under every tool that works through files."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, TypeVar, Union

from .errors import Cancelled, SiteError, UnexpectedSiteError, as_site_error
from .progress import FirstUnexpected, Progress, check_cancelled

if TYPE_CHECKING:  # the plugin imports this module when it loads, and numpy is heavy
    import numpy as np

OK = "ok"
#: How often a waiting run looks whether it was cancelled, in seconds.
_POLL = 0.1

Task = TypeVar("Task")
#: What to work on at a site, or why there is nothing.
TaskOrError = Union[Task, SiteError]


@dataclass(frozen=True)
class SiteResult:
    """What was found at one site.

    status: ``ok``, ``failed`` or ``skipped``; ``reason`` says why where it is not ok, and may hold a remark
    where it is. vector: float32 (dimension,), embeddings only. values: further numbers by name.
    unexpected: the error of a site that nobody foresaw, for the log; it does not travel between processes.
    """

    status: str
    reason: str = ""
    vector: np.ndarray | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    unexpected: UnexpectedSiteError | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class LazyTask:
    """A task that is costly to make, and need not be made where its result is known.

    content: everything that the task depends on, as :func:`soundvis_core.cache.content_key` takes it.
    """

    content: tuple[Any, ...]
    make: Callable[[], Any]

    def made(self) -> TaskOrError[Any]:
        """The task, or why there is none. Raises Cancelled."""
        try:
            return self.make()
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - one unreadable block must not cost the other sites
            return as_site_error(error)


def make_tasks(tasks: Iterable[TaskOrError[Any]]) -> Iterator[TaskOrError[Any]]:
    """``tasks``, each made where it is lazy."""
    for task in tasks:
        yield task.made() if isinstance(task, LazyTask) else task


#: Work on one task; raises SiteError where the site cannot be processed, Cancelled when the event is set.
Work = Callable[[Task, threading.Event], SiteResult]


def worker_threads() -> int:
    """How many sites are worked on at once: one per processor, at most eight."""
    return max(1, min(8, os.cpu_count() or 1))


def map_sites(
    work: Work[Task], tasks: Iterable[TaskOrError[Task]], progress: Progress
) -> Iterator[SiteResult]:
    """``work`` over ``tasks`` on several threads, results in order, only a few tasks ahead.

    ``tasks`` is read on the calling thread. A site that cannot be processed, for whatever reason, becomes a
    result with its status and reason; the first unexpected reason goes to the log with its traceback. Raises
    Cancelled soon after the user cancels.
    """
    log = FirstUnexpected(progress)
    for result in _ordered(work, tasks, progress):
        log.tell(result.unexpected)
        yield result


def _ordered(
    work: Work[Task], tasks: Iterable[TaskOrError[Task]], progress: Progress
) -> Iterator[SiteResult]:
    stop = threading.Event()
    threads = worker_threads()
    waiting: deque[Future[SiteResult]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="soundvis")
    try:
        for task in tasks:
            waiting.append(pool.submit(_guarded, work, task, stop))
            if len(waiting) > 2 * threads:
                yield _wait(waiting.popleft(), progress)
        while waiting:
            yield _wait(waiting.popleft(), progress)
    finally:
        stop.set()
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=True)


def _guarded(work: Work[Task], task: TaskOrError[Task], stop: threading.Event) -> SiteResult:
    """Turn the failure of one site into its status and reason."""
    if isinstance(task, SiteError):
        return failure(task)
    if stop.is_set():
        raise Cancelled
    try:
        return work(task, stop)
    except Cancelled:
        raise
    except Exception as error:  # noqa: BLE001 - one file on a lost drive must not cost the results of the others
        return failure(as_site_error(error))


def failure(error: SiteError) -> SiteResult:
    """The result of a site that cannot be processed."""
    # Other errors are let go: their tracebacks hold on to the arrays of the site.
    unexpected = error if isinstance(error, UnexpectedSiteError) else None
    return SiteResult(error.status, str(error), unexpected=unexpected)


def _wait(future: Future[SiteResult], progress: Progress) -> SiteResult:
    while True:
        check_cancelled(progress)
        try:
            return future.result(timeout=_POLL)
        except NotYet:
            # It may have ended since, or have raised a time-out of its own.
            if future.done():
                return future.result()
