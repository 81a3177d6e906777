"""Correlate sound with sight."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsFields,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
)

from soundvis_core.dependencies import how_to_get, missing
from soundvis_core.errors import InputError

from ...compat import NO_GEOMETRY, field_names, is_null
from ...layers.overwriting import same_file
from ...layers.sinks import FieldSpec, SiteSink, integer, number, output_path, remove_files, text
from ...layers.sources import layer_file
from ..base import Algorithm, FeedbackProgress
from ..parameters import add_number

INPUT = "INPUT"
BLOCKS = {"SOUND": "sound", "STREET": "street", "AERIAL": "aerial"}
GROUP = "GROUP"
PERMUTATIONS = "PERMUTATIONS"
SEED = "SEED"
#: Fields by which users call their sites, the likeliest first.
SITE_NAMES = ("site_id", "site", "id", "name", "fid")
OUTPUT = "OUTPUT"
REPORT = "REPORT"
FIELDS: list[FieldSpec] = [
    text("block_a", "Block A"),
    text("block_b", "Block B"),
    text("group", "Group", "'pooled' takes all pairs of sites, between groups too"),
    integer("sites", "Sites used"),
    integer("dropped", "Sites dropped", "sites without a value in one of the blocks"),
    integer("pairs", "Pairs of sites"),
    number("r", "r", "Pearson correlation of the pairs' similarities"),
    number("p_naive", "p, naive", "t-test; assumes independent pairs, as in the paper"),
    number("p_mantel", "p, Mantel", "two-sided permutation test of sites"),
    text("note", "Note", "why r is missing, or a warning"),
]


class CorrelateLayers(Algorithm):
    """``soundvis:correlatelayers``."""

    ID = "correlatelayers"
    LABEL = "Correlate sound and sight"
    GROUP = "statistics"
    SUMMARY = (
        "Asks whether places that sound alike also look alike.\n"
        "Each block (sound, street, aerial) describes the sites by an embedding field, several numeric fields, or one "
        "number. The similarities of all pairs of sites in one block are correlated with those in another: over all "
        "sites (pooled) and within each group. Street and aerial together are compared with sound as the mean of "
        "their standardised similarities. Two p-values stand side by side: the naive one, which takes pairs as "
        "independent and is far too small, and that of the Mantel test, which permutes sites.\n"
        "Sites without a value are dropped for that pair of blocks and counted."
    )
    REQUIRES = ("numpy", "scipy")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterFeatureSource(
                INPUT, self.tr("Sites"), [QgsProcessing.SourceType.TypeVector]
            ),
            "Layer or table with a row per site and the fields of at least two blocks. Selection and filters are "
            "honoured.",
        )
        for name, what in (("SOUND", "sound"), ("STREET", "street view"), ("AERIAL", "aerial view")):
            self.add(
                QgsProcessingParameterField(
                    name,
                    self.tr(f"Fields of {what}"),
                    parentLayerParameterName=INPUT,
                    type=QgsProcessingParameterField.DataType.Any,
                    allowMultiple=True,
                    optional=True,
                ),
                f"One embedding field, or one or more numeric fields, that describe the {what}. At least two of "
                "the three blocks are needed.",
            )
        self.add(
            QgsProcessingParameterField(
                GROUP,
                self.tr("Group field"),
                parentLayerParameterName=INPUT,
                type=QgsProcessingParameterField.DataType.Any,
                optional=True,
            ),
            "Field with the city or district of each site. Each group gets rows of its own beside the pooled ones.",
        )
        add_number(
            self,
            PERMUTATIONS,
            "Permutations",
            999,
            0,
            "Permutations of the Mantel test. With 999 the smallest possible p is 0.001; 0 leaves the test out.",
            maximum=1_000_000,
            integer=True,
        )
        add_number(
            self,
            SEED,
            "Seed",
            1,
            0,
            "Start of the random numbers; the same seed gives the same p.",
            maximum=2_147_483_647,
            integer=True,
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFeatureSink(
                OUTPUT, self.tr("Correlations"), QgsProcessing.SourceType.TypeVector
            ),
            "Table without geometry: a row per pair of blocks, pooled and per group.",
        )
        self.add(
            QgsProcessingParameterFileDestination(
                REPORT, self.tr("Report"), "HTML (*.html)", optional=True, createByDefault=True
            ),
            "One self-contained HTML file with tables and figures.",
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        given = [name for name in BLOCKS if field_names(self, parameters, name, context)]
        if len(given) < 2:
            return "Give the fields of at least two blocks: sound, street, aerial."
        if parameters.get(REPORT) and missing(("matplotlib",)):
            way = how_to_get(["matplotlib"])
            return f"The report needs matplotlib for its figures. {way} Or leave the report empty."
        return self.overwrite_problem(parameters, context, INPUT, OUTPUT) or self._report_problem(
            parameters, context
        )

    def _report_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        report = output_path(parameters.get(REPORT))
        if same_file(report, layer_file(self.parameterAsLayer(parameters, INPUT, context))):
            return f"The report would overwrite the file that the sites are read from ({report}). Choose another file."
        return None

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.progress import PartOf
        from soundvis_core.statistics.correlate import correlate_blocks
        from soundvis_core.statistics.results import Block

        from ...layers.outputs import OutputLayer
        from ...layers.sources import block_values

        source = self.parameterAsSource(parameters, INPUT, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, INPUT))
        fields = source.fields()
        block_fields = {
            name: field_names(self, parameters, parameter, context)
            for parameter, name in BLOCKS.items()
            if field_names(self, parameters, parameter, context)
        }
        wanted = [name for names in block_fields.values() for name in names]
        wanted += [self.parameterAsString(parameters, GROUP, context), *SITE_NAMES]
        features = self._features(source, [fields.lookupField(name) for name in wanted if name], progress)
        blocks = [
            Block(name, block_values(features, fields, names, name)) for name, names in block_fields.items()
        ]
        result = correlate_blocks(
            blocks,
            self._groups(parameters, context, features, fields),
            self.parameterAsInt(parameters, PERMUTATIONS, context),
            self.parameterAsInt(parameters, SEED, context),
            PartOf(progress, 0.05, 0.9),
        )
        sink = self._write_table(parameters, context, result)
        self.on_success(
            OutputLayer(
                sink.destination,
                self.provenance,
                name=self.tr("Correlations"),
                labels=sink.labels,
                in_database=not sink.own_file,
            )
        )
        for row in result.rows:
            if row.group == "pooled":
                shown = "undefined: " + row.note if row.r is None else f"{row.r:.3f} ({row.pairs} pairs)"
                progress.info(
                    f"{row.block_a} and {row.block_b}: r = {shown}; {row.dropped} of {len(features)} sites dropped."
                )
        results = {OUTPUT: sink.destination}
        report = self.parameterAsFileOutput(parameters, REPORT, context)
        if report:
            self._write_report(report, result, block_fields, self._site_names(features, fields))
            results[REPORT] = report
        return results

    @staticmethod
    def _features(
        source: QgsProcessingFeatureSource, attributes: list[int], progress: FeedbackProgress
    ) -> list[QgsFeature]:
        """The sites with these attributes alone. Raises InputError where there are more than can be correlated."""
        from soundvis_core.progress import check_cancelled
        from soundvis_core.statistics.correlate import MAX_SITES

        request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
        request.setSubsetOfAttributes(sorted({index for index in attributes if index >= 0}))
        features = []
        for feature in source.getFeatures(
            request, QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        ):
            check_cancelled(progress)
            if len(features) >= MAX_SITES:
                # The count that a source gives may be an estimate or unknown: count what comes.
                raise InputError(
                    f"The layer has more than {MAX_SITES:,} sites, the most that can be correlated: matrices of sites "
                    "by sites are kept in memory. Select fewer sites or thin the layer."
                )
            features.append(feature)
        return features

    def _groups(
        self,
        parameters: Mapping[str, Any],
        context: QgsProcessingContext,
        features: list[QgsFeature],
        fields: QgsFields,
    ) -> list[str | None] | None:
        name = self.parameterAsString(parameters, GROUP, context)
        if not name:
            return None
        index = fields.lookupField(name)
        if index < 0:
            raise QgsProcessingException(f"The layer has no field '{name}' (given as group).")
        values = [feature.attribute(index) for feature in features]
        return [None if is_null(value) else str(value) for value in values]

    @staticmethod
    def _site_names(features: list[QgsFeature], fields: QgsFields) -> list[str]:
        """What the user calls the sites: a field whose name says so, else the feature ids."""
        for name in SITE_NAMES:
            index = fields.lookupField(name)
            if index >= 0:
                return [str(feature.attribute(index)) for feature in features]
        return [str(feature.id()) for feature in features]

    def _write_table(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, result: Any
    ) -> SiteSink:
        nowhere = QgsCoordinateReferenceSystem()
        sink = self.open_sink(parameters, OUTPUT, context, FIELDS, nowhere, NO_GEOMETRY)
        for row in result.rows:
            sink.add({spec.name: getattr(row, spec.name) for spec in FIELDS}, geometry=QgsGeometry())
        sink.close()
        return sink

    def _write_report(
        self,
        path: str,
        result: Any,
        block_fields: Mapping[str, list[str]],
        names: list[str],
    ) -> None:
        from soundvis_core.report import write_report

        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        write_report(path, result, provenance=self.provenance, block_fields=block_fields, site_names=names)
        # Not before: until then the file is an earlier report, or none.
        self.on_failure(lambda: remove_files([path]))
