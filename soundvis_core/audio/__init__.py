"""Recordings of any kind as a stream of mono windows: ``read_windows`` is the door."""

from __future__ import annotations

from .reading import Window, read_windows
from .silence import SILENCE_DBFS, SILENT_REASON, is_silent, level_dbfs

__all__ = [
    "SILENCE_DBFS",
    "SILENT_REASON",
    "Window",
    "is_silent",
    "level_dbfs",
    "read_windows",
]
