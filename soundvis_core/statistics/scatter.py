"""The similarities behind a row, for a scatter figure: all pairs, or a random sample where there are very many."""

from __future__ import annotations

import numpy as np

from .comparisons import Comparison
from .results import PairSimilarities
from .similarity import pairs_of, varies

#: Pairs kept for a figure; more are sampled.
MAX_FIGURE_PAIRS = 200_000


def scatter(comparison: Comparison, a: np.ndarray, b: np.ndarray, pairs: int, seed: int) -> PairSimilarities:
    """The pairs of two matrices (n, n) and the least-squares line of b on a.

    pairs: how many the row has, more than the matrices hold where these are those of a sample.
    """
    first, second = pairs_of(a), pairs_of(b)
    slope = intercept = None
    if varies(first) and varies(second):
        centred = first - first.mean()
        slope = float((centred * (second - second.mean())).sum() / (centred * centred).sum())
        intercept = float(second.mean() - slope * first.mean())
    if len(first) > MAX_FIGURE_PAIRS:
        kept = np.sort(np.random.default_rng(seed).choice(len(first), MAX_FIGURE_PAIRS, replace=False))
        first, second = first[kept], second[kept]
    first, second = first.astype(np.float32), second.astype(np.float32)
    return PairSimilarities(comparison.block_a, comparison.block_b, first, second, pairs, slope, intercept)


def no_scatter(comparison: Comparison, pairs: int) -> PairSimilarities:
    """What a figure gets where there is nothing to show."""
    empty = np.empty(0, dtype=np.float32)
    return PairSimilarities(comparison.block_a, comparison.block_b, empty, empty, pairs, None, None)
