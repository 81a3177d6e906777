"""Folders of photos: side-cars of street-level archives, tables and tracks, and what is hostile."""

from __future__ import annotations

import csv
import json
import os
import sys

import pytest
from PIL import PngImagePlugin

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.sites import Options
from soundvis_core.sites.photo_scan import scan_photos
from tests.builders import photos as odd_photos
from tests.builders.photo_headers import TAKEN, gps, photo, sphere_xmp

LONDON = (51.503333, -0.119722)


def scan(folder, **options):
    return {row.path: row for row in scan_photos(str(folder), Options(**options))}


def write_json(path, content):
    path.write_text(json.dumps(content), "utf-8")


def test_mapillary_tools(tmp_path):
    """Paths of another computer; the longest end that is a photo here decides between namesakes."""
    for part in ("100", "101"):
        photo(tmp_path / part / "IMG_1.jpg")
    photo(tmp_path / "lost.jpg")
    entries = [
        {
            "filename": f"/Volumes/card/ride/{part}/IMG_1.jpg", "filetype": "image", "md5sum": "0",
            "MAPLatitude": 51.5 + number / 100, "MAPLongitude": -0.12, "MAPCaptureTime": "2019_07_16_08_26_11_250",
            "MAPCompassHeading": {"TrueHeading": 42.5, "MagneticHeading": 41.0},
            "MAPDeviceMake": "SAMSUNG", "MAPDeviceModel": "SM-C200", "MAPOrientation": 1,
        }
        for number, part in enumerate(("100", "101"))
    ]  # fmt: skip
    entries.append({"filename": "/Volumes/card/ride/lost.jpg", "error": {"type": "MapillaryGeoTaggingError"}})
    write_json(tmp_path / "mapillary_image_description.json", entries)
    rows = scan(tmp_path)
    assert rows["100/IMG_1.jpg"].position == (51.5, -0.12)
    assert rows["101/IMG_1.jpg"].position == (51.51, -0.12)
    row = rows["101/IMG_1.jpg"]
    assert (row.heading, row.heading_ref, row.camera) == (42.5, "true", "SAMSUNG SM-C200")
    assert (row.time_utc, row.remark) == ("2019-07-16T08:26:11Z", "")
    assert row.source_of_position == "table mapillary_image_description.json"
    assert (rows["lost.jpg"].status, rows["lost.jpg"].licence) == ("skipped", "")


MAPILLARY = {
    "id": "498763468214164", "captured_at": 1563265571250, "compass_angle": 200.0, "computed_compass_angle": 199.25,
    "geometry": {"type": "Point", "coordinates": [-0.1200, 51.5000]},
    "computed_geometry": {"type": "Point", "coordinates": [-0.1201, 51.5002]},
    "is_pano": True, "creator": {"username": "ana", "id": "7"}, "make": "GoPro", "model": "GoPro Max",
}  # fmt: skip


@pytest.mark.parametrize("kind", ["answer", "side-car", "lines", "geojson"])
def test_answers_of_mapillary_kept_as_json(tmp_path, kind):
    photo(tmp_path / "498763468214164.jpg", (2048, 1024))
    if kind == "answer":
        write_json(tmp_path / "images.json", {"data": [MAPILLARY, {**MAPILLARY, "id": "5"}]})
    elif kind == "side-car":
        write_json(tmp_path / "498763468214164.json", MAPILLARY)
    elif kind == "lines":
        lines = [json.dumps({**MAPILLARY, "id": "5"}), json.dumps(MAPILLARY)]
        (tmp_path / "all.jsonl").write_text("\n".join(lines), "utf-8")
    else:
        properties = {name: value for name, value in MAPILLARY.items() if name != "geometry"}
        feature = {"type": "Feature", "geometry": MAPILLARY["geometry"], "properties": properties}
        write_json(tmp_path / "images.geojson", {"type": "FeatureCollection", "features": [feature]})
    row = scan(tmp_path)["498763468214164.jpg"]
    assert row.position == (51.5002, -0.1201)
    assert (row.heading, row.panorama, row.author) == (199.25, True, "ana")
    assert row.time_utc == "2019-07-16T08:26:11Z"
    assert row.link == "https://www.mapillary.com/app/?pKey=498763468214164"
    assert (row.licence, row.camera, row.remark) == ("CC BY-SA 4.0", "GoPro GoPro Max", "")


