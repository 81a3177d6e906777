"""Create the sample town."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterDestination,
)

from ...compat import POINT
from ...layers.sinks import FieldSpec, SiteSink, format_problem, remove_files, text
from ..base import Algorithm, FeedbackProgress
from ..parameters import add_number

FOLDER = "FOLDER"
SEED = "SEED"
OUTPUT = "OUTPUT"
AERIAL = "AERIAL"
FIELDS: list[FieldSpec] = [
    text("site_id", "Site"),
    text("district", "District", "the group of the site"),
    text("surroundings", "Surroundings", "where the site lies"),
    text("recording", "Recording", "path of the WAV file, 30 s"),
    text("photo", "Street photo", "path of the JPEG file"),
]
#: Rows of the aerial that are painted at a time.
_STRIP = 250


class _TownFiles:
    """Recordings, photos and truth in a folder: takes back what a run wrote there, and nothing older."""

    def __init__(self, folder: str) -> None:
        """Look at the folder before the run makes it."""
        self._parts = os.path.join(folder, "recordings"), os.path.join(folder, "photos")
        self._truth = os.path.join(folder, "truth.json")
        self._before: dict[str, tuple[int, int] | None] = {}
        self._new_folders = [path for path in (*self._parts, folder) if not os.path.isdir(path)]

    def expect(self, sites: Sequence[str]) -> None:
        """Look at the files of these sites before the run writes them."""
        recordings, photos = self._parts
        paths = [self._truth]
        for site in sites:
            paths += [os.path.join(recordings, f"{site}.wav"), os.path.join(photos, f"{site}.jpg")]
        self._before = {path: self._stamp(path) for path in paths}

    @staticmethod
    def _stamp(path: str) -> tuple[int, int] | None:
        """What differs once a file has been written anew; None where there is none."""
        if not os.path.isfile(path):
            return None
        status = os.stat(path)
        return status.st_ino, status.st_mtime_ns

    def discard(self) -> None:
        """Delete the files that were written since, and the folders made for them."""
        remove_files(path for path, stamp in self._before.items() if self._stamp(path) != stamp)
        for folder in self._new_folders:
            if os.path.isdir(folder) and not os.listdir(folder):
                os.rmdir(folder)


class SampleSites(Algorithm):
    """``soundvis:samplesites``."""

    ID = "samplesites"
    LABEL = "Create the sample town"
    GROUP = "sites"
    SUMMARY = (
        "Builds a made-up town to try every tool on, with nothing to download: about 40 sites in three districts, each "
        "with a 30-second recording synthesised from what surrounds it and a street view drawn from the same map, "
        "and an aerial image (1.5 km, 0.5 m pixels).\n"
        "The truth (land cover and BGA of every site) is kept in truth.json in the folder, so that results can be held "
        "against it. The same seed gives the same town. The town lies in the North Sea (EPSG:32631): it is no real "
        "place."
    )
    REQUIRES = ("numpy", "scipy", "shapely", "PIL")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterFolderDestination(FOLDER, self.tr("Folder for recordings and photos")),
            "Recordings, photos and truth.json are written here (about 60 MB).",
        )
        add_number(
            self, SEED, "Seed", 1, 0, "Another seed builds another town.", maximum=2_147_483_647, integer=True
        )
        self.add(
            QgsProcessingParameterFeatureSink(
                OUTPUT, self.tr("Sites"), QgsProcessing.SourceType.TypeVectorPoint
            ),
            "Points with site_id, district, surroundings, and the paths of recording and photo.",
        )
        self.add(
            QgsProcessingParameterRasterDestination(AERIAL, self.tr("Aerial image")),
            "The town from above, 3000 x 3000 pixels of 0.5 m.",
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return format_problem(parameters.get(OUTPUT))

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.progress import PartOf, check_cancelled
        from soundvis_core.town import build_town, write_photos, write_recordings, write_truth

        from ...layers.outputs import OutputLayer
        from ...layers.styling import rgb_style

        folder = self.parameterAsString(parameters, FOLDER, context)
        aerial = self.parameterAsOutputLayer(parameters, AERIAL, context)
        files = _TownFiles(folder)
        self.on_failure(files.discard)
        os.makedirs(folder, exist_ok=True)
        progress.info("Building the town ...")
        town = build_town(self.parameterAsInt(parameters, SEED, context))
        check_cancelled(progress)
        files.expect([site.id for site in town.sites])
        progress.info(f"Painting the aerial image, {town.width} x {town.height} pixels ...")
        self._paint(town, aerial, PartOf(progress, 0.1, 0.3))
        progress.info(f"Recording {len(town.sites)} sites ...")
        recordings = write_recordings(town, folder, PartOf(progress, 0.3, 0.7))
        progress.info("Drawing the street views ...")
        photos = write_photos(town, folder, PartOf(progress, 0.7, 0.95))
        truth = write_truth(town, folder)
        sink = self._write_sites(parameters, context, town, recordings, photos)
        progress.info(f"The truth is in {truth}.")
        self.on_success(OutputLayer(aerial, self.provenance, rgb_style(1, 2, 3, 0.0, 255.0), raster=True))
        self.on_success(
            OutputLayer(sink.destination, self.provenance, labels=sink.labels, in_database=not sink.own_file)
        )
        return {FOLDER: folder, OUTPUT: sink.destination, AERIAL: aerial}

    def _paint(self, town: Any, path: str, progress: Any) -> None:
        from soundvis_core.progress import check_cancelled

        from ...layers.raster_output import RasterFormat, RasterOutput
        from ...layers.rasters import Grid

        left, top = town.origin
        grid = Grid(left, top, town.resolution, town.resolution, town.width, town.height)
        crs = QgsCoordinateReferenceSystem(town.crs).toWkt()
        output = RasterOutput(path, grid, crs, RasterFormat("uint8", ["Red", "Green", "Blue"]))
        self.on_failure(output.discard)
        output.set_colour_bands()
        for row in range(0, town.height, _STRIP):
            check_cancelled(progress)
            strip = town.paint(row, min(_STRIP, town.height - row))
            for band in range(3):
                output.write(band + 1, 0, row, strip[:, :, band])
            progress.report((row + _STRIP) / town.height)
        output.close()

    def _write_sites(
        self,
        parameters: Mapping[str, Any],
        context: QgsProcessingContext,
        town: Any,
        recordings: Mapping[str, Any],
        photos: Mapping[str, Any],
    ) -> SiteSink:
        crs = QgsCoordinateReferenceSystem(town.crs)
        sink = self.open_sink(parameters, OUTPUT, context, FIELDS, crs, POINT)
        for site in town.sites:
            values = {
                "site_id": site.id,
                "district": site.district,
                "surroundings": site.surroundings,
                "recording": os.path.abspath(recordings[site.id]),
                "photo": os.path.abspath(photos[site.id]),
            }
            sink.add(values, geometry=QgsGeometry.fromPointXY(QgsPointXY(site.x, site.y)))
        sink.close()
        return sink
