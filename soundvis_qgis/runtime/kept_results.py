"""One run of a model in the worker, with what was found before taken from the cache.

Where everything is there, no worker is started.
"""

from __future__ import annotations

import json
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundvis_core.cache import ResultCache, content_key
from soundvis_core.errors import FAILED, SiteError, SoundVisError
from soundvis_core.jobs import JOBS, check_task, key_parameters
from soundvis_core.models.hashing import remembered_sha256
from soundvis_core.models.registry import ModelRow
from soundvis_core.pipeline import LazyTask, SiteResult, TaskOrError
from soundvis_core.progress import Progress, check_cancelled
from soundvis_core.worker.protocol import decode_result, encode_result

from .client import AHEAD, Worker

#: Tasks on their way at once, where they are large.
_AHEAD = {"segment-blocks": 4}
#: Results that wait behind one that is not ready yet, as a multiple of the tasks on their way.
_WAITING = 4
#: What the reasons of sites say that may succeed another time: they are no matter of the file.
_PASSING = ("memory", "python package", "permission")


@dataclass(frozen=True)
class KeptJob:
    """A job of the worker, and where its results are kept (None: nowhere)."""

    python: str
    name: str
    options: Mapping[str, Any]
    row: ModelRow
    fingerprint: str
    cache: ResultCache | None

    def base_key(self) -> str:
        """The part of every key that is the same for all tasks."""
        runtime = self.options.get("runtime") or {}
        return content_key(
            self.name,
            JOBS[self.name].version,
            [self.row.id, self.row.loader, self.row.architecture, self.fingerprint],
            [runtime.get("device"), runtime.get("precision")],
            key_parameters(self.name, self.options),
        )

    @property
    def unit(self) -> str:
        """What a task is called in the log."""
        return "blocks" if self.name == "segment-blocks" else "sites"


@dataclass
class _Slot:
    """The place of one task in the order of results."""

    key: str = ""
    result: SiteResult | None = None


def run_kept(
    job: KeptJob, tasks: Iterable[TaskOrError[Any]], progress: Progress, facts: dict[str, str]
) -> Iterator[SiteResult]:
    """The results of ``job``, in order: those that are kept, and those that the worker finds for the others.

    ``tasks`` is read in the calling thread, a little ahead. ``facts`` gets the device the results were made on. Raises
    what :class:`Worker` raises; a message then says how much is kept.
    """
    run = _Run(job, progress, facts)
    try:
        yield from run.results(iter(tasks))
        run.say_speed()
    except SoundVisError as error:
        raise type(error)(f"{error}\n{run.consolation()}".strip()) from error
    finally:
        run.end()


