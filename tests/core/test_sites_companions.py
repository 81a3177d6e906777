"""What the log says of tables and tracks that are about no file, and of columns that are not what they are called."""

from __future__ import annotations

import datetime as dt

import pytest

from soundvis_core.errors import InputError
from soundvis_core.progress import NoProgress
from soundvis_core.sites import Options, folder_scan, scan_recordings
from soundvis_core.sites.folders import Found
from soundvis_core.sites.metadata_tables import read_table
from soundvis_core.sites.photo_scan import scan_photos
from soundvis_core.sites.row_finder import Names, RowFinder
from soundvis_core.sites.table_columns import recognise
from tests.builders import recorder_files as files
from tests.builders.photo_headers import gps, photo


class Log(NoProgress):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []
        self.warnings = []

    def info(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)


def scan(folder, scan_files=scan_recordings, **options):
    log = Log()
    return {row.path: row for row in scan_files(str(folder), Options(**options), log)}, log


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return str(path)


def test_rows_about_no_file_are_counted_and_named(tmp_path):
    files.wav(tmp_path / "in" / "a.wav")
    rows = "".join(f"gone{number:02}.wav,52.5,13.4\n" for number in range(12))
    table = write(tmp_path / "meta.csv", f"file,lat,lon\na.wav,52.5,13.4\n{rows}")
    found, log = scan(tmp_path / "in", metadata=table)
    assert found["a.wav"].position == (52.5, 13.4)
    assert "\n".join(log.warnings) == (
        "12 rows of the table meta.csv are about no recording in the folder: gone00.wav, gone01.wav, gone02.wav and "
        "9 more."
    )
    write(tmp_path / "meta.csv", "file,lat,lon\na.wav,52.5,13.4\nb.wav,1,2\n")
    _, log = scan(tmp_path / "in", metadata=table)
    assert log.warnings == ["1 row of the table meta.csv is about no recording in the folder: b.wav."]


def test_tables_of_the_folder_tell_it_without_a_warning(tmp_path):
    """An archive's list beside a part of its files is usual."""
    photo(tmp_path / "a.jpg")
    write(tmp_path / "list.csv", "photo,lat,lon\na.jpg,52.5,13.4\nb.jpg,1,2\n")
    _, log = scan(tmp_path, scan_photos)
    assert log.warnings == []
    assert log.lines == ["1 row of the table list.csv is about no photo in the folder: b.jpg."]


def test_a_table_of_which_no_row_matches(tmp_path):
    files.wav(tmp_path / "in" / "20240514_053000.WAV")
    table = write(tmp_path / "meta.csv", "Name,lat,lon\nDawn in the park,52.5,13.4\nNoon,52.6,13.5\n")
    found, log = scan(tmp_path / "in", metadata=table)
    assert found["20240514_053000.WAV"].status == "skipped"
    assert "\n".join(log.warnings) == (
        "No row of the table meta.csv is about a recording in its folder. Files are looked for by 'Name' (which has "
        "Dawn in the park, Noon), and are called as 20240514_053000.WAV. Call the column that names them 'file', and "
        "check that it is the table of this folder."
    )


def test_rows_without_a_name_are_counted(tmp_path):
    files.wav(tmp_path / "in" / "a.wav")
    table = write(tmp_path / "meta.csv", "file,lat,lon\na.wav,52.5,13.4\n,1,2\n")
    words = "1 row of the table meta.csv is about no recording in the folder: 1 without a name."
    assert scan(tmp_path / "in", metadata=table)[1].warnings == [words]
    table = write(tmp_path / "meta.csv", "file,lat,lon\na.wav,52.5,13.4\n,1,2\nb.wav,1,2\n,3,4\n")
    words = "3 rows of the table meta.csv are about no recording in the folder: b.wav and 2 without a name."
    assert scan(tmp_path / "in", metadata=table)[1].warnings == [words]


