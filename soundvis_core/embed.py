"""Recordings, photos and tiles to vectors.

Light models describe a site in one go on any thread; trained ones get what was prepared on many threads in batches
across sites (``batching``). Which of the two it is, the caller need not know.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Callable, Protocol, TypeVar

import numpy as np

from .batching import Forward, SiteWork, map_batches
from .errors import SKIPPED, Cancelled, InputError, SiteError
from .models.registry import AudioEncoder, ImageEncoder
from .pipeline import OK, SiteResult, TaskOrError, map_sites
from .progress import Progress

#: So many windows of one recording are encoded together; bounds the memory of long recordings.
WINDOWS_PER_BATCH = 6


# How many silent windows at the start of a recording wait until one is heard (a minute): a recorder whose
# microphone was muted costs no forward.
_SILENT_WINDOWS = 6

Task = TypeVar("Task")


class AudioTagger(AudioEncoder, Protocol):
    """A trained model of sound that names what it hears, too."""

    labels: tuple[str, ...]
    batch_size: int

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """A window as the model's input. Safe to call from several threads at once."""

    def forward_tagged(self, batch: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Inputs -> embeddings (n, dimension) and probabilities (n, labels), float32."""


def is_batched(model: Any) -> bool:
    """Whether a model takes batches of prepared inputs (trained models) or does everything itself (light ones)."""
    return hasattr(model, "prepare") and hasattr(model, "forward")


def embed_recordings(
    paths: Iterable[TaskOrError[str]], model: AudioEncoder, progress: Progress, each_window: bool = False
) -> Iterator[SiteResult]:
    """One vector per recording, in order: the mean over its 10-s windows (paper, section 3.3).

    Values: ``windows`` (how many were averaged) and ``seconds`` (how much of the recording they hold); with
    ``each_window`` also ``starts`` (windows,) float32 in seconds and ``embeddings`` (windows, dimension) float32.
    """
    if is_batched(model):
        return _batched(paths, lambda path: _Recording(path, model, each_window), model, progress)
    return map_sites(partial(_embed_recording, model, each_window), paths, progress)


def hear_recordings(
    paths: Iterable[TaskOrError[str]], model: AudioTagger, progress: Progress
) -> Iterator[SiteResult]:
    """All that a trained model says of the 10-s windows of each recording, in order.

    Values: ``windows``, ``seconds`` as in :func:`embed_recordings`; ``starts`` (windows,) float32 in seconds,
    ``embeddings`` (windows, dimension) float32, ``probabilities`` (windows, labels) float32, both of one forward;
    ``audioset`` is False where the labels are AudioSet's in another order, as a checkpoint of one's own may have them.
    """
    from .bga.audioset import is_shuffled, load_sound_classes

    ordered = not is_shuffled(model.labels, load_sound_classes())

    def forward(batch: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        return list(zip(*model.forward_tagged(batch)))

    return _batched(paths, lambda path: _Hearing(path, model, ordered), model, progress, forward)


def embedding_of(heard: SiteResult, each_window: bool = False) -> SiteResult:
    """The result of :func:`embed_recordings` from one of :func:`hear_recordings`; no forward is needed."""
    if heard.status != OK:
        return heard
    names = ("windows", "seconds", *(("starts", "embeddings") if each_window else ()))
    values = {name: heard.values[name] for name in names}
    return SiteResult(heard.status, heard.reason, _mean(heard.values["embeddings"]), values)


def masked_embedding(result: SiteResult, mask: str | None) -> SiteResult:
    """A result of :func:`embed_recordings` with ``each_window``, of the windows that a mask leaves (None: all).

    Skipped where none is left, failed where the mask is of another recording; see :mod:`.screening.mask`.
    """
    from .screening.mask import keep_windows

    kept = keep_windows(result, mask)
    return kept if kept is result else embedding_of(kept, each_window=True)


def embed_photos(
    paths: Iterable[TaskOrError[str]],
    model: ImageEncoder,
    progress: Progress,
    views: str = "centre",
) -> Iterator[SiteResult]:
    """One vector per photo, in order. Values: ``views`` (how many pictures were averaged).

    ``views``: which parts of a photo are described, see :func:`.images.views`. Raises InputError for an unknown one.
    """
    from .images import VIEWS

    if views not in VIEWS:
        raise InputError(f"There is no view mode '{views}'. Choose one of: {', '.join(VIEWS)}.")
    if is_batched(model):
        return _batched(paths, lambda path: _Photo(path, model, views), model, progress)
    return map_sites(partial(_embed_photo, model, views), paths, progress)


def embed_tiles(
    tiles: Iterable[TaskOrError[np.ndarray]], model: ImageEncoder, progress: Progress
) -> Iterator[SiteResult]:
    """One vector per tile, uint8 (h, w, 3), in order."""
    if is_batched(model):
        return _batched(tiles, lambda tile: _Tile(tile, model), model, progress)
    return map_sites(partial(_embed_tile, model), tiles, progress)


def _batched(
    tasks: Iterable[TaskOrError[Task]],
    begin: Callable[[Task], SiteWork],
    model: Any,
    progress: Progress,
    forward: Forward | None = None,
) -> Iterator[SiteResult]:
    sites = (task if isinstance(task, SiteError) else begin(task) for task in tasks)
    return map_batches(sites, forward or model.forward, model.batch_size, progress)


class _Vectors:
    """The outputs of a site's items, vectors (dimension,), and their mean."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._total = np.zeros(model.dimension)
        self._count = 0

    def add(self, output: Any) -> None:
        _check_finite(output)
        self._total += output
        self._count += 1

    def _mean(self) -> np.ndarray:
        return (self._total / max(self._count, 1)).astype(np.float32)


class _Recording(_Vectors):
    """A recording: its windows, prepared as they are decoded."""

    def __init__(self, path: str, model: Any, each_window: bool = False) -> None:
        super().__init__(model)
        self._path = path
        self._kept: list[np.ndarray] | None = [] if each_window else None
        self.starts: list[float] = []
        self._samples = 0

    def add(self, output: Any) -> None:
        super().add(output)
        if self._kept is not None:
            # A copy: a view would keep the answers to the whole batch.
            self._kept.append(output.copy())

    def items(self, stop: threading.Event) -> Iterator[np.ndarray]:
        from .audio import SILENT_REASON, is_silent, read_windows

        held: list[np.ndarray] = []
        silent = True
        for window in read_windows(self._path, self._model.rate):
            if stop.is_set():
                raise Cancelled
            self.starts.append(window.start)
            self._samples += window.samples.size
            silent = silent and is_silent(window.samples)
            held.append(window.samples)
            if not silent or len(held) > _SILENT_WINDOWS:
                yield from (self._model.prepare(samples) for samples in held)
                held.clear()
        if silent:
            raise SiteError(SILENT_REASON, SKIPPED)

    def values(self) -> dict[str, Any]:
        """How much was heard."""
        return {"windows": len(self.starts), "seconds": self._samples / self._model.rate}

    def result(self) -> SiteResult:
        values = self.values()
        if self._kept is not None:
            values.update(_each(self.starts, np.stack(self._kept)))
        return SiteResult(OK, "", self._mean(), values)


class _Hearing(_Recording):
    """A recording of which every window's answer is kept."""

    def __init__(self, path: str, model: Any, ordered: bool) -> None:
        super().__init__(path, model)
        self._ordered = ordered
        self._answers: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, output: Any) -> None:
        for part in output:
            _check_finite(part)
        # Copies: a view would keep the answers to the whole batch.
        self._answers.append((output[0].copy(), output[1].copy()))

    def result(self) -> SiteResult:
        embeddings, probabilities = (np.stack(part).astype(np.float32) for part in zip(*self._answers))
        values = {**self.values(), **_each(self.starts, embeddings), "probabilities": probabilities}
        return SiteResult(OK, "", values={**values, "audioset": self._ordered})


