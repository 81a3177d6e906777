"""The folder of SoundVis: environment, models, results kept from runs, and the user's own registry."""

from __future__ import annotations

import os
from pathlib import Path

#: Names the folder; outside the plugin, so that updates do not remove it.
HOME_VARIABLE = "SOUNDVIS_HOME"
#: The user's registry of models, in :func:`home`.
REGISTRY_NAME = "models.csv"

_chosen: dict[str, Path] = {}


def home() -> Path:
    """The folder that SOUNDVIS_HOME names, else the one that was chosen, else ``~/.soundvis``."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named) if named else _chosen.get(HOME_VARIABLE, Path.home() / ".soundvis")


def choose_home(folder: Path) -> None:
    """Let :func:`home` be ``folder`` in this process where SOUNDVIS_HOME names none (the plugin's setting)."""
    _chosen[HOME_VARIABLE] = folder
