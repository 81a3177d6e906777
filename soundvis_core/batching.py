"""Sites prepared on many threads, their items in batches through one model: the loop under every trained model.

Three parties: the caller's thread reads tasks and gives out results, preparing threads decode and compute what the
model takes in, one thread runs the model. Batches are filled site after site, in the order of the tasks and across
sites. Memory is bounded by the batch, whatever the length of a recording: a preparing thread waits while enough is
ready, except for the site whose turn it is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Protocol

import numpy as np

from .errors import Cancelled, SiteError, as_site_error
from .models.device import out_of_memory
from .pipeline import SiteResult, TaskOrError, failure, worker_threads
from .progress import FirstUnexpected, Progress, check_cancelled

#: Inputs of the model -> as many outputs, in order (a list, or an array with a row for each).
Forward = Callable[[Sequence[np.ndarray]], Any]

# How often a waiting run looks whether it was cancelled, in seconds.
_POLL = 0.1
# So long (seconds) a batch waits to be filled, from its first item on: the model is better busy than full.
_PATIENCE = 0.25
# So long (seconds) a run that ends early waits for the batch that is being computed.
_FAREWELL = 0.8


class SiteWork(Protocol):
    """The work on one site."""

    def items(self, stop: threading.Event) -> Iterator[np.ndarray]:
        """What the model is to be given, prepared; on a preparing thread. May end early where ``stop`` is set.

        Raises SiteError where the site cannot be processed.
        """

    def add(self, output: Any) -> None:
        """Take the model's output of the next item; on the model's thread."""

    def result(self) -> SiteResult:
        """The result, after the output of the last item was added. Raises SiteError where there is none."""


def sites_ahead(batch_size: int, threads: int | None = None) -> int:
    """How many tasks are read before the first of them has its result, at most: two batches and some being prepared."""
    return 2 * (batch_size + (threads or worker_threads()))


def map_batches(
    sites: Iterable[TaskOrError[SiteWork]],
    forward: Forward,
    batch_size: int,
    progress: Progress,
    threads: int | None = None,
) -> Iterator[SiteResult]:
    """``forward`` over the items of ``sites`` in batches; results in order, each as soon as it is there.

    ``sites`` is read on the calling thread, :func:`sites_ahead` at most. ``forward`` gets ``batch_size`` items (1 or
    more) on a thread of its own, fewer where nothing else is coming. ``threads`` prepare: one per processor, at most
    eight, where it is not given. A site that fails, in preparing or in the model, becomes a result with its status
    and reason; a batch that fails is repeated item by item, so that it costs the guilty site only. Where memory
    runs out, batches are halved from then on; the log says so once.

    Raises Cancelled within a second after the user cancels; a batch that is being computed then ends unheard.
    """
    run = _Run(forward, max(1, batch_size), threads or worker_threads())
    log = FirstUnexpected(progress)
    for result in _ordered(run, sites, progress):
        log.tell(result.unexpected)
        yield result


def _ordered(run: _Run, sites: Iterable[TaskOrError[SiteWork]], progress: Progress) -> Iterator[SiteResult]:
    pool = ThreadPoolExecutor(run.threads, thread_name_prefix="soundvis-prepare")
    # A daemon: a process that is told to end need not wait for a long batch.
    model = threading.Thread(target=run.compute, name="soundvis-model", daemon=True)
    model.start()
    waiting: deque[_Site] = deque()
    ahead = sites_ahead(run.batch_size, run.threads)
    try:
        for task in sites:
            check_cancelled(progress)
            waiting.append(run.open(task))
            if not waiting[-1].settled:
                pool.submit(run.prepare, waiting[-1])
            while waiting and (waiting[0].settled or len(waiting) >= ahead):
                yield _wait(waiting.popleft(), run, progress)
        run.close()
        while waiting:
            yield _wait(waiting.popleft(), run, progress)
    finally:
        run.end()
        pool.shutdown(wait=True, cancel_futures=True)
        model.join(_FAREWELL)


def _wait(site: _Site, run: _Run, progress: Progress) -> SiteResult:
    check_cancelled(progress)
    while not site.done.wait(_POLL):
        check_cancelled(progress)
        if run.defect is not None:
            raise run.defect
    for remark in run.remarks():
        progress.warn(remark)
    if site.outcome is None:
        raise Cancelled
    return site.outcome


class _Site:
    """A site on its way: ``inputs`` are prepared and not yet taken, ``open`` while more may come."""

    def __init__(self, task: TaskOrError[SiteWork]) -> None:
        self.task = task
        self.inputs: deque[np.ndarray] = deque()
        self.open = True
        self.outcome: SiteResult | None = None
        self.done = threading.Event()

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be done for it."""
        return self.done.is_set()

    def work(self) -> SiteWork:
        """The task, where it is one. Raises SiteError where there is nothing to work on."""
        if isinstance(self.task, SiteError):
            raise self.task
        return self.task


