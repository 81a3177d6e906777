"""Joins in QGIS: layers in other coordinate systems, times of every type, paths, what is taken over, and warnings."""

from __future__ import annotations

import pytest
from helpers import AlgorithmError, Feedback
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsField,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt, QTime

from soundvis_qgis.compat import STRING
from tests.builders.photo_headers import gps, photo

#: A thousandth of a degree north of 51.5 degrees, on the ellipsoid of WGS 84 (Rapp 1991: the meridian's radius there
#: is 6,374,700 m within 100 m).
NORTH = 111.258


@pytest.fixture
def sites(make_points):
    return make_points(
        [(-0.12, 51.5), (-0.12, 51.501), (-0.12, 51.6), None], {"site": ["a", "b", "c", "d"]}, 4326
    )


def joined(made, name="site"):
    return {row[name]: row for row in made.features()}


def test_the_nearest_in_true_metres(run, sites, make_points):
    """The other layer is in the national grid: same places, another unit and datum."""
    transform = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:4326"),
        QgsCoordinateReferenceSystem("EPSG:3857"),
        QgsProject.instance(),
    )
    place = transform.transform(QgsPointXY(-0.12, 51.5))
    others = make_points(
        [(place.x(), place.y())], {"path": ["photo.jpg"], "count": [3], "share": [0.25]}, 3857
    )
    made = run("joinsites", {"INPUT": sites, "OTHER": others, "MAX_DISTANCE": 112.0})
    rows = joined(made)
    assert [rows[name]["j_status"] for name in "abcd"] == ["ok", "ok", "skipped", "skipped"]
    assert rows["a"]["j_dist_m"] == pytest.approx(0.0, abs=1e-4)
    assert rows["b"]["j_dist_m"] == pytest.approx(NORTH, abs=0.01)
    assert (rows["b"]["j_path"], rows["b"]["j_count"], rows["b"]["j_share"]) == ("photo.jpg", 3, 0.25)
    assert (rows["b"]["j_way"], rows["b"]["j_shared_by"], rows["b"]["j_reason"]) == ("nearest", 2, None)
    assert (rows["c"]["j_path"], rows["c"]["j_shared_by"], rows["c"]["j_dist_m"]) == (None, None, None)
    assert rows["c"]["j_reason"] == "the nearest is 11 km away, further than 112 m"
    assert rows["d"]["j_reason"] == "the site has no geometry"
    assert "2 sites share 1 of the recordings or photos" in made.feedback.text
    assert "4 sites: 2 ok, 2 skipped." in made.feedback.text
    made = run("joinsites", {"INPUT": sites, "OTHER": others, "MAX_DISTANCE": 112.0, "ONE_TO_ONE": True})
    rows = joined(made)
    assert [rows[name]["j_status"] for name in "ab"] == ["ok", "skipped"]
    assert rows["b"]["j_reason"] == "all within 112 m are taken by other sites"
    assert "share" not in made.feedback.text


def test_keys_go_before_the_nearest(run, sites, make_points):
    others = make_points([(-0.12, 51.5), (10.0, 50.0)], {"name": [" b", "a "], "status": ["x", "y"]}, 4326)
    made = run(
        "joinsites",
        {"INPUT": sites, "OTHER": others, "KEY_FIELD": "site", "OTHER_KEY": "name", "PREFIX": "p_"},
    )
    rows = joined(made)
    assert [rows[name]["p_way"] for name in "abc"] == ["key", "key", None]
    assert (rows["a"]["p_name"], rows["b"]["p_name"]) == ("a ", " b")
    assert rows["a"]["p_dist_m"] > 700_000
    assert rows["c"]["p_reason"].startswith("no key 'c' in the other layer; the nearest is 11 km away")
    assert "p_status" in rows["a"]
    assert rows["a"]["p_status"] == "ok"


