"""Many tests in one run: p adjusted for their number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .results import NAIVE, RUNGS, SHORT_RUNGS, CorrelationResult, CorrelationRow

#: The level at which a row is called a link.
LEVEL = 0.05


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down p, in the order given: bounds the chance of any false find over the family (Holm 1979).

    The family are the tests that have a p; None (a test that was not done) stays None and does not count. Holds
    whatever the dependence between the tests, as between cities and their pool.
    """
    tested, values = _tested(p)
    if not tested:
        return list(p)
    ascending = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    steps = np.minimum(np.maximum.accumulate(factors * values[ascending]), 1.0)
    return _placed(p, tested, ascending, steps)


def benjamini_hochberg(p: Sequence[float | None]) -> list[float | None]:
    """Benjamini and Hochberg's step-up p, in the order given: bounds the share of false ones among the finds.

    Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x. The family are the tests that have a p;
    None stays None and does not count. Holds for independent and for positively dependent tests.
    """
    tested, values = _tested(p)
    if not tested:
        return list(p)
    ascending = np.argsort(values, kind="stable")
    factors = len(values) / np.arange(1, len(values) + 1)
    steps = np.minimum.accumulate((factors * values[ascending])[::-1])[::-1]
    return _placed(p, tested, ascending, np.minimum(steps, 1.0))


def family_sizes(rows: Sequence[CorrelationRow]) -> dict[str, int]:
    """How many rows have a p of each rung: over so many it is adjusted."""
    return {name: sum(row.p(name) is not None for row in rows) for name in RUNGS}


def beyond_reach(result: CorrelationResult) -> list[str]:
    """A sentence where so many rows were tested by so few permutations that none can be a find after Holm."""
    drawn = {name: size for name, size in family_sizes(result.rows).items() if size and name != NAIVE}
    short = {name: size for name, size in drawn.items() if size > max(1.0, LEVEL * (result.permutations + 1))}
    if not result.permutations or not short:
        return []
    most = max(short.values())
    least = min(1.0, most / (result.permutations + 1))
    needed = math.ceil(most / LEVEL - 1e-9) - 1
    # Each test is a family of its own: those that fewer rows have may be within reach.
    which = "" if len(short) == len(drawn) else f" ({', '.join(SHORT_RUNGS[name] for name in short)})"
    said = f"With {most:,} rows, p{which} after Holm's correction cannot be below {least:.3f}"
    return [f"{said}: ask for at least {needed:,} permutations."]


def _tested(p: Sequence[float | None]) -> tuple[list[int], np.ndarray]:
    """Positions of the tests that have a p, and these p."""
    tested = [position for position, value in enumerate(p) if value is not None]
    return tested, np.array([p[position] for position in tested], dtype=np.float64)


def _placed(
    p: Sequence[float | None], tested: list[int], ascending: np.ndarray, steps: np.ndarray
) -> list[float | None]:
    """``steps``, which go by ascending p, back in the places of their tests."""
    adjusted: list[float | None] = [None] * len(p)
    for rank, position in enumerate(ascending):
        adjusted[tested[int(position)]] = float(steps[rank])
    return adjusted
