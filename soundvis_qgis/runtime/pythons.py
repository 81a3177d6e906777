"""What this computer has to make an environment with: Pythons, uv, an NVIDIA driver."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .environment import child_environment
from .programs import ProgramError, ask_program
from .recipe import Recipe

# Asked of every candidate: an environment needs all of these modules from the Python below it.
_QUESTION = (
    "import ctypes, ensurepip, json, ssl, struct, sys, venv; "
    "print(json.dumps([list(sys.version_info[:3]), struct.calcsize('P') * 8, sys.prefix != sys.base_prefix]))"
)
_PATIENCE = 15.0
_MACOS_FOLDERS = ("/opt/homebrew/bin", "/usr/local/bin")
_FRAMEWORK = "/Library/Frameworks/Python.framework/Versions"


@dataclass(frozen=True)
class BasePython:
    """A Python that environments can be made from."""

    path: str
    version: tuple[int, int, int]

    def describe(self) -> str:
        """Version and path, for the log."""
        return f"Python {'.'.join(map(str, self.version))} ({self.path})"


def find_base_python(recipe: Recipe, ask: Callable[[str], str] | None = None) -> BasePython | None:
    """The first Python of this computer that an environment can be made from; None where there is none.

    The executable of QGIS is no Python on Windows and macOS: every candidate is asked for its version.
    """
    ask = ask or _ask
    for path in candidates(recipe):
        try:
            version, bits, _virtual = json.loads(ask(path).strip().splitlines()[-1])
        except (ProgramError, ValueError, IndexError, TypeError):
            continue
        if bits == 64 and recipe.oldest <= tuple(version[:2]) <= recipe.newest:
            return BasePython(path, (version[0], version[1], version[2]))
    return None


def _ask(path: str) -> str:
    return ask_program([path, "-c", _QUESTION], child_environment(), _PATIENCE)


def candidates(recipe: Recipe) -> Iterator[str]:
    """Files that may be a Python, the likeliest first, each once."""
    seen = set()
    for path in _possible(recipe):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            real = os.path.normcase(os.path.abspath(path))
            if real not in seen:
                seen.add(real)
                yield path


def _possible(recipe: Recipe) -> Iterator[str]:
    prefixes = dict.fromkeys((sys.base_exec_prefix, sys.exec_prefix, sys.base_prefix))
    newest_first = range(recipe.newest[1], recipe.oldest[1] - 1, -1)
    if sys.platform == "win32":
        # OSGeo4W and the installer of QGIS keep Python in apps/Python3xx, the folder that sys.exec_prefix names.
        for prefix in prefixes:
            yield os.path.join(prefix, "python.exe")
        for minor in newest_first:
            for root in (os.environ.get("LOCALAPPDATA", ""), os.environ.get("PROGRAMFILES", "")):
                if root:
                    yield os.path.join(root, "Programs", "Python", f"Python3{minor}", "python.exe")
                    yield os.path.join(root, f"Python3{minor}", "python.exe")
        yield from filter(None, (shutil.which("python"), shutil.which("python3")))
        return
    for prefix in prefixes:
        yield os.path.join(prefix, "bin", "python3")
    names = ["python3", *(f"python3.{minor}" for minor in newest_first)]
    for name in names:
        yield from filter(None, (shutil.which(name, path=child_environment()["PATH"]),))
    if sys.platform == "darwin":
        for minor in newest_first:
            yield f"{_FRAMEWORK}/3.{minor}/bin/python3"
        for folder in _MACOS_FOLDERS:
            yield from (os.path.join(folder, name) for name in names)


def find_uv() -> str | None:
    """uv, on PATH or where its installers put it; None where it is not."""
    name = "uv.exe" if sys.platform == "win32" else "uv"
    places = [Path.home() / ".local" / "bin", Path.home() / ".cargo" / "bin"]
    if sys.platform == "darwin":
        places += [Path(folder) for folder in _MACOS_FOLDERS]
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        places.append(Path(os.environ["LOCALAPPDATA"]) / "Microsoft" / "WinGet" / "Links")
    found = shutil.which("uv") or next((str(p / name) for p in places if p.joinpath(name).is_file()), None)
    if found is None:
        return None
    try:
        ask_program([found, "--version"], child_environment(), _PATIENCE)
    except ProgramError:
        return None
    return found


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU: its name and the major version of its driver."""

    name: str
    driver: int


def find_gpu(ask: Callable[[], str] | None = None) -> Gpu | None:
    """The first NVIDIA GPU, as its driver tells; None where there is no driver."""
    try:
        answer = (ask or _ask_driver)()
        name, driver = answer.strip().splitlines()[0].rsplit(",", 1)
        return Gpu(name.strip(), int(driver.strip().split(".")[0]))
    except (ProgramError, ValueError, IndexError):
        return None


def _ask_driver() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    arguments = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    return ask_program(arguments, child_environment(), _PATIENCE)
