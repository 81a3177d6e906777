"""Results kept between runs, found again by what they were made from: content, model and parameters, never names.

One file per entry, so that two runs at once do not hurt each other. An entry that is cut off or altered is noticed
by its hash, deleted and made anew. Nothing here ever fails a run.
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

_MAGIC = b"SoundVis1"
_HASH_BYTES = 32
_ENDING, _PARTIAL = ".entry", ".part"
#: An unfinished file of this age (seconds) is left over from a run that was killed.
_ABANDONED = 86_400.0
#: The time of the last use is written again after so long only (seconds): a read should not cost a write.
_TOUCH = 3_600.0
#: Pruning goes this far below the limit, so that it is not needed again at once.
_ROOM = 0.9
#: How long a file may be locked until its entry is given up (seconds), and how many entries in a row until the
#: folder is.
_LOCKED, _MOST_LOCKED = 0.05, 10


def content_key(*parts: Any) -> str:
    """A name for what is made from ``parts``: texts, numbers, None, bytes, arrays, and lists and mappings of them.

    Different parts give different keys: 1, 1.0, True and "1" as well as ["ab"] and ["a", "b"]; arrays differ by
    dtype and shape, too. The order of a mapping does not matter. Raises TypeError for anything else.
    """
    digest = hashlib.sha256()
    for part in parts:
        _update(digest.update, part)
    return digest.hexdigest()


def _update(update: Callable[[Any], None], part: Any) -> None:
    if part is None or isinstance(part, (bool, int, str)):
        _tagged(update, type(part).__name__, str(part).encode("utf-8", "surrogatepass"))
    elif isinstance(part, float):
        _tagged(update, "float", struct.pack("<d", part))
    elif isinstance(part, bytes):
        _tagged(update, "bytes", part)
    elif isinstance(part, Mapping):
        _tagged(update, "mapping", str(len(part)).encode())
        for name in sorted(part):
            _update(update, name)
            _update(update, part[name])
    elif isinstance(part, (list, tuple)):
        _tagged(update, "list", str(len(part)).encode())
        for entry in part:
            _update(update, entry)
    else:
        _update_array(update, part)


def _update_array(update: Callable[[Any], None], part: Any) -> None:
    import numpy as np

    if isinstance(part, np.generic):
        _update(update, part.item())
        return
    if not isinstance(part, np.ndarray) or part.dtype.hasobject:
        raise TypeError(f"{type(part).__name__} has no content key")
    data = np.ascontiguousarray(part)
    _tagged(update, f"array {data.dtype.str} {part.shape}", b"")
    update(data.data.cast("B") if data.size else b"")


def _tagged(update: Callable[[Any], None], kind: str, data: bytes) -> None:
    update(f"{kind}:{len(data)}:".encode())
    update(data)


class ResultCache:
    """Entries (bytes by key) in a folder, of ``limit_bytes`` together after :meth:`prune`.

    problem: why entries can be neither written nor read, empty where they can. After the first such problem
    nothing more is written.
    """

    def __init__(self, folder: str | Path, limit_bytes: int) -> None:
        self._folder = Path(folder)
        self._limit = limit_bytes
        self._written = False
        self._locked = 0
        self.problem = ""

    def get(self, key: str) -> bytes | None:
        """The entry of a key; None where there is none. One that is damaged is deleted."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        payload = data[len(_MAGIC) + _HASH_BYTES :]
        if data != _packed(payload):
            self.forget(key)
            return None
        try:
            if time.time() - path.stat().st_mtime > _TOUCH:
                os.utime(path)
        except OSError:  # on a disk that cannot be written to nothing is pruned either
            return payload
        return payload

    def put(self, key: str, payload: bytes) -> bool:
        """Keep an entry; whether it is kept. A disk that is full or cannot be written to is told in :attr:`problem`."""
        if self.problem:
            return False
        path = self._path(key)
        # Two processes may write the same entry at once; the last one names it, and both wrote the same.
        partial = path.with_name(f"{path.stem}-{os.getpid()}-{time.monotonic_ns()}{_PARTIAL}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(_packed(payload))
                return self._name(partial, path)
            finally:
                _remove(partial)
        except OSError as error:
            self.problem = f"{error.strerror or error} ({self._folder})"
            return False

    def _name(self, partial: Path, path: Path) -> bool:
        """Give a written entry its name; whether it is there then. Raises OSError where none can have one.

        Windows does not rename or replace a file that another program reads just now, a scanner for viruses say:
        that is a matter of this entry, and of a moment.
        """
        for wait in (_LOCKED, 0.0):
            try:
                os.replace(partial, path)
            except PermissionError:
                if path.exists():
                    return True
                if self._locked >= _MOST_LOCKED:
                    raise
                time.sleep(wait)
            else:
                self._locked = 0
                self._written = True
                return True
        self._locked += 1
        return False

    def forget(self, key: str) -> None:
        """Delete an entry, as one whose content turned out to be unusable."""
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError:  # it is written anew, or stays as useless as it is
            return

    def prune(self) -> None:
        """Delete what was not used for longest until the rest keeps to the limit. Call it at the end of a run."""
        if not self._written:
            return
        self._written = False
        entries = []
        for path, stat in self._files():
            if path.endswith(_ENDING):
                entries.append((stat.st_mtime, stat.st_size, path))
            elif time.time() - stat.st_mtime > _ABANDONED:
                _remove(path)
        total = sum(size for _, size, _ in entries)
        if total <= self._limit:
            return
        for _, size, path in sorted(entries):
            if total <= self._limit * _ROOM:
                return
            _remove(path)
            total -= size

    def size(self) -> tuple[int, int]:
        """How many entries there are, and their bytes together."""
        sizes = [stat.st_size for path, stat in self._files() if path.endswith(_ENDING)]
        return len(sizes), sum(sizes)

    def clear(self) -> None:
        """Delete every entry, and nothing else that may lie in the folder. A run that is under way loses nothing."""
        for path, _ in self._files():
            if path.endswith(_ENDING):
                _remove(path)

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                if name.endswith((_ENDING, _PARTIAL)):
                    path = os.path.join(folder, name)
                    try:
                        yield path, os.stat(path)
                    except OSError:  # another run has deleted it meanwhile
                        continue

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / (key + _ENDING)


def _packed(payload: bytes) -> bytes:
    return _MAGIC + hashlib.sha256(payload).digest() + payload


def _remove(path: str | Path) -> None:
    try:
        os.unlink(path)
    except OSError:  # another run has deleted it meanwhile, or reads it
        return
