"""Which rung of the ladder to read in a row, and why.

A permutation test takes the sites as exchangeable. They are not where the sites of one group (a city) are alike, nor
where near sites are alike, if that is so in both blocks: then groups and space alone make a correlation. Both are
looked for in the data, and the rung is named that held its level in the simulations of benchmarks/bench_type_one.py.
None does where place acts on both blocks in one way that is not the same everywhere (a gradient across the city, say):
the Moran rung comes nearest then, and no advice can tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .mantel import pearson
from .moments import permutation_sd
from .results import MANTEL, MORAN, POOLED, RUNGS, STRATIFIED, Rung
from .similarity import pairs_of, varies
from .spatial_weights import FEWEST_PLACES

#: One-sided normal quantile of p = .2: a structure missed costs more than one seen in vain, so the looks are lenient.
_SEEN = 0.84
#: Sites of a group in which a structure can be looked for.
MIN_SITES = 8


@dataclass(frozen=True)
class Advice:
    """rung: the one to read, "" where there is none. reason: why, in words. holds: whether it held in simulations."""

    rung: str
    reason: str
    holds: bool = True


@dataclass(frozen=True)
class Structure:
    """What in the sites of a row speaks against exchanging them.

    groups, space: whether sites of one group, and near sites (within groups where there are some), are alike in both
    blocks. grouped: whether there were groups to look at; placed: whether the sites of one part lie at enough
    different places to look for space.
    """

    groups: bool
    space: bool
    grouped: bool
    placed: bool


def structure_of(
    a: np.ndarray, b: np.ndarray, codes: np.ndarray, distance: np.ndarray | None, group: str = POOLED
) -> Structure:
    """Look for groups and space in two matrices of similarities (n, n).

    codes: (n,) int, the group of each site, negative without one. distance: (n, n) log distances with NaN where a
    place is unknown, or None.
    """
    names, counts = np.unique(codes[codes >= 0], return_counts=True)
    grouped = group == POOLED and len(names) >= 2 and int(counts.max(initial=0)) >= 2
    by_group = False
    if grouped:
        known = codes >= 0
        same = (codes[known][:, None] == codes[known][None, :]).astype(np.float64)
        by_group = all(_alike(matrix[np.ix_(known, known)], same) for matrix in (a, b))
    if distance is None:
        return Structure(by_group, False, grouped, False)
    parts = [np.flatnonzero(codes == name) for name in names] if grouped else [np.arange(len(a))]
    placed = np.isfinite(np.diag(distance))
    parts = [part[placed[part]] for part in parts]
    parts = [part for part in parts if len(part) >= MIN_SITES]
    by_space = bool(parts) and all(_near_alike(matrix, distance, parts) for matrix in (a, b))
    looked = any(_different(distance[np.ix_(part, part)]) >= FEWEST_PLACES for part in parts)
    return Structure(by_group, by_space, grouped, looked)


def advise(structure: Structure, rungs: Mapping[str, Rung]) -> Advice:
    """The rung to read among those that were computed."""
    can = {name for name, rung in rungs.items() if rung.p is not None}
    if MANTEL not in can:
        return Advice("", "nothing was tested by permutation", False)
    if structure.space and MORAN in can:
        where = " within a group" if structure.grouped else ""
        also = " and groups differ in both" if structure.groups else ""
        return Advice(
            MORAN, f"near sites{where} are alike in both blocks{also}, so sites are not exchangeable"
        )
    if structure.space:
        best = STRATIFIED if structure.groups and STRATIFIED in can else MANTEL
        return Advice(
            best,
            "near sites are alike in both blocks, which no rung computed here allows for: p is too small",
            False,
        )
    if structure.groups and STRATIFIED in can:
        return Advice(
            STRATIFIED, f"sites of one group are alike in both blocks{_unknown(structure)}", structure.placed
        )
    if structure.groups:
        return Advice(
            MANTEL,
            "sites of one group are alike in both blocks, which the Mantel test does not allow for",
            False,
        )
    seen = "neither groups nor nearness make" if structure.grouped else "nearness does not make"
    if not structure.placed:
        seen = "groups do not make" if structure.grouped else "nothing is known that makes"
    return Advice(MANTEL, f"{seen} sites alike in both blocks{_unknown(structure)}", structure.placed)


def sentence(rows: str, advice: Advice) -> str:
    """The advice for some rows (their names) as a sentence."""
    if not advice.rung:
        return f"{rows}: no rung can be advised; {advice.reason}."
    return f"{rows}: read the {RUNGS[advice.rung]}; {advice.reason}."


def _unknown(structure: Structure) -> str:
    return (
        "" if structure.placed else " (nearness could not be looked at: no places, or too few different ones)"
    )


def _different(distance: np.ndarray) -> int:
    """How many different places the sites lie at."""
    return int((~np.tril(distance <= 0.0, -1).any(axis=1)).sum())


def _alike(matrix: np.ndarray, same: np.ndarray) -> bool:
    """Whether pairs of one group are more alike than others, by Mantel's r with its exact spread."""
    z = _z(matrix, same)
    return z is not None and z > _SEEN


def _near_alike(matrix: np.ndarray, distance: np.ndarray, parts: list[np.ndarray]) -> bool:
    """Whether near sites are more alike than far ones, over all distances or the nearest, in the parts together."""
    for nearest in (False, True):
        found = []
        for part in parts:
            here = distance[np.ix_(part, part)]
            z = _z(matrix[np.ix_(part, part)], _neighbours(here) if nearest else -here)
            if z is not None:
                found.append((len(part), z))
        weights = math.sqrt(sum(size * size for size, _ in found))
        if weights and sum(size * z for size, z in found) / weights > _SEEN:
            return True
    return False


def _neighbours(distance: np.ndarray) -> np.ndarray:
    """1 where one of two sites is among the other's four nearest, else 0."""
    count = len(distance)
    ranked = np.where(np.eye(count, dtype=bool), np.inf, distance)
    near = np.argpartition(ranked, 3, axis=1)[:, :4]
    found = np.zeros((count, count))
    found[np.arange(count)[:, None], near] = 1.0
    neighbours: np.ndarray = np.maximum(found, found.T)
    return neighbours


def _z(matrix: np.ndarray, other: np.ndarray) -> float | None:
    first, second = pairs_of(matrix), pairs_of(other)
    if not (varies(first) and varies(second)):
        return None
    r, spread = pearson(first, second), permutation_sd(matrix, other)
    return None if r is None or not spread else r / spread