def test_tables_that_are_left_are_told_by_their_columns(tmp_path):
    files.wav(tmp_path / "row" / "a.wav")
    write(tmp_path / "row" / "m.csv", "Datei;Breite;Laenge\na.wav;52,5;13,4\n")
    for name in ("a", "b", "c"):
        write(tmp_path / "row" / f"{name}.results.csv", "Start (s),End (s),file\n0,3,a.wav\n")
    write(tmp_path / "row" / "empty.csv", "")
    _, log = scan(tmp_path)
    assert log.lines == [
        (
            "The table row/a.results.csv was left: none tells a place, a time, a licence, an author or a link among "
            "its columns Start (s), End (s), file. So are 2 more with such columns."
        ),
        "The table row/empty.csv was left: it has no line with the names of its columns.",
        (
            "The table row/m.csv was left: none names recordings ('file', 'folder' or 'id') among its columns Datei, "
            "Breite, Laenge."
        ),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nfile;lat;lon\na.wav;52,5;13,4\n",
        '"sep=;"\r\nfile;lat;lon\r\na.wav;52,5;13,4\r\n',
        "# walk of May, one, two, three\n#\n\nfile,lat,lon\na.wav,52.5,13.4\n",
        "# notes\n#file,lat,lon\na.wav,52.5,13.4\n",
        "#\n" * 20_000 + "file,lat,lon\na.wav,52.5,13.4\n",
        ";;\nfile;lat;lon\na.wav;52.5;13.4\n",
        "file,Lat.,Longitude (E)\na.wav,52.5,13.4\n",
        "file,Latitude [°],Longitude (decimal degrees)\na.wav,52.5,13.4\n",
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_lines_before_the_header(tmp_path, text, named):
    files.wav(tmp_path / "in" / "a.wav")
    table = write((tmp_path if named else tmp_path / "in") / "t.csv", text)
    found, log = scan(tmp_path / "in", metadata=table if named else "")
    assert (found["a.wav"].position, log.lines, log.warnings) == ((52.5, 13.4), [], [])


def test_units_that_change_a_value_are_not_taken_off():
    assert recognise(["file", "lat (S)", "lon (W)"]).useful is False
    assert recognise(["file", "Start (s)"]).useful is False
    assert "utc" in recognise(["file", "Time (UTC)"]).by_meaning


def test_why_a_row_gives_no_place(tmp_path):
    for name in ("a", "b", "c", "d", "e"):
        files.wav(tmp_path / f"{name}.wav")
    rows = (
        "a.wav,52.5,,2009-05-04 06:30",
        "b.wav,NaN,13.4,",
        "c.wav,,,",
        "d.wav,52.5,13.4,",
        "e.wav,,,14 May",
    )
    write(tmp_path / "m.csv", "\n".join(["file,lat,lon,datetime", *rows]))
    found, _ = scan(tmp_path)
    assert found["a.wav"].reason == "no position: table m.csv has no longitude in the row of this file"
    assert found["b.wav"].reason == "no position: table m.csv has no latitude in the row of this file"
    assert (
        found["c.wav"].reason
        == "no position: table m.csv has no latitude and longitude in the row of this file"
    )
    assert found["d.wav"].status == "ok"
    # What is wrong with a time is no reason for a missing place.
    assert found["e.wav"].reason == found["c.wav"].reason
    assert found["e.wav"].remark.startswith("table m.csv: '14 May' is not a time")
    assert "time" not in found["a.wav"].remark


def test_what_a_row_leaves_empty_is_no_remark_where_the_header_tells_it(tmp_path):
    files.wav(tmp_path / "a.wav", files.guano("Loc Position:52.5 13.4"))
    write(tmp_path / "m.csv", "file,lat,lon,author\na.wav,,,ana\n")
    row = scan(tmp_path)[0]["a.wav"]
    assert (row.status, row.position, row.remark) == ("ok", (52.5, 13.4), "")


def test_side_cars_that_tell_nothing_are_named(tmp_path):
    for name in ("a", "b"):
        files.wav(tmp_path / f"{name}.wav")
    write(tmp_path / "a.csv", "Breite;Laenge\n52,5;13,4\n")
    write(tmp_path / "b.csv", "lat,lon\n")
    found, _ = scan(tmp_path)
    assert (
        found["a.wav"].reason
        == "no position: the side-car a.csv has no column that is known (Breite, Laenge)"
    )
    assert found["b.wav"].reason == "no position: the side-car b.csv has no rows below its header"


@pytest.mark.parametrize("own", ["am", "AM", "walk/am", "am/"])
def test_a_table_may_call_the_folder_that_it_lies_in(tmp_path, own):
    for name in ("am/a.wav", "am/deep/b.wav", "pm/a.wav"):
        files.wav(tmp_path / "walk" / name)
    table = write(tmp_path / "walk" / "am" / "t.csv", f"folder,lat,lon\n{own},52.5,13.4\n")
    found, log = scan(tmp_path / "walk")
    assert {path: row.status for path, row in found.items()} == {
        "am/a.wav": "ok",
        "am/deep/b.wav": "ok",
        "pm/a.wav": "skipped",
    }
    assert log.lines == []
    # Scanned from within, or named.
    assert [row.status for row in scan(tmp_path / "walk" / "am")[0].values()] == ["ok", "ok"]
    assert [row.status for row in scan(tmp_path / "walk" / "am", metadata=table)[0].values()] == ["ok", "ok"]
    write(tmp_path / "walk" / "am" / "t.csv", f"file,lat,lon\n{own.strip('/')}/a.wav,52.5,13.4\n")
    found, log = scan(tmp_path / "walk")
    assert ([row.status for row in found.values()], log.lines) == (["ok", "skipped", "skipped"], [])


def test_the_folder_below_goes_before_the_own_of_the_same_name(tmp_path):
    for name in ("am/a.wav", "b.wav"):
        files.wav(tmp_path / "am" / name)
    write(tmp_path / "am" / "t.csv", "folder,lat,lon\nam,52.5,13.4\n")
    found, _ = scan(tmp_path)
    assert {path: row.status for path, row in found.items()} == {"am/am/a.wav": "ok", "am/b.wav": "skipped"}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("ending", "words"),
    [("", "ends in the middle"), ("<trkpt lat", "ends in the middle"), ("</x>", "is damaged (mism")],
)
def test_a_track_that_is_cut_off_serves_to_there(tmp_path, named, ending, words):
    files.wav(tmp_path / "in" / "REC_20240514_053000.wav")
    fixes = "".join(
        f'<trkpt lat="5" lon="5"><time>2024-05-14T05:{minute}:00Z</time></trkpt>' for minute in (29, 31)
    )
    folder = tmp_path if named else tmp_path / "in"
    track = write(folder / "t.gpx", f"<gpx><trk><trkseg>{fixes}{ending}")
    found, log = scan(tmp_path / "in", track=track if named else "")
    assert found["REC_20240514_053000.wav"].position == (5, 5)
    (warning,) = log.warnings
    assert warning.startswith(f"The track t.gpx {words}") and warning.endswith(
        "2 fixes before that are used (2024-05-14 05:29 to 2024-05-14 05:31 UTC)."
    )


