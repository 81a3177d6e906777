"""Files that belong together are replaced together, or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError


def replace_together(contents: Mapping[Path, bytes]) -> None:
    """Write all files beside their places first and then move them there; on failure the old ones are as they were.

    Raises :class:`InputError` where a file cannot be written.
    """
    parts = {path: _beside(path, "part") for path in contents}
    kept: dict[Path, Path] = {}
    placed: list[Path] = []
    current = next(iter(contents))
    try:
        for current, content in contents.items():
            parts[current].write_bytes(content)
        for current in contents:
            if current.is_file():
                old = _beside(current, "old")
                os.replace(current, old)
                kept[current] = old
            os.replace(parts[current], current)
            placed.append(current)
    except OSError as error:
        for path in placed:
            path.unlink(missing_ok=True)
        for path, old in kept.items():
            os.replace(old, path)
        raise InputError(
            f"The report cannot be written to {current} ({error.strerror or error}). "
            "Check that the folder exists, can be written to, and that no other program holds the file."
        ) from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    for old in kept.values():
        old.unlink(missing_ok=True)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{ending}")