class _Run:
    def __init__(self, job: KeptJob, progress: Progress, facts: dict[str, str]) -> None:
        self._job = job
        self._progress = progress
        self._facts = facts
        self._base = job.base_key() if job.cache is not None else ""
        self._ahead = _AHEAD.get(job.name, AHEAD)
        self._worker: Worker | None = None
        self._slots: deque[_Slot] = deque()
        self._open: deque[_Slot] = deque()
        self._found = self._made = self._stored = 0
        self._began = time.monotonic()

    def results(self, tasks: Iterator[TaskOrError[Any]]) -> Iterator[SiteResult]:
        exhausted = False
        while not exhausted or self._slots:
            check_cancelled(self._progress)
            took = False
            if not exhausted and self._room():
                try:
                    self._take(next(tasks))
                    took = True
                except StopIteration:
                    exhausted = True
                    if self._worker is not None:
                        self._worker.finish()
            if self._open:
                self._receive(wait=not took)
            while self._slots and self._slots[0].result is not None:
                yield self._slots.popleft().result
        if self._worker is not None:
            self._worker.wait_until_done()

    def _room(self) -> bool:
        if self._worker is None:
            return True
        few = len(self._slots) < _WAITING * self._ahead
        return self._worker.room() and (few or self._worker.hungry)

    def _take(self, task: TaskOrError[Any]) -> None:
        """Give a task its place: a result that is known, or one that the worker will fill."""
        slot = _Slot()
        try:
            if isinstance(task, LazyTask):
                slot.key = self._key(["made from", *task.content])
                slot.result = self._kept(slot.key)
                task = None if slot.result is not None else task.made()
            if isinstance(task, SiteError):
                raise task
            if slot.result is None:
                # No model is loaded to hear that a file is missing.
                check_task(self._job.name, task)
        except SiteError as error:
            slot.result = SiteResult(error.status, str(error))
        else:
            if not slot.key:
                slot.key = self._key(task)
                slot.result = self._kept(slot.key)
        self._slots.append(slot)
        if slot.result is None:
            if self._worker is None:
                self._worker = self._start()
            self._worker.send(task)
            self._open.append(slot)

    def _key(self, task: Any) -> str:
        """What the result of a task is kept under; empty where the file cannot be read, which the worker explains."""
        if self._job.cache is None:
            return ""
        if not isinstance(task, str):
            return content_key(self._base, task)
        try:
            return content_key(self._base, remembered_sha256(Path(task), progress=self._progress))
        except (OSError, ValueError):
            return ""

    def _kept(self, key: str) -> SiteResult | None:
        cache = self._job.cache
        data = cache.get(key) if cache is not None and key else None
        if cache is None or data is None:
            return None
        try:
            message = json.loads(zlib.decompress(data))
            result = decode_result(message["result"])
        except (zlib.error, ValueError, KeyError, TypeError):
            cache.forget(key)
            return None
        self._found += 1
        self._note_device(str(message.get("device", "")))
        return result

    def _start(self) -> Worker:
        self._progress.info(f"Loading the model '{self._job.row.id}' in a process of its own.")
        self._began = time.monotonic()
        return Worker(self._job.python, self._job.name, self._job.options, self._progress, self._ahead)

    def _receive(self, wait: bool) -> None:
        if self._worker is None:
            return
        result = self._worker.receive(wait)
        if result is None:
            return
        slot = self._open.popleft()
        slot.result = result
        self._made += 1
        device = self._worker.model.get("device", "")
        self._note_device(device)
        if self._job.cache is not None and slot.key and _lasting(result):
            message = json.dumps({"result": encode_result(result), "device": device})
            self._stored += self._job.cache.put(slot.key, zlib.compress(message.encode("utf-8"), 1))

    def _note_device(self, device: str) -> None:
        known = self._facts.get("device", "")
        if device and device not in known.split("; "):
            self._facts["device"] = f"{known}; {device}" if known else device

    def say_speed(self) -> None:
        """The last line of a run: what was known, what was made, how fast."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        parts = [f"{self._found} {self._job.unit} from the cache"] if self._found else []
        if self._made:
            speed = f"{self._made / seconds:.2g} per second, loading the model included"
            parts.append(f"{self._made} {self._job.unit} in {seconds:.1f} s ({speed})")
        if parts:
            self._progress.info(f"Model {self._job.row.id}: {', '.join(parts)}.")

    def consolation(self) -> str:
        """What remains of a run that failed."""
        if self._stored == 0:
            return ""
        return (
            f"The results of {self._stored} {self._job.unit} are kept: the next run with the same settings continues "
            "from there."
        )

    def end(self) -> None:
        """End the worker, bring the cache to its size, and say where it could not be written."""
        if self._worker is not None:
            self._worker.end()
        cache = self._job.cache
        if cache is not None:
            cache.prune()
            if cache.problem:
                self._progress.warn(
                    f"Results could not be kept for later runs: {cache.problem}. This run is not affected."
                )


def _lasting(result: SiteResult) -> bool:
    """Whether the same file would give the same result another time."""
    if result.unexpected is not None:
        return False
    return result.status != FAILED or not any(word in result.reason.lower() for word in _PASSING)
