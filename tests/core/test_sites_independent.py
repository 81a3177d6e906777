"""Headers by writers that know nothing of us, read back: the package guano, and exiftool and ffmpeg of the system.

What is not there is skipped: `make setup` installs the programs where it may.
"""

from __future__ import annotations

import datetime as dt
import runpy
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from PIL import Image

from soundvis_core.images import load_photo
from soundvis_core.sites.headers import read_header
from soundvis_core.sites.photo_scan import scan_photos
from tests.builders import recorder_files as files

UTC = dt.timezone.utc
SYDNEY = (-(33 + 51 / 60 + 31.5 / 3600), 151 + 12 / 60 + 40.5 / 3600)


def program(name):
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


def call(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=60)


def claims(path):
    return read_header(str(path)).claims


def places(path):
    return [tuple(claim.position) for claim in claims(path).positions]


def moments(path):
    return [claim.told.moment for claim in claims(path).times]


# The package guano, the reference implementation of the format.


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (dt.datetime(2024, 5, 14, 5, 30, tzinfo=UTC), dt.datetime(2024, 5, 14, 5, 30, tzinfo=UTC)),
        ("2024-05-14T05:30:00.250-03:30", dt.datetime(2024, 5, 14, 9, 0, 0, 250_000, UTC)),
        (dt.datetime(2024, 5, 14, 5, 30), dt.datetime(2024, 5, 14, 5, 30)),  # noqa: DTZ001 - local
    ],
)
def test_guano_by_its_package(tmp_path, moment, told):
    package = pytest.importorskip("guano")
    path = files.wav(tmp_path / "a.wav", rate=250000, seconds=0.1)
    written = package.GuanoFile(str(path))
    written["Loc Position"] = (-18.2656, 144.5564)
    written["Timestamp"] = package.parse_timestamp(moment) if isinstance(moment, str) else moment
    written["Make"], written["Model"], written["Serial"] = "Titley", "Chorus", "C-1"
    written["Note"] = "Höhle\nNord: 1 2"
    written["OAD|Loc Source"] = "GPS"
    written.write(make_backup=False)
    assert places(path) == [(-18.2656, 144.5564)]
    assert moments(path) == [told]
    assert claims(path).recorder == "Titley Chorus C-1"
    header = read_header(str(path))
    assert (header.rate, header.channels, header.seconds) == (250000, 1, 0.1)


def wamd_of_the_package():
    """The reader of Song Meters' headers that the package guano brings; it has no writer, nor has anyone else."""
    pytest.importorskip("guano")
    reader = Path(sysconfig.get_path("scripts"), "wamd2guano.py")
    if not reader.is_file():
        pytest.skip("the package guano came without its programs")
    return runpy.run_path(str(reader), run_name="reader")["wamd"]


@pytest.mark.parametrize(
    "gps",
    [
        "WGS84,42.43068,N,71.45617,W,60",
        "WGS84,27.38943,S,152.87787,E",
        "WGS84, -33.5, 70.25, 12",
        "WGS84,1.5,-2.5",
    ],
)
@pytest.mark.parametrize(
    "time", ["2014-04-02 22:59:14-05:00", "2014-04-02 22:59:14.125", "2014-04-02 22:59:14", "2014-04-02 22:59:14+05:45"]
)  # fmt: skip
def test_our_wamd_is_read_alike_by_the_package_guano(tmp_path, gps, time):
    """Voice notes, unknown kinds and padding lie between the entries: what is passed over must be the same."""
    reference = wamd_of_the_package()
    chunk = files.wamd(
        (0, b"\1\0"), (1, b"SM4BAT"), (2, b"S4U01234"), (0xFFFF, b"\0" * 5), (3, b"2.3.4"), (0x0D, b"RIFF\0\0"),
        (5, time.encode()), (0x10, b"\xff\xfe\6\0\3"), (6, gps.encode()), (0x0A, "Höhle".encode()), (0x0F, b"\1\0"),
    )  # fmt: skip
    path = files.wav(tmp_path / "a.wav", files.chunk(b"junk", b"123"), chunk)
    theirs = reference(str(path))
    assert places(path) == [theirs["gpsfirst"][:2]]
    (moment,) = moments(path)
    assert moment == theirs["timestamp"]
    assert moment.utcoffset() == theirs["timestamp"].utcoffset()
    assert claims(path).recorder == f"{theirs['model']} {theirs['serial']}"


