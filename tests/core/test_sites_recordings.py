"""A folder of recordings: what is taken of several sources, what is remarked, and that nothing is lost."""

from __future__ import annotations

import datetime as dt
import os
from collections import deque
from itertools import islice
from pathlib import Path

import pytest

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.sites import Options, RecorderClock, folder_scan, scan_recordings, time_zone
from soundvis_core.sites.folders import Found
from tests.builders import recorder_files as files


class Log(NoProgress):
    """Keeps what is said; cancels at a share of the work."""

    def __init__(self, cancel_at=2.0):
        self.fractions = []
        self.warnings = []
        self._cancel_at = cancel_at

    def report(self, fraction):
        self.fractions.append(fraction)

    def warn(self, text):
        self.warnings.append(text)

    def cancelled(self):
        return bool(self.fractions) and self.fractions[-1] >= self._cancel_at


def scan(folder, progress=None, **options):
    found = list(scan_recordings(str(folder), Options(**options), progress or Log()))
    return {recording.path: recording for recording in found}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return str(path)


def test_everything_that_is_told(tmp_path):
    files.wav(tmp_path / "süd" / "S4A02641_20250220_170000.wav", files.song_meter(), seconds=2.0, channels=2)
    recording = scan(tmp_path)["süd/S4A02641_20250220_170000.wav"]
    assert recording.name == "S4A02641_20250220_170000.wav"
    assert recording.position == pytest.approx((42.43068, -71.45617))
    assert (recording.time_utc, recording.time_local) == ("2025-02-20T22:00:00Z", "2025-02-20T17:00:00-05:00")
    assert (recording.seconds, recording.rate, recording.channels) == (2.0, 8000, 2)
    assert recording.recorder == "SM4 S4A02641"
    assert recording.source_of_position == recording.source_of_time == "Song Meter header"
    assert (recording.status, recording.reason, recording.remark) == ("ok", "", "")


def test_order_of_the_sources(tmp_path):
    """Each source in turn is taken away, and the next one counts."""
    folder = tmp_path / "in"
    name = "REC_20240514_053000_-10.1000+100.1000"
    text = "Loc Position:-20 120\nOAD|Loc Source:GPS\n"
    wav = files.wav(folder / "a" / f"{name}.wav", files.guano(text))
    named = write(tmp_path / "named.csv", f"file,lat,lon\n{name}.wav,1,1\n")
    beside = write(folder / "a" / f"{name}.csv", "lat,lon\n2,2\n")
    near = write(folder / "a" / "near.csv", f"file,lat,lon\n{name}.wav,3,3\n")
    far = write(folder / "far.csv", f"file,lat,lon\na/{name}.wav,4,4\n")
    track = files.gpx(folder / "a.gpx", [("2024-05-14T05:29:00Z", 5, 5), ("2024-05-14T05:31:00Z", 5, 5)])
    key = f"a/{name}.wav"
    expected = [
        ("table named.csv", (1, 1)),
        (f"side-car {name}.csv", (2, 2)),
        ("table a/near.csv", (3, 3)),
        ("table far.csv", (4, 4)),
        ("GUANO header", (-20, 120)),
        ("file name", (-10.1, 100.1)),
    ]
    before = {2: beside, 3: near, 4: far}
    for index, (source, place) in enumerate(expected):
        if index in before:
            os.remove(before[index])
        if source == "file name":
            files.wav(wav)
        recording = scan(folder, metadata=named if index == 0 else "")[key]
        assert (recording.source_of_position, recording.position) == (source, pytest.approx(place))
        assert recording.remark.count(" puts it ") == 6 - index
    wav.rename(wav.with_name("REC_20240514_053000.wav"))
    recording = scan(folder)["a/REC_20240514_053000.wav"]
    assert (recording.source_of_position, recording.position) == ("track a.gpx", (5, 5))
    os.remove(track)
    assert scan(folder)["a/REC_20240514_053000.wav"].status == "skipped"


def test_configured_place_comes_last(tmp_path):
    text = "Timestamp:2024-05-14T05:30:00Z\nLoc Position:52.52 13.40\nOAD|Loc Source:Configuration app\n"
    files.wav(tmp_path / "a.WAV", files.guano(text))
    recording = scan(tmp_path)["a.WAV"]
    assert recording.source_of_position == "GUANO header (configured place)"
    assert "to about 1 km" in recording.remark
    track = files.gpx(
        tmp_path / "t.gpx", [("2024-05-14T05:29:00Z", 52.6, 13.4), ("2024-05-14T05:31:00Z", 52.6, 13.4)]
    )
    recording = scan(tmp_path, track=str(track))["a.WAV"]
    assert (recording.source_of_position, recording.position) == ("track t.gpx", (52.6, 13.4))
    assert "GUANO header (configured place) puts it 8.9 km away (52.52000, 13.40000)" in recording.remark


