"""Runs a job in a worker process. The only module that starts programs."""

from __future__ import annotations

import json
import queue
import subprocess  # nosec B404 - the worker is started from a fixed list of arguments, without a shell
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import soundvis_core
from soundvis_core.errors import SoundVisError
from soundvis_core.pipeline import SiteResult, TaskOrError
from soundvis_core.progress import Progress, check_cancelled
from soundvis_core.worker.protocol import decode_result, encode_request

from .environment import child_environment

_WORKER = Path(soundvis_core.__file__).resolve().parent / "worker" / "__main__.py"
_POLL = 0.1
#: How long a worker may take to end after it was asked to, in seconds, before it is killed.
_PATIENCE = 1.0
#: How long a Python may take to tell its versions, in seconds; nobody can cancel that.
_ANSWER = 20
_LAST_LINES = 15


class WorkerError(SoundVisError):
    """The worker ended before its work was done."""


def run_in_worker(
    python: str, job: str, options: dict[str, Any], paths: Iterable[TaskOrError[str]], progress: Progress
) -> Iterator[SiteResult]:
    """Results of a job, in order, computed by ``python`` in a process of its own.

    Raises WorkerError with the worker's last words where it dies, SoundVisError where the job cannot run,
    Cancelled where the user cancels; the process is gone in every case.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  # nosec B603 - a fixed list of arguments, no shell
            [python, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(),
            encoding="utf-8",
            errors="replace",
            creationflags=_no_window(),
        )
    except OSError as error:
        raise WorkerError(
            f"The worker could not be started with {python}: {error}. Check the environment."
        ) from error
    lines: queue.Queue[str | None] = queue.Queue()
    last_words: deque[str] = deque(maxlen=_LAST_LINES)
    threads = [
        threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True),
        threading.Thread(target=_keep_last, args=(process.stderr, last_words), daemon=True),
        threading.Thread(target=_send, args=(process, encode_request(job, options, paths)), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield from _results(python, lines, progress)
    except _Ended as ended:
        # It may live on after it closed its output.
        _end(process, _PATIENCE)
        threads[1].join(timeout=_PATIENCE)
        raise WorkerError(_obituary(process.returncode, list(last_words))) from ended
    finally:
        _end(process)
        for thread in threads:
            thread.join(timeout=_PATIENCE)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def worker_versions(python: str) -> dict[str, str]:
    """Versions of Python and of the packages the worker uses, by name; empty text where one is missing.

    Raises WorkerError where ``python`` cannot be asked.
    """
    try:
        answer = subprocess.run(  # noqa: S603  # nosec B603 - a fixed list of arguments, no shell
            [python, str(_WORKER), "--versions"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=child_environment(),
            encoding="utf-8",
            errors="replace",
            timeout=_ANSWER,
            check=True,
            creationflags=_no_window(),
        )
        return dict(json.loads(answer.stdout))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise WorkerError(
            f"{python} does not answer as SoundVis' worker ({error}). Choose another Python."
        ) from error


def _no_window() -> int:
    """The flag that keeps Windows from opening a console for a program."""
    return subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0


class _Ended(Exception):
    """The worker closed its output before it said that it is done."""


def _results(python: str, lines: queue.Queue[str | None], progress: Progress) -> Iterator[SiteResult]:
    while True:
        check_cancelled(progress)
        try:
            line = lines.get(timeout=_POLL)
        except queue.Empty:
            continue
        if line is None:
            raise _Ended
        message = _message(python, line)
        if "result" in message:
            yield decode_result(message["result"])
        elif "info" in message:
            progress.info(message["info"])
        elif "warn" in message:
            progress.warn(message["warn"])
        elif "error" in message:
            raise SoundVisError(message["error"])
        elif "done" in message:
            return


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


def _read_lines(pipe: Any, lines: queue.Queue[str | None]) -> None:
    for line in pipe:
        lines.put(line)
    lines.put(None)


def _keep_last(pipe: Any, kept: deque[str]) -> None:
    for line in pipe:
        kept.append(line.rstrip())


def _send(process: subprocess.Popen[str], request: str) -> None:
    try:
        if process.stdin is not None:
            process.stdin.write(request + "\n")
            process.stdin.close()
    except OSError:
        # The worker has ended; the reader of its output reports that with its last words.
        return


def _end(process: subprocess.Popen[str], grace: float = 0.0) -> None:
    """End a process that has not ended by itself after ``grace`` seconds."""
    try:
        process.wait(timeout=grace)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _obituary(code: int | None, last_words: list[str]) -> str:
    reason = "It was ended from outside, or ran out of memory." if code is not None and code < 0 else ""
    words = "\n".join(last_words)
    return (
        f"The worker process ended early (exit code {code}). {reason} Run 'Check the environment' to see what "
        f"is missing, or run the tool on fewer sites.\n{words}"
    ).strip()
