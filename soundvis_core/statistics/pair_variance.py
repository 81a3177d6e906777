"""How much a mean over pairs of sites varies from one sample of sites to another.

Pairs that share a site are not independent, so a mean over pairs is a U-statistic, whose variance has two parts: that
of single pairs, which falls with n squared, and that which the pairs of a site share, which falls with n (Hoeffding
1948, doi:10.1214/aoms/1177730196). Both are estimated here, without bias, from one sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .similarity import pairs_of, varies

#: Disjoint pairs are needed to tell the parts apart.
MIN_SITES = 4
#: r with a square this close to 1 has no Fisher z.
_WHOLE = 1e-12


@dataclass(frozen=True)
class PairVariance:
    """The parts of the variance of a value h of pairs of sites.

    single: Var(h of a pair). shared: Cov(h of two pairs that share a site), 0 to ``single`` / 2.
    """

    single: float
    shared: float

    def of_mean(self, sites: int) -> float:
        """Variance of the mean of h over all pairs of ``sites`` sites (2 or more) drawn afresh."""
        return (2.0 * self.single + 4.0 * (sites - 2) * self.shared) / (sites * (sites - 1.0))

    def bootstrap_shrink(self, sites: int) -> float:
        """What the deviations of a site bootstrap must be scaled by to have the right spread, 0.58 to 1.

        A bootstrap draws each site's noise anew in its row as well as in its pairs, so it counts the part of single
        pairs three times: 6 single + 4 (n - 2) shared instead of 2 single + 4 (n - 2) shared.
        """
        shared = 4.0 * (sites - 2) * self.shared
        total = 6.0 * self.single + shared
        return math.sqrt((2.0 * self.single + shared) / total) if total > 0.0 else 1.0


def pair_variance(values: np.ndarray) -> PairVariance | None:
    """The parts of the variance of ``values`` (n, n), symmetric; the diagonal does not count. None for n < 4.

    Unbiased before ``shared`` is held within its bounds: the means of the products of a pair with itself and with
    pairs that share a site, less the mean product of disjoint pairs.
    """
    sites = len(values)
    if sites < MIN_SITES:
        return None
    centred = values - pairs_of(values).mean()
    np.fill_diagonal(centred, 0.0)
    squares = float(np.einsum("ij,ij->", centred, centred))
    rows = centred.sum(axis=1)
    joint = float(np.einsum("i,i->", rows, rows)) - squares
    ordered = sites * (sites - 1.0)
    disjoint = -(2.0 * squares + 4.0 * joint) / (ordered * (sites - 2.0) * (sites - 3.0))
    single = max(squares / ordered - disjoint, 0.0)
    shared = joint / (ordered * (sites - 2.0)) - disjoint
    return PairVariance(single, min(max(shared, 0.0), 0.5 * single))


def correlation_influence(first: np.ndarray, second: np.ndarray) -> np.ndarray | None:
    """What each pair of sites does to Pearson's r over the pairs: (n, n), with mean 0 over the pairs.

    first, second: (n, n) symmetric. For z-scored a and b it is a b - r (a^2 + b^2) / 2, so that the variance of its
    mean is that of r, to first order. None where a matrix does not vary.
    """
    if not (varies(pairs_of(first)) and varies(pairs_of(second))):
        return None
    return influence_of_scores(z_scores(first), z_scores(second))


def influence_of_scores(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """:func:`correlation_influence` of two matrices that are :func:`z_scores` already."""
    product = first * second
    r = float(product.sum()) / (len(first) * (len(first) - 1.0))
    influence: np.ndarray = product - 0.5 * r * (first * first + second * second)
    return influence


def z_scores(matrix: np.ndarray) -> np.ndarray:
    """``matrix`` (n, n), which must vary, with mean 0 and variance 1 over the pairs and 0 on the diagonal."""
    pairs = pairs_of(matrix)
    scores: np.ndarray = (matrix - pairs.mean()) / pairs.std()
    np.fill_diagonal(scores, 0.0)
    return scores


def fisher_sd(first: np.ndarray, second: np.ndarray, sites: int = 0) -> float | None:
    """Standard deviation of Fisher's z of r over samples of ``sites`` sites, 0 for as many as here; matrices (n, n).

    None where r is undefined or 1 or -1, and for fewer than 4 sites.
    """
    if not (varies(pairs_of(first)) and varies(pairs_of(second))):
        return None
    a, b = z_scores(first), z_scores(second)
    parts = pair_variance(influence_of_scores(a, b))
    r = float(np.einsum("ij,ij->", a, b)) / (len(a) * (len(a) - 1.0))
    slack = 1.0 - r * r
    if parts is None or slack <= _WHOLE:
        return None
    variance = parts.of_mean(sites or len(a))
    return math.sqrt(variance) / slack if variance > 0.0 else None
