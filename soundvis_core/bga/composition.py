"""From shares of land cover classes to the biophony, geophony and anthrophony of a site."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import SiteError
from .weights import CATEGORIES, WeightTable

#: Shares may miss 0 and 1 by this much: they are often stored in 32 bits.
TOLERANCE = 1e-6
#: Their sum may exceed 1 by this much: tables often hold shares rounded to two digits.
SUM_TOLERANCE = 0.02


@dataclass(frozen=True)
class Composition:
    """The BGA composition of one site. Triples are in the order biophony, geophony, anthrophony.

    raw: sum of share times weight. None where no class is mapped: nothing known is not silence.
    normalised: raw divided by its sum; None where raw is None or 0.
    unmapped: the share of the site, 0 to 1, that no weight covers, with all that the shares leave out.
    dominant: the category with the largest value; None where two share the first place, because naming
        either would favour it on every such site of a map.
    evenness: Pielou's J, the Shannon entropy of ``normalised`` over ln 3: 0 one category only, 1 all equal
        (Pielou 1966, doi:10.1016/0022-5193(66)90013-0).
    """

    raw: tuple[float, float, float] | None
    normalised: tuple[float, float, float] | None
    unmapped: float
    dominant: str | None
    evenness: float | None


def compose(shares: Mapping[str, float], table: WeightTable) -> Composition:
    """The composition that the class shares of a site (0 to 1 each, at most 1 together) suggest.

    raw_k = sum over classes of share x weight_k (section 4.5 and Table 1 of the paper).
    Classes that the table does not know are unmapped.

    Raises :class:`SiteError` where a share is not a number, lies outside 0..1, or the sum exceeds 1.
    """
    checked = _check_shares(shares)
    totals = [0.0, 0.0, 0.0]
    mapped = 0.0
    for name, share in checked.items():
        weights = table.weights(name)
        if weights is None or share == 0.0:
            continue
        mapped += share
        for index in range(3):
            totals[index] += share * float(weights[index])
    if mapped == 0.0:
        return Composition(None, None, 1.0, None, None)
    return composition_from_raw(totals, max(0.0, 1.0 - mapped))


def composition_from_raw(raw: Sequence[float] | None, unmapped: float) -> Composition:
    """The composition of raw values (biophony, geophony, anthrophony; each finite and not negative).

    ``raw`` None (nothing mapped) gives None everywhere; raw 0, 0, 0 (mapped classes that make no sound)
    keeps its zeros and has no normalised values. ``unmapped`` is clipped to 0..1.

    Raises :class:`SiteError` where ``raw`` is not three such numbers.
    """
    unmapped = min(max(float(unmapped), 0.0), 1.0)
    if unmapped < TOLERANCE:
        unmapped = 0.0
    if raw is None:
        return Composition(None, None, unmapped, None, None)
    values = tuple(float(value) for value in raw)
    if len(values) != 3 or not all(math.isfinite(value) and value >= 0.0 for value in values):
        raise SiteError(f"A composition needs three numbers of 0 or more, not {values}.")
    bio, geo, ant = values
    largest = max(values)
    if largest == 0.0:
        return Composition((bio, geo, ant), None, unmapped, None, None)
    # Dividing by the largest first keeps the sum in range whatever the scale of the weights.
    scaled = [value / largest for value in values]
    total = sum(scaled)
    first, second, third = (value / total for value in scaled)
    normalised = (first, second, third)
    entropy = -sum(share * math.log(share) for share in normalised if share > 0.0)
    evenness = min(max(entropy / math.log(3.0), 0.0), 1.0)
    return Composition((bio, geo, ant), normalised, unmapped, _dominant(normalised), evenness)


def _check_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares as floats, clipped to 0..1 within the tolerance."""
    checked: dict[str, float] = {}
    for name, given in shares.items():
        try:
            share = float(given)
        except (TypeError, ValueError):
            share = math.nan
        if not math.isfinite(share):
            raise SiteError(f"The share of class '{name}' is not a number ({given}).")
        if share < -TOLERANCE:
            raise SiteError(f"The share of class '{name}' is negative ({share:g}).")
        if share > 1.0 + TOLERANCE:
            raise SiteError(
                f"The share of class '{name}' is {share:g}; shares lie between 0 and 1. "
                "Divide percentages by 100."
            )
        checked[name] = min(max(share, 0.0), 1.0)
    total = math.fsum(checked.values())
    if total > 1.0 + SUM_TOLERANCE:
        raise SiteError(
            f"The shares sum to {total:g}; together they cannot exceed 1. Divide percentages by 100, "
            "and check that no class is counted twice."
        )
    return checked


def _dominant(normalised: Sequence[float]) -> str | None:
    """The category in first place; None on a tie (equal within rounding)."""
    order = sorted(range(3), key=lambda index: normalised[index], reverse=True)
    if normalised[order[0]] - normalised[order[1]] <= 1e-9:
        return None
    return CATEGORIES[order[0]]
