"""The folder of SoundVis: environment, models, results kept from runs, and the user's own registry."""

from __future__ import annotations

import os
from pathlib import Path

#: Names the folder; outside the plugin, so that updates do not remove it.
HOME_VARIABLE = "SOUNDVIS_HOME"
#: The user's registry of models, in :func:`home`.
REGISTRY_NAME = "models.csv"


def home() -> Path:
    """The folder that SOUNDVIS_HOME names, else ``~/.soundvis``."""
    return Path(os.environ.get(HOME_VARIABLE) or Path.home() / ".soundvis")
