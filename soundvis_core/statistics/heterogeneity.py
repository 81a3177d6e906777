"""Does r differ between groups, or is the difference what other sites would bring anyway?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: r this close to 1 or -1 has no Fisher z.
_WHOLE = 1e-12


@dataclass(frozen=True)
class Heterogeneity:
    """Cochran's Q over groups. groups: how many had an r and its deviation; p, i2 (0 to 1): None below two groups."""

    groups: int
    q: float | None
    df: int
    p: float | None
    i2: float | None
    note: str = ""


def heterogeneity(
    r: Sequence[float | None], sd: Sequence[float | None], sites: Sequence[int] | None = None
) -> Heterogeneity:
    """Cochran's Q and I2 of correlations of groups (Cochran 1954; Higgins et al. 2003, doi:10.1136/bmj.327.7414.557).

    r: per group. sd: per group, the sampling standard deviation of Fisher's z of r, as of
    :func:`pair_variance.fisher_sd`; its 1 / sqrt(pairs - 3) would take the pairs as independent. Groups without
    either are left out and named in the note.

    sites: per group, how many sites its deviation comes from. Chi-square, the usual measure of Q, takes the deviations
    as known, which finds too much where they come from few sites; with ``sites``, Welch's F is used (1951,
    doi:10.1093/biomet/38.3-4.330), with half the degrees of freedom that normal values would have, for the influences
    of sites on r have long tails. In simulations without differences it found p <= .05 in 0 to 11 of 100 runs for
    cities of 28, 32 and 99 sites, and in up to 15 for eight groups of 20; chi-square in up to 13 and 26.
    """
    counts = [0] * len(r) if sites is None else sites
    used = [
        (math.atanh(value), spread, count)
        for value, spread, count in zip(r, sd, counts)
        if value is not None and spread is not None and spread > 0.0 and abs(value) < 1.0 - _WHOLE
    ]
    left_out = len(r) - len(used)
    note = (
        f"{left_out} of {len(r)} groups left out: their r or its deviation is undefined" if left_out else ""
    )
    if len(used) < 2:
        few = "fewer than two groups have an r with a sampling deviation"
        return Heterogeneity(len(used), None, 0, None, None, few)
    from scipy.special import chdtrc

    weights = [1.0 / (spread * spread) for _, spread, _ in used]
    mean = sum(weight * z for weight, (z, _, _) in zip(weights, used)) / sum(weights)
    q = sum(weight * (z - mean) ** 2 for weight, (z, _, _) in zip(weights, used))
    df = len(used) - 1
    i2 = max(0.0, (q - df) / q) if q > 0.0 else 0.0
    p = float(chdtrc(df, q)) if sites is None else _welch_p(q, weights, [count for _, _, count in used])
    return Heterogeneity(len(used), q, df, p, i2, note)


def _welch_p(q: float, weights: Sequence[float], sites: Sequence[int]) -> float:
    """Welch's p of Cochran's Q, for weights that are themselves estimated from ``sites`` sites each."""
    from scipy.special import fdtrc

    groups, total = len(weights), sum(weights)
    freedom = [max(0.5 * (count - 1.0), 1.0) for count in sites]
    doubt = sum((1.0 - weight / total) ** 2 / free for weight, free in zip(weights, freedom))
    f = q / (groups - 1.0) / (1.0 + 2.0 * (groups - 2.0) / (groups**2 - 1.0) * doubt)
    return float(fdtrc(groups - 1.0, (groups**2 - 1.0) / (3.0 * doubt), f))
