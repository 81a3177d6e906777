"""What making an environment takes: decided, and told, before anything is done."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from soundvis_core.errors import InputError

from .environment import MARKER, STAMP, child_environment, python_of
from .install_errors import InstallError
from .pythons import BasePython, find_base_python, find_gpu, find_uv
from .recipe import Recipe
from .settings import AUTO, CPU, CUDA

#: The Python that uv brings where this computer has none that fits.
BROUGHT = "3.12"


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    folder: of the environment. wheels: an offline folder of packages. index: addresses of package indexes; the first in
    place of PyPI, the others (or the first as well) in place of torch's own. reinstall: make everything anew.
    """

    recipe: Recipe
    folder: Path
    compute: str = AUTO
    wheels: Path | None = None
    index: tuple[str, ...] = ()
    reinstall: bool = False


@dataclass(frozen=True)
class Plan:
    """What will be done. compute: ``cpu`` or ``cuda``. stamp: of the environment that is there and up to date."""

    request: Request
    compute: str
    notes: tuple[str, ...]
    stamp: Mapping[str, Any] | None = None
    base: BasePython | None = None
    uv: str | None = None

    @property
    def folder(self) -> Path:
        """The folder of the environment."""
        return self.request.folder

    @property
    def python(self) -> Path:
        """The Python of the environment."""
        return python_of(self.folder)

    def without_uv(self) -> Plan:
        """The same by venv and pip."""
        return replace(self, uv=None)

    def announcement(self) -> list[str]:
        """What will be installed, how large it is, where: told before."""
        recipe = self.request.recipe
        download, disk = recipe.sizes(self.compute)
        build = recipe.build(self.compute)
        torch, _ = recipe.versions()
        kind = f"for NVIDIA GPUs (CUDA {build.cuda})" if build.cuda else "for the processor"
        if build is recipe.builds.get("mac"):
            kind = "for Macs (processor and Apple GPU)"
        source = f"the folder {self.request.wheels}" if self.request.wheels else "the network"
        maker = "uv" if self.uv else "venv and pip"
        base = self.base.describe() if self.base else f"Python {BROUGHT}, which uv brings"
        return [
            f"What: torch {torch} {kind}, transformers, open_clip and what they need, in tested versions.",
            f"How large: about {_size(download)} from {source}, about {_size(disk)} on disk.",
            f"Where: {self.folder}. QGIS and its own Python are left as they are.",
            f"How: {maker}, from {base}.",
            *self.notes,
        ]


def make_plan(request: Request) -> Plan:
    """Look at the computer and decide.

    Raises InputError where the request cannot be met, InstallError where there is no room or no Python.
    """
    check_folder(request.folder)
    stamp = read_json(request.folder / STAMP)
    compute, notes = choose_compute(request, stamp)
    request.recipe.build(compute)
    if (
        stamp is not None
        and not request.reinstall
        and stamp.get("digest") == request.recipe.digest()
        and stamp.get("compute") == compute
        and os.path.isfile(python_of(request.folder))
    ):
        return Plan(request, compute, notes, stamp)
    _check_room(request, compute)
    base, uv = find_base_python(request.recipe), find_uv()
    if base is None and (uv is None or request.wheels is not None):
        raise InstallError(_no_python(request.recipe))
    return Plan(request, compute, notes, None, base, uv)


