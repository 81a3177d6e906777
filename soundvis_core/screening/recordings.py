"""Recordings to scores per 10-s window: by the signal alone, and with the tags of a model where there are any."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import FAILED, SKIPPED, Cancelled, InputError, SiteError
from ..pipeline import OK, SiteResult, TaskOrError, map_sites
from ..progress import Progress
from .rules import CLIPPING, INDOOR, SILENCE, SPEECH, TRANSIENT, WIND

#: The scores that a tagger gives in place of the signal.
_TAGGED = (SPEECH, INDOOR, TRANSIENT, WIND)


def screen_recordings(paths: Iterable[TaskOrError[str]], progress: Progress) -> Iterator[SiteResult]:
    """The scores of the windows of each recording by the signal alone, in order; see :mod:`.signal`.

    Values: ``windows``, ``seconds``, ``starts`` (w,) float32 in seconds, and by rule (w,) float32: ``speech``,
    ``transient`` (dB), ``wind``, ``silence`` (dB re full scale), ``clipping``. Silence and clipping are those of the
    channels as recorded, the rest of the mono mix at :data:`.signal.RATE`. A silent recording is ok: it is for the rule
    to say so.
    """
    return map_sites(_screen, paths, progress)


def with_tags(signal: SiteResult, heard: SiteResult) -> SiteResult:
    """The scores of the signal with those of the tags in their places, see :mod:`.tags`; ``indoor`` comes with them.

    signal: of :func:`screen_recordings`. heard: of :func:`..embed.hear_recordings`, of the same recording; where it was
    skipped (silent from beginning to end) what the tags would tell is unknown, NaN.

    Raises InputError where the model's classes are not AudioSet's in their order.
    """
    from .tags import tag_scores

    if signal.status != OK:
        return signal
    if heard.status == SKIPPED:
        unknown = np.full(len(signal.values["starts"]), np.nan, np.float32)
        return SiteResult(OK, values={**signal.values, **dict.fromkeys(_TAGGED, unknown)})
    if heard.status != OK:
        return heard
    if not heard.values.get("audioset", True):
        raise InputError(
            "The model names AudioSet's classes in an order of its own, so its tags cannot be read. Use the published "
            "model, or a checkpoint with the labels in AudioSet's order."
        )
    try:
        tags = tag_scores(heard.values["probabilities"])
    except SiteError as error:
        return SiteResult(error.status, str(error))
    if len(heard.values["starts"]) != len(signal.values["starts"]):
        return SiteResult(FAILED, "the file changed while it was screened; run again")
    scores = {name: tags[name].astype(np.float32) for name in _TAGGED}
    return SiteResult(OK, values={**signal.values, **scores})


def scores_of(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, np.ndarray]:
    """By rule the scores (windows,) float64 of a result's values; NaN throughout for a rule that has none."""
    windows = int(values["windows"])
    return {name: np.asarray(values.get(name, np.full(windows, np.nan)), dtype=np.float64) for name in names}


def _screen(path: str, stop: threading.Event) -> SiteResult:
    from ..audio import read_windows
    from .events import event_prominences
    from .full_scale import FullScaleCounter
    from .levels import LevelMeter
    from .signal import RATE, measure

    counter, meter = FullScaleCounter(), LevelMeter()

    def listen(block: np.ndarray, rate: int) -> None:
        counter(block, rate)
        meter(block, rate)

    starts: list[float] = []
    found = []
    clipping: list[float] = []
    samples = 0
    sizes: list[tuple[int, int]] = []
    for window in read_windows(path, RATE, listener=listen):
        if stop.is_set():
            raise Cancelled
        starts.append(window.start)
        samples += window.samples.size
        sizes.append((window.samples.size, window.source_rate))
        found.append(measure(window.samples))
    counter.finish()
    meter.finish()
    for place, (size, rate) in enumerate(sizes):
        clipping.append(counter.share(place, round(size / RATE * rate)))
    columns = {
        SPEECH: [one.speech for one in found],
        TRANSIENT: event_prominences([one.levels for one in found]),
        WIND: [one.wind for one in found],
        SILENCE: [meter.level(place) for place in range(len(starts))],
        CLIPPING: clipping,
    }
    values: dict[str, Any] = {"windows": len(starts), "seconds": samples / RATE}
    values["starts"] = np.asarray(starts, np.float32)
    values.update({name: np.asarray(column, np.float32) for name, column in columns.items()})
    return SiteResult(OK, values=values)
