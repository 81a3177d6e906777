"""Records by hour, weekday and season: marked, never deleted."""

from __future__ import annotations

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest
from helpers import AlgorithmError, make_points, write_layer
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt, QTime

LONDON = (-0.12, 51.5)
SYDNEY = (151.2, -33.9)
TIMES = [
    "2024-05-14T04:30:00Z",  # Tuesday 05:30 in London
    "2024-05-14T11:00:00Z",  # noon
    "2024-05-18T22:30:00Z",  # Saturday 23:30
    "2024-05-14 05:10:00",  # no zone: UTC by the name of the field
    "2024-05-14",  # a date alone
    "1970-01-01T00:00:00Z",  # a clock that was not set
    "14/05/2024",  # could be two days
    None,
]


def records(times=TIMES, places=None, **fields):
    return make_points(places or [LONDON] * len(times), {"time_utc": times, **fields}, crs=4326)


def match(run, layer, **parameters):
    return run("timematch", {"INPUT": layer, "TIME_FIELD": "time_utc", **parameters})


def column(made, name):
    return [row[name] for row in made.features()]


def test_hours_of_the_place(run):
    made = match(run, records(), TIME_ZONE="Europe/London", HOURS="5-9, 22-4")
    rows = made.features()
    assert len(rows) == len(TIMES)
    assert [row["tm_keep"] for row in rows] == [1, 0, 1, 1, 0, 0, 0, 0]
    assert [row["tm_hour"] for row in rows] == [5, 12, 23, 6, None, None, None, None]
    assert rows[0]["tm_local"] == "2024-05-14T05:30:00+01:00"
    assert [row["tm_weekday"] for row in rows[:5]] == ["Tuesday", "Tuesday", "Saturday", "Tuesday", "Tuesday"]
    assert {row["tm_season"] for row in rows[:5]} == {"spring"}
    reasons = [row["tm_reason"] for row in rows]
    assert [reasons[at] for at in (0, 2, 3)] == [None] * 3
    assert reasons[1] == "12:00 is outside the hours"
    assert reasons[4] == "only the date is known"
    assert "clock was not set" in reasons[5]
    assert "is not a time like" in reasons[6]
    assert reasons[7] == "the time field is empty"
    assert [row["time_utc"] for row in rows] == TIMES
    assert "3 of 8 records are kept." in made.feedback.infos
    assert any("3 have no time that can be read" in line for line in made.feedback.warnings)


def test_nothing_asked_keeps_all(run):
    made = match(run, records())
    assert column(made, "tm_keep") == [1] * len(TIMES)
    assert column(made, "tm_hour")[0] == 4


def test_weekdays_seasons_and_hemispheres(run):
    times = ["2024-05-18T12:00:00Z", "2024-12-21T12:00:00Z"] * 2
    layer = records(times, [LONDON, LONDON, SYDNEY, None])
    made = match(run, layer, SEASONS=["spring", "summer"])
    assert column(made, "tm_season") == ["spring", "winter", "autumn", None]
    assert column(made, "tm_keep") == [1, 0, 0, 0]
    assert column(made, "tm_reason")[3] == "without a place its season is not known"
    made = match(run, layer, SEASONS=["summer"], HEMISPHERE="south")
    assert column(made, "tm_keep") == [0, 1, 0, 1]
    made = match(run, layer, WEEKDAYS=["Saturday"], MONTHS="11-2")
    assert column(made, "tm_keep") == [0, 1, 0, 1]
    # None chosen rules nothing out.
    assert column(match(run, layer, WEEKDAYS=[]), "tm_keep") == [1] * 4


def test_sites_in_several_zones(run):
    zones = ["Europe/London", "Australia/Sydney", "", "Atlantis/Capital"]
    layer = records(["2024-05-14T20:00:00Z"] * 4, [LONDON, SYDNEY, LONDON, LONDON], zone=zones)
    made = match(run, layer, ZONE_FIELD="zone", TIME_ZONE="UTC+2", HOURS="6-22")
    assert column(made, "tm_hour") == [21, 6, 22, None]
    assert column(made, "tm_keep") == [1, 1, 0, 0]
    assert column(made, "tm_reason")[3] == "the time zone 'Atlantis/Capital' is not known"


def test_the_clock_of_the_recorder(run):
    layer = make_points([LONDON], {"when": ["2024-05-14 05:30:00"]}, crs=4326)
    parameters = {"TIME_FIELD": "when", "TIME_ZONE": "Asia/Tokyo"}
    made = match(run, layer, **parameters, CLOCK_ZONE="UTC")
    assert column(made, "tm_local") == ["2024-05-14T14:30:00+09:00"]
    assert column(match(run, layer, **parameters), "tm_hour") == [5]


def test_a_field_that_says_utc_is_in_utc(run, tmp_path):
    """GDAL makes times of the text in GeoJSON, and QGIS 3.22 drops their zone."""
    layer = write_layer(records(["2024-05-14T04:30:00Z"]), tmp_path / "r.geojson")
    assert column(match(run, layer, TIME_ZONE="Europe/London"), "tm_local") == ["2024-05-14T05:30:00+01:00"]
    layer = records(["2024-05-14 04:30:00"])
    assert column(match(run, layer, TIME_ZONE="Europe/London"), "tm_hour") == [5]
    assert column(match(run, layer, TIME_ZONE="Europe/London", CLOCK_ZONE="UTC+2"), "tm_hour") == [3]


