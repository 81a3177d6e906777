"""Which Python the worker runs in, and what that process may inherit from QGIS."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .proxies import proxy_environment
from .settings import HOME, PYTHON, home, stored, variable

#: Names a Python for the worker; goes before everything else.
PYTHON_VARIABLE = variable(PYTHON)
HOME_VARIABLE = variable(HOME)
SETTING = PYTHON

#: Lies in an environment that SoundVis makes, from its first moment on.
MARKER = ".soundvis-environment"
#: Lies there too once the environment has passed its self-check: what it is made of.
STAMP = "soundvis.json"

_DROPPED_PREFIXES = ("PYTHON", "PROJ_", "GDAL_", "DYLD_", "QGIS", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
_DROPPED = {"LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV"}


def worker_python() -> str | None:
    """The Python of the isolated environment; None where there is none.

    SOUNDVIS_PYTHON, then the QGIS setting ``soundvis/python``, then the environment in SoundVis' own folder.
    """
    own = environment_folder()
    candidates = [*_named().values(), *(() if is_unfinished(own) else (str(python_of(own)),))]
    return next((path for path in candidates if os.path.isfile(path)), None)


def environment_folder() -> Path:
    """Where the environment of SoundVis lies unless another folder was chosen."""
    return home() / "env"


def python_of(folder: Path) -> Path:
    """The Python of the environment in a folder."""
    return folder.joinpath(*(("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")))


def is_unfinished(folder: Path) -> bool:
    """Whether making the environment in a folder was broken off."""
    return folder.joinpath(MARKER).exists() and not folder.joinpath(STAMP).exists()


def missing_pythons() -> list[tuple[str, str]]:
    """Where a Python is named that is not there, and what is named: (SOUNDVIS_PYTHON or the setting, path)."""
    return [(source, path) for source, path in _named().items() if not os.path.isfile(path)]


def _named() -> dict[str, str]:
    """What the variable and the setting name, by their names; without those that name nothing."""
    named = {
        PYTHON_VARIABLE: os.environ.get(PYTHON_VARIABLE, ""),
        f"the setting {SETTING}": stored(SETTING),
    }
    return {source: path for source, path in named.items() if path}


def child_environment(offline: bool = True) -> dict[str, str]:
    """The environment variables of the worker: QGIS's own Python, PROJ, GDAL and libraries stay outside.

    With ``offline`` the libraries of models are told not to ask the network for anything; else it goes through the
    proxy that is set in QGIS.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _DROPPED and not name.upper().startswith(_DROPPED_PREFIXES)
    }
    folders = kept.get("PATH", "").split(os.pathsep)
    kept["PATH"] = os.pathsep.join(folder for folder in folders if "qgis" not in folder.lower())
    kept.update(PYTHONNOUSERSITE="1", PYTHONSAFEPATH="1", PYTHONUTF8="1", PYTHONIOENCODING="utf-8")
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    kept[HOME_VARIABLE] = str(home())
    kept.update(HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false")
    kept.update({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"} if offline else proxy_environment())
    return kept