class _Run:
    """What the threads of one run share. Queues and sites are changed under ``_changed`` only."""

    def __init__(self, forward: Forward, batch_size: int, threads: int) -> None:
        self.batch_size = batch_size
        self.threads = threads
        #: What ended the model's thread, other than the errors of sites.
        self.defect: BaseException | None = None
        self._forward = forward
        self._stop = threading.Event()
        self._changed = threading.Condition()
        #: Sites of which more is to come, in order. The first has its turn.
        self._queue: deque[_Site] = deque()
        self._closed = False
        # Inputs that are prepared and not taken: how many there are, and how many may be.
        self._ready = 0
        self._most_ready = batch_size + threads
        self._remarks: list[str] = []
        self._halved = False

    # Called by the caller's thread.

    def open(self, task: TaskOrError[SiteWork]) -> _Site:
        """Take up a task; one without work is settled at once."""
        site = _Site(task)
        if isinstance(task, SiteError):
            self._settle(site, failure(task))
            return site
        with self._changed:
            self._queue.append(site)
            self._changed.notify_all()
        return site

    def close(self) -> None:
        """Say that there are no more tasks."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def end(self) -> None:
        """Bring every thread to its end."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def remarks(self) -> list[str]:
        """What the model's thread has to say to the user."""
        with self._changed:
            told, self._remarks = self._remarks, []
        return told

    # Called by the preparing threads.

    def prepare(self, site: _Site) -> None:
        """Work through the items of a site."""
        if self._stop.is_set():
            return
        try:
            items = site.work().items(self._stop)
            try:
                for item in items:
                    if not self._put(site, item):
                        return
            finally:
                close = getattr(items, "close", None)
                if close is not None:
                    close()
        except Cancelled:
            self._settle(site, None)
        except Exception as error:  # noqa: BLE001 - one site must not cost the results of the others
            self._settle(site, failure(as_site_error(error)))
        finally:
            with self._changed:
                site.open = False
                self._changed.notify_all()

    def _put(self, site: _Site, item: np.ndarray) -> bool:
        """Hand over an input as soon as there is room; False where nobody wants it any more."""
        with self._changed:
            while not (self._stop.is_set() or site.settled or self._has_room(site)):
                self._changed.wait()
            if self._stop.is_set() or site.settled:
                return False
            site.inputs.append(item)
            self._ready += 1
            self._changed.notify_all()
            return True

    def _has_room(self, site: _Site) -> bool:
        # The others may have filled the room while the model waits for just this site.
        has_turn = bool(self._queue) and self._queue[0] is site
        return self._ready < self._most_ready or (has_turn and len(site.inputs) < self.batch_size)

    # Called by the model's thread.

    def compute(self) -> None:
        """Run batches until there are no more."""
        try:
            while True:
                batch, ended = self._take()
                if not batch and not ended:
                    return
                self._compute_batch(batch)
                for site in ended:
                    self._finish(site)
        except BaseException as error:  # noqa: BLE001 - without its model's thread the run would wait for ever
            self.defect = error
            self.end()

    def _take(self) -> tuple[list[tuple[_Site, np.ndarray]], list[_Site]]:
        """The next batch, and the sites that end with it. Both are empty when all is done."""
        batch: list[tuple[_Site, np.ndarray]] = []
        ended: list[_Site] = []
        deadline = 0.0
        with self._changed:
            while not self._stop.is_set():
                before = len(batch)
                self._fill(batch, ended)
                if len(batch) >= self.batch_size or (ended and not batch):
                    break
                if self._closed and not self._queue:
                    break
                if batch and not before:
                    deadline = time.monotonic() + _PATIENCE
                left = deadline - time.monotonic() if batch else None
                if left is not None and left <= 0.0:
                    break
                self._changed.wait(left)
            else:
                return [], []
            self._changed.notify_all()
        return batch, ended

    def _fill(self, batch: list[tuple[_Site, np.ndarray]], ended: list[_Site]) -> None:
        while self._queue and len(batch) < self.batch_size:
            site = self._queue[0]
            while site.inputs and len(batch) < self.batch_size:
                batch.append((site, site.inputs.popleft()))
                self._ready -= 1
            if site.inputs or (site.open and not site.settled):
                return
            self._queue.popleft()
            ended.append(site)
            # Who was waiting for room may have the turn now.
            self._changed.notify_all()

    def _compute_batch(self, batch: list[tuple[_Site, np.ndarray]]) -> None:
        wanted = [(site, item) for site, item in batch if not site.settled]
        outputs = self._outputs([item for _, item in wanted])
        for (site, _), output in zip(wanted, outputs):
            if site.settled:
                continue
            try:
                if isinstance(output, SiteError):
                    raise output
                site.work().add(output)
            except Exception as error:  # noqa: BLE001 - as above
                self._settle(site, failure(as_site_error(error)))

    def _outputs(self, items: Sequence[np.ndarray]) -> list[Any]:
        """The model's output of each item, or the SiteError that it met."""
        outputs: list[Any] = []
        while len(outputs) < len(items) and not self._stop.is_set():
            part = items[len(outputs) : len(outputs) + self.batch_size]
            found, error, memory = self._attempt(part)
            if error is None:
                outputs.extend(found)
            elif len(part) == 1:
                outputs.append(error)
            elif memory:
                self._halve(len(part))
            else:
                for item in part:
                    if self._stop.is_set():
                        break
                    found, error, _ = self._attempt([item])
                    outputs.extend(found if error is None else [error])
        return outputs

    def _attempt(self, part: Sequence[np.ndarray]) -> tuple[Any, SiteError | None, bool]:
        """Outputs, or an error and whether it is a lack of memory. The error itself is let go, with its tensors."""
        try:
            outputs = self._forward(part)
            if len(outputs) != len(part):
                raise ValueError(f"the model gave {len(outputs)} outputs for {len(part)} inputs")
        except Exception as error:  # noqa: BLE001 - as above
            memory = out_of_memory(error)
            return (), as_site_error(MemoryError() if memory else error), memory
        return outputs, None, False

    def _halve(self, size: int) -> None:
        with self._changed:
            self.batch_size = max(1, size // 2)
            if not self._halved:
                self._halved = True
                self._remarks.append(
                    f"There was not enough memory for {size} items at once: smaller batches are computed from here on."
                )

    def _finish(self, site: _Site) -> None:
        if site.settled or self._stop.is_set():
            return
        try:
            self._settle(site, site.work().result())
        except Exception as error:  # noqa: BLE001 - as above
            self._settle(site, failure(as_site_error(error)))

    def _settle(self, site: _Site, outcome: SiteResult | None) -> None:
        """Give a site its result; the first counts. None where the run ends before it has one."""
        with self._changed:
            if site.settled:
                return
            site.outcome = outcome
            self._ready -= len(site.inputs)
            site.inputs.clear()
            site.done.set()
            self._changed.notify_all()