def test_a_table_without_points(run, make_points, tmp_path):
    """Numbers and texts of the same look are the same key; of keys that recur the first is taken, and told."""
    sites = make_points([(0, 0), (1, 1), (2, 2)], {"nr": [7, 8, 9]}, 4326)
    table = tmp_path / "t.csv"
    table.write_text("nr,word\n7,seven\n8,eight\n8,again\n", "utf-8")
    others = QgsVectorLayer(str(table), "t", "ogr")
    made = run("joinsites", {"INPUT": sites, "OTHER": others, "KEY_FIELD": "nr", "FIELDS": ["word"]})
    rows = joined(made, "nr")
    assert [rows[number]["j_word"] for number in (7, 8, 9)] == ["seven", "eight", None]
    assert [rows[number]["j_dist_m"] for number in (7, 8)] == [None, None]
    assert "1 key occurs several times in 't'; the first row was taken: '8' (2 times)." in made.feedback.text
    with pytest.raises(AlgorithmError, match="no points, so nothing is near"):
        run("joinsites", {"INPUT": sites, "OTHER": others})


@pytest.mark.parametrize("kind", ["text", "zoned text", "date", "datetime", "utc"])
def test_days_between_with_and_without_zones(run, make_points, kind):
    """The site's text tells 22:00 UTC; the photo's clock 02:00 of the next day, which is 00:00 UTC in Helsinki (+2)."""
    sites = make_points([(25.0, 60.0)], {"time_utc": ["2024-01-14T22:00:00Z"]}, 4326)
    values = {
        "text": ("string", "2024-01-15 02:00:00", 2 / 24),
        "zoned text": ("string", "2024-01-15T02:00:00+01:00", 3 / 24),
        "date": ("date", QDate(2024, 1, 15), 12 / 24),  # noon in Helsinki: 10:00 UTC
        "datetime": ("datetime", QDateTime(QDate(2024, 1, 15), QTime(2, 0)), 2 / 24),
        "utc": ("datetime", QDateTime(QDate(2024, 1, 15), QTime(2, 0), Qt.TimeSpec.UTC), 4 / 24),
    }
    field, value, days = values[kind]
    others = QgsVectorLayer(f"Point?crs=EPSG:4326&field=taken:{field}", "others", "memory")
    from qgis.core import QgsFeature, QgsGeometry

    feature = QgsFeature(others.fields())
    feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(25.0, 60.0)))
    feature.setAttributes([value])
    others.dataProvider().addFeatures([feature])
    parameters = {"INPUT": sites, "OTHER": others, "OTHER_TIME": "taken", "TIME_ZONE": "Europe/Helsinki"}
    (row,) = run("joinsites", {**parameters, "MAX_DAYS": 1.0}).features()
    assert row["j_days_gap"] == pytest.approx(days)
    assert row["j_taken"].startswith("2024-01-15")
    (row,) = run("joinsites", {**parameters, "MAX_DAYS": 0.05}).features()
    assert row["j_status"] == "skipped"
    assert "none is within 0.05 days" in row["j_reason"]


def test_a_field_that_says_utc_is_in_utc_whatever_the_zone_is(run, make_points):
    sites = make_points([(25.0, 60.0)], {"taken": ["2024-01-15 02:00:00"]}, 4326)
    others = make_points([(25.0, 60.0)], {"time_utc": ["2024-01-15 00:00:00"]}, 4326)
    parameters = {"INPUT": sites, "OTHER": others, "SITE_TIME": "taken", "TIME_ZONE": "Europe/Helsinki"}
    (row,) = run("joinsites", parameters).features()
    assert row["j_days_gap"] == 0.0


