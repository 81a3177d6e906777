"""Noise ceiling: how large a correlation the noise of the measurements lets one expect.

A site's vector is the mean over its windows (10 s of sound, say); other windows of the same place would have given
another. Two halves of the windows tell how much: where the similarities between sites from one half do not follow
those from the other, no other block can follow them either (Spearman 1904, doi:10.2307/1412159).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .similarity import measure_of, missing_reasons, pairs_of, similarity_matrix, varies

#: Fewer sites have too few pairs for a correlation between halves.
MIN_SITES = 3
#: A matrix of sites by sites per half is held; more sites are sampled.
MAX_SITES = 2000
#: Why a site of one window is not used.
ONE_WINDOW = "fewer than two windows, which cannot be halved"


@dataclass(frozen=True)
class Reliability:
    """How far a block's similarities would come out again with other windows.

    value: reliability of the similarities from all windows, 0 to 1: the half's, lengthened by Spearman and Brown's
    formula. half: the mean correlation between the similarities of two halves, -1 to 1. low, high: smallest and
    largest ``half`` of the halvings. sites: used. left_out: position and reason of each site that was not. value is
    None where it is undefined, and ``note`` says why.
    """

    value: float | None
    half: float | None
    low: float | None
    high: float | None
    sites: int
    left_out: tuple[tuple[int, str], ...] = ()
    note: str = ""


def split_half_reliability(
    windows: Sequence[np.ndarray],
    halvings: int = 20,
    seed: int = 0,
    measure: str = "",
    progress: Progress = NO_PROGRESS,
) -> Reliability:
    """Reliability of the similarities between sites, from ``halvings`` random halvings of each site's windows.

    windows: per site (w, d) float, one row per window in any order; w may differ and be 0. Windows with a number
    that is missing or infinite are passed over. measure: as of ``similarity.similarity_matrix``.

    Per halving the two half means of each site are compared as :func:`half_correlation` says; the mean over the
    halvings is lengthened to all windows. The formula takes the noise of a similarity to fall with the windows; the
    product of two sites' noises falls with their square, so that in many noisy dimensions the value is too low (.53
    for .63 in 256 dimensions, simulated; right within .05 in 3 to 16). Above ``MAX_SITES`` usable sites, a seeded
    sample of these is taken.

    Raises :class:`Cancelled` where the user stops the run.
    """
    kept = [_finite(np.asarray(rows, dtype=np.float64)) for rows in windows]
    left_out = tuple((site, ONE_WINDOW) for site, rows in enumerate(kept) if len(rows) < 2)
    usable = [rows for rows in kept if len(rows) >= 2]
    generator = np.random.default_rng(seed)
    note = ""
    if len(usable) > MAX_SITES:
        note = f"from a random sample of {MAX_SITES:,} of {len(usable):,} sites"
        usable = [usable[i] for i in np.sort(generator.choice(len(usable), MAX_SITES, replace=False))]
    if len(usable) < MIN_SITES:
        few = f"fewer than {MIN_SITES} sites have two windows or more"
        return Reliability(None, None, None, None, len(usable), left_out, few)
    found = []
    for done in range(halvings):
        check_cancelled(progress)
        progress.report(done / halvings)
        first, second = halves(usable, generator)
        r = half_correlation(first, second, measure)
        if r is not None:
            found.append(r)
    if not found:
        note = "all pairs are equally similar, or too few sites have a direction in both halves"
        return Reliability(None, None, None, None, len(usable), left_out, note)
    half = float(np.mean(found))
    if half <= 0.0:
        note = "; ".join(filter(None, [note, "the halves do not agree at all: the windows are noise"]))
    return Reliability(spearman_brown(half), half, min(found), max(found), len(usable), left_out, note)


def half_correlation(first: np.ndarray, second: np.ndarray, measure: str = "") -> float | None:
    """Correlation between the similarities of sites from one half of their windows and from the other.

    first, second: (n, d), the same sites. Each pair of sites is compared twice with nothing in common between the
    two: the first halves with the second halves, and the first half of one site and the second of the other with
    the remaining two. The mean of both correlations; None where they are undefined.
    """
    compared = compared_halves(first, second, measure)
    if not compared:
        return None
    upper = np.triu_indices(len(compared[0][0]), k=1)
    return float(np.mean([np.corrcoef(one[upper], other[upper])[0, 1] for one, other in compared]))


def compared_halves(
    first: np.ndarray, second: np.ndarray, measure: str = ""
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The two comparisons of :func:`half_correlation`, as similarities (m, m), symmetric, of the m usable sites each.

    Empty where the correlation is undefined.
    """
    measure = measure or measure_of(first)
    usable = [a is None and b is None for a, b in zip(missing_reasons(first), missing_reasons(second))]
    first, second = first[usable], second[usable]
    sites = len(first)
    if sites < MIN_SITES:
        return []
    both = similarity_matrix(np.concatenate([first, second]), measure)
    across = both[:sites, sites:]
    compared = [
        (both[:sites, :sites], both[sites:, sites:]),
        (_mirrored(across), _mirrored(across.T)),
    ]
    if not all(varies(pairs_of(one)) and varies(pairs_of(other)) for one, other in compared):
        return []
    return compared


def _mirrored(matrix: np.ndarray) -> np.ndarray:
    """The upper triangle of ``matrix`` (n, n) and its mirror image, 1 on the diagonal."""
    upper = np.triu(matrix, k=1)
    return np.asarray(upper + upper.T + np.eye(len(matrix)))


def spearman_brown(half: float, factor: float = 2.0) -> float:
    """Reliability of a measurement ``factor`` times as long as one of reliability ``half``, 0 to 1.

    Spearman 1910, Brown 1910: factor r / (1 + (factor - 1) r). 0 where ``half`` is not positive: a reliability
    is a share of variance.
    """
    return min(factor * half / (1.0 + (factor - 1.0) * half), 1.0) if half > 0.0 else 0.0


def attainable_r(first: float | None, second: float | None) -> float | None:
    """The largest absolute r between two blocks whose similarities have these reliabilities (0 to 1).

    sqrt(first * second), Spearman's attenuation. Where one is not known it is taken as 1, so the ceiling is then
    too high rather than too low; None where neither is.
    """
    if first is None and second is None:
        return None
    return math.sqrt((1.0 if first is None else first) * (1.0 if second is None else second))


def _finite(rows: np.ndarray) -> np.ndarray:
    if len(rows) == 0:
        return rows
    if rows.size == 0:
        return np.empty((0, 1))
    rows = rows.reshape(len(rows), -1)
    return rows[np.isfinite(rows).all(axis=1)]


def halves(windows: Sequence[np.ndarray], generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Means over a random half of each site's windows and over the rest, (n, d) each.

    Of an odd number, the window too many goes to a half by chance.
    """
    first, second = [], []
    for rows in windows:
        order = generator.permutation(len(rows))
        middle = (len(rows) + int(generator.integers(0, 2))) // 2 if len(rows) % 2 else len(rows) // 2
        first.append(rows[order[:middle]].mean(axis=0))
        second.append(rows[order[middle:]].mean(axis=0))
    return np.array(first), np.array(second)
