"""Joins of sites with recordings or photos, against a literal search through all pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.sites import joins
from soundvis_core.sites.joins import Limits, Places, assign, join

pyproj = pytest.importorskip("pyproj")
pytestmark = pytest.mark.filterwarnings("error")
GEOD = pyproj.Geod(ellps="WGS84")


def places(points, days=None):
    lonlat = np.array(points, dtype=float).reshape(-1, 2)
    return Places(lonlat, np.full(len(lonlat), np.nan) if days is None else np.array(days, dtype=float))


def shifted(point, east, north):
    """A place ``east`` and ``north`` metres away, by two geodesics."""
    lon, lat, _ = GEOD.fwd(*point, 90.0, east)
    lon, lat, _ = GEOD.fwd(lon, lat, 0.0, north)
    return lon, lat


def by_hand(sites, others, limits):
    """The nearest within the limits, literally; ties by time, then order."""
    found = []
    for place, day in zip(sites.lonlat, sites.days):
        best, choice = (np.inf, np.inf, 0), -1
        for index, (other, when) in enumerate(zip(others.lonlat, others.days)):
            if not (np.isfinite(place).all() and np.isfinite(other).all()):
                continue
            metres = GEOD.inv(*place, *other)[2]
            gap = abs(day - when)
            if metres > limits.metres or (limits.days is not None and not gap <= limits.days):
                continue
            rank = (round(metres, 3), np.inf if np.isnan(gap) else gap, index)
            if choice < 0 or rank < best:
                best, choice = rank, index
        found.append(choice)
    return found


def test_metres_are_those_of_the_ellipsoid():
    """A degree of longitude on the equator, of latitude from there, and the same across 180 degrees."""
    sites = places([(0.0, 0.0), (0.0, 0.0), (179.5, 0.0)])
    others = places([(1.0, 0.0), (0.0, 1.0), (-179.5, 0.0)])
    keys = ["a", "b", "c"]
    joined = join(sites, others, Limits(1.0), [("key", keys, {key: place for place, key in enumerate(keys)})])
    # 6378137 m x pi / 180; the meridian from the equator to 1 degree (Rapp 1991, Geometric Geodesy I, table 3.1).
    assert joined.metres == pytest.approx([111319.4908, 110574.3886, 111319.4908], abs=1e-3)
    assert joined.ways == ["key"] * 3
    joined = join(places([(179.9999, 0.0)]), places([(0.0, 0.0), (-179.9999, 0.0)]), Limits(25.0))
    assert (joined.other.tolist(), joined.ways) == ([1], ["nearest"])
    assert joined.metres == pytest.approx([22.264], abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), limited=st.booleans(), high=st.booleans())
def test_the_nearest_is_that_of_all_pairs(seed, limited, high):
    rng = np.random.default_rng(seed)
    middle = np.array([25.0, 78.0] if high else [-0.12, 51.5])
    sites = middle + rng.normal(0, 0.002, (15, 2))
    others = np.vstack([middle + rng.normal(0, 0.002, (30, 2)), sites[:5]])
    sites[3] = np.nan
    others[7] = np.nan
    days, others_days = rng.integers(0, 9, 15).astype(float), rng.integers(0, 9, 35).astype(float)
    days[4], others_days[9] = np.nan, np.nan
    one, other = places(sites, days), places(others, others_days)
    limits = Limits(120.0, 2.0 if limited else None)
    joined = join(one, other, limits)
    assert joined.other.tolist() == by_hand(one, other, limits)
    for index, choice in enumerate(joined.other):
        assert (joined.reasons[index] == "") == (choice >= 0)
        assert joined.shared[index] == (np.sum(joined.other == choice) if choice >= 0 else 0)


def test_many_at_one_place_are_looked_through(monkeypatch):
    """The one at the right time is the last of 500 at the same place, with neighbours taken a few at a time."""
    monkeypatch.setattr(joins, "_FIRST", 2)
    monkeypatch.setattr(joins, "_BATCH", 7)
    days = np.arange(500.0)[::-1]
    sites = places([(10.0, 50.0)] * 20, np.full(20, 0.2))
    joined = join(sites, places([(10.0, 50.0)] * 500, days), Limits(5.0, 1.0))
    assert joined.other.tolist() == [499] * 20
    assert joined.shared.tolist() == [20] * 20


def test_ties():
    """As near: the one closest in time; as close in time: the first; without times: the first."""
    here = (10.0, 50.0)
    east, west = shifted(here, 10.0, 0.0), shifted(here, -10.0, 0.0)
    others = places([west, east, east], [5.0, 3.0, 3.0])
    assert join(places([here], [3.5]), others, Limits(20.0)).other.tolist() == [1]
    assert join(places([here], [4.0]), others, Limits(20.0)).other.tolist() == [0]
    assert join(places([here]), others, Limits(20.0)).other.tolist() == [0]
    # A time that is known goes before one that is not.
    assert join(places([here], [9.0]), places([east, west], [np.nan, 1.0]), Limits(20.0)).other.tolist() == [
        1
    ]


def test_the_ladder_and_its_reasons():
    here = (10.0, 50.0)
    near, far = shifted(here, 30.0, 0.0), shifted(here, 0.0, 4000.0)
    others = places([far, near], [100.0, 200.0])
    sites = places([here] * 5 + [(np.nan, np.nan)], [100.5, 100.5, 100.5, 100.5, np.nan, 100.0])
    ways = [
        ("path", ["a.jpg", "b.jpg", None, None, None, None], {"a.jpg": 0}),
        ("key", ["7", "7", "8", None, None, None], {"7": 1}),
    ]
    joined = join(sites, others, Limits(50.0), ways)
    assert joined.ways == ["path", "key", "nearest", "nearest", "nearest", ""]
    assert joined.other.tolist() == [0, 1, 1, 1, 1, -1]
    assert joined.metres[:3] == pytest.approx([4000.0, 30.0, 30.0], abs=0.01)
    assert joined.days[:3] == pytest.approx([0.5, 99.5, 99.5])
    assert joined.shared.tolist() == [1, 4, 4, 4, 4, 0]
    # What a site names and is not found is told beside what it got in its place.
    lost = ["", "no path 'b.jpg' in the other layer", "no key '8' in the other layer", "", ""]
    assert joined.reasons == [*lost, "the site has no place"]
    joined = join(sites, others, Limits(50.0, 10.0), ways)
    assert joined.reasons[2] == (
        "no key '8' in the other layer; of those within 50 m none is within 10 days (the nearest is 99.5 days away)"
    )
    assert joined.reasons[4] == "the site has no time, and the days between are limited"
    assert join(sites, others, Limits(20.0)).reasons[0] == "the nearest is 30 m away, further than 20 m"
    assert "nothing left with a place" in join(sites, places([]), Limits(20.0)).reasons[0]


@pytest.mark.parametrize(
    ("metres", "limit", "told"),
    [
        (55.3, 55.0, "the nearest is 55.3 m away, further than 55 m"),
        (56.3, 55.0, "the nearest is 56 m away, further than 55 m"),
        (0.0004, 0.0, "the nearest is 0.0004 m away, further than 0 m"),
        (12040.0, 12000.0, "the nearest is 12.04 km away, further than 12000 m"),
        (1234987.0, 1234567.0, "the nearest is 1235 km away, further than 1234567 m"),
    ],
)
def test_a_distance_is_told_above_its_limit(metres, limit, told):
    joined = join(places([(10.0, 50.0)]), places([shifted((10.0, 50.0), metres, 0.0)]), Limits(limit))
    assert joined.reasons == [told]


def test_days_are_told_above_their_limit():
    joined = join(places([(10.0, 50.0)], [3.02]), places([(10.0, 50.0)], [0.0]), Limits(9.0, 3.0))
    assert joined.reasons == ["of those within 9 m none is within 3 days (the nearest is 3.02 days away)"]


def test_why_a_place_is_unknown():
    sites = Places(np.full((2, 2), np.nan), np.full(2, np.nan), unplaced={1: "it is on the moon"})
    assert join(sites, places([(1, 1)]), Limits(9.0)).reasons == [
        "the site has no place",
        "it is on the moon",
    ]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_one_to_one_against_every_choice(seed):
    """As many pairs as can be, then the least sum: every way of choosing is gone through."""
    rng = np.random.default_rng(seed)
    sites = places(np.array([-0.12, 51.5]) + rng.normal(0, 0.001, (5, 2)))
    others = places(np.array([-0.12, 51.5]) + rng.normal(0, 0.001, (4, 2)))
    limits = Limits(80.0, alone=True)
    metres = np.array([[GEOD.inv(*one, *other)[2] for other in others.lonlat] for one in sites.lonlat])
    best = (0, 0.0)
    for choice in itertools.product(range(-1, 4), repeat=5):
        used = [other for other in choice if other >= 0]
        lengths = [metres[site, other] for site, other in enumerate(choice) if other >= 0]
        if len(set(used)) == len(used) and all(length <= 80.0 for length in lengths):
            best = min(best, (-len(used), sum(lengths)))
    joined = join(sites, others, limits)
    hit = joined.other >= 0
    assert joined.shared.max() <= 1
    assert (-hit.sum(), joined.metres[hit].sum()) == pytest.approx(best)
    for site in np.flatnonzero(~hit):
        assert "taken by other sites" in joined.reasons[site] or "further than" in joined.reasons[site]


def test_assignment_by_groups_is_that_of_the_whole():
    rng = np.random.default_rng(3)
    costs = np.where(rng.random((60, 50)) < 0.05, rng.random((60, 50)) * 100.0, np.inf)
    rows, columns = np.nonzero(np.isfinite(costs))
    picked = assign(rows, columns, costs[rows, columns], 60, 50)
    whole = np.where(np.isfinite(costs), costs, 1e6)
    at = linear_sum_assignment(whole)
    real = whole[at] < 1e6
    hit = picked >= 0
    assert len(set(picked[hit])) == hit.sum() == real.sum()
    assert costs[np.flatnonzero(hit), picked[hit]].sum() == pytest.approx(whole[at][real].sum())


def test_what_names_took_is_taken():
    here = (10.0, 50.0)
    others = places([here, shifted(here, 10.0, 0.0)])
    joined = join(places([here, here]), others, Limits(50.0, alone=True), [("key", [1, None], {1: 0})])
    assert joined.other.tolist() == [0, 1]
    joined = join(places([here] * 3), others, Limits(50.0, alone=True), [("key", [1, 1, None], {1: 0})])
    assert joined.shared.tolist() == [2, 2, 1]


def test_too_many_pairs_and_cancel(monkeypatch):
    monkeypatch.setattr(joins, "_MOST_PAIRS", 100)
    crowd = places(np.random.default_rng(1).normal(0, 1e-4, (30, 2)))
    with pytest.raises(InputError, match="shorter distance"):
        join(crowd, crowd, Limits(1000.0, alone=True))

    class Stopped(NoProgress):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        join(crowd, crowd, Limits(10.0), progress=Stopped())