def test_folders_that_cannot_be_read_are_no_files(tmp_path, monkeypatch):
    closed = Found(files=[], closed=[("closed", "no permission")], unreadable=[("pipe.wav", "it is a pipe")])
    monkeypatch.setattr(folder_scan, "find_files", lambda *_: closed)
    found, _ = scan(tmp_path)
    assert {path: (row.status, row.is_folder) for path, row in found.items()} == {
        "pipe.wav": ("failed", False),
        "closed": ("failed", True),
    }


def test_nothing_is_said_of_an_empty_folder(tmp_path):
    table = write(tmp_path / "meta.csv", "file,lat,lon\na.wav,52.5,13.4\n")
    (tmp_path / "in").mkdir()
    assert scan(tmp_path / "in", metadata=table)[1].warnings == []


@pytest.mark.parametrize(
    ("header", "rows", "strangers"),
    [
        (
            "file",
            ["a.wav", "A.WAV", "a", "1/a.wav", "x\\1\\a.wav", "b.wav", ""],
            ["x\\1\\a.wav", "b.wav", ""],
        ),
        ("folder", ["1", "1/", "2", "deep/1"], ["2", "deep/1"]),
        ("id", ["154138", "XC77", "99"], ["99"]),
        ("file,folder", ["a.wav,1", "a.wav,9", "c.wav,1"], ["c.wav"]),
    ],
)
def test_which_rows_are_about_no_file(tmp_path, header, rows, strangers):
    path = write(tmp_path / "t.csv", "\n".join([f"{header},lat", *(f"{row},1" for row in rows)]))
    paths = ["1/a.wav", "1/Genus-species-154138.mp3", "1/XC77 - Bird.mp3"]
    assert RowFinder(read_table(path, "table t.csv"), Names(paths)).strangers() == strangers


