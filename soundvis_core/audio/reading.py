"""From a recording of any kind to mono windows at the rate a model wants."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import SKIPPED, SiteError
from .decoding import DamagedError, Stream, open_stream
from .mixing import Mixer
from .resampling import StreamResampler

# Float recordings may exceed full scale by a few dB, and 32-bit float recorders by more; this much (40 dB)
# means that the file holds integers dressed as floats.
_WILD = 100.0


@dataclass(frozen=True)
class Window:
    """A stretch of a recording: mono samples (n,) float32 in [-1, 1] at ``rate`` Hz, ``start`` in seconds.

    ``source_rate`` is the sample rate in Hz of the recording itself (0: not known): above half of it there
    is no sound, whatever the recorder heard.
    """

    samples: np.ndarray
    rate: int
    start: float
    source_rate: int = 0


#: Gets what is read as it was recorded: samples (n, channels) and their rate in Hz.
Listener = Callable[[np.ndarray, int], None]


def read_windows(
    path: str | os.PathLike[str],
    rate: int,
    seconds: float = 10.0,
    minimum: float = 1.0,
    listener: Listener | None = None,
) -> Iterator[Window]:
    """Stream the recording at ``path`` as mono windows of ``seconds`` at ``rate`` Hz.

    WAV (8 to 32 bit, float, extensible), FLAC, OGG and MP3 are read by soundfile, everything else by PyAV;
    what the file holds decides, not its extension. All channels are mixed down by their mean, or, where they cancel
    each other in it, the loudest of them is taken (see :mod:`.mixing`). Resampling is seamless: the windows joined
    together equal the whole recording resampled at once. Samples beyond full scale are clipped. The last window is
    kept where it is at least ``minimum`` seconds long. Memory is bounded, whatever the length. ``listener`` hears the
    samples before they are mixed, resampled and clipped, some seconds ahead of the windows.

    A recording that ends early is read as far as it goes; one that is damaged midway gives its sound windows
    and then fails, so a caller that wants whole recordings only can drop them.

    Raises, while it is being read, :class:`SiteError`: no such file, a folder, an empty file, no sound in it,
    corrupt or damaged midway (it says how far it could be read), no samples, samples that are not finite or
    not scaled to [-1, 1]; with status ``skipped`` where it is shorter than ``minimum``. Raises
    :class:`MissingDependencyError` where the package that reads it is not installed, and ValueError where
    ``rate``, ``seconds`` or ``minimum`` makes no sense.
    """
    if rate < 1 or not 0.0 < minimum <= seconds:
        raise ValueError(f"rate {rate} Hz, windows of {seconds} s, at least {minimum} s: not possible")
    return _windows(os.fspath(path), int(rate), float(seconds), float(minimum), listener)


def _windows(
    path: str, rate: int, seconds: float, minimum: float, listener: Listener | None
) -> Iterator[Window]:
    size = max(1, round(seconds * rate))
    least = max(1, round(minimum * rate))
    stream = open_stream(path)
    try:
        if stream.rate < 1 or stream.channels < 1:
            raise SiteError(f"corrupt recording: {stream.rate} Hz, {stream.channels} channels")
        held: list[np.ndarray] = []
        waiting = count = 0
        for samples in _resampled(stream, rate, listener):
            held.append(samples)
            waiting += samples.size
            while waiting >= size:
                joined = np.concatenate(held)
                yield Window(joined[:size].copy(), rate, count * size / rate, stream.rate)
                count += 1
                held, waiting = [joined[size:]], waiting - size
        if waiting >= least:
            yield Window(np.concatenate(held), rate, count * size / rate, stream.rate)
        elif count == 0 and waiting == 0:
            raise SiteError("the recording holds no samples")
        elif count == 0:
            length = waiting / rate
            raise SiteError(
                f"the recording is only {length:.2f} s long; it takes at least {minimum:g} s", SKIPPED
            )
    finally:
        stream.close()


def _resampled(stream: Stream, rate: int, listener: Listener | None) -> Iterator[np.ndarray]:
    """Pieces (n,) float32 of the whole stream, mono, at ``rate``, within [-1, 1]."""
    resampler = StreamResampler(stream.rate, rate)
    for samples in _mono(stream, listener):
        yield np.clip(resampler.push(samples), -1.0, 1.0)
    yield np.clip(resampler.flush(), -1.0, 1.0)


def _mono(stream: Stream, listener: Listener | None) -> Iterator[np.ndarray]:
    mixer = Mixer(stream.rate)
    read = given = 0
    failure: SiteError | None = None
    try:
        for block in stream.blocks:
            if listener is not None:
                listener(block, stream.rate)
            read += len(block)
            for samples in mixer.push(block):
                _check_samples(samples, given, stream.rate)
                given += samples.size
                yield samples
    except DamagedError as error:
        reason = f"the recording is damaged: it could be read up to {read / stream.rate:.1f} s"
        if stream.seconds:
            reason += f" of {stream.seconds:.1f} s"
        failure = SiteError(f"{reason} ({error})")
        failure.__cause__ = error
    for samples in mixer.flush():
        _check_samples(samples, given, stream.rate)
        given += samples.size
        yield samples
    if failure is not None:
        raise failure


def _check_samples(samples: np.ndarray, read: int, rate: int) -> None:
    if samples.min(initial=0.0) >= -_WILD and samples.max(initial=0.0) <= _WILD:
        return  # what is not a number fails both comparisons
    finite = np.isfinite(samples)
    if not finite.all():
        at = (read + int(np.argmin(finite))) / rate
        raise SiteError(f"the recording holds samples that are not finite numbers (first at {at:.1f} s)")
    raise SiteError(
        f"the recording's float samples are not scaled to -1..1 (one is {np.abs(samples).max():.0f}); "
        "export it as 16 or 24 bit"
    )
