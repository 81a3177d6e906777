"""The usual indices of soundscape ecology on one spectrogram.

Each function equals the one of scikit-maad (Ulloa et al. 2021, Methods in Ecology and Evolution 12) that its
docstring names, except that digital silence gives 0 (no activity) where that one divides by zero. An
amplitude spectrogram has the shape (bins, frames); ``frequencies`` (bins,) are in Hz and rise.
"""

from __future__ import annotations

import numpy as np

#: The bands (Hz) of the NDSI: human-made and biological sound (Kasten et al. 2012).
ANTHROPOPHONY = (1000.0, 2000.0)
BIOPHONY = (2000.0, 11000.0)

_ACTIVE_DB = -50.0


def acoustic_complexity(amplitude: np.ndarray) -> float:
    """ACI (Pieretti et al. 2011): change between frames over the sum, added over bins.

    scikit-maad: ``acoustic_complexity_index``. Grows with the number of bins and frames.
    """
    totals = amplitude.sum(axis=1)
    changes = np.abs(np.diff(amplitude, axis=1)).sum(axis=1)
    return float(np.divide(changes, totals, out=np.zeros_like(totals), where=totals > 0.0).sum())


def band_activity(
    amplitude: np.ndarray, frequencies: np.ndarray, top: float = 10000.0, step: float = 1000.0
) -> np.ndarray:
    """Share of cells (0 to 1) within 50 dB of the loudest, in each band of ``step`` Hz up to ``top``."""
    edges = np.arange(0.0, top + step / 2, step)
    peak = float(amplitude.max(initial=0.0))
    if peak == 0.0:
        return np.zeros(len(edges) - 1)
    active = (amplitude >= peak * 10.0 ** (_ACTIVE_DB / 20.0)).mean(axis=1)
    # A bin on an edge belongs to both bands, as in scikit-maad.
    bands = [(frequencies >= low) & (frequencies <= low + step) for low in edges[:-1]]
    return np.array([active[band].mean() if band.any() else 0.0 for band in bands])


def acoustic_diversity(activity: np.ndarray) -> float:
    """ADI (Villanueva-Rivera et al. 2011): Shannon entropy (nats) of :func:`band_activity`.

    scikit-maad: ``acoustic_diversity_index`` with ``fmax=10000, bin_step=1000``.
    """
    total = activity.sum()
    if total == 0.0:
        return 0.0
    shares = activity[activity > 0.0] / total
    return float(-(shares * np.log(shares)).sum())


def acoustic_evenness(activity: np.ndarray) -> float:
    """AEI (Villanueva-Rivera et al. 2011): Gini coefficient of :func:`band_activity`, 0 = even.

    scikit-maad: ``acoustic_eveness_index`` with ``fmax=10000, bin_step=1000``.
    """
    total = activity.sum()
    if total == 0.0:
        return 0.0
    count = activity.size
    ranks = np.arange(1, count + 1)
    return float((2.0 * (np.sort(activity) * ranks).sum() / total - (count + 1)) / count)


def bioacoustic(
    amplitude: np.ndarray, frequencies: np.ndarray, low: float = 2000.0, high: float = 11000.0
) -> float:
    """BI (Boelman et al. 2007): area of the mean spectrum in dB above its lowest value, over the bin width.

    scikit-maad: ``bioacoustics_index`` with ``flim=(2000, 11000)``.
    """
    band = (frequencies >= low) & (frequencies <= high)
    peak = float(amplitude.max(initial=0.0))
    if peak == 0.0 or not band.any():
        return 0.0
    levels = 20.0 * np.log10(np.maximum(amplitude.mean(axis=1)[band] / peak, 1e-10))
    return float((levels - levels.min()).sum() / (frequencies[1] - frequencies[0]))


def entropy(values: np.ndarray) -> float:
    """Shannon entropy of ``values`` (n,) >= 0 as shares of their sum, over log n: 0 to 1.

    Of the mean power spectrum it is the spectral entropy (scikit-maad: ``frequency_entropy``), of the squared
    envelope the temporal entropy (``temporal_entropy``) of Sueur et al. 2008. All zeros (silence) give 0.
    """
    total = values.sum()
    if total <= 0.0 or values.size < 2:
        return 0.0
    shares = values[values > 0.0] / total
    return float(-(shares * np.log(shares)).sum() / np.log(values.size))


def envelope(samples: np.ndarray, frame: int = 512) -> np.ndarray:
    """The largest absolute value in each whole frame: (n // frame,). scikit-maad: ``envelope``, fast mode."""
    count = samples.size // frame
    return np.abs(samples[: count * frame]).reshape(count, frame).max(axis=1) if count else np.zeros(0)


def band_power(power: np.ndarray, frequencies: np.ndarray, low: float, high: float) -> float:
    """Sum of a power spectrum (bins,) over ``low`` <= frequency < ``high`` Hz."""
    return float(power[(frequencies >= low) & (frequencies < high)].sum())


def ndsi(power: np.ndarray, frequencies: np.ndarray) -> float:
    """Normalised difference soundscape index (B - A) / (B + A) of a power spectrum (bins,), -1 to 1.

    A is the power in 1-2 kHz, B that in 2-11 kHz (Kasten et al. 2012). B is the sum of its 1-kHz bands, as in
    the R packages soundecology and seewave and in scikit-maad; seewave can also take their maximum. Silence
    gives 0.
    """
    human = band_power(power, frequencies, *ANTHROPOPHONY)
    living = band_power(power, frequencies, *BIOPHONY)
    return (living - human) / (living + human) if living + human > 0.0 else 0.0