def test_paths_from_two_folders(run, make_points, tmp_path):
    """Sites know the photo by its name or whole path; the photos' paths are relative to their own folder."""
    for name in ("a.jpg", "sub/b.jpg"):
        photo(tmp_path / "photos" / name, place=gps(10.0, 10.0))
    photos = run(
        "sitesfromphotos", {"FOLDER": str(tmp_path / "photos"), "OUTPUT": str(tmp_path / "photos.gpkg")}
    )
    paths = ["a.jpg", str(tmp_path / "photos" / "sub" / "b.jpg"), r"C:\card\b.jpg", "no.jpg", None]
    sites = make_points([(0.0, 0.0)] * 5, {"photo": paths}, 4326, path=tmp_path / "elsewhere.gpkg")
    made = run("joinsites", {"INPUT": sites, "OTHER": photos["OUTPUT"], "SITE_PATH": "photo"})
    rows = made.features()
    assert [row["j_way"] for row in rows] == ["path"] * 3 + [None] * 2
    whole = str((tmp_path / "photos" / "sub" / "b.jpg").resolve())
    assert [row["j_path"] for row in rows[1:3]] == [whole, whole]
    assert rows[3]["j_reason"].startswith("no path 'no.jpg' in the other layer")
    assert "j_status" in rows[0]
    assert "j_reason" in rows[0]
    embedded = run("embedphotos", {"INPUT": made.layer(), "PATH_FIELD": "j_path"}).features()
    assert [row["st_status"] for row in embedded] == ["ok"] * 3 + ["skipped"] * 2


def test_a_1970_clock_is_no_time(run, make_points):
    sites = make_points([(0.5, 0.5)] * 2, {"time_utc": ["1970-01-01T00:00:00Z", "2024-01-01"]}, 4326)
    others = make_points([(0.5, 0.5)], {"time_utc": ["2024-01-01T00:00:00Z"]}, 4326)
    row, _ = run("joinsites", {"INPUT": sites, "OTHER": others, "MAX_DAYS": 3.0}).features()
    assert row["j_reason"] == (
        "the site's time is of no use (the recorder's clock was not set (1970-01-01 00:00)), and the days between are "
        "limited"
    )


def test_keys_that_recur_are_told_where_sites_ask_for_them(run, make_points):
    sites = make_points([(0, 0)] * 5, {"nr": ["a", "b", "c", "d", "e"]}, 4326)
    keys = ["a", "b", "b", "c", "c", "c", "d", "d", "e", "e", "x", "x"]
    others = make_points([(0, 0)] * len(keys), {"nr": keys, "row": list(range(len(keys)))}, 4326)
    made = run("joinsites", {"INPUT": sites, "OTHER": others, "KEY_FIELD": "nr"})
    assert [row["j_row"] for row in made.features()] == [0, 1, 3, 6, 8]
    words = "the first row was taken: 'b' (2 times), 'c' (3 times), 'd' (2 times) and 1 more."
    assert [words in line and line.startswith("4 keys occur") for line in made.feedback.warnings] == [True]


def test_a_path_that_recurs_and_is_asked_for_by_its_name(run, make_points):
    sites = make_points([(0, 0)] * 2, {"photo": ["b.jpg", "c.jpg"]}, 4326)
    others = make_points([(0, 0)] * 3, {"path": ["/x/b.jpg", "/x/b.jpg", "/x/c.jpg"]}, 4326)
    made = run("joinsites", {"INPUT": sites, "OTHER": others, "SITE_PATH": "photo"})
    assert "1 path occurs several times" in made.feedback.text
    assert "'b.jpg' (2 times)." in made.feedback.text


def test_what_sites_share_by_key_is_not_parted_by_one_to_one(run, make_points):
    sites = make_points([(0, 0), (1, 1), (2, 2), (2.0001, 2)], {"nr": ["a", "a", "b", "c"]}, 4326)
    others = make_points([(0, 0), (2, 2)], {"nr": ["a", "z"]}, 4326)
    parameters = {"INPUT": sites, "OTHER": others, "KEY_FIELD": "nr"}
    unfound, far, warning = run("joinsites", parameters).feedback.warnings[:3]
    assert unfound.startswith(
        "2 sites name what is not in the other layer, and 2 got the nearest in its place."
    )
    assert far.startswith("1 site is joined by path or key with what lies further than 50 m away")
    assert warning.startswith("4 sites share 2 of the recordings or photos")
    assert "For those joined as nearest, 'One to one'" in warning
    assert (
        "2 of them have it by path or key, which 'One to one' and the distance leave as they are" in warning
    )
    warning = run("joinsites", {**parameters, "ONE_TO_ONE": True}).feedback.warnings[2]
    assert warning.startswith("2 sites share 1 ")
    assert "For those joined as nearest" not in warning


