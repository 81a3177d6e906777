"""The plugin zip, built anew from the sources, and what is in it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def build_zip(into: Path, root: Path = ROOT) -> Path:
    """Build the plugin of ``root`` into a folder; returns the zip."""
    command = [sys.executable, "-B", str(root / "tools" / "build_plugin.py"), "--into", str(into)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (built,) = (into / "dist").glob("*.zip")
    return built


@pytest.fixture(scope="session")
def plugin_zip(tmp_path_factory) -> Path:
    """The zip, as an upload would have it."""
    return build_zip(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def unpacked(plugin_zip, tmp_path_factory) -> Path:
    """The plugin folder out of the zip."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(plugin_zip) as archive:
        archive.extractall(folder)
    return folder / "soundvis_qgis"
