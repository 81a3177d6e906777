"""The power of one pair of similarity matrices, put together from the model that the rows of a run take theirs from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from soundvis_core.statistics.power import power_model


class PairPower(NamedTuple):
    """What so many sites find; of an absolute r asked about, the chance to find it and the sites that would."""

    null_sd: float
    detectable_r: float | None
    power_at_target: float | None = None
    sites_needed: int | None = None


def power_of(
    a: np.ndarray,
    b: np.ndarray,
    target: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    sites: int = 0,
    null_sd: float | None = None,
) -> PairPower:
    """sites, null_sd: of the whole row, where the matrices (n, n) are those of a sample."""
    count = sites or len(a)
    model = power_model(a, b, alpha, sites, null_sd)
    told = PairPower(model.null_sd_at(count), model.detectable_r(count, power))
    if target is None:
        return told
    return PairPower(*told[:2], model.power(target, count), model.sites_needed(target, power))
