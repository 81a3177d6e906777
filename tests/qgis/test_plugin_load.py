"""Nothing heavy is imported when the plugin loads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from frozen import FROZEN, READY_MODELS

from soundvis_core.images import VIEWS
from soundvis_qgis.algorithms.embedding.embedphotos import MODES

_LOAD = """
import json, sys
from qgis.core import QgsApplication
application = QgsApplication([], False)
application.initQgis()
before = set(sys.modules)
from soundvis_qgis.plugin import SoundVisPlugin
from soundvis_qgis.provider import SoundVisProvider
calls, load = [], SoundVisProvider.loadAlgorithms
def counted(provider):
    calls.append(1)
    load(provider)
SoundVisProvider.loadAlgorithms = counted
plugin = SoundVisPlugin(None)
plugin.initProcessing()
modules = sorted({name.split(".")[0] for name in set(sys.modules) - before})
names = [tool.name() for tool in plugin.provider.algorithms()]
plugin.provider.refreshAlgorithms()
again = [tool.name() for tool in plugin.provider.algorithms()]
print(json.dumps({"modules": modules, "calls": len(calls), "names": names, "again": again}), flush=True)
plugin.unload()
"""
HEAVY = {"numpy", "scipy", "PIL", "shapely", "pyproj", "soundfile", "av", "matplotlib", "torch"}


@pytest.fixture(scope="module")
def loaded():
    """What a QGIS of its own says after it loaded the plugin."""
    done = subprocess.run(
        [sys.executable, "-c", _LOAD], capture_output=True, text=True, timeout=120, check=False
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert told, done.stderr[-2000:]
    return json.loads(told[-1])


def test_the_toolbox_loads_without_heavy_modules(loaded):
    assert "soundvis_core" in loaded["modules"]
    assert not set(loaded["modules"]) & HEAVY


def test_tools_and_ready_models_are_there_after_loading_once(loaded):
    assert loaded["calls"] == 2  # one at load, one when asked to refresh
    assert set(loaded["names"]) == {*FROZEN, *READY_MODELS}
    assert loaded["again"] == loaded["names"]


def test_the_views_of_the_tool_are_those_of_the_core():
    assert MODES == VIEWS