def test_words_of_the_tool(tmp_path):
    photo(tmp_path / "in" / "a.jpg")
    table = write(tmp_path / "t.csv", "site,lat,lon\n1,2,3\n")
    with pytest.raises(
        InputError, match=r"no column that names photos.*name or path of the photo.*Mapillary"
    ):
        scan(tmp_path / "in", scan_photos, metadata=table)


def test_swapped_columns_are_remarked_also_where_they_could_be_right(tmp_path):
    """Tokyo's latitude of 139 gives the swapped columns away; Berlin's 13.4, 52.5 alone would lie in the sea."""
    for name in ("tokyo.wav", "berlin.wav"):
        files.wav(tmp_path / name)
    rows = "tokyo.wav,139.7,35.6\nberlin.wav,13.4,52.5\n"
    write(tmp_path / "t.csv", f"file,lat,lon\nosaka.wav,135.5,34.7\n{rows}")
    found, log = scan(tmp_path)
    words = "a latitude beyond 90 degrees in 2 rows of the table t.csv: are latitude and longitude swapped?"
    assert found["tokyo.wav"].status == "skipped"
    assert "are latitude and longitude swapped?" in found["tokyo.wav"].reason
    assert (found["berlin.wav"].status, found["berlin.wav"].remark) == ("ok", words)
    assert f"There is {words}" in log.warnings
    # One slip says nothing of the others, be it one other.
    words = words.replace("2 rows", "1 row")
    for more in ("", "c.wav,52.5,13.4\n"):
        write(tmp_path / "t.csv", f"file,lat,lon\n{rows}{more}")
        found, log = scan(tmp_path)
        assert (found["tokyo.wav"].status, found["berlin.wav"].remark) == ("skipped", "")
        assert f"There is {words}" in log.warnings


def test_letters_in_columns_of_their_own(tmp_path):
    names = ("right", "both", "one", "other", "negative")
    for name in names:
        files.wav(tmp_path / f"{name}.wav")
    rows = ("52.5 N,13.4 E", "13.4 E,52.5 N", "13.4 E,52.5", "52.5,13.4 S", "-52.5 N,13.4 E")
    lines = [f"{name}.wav,{row}" for name, row in zip(names, rows)]
    write(tmp_path / "t.csv", "\n".join(["file,lat,lon", *lines]))
    found = {path[:-4]: row for path, row in scan(tmp_path)[0].items()}
    assert (found["right"].position, found["right"].remark) == ((52.5, 13.4), "")
    assert found["both"].position == (52.5, 13.4)
    assert found["both"].remark == (
        "table t.csv: latitude and longitude were swapped; their letters tell which is which"
    )
    assert (
        "the latitude is told as '13.4 E', but E is no latitude; are the two swapped?" in found["one"].reason
    )
    assert "the longitude is told as '13.4 S', but S is no longitude" in found["other"].reason
    assert "'-52.5 N' is negative, and N is not" in found["negative"].reason


def test_waypoints_of_song_meters_by_their_letters(tmp_path):
    files.wav(tmp_path / "swapped.wav", files.song_meter("WGS84,71.45617,W,42.43068,N,60"))
    files.wav(tmp_path / "odd.wav", files.song_meter("WGS84,42.43068,N,71.45617,N,60"))
    found, _ = scan(tmp_path)
    assert found["swapped.wav"].position == pytest.approx((42.43068, -71.45617))
    assert "swapped" in found["swapped.wav"].remark
    assert (found["odd.wav"].status, "N is no longitude" in found["odd.wav"].reason) == ("skipped", True)


