"""What the tools have in common that turn a folder of files into sites; they differ in words, fields and the scan."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
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
from ...layers.sinks import FieldSpec, SiteSink, format_problem, is_wanted, output_path, text
from ..base import Algorithm, FeedbackProgress
from ..parameters import add_number

if TYPE_CHECKING:
    import datetime as dt

    from soundvis_core.sites import Options, ScannedFile

    from ...layers.outputs import Styler

FOLDER = "FOLDER"
METADATA = "METADATA"
TRACK = "TRACK"
TIME_ZONE = "TIME_ZONE"
CLOCK_OFFSET = "CLOCK_OFFSET"
TRACK_GAP = "TRACK_GAP"
OUTPUT = "OUTPUT"
UNPLACED = "UNPLACED"
PLACED = "PLACED"
#: So many of the commonest reasons are told at the end.
_REASONS = 3


@dataclass(frozen=True)
class ScanWords:
    """What a tool calls things.

    one: a file ("recording"). device: what made it. begun: what its time is ("Start"). table: what METADATA tells.
    zone: which times TIME_ZONE is for. kept: which times CLOCK_OFFSET is not taken off.
    """

    one: str
    device: str
    begun: str
    table: str
    zone: str
    kept: str


def scan_fields(words: ScanWords, own: Sequence[FieldSpec]) -> list[FieldSpec]:
    """The fields of all tools, with those of one kind of files (``own``) between."""
    return [
        text("path", f"Path of the {words.one}", "whole path of the file"),
        text("name", "File name"),
        text(
            "time_utc",
            f"{words.begun} (UTC)",
            "ISO 8601, corrected for CLOCK_OFFSET; empty where only the date is known",
        ),
        text(
            "time_local", f"{words.begun} (local)", "ISO 8601 with the zone it was told with, else TIME_ZONE"
        ),
        *own,
        text("source_of_position", "Source of the position"),
        text("source_of_time", "Source of the time"),
        text("licence", f"Licence of the {words.one}"),
        text("author", f"Author of the {words.one}"),
        text("link", f"Web address of the {words.one}"),
        text("status", "Status of the file", "ok, skipped (no position) or failed (cannot be read)"),
        text("reason", "Why the status is not ok"),
        text(
            "remark",
            "What is doubtful",
            "sources that contradict each other, positions refused, clocks",
        ),
    ]


class FolderScan(Algorithm):
    """Tools that scan a folder. Subclasses give their words and fields, and say how files are scanned and drawn."""

    GROUP = "sites"
    WORDS: ScanWords
    FIELDS: Sequence[FieldSpec]

    def scan(self, folder: str, options: Options, progress: FeedbackProgress) -> Iterator[ScannedFile]:
        """The files of the folder, one by one."""
        raise NotImplementedError

    def styles(self) -> Mapping[str, Styler]:
        """How the sites are drawn."""
        raise NotImplementedError

    def values(self, file: Any) -> dict[str, Any]:
        """The values of the fields whose names are not those of the core."""
        return {}

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        words = self.WORDS
        self.add(
            QgsProcessingParameterFile(
                FOLDER,
                self.tr(f"Folder of the {words.one}s"),
                behavior=QgsProcessingParameterFile.Behavior.Folder,
            ),
            "Scanned with all folders below it; links to folders are followed once. Hidden files are left.",
        )
        self.add(
            QgsProcessingParameterFile(
                METADATA,
                self.tr(f"Table about the {words.one}s (CSV or JSON)"),
                behavior=QgsProcessingParameterFile.Behavior.File,
                fileFilter="Tables (*.csv *.tsv *.txt *.json *.jsonl *.ndjson);;All files (*)",
                optional=True,
            ),
            f"{words.table} by file; goes before all other sources. CSV, or a list as the API of an archive gives it "
            "(JSON). Tables that lie within the folder are found without it.",
        )
        self.add(
            QgsProcessingParameterFile(
                TRACK,
                self.tr("GPS track (GPX)"),
                behavior=QgsProcessingParameterFile.Behavior.File,
                fileFilter="GPX (*.gpx);;All files (*)",
                optional=True,
            ),
            f"Where the {words.device} was carried, with times. Serves {words.one}s that tell no place themselves. "
            "Tracks that lie within the folder are found without it.",
        )
        self.add(
            QgsProcessingParameterString(
                TIME_ZONE, self.tr(f"Time zone of the {words.device}"), defaultValue="UTC", optional=True
            ),
            words.zone,
        )
        add_number(
            self,
            CLOCK_OFFSET,
            f"{words.device.capitalize()}'s clock is fast by (s)",
            0.0,
            -1e9,
            f"Seconds by which the {words.device}'s clock was ahead of the true time; below 0 where it was behind. "
            f"Taken off the times of headers and file names, not off {words.kept}.",
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
                OUTPUT, self.tr(f"Sites from {words.one}s"), QgsProcessing.SourceType.TypeVectorPoint
            ),
            f"A point (EPSG:4326) for each {words.one} with a place; 'path' serves as path field of the other tools.",
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

        problems = [
            self._folder_problem(self.parameterAsString(parameters, FOLDER, context)),
            self._outputs_problem(parameters),
            *(self._file_problem(parameters, name, context) for name in (METADATA, TRACK)),
        ]
        try:
            self._zone(parameters, context)
        except InputError as error:
            problems.append(str(error))
        return " ".join(problem for problem in problems if problem) or None

    def _folder_problem(self, folder: str) -> str | None:
        if os.path.isdir(folder):
            return None
        what = (
            f"{folder} is a file, not a folder" if os.path.isfile(folder) else f"There is no folder {folder}"
        )
        return f"{what}. Choose the folder that the {self.WORDS.one}s lie in."

    def _outputs_problem(self, parameters: Mapping[str, Any]) -> str | None:
        for name in (OUTPUT, UNPLACED):
            problem = format_problem(parameters.get(name)) if is_wanted(parameters.get(name)) else None
            if problem:
                return problem
        path = output_path(parameters.get(OUTPUT))
        if os.path.dirname(path) and path == output_path(parameters.get(UNPLACED)):
            return f"Sites and files without a place would be written to the same file ({path}). Choose two."
        return None

    def _file_problem(
        self, parameters: Mapping[str, Any], name: str, context: QgsProcessingContext
    ) -> str | None:
        file = self.parameterAsString(parameters, name, context)
        label = self.parameterDefinition(name).description()
        if file and not os.path.isfile(file):
            return f"There is no file {file} (given as '{label}')."
        if file and os.path.abspath(file) in (
            os.path.abspath(output_path(parameters.get(output)) or os.curdir) for output in (OUTPUT, UNPLACED)
        ):
            return f"The output would overwrite {file} (given as '{label}'). Choose another file."
        return None

    def _zone(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dt.tzinfo:
        """The zone of the clock. Raises InputError where it is not known."""
        from ...layers.moments import zone_of

        return zone_of(self.parameterAsString(parameters, TIME_ZONE, context))

    def _options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Options:
        from soundvis_core.sites import Options, RecorderClock

        return Options(
            self.parameterAsString(parameters, METADATA, context),
            self.parameterAsString(parameters, TRACK, context),
            RecorderClock(
                self._zone(parameters, context), self.parameterAsDouble(parameters, CLOCK_OFFSET, context)
            ),
            self.parameterAsDouble(parameters, TRACK_GAP, context),
        )

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from ...layers.outputs import OutputLayer

        folder = os.path.abspath(self.parameterAsString(parameters, FOLDER, context))
        # Both are opened once the first file has been read: a table that cannot be used leaves no output behind.
        files = self.scan(folder, self._options(parameters, context), progress)
        first = [file for file in [next(files, None)] if file is not None]
        crs = QgsCoordinateReferenceSystem("EPSG:4326")
        sites = self.open_sink(parameters, OUTPUT, context, self.FIELDS, crs, POINT)
        others = None
        if is_wanted(parameters.get(UNPLACED)):
            others = self.open_sink(
                parameters, UNPLACED, context, self.FIELDS, QgsCoordinateReferenceSystem(), NO_GEOMETRY
            )
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for file in chain(first, files):
            counts["folder" if file.is_folder else file.status] += 1
            counts["remark"] += bool(file.remark) and file.status == OK
            counts["panorama"] += bool(getattr(file, "panorama", False))
            if file.status == OK:
                self._write(sites, folder, file)
            else:
                reasons[file.reason] += 1
                if others is not None:
                    self._write(others, folder, file)
        notes = {f"field {spec.name}": spec.comment for spec in self.FIELDS if spec.comment}
        results: dict[str, Any] = {PLACED: counts[OK]}
        for name, sink, styles in ((OUTPUT, sites, self.styles()), (UNPLACED, others, {})):
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
                )
            )
            results[name] = sink.destination
        self._say(counts, reasons, others is not None, progress)
        return results

    def _write(self, sink: SiteSink, folder: str, file: ScannedFile) -> None:
        geometry = None
        if file.status == OK and file.position is not None:
            geometry = QgsGeometry.fromPointXY(QgsPointXY(file.position.longitude, file.position.latitude))
        values = {spec.name: getattr(file, spec.name, None) for spec in self.FIELDS}
        values.update(self.values(file))
        # Whole, as other tools write paths: a table that went through them has no folder to start at any more.
        values["path"] = os.path.normpath(os.path.join(folder, file.path))
        sink.add({name: None if value == "" else value for name, value in values.items()}, geometry=geometry)

    def _say(
        self, counts: Counter[str], reasons: Counter[str], listed: bool, progress: FeedbackProgress
    ) -> None:
        """The counts at the end, and the commonest reasons."""
        folders = counts["folder"]
        closed = f" {folders} folder{_s(folders)} cannot be read." if folders else ""
        total = counts["ok"] + counts["skipped"] + counts["failed"]
        if total == 0:
            progress.warn(f"There is no {self.WORDS.one} in the folder; the output is empty.{closed}")
            return
        line = f"{total} file{_s(total)}: {counts['ok']} with a place"
        if counts["remark"]:
            line += f" ({counts['remark']} of them with a remark)"
        line += f", {counts['skipped']} without, {counts['failed']} that cannot be read."
        if counts["panorama"]:
            line += (
                f" {counts['panorama']} {'is a panorama' if counts['panorama'] == 1 else 'are panoramas'}."
            )
        line += closed
        if counts["ok"] == total and not folders:
            progress.info(line)
            return
        progress.warn(line if listed else f"{line} Ask for 'Files without a place' to have them listed.")
        for reason, count in reasons.most_common(_REASONS):
            progress.info(f"{count} x {reason}")
        more = len(reasons) - _REASONS
        if more > 0:
            files = sum(count for _, count in reasons.most_common()[_REASONS:])
            progress.info(f"and {more} more kind{_s(more)} of reasons, of {files} file{_s(files)}")


def _s(count: int) -> str:
    return "" if count == 1 else "s"
