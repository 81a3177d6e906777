"""Recordings to biophony, geophony and anthrophony: without a model (``ndsi``), or from what a model heard."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .errors import SKIPPED, Cancelled, InputError, SiteError
from .pipeline import OK, SiteResult, TaskOrError, map_sites
from .progress import Progress

if TYPE_CHECKING:
    from .bga.audioset import SoundClasses


def compose_recordings(
    paths: Iterable[TaskOrError[Any]], options: Mapping[str, Any], progress: Progress
) -> Iterator[SiteResult]:
    """The ``ndsi`` composition of each recording, in order: see :mod:`.bga.soundscape`. It has no options.

    A task is a path, or a mapping of ``path`` and ``mask`` (see :mod:`.screening.mask`), whose masked windows are not
    heard. Values: ``raw`` (three numbers), ``unmapped``, ``ndsi``, ``band_ant``, ``band_bio``, ``steadiness``,
    ``windows``, ``seconds``.
    """
    del options
    return map_sites(_compose_recording, paths, progress)


def composition_of(heard: SiteResult, options: Mapping[str, Any]) -> SiteResult:
    """The composition of a recording from the tags of its windows, as :func:`.embed.hear_recordings` gives them.

    options: ``threshold``, ``aggregation``, ``pets`` (see :func:`.bga.audioset.compose_windows`), ``weights`` (a CSV
    of classes to weigh otherwise, see :func:`.bga.audioset.load_sound_classes`), ``tags`` (whether the probabilities
    are wanted back); all may be missing. Values: ``raw`` (three numbers, or None where no class with weights is
    heard: such a site is skipped), ``unmapped``, ``windows``, ``seconds``, ``top_tags`` (text); with ``tags`` also
    ``starts`` (windows,) and ``probabilities`` (windows, 527), float32.

    Raises InputError where an option cannot be used or the model's classes are not AudioSet's in their order.
    """
    from .bga.audioset import AGGREGATIONS, THRESHOLD, compose_windows, top_tags

    if heard.status != OK:
        return heard
    if not heard.values.get("audioset", True):
        raise InputError(
            "The model names AudioSet's classes in an order of its own, so its tags cannot be weighed. Use the "
            "published model, or a checkpoint with the labels in AudioSet's order."
        )
    classes = sound_classes(options.get("weights"))
    threshold = THRESHOLD if options.get("threshold") is None else float(options["threshold"])
    aggregation = str(options.get("aggregation") or AGGREGATIONS[0])
    pets = True if options.get("pets") is None else bool(options["pets"])
    probabilities = heard.values["probabilities"]
    try:
        composition = compose_windows(probabilities, classes, threshold, aggregation, pets)
        tags = top_tags(probabilities, classes, threshold)
    except SiteError as error:
        return SiteResult(error.status, str(error))
    values: dict[str, Any] = {
        "raw": None if composition.raw is None else list(composition.raw),
        "unmapped": composition.unmapped,
        "windows": heard.values["windows"],
        "seconds": heard.values["seconds"],
        "top_tags": tags,
    }
    if options.get("tags"):
        values.update({name: heard.values[name] for name in ("starts", "probabilities")})
    if composition.raw is None:
        reason = "no sound with BGA weights reaches the threshold in any window"
        return SiteResult(SKIPPED, reason, values=values)
    return SiteResult(OK, heard.reason, values=values)


def sound_classes(path: str | None = None) -> SoundClasses:
    """The classes of AudioSet with their weights; a table is read once, and again when it has changed."""
    if not path:
        return _read_classes("", 0, 0)
    try:
        state = os.stat(path)
    except OSError:
        return _read_classes.__wrapped__(path, 0, 0)  # says what is wrong with the path
    return _read_classes(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read_classes(path: str, _modified: int, _size: int) -> SoundClasses:
    from .bga.audioset import load_sound_classes

    return load_sound_classes(path or None)


def _compose_recording(task: str | Mapping[str, str], stop: threading.Event) -> SiteResult:
    from .audio import SILENT_REASON, read_windows
    from .bga.soundscape import RATE, sound_composition
    from .screening.mask import ALL_MASKED, check_length

    path, mask = (task, None) if isinstance(task, str) else (task["path"], task["mask"])

    def used_windows() -> Iterator[Any]:
        count = 0
        for count, window in enumerate(read_windows(path, RATE), start=1):
            if stop.is_set():
                raise Cancelled
            if mask is None or mask[count - 1 : count] != "0":
                yield window
        check_length(mask, count)

    if mask is not None and "1" not in mask:
        raise SiteError(ALL_MASKED, SKIPPED)
    sound = sound_composition(used_windows())
    if sound.composition.raw is None:
        raise SiteError(SILENT_REASON if sound.windows else ALL_MASKED, SKIPPED)
    values = {
        "raw": [float(value) for value in sound.composition.raw],
        "unmapped": sound.composition.unmapped,
        "ndsi": sound.ndsi,
        "band_ant": sound.band_ant,
        "band_bio": sound.band_bio,
        "steadiness": sound.steadiness,
        "windows": sound.windows,
        "seconds": sound.seconds,
    }
    return SiteResult(OK, sound.note or "", values=values)
