"""How similar sites are to each other within one modality: one symmetric (sites, sites) matrix per block."""

from __future__ import annotations

import math

import numpy as np

from ..errors import InputError

#: Similarities that differ by less than this do not vary: the rest is rounding.
CONSTANT = 1e-12
#: A zero share is replaced by this much of the smallest share there is, before logarithms are taken of it
#: (Martin-Fernandez et al. 2003, doi:10.1023/A:1023866030544).
ZERO_PART = 0.65

COSINE, DIFFERENCE, HELLINGER, JENSEN_SHANNON, AITCHISON = (
    "cosine",
    "difference",
    "hellinger",
    "jensen-shannon",
    "aitchison",
)
#: The measures, and what each is called in tables and reports.
MEASURES = {
    COSINE: "cosine",
    DIFFERENCE: "1 - |difference| / range",
    HELLINGER: "1 - Hellinger distance of shares",
    JENSEN_SHANNON: "1 - Jensen-Shannon distance of shares, base 2",
    AITCHISON: "1 - Aitchison distance of shares / largest distance",
}
#: The measures of compositions: rows of shares, which are brought to sum 1 first.
COMPOSITIONAL = (HELLINGER, JENSEN_SHANNON, AITCHISON)
#: Elements of (sites, sites, shares) looked at in one go.
_ELEMENTS = 1_000_000


def measure_of(values: np.ndarray, measure: str = "") -> str:
    """The similarity measure used for ``values`` (sites, d): a name of ``MEASURES``.

    ``measure``: the one asked for; "" takes cosine for vectors. One number per site is always compared by the
    difference: the cosine of two numbers is 1 or -1, and a composition of one part is always that part.

    Raises :class:`InputError` for a name that is no measure, and for the difference of vectors.
    """
    if measure and measure not in MEASURES:
        raise InputError(
            f"There is no similarity measure '{measure}'. The measures are {', '.join(MEASURES)}."
        )
    if values.shape[1] == 1:
        return DIFFERENCE
    if measure == DIFFERENCE:
        raise InputError(
            f"The difference compares single numbers, but each site has {values.shape[1]} numbers. "
            f"Choose cosine, or {', '.join(COMPOSITIONAL)} for shares."
        )
    return measure or COSINE


def missing_reasons(values: np.ndarray, measure: str = "") -> list[str | None]:
    """Per site, why its row of ``values`` (sites, d) cannot be compared, or None where it can.

    A row with a NaN or an infinite number has no value. A vector of zeros has no direction, so no cosine, and
    is no composition; the single number 0 is a value like any other. A composition has no negative shares.
    """
    compositional = measure_of(values, measure) in COMPOSITIONAL
    finite = np.all(np.isfinite(values), axis=1)
    zero = finite & ~np.any(values, axis=1) & (values.shape[1] > 1)
    empty = np.all(np.isnan(values), axis=1)
    with np.errstate(invalid="ignore"):  # NaN compares as False, as it should
        negative = np.any(values < 0, axis=1) & compositional
    said_of_zero = (
        "all shares are zero" if compositional else "all numbers are zero, so the vector has no direction"
    )
    reasons: list[str | None] = [None] * len(values)
    for site in np.flatnonzero(~finite | zero | negative):
        if empty[site]:
            reasons[site] = "no value"
        elif not finite[site]:
            reasons[site] = "a number in the vector is missing or infinite"
        elif negative[site]:
            reasons[site] = "a share is negative"
        else:
            reasons[site] = said_of_zero
    return reasons


def similarity_matrix(values: np.ndarray, measure: str = "") -> np.ndarray:
    """Similarity of every site to every other: (n, n) float64, symmetric, 1 on the diagonal.

    values: (n, d) float, each row usable (see :func:`missing_reasons`). measure: see :func:`measure_of`.

    - cosine: -1 to 1 (section 4.4 of the paper).
    - difference: 1 - |difference| / range over the n sites, 0 to 1; 1 throughout where all are equal.
    - hellinger: 1 - sqrt(1 - sum sqrt(p q)), 0 to 1 (doi:10.1515/crll.1909.136.210).
    - jensen-shannon: 1 - sqrt(divergence, base 2), 0 to 1 (Endres and Schindelin 2003, doi:10.1109/TIT.2003.813506).
    - aitchison: 1 - d / largest d over the n sites, d the distance of centred log-ratios (Aitchison 1982); 1
      throughout where all are equal. Zeros are replaced multiplicatively, by ``ZERO_PART`` of the smallest share.

    Raises :class:`InputError` as :func:`measure_of`.
    """
    measure = measure_of(values, measure)
    numbers = values.astype(np.float64)
    if measure == DIFFERENCE:
        return _difference(numbers[:, 0])
    if measure == COSINE:
        vectors = unit_rows(numbers)
        similarity = np.clip(vectors @ vectors.T, -1.0, 1.0)
    else:
        shares = closed(numbers)
        if measure == HELLINGER:
            similarity = 1.0 - _euclidean(np.sqrt(shares)) / math.sqrt(2.0)
        elif measure == JENSEN_SHANNON:
            similarity = 1.0 - _jensen_shannon(shares)
        else:
            similarity = _of_largest(_euclidean(centred_log_ratios(shares)))
        similarity = np.clip(similarity, 0.0, 1.0)
    np.fill_diagonal(similarity, 1.0)
    return similarity


