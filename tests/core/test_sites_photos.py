"""Sites from photos: headers by several writers, and what of them is a place, a time, a direction."""

from __future__ import annotations

import datetime as dt

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from soundvis_core.sites import Options, RecorderClock
from soundvis_core.sites.photo_scan import scan_photos
from tests.builders import photos as odd_photos
from tests.builders.photo_headers import (
    ARTIST,
    COPYRIGHT,
    FOCAL_35,
    MAKE,
    MODEL,
    OFFSET,
    ORIENTATION,
    SUBSECOND,
    TAKEN,
    by_hand,
    gps,
    photo,
    sphere_xmp,
)

LONDON = (51.503333, -0.119722)


def scan(folder, **options):
    return {row.path: row for row in scan_photos(str(folder), Options(**options))}


def only(folder, **options):
    (row,) = scan(folder, **options).values()
    return row


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_a_place_in_every_format(tmp_path, ending):
    photo(tmp_path / f"a.{ending}", (80, 60), gps(*LONDON, direction=123.25, direction_ref="M", error=4.5))
    row = only(tmp_path)
    assert row.position == pytest.approx(LONDON, abs=1e-6)
    assert (row.status, row.reason, row.remark, row.source_of_position) == ("ok", "", "", "EXIF")
    assert (row.heading, row.heading_ref, row.accuracy) == (123.25, "magnetic", 4.5)
    assert (row.width, row.height, row.panorama) == (80, 60, False)


@pytest.mark.parametrize(("side", "other", "signs"), [(b"N", b"E", (1, 1)), (b"S", b"W", (-1, -1))])
def test_a_header_packed_by_hand(tmp_path, side, other, signs):
    by_hand(tmp_path / "a.jpg", (35, 40, 48), side, (139, 45, 36), other)
    assert only(tmp_path).position == pytest.approx((signs[0] * 35.68, signs[1] * 139.76), abs=1e-9)


def test_times(tmp_path):
    taken = {TAKEN: "2024:05:14 05:30:00"}
    photo(tmp_path / "offset.jpg", place=gps(*LONDON), detail={**taken, OFFSET: "+05:45", SUBSECOND: "25"})
    photo(tmp_path / "plain.jpg", place=gps(*LONDON), detail=taken)
    # The satellites say 3:29:58 UTC: the camera stands at UTC+2.
    satellites = gps(*LONDON, date="2024:05:14", clock=(3.0, 29.0, 58.0))
    photo(tmp_path / "satellites.jpg", place=satellites, detail=taken)
    photo(tmp_path / "only satellites.jpg", place=satellites)
    # A camera 25 minutes off is in no time zone: the satellites are believed.
    photo(tmp_path / "slow.jpg", place=satellites, detail={TAKEN: "2024:05:14 05:05:00"})
    photo(tmp_path / "blank.jpg", place=gps(*LONDON), detail={TAKEN: "    :  :     :  :  "})
    photo(tmp_path / "unset.jpg", place=gps(*LONDON), detail={TAKEN: "1970:01:01 00:00:10"})
    photo(tmp_path / "IMG_20240514_053001.jpg", place=gps(*LONDON))
    rows = scan(tmp_path, clock=RecorderClock(dt.timezone(dt.timedelta(hours=1))))
    times = {name: (row.time_utc, row.time_local) for name, row in rows.items()}
    assert times == {
        "offset.jpg": ("2024-05-13T23:45:00Z", "2024-05-14T05:30:00+05:45"),
        "plain.jpg": ("2024-05-14T04:30:00Z", "2024-05-14T05:30:00+01:00"),
        "satellites.jpg": ("2024-05-14T03:30:00Z", "2024-05-14T05:30:00+02:00"),
        "only satellites.jpg": ("2024-05-14T03:29:58Z", "2024-05-14T04:29:58+01:00"),
        "slow.jpg": ("2024-05-14T03:29:58Z", "2024-05-14T04:29:58+01:00"),
        "blank.jpg": ("", ""),
        "unset.jpg": ("", ""),
        "IMG_20240514_053001.jpg": ("2024-05-14T04:30:01Z", "2024-05-14T05:30:01+01:00"),
    }
    assert rows["satellites.jpg"].source_of_time == "EXIF, zone by GPS time"
    assert rows["slow.jpg"].remark == "EXIF tells another time (2024-05-14 04:05:00 UTC)"
    assert "the camera's clock was not set (1970-01-01 00:00)" in rows["unset.jpg"].remark
    assert [row.remark for name, row in rows.items() if name not in ("slow.jpg", "unset.jpg")] == [""] * 6


