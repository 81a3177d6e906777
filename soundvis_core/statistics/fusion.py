"""Sound against both views, street and aerial: what they tell together, and what each tells by itself.

All numbers come from the correlations between the similarities of the three, as in regression on such matrices
(Legendre, Lapointe and Casgrain 1994, doi:10.1111/j.1558-5646.1994.tb02191.x) and in commonality analysis (Nimon and
Reio 2011, doi:10.1177/1534484311411077).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .bootstrap import (
    bootstrap_correlations,
    bootstrap_weights,
    influence_shrink,
    linear_interval,
    site_interval,
)
from .mantel import permutation_orders, permuted_products, two_sided_p
from .pair_variance import influence_of_scores, z_scores
from .results import FUSION_QUANTITIES, POOLED, FusionRow
from .similarity import pairs_of, varies

#: Fewest sites for which a correlation means anything.
MIN_SITES = 3
#: Views whose squared correlation is this close to 1 are one: nothing is told by either alone.
_SAME = 1e-9
#: One less the level of the intervals.
_LEVEL = 0.05
_CANCEL = "street and aerial cancel each other exactly"


def fuse(
    sound: np.ndarray,
    street: np.ndarray,
    aerial: np.ndarray,
    concatenated: np.ndarray | None = None,
    *,
    permutations: int = 999,
    bootstraps: int = 999,
    seed: int = 0,
    group: str = POOLED,
    category: str = "",
    progress: Progress = NO_PROGRESS,
) -> list[FusionRow]:
    """Every quantity of ``FUSION_QUANTITIES`` for one group; ``concatenated`` only where its matrix is given.

    sound, street, aerial: (n, n) symmetric similarities of the same sites. concatenated: those of street and aerial
    vectors, each of length 1, put together; for two cosines that is the mean of both.

    p: the sites of sound are permuted, which breaks its link with both views and leaves them with each other. For
    what one view explains alone, the partial r given the other is compared, as in a partial Mantel test. ``shared``
    has none: no permutation makes it alone 0. For street minus aerial, the permuted difference is right only where
    sound is linked with neither view, and finds far too much where it is equally linked with both (three runs in ten
    of 100 sites at p < .05, simulated); the bootstrap is right there, and a little too ready with few sites. p is the
    larger of the two.

    interval: 95 % site bootstrap, corrected as in :func:`bootstrap.site_interval`. What one view explains alone is a
    square: its interval is that of its signed root, squared, and starts at 0 where the root has both signs. What
    chance adds to multiple R in each bootstrap is taken off by their median, and its interval starts at 0 where its p
    is above .05, for no bootstrap of it reaches 0.

    Raises :class:`Cancelled` where the user stops the run.
    """
    sites = len(sound)
    matrices = [sound, street, aerial] + ([] if concatenated is None else [concatenated])
    keys = [key for key in FUSION_QUANTITIES if key != "concatenated" or concatenated is not None]
    why = _undefined(sound, street, aerial)
    if why:
        return [FusionRow(group, category, key, None, None, None, sites, why) for key in keys]
    check_cancelled(progress)
    scores = [z_scores(matrix) if varies(pairs_of(matrix)) else np.zeros_like(matrix) for matrix in matrices]
    ordered = sites * (sites - 1.0)
    observed = np.array([[np.einsum("ij,ij->", one, other) / ordered for other in scores] for one in scores])
    observed = np.clip(observed, -1.0, 1.0)
    if concatenated is not None and not scores[3].any():
        observed[3, :] = observed[:, 3] = np.nan
    found = _quantities(observed)
    intervals: dict[str, tuple[float, float] | None] = {}
    if bootstraps:
        weights = bootstrap_weights(sites, bootstraps, seed)
        replicates = bootstrap_correlations(matrices, weights, PartOf(progress, 0.0, 0.3))
        drawn = _quantities(replicates)
        shrinks = _shrinks(scores, observed, progress)
        intervals = _intervals(found, drawn, shrinks)
    p: dict[str, float] = {}
    if permutations:
        targets = [2.0 * score / ordered for score in scores[1:]]
        orders = permutation_orders(sites, permutations, seed)
        products = permuted_products(scores[0], targets, orders, PartOf(progress, 0.3, 1.0), permutations)
        null = np.repeat(observed[None], permutations, axis=0)
        null[:, 0, 1:] = null[:, 1:, 0] = products
        p = _p_values(found, _quantities(null))
        if bootstraps and "street_minus_aerial" in p:
            beside = _bootstrap_p(found["difference"], drawn["difference"], shrinks["difference"])
            p["street_minus_aerial"] = max(p["street_minus_aerial"], beside)
        multiple = intervals.get("multiple_r")
        if multiple is not None and p["multiple_r"] > _LEVEL:
            intervals["multiple_r"] = (0.0, multiple[1])
    progress.report(1.0)
    return [
        _row(key, found, intervals, p, FusionRow(group, category, key, None, sites=sites)) for key in keys
    ]


def _undefined(sound: np.ndarray, street: np.ndarray, aerial: np.ndarray) -> str:
    """Why nothing can be told, or ``""``."""
    if len(sound) < MIN_SITES:
        return f"fewer than {MIN_SITES} sites have a value in sound, street and aerial"
    named = {"sound": sound, "street": street, "aerial": aerial}
    constant = [name for name, matrix in named.items() if not varies(pairs_of(matrix))]
    return f"all pairs are equally similar in {' and '.join(constant)}" if constant else ""


def _quantities(r: np.ndarray) -> dict[str, np.ndarray]:
    """All that follows from correlations ``r`` (..., k, k) between sound, street, aerial and, for k = 4, their joint.

    Beside the keys of ``FUSION_QUANTITIES``: difference; root_street and root_aerial, the semi-partial r whose squares
    are what either explains alone; partial_street and partial_aerial, the r of sound with either given the other.
    Of views that are one, neither explains anything alone. NaN where undefined.
    """
    street, aerial, views = r[..., 0, 1], r[..., 0, 2], r[..., 1, 2]
    slack = 1.0 - views * views
    one = slack < _SAME
    slack = np.where(one, 1.0, slack)
    squared = (street**2 + aerial**2 - 2.0 * street * aerial * views) / slack
    squared = np.clip(np.where(one, street**2, squared), 0.0, 1.0)
    cancel = 1.0 + views < _SAME
    found = {
        "z_mean": np.where(
            cancel, np.nan, (street + aerial) / np.sqrt(2.0 * np.where(cancel, 1.0, 1.0 + views))
        ),
        "multiple_r": np.sqrt(squared),
        "shared": street**2 + aerial**2 - squared,
        "difference": street - aerial,
    }
    if r.shape[-1] > 3:
        found["concatenated"] = r[..., 0, 3]
    for name, own, other in (("street", street, aerial), ("aerial", aerial, street)):
        root = np.where(one, 0.0, (own - other * views) / np.sqrt(slack))
        left = 1.0 - other * other
        whole = left < _SAME  # the other view explains all of sound
        found[f"root_{name}"] = root
        found[f"partial_{name}"] = np.where(whole, 0.0, root / np.sqrt(np.where(whole, 1.0, left)))
        found[f"unique_{name}"] = root**2
    found["z_mean"] = np.clip(found["z_mean"], -1.0, 1.0)
    found["street_minus_aerial"] = found["difference"]
    return found


def _p_values(found: Mapping[str, np.ndarray], null: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Two-sided p of each quantity by the permuted ones; what one view explains alone by its partial r."""
    compared = {key: key for key in ("z_mean", "concatenated", "multiple_r", "street_minus_aerial")}
    compared.update({f"unique_{name}": f"partial_{name}" for name in ("street", "aerial")})
    return {
        key: two_sided_p(float(found[by]), null[by])
        for key, by in compared.items()
        if by in found and np.isfinite(found[by])
    }


