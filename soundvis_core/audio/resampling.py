"""Resample a stream: the same numbers as resampling the whole recording at once, in bounded memory."""

from __future__ import annotations

from math import ceil, gcd

import numpy as np

# About this many input samples are filtered at a time; the cost of the overlap is then negligible.
_BLOCK = 1 << 17


class StreamResampler:
    """Polyphase resampling of one mono stream, piece by piece.

    The filter is that of :func:`scipy.signal.resample_poly` (Kaiser window, beta 5, ten zero crossings to
    each side). Each block is filtered with enough of its neighbours for the filter's whole length, so the
    pieces joined together equal ``resample_poly`` of the whole signal: there are no seams.
    """

    def __init__(self, source_rate: int, rate: int) -> None:
        """``source_rate`` and ``rate`` in Hz."""
        common = gcd(source_rate, rate)
        self._up = rate // common
        self._down = source_rate // common
        self._same = self._up == self._down
        if self._same:
            return
        from scipy.signal import firwin

        widest = max(self._up, self._down)
        half = 10 * widest
        self._filter = firwin(2 * half + 1, 1.0 / widest, window=("kaiser", 5.0)).astype(np.float32)
        # Blocks start on multiples of `down` input samples, where input and output samples coincide.
        self._context = self._down * ceil((half / self._up + 1) / self._down)
        self._block = self._down * max(1, ceil(_BLOCK / self._down))
        self._pending: list[np.ndarray] = []
        self._held = 0
        self._past = np.zeros(0, np.float32)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples (n,) float32; give those (m,) float32 that are ready (m may be 0)."""
        if self._same:
            return samples
        self._pending.append(samples)
        self._held += samples.size
        if self._held < self._block + self._context:
            return np.zeros(0, np.float32)
        waiting = np.concatenate(self._pending)
        ready = []
        while waiting.size >= self._block + self._context:
            ready.append(self._filtered(waiting[: self._block + self._context], self._block))
            waiting = self._advance(waiting)
        self._pending = [waiting]
        self._held = waiting.size
        return np.concatenate(ready)

    def flush(self) -> np.ndarray:
        """The samples (m,) float32 that remain once the stream has ended."""
        if self._same or self._held == 0:
            return np.zeros(0, np.float32)
        waiting = np.concatenate(self._pending)
        self._pending = []
        self._held = 0
        return self._filtered(waiting, waiting.size)

    def _advance(self, waiting: np.ndarray) -> np.ndarray:
        kept = np.concatenate([self._past, waiting[: self._block]])
        self._past = kept[-self._context :] if kept.size > self._context else kept
        return waiting[self._block :]

    def _filtered(self, samples: np.ndarray, wanted: int) -> np.ndarray:
        """Resample ``samples`` after the past ones; only what belongs to the first ``wanted`` of them."""
        from scipy.signal import resample_poly

        joined = np.concatenate([self._past, samples])
        out = resample_poly(joined, self._up, self._down, window=self._filter)
        start = self._past.size * self._up // self._down
        stop = start + ceil(wanted * self._up / self._down)
        return out[start:stop].astype(np.float32, copy=False)
