"""Places and times in the notations of recorders, phones, tables and file names."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundvis_core.errors import InputError
from soundvis_core.sites import RecorderClock, clocks, file_names, positions, time_zone
from soundvis_core.sites.positions import NoPositionError, Position

pytestmark = pytest.mark.filterwarnings("error")

UTC = dt.timezone.utc


def local(*parts):
    """A moment without its zone."""
    return dt.datetime(*parts)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "latitude", "longitude"),
    [
        ("51.5 -0.12", 51.5, -0.12),
        ("51.5,-0.12", 51.5, -0.12),
        ("51.5, -0.12, London", 51.5, -0.12),
        ("51.5,-0.1278,London", 51.5, -0.1278),
        ("51.5074,-0.1278 London, UK", 51.5074, -0.1278),
        ("51.5;-0.12;30", 51.5, -0.12),
        ("51,5; -0,12", 51.5, -0.12),
        ("51,5 -0,12", 51.5, -0.12),
        ("40.7128° N, 74.0060° W", 40.7128, -74.006),
        ("51°30'20\"N, 0°7'30\"W", 51 + 30 / 60 + 20 / 3600, -(7 / 60 + 30 / 3600)),
        ("[-27.3866 152.8761]", -27.3866, 152.8761),
        ("+37.3318-122.0312+010.000/", 37.3318, -122.0312),
    ],
)
def test_pairs(text, latitude, longitude):
    assert positions.pair(text) == pytest.approx((latitude, longitude), abs=1e-12)


@pytest.mark.parametrize(
    ("text", "latitude", "longitude"),
    [
        # The examples of ISO 6709 as Wikipedia and Apple cite them.
        ("+27.5916+086.5640+8850CRSWGS_84/", 27.5916, 86.564),
        ("-90+000+2800CRSWGS_84/", -90.0, 0.0),
        ("+401213.1-0750015.1/", 40 + 12 / 60 + 13.1 / 3600, -(75 + 15.1 / 3600)),
        ("+1234.56-09854.321+10/", 12 + 34.56 / 60, -(98 + 54.321 / 60)),
        ("+35.658632+139.745411", 35.658632, 139.745411),
    ],
)
def test_iso_6709(text, latitude, longitude):
    assert positions.iso6709(text) == pytest.approx((latitude, longitude), abs=1e-9)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_iso_6709_round_trip(latitude, longitude):
    latitude, longitude = round(latitude, 5), round(longitude, 5)
    if (latitude, longitude) != (0.0, 0.0):
        text = f"{latitude:+09.5f}{longitude:+010.5f}/"
        assert positions.iso6709(text) == pytest.approx((latitude, longitude), abs=1e-9)


@pytest.mark.parametrize(
    ("latitude", "longitude", "words"),
    [
        (math.nan, 1.0, "not a number"),
        (math.inf, 1.0, "not a number"),
        (0.0, 0.0, "recorders write where they have none"),
        (139.7, 35.6, "swapped"),
        (91.0, 170.0, "not within -90 and 90"),
        (10.0, 181.0, "not within -180 and 180"),
    ],
)
def test_places_that_are_none(latitude, longitude, words):
    with pytest.raises(NoPositionError, match=words):
        positions.checked(latitude, longitude)


@pytest.mark.parametrize(
    "text",
    [
        "N43 27.6 E11 52.8",
        "N43 27.6, E11 52.8, 250",
        "N 43° 27.6' E 11° 52.8'",
        "43 27.6 N, 11 52.8 E",
        "43 27 36 N 11 52 48 E",
        "43°27'36\"N 11°52'48\"E",
        "43° 27' 36\" N, 11° 52' 48\" E, 250 m",
        "43d27m36sN 11d52m48sE",
        "43.46N 11.88E",
        "11.88E 43.46N",
        "E11 52 48; N43 27 36",
        "n43,46 e11,88",
        "43.46 11.88 250",
        "43.46 11.88 250.5 4.9",
        "43.46, 11.88, 25",
        "43.46, 11.88, E. Tuscany",
        "43.46 N, 11.88",
    ],
)
def test_one_place_in_many_notations(text):
    """43 + 27.6 / 60 = 43.46, 27.6' = 27' 36"; 11 + 52.8 / 60 = 11.88, 52.8' = 52' 48"."""
    assert positions.pair(text) == pytest.approx((43.46, 11.88), abs=1e-12)


@pytest.mark.parametrize(
    "text",
    ["33 51.5 S, 151 12.6 E", "S33 51.5 E151 12.6", "151 12.6 E 33 51.5 S", "151.21E -33.8583333333333S"],
)
def test_places_in_the_south(text):
    assert positions.pair(text) == pytest.approx((-(33 + 51.5 / 60), 151.21), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("43 27 36, 11 52 48", "degrees and minutes"),
        ("43 27 36 11 52 48", "degrees and minutes"),
        ("43 27.6, 11 52.8", "degrees and minutes"),
        ("43 27.6 11 52.8", "degrees and minutes"),
        ("43.46, 11 52.8", "degrees and minutes"),
        ("43° 27 36, 11° 52 48", "degrees and minutes"),
        ("-33 51 30 151 12 36", "degrees and minutes"),
        ("-33, 51, 30, -151, 12, 36", "degrees and minutes"),
        ("N43 E11 52", "degrees and minutes"),
        ("11.88 E, 43.46", "E where the latitude"),
        ("43.46, 11.88N", "N where the longitude"),
        ("43.46N 11.88S", "two hemispheres of one axis"),
        ("43.46 11.88 N", "either angle|not a latitude"),
        ("43.46 11.88 n", "either angle|not a latitude"),
        ("-43.46 N 11.88 E", "negative"),
        ("43.5 27 N 11.5 52 E", "fraction"),
        ("43 75 N 11 52 E", "above 60"),
    ],
)
def test_places_that_may_be_others_are_refused(text, words):
    with pytest.raises(NoPositionError, match=words):
        positions.pair(text)


@pytest.mark.parametrize("text", ["", "here", "51.5", "nan nan", "1e5 2", "51°75'N 0°W"])
def test_texts_that_are_no_places(text):
    with pytest.raises(NoPositionError):
        positions.pair(text)


def test_what_is_refused_is_quoted_whole():
    with pytest.raises(NoPositionError, match=r"^'POINT\(13\.4 52\.5\)' is not a latitude and a longitude$"):
        positions.pair("POINT(13.4 52.5)")


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        ("52.5 N", "13.4 E", (52.5, 13.4)),
        ("52.5", "13.4 E", (52.5, 13.4)),
        ("-33.5 S", "W 70,5", (-33.5, -70.5)),
        ("-33.5", "-70.5", (-33.5, -70.5)),
    ],
)
def test_latitude_and_longitude_apart(latitude, longitude, place):
    assert positions.apart(latitude, longitude) == (*place, "")


def test_latitude_and_longitude_in_each_others_place():
    assert positions.apart("W 70,5", "33.5 S")[:2] == (-33.5, -70.5)
    assert "swapped" in positions.apart("W 70,5", "33.5 S")[2]
    for latitude, longitude in (("13.4 E", "52.5"), ("52.5", "13.4 S"), ("52.5 N", "13.4 N")):
        with pytest.raises(NoPositionError, match="swapped"):
            positions.apart(latitude, longitude)


def test_distance():
    """A degree along a meridian of the mean sphere; a quarter of the way round; across 180 degrees."""
    assert positions.distance_km(Position(10, 5), Position(11, 5)) == pytest.approx(111.195, abs=0.001)
    assert positions.distance_km(Position(0, 0), Position(0, 90)) == pytest.approx(10007.557, abs=0.01)
    assert positions.distance_km(Position(0, 179.5), Position(0, -179.5)) == pytest.approx(111.195, abs=0.001)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-14T05:30:00Z", dt.datetime(2024, 5, 14, 5, 30, tzinfo=UTC)),
        ("20240514T053000+0200", dt.datetime(2024, 5, 14, 3, 30, tzinfo=UTC)),
        ("2014-04-02 22:59:14-05:00", dt.datetime(2014, 4, 3, 3, 59, 14, tzinfo=UTC)),
        ("2024-05-14 05:30 UTC+5:30", dt.datetime(2024, 5, 14, tzinfo=UTC)),
        ("2014-04-02 22:59:14.250", local(2014, 4, 2, 22, 59, 14, 250000)),
        ("2024/05/14 05:30:00", local(2024, 5, 14, 5, 30)),
        ("14.05.2024 05:30", local(2024, 5, 14, 5, 30)),
        ("2026-Jan-20 13:47:00", local(2026, 1, 20, 13, 47)),
        ("2016-12-31T23:59:60Z", dt.datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_times(text, expected):
    told = clocks.parse_time(text)
    assert told.moment == expected
    assert told.has_zone == (expected.tzinfo is not None)
    assert not told.date_only


def test_dates_alone_and_no_times():
    assert clocks.parse_time("2024-05-14").date_only
    for text in (
        "",
        "noon",
        "03/04/2024",
        "2005-07-00",
        "2024-02-30 10:00",
        "2024-05-14 25:00",
        "2024-05-14T05:30+99",
    ):
        with pytest.raises(clocks.NoTimeError):
            clocks.parse_time(text)


def test_zones():
    assert time_zone("") is UTC
    assert time_zone("UTC") is UTC
    assert time_zone("UTC-02:30").utcoffset(None) == dt.timedelta(hours=-2.5)
    summer = dt.datetime(2024, 7, 1, tzinfo=time_zone("Europe/London"))
    assert summer.utcoffset() == dt.timedelta(hours=1)
    for name in ("Mars/Olympus", "UTC+99", "../../etc/passwd"):
        with pytest.raises(InputError, match="not known here"):
            time_zone(name)


def test_clock_that_ran_fast():
    clock = RecorderClock(time_zone("Europe/London"), fast=90.0)
    told = clocks.parse_time("2024-07-01 12:00:00")
    assert clock.utc(told, own=True) == (dt.datetime(2024, 7, 1, 10, 58, 30, tzinfo=UTC), "")
    assert clock.utc(told, own=False) == (dt.datetime(2024, 7, 1, 11, tzinfo=UTC), "")


@pytest.mark.parametrize(
    ("local", "words"),
    [
        ("2024-10-27 01:30:00", "came twice"),
        ("2024-03-31 01:30:00", "no local time"),
        ("2024-10-27 02:30:00", ""),
    ],
)
def test_hours_of_clock_changes(local, words):
    _, remark = RecorderClock(time_zone("Europe/London")).utc(clocks.parse_time(local), own=True)
    assert words in remark
    assert bool(remark) == bool(words)


def test_clocks_that_were_not_set():
    clock = RecorderClock()
    for text in ("1970-01-01 00:00:12", "1904-01-01 00:00:00", "1980-01-06 00:00:00Z"):
        with pytest.raises(clocks.NoTimeError, match="not set"):
            clock.utc(clocks.parse_time(text), own=True)
    assert "clock set" in clock.utc(clocks.parse_time("2000-01-01 00:03:00"), own=True)[1]
    # A recorder that started at 2000, whose clock is corrected by as many seconds as it was behind.
    late = RecorderClock(fast=-86400.0 * 8900)
    assert late.utc(clocks.parse_time("2000-01-01 00:03:00"), own=True)[1] == ""
    # A tape of 1975 in a table of an archive is as good as any.
    assert clock.utc(clocks.parse_time("1975-06-01 10:00"), own=False)[0].year == 1975


NAMES = [
    # Names as the recorders' manuals and public collections show them.
    ("S4A02641_20250220_170000.wav", "2025-02-20T17:00:00", None, ""),
    ("SM301297_0+1_20170912_220000.wav", "2017-09-12T22:00:00", None, ""),
    ("OLONG-CH1_0+1_20171121$143444.wav", "2017-11-21T14:34:44", None, ""),
    ("20240514_053000.WAV", "2024-05-14T05:30:00+00:00", None, "AudioMoth"),
    ("20240514_053000T.WAV", "2024-05-14T05:30:00+00:00", None, "AudioMoth"),
    ("24E144085F256D6A_20240102_030405.WAV", "2024-01-02T03:04:05+00:00", None, "AudioMoth 24E144085F256D6A"),
    ("5B07FAC0.WAV", "2018-05-25T12:00:00+00:00", None, "AudioMoth"),
    ("20191125T000000+1000_REC.flac", "2019-11-25T00:00:00+10:00", None, ""),
    (
        "20210617T080000+0000_Rec2_-18.2656+144.5564.flac",
        "2021-06-17T08:00:00+00:00",
        (-18.2656, 144.5564),
        "",
    ),
    ("20181101_060000_REC [-27.3866 152.8761].flac", "2018-11-01T06:00:00", (-27.3866, 152.8761), ""),
    ("4_20180907_181000_Rec [-2.9274 -55.0027].wav", "2018-09-07T18:10:00", (-2.9274, -55.0027), ""),
    (
        "S20240815T091156.982648+1000_E20240815T091251.967555+1000_-12.34567+78.98102.wav",
        "2024-08-15T09:11:56.982648+10:00",
        (-12.34567, 78.98102),
        "",
    ),
    ("PILLIGA_20121204T234600+1100.wav", "2012-12-04T23:46:00+11:00", None, ""),
    ("2024-05-14T05:30:00Z.wav", "2024-05-14T05:30:00+00:00", None, ""),
    ("2024-05-14 05.30.00.m4a", "2024-05-14T05:30:00", None, ""),
    ("REC_2024-05-14_05-30-00.wav", "2024-05-14T05:30:00", None, ""),
    ("S4A00001_52.5200N_13.4050E_20240514_053000.wav", "2024-05-14T05:30:00", (52.52, 13.405), ""),
    ("Müllerstraße_52.5200_13.4050_20240514.wav", "2024-05-14T00:00:00", (52.52, 13.405), ""),
    ("track 01.wav", None, None, ""),
    ("DEADBEEF.WAV", None, None, ""),
    ("201714020750tsukijifishmarket01.mp3", None, None, ""),
    ("20241301_053000.wav", None, None, ""),
    ("aporee_35166_40406.mp3", None, None, ""),
]


@pytest.mark.parametrize(("name", "time", "place", "recorder"), NAMES, ids=[row[0] for row in NAMES])
def test_names(name, time, place, recorder):
    claims = file_names.read(name)
    assert [claim.told.moment.isoformat() for claim in claims.times] == ([time] if time else [])
    assert [tuple(claim.position) for claim in claims.positions] == ([place] if place else [])
    assert claims.recorder == recorder


@given(st.text(max_size=60))
def test_any_name_is_read(name):
    claims = file_names.read(name)
    assert all(abs(claim.position.latitude) <= 90 for claim in claims.positions)
