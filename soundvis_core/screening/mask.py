"""Masks: a text such as ``1101`` that says which windows of a recording are used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import FAILED, SKIPPED, SiteError
from ..pipeline import OK, SiteResult

#: The length in seconds of a window that a character stands for.
WINDOW = 10.0
#: The reason of a site of which nothing is left.
ALL_MASKED = "all windows of the recording are masked"
#: By so many windows a mask may differ from a recording: the last one may be a sample too short at another rate.
_SLACK = 1


def read_mask(value: Any) -> str | None:
    """The mask in an attribute; None where there is none, which masks nothing.

    Raises SiteError where it is no text of 1s and 0s. A mask that a table read as a number has lost its zeros in
    front, so numbers are refused.
    """
    if value is None:
        return None
    text = str(value).strip() if isinstance(value, str) else None
    if text is None or set(text) - {"0", "1"}:
        raise SiteError(
            f"the mask '{str(value)[:40]}' is not a text of 1 (used) and 0 (masked); take the mask field of "
            "'Screen recordings'",
            FAILED,
        )
    return text or None


def used_windows(mask: str | None, windows: int) -> np.ndarray:
    """Which of ``windows`` windows are used, (windows,) bool.

    Raises SiteError where the mask is of another recording (lengths differ by more than one window), skipped where
    nothing is left.
    """
    used = np.ones(windows, dtype=bool)
    if mask is None:
        return used
    check_length(mask, windows)
    common = min(len(mask), windows)
    used[:common] = [sign == "1" for sign in mask[:common]]
    if "1" not in mask or not used.any():
        raise SiteError(ALL_MASKED, SKIPPED)
    return used


def check_length(mask: str | None, windows: int) -> None:
    """Raise SiteError where a mask is not about a recording of so many windows."""
    if mask is not None and abs(len(mask) - windows) > _SLACK:
        about = "1 window" if len(mask) == 1 else f"{len(mask)} windows"
        raise SiteError(
            f"the mask is about {about}, but the recording has {windows}: it was made for another "
            "recording. Screen the recordings again",
            FAILED,
        )


def keep_windows(result: SiteResult, mask: str | None) -> SiteResult:
    """A result with values per window, reduced to the windows that are used; others pass.

    Values that are reduced: ``starts`` (w,) and arrays of as many rows; ``windows`` and ``seconds`` follow.
    """
    if result.status != OK or mask is None:
        return result
    starts = np.asarray(result.values["starts"])
    try:
        used = used_windows(mask, len(starts))
    except SiteError as error:
        return SiteResult(error.status, str(error))
    if used.all():
        return result
    lengths = window_lengths(starts, float(result.values["seconds"]))
    values = {
        name: value[used] if isinstance(value, np.ndarray) and value.shape[:1] == used.shape else value
        for name, value in result.values.items()
    }
    values.update(windows=int(used.sum()), seconds=float(np.asarray(lengths)[used].sum()))
    return SiteResult(OK, result.reason, result.vector, values)


def window_lengths(starts: Sequence[float] | np.ndarray, seconds: float) -> list[float]:
    """The length of each window in seconds, of ``seconds`` in all: whole windows, and what is left for the last."""
    if len(starts) == 0:
        return []
    whole = [WINDOW] * (len(starts) - 1)
    return [*whole, min(max(seconds - sum(whole), 0.0), WINDOW)]
