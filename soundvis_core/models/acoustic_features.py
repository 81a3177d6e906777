"""Describe what a recording sounds like by numbers with a name each: the baseline that needs no weights.

Five families, each of the same weight in a cosine similarity whatever its number of dimensions:

- shape: the mean level of 40 mel bands (50 Hz to 11 kHz) relative to their mean: what is loud;
- change: the standard deviation over time of the level of the same bands: what comes and goes;
- rhythm: how strongly the envelopes of three bands swing at 0.5-2, 2-8 and 8-16 Hz (waves and passing cars,
  speech, trills and engines);
- spectrum: centroid, bandwidth, roll-off and flatness, their mean and their spread over the frames;
- indices: NDSI, ACI, ADI, AEI, BI, spectral and temporal entropy (see ``acoustic_indices``) and the level.

Every dimension is centred and scaled by constants of this file, never by the data of a run, so that vectors of
different runs can be compared; values beyond three times the scale are cut off. The gain of a recorder moves
one dimension only, the level.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..audio.spectrum import frequencies, power_frames
from . import acoustic_indices as indices

RATE = 24000
FRAME = 1024
MEL_BANDS = 40
MEL_LOW, MEL_HIGH = 50.0, 11000.0

# Levels more than this (dB) under the loudest band of a window count as this much under it.
_RANGE_DB = 80.0
# What digital silence is taken as: dB relative to full scale.
_SILENCE_DB = -100.0
_ROLLOFF = 0.85
_RHYTHM_BANDS = ((50.0, 1000.0), (1000.0, 4000.0), (4000.0, 11000.0))
_RHYTHM_RATES = ((0.5, 2.0), (2.0, 8.0), (8.0, 16.0))
_LIMIT = 3.0


@lru_cache(maxsize=1)
def mel_filters() -> np.ndarray:
    """Triangular mel filters (40, 513) float32 of equal area on Slaney's mel scale (Auditory Toolbox).

    Linear up to 1 kHz (200 / 3 Hz a mel), logarithmic above (27 mels to a factor of 6.4).
    """
    edges = _mel_to_hz(np.linspace(_hz_to_mel(MEL_LOW), _hz_to_mel(MEL_HIGH), MEL_BANDS + 2))
    bins = frequencies(RATE, FRAME)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    filters = (np.maximum(triangles, 0.0) * (2.0 / (high - low))).astype(np.float32)
    filters.setflags(write=False)
    return filters


@lru_cache(maxsize=1)
def _sparse_mel_filters() -> Any:
    """The filters as a sparse matrix: 3 % of them is not zero, and no BLAS threads compete with the run's own."""
    from scipy.sparse import csr_matrix

    return csr_matrix(mel_filters())


def _hz_to_mel(frequency: float) -> float:
    linear = 3.0 * frequency / 200.0
    return linear if frequency < 1000.0 else 15.0 + 27.0 * float(np.log(frequency / 1000.0) / np.log(6.4))


def _mel_to_hz(mels: np.ndarray) -> np.ndarray:
    return np.where(mels < 15.0, mels * 200.0 / 3.0, 1000.0 * 6.4 ** ((mels - 15.0) / 27.0))


def mel_levels(power: np.ndarray) -> np.ndarray:
    """Levels (frames, 40) in dB relative to the loudest, of a power spectrum (frames, 513); -80 at the least."""
    mel = (_sparse_mel_filters() @ power.T).T
    loudest = float(mel.max(initial=0.0))
    if loudest <= 0.0:
        return np.full(mel.shape, -_RANGE_DB, np.float32)
    return 10.0 * np.log10(np.maximum(mel / loudest, 10.0 ** (-_RANGE_DB / 10.0)))


def spectral_shape(power: np.ndarray) -> np.ndarray:
    """Centroid, bandwidth, roll-off (85 %), all in Hz on amplitudes, and flatness (on powers), of each frame.

    Takes a power spectrum (frames, 513), gives (frames, 4). Frames without any sound give zeros.
    """
    bins = frequencies(RATE, FRAME).astype(np.float32)
    amplitude = np.sqrt(power)
    total = amplitude.sum(axis=1)
    heard = total > 0.0
    out = np.zeros((len(power), 4))
    if not heard.any():
        return out
    amplitude, total, power = amplitude[heard], total[heard], power[heard]
    centroid = amplitude @ bins / total
    square = amplitude @ bins**2 / total - centroid**2
    reached = np.cumsum(amplitude, axis=1) >= _ROLLOFF * total[:, None]
    mean = power.mean(axis=1)
    floor = np.maximum(power / mean[:, None], 1e-10)
    out[heard, 0] = centroid
    out[heard, 1] = np.sqrt(np.maximum(square, 0.0))
    out[heard, 2] = bins[np.argmax(reached, axis=1)]
    out[heard, 3] = np.exp(np.log(floor).mean(axis=1))
    return out


def rhythm(power: np.ndarray) -> np.ndarray:
    """Depth (9,) of the swing of three bands' envelopes at three ranges of rates; 0 = even.

    The envelope is the root of the band's power in each frame over its mean; its spectrum (Hann window) is
    summed over each range of rates, so that the values of one band add up to about its squared coefficient
    of variation.
    """
    bins = frequencies(RATE, FRAME)
    count = len(power)
    rates = np.fft.rfftfreq(count, FRAME / 2 / RATE)
    taper = np.hanning(count + 2)[1:-1]
    depths = []
    for low, high in _RHYTHM_BANDS:
        amplitude = np.sqrt(power[:, (bins >= low) & (bins < high)].sum(axis=1, dtype=np.float64))
        mean = amplitude.mean()
        swing = (amplitude / mean - 1.0) if mean > 0.0 else np.zeros(count)
        spectrum = np.abs(np.fft.rfft(swing * taper)) ** 2 * 2.0 / (count * np.sum(taper**2))
        depths += [spectrum[(rates >= slow) & (rates < fast)].sum() for slow, fast in _RHYTHM_RATES]
    return np.array(depths)


