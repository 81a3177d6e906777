"""Biophony, geophony and anthrophony of a recording without any model: the ``ndsi`` baseline.

The NDSI (Kasten et al. 2012, Ecological Informatics 12: 50-67) holds the power in 1-2 kHz (A, machines)
against the power in 2-11 kHz (B, animals) and knows no geophony: rain, surf and wind in leaves fill both
bands. Here the power of each window is parted once more, by what it sounds like:

1. Texture. In a cell of a third of an octave by a quarter of a second, the ratio of the geometric to the
   arithmetic mean of the power (spectral flatness) is exp(-0.577) = 0.561 for Gaussian noise, whatever its
   level or colour, and falls about as the share of the noise in the cell's power where tones, chirps or
   pulses stand out of it. Flatness / 0.561, at most 1, is taken as that share. So A and B each have a noise part.
2. What is not noise counts as the NDSI has it: in B it is biophony, in A anthrophony.
3. The noise of A and B is parted between two known spectra: road traffic (EN 1793-3), with B = 0.5 A, and
   pink noise (equal power per octave), which stands for rain and running water, with B = 2.46 A. The first is
   anthrophony, the second geophony.
4. Rumble. Wind at the microphone and thunder lie far under 1 kHz and only their tail reaches A. Their spectra
   fall much more steeply than those of traffic: from the octave of 500 Hz to that of 2 kHz by 1.7 dB per octave
   in EN 1793-3 (2 to 3 in recordings of a city and a train), but by 6 to 8 in recordings of wind and thunder.
   The noise that step 3 gave to traffic goes over to geophony in proportion, from none at twice the standard's
   slope to all at four times.

It is a baseline: machines that whistle above 2 kHz pass for animals, voices are split between A and B, doves
and frogs below 2 kHz count as anthrophony, and the tyre noise of a wet road sounds like rain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..audio.reading import Window
from ..audio.silence import is_silent
from ..audio.spectrum import frequencies, power_frames, third_octaves
from ..errors import SiteError
from ..models.acoustic_indices import ANTHROPOPHONY, BIOPHONY, band_power
from .composition import Composition, composition_from_raw

#: A good sample rate (Hz) to read recordings at for this: it holds the whole band up to 11 kHz.
RATE = 24000

# exp(-Euler's constant): spectral flatness of exponentially distributed power, that is of Gaussian noise.
_NOISE_FLATNESS = 0.5615
_FRAME_SECONDS = 0.043
_CELL_SECONDS = 0.25
# Power in 2-11 kHz over that in 1-2 kHz. Traffic: the third-octave levels of EN 1793-3 without their
# A-weighting, and their last slope (1.5 dB per third of an octave) beyond 5 kHz. Pink: the octaves in 2-11 kHz,
# log2(11 / 2).
_TRAFFIC_RATIO = 0.5
_PINK_RATIO = 2.46
# The slope's ends: the octaves around 500 Hz and 2 kHz, two octaves apart; dB per octave, downwards.
_SLOPE_LOW = (354.0, 707.0)
_SLOPE_HIGH = (1414.0, 2828.0)
_SLOPE_OCTAVES = 2.0
_TRAFFIC_SLOPE = 3.5
_RUMBLE_SLOPE = 7.0


@dataclass(frozen=True)
class SoundComposition:
    """What the ``ndsi`` baseline says of one recording.

    ``composition``: time-weighted mean over the windows that are not silent; its ``unmapped`` is the share of
    the time that is silent (or has no sound above 1 kHz). ``ndsi``: the standard index, -1 to 1, of the whole
    recording's mean power spectrum. ``band_ant``, ``band_bio``: the levels of 1-2 kHz and 2-11 kHz in dB
    relative to full scale. ``steadiness``: the share (0 to 1) of the power in 1-11 kHz that is steady
    noise, rather than tones, chirps and pulses. These are None where everything is silent. ``windows`` and
    ``seconds`` count what was read, silence too. ``note`` warns of a limit of the recording, or is empty.
    """

    composition: Composition
    ndsi: float | None
    band_ant: float | None
    band_bio: float | None
    steadiness: float | None
    windows: int
    seconds: float
    note: str


def sound_composition(windows: Iterable[Window]) -> SoundComposition:
    """The composition of a recording from its windows, in constant memory.

    Silent windows (:data:`soundvis_core.audio.SILENCE_DBFS`) are unmapped; a wholly silent recording has no
    composition (None, never 0/0/0). Raises :class:`SiteError` where the sample rate is too low for the bands,
    and what ``windows`` raises.
    """
    shares = np.zeros(3)
    bands = np.zeros(4)
    seconds = heard = 0.0
    count = 0
    rate = 0
    for window in windows:
        length = window.samples.size / window.rate
        count += 1
        seconds += length
        rate = min(window.rate, window.source_rate or window.rate)
        _check_rate(rate)
        if is_silent(window.samples):
            continue
        measured = _measure(window.samples, window.rate)
        bands += length * measured.bands
        raw = _part(measured)
        if raw is not None:
            shares += length * raw
            heard += length
    if heard == 0.0:
        nothing = composition_from_raw(None, 1.0)
        return SoundComposition(nothing, None, None, None, None, count, seconds, _note(rate))
    human, living, human_noise, living_noise = bands / heard
    both = human + living
    return SoundComposition(
        composition=composition_from_raw(tuple(shares / seconds), 1.0 - heard / seconds),
        ndsi=float((living - human) / both),
        band_ant=_decibels(human),
        band_bio=_decibels(living),
        steadiness=float((human_noise + living_noise) / both),
        windows=count,
        seconds=seconds,
        note=_note(rate),
    )


@dataclass(frozen=True)
class _Measured:
    """Powers of a window: ``bands`` = A, B, noise of A, noise of B; ``slope`` in dB per octave downwards."""

    bands: np.ndarray
    slope: float


def _measure(samples: np.ndarray, rate: int) -> _Measured:
    size = 2 ** max(6, round(np.log2(rate * _FRAME_SECONDS)))
    power = power_frames(samples, size)
    bins = frequencies(rate, size)
    cell = max(1, round(_CELL_SECONDS * rate / (size // 2)))
    human, human_noise = _noise(power, bins, ANTHROPOPHONY, cell)
    living, living_noise = _noise(power, bins, BIOPHONY, cell)
    mean = power.mean(axis=0, dtype=np.float64)
    low, high = band_power(mean, bins, *_SLOPE_LOW), band_power(mean, bins, *_SLOPE_HIGH)
    slope = 10.0 * np.log10(max(low, 1e-20) / max(high, 1e-20)) / _SLOPE_OCTAVES
    return _Measured(np.array([human, living, human_noise, living_noise]), float(slope))


def _noise(power: np.ndarray, bins: np.ndarray, band: tuple[float, float], cell: int) -> tuple[float, float]:
    """Mean power of a band, and how much of it is noise by the texture of its cells of ``cell`` frames."""
    total = noise = 0.0
    starts = np.arange(0, len(power), cell)
    frames = np.diff(np.append(starts, len(power)))
    for low, high in third_octaves(*band):
        inside = power[:, (bins >= low) & (bins < high)]
        if inside.shape[1] == 0:
            continue
        mean = np.add.reduceat(inside.sum(axis=1, dtype=np.float64), starts) / (frames * inside.shape[1])
        logs = np.log(np.maximum(inside, 1e-20)).sum(axis=1, dtype=np.float64)
        geometric = np.exp(np.add.reduceat(logs, starts) / (frames * inside.shape[1]))
        weight = frames * inside.shape[1]
        total += float((mean * weight).sum())
        noise += float((np.minimum(geometric / _NOISE_FLATNESS, mean) * weight).sum())
    return total / len(power), noise / len(power)


def _part(measured: _Measured) -> np.ndarray | None:
    """Shares (biophony, geophony, anthrophony) of a window that sum to 1; None where A and B hold nothing."""
    human, living, human_noise, living_noise = measured.bands
    if human + living <= 0.0:
        return None
    # A = traffic + water, B = 0.5 traffic + 2.46 water, neither below zero.
    water = (living_noise - _TRAFFIC_RATIO * human_noise) / (_PINK_RATIO - _TRAFFIC_RATIO)
    share = min(max(water / human_noise, 0.0), 1.0) if human_noise > 0.0 else 1.0
    of_water = share * human_noise + _water_share(share) * living_noise
    traffic = human_noise + living_noise - of_water
    steep = (measured.slope - _TRAFFIC_SLOPE) / (_RUMBLE_SLOPE - _TRAFFIC_SLOPE)
    rumble = min(max(steep, 0.0), 1.0) * traffic
    geophony = of_water + rumble
    biophony = living - living_noise
    anthrophony = (human - human_noise) + traffic - rumble
    return np.array([biophony, geophony, anthrophony]) / (human + living)


def _water_share(share: float) -> float:
    """The share of B's noise that is water where it has ``share`` of A's."""
    water, traffic = _PINK_RATIO * share, _TRAFFIC_RATIO * (1.0 - share)
    return water / (water + traffic)


def _check_rate(rate: int) -> None:
    if rate <= 2 * BIOPHONY[0]:
        raise SiteError(f"the sample rate of {rate} Hz is too low: biophony is looked for above 2 kHz")


def _note(rate: int) -> str:
    if rate == 0 or rate >= 2 * BIOPHONY[1]:
        return ""
    return (
        f"no sound above {rate / 2000:g} kHz (sample rate {rate} Hz): biophony and geophony are partly missed"
    )


def _decibels(power: float) -> float | None:
    return 10.0 * float(np.log10(power)) if power > 0.0 else None
