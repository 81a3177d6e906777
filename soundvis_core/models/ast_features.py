"""The log-mel spectrogram that the Audio Spectrogram Transformer (AST, arXiv 2104.01778) was trained on.

Kaldi's filter bank as transformers' ``ASTFeatureExtractor`` computes it without torchaudio, whole recordings at once
instead of frame by frame: frames of 25 ms every 10 ms, each without its offset, pre-emphasised, under a symmetric
Hann window, in an FFT of 512; 128 triangular mel filters from 20 Hz to half the rate; natural logarithm. Missing
frames are zeros *before* the normalisation, as in training: silence behind a short sound is not the spectrogram's
floor but the middle of its range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import InputError

RATE = 16000
FRAME, HOP, FFT = 400, 160, 512
PRE_EMPHASIS = 0.97
#: Hertz; Kaldi's default lower edge.
LOWEST = 20.0
#: Powers below this count as this much: float32's epsilon, as in Kaldi.
FLOOR = 1.192092955078125e-07

# Ten minutes: what asks for more is damaged.
_MOST_FRAMES = 60_000
# So many frames at a time stay in a core's cache.
_FRAMES = 128


@dataclass(frozen=True)
class MelSettings:
    """What a checkpoint says of its input (``preprocessor_config.json``); the defaults are AudioSet's.

    mean, std: of the log-mel values over the training set. max_length: frames. num_mel_bins: filters.
    """

    mean: float = -4.2677393
    std: float = 4.5689974
    max_length: int = 1024
    num_mel_bins: int = 128
    do_normalize: bool = True

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], where: str) -> MelSettings:
        """The settings of a parsed ``preprocessor_config.json``; ``where`` names the file in messages.

        Raises InputError for a value that is none of its kind, and for another sample rate than 16 kHz.
        """
        kind = values.get("feature_extractor_type", "ASTFeatureExtractor")
        if kind != "ASTFeatureExtractor":
            raise InputError(f"{where} is made for '{kind}', not for an Audio Spectrogram Transformer.")
        rate = values.get("sampling_rate", RATE)
        if rate != RATE:
            raise InputError(f"{where} asks for sound at {rate} Hz; only models of {RATE} Hz can be used.")
        settings = cls(
            mean=_number(values, "mean", cls.mean, where),
            std=_number(values, "std", cls.std, where),
            max_length=int(_number(values, "max_length", cls.max_length, where)),
            num_mel_bins=int(_number(values, "num_mel_bins", cls.num_mel_bins, where)),
            do_normalize=bool(values.get("do_normalize", True)),
        )
        if (
            settings.std <= 0.0
            or not 1 <= settings.max_length <= _MOST_FRAMES
            or not 1 <= settings.num_mel_bins <= FFT // 2
        ):
            raise InputError(
                f"{where} says std {settings.std:g}, max_length {settings.max_length} and num_mel_bins "
                f"{settings.num_mel_bins}; that is no spectrogram."
            )
        return settings


AUDIOSET = MelSettings()


def log_mel(samples: np.ndarray, settings: MelSettings = AUDIOSET) -> np.ndarray:
    """The input of AST for mono ``samples`` (n,) float32 in -1..1 at 16 kHz: float32 (max_length, num_mel_bins).

    10 s give 998 frames, then zeros up to 1024; longer sounds are cut. Samples beyond the last whole frame are not
    heard. Safe to call from several threads at once; most of the time is spent without Python's lock.
    """
    samples = np.asarray(samples).reshape(-1)
    count = min(max(0, 1 + (samples.size - FRAME) // HOP), settings.max_length)
    spectrogram = np.zeros((settings.max_length, settings.num_mel_bins), dtype=np.float32)
    if count:
        _fill(spectrogram[:count], samples[: FRAME + (count - 1) * HOP])
    if settings.do_normalize:
        spectrogram -= np.float32(settings.mean)
        spectrogram /= np.float32(settings.std * 2.0)
    return spectrogram


def _fill(out: np.ndarray, samples: np.ndarray) -> None:
    """Log-mel of every frame of ``samples`` into ``out`` (frames, filters).

    In float64, as in the reference: bins far below the loudest of a frame would else be rounding errors.
    """
    from scipy.fft import rfft

    heard = samples.astype(np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(heard, FRAME)[::HOP]
    emphasised = np.empty_like(heard)
    np.multiply(heard[:-1], -PRE_EMPHASIS, out=emphasised[1:])
    emphasised[1:] += heard[1:]
    # The first sample of a frame has no one before it there; the window is zero at it, so any value will do.
    emphasised[0] = 0.0
    steps = np.lib.stride_tricks.sliding_window_view(emphasised, FRAME)[::HOP]
    window, filters = _window(), _filters(out.shape[1])
    for start in range(0, len(out), _FRAMES):
        part = slice(start, start + _FRAMES)
        # Pre-emphasis of x - m is that of x, less (1 - 0.97) m.
        offsets = frames[part].mean(axis=1, keepdims=True) * (1.0 - PRE_EMPHASIS)
        spectrum = rfft((steps[part] - offsets) * window, FFT, axis=1)
        power = spectrum.real**2
        power += spectrum.imag**2
        mel = filters @ power.T
        np.maximum(mel, FLOOR, out=mel)
        out[part] = np.log(mel, out=mel).T


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    window = np.hanning(FRAME)
    window.setflags(write=False)
    return window


@lru_cache(maxsize=4)
def _filters(count: int) -> Any:
    """Mel filters (count, 257), sparse: 2 of 128 values are not zero, and no BLAS threads compete with the model's.

    Triangles on Kaldi's scale, mel = 1127 ln(1 + f / 700), whose sides are straight in mel; the peaks are 1. The
    lowest are narrower than a bin, and some hold none.
    """
    from scipy.sparse import csr_matrix

    edges = np.linspace(_mel(LOWEST), _mel(RATE / 2.0), count + 2)
    bins = _mel(np.arange(FFT // 2 + 1) * (RATE / FFT))
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return csr_matrix(np.maximum(triangles, 0.0))


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log(1.0 + hertz / 700.0)


def _number(values: Mapping[str, Any], name: str, default: float, where: str) -> float:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise InputError(f"{where} gives '{value}' as {name}; a number is needed.")
    return value
