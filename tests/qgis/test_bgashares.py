"""BGA from share fields: golden values, what is unmapped, what cannot be right."""

from __future__ import annotations

import math

import pytest
from helpers import AlgorithmError

BGA = ["bio", "geo", "ant", "bio_raw", "geo_raw", "ant_raw"]


def shares(make_points, **fields):
    """Sites with the given share fields, one value per site."""
    count = len(next(iter(fields.values())))
    return make_points([(500000 + site, 5000000) for site in range(count)], fields)


def test_golden_values(run, make_points):
    """40 % building, 25 % road, 25 % vegetation, 10 % sidewalk."""
    layer = shares(make_points, st_building=[0.4], st_road=[0.25], st_vegetation=[0.25], st_sidewalk=[0.1])
    (site,) = run("bgashares", {"INPUT": layer}).features()
    raw = {"bio": 0.40, "geo": 0.075, "ant": 0.75}
    for name, value in raw.items():
        assert site[f"st_{name}_raw"] == pytest.approx(value, abs=1e-12)
        assert site[f"st_{name}"] == pytest.approx(value / 1.225, abs=1e-12)
    parts = [value / 1.225 for value in raw.values()]
    assert site["st_evenness"] == pytest.approx(-sum(p * math.log(p) for p in parts) / math.log(3), abs=1e-12)
    assert site["st_dominant"] == "anthrophony"
    assert site["st_unmapped"] == 0.0
    assert (site["st_bga_status"], site["st_bga_reason"]) == ("ok", None)


def test_golden_values_of_aerial_shares_by_the_users_table(run, make_points, tmp_path):
    """50 % building, 30 % road, 20 % forest with the aerial rows of Table 1."""
    weights = tmp_path / "aerial.csv"
    weights.write_text(
        "class,biophony,geophony,anthrophony\nBuilding,0.1,-,1\nRoad/Sidewalk,0.1,-,1\nForest/Vegetation,1,0.3,-\n"
    )
    layer = shares(make_points, lc_building=[0.5], lc_road_sidewalk=[0.3], lc_forest_vegetation=[0.2])
    parameters = {"INPUT": layer, "SHARE_PREFIX": "lc_", "PREFIX": "aer_", "WEIGHTS": str(weights)}
    (site,) = run("bgashares", parameters).features()
    expected = {"bio_raw": 0.28, "geo_raw": 0.06, "ant_raw": 0.80}
    expected.update(bio=0.28 / 1.14, geo=0.06 / 1.14, ant=0.80 / 1.14)
    for name, value in expected.items():
        assert site["aer_" + name] == pytest.approx(value, abs=1e-12)
    assert [round(site["aer_" + name], 4) for name in ("bio", "geo", "ant")] == [0.2456, 0.0526, 0.7018]


def test_fields_and_their_order(run, make_points):
    made = run("bgashares", {"INPUT": shares(make_points, st_road=[1.0]), "PREFIX": "p_"})
    assert [field.name() for field in made.layer().fields()] == [
        "st_road",
        *("p_" + name for name in BGA),
        "p_unmapped",
        "p_dominant",
        "p_evenness",
        "p_bga_status",
        "p_bga_reason",
    ]


def test_what_is_missing_or_without_weights_is_unmapped(run, make_points):
    """Sky has no weights; of the second site a tenth is not told at all."""
    layer = shares(make_points, st_sky=[0.6, 0.0], st_vegetation=[0.4, 0.9])
    made = run("bgashares", {"INPUT": layer})
    first, second = made.features()
    assert first["st_unmapped"] == pytest.approx(0.6)
    assert first["st_bio_raw"] == pytest.approx(0.4)
    assert first["st_bio"] == pytest.approx(1 / 1.3)  # never diluted by what is unmapped
    assert second["st_unmapped"] == pytest.approx(0.1)
    assert "Mapped: vegetation" in made.feedback.infos
    assert "Unmapped: sky" in made.feedback.infos


