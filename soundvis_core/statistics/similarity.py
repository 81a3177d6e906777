"""How similar sites are to each other within one modality: one symmetric (sites, sites) matrix per block."""

from __future__ import annotations

import numpy as np

#: Similarities that differ by less than this do not vary: the rest is rounding.
CONSTANT = 1e-12

COSINE = "cosine"
DIFFERENCE = "1 - |difference| / range"


def measure_of(values: np.ndarray) -> str:
    """The name of the similarity that fits ``values`` (sites, d): cosine for vectors, difference for numbers.

    The cosine of two numbers is always 1 or -1, so a block of one number per site needs the difference.
    """
    return DIFFERENCE if values.shape[1] == 1 else COSINE


def missing_reasons(values: np.ndarray) -> list[str | None]:
    """Per site, why its row of ``values`` (sites, d) cannot be compared, or None where it can.

    A row with a NaN or an infinite number has no value. A vector of zeros has no direction, so no cosine;
    the single number 0 is a value like any other.
    """
    finite = np.isfinite(values).all(axis=1)
    zero = finite & ~values.any(axis=1) if values.shape[1] > 1 else np.zeros(len(values), dtype=bool)
    empty = np.isnan(values).all(axis=1)
    reasons: list[str | None] = []
    for site in range(len(values)):
        if empty[site]:
            reasons.append("no value")
        elif not finite[site]:
            reasons.append("a number in the vector is missing or infinite")
        elif zero[site]:
            reasons.append("all numbers are zero, so the vector has no direction")
        else:
            reasons.append(None)
    return reasons


def similarity_matrix(values: np.ndarray) -> np.ndarray:
    """Similarity of every site to every other: (n, n) float64, symmetric, 1 on the diagonal.

    values: (n, d) float, each row usable (see :func:`missing_reasons`). d > 1: cosine, -1 to 1 (section 4.4
    of the paper). d = 1: 1 - |difference| / range over the n sites, 0 to 1; 1 throughout where all are equal.
    """
    if values.shape[1] == 1:
        numbers = values[:, 0].astype(np.float64)
        scale = np.abs(numbers).max(initial=0.0)
        numbers = numbers / scale if scale > 0.0 else numbers  # keeps the range finite whatever the numbers
        spread = np.ptp(numbers) if len(numbers) else 0.0
        if spread == 0.0:
            return np.ones((len(numbers), len(numbers)))
        return 1.0 - np.abs(numbers[:, None] - numbers[None, :]) / spread
    vectors = values.astype(np.float64)
    # By the largest number first, so that the squares neither overflow nor vanish.
    vectors = vectors / np.abs(vectors).max(axis=1, keepdims=True)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = np.clip(vectors @ vectors.T, -1.0, 1.0)
    np.fill_diagonal(similarity, 1.0)
    return similarity


def pairs_of(matrix: np.ndarray) -> np.ndarray:
    """The pairs of distinct sites, each once: the upper triangle (n (n - 1) / 2,) row by row."""
    return matrix[np.triu_indices(len(matrix), k=1)]


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
