"""Dates and times of day in tables: midnights that are dates, am and pm, days before months."""

from __future__ import annotations

import pytest

from soundvis_core.sites import Options, RecorderClock, scan_recordings, time_zone
from soundvis_core.sites.photo_scan import scan_photos
from tests.builders import recorder_files as files
from tests.builders.photo_headers import photo

pytestmark = pytest.mark.filterwarnings("error")


def scan(folder, table, names, zone="UTC"):
    for name in names:
        files.wav(folder / name)
    (folder / "t.csv").write_text(table, "utf-8")
    rows = scan_recordings(str(folder), Options(clock=RecorderClock(time_zone(zone))))
    return {row.path: row for row in rows}


def times(folder, column, values, names=None, zone="UTC"):
    """What is told as local time of files whose rows have some values; with the source where it is no table."""
    names = names or [f"{place}.wav" for place in range(len(values))]
    rows = "".join(f"{name},48,2,{value}\n" for name, value in zip(names, values))
    found = scan(folder, f"file,lat,lon,{column}\n{rows}", names, zone)
    return [found[name].time_local for name in names]


def test_midnights_of_archive_org_are_dates(tmp_path):
    """Its search writes each plain date as midnight in UTC: the name of the file knows the hour."""
    names = ["a_20120505_063000.wav", "b.wav"]
    table = "identifier,file,lat,lon,date\nx,{},48,2,2012-05-05T00:00:00Z\ny,{},48,2,2012-05-06T06:00:00Z\n"
    found = scan(tmp_path, table.format(*names), names, "Europe/Paris")
    first, second = found[names[0]], found[names[1]]
    assert (first.time_utc, first.time_local) == ("2012-05-05T04:30:00Z", "2012-05-05T06:30:00+02:00")
    assert (first.source_of_time, first.remark) == ("file name", "")
    assert second.time_utc == "2012-05-06T06:00:00Z"


@pytest.mark.parametrize("column", ["date", "datetime", "time_utc"])
@pytest.mark.parametrize("ending", ["T00:00:00Z", " 00:00:00", " 12:00:00 AM", "T00:00:00.000+00:00"])
def test_columns_of_midnights_are_dates(tmp_path, column, ending):
    values = [f"2012-05-{day:02}{ending}" for day in (5, 6)]
    assert times(tmp_path, column, values) == ["2012-05-05", "2012-05-06"]
    names = ["20120505_063000.wav", "plain.wav"]
    assert times(tmp_path, column, values, names) == ["2012-05-05T06:30:00Z", "2012-05-06"]


def test_true_midnights(tmp_path):
    """Beside other times of day, with an offset, in a column of their own, or where another source tells the same."""
    schedule = ["2012-05-05T00:00:00Z", "2012-05-05T06:00:00Z", "2012-05-06"]
    assert times(tmp_path, "datetime", schedule) == [
        "2012-05-05T00:00:00Z",
        "2012-05-05T06:00:00Z",
        "2012-05-06",
    ]
    assert times(tmp_path, "date", ["2012-05-05T00:00:00+02:00"]) == ["2012-05-05T00:00:00+02:00"]
    # An offset of nothing is UTC, as Z is.
    mixed = ["2012-05-05T00:00:00", "2012-05-06T00:00:00", "2012-05-07T00:00:00+00:00"]
    assert times(tmp_path, "datetime", mixed) == ["2012-05-05", "2012-05-06", "2012-05-07"]
    mixed[2] = "2012-05-07T00:00:00+02:00"
    assert times(tmp_path, "datetime", mixed)[2] == mixed[2]
    assert times(tmp_path, "date,time", ["2012-05-05T00:00:00Z,00:00"]) == ["2012-05-05T00:00:00Z"]
    backed = times(tmp_path, "datetime", ["2012-05-05T00:00:00Z"] * 2, ["20120505_000000.wav", "a.wav"])
    assert backed == ["2012-05-05T00:00:00Z", "2012-05-05"]
    # A name in the recorder's zone of two o'clock is midnight in UTC.
    assert times(tmp_path, "datetime", ["2012-05-05T00:00Z"], ["20120505_020000.wav"], "Europe/Paris") == [
        "2012-05-05T02:00:00+02:00"
    ]


def test_a_name_of_another_hour_overrules_a_midnight_without_a_remark(tmp_path):
    found = scan(
        tmp_path, "file,lat,lon,date\n20120505_063000.wav,1,2,2012-05-05T00:00:00Z\n", ["20120505_063000.wav"]
    )
    (row,) = found.values()
    assert (row.time_utc, row.remark) == ("2012-05-05T06:30:00Z", "")


