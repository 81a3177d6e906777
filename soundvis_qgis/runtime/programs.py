"""Starts and ends programs. The only module that does.

Each program gets a process group of its own, so that what it starts in turn ends with it.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess  # nosec B404 - programs are started from fixed lists of arguments, never through a shell
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from soundvis_core.errors import Cancelled, SoundVisError

#: How often a waiting run looks whether it was cancelled, in seconds.
POLL = 0.1
#: How long a program may take to end after it was asked to, in seconds, before it is killed.
PATIENCE = 0.7
_LAST_LINES = 15
_WINDOWS = sys.platform == "win32"


class ProgramError(SoundVisError):
    """A program could not be started, or did not end in time."""


class Program:
    """A running program. Its lines come through :attr:`lines`; None there means that it closed its output.

    lines: standard output (with standard error where ``merge``), without line ends. last_words: the last lines
    of standard error, or of both.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str] | None = None, merge: bool = False
    ) -> None:
        """Start ``arguments``. Raises ProgramError where that is not possible."""
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.last_words: deque[str] = deque(maxlen=_LAST_LINES)
        self._outgoing: queue.Queue[str | None] = queue.Queue()
        self._ended = False
        try:
            self._process = subprocess.Popen(  # noqa: S603  # nosec B603 - a list of arguments, no shell
                list(arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merge else subprocess.PIPE,
                env=None if environment is None else dict(environment),
                encoding="utf-8",
                errors="replace",
                **_apart(),
            )
        except (OSError, ValueError) as error:
            raise ProgramError(f"{arguments[0]} could not be started: {error}") from error
        jobs: list[tuple[Callable[..., None], Any]] = [
            (self._read, merge),
            (self._write, self._process.stdin),
        ]
        if not merge:
            jobs.append((self._remember, self._process.stderr))
        self._threads = [
            threading.Thread(
                target=work, args=(argument,), daemon=True, name=f"soundvis-program{work.__name__}"
            )
            for work, argument in jobs
        ]
        for thread in self._threads:
            thread.start()

    @property
    def returncode(self) -> int | None:
        """The exit code; None while the program runs."""
        return self._process.returncode

    @property
    def pid(self) -> int:
        """The id of the process, which is also that of its group."""
        return self._process.pid

    def send(self, line: str) -> None:
        """Put a line on the way to standard input. Never waits: a thread writes it."""
        self._outgoing.put(line)

    def close_input(self) -> None:
        """Close standard input once all lines are written."""
        self._outgoing.put(None)

    def end(self, grace: float = 0.0) -> int:
        """The exit code. What has not ended by itself after ``grace`` seconds is ended, with all that it started."""
        if not self._ended:
            self._ended = True
            self.close_input()
            if not self._waited(grace):
                self._ask()
                if not self._waited(PATIENCE):
                    self._kill()
                    self._process.wait()
            # What it started may have outlived it.
            self._kill()
            for thread in self._threads:
                thread.join(timeout=PATIENCE)
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
        return int(self._process.returncode)

    def _waited(self, seconds: float) -> bool:
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _ask(self) -> None:
        """Ask the group to end. Windows knows no such request for programs without a window."""
        if _WINDOWS:
            self._kill()
        else:
            self._signal(signal.SIGTERM)

    def _kill(self) -> None:
        if not _WINDOWS:
            self._signal(signal.SIGKILL)
        elif self._process.returncode is None:
            _taskkill(self._process.pid)
            self._process.kill()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):  # nobody is left, or on macOS only the dead are
            return

    def _read(self, merged: bool) -> None:
        for line in _lines(self._process.stdout):
            if merged:
                self.last_words.append(line)
            self.lines.put(line)
        self.lines.put(None)

    def _remember(self, pipe: IO[str]) -> None:
        for line in _lines(pipe):
            self.last_words.append(line)

    def _write(self, pipe: IO[str]) -> None:
        try:
            while (line := self._outgoing.get()) is not None:
                pipe.write(line + "\n")
                pipe.flush()
        except (OSError, ValueError):
            # The program has ended; whoever reads its output learns that.
            pass
        finally:
            _close(pipe)


def run_program(
    arguments: Sequence[str],
    on_line: Callable[[str], None] = lambda _line: None,
    cancelled: Callable[[], bool] = lambda: False,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> int:
    """Run a program to its end; ``on_line`` gets each line of its output as it comes, in the calling thread.

    A carriage return ends a line too (progress bars). Standard input is empty. Returns the exit code. Raises
    Cancelled where ``cancelled`` turns true, ProgramError where the program cannot be started or takes longer
    than ``timeout`` seconds; it is gone then, with all that it started.
    """
    program = Program(arguments, environment, merge=True)
    until = None if timeout is None else time.monotonic() + timeout
    program.close_input()
    try:
        while True:
            if cancelled():
                raise Cancelled
            if until is not None and time.monotonic() > until:
                raise ProgramError(f"{arguments[0]} did not end within {timeout:g} seconds and was ended.")
            try:
                line = program.lines.get(timeout=POLL)
            except queue.Empty:
                continue
            if line is None:
                break
            on_line(line)
        return program.end(PATIENCE)
    finally:
        program.end()


def ask_program(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None, timeout: float = 20.0
) -> str:
    """What a program writes to its standard output.

    Raises ProgramError with its last words where it fails, cannot be started, or takes longer than ``timeout``
    seconds.
    """
    program = Program(arguments, environment)
    until = time.monotonic() + timeout
    program.close_input()
    lines = []
    try:
        while (line := program.lines.get(timeout=max(0.0, until - time.monotonic()))) is not None:
            lines.append(line)
        code = program.end(PATIENCE)
    except queue.Empty:
        raise ProgramError(f"{arguments[0]} did not answer within {timeout:g} seconds.") from None
    finally:
        program.end()
    if code != 0:
        words = "; ".join(program.last_words)[-500:]
        raise ProgramError(f"{arguments[0]} ended with exit code {code}. {words}".strip())
    return "\n".join(lines)


def _lines(pipe: IO[str] | None) -> Any:
    """The lines of a pipe until it is closed, from either side."""
    try:
        for line in pipe or ():
            yield line.rstrip("\n")
    except (OSError, ValueError):
        return


def _close(pipe: IO[str]) -> None:
    try:
        pipe.close()
    except OSError:  # what was still to be written has nobody to read it
        return


def _apart() -> dict[str, Any]:
    """How a program gets a group of its own, and no console of its own on Windows."""
    if _WINDOWS:
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _taskkill(pid: int) -> None:
    """End a process and all that it started, on Windows."""
    program = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
    try:
        subprocess.run(  # noqa: S603  # nosec B603 - a fixed program of the system and a number
            [program, "/F", "/T", "/PID", str(pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
            **_apart(),
        )
    except (OSError, subprocess.SubprocessError):
        return
