"""How long the plugin takes to load in QGIS, over a plugin that does nothing; and what it imports for that."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.claims import BUILD, Claim, in_qgis

ROUNDS = 7
PLUGIN = "soundvis_qgis"
EMPTY = "soundvis_empty"
_SCRIPT = Path(__file__).parent / "inside_qgis" / "plugin_load.py"
_EMPTY_INIT = """
def classFactory(iface):
    from .plugin import EmptyPlugin

    return EmptyPlugin(iface)
"""
_EMPTY_PLUGIN = """
class EmptyPlugin:
    def __init__(self, iface):
        self.iface = iface

    def initProcessing(self):
        pass

    def initGui(self):
        self.initProcessing()

    def unload(self):
        pass
"""
#: Parts of the core that a run imports and a start must not.
_HEAVY_PARTS = (
    "models",
    "statistics",
    "report",
    "town",
    "audio",
    "bga",
    "worker",
    "segment",
    "embed",
    "images",
)
#: The table of models, which the toolbox lists: one CSV, no numbers.
_REGISTRY = {
    "soundvis_core.models",
    "soundvis_core.models.options",
    "soundvis_core.models.registry",
    "soundvis_core.models.registry_file",
}


def run() -> Iterator[Claim]:
    """Fresh processes, the two plugins in turn; medians."""
    folder = _empty_plugin()
    places = {PLUGIN: BUILD, EMPTY: folder}
    times: dict[str, list[float]] = {name: [] for name in places}
    modules: list[str] = []
    for round_number in range(ROUNDS + 1):
        for name, place in places.items():
            answer = in_qgis(_SCRIPT, [str(place), name, str(BUILD / "bench" / "pycache")])
            if not isinstance(answer, dict) or not answer["loaded"]:
                raise RuntimeError(f"QGIS did not load {name}")
            if name == PLUGIN:
                modules = answer["modules"]
            if round_number:  # the first round compiles
                times[name].append(answer["seconds"])
    ours, empty = (statistics.median(times[name]) for name in (PLUGIN, EMPTY))
    yield Claim(
        "plugin load over an empty plugin",
        1000.0 * (ours - empty),
        "ms",
        f"an empty plugin ({1000.0 * empty:.1f} ms), {ROUNDS} processes each",
        50.0,
    )
    heavy = [name for name in modules if _is_heavy(name)]
    shown = ", ".join(sorted({name.split(".")[0] for name in heavy})) or "none"
    yield Claim(
        "heavy modules imported at load", len(heavy), "modules", f"before the load; new: {shown}", 0.0
    )


def _is_heavy(module: str) -> bool:
    """Whether a module is a third party's, or a part of the core that computes."""
    if module in _REGISTRY:
        return False
    parts = module.split(".")
    if parts[0] == "soundvis_core":
        return len(parts) > 1 and parts[1] in _HEAVY_PARTS
    light = {PLUGIN, "qgis", "PyQt5", "PyQt6", "processing", *sys.stdlib_module_names}
    return parts[0] not in light


def _empty_plugin() -> Path:
    """A plugin with the same entry points that do nothing; returns the folder it lies in."""
    folder = BUILD / "bench" / "plugins"
    plugin = folder / EMPTY
    plugin.mkdir(parents=True, exist_ok=True)
    plugin.joinpath("__init__.py").write_text(_EMPTY_INIT, "utf-8")
    plugin.joinpath("plugin.py").write_text(_EMPTY_PLUGIN, "utf-8")
    metadata = "[general]\nname=Empty\nversion=0.1\nqgisMinimumVersion=3.22\nhasProcessingProvider=yes\n"
    plugin.joinpath("metadata.txt").write_text(metadata, "utf-8")
    return folder