def test_nothing_mapped_is_null_never_zero(run, make_points):
    layer = shares(make_points, st_sky=[1.0, None, 0.0], st_road=[0.0, None, 0.0])
    made = run("bgashares", {"INPUT": layer})
    sky, null, zero = made.features()
    for site in (sky, null, zero):
        assert [site["st_" + name] for name in BGA] == [None] * 6
        assert site["st_dominant"] is None and site["st_evenness"] is None
        assert site["st_bga_status"] == "skipped"
    assert sky["st_unmapped"] == zero["st_unmapped"] == 1.0
    assert sky["st_bga_reason"] == "no class at this site has weights"
    assert null["st_unmapped"] is None
    assert null["st_bga_reason"] == "the site has no shares"
    assert "3 sites: 3 skipped." in made.feedback.text


def test_a_null_among_shares_counts_as_not_told(run, make_points):
    (site,) = run("bgashares", {"INPUT": shares(make_points, st_road=[0.7], st_water=[None])}).features()[
        :1
    ] or [None]
    assert site["st_ant_raw"] == pytest.approx(0.7)
    assert site["st_unmapped"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"st_road": [60.0], "st_building": [40.0]}, "Divide percentages by 100"),
        ({"st_road": [0.8], "st_building": [0.8]}, "sum to 1.6"),
        ({"st_road": [-0.2], "st_building": [0.8]}, "'road' is negative"),
    ],
)
def test_shares_that_cannot_be_right_fail_with_the_reason(run, make_points, values, said):
    (site,) = run("bgashares", {"INPUT": shares(make_points, **values)}).features()
    assert site["st_bga_status"] == "failed"
    assert said in site["st_bga_reason"]
    assert [site["st_" + name] for name in BGA] == [None] * 6


def test_a_tie_has_no_dominant_category(run, make_points, tmp_path):
    weights = tmp_path / "even.csv"
    weights.write_text("class,biophony,geophony,anthrophony\nA,1,0,0\nB,0,1,0\nC,0,0,1\n")
    layer = shares(make_points, st_a=[0.4], st_b=[0.4], st_c=[0.2])
    (site,) = run("bgashares", {"INPUT": layer, "WEIGHTS": str(weights)}).features()
    assert site["st_dominant"] is None
    assert [site["st_" + name] for name in BGA[:3]] == pytest.approx([0.4, 0.4, 0.2])


def test_other_fields_behind_the_prefix_are_no_shares(run, make_points):
    """Results of other tools, text and status fields stay out."""
    layer = shares(
        make_points, st_road=[1.0], st_views=[3], st_windows=[2], st_bga_windows=[3], st_bga_seconds=[0.5],
        st_note=["0.5"], st_status=["ok"], ST_Person=[0.0]
    )  # fmt: skip
    made = run("bgashares", {"INPUT": layer})
    (site,) = made.features()
    assert site["st_ant_raw"] == pytest.approx(1.0)
    assert "Mapped: road, Person" in made.feedback.infos
    assert "Unmapped: nothing" in made.feedback.infos


def test_running_it_twice_with_another_prefix(run, make_points):
    """The results of the first run are not taken for shares by the second."""
    first = run("bgashares", {"INPUT": shares(make_points, st_road=[0.5], st_vegetation=[0.5])})
    (site,) = run("bgashares", {"INPUT": first.layer(), "PREFIX": "again_"}).features()
    for name in BGA:
        assert site["again_" + name] == site["st_" + name]


def test_no_share_fields_is_an_error_that_says_what_to_do(run, make_points):
    layer = shares(make_points, other=[1.0])
    with pytest.raises(
        AlgorithmError, match=r"no numeric fields that start with 'st_'.*Segment street photos"
    ):
        run("bgashares", {"INPUT": layer})


def test_collisions_name_the_field(run, make_points):
    layer = shares(make_points, st_road=[1.0], st_Dominant=["x"])
    with pytest.raises(AlgorithmError, match=r"'st_dominant'.*another prefix"):
        run("bgashares", {"INPUT": layer})


def test_points_are_passed_through_in_any_crs(run, make_points):
    layer = make_points([(4.9, 52.4), None], {"st_road": [1.0, 1.0]}, crs=4326)
    made = run("bgashares", {"INPUT": layer})
    assert made.layer().crs().authid() == "EPSG:4326"
    first, second = made.features()
    assert first["_geometry"] == "Point (4.9 52.4)"
    assert second["_geometry"] is None and second["st_ant"] == 1.0  # shares need no place