# ffmpeg


def by_ffmpeg(path, *options, **metadata):
    """Three seconds; of sound in AAC where they are no WAV."""
    options = options if path.suffix == ".wav" else (*options, "-c:a", "aac")
    tags = [word for name, value in metadata.items() for word in ("-metadata", f"{name}={value}")]
    source = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=3")
    call("ffmpeg", "-v", "error", "-nostdin", *source, "-ac", "1", *tags, *options, path)
    return path


@program("ffmpeg")
@pytest.mark.parametrize(
    ("ending", "box"), [("m4a", b"loci"), ("mp4", b"loci"), ("3gp", b"loci"), ("mov", b"\xa9xyz")]
)
def test_phones_by_ffmpeg(tmp_path, ending, box):
    path = by_ffmpeg(
        tmp_path / f"ä.{ending}", location="-33.5000+070.2500/", creation_time="2024-05-14T05:30:00Z"
    )
    assert box in path.read_bytes()
    assert places(path) == [pytest.approx((-33.5, 70.25), abs=1e-4)]
    assert moments(path) == [dt.datetime(2024, 5, 14, 5, 30, tzinfo=UTC)]
    header = read_header(str(path))
    assert (header.rate, header.channels, header.seconds) == (44100, 1, pytest.approx(3.0, abs=0.06))


@program("ffmpeg")
@pytest.mark.parametrize("options", [(), ("-rf64", "always")], ids=["RIFF", "RF64"])
def test_broadcast_wav_by_ffmpeg(tmp_path, options):
    tags = {"originator": "Zoom F3", "origination_date": "2024-05-14", "origination_time": "05:30:00"}
    path = by_ffmpeg(
        tmp_path / "a.wav", "-write_bext", "1", *options, **tags, artist="Ä. Ström", copyright="CC0"
    )
    header = read_header(str(path))
    assert moments(path) == [dt.datetime(2024, 5, 14, 5, 30)]  # noqa: DTZ001 - local
    assert (header.claims.recorder, header.claims.author, header.claims.licence) == (
        "Zoom F3",
        "Ä. Ström",
        "CC0",
    )
    assert (header.seconds, header.rate, header.remark) == (3.0, 44100, "")


# exiftool


@program("exiftool")
@program("ffmpeg")
@pytest.mark.parametrize(
    ("group", "box"), [("UserData", b"\xa9xyz"), ("Keys", b"location.ISO6709"), ("ItemList", b"\xa9xyz")]
)
def test_phones_by_exiftool(tmp_path, group, box):
    """The three places where phones and programs put a place."""
    path = by_ffmpeg(tmp_path / "a.m4a")
    call(
        "exiftool", "-q", "-overwrite_original", f"-{group}:GPSCoordinates=-33.85875, 151.21125, 34",
        "-Keys:CreationDate=2024:05:14 07:30:00+02:00", "-ItemList:Artist=Ä. Ström", path,
    )  # fmt: skip
    assert box in path.read_bytes()
    assert places(path) == [pytest.approx(SYDNEY, abs=1e-6)]
    assert dt.datetime(2024, 5, 14, 5, 30, tzinfo=UTC) in moments(path)
    assert claims(path).author == "Ä. Ström"


def tagged(path, *tags):
    Image.new("RGB", (80, 60), (90, 120, 150)).save(path)
    call("exiftool", "-q", "-overwrite_original", *tags, path)
    (row,) = scan_photos(str(path.parent))
    return row