def test_answers_of_kartaview_kept_as_json(tmp_path):
    record = {
        "id": "2042", "sequenceId": "1282", "sequenceIndex": "7", "lat": "35.680192", "lng": "139.765267",
        "heading": "297.32", "projection": "PLANE", "shotDate": "2017-09-09 08:28:31.000", "username": "ken",
        "name": "storage6/files/photo/2017/9/9/1282_abc_7.jpg", "fileurl": "https://x.org/files/{{sizeprefix}}/1282_abc_7.jpg",
    }  # fmt: skip
    other = {
        **record,
        "id": "2043",
        "sequenceIndex": "8",
        "lat": "35.69",
        "name": "1282_abc_8.jpg",
        "fileurl": "",
    }
    for name in ("1282_abc_7.jpg", "2043.jpg", "1282/8.jpg", "1282_7.jpg"):
        photo(tmp_path / name)
    write_json(tmp_path / "photos.json", {"status": {"apiCode": 600}, "result": {"data": [record, other]}})
    rows = scan(tmp_path)
    assert {name: row.position[0] for name, row in rows.items()} == {
        "1282_abc_7.jpg": 35.680192, "2043.jpg": 35.69, "1282/8.jpg": 35.69, "1282_7.jpg": 35.680192,
    }  # fmt: skip
    row = rows["1282_abc_7.jpg"]
    assert (row.heading, row.time_utc, row.panorama) == (297.32, "2017-09-09T08:28:31Z", False)
    assert (row.link, row.author) == ("https://kartaview.org/details/1282/7", "ken")


