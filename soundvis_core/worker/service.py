"""What the worker does: one job from standard input, a line per result."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import TextIO

from ..dependencies import PACKAGES
from ..errors import Cancelled, SoundVisError
from .protocol import decode_request, encode_result

#: The packages that jobs use, by import name.
USED = ("numpy", "scipy", "soundfile", "av", "PIL")


class ParentProgress:
    """Sends the log to the parent. Cancelling is done by ending this process."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._parent = os.getppid()

    def report(self, fraction: float) -> None:
        """Nothing: the parent counts results."""

    def info(self, text: str) -> None:
        """Send a line of the log."""
        answer(self._answers, info=text)

    def warn(self, text: str) -> None:
        """Send a warning."""
        answer(self._answers, warn=text)

    def cancelled(self) -> bool:
        """Whether the parent is gone: an orphan has nobody to work for."""
        return os.getppid() != self._parent


def answer(answers: TextIO, **message: object) -> None:
    """Write one line of the protocol."""
    answers.write(json.dumps(message) + "\n")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that jobs need; empty text where one is missing."""
    found = {"python": platform.python_version()}
    for package in (PACKAGES[module] for module in USED):
        try:
            found[package.pypi] = metadata.version(package.pypi)
        except metadata.PackageNotFoundError:
            found[package.pypi] = ""
    return found


def main(arguments: Sequence[str], answers: TextIO) -> int:
    """Run the job that the parent sends. The exit code is 0 where every site got a result."""
    if "--versions" in arguments:
        answers.write(json.dumps(versions()))
        answers.flush()
        return 0
    # Jobs need numpy; what is missing has to be told without it.
    from ..jobs import run_job

    answer(answers, ready=platform.python_version())
    line = sys.stdin.readline()
    if not line:
        return 0
    try:
        name, options, paths = decode_request(line)
        for result in run_job(name, options, paths, ParentProgress(answers)):
            answer(answers, result=encode_result(result))
    except SoundVisError as error:
        answer(answers, error=str(error))
        return 1
    except (Cancelled, BrokenPipeError):
        return 1
    answer(answers, done=True)
    return 0
