"""The jobs that run over files of sites, by name: the same in this process and in a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Callable

from .embed import embed_photos, embed_recordings
from .errors import SKIPPED, Cancelled, InputError, SiteError
from .models.registry import EMBED_AUDIO, EMBED_IMAGE, SEGMENT_PHOTO, load
from .pipeline import OK, SiteResult, TaskOrError, map_sites
from .progress import Progress

Paths = Iterable[TaskOrError[str]]
Options = Mapping[str, Any]


def run_job(name: str, options: Options, paths: Paths, progress: Progress) -> Iterator[SiteResult]:
    """Run a job over the files of sites; results come in order.

    Raises InputError for a job, model or class list that does not exist.
    """
    if name not in JOBS:
        raise InputError(f"There is no job '{name}'; known are {', '.join(JOBS)}.")
    return JOBS[name](options, paths, progress)


def _embed_recordings(options: Options, paths: Paths, progress: Progress) -> Iterator[SiteResult]:
    return embed_recordings(paths, load(options["model"], EMBED_AUDIO), progress)


def _embed_photos(options: Options, paths: Paths, progress: Progress) -> Iterator[SiteResult]:
    return embed_photos(paths, load(options["model"], EMBED_IMAGE), progress)


def _segment_photos(options: Options, paths: Paths, progress: Progress) -> Iterator[SiteResult]:
    from .classes import load_classes

    model = load(options["model"], SEGMENT_PHOTO)
    return map_sites(partial(_photo_shares, model, load_classes(options["classes"])), paths, progress)


def _photo_shares(model: Any, classes: Any, path: str, _stop: threading.Event) -> SiteResult:
    from .segment import segment_photo

    return SiteResult(OK, values=segment_photo(path, model, classes))


def _compose_sound(_options: Options, paths: Paths, progress: Progress) -> Iterator[SiteResult]:
    return map_sites(_sound_bga, paths, progress)


def _sound_bga(path: str, stop: threading.Event) -> SiteResult:
    """Band energies, NDSI and composition of one recording (the ``ndsi`` baseline)."""
    from .audio import SILENT_REASON, read_windows
    from .bga.soundscape import RATE, sound_composition

    def until_stopped() -> Iterator[Any]:
        for window in read_windows(path, RATE):
            if stop.is_set():
                raise Cancelled
            yield window

    sound = sound_composition(until_stopped())
    if sound.composition.raw is None:
        raise SiteError(SILENT_REASON, SKIPPED)
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


JOBS: dict[str, Callable[[Options, Paths, Progress], Iterator[SiteResult]]] = {
    "embed-recordings": _embed_recordings,
    "embed-photos": _embed_photos,
    "segment-photos": _segment_photos,
    "compose-sound": _compose_sound,
}