def unit_rows(values: np.ndarray) -> np.ndarray:
    """The rows of ``values`` (n, d) brought to length 1, in the float type given (float64 for whole numbers).

    Rows of zeros have no direction and must be left out before (see :func:`missing_reasons`).
    """
    floats = values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
    # By the largest number first, so that the squares neither overflow nor vanish.
    scaled = floats / np.maximum(floats.max(axis=1, keepdims=True), -floats.min(axis=1, keepdims=True))
    lengths = np.sqrt(np.einsum("ij,ij->i", scaled, scaled, dtype=np.float64))
    scaled /= lengths[:, None].astype(scaled.dtype)
    return scaled


def closed(numbers: np.ndarray) -> np.ndarray:
    """Rows (n, d) of shares scaled to add up to 1. No row may be all zero."""
    # By the largest first, so that no sum overflows.
    scaled = numbers / numbers.max(axis=1, keepdims=True)
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def centred_log_ratios(shares: np.ndarray) -> np.ndarray:
    """Centred log-ratios (n, d) of closed rows, zeros replaced as in :func:`similarity_matrix`."""
    zero = shares <= 0.0
    if zero.any():
        small = ZERO_PART * min(shares[~zero].min(), 1.0 / shares.shape[1])
        shares = np.where(zero, small, shares * (1.0 - small * zero.sum(axis=1, keepdims=True)))
    logs = np.log(shares)
    return logs - logs.mean(axis=1, keepdims=True)


def rank_matrix(matrix: np.ndarray) -> np.ndarray:
    """The ranks of the pairs of a symmetric (n, n) matrix, from 1, as a symmetric (n, n) float64 matrix.

    Ties, which are numbers that agree to 12 decimals, take the mean of their ranks; the diagonal is 0. Pearson's r of
    two such matrices is Spearman's rho of the pairs.
    """
    ranks = np.zeros(matrix.shape)
    upper = _above_diagonal(len(matrix))
    ranks[upper] = rank(matrix[upper])
    ranks += ranks.T
    return ranks


def rank(pairs: np.ndarray) -> np.ndarray:
    """Ranks from 1, float64, ties at their mean. Numbers that agree to 12 decimals are ties: the rest is rounding."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(np.round(pairs, 12)), dtype=np.float64)


def pairs_of(matrix: np.ndarray) -> np.ndarray:
    """The pairs of distinct sites, each once: the upper triangle (n (n - 1) / 2,) row by row."""
    return matrix[_above_diagonal(len(matrix))]


def varies(pairs: np.ndarray) -> bool:
    """Whether the similarities differ at all, so that a correlation is defined."""
    return pairs.size > 1 and float(np.ptp(pairs)) > CONSTANT


def mean_of_z_scores(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two views as one: the mean of their z-scored similarities, (n, n), z over the pairs of distinct sites.

    This reproduces the paper's combined r = .21 from r = .19, .14 and .27 (.207). Both must vary.
    """
    combined = np.zeros_like(first)
    for matrix in (first, second):
        pairs = pairs_of(matrix)
        combined += (matrix - pairs.mean()) / pairs.std() / 2.0
    return combined


def _above_diagonal(sites: int) -> np.ndarray:
    """Which elements of an (n, n) matrix lie above the diagonal. A mask takes a 16th of the memory of indices."""
    return ~np.tri(sites, dtype=bool)


def _difference(numbers: np.ndarray) -> np.ndarray:
    scale = np.abs(numbers).max(initial=0.0)
    numbers = numbers / scale if scale > 0.0 else numbers  # keeps the range finite whatever the numbers
    spread = np.ptp(numbers) if len(numbers) else 0.0
    if spread == 0.0:
        return np.ones((len(numbers), len(numbers)))
    return 1.0 - np.abs(numbers[:, None] - numbers[None, :]) / spread


def _euclidean(points: np.ndarray) -> np.ndarray:
    """Distances between the rows, (n, n). Not by the Gram matrix, whose rounding parts rows that are equal."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(points, points), dtype=np.float64)


def _of_largest(distances: np.ndarray) -> np.ndarray:
    largest = distances.max(initial=0.0)
    return 1.0 - distances / largest if largest > CONSTANT else np.ones_like(distances)


def _jensen_shannon(shares: np.ndarray) -> np.ndarray:
    """Jensen-Shannon distances between the rows, (n, n), base 2, 0 to 1.

    With m = (p + q) / 2 and t = (p - q) / (p + q) the divergence is the sum of m (2 t atanh t + log(1 - t^2)) / 2,
    each term at least 0 and free of cancellation, so that equal rows are at distance 0 and not at 1e-8.
    """
    sites, width = shares.shape
    distances = np.zeros((sites, sites))
    step = max(1, _ELEMENTS // max(1, sites * width))
    for start in range(0, sites, step):
        first, second = shares[start : start + step, None, :], shares[None, start:, :]
        both = first + second
        t = np.divide(np.abs(first - second), both, out=np.zeros_like(both), where=both > 0.0)
        apart = t >= 1.0  # a share that only one of the two has: the limit, 2 log 2
        t[apart] = 0.0
        terms = 2.0 * t * np.arctanh(t) + np.log1p(-t * t)
        terms[apart] = 2.0 * math.log(2.0)
        divergence = np.einsum("ijk,ijk->ij", both, terms) / (4.0 * math.log(2.0))
        distances[start : start + step, start:] = np.sqrt(divergence)
    upper = np.triu(distances, k=1)
    return upper + upper.T
