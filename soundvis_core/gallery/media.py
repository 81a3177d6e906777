"""Pictures and short clips of recordings small enough to live inside an HTML file, as data URIs."""

from __future__ import annotations

import base64
import io
import math
import os
import wave
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from ..audio import read_windows
from ..dependencies import available, require
from ..errors import SKIPPED, MissingDependencyError, SiteError
from ..images import load_photo, resize

#: The longer side of a picture in pixels, and the quality of its JPEG.
PICTURE_SIDE, _QUALITY = 480, 82
#: Length of a clip, and how far into a recording the loudest one is looked for, in seconds.
CLIP_SECONDS, LOOKED_AT = 10.0, 120.0
#: A clip whose largest sample is below the first number is made louder until it is the second.
_QUIET, _AUDIBLE = 0.1, 0.5
#: Nothing is heard below this largest sample (24 bit noise).
_SILENT = 1e-6
#: Seconds over which a clip fades in and out, so that it does not click.
_FADE = 0.02
#: Compressed formats of libsndfile, the one that most browsers play first: format, subtype, MIME type, rate in Hz.
_COMPRESSED = (("MP3", "MPEG_LAYER_III", "audio/mpeg", 32000), ("OGG", "VORBIS", "audio/ogg", 32000))
_WAV_RATE = 16000
#: Frames encoded at a time: libsndfile's Vorbis encoder overflows its stack on long writes.
_FRAMES = 4096


@dataclass(frozen=True)
class Media:
    """A picture or clip as a data URI, with what it shows; or, with an empty ``uri``, the reason why there is none."""

    uri: str = ""
    caption: str = ""
    reason: str = ""


def picture(image: np.ndarray, caption: str) -> Media:
    """An image (h, w, 3) uint8 as JPEG, its longer side at most ``PICTURE_SIDE``.

    Raises :class:`MissingDependencyError` without Pillow.
    """
    height, width = image.shape[:2]
    share = min(1.0, PICTURE_SIDE / max(height, width))
    small = resize(image, max(1, round(width * share)), max(1, round(height * share)))
    target = io.BytesIO()
    require("PIL.Image").fromarray(np.ascontiguousarray(small)).save(target, "JPEG", quality=_QUALITY)
    return Media(_data_uri("image/jpeg", target.getvalue()), caption)


def photo(path: str | os.PathLike[str], caption: str = "photo") -> Media:
    """A photo of any common format, upright. Raises :class:`SiteError` where it cannot be read."""
    return picture(load_photo(os.fspath(path), PICTURE_SIDE), caption)


def clip(path: str | os.PathLike[str]) -> Media:
    """The loudest ten seconds among the first two minutes of a recording, mono; all of a shorter one.

    MP3 or OGG Vorbis where soundfile can write them, else 16-bit WAV at 16 kHz. A very quiet clip is made louder, and
    the caption says by how much.

    Raises :class:`SiteError` where the recording cannot be read or is silent, and :class:`MissingDependencyError`
    where a package is missing that reads it.
    """
    encoder = _encoder()
    rate = encoder[3] if encoder is not None else _WAV_RATE
    start, samples = _loudest(os.fspath(path), rate)
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < _SILENT:
        raise SiteError("the recording is silent", SKIPPED)
    caption = f"{_clock(start)} to {_clock(start + samples.size / rate)}"
    if peak < _QUIET:
        gain = _AUDIBLE / peak
        samples = samples * gain
        caption += f", made louder by {20.0 * math.log10(gain):.0f} dB"
    samples = _faded(samples, rate)
    if encoder is None:
        return Media(_data_uri("audio/wav", _wav(samples, rate)), caption)
    return Media(_data_uri(encoder[2], _compressed(samples, encoder)), caption)


def _loudest(path: str, rate: int) -> tuple[float, np.ndarray]:
    """Start in seconds and samples (n,) of the loudest window. What follows damage is passed over."""
    best: tuple[float, float, np.ndarray] | None = None
    windows = islice(read_windows(path, rate, CLIP_SECONDS, 0.1), int(LOOKED_AT / CLIP_SECONDS))
    try:
        for window in windows:
            power = float(np.einsum("i,i->", window.samples, window.samples)) / window.samples.size
            # A short rest at the end is taken only where there is nothing else.
            if best is None or (power > best[0] and window.samples.size >= best[2].size):
                best = power, window.start, window.samples
    except SiteError:
        if best is None:
            raise
    if best is None:
        raise SiteError("the recording holds no samples")
    return best[1], best[2]


def _encoder() -> tuple[str, str, str, int] | None:
    """The first compressed format that soundfile can write here; None where it writes none or is missing."""
    if not available("soundfile"):
        return None
    try:
        soundfile = require("soundfile")
        formats = soundfile.available_formats()
        return next(
            (
                row
                for row in _COMPRESSED
                if row[0] in formats and row[1] in soundfile.available_subtypes(row[0])
            ),
            None,
        )
    except (MissingDependencyError, OSError):  # OSError: libsndfile itself is missing
        return None


def _compressed(samples: np.ndarray, encoder: tuple[str, str, str, int]) -> bytes:
    kind, subtype, _, rate = encoder
    target = io.BytesIO()
    with require("soundfile").SoundFile(target, "w", rate, 1, subtype=subtype, format=kind) as file:
        for first in range(0, len(samples), _FRAMES):
            file.write(samples[first : first + _FRAMES])
    return target.getvalue()


def _wav(samples: np.ndarray, rate: int) -> bytes:
    target = io.BytesIO()
    file: Any
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
    return target.getvalue()


def _faded(samples: np.ndarray, rate: int) -> np.ndarray:
    """A copy that starts and ends softly."""
    length = min(int(_FADE * rate), samples.size // 2)
    faded = np.array(samples, dtype=np.float32)
    ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
    faded[:length] *= ramp
    faded[faded.size - length :] *= ramp[::-1]
    return faded


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
