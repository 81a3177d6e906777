"""What a study of so many sites could find, from the similarities it has: no guess of an effect's spread is needed.

Two things are asked of the data: how far r strays by chance where nothing is linked (its permutation distribution),
and how far it strays from sample to sample where something is. Both fall with the number of sites, one part with n
squared and one, what the pairs of a site share, with n; the parts are taken from the data (see ``pair_variance``),
so that both can be told for other numbers of sites.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .moments import permutation_sd, sd_of_sums
from .pair_variance import PairVariance, pair_variance, z_scores
from .similarity import pairs_of, varies

#: Below this a permutation test can hardly reach a small p: five sites have 120 orders.
MIN_SITES = 6
#: No study is told to have more sites than this.
MAX_SITES = 10_000_000
_HALVINGS = 60


@dataclass(frozen=True)
class PowerModel:
    """The chance to find an r with some number of sites like those of a sample of ``sites``.

    null_sd: of r over all permutations of the sample. a, b: variances of the z-scored similarities of either block,
    single = 1. squares_a, squares_b: those of their squares. alpha: of the two-sided test.
    """

    sites: int
    null_sd: float
    a: PairVariance
    b: PairVariance
    squares_a: PairVariance
    squares_b: PairVariance
    alpha: float = 0.05

    def null_sd_at(self, sites: int) -> float:
        """Standard deviation of r over all permutations of ``sites`` sites; exact at the sample's own number.

        Mantel's variance with the sums it needs as they are expected at ``sites``, from those at the sample's.
        """
        return self.null_sd * self._expected_null_sd(sites) / self._expected_null_sd(self.sites)

    def critical_r(self, sites: int) -> float:
        """The absolute r that a Mantel test calls significant, by the normal distribution."""
        from scipy.special import ndtri

        return float(-ndtri(self.alpha / 2.0)) * self.null_sd_at(sites)

    def sd_at(self, r: float, sites: int) -> float:
        """Standard deviation of Fisher's z of r over samples of ``sites`` sites where the blocks are linked by ``r``.

        For a link that mixes the similarities a and b of both blocks, as they are here but unlinked, to r a +
        sqrt(1 - r^2) b. The influence of a pair of sites on r is then (1 - r^2) (r (a^2 - b^2) / 2 + sqrt(1 - r^2)
        a b), whose three terms are uncorrelated, so their variances add up.
        """
        single = self.squares_a.single + self.squares_b.single
        shared = self.squares_a.shared + self.squares_b.shared
        linked, free = 0.25 * r * r, 1.0 - r * r
        mixed = PairVariance(linked * single + free, linked * shared + free * self.a.shared * self.b.shared)
        return math.sqrt(mixed.of_mean(sites))

    def power(self, r: float, sites: int) -> float:
        """The chance, 0 to 1, that a Mantel test finds an absolute ``r`` (below 1) with ``sites`` sites."""
        from scipy.special import ndtr

        critical = self.critical_r(sites)
        if critical >= 1.0:
            return 0.0
        spread = self.sd_at(r, sites)
        centre, limit = math.atanh(abs(r)), math.atanh(critical)
        return float(ndtr((centre - limit) / spread) + ndtr((-centre - limit) / spread))

    def detectable_r(self, sites: int, power: float = 0.8) -> float | None:
        """The smallest absolute r found with a chance of ``power`` by ``sites`` sites; None where none is."""
        low, high = 0.0, 0.999
        if sites < MIN_SITES or self.power(high, sites) < power:
            return None
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.power(middle, sites) >= power else (middle, high)
        return high

    def sites_needed(self, r: float, power: float = 0.8) -> int | None:
        """How many sites find an absolute ``r`` with a chance of ``power``; None for more than ``MAX_SITES``."""
        low, high = MIN_SITES - 1, MAX_SITES
        if self.power(r, high) < power:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.power(r, middle) >= power else (middle, high)
        return high

    def _expected_null_sd(self, sites: int) -> float:
        rows = [self._expected_rows(block, sites) for block in (self.a, self.b)]
        return sd_of_sums(sites, 1.0, rows[0], 1.0, rows[1])

    @staticmethod
    def _expected_rows(block: PairVariance, sites: int) -> float:
        """The squared row sums of a z-scored matrix of ``sites`` sites over its squares.

        Taking the mean of the pairs off takes its variance off what pairs have alone and off what they share.
        """
        share = block.shared / block.single
        mean = PairVariance(1.0, share).of_mean(sites)
        return 1.0 + (sites - 2.0) * (share - mean) / (1.0 - mean)


def power_model(
    a: np.ndarray, b: np.ndarray, alpha: float = 0.05, sites: int = 0, null_sd: float | None = None
) -> PowerModel | None:
    """The model of two blocks from their similarities (n, n), symmetric, which may be those of a sample of sites.

    sites, null_sd: of the whole row, where the matrices are those of a sample of its sites. None for fewer than
    ``MIN_SITES`` sites and where a block does not vary.
    """
    if len(a) < MIN_SITES or not (varies(pairs_of(a)) and varies(pairs_of(b))):
        return None
    spread = permutation_sd(a, b) if null_sd is None else null_sd
    first, second = z_scores(a), z_scores(b)
    parts = [pair_variance(values) for values in (first, second, first * first, second * second)]
    known = [part for part in parts if part is not None]
    if not spread or len(known) < len(parts):
        return None
    whole = sites if sites and null_sd is not None else len(a)
    return PowerModel(whole, spread, known[0], known[1], known[2], known[3], alpha)
