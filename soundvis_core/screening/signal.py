"""What a window of sound is like, by measures of the signal alone: the ``light`` way, and what tags cannot tell.

None of them knows a source: hammering in the rhythm of syllables passes for speech, a bird that calls once is an event,
the rumble of a lorry may pass for wind. Calibrate them on recordings that someone has listened to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..audio.silence import is_silent
from ..audio.spectrum import frequencies, power_frames

#: The rate in Hz that recordings are read at for this: that of the tagger, so that the windows are the same.
RATE = 16000

_FRAME = 512
_HOP_SECONDS = _FRAME / 2 / RATE
_VOICE = (300.0, 3400.0)
_VOWELS = 1200.0
_HEARD_FROM = 100.0
# Rates (Hz) of the envelope: swells, syllables (about 4 per second in all languages), trills and rattle.
_SLOW, _SYLLABLES, _TRILLS, _FASTEST = 0.5, 2.5, 6.5, 31.0
_LONG_FRAME = 8192
_RUMBLE, _LOWEST, _HIGHEST = 150.0, 20.0, 8000.0
_OCTAVES = (63.0, 125.0, 250.0, 500.0)
_FALLS = 2.0
_FRAMES_PER_LEVEL = 8  # 128 ms, the "fast" weighting of sound level meters
# dB(A) re full scale; below it is the noise of the recorder, and what is above that by 15 dB is no event.
_FLOOR = -80.0


@dataclass(frozen=True)
class WindowMeasures:
    """Of one window. speech, wind: 0 to 1. levels: (n,) dB(A) per 1/8 s; none of silence."""

    speech: float
    wind: float
    levels: np.ndarray


def measure(samples: np.ndarray) -> WindowMeasures:
    """Measure a window, mono (n,) float32 in -1..1 at :data:`RATE`. Nothing of a silent one is speech or wind."""
    if is_silent(samples):
        return WindowMeasures(0.0, 0.0, np.zeros(0))
    power = power_frames(samples, _FRAME)
    return WindowMeasures(speech_likeness(power), wind_likeness(samples), _fast_levels(power))


def speech_likeness(power: np.ndarray) -> float:
    """How much like speech, 0 to 1, from a power spectrum (frames, 257) of :data:`RATE`.

    Speech swings at the rate of its syllables: the spectrum of the envelope of its bands peaks near 4 Hz (Houtgast and
    Steeneken 1985, doi:10.1121/1.392224; as a mark of speech Scheirer and Slaney 1997). The product of three numbers:
    the share that the band of telephones, 300 to 3400 Hz, has of the power above 100 Hz; the depth of the swing between
    2.5 and 6.5 Hz of the envelope of 300 to 1200 Hz, where vowels are and few birds; and the share of that swing in the
    swing at all rates from 0.5 to 31 Hz.
    """
    bins = frequencies(RATE, _FRAME)
    voice = float(power[:, (bins >= _VOICE[0]) & (bins <= _VOICE[1])].sum(dtype=np.float64))
    heard = float(power[:, bins >= _HEARD_FROM].sum(dtype=np.float64))
    vowels = power[:, (bins >= _VOICE[0]) & (bins <= _VOWELS)].sum(axis=1, dtype=np.float64)
    envelope = np.sqrt(vowels)
    mean = float(envelope.mean())
    if heard <= 0.0 or mean <= 0.0 or len(power) < 2:
        return 0.0
    taper = np.hanning(len(power) + 2)[1:-1]
    swing = np.abs(np.fft.rfft((envelope / mean - 1.0) * taper)) ** 2
    swing *= 2.0 / (len(power) * float(np.sum(taper**2)))
    rates = np.fft.rfftfreq(len(power), _HOP_SECONDS)
    every = float(swing[(rates >= _SLOW) & (rates < _FASTEST)].sum())
    syllables = float(swing[(rates >= _SYLLABLES) & (rates < _TRILLS)].sum())
    if every <= 0.0:
        return 0.0
    return voice / heard * min(np.sqrt(syllables), 1.0) * syllables / every


def wind_likeness(samples: np.ndarray) -> float:
    """How much like wind on the microphone, 0 to 1, of samples (n,) at :data:`RATE`.

    Turbulence at the microphone makes a rumble that falls steadily with frequency (Nelke and Vary 2014, "Measurement,
    analysis and simulation of wind noise signals for mobile communication devices"). The share of the power of 20 to
    8000 Hz that lies below 150 Hz, in proportion to the fall of the octaves from 63 to 500 Hz: none where they rise,
    whole from 2 dB per octave on. Engines have their power higher up, or in a hump.
    """
    power = power_frames(samples, _LONG_FRAME).mean(axis=0, dtype=np.float64)
    bins = frequencies(RATE, _LONG_FRAME)
    every = float(power[(bins >= _LOWEST) & (bins < _HIGHEST)].sum())
    if every <= 0.0:
        return 0.0
    low = float(power[(bins >= _LOWEST) & (bins < _RUMBLE)].sum())
    half = np.sqrt(2.0)
    octaves = [
        float(power[(bins >= centre / half) & (bins < centre * half)].sum()) + 1e-20 for centre in _OCTAVES
    ]
    slope = float(np.polyfit(np.arange(len(_OCTAVES)), 10.0 * np.log10(octaves), 1)[0])
    return low / every * min(max(-slope / _FALLS, 0.0), 1.0)


def _fast_levels(power: np.ndarray) -> np.ndarray:
    """Levels in dB(A) re full scale of every 128 ms of a power spectrum (frames, 257)."""
    weighted = np.einsum("fb,b->f", power, _a_weights())  # no BLAS threads beside the run's own
    whole = max(len(weighted) // _FRAMES_PER_LEVEL, 1) * _FRAMES_PER_LEVEL
    if len(weighted) < _FRAMES_PER_LEVEL:
        means = weighted.mean(keepdims=True)
    else:
        means = weighted[:whole].reshape(-1, _FRAMES_PER_LEVEL).mean(axis=1)
    return np.maximum(10.0 * np.log10(np.maximum(means, 1e-20)), _FLOOR)


@lru_cache(maxsize=1)
def _a_weights() -> np.ndarray:
    """The A-weighting of powers (257,), IEC 61672-1, annex E; 1 at 1 kHz."""
    squared = frequencies(RATE, _FRAME) ** 2
    amplitude = 12194.0**2 * squared**2
    amplitude /= (squared + 20.6**2) * (squared + 12194.0**2)
    amplitude /= np.sqrt((squared + 107.7**2) * (squared + 737.9**2))
    return (amplitude * 10.0 ** (2.0 / 20.0)) ** 2