@pytest.mark.parametrize(
    ("values", "sample"),
    [(["soon", "later"], "'soon' is not a time like"), ([3.5, 4.5], "'3.5' is not a time like")],
)
def test_a_wrong_time_field_is_named(run, make_points, values, sample):
    """Where nothing can be joined without times that is an error; else it is told, and joined."""
    sites = make_points([(0.5, 0.5)] * 2, {"when": values}, 4326)
    others = make_points([(0.5, 0.5)], {"time_utc": ["2024-01-01T00:00:00Z"]}, 4326)
    parameters = {"INPUT": sites, "OTHER": others, "SITE_TIME": "when"}
    words = f"None of the 2 values of 'when' in '.*' can be read as a time: {sample}.*A time is a date, a date with"
    with pytest.raises(AlgorithmError, match=words):
        run("joinsites", {**parameters, "MAX_DAYS": 3.0})
    made = run("joinsites", parameters)
    assert [row["j_status"] for row in made.features()] == ["ok", "ok"]
    assert any(line.startswith("None of the 2 values of 'when'") for line in made.feedback.warnings)


def test_single_times_that_cannot_be_read_are_told(run, make_points):
    sites = make_points([(0.5, 0.5)] * 3, {"time_utc": ["2024-01-01", "03/04/2024", None]}, 4326)
    others = make_points([(0.5, 0.5)], {"time_utc": ["2024-01-01T00:00:00Z"]}, 4326)
    made = run("joinsites", {"INPUT": sites, "OTHER": others, "MAX_DAYS": 3.0})
    reasons = [row["j_reason"] for row in made.features()]
    assert reasons[0] is None
    assert reasons[1].startswith("the site's time is of no use ('03/04/2024' is not a time like")
    assert reasons[2] == "the site has no time, and the days between are limited"
    assert any(
        "Of 2 values of 'time_utc'" in line and "1 cannot be read" in line for line in made.feedback.warnings
    )


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"KEY_FIELD": "nope"}, "There is no field 'nope'"),
        ({"KEY_FIELD": "site"}, "no such key field"),
        ({"SITE_PATH": "site"}, "no such path field"),
        ({"MAX_DAYS": 3.0}, "the sites have no field 'time_utc'"),
        ({"TIME_ZONE": "Nowhere"}, "time zone 'Nowhere'"),
        ({"MAX_DISTANCE": -1.0}, "at least 0"),
    ],
)
def test_refused_before_the_run(run, sites, make_points, parameters, words):
    others = make_points([(-0.12, 51.5)], {"name": ["a"]}, 4326)
    with pytest.raises(AlgorithmError, match=words):
        run("joinsites", {"INPUT": sites, "OTHER": others, **parameters})


def test_names_that_are_not_found_are_told_beside_what_came_in_their_place(run, make_points):
    """A path with a slip becomes the nearest, another the row of the key; both keep what they asked for."""
    sites = make_points(
        [(0, 0), (1, 1), (2, 2)],
        {"photo": ["typo.jpg", "gone.jpg", "c.jpg"], "nr": [None, "b", None]},
        4326,
    )
    others = make_points(
        [(0, 0), (1, 1), (2, 2)], {"path": ["a.jpg", "b.jpg", "c.jpg"], "nr": list("abc")}, 4326
    )
    made = run("joinsites", {"INPUT": sites, "OTHER": others, "SITE_PATH": "photo", "KEY_FIELD": "nr"})
    rows = made.features()
    assert [row["j_way"] for row in rows] == ["nearest", "key", "path"]
    assert [row["j_status"] for row in rows] == ["ok"] * 3
    assert [row["j_reason"] for row in rows] == [
        "no path 'typo.jpg' in the other layer",
        "no path 'gone.jpg' in the other layer",
        None,
    ]
    assert (
        "2 sites name what is not in the other layer, and 1 got the nearest in its place and 1 got what the key names."
        in made.feedback.text
    )


