"""Synthesises the recordings: noise with the spectrum of traffic, water and wind, chirping birds, voices.

Every function returns samples of unit root mean square, to be scaled to a level in decibels.
"""

from __future__ import annotations

import math

import numpy as np

#: Samples per second and seconds of a recording.
RATE = 24000
SECONDS = 30
SAMPLES = RATE * SECONDS
#: Level in decibels of a signal whose root mean square is 1, so that the loudest road stays below full scale.
FULL_SCALE = 92.0


def shaped_noise(
    rng: np.random.Generator, samples: int, bends: tuple[tuple[float, float], ...]
) -> np.ndarray:
    """Noise whose spectrum goes through ``bends`` of (frequency in Hz, decibels), straight over log frequency."""
    frequency = np.fft.rfftfreq(samples, 1 / RATE)
    places, decibels = np.array(bends, dtype=float).T
    curve = np.interp(np.log2(np.maximum(frequency, 5.0)), np.log2(places), decibels)
    spectrum = (rng.standard_normal(frequency.size) + 1j * rng.standard_normal(frequency.size)) * 10 ** (
        curve / 20
    )
    spectrum[0] = 0
    return unit(np.fft.irfft(spectrum, samples))


def unit(samples: np.ndarray) -> np.ndarray:
    """The samples scaled to a root mean square of one; silence stays silence."""
    power = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return (samples / power if power > 0 else samples).astype(np.float32)


_SPECTRA: dict[str, tuple[tuple[float, float], ...]] = {
    "traffic": (
        (15, -40),
        (40, -6),
        (90, 0),
        (450, -3),
        (1000, -9),
        (2000, -17),
        (2600, -34),
        (5000, -52),
        (12000, -70),
    ),
    "car": ((30, -30), (100, -4), (400, 0), (1100, -2), (1900, -9), (2600, -24), (5000, -40), (12000, -60)),
    "water": ((60, -24), (200, -10), (600, -3), (1500, 0), (5000, -2), (9000, -7), (12000, -12)),
    "wind": ((10, -18), (40, 0), (150, -4), (400, -13), (1000, -26), (3000, -44), (12000, -70)),
}


