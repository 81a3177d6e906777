"""Tables as archives publish them and people write them, and tracks as GPS receivers do."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundvis_core.errors import InputError
from soundvis_core.sites import scan_recordings
from soundvis_core.sites.gpx import NoFixError, read_track
from soundvis_core.sites.metadata_tables import Table, check_names_files, claims_of, read_table
from soundvis_core.sites.row_finder import FolderTables, Names, RowFinder
from soundvis_core.sites.table_columns import recognise
from tests.builders import recorder_files as files

UTC = dt.timezone.utc


def local(*parts):
    """A moment without its zone."""
    return dt.datetime(*parts)  # noqa: DTZ001


def table_of(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return read_table(str(path), "table table.csv")


def claims(tmp_path, text, file):
    table = table_of(tmp_path, text)
    check_names_files(table)
    row, doubt = RowFinder(table, Names([file])).find(file)
    assert row is not None and doubt == ""
    return claims_of(table, row)


def test_xeno_canto_api(tmp_path):
    """Fields of API 2 and 3 (https://xeno-canto.org/explore/api)."""
    text = (
        "id,gen,sp,rec,cnt,loc,lat,lng,alt,type,url,file,file-name,lic,q,length,time,date,smp\n"
        "228435,Chordeiles,nacunda,Peter Boesman,Brazil,Pantanal,-16.6667,-56.8333,100,song,"
        "//xeno-canto.org/228435,https://xeno-canto.org/228435/download,XC228435-Nacunda.mp3,"
        "//creativecommons.org/licenses/by-nc-nd/4.0/,B,1:10,05:45,2005-07-31,44100\n"
    )
    for file in (
        "birds/XC228435-Nacunda.mp3",
        "XC228435 - Nacunda Nighthawk.mp3",
        "Chordeiles-nacunda-228435.mp3",
    ):
        found = claims(tmp_path, text, file)
        assert tuple(found.positions[0].position) == (-16.6667, -56.8333)
        assert found.times[0].told.moment == local(2005, 7, 31, 5, 45)
        assert not found.times[0].own
        assert found.author == "Peter Boesman"
        assert found.licence == "https://creativecommons.org/licenses/by-nc-nd/4.0/"
        assert found.link == "https://xeno-canto.org/228435"


def test_xeno_canto_by_warbler(tmp_path):
    text = (
        "Recording_ID,Genus,Recordist,Latitude,Longitude,Audio_file,License,Url,Time,Date\n"
        "154138,Phaethornis,Jerome Fischer,9.5,-83.25,https://xeno-canto.org/154138/download,CC,x,?,2013-11-00\n"
    )
    found = claims(tmp_path, text, "Phaethornis-anthophilus-154138.mp3")
    assert tuple(found.positions[0].position) == (9.5, -83.25)
    assert found.times == []
    assert "2013-11-00" in found.refused_times[0]


def test_freesound_api(tmp_path):
    """The day of the upload ("created") is not when it was recorded; "name" is a title."""
    text = (
        'id,name,license,username,url,geotag,created\n'
        '39488,park bench.wav,http://creativecommons.org/publicdomain/zero/1.0/,someone,'
        'https://freesound.org/s/39488/,51.5 -0.12,2014-04-16T20:07:11\n'
    )  # fmt: skip
    found = claims(tmp_path, text, "39488__someone__park-bench.wav")
    assert tuple(found.positions[0].position) == (51.5, -0.12)
    assert found.times == []
    assert (found.author, found.link) == ("someone", "https://freesound.org/s/39488/")


def test_radio_aporee_at_archive_org(tmp_path):
    """An export of the search, with one folder per item as the archive's own program downloads them."""
    text = (
        "identifier,title,creator,date,licenseurl,latitude,longitude\n"
        "aporee_35166_40406,Tsukiji,John Doe,2017-01-04,http://creativecommons.org/publicdomain/mark/1.0/,35.66,139.77\n"
    )
    found = claims(tmp_path, text, "tokyo/aporee_35166_40406/201714020750tsukiji.mp3")
    assert tuple(found.positions[0].position) == (35.66, 139.77)
    assert found.times[0].told.date_only
    assert found.link == "https://archive.org/details/aporee_35166_40406"
    assert found.licence.endswith("mark/1.0/")
    coverage = 'identifier,coverage\naporee_1_2,"51.5074,-0.1278 London, UK"\n'
    assert tuple(claims(tmp_path, coverage, "aporee_1_2/a.mp3").positions[0].position) == (51.5074, -0.1278)


def test_soundingearth(tmp_path):
    text = (
        "key,longitude,latitude,title,creator,licenseurl,mp3name\n"
        "aporee_9995_11936,7.01,51.45,Essen,A,L,Rolltreppen.mp3\n"
    )
    found = claims(tmp_path, text, "raw_audio/aporee_9995_11936/Rolltreppen.mp3")
    assert tuple(found.positions[0].position) == (51.45, 7.01)


def test_darwin_core_and_plain_words(tmp_path):
    text = (
        "fileName\tdecimalLatitude\tdecimalLongitude\teventDate\trecordedBy\n"
        "a.wav\t51.5\t-0.12\t2024-05-14T05:30:00Z\tÄ\n"
    )
    found = claims(tmp_path, text, "a.wav")
    assert found.times[0].told.moment == dt.datetime(2024, 5, 14, 5, 30, tzinfo=UTC)
    assert found.author == "Ä"


def test_semicolons_decimal_commas_and_western_letters(tmp_path):
    table = table_of(tmp_path, "Datei;File;Lat;Lon;Author\n1;höhle.wav;51,5;-0,12;Müller\n", "cp1252")
    row, _ = RowFinder(table, Names(["höhle.wav"])).find("höhle.wav")
    found = claims_of(table, row)
    assert tuple(found.positions[0].position) == (51.5, -0.12)
    assert found.author == "Müller"


def test_names_of_several_cards(tmp_path):
    """AudioMoths name files by time alone: two cards have the same names, and a table has to say which."""
    paths = ["card1/20240514_053000.WAV", "card2/20240514_053000.WAV", "card2/b.wav"]
    bare = RowFinder(table_of(tmp_path, "file,lat,lon\n20240514_053000.WAV,51,1\nb.wav,52,2\n"), Names(paths))
    row, doubt = bare.find(paths[0])
    assert row is None
    assert "without its folder, and 2 files are called so" in doubt
    assert bare.find(paths[2]) == (("b.wav", "52", "2"), "")
    whole = RowFinder(table_of(tmp_path, "file,lat,lon\ncard2\\20240514_053000.wav,51,1\n"), Names(paths))
    assert whole.find(paths[0]) == (None, "")
    assert whole.find(paths[1])[0] is not None
    folders = RowFinder(table_of(tmp_path, "folder,lat,lon\ncard1,51,1\ncard2/,52,2\n"), Names(paths))
    assert [folders.find(path)[0][1] for path in paths] == ["51", "52", "52"]


@pytest.mark.parametrize("top", ["C:\\Users\\me\\study\\", "/Volumes/card/study/", "\\\\server\\share\\"])
def test_absolute_paths_of_another_computer(tmp_path, top):
    """The longest end that is a file here decides; files of the same name that end alike are told apart or doubted."""
    text = f"file,lat,lon\n{top}card1/a.wav,51,1\n{top}card2/a.wav,52,2\n{top}b.wav,53,3\n"
    finder = RowFinder(table_of(tmp_path, text), Names(["card1/a.wav", "card2/a.wav", "b.wav"]))
    found = [finder.find(path)[0] for path in ("card1/a.wav", "card2/a.wav", "b.wav")]
    assert [row and row[1] for row in found] == ["51", "52", "53"]
    assert finder.strangers() == []
    inside = RowFinder(table_of(tmp_path, text), Names(["a.wav"]))
    row, doubt = inside.find("a.wav")
    assert row is None and "2 rows of table table.csv" in doubt
    assert inside.strangers() == [f"{top}b.wav"]
    # A relative path is meant as it stands.
    elsewhere = table_of(tmp_path, "file,lat,lon\nelsewhere/a.wav,51,1\n")
    assert RowFinder(elsewhere, Names(["a.wav"])).find("a.wav")[0] is None


def test_rows_that_name_one_file_twice_and_other_endings(tmp_path):
    finder = RowFinder(
        table_of(tmp_path, "file,lat,lon\na.wav,51,1\nA.WAV,52,2\nb.flac,53,3\n"), Names(["a.wav", "b.ogg"])
    )
    row, doubt = finder.find("a.wav")
    assert row[1] == "51"
    assert doubt == "2 rows of table table.csv name this file; the first is taken"


def test_hostile_values(tmp_path):
    rows = "a.wav,nan,1\nb.wav,0,0\nc.wav,139.7,35.6\nd.wav,,\ne.wav,51.5\nf.wav,here,there\n"
    table = table_of(tmp_path, "\ufefffile,lat,lon\n" + rows)
    found = [claims_of(table, row) for row in table.rows]
    assert all(claim.positions == [] for claim in found)
    assert found[0].refused == []  # "nan" is how tables write that there is none
    assert "have none" in found[1].refused[0]
    assert "swapped" in found[2].refused[0]
    assert found[3].refused == found[4].refused == []
    assert "not an angle" in found[5].refused[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no rows"),
        (b"file,lat,lon\n", "no rows"),
        (b"a,b\n1,2\n", "no column that names recordings"),
        (b"file,b\n1,2\n", "no column that is known"),
        (b'file,lat,lon\n"a' + b"x" * 200_000 + b'",1,2\n', "not a CSV file"),
    ],
)
def test_tables_that_are_none(tmp_path, content, words):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=words):
        check_names_files(read_table(str(tmp_path / "t.csv"), "table t.csv"))


