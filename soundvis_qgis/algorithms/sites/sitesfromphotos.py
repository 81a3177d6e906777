"""Sites from photos."""

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
from ...layers.sinks import FieldSpec, SiteSink, integer, is_wanted, number, text
from ..base import FeedbackProgress
from ..parameters import add_number
from .sitesfromrecordings import (
    CLOCK_OFFSET,
    FOLDER,
    METADATA,
    OUTPUT,
    PLACED,
    TIME_ZONE,
    TRACK,
    TRACK_GAP,
    UNPLACED,
    SitesFromRecordings,
)

if TYPE_CHECKING:
    from soundvis_core.sites.photo_scan import Photo

FIELDS: list[FieldSpec] = [
    text("path", "Photo", "path of the file below the folder that was scanned"),
    text("name", "File name"),
    text(
        "time_utc", "Taken (UTC)", "ISO 8601, corrected for CLOCK_OFFSET; empty where only the date is known"
    ),
    text("time_local", "Taken (local)", "ISO 8601 with the zone it was told with, else TIME_ZONE"),
    number("heading", "Direction of view", "degrees clockwise from north; of a panorama that of its middle"),
    text("heading_ref", "North of the direction", "true, magnetic, or empty where the photo does not tell"),
    integer("width", "Width (pixels)", "upright"),
    integer("height", "Height (pixels)", "upright"),
    integer(
        "rotation", "Rotation", "clockwise turn in degrees that brings the stored picture upright (EXIF)"
    ),
    integer(
        "panorama", "Panorama", "1: a whole equirectangular one, for the panorama views of 'Embed photos'"
    ),
    number("accuracy_m", "Accuracy (m)", "of the position, by the camera"),
    text("camera", "Camera", "make and model as far as they are told"),
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


class SitesFromPhotos(SitesFromRecordings):
    """``soundvis:sitesfromphotos``: parameters and checks are those of recordings."""

    ID = "sitesfromphotos"
    LABEL = "Sites from photos"
    SUMMARY = (
        "Turns a folder of photos, with all folders in it, into sites: a point for each photo whose place is known, "
        "with its time, direction of view, size, rotation, and whether it is a panorama. Headers are read, not the "
        "pixels, so that thousands of files take seconds.\n"
        "Places and times are taken from the first source that tells them: the table given here; a side-car beside "
        "the photo (same name, .csv or .json); a table or Mapillary's or KartaView's JSON in its folder or above; the "
        "header (EXIF, XMP); the file name; for places then GPX tracks, matched by the time of the photo. Two places "
        "more than 1 km apart, and two times more than 10 minutes apart, are told in the field 'remark'.\n"
        "Cameras without a time zone: where the satellites' time is in the photo too, the zone follows from it; else "
        "it is the one given here. Photos are taken for whole panoramas by their XMP (GPano), by a side-car, or by "
        "their shape (twice as wide as high), which is remarked.\n"
        "Folders as mapillary_tools and street-level archives leave them are understood: "
        "mapillary_image_description.json, and answers of the APIs of Mapillary and KartaView that were kept beside "
        "the pictures. Nothing is downloaded.\n"
        "Files without a place and files that cannot be read are listed with the reason in a second table. The paths "
        "are relative to the folder, and the other tools find the files by them."
    )
    REQUIRES = ("numpy", "PIL")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterFile(
                FOLDER,
                self.tr("Folder of the photos"),
                behavior=QgsProcessingParameterFile.Behavior.Folder,
            ),
            "Scanned with all folders below it; links to folders are followed once. Hidden files are left.",
        )
        self.add(
            QgsProcessingParameterFile(
                METADATA,
                self.tr("Table about the photos (CSV)"),
                behavior=QgsProcessingParameterFile.Behavior.File,
                fileFilter="CSV (*.csv *.tsv *.txt);;All files (*)",
                optional=True,
            ),
            "Places, times, directions, licences, authors and links by file; goes before all other sources. Tables "
            "that lie within the folder are found without it.",
        )
        self.add(
            QgsProcessingParameterFile(
                TRACK,
                self.tr("GPS track (GPX)"),
                behavior=QgsProcessingParameterFile.Behavior.File,
                fileFilter="GPX (*.gpx);;All files (*)",
                optional=True,
            ),
            "Where the camera was carried, with times. Serves photos that tell no place themselves. Tracks that lie "
            "within the folder are found without it.",
        )
        self.add(
            QgsProcessingParameterString(
                TIME_ZONE, self.tr("Time zone of the camera"), defaultValue="UTC", optional=True
            ),
            "Of times that come without one and without the satellites' time: UTC, UTC+2, +05:30, or a name as "
            "Europe/London (with its summer time).",
        )
        add_number(
            self,
            CLOCK_OFFSET,
            "Camera's clock is fast by (s)",
            0.0,
            -1e9,
            "Seconds by which the camera's clock was ahead of the true time; below 0 where it was behind. Taken off "
            "the times of headers and file names, not off those in tables and of satellites.",
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
            "A point (EPSG:4326) for each photo with a place; 'path' serves as path field of the other tools.",
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
        self.addOutput(QgsProcessingOutputNumber(PLACED, self.tr("Number of files with a place")))

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from itertools import chain

        from soundvis_core.sites import Options, RecorderClock
        from soundvis_core.sites.photo_scan import scan_photos

        from ...layers.outputs import OutputLayer
        from ...layers.photo_styles import photo_styles

        folder = os.path.abspath(self.parameterAsString(parameters, FOLDER, context))
        options = Options(
            self.parameterAsString(parameters, METADATA, context),
            self.parameterAsString(parameters, TRACK, context),
            RecorderClock(
                self._zone(parameters, context), self.parameterAsDouble(parameters, CLOCK_OFFSET, context)
            ),
            self.parameterAsDouble(parameters, TRACK_GAP, context),
        )
        # Both are opened once the first file has been read: a table that cannot be used leaves no output behind.
        photos = scan_photos(folder, options, progress)
        first = [photo for photo in [next(photos, None)] if photo is not None]
        sites = self.open_sink(
            parameters, OUTPUT, context, FIELDS, QgsCoordinateReferenceSystem("EPSG:4326"), POINT
        )
        others = None
        if is_wanted(parameters.get(UNPLACED)):
            others = self.open_sink(
                parameters, UNPLACED, context, FIELDS, QgsCoordinateReferenceSystem(), NO_GEOMETRY
            )
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for photo in chain(first, photos):
            counts[photo.status] += 1
            counts["remark"] += bool(photo.remark) and photo.status == OK
            counts["panorama"] += bool(photo.panorama)
            if photo.status == OK:
                _add(sites, photo)
            else:
                reasons[photo.reason] += 1
                if others is not None:
                    _add(others, photo)
        notes = {f"field {spec.name}": spec.comment for spec in FIELDS if spec.comment}
        results: dict[str, Any] = {PLACED: counts[OK]}
        for name, sink, styles in ((OUTPUT, sites, photo_styles()), (UNPLACED, others, {})):
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


def _add(sink: SiteSink, photo: Photo) -> None:
    geometry = None
    if photo.status == OK and photo.position is not None:
        geometry = QgsGeometry.fromPointXY(QgsPointXY(photo.position.longitude, photo.position.latitude))
    values = {spec.name: getattr(photo, spec.name) for spec in FIELDS if hasattr(photo, spec.name)}
    values = {name: None if value == "" else value for name, value in values.items()}
    sink.add({**values, "accuracy_m": photo.accuracy}, geometry=geometry)


def _say(counts: Counter[str], reasons: Counter[str], listed: bool, progress: FeedbackProgress) -> None:
    """The counts at the end, and the commonest reasons."""
    total = counts["ok"] + counts["skipped"] + counts["failed"]
    if total == 0:
        progress.warn("There is no photo in the folder; the output is empty.")
        return
    line = f"{total} files: {counts['ok']} with a place"
    if counts["remark"]:
        line += f" ({counts['remark']} of them with a remark)"
    line += f", {counts['skipped']} without, {counts['failed']} that cannot be read."
    if counts["panorama"]:
        line += f" {counts['panorama']} are panoramas."
    if counts["ok"] == total:
        progress.info(line)
        return
    progress.warn(line if listed else f"{line} Ask for 'Files without a place' to have them listed.")
    for reason, count in reasons.most_common(3):
        progress.info(f"{count} x {reason}")
