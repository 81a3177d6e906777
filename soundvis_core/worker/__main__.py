"""``python soundvis_core/worker/__main__.py``: reads one job from standard input, answers on standard output."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Libraries print what they like; only protocol lines may reach the parent.
_answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
os.dup2(2, 1)

# The parent starts this file by its path, so that no folder has to be on the search path of other programs.
if __package__ in (None, ""):
    sys.path.append(str(Path(__file__).resolve().parent.parent.parent))


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that jobs need; empty text where one is missing."""
    import platform
    from importlib import metadata

    from soundvis_core.dependencies import PACKAGES

    found = {"python": platform.python_version()}
    for package in PACKAGES.values():
        try:
            found[package.pypi] = metadata.version(package.pypi)
        except metadata.PackageNotFoundError:
            found[package.pypi] = ""
    return found


def main() -> int:
    """Run the job that the parent sends. The exit code is 0 where every site got a result."""
    import json
    import platform

    from soundvis_core.errors import Cancelled, SoundVisError
    from soundvis_core.jobs import run_job
    from soundvis_core.worker.protocol import decode_request, encode_result

    def answer(**message: object) -> None:
        _answers.write(json.dumps(message) + "\n")

    class ParentProgress:
        """Sends the log to the parent. Cancelling is done by ending this process."""

        def report(self, fraction: float) -> None:
            return None

        def info(self, text: str) -> None:
            answer(info=text)

        def warn(self, text: str) -> None:
            answer(warn=text)

        def cancelled(self) -> bool:
            # An orphan has nobody to work for.
            return os.getppid() != parent

    if "--versions" in sys.argv:
        _answers.write(json.dumps(versions()))
        _answers.flush()
        return 0
    parent = os.getppid()
    answer(ready=platform.python_version())
    line = sys.stdin.readline()
    if not line:
        return 0
    try:
        name, options, paths = decode_request(line)
        for result in run_job(name, options, paths, ParentProgress()):
            answer(result=encode_result(result))
    except SoundVisError as error:
        answer(error=str(error))
        return 1
    except (Cancelled, BrokenPipeError):
        return 1
    answer(done=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
