"""Sites from recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...layers.sinks import integer, number, text
from ..base import FeedbackProgress
from .folder_scan import FolderScan, ScanWords, scan_fields

if TYPE_CHECKING:
    from soundvis_core.sites import Options, Recording

    from ...layers.outputs import Styler

WORDS = ScanWords(
    one="recording",
    device="recorder",
    begun="Start",
    table="Places, times, licences, authors and links",
    zone="Of times that come without one, such as those in the names of Song Meter files: UTC, UTC+2, +05:30, or a "
    "name as Europe/London (with its summer time). AudioMoths' names are in UTC whatever stands here.",
    kept="those in tables",
)


class SitesFromRecordings(FolderScan):
    """``soundvis:sitesfromrecordings``."""

    ID = "sitesfromrecordings"
    LABEL = "Sites from recordings"
    SUMMARY = (
        "Turns a folder of recordings, with all folders in it, into sites: a point for each recording whose place is "
        "known, with its time, recorder, licence, author and link. Headers are read, not the sound, so that "
        "thousands of files take seconds.\n"
        "Places and times are taken from the first source that tells them: the table given here; a side-car beside "
        "the recording (same name, .csv or .json); a table or list in its folder or above; the header (GUANO, "
        "AudioMoth, Song Meter, M4A and MP4 of phones, broadcast WAV, FLAC); the file name (Song Meter, AudioMoth, "
        "Frontier Labs, ISO 8601); for places then GPX tracks, matched by the time the recording started. What "
        "people wrote down corrects what a recorder was set to. Last come the rough place that an AudioMoth was "
        "configured with, and the time at which a file was made. Two places more than 1 km apart, and two times more "
        "than 10 minutes apart, are told in the field 'remark'.\n"
        "Tables are CSV files or lists of archives (JSON) with a column 'file', 'folder' (all recordings in it) or "
        "'id', and others such as latitude, longitude, date, time, licence, author, link; exports of xeno-canto, "
        "freesound and archive.org (Radio Aporee) are understood as they are. Nothing is downloaded.\n"
        "Files without a place and files that cannot be read are listed with the reason in a second table: the "
        "sites stay clean, and nothing is lost. Paths are whole ones, so that all other tools find the files by "
        "them. Where the recordings are moved later, tell those tools the base folder."
    )
    REQUIRES = ()
    WORDS = WORDS
    FIELDS = scan_fields(
        WORDS,
        [
            number("duration_s", "Duration (s)", "by the header"),
            integer("sample_rate", "Sample rate (Hz)"),
            integer("channels", "Number of channels"),
            text("recorder", "Make, model and serial number", "of the recorder, as far as they are told"),
        ],
    )

    def scan(self, folder: str, options: Options, progress: FeedbackProgress) -> Iterator[Recording]:
        from soundvis_core.sites import scan_recordings

        return scan_recordings(folder, options, progress)

    def styles(self) -> Mapping[str, Styler]:
        from ...layers.recording_styles import recording_styles

        return recording_styles()

    def values(self, file: Recording) -> dict[str, Any]:
        seconds = None if file.seconds is None else round(file.seconds, 3)
        return {"duration_s": seconds, "sample_rate": file.rate}