class _Photo:
    """A photo: one vector for each of its views."""

    def __init__(self, path: str, model: Any, views: str) -> None:
        self._path = path
        self._model = model
        self._views = views
        self._vectors: list[np.ndarray] = []

    def items(self, stop: threading.Event) -> Iterator[np.ndarray]:
        from .images import load_photo, views

        for picture in views(load_photo(self._path), self._views):
            if stop.is_set():
                raise Cancelled
            yield self._model.prepare(picture)

    def add(self, output: np.ndarray) -> None:
        _check_finite(output)
        self._vectors.append(output.copy())

    def result(self) -> SiteResult:
        from .images import combine_views

        vector = combine_views(np.stack(self._vectors), self._views)
        return SiteResult(OK, "", vector, {"views": len(self._vectors)})


class _Tile(_Vectors):
    """A tile of imagery."""

    def __init__(self, tile: np.ndarray, model: Any) -> None:
        super().__init__(model)
        self._tile = tile

    def items(self, _stop: threading.Event) -> Iterator[np.ndarray]:
        yield self._model.prepare(self._tile)

    def result(self) -> SiteResult:
        return SiteResult(OK, "", self._mean())


def _check_finite(output: np.ndarray) -> None:
    if not np.isfinite(output).all():
        raise SiteError(
            "the model gave values that are not finite numbers; its weights may be damaged, or the number format "
            "too short for it (set the precision to fp32)"
        )