def choose_compute(request: Request, stamp: Mapping[str, Any] | None) -> tuple[str, tuple[str, ...]]:
    """``cpu`` or ``cuda``, and sentences on why."""
    if request.compute != AUTO:
        gpu = find_gpu() if request.compute == CUDA else None
        if request.compute == CUDA and gpu is None:
            return CUDA, (
                "No NVIDIA driver answers on this computer; until one does, models run on the processor.",
            )
        return request.compute, ()
    there = stamp if stamp is not None else read_json(request.folder / MARKER)
    if there and there.get("compute") in (CPU, CUDA) and not request.reinstall:
        return there["compute"], ()
    gpu = find_gpu()
    if gpu is None:
        return CPU, ()
    if gpu.driver < request.recipe.cuda_driver:
        return CPU, (
            (
                f"The driver of the {gpu.name} ({gpu.driver}) is older than {request.recipe.cuda_driver}, which "
                "this torch needs: the build for the processor is taken. Update the driver and choose 'cuda' to use "
                "the GPU."
            ),
        )
    return CUDA, (f"Found {gpu.name}: the build for NVIDIA GPUs is taken (choose 'cpu' for a smaller one).",)


def check_folder(folder: Path) -> None:
    """Raise InputError where a folder holds something else than an environment of SoundVis."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file. Choose a folder for the environment.")
    if folder.is_dir() and not folder.joinpath(MARKER).exists() and any(folder.iterdir()):
        raise InputError(
            f"The folder {folder} is not empty and holds no environment that SoundVis made, so nothing in it is "
            "touched. Choose an empty or new folder; or, where it holds a Python that has everything, name that "
            "Python under 'Use this Python instead'."
        )


def read_json(path: Path) -> dict[str, Any] | None:
    """The mapping in a file; None where there is none that can be read."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def installer_environment(request: Request, official: str = "") -> dict[str, str]:
    """The variables of an installer: the worker's, the user's own for pip, QGIS's proxy, and the chosen index.

    ``official``: a further index. pip's settings hold for uv, too, unless uv has its own.
    """
    found = child_environment(offline=False)
    found.update(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PIP_USER="0", PYTHONUNBUFFERED="1")
    extra = found.get("PIP_EXTRA_INDEX_URL", "").split()
    if request.index:
        found["PIP_INDEX_URL"] = request.index[0]
        extra = list(request.index[1:])
        found.pop("UV_DEFAULT_INDEX", None)
        found.pop("UV_INDEX", None)
    if official:
        extra.append(official)
        found.pop("UV_INDEX", None)
    # Set to nothing it would still go before pip's own configuration file.
    found.pop("PIP_EXTRA_INDEX_URL", None)
    if extra:
        found["PIP_EXTRA_INDEX_URL"] = " ".join(extra)
    for ours, theirs in (
        ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
        ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
        ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
        ("PIP_CERT", "SSL_CERT_FILE"),
        ("PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT"),
    ):
        if found.get(ours):
            found.setdefault(theirs, found[ours])
    # Every requirement is exact: which index comes first decides nothing.
    found.update(UV_INDEX_STRATEGY="unsafe-best-match", UV_COMPILE_BYTECODE="1", UV_NO_PROGRESS="1")
    return found


def _check_room(request: Request, compute: str) -> None:
    _, needed = request.recipe.sizes(compute)
    existing = request.folder
    there = 0 if request.reinstall else _used(existing)
    while not existing.exists() and existing.parent != existing:
        existing = existing.parent
    free = shutil.disk_usage(existing).free // 1_000_000
    missing = needed - there - free
    if missing > 0:
        raise InstallError(
            f"The environment takes about {_size(needed)} in {request.folder}, and only {_size(free)} are free on "
            f"that disk. Make room for {_size(missing)} more, or choose a folder on another disk (FOLDER)."
        )


def _used(folder: Path) -> int:
    """Megabytes in a folder."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:  # gone meanwhile
                continue
    return total // 1_000_000


def _size(megabytes: int) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"


def _no_python(recipe: Recipe) -> str:
    oldest, newest = (".".join(map(str, version)) for version in (recipe.oldest, recipe.newest))
    return (
        f"No Python from {oldest} to {newest} (64 bit) that can make environments was found on this computer. On "
        "Debian and Ubuntu: sudo apt-get install python3-venv. On Windows and macOS: install Python from "
        "python.org, or uv from astral.sh/uv, then run this tool again."
    )
