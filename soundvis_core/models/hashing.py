"""Hashes of files, worked out once per file and change: of weights, and of the recordings and photos of a run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..progress import NO_PROGRESS, Progress, check_cancelled

_BLOCK = 4 << 20
_MEMO_NAME = "checkpoint-hashes.json"
_ENDS = 64 << 10
#: sha256 known in this process: see :func:`_identity`.
_known: dict[tuple[object, ...], str] = {}


def sha256_of(path: Path, progress: Progress = NO_PROGRESS) -> str:
    """sha256 of a file. Raises OSError where it cannot be read, Cancelled where the user cancels."""
    return _digest(path, hashlib.sha256(), progress)


def git_blob_of(path: Path, progress: Progress = NO_PROGRESS) -> str:
    """The hash git gives a file: sha1 over ``blob <length>``, a zero byte and the content."""
    # Git's own name of the content, published by the source; no secret depends on it.
    digest = hashlib.sha1(usedforsecurity=False)
    digest.update(b"blob %d\0" % path.stat().st_size)
    return _digest(path, digest, progress)


def _digest(path: Path, digest: hashlib._Hash, progress: Progress) -> str:
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            check_cancelled(progress)
            digest.update(block)
    return digest.hexdigest()


def remembered_sha256(path: Path, memory: Path | None = None, progress: Progress = NO_PROGRESS) -> str:
    """sha256 of a file, worked out once while it stays as it is: in this process, and in all with a folder ``memory``.

    Raises OSError where the file cannot be read, Cancelled where the user cancels. A memory that cannot be read or
    written is done without.
    """
    stat = path.stat()
    known = _identity(path, stat)
    if known not in _known:
        _known[known] = _stored_sha256(path, stat, memory, progress) if memory else sha256_of(path, progress)
    return _known[known]


def _identity(path: Path, stat: os.stat_result) -> tuple[object, ...]:
    """What tells a file from every other one without reading the whole of it.

    By device and inode a renamed file is known again; some disks of a network have no inodes. The two ends of its
    content are there for memory cards: recorders on one timetable write files of the same name, size and time, and
    the second card has the drive, the path and the inodes of the first.
    """
    place = (stat.st_dev, stat.st_ino) if stat.st_ino else (os.path.abspath(path),)
    with open(path, "rb") as file:
        ends = hashlib.sha256(file.read(_ENDS))
        file.seek(max(stat.st_size - _ENDS, 0))
        ends.update(file.read(_ENDS))
    return (*place, stat.st_size, stat.st_mtime_ns, ends.digest())


def _stored_sha256(path: Path, stat: os.stat_result, memory: Path, progress: Progress) -> str:
    name = str(path.resolve())
    line = f"{name}|{stat.st_size}|{stat.st_mtime_ns}"
    stored = read_json(memory / _MEMO_NAME)
    value = stored.get(line)
    if not isinstance(value, str):
        value = sha256_of(path, progress)
        # Two runs at once may each lose the other's line: it is then worked out again.
        with contextlib.suppress(OSError):
            write_json(memory / _MEMO_NAME, {**_without(stored, name), line: value})
    return value


def _without(stored: Mapping[str, object], path: str) -> dict[str, object]:
    return {text: value for text, value in stored.items() if not text.startswith(f"{path}|")}


def read_json(path: Path) -> dict[str, object]:
    """The mapping in a JSON file; empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """Write a JSON file at once: another process sees the old one or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1, sort_keys=True)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
