"""Sites for batches: numbers to be squared and averaged, and what a run says of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np

from soundvis_core.errors import SKIPPED, SiteError
from soundvis_core.pipeline import OK, SiteResult
from soundvis_core.progress import NoProgress


class Mean:
    """A site: the mean of what the model says of its items, and in which order it came."""

    def __init__(self, values, pause: float = 0.0, error: Exception | None = None) -> None:
        self.values = values
        self.pause = pause
        self.error = error
        self.total = 0.0
        self.seen: list[float] = []

    def items(self, stop: threading.Event) -> Iterator[np.ndarray]:
        for value in self.values:
            if self.pause:
                time.sleep(self.pause)
            yield np.array([value], dtype=np.float64)
        if self.error is not None:
            raise self.error

    def add(self, output) -> None:
        self.seen.append(float(output[0]))

    def result(self) -> SiteResult:
        if not self.seen:
            raise SiteError("nothing to average", SKIPPED)
        return SiteResult(OK, values={"mean": sum(self.seen) / len(self.seen), "seen": self.seen})


def square(batch) -> np.ndarray:
    return np.stack(batch) ** 2


class Kept(NoProgress):
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.infos: list[str] = []
        self.now = False

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def info(self, text: str) -> None:
        self.infos.append(text)

    def cancelled(self) -> bool:
        return self.now


def wait_for_threads() -> None:
    """Raise AssertionError where a thread of a run is still there after some seconds."""
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("soundvis")]
        if not left:
            return
        time.sleep(0.01)
    raise AssertionError(left)
