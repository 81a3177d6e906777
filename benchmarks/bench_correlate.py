"""The Mantel test of ``correlatelayers`` against scikit-bio's."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.claims import BUILD, Claim, in_qgis
from soundvis_core.statistics.correlate import correlate_blocks
from soundvis_core.statistics.results import Block

#: The sites of the paper, embeddings as large as those of its models.
SITES, DIMENSIONS, PERMUTATIONS = 157, 768, 999
ROUNDS = 7
_SCRIPT = Path(__file__).parent / "inside_qgis" / "correlate.py"


def run() -> Iterator[Claim]:
    """The same two blocks, similarities and permutations counted in; the core and scikit-bio in turn."""
    from skbio import DistanceMatrix
    from skbio.stats.distance import mantel

    generator = np.random.default_rng(1)
    shared = generator.normal(size=(SITES, DIMENSIONS))
    sound, aerial = (shared + 2.0 * generator.normal(size=shared.shape) for _ in range(2))
    found: dict[str, float] = {}

    def ours() -> None:
        blocks = [Block("sound", sound), Block("aerial", aerial)]
        row = correlate_blocks(blocks, permutations=PERMUTATIONS, bootstraps=0).rows[0]
        found["r"] = float("nan") if row.r is None else row.r

    def theirs() -> None:
        matrices = [DistanceMatrix(_cosine_distances(values)) for values in (sound, aerial)]
        found["reference"] = float(mantel(*matrices, method="pearson", permutations=PERMUTATIONS)[0])

    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for round_number in range(ROUNDS + 1):
        for name, work in (("ours", ours), ("theirs", theirs)):
            seconds = _timed(work)
            if round_number:  # the first round imports
                times[name].append(seconds)
    core, reference = (statistics.median(times[name]) for name in ("ours", "theirs"))
    of_skbio = f"scikit-bio's mantel on the same ({1000.0 * reference:.0f} ms)"
    yield Claim("correlate_blocks over scikit-bio", core / reference, "x", of_skbio, 1.0)
    answer = _in_the_tool(sound, aerial)
    tool = statistics.median(answer["times"])
    yield Claim(
        "correlatelayers in QGIS over scikit-bio",
        tool / reference,
        "x",
        f"{of_skbio}; layer to table, the whole ladder",
    )
    away = max(abs(found["r"] - found["reference"]), abs(answer["r"] - found["reference"]))
    yield Claim(
        "r of correlatelayers away from scikit-bio", away, "", "its statistic, float32 vectors in QGIS", 1e-6
    )


def _in_the_tool(sound: np.ndarray, aerial: np.ndarray) -> dict:
    folder = BUILD / "bench" / "correlate"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        vectors = folder / "vectors.npz"
        np.savez(vectors, sound=sound.astype(np.float32), aerial=aerial.astype(np.float32))
        answer = in_qgis(_SCRIPT, [str(folder), str(vectors), str(PERMUTATIONS), str(ROUNDS)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not isinstance(answer, dict):
        raise RuntimeError("the script in QGIS gave no numbers")
    return answer


def _cosine_distances(values: np.ndarray) -> np.ndarray:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    distances = 1.0 - unit @ unit.T
    distances = (distances + distances.T) / 2.0
    np.fill_diagonal(distances, 0.0)
    return distances


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
