"""``python soundvis_core/worker/__main__.py``: reads one job from standard input, answers on standard output."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import TextIO


def claim_answers() -> TextIO:
    """Standard output for answers alone: whatever libraries print goes to standard error from here on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    return answers


def register_core() -> None:
    """Make this very copy of the core importable by its name.

    The parent starts this file by its path: no folder has to join a search path, and no other copy of the
    core in the environment can come first.
    """
    folder = Path(__file__).resolve().parent.parent
    spec = importlib.util.spec_from_file_location(
        folder.name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not a package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    channel = claim_answers()
    if not __package__:
        register_core()
    service = importlib.import_module(f"{Path(__file__).resolve().parent.parent.name}.worker.service")
    sys.exit(service.main(sys.argv[1:], channel))
