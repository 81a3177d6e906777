"""In QGIS: load and start one plugin as QGIS does; prints how long it took and what it brought along.

Usage: plugin_load.py FOLDER NAME PYCACHE
"""

from __future__ import annotations

import json
import sys
import time


def load(folder: str, name: str, cache: str) -> None:
    """Load and start the plugin, and print the seconds it took and the modules it brought along."""
    # Users compile a plugin once; compiled files are kept here, outside the staged plugin.
    sys.dont_write_bytecode = False
    sys.pycache_prefix = cache
    from qgis.core import QgsApplication

    application = QgsApplication([], False)
    application.initQgis()
    # Where Processing lies only the application knows.
    sys.path.insert(0, QgsApplication.pkgDataPath() + "/python/plugins")
    import qgis.utils
    from processing.core.Processing import Processing

    Processing.initialize()
    sys.path.insert(0, folder)
    before = set(sys.modules)
    began = time.perf_counter()
    loaded = qgis.utils.loadPlugin(name) and qgis.utils.startProcessingPlugin(name)
    seconds = time.perf_counter() - began
    modules = sorted(set(sys.modules) - before)
    print(json.dumps({"loaded": bool(loaded), "seconds": seconds, "modules": modules}), flush=True)


load(*sys.argv[1:4])