class SoundBank:
    """The raw material of one town: a minute of each noise and a set of syllables, from which sites take parts."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 6])
        length = 2 * SAMPLES
        self._noise = {name: shaped_noise(rng, length, bends) for name, bends in _SPECTRA.items()}
        self._syllables = [_syllable(rng, pitch) for pitch in (98, 112, 128, 180, 205, 232) for _ in range(9)]

    def noise(self, name: str, rng: np.random.Generator, samples: int = SAMPLES) -> np.ndarray:
        """A random part of a noise, forwards or backwards."""
        source = self._noise[name]
        start = int(rng.integers(0, source.size - samples))
        part = source[start : start + samples]
        return part[::-1] if rng.random() < 0.5 else part

    def traffic(self, rng: np.random.Generator, level: float) -> np.ndarray:
        """Rumble of distant traffic and, where it is loud, cars that pass by; louder roads have more of them."""
        signal = self.noise("traffic", rng).copy()
        for _ in range(int(rng.poisson(max((level - 48) / 3.2, 0.2)))):
            middle, width = float(rng.uniform(0, SECONDS)), float(rng.uniform(0.5, 1.3))
            start = max(int((middle - 5 * width) * RATE), 0)
            stop = min(int((middle + 5 * width) * RATE), SAMPLES)
            if stop - start > RATE // 10:
                time = np.arange(start, stop, dtype=np.float32) / RATE - middle
                # A source that passes at constant speed: power over the squared distance.
                swell = 1 / np.sqrt(1 + (time / (0.45 * width)) ** 2)
                swell *= np.clip(5 - np.abs(time) / width, 0, 1)
                signal[start:stop] += (
                    float(rng.uniform(1.2, 2.6)) * swell * self.noise("car", rng, stop - start)
                )
        return unit(signal)

    def water(self, rng: np.random.Generator) -> np.ndarray:
        """Steady broadband hiss of running water."""
        return unit(self.noise("water", rng))

    def wind(self, rng: np.random.Generator) -> np.ndarray:
        """Low noise that comes and goes within seconds."""
        gusts = np.interp(
            np.arange(SAMPLES) / RATE, np.arange(0, SECONDS + 2, 1.6), rng.uniform(0.35, 1.3, 20)
        )
        return unit(self.noise("wind", rng) * gusts.astype(np.float32))

    def birds(self, rng: np.random.Generator, level: float) -> np.ndarray:
        """Songs of several birds: each repeats its own phrase of chirps between 2 and 8 kHz."""
        signal = np.zeros(SAMPLES, dtype=np.float32)
        for _ in range(int(np.clip((level - 22) / 3.5, 1, 9))):
            phrase = _phrase(rng) * float(rng.uniform(0.35, 1.0))
            at = float(rng.uniform(0, 3))
            while at < SECONDS:
                start = int(at * RATE)
                part = phrase[: SAMPLES - start] * np.float32(rng.uniform(0.7, 1.0))
                signal[start : start + part.size] += part
                at += phrase.size / RATE + float(rng.uniform(0.4, 3.2))
        return unit(signal)

    def voices(self, rng: np.random.Generator, level: float) -> np.ndarray:
        """People talking: syllables of several speakers, each with a pitch of their own, and pauses."""
        signal = np.zeros(SAMPLES, dtype=np.float32)
        for _ in range(int(np.clip((level - 25) / 5, 1, 7))):
            speaker = int(rng.integers(6)) * 9
            loud, at = float(rng.uniform(0.4, 1.0)), float(rng.uniform(0, 2))
            while at < SECONDS - 0.4:
                syllable = self._syllables[speaker + int(rng.integers(9))]
                start = int(at * RATE)
                part = syllable[: SAMPLES - start]
                signal[start : start + part.size] += part * np.float32(loud * rng.uniform(0.6, 1.0))
                at += syllable.size / RATE * 0.9 + (
                    float(rng.uniform(0.3, 1.5)) if rng.random() < 0.14 else 0.02
                )
        return unit(signal)

    def mix(self, levels: dict[str, float], rng: np.random.Generator) -> np.ndarray:
        """All components of a site at their levels (decibels): float32 (720000,), full scale 1."""
        signal = np.zeros(SAMPLES, dtype=np.float32)
        for component, level in levels.items():
            if component in ("water", "wind"):
                part = getattr(self, component)(rng)
            else:
                part = getattr(self, component)(rng, level)
            signal += part * np.float32(10 ** ((level - FULL_SCALE) / 20))
        return signal


def _phrase(rng: np.random.Generator) -> np.ndarray:
    """A bird's phrase: two to eight chirps with gaps, each a sweep with a vibrato."""
    base = float(rng.uniform(2700, 6200))
    notes = []
    for _ in range(int(rng.integers(2, 9))):
        length = int(rng.uniform(0.05, 0.22) * RATE)
        time = np.arange(length) / RATE
        start = np.clip(base * rng.uniform(0.8, 1.25), 2200, 7600)
        stop = np.clip(base * rng.uniform(0.8, 1.25), 2200, 7600)
        pitch = start + (stop - start) * time * RATE / length
        pitch = pitch + rng.uniform(0, 260) * np.sin(2 * math.pi * rng.uniform(15, 45) * time)
        note = np.sin(2 * math.pi * np.cumsum(pitch) / RATE) * np.hanning(length) ** 0.7
        notes += [note * rng.uniform(0.5, 1.0), np.zeros(int(rng.uniform(0.02, 0.12) * RATE))]
    return np.concatenate(notes).astype(np.float32)


def _syllable(rng: np.random.Generator, pitch: float) -> np.ndarray:
    """A spoken syllable: harmonics of a pitch under three formants, and a swell."""
    length = int(rng.uniform(0.13, 0.28) * RATE)
    time = np.arange(length) / RATE
    voice = pitch * (1 + 0.06 * rng.uniform(-1, 1) * np.sin(2 * math.pi * time * RATE / length / 2))
    phase = 2 * math.pi * np.cumsum(voice) / RATE
    formants = (rng.uniform(300, 800), rng.uniform(900, 2000), rng.uniform(2200, 2800))
    signal = np.zeros(length)
    for harmonic in range(1, int(3000 / pitch)):
        at = harmonic * pitch
        gain = sum(weight / (1 + ((at - f) / 110) ** 2) for f, weight in zip(formants, (1.0, 0.5, 0.2)))
        signal += (gain + 0.02) * np.sin(harmonic * phase + rng.uniform(0, 2 * math.pi))
    return (signal * np.hanning(length) ** 0.5).astype(np.float32)
