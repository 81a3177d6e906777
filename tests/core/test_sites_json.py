"""Lists of archives as their programming interfaces answer them, in the folder or named by the user."""

from __future__ import annotations

import json

import pytest

from soundvis_core.errors import InputError
from soundvis_core.progress import NoProgress
from soundvis_core.sites import Options, scan_recordings
from soundvis_core.sites.photo_scan import scan_photos
from tests.builders import recorder_files as files
from tests.builders.photo_headers import gps, photo

pytestmark = pytest.mark.filterwarnings("error")


class Log(NoProgress):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def info(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.lines.append("! " + text)


#: As https://xeno-canto.org/explore/api shows an answer.
XENO_CANTO = {
    "numRecordings": "2", "numSpecies": "1", "page": 1, "numPages": 1,
    "recordings": [
        {
            "id": "228435", "gen": "Chordeiles", "sp": "nacunda", "rec": "Peter Boesman", "cnt": "Brazil",
            "loc": "Pantanal", "lat": "-16.6667", "lon": "-56.8333", "alt": "100", "type": "song",
            "url": "//xeno-canto.org/228435", "file": "https://xeno-canto.org/228435/download",
            "file-name": "XC228435-Nacunda.mp3", "sono": {"small": "//xeno-canto.org/sounds/x.png"},
            "lic": "//creativecommons.org/licenses/by-nc-nd/4.0/", "q": "B", "length": "1:10", "time": "05:45",
            "date": "2005-07-31", "uploaded": "2015-02-02", "also": ["Caprimulgus parvulus", ""], "smp": "44100",
        },
        {"id": "5", "lat": None, "lon": None, "file-name": "XC5.mp3", "date": "2005-07-00", "lic": "", "also": []},
    ],
}  # fmt: skip
#: As https://freesound.org/docs/api/resources_apiv2.html shows one.
FREESOUND = {
    "count": 2, "next": None, "previous": None,
    "results": [
        {
            "id": 213079, "name": "Rain on street.wav", "tags": ["rain", "street"], "username": "tim",
            "license": "http://creativecommons.org/publicdomain/zero/1.0/", "geotag": "41.4036299 2.1743600",
            "url": "https://freesound.org/people/tim/sounds/213079/", "created": "2014-04-16T20:07:11.145",
        },
        {"id": 1, "name": "x.wav", "username": "u", "license": "l", "geotag": None},
    ],
}  # fmt: skip
#: As archive.org's advancedsearch.php answers with output=json.
ARCHIVE = {
    "responseHeader": {"status": 0, "QTime": 3, "params": {"query": "aporee", "start": "0", "fields": "identifier"}},
    "response": {
        "numFound": 1, "start": 0,
        "docs": [
            {
                "identifier": "aporee_12345_14567", "creator": "Udo Noll", "date": "2011-05-05T00:00:00Z",
                "licenseurl": "http://creativecommons.org/licenses/by-sa/3.0/", "coverage": ["48.8566,2.3522"],
            }
        ],
    },
}  # fmt: skip
#: As archive.org/metadata/ID answers: the files tell nothing of places.
ITEM = {
    "created": 1, "dir": "/x", "server": "ia1",
    "files": [{"name": "a.mp3", "source": "original", "format": "VBR MP3"}],
    "metadata": {**ARCHIVE["response"]["docs"][0], "title": "Rue"},
}  # fmt: skip
LISTS = {
    "xeno-canto": (
        XENO_CANTO,
        "XC228435 - Nacunda.wav",
        (-16.6667, -56.8333),
        "Peter Boesman",
        "2005-07-31T05:45:00Z",
    ),
    "freesound": (FREESOUND, "213079__tim__rain.wav", (41.4036299, 2.17436), "tim", ""),
    "archive.org": (ARCHIVE, "aporee_12345_14567/a.wav", (48.8566, 2.3522), "Udo Noll", "2011-05-05"),
    "item": (ITEM, "aporee_12345_14567/a.wav", (48.8566, 2.3522), "Udo Noll", "2011-05-05"),
    "lines": (
        XENO_CANTO["recordings"],
        "XC228435.wav",
        (-16.6667, -56.8333),
        "Peter Boesman",
        "2005-07-31T05:45:00Z",
    ),
}


def scan(folder, scan_files=scan_recordings, **options):
    log = Log()
    return {row.path: row for row in scan_files(str(folder), Options(**options), log)}, log.lines


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("archive", LISTS)
def test_lists_of_recordings(tmp_path, archive, named):
    content, name, place, author, time = LISTS[archive]
    files.wav(tmp_path / "in" / name)
    path = (tmp_path if named else tmp_path / "in") / "list.json"
    text = "\n".join(map(json.dumps, content)) if archive == "lines" else json.dumps(content)
    path.write_text(text, "utf-8")
    found, log = scan(tmp_path / "in", metadata=str(path) if named else "")
    row = found[name]
    assert (row.position, row.author, row.time_local) == (place, author, time)
    assert row.licence.startswith("http") and row.link.startswith("https://")
    assert (row.source_of_position, row.remark) == ("table list.json", "")
    assert len(log) == (archive not in ("archive.org", "item"))  # the rows of which there is no file


def test_json_beside_a_recording(tmp_path):
    files.wav(tmp_path / "213079__tim__rain.wav")
    (tmp_path / "213079__tim__rain.json").write_text(json.dumps(FREESOUND["results"][0]), "utf-8")
    files.wav(tmp_path / "b.wav")
    (tmp_path / "b.json").write_text('{"lat": 1, "lon": ', "utf-8")
    files.wav(tmp_path / "c.wav")
    detections = {"detections": [{"start_time": 3.0, "end_time": 6.0, "label": "x"}]}
    (tmp_path / "c.json").write_text(json.dumps(detections), "utf-8")
    found, log = scan(tmp_path)
    row = found["213079__tim__rain.wav"]
    assert (row.position, row.source_of_position) == (
        (41.4036299, 2.17436),
        "side-car 213079__tim__rain.json",
    )
    assert "no position: the side-car b.json cannot be read (Expecting value" in found["b.wav"].reason
    assert found["c.wav"].reason.startswith("no position: the header and the name")
    assert log == []


def test_json_that_is_no_list(tmp_path):
    files.wav(tmp_path / "a.wav")
    (tmp_path / "broken.json").write_text('{"recordings": [', "utf-8")
    (tmp_path / "deep.json").write_text("[" * 100_000, "utf-8")
    (tmp_path / "map.json").write_text(
        '{"type": "Topology", "position": [0, 1], "x": {"coordinates": [[1]]}}', "utf-8"
    )
    (tmp_path / "package.json").write_text('{"name": "tool", "version": "1", "author": "y"}', "utf-8")
    _, log = scan(tmp_path)
    assert [line.partition(" cannot")[0] for line in log] == [
        "! The JSON file broken.json",
        "! The JSON file deep.json",
    ]
    for name, words in (
        ("broken", "JSON that cannot be read"),
        ("map", "JSON without a list about recordings"),
    ):
        with pytest.raises(InputError, match=words):
            scan(tmp_path, metadata=str(tmp_path / f"{name}.json"))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "\ufeff utf-16-be"]
)
def test_lists_in_all_encodings(tmp_path, encoding):
    """PowerShell saves what a command answers as UTF-16."""
    files.wav(tmp_path / "in" / "a.wav")
    mark, _, plain = encoding.rpartition(" ")
    list_ = tmp_path / "list.json"
    list_.write_bytes(
        (mark + '[{"file": "a.wav", "lat": 48, "lon": 2, "author": "\u0160\u00e1rka"}]').encode(plain)
    )
    found, _ = scan(tmp_path / "in", metadata=str(list_))
    assert (found["a.wav"].position, found["a.wav"].author) == ((48.0, 2.0), "\u0160\u00e1rka")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"error": "missing_key", "message": "No api key\nprovided"},
            "the archive answered 'No api key provided'. M",
        ),
        ({"detail": "Invalid token."}, r"answered 'Invalid token\.'"),
        ({"error": {"message": "Invalid OAuth", "code": 190}}, "answered 'Invalid OAuth'"),
        ({"error": "x" * 900}, r"answered 'x{200}\.\.\.'"),
        ({"numRecordings": "0", "recordings": []}, "answered with 0 results"),
        ({"response": {"numFound": 0, "docs": []}}, "answered with 0 results"),
        ([], "it holds an empty list"),
        ({"message": 5, "data": [[1]]}, "without a list about recordings"),
    ],
)
def test_answers_without_a_list_say_why(tmp_path, content, words):
    files.wav(tmp_path / "in" / "a.wav")
    (tmp_path / "list.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(InputError, match=words):
        scan(tmp_path / "in", metadata=str(tmp_path / "list.json"))


@pytest.mark.parametrize(
    ("ending", "start"), [("xlsx", b"PK\3\4"), ("xls", b"\xd0\xcf\x11\xe0"), ("csv", b"PK\3\4")]
)
def test_spreadsheets_are_refused(tmp_path, ending, start):
    files.wav(tmp_path / "in" / "a.wav")
    path = tmp_path / f"t.{ending}"
    path.write_bytes(start + b"\0" * 100)
    with pytest.raises(InputError, match=rf"table t\.{ending} is a spreadsheet\. Save it as CSV"):
        scan(tmp_path / "in", metadata=str(path))


def test_spreadsheets_in_the_folder_are_told(tmp_path):
    files.wav(tmp_path / "a.wav")
    (tmp_path / "sites.xlsx").write_bytes(b"PK\3\4")
    assert scan(tmp_path)[1] == [
        "Spreadsheets are not read: sites.xlsx. Save a table as CSV to have it used."
    ]


MAPILLARY = {
    "id": "498763468214164", "captured_at": 1563265571250, "computed_compass_angle": 199.25,
    "computed_geometry": {"type": "Point", "coordinates": [-0.1201, 51.5002]}, "creator": {"username": "ana"},
}  # fmt: skip
#: As https://api.openstreetcam.org/1.0/list/nearby-photos/ answers.
KARTAVIEW = {
    "status": {"apiCode": "600"},
    "currentPageItems": [
        {
            "id": "10", "sequence_id": "5", "sequence_index": "3", "lat": "44.4", "lng": "26.1",
            "name": "storage6/files/photo/2018/1/1/a_1.jpg", "lth_name": "storage6/files/photo/2018/1/1/lth/b_1.jpg",
            "shot_date": "2018-01-01 10:00:00", "date_added": "2018-01-02 10:00:00", "heading": "20",
            "username": "bob", "timestamp": "x",
        }
    ],
}  # fmt: skip


def test_kartaview_as_it_answered_before(tmp_path):
    """API 1.0 writes names with underscores."""
    for name in ("a_1.jpg", "b_1.jpg", "5/3.jpg"):
        photo(tmp_path / name)
    (tmp_path / "near.json").write_text(json.dumps(KARTAVIEW), "utf-8")
    found, log = scan(tmp_path, scan_photos)
    for row in found.values():
        assert (row.position, row.heading, row.author) == ((44.4, 26.1), 20.0, "bob")
        assert (row.time_utc, row.remark) == ("2018-01-01T10:00:00Z", "")
        assert (row.link, row.licence) == ("https://kartaview.org/details/5/3", "CC BY-SA 4.0")
    assert log == []


def test_answers_about_photos_as_the_table_that_is_named(tmp_path):
    """It goes before the header; ids that are not there are counted, each once."""
    for name in ("498763468214164.jpg", "a_1.jpg"):
        photo(tmp_path / "in" / name, place=gps(1, 2))
    answer = {
        "data": [MAPILLARY, {**MAPILLARY, "id": "77"}, {**KARTAVIEW["currentPageItems"][0], "heading": 30}]
    }
    (tmp_path / "images.json").write_text(json.dumps(answer), "utf-8")
    found, log = scan(tmp_path / "in", scan_photos, metadata=str(tmp_path / "images.json"))
    row = found["498763468214164.jpg"]
    assert (row.position, row.author) == ((51.5002, -0.1201), "ana")
    assert row.link == "https://www.mapillary.com/app/?pKey=498763468214164"
    assert (found["a_1.jpg"].position, found["a_1.jpg"].heading) == ((44.4, 26.1), 30.0)
    assert log == ["! 1 row of the table images.json is about no photo in the folder: 77."]


def test_objects_with_the_names_of_columns(tmp_path):
    photo(tmp_path / "a.jpg")
    record = {
        "file": "a.jpg",
        "latitude": 1.5,
        "longitude": 2.5,
        "date": "2024-05-14",
        "time": "6:30 PM",
        "author": "c",
    }
    (tmp_path / "photos.json").write_text(json.dumps([record]), "utf-8")
    row = scan(tmp_path, scan_photos)[0]["a.jpg"]
    assert (row.position, row.time_utc, row.author) == ((1.5, 2.5), "2024-05-14T18:30:00Z", "c")
