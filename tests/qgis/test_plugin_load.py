"""Nothing heavy is imported when the plugin loads."""

from __future__ import annotations

import json
import subprocess
import sys

from soundvis_core.images import VIEWS
from soundvis_qgis.algorithms.embedding.embedphotos import MODES

_LOAD = """
import json, sys
from qgis.core import QgsApplication
application = QgsApplication([], False)
application.initQgis()
before = set(sys.modules)
from soundvis_qgis.plugin import SoundVisPlugin
plugin = SoundVisPlugin(None)
plugin.initProcessing()
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(new)), flush=True)
plugin.unload()
"""
HEAVY = {"numpy", "scipy", "PIL", "shapely", "pyproj", "soundfile", "av", "matplotlib", "torch"}


def test_the_toolbox_loads_without_heavy_modules():
    done = subprocess.run(
        [sys.executable, "-c", _LOAD], capture_output=True, text=True, timeout=120, check=False
    )
    listed = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert listed, done.stderr[-2000:]
    loaded = set(json.loads(listed[-1]))
    assert "soundvis_core" in loaded
    assert not loaded & HEAVY


def test_the_views_of_the_tool_are_those_of_the_core():
    assert MODES == VIEWS
