"""How similarity falls with distance, and what of it distance does not explain."""

from __future__ import annotations

import numpy as np

from .similarity import pairs_of, varies

#: Pieces of the curve, and pairs for each.
_PIECES, _PAIRS = 6, 15
#: What is left of the variation, as a share, below which it is rounding.
_NOTHING_LEFT = 1e-10


def beyond_distance(similarity: np.ndarray, distance: np.ndarray) -> np.ndarray | None:
    """What a curve of distance leaves over of similarities: (n, n), symmetric, 0 on the diagonal.

    similarity, distance: (n, n) symmetric, of the same sites; distance as its logarithm. The curve is the
    least-squares continuous one of up to six straight pieces that hold as many pairs each. None where nothing is left.
    """
    values, apart = pairs_of(similarity), pairs_of(distance)
    if not varies(values):
        return None
    columns = [np.ones_like(apart)]
    if varies(apart):
        pieces = max(1, min(_PIECES, len(apart) // _PAIRS))
        knots = np.unique(np.quantile(apart, np.linspace(0.0, 1.0, pieces + 1)[1:-1]))
        columns += [apart, *(np.maximum(apart - knot, 0.0) for knot in knots)]
    design = np.column_stack(columns)
    left = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    centred = values - values.mean()
    if float(np.einsum("i,i->", left, left)) <= _NOTHING_LEFT * float(np.einsum("i,i->", centred, centred)):
        return None
    beyond = np.zeros(similarity.shape)
    beyond[np.triu_indices(len(similarity), k=1)] = left
    return beyond + beyond.T
