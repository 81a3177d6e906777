"""From channels to mono: their mean, or the loudest of them where they cancel each other in the mean."""

from __future__ import annotations

import numpy as np

from .silence import SILENCE_DBFS

#: Channels cancel each other where their mean lies this much (dB) below the power that they have on average. Channels
#: that have nothing in common lose 3 dB (two of them) to 9 dB (eight); one that is wired the wrong way round all.
CANCELLED = 20.0
#: It is judged on the first stretch of so many seconds that holds any sound, and holds for what follows.
_SECONDS = 10.0
#: Of so many samples of all channels together at most: 16 MB.
_MOST = 1 << 22


class Mixer:
    """Mixes one recording down, block by block; what it needs to judge by it keeps until it has."""

    def __init__(self, rate: int) -> None:
        """``rate`` in Hz."""
        self._stretch = round(_SECONDS * rate)
        self._judged = False
        self._channel: int | None = None
        self._held: list[tuple[np.ndarray, np.ndarray]] = []
        self._waiting = 0

    def push(self, block: np.ndarray) -> list[np.ndarray]:
        """Take the next samples (n, channels) float32; give those pieces (m,) float32 that are ready, maybe none."""
        if block.shape[1] == 1:
            return [block[:, 0]]
        mean = block.mean(axis=1, dtype=np.float32)
        if self._judged:
            return [self._mixed(block, mean)]
        self._held.append((block, mean))
        self._waiting += len(block)
        enough = self._waiting >= min(self._stretch, _MOST // block.shape[1])
        return self.flush() if enough else []

    def flush(self) -> list[np.ndarray]:
        """What is held, (m,) float32 each."""
        held, self._held, self._waiting = self._held, [], 0
        if held:
            self._judge(held)
        return [self._mixed(block, mean) for block, mean in held]

    def _judge(self, held: list[tuple[np.ndarray, np.ndarray]]) -> None:
        channels = _power([block for block, _ in held])
        if not 10.0 ** (SILENCE_DBFS / 10.0) <= channels.mean() < np.inf:
            return  # silence tells nothing, nor do samples that are not numbers
        (mix,) = _power([mean[:, None] for _, mean in held])
        self._judged = True
        if mix < channels.mean() * 10.0 ** (-CANCELLED / 10.0):
            self._channel = int(channels.argmax())

    def _mixed(self, block: np.ndarray, mean: np.ndarray) -> np.ndarray:
        # Where the mean is not a number the reader has to hear of it.
        if self._channel is None or not np.isfinite(mean).all():
            return mean
        return block[:, self._channel]


def _power(blocks: list[np.ndarray]) -> np.ndarray:
    """The mean square of each channel of blocks (n, channels), offset removed: (channels,)."""
    count = sum(len(block) for block in blocks)
    total = squares = np.zeros(blocks[0].shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        for block in blocks:
            samples = block.T.astype(np.float64, order="C")
            total = total + samples.sum(axis=1)
            squares = squares + np.einsum("cn,cn->c", samples, samples)
        return squares / count - (total / count) ** 2
