"""What the header of a recording tells of its sound and its circumstances."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import BinaryIO

from .claims import Claims

#: No header needs more than this of a chunk: sizes in damaged files promise gigabytes.
MOST_BYTES = 1 << 20
#: More chunks or boxes than any recorder writes.
MOST_CHUNKS = 1000
#: Beyond this no file system has files, and damaged sizes point there.
_LARGEST_FILE = 1 << 62
#: No recording lasts a year, and no recorder samples faster than 100 MHz.
_LONGEST, _FASTEST = 366 * 86400.0, 100_000_000


@dataclass
class Header:
    """Duration in seconds, sample rate in Hz, channels (None: not told), what is said, and what is wrong with it."""

    seconds: float | None = None
    rate: int | None = None
    channels: int | None = None
    claims: Claims = field(default_factory=Claims)
    remark: str = ""

    def without_nonsense(self) -> Header:
        """The header; a duration or rate that cannot be is taken out and remarked."""
        if self.rate is not None and not 0 < self.rate <= _FASTEST:
            self.remark = f"the header tells {self.rate} Hz, which cannot be"
            self.rate = self.seconds = None
        if self.seconds is not None and not 0.0 <= self.seconds <= _LONGEST:
            self.remark = f"the header tells a duration of {self.seconds:.3g} s, which cannot be"
            self.seconds = None
        return self


class NoRecordingError(ValueError):
    """The file is no recording; ``str(error)`` says why."""


def size_of(file: BinaryIO) -> int:
    """The size of an open file in bytes; asked without moving in it, which would throw away what is buffered."""
    return os.fstat(file.fileno()).st_size


def read_at(file: BinaryIO, at: int, size: int) -> bytes:
    """Up to ``size`` bytes from ``at``, at most :data:`MOST_BYTES`."""
    if not 0 <= at < _LARGEST_FILE:
        return b""
    file.seek(at)
    return file.read(max(0, min(size, MOST_BYTES)))


def text_of(value: bytes) -> str:
    """The text of a tag: UTF-8, else the Western encoding of Windows; up to its first zero."""
    value = value.partition(b"\0")[0]
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace").strip()
