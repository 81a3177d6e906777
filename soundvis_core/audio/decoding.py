"""Open any recording as a stream of sample blocks: soundfile first, PyAV behind it.

What a file holds decides how it is read, never its extension. A recording that merely ends early (a recorder
that lost power: a WAV or OGG shorter than it should be) is read as far as it goes. One that its decoder
cannot get through, or that holds less than its own index says (FLAC, MP4), is damaged and fails.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from ..dependencies import available, how_to_get, require
from ..errors import MissingDependencyError, SiteError

# Frames (samples per channel) that soundfile decodes at a time.
_FRAMES = 1 << 14
# A decoded stream may be this much shorter than declared (encoder delay and padding, rounded durations).
_SLACK_SECONDS = 1.0
_SLACK_SHARE = 0.01
# Files that begin so are known to need PyAV: MP4/M4A/3GP, AMR, AAC in ADTS, Matroska/WebM, WMA.
_MARKS = (
    (4, b"ftyp"),
    (0, b"#!AMR"),
    (0, b"\xff\xf1"),
    (0, b"\xff\xf9"),
    (0, b"\x1a\x45\xdf\xa3"),
    (0, b"\x30\x26\xb2\x75"),
)


@dataclass(frozen=True)
class Stream:
    """An open recording. ``blocks`` yields float32 (n, channels); full scale is 1, floats may exceed it."""

    seconds: float | None
    rate: int
    channels: int
    format: str
    blocks: Generator[np.ndarray, None, None]
    _opened: tuple[Any, ...]

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        self.blocks.close()
        for thing in self._opened:
            thing.close()


class DamagedError(Exception):
    """The decoder cannot go on. ``str(error)`` says why, in the decoder's words."""


def check_file(path: str) -> None:
    """Raise :class:`SiteError` where ``path`` is no readable file with something in it."""
    if os.path.isdir(path):
        raise SiteError(f"a folder, not a recording: {path}")
    if not os.path.isfile(path):
        raise SiteError(f"no such file: {path}")
    if not os.access(path, os.R_OK):
        raise SiteError(f"no permission to read the file: {path}")
    if os.path.getsize(path) == 0:
        raise SiteError("the file is empty (0 bytes)")


def open_stream(path: str) -> Stream:
    """Open the recording at ``path``.

    Raises :class:`SiteError` where there is no sound to read in it, :class:`MissingDependencyError` where a
    package is not installed that this very file needs.
    """
    check_file(path)
    soundfile = _import_soundfile()
    refusal = "soundfile is not installed"
    if soundfile is not None:
        try:
            return _open_soundfile(soundfile, path)
        except (RuntimeError, TypeError, ValueError, OSError) as error:  # LibsndfileError is a RuntimeError
            refusal = str(error).rstrip(". ").replace(f"{path!r}", "the file")
    if available("av"):
        return _open_av(require("av"), path)
    if _needs_av(path):
        require("av")
    if soundfile is None:
        raise MissingDependencyError(f"Reading recordings takes soundfile. {how_to_get(['soundfile'])}")
    raise SiteError(
        f"not a recording that can be read ({refusal}); "
        f"if it plays elsewhere, PyAV may read it. {how_to_get(['av'])}"
    )


def _import_soundfile() -> Any:
    """soundfile, or None where it is missing or its library does not load while PyAV can stand in."""
    if not available("soundfile"):
        return None
    try:
        return require("soundfile")
    except (MissingDependencyError, OSError):  # OSError: libsndfile itself is missing
        return None


def _needs_av(path: str) -> bool:
    with open(path, "rb") as file:
        head = file.read(16)
    return any(head[at : at + len(mark)] == mark for at, mark in _MARKS)


def _open_soundfile(soundfile: Any, path: str) -> Stream:
    class Straight(soundfile.SoundFile):  # type: ignore[misc]  # soundfile comes through require(), as Any
        """Read from start to end. soundfile seeks after each block, and MP3 sounds broken where it did."""

        def seekable(self) -> bool:
            return False

    # A file named .raw would be taken as headerless; PyAV then looks at what is in it.
    file = Straight(path)
    try:
        declared = file.frames if 0 <= file.frames < 2**62 else None
        seconds = declared / file.samplerate if declared is not None else None
        blocks = _soundfile_blocks(file, declared)
        return Stream(
            seconds, file.samplerate, file.channels, f"{file.format} {file.subtype}", blocks, (file,)
        )
    except BaseException:
        file.close()
        raise