def test_tracks_serve_their_folder_and_those_below(tmp_path):
    name = "REC_20240514_053000.wav"
    for folder in ("walk", "walk/deep/down", "other"):
        files.wav(tmp_path / folder / name)
    around = [("2024-05-14T05:29:00Z", 5, 5), ("2024-05-14T05:31:00Z", 5, 5)]
    files.gpx(tmp_path / "walk" / "here.gpx", around)
    files.gpx(
        tmp_path / "walk" / "late.gpx", [("2024-05-15T05:29:00Z", 5, 5), ("2024-05-15T05:31:00Z", 5, 5)]
    )
    files.gpx(tmp_path / "empty" / "far.gpx", around)
    found, log = scan(tmp_path)
    assert {path: row.source_of_position for path, row in found.items()} == {
        f"walk/{name}": "track walk/here.gpx",
        f"walk/deep/down/{name}": "track walk/here.gpx",
        f"other/{name}": "",
    }
    assert log.warnings == []
    assert "\n".join(log.lines) == (
        "Tracks that tell the place of no recording: empty/far.gpx (no recording with a time lies beside or below it), "
        "walk/late.gpx (2024-05-15 05:29 to 2024-05-15 05:31 UTC)."
    )


def test_the_named_track_that_serves_none_is_a_warning(tmp_path):
    photo(tmp_path / "in" / "a.jpg", place=gps(51.5, -0.12))
    track = files.gpx(tmp_path / "t.gpx", [("2024-05-14T05:29:00Z", 5, 5), ("2024-05-14T05:31:00Z", 5, 5)])
    _, log = scan(tmp_path / "in", scan_photos, track=str(track))
    assert "\n".join(log.warnings) == (
        "The track t.gpx (2024-05-14 05:29 to 2024-05-14 05:31 UTC) tells the place of no photo. Check the time zone, "
        "and by how much the clock was fast."
    )


def test_times_that_are_yet_to_come(tmp_path):
    """Tomorrow may be today in another zone; the day after is a clock that was set wrong."""
    now = dt.datetime.now(dt.timezone.utc)
    days = {days: f"REC_{now + dt.timedelta(days=days):%Y%m%d_%H%M%S}.wav" for days in (0.5, 3)}
    for name in (*days.values(), "REC_20991231_235900.wav", "table.wav"):
        files.wav(tmp_path / name, files.guano("Loc Position:52.5 13.4"))
    write(tmp_path / "t.csv", "file,datetime\ntable.wav,2099-01-02T03:04:05Z\n")
    found, _ = scan(tmp_path)
    assert found[days[0.5]].time_utc != ""
    assert found[days[3]].time_utc == ""
    for name, time in (("REC_20991231_235900.wav", "2099-12-31 23:59"), ("table.wav", "2099-01-02 03:04")):
        assert (found[name].status, found[name].time_utc, found[name].time_local) == ("ok", "", "")
        assert f"the time {time} lies in the future" in found[name].remark


def test_days_that_clocks_start_at_are_remarked_in_tables(tmp_path):
    files.wav(tmp_path / "a.wav")
    photo(tmp_path / "b.jpg")
    write(
        tmp_path / "t.csv", "file,lat,lon,datetime\na.wav,1,2,1970-01-01 00:03\nb.jpg,1,2,1980-01-06 00:00\n"
    )
    assert scan(tmp_path)[0]["a.wav"].remark == "the time is on 1970-01-01: was the recorder's clock set?"
    photos = scan(tmp_path, scan_photos)[0]
    assert photos["b.jpg"].remark == "the time is on 1980-01-06: was the camera's clock set?"


def test_a_track_at_the_edge_of_the_calendar(tmp_path):
    """Loggers without a time write the year 1; what lies beyond the calendar in UTC is no fix."""
    files.wav(tmp_path / "20240514_053000.WAV")
    files.gpx(tmp_path / "a.gpx", [("0001-01-01T00:00:00Z", 52.5, 13.4)])
    files.gpx(tmp_path / "b.gpx", [("0001-01-01T00:00:00+05:00", 52.5, 13.4)])
    _, log = scan(tmp_path)
    (idle,) = log.lines
    assert idle.startswith("Tracks that tell the place of no recording: a.gpx (") and "b.gpx" not in idle
    assert [line.partition(",")[0] for line in log.warnings] == ["The track b.gpx has 1 point"]
