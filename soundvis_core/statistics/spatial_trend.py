"""What of the similarity of two sites follows from where they lie, and what does not."""

from __future__ import annotations

import math

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .similarity import pairs_of, varies

#: Pieces of the curve of distance and of those of direction; pairs for each column of the regression.
_PIECES, _DIRECTED_PIECES, _PAIRS = 6, 3, 9
#: Broadest spatial patterns whose products are taken off.
_PATTERNS = 6
#: East, north and the two between, as multiples of degrees east and north.
_DIRECTIONS = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0))
#: What is left of the variation, as a share, below which it is rounding.
_NOTHING_LEFT = 1e-10


def beyond_columns(
    similarity: np.ndarray, columns: np.ndarray, progress: Progress = NO_PROGRESS
) -> np.ndarray | None:
    """What place leaves over of similarities in a least-squares regression: (n, n), symmetric, 0 on the diagonal.

    similarity: (n, n) symmetric. columns: :func:`place_columns` of the same sites, which several blocks share. None
    where nothing is left. Raises :class:`Cancelled`.
    """
    values = pairs_of(similarity)
    if not varies(values):
        return None
    left = values
    gram = columns @ columns.T
    for _ in range(2):  # twice, so that what rounding leaves is taken off too
        check_cancelled(progress)
        left = left - np.linalg.lstsq(gram, columns @ left, rcond=1e-12)[0] @ columns
    centred = values - values.mean()
    if float(np.einsum("i,i->", left, left)) <= _NOTHING_LEFT * float(np.einsum("i,i->", centred, centred)):
        return None
    beyond = np.zeros(similarity.shape)
    beyond[np.triu_indices(len(similarity), k=1)] = left
    return beyond + beyond.T


def place_columns(
    distance: np.ndarray, lonlat: np.ndarray, patterns: np.ndarray, progress: Progress = NO_PROGRESS
) -> np.ndarray:
    """Place as columns of a regression: (m, pairs), each of the m rows of length 1; the first is constant.

    distance: (n, n) symmetric, logarithms. lonlat: (n, 2) degrees. patterns: (n, k) spatial patterns, the broadest
    first. Place is a curve of distance, curves of how far apart two sites lie in four directions (a city may stretch
    along a river), and the broadest patterns and their products (it may have a centre, or change from one side to the
    other); less of it where there are few pairs to fit. Raises :class:`Cancelled`.
    """
    first, second = np.triu_indices(len(distance), k=1)
    budget = len(first) // _PAIRS
    found = [np.ones(len(first))]
    found += _curve(pairs_of(distance), min(_PIECES, budget))
    directed: list[np.ndarray] = []
    for direction in _DIRECTIONS:
        check_cancelled(progress)
        directed += _curve(_apart(lonlat, direction)[first, second], _DIRECTED_PIECES)
    if len(found) + len(directed) <= budget:
        found += directed
    some = np.column_stack([np.ones(len(distance)), patterns[:, :_PATTERNS]])
    while some.shape[1] > 1 and len(found) + some.shape[1] * (some.shape[1] + 1) // 2 - 1 > budget:
        some = some[:, :-1]
    for i in range(some.shape[1]):
        check_cancelled(progress)
        for j in range(max(i, 1), some.shape[1]):
            found.append(some[first, i] * some[second, j] + some[first, j] * some[second, i])
    check_cancelled(progress)
    columns = np.stack(found)
    for column in columns:
        length = math.sqrt(float(np.einsum("i,i->", column, column)))
        if length > 0.0:
            column /= length
    return columns


def _apart(lonlat: np.ndarray, direction: tuple[float, float]) -> np.ndarray:
    """How far apart sites lie in a direction, (n, n); its unit does not matter to a regression."""
    east = (lonlat[:, 0] - lonlat[0, 0] + 180.0) % 360.0 - 180.0  # the antimeridian is no edge
    along = east * np.cos(np.radians(lonlat[:, 1].mean())) * direction[0] + lonlat[:, 1] * direction[1]
    apart: np.ndarray = np.abs(along[:, None] - along[None, :])
    return apart


def _curve(values: np.ndarray, pieces: int) -> list[np.ndarray]:
    """Columns of a continuous curve of ``values`` (pairs,) in straight pieces of as many pairs each."""
    if pieces < 1 or not varies(values):
        return []
    centred = values - values.mean()
    knots = np.unique(np.quantile(values, np.linspace(0.0, 1.0, pieces + 1)[1:-1]))
    return [centred, *(np.maximum(values - knot, 0.0) for knot in knots)]
