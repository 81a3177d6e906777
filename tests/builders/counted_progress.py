"""A user who watches a run, and may lose patience."""

from __future__ import annotations

from soundvis_core.progress import NoProgress


class Counted(NoProgress):
    """Keeps what was reported in ``told``; cancels after so many ``looks``."""

    def __init__(self, looks: int = 10**9) -> None:
        self.looks = looks
        self.told: list[float] = []

    def report(self, fraction: float) -> None:
        self.told.append(fraction)

    def cancelled(self) -> bool:
        self.looks -= 1
        return self.looks < 0
