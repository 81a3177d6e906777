"""Recordings, photos and tiles to vectors."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from .errors import SKIPPED, Cancelled, SiteError
from .models.registry import AudioEncoder, ImageEncoder
from .pipeline import OK, SiteResult, TaskOrError, map_sites
from .progress import Progress

#: So many windows of one recording are encoded together; bounds the memory of long recordings.
WINDOWS_PER_BATCH = 6


def embed_recordings(
    paths: Iterable[TaskOrError[str]], model: AudioEncoder, progress: Progress
) -> Iterator[SiteResult]:
    """One vector per recording, in order: the mean over its 10-s windows (paper, section 3.3).

    Values: ``windows`` (how many were averaged) and ``seconds`` (how much of the recording they hold).
    """
    return map_sites(partial(_embed_recording, model), paths, progress)


def embed_photos(
    paths: Iterable[TaskOrError[str]], model: ImageEncoder, progress: Progress
) -> Iterator[SiteResult]:
    """One vector per photo, in order. Values: ``views`` (how many pictures were averaged)."""
    return map_sites(partial(_embed_photo, model), paths, progress)


def embed_tiles(
    tiles: Iterable[TaskOrError[np.ndarray]], model: ImageEncoder, progress: Progress
) -> Iterator[SiteResult]:
    """One vector per tile, uint8 (h, w, 3), in order."""
    return map_sites(partial(_embed_tile, model), tiles, progress)


def _embed_recording(model: AudioEncoder, path: str, stop: threading.Event) -> SiteResult:
    from .audio import SILENT_REASON, is_silent, read_windows

    total = np.zeros(model.dimension)
    windows, samples, silent = 0, 0, True
    batch: list[np.ndarray] = []
    for window in read_windows(path, model.rate):
        if stop.is_set():
            raise Cancelled
        silent = silent and is_silent(window.samples)
        samples += window.samples.size
        windows += 1
        batch.append(window.samples)
        if len(batch) == WINDOWS_PER_BATCH:
            total += model.encode(batch).sum(axis=0, dtype=float)
            batch.clear()
    if silent:
        raise SiteError(SILENT_REASON, SKIPPED)
    if batch:
        total += model.encode(batch).sum(axis=0, dtype=float)
    values = {"windows": windows, "seconds": samples / model.rate}
    return SiteResult(OK, "", (total / windows).astype(np.float32), values)


def _embed_photo(model: ImageEncoder, path: str, _stop: threading.Event) -> SiteResult:
    from .images import load_photo, views

    pictures = views(load_photo(path))
    vector = model.encode(pictures).mean(axis=0, dtype=float).astype(np.float32)
    return SiteResult(OK, "", vector, {"views": len(pictures)})


def _embed_tile(model: ImageEncoder, tile: np.ndarray, _stop: threading.Event) -> SiteResult:
    return SiteResult(OK, "", model.encode([tile])[0].astype(np.float32))
