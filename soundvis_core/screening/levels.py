"""Level: the power of every channel as recorded, before anything is mixed, resampled or clipped."""

from __future__ import annotations

import numpy as np

#: The least level (dB) that is told: what digital silence counts as.
QUIETEST = -120.0


class LevelMeter:
    """Measures the level of each window; a listener of ``read_windows``. Holds sums, no samples.

    Channels of opposite phase cancel each other in a mix, but not here.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._size = 0
        self._count = 0
        self._first = self._sums = self._squares = np.zeros(0)
        self._levels: list[float] = []

    def __call__(self, block: np.ndarray, rate: int) -> None:
        """Take the next samples (n, channels), n any number, at ``rate`` Hz."""
        self._size = self._size or max(1, round(self._seconds * rate))
        while len(block):
            part = block[: self._size - self._count]
            self._add(part)
            block = block[len(part) :]
            if self._count == self._size:
                self.finish()

    def _add(self, part: np.ndarray) -> None:
        if not self._count:
            # Sums are taken from here: of an offset nothing is left that rounding could turn into sound.
            self._first = part[0].astype(np.float64)
            self._sums = self._squares = np.zeros(part.shape[1])
        with np.errstate(invalid="ignore", over="ignore"):  # the reader says so where these are no numbers
            # Channel by channel in memory: ten times as fast.
            samples = np.subtract(part.T, self._first[:, None], order="C")
            self._sums = self._sums + samples.sum(axis=1)
            self._squares = self._squares + np.einsum("cn,cn->c", samples, samples)
        self._count += len(part)

    def finish(self) -> None:
        """Measure the last samples, too: nothing comes after them."""
        if self._count:
            variances = self._squares / self._count - (self._sums / self._count) ** 2
            power = float(variances.mean())
            level = 10.0 * float(np.log10(power)) if power > 0.0 else QUIETEST
            self._levels.append(max(level, QUIETEST))
        self._count = 0

    def level(self, window: int) -> float:
        """The level of the ``window``-th window, dB re full scale: RMS over its samples and channels, offset removed.

        Full band: of all that was recorded, also above what models hear.
        """
        return self._levels[window] if window < len(self._levels) else QUIETEST