def _shape(levels: np.ndarray) -> np.ndarray:
    mean = levels.mean(axis=0)
    return mean - mean.mean()


def _change(levels: np.ndarray) -> np.ndarray:
    return levels.std(axis=0)


def _spectrum(power: np.ndarray) -> np.ndarray:
    """Means (log2 kHz; flatness in dB), then relative spreads (flatness: spread in dB) of the spectral shape."""
    shapes = spectral_shape(power)
    means = shapes.mean(axis=0)
    flatness = 10.0 * np.log10(np.maximum(shapes[:, 3], 1e-10))
    spreads = shapes.std(axis=0) / np.maximum(means, 1e-10)
    octaves = np.log2(np.maximum(means[:3], 1.0) / 1000.0)
    return np.concatenate([octaves, [flatness.mean()], spreads[:3], [flatness.std()]])


def _rhythm(power: np.ndarray) -> np.ndarray:
    return np.log10(rhythm(power) + 1e-6)


def _indices(power: np.ndarray, samples: np.ndarray) -> np.ndarray:
    bins = frequencies(RATE, FRAME)
    amplitude = np.sqrt(power).T
    mean = power.mean(axis=0, dtype=np.float64)
    activity = indices.band_activity(amplitude, bins)
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0
    return np.array(
        [
            indices.ndsi(mean, bins),
            indices.acoustic_complexity(amplitude) / len(bins),  # a mean over bins does not grow with them
            indices.acoustic_diversity(activity),
            indices.acoustic_evenness(activity),
            np.log10(indices.bioacoustic(amplitude, bins) + 1.0),
            indices.entropy(mean),
            indices.entropy(indices.envelope(samples).astype(np.float64) ** 2),
            20.0 * np.log10(max(rms, 10.0 ** (_SILENCE_DB / 20.0))),
        ]
    )


def _names() -> tuple[str, ...]:
    bands = _mel_to_hz(np.linspace(_hz_to_mel(MEL_LOW), _hz_to_mel(MEL_HIGH), MEL_BANDS + 2))[1:-1]
    swings = [
        f"rhythm_{low:.0f}_{high:.0f}hz_{slow:g}_{fast:g}hz"
        for low, high in _RHYTHM_BANDS
        for slow, fast in _RHYTHM_RATES
    ]
    kinds = ("centroid", "bandwidth", "rolloff", "flatness")
    return (
        *(f"shape_{band:.0f}hz" for band in bands),
        *(f"change_{band:.0f}hz" for band in bands),
        *swings,
        *kinds,
        *(f"{kind}_spread" for kind in kinds),
        *("ndsi", "aci", "adi", "aei", "bi", "entropy_spectral", "entropy_temporal", "level"),
    )


# Centre and scale of every dimension, family by family: round numbers near the middle and the spread of
# outdoor recordings (birds, crickets, rain, surf, wind, thunder, traffic, train, boat). Natural and urban
# sound alike falls off with frequency, here by 34 dB from the first mel band to the last.
_SHAPE = (np.linspace(17.0, -17.0, MEL_BANDS), np.full(MEL_BANDS, 7.0))
_CHANGE = (np.full(MEL_BANDS, 4.5), np.full(MEL_BANDS, 2.0))
_RHYTHM = (np.full(9, -1.5), np.full(9, 0.6))
_SPECTRUM = ([1.0, 1.2, 2.0, -20.0, 0.15, 0.1, 0.15, 3.5], [1.0, 0.5, 1.0, 10.0, 0.05, 0.07, 0.1, 2.0])
_INDICES = ([0.0, 0.64, 1.8, 0.4, 2.4, 0.65, 0.9, -35.0], [0.6, 0.04, 0.5, 0.3, 0.4, 0.2, 0.05, 8.0])
_FAMILIES = (_SHAPE, _CHANGE, _RHYTHM, _SPECTRUM, _INDICES)
_CENTRE = np.concatenate([np.asarray(centre) for centre, _ in _FAMILIES])
_SCALE = np.concatenate([np.asarray(scale) for _, scale in _FAMILIES])
# A family of n dimensions weighs as much as any other: each dimension 1 / sqrt(n).
_WEIGHT = np.concatenate([np.full(len(centre), len(centre) ** -0.5) for centre, _ in _FAMILIES])


class AcousticFeatures:
    """The ``acoustic-features`` baseline; see the module's text. Safe to call from several threads at once."""

    id = "acoustic-features"
    rate = RATE
    names = _names()
    dimension = len(names)

    def encode(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Embed ``windows``, each mono samples (n,) at ``rate`` Hz, full scale 1, of any length.

        Gives (len(windows), dimension) float32, finite for any finite samples; their cosine similarity is
        meaningful as it is.
        """
        out = np.zeros((len(windows), self.dimension), np.float32)
        for row, window in zip(out, windows):
            values = describe(np.asarray(window, dtype=np.float32))
            row[:] = np.clip((values - _CENTRE) / _SCALE, -_LIMIT, _LIMIT) * _WEIGHT
        return out


def describe(samples: np.ndarray) -> np.ndarray:
    """The named values (dimension,) of mono samples (n,) at :data:`RATE` in their own units, before scaling."""
    samples = np.clip(samples, -1e6, 1e6)  # beyond any recording, and its square still fits float32
    power = power_frames(samples, FRAME)
    levels = mel_levels(power)
    return np.concatenate(
        [_shape(levels), _change(levels), _rhythm(power), _spectrum(power), _indices(power, samples)]
    )