@program("exiftool")
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_photos_by_exiftool(tmp_path, ending):
    """Place, direction, turn, camera, and a local time whose zone the satellites tell."""
    row = tagged(
        tmp_path / f"ñ.{ending}", "-GPSLatitude=33.85875", "-GPSLatitudeRef=S", "-GPSLongitude=151.21125",
        "-GPSLongitudeRef=E", "-GPSImgDirection=360", "-GPSImgDirectionRef=T", "-GPSHPositioningError=4.5",
        "-GPSDateStamp=2024:05:14", "-GPSTimeStamp=19:30:05", "-DateTimeOriginal=2024:05:15 05:30:07",
        "-Orientation#=6", "-Make=Acme", "-Model=Acme One", "-Artist=Zoe", "-Copyright=CC BY 4.0",
    )  # fmt: skip
    assert row.position == pytest.approx(SYDNEY, abs=1e-7)
    assert (row.heading, row.heading_ref, row.rotation, row.accuracy) == (0.0, "true", 90, 4.5)
    assert (row.width, row.height) == (60, 80)
    assert (row.time_utc, row.time_local) == ("2024-05-14T19:30:07Z", "2024-05-15T05:30:07+10:00")
    assert (row.camera, row.author, row.licence) == ("Acme One", "Zoe", "CC BY 4.0")


@program("exiftool")
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_tiff_by_exiftool(tmp_path, turn):
    """Upright as the same PNG is: Pillow turns TIFFs as it loads them, and no others."""
    red = Image.new("RGB", (80, 60))
    red.paste((255, 0, 0), (0, 0, 40, 30))
    pictures = []
    for ending in ("png", "tif"):
        path = tmp_path / f"a.{ending}"
        red.save(path)
        call("exiftool", "-q", "-overwrite_original", f"-Orientation#={turn}", path)
        pictures.append(load_photo(path))
    assert pictures[0].shape == ((60, 80, 3) if turn < 5 else (80, 60, 3))
    assert (pictures[0] == pictures[1]).all()
    assert {(row.height, row.width) for row in scan_photos(str(tmp_path))} == {pictures[0].shape[:2]}


@program("exiftool")
def test_offsets_and_tenths_of_a_second_by_exiftool(tmp_path):
    row = tagged(
        tmp_path / "a.jpg", "-GPSLatitude=48.8584", "-GPSLatitudeRef=N", "-GPSLongitude=2.2945", "-GPSLongitudeRef=E",
        "-DateTimeOriginal=2024:05:14 05:30:00", "-OffsetTimeOriginal=+05:45", "-GPSImgDirection=271.5",
        "-GPSImgDirectionRef=M",
    )  # fmt: skip
    assert row.position == pytest.approx((48.8584, 2.2945), abs=1e-7)
    assert (row.time_utc, row.heading, row.heading_ref) == ("2024-05-13T23:45:00Z", 271.5, "magnetic")


@program("exiftool")
def test_xmp_by_exiftool(tmp_path):
    """Programs that sort pictures write places into XMP alone; panoramas tell themselves there."""
    row = tagged(
        tmp_path / "a.jpg", "-XMP:GPSLatitude=-33.85875", "-XMP:GPSLongitude=151.21125",
        "-XMP-GPano:ProjectionType=equirectangular", "-XMP-GPano:FullPanoWidthPixels=80",
        "-XMP-GPano:FullPanoHeightPixels=40", "-XMP-GPano:CroppedAreaImageWidthPixels=80",
        "-XMP-GPano:CroppedAreaImageHeightPixels=40", "-XMP-GPano:PoseHeadingDegrees=275.5",
    )  # fmt: skip
    assert row.position == pytest.approx(SYDNEY, abs=1e-6)
    assert (row.source_of_position, row.panorama, row.heading) == ("XMP", True, 275.5)
