"""Records by hour, weekday and season: marked, never deleted."""

from __future__ import annotations

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
    "2024-05-14 06:10:00",  # no zone
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
    layer = records(["2024-05-14 05:30:00"])
    made = match(run, layer, TIME_ZONE="Asia/Tokyo", CLOCK_ZONE="UTC")
    assert column(made, "tm_local") == ["2024-05-14T14:30:00+09:00"]
    assert column(match(run, layer, TIME_ZONE="Asia/Tokyo"), "tm_hour") == [5]


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


def test_no_record_kept_is_said(run):
    made = match(run, records(TIMES[:2]), MONTHS="1")
    assert any("No record is kept" in line for line in made.feedback.warnings)
    empty = match(run, records([]))
    assert any("no records" in line for line in empty.feedback.warnings)
