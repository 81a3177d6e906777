"""Which footprint sound agrees with best: r by radius, with a p that knows that the best radius was chosen.

Whoever tries ten radii and reports the best one has looked ten times. The correction: the sites of the sound are
permuted, r is computed at every radius with the same order, and the largest absolute one of each order is kept. The
corrected p of a radius is how often that maximum reaches its \\|r\\| (Westfall and Young 1993, single-step maxT). It
holds for all radii at once and, because neighbouring radii see much the same ground, costs less than Holm or
Bonferroni would.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .factored import FactoredPair
from .mantel import TIE, pearson, permuted_products, spearman, standardised, two_sided_p
from .orders import OrderGrid, permutation_orders, stratified_orders
from .results import Block
from .similarity import (
    COSINE,
    measure_of,
    missing_reasons,
    pairs_of,
    rank_matrix,
    similarity_matrix,
    varies,
)

METHODS = ("pearson", "spearman")
#: Up to so many sites every measure can be used; matrices of more would be too large.
DENSE_SITES = 3000
#: Bytes of similarity matrices held at once; beyond, radii are permuted in several rounds.
_HELD_BYTES = 400_000_000


@dataclass(frozen=True)
class Footprint:
    """What the ground within one radius looks like: ``values`` (sites, d) float, NaN for a site without any."""

    radius: float
    values: np.ndarray


@dataclass(frozen=True)
class SweepRow:
    """One radius. r: Pearson's r of the similarities of the pairs; rho: Spearman's, None of more than ``DENSE_SITES``.

    p: two-sided, for this radius alone; p_best: corrected for choosing the best of all radii. best: whether \\|r\\| (or
    \\|rho\\|, whichever is tested) is the largest. Numbers are None where the similarities do not vary or nothing was
    permuted, and ``note`` says why.
    """

    radius: float
    r: float | None = None
    rho: float | None = None
    p: float | None = None
    p_best: float | None = None
    best: bool = False
    note: str = ""


@dataclass(frozen=True)
class Sweep:
    """The radii in rising order. sites: used at all of them; reasons: why each other site was not, "" where it was."""

    rows: tuple[SweepRow, ...]
    sites: int
    reasons: tuple[str, ...]

    @property
    def pairs(self) -> int:
        """Pairs of used sites."""
        return self.sites * (self.sites - 1) // 2

    @property
    def best(self) -> SweepRow | None:
        """The radius with the largest coefficient; None where there is none at all."""
        return next((row for row in self.rows if row.best), None)


def footprint_sweep(
    sound: Block,
    footprints: Sequence[Footprint],
    measure: str = "",
    groups: Sequence[Hashable | None] | None = None,
    permutations: int = 999,
    seed: int = 1,
    method: str = "pearson",
    progress: Progress = NO_PROGRESS,
) -> Sweep:
    """Correlate the similarities of ``sound`` with those of each footprint, over the sites that have a value in all.

    measure: of the footprints, a name of ``similarity.MEASURES``. groups: sites are then permuted within their group
    only; a site whose group is None stays in its place. method: what is tested, ``pearson`` or ``spearman``.

    Raises :class:`InputError` for sizes that do not fit, for radii given twice, and for more than ``DENSE_SITES`` sites
    unless both are compared by cosine with Pearson's r; :class:`Cancelled` where the user stops the run.
    """
    footprints = _check(sound, footprints, groups, permutations, method)
    reasons = _reasons(sound, footprints, measure)
    used = np.flatnonzero([not reason for reason in reasons])
    labels = None if groups is None else [groups[site] for site in used.tolist()]
    orders = _Orders(len(used), labels, permutations, seed)
    if len(used) < 3:
        have = "site has" if len(used) == 1 else "sites have"
        note = f"{len(used)} {have} a value in everything; at least 3 are needed"
        return Sweep(tuple(SweepRow(entry.radius, note=note) for entry in footprints), len(used), reasons)
    measures = {measure_of(sound.values, sound.measure), measure_of(footprints[0].values, measure)}
    if len(used) <= DENSE_SITES:
        rows, null = _dense(sound, footprints, measure, used, orders, method, progress)
    elif measures == {COSINE} and method == "pearson":
        rows, null = _factored(sound, footprints, used, orders, progress)
    else:
        raise InputError(
            f"There are {len(used):,} sites; more than {DENSE_SITES:,} can only be compared by cosine with Pearson's "
            "r. Choose these, or select fewer sites."
        )
    return Sweep(_tested(rows, null, method), len(used), reasons)


def _check(
    sound: Block,
    footprints: Sequence[Footprint],
    groups: Sequence[Hashable | None] | None,
    permutations: int,
    method: str,
) -> list[Footprint]:
    """The footprints by rising radius."""
    if method not in METHODS:
        raise InputError(f"There is no method '{method}'. Choose {' or '.join(METHODS)}.")
    if permutations < 0:
        raise InputError(f"The number of permutations is {permutations}; it cannot be negative.")
    if not footprints:
        raise InputError("There is no radius to look at. Give at least one.")
    radii = [entry.radius for entry in footprints]
    if len(set(radii)) < len(radii):
        raise InputError("A radius is given twice. Give each once.")
    sizes = {len(sound.values), *(len(entry.values) for entry in footprints)}
    if groups is not None:
        sizes.add(len(groups))
    if len(sizes) > 1:
        raise InputError(
            "Sound, footprints and groups have different numbers of sites; give one row per site in each."
        )
    return sorted(footprints, key=lambda entry: entry.radius)


def _reasons(sound: Block, footprints: Sequence[Footprint], measure: str) -> tuple[str, ...]:
    """Per site why it cannot be used at every radius; "" where it can."""
    told = sound.reasons or [""] * len(sound.values)
    found = [
        "" if reason is None else f"{sound.name}: {earlier or reason}"
        for reason, earlier in zip(missing_reasons(sound.values, sound.measure), told)
    ]
    for entry in footprints:
        for site, reason in enumerate(missing_reasons(entry.values, measure)):
            if reason is not None and not found[site]:
                found[site] = f"radius {entry.radius:g} m: {reason}"
    return tuple(found)


@dataclass(frozen=True)
class _Orders:
    """Orders of the used sites, the same ones whenever they are asked for."""

    sites: int
    labels: list[Hashable | None] | None
    permutations: int
    seed: int

    def fresh(self) -> OrderGrid:
        """The orders from the beginning."""
        if self.labels is None:
            return permutation_orders(self.sites, self.permutations, self.seed)
        return stratified_orders(self.labels, self.permutations, self.seed)


def _dense(
    sound: Block,
    footprints: Sequence[Footprint],
    measure: str,
    used: np.ndarray,
    orders: _Orders,
    method: str,
    progress: Progress,
) -> tuple[list[SweepRow], np.ndarray]:
    """The rows and (permutations, radii) coefficients of the permuted sites, NaN where there are none."""
    ours = similarity_matrix(sound.values[used], sound.measure)
    rows: list[SweepRow] = []
    matrices: dict[int, np.ndarray] = {}
    for number, entry in enumerate(footprints):
        check_cancelled(progress)
        theirs = similarity_matrix(entry.values[used], measure)
        note = _constant(varies(pairs_of(ours)), varies(pairs_of(theirs)))
        if note:
            rows.append(SweepRow(entry.radius, note=note))
            continue
        pairs = pairs_of(ours), pairs_of(theirs)
        rows.append(SweepRow(entry.radius, pearson(*pairs), spearman(*pairs)))
        matrices[number] = theirs
    null = np.full((orders.permutations, len(footprints)), np.nan)
    if not orders.permutations or not matrices:
        return rows, null
    turned = rank_matrix if method == "spearman" else np.asarray
    source = standardised(turned(ours))
    held = max(1, int(_HELD_BYTES / ours.nbytes))
    numbers = list(matrices)
    for start in range(0, len(numbers), held):
        some = numbers[start : start + held]
        targets = [standardised(turned(matrices.pop(number))) for number in some]
        part = PartOf(progress, start / len(numbers), min(1.0, (start + held) / len(numbers)))
        null[:, some] = permuted_products(source, targets, orders.fresh(), part, len(null))
    return rows, null


def _factored(
    sound: Block,
    footprints: Sequence[Footprint],
    used: np.ndarray,
    orders: _Orders,
    progress: Progress,
) -> tuple[list[SweepRow], np.ndarray]:
    """The same of many sites, by cosine, without matrices of sites by sites."""
    rows: list[SweepRow] = []
    null = np.full((orders.permutations, len(footprints)), np.nan)
    for number, entry in enumerate(footprints):
        part = PartOf(progress, number / len(footprints), (number + 1) / len(footprints))
        pair = FactoredPair(sound.values[used], entry.values[used], PartOf(part, 0.0, 0.1))
        note = _constant(*pair.varies())
        rows.append(SweepRow(entry.radius, None if note else pair.r(), note=note))
        if orders.permutations and not note:
            null[:, number] = pair.permuted(orders.fresh(), PartOf(part, 0.1, 1.0), len(null))
    return rows, null


def _constant(ours: bool, theirs: bool) -> str:
    if not ours:
        return "all sites sound equally alike"
    return "" if theirs else "all sites are equally alike within this radius"


def _tested(rows: Sequence[SweepRow], null: np.ndarray, method: str) -> tuple[SweepRow, ...]:
    """The rows with their p, and the best one marked."""
    found = [row.rho if method == "spearman" else row.r for row in rows]
    sizes = [-1.0 if value is None else abs(value) for value in found]
    largest = max(sizes)
    maxima = np.nanmax(np.abs(null), axis=1) if len(null) and largest >= 0.0 else np.empty(0)
    tested: list[SweepRow] = []
    for number, (row, value, size) in enumerate(zip(rows, found, sizes)):
        if value is None:
            tested.append(row)
            continue
        best = size >= largest - TIE and not any(earlier.best for earlier in tested)
        if not len(maxima):
            tested.append(replace(row, best=best, note="nothing was permuted"))
            continue
        p = two_sided_p(value, null[:, number])
        tested.append(replace(row, p=p, p_best=two_sided_p(value, maxima), best=best))
    return tuple(tested)