def _bootstrap_p(value: np.ndarray, drawn: np.ndarray, shrink: float) -> float:
    """Two-sided p of 0 by where it lies among the bootstraps, drawn towards the value by ``shrink``."""
    drawn = value + shrink * (drawn[np.isfinite(drawn)] - value)
    beyond = min(int((drawn <= 0.0).sum()), int((drawn >= 0.0).sum()))
    return min(2.0 * (beyond + 1) / (len(drawn) + 1), 1.0)


def _shrinks(scores: list[np.ndarray], r: np.ndarray, progress: Progress) -> dict[str, float]:
    """What the bootstrap's deviations of each quantity are scaled by: from the influence of each pair of sites.

    By the chain rule from those on the three r's; the weights of multiple R are at its maximum, so they add nothing.
    Raises :class:`Cancelled`.
    """
    check_cancelled(progress)
    sound, street, aerial = scores[:3]
    sites = len(sound)
    on_street, on_aerial = influence_of_scores(sound, street), influence_of_scores(sound, aerial)
    r_street, r_aerial, views = float(r[0, 1]), float(r[0, 2]), float(r[1, 2])
    shrinks = {"difference": influence_shrink(on_street - on_aerial, sites)}
    if len(scores) > 3:
        shrinks["concatenated"] = influence_shrink(influence_of_scores(sound, scores[3]), sites)
    check_cancelled(progress)
    joint = street + aerial
    if varies(pairs_of(joint)):
        shrinks["z_mean"] = influence_shrink(influence_of_scores(sound, z_scores(joint)), sites)
    slack = 1.0 - views * views
    if slack < _SAME:
        shrinks["multiple_r"] = influence_shrink(on_street, sites)
        return shrinks
    check_cancelled(progress)
    fitted = (r_street - r_aerial * views) * street + (r_aerial - r_street * views) * aerial
    if varies(pairs_of(fitted)):
        fitted = z_scores(fitted)
        on_fitted = influence_of_scores(sound, fitted)
        multiple = float(np.einsum("ij,ij->", sound, fitted)) / (sites * (sites - 1.0))
        shrinks["multiple_r"] = influence_shrink(on_fitted, sites)
        shared = r_street * on_street + r_aerial * on_aerial - multiple * on_fitted
        shrinks["shared"] = influence_shrink(shared, sites)
        del fitted, on_fitted, shared
    on_views = influence_of_scores(street, aerial)
    for name, on_own, on_other, own, other in (
        ("street", on_street, on_aerial, r_street, r_aerial),
        ("aerial", on_aerial, on_street, r_aerial, r_street),
    ):
        check_cancelled(progress)
        root = (on_own - views * on_other) * slack + (own * views - other) * on_views
        shrinks[f"root_{name}"] = influence_shrink(root, sites)
    return shrinks


