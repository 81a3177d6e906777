"""Site bootstrap: how far a correlation over pairs of sites would move with other sites.

Sites are drawn with replacement and each pair of sites counts as often as its sites were drawn together; a site
drawn twice is not paired with its own copy, whose similarity would be 1 in every block. Drawing pairs instead
would take them as independent.

The sites are taken as drawn independently of each other; where neighbours are alike, intervals are too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .pair_variance import correlation_influence, pair_variance
from .similarity import pairs_of, varies

#: A weighted variance below this share of the whole sample's is rounding: the drawn pairs do not vary.
_NO_VARIANCE = 1e-12
#: Elements of the products held at a time (some tens of MB).
_ELEMENTS_AT_A_TIME = 8_000_000


def draws(sites: int, bootstraps: int, seed: int) -> Iterator[np.ndarray]:
    """Per bootstrap, how often each of ``sites`` sites was drawn: (sites,) float, summing to ``sites``."""
    generator = np.random.default_rng(seed)
    for _ in range(bootstraps):
        drawn = generator.integers(0, sites, size=sites)
        yield np.bincount(drawn, minlength=sites).astype(np.float64)


def bootstrap_weights(sites: int, bootstraps: int, seed: int) -> np.ndarray:
    """The draws of :func:`draws` at once: (bootstraps, sites) float64, the same for the same seed."""
    weights = np.empty((bootstraps, sites))
    for row, drawn in enumerate(draws(sites, bootstraps, seed)):
        weights[row] = drawn
    return weights


def bootstrap_r(
    a: np.ndarray, b: np.ndarray, weights: np.ndarray, progress: Progress = NO_PROGRESS
) -> np.ndarray:
    """Pearson's r over the pairs in each bootstrap: (bootstraps,), NaN where the drawn pairs do not vary.

    a, b: (n, n) symmetric similarities (rank matrices give Spearman's, with the ranks of the whole sample).
    weights: (bootstraps, n), of :func:`bootstrap_weights`; a pair weighs w_i w_j.

    Raises :class:`Cancelled` where the user stops the run.
    """
    return bootstrap_correlations([a, b], weights, progress)[:, 0, 1]


def bootstrap_correlations(
    matrices: Sequence[np.ndarray], weights: np.ndarray, progress: Progress = NO_PROGRESS
) -> np.ndarray:
    """Correlations between k matrices over the pairs in each bootstrap: (bootstraps, k, k); NaN where undefined.

    matrices: k of (n, n), symmetric. weights: (bootstraps, n). With them come multiple R, differences of dependent
    r's and all else that depends on r alone. Each moment is a quadratic form w'Mw with nothing on M's diagonal.

    Raises :class:`Cancelled` where the user stops the run.
    """
    count = len(matrices)
    centred = [_standard(matrix) for matrix in matrices]
    bootstraps, sites = weights.shape
    totals = weights.sum(axis=1) ** 2 - np.einsum("bi,bi->b", weights, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_pair = np.where(totals > 0.0, 1.0 / totals, np.nan)
    forms = count + count * (count + 1) // 2
    done = 0

    def mean(matrix: np.ndarray) -> np.ndarray:
        nonlocal done
        sums = np.empty(bootstraps)
        step = max(1, _ELEMENTS_AT_A_TIME // max(1, sites))
        for start in range(0, bootstraps, step):
            check_cancelled(progress)
            some = weights[start : start + step]
            sums[start : start + step] = np.einsum("bi,bi->b", some @ matrix, some)
        done += 1
        progress.report(done / forms)
        return sums * per_pair

    means = [mean(matrix) for matrix in centred]
    covariances = np.empty((bootstraps, count, count))
    for i in range(count):
        for j in range(i, count):
            covariance = mean(centred[i] * centred[j]) - means[i] * means[j]
            covariances[:, i, j] = covariances[:, j, i] = covariance
    variances = np.einsum("bii->bi", covariances)
    spreads = np.sqrt(np.where(variances > _NO_VARIANCE, variances, np.nan))
    return np.clip(covariances / spreads[:, :, None] / spreads[:, None, :], -1.0, 1.0)


def percentile_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float] | None:
    """The middle ``level`` of ``values`` (bootstraps,), NaN left out; None where fewer than half are left."""
    usable = values[np.isfinite(values)]
    if usable.size == 0 or 2 * usable.size < values.size:
        return None
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(usable, [tail, 100.0 - tail])
    return float(low), float(high)


def site_shrink(a: np.ndarray, b: np.ndarray, sites: int = 0) -> float:
    """What to hand :func:`site_interval` for the r of ``a`` and ``b`` (n, n): 0.58 to 1, 1 where undefined.

    sites: of the row, where the matrices are those of a sample of its sites; 0 takes their own number.
    """
    influence = correlation_influence(a, b)
    return 1.0 if influence is None else influence_shrink(influence, sites or len(a))


def influence_shrink(influence: np.ndarray, sites: int) -> float:
    """:func:`site_shrink` for any statistic, from the influence (n, n) that each pair of sites has on it.

    The excess of the bootstrap off (:meth:`PairVariance.bootstrap_shrink`), and the quantile of t with n - 2 degrees
    of freedom in the place of the normal's, for the spread itself is estimated.
    """
    from scipy.special import ndtri, stdtrit

    parts = pair_variance(influence)
    if parts is None:
        return 1.0
    return min(parts.bootstrap_shrink(sites) * float(stdtrit(sites - 2.0, 0.975) / ndtri(0.975)), 1.0)


def site_interval(
    r: float, replicates: np.ndarray, shrink: float = 1.0, level: float = 0.95
) -> tuple[float, float] | None:
    """Interval of a correlation ``r`` from its ``replicates`` (bootstraps,), with the site bootstrap's excess off.

    The percentile interval, with the distance of its ends from r scaled by ``shrink`` (see
    :meth:`PairVariance.bootstrap_shrink`) on Fisher's z, so that it stays within -1..1. None as
    :func:`percentile_interval`.

    A 95 % interval held the true r in 91 to 99 of 100 simulated samples of 30 sites or more, linked or not, with and
    without hubs (once in 88), and in 86 to 97 of 20; without the correction in 93 to 100, being up to 1.7 times as
    wide. With rank matrices it is a little narrow where the blocks are linked (88 to 95), for the ranks stay those
    of the whole sample.
    """
    interval = percentile_interval(replicates, level)
    if interval is None or abs(r) >= 1.0 - _NO_VARIANCE:
        return interval
    centre = math.atanh(r)
    inside = 1.0 - _NO_VARIANCE
    ends = [math.atanh(min(max(end, -inside), inside)) for end in interval]
    low, high = (math.tanh(centre + shrink * (end - centre)) for end in ends)
    return low, high


def linear_interval(
    value: float, replicates: np.ndarray, shrink: float = 1.0, level: float = 0.95
) -> tuple[float, float] | None:
    """:func:`site_interval` for a ``value`` that is no correlation, such as a difference of two: no Fisher's z."""
    interval = percentile_interval(replicates, level)
    if interval is None:
        return None
    return value + shrink * (interval[0] - value), value + shrink * (interval[1] - value)


def _standard(matrix: np.ndarray) -> np.ndarray:
    """``matrix`` with mean 0 over the pairs, variance 1 where it varies, and 0 on its diagonal."""
    pairs = pairs_of(matrix)
    if pairs.size == 0:
        return np.zeros_like(matrix, dtype=np.float64)
    centred = matrix - pairs.mean()
    if varies(pairs):
        centred /= pairs.std()
    else:
        centred[:] = 0.0
    np.fill_diagonal(centred, 0.0)
    return centred
