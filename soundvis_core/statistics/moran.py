"""Moran spectral randomisation of a Mantel test: the null keeps the spatial autocorrelation of what it shuffles.

Wagner and Dray 2015, doi:10.1111/2041-210x.12407; Crabot, Clappe, Dray and Datry 2019, doi:10.1111/2041-210x.13141.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .mantel import TIE, pearson
from .similarity import pairs_of, varies
from .spatial_weights import spatial_weights

#: Principal axes with less than this share of the largest one are rounding.
_ROUNDING = 1e-13
#: With more sites than this, principal axes are left out that together hold less than this share of all squares: of
#: ranks, or of one number per site, nearly all of them. No randomised r changes by more than some 1e-4.
_FEW_SITES, _NEGLIGIBLE = 200, 1e-5
#: Numbers held at once while randomising (64 MB).
_BATCH = 8_000_000


@dataclass(frozen=True)
class SpatialBasis:
    """Moran's eigenvector maps of the sites.

    vectors: (n, n - 1) orthonormal columns, each of mean 0, from the broadest pattern to the finest. values: (n - 1,)
    their eigenvalues, falling; times n / sum of weights, each is the Moran's I of its vector. weights: (n, n) symmetric
    spatial weights, 0 on the diagonal.
    """

    vectors: np.ndarray
    values: np.ndarray
    weights: np.ndarray


def spatial_basis(lonlat: np.ndarray) -> SpatialBasis | None:
    """The complete basis of spatial patterns of the sites at ``lonlat`` (n, 2), degrees.

    None where fewer than five different places leave nothing to randomise. O(n^3) time, some 3 s for 1,000 sites.

    Raises InputError for places that are missing or no longitude and latitude.
    """
    weights = spatial_weights(lonlat)
    return None if weights is None else basis_of(weights)


def basis_of(weights: np.ndarray) -> SpatialBasis:
    """The basis of given symmetric spatial ``weights`` (n, n) (Dray, Legendre and Peres-Neto 2006).

    The eigenvectors of the doubly centred weights, null space included, without the constant vector.
    """
    helmert = _centred_basis(len(weights))
    values, vectors = np.linalg.eigh(helmert.T @ weights @ helmert)
    patterns = (helmert @ vectors)[:, ::-1]
    # A pattern's sign is free. Fixed here, a seed draws the same whatever the linear algebra library.
    largest = patterns[np.abs(patterns).argmax(axis=0), np.arange(len(weights) - 1)]
    return SpatialBasis(patterns * np.where(largest < 0.0, -1.0, 1.0), values[::-1], weights)


def off_centre_p(observed: float, null: np.ndarray) -> float:
    """Two-sided p of a statistic whose null (draws,) does not lie about 0: (hits + 1) / (draws + 1).

    A hit is one that lies at least as far from the mean of all, the observed one among them, as the observed one.
    """
    centre = (observed + float(null.sum())) / (len(null) + 1)
    hits = int((np.abs(null - centre) >= abs(observed - centre) - TIE).sum())
    return (hits + 1) / (len(null) + 1)


def moran_null(
    a: np.ndarray,
    b: np.ndarray,
    basis: SpatialBasis,
    permutations: int,
    seed: int,
    progress: Progress = NO_PROGRESS,
) -> tuple[float | None, np.ndarray | None]:
    """Mantel's r of two similarity matrices, and the (permutations,) ones under Moran randomisation of the first.

    a, b: (n, n) symmetric, of the sites of ``basis``. The singleton procedure of Wagner and Dray 2015: the sign of each
    spatial pattern is drawn, the same for all variables, which keeps their means, variances, correlations and Moran's
    I. Cosines are taken as what they are, inner products of unit vectors: these vectors, centred, are randomised, and
    their similarity is 1 - distance^2 / 2. Any other similarity, or ranks of similarities, is a kernel in the same way
    (Gower 1966), its principal coordinates being randomised. The randomised r of autocorrelated blocks lie about a
    mean above 0: :func:`off_centre_p` is their p.

    (None, None) where ``a`` or ``b`` does not vary. Raises :class:`Cancelled`.
    """
    if not (varies(pairs_of(a)) and varies(pairs_of(b))):
        return None, None
    test = _Randomisation(a, b, basis)
    sites = len(a)
    observed = (
        pearson(pairs_of(a), pairs_of(b)) if test.shortened else float(test.r(np.ones((1, sites - 1)))[0])
    )
    if observed is None:
        return None, None
    generator = np.random.default_rng(seed)
    null = np.empty(permutations)
    batch = max(1, _BATCH // (sites * test.rank))
    for start in range(0, permutations, batch):
        check_cancelled(progress)
        progress.report(start / permutations)
        here = slice(start, min(start + batch, permutations))
        null[here] = test.r(_signs(here.stop - start, sites - 1, generator))
    return observed, null


def estimate_seconds(sites: int, permutations: int, rank: int | None = None, first: bool = True) -> float:
    """About how long :func:`spatial_basis` and :func:`moran_null` take together, in seconds on two cores.

    rank: how many numbers a vector of the randomised block has (its principal axes), at most ``sites``. first:
    whether the basis is still to be made.
    """
    axes = min(sites, rank or sites)
    cubes = 5e-10 * (1.0 + 2.0 * first) * float(sites) ** 3
    return 0.02 + cubes + permutations * axes * sites * (3e-11 * sites + 3e-9)


def _signs(draws: int, patterns: int, generator: np.random.Generator) -> np.ndarray:
    return generator.integers(0, 2, (draws, patterns)) * 2.0 - 1.0


class _Randomisation:
    """r between ``a``, the signs of whose spatial patterns are drawn, and ``b``.

    With a's kernel in the basis, A = V'GV, the randomised kernel is V D A D V' for signs D = diag(d), and the
    similarity of i and j is a constant less half of g_ii + g_jj - 2 g_ij. Its products with the standardised b then
    are a quadratic form in d; its variation changes only by the sum of the squared diagonal of the kernel.
    """

    def __init__(self, a: np.ndarray, b: np.ndarray, basis: SpatialBasis) -> None:
        self._sites = len(a)
        self._vectors = basis.vectors
        kernel = a - pairs_of(a).mean()
        if np.ptp(np.diagonal(kernel)) > 0.0:  # distances need one self-similarity; which one changes no r
            np.fill_diagonal(kernel, np.diagonal(kernel).max())
        in_basis = self._vectors.T @ kernel @ self._vectors
        in_basis = (in_basis + in_basis.T) / 2.0
        sizes, axes = np.linalg.eigh(in_basis)
        # What all pairs have in common no signs change; without it nothing large cancels in the sums below.
        common = float(np.trace(in_basis)) / (self._sites - 1)
        in_basis[np.diag_indices(self._sites - 1)] -= common
        self._squares = float(np.einsum("ij,ij->", in_basis, in_basis))
        kept = _telling(sizes, self._squares)
        self._axes = axes[:, kept] * np.sqrt(np.abs(sizes[kept]))
        self._shortened = self._sites > _FEW_SITES
        # The axes rise by size: those below 0 (a similarity that is no kernel, such as ranks) are the first.
        self._negative = int((sizes[kept] < 0.0).sum())
        # Axes left out are spread over the sites evenly.
        self._common = common * (1.0 - 1.0 / self._sites) - float(sizes[~kept].sum()) / self._sites
        other = pairs_of(b)
        target = b - other.mean()
        np.fill_diagonal(target, 0.0)
        target /= math.sqrt(float(np.einsum("ij,ij->", target, target)) / 2.0)
        target[np.diag_indices(self._sites)] = -target.sum(axis=1)
        self._form = in_basis * (self._vectors.T @ target @ self._vectors) / 2.0

    @property
    def shortened(self) -> bool:
        """Whether axes with a small share of the squares were left out."""
        return self._shortened

    @property
    def rank(self) -> int:
        """How many principal axes the randomised block has."""
        return self._axes.shape[1]

    def r(self, signs: np.ndarray) -> np.ndarray:
        """The r (k,) for k rows of signs (k, n - 1)."""
        sites = self._sites
        products = np.einsum("ij,ij->i", signs @ self._form, signs)
        drawn = signs.T[:, :, None] * self._axes[:, None, :]
        coordinates = (self._vectors @ drawn.reshape(sites - 1, -1)).reshape(sites, len(signs), -1)
        below, above = coordinates[:, :, : self._negative], coordinates[:, :, self._negative :]
        diagonal = np.einsum("ikr,ikr->ik", above, above) - np.einsum("ikr,ikr->ik", below, below)
        diagonal -= self._common
        variation = (sites * np.einsum("ik,ik->k", diagonal, diagonal) + 2.0 * self._squares) / 4.0
        return np.clip(products / np.sqrt(variation), -1.0, 1.0)


def _telling(sizes: np.ndarray, squares: float) -> np.ndarray:
    """Which principal axes of ``sizes`` (m,) are kept; squares: what their squares are measured by."""
    large = np.abs(sizes)
    kept: np.ndarray = large > _ROUNDING * large.max()
    if len(sizes) < _FEW_SITES:
        return kept
    rising = np.argsort(large)
    kept[rising[np.cumsum(large[rising] ** 2) <= _NEGLIGIBLE * squares]] = False
    return kept


def _centred_basis(sites: int) -> np.ndarray:
    """Orthonormal basis (n, n - 1) of all vectors of mean 0: a Householder reflection less its first column."""
    normal = np.full(sites, 1.0 / math.sqrt(sites))
    normal[0] += 1.0
    reflection = np.eye(sites) - np.outer(normal, normal) / normal[0]
    return reflection[:, 1:]