def test_parts_of_a_second_that_are_no_number(tmp_path):
    path = photo(
        tmp_path / "a.jpg", place=gps(*LONDON), detail={TAKEN: "2024:05:14 05:30:00", SUBSECOND: "7654321"}
    )
    path.write_bytes(path.read_bytes().replace(b"7654321", b"\xb2\xb2\xb2\xb2\xb2\xb2\xb2"))  # superscripts
    row = only(tmp_path)
    assert (row.status, row.reason, row.time_utc) == ("ok", "", "2024-05-14T05:30:00Z")


def test_a_clock_that_was_fast(tmp_path):
    """The zone is sought after the correction: a camera an hour ahead is not taken for one of another zone."""
    detail = {TAKEN: "2024:05:14 06:30:00"}
    photo(tmp_path / "a.jpg", place=gps(*LONDON, date="2024:05:14", clock=(3.0, 30.0, 0.0)), detail=detail)
    row = only(tmp_path, clock=RecorderClock(fast=3600.0))
    assert (row.time_utc, row.time_local) == ("2024-05-14T03:30:00Z", "2024-05-14T05:30:00+02:00")


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (gps(0.0, 0.0), "0, 0"),
        ({**gps(*LONDON), 1: ""}, "the latitude does not say its hemisphere (N or S)"),
        ({**gps(*LONDON), 3: "N"}, "the longitude does not say its hemisphere (E or W)"),
        ({**gps(*LONDON), 2: (139.0, 45.0, 36.0), 4: (35.0, 40.0, 48.0)}, "latitude and longitude swapped?"),
        ({**gps(*LONDON), 2: (51.0, 75.0, 0.0)}, "minutes or seconds outside 0 to 60"),
        ({**gps(*LONDON), 4: (200.0, 0.0, 0.0)}, "the longitude -200 is not within -180 and 180"),
        ({1: "N", 2: (51.0, 0.0, 0.0)}, "the longitude is not a number"),
        ({**gps(*LONDON), 2: (IFDRational(0, 0), 0.0, 0.0)}, "the latitude is not a number"),
    ],
)
def test_what_is_no_place(tmp_path, place, why):
    photo(tmp_path / "a.jpg", place=place)
    row = only(tmp_path)
    assert (row.status, row.position) == ("skipped", None)
    assert row.reason.startswith("no position: ")
    assert why in row.reason


def test_what_is_doubtful(tmp_path):
    photo(tmp_path / "lost.jpg", place=gps(*LONDON, status="V"))
    photo(tmp_path / "tokyo.jpg", place=gps(35.68, 139.76, datum="TOKYO"))
    photo(tmp_path / "wgs.jpg", place=gps(35.68, 139.76, datum="WGS-84   "))
    photo(tmp_path / "far.jpg", place=gps(*LONDON, direction=720.0))
    rows = scan(tmp_path)
    assert "had lost its fix" in rows["lost.jpg"].remark
    assert "the datum TOKYO" in rows["tokyo.jpg"].remark
    assert rows["wgs.jpg"].remark == ""
    assert rows["far.jpg"].heading is None
    assert "720" in rows["far.jpg"].remark


