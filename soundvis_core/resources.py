"""Where the tables and texts that ship with SoundVis lie."""

from __future__ import annotations

from pathlib import Path

#: The folder ``resources`` lies beside the package, in the repository and in the shipped plugin alike.
RESOURCES = Path(__file__).resolve().parent.parent / "resources"


def table_path(*parts: str) -> Path:
    """The path of a shipped table, as in ``table_path("classes", "paper-aerial.csv")``."""
    return RESOURCES.joinpath("tables", *parts)
