"""Which recording or photo belongs to which site: by its path, else by a key, else the nearest in place and time.

Distances are geodesics on the ellipsoid of WGS 84 (Karney 2013, doi:10.1007/s00190-012-0578-z, through pyproj), never
differences of coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..progress import NO_PROGRESS, Progress, check_cancelled

BY_PATH, BY_KEY, NEAREST = "path", "key", "nearest"
#: Neighbours looked at first, then so many times more.
_FIRST, _MORE = 16, 8
#: Sites looked at together.
_BATCH = 2000
#: Pairs that an assignment one to one may choose from.
_MOST_PAIRS = 4_000_000
#: Distances that differ by less (m) are the same: the time decides, then the order.
_SAME_PLACE = 1e-3
#: Digits behind the point that tell a distance from a limit, at most.
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Places:
    """Where and when things are, in their order.

    lonlat: (n, 2) degrees of WGS 84, NaN where unknown. days: (n,) days since 1970 in UTC, NaN where unknown.
    unread: by place in the order, why a time that is there cannot be read. unplaced: why a place is unknown.
    """

    lonlat: np.ndarray
    days: np.ndarray
    unread: Mapping[int, str] = field(default_factory=dict)
    unplaced: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lonlat)


@dataclass(frozen=True)
class Limits:
    """How far apart the nearest may be: metres, and days (None: whenever). alone: each serves one site at most."""

    metres: float
    days: float | None = None
    alone: bool = False


@dataclass
class Joined:
    """Per site: the place of the other in its list (-1: none), how it was found, metres and days between them.

    shared: how many sites have the same one (0: none). reasons: why there is none; where there is one, which name of
    the site was not found before (else empty).
    """

    other: np.ndarray
    ways: list[str]
    metres: np.ndarray
    days: np.ndarray
    shared: np.ndarray
    reasons: list[str] = field(default_factory=list)


def join(
    sites: Places,
    others: Places,
    limits: Limits,
    named: Sequence[tuple[str, Sequence[Hashable | None], dict[Hashable, int]]] = (),
    progress: Progress = NO_PROGRESS,
) -> Joined:
    """Join every site with one of the others.

    ``named``: ways that go before the nearest, in their order: what the way is called, the key of each site (None:
    none), and the place of each key in the others. They hold whatever the limits are, and whoever shares one.

    The nearest is that at the least distance within the limits; of those as near (to a millimetre) that least apart
    in time, then the first. With ``limits.alone`` sites and others are put together so that as many sites as possible
    have one, and of those choices the one with the least sum of distances; the others that a name has taken are taken.
    Where days are limited, sites and others without a time have no nearest.

    Raises InputError where one to one would have to choose from too many pairs, Cancelled.
    """
    count = len(sites)
    found = np.full(count, -1, dtype=np.intp)
    ways = [""] * count
    reasons = [""] * count
    for way, keys, places in named:
        for site, key in enumerate(keys):
            if found[site] >= 0 or key is None:
                continue
            other = places.get(key, -1)
            if other >= 0:
                found[site], ways[site] = other, way
            else:
                reasons[site] = (
                    f"{reasons[site]}; " * bool(reasons[site]) + f"no {way} '{key}' in the other layer"
                )
    open_sites = np.flatnonzero((found < 0) & np.isfinite(sites.lonlat).all(axis=1))
    usable = np.isfinite(others.lonlat).all(axis=1)
    if limits.alone:
        usable[found[found >= 0]] = False
    if limits.days is not None:
        usable &= np.isfinite(others.days)
    candidates = np.flatnonzero(usable)
    if candidates.size and open_sites.size:
        search = _Search(sites, others, candidates, limits)
        best = search.alone(open_sites, progress) if limits.alone else search.nearest(open_sites, progress)
        found[open_sites] = best
    for site in open_sites[found[open_sites] >= 0].tolist():
        ways[site] = NEAREST
    _explain(sites, others, limits, found, candidates, reasons)
    metres, days = _between(sites, others, found)
    times = np.bincount(found[found >= 0], minlength=len(others))
    shared = np.where(found >= 0, times[found] if len(others) else 0, 0)
    return Joined(found, ways, metres, days, shared, reasons)


class _Search:
    """Others around sites. A chord through the ellipsoid is never longer than the geodesic: it finds candidates."""

    def __init__(self, sites: Places, others: Places, candidates: np.ndarray, limits: Limits) -> None:
        from scipy.spatial import cKDTree

        self._sites, self._others, self._limits = sites, others, limits
        self._candidates = candidates
        self._tree = cKDTree(_geocentric(others.lonlat[candidates]))

    def nearest(self, chosen: np.ndarray, progress: Progress) -> np.ndarray:
        """The nearest within the limits for each of the ``chosen`` sites; -1 where there is none."""
        best = np.full(chosen.size, -1, dtype=np.intp)
        for start in range(0, chosen.size, _BATCH):
            check_cancelled(progress)
            best[start : start + _BATCH] = self._nearest(chosen[start : start + _BATCH], progress)
            progress.report(min(1.0, (start + _BATCH) / chosen.size))
        return best

    def _nearest(self, chosen: np.ndarray, progress: Progress) -> np.ndarray:
        best = np.full(chosen.size, -1, dtype=np.intp)
        points = _geocentric(self._sites.lonlat[chosen])
        waiting, wanted = np.arange(chosen.size), min(_FIRST, self._candidates.size)
        while waiting.size:
            left = []
            # Fewer sites at a time where each has many neighbours: memory stays the same.
            size = max(1, _BATCH * _FIRST // wanted)
            for start in range(0, waiting.size, size):
                check_cancelled(progress)
                part = waiting[start : start + size]
                chords, near = self._tree.query(points[part], k=wanted, distance_upper_bound=self._reach())
                chords, near = chords.reshape(part.size, wanted), near.reshape(part.size, wanted)
                metres, away = self._measure(chosen[part], near, chords)
                first = self._order(metres, away, near)[:, 0]
                rows = np.arange(part.size)
                least, last = metres[rows, first], chords[:, -1]
                # Done where nothing further off by chord can be nearer by geodesic.
                done = ~np.isfinite(last) | (least + _SAME_PLACE < last) | (wanted == self._candidates.size)
                hit = done & np.isfinite(least)
                best[part[hit]] = self._candidates[near[rows[hit], first[hit]]]
                left.append(part[~done])
            waiting, wanted = np.concatenate(left), min(wanted * _MORE, self._candidates.size)
        return best

    def _reach(self) -> float:
        return self._limits.metres * (1.0 + 1e-9) + _SAME_PLACE

    def _measure(
        self, chosen: np.ndarray, near: np.ndarray, chords: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Metres and days between sites and their neighbours, infinite where they are out of the limits."""
        metres, away = np.full(chords.shape, np.inf), np.full(chords.shape, np.inf)
        rows, columns = np.nonzero(np.isfinite(chords))
        others = self._candidates[near[rows, columns]]
        sites = chosen[rows]
        length = _geodesics(self._sites.lonlat[sites], self._others.lonlat[others])
        gap = np.abs(self._sites.days[sites] - self._others.days[others])
        within = length <= self._limits.metres
        if self._limits.days is not None:
            within &= gap <= self._limits.days
        metres[rows[within], columns[within]] = length[within]
        away[rows[within], columns[within]] = np.where(np.isnan(gap[within]), np.inf, gap[within])
        return metres, away

    @staticmethod
    def _order(metres: np.ndarray, away: np.ndarray, near: np.ndarray) -> np.ndarray:
        """The columns of each row in the order of preference."""
        tied = np.where(metres < metres.min(axis=1, keepdims=True) + _SAME_PLACE, 0.0, metres)
        return np.lexsort((near, away, tied), axis=1)

    def alone(self, chosen: np.ndarray, progress: Progress) -> np.ndarray:
        """One to one: an other or -1 for each of the ``chosen`` sites."""
        rows, columns, lengths = self._pairs(chosen, progress)
        best = np.full(chosen.size, -1, dtype=np.intp)
        if rows.size:
            picked = assign(rows, columns, lengths, chosen.size, self._candidates.size)
            best[picked >= 0] = self._candidates[picked[picked >= 0]]
        return best

    def _pairs(self, chosen: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        points = _geocentric(self._sites.lonlat[chosen])
        found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        total = 0
        for start in range(0, chosen.size, 200):
            check_cancelled(progress)
            progress.report(0.5 * start / chosen.size)
            part = points[start : start + 200]
            counts = self._tree.query_ball_point(part, self._reach(), return_length=True)
            total += int(counts.sum())
            if total > _MOST_PAIRS:
                raise InputError(
                    f"One to one would have to choose from more than {_MOST_PAIRS:,} pairs within "
                    f"{self._limits.metres:g} m. Choose a shorter distance, or fewer days."
                )
            near = self._tree.query_ball_point(part, self._reach(), return_sorted=True)
            rows = np.repeat(np.arange(start, start + len(part)), counts)
            columns = np.fromiter(
                (place for places in near for place in places), dtype=np.intp, count=rows.size
            )
            metres, _ = self._measure(chosen[rows], columns[:, None], np.zeros((rows.size, 1)))
            within = np.isfinite(metres[:, 0])
            found.append((rows[within], columns[within], metres[within, 0]))
        rows, columns, lengths = (np.concatenate(parts) for parts in zip(*found))
        return rows, columns, lengths


def assign(rows: np.ndarray, columns: np.ndarray, costs: np.ndarray, height: int, width: int) -> np.ndarray:
    """Put rows and columns together one to one: as many as possible, at the least sum of costs; (height,) or -1.

    ``rows``, ``columns``, ``costs`` (pairs,): which may be put together and what it costs (0 or more). Each group of
    rows and columns that are linked through pairs is solved by itself (Crouse 2016, doi:10.1109/TAES.2016.140952;
    scipy), so that sites of different towns cost nothing together.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    links = coo_matrix((np.ones(rows.size), (rows, height + columns)), shape=(height + width,) * 2)
    _, groups = connected_components(links, directed=False)
    result = np.full(height, -1, dtype=np.intp)
    order = np.argsort(groups[rows], kind="stable")
    bounds = np.flatnonzero(np.diff(groups[rows][order])) + 1
    for members in np.split(order, bounds):
        mine, row = np.unique(rows[members], return_inverse=True)
        theirs, column = np.unique(columns[members], return_inverse=True)
        if mine.size * theirs.size > 4 * _MOST_PAIRS:
            raise InputError(
                f"One to one would have to put {mine.size:,} sites and {theirs.size:,} others together that are all "
                "linked through distances within the limit. Choose a shorter distance, or fewer days."
            )
        # One pair more is worth more than all distances together.
        never = 1.0 + 2.0 * float(costs[members].max()) * min(mine.size, theirs.size)
        matrix = np.full((mine.size, theirs.size), never)
        matrix[row, column] = costs[members]
        chosen_rows, chosen_columns = linear_sum_assignment(matrix)
        real = matrix[chosen_rows, chosen_columns] < never
        result[mine[chosen_rows[real]]] = theirs[chosen_columns[real]]
    return result


def _explain(
    sites: Places,
    others: Places,
    limits: Limits,
    found: np.ndarray,
    candidates: np.ndarray,
    reasons: list[str],
) -> None:
    """Why sites have none."""
    lost = np.flatnonzero(found < 0)
    placed = lost[np.isfinite(sites.lonlat[lost]).all(axis=1)]
    tells: dict[int, str] = {}
    if placed.size and candidates.size:
        from scipy.spatial import cKDTree

        tree = cKDTree(_geocentric(others.lonlat[candidates]))
        _, near = tree.query(_geocentric(sites.lonlat[placed]))
        near = candidates[near]
        lengths = _geodesics(sites.lonlat[placed], others.lonlat[near])
        for site, other, length in zip(placed.tolist(), near.tolist(), lengths.tolist()):
            tells[site] = _why(site, other, length, sites, others, limits)
    for site in lost.tolist():
        if not np.isfinite(sites.lonlat[site]).all():
            text = sites.unplaced.get(site, "the site has no place")
        else:
            timed = "with a place and a time" if limits.days is not None else "with a place"
            text = tells.get(site, f"the other layer has nothing left {timed}")
        reasons[site] = f"{reasons[site]}; {text}" if reasons[site] else text


def _why(site: int, other: int, length: float, sites: Places, others: Places, limits: Limits) -> str:
    if length > limits.metres:
        limit = limits.metres
        return f"the nearest is {metres_above(length, limit)} away, further than {limit:.10g} m"
    if limits.days is not None:
        if not math.isfinite(sites.days[site]):
            no_time = f"the site's time is of no use ({sites.unread[site]})" if site in sites.unread else ""
            return f"{no_time or 'the site has no time'}, and the days between are limited"
        gap = abs(sites.days[site] - others.days[other])
        if gap > limits.days:
            free = " and free" if limits.alone else ""
            return (
                f"of those within {limits.metres:.10g} m none is within {limits.days:.10g} days{free} "
                f"(the nearest is {_above(gap, limits.days, 1)} days away)"
            )
    return f"all within {limits.metres:.10g} m are taken by other sites"


def metres_above(length: float, limit: float) -> str:
    """A distance (m) beyond a limit (m) in words, with as many digits as show that it is beyond."""
    if length < 10_000:
        return f"{_above(length, limit, 0)} m"
    return f"{_above(length / 1000.0, limit / 1000.0, 0)} km"


def _above(value: float, limit: float, digits: int) -> str:
    """A value above a limit in as many digits behind the point as it takes to be seen above it."""
    while digits < _MOST_DIGITS and float(f"{value:.{digits}f}") <= limit:
        digits += 1
    return f"{value:.{digits}f}"


def _between(sites: Places, others: Places, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    metres, days = np.full(found.size, np.nan), np.full(found.size, np.nan)
    rows = np.flatnonzero(found >= 0)
    if rows.size:
        metres[rows] = _geodesics(sites.lonlat[rows], others.lonlat[found[rows]])
        days[rows] = np.abs(sites.days[rows] - others.days[found[rows]])
    return metres, days


def _geodesics(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Metres between places (n, 2) in degrees; NaN where one is unknown."""
    from pyproj import Geod

    lengths = np.full(len(one), np.nan)
    known = np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1)
    if known.any():
        ends = (one[known, 0], one[known, 1], other[known, 0], other[known, 1])
        lengths[known] = Geod(ellps="WGS84").inv(*ends)[2]
    return lengths


def _geocentric(lonlat: np.ndarray) -> np.ndarray:
    """Metres from the middle of the earth, (n, 3), of places on the ellipsoid of WGS 84."""
    semi_major, eccentricity = 6378137.0, 0.0066943799901413165
    longitude, latitude = np.radians(lonlat[:, 0]), np.radians(lonlat[:, 1])
    normal = semi_major / np.sqrt(1.0 - eccentricity * np.sin(latitude) ** 2)
    return np.column_stack(
        [
            normal * np.cos(latitude) * np.cos(longitude),
            normal * np.cos(latitude) * np.sin(longitude),
            normal * (1.0 - eccentricity) * np.sin(latitude),
        ]
    )