def test_kartaview_as_a_table(tmp_path):
    photo(tmp_path / "2042.jpg", (64, 32))
    photo(tmp_path / "2043.jpg", (64, 48))
    with (tmp_path / "1282_photos.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "sequence_index", "lat", "lng", "heading", "shotDate", "projection"])
        writer.writerow([2042, 7, 35.680192, 139.765267, 297.32, "2017-09-09 08:28:31", "SPHERE"])
        writer.writerow([2043, 8, 35.680192, 139.765267, 297.32, "2017-09-09 08:28:32", "SPHERE"])
    other = scan(tmp_path)["2043.jpg"]
    assert (other.panorama, other.remark) == (
        False,
        "a table calls it a panorama, but a whole one is twice as wide as high, and this is 64 x 48",
    )
    row = scan(tmp_path)["2042.jpg"]
    assert row.position == (35.680192, 139.765267)
    assert (row.heading, row.panorama, row.time_utc) == (297.32, True, "2017-09-09T08:28:31Z")


def test_the_table_that_is_named_corrects_the_header(tmp_path):
    photo(tmp_path / "photos" / "a.jpg", place=gps(*LONDON, direction=10.0))
    table = tmp_path / "places.csv"
    table.write_text("photo;latitude;longitude;heading\na.jpg;48,8584;2,2945;361\n", "utf-8")
    row = scan(tmp_path / "photos", metadata=str(table))["a.jpg"]
    assert row.position == (48.8584, 2.2945)
    assert row.heading == 10.0
    assert "EXIF puts it" in row.remark
    assert "'361'" in row.remark
    table.write_text("latitude,longitude\n1,2\n", "utf-8")
    with pytest.raises(InputError, match="no column that names"):
        scan(tmp_path / "photos", metadata=str(table))


def test_a_track_places_photos_by_their_time(tmp_path):
    photo(tmp_path / "a.jpg", detail={TAKEN: "2024:05:14 05:30:30", 0x9011: "+02:00"})
    fixes = "".join(
        f'<trkpt lat="{lat}" lon="-0.12"><time>2024-05-14T03:{minute}:00Z</time></trkpt>'
        for lat, minute in ((51.50, 30), (51.52, 31))
    )
    (tmp_path / "walk.gpx").write_text(f'<gpx version="1.1"><trk><trkseg>{fixes}</trkseg></trk></gpx>')
    row = scan(tmp_path)["a.jpg"]
    assert row.position == pytest.approx((51.51, -0.12))
    assert row.source_of_position == "track walk.gpx"


def test_hostile_folder(tmp_path):
    photo(tmp_path / "Ünïcode ☂.JPG", place=gps(*LONDON))
    for builder in odd_photos.BAD:
        builder(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "notes.json").write_text('{"lat": "NaN", "lng": NaN', "utf-8")
    (tmp_path / "deep.json").write_text("[" * 100000, "utf-8")
    write_json(
        tmp_path / "numbers.json",
        [1, None, {"a": [{"lat": None}, {"lat": float("nan"), "lng": 1e999, "id": "tiny"}]}],
    )
    broken = photo(tmp_path / "broken.jpg", place=gps(*LONDON))
    content = broken.read_bytes()
    at = content.index(b"Exif\0\0") + 14
    broken.write_bytes(content[:at] + b"\xff" * 40 + content[at + 40 :])
    rows = scan(tmp_path)
    assert rows["Ünïcode ☂.JPG"].status == "ok"
    failed = {name: row.reason for name, row in rows.items() if row.status == "failed"}
    assert "is empty (0 bytes)" in failed["empty.jpg"]
    assert "Convert it to JPEG first" in failed["phone.heic"]
    assert "megapixels is the most" in failed["bomb.png"]
    assert "self.jpg" in failed
    assert "text.jpg" in failed
    assert not any(name.startswith("loop/") for name in rows)
    assert rows["broken.jpg"].status == "skipped"
    assert rows["tiny.png"].status == "skipped"
    assert all(row.reason for row in rows.values() if row.status != "ok")


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything"
)
def test_what_may_not_be_read(tmp_path):
    photo(tmp_path / "closed" / "a.jpg", place=gps(*LONDON))
    path = photo(tmp_path / "b.jpg", place=gps(*LONDON))
    path.chmod(0)
    (tmp_path / "closed").chmod(0)
    try:
        rows = scan(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert "permission" in rows["b.jpg"].reason
    assert "cannot be read" in rows["closed"].reason


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes are Linux's")
def test_a_name_that_is_no_unicode(tmp_path):
    good = photo(tmp_path / "a.jpg", place=gps(*LONDON))
    os.rename(os.fsencode(good), os.fsencode(tmp_path) + b"/\xff\xfe.jpg")
    (row,) = scan(tmp_path).values()
    assert (row.status, "not valid Unicode" in row.reason) == ("failed", True)


def test_pixels_are_never_decoded(tmp_path, monkeypatch):
    """A PNG keeps EXIF where it likes; looking for it would decode the picture."""
    photo(tmp_path / "a.png", place=gps(*LONDON))
    photo(tmp_path / "b.png")
    photo(tmp_path / "c.jpg", place=gps(*LONDON), xmp=sphere_xmp(64, 32))

    def never(*_):
        raise RuntimeError("pixels were read")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", never)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    assert [row.status for row in scan(tmp_path).values()] == ["ok", "skipped", "ok"]


def test_progress_and_cancel(tmp_path):
    for number in range(20):
        photo(tmp_path / f"{number:02}.jpg", (16, 16))

    class Stops(NoProgress):
        def __init__(self):
            self.shares = []

        def report(self, fraction):
            self.shares.append(fraction)

        def cancelled(self):
            return bool(self.shares) and self.shares[-1] > 0.5

    progress = Stops()
    with pytest.raises(Cancelled):
        list(scan_photos(str(tmp_path), Options(), progress))
    assert progress.shares == sorted(progress.shares)
    assert 0.5 < progress.shares[-1] < 0.7