@pytest.mark.parametrize("as_file", [False, True], ids=["memory", "GeoPackage"])
def test_fields_of_dates_and_times(run, project, tmp_path, as_file):
    layer = QgsVectorLayer("Point?crs=EPSG:4326&field=day:date&field=moment:datetime", "records", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(*LONDON)))
    moment = QDateTime(QDate(2024, 5, 14), QTime(5, 30), Qt.TimeSpec.UTC)
    feature.setAttributes([QDate(2024, 5, 14), moment])
    layer.dataProvider().addFeatures([feature])
    if as_file:
        layer = write_layer(layer, tmp_path / "records.gpkg")
    project.addMapLayer(layer)
    # What a GeoPackage holds comes without its zone, at least in QGIS 3.22.
    zones = {"TIME_ZONE": "Europe/London", "CLOCK_ZONE": "UTC"}
    (row,) = match(run, layer, TIME_FIELD="moment", **zones).features()
    assert row["tm_local"] == "2024-05-14T06:30:00+01:00"
    (row,) = match(run, layer, TIME_FIELD="day", HOURS="5").features()
    assert (row["tm_local"], row["tm_weekday"], row["tm_keep"]) == ("2024-05-14", "Tuesday", 0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"HOURS": "dawn"}, "'dawn' is no range of hours"),
        ({"MONTHS": "May"}, "'May' is no month"),
        ({"TIME_ZONE": "Middle Earth"}, "time zone 'Middle Earth' is not known"),
        ({"CLOCK_ZONE": "UTC+99"}, "time zone 'UTC"),
        ({"TIME_FIELD": "when"}, "no field 'when'"),
    ],
)
def test_what_cannot_be_run_is_said_before(run, changed, message):
    with pytest.raises(AlgorithmError, match=message):
        match(run, records(), **changed)


def test_kept_records_stand_out(run):
    made = match(run, records(), HOURS="5-9", PREFIX="")
    assert "keep" in made.features()[0]
    renderer = made.layer().renderer()
    assert isinstance(renderer, QgsCategorizedSymbolRenderer)
    assert [category.label() for category in renderer.categories()] == ["Other times", "Kept"]


def test_the_usual_name_of_the_time_field_need_not_be_given(run):
    for parameters in ({}, {"TIME_FIELD": ""}, {"TIME_FIELD": None}):
        assert column(run("timematch", {"INPUT": records(), **parameters}), "tm_hour")[:2] == [4, 11]
    other = make_points([LONDON], {"when": ["2024-05-14"]}, crs=4326)
    with pytest.raises(
        AlgorithmError, match=r"no field 'time_utc' .given as time field.; its fields are 'when'"
    ):
        run("timematch", {"INPUT": other})


@pytest.mark.parametrize(
    ("values", "sample"),
    [
        (["dawn", "dusk"], "'dawn' is not a time like"),
        ([7.25, 8.5], "'7.25' is not"),
        ([None, None], "is empty"),
    ],
)
def test_a_wrong_time_field_is_named(run, values, sample):
    layer = make_points([LONDON] * 2, {"when": values, "other": [1, 2]}, crs=4326)
    for hours in ("", "5-9"):
        made = match(run, layer, TIME_FIELD="when", HOURS=hours)
        assert column(made, "tm_keep") == ([0, 0] if hours else [1, 1])
        (line,) = made.feedback.warnings
        assert line.startswith("No value of the time field 'when' can be read as a time (")
        assert (
            sample in line
            and "A time is a date, a date with time, or text such as 2024-05-14T05:30:00Z" in line
        )


def test_hours_of_each_place_by_a_plain_loop(run):
    """Over midnight, on weekends, in the summer of either hemisphere, with zones of the times and of the sites."""
    zones = {"Europe/London": LONDON, "Australia/Sydney": SYDNEY, "Asia/Kathmandu": (85.3, 27.7)}
    draw = random.Random(5)
    start = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    rows = []
    for number in range(300):
        moment = start + dt.timedelta(minutes=draw.randrange(366 * 24 * 60))
        zone = draw.choice(sorted(zones))
        offset = dt.timezone(dt.timedelta(minutes=draw.choice([-210, 0, 345])))
        rows.append(
            (moment, zone, moment.astimezone(offset).isoformat() if number % 2 else f"{moment:%Y%m%dT%H%MZ}")
        )
    layer = records([row[2] for row in rows], [zones[row[1]] for row in rows], zone=[row[1] for row in rows])
    made = match(
        run, layer, ZONE_FIELD="zone", HOURS="22-4", WEEKDAYS=["Saturday", "Sunday"], SEASONS=["summer"]
    )
    expected = []
    for moment, zone, _ in rows:
        local = moment.astimezone(ZoneInfo(zone))
        summer = (12, 1, 2) if zone == "Australia/Sydney" else (6, 7, 8)
        expected.append(
            int(local.hour in (22, 23, 0, 1, 2, 3) and local.weekday() >= 5 and local.month in summer)
        )
    assert column(made, "tm_keep") == expected
    assert 3 < sum(expected) < 100


def test_no_record_kept_is_said(run):
    made = match(run, records(TIMES[:2]), MONTHS="1")
    assert any("No record is kept" in line for line in made.feedback.warnings)
    empty = match(run, records([]))
    assert any("no records" in line for line in empty.feedback.warnings)