@pytest.mark.parametrize(
    ("value", "turn"), [(1, 0), (2, 0), (3, 180), (4, 180), (5, 90), (6, 90), (7, 270), (8, 270)]
)
def test_the_turn_is_that_of_pillow(tmp_path, value, turn):
    """Pillow turns counter-clockwise: a picture turned by ours has the size and the corner of the upright one."""
    odd_photos.rotated(tmp_path, value)
    row = only(tmp_path)
    assert row.rotation == turn
    assert (row.width, row.height) == (64, 48)
    if value in (1, 3, 6, 8):
        with Image.open(tmp_path / f"rotated_{value}.jpg") as stored:
            upright = stored.rotate(-row.rotation, expand=True)
            assert upright.getpixel((4, 4)) == pytest.approx(odd_photos.RED, abs=12)


def test_panoramas(tmp_path):
    photo(
        tmp_path / "sphere.jpg",
        (200, 100),
        gps(*LONDON, direction=10.0),
        xmp=sphere_xmp(4000, 2000, heading=275.5),
    )
    photo(tmp_path / "part.jpg", (2000, 1000), gps(*LONDON), xmp=sphere_xmp(4000, 2000, (2000, 1000)))
    photo(tmp_path / "shape.jpg", (2000, 1000), gps(*LONDON))
    photo(tmp_path / "phone.jpg", (2000, 1000), gps(*LONDON), {FOCAL_35: 27})
    photo(tmp_path / "small.jpg", (200, 100), gps(*LONDON))
    photo(tmp_path / "wide.jpg", (2000, 900), gps(*LONDON))
    rows = scan(tmp_path)
    assert {name for name, row in rows.items() if row.panorama} == {"sphere.jpg", "shape.jpg"}
    assert (rows["sphere.jpg"].heading, rows["sphere.jpg"].heading_ref) == (275.5, "true")
    assert rows["sphere.jpg"].remark == ""
    assert "by its shape alone" in rows["shape.jpg"].remark
    assert "a part of a panorama" in rows["part.jpg"].remark


def test_a_place_in_xmp_alone(tmp_path):
    text = '<rdf:Description exif:GPSLatitude="33,51.525S" exif:GPSLongitude="151,12,40.5E"/>'
    photo(tmp_path / "a.jpg", xmp=text)
    row = only(tmp_path)
    assert row.position == pytest.approx((-(33 + 51.525 / 60), 151 + 12 / 60 + 40.5 / 3600))
    assert row.source_of_position == "XMP"


def test_letters_of_the_other_axis_in_xmp(tmp_path):
    text = '<rdf:Description exif:GPSLatitude="151,12,40.5E" exif:GPSLongitude="33,51.525S"/>'
    photo(tmp_path / "a.jpg", xmp=text)
    assert only(tmp_path).status == "skipped"


def test_author_licence_and_camera(tmp_path):
    main = {MAKE: "Acme\0\0", MODEL: "One", ARTIST: "Zoë", COPYRIGHT: "CC BY 4.0", ORIENTATION: 1}
    photo(tmp_path / "a.jpg", place=gps(*LONDON), main=main)
    row = only(tmp_path)
    assert (row.camera, row.licence) == ("Acme One", "CC BY 4.0")
    assert row.author.startswith("Zo")


def test_photos_of_the_test_data(test_data):
    """Arezzo: the places as exiftool prints them; the camera's day was wrong, the satellites' right."""
    rows = scan(test_data / "photos")
    assert len(rows) >= 9
    assert {row.status for row in rows.values()} == {"ok"}
    row = rows["DSCN0010.jpg"]
    assert row.position == pytest.approx((43 + 28 / 60 + 2.814 / 3600, 11 + 53 / 60 + 6.456 / 3600), abs=1e-8)
    assert row.time_utc == "2008-10-23T14:27:07Z"
    assert row.remark == "EXIF tells another time (2008-10-22 16:28:39 UTC)"
    assert row.camera == "NIKON COOLPIX P6000"
