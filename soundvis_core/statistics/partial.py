"""Partial Mantel test: what two blocks share once the distance between sites, or other fields, are held fixed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import InputError
from ..progress import NO_PROGRESS, Progress, check_cancelled
from .mantel import permuted_products, two_sided_p
from .similarity import pairs_of, varies
from .spatial_weights import check_places

#: Variation that the controls leave over, as a share of all, below which nothing but rounding is left.
_NOTHING_LEFT = 1e-10


def log_distance(lonlat: np.ndarray, progress: Progress = NO_PROGRESS) -> np.ndarray:
    """log(1 + metres) between sites, (n, n) float64, symmetric, 0 on the diagonal and between duplicates.

    lonlat: (n, 2) longitude and latitude in degrees. Metres along the geodesic of WGS 84 (Karney 2013,
    doi:10.1007/s00190-012-0578-z), so streets and continents are measured alike.

    Raises InputError for places that are missing or no longitude and latitude, and Cancelled.
    """
    from pyproj import Geod

    check_places(lonlat)
    geod = Geod(ellps="WGS84")
    longitude, latitude = (np.ascontiguousarray(lonlat[:, axis], dtype=np.float64) for axis in (0, 1))
    metres = np.zeros((len(lonlat), len(lonlat)))
    for site in range(len(lonlat) - 1):
        check_cancelled(progress)
        others = slice(site + 1, None)
        here = np.full(len(lonlat) - site - 1, site)
        _, _, row = geod.inv(longitude[here], latitude[here], longitude[others], latitude[others])
        metres[site, others] = metres[others, site] = row
    return np.log1p(metres, out=metres)


def difference_matrix(values: np.ndarray) -> np.ndarray:
    """\\|difference\\| of one number per site, (n, n) float64, in the unit of ``values`` (n,).

    Raises InputError where a number is missing or infinite.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        site = int(np.argmin(np.isfinite(numbers)))
        raise InputError(
            f"Site {site + 1} has no number in a field to control for. Fill the field, or leave the site or the "
            "field out."
        )
    return np.abs(numbers[:, None] - numbers[None, :])


def partial_mantel(
    a: np.ndarray,
    b: np.ndarray,
    controls: Sequence[np.ndarray],
    orders: Iterable[np.ndarray],
    progress: Progress = NO_PROGRESS,
    total: int = 0,
) -> tuple[float | None, float | None]:
    """Partial r of two matrices given others, and its two-sided permutation p (Smouse, Long and Sokal 1986).

    a, b, controls: (n, n) symmetric matrices of the same sites; similarities or distances, for Spearman their ranks.
    The partial r is Pearson's r between what the controls leave over of ``a`` and of ``b`` in a linear
    regression over the pairs of sites. As vegan's ``mantel.partial``, each of the ``orders`` rearranges the sites
    of ``a`` itself, not its residuals, and the partial r is computed anew; the regression on several controls is
    ecodist's ``mantel``. A control that does not vary explains nothing. total: how many orders will come, for the
    progress.

    The test holds its level where ``a`` or ``b`` is exchangeable between sites given the controls, not where both
    are autocorrelated in space in other ways (Guillot and Rousset 2013, doi:10.1111/2041-210x.12018).

    (None, None) where ``a``, ``b`` or every control does not vary, or where the controls leave nothing over of ``a``
    or ``b``. p is None without orders. Raises :class:`Cancelled` where the user stops the run.
    """
    first, second = pairs_of(a), pairs_of(b)
    spanned = _basis([pairs_of(control) for control in controls])
    if not (varies(first) and varies(second)) or not len(spanned):
        return None, None
    check_cancelled(progress)
    target = _left_over(_standard(second), spanned)
    if target is None or _left_over(_standard(first), spanned) is None:
        return None, None
    mean, scale = _mean_and_length(first)
    standardised = (a - mean) / scale
    targets = [_square(row, len(a)) for row in (target, *spanned)]
    observed = _partial_r(permuted_products(standardised, targets, [np.arange(len(a))], NO_PROGRESS))
    null = _partial_r(permuted_products(standardised, targets, orders, progress, total))
    r = float(observed[0])
    return r, two_sided_p(r, null) if len(null) else None


def _partial_r(products: np.ndarray) -> np.ndarray:
    """Partial r (k,) from the products (k, 1 + controls) of a standardised matrix with what is left over of the
    other one, and with an orthonormal basis of the controls, whose share of its variation is taken off.
    """
    left = 1.0 - np.einsum("ij,ij->i", products[:, 1:], products[:, 1:])
    # An order may bring the matrix wholly onto the controls: then nothing is left to correlate, and its r is 0.
    some = left > _NOTHING_LEFT
    r = np.where(some, products[:, 0] / np.sqrt(np.where(some, left, 1.0)), 0.0)
    return np.clip(r, -1.0, 1.0)


def _basis(controls: Sequence[np.ndarray]) -> np.ndarray:
    """Orthonormal basis (k, pairs) of the centred controls, leaving out what follows from those before."""
    rows: list[np.ndarray] = []
    for control in controls:
        if varies(control):
            rest = _left_over(_standard(control), np.array(rows).reshape(len(rows), control.size))
            if rest is not None:
                rows.append(rest)
    return np.array(rows)


def _left_over(standard: np.ndarray, basis: np.ndarray) -> np.ndarray | None:
    """What of a vector of length 1 the rows of an orthonormal basis leave over, at length 1; None where nothing."""
    rest = standard
    for _ in range(2):  # twice, so that rounding leaves nothing along the basis (Kahan's rule)
        rest = rest - np.einsum("i,ij->j", np.einsum("ij,j->i", basis, rest), basis)
    length = float(np.einsum("i,i->", rest, rest))
    return rest / math.sqrt(length) if length > _NOTHING_LEFT else None


def _mean_and_length(pairs: np.ndarray) -> tuple[float, float]:
    mean = float(pairs.mean())
    centred = pairs - mean
    return mean, math.sqrt(float(np.einsum("i,i->", centred, centred)))


def _standard(pairs: np.ndarray) -> np.ndarray:
    """``pairs`` with mean 0 and length 1."""
    mean, length = _mean_and_length(pairs)
    return (pairs - mean) / length


def _square(pairs: np.ndarray, sites: int) -> np.ndarray:
    """The symmetric (sites, sites) matrix of ``pairs``, 0 on the diagonal."""
    matrix = np.zeros((sites, sites))
    matrix[np.triu_indices(sites, k=1)] = pairs
    return matrix + matrix.T
