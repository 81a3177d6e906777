"""Talks to the worker process: tasks go in one by one, results come back in order."""

from __future__ import annotations

import json
import os
import queue
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import soundvis_core
from soundvis_core.errors import SoundVisError
from soundvis_core.pipeline import SiteResult, TaskOrError
from soundvis_core.progress import Progress, check_cancelled
from soundvis_core.worker.protocol import END, decode_result, encode_request, encode_task

from .environment import child_environment
from .programs import PATIENCE, POLL, Program, ProgramError, ask_program

_WORKER = Path(soundvis_core.__file__).resolve().parent / "worker" / "__main__.py"
#: Tasks on their way at once: paths are short and features are read quickly.
AHEAD = 64
#: How long a Python may take to tell its versions, in seconds; nobody can cancel that.
_ANSWER = 20.0
#: The one job that asks a server for something.
_ONLINE = "download-models"
#: What a program that was ended for want of memory leaves: Linux kills it with signal 9, as a shell reports it.
_KILLED = (-9, 137)

#: Versions told by a Python that had all it was asked for: a change would only add.
_told: dict[tuple[str, int, tuple[str, ...]], dict[str, str]] = {}


class WorkerError(SoundVisError):
    """The worker ended before its work was done."""


class Worker:
    """A worker process at one job. The caller sends tasks while there is :meth:`room`, and receives results."""

    def __init__(
        self,
        python: str,
        job: str,
        options: Mapping[str, Any],
        progress: Progress,
        ahead: int = AHEAD,
    ) -> None:
        """Start ``python`` on ``job``. Raises WorkerError where it cannot be started."""
        self._python = python
        self._progress = progress
        self._ahead = ahead
        self._allowed = ahead
        self._on_way = 0
        self._complete = False
        self._done = False
        self._results: deque[SiteResult] = deque()
        #: Whether the worker waited for a task since the last one was sent.
        self.hungry = False
        #: What runs, as the worker said: model, revision, device. Empty before it did, and for light models.
        self.model: dict[str, str] = {}
        try:
            self._program = Program([python, str(_WORKER)], child_environment(offline=job != _ONLINE))
        except ProgramError as error:
            raise WorkerError(
                f"The worker could not be started with {python}: {error}. Check the environment, or choose another "
                "Python in the settings of SoundVis."
            ) from error
        self._program.send(encode_request(job, options))

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._program.pid

    def room(self) -> bool:
        """Whether another task may be sent now."""
        return not self._complete and self._on_way < self._allowed

    def send(self, task: TaskOrError[Any]) -> None:
        """Put a task on its way. Does not wait."""
        self._on_way += 1
        self.hungry = False
        self._program.send(encode_task(task))

    def finish(self) -> None:
        """Say that there are no more tasks."""
        if not self._complete:
            self._complete = True
            self._program.send(END)

    def receive(self, wait: bool) -> SiteResult | None:
        """The next result; None where there is none yet, with ``wait`` after a moment, or when the job is done.

        Raises WorkerError with the worker's last words where it died, SoundVisError where the job cannot run.
        """
        seconds = POLL if wait else 0.0
        while not self._results and self._listen(seconds):
            seconds = 0.0
        return self._results.popleft() if self._results else None

    def wait_until_done(self) -> None:
        """Wait until the worker says that it has done all. Raises as :meth:`receive`, and Cancelled."""
        while not self._done:
            check_cancelled(self._progress)
            self._listen(POLL)

    def _listen(self, seconds: float) -> bool:
        """Take in a message; False where none came within ``seconds``, or none will come."""
        if self._done:
            return False
        try:
            line = self._program.lines.get(timeout=seconds) if seconds else self._program.lines.get_nowait()
        except queue.Empty:
            return False
        if line is None:
            raise WorkerError(self._obituary())
        self._take(_message(self._python, line))
        return True

    def end(self) -> None:
        """End the process, if it has not ended, with all that it started."""
        self._program.end()

    def _take(self, message: dict[str, Any]) -> None:
        if "result" in message:
            self._on_way -= 1
            self._results.append(decode_result(message["result"]))
        elif "more" in message:
            self.hungry = True
            # A batch is larger than what was thought to be enough, unless this was said before the last task arrived.
            if self._on_way >= self._allowed:
                self._allowed += self._ahead
        elif "report" in message:
            self._progress.report(message["report"])
        elif "model" in message:
            self.model = dict(message["model"])
        elif "info" in message:
            self._progress.info(message["info"])
        elif "warn" in message:
            self._progress.warn(message["warn"])
        elif "error" in message:
            raise SoundVisError(message["error"])
        elif "done" in message:
            self._done = True

    def _obituary(self) -> str:
        # It may live on after it closed its output.
        code = self._program.end(PATIENCE)
        words = list(self._program.last_words)
        text = "\n".join(words)
        lowered = text.lower()
        if code in _KILLED or "memoryerror" in lowered or "out of memory" in lowered:
            reason = (
                "It was ended from outside, or ran out of memory. Close other programs, choose a smaller batch size in "
                "the settings of SoundVis, or choose the light model."
            )
        elif code < 0:
            reason = f"It was ended from outside (signal {-code}). Run the tool again."
        elif "modulenotfounderror" in lowered or "importerror" in lowered:
            reason = (
                "Its Python lacks a package or has one that is broken. Run 'Set up the environment', or choose the "
                "light model."
            )
        else:
            reason = "Run 'Check the environment' to see what is missing, or run the tool on fewer sites."
        return f"The worker process ended early (exit code {code}). {reason}\n{text}".strip()