def test_two_places_near_each_other_are_one(tmp_path):
    files.wav(tmp_path / "a_52.5260+13.4000.wav", files.guano("Loc Position:52.52 13.40"))
    assert scan(tmp_path)["a_52.5260+13.4000.wav"].remark == ""


@pytest.mark.parametrize(
    ("zone", "fast", "utc", "local"),
    [
        ("UTC", 0.0, "2024-07-01T12:00:00Z", "2024-07-01T12:00:00Z"),
        ("UTC+5:30", 0.0, "2024-07-01T06:30:00Z", "2024-07-01T12:00:00+05:30"),
        ("Europe/London", 90.0, "2024-07-01T10:58:30Z", "2024-07-01T11:58:30+01:00"),
        ("Europe/London", -90.0, "2024-07-01T11:01:30Z", "2024-07-01T12:01:30+01:00"),
    ],
)
def test_zone_and_clock(tmp_path, zone, fast, utc, local):
    files.wav(tmp_path / "S4A00001_20240701_120000.wav")
    files.wav(tmp_path / "20240701_120000.WAV")
    found = scan(tmp_path, clock=RecorderClock(time_zone(zone), fast))
    song_meter = found["S4A00001_20240701_120000.wav"]
    assert (song_meter.time_utc, song_meter.time_local) == (utc, local)
    moth = found["20240701_120000.WAV"]
    true = dt.datetime(2024, 7, 1, 12, tzinfo=dt.timezone.utc) - dt.timedelta(seconds=fast)
    assert moth.time_utc == f"{true:%Y-%m-%dT%H:%M:%SZ}"


def test_track_is_asked_for_the_corrected_time(tmp_path):
    files.wav(tmp_path / "S4A00001_20240701_130230.wav")
    files.gpx(
        tmp_path / "t.gpx", [("2024-07-01T12:00:00Z", 52.0, 13.0), ("2024-07-01T12:02:00Z", 53.0, 13.0)]
    )
    clock = RecorderClock(time_zone("Europe/London"), fast=90.0)
    recording = scan(tmp_path, clock=clock)["S4A00001_20240701_130230.wav"]
    assert recording.position == pytest.approx((52.5, 13.0))


def test_times_that_contradict_each_other(tmp_path):
    """The name and the header of a Song Meter whose zone was changed; an AudioMoth that names files by local time."""
    files.wav(tmp_path / "S4A02641_20250220_180000.wav", files.song_meter())
    files.wav(tmp_path / "20240514_073000.WAV", files.audiomoth("UTC+2", "07:30:00 14/05/2024"))
    found = scan(tmp_path)
    assert (
        "file name tells another time (2025-02-20 18:00:00 UTC)"
        in found["S4A02641_20250220_180000.wav"].remark
    )
    assert found["20240514_073000.WAV"].time_utc == "2024-05-14T05:30:00Z"
    assert found["20240514_073000.WAV"].remark == ""


def test_the_same_clock_in_two_zones(tmp_path):
    """Two headers with the same digits, each with a zone of its own, are 7 hours apart."""
    guano = files.guano("Timestamp:2024-05-14T05:30:00+02:00\n")
    files.wav(tmp_path / "a.wav", guano, files.audiomoth("UTC-5"))
    assert scan(tmp_path)["a.wav"].time_utc == "2024-05-14T03:30:00Z"
    assert scan(tmp_path)["a.wav"].remark == "AudioMoth header tells another time (2024-05-14 10:30:00 UTC)"


def test_clock_that_was_never_set(tmp_path):
    files.wav(
        tmp_path / "a.WAV", files.audiomoth(time="00:00:12 01/01/1970"), files.guano("Loc Position:52.5 13.4")
    )
    files.wav(tmp_path / "19700101_000012.WAV")
    found = scan(tmp_path)
    assert (found["a.WAV"].status, found["a.WAV"].time_utc, found["a.WAV"].source_of_time) == ("ok", "", "")
    assert "clock was not set (1970-01-01" in found["a.WAV"].remark
    assert found["19700101_000012.WAV"].status == "skipped"


