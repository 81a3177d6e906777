"""Blocks of a correlation run whose sites share a hidden cause, and the row one asks about."""

from __future__ import annotations

import numpy as np

from soundvis_core.statistics.results import Block

#: Of a run whose p and intervals do not matter.
QUICK = {"permutations": 0, "bootstraps": 0}


def blocks(sites=24, seed=0, names=("sound", "street", "aerial"), width=4):
    """Blocks that share a hidden cause, so that they correlate."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=(sites, width))
    return [Block(name, cause + rng.normal(size=(sites, width))) for name in names]


def bga_blocks(sites=24, seed=0, draws=0, names=("sound BGA", "street BGA", "aerial BGA")):
    generator = np.random.default_rng(seed)
    cause = generator.dirichlet([1, 1, 2], sites)
    found = []
    for name in names:
        values = 0.6 * cause + 0.4 * generator.dirichlet([1, 1, 2], sites)
        drawn = None
        if draws:
            drawn = np.abs(values[:, None] + 0.02 * generator.normal(size=(sites, draws, 3)))
        found.append(Block(name, values, bga=True, draws=drawn))
    return found


def row_of(result, block_a, block_b, group="pooled"):
    (row,) = [r for r in result.rows if (r.block_a, r.block_b, r.group) == (block_a, block_b, group)]
    return row