def test_names_far_away_are_told(run, make_points):
    sites = make_points([(0, 51.5), (0, 51.5), (0, 51.5)], {"nr": list("abc")}, 4326)
    others = make_points([(0, 51.501), (0.5, 51.5), (0, 51.5)], {"nr": list("abc")}, 4326)
    parameters = {"INPUT": sites, "OTHER": others, "KEY_FIELD": "nr"}
    words = "2 sites are joined by path or key with what lies further than 50 m away (the furthest 35 km)."
    assert words in run("joinsites", parameters).feedback.text
    # No limit but that of the earth: nothing is further.
    assert "further than" not in run("joinsites", {**parameters, "MAX_DISTANCE": 2e7}).feedback.text


def test_places_that_are_none(run, make_points):
    sites = make_points([(48.0, 124.9), (300.0, 91.0)], {"site": ["a", "b"]}, 4326)
    others = make_points([(124.9, 48.0), (48.0, 124.9), None], {"nr": [1, 2, 3]}, 4326)
    made = run("joinsites", {"INPUT": sites, "OTHER": others})
    ends = "is no place: latitudes end at 90 degrees;"
    swapped = f"longitude 48, latitude 124.9 {ends} longitude and latitude look swapped"
    assert [row["j_reason"] for row in made.features()] == [
        swapped,
        f"longitude 300, latitude 91 {ends} check the layer's coordinate reference system",
    ]
    words = f"cannot be the nearest of a site, for want of a place (the first: {swapped})."
    assert any(line.startswith("2 of the 3 rows") and words in line for line in made.feedback.warnings)


def test_sites_that_are_areas(run, make_points):
    """Nothing is near to them, but a key joins them."""
    from qgis.core import QgsFeature, QgsGeometry

    areas = QgsVectorLayer("Polygon?crs=EPSG:4326&field=nr:string", "areas", "memory")
    feature = QgsFeature(areas.fields())
    feature.setGeometry(QgsGeometry.fromWkt("POLYGON((0 0,1 0,1 1,0 0))"))
    feature.setAttributes(["a"])
    areas.dataProvider().addFeatures([feature])
    others = make_points([(0, 0)], {"nr": ["a"]}, 4326)
    with pytest.raises(AlgorithmError, match="The sites are no points, so nothing is near to them"):
        run("joinsites", {"INPUT": areas, "OTHER": others})
    (row,) = run("joinsites", {"INPUT": areas, "OTHER": others, "KEY_FIELD": "nr"}).features()
    assert (row["j_way"], row["j_dist_m"]) == ("key", None)


def test_areas_are_refused_and_clashes_told(run, sites):
    areas = QgsVectorLayer("Polygon?crs=EPSG:4326", "areas", "memory")
    with pytest.raises(AlgorithmError, match="lines or areas"):
        run("joinsites", {"INPUT": sites, "OTHER": areas})
    others = QgsVectorLayer("Point?crs=EPSG:4326", "others", "memory")
    others.dataProvider().addAttributes([QgsField("status", STRING)])
    others.updateFields()
    with pytest.raises(AlgorithmError, match="would both be called 'j_status'"):
        run("joinsites", {"INPUT": sites, "OTHER": others, "FIELDS": ["status"]})
    rows = run("joinsites", {"INPUT": sites, "OTHER": others}).features()
    assert {row["j_reason"] for row in rows[:3]} == {"the other layer has nothing left with a place"}


def test_a_cancelled_run_leaves_nothing(run, sites, make_points, tmp_path):
    others = make_points([(-0.12, 51.5)], {"name": ["a"]}, 4326)
    output = tmp_path / "joined.gpkg"
    run("joinsites", {"INPUT": sites, "OTHER": others, "OUTPUT": str(output)}, Feedback(cancel_at=5.0))
    assert list(tmp_path.iterdir()) == []
