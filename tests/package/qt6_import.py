"""Import every module of a plugin under PyQt6, with stand-ins for QGIS's own modules.

Run as: python qt6_import.py PLUGIN_FOLDER. Prints a JSON list of [module, error], empty where all is well.
QGIS for Qt 6 cannot be installed everywhere; this needs PyQt6 alone. Every class of QGIS is a stand-in that
takes any argument and has any attribute, whereas qgis.PyQt is the real PyQt6.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

QT_MODULES = ("QtCore", "QtGui", "QtWidgets", "QtNetwork", "QtXml", "QtSvg")
QGIS_MODULES = (
    "qgis.core",
    "qgis.gui",
    "qgis.analysis",
    "qgis.utils",
    "qgis.processing",
    "processing",
    "osgeo",
)
OSGEO_MODULES = ("osgeo.gdal", "osgeo.ogr", "osgeo.osr", "osgeo.gdal_array", "osgeo.gdalconst")


class StandInType(type):
    """The type of stand-in classes: any attribute is a stand-in class too."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        attribute = StandInType(name, (StandIn,), {})
        setattr(cls, name, attribute)
        return attribute

    def _same(cls, *_: Any) -> Any:
        return cls

    __or__ = __ror__ = __and__ = __rand__ = __xor__ = __invert__ = _same

    def __int__(cls) -> int:
        return 0

    def __iter__(cls) -> Any:
        return iter(())


class StandIn(metaclass=StandInType):
    """An object of any class of QGIS."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn()

    def __call__(self, *_: Any, **__: Any) -> Any:
        return StandIn()

    def _same(self, *_: Any) -> Any:
        return self

    __or__ = __ror__ = __and__ = __rand__ = __invert__ = _same

    def __iter__(self) -> Any:
        return iter(())


class StandInModule(ModuleType):
    """A module that has every class."""

    __path__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        attribute = StandInType(name, (StandIn,), {})
        setattr(self, name, attribute)
        return attribute


def install() -> None:
    """Put the stand-ins and PyQt6 where the plugin looks for qgis."""
    qgis = ModuleType("qgis")
    qgis.__path__ = []
    sys.modules["qgis"] = qgis
    for name in (*QGIS_MODULES, *OSGEO_MODULES):
        sys.modules[name] = StandInModule(name)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, sys.modules[name])
    sys.modules["qgis.core"].Qgis.QGIS_VERSION_INT = 40000  # the branches for the newest QGIS
    sys.modules["qgis.core"].Qgis.QGIS_VERSION = "4.0.0-stand-in"
    qt = ModuleType("qgis.PyQt")
    qt.__path__ = []
    sys.modules["qgis.PyQt"] = qt
    for name in QT_MODULES:
        module = importlib.import_module(f"PyQt6.{name}")
        setattr(qt, name, module)
        sys.modules[f"qgis.PyQt.{name}"] = module
    # As qgis.PyQt does under Qt 6: classes that moved to QtGui stay reachable in QtWidgets.
    for name in ("QAction", "QActionGroup", "QShortcut", "QFileSystemModel"):
        setattr(sys.modules["qgis.PyQt.QtWidgets"], name, getattr(sys.modules["qgis.PyQt.QtGui"], name))


def module_names(folder: Path) -> list[str]:
    """Every module of the plugin, the core inside it left out (it knows nothing of Qt)."""
    names = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        if "soundvis_core" not in parts:
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def try_algorithms(package: str) -> list[tuple[str, str]]:
    """Let every algorithm define its parameters: enums in function bodies are met here."""
    failures = []
    for algorithm in getattr(importlib.import_module(f"{package}.algorithms"), "ALGORITHMS", ()):
        try:
            algorithm().initAlgorithm({})
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            failures.append((algorithm.__name__, f"{type(error).__name__}: {error}"))
    return failures


def main() -> None:
    """Import everything, print what failed."""
    folder = Path(sys.argv[1]).resolve()
    install()
    sys.path.insert(0, str(folder.parent))
    failures = []
    for name in module_names(folder):
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            failures.append((name, f"{type(error).__name__}: {error}"))
    if not failures:
        failures = try_algorithms(folder.name)
    print(json.dumps({"modules": len(module_names(folder)), "failures": failures}))


if __name__ == "__main__":
    main()
