"""From scores to advice: which windows are masked, whether a site is kept, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .rules import Rule

#: A window that is used, and one that is masked, in the text of a mask.
USED, MASKED = "1", "0"


@dataclass(frozen=True)
class Verdict:
    """What screening says of one site.

    keep: the advice. reason: why not, or which windows are masked; empty where none is. mask: a character per window,
    1 used, 0 masked. scores: per rule the score of the site (see :func:`site_score`), None where it has none. kept:
    per rule in force whether the site stays by that rule alone, None where it has no score. masked: windows masked.
    """

    keep: bool
    reason: str
    mask: str
    scores: Mapping[str, float | None]
    kept: Mapping[str, bool | None]
    masked: int


def applies(scores: np.ndarray, rule: Rule, threshold: float) -> np.ndarray:
    """Where a rule applies to ``scores`` (any shape, NaN unknown), bool. What is unknown is not held against a site."""
    with np.errstate(invalid="ignore"):
        return np.asarray(scores <= threshold if rule.below else scores >= threshold)


def site_score(scores: np.ndarray, rule: Rule, most_masked: float) -> float | None:
    """The score of a site from those of its windows (w,); None where none is known.

    It is the score that makes the rule on the site the same as the rule on its windows: it reaches a threshold where
    more than ``most_masked`` (0 to 1) of the windows do, or all of them. With 0.5 that is about the median, with 0 the
    worst window. None where too few windows have a score for the rule to apply at all.
    """
    known = np.sort(scores[np.isfinite(scores)])
    needed = _needed(len(scores), most_masked)
    if needed > len(known):
        return None
    return float(known[needed - 1] if rule.below else known[-needed])


def judge(
    scores: Mapping[str, np.ndarray],
    rules: Sequence[Rule],
    thresholds: Mapping[str, float],
    most_masked: float,
) -> Verdict:
    """The advice on one site.

    scores: by rule, (windows,) float each, NaN where unknown; all of one length, at least one window. thresholds: of
    the rules in force. most_masked: a site goes where more than this share of its windows (0 to 1) is masked, or all.

    Raises :class:`InputError` for a share out of range.
    """
    if not 0.0 <= most_masked <= 1.0:
        raise InputError(f"The share of masked windows is {most_masked:g}; it lies between 0 and 1.")
    windows = len(next(iter(scores.values())))
    masked = np.zeros(windows, dtype=bool)
    counts: dict[str, int] = {}
    kept: dict[str, bool | None] = {}
    needed = _needed(windows, most_masked)
    for rule in rules:
        if rule.name not in thresholds:
            continue
        hit = applies(scores[rule.name], rule, thresholds[rule.name])
        masked |= hit
        counts[rule.name] = int(hit.sum())
        known = np.isfinite(scores[rule.name]).any()
        kept[rule.name] = counts[rule.name] < needed if known else None
    total = int(masked.sum())
    return Verdict(
        keep=total < needed,
        reason=_reason(counts, rules, total, windows),
        mask="".join(np.where(masked, MASKED, USED)),
        scores={rule.name: site_score(scores[rule.name], rule, most_masked) for rule in rules},
        kept=kept,
        masked=total,
    )


def _needed(windows: int, most_masked: float) -> int:
    """How many masked windows make a site go."""
    # 0.7 of 10 windows are 7 and not 6.999...
    return min(int(np.floor(most_masked * windows + 1e-9)) + 1, windows)


def _reason(counts: Mapping[str, int], rules: Sequence[Rule], masked: int, windows: int) -> str:
    if not masked:
        return ""
    labels = {rule.name: rule.label.lower() for rule in rules}
    if windows == 1:
        return ", ".join(labels[name] for name, count in counts.items() if count)
    said = ", ".join(f"{labels[name]} in {count}" for name, count in counts.items() if count)
    return f"{masked} of {windows} windows masked: {said}"
