"""The noise ceiling of a block, from several measurements of each site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterString,
)

from soundvis_core.errors import InputError

from ...compat import field_names, is_null
from ...layers.sinks import integer, number, text
from ..base import Algorithm, FeedbackProgress
from ..parameters import add_number
from ..plain_tables import write_table
from .correlation_parameters import (
    BOOTSTRAPS,
    INPUT,
    LAYERS,
    MEASURE,
    SEED,
    add_field,
    add_measure,
    add_seed,
    take_further_layers,
)
from .output_files import files_problem

if TYPE_CHECKING:
    from soundvis_core.statistics.noise_ceiling import NoiseCeiling as Found

SITE, EMBEDDING, UNIT = "SITE", "EMBEDDING", "UNIT"
#: What 'Embed recordings' calls these. The fields are optional with them as defaults, not required: QGIS 3.22 does not
#: take the defaults of required fields under qgis_process.
SITE_NAME, EMBEDDING_NAME = "site", "embedding"
BLOCK = "BLOCK"
EARLIER = "EARLIER"
HALVINGS = "HALVINGS"
OUTPUT = "OUTPUT"
FIELDS = (
    text("block", "Block", "as 'Correlate sound and sight' calls it, or the name of its field"),
    text("field", "Field", "that was read"),
    integer("windows", "Windows used", "or other measurements of the sites"),
    integer("sites", "Sites used", "with two windows or more"),
    integer("sites_unsplit", "Sites left out", "with fewer than two windows, which cannot be halved"),
    number("split_half", "Split-half r", "between the sites' similarities from two halves of their windows"),
    number("reliability", "Reliability (0-1)", "of the similarities from all windows (Spearman-Brown)"),
    number(
        "ceiling", "Noise ceiling of r (0-1)", "root of the reliability: what a block without noise can reach"
    ),
    number("ci_low", "Reliability, low", "95 % interval by bootstrap of sites"),
    number("ci_high", "Reliability, high", "95 % interval by bootstrap of sites"),
    text("note", "Note", "why a number is missing, or a warning"),
)


class NoiseCeiling(Algorithm):
    """``soundvis:noiseceiling``."""

    ID = "noiseceiling"
    LABEL = "Noise ceiling"
    GROUP = "statistics"
    SUMMARY = (
        "Tells how large a correlation the noise of the measurements lets one expect.\n"
        "Another ten seconds at the same place would have given another embedding. The windows of each site are "
        "halved at random, and the similarities between sites from one half are correlated with those from the other: "
        "the split-half r. The formula of Spearman and Brown lengthens it to all windows; this is the reliability. Its "
        "root is the noise ceiling, the r that even a perfectly linked block without noise could be expected to "
        "reach. 'Correlate sound and sight' takes the table (CEILING) and shows the ceiling beside every r.\n"
        "Windows of one recording share its hour and its weather, so they tell the noise of short recordings only; "
        "the ceiling is then too high. Recordings of several days tell more: give a table of each day, or a field "
        "that names the days."
    )
    REQUIRES = ("numpy", "scipy")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        kinds = QgsProcessingParameterField.DataType
        self.add(
            QgsProcessingParameterFeatureSource(
                INPUT, self.tr("Windows"), [QgsProcessing.SourceType.TypeVector]
            ),
            "Table with several rows per site: the table of windows that 'Embed recordings' writes, or any other with "
            "a field for the site and an embedding or numbers.",
        )
        self.add(
            QgsProcessingParameterField(
                SITE,
                self.tr("Site field"),
                SITE_NAME,
                parentLayerParameterName=INPUT,
                type=kinds.Any,
                optional=True,
            ),
            f"Field that says which site a row belongs to. Empty: '{SITE_NAME}'.",
        )
        self.add(
            QgsProcessingParameterField(
                EMBEDDING,
                self.tr("Fields of the block"),
                EMBEDDING_NAME,
                parentLayerParameterName=INPUT,
                type=kinds.Any,
                allowMultiple=True,
                optional=True,
            ),
            "One embedding field, or one or more numeric fields, as in 'Correlate sound and sight'. Empty: "
            f"'{EMBEDDING_NAME}'.",
        )
        self.add(
            QgsProcessingParameterString(BLOCK, self.tr("Name of the block"), defaultValue="sound"),
            "What 'Correlate sound and sight' calls the block (sound, street, aerial, sound BGA ...), or the name of "
            "its field there.",
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                LAYERS, self.tr("Further tables"), QgsProcessing.SourceType.TypeVector, optional=True
            ),
            "Tables of the same sites from other days, with the same field names. Each table is then one measurement "
            "of a site (the mean of its rows there), and the halves are drawn among the tables.",
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                EARLIER, self.tr("Ceilings so far"), [QgsProcessing.SourceType.TypeVector], optional=True
            ),
            "Table of an earlier run, for other blocks. Its rows go into the new table, too; a row of the same block "
            "is replaced.",
        )
        self._add_advanced()
        self.add(
            QgsProcessingParameterFeatureSink(
                OUTPUT, self.tr("Noise ceilings"), QgsProcessing.SourceType.TypeVector
            ),
            "Table without geometry: a row per block.",
        )

    def _add_advanced(self) -> None:
        add_field(
            self,
            UNIT,
            "Measurement field",
            "Field that names the day, the visit or the half of a row. Rows of one site with the same name are one "
            "measurement, and the halves are drawn among these. Empty: each row is one.",
            advanced=True,
        )
        add_measure(self)
        add_number(
            self, HALVINGS, "Halvings", 20, 1, "Random halvings of each site's windows, of which the mean is taken.",
            maximum=1000, integer=True, advanced=True,
        )  # fmt: skip
        add_number(
            self, BOOTSTRAPS, "Bootstraps", 999, 0, "Draws of sites for the interval; 0 leaves it out.",
            maximum=10_000, integer=True, advanced=True,
        )  # fmt: skip
        add_seed(self, "Start of the random numbers; the same seed gives the same halvings and interval.")

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        if not self.parameterAsString(parameters, BLOCK, context).strip():
            return "Give the block a name, as 'Correlate sound and sight' calls it: sound, street, aerial ..."
        return files_problem(self, parameters, context, (INPUT, EARLIER), (OUTPUT,), "")

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._further = take_further_layers(self, parameters, context)

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.progress import PartOf
        from soundvis_core.statistics.ceiling import MAX_SITES
        from soundvis_core.statistics.noise_ceiling import noise_ceiling

        from ...layers.site_tables import SiteTable
        from ...layers.window_rows import WindowTables

        source = self.parameterAsSource(parameters, INPUT, context)
        if source is None:
            raise QgsProcessingException(self.invalidSourceError(parameters, INPUT))
        names = [name for name in field_names(self, parameters, EMBEDDING, context) if name] or [
            EMBEDDING_NAME
        ]
        halvings, bootstraps, seed = (
            self.parameterAsInt(parameters, name, context) for name in (HALVINGS, BOOTSTRAPS, SEED)
        )
        tables = WindowTables(
            [SiteTable(source.sourceName(), source.fields(), source), *self._further],
            self.parameterAsString(parameters, SITE, context) or SITE_NAME,
            self.parameterAsString(parameters, UNIT, context),
            names,
        )
        read = tables.read(MAX_SITES, seed, progress)
        measure = self.parameterAsEnumString(parameters, MEASURE, context) if len(names) > 1 else ""
        found = noise_ceiling(read.windows, halvings, bootstraps, seed, measure, PartOf(progress, 0.1, 1.0))
        block = self.parameterAsString(parameters, BLOCK, context).strip()
        row = _row(block, ", ".join(names), found, read.single)
        if read.sites > len(read.windows):
            sampled = f"from a random sample of {len(read.windows):,} of {read.sites:,} sites"
            row["note"] = "; ".join(part for part in (sampled, row["note"]) if part)
        if read.unnamed:
            progress.warn(f"{read.unnamed} rows without a site or measurement were left out.")
        _say(row, progress)
        earlier = self._earlier(parameters, context, block)
        rows = (*earlier, row)
        return {
            OUTPUT: write_table(self, parameters, OUTPUT, context, FIELDS, rows, self.tr("Noise ceilings"))
        }

    def _earlier(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, block: str
    ) -> list[dict[str, Any]]:
        """The rows of an earlier table, but for those of the same block."""
        source = self.parameterAsSource(parameters, EARLIER, context) if parameters.get(EARLIER) else None
        if source is None:
            return []
        indices = {spec.name: source.fields().lookupField(spec.name) for spec in FIELDS}
        if min(indices["block"], indices["reliability"]) < 0:
            raise InputError(
                "The table of ceilings so far needs the fields 'block' and 'reliability', as this tool makes it."
            )
        rows = []
        for feature in source.getFeatures():
            values = {name: feature.attribute(index) for name, index in indices.items() if index >= 0}
            values = {name: None if is_null(value) else value for name, value in values.items()}
            if str(values["block"]).strip().lower() != block.lower():
                rows.append(values)
        return rows


def _row(block: str, field: str, found: Found, single: int) -> dict[str, Any]:
    low, high = found.interval if found.interval is not None else (None, None)
    return {
        "block": block,
        "field": field,
        "windows": found.windows,
        "sites": found.sites,
        "sites_unsplit": found.sites_unsplit + single,
        "split_half": found.split_half,
        "reliability": found.reliability,
        "ceiling": found.ceiling,
        "ci_low": low,
        "ci_high": high,
        "note": found.note,
    }


def _say(row: Mapping[str, Any], progress: FeedbackProgress) -> None:
    """What the row means, in plain words."""
    used = f"'{row['block']}', {row['windows']} windows of {row['sites']} sites"
    if row["reliability"] is None:
        progress.warn(f"{used}: there is no noise ceiling ({row['note']}).")
        return
    note = f" Note: {row['note']}." if row["note"] else ""
    interval = ""
    if row["ci_low"] is not None:
        interval = f" (95 % interval {row['ci_low']:.2f} to {row['ci_high']:.2f})"
    progress.info(
        f"{used}: the similarities have a reliability of {row['reliability']:.2f}{interval}. Even with a block without "
        f"noise, an r of about {row['ceiling']:.2f} is the most to expect.{note}"
    )
    if row["sites_unsplit"]:
        have = "site has" if row["sites_unsplit"] == 1 else "sites have"
        progress.warn(
            f"{row['sites_unsplit']} {have} fewer than two windows "
            "and no part in this; what is measured there is noisier than this says."
        )
