"""What a user sets once: folders, Python, device, batch size, cache. QGIS's settings, overridden by variables.

``soundvis/models`` is overridden by ``SOUNDVIS_MODELS``, and so on.
"""

from __future__ import annotations

import os
from pathlib import Path

from qgis.core import QgsSettings

from soundvis_core.errors import InputError
from soundvis_core.home import choose_home
from soundvis_core.models.options import ModelOptions

#: What an environment can be made for. ``auto`` becomes one of the others.
AUTO, CPU, CUDA = "auto", "cpu", "cuda"
COMPUTES = (AUTO, CPU, CUDA)

HOME = "soundvis/home"
PYTHON = "soundvis/python"
MODELS = "soundvis/models"
DEVICE = "soundvis/device"
PRECISION = "soundvis/precision"
BATCH = "soundvis/batch"
CACHE = "soundvis/cache"
CACHE_GB = "soundvis/cache_gb"
#: Every setting and what it is where nothing is set (empty: a folder within the home folder).
DEFAULTS = {
    HOME: "",
    PYTHON: "",
    MODELS: "",
    DEVICE: "auto",
    PRECISION: "auto",
    BATCH: "0",
    CACHE: "",
    CACHE_GB: "5",
}
_GIGABYTE = 1_000_000_000


def variable(key: str) -> str:
    """The environment variable that goes before a setting: ``soundvis/cache_gb`` gives ``SOUNDVIS_CACHE_GB``."""
    return key.replace("/", "_").upper()


def stored(key: str) -> str:
    """What QGIS's settings hold, as text; empty where they hold nothing."""
    value = QgsSettings().value(key, "")
    return "" if value is None else str(value).strip()


def setting(key: str) -> str:
    """The value that holds: the variable's, else that of QGIS's settings, else the default."""
    return os.environ.get(variable(key), "").strip() or stored(key) or DEFAULTS[key]


def home() -> Path:
    """The folder of environment, models, cache and the user's registry; outside the plugin, as updates remove that."""
    named = setting(HOME)
    return Path(named).expanduser() if named else Path.home() / ".soundvis"


def share_home() -> None:
    """Tell the core, which knows no settings of QGIS, where the user's registry of models lies."""
    choose_home(home())


def models_folder() -> Path:
    """The folder of the downloaded models."""
    named = setting(MODELS)
    return Path(named).expanduser() if named else home() / "models"


def cache_folder() -> Path:
    """The folder of results kept between runs."""
    named = setting(CACHE)
    return Path(named).expanduser() if named else home() / "cache"


def cache_bytes() -> int:
    """How large that folder may become; 0: nothing is kept. Raises InputError for a value that is no number."""
    text = setting(CACHE_GB)
    try:
        size = float(text)
    except ValueError:
        size = -1.0
    if not 0.0 <= size < 1e6:
        raise InputError(f"The cache size '{text}' ({CACHE_GB}) is not a number of gigabytes from 0 on.")
    return int(size * _GIGABYTE)


def model_options(checkpoint: str = "") -> ModelOptions:
    """The settings that concern models, as they travel to the worker.

    ``checkpoint``: a local file or folder in place of the downloaded weights. Raises InputError where a setting has no
    meaning.
    """
    return ModelOptions.from_mapping(
        {
            "models_folder": str(models_folder()),
            "cache_folder": str(cache_folder()),
            "checkpoint": checkpoint,
            "device": setting(DEVICE).lower(),
            "precision": setting(PRECISION).lower(),
            "batch": setting(BATCH),
        }
    )
