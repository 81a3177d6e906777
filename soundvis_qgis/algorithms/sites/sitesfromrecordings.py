"""Sites from recordings."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from soundvis_core.pipeline import OK

from ...compat import NO_GEOMETRY, POINT
from ...layers.sinks import (
    FieldSpec,
    SiteSink,
    format_problem,
    integer,
    is_wanted,
    number,
    output_path,
    text,
)
from ..base import Algorithm, FeedbackProgress
from ..parameters import add_number

if TYPE_CHECKING:
    from soundvis_core.sites import Recording

FOLDER = "FOLDER"
METADATA = "METADATA"
TRACK = "TRACK"
TIME_ZONE = "TIME_ZONE"
CLOCK_OFFSET = "CLOCK_OFFSET"
TRACK_GAP = "TRACK_GAP"
OUTPUT = "OUTPUT"
UNPLACED = "UNPLACED"
PLACED = "PLACED"
FIELDS: list[FieldSpec] = [
    text("path", "Recording", "path of the file below the folder that was scanned"),
    text("name", "File name"),
    text(
        "time_utc", "Start (UTC)", "ISO 8601, corrected for CLOCK_OFFSET; empty where only the date is known"
    ),
    text("time_local", "Start (local)", "ISO 8601 with the zone it was told with, else TIME_ZONE"),
    number("duration_s", "Duration (s)", "by the header"),
    integer("sample_rate", "Sample rate (Hz)"),
    integer("channels", "Channels"),
    text("recorder", "Recorder", "make, model and serial number as far as they are told"),
    text("source_of_position", "Source of the position"),
    text("source_of_time", "Source of the time"),
    text("licence", "Licence"),
    text("author", "Author"),
    text("link", "Link"),
    text("status", "Status", "ok, skipped (no position) or failed (cannot be read)"),
    text("reason", "Reason", "why the status is not ok"),
    text(
        "remark", "Remark", "what is doubtful: sources that contradict each other, positions refused, clocks"
    ),
]


class SitesFromRecordings(Algorithm):
    """``soundvis:sitesfromrecordings``."""

    ID = "sitesfromrecordings"
    LABEL = "Sites from recordings"
    GROUP = "sites"
    SUMMARY = (
        "Turns a folder of recordings, with all folders in it, into sites: a point for each recording whose place is "
        "known, with its time, recorder, licence, author and link. Headers are read, not the sound, so that "
        "thousands of files take seconds.\n"
        "Places and times are taken from the first source that tells them: the table given here; a side-car beside "
        "the recording (same name, .csv); a table in its folder or above; the header (GUANO, AudioMoth, Song Meter, "
        "M4A and MP4 of phones, broadcast WAV, FLAC); the file name (Song Meter, AudioMoth, Frontier Labs, ISO 8601); "
        "for places then GPX tracks, matched by the time the recording started. What people wrote down corrects what "
        "a recorder was set to. Last come the rough place that an AudioMoth was configured with, and the time at "
        "which a file was made. Two places more than 1 km apart, and two times more than 10 minutes apart, are "
        "told in the field 'remark'.\n"
        "Tables are CSV files with a column 'file', 'folder' (all recordings in it) or 'id', and others such as "
        "latitude, longitude, date, time, licence, author, link; exports of xeno-canto, freesound and archive.org "
        "(Radio Aporee) are understood as they are. Nothing is downloaded.\n"
        "Files without a place and files that cannot be read are listed with the reason in a second table: the "
        "sites stay clean, and nothing is lost. The paths are relative to the folder, and the other tools find the "
        "files by them."
    )
    REQUIRES = ()

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterFile(
                FOLDER,
                self.tr("Folder of the recordings"),
                behavior=QgsProcessingParameterFile.Behavior.Folder,
            ),
            "Scanned with all folders below it; links to folders are followed once. Hidden files are left.",
        )
        self.add(
            QgsProcessingParameterFile(
                METADATA,
                self.tr("Table about the recordings (CSV)"),
                behavior=QgsProcessingParameterFile.Behavior.File,
                fileFilter="CSV (*.csv *.tsv *.txt);;All files (*)",
                optional=True,
            ),
            "Places, times, licences, authors and links by file; goes before all other sources. Tables that lie "
            "within the folder are found without it.",
        )
        self.add(
            QgsProcessingParameterFile(
                TRACK,
                self.tr("GPS track (GPX)"),
                behavior=QgsProcessingParameterFile.Behavior.File,
                fileFilter="GPX (*.gpx);;All files (*)",
                optional=True,
            ),
            "Where the recorder was carried, with times. Serves recordings that tell no place themselves. Tracks "
            "that lie within the folder are found without it.",
        )
        self.add(
            QgsProcessingParameterString(
                TIME_ZONE, self.tr("Time zone of the recorder"), defaultValue="UTC", optional=True
            ),
            "Of times that come without one, such as those in the names of Song Meter files: UTC, UTC+2, +05:30, or "
            "a name as Europe/London (with its summer time). AudioMoths' names are in UTC whatever stands here.",
        )
        add_number(
            self,
            CLOCK_OFFSET,
            "Recorder's clock is fast by (s)",
            0.0,
            -1e9,
            "Seconds by which the recorder's clock was ahead of the true time; below 0 where it was behind. Taken off "
            "the times of headers and file names, not off those in tables.",
            maximum=1e9,
        )
        add_number(
            self,
            TRACK_GAP,
            "Longest gap of the track (s)",
            300.0,
            0.0,
            "Places are interpolated between two fixes of a track that are at most this far apart in time.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFeatureSink(
                OUTPUT, self.tr("Sites"), QgsProcessing.SourceType.TypeVectorPoint
            ),
            "A point (EPSG:4326) for each recording with a place; 'path' serves as path field of the other tools.",
        )
        self.add(
            QgsProcessingParameterFeatureSink(
                UNPLACED,
                self.tr("Files without a place"),
                QgsProcessing.SourceType.TypeVector,
                optional=True,
                createByDefault=True,
            ),
            "A table of all other files, with the same fields: no place (skipped) or not readable (failed), and why.",
        )
        # What a model can stop by: borders of a layer without points differ among the versions of QGIS.
        self.addOutput(QgsProcessingOutputNumber(PLACED, self.tr("Number of files with a place")))

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        from soundvis_core.errors import InputError

        folder = self.parameterAsString(parameters, FOLDER, context)
        if not os.path.isdir(folder):
            return f"There is no folder {folder}. Choose the folder that the recordings lie in."
        for name in (OUTPUT, UNPLACED):
            problem = format_problem(parameters.get(name)) if is_wanted(parameters.get(name)) else None
            if problem:
                return problem
        path = output_path(parameters.get(OUTPUT))
        if os.path.dirname(path) and path == output_path(parameters.get(UNPLACED)):
            return f"Sites and files without a place would be written to the same file ({path}). Choose two."
        for name in (METADATA, TRACK):
            file = self.parameterAsString(parameters, name, context)
            label = self.parameterDefinition(name).description()
            if file and not os.path.isfile(file):
                return f"There is no file {file} (given as '{label}')."
            if file and os.path.abspath(file) in (
                os.path.abspath(output_path(parameters.get(output)) or os.curdir)
                for output in (OUTPUT, UNPLACED)
            ):
                return f"The output would overwrite {file} (given as '{label}'). Choose another file."
        try:
            self._zone(parameters, context)
        except InputError as error:
            return str(error)
        return None

    def _zone(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Any:
        """The zone of the recorder; names that Python does not know are looked up in Qt (Windows has no list)."""
        from soundvis_core.errors import InputError
        from soundvis_core.sites import time_zone

        from ...layers.qt_zones import qt_zone

        name = self.parameterAsString(parameters, TIME_ZONE, context).strip()
        try:
            return time_zone(name)
        except InputError:
            zone = qt_zone(name)
            if zone is None:
                raise
            return zone

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.sites import Options, RecorderClock, scan_recordings

        from ...layers.outputs import OutputLayer
        from ...layers.recording_styles import recording_styles

        folder = os.path.abspath(self.parameterAsString(parameters, FOLDER, context))
        clock = RecorderClock(
            self._zone(parameters, context), self.parameterAsDouble(parameters, CLOCK_OFFSET, context)
        )
        options = Options(
            self.parameterAsString(parameters, METADATA, context),
            self.parameterAsString(parameters, TRACK, context),
            clock,
            self.parameterAsDouble(parameters, TRACK_GAP, context),
        )
        # Both are opened once the first file has been read: a table that cannot be used leaves no output behind.
        recordings = scan_recordings(folder, options, progress)
        first = next(recordings, None)
        crs = QgsCoordinateReferenceSystem("EPSG:4326")
        sites = self.open_sink(parameters, OUTPUT, context, FIELDS, crs, POINT)
        others = None
        if is_wanted(parameters.get(UNPLACED)):
            others = self.open_sink(
                parameters, UNPLACED, context, FIELDS, QgsCoordinateReferenceSystem(), NO_GEOMETRY
            )
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for recording in [] if first is None else _chained(first, recordings):
            counts[recording.status] += 1
            counts["remark"] += bool(recording.remark) and recording.status == OK
            if recording.status == OK:
                _add(sites, recording)
            else:
                reasons[recording.reason] += 1
                if others is not None:
                    _add(others, recording)
        notes = {f"field {spec.name}": spec.comment for spec in FIELDS if spec.comment}
        results: dict[str, Any] = {PLACED: counts[OK]}
        for name, sink, styles in ((OUTPUT, sites, recording_styles()), (UNPLACED, others, {})):
            if sink is None:
                continue
            sink.close()
            self.on_success(
                OutputLayer(
                    sink.destination,
                    {**self.provenance, **notes},
                    styles,
                    labels=sink.labels,
                    in_database=not sink.own_file,
                    source_folder=folder,
                )
            )
            results[name] = sink.destination
        _say(counts, reasons, others is not None, progress)
        return results


def _chained(first: Recording, rest: Any) -> Any:
    yield first
    yield from rest


def _add(sink: SiteSink, recording: Recording) -> None:
    geometry = None
    if recording.status == OK and recording.position is not None:
        geometry = QgsGeometry.fromPointXY(
            QgsPointXY(recording.position.longitude, recording.position.latitude)
        )
    texts = {
        spec.name: getattr(recording, spec.name) or None for spec in FIELDS if hasattr(recording, spec.name)
    }
    numbers = {
        "duration_s": None if recording.seconds is None else round(recording.seconds, 3),
        "sample_rate": recording.rate,
    }
    sink.add({**texts, **numbers}, geometry=geometry)


def _say(counts: Counter[str], reasons: Counter[str], listed: bool, progress: FeedbackProgress) -> None:
    """The counts at the end, and the commonest reasons."""
    total = counts["ok"] + counts["skipped"] + counts["failed"]
    if total == 0:
        progress.warn("There is no recording in the folder; the output is empty.")
        return
    line = f"{total} files: {counts['ok']} with a place"
    if counts["remark"]:
        line += f" ({counts['remark']} of them with a remark)"
    line += f", {counts['skipped']} without, {counts['failed']} that cannot be read."
    if counts["ok"] == total:
        progress.info(line)
        return
    progress.warn(line if listed else f"{line} Ask for 'Files without a place' to have them listed.")
    for reason, count in reasons.most_common(3):
        progress.info(f"{count} x {reason}")
