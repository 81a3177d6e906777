"""Wheels of a few bytes and a recipe of them, so that environments can be made without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path

from soundvis_qgis.runtime.recipe import Recipe, read_recipe


def make_wheel(folder: Path, name: str, version: str, text: str = "") -> Path:
    """A wheel of one module."""
    information = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"__version__ = {version!r}\n{text}",
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in files.items())
    files[f"{information}/RECORD"] = record + f"{information}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, content in files.items():
            archive.writestr(inner, content)
    return path


def _digest(content: str) -> str:
    whole = hashlib.sha256(content.encode()).digest()
    return base64.urlsafe_b64encode(whole).rstrip(b"=").decode()


def make_recipe(folder: Path, wheels: Path, versions: dict[str, str] | None = None) -> Recipe:
    """A recipe of tiny packages, with torch and torchvision from an index, and their wheels."""
    folder.mkdir(parents=True, exist_ok=True)
    versions = versions or {"tinyone": "1.0", "tinytwo": "2.0"}
    lines = []
    for name, version in versions.items():
        digest = hashlib.sha256(make_wheel(wheels, name, version).read_bytes()).hexdigest()
        lines.append(f"{name}=={version} \\\n    --hash=sha256:{digest}\n")
    make_wheel(wheels, "torch", "7.1.0+cpu")
    make_wheel(wheels, "torchvision", "7.2.0")
    folder.joinpath("models.lock").write_text("".join(lines), "utf-8")
    folder.joinpath("torch.lock").write_text("torch==7.1.0\ntorchvision==7.2.0\n", "utf-8")
    official = {"build": "+cpu", "index": "https://torch.invalid/cpu", "download_mb": 1, "disk_mb": 1}
    cuda = {
        "build": "+cu130",
        "index": "https://torch.invalid/cu130",
        "cuda": "13.0",
        "download_mb": 2,
        "disk_mb": 3,
    }
    facts = {
        "python": ["3.9", "3.20"],
        "packages": {"lock": "models.lock", "download_mb": 1, "disk_mb": 1},
        "torch": {
            "cpu": official,
            "cuda-windows": cuda,
            "cuda-linux": {"lock": "torch.lock", "cuda": "13.0", "download_mb": 2, "disk_mb": 3},
            "mac": official,
        },
        "cuda_driver": 580,
    }
    folder.joinpath("environment.json").write_text(json.dumps(facts), "utf-8")
    return read_recipe(folder)
