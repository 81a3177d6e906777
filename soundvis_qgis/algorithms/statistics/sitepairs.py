"""The pairs of sites that speak loudest for and against a link between sound and sight."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
    QgsWkbTypes,
)

from soundvis_core.dependencies import how_to_get, missing

from ...compat import LINE, NO_GEOMETRY
from ...layers.sinks import integer, number, output_path, remove_files, text
from ...layers.source_folder import carried_folder, own_folder
from ...layers.sources import PathResolver
from ..base import Algorithm, FeedbackProgress
from ..parameters import BASE_FOLDER, add_number
from .correlation_parameters import INPUT, add_field, add_measure
from .output_files import files_problem
from .pair_media import PairMedia
from .two_blocks import SoundAndSight, add_two_blocks, add_within, blocks_problem, read_pair

if TYPE_CHECKING:
    from soundvis_core.statistics.extreme_pairs import ExtremePair, ExtremePairs

COUNT, MAX_PER_SITE = "COUNT", "MAX_PER_SITE"
AUDIO_FIELD, PHOTO_FIELD = "AUDIO_FIELD", "PHOTO_FIELD"
RASTER, FOOTPRINT = "RASTER", "FOOTPRINT"
OUTPUT, GALLERY = "OUTPUT", "GALLERY"
FIELDS = (
    text("site_a", "Site A"),
    text("site_b", "Site B"),
    text("quadrant", "Quadrant", "alike or unlike in sound and in sight, against the mean of all pairs"),
    integer("rank", "Rank in the quadrant", "1 is the most extreme: by the smaller of its two |z|"),
    number("sim_sound", "Similarity in sound"),
    number("sim_sight", "Similarity in sight"),
    number("z_sound", "z in sound", "standard deviations from the mean of all pairs"),
    number("z_sight", "z in sight", "standard deviations from the mean of all pairs"),
    number("distance_m", "Distance (m)", "geodesic, WGS84"),
    text("group_a", "Group of A"),
    text("group_b", "Group of B"),
)


class SitePairs(Algorithm):
    """``soundvis:sitepairs``."""

    ID = "sitepairs"
    LABEL = "Find pairs of sites to look at and listen to"
    GROUP = "statistics"
    SUMMARY = (
        "Draws lines between the pairs of sites that speak loudest for and against a link of sound and sight, and "
        "makes a gallery to look at and listen to them.\n"
        "Of all pairs of sites the most extreme ones in each quadrant: alike in both, alike in sound only, alike in "
        "sight only, unlike in both, against the mean of all pairs. A pair is as extreme as the smaller of its two "
        "|z|, so that it lies far out in sound and in sight.\n"
        "The gallery is one HTML file that works offline: photos, tiles of a basemap and ten seconds of each recording "
        "(the loudest of its first two minutes). Times grow with the square of the number of sites; 100,000 take "
        "minutes."
    )
    REQUIRES = ("numpy", "scipy")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterFeatureSource(
                INPUT, self.tr("Sites"), [QgsProcessing.SourceType.TypeVectorPoint]
            ),
            "Point layer of the sites, in any coordinate reference system. Selection and filters are honoured.",
        )
        add_two_blocks(self)
        add_number(
            self,
            COUNT,
            "Pairs per quadrant",
            5,
            1,
            "How many pairs of each of the four quadrants. With many the gallery gets heavy.",
            maximum=100,
            integer=True,
        )
        self._media_parameters()
        add_within(self, advanced=True)
        add_number(
            self,
            MAX_PER_SITE,
            "Most pairs per site",
            2,
            1,
            "In how many pairs of a quadrant a site may be, so that one odd recording does not fill the list.",
            maximum=100,
            integer=True,
            advanced=True,
        )
        add_measure(self)
        self.add(
            QgsProcessingParameterFeatureSink(
                OUTPUT, self.tr("Pairs"), QgsProcessing.SourceType.TypeVectorLine
            ),
            "A line per pair, in the coordinate reference system of the sites.",
        )
        self.add(
            QgsProcessingParameterFileDestination(
                GALLERY, self.tr("Gallery"), "HTML (*.html)", optional=True, createByDefault=True
            ),
            "One self-contained HTML file with the photos, tiles and recordings of the pairs.",
        )

    def _media_parameters(self) -> None:
        for name, what, files in (
            (AUDIO_FIELD, "recording", "recordings"),
            (PHOTO_FIELD, "photo", "photos"),
        ):
            add_field(
                self,
                name,
                f"Field with the path of the {what} (gallery)",
                f"Text field with the path of each site's {what}: absolute, or relative to the base folder. Empty: the "
                f"gallery has no {files}.",
            )
        self.add(
            QgsProcessingParameterRasterLayer(RASTER, self.tr("Basemap (gallery)"), optional=True),
            "Aerial image or any other raster layer, local or from the web, for a tile of each site in the gallery.",
            advanced=True,
        )
        add_number(
            self,
            FOOTPRINT,
            "Footprint of the tiles (metres on the ground)",
            200.0,
            1.0,
            "Side of the north-up square around each site, in true metres.",
            maximum=100_000.0,
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFile(
                BASE_FOLDER,
                self.tr("Base folder of relative paths"),
                behavior=QgsProcessingParameterFile.Behavior.Folder,
                optional=True,
            ),
            "Folder that relative paths start at. Empty: the folder of the layer's file, then that of the layer it was "
            "made from, then that of the project.",
            advanced=True,
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return (
            blocks_problem(self, parameters, context)
            or self._media_problem(parameters, context)
            or files_problem(self, parameters, context, (INPUT,), (OUTPUT,), GALLERY)
        )

    def _media_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        """Why the gallery cannot be made; None where it can, or is not asked for."""
        if not output_path(parameters.get(GALLERY)):
            return None
        seen = bool(parameters.get(PHOTO_FIELD) or parameters.get(RASTER))
        needed = (("PIL",) if seen else ()) + (("pyproj",) if parameters.get(RASTER) else ())
        absent = missing(needed)
        if absent:
            return f"The gallery needs {', '.join(absent)}. {how_to_get(absent)} Or leave the gallery empty."
        source = self.parameterAsSource(parameters, INPUT, context)
        for name in (AUDIO_FIELD, PHOTO_FIELD):
            field = self.parameterAsString(parameters, name, context)
            index = source.fields().lookupField(field) if source is not None and field else 0
            if index < 0:
                return f"The layer has no field '{field}' (given as {name})."
            if field and source is not None and source.fields().at(index).isNumeric():
                return f"The field '{field}' (given as {name}) holds numbers, not paths. Choose a text field."
        return None

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        from ...layers.rasters import RasterSource

        layer = self.parameterAsVectorLayer(parameters, INPUT, context)
        home = context.project().homePath() if context.project() is not None else ""
        base = self.parameterAsString(parameters, BASE_FOLDER, context)
        self._resolver = PathResolver(base, (own_folder(layer), carried_folder(layer), home))
        self._raster: RasterSource | None = None
        if parameters.get(RASTER) and output_path(parameters.get(GALLERY)):
            raster = self.parameterAsRasterLayer(parameters, RASTER, context)
            if raster is None:
                raise QgsProcessingException(self.invalidRasterError(parameters, RASTER))
            self._raster = RasterSource(raster)
            self._raster.check_crs()

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.progress import PartOf
        from soundvis_core.statistics.extreme_pairs import extreme_pairs

        read = read_pair(self, parameters, context, progress)
        count, per_site = (self.parameterAsInt(parameters, name, context) for name in (COUNT, MAX_PER_SITE))
        found = extreme_pairs(read.pair, count, per_site, PartOf(progress, 0.1, 0.7))
        wanted = {site for pair in found.pairs for site in (pair.a, pair.b)}
        features = {site: feature for site, feature in enumerate(read.sites.features()) if site in wanted}
        names = read.sites.site_names()
        rows = list(self._rows(read, found, names, context))
        results = {OUTPUT: self._write(parameters, context, rows, features, progress)}
        self._say(read, found, progress)
        gallery = self.parameterAsFileOutput(parameters, GALLERY, context)
        if gallery:
            media = self._media(parameters, context)
            pictured = media.gallery(found, rows, features, PartOf(progress, 0.7, 1.0))
            for line in media.failures() if found.pairs else ():
                progress.warn(line)
            self._write_gallery(gallery, found, pictured, progress)
            results[GALLERY] = gallery
        return results

    def _rows(
        self, read: SoundAndSight, found: ExtremePairs, names: list[str], context: QgsProcessingContext
    ) -> Iterator[dict[str, Any]]:
        """The attributes of each pair."""
        from ...layers.geodesic import geodesic_metres

        places = read.sites.lonlat(context.transformContext()) if found.pairs else None
        for pair in found.pairs:
            metres = None if places is None else geodesic_metres(places[pair.a], places[pair.b])
            yield {
                "site_a": names[pair.a],
                "site_b": names[pair.b],
                "quadrant": pair.quadrant,
                "rank": pair.rank,
                "sim_sound": pair.similarity_a,
                "sim_sight": pair.similarity_b,
                "z_sound": pair.z_a,
                "z_sight": pair.z_b,
                "distance_m": metres,
                "group_a": None if read.groups is None else read.groups[pair.a],
                "group_b": None if read.groups is None else read.groups[pair.b],
                "_pair": pair,
            }

    def _write(
        self,
        parameters: Mapping[str, Any],
        context: QgsProcessingContext,
        rows: list[dict[str, Any]],
        features: Mapping[int, QgsFeature],
        progress: FeedbackProgress,
    ) -> str:
        from ...layers.alignment_styles import pair_styles
        from ...layers.outputs import OutputLayer

        source = self.parameterAsSource(parameters, INPUT, context)
        placed = source.wkbType() != QgsWkbTypes.Type.NoGeometry
        kind = LINE if placed else NO_GEOMETRY
        sink = self.open_sink(parameters, OUTPUT, context, FIELDS, source.sourceCrs(), kind)
        without = 0
        for row in rows:
            pair: ExtremePair = row["_pair"]
            values = {spec.name: row[spec.name] for spec in FIELDS}
            line = _line(features[pair.a], features[pair.b])
            without += line.isNull()
            sink.add(values, geometry=line)
        sink.close()
        if not placed:
            progress.warn("The sites have no places, so the pairs are a table without lines and distances.")
        elif without:
            progress.warn(
                f"{without} of {len(rows)} pairs have no line: one of their sites has no place. They are in the table."
            )
        notes = {f"field {spec.name}": spec.comment for spec in FIELDS if spec.comment}
        self.on_success(
            OutputLayer(
                sink.destination,
                {**self.provenance, **notes},
                pair_styles() if placed else {},
                name=self.tr("Pairs of sites"),
                labels=sink.labels,
                in_database=not sink.own_file,
            )
        )
        return sink.destination

    def _media(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> PairMedia:
        source = self.parameterAsSource(parameters, INPUT, context)
        return PairMedia(
            self._resolver,
            self.parameterAsString(parameters, AUDIO_FIELD, context),
            self.parameterAsString(parameters, PHOTO_FIELD, context),
            self._raster,
            self.parameterAsDouble(parameters, FOOTPRINT, context),
            source.sourceCrs(),
            context,
        )

    def _write_gallery(
        self, path: str, found: ExtremePairs, pictured: list[Any], progress: FeedbackProgress
    ) -> None:
        from soundvis_core.gallery import write_gallery

        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        left_out = write_gallery(
            path, pictured, considered=found.considered, note=found.note, provenance=self.provenance
        )
        # Not before: until then the file is an earlier gallery, or none.
        self.on_failure(lambda: remove_files([path]))
        size = os.path.getsize(path) / 1e6
        progress.info(f"The gallery has {len(pictured)} pairs and {size:.1f} MB.")
        if left_out:
            progress.warn(
                f"{left_out} of the pictures and clips are left out to keep the gallery usable. Ask for fewer pairs."
            )

    @staticmethod
    def _say(read: SoundAndSight, found: ExtremePairs, progress: FeedbackProgress) -> None:
        dropped = sum(bool(reason) for reason in read.pair.reasons)
        if dropped:
            first = next(reason for reason in read.pair.reasons if reason)
            progress.warn(
                f"{dropped} of {len(read.pair.reasons)} sites are left out. The first reason: {first}."
            )
        if found.note:
            progress.warn(f"No pairs: {found.note}.")
            return
        counts = Counter(pair.quadrant for pair in found.pairs)
        listed = ", ".join(f"{count} {quadrant}" for quadrant, count in counts.items())
        progress.info(f"{found.considered:,} pairs compared; chosen: {listed}.")


def _line(first: QgsFeature, second: QgsFeature) -> QgsGeometry:
    """From one site to the other; nothing where one of them has no place."""
    ends = [_place(feature) for feature in (first, second)]
    if None in ends:
        return QgsGeometry()
    return QgsGeometry.fromPolylineXY(ends)


def _place(feature: QgsFeature) -> QgsPointXY | None:
    geometry = feature.geometry()
    if geometry.isNull() or geometry.isEmpty():
        return None
    return geometry.centroid().asPoint() if geometry.isMultipart() else geometry.asPoint()
