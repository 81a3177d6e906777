"""The short-time spectrum that everything without a model is computed from."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=8)
def _hann(size: int) -> np.ndarray:
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)).astype(np.float32)
    window.setflags(write=False)
    return window


def frequencies(rate: int, size: int) -> np.ndarray:
    """Centre frequencies (size // 2 + 1,) in Hz of the bins of a spectrum of ``size`` samples at ``rate``."""
    return np.fft.rfftfreq(size, 1.0 / rate)


def power_frames(samples: np.ndarray, size: int) -> np.ndarray:
    """Power spectrum of every frame: (frames, size // 2 + 1) float32.

    Periodic Hann windows of ``size`` samples, half overlapping, no padding but to one whole frame. Scaled so
    that the bins of a frame add up to its mean square (one-sided, as in Welch's method with
    ``scaling="density"`` times the bin width): full scale is 1.
    """
    from scipy.fft import rfft

    samples = np.asarray(samples, dtype=np.float32)
    if samples.size < size:
        samples = np.concatenate([samples, np.zeros(size - samples.size, np.float32)])
    window = _hann(size)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    spectrum = rfft(frames * window, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    power *= 2.0 / (size * float(np.sum(window**2)))
    power[:, 0] /= 2.0
    power[:, -1] /= 2.0
    return power


def third_octaves(low: float, high: float) -> tuple[tuple[float, float], ...]:
    """Adjoining bands (low, high) in Hz, thirds of octaves from ``low`` up, the last cut at ``high``."""
    edges = [low]
    while edges[-1] < high * 0.999:
        edges.append(min(edges[-1] * 2.0 ** (1.0 / 3.0), high))
    return tuple(zip(edges[:-1], edges[1:]))