def _mean(vectors: np.ndarray) -> np.ndarray:
    """Mean over the first axis, float32; added up in float64 one after the other."""
    total = np.zeros(vectors.shape[1])
    for vector in vectors:
        total += vector
    return (total / len(vectors)).astype(np.float32)


def _embed_recording(model: AudioEncoder, each_window: bool, path: str, stop: threading.Event) -> SiteResult:
    from .audio import SILENT_REASON, is_silent, read_windows

    total = np.zeros(model.dimension)
    starts: list[float] = []
    samples, silent = 0, True
    batch: list[np.ndarray] = []
    kept: list[np.ndarray] = []

    def encode() -> None:
        encoded = model.encode(batch)
        np.add(total, encoded.sum(axis=0, dtype=float), out=total)
        if each_window:
            kept.append(encoded)
        batch.clear()

    for window in read_windows(path, model.rate):
        if stop.is_set():
            raise Cancelled
        silent = silent and is_silent(window.samples)
        samples += window.samples.size
        starts.append(window.start)
        batch.append(window.samples)
        if len(batch) == WINDOWS_PER_BATCH:
            encode()
    if silent:
        raise SiteError(SILENT_REASON, SKIPPED)
    if batch:
        encode()
    values: dict[str, Any] = {"windows": len(starts), "seconds": samples / model.rate}
    if each_window:
        values.update(_each(starts, np.concatenate(kept)))
    return SiteResult(OK, "", (total / len(starts)).astype(np.float32), values)


def _each(starts: Sequence[float], embeddings: np.ndarray) -> dict[str, Any]:
    """What is told of each window: where it starts (s), and its vector."""
    return {"starts": np.asarray(starts, dtype=np.float32), "embeddings": embeddings.astype(np.float32)}


def _embed_photo(model: ImageEncoder, mode: str, path: str, _stop: threading.Event) -> SiteResult:
    from .images import combine_views, load_photo, views

    vectors = model.encode(views(load_photo(path), mode))
    return SiteResult(OK, "", combine_views(vectors, mode), {"views": len(vectors)})


def _embed_tile(model: ImageEncoder, tile: np.ndarray, _stop: threading.Event) -> SiteResult:
    return SiteResult(OK, "", model.encode([tile])[0].astype(np.float32))