def _soundfile_blocks(file: Any, declared: int | None) -> Generator[np.ndarray, None, None]:
    got = 0
    while True:
        try:
            block = file.read(_FRAMES, dtype="float32", always_2d=True)
        except (RuntimeError, OSError) as error:
            raise DamagedError("what follows is not sound") from error  # libsndfile's own words mislead here
        got += len(block)
        if len(block):
            yield block
        if len(block) < _FRAMES:
            break
    if declared is not None:
        _check_length(got / file.samplerate, declared / file.samplerate)


def _open_av(av: Any, path: str) -> Stream:
    # A file object, not a name: FFmpeg would take some names as addresses, and some extensions as formats.
    source = open(path, "rb")  # noqa: SIM115 (the stream closes it)
    container = None
    try:
        try:
            container = av.open(source)
        except _av_errors(av) as error:
            raise SiteError(f"not a recording, or a corrupt one ({_plain(error)})") from error
        if not container.streams.audio:
            raise SiteError("there is no sound in the file")
        return _av_stream(av, container, source)
    except BaseException:
        if container is not None:
            container.close()
        source.close()
        raise


def _av_stream(av: Any, container: Any, source: Any) -> Stream:
    audio = container.streams.audio[0]
    seconds = None
    if audio.duration is not None and audio.time_base is not None:
        seconds = float(audio.duration * audio.time_base)
    elif container.duration is not None:
        seconds = container.duration / 1e6
    # Only MP4 and its kin carry an index of what should be there; other durations are estimates.
    declared = seconds if "mp4" in container.format.name else None
    frames = _av_frames(av, container)
    try:
        first = next(frames, None)
    except DamagedError as error:
        raise SiteError(f"corrupt recording: no sound can be decoded ({error})") from error
    if first is None:
        raise SiteError("the recording holds no samples")
    name = f"{container.format.name.split(',')[0]} {audio.codec_context.name}".upper()
    samples, frame = first
    blocks = _av_blocks(first, frames, declared)
    return Stream(seconds, frame.sample_rate, samples.shape[1], name, blocks, (container, source))


def _av_errors(av: Any) -> tuple[type[BaseException], ...]:
    return (av.error.FFmpegError, OSError, ValueError, RuntimeError, EOFError)


def _av_frames(av: Any, container: Any) -> Iterator[tuple[np.ndarray, Any]]:
    """Every decoded frame's samples (n, channels) and the frame itself."""
    try:
        for frame in container.decode(audio=0):
            if frame.samples:
                yield _frame_samples(frame), frame
    except _av_errors(av) as error:
        raise DamagedError(_plain(error)) from error


def _av_blocks(
    first: tuple[np.ndarray, Any], frames: Iterator[tuple[np.ndarray, Any]], declared: float | None
) -> Generator[np.ndarray, None, None]:
    rate, channels = first[1].sample_rate, first[0].shape[1]
    got = 0
    for samples, frame in chain([first], frames):
        if frame.sample_rate != rate or samples.shape[1] != channels:
            raise DamagedError("its sample rate or its channels change midway")
        got += len(samples)
        yield samples
    if declared is not None:
        _check_length(got / rate, declared)


def _frame_samples(frame: Any) -> np.ndarray:
    """The samples (n, channels) of a decoded frame as float32, full scale 1."""
    raw = frame.to_ndarray()  # planar: (channels, n); packed: (1, n * channels)
    samples = raw.T if frame.format.is_planar else raw.reshape(-1, len(frame.layout.channels))
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    bits = 8 * samples.dtype.itemsize
    centred = samples.astype(np.float64) - (2 ** (bits - 1) if samples.dtype.kind == "u" else 0)
    return (centred / 2 ** (bits - 1)).astype(np.float32)


def _check_length(got: float, declared: float) -> None:
    if got < declared - max(_SLACK_SECONDS, _SLACK_SHARE * declared):
        raise DamagedError(f"it should be {declared:.1f} s long")


def _plain(error: BaseException) -> str:
    """What FFmpeg says, without its error number and the name of the file object."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".") or type(error).__name__