def _intervals(
    found: Mapping[str, np.ndarray], drawn: Mapping[str, np.ndarray], shrinks: Mapping[str, float]
) -> dict[str, tuple[float, float] | None]:
    """95 % intervals by key of ``FUSION_QUANTITIES``."""

    def of(key: str, correlation: bool) -> tuple[float, float] | None:
        if key not in found or not np.isfinite(found[key]):
            return None
        value, replicates = float(found[key]), drawn[key]
        if key == "multiple_r" and np.isfinite(replicates).any():
            # Chance only ever adds to multiple R, in each bootstrap once more: by the median, that is taken off.
            replicates = replicates - max(float(np.nanmedian(replicates)) - value, 0.0)
        make = site_interval if correlation else linear_interval
        return make(value, replicates, shrinks.get(key, 1.0))

    intervals = {key: of(key, True) for key in ("z_mean", "concatenated")}
    multiple = of("multiple_r", True)
    intervals["multiple_r"] = None if multiple is None else (max(multiple[0], 0.0), multiple[1])
    intervals["shared"] = of("shared", False)
    intervals["street_minus_aerial"] = of("difference", False)
    for name in ("street", "aerial"):
        root = of(f"root_{name}", True)
        if root is not None:
            ends = sorted(end * end for end in root)
            intervals[f"unique_{name}"] = (0.0 if root[0] <= 0.0 <= root[1] else ends[0], ends[1])
    return intervals


def _row(
    key: str,
    found: Mapping[str, np.ndarray],
    intervals: Mapping[str, tuple[float, float] | None],
    p: Mapping[str, float],
    empty: FusionRow,
) -> FusionRow:
    value = float(found[key])
    if not np.isfinite(value):
        constant = key == "concatenated"
        why = "all pairs are equally similar in the concatenated vectors" if constant else _CANCEL
        return replace(empty, note=why)
    note = ""
    if key == "shared" and value < 0.0:
        note = "below 0: together the two views explain more than the sum of both"
    return replace(empty, value=value, interval=intervals.get(key), p=p.get(key), note=note)