def run_in_worker(
    python: str,
    job: str,
    options: Mapping[str, Any],
    tasks: Iterable[TaskOrError[Any]],
    progress: Progress,
    ahead: int = AHEAD,
) -> Iterator[SiteResult]:
    """Results of a job, in order, computed by ``python`` in a process of its own.

    ``tasks`` is read in the calling thread, at most ``ahead`` tasks ahead (more where the worker cannot go on
    without). Raises WorkerError with the worker's last words where it dies, SoundVisError where the job cannot run,
    Cancelled where the user cancels; the process is gone in every case.
    """
    worker = Worker(python, job, options, progress, ahead)
    coming = iter(tasks)
    waited_for = 0
    exhausted = False
    try:
        while not exhausted or waited_for:
            check_cancelled(progress)
            sent = False
            if not exhausted and worker.room():
                try:
                    worker.send(next(coming))
                    waited_for += 1
                    sent = True
                except StopIteration:
                    exhausted = True
                    worker.finish()
            result = worker.receive(wait=not sent and waited_for > 0)
            if result is not None:
                waited_for -= 1
                yield result
        worker.wait_until_done()
    finally:
        worker.end()


def worker_versions(python: str, further: Sequence[str] = ()) -> dict[str, str]:
    """Versions of Python and of the packages the worker uses, by name; empty text where one is missing.

    ``further``: names on PyPI of packages to ask for as well. What was complete is not asked again in this session.
    Raises WorkerError where ``python`` cannot be asked.
    """
    try:
        asked = python, os.stat(python).st_mtime_ns, tuple(further)
        if asked not in _told:
            answer = ask_program(
                [python, str(_WORKER), "--versions", *further], child_environment(), timeout=_ANSWER
            )
            versions = {str(name): str(version) for name, version in dict(json.loads(answer)).items()}
            if not all(versions.values()):
                return versions
            _told[asked] = versions
        return dict(_told[asked])
    except (OSError, SoundVisError, ValueError, TypeError) as error:
        raise WorkerError(
            f"{python} does not answer as SoundVis' worker ({error}). Choose another Python."
        ) from error


def _message(python: str, line: str) -> dict[str, Any]:
    """One line of the worker. Raises WorkerError where it is something else, as from a program that is no Python."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise WorkerError(
            f"{python} does not answer as SoundVis' worker, but: {line.strip()[:200]}. Choose another Python."
        )
    return message
