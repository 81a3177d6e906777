"""SoundVis for QGIS: how far sound and sight agree, as Processing tools."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def _register_core() -> None:
    """Make ``soundvis_core`` importable from inside the plugin folder.

    The shipped plugin carries the core inside it. It is registered under its own name, by its file,
    so that no folder of the plugin joins the search path that all plugins share.
    """
    folder = Path(__file__).resolve().parent / "soundvis_core"
    if "soundvis_core" in sys.modules or not folder.is_dir():
        return
    spec = importlib.util.spec_from_file_location(
        "soundvis_core", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["soundvis_core"] = module
    spec.loader.exec_module(module)


_register_core()


def classFactory(iface):  # noqa: ANN001, ANN201 - the name and signature are QGIS's
    """Entry point of QGIS."""
    from .plugin import SoundVisPlugin

    return SoundVisPlugin(iface)