@pytest.mark.parametrize("zone", ["UTC-5", "UTC", "UTC+5"])
def test_a_time_at_the_edge_of_the_calendar_ends_no_scan(tmp_path, zone):
    """0001-01-01 is what .NET writes for no time."""
    files.wav(tmp_path / "a.wav")
    write(tmp_path / "t.csv", "file,lat,lon,datetime\na.wav,52.5,13.4,0001-01-01T00:00:00Z\n")
    recording = scan(tmp_path, clock=RecorderClock(time_zone(zone)))["a.wav"]
    assert (recording.position, recording.time_local) == ((52.5, 13.4), "")
    assert recording.remark == "table t.csv: 1 is no year of any recorder"


def test_half_a_character_in_a_name(tmp_path, monkeypatch):
    """Windows takes such names, and no encoding does."""
    monkeypatch.setattr(folder_scan, "find_files", lambda *_: Found(files=["a\ud800.wav"]))
    (row,) = scan_recordings(str(tmp_path))
    assert (row.path, row.status) == ("a\ufffd.wav", "failed") and "not valid Unicode" in row.reason


def test_date_alone(tmp_path):
    files.wav(tmp_path / "a.wav")
    write(tmp_path / "t.csv", "file,lat,lon,date\na.wav,52.5,13.4,2017-01-04\n")
    recording = scan(tmp_path)["a.wav"]
    assert (recording.time_utc, recording.time_local) == ("", "2017-01-04")
    assert recording.source_of_time == "table t.csv (date only)"


def test_licences_are_kept(tmp_path):
    files.wav(tmp_path / "a.wav", files.info(ICOP="in the file", IART="In The File"))
    write(tmp_path / "t.csv", "file,licence,link\na.wav,CC BY 4.0,https://example.org/a\n")
    recording = scan(tmp_path)["a.wav"]
    assert (recording.licence, recording.author, recording.link) == (
        "CC BY 4.0",
        "In The File",
        "https://example.org/a",
    )


def test_files_without_a_place_tell_why(tmp_path):
    files.wav(tmp_path / "1" / "none.wav")
    files.wav(tmp_path / "2" / "swapped.wav", files.guano("Loc Position:139.7 35.6"))
    files.wav(tmp_path / "3" / "REC_20240514_053000.wav")
    files.gpx(tmp_path / "3" / "t.gpx", [("2024-05-14T06:00:00Z", 5, 5)])
    files.wav(tmp_path / "3" / "timeless.wav")
    (tmp_path / "4.wav").write_bytes(b"")
    found = scan(tmp_path)
    reasons = {Path(path).name: (recording.status, recording.reason) for path, recording in found.items()}
    assert reasons["none.wav"][0] == "skipped"
    assert "no table, side-car or track does" in reasons["none.wav"][1]
    assert "swapped?" in reasons["swapped.wav"][1]
    assert "track 3/t.gpx: the track begins 30 min later" in reasons["REC_20240514_053000.wav"][1]
    assert "without its time, no track can tell" in reasons["timeless.wav"][1]
    assert reasons["4.wav"] == ("failed", "the file is empty (0 bytes)")