def test_a_latitude_alone_is_no_place():
    assert "latitude" not in recognise(["file", "lat", "height"]).by_meaning


def track_of(tmp_path, *fixes):
    return read_track(str(files.gpx(tmp_path / "t.gpx", list(fixes))), "track t.gpx")


def at(hour, minute, second=0):
    return dt.datetime(2024, 5, 14, hour, minute, second, tzinfo=UTC)


def test_track_between_fixes(tmp_path):
    """Out of order in the file, as receivers write after a restart; the times of the second are in another zone."""
    track = track_of(
        tmp_path,
        ("2024-05-14T05:10:00Z", 52.2, 13.0),
        ("2024-05-14T07:00:00+02:00", 52.0, 13.0),
        ("2024-05-14T05:04:00Z", 52.1, 13.4),
    )
    assert track.at(at(5, 1), 300) == pytest.approx((52.025, 13.1))
    assert track.at(at(5, 4), 0) == (52.1, 13.4)
    assert track.at(at(5, 7), 360) == pytest.approx((52.15, 13.2))
    for moment, gap, words in (
        (at(5, 7), 300, "a gap of 6 min there, longer than the 300 s allowed"),
        (at(4, 59, 30), 300, "begins 30 s later"),
        (at(9, 10), 300, "ended 4 h earlier"),
    ):
        with pytest.raises(NoFixError, match=words):
            track.at(moment, gap)


