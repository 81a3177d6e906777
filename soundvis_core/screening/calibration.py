"""A threshold from sites that someone has judged: the one that parts them best, and how well it does on others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError

#: Up to so many judged sites each is left out in turn; of more, as many parts.
FOLDS = 1000


@dataclass(frozen=True)
class Calibration:
    """A calibrated threshold.

    sensitivity: share of the sites marked 1 to which the rule applies; specificity: share of those marked 0 to which it
    does not. youden: their sum less 1 (Youden 1950). balanced: their mean, the balanced accuracy, on the sites that
    the threshold was chosen on: too good. left_out: the same where each site is judged by the threshold of the
    others; None with fewer than two sites of a kind. auc: the chance that a site marked 1 scores higher than one marked
    0. yes, no: how many sites of either kind.
    """

    threshold: float
    sensitivity: float
    specificity: float
    youden: float
    balanced: float
    left_out: float | None
    auc: float
    yes: int
    no: int


def calibrate(scores: np.ndarray, marked: np.ndarray, below: bool = False) -> Calibration:
    """The threshold with the best balanced accuracy, which is also that of Youden's J (Youden 1950).

    scores: (n,) float, finite. marked: (n,) bool, whether the rule should apply. below: it applies at or below the
    threshold. It lies midway between two scores; of several that are equally good the middle one is taken.

    Raises :class:`InputError` where there is no site of one kind.
    """
    scores = np.asarray(scores, dtype=np.float64)
    marked = np.asarray(marked, dtype=bool)
    yes, no = int(marked.sum()), int((~marked).sum())
    if not yes or not no:
        raise InputError(
            f"A threshold needs judged sites of both kinds, but {yes} are marked 1 and {no} marked 0 (of those with a "
            "score). Mark some of the other kind."
        )
    signed = -scores if below else scores
    order = np.argsort(signed, kind="stable")
    values, kinds = signed[order], marked[order]
    threshold = _best(values, kinds)
    sensitivity, specificity = _rates(values >= threshold, kinds)
    left_out = _left_out(values, kinds) if min(yes, no) >= 2 else None
    return Calibration(
        threshold=-threshold if below else threshold,
        sensitivity=sensitivity,
        specificity=specificity,
        youden=sensitivity + specificity - 1.0,
        balanced=(sensitivity + specificity) / 2.0,
        left_out=left_out,
        auc=_auc(values, kinds),
        yes=yes,
        no=no,
    )


def _best(values: np.ndarray, kinds: np.ndarray) -> float:
    """The threshold from which on the rule applies, for rising ``values``."""
    edges = np.flatnonzero(np.diff(values) > 0.0) + 1
    cuts = np.concatenate([[0], edges])  # so many sites lie below
    missed = np.concatenate([[0], np.cumsum(kinds)])[cuts] / max(int(kinds.sum()), 1)
    spared = np.concatenate([[0], np.cumsum(~kinds)])[cuts] / max(int((~kinds).sum()), 1)
    gain = spared - missed
    best = cuts[np.flatnonzero(gain >= gain.max() - 1e-12)]
    cut = int(best[(len(best) - 1) // 2])
    if cut == 0:
        return float(values[0])
    middle = float(values[cut - 1] / 2.0 + values[cut] / 2.0)
    # Between two numbers that lie next to each other there is none.
    return middle if values[cut - 1] < middle < values[cut] else float(values[cut])


def _rates(hit: np.ndarray, kinds: np.ndarray) -> tuple[float, float]:
    return float(hit[kinds].mean()), float((~hit[~kinds]).mean())


def _left_out(values: np.ndarray, kinds: np.ndarray) -> float:
    folds = np.arange(len(values)) % FOLDS
    hit = np.zeros(len(values), dtype=bool)
    for fold in range(min(FOLDS, len(values))):
        mine = folds == fold
        hit[mine] = values[mine] >= _best(values[~mine], kinds[~mine])
    return float(np.mean(_rates(hit, kinds)))


def _auc(values: np.ndarray, kinds: np.ndarray) -> float:
    from scipy.stats import rankdata

    ranks = rankdata(values)
    yes = int(kinds.sum())
    no = len(kinds) - yes
    return float((ranks[kinds].sum() - yes * (yes + 1) / 2.0) / (yes * no))
