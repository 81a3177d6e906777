"""Clipping: samples that stick to full scale, or to a lower ceiling, counted as recorded, before anything is mixed."""

from __future__ import annotations

import numpy as np

#: From here on a sample is at full scale: 32735 of 32768 in 16 bits.
FULL_SCALE = 0.999
#: So many samples in a row make a plateau; a single one may be a peak that just fits.
RUN = 3
#: Neighbours on a plateau differ by no more than this (3 steps of 16 bits), or both lie beyond full scale, as what a
#: lossy codec makes of a plateau does.
_FLAT = 1e-4
#: A ceiling below full scale is looked for in windows that reach this level (40 dB below full scale) only.
_LEAST = 0.01
#: The wave meets a ceiling at an angle: the sample before the plateau or after it lies lower by this at least. The
#: round top of a slow wave falls by four times _FLAT at most within a sample from where it is that flat.
_CORNER = 5.0 * _FLAT


class FullScaleCounter:
    """Counts, per window and channel, the samples on plateaus at the top; a listener of ``read_windows``.

    At full scale, and, where a recording was turned down after it had been clipped, at its own greatest value. What a
    lossy codec makes of the latter has no plateaus any more and is not found.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._size = 0
        self._counts: list[int] = []
        self._held: list[np.ndarray] = []  # the samples of the window that is not complete yet
        self._waiting = 0

    def __call__(self, block: np.ndarray, rate: int) -> None:
        """Take the next samples (n, channels), n any number, at ``rate`` Hz."""
        self._size = self._size or max(1, round(self._seconds * rate))
        while len(block):
            part = block[: self._size - self._waiting]
            self._held.append(np.array(part))  # the reader may use its memory again
            self._waiting += len(part)
            block = block[len(part) :]
            if self._waiting == self._size:
                self.finish()

    def finish(self) -> None:
        """Count the last samples, too: nothing comes after them."""
        if self._waiting:
            samples = np.concatenate(self._held)
            self._counts.append(max(_clipped(samples[:, channel]) for channel in range(samples.shape[1])))
        self._held, self._waiting = [], 0

    def share(self, window: int, length: int) -> float:
        """The share (0 to 1) of the ``window``-th window's ``length`` samples, in the channel that has the most."""
        if window >= len(self._counts) or length < 1:
            return 0.0
        return min(self._counts[window] / length, 1.0)


def _clipped(samples: np.ndarray) -> int:
    """How many of the samples (n,) of one window and channel are on plateaus, at either end."""
    return sum(_on_plateau(side) for side in (samples, -samples))


def _on_plateau(samples: np.ndarray) -> int:
    """How many of the samples (n,) are part of a run of RUN or more at the top."""
    top = float(samples.max())
    if top > 1.0:  # a lossy codec made it of what was clipped at full scale
        starts, ends = _runs(samples, FULL_SCALE)
    elif top >= FULL_SCALE or (top >= _LEAST and not _thins_out(samples, top)):
        starts, ends = _runs(samples, top - _FLAT)
        before = np.where(starts > 0, samples[starts - 1], top)
        after = np.where(ends < len(samples), samples[np.minimum(ends, len(samples) - 1)], top)
        corner = top - np.minimum(before, after) > _CORNER
        starts, ends = starts[corner], ends[corner]
    else:
        return 0
    lengths = ends - starts
    return int(lengths[lengths >= RUN].sum())


def _runs(samples: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Where runs of flat samples of ``least`` or more start and end (exclusive), of any length."""
    places = np.flatnonzero(samples >= least)
    if not places.size:
        return places, places
    values = samples[places]
    flat = (np.abs(np.diff(values)) <= _FLAT) | ((values[1:] > 1.0) & (values[:-1] > 1.0))
    breaks = np.flatnonzero((np.diff(places) > 1) | ~flat)
    return places[np.r_[0, breaks + 1]], places[np.r_[breaks, places.size - 1]] + 1


def _thins_out(samples: np.ndarray, top: float) -> bool:
    """Whether fewer samples are at the top than at the next value below, as in a quiet recording of few steps."""
    at_top = samples >= top - _FLAT
    below = samples[~at_top]
    if not below.size:
        return True
    following = float(below.max())
    return int((below >= following - _FLAT).sum()) > int(at_top.sum())
