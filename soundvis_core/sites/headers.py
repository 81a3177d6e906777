"""The header of a recording of any kind: what the file holds decides which, never its extension."""

from __future__ import annotations

import os
from typing import Callable

from . import compressed, mp4_location, riff
from .media import Header, NoRecordingError, read_at

#: Endings of the files that are taken for recordings.
EXTENSIONS = frozenset(
    (
        *(".wav", ".wave", ".bwf", ".w64", ".aif", ".aiff", ".aifc", ".au", ".caf", ".flac"),
        *(".ogg", ".oga", ".opus", ".mp3", ".amr", ".wma", ".webm", ".mka"),
        *(".m4a", ".mp4", ".aac", ".3gp", ".3g2", ".mov"),
    )
)
#: Kinds of sound files whose headers are not read further.
_OTHERS = (b"FORM", b"caff", b"#!AMR", b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75", b".snd", b"riff\x2e\x91")


def is_recording(name: str) -> bool:
    """Whether a file is taken for a recording by its ending; side files of macOS are none."""
    return os.path.splitext(name)[1].lower() in EXTENSIONS and not name.startswith(".")


def read_header(path: str) -> Header:
    """The header of the recording at ``path``; its samples are not read.

    Raises :class:`NoRecordingError` where the file holds no sound, OSError where it cannot be read.
    """
    with open(path, "rb") as file:
        head = read_at(file, 0, 16)
        if not head:
            raise NoRecordingError("the file is empty (0 bytes)")
        reader = _reader(head)
        if reader is not None:
            return reader(file)
        if not head.startswith(_OTHERS):
            raise NoRecordingError(
                "the file begins like no kind of recording: it is damaged or something else"
            )
        return Header()


def _reader(head: bytes) -> Callable[..., Header] | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE":
        return riff.read
    if head[4:8] in (b"ftyp", b"moov", b"wide", b"mdat"):
        return mp4_location.read
    if head[:4] == b"fLaC":
        return compressed.read_flac
    if head[:4] == b"OggS":
        return compressed.read_ogg
    if head[0] == 0xFF and head[1:2] in (b"\xf1", b"\xf9"):  # AAC in ADTS
        return lambda _: Header()
    if head[:3] == b"ID3" or (head[0] == 0xFF and len(head) > 1 and head[1] & 0xE0 == 0xE0):
        return compressed.read_mp3
    return None