def test_track_across_180_degrees(tmp_path):
    track = track_of(tmp_path, ("2024-05-14T05:00:00Z", 0.5, 179.9), ("2024-05-14T05:01:00Z", 0.5, -179.9))
    assert track.at(at(5, 0, 15), 60) == pytest.approx((0.5, 179.95))
    assert track.at(at(5, 0, 45), 60) == pytest.approx((0.5, -179.95))


def test_track_with_bad_fixes(tmp_path):
    track = track_of(
        tmp_path,
        ("2024-05-14T05:00:00Z", 52.0, 13.0),
        ("2024-05-14T05:01:00Z", "nan", 13.0),
        ("2024-05-14T05:02:00Z", 0.0, 0.0),
        ("never", 52.0, 13.0),
        ("2024-05-14T05:04:00Z", 52.4, 13.0),
    )
    assert track.at(at(5, 1), 300).latitude == pytest.approx(52.1)


BOMB = '<!DOCTYPE gpx [<!ENTITY a "1"><!ENTITY b "&a;&a;&a;&a;">]><gpx><wpt lat="1" lon="&b;"/></gpx>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a GPX file"),
        ("<gpx><trk>", "not a GPX file"),
        ("lat,lon\n1,2\n", "not a GPX file"),
        (BOMB, "document type or entities"),
        ('<gpx><rte><rtept lat="1" lon="2"/></rte></gpx>', "1 point, but none with a place and a time"),
        ("<gpx></gpx>", "has no points. Export it"),
    ],
)
def test_tracks_that_are_none(tmp_path, text, words):
    (tmp_path / "t.gpx").write_text(text, "utf-8")
    with pytest.raises(InputError, match=words):
        read_track(str(tmp_path / "t.gpx"), "track t.gpx")


