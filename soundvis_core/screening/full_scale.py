"""Clipping: samples that stick to full scale, counted as recorded, before anything is mixed or resampled."""

from __future__ import annotations

import numpy as np

#: From here on a sample is at full scale: 32735 of 32768 in 16 bits.
FULL_SCALE = 0.999
#: So many samples in a row make a plateau; a single one may be a peak that just fits.
RUN = 3
#: Neighbours on a plateau differ by no more than this (3 steps of 16 bits), or both lie beyond full scale, as what a
#: lossy codec makes of a plateau does.
_FLAT = 1e-4


class FullScaleCounter:
    """Counts, per window and channel, the samples on plateaus at full scale; a listener of ``read_windows``."""

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._size = 0
        self._counts: list[np.ndarray] = []
        self._at = 0  # how many samples are counted
        self._held: np.ndarray | None = (
            None  # the last ones counted, and those whose fate the next ones decide
        )

    def __call__(self, block: np.ndarray, rate: int) -> None:
        """Take the next samples (n, channels), n any number, at ``rate`` Hz."""
        reach = RUN - 1
        if self._held is None:
            self._size = max(1, round(self._seconds * rate))
            self._held = np.zeros((reach, block.shape[1]), block.dtype)
        samples = np.concatenate([self._held, block])
        if len(samples) <= 2 * reach:
            self._held = samples
            return
        self._count(_on_plateau(samples)[reach:-reach])
        self._held = samples[-2 * reach :]

    def finish(self) -> None:
        """Count the last samples, too: nothing comes after them."""
        if self._held is not None:
            self(np.zeros((RUN - 1, self._held.shape[1]), self._held.dtype), 0)

    def share(self, window: int, length: int) -> float:
        """The share (0 to 1) of the ``window``-th window's ``length`` samples, in the channel that has the most."""
        if window >= len(self._counts) or length < 1:
            return 0.0
        return min(float(self._counts[window].max()) / length, 1.0)

    def _count(self, on: np.ndarray) -> None:
        start = 0
        while start < len(on):
            window, offset = divmod(self._at, self._size)
            part = on[start : start + self._size - offset]
            while len(self._counts) <= window:
                self._counts.append(np.zeros(on.shape[1], dtype=np.int64))
            self._counts[window] += part.sum(axis=0)
            start += len(part)
            self._at += len(part)


def _on_plateau(samples: np.ndarray) -> np.ndarray:
    """Which of the samples (n, channels) are part of a run of RUN or more at full scale, bool."""
    sizes = np.abs(samples)
    high = sizes >= FULL_SCALE
    if not high.any():
        return high
    same = (np.abs(np.diff(samples, axis=0)) <= _FLAT) | ((sizes[1:] > 1.0) & (sizes[:-1] > 1.0))
    linked = high[1:] & high[:-1] & same & (np.sign(samples[1:]) == np.sign(samples[:-1]))
    runs = linked[: len(linked) - RUN + 2].copy()
    for step in range(1, RUN - 1):
        runs &= linked[step : step + len(runs)]
    found = np.zeros_like(high)
    for step in range(RUN):
        found[step : step + len(runs)] |= runs
    return found
