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


def heterogeneity(r: Sequence[float | None], sd: Sequence[float | None]) -> Heterogeneity:
    """Cochran's Q and I2 of correlations of groups (Cochran 1954; Higgins et al. 2003, doi:10.1136/bmj.327.7414.557).

    r: per group. sd: per group, the sampling standard deviation of Fisher's z of r, as of
    :func:`pair_variance.fisher_sd`; its 1 / sqrt(pairs - 3) would take the pairs as independent. Groups without
    either are left out and named in the note.

    Q is compared with chi-square, which takes the deviations as known.
    """
    used = [
        (math.atanh(value), spread)
        for value, spread in zip(r, sd)
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

    weights = [1.0 / (spread * spread) for _, spread in used]
    mean = sum(weight * z for weight, (z, _) in zip(weights, used)) / sum(weights)
    q = sum(weight * (z - mean) ** 2 for weight, (z, _) in zip(weights, used))
    df = len(used) - 1
    i2 = max(0.0, (q - df) / q) if q > 0.0 else 0.0
    return Heterogeneity(len(used), q, df, float(chdtrc(df, q)), i2, note)