@pytest.mark.parametrize(
    ("header", "recordings", "photos"),
    [
        (["photo", "recording", "lat", "lon"], ["recording"], ["photo"]),
        (["image", "lat", "lon"], [], ["image"]),
        (["sound", "lat", "lon"], ["sound"], []),
        # What is called a file is one of the kind that is looked for.
        (["file", "photo", "recording", "lat", "lon"], ["file"], ["file"]),
    ],
)
def test_a_table_of_sites_may_name_recordings_and_photos(header, recordings, photos):
    assert recognise(header, "recording").naming == recordings
    assert recognise(header, "photo").naming == photos


_NAMES = ("a.wav", "A.flac", "b", "XC1 b.wav", "1__u__t.wav")
_PATHS = st.builds("/".join, st.lists(st.sampled_from(("s", "S1", *_NAMES)), min_size=1, max_size=3))


@given(
    paths=st.lists(_PATHS, min_size=1, max_size=4, unique=True),
    tables=st.lists(
        st.lists(
            st.tuples(
                st.one_of(
                    st.just(""), _PATHS, _PATHS.map("/old/".__add__), _PATHS.map("https://x.org/".__add__)
                ),
                st.sampled_from(("", "s", "s/S1")),
                st.sampled_from(("", "1", "XC1")),
            ),
            max_size=3,
        ),
        max_size=4,
    ),
)
def test_no_table_that_knows_a_file_is_passed_over(paths, tables):
    """Only some of a folder's tables are asked about a file: the others would have nothing to say."""
    folder = FolderTables(paths)
    columns = recognise(("file", "folder", "id"), "recording")
    every = [RowFinder(Table("t", columns, tuple(rows)), folder.files) for rows in tables]
    for finder in every:
        folder.add(finder)
    for path in paths:
        asked = folder.about(path)
        assert [finder for finder in every if finder in asked] == asked
        assert all(finder.find(path) == (None, "") for finder in every if finder not in asked)


def test_of_a_table_per_file_each_is_asked_once(tmp_path, monkeypatch):
    """As tools that look for species leave them: 10,000 tables and files would be 100 million questions."""
    asked = []
    find = RowFinder.find
    monkeypatch.setattr(RowFinder, "find", lambda finder, path: asked.append(path) or find(finder, path))
    for number in range(20):
        files.wav(tmp_path / f"r{number}.wav")
        (tmp_path / f"r{number}.results.csv").write_text(
            f"file,lat,lon\nr{number}.wav,51.5,{number}\n", "utf-8"
        )
    found = list(scan_recordings(str(tmp_path)))
    assert {row.name: row.position.longitude for row in found} == {f"r{n}.wav": float(n) for n in range(20)}
    assert sorted(asked) == sorted(row.name for row in found)