def test_a_date_of_another_day_is_told(tmp_path):
    """A day more or less may be one of zones."""
    names = ["20120503_063000.wav", "20120504_063000.wav"]
    table = "file,lat,lon,date\n" + "".join(f"{name},1,2,2012-05-05T00:00:00Z\n" for name in names)
    found = scan(tmp_path, table, names)
    assert [found[name].remark for name in names] == ["table t.csv tells another day (2012-05-05)", ""]


@pytest.mark.parametrize(("day", "told"), [("05", "2012-05-05"), ("06", "2012-05-06T01:00:00Z")])
def test_the_last_change_of_a_photo_tells_no_hour_of_another_day(tmp_path, day, told):
    photo(tmp_path / "a.jpg", main={0x0132: "2012:05:06 01:00:00"})
    (tmp_path / "t.csv").write_text(f"file,lat,lon,date\na.jpg,1,2,2012-05-{day}T00:00:00Z\n", "utf-8")
    (row,) = scan_photos(str(tmp_path))
    assert (row.time_local, row.remark) == (told, "")


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("6:30 PM", "18:30:00Z"),
        ("06:30pm", "18:30:00Z"),
        ("6.30 p.m.", None),
        ("6:30 p.m.", "18:30:00Z"),
        ("12:15 am", "00:15:00Z"),
        ("12:15 PM", "12:15:00Z"),
        ("6 am", "06:00:00Z"),
        ("6h30", "06:30:00Z"),
        ("6h", "06:00:00Z"),
        ("630", "06:30:00Z"),
        ("0630", "06:30:00Z"),
        ("63015", "06:30:15Z"),
        ("06:30 h", "06:30:00Z"),
        ("6:30:15", "06:30:15Z"),
        ("05:45+02:00", "05:45:00+02:00"),
        ("1899-12-30 06:30:00", "06:30:00Z"),
        ("morning", None),
        ("06:00-07:00", None),
        ("06:00 - 07:00", None),
        ("6.5", None),
        ("6", None),
        ("0.2708333", None),
        ("13:30 pm", None),
        ("25:00", None),
        ("06:75", None),
    ],
)
def test_times_of_day(tmp_path, time, told):
    """What is none leaves the date, and is told."""
    for column, value in (("date,time", f"2012-05-05,{time}"), ("time,date", f"{time},2012-05-05T00:00:00Z")):
        found = scan(tmp_path, f"file,lat,lon,{column}\na.wav,48,2,{value}\n", ["a.wav"])["a.wav"]
        assert found.time_local == (f"2012-05-05T{told}" if told else "2012-05-05")
        assert ("the date is taken alone" in found.remark) == (told is None)
        assert (time[:40] in found.remark) == (told is None)


def test_moments_with_halves_of_days(tmp_path):
    values = ["2012-05-05 6:30 PM", "05.05.2012 06:30:15 am", "2012-5-5 6:30", "2012-05-05 dawn"]
    assert times(tmp_path, "datetime", values) == [
        "2012-05-05T18:30:00Z", "2012-05-05T06:30:15Z", "2012-05-05T06:30:00Z", "2012-05-05",
    ]  # fmt: skip


def test_a_time_of_day_in_utc_beside_a_date(tmp_path):
    assert times(tmp_path, "date,time_utc", ["2012-05-05,05:30"], zone="UTC+2") == [
        "2012-05-05T07:30:00+02:00"
    ]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["14/05/2024", "03/04/2024"], ["2024-05-14", "2024-04-03"]),
        (["05/14/2024 6:30 PM", "03/04/2024 06:30"], ["2024-05-14T18:30:00Z", "2024-03-04T06:30:00Z"]),
        (["14-5-2024", "3-4-2024"], ["2024-05-14", "2024-04-03"]),
        (["03/04/2024", "05/05/2024"], ["", "2024-05-05"]),
        (["14/05/2024", "05/14/2024", "03/04/2024"], ["2024-05-14", "2024-05-14", ""]),
        (["13/13/2024", "3/4/2024"], ["", ""]),
    ],
)
def test_days_and_months_are_told_by_their_column(tmp_path, values, told):
    assert times(tmp_path, "date", values) == told


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            ["03/04/2024"],
            "'03/04/2024' may be 2024-04-03 or 2024-03-04; no row of the table has a day above 12",
        ),
        (
            ["03/04/2024", "14/05/2024", "05/14/2024"],
            "other rows of the table have the day first and the month first",
        ),
    ],
)
def test_why_a_date_is_refused(tmp_path, values, words):
    rows = "".join(f"{place}.wav,48,2,{value}\n" for place, value in enumerate(values))
    found = scan(tmp_path, f"file,lat,lon,date\n{rows}", ["0.wav"])["0.wav"]
    assert (found.status, found.time_local) == ("ok", "")
    assert words in found.remark and "Write the year first" in found.remark
