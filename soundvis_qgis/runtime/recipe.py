"""What an environment is made of: the locks that ship with the plugin, and torch's builds."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundvis_core.errors import InputError
from soundvis_core.resources import RESOURCES

from .settings import CPU, CUDA


@dataclass(frozen=True)
class TorchBuild:
    """Where one build of the pair torch and torchvision comes from.

    Either ``lock`` (a file of exact versions and hashes) or ``build`` (the local version, as ``+cpu``) and ``index``
    (the official one that has it). cuda: the CUDA it is made for. Sizes in megabytes.
    """

    lock: str
    build: str
    index: str
    cuda: str
    download_mb: int
    disk_mb: int


@dataclass(frozen=True)
class Recipe:
    """A folder with ``environment.json`` and the locks it names."""

    folder: Path
    oldest: tuple[int, int]
    newest: tuple[int, int]
    packages_lock: Path
    packages_mb: tuple[int, int]
    builds: Mapping[str, TorchBuild]
    cuda_driver: int

    def build(self, compute: str) -> TorchBuild:
        """The build of torch for this system. Raises InputError where there is none."""
        system = sys.platform
        if system == "darwin":
            if platform.machine() != "arm64":
                raise InputError(
                    "There is no present torch for Macs with an Intel processor. Use the light models, or choose a "
                    "Python on this Mac that has all packages ('Use this Python instead')."
                )
            if compute == CUDA:
                raise InputError("A Mac has no CUDA. Choose 'cpu': Apple's GPU is used by the same build.")
            return self.builds["mac"]
        if compute == CPU:
            return self.builds["cpu"]
        return self.builds["cuda-windows" if system == "win32" else "cuda-linux"]

    def torch_lock(self, build: TorchBuild) -> Path | None:
        """The lock of a build; None where it is taken from its own index."""
        return self.folder / build.lock if build.lock else None

    def torch_pair(self, build: TorchBuild) -> tuple[str, str]:
        """The two requirements of a build from its own index.

        torchvision bears no local version: the index' own is the newest of that number, and where only another
        index can be reached, its plain build does (nothing of it is run that depends on the build).
        """
        torch, torchvision = self.versions()
        return f"torch=={torch}{build.build}", f"torchvision=={torchvision}"

    def versions(self) -> tuple[str, str]:
        """The versions of torch and torchvision."""
        text = self.folder.joinpath("torch.lock").read_text("utf-8")
        found = [re.search(rf"^{name}==([\d.]+)", text, re.MULTILINE) for name in ("torch", "torchvision")]
        torch, torchvision = (match.group(1) if match else "" for match in found)
        return torch, torchvision

    def digest(self) -> str:
        """A digest over everything that decides what is installed."""
        whole = hashlib.sha256()
        for path in sorted(self.folder.iterdir()):
            if path.suffix in {".lock", ".json"}:
                # Line ends differ where somebody cloned on Windows.
                whole.update(path.name.encode() + path.read_bytes().replace(b"\r\n", b"\n"))
        return whole.hexdigest()[:16]

    def sizes(self, compute: str) -> tuple[int, int]:
        """Megabytes to download and megabytes on disk."""
        build = self.build(compute)
        return self.packages_mb[0] + build.download_mb, self.packages_mb[1] + build.disk_mb


def shipped_recipe() -> Recipe:
    """The recipe of this version of the plugin."""
    return read_recipe(RESOURCES / "environment")


def read_recipe(folder: Path) -> Recipe:
    """The recipe in a folder."""
    facts: dict[str, Any] = json.loads(folder.joinpath("environment.json").read_text("utf-8"))
    builds = {
        name: TorchBuild(
            lock=entry.get("lock", ""),
            build=entry.get("build", ""),
            index=entry.get("index", ""),
            cuda=entry.get("cuda", ""),
            download_mb=entry["download_mb"],
            disk_mb=entry["disk_mb"],
        )
        for name, entry in facts["torch"].items()
    }
    oldest, newest = (_version(text) for text in facts["python"])
    packages = facts["packages"]
    return Recipe(
        folder,
        oldest,
        newest,
        folder / packages["lock"],
        (packages["download_mb"], packages["disk_mb"]),
        builds,
        facts["cuda_driver"],
    )


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