def test_damaged_files_keep_what_tables_tell(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    write(tmp_path / "t.csv", "file,lat,lon,licence\na.wav,52.5,13.4,CC0\n")
    recording = scan(tmp_path)["a.wav"]
    assert (recording.status, recording.licence) == ("failed", "CC0")
    assert recording.position == (52.5, 13.4)


def test_headers_that_tell_nonsense(tmp_path):
    """4 thousand million Hz, as a damaged header may have it, is no number for a field."""
    path = files.wav(tmp_path / "a_52.5260+13.4000.wav")
    content = bytearray(path.read_bytes())
    content[24:28] = b"\xff\xff\xff\xfe"
    path.write_bytes(bytes(content))
    recording = scan(tmp_path)["a_52.5260+13.4000.wav"]
    assert (recording.status, recording.rate, recording.seconds) == ("ok", None, None)
    assert recording.remark == "the header tells 4278190079 Hz, which cannot be"


def test_links_and_loops(tmp_path):
    files.wav(tmp_path / "in" / "a" / "x.wav")
    files.wav(tmp_path / "elsewhere" / "y.wav")
    (tmp_path / "in" / "a" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in" / "self")
    (tmp_path / "in" / "there").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "gone.wav").symlink_to(tmp_path / "nothing.wav")
    found = scan(tmp_path / "in")
    assert sorted(found) == ["a/x.wav", "gone.wav", "there/y.wav"]
    assert found["gone.wav"].status == "failed"


def test_a_link_to_where_the_folder_lies_is_left(tmp_path):
    """It would lead to all that lies beside the folder, to the whole disk at last."""
    files.wav(tmp_path / "study" / "in" / "x.wav")
    files.wav(tmp_path / "study" / "beside" / "y.wav")
    (tmp_path / "study" / "in" / "up").symlink_to(tmp_path / "study")
    (tmp_path / "study" / "in" / "top").symlink_to("/")
    assert sorted(scan(tmp_path / "study" / "in")) == ["x.wav"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are Unix's")
def test_pipes_are_not_waited_for(tmp_path):
    files.wav(tmp_path / "a.wav")
    for name in ("b.wav", "c.csv", "d.gpx"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "e.wav").symlink_to(tmp_path / "b.wav")
    found = scan(tmp_path)
    reasons = {name: row.reason for name, row in found.items() if row.status == "failed"}
    assert reasons == dict.fromkeys(("b.wav", "e.wav"), "it is a pipe or a device, not a file")
    assert found["a.wav"].status == "skipped"


def test_folders_that_cannot_be_read(tmp_path, monkeypatch):
    files.wav(tmp_path / "a" / "x.wav")
    files.wav(tmp_path / "b" / "y.wav")
    original = os.scandir

    def scandir(path):
        if str(path).endswith("a"):
            raise PermissionError(13, "Permission denied", path)
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = scan(tmp_path)
    assert (found["a"].status, found["a"].reason) == (
        "failed",
        "the folder cannot be read: Permission denied",
    )
    assert found["b/y.wav"].status == "skipped"


def test_hidden_files_and_the_computers_own_are_left(tmp_path):
    for name in ("._a.wav", ".Trash/b.wav", "$RECYCLE.BIN/c.wav", "d.txt"):
        files.wav(tmp_path / name)
    assert scan(tmp_path) == {}


@pytest.mark.skipif(os.name == "nt", reason="names there are Unicode")
def test_names_that_are_no_unicode(tmp_path):
    files.wav(tmp_path / "a.wav").rename(os.fsdecode(os.fsencode(tmp_path) + b"/h\xf6hle.wav"))
    (recording,) = scan(tmp_path).values()
    assert (recording.path, recording.status) == ("h\ufffdhle.wav", "failed")


def test_tables_of_others_are_left(tmp_path):
    """Results of classifiers, broken files, and earlier outputs of this very tool."""
    files.wav(tmp_path / "a.wav")
    write(tmp_path / "birds.csv", "Start (s),End (s),Scientific name\n0,3,Turdus merula\n")
    write(
        tmp_path / "sites.csv",
        "path,time_utc,source_of_position,source_of_time\na.wav,2020-01-01T00:00:00Z,x,y\n",
    )
    write(tmp_path / "empty.csv", "")
    write(tmp_path / "broken.csv", "file,lat,lon\n")
    write(tmp_path / "route.gpx", "<gpx/>")
    files.wav(tmp_path / "REC_20240514_053000.wav")
    log = Log()
    assert scan(tmp_path, log)["a.wav"].time_utc == ""
    assert [text.partition(" has ")[0] for text in log.warnings] == [
        "The table broken.csv",
        "The track route.gpx",
    ]


def test_named_files_that_cannot_be_used(tmp_path):
    files.wav(tmp_path / "a.wav")
    table = write(tmp_path / "t.csv", "site,x_m,y_m\n1,2,3\n")
    with pytest.raises(InputError, match=r"The table t\.csv has no column that names recordings"):
        scan(tmp_path, metadata=table)
    with pytest.raises(InputError, match=r"The track t\.csv is not a GPX file"):
        scan(tmp_path, track=table)


def test_progress_and_cancel(tmp_path):
    for number in range(40):
        files.wav(tmp_path / f"{number:02d}.wav", seconds=0.01)
    log = Log()
    assert len(scan(tmp_path, log)) == 40
    assert log.fractions == sorted(log.fractions)
    assert log.fractions[-1] == pytest.approx(1.0)
    found = scan_recordings(str(tmp_path), Options(), Log(cancel_at=0.5))
    for _ in range(15):
        next(found)
    with pytest.raises(Cancelled):
        deque(islice(found, 10), maxlen=0)
