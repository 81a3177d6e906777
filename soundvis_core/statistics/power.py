"""What a study of so many sites could find, from the similarities it has: no guess of an effect's spread is needed.

Two things are asked of the data: how far r strays by chance where nothing is linked (its permutation distribution),
and how far it strays from sample to sample where something is. Both fall with the number of sites, one part with n
squared and one, what the pairs of a site share, with n; the parts are taken from the data (see ``pair_variance``),
so that both can be told for other numbers of sites.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .moments import permutation_sd, sd_of_sums
from .pair_variance import PairVariance, pair_variance, z_scores
from .similarity import pairs_of, varies

#: Below this a permutation test can hardly reach a small p: five sites have 120 orders.
MIN_SITES = 6
#: No study is told to have more sites than this.
MAX_SITES = 10_000_000
_HALVINGS = 60


@dataclass(frozen=True)
class PowerPlan:
    """What a run's sites can find.

    sites, alpha, power: asked for. null_sd: of r over all permutations of the sites. detectable_r: the smallest
    absolute r found at p <= alpha, two-sided, with a chance of ``power``. target_r: the absolute r asked about;
    power_at_target: the chance to find it with these sites; sites_needed: how many sites find it with ``power``.
    Numbers are None where undefined, and ``note`` says why.
    """

    sites: int
    alpha: float
    power: float
    null_sd: float | None = None
    detectable_r: float | None = None
    target_r: float | None = None
    power_at_target: float | None = None
    sites_needed: int | None = None
    note: str = ""


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


def power_plan(
    a: np.ndarray,
    b: np.ndarray,
    target_r: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    sites: int = 0,
    null_sd: float | None = None,
) -> PowerPlan:
    """What the sites of two blocks can find, and how many would find ``target_r``.

    a, b: (n, n) symmetric similarities. target_r: -1 to 1 without the ends and 0, or None to leave it out; its sign
    does not matter. sites, null_sd: as of :func:`power_model`.

    Raises :class:`InputError` where target_r, alpha or power are out of range.
    """
    for value, what in ((alpha, "level alpha"), (power, "power")):
        if not 0.0 < value < 1.0:
            raise InputError(f"The {what} is {value:g}; it must lie between 0 and 1.")
    if target_r is not None and not 0.0 < abs(target_r) < 1.0:
        raise InputError(f"The r to find is {target_r:g}; it must lie between 0 and 1, without these two.")
    count = sites or len(a)
    target = None if target_r is None else abs(target_r)
    empty = PowerPlan(count, alpha, power, target_r=target)
    if len(a) < MIN_SITES:
        return replace(empty, note=f"fewer than {MIN_SITES} sites")
    model = power_model(a, b, alpha, sites, null_sd)
    if model is None:
        return replace(
            empty, note="all pairs are equally similar in one block, or r is the same in every order"
        )
    detectable = model.detectable_r(count, power)
    plan = replace(
        empty,
        null_sd=model.null_sd_at(count),
        detectable_r=detectable,
        note="" if detectable is not None else f"{count} sites are too few to find any r",
    )
    if target is None:
        return plan
    return replace(
        plan, power_at_target=model.power(target, count), sites_needed=model.sites_needed(target, power)
    )
