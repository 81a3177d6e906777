"""Random samples of the sites of a row, where all of them would take too long or too much memory."""

from __future__ import annotations

import numpy as np


def sample_of(positions: np.ndarray, count: int, seed: int) -> np.ndarray:
    """At most ``count`` of ``positions`` (n,), drawn without replacement, in their order; the same for a seed."""
    if len(positions) <= count:
        return positions
    drawn = np.random.default_rng(seed).choice(len(positions), count, replace=False)
    return positions[np.sort(drawn)]
