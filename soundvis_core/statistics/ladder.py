"""The significance ladder of one row: the same question under ever stricter ideas of what chance could do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .checks import Sites
from .factored import FactoredPair
from .mantel import mantel_p, naive_p, permutation_orders, stratified_orders, two_sided_p
from .moran import moran_null, off_centre_p
from .partial import difference_matrix, partial_mantel
from .places import Places
from .results import MANTEL, MORAN, NAIVE, PARTIAL, POOLED, STRATIFIED, Rung
from .sampling import sample_of
from .similarity import rank_matrix
from .spatial_trend import beyond_columns

#: With fewer sites, space leaves too few patterns for the Moran rung to say anything.
MIN_MORAN_SITES = 8
#: The Moran rung takes a minute for so many sites, and its time grows with the cube: more are sampled.
MORAN_SITES = 1000
#: Fewest sites for a partial test: with three, one control leaves next to nothing over.
MIN_PARTIAL_SITES = 5


@dataclass(frozen=True)
class Settings:
    """What a run was asked for. method: ``pearson`` or ``spearman``."""

    permutations: int
    bootstraps: int
    seed: int
    method: str = "pearson"
    use_distance: bool = True


@dataclass(frozen=True)
class Evidence:
    """What the ladder of one row works on.

    a, b: (n, n) the similarities of the sites at ``positions``, or their ranks where Spearman's is tested.
    r: the tested coefficient, and pairs: over how many. sites: how many the row has; more than n where the matrices
    are those of a sample. exact: all sites of the row, those at ``used``, without matrices; None where the matrices
    are all there is.
    """

    a: np.ndarray
    b: np.ndarray
    positions: np.ndarray
    group: str
    r: float
    pairs: int
    sites: int
    exact: FactoredPair | None = None
    used: np.ndarray | None = None

    @property
    def sampled(self) -> bool:
        """Whether the matrices are those of a sample."""
        return len(self.positions) < self.sites


def ladder(
    evidence: Evidence, sites: Sites, places: Places, settings: Settings, progress: Progress = NO_PROGRESS
) -> dict[str, Rung]:
    """All rungs of a row, by name; those that do not apply have no p and say why.

    Raises :class:`Cancelled` where the user stops the run.
    """
    rungs = {NAIVE: Rung(NAIVE, evidence.r, naive_p(evidence.r, evidence.pairs))}
    work: list[Callable[[Progress], Rung]] = [
        lambda part: _mantel(evidence, settings, part),
        lambda part: _stratified(evidence, sites, settings, part),
        lambda part: _partial(evidence, sites, places, settings, part),
        lambda part: _moran(evidence, sites, places, settings, part),
    ]
    for step, rung_of in enumerate(work):
        check_cancelled(progress)
        rung = rung_of(PartOf(progress, step / len(work), (step + 1) / len(work)))
        rungs[rung.name] = rung
    return rungs


def _mantel(evidence: Evidence, settings: Settings, progress: Progress) -> Rung:
    def orders(count: int) -> Iterable[np.ndarray]:
        return permutation_orders(count, settings.permutations, settings.seed)

    return _permuted(MANTEL, evidence, orders, settings, progress)


def _stratified(evidence: Evidence, sites: Sites, settings: Settings, progress: Progress) -> Rung:
    if evidence.group != POOLED:
        return Rung(STRATIFIED, None, None, note="within one group it is the Mantel test")
    positions = evidence.positions if evidence.exact is None or evidence.used is None else evidence.used
    codes = sites.codes[positions]
    _, counts = np.unique(codes[codes >= 0], return_counts=True)
    if len(counts) < 2:
        return Rung(STRATIFIED, None, None, note="there are fewer than two groups to permute within")
    if counts.max() < 2:
        return Rung(STRATIFIED, None, None, note="no group has two sites to permute")
    possible = sum(math.lgamma(count + 1) for count in counts)

    def orders(_count: int) -> Iterable[np.ndarray]:
        return stratified_orders(codes.tolist(), settings.permutations, settings.seed)

    rung = _permuted(STRATIFIED, evidence, orders, settings, progress)
    if possible > math.log(100.0):
        return rung
    count = round(math.exp(possible))
    note = f"the groups allow {count} orders only, so p cannot be below {1.0 / count:.2g}"
    return _noted(rung, note)


def _permuted(
    name: str,
    evidence: Evidence,
    orders: Callable[[int], Iterable[np.ndarray]],
    settings: Settings,
    progress: Progress,
) -> Rung:
    """A test that rearranges sites, on all of them where there is a way, else on the sample."""
    if evidence.exact is not None:
        null = evidence.exact.permuted(orders(evidence.sites), progress, settings.permutations)
        return Rung(name, evidence.r, two_sided_p(evidence.r, null) if len(null) else None)
    chosen = orders(len(evidence.positions))
    p = mantel_p(evidence.a, evidence.b, chosen, settings.permutations, progress)
    return _sampled(Rung(name, evidence.r, p), evidence, len(evidence.positions))


def _partial(
    evidence: Evidence, sites: Sites, places: Places, settings: Settings, progress: Progress
) -> Rung:
    positions = evidence.positions
    distance = settings.use_distance and sites.lonlat is not None
    if not distance and not sites.controls:
        why = "no distance and no further field is controlled for"
        return Rung(PARTIAL, None, None, note=why)
    known = np.ones(len(positions), dtype=bool)
    if distance and sites.lonlat is not None:
        known &= np.isfinite(sites.lonlat[positions]).all(axis=1)
    for values in sites.controls.values():
        known &= np.isfinite(values[positions])
    count = int(known.sum())
    if count < MIN_PARTIAL_SITES:
        listed = "a place and a value in every control" if sites.controls else "a place"
        have = f" have {listed}" if count < len(positions) else ""
        return Rung(PARTIAL, None, None, note=f"fewer than {MIN_PARTIAL_SITES} sites{have}")
    matrices = [places.log_distance(positions[known], progress)] if distance else []
    matrices.extend(difference_matrix(values[positions[known]]) for values in sites.controls.values())
    a, b = evidence.a, evidence.b
    if count < len(positions):
        a, b = a[np.ix_(known, known)], b[np.ix_(known, known)]
    if settings.method == "spearman":
        matrices = _ranked(matrices, progress)
        if count < len(positions):
            a, b = _ranked([a, b], progress)
    check_cancelled(progress)
    orders = permutation_orders(count, settings.permutations, settings.seed)
    r, p = partial_mantel(a, b, matrices, orders, progress)
    if r is None:
        note = "the controls do not vary, or leave nothing over"
        return Rung(PARTIAL, None, None, note=note)
    rung = _sampled(Rung(PARTIAL, r, p), evidence, count)
    if count < len(positions):
        lacking = len(positions) - count
        return _noted(
            rung, f"{lacking} {_sites(lacking)} left out: no place, or no value in a control", count
        )
    return rung


def _moran(evidence: Evidence, sites: Sites, places: Places, settings: Settings, progress: Progress) -> Rung:
    """Over all sites, or, in a pooled row of several groups, within the groups: the mean of their r by sites.

    Two things are held fixed that the plain test of Crabot et al. 2019 leaves open, and without which it finds links
    where there are none (benchmarks/bench_type_one.py). Cities are broad patterns with too few signs to draw, so the
    test stays within them. And similarities of wide vectors follow place closely: what place explains is taken
    off the second block.
    """
    if not places.known:
        return Rung(MORAN, None, None, note="the sites have no coordinates")
    placed = places.placed(evidence.positions)
    codes = sites.codes[evidence.positions]
    grouped = evidence.group == POOLED and len(np.unique(codes[codes >= 0])) >= 2
    parts = [np.flatnonzero(placed)]
    if grouped:
        parts = [np.flatnonzero(placed & (codes == code)) for code in np.unique(codes[codes >= 0])]
    parts = [part for part in parts if len(part) >= MIN_MORAN_SITES]
    if not parts:
        where = " in any group" if grouped else ""
        have = "" if placed.all() else " have a place"
        return Rung(MORAN, None, None, note=f"fewer than {MIN_MORAN_SITES} sites{where}{have}")
    found = []
    for number, part in enumerate(parts):
        step = PartOf(progress, number / len(parts), (number + 1) / len(parts))
        tested = _moran_part(evidence, part, number, places, settings, step)
        if tested is not None:
            found.append((len(part), *tested))
    if not found:
        note = "fewer than five different places, or similarities that place explains wholly"
        return Rung(MORAN, None, None, note=note)
    whole = sum(size for size, _, _, _ in found)
    r = sum(size * part_r for size, _, part_r, _ in found) / whole
    null = np.sum([size * drawn for size, _, _, drawn in found], axis=0) / whole
    used = sum(count for _, count, _, _ in found)
    notes = ["beyond what place explains"]
    if grouped:
        notes.append(f"mean of the r within {len(found)} group{'s' if len(found) > 1 else ''} by their sites")
    if used < whole or evidence.sampled:
        notes.append(_sample_note(used))
    elif used < len(placed):
        why = f"no place, or in no group of {MIN_MORAN_SITES}" if grouped else "no place"
        notes.append(f"{len(placed) - used} {_sites(len(placed) - used)} left out: {why}")
    p = off_centre_p(r, null) if len(null) else None
    return Rung(MORAN, r, p, sites=used if used < evidence.sites else None, note="; ".join(notes))


def _moran_part(
    evidence: Evidence, part: np.ndarray, number: int, places: Places, settings: Settings, progress: Progress
) -> tuple[int, float, np.ndarray] | None:
    """Sites used, r and its null (permutations,) among the sites at ``part`` of the matrices; None where undefined."""
    sample = sample_of(part, MORAN_SITES, settings.seed)
    basis = places.basis(evidence.positions[sample])
    if basis is None:
        return None
    a, b = evidence.a, evidence.b
    if len(sample) < len(evidence.positions):
        a, b = a[np.ix_(sample, sample)], b[np.ix_(sample, sample)]
        if settings.method == "spearman":
            a, b = _ranked([a, b], progress)
    check_cancelled(progress)
    columns = places.columns(evidence.positions[sample], basis, progress)
    beyond = beyond_columns(b, columns, progress)
    if beyond is None:
        return None
    check_cancelled(progress)
    seed = settings.seed + number
    r, null = moran_null(a, beyond, basis, settings.permutations, seed, progress)
    return None if r is None or null is None else (len(sample), r, null)


def _ranked(matrices: Iterable[np.ndarray], progress: Progress) -> list[np.ndarray]:
    ranks = []
    for matrix in matrices:
        check_cancelled(progress)
        ranks.append(rank_matrix(matrix))
    return ranks


def _sampled(rung: Rung, evidence: Evidence, count: int) -> Rung:
    return _noted(rung, _sample_note(count), count) if evidence.sampled else rung


def _sample_note(count: int) -> str:
    return f"on a random sample of {count:,} sites"


def _sites(count: int) -> str:
    return "site is" if count == 1 else "sites are"


def _noted(rung: Rung, note: str, sites: int | None = None) -> Rung:
    """The rung with one more note."""
    notes = "; ".join(part for part in (rung.note, note) if part)
    return Rung(rung.name, rung.statistic, rung.p, rung.holm, rung.bh, sites or rung.sites, notes)
