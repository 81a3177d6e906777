"""Transient events by level alone: how far the loudest moment of a window stands out of the rest of the recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: An event lasts as long as the loudest moment of each second stays within this many dB of its own loudest: the points
#: 10 dB down between which single events are measured, as an aircraft that flies over (ISO 20906:2009).
EVENT_DROP = 10.0
#: What is louder than so many per cent of the other seconds stands out; what fills more of them belongs to the place.
USUAL = 75.0
#: Levels of a second, 1/8 s each.
_PER_SECOND = 8


def event_prominences(levels: Sequence[np.ndarray]) -> np.ndarray:
    """How far the loudest 1/8 s of each window stands out of the rest of its recording, dB: (windows,), 0 or more.

    levels: per window (n,) dB(A) per 1/8 s, of :class:`.signal.WindowMeasures`; none of silence, which counts as no
    part of the recording. Noise events are found by 10 or 15 dB above the background (Brown and De Coensel 2018,
    Applied Acoustics 138). Against L50 alone birdsong and a busy road are events again and again, so the background is
    the higher of two: L50 of the recording, and the loudest moment that three in four of its other seconds do not
    reach, those of the event itself left out. So a siren or a single cry stands out; what recurs, or goes on for more
    than half of the recording, does not.
    """
    seconds = [_loudest_per_second(level) for level in levels]
    every = np.concatenate([np.zeros(0), *seconds])
    if not every.size:
        return np.zeros(len(levels))
    median = float(np.median(np.concatenate([level for level in levels if len(level)])))
    found = np.zeros(len(levels))
    start = 0
    for place, own in enumerate(seconds):
        if own.size and own.max() > median:
            others = _without_event(every, start + int(own.argmax()))
            if 2 * others.size >= every.size:
                usual = float(np.percentile(others, USUAL))
                found[place] = max(float(own.max()) - max(median, usual), 0.0)
        start += own.size
    return found


def _loudest_per_second(levels: np.ndarray) -> np.ndarray:
    return np.array([levels[at : at + _PER_SECOND].max() for at in range(0, len(levels), _PER_SECOND)])


def _without_event(seconds: np.ndarray, peak: int) -> np.ndarray:
    """All seconds but those of the event that is loudest at ``peak``."""
    low = np.flatnonzero(seconds < seconds[peak] - EVENT_DROP)
    before, after = low[low < peak], low[low > peak]
    first = int(before[-1]) + 1 if before.size else 0
    last = int(after[0]) if after.size else seconds.size
    return np.concatenate([seconds[:first], seconds[last:]])
