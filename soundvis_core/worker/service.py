"""What the worker does: one job from standard input, a line per result."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import queue
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any, TextIO

from ..dependencies import PACKAGES
from ..errors import Cancelled, SoundVisError
from ..pipeline import TaskOrError
from .protocol import decode_request, decode_task, encode_result

#: The packages that jobs use, by import name.
USED = ("numpy", "scipy", "soundfile", "av", "PIL")
#: How often a worker that waits for a task says so, in seconds.
_ASK_AGAIN = 0.25
#: The exit code where the parent went away.
_ALONE = 4


class Answers:
    """The way to the parent: one line per message, from any thread."""

    def __init__(self, channel: TextIO) -> None:
        self._channel = channel
        self._lock = threading.Lock()

    def say(self, **message: object) -> None:
        """Write one line of the protocol. Raises Cancelled where the parent does not listen any more."""
        line = json.dumps(message) + "\n"
        try:
            with self._lock:
                self._channel.write(line)
                self._channel.flush()
        except OSError as error:  # a broken pipe, which Windows calls an invalid argument
            raise Cancelled from error


class ParentProgress:
    """Sends the log to the parent. Cancelling is done by ending this process."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._parent = os.getppid()

    def report(self, fraction: float) -> None:
        """Send how far a job without tasks has come; of the others the parent counts results."""
        self._answers.say(report=fraction)

    def info(self, text: str) -> None:
        """Send a line of the log."""
        self._answers.say(info=text)

    def warn(self, text: str) -> None:
        """Send a warning."""
        self._answers.say(warn=text)

    def model(self, facts: Mapping[str, str]) -> None:
        """Send what runs: id, revision, device, dtype."""
        self._answers.say(model=dict(facts))

    def cancelled(self) -> bool:
        """Whether the parent is gone: an orphan has nobody to work for."""
        return os.getppid() != self._parent


class TaskStream:
    """The tasks, as the parent sends them. A thread reads; iterate in any one thread.

    Input stays open for as long as the parent lives, after the last task, too: where it ends before :meth:`close`, the
    process ends. That is how an orphan learns of it on Windows, where the id of the parent does not change.
    """

    def __init__(self, lines: Iterator[str], answers: Answers) -> None:
        self._lines = lines
        self._answers = answers
        self._tasks: queue.Queue[TaskOrError[Any] | None] = queue.Queue()
        self._closed = False
        threading.Thread(target=self._read, daemon=True, name="soundvis-tasks").start()

    def close(self) -> None:
        """Nothing more is expected of the parent; it may end the input."""
        self._closed = True

    def __iter__(self) -> Iterator[TaskOrError[Any]]:
        while True:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                # The parent sends no more than it holds to be enough; a large batch may need more.
                self._answers.say(more=True)
                try:
                    task = self._tasks.get(timeout=_ASK_AGAIN)
                except queue.Empty:
                    continue
            if task is None:
                return
            yield task

    def _read(self) -> None:
        try:
            for line in self._lines:
                message = json.loads(line)
                self._tasks.put(None if "end" in message else decode_task(message))
        except Exception as error:  # noqa: BLE001 - half a line of a parent that died, or a task beyond the memory
            _last_words(error)
        finally:
            # Nobody waits for anything, so nothing is tidied up.
            if not self._closed:
                os._exit(_ALONE)


def _last_words(error: BaseException) -> None:
    """Name an error where a parent that lives would look for it."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()


def input_lines(descriptor: int = 0) -> Iterator[str]:
    """The lines of standard input; one that is cut off at the end is none.

    Not through sys.stdin: a thread that waits in there would keep the interpreter from shutting down.
    """
    parts: list[bytes] = []
    while chunk := os.read(descriptor, 1 << 20):
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join((*parts, line)).decode("utf-8")
            parts.clear()
        parts.append(rest)


def versions(further: Sequence[str] = ()) -> dict[str, str]:
    """Versions of Python and of the packages that jobs need, by their names on PyPI; empty where one is missing.

    ``further``: names on PyPI of packages to tell as well. Nothing is imported.
    """
    found = {"python": platform.python_version()}
    for name in (*(PACKAGES[module].pypi for module in USED), *further):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found


def main(arguments: Sequence[str], channel: TextIO) -> int:
    """Run the job that the parent sends. The exit code is 0 where every site got a result."""
    if "--versions" in arguments:
        channel.write(json.dumps(versions(arguments[arguments.index("--versions") + 1 :])))
        channel.flush()
        return 0
    if "--self-check" in arguments:
        from .self_check import self_check

        channel.write(json.dumps({"self_check": self_check()}) + "\n")
        channel.flush()
        return 0
    answers = Answers(channel)
    try:
        answers.say(ready=platform.python_version())
        lines = input_lines()
        line = next(lines, "")
        return _run(line, lines, answers) if line else 0
    except Cancelled:
        return 1


def _run(request: str, lines: Iterator[str], answers: Answers) -> int:
    """Run the job of ``request``. Raises Cancelled where the parent does not listen any more."""
    # Jobs need numpy; what is missing has to be told without it.
    from ..jobs import run_job

    name, options = decode_request(request)
    tasks = TaskStream(lines, answers)
    try:
        for result in run_job(name, options, tasks, ParentProgress(answers)):
            answers.say(result=encode_result(result))
    except SoundVisError as error:
        answers.say(error=str(error))
        return 1
    except Exception as error:
        from ..models.device import out_of_memory

        if not out_of_memory(error):
            raise
        answers.say(error=OUT_OF_MEMORY.format(error=_short(error)))
        return 1
    tasks.close()
    answers.say(done=True)
    return 0


#: What to do where memory was not enough.
OUT_OF_MEMORY = (
    "There was not enough memory for the model ({error}). Close other programs, choose a smaller batch size or the "
    "device 'cpu' in the settings of SoundVis, or choose the light model."
)


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
