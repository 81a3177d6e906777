"""Maps of alignment: true to the ground, centred on zero, whole for any sites."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from soundvis_core.report import alignment_maps
from soundvis_core.report.alignment_maps import DIVERGING, alignment_figures
from soundvis_core.statistics.results import AlignmentMap
from tests.builders.correlation_results import correlation_result

pytest.importorskip("matplotlib")
pytest.importorskip("pyproj")
pytestmark = pytest.mark.filterwarnings("error")


def with_sites(lonlat, r, groups=()):
    lonlat = np.array(lonlat, dtype=float)
    result = correlation_result({}, bga=False)
    names = tuple(sorted({name for name in groups if name}))
    return replace(
        result,
        sites=len(lonlat),
        lonlat=lonlat,
        groups=names,
        site_groups=tuple(groups),
        alignments=(AlignmentMap("sound", "street", np.array(r, dtype=float)),),
    )


def test_a_map_per_group_and_pair():
    figures, left = alignment_figures(correlation_result(), "m-")
    assert [name for name, _ in figures] == [
        "sound \u2013 street",
        "sound \u2013 aerial",
        "sound \u2013 street+aerial",
    ]
    assert left == ""
    for _, (svg,) in figures:
        assert all(city in svg for city in ("London", "New York City", "Tokyo")) and "median r" in svg
        assert " km" in svg and ">N<" in svg


def test_metres_are_those_on_the_ground():
    from pyproj import Geod

    lonlat = np.array([[139.7, 35.7], [139.8, 35.7], [139.7, 35.8]])
    east, north = alignment_maps._metres(lonlat)
    geod = Geod(ellps="WGS84")
    for a, b in ((0, 1), (0, 2), (1, 2)):
        metres = geod.inv(*lonlat[a], *lonlat[b])[2]
        assert np.hypot(east[a] - east[b], north[a] - north[b]) == pytest.approx(metres, rel=1e-5)
    assert north[2] > north[0] and east[1] > east[0]


def test_sites_on_both_sides_of_the_date_line_are_neighbours():
    east, _ = alignment_maps._metres(np.array([[179.99, -17.0], [-179.99, -17.0]]))
    assert abs(east[1] - east[0]) == pytest.approx(2130, rel=0.01) and east[1] > east[0]


def test_axes_have_one_scale_and_keep_all_sites_inside():
    from matplotlib.figure import Figure

    rng = np.random.default_rng(0)
    for spread in ((5000.0, 300.0), (300.0, 5000.0), (0.0, 0.0)):
        one = alignment_maps._Map(
            "x", rng.normal(size=30) * spread[0], rng.normal(size=30) * spread[1], np.zeros(30)
        )
        figure = Figure(figsize=(2.0, 2.0 * alignment_maps._SHAPE))
        axes = figure.add_axes([0, 0, 1, 1])
        alignment_maps._draw(axes, one, None, None)
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert (top - bottom) / (right - left) == pytest.approx(alignment_maps._SHAPE)
        assert left < one.east.min() and one.east.max() < right and top > one.north.max()
        assert one.north.min() > bottom + 0.09 * (top - bottom)  # the scale bar stands below


def test_the_colours_are_centred_on_zero_and_end_the_same_on_both_sides():
    assert len(DIVERGING) % 2 == 1
    for r, limit in (([0.05, -0.02], 0.2), ([0.31] * 99 + [0.9], 0.4), ([1.0], 1.0), ([np.nan], 1.0)):
        assert alignment_maps._limit(AlignmentMap("a", "b", np.array(r))) == pytest.approx(limit)


@pytest.mark.parametrize(
    ("lonlat", "r"),
    [
        ([[4.9, 52.4]], [0.3]),
        ([[4.9, 52.4]] * 5, [0.1, 0.2, np.nan, -0.3, 0.0]),
        ([[4.9, 52.4], [np.nan, np.nan], [5.0, 52.3]], [0.1, 0.2, 0.3]),
        ([[0.0, 89.9], [180.0, 89.9], [90.0, 89.9]], [0.1, 0.2, 0.3]),
        ([[-70.0, -33.0], [139.0, 35.0], [0.0, 51.0], [18.0, -33.0]], [0.1, 0.2, 0.3, -0.4]),
    ],
)
def test_any_places_make_a_map(lonlat, r):
    ((_, (svg,)),), _ = alignment_figures(with_sites(lonlat, r), "m-")
    assert re.search(r"\d (m|km)<", svg) and "nan" not in svg.lower()


def test_nothing_is_drawn_where_no_site_has_a_place_or_an_r():
    assert alignment_figures(with_sites([[np.nan, np.nan]], [0.3]), "m-")[0] == []
    assert alignment_figures(with_sites([[4.9, 52.4]], [np.nan]), "m-")[0] == []
    assert alignment_figures(replace(correlation_result(), lonlat=None), "m-") == ([], "")


def test_many_groups_are_drawn_in_parts_and_the_rest_counted():
    result = correlation_result({f"group {index}": 4 for index in range(60)}, bga=False)
    figures, left = alignment_figures(result, "m-")
    assert left == "36 more groups are not drawn." and all(len(svgs) == 3 for _, svgs in figures)


def test_without_pyproj_the_report_says_so(monkeypatch):
    monkeypatch.setattr(alignment_maps, "available", lambda module: False)
    figures, left = alignment_figures(correlation_result(), "m-")
    assert figures == [] and "pyproj" in left
