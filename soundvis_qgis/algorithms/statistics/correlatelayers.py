"""Correlate sound with sight."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
)

from soundvis_core.dependencies import how_to_get, missing
from soundvis_core.errors import InputError

from ...layers.sinks import FieldSpec, is_wanted, remove_files
from ..base import Algorithm, FeedbackProgress
from ..parameters import add_number
from ..plain_tables import add_plain_table, write_table
from .correlation_parameters import (
    BOOTSTRAPS,
    CONTROLS,
    INPUT,
    KEEP,
    MEASURE,
    METHOD,
    PERMUTATIONS,
    SEED,
    BlockFields,
    add_bga_blocks,
    add_blocks,
    add_field,
    add_group,
    add_joined_layers,
    add_measure,
    add_method,
    add_permutations,
    add_seed,
    add_sites,
    block_fields,
    given_fields,
    group_field,
    joining_problem,
    open_sites,
    read_blocks,
    same_fields,
    take_further_layers,
)
from .output_files import files_problem, numbers_beside

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.progress import Progress
    from soundvis_core.statistics.results import Block, CorrelationResult, RuleEffect

    from ...layers.joined_sites import JoinedSites

DISTANCE = "DISTANCE"
CEILING = "CEILING"
OUTPUT = "OUTPUT"
FUSION = "FUSION"
REPORT = "REPORT"


class CorrelateLayers(Algorithm):
    """``soundvis:correlatelayers``."""

    ID = "correlatelayers"
    LABEL = "Correlate sound and sight"
    GROUP = "statistics"
    SUMMARY = (
        "Asks whether places that sound alike also look alike.\n"
        "Each block (sound, street, aerial) describes the sites by an embedding field, several numeric fields, or one "
        "number; BGA fields make blocks of their own. The similarities of all pairs of sites in one block are "
        "correlated with those in another: over all sites (pooled) and within each group. Street and aerial together "
        "are compared with sound as the mean of their standardised similarities.\n"
        "Several p-values stand side by side, from the loosest to the strictest: the naive one, which takes pairs as "
        "independent and is far too small; Mantel's, which permutes sites; the same within groups; given distance and "
        "further fields; and one that keeps spatial autocorrelation. Each row says which of them to read.\n"
        "Sites without a value are dropped for that pair of blocks, counted and named."
    )
    REQUIRES = ("numpy", "scipy")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        add_sites(self)
        add_blocks(self, need="At least two of sound, street and aerial are needed.")
        add_bga_blocks(self)
        add_measure(self)
        add_group(
            self,
            "Field with the city or district of each site. Each group gets rows of its own beside the pooled ones.",
        )
        add_joined_layers(self)
        add_method(self)
        self.add(
            QgsProcessingParameterBoolean(DISTANCE, self.tr("Hold distance fixed"), defaultValue=True),
            "Whether the partial Mantel test takes away what the logarithm of the distance between sites explains, "
            "in metres on the ground. Needs sites with a place.",
            advanced=True,
        )
        add_field(
            self,
            CONTROLS,
            "Further fields to hold fixed",
            "Numeric fields, such as the height of the site or the hour of the recording: the partial Mantel test "
            "takes away what the differences in them explain, too.",
            several=True,
            numeric=True,
            advanced=True,
        )
        add_permutations(
            self,
            "Permutations of each test. With 999 the smallest possible p is 0.001; 0 leaves the tests out.",
        )
        add_number(
            self,
            BOOTSTRAPS,
            "Bootstraps",
            999,
            0,
            "How often sites are drawn anew for the 95 % intervals; 0 leaves them out.",
            maximum=10_000,
            integer=True,
            advanced=True,
        )
        add_seed(self, "Start of the random numbers; the same seed gives the same p and intervals.")
        self.add(
            QgsProcessingParameterFeatureSource(
                CEILING, self.tr("Noise ceiling"), [QgsProcessing.SourceType.TypeVector], optional=True
            ),
            "Table made by 'Noise ceiling': how reliable the blocks are. Each r is then shown beside the largest that "
            "the noise of the measurements lets one expect.",
            advanced=True,
        )
        add_field(
            self,
            KEEP,
            "Keep fields of screening",
            "One field per rule, 1 where a site is kept and 0 where it had better be left out, as 'Screen recordings' "
            "and 'Screen street photos' make them (scr_keep_speech, st_scr_keep_night). The rows are of all sites "
            "as ever; the report and the table of everything else tell what r becomes without the sites that each rule "
            "drops, and without those of all rules. The advice as a whole (scr_keep) beside its own rules has a row, "
            "but is no further rule. A site that was not screened is kept.",
            several=True,
            numeric=True,
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFeatureSink(
                OUTPUT, self.tr("Correlations"), QgsProcessing.SourceType.TypeVector
            ),
            "Table without geometry: a row per pair of blocks, pooled and per group.",
        )
        add_plain_table(
            self,
            FUSION,
            "Both views, groups and weights",
            " of everything else, a number per row: sound against street and aerial together "
            "(multiple R, unique and shared variance), whether r differs between groups, what the uncertainty of the "
            "BGA weights does to each r, and what each rule of screening does.",
        )
        self.add(
            QgsProcessingParameterFileDestination(
                REPORT, self.tr("Report"), "HTML (*.html)", optional=True, createByDefault=True
            ),
            "One self-contained HTML file with tables and figures, and a CSV of every number beside it.",
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        try:
            given = block_fields(self, parameters, context)
            group_field(self, parameters, context)
        except InputError as error:
            return str(error)
        if len({block.name.split()[0] for block in given}) < 2:
            return "Give the fields of at least two blocks: sound, street, aerial."
        if is_wanted(parameters.get(REPORT)) and missing(("matplotlib",)):
            way = how_to_get(["matplotlib"])
            return f"The report needs matplotlib for its figures. {way} Or leave the report empty."
        return joining_problem(self, parameters, context) or files_problem(
            self, parameters, context, (INPUT, CEILING), (OUTPUT, FUSION), REPORT
        )

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._further = take_further_layers(self, parameters, context)

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.progress import PartOf
        from soundvis_core.statistics.correlate import correlate_blocks
        from soundvis_core.statistics.plain_words import headline

        from .ceiling_table import read_reliabilities, with_reliabilities
        from .correlation_log import dropped_lines, family_lines, row_line, screening_lines, untested_lines
        from .correlation_tables import CORRELATIONS, correlation_rows, fusion_rows
        from .correlation_tables import FUSION as FUSION_FIELDS

        sites = open_sites(self, parameters, context, self._further, progress)
        given = block_fields(self, parameters, context)
        for line in same_fields(given):
            progress.warn(line)
        blocks = read_blocks(sites, given, self.parameterAsEnumString(parameters, MEASURE, context))
        ceiling = self.parameterAsSource(parameters, CEILING, context) if parameters.get(CEILING) else None
        if ceiling is not None:
            blocks = with_reliabilities(blocks, given, read_reliabilities(ceiling), progress)
        controls = given_fields(self, parameters, CONTROLS, context)
        kept = {
            name: sites.numbers(name, "a keep field of screening")
            for name in given_fields(self, parameters, KEEP, context)
        }
        result = correlate_blocks(
            blocks,
            sites.groups(group_field(self, parameters, context)),
            permutations=self.parameterAsInt(parameters, PERMUTATIONS, context),
            bootstraps=self.parameterAsInt(parameters, BOOTSTRAPS, context),
            seed=self.parameterAsInt(parameters, SEED, context),
            method=self.parameterAsEnumString(parameters, METHOD, context),
            lonlat=self._places(sites, context, progress),
            controls=[(name, sites.numbers(name, "a further field to hold fixed")) for name in controls],
            use_distance=self.parameterAsBoolean(parameters, DISTANCE, context),
            progress=PartOf(progress, 0.05, 0.8 if kept else 0.9),
        )
        if kept:
            result = replace(
                result, screening=self._effects(blocks, result, kept, PartOf(progress, 0.8, 0.9))
            )
        results = {OUTPUT: self._write(parameters, OUTPUT, context, CORRELATIONS, correlation_rows(result))}
        if is_wanted(parameters.get(FUSION)):
            rows = fusion_rows(result)
            results[FUSION] = self._write(parameters, FUSION, context, FUSION_FIELDS, rows)
        if headline(result):
            progress.warn(headline(result))
        for line in (*dropped_lines(result), *untested_lines(result), *family_lines(result)):
            progress.info(line)
        for row in result.rows:
            if row.group == "pooled":
                progress.info(row_line(row, len(sites)))
        for line in (*result.advice, *screening_lines(result)):
            progress.info(line)
        report = self.parameterAsFileOutput(parameters, REPORT, context)
        if report:
            self._write_report(report, result, given, sites.site_names())
            results[REPORT] = report
        return results

    @staticmethod
    def _effects(
        blocks: Sequence[Block],
        result: CorrelationResult,
        kept: Mapping[str, np.ndarray],
        progress: Progress,
    ) -> tuple[RuleEffect, ...]:
        """What each rule of screening does to the rows of the result."""
        from soundvis_core.screening.effect import rule_effects

        groups = result.site_groups or None
        return tuple(
            rule_effects(blocks, groups, kept, method=result.method, seed=result.seed, progress=progress)
        )

    @staticmethod
    def _places(
        sites: JoinedSites, context: QgsProcessingContext, progress: FeedbackProgress
    ) -> np.ndarray | None:
        """Where the sites are, in degrees; None where that cannot be known."""
        if missing(("pyproj",)):
            progress.warn(f"Distances between sites need pyproj and are left out. {how_to_get(['pyproj'])}")
            return None
        return sites.lonlat(context.transformContext())

    def _write(
        self,
        parameters: Mapping[str, Any],
        name: str,
        context: QgsProcessingContext,
        fields: Sequence[FieldSpec],
        rows: Iterable[Mapping[str, Any]],
    ) -> str:
        """Write a table without geometry; where it lies, as Processing names it."""
        label = self.parameterDefinition(name).description()
        return write_table(self, parameters, name, context, fields, rows, label)

    def _write_report(
        self, path: str, result: Any, given: Sequence[BlockFields], names: Sequence[str]
    ) -> None:
        from soundvis_core.report import write_report

        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        write_report(
            path,
            result,
            provenance=self.provenance,
            block_fields={block.name: list(block.fields) for block in given},
            site_names=names,
        )
        # Not before: until then the files are an earlier report, or none.
        self.on_failure(lambda: remove_files([path, numbers_beside(path)]))
