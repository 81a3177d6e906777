"""Cosine r and its permutation test in a process of its own, so that its memory can be told: ours or scikit-bio's.

Usage: many_sites.py ours|scikit-bio SITES WIDTH PERMUTATIONS. Prints JSON: seconds, megabytes (the most held, above
what was held once all was imported, the data among it), r, p.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def blocks(sites: int, width: int) -> list[np.ndarray]:
    """Two float32 blocks that share something, as embeddings and BGA shares do: no negative numbers in narrow ones."""
    generator = np.random.default_rng(1)
    found = [generator.standard_normal((sites, width), dtype=np.float32) for _ in range(2)]
    found[1] += 0.3 * found[0]
    if width <= 3:
        for block in found:
            np.abs(block, out=block)
    return found


def ours(values: list[np.ndarray], permutations: int) -> tuple[float, float]:
    """Without a sites-by-sites matrix; the exact spread over all permutations is found too."""
    pair = FactoredPair(*values)
    r = pair.r()
    if r is None or pair.null_sd() is None:
        raise RuntimeError("the blocks do not vary")
    if permutations == 0:
        return r, float("nan")
    return r, two_sided_p(r, pair.permuted(permutation_orders(pair.sites, permutations, 0)))


def scikit_bio(values: list[np.ndarray], permutations: int) -> tuple[float, float]:
    """From the same vectors, its own matrices of distances."""
    matrices = [DistanceMatrix(cosine_distances(block)) for block in values]
    r, p, _ = mantel(*matrices, method="pearson", permutations=permutations)
    return float(r), float(p)


def cosine_distances(values: np.ndarray) -> np.ndarray:
    """What scikit-bio takes: symmetric (n, n) float64, 0 on the diagonal."""
    unit = values.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    distances = 1.0 - unit @ unit.T
    distances = (distances + distances.T) / 2.0
    np.fill_diagonal(distances, 0.0)
    return distances


def held(name: str) -> float:
    """Megabytes of this process: VmRSS now, VmHWM at most."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(float(line.split()[1]) / 1024.0 for line in lines if line.startswith(name))


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        from soundvis_core.statistics.factored import FactoredPair
        from soundvis_core.statistics.mantel import permutation_orders, two_sided_p
    else:
        from skbio import DistanceMatrix
        from skbio.stats.distance import mantel
    sites, width, permutations = (int(argument) for argument in sys.argv[2:])
    test = ours if sys.argv[1] == "ours" else scikit_bio
    test(blocks(20, width), min(permutations, 9))  # what is imported on the first call
    before = held("VmRSS")
    data = blocks(sites, width)
    began = time.perf_counter()
    r, p = test(data, permutations)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "megabytes": held("VmHWM") - before, "r": r, "p": p}))
