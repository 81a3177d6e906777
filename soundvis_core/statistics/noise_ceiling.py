"""The noise ceiling of a block with a site-bootstrap interval: what the table of 'Noise ceiling' holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .bootstrap import bootstrap_r, bootstrap_weights, site_interval, site_shrink
from .ceiling import MAX_SITES, compared_halves, halves, spearman_brown, split_half_reliability
from .similarity import MEASURES, missing_reasons

#: With fewer sites the interval says little.
FEW_SITES = 6
#: Elements of the matrices that are bootstrapped, which bounds the time: twenty halvings of 700 sites, two of 2,000.
_ELEMENTS = 10_000_000


@dataclass(frozen=True)
class NoiseCeiling:
    """How large a correlation the noise of a block lets one expect.

    windows, sites: used. sites_unsplit: left out, for they have fewer than two windows. split_half: correlation
    between the similarities from two halves of the windows. reliability: of the similarities from all windows, 0 to 1.
    ceiling: its root, the largest absolute r with a block without noise. interval: 95 % of the reliability, by
    bootstrap of sites. Numbers are None where undefined, and ``note`` says why.
    """

    windows: int
    sites: int
    sites_unsplit: int
    split_half: float | None = None
    reliability: float | None = None
    ceiling: float | None = None
    interval: tuple[float, float] | None = None
    note: str = ""


def noise_ceiling(
    windows: Sequence[np.ndarray],
    halvings: int = 20,
    bootstraps: int = 999,
    seed: int = 0,
    measure: str = "",
    progress: Progress = NO_PROGRESS,
) -> NoiseCeiling:
    """The noise ceiling from several measurements of each site.

    windows: per site (w, d) float, a row per window (or per day, or per half); w may differ and be 0. Windows that
    cannot be compared (a number missing, all zero, a negative share under a measure of shares) are passed over.
    halvings: random halvings that are averaged; they are seeded, as are the bootstraps. bootstraps: 0 leaves the
    interval out. measure: as of ``similarity.similarity_matrix``. More than ``ceiling.MAX_SITES`` sites are sampled.

    Raises InputError for an unknown measure or fewer than one halving, and Cancelled.
    """
    if measure and measure not in MEASURES:
        raise InputError(f"There is no measure '{measure}'. Choose one of: {', '.join(MEASURES)}.")
    if halvings < 1:
        raise InputError(f"The number of halvings is {halvings}; it has to be at least 1.")
    kept = [_usable(rows, measure) for rows in windows]
    split = [rows for rows in kept if len(rows) >= 2]
    unsplit = len(kept) - len(split)
    sampled = ""
    if len(split) > MAX_SITES:
        sampled = f"from a random sample of {MAX_SITES:,} of {len(split):,} sites"
        drawn = np.random.default_rng(seed).choice(len(split), MAX_SITES, replace=False)
        split = [split[site] for site in np.sort(drawn).tolist()]
    found = split_half_reliability(split, halvings, seed, measure, PartOf(progress, 0.0, 0.5))
    few = f"only {len(split)} sites" if 0 < len(split) < FEW_SITES and found.value is not None else ""
    ceiling = NoiseCeiling(
        windows=sum(len(rows) for rows in split),
        sites=len(split),
        sites_unsplit=unsplit,
        split_half=found.half,
        reliability=found.value,
        note="; ".join(part for part in (sampled, few, found.note) if part),
    )
    if found.value is None or found.half is None:
        return ceiling
    interval = _interval(found.half, split, halvings, bootstraps, seed, measure, PartOf(progress, 0.5, 1.0))
    return replace(ceiling, ceiling=math.sqrt(found.value), interval=interval)


def _usable(rows: np.ndarray, measure: str) -> np.ndarray:
    rows = np.asarray(rows)
    if len(rows) == 0:
        return rows
    rows = rows.reshape(len(rows), -1)
    return rows[[reason is None for reason in missing_reasons(rows, measure)]]


def _interval(
    half: float,
    windows: Sequence[np.ndarray],
    halvings: int,
    bootstraps: int,
    seed: int,
    measure: str,
    progress: Progress,
) -> tuple[float, float] | None:
    """95 % of the reliability: the correlation of halves over drawn sites, lengthened."""
    if bootstraps == 0:
        return None
    sites = len(windows)
    weights = bootstrap_weights(sites, bootstraps, seed)
    generator = np.random.default_rng(seed)
    count = max(2, min(halvings, _ELEMENTS // sites**2))
    replicates: list[np.ndarray] = []
    shrinks: list[float] = []
    for done in range(count):
        check_cancelled(progress)
        compared = compared_halves(*halves(windows, generator), measure)
        # A halving that leaves a site without a direction has other sites than the weights.
        if not compared or len(compared[0][0]) != sites:
            continue
        for place, (one, other) in enumerate(compared):
            start, stop = ((done + share / len(compared)) / count for share in (place, place + 1))
            replicates.append(bootstrap_r(one, other, weights, PartOf(progress, start, stop)))
            shrinks.append(site_shrink(one, other))
    if not replicates:
        return None
    interval = site_interval(half, np.mean(replicates, axis=0), float(np.mean(shrinks)))
    return None if interval is None else (spearman_brown(interval[0]), spearman_brown(interval[1]))
