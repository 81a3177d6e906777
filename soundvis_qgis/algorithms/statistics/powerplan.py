"""What the sites of a study can find, and how many sites it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterString,
)

from soundvis_core.errors import InputError

from ...layers.sinks import FieldSpec, integer, number, text
from ..base import Algorithm, FeedbackProgress
from ..parameters import add_number
from ..plain_tables import write_table
from .correlation_parameters import (
    INPUT,
    MEASURE,
    SEED,
    add_bga_blocks,
    add_blocks,
    add_group,
    add_joined_layers,
    add_measure,
    add_seed,
    add_sites,
    block_fields,
    group_field,
    open_sites,
    read_blocks,
    take_further_layers,
)
from .output_files import files_problem

if TYPE_CHECKING:
    from soundvis_core.statistics.power_rows import PowerRow

#: What is said where the core gives no number.
_MANY = "more than ten million"
ALPHA, POWER, TARGETS, OUTPUT = "ALPHA", "POWER", "R", "OUTPUT"
FIELDS = (
    text("block_a", "Block A"),
    text("block_b", "Block B"),
    text("category", "BGA category", "empty for whole blocks"),
    text("group", "Group", "'pooled' takes all pairs of sites, between groups too"),
    integer("sites", "Sites", "with a value in both blocks"),
    number("null_sd", "SD of r by chance", "over all permutations of the sites"),
    number(
        "r_detectable", "Smallest r found now", "absolute r that these sites find with the power asked for"
    ),
)


class PowerPlan(Algorithm):
    """``soundvis:powerplan``."""

    ID = "powerplan"
    LABEL = "Plan the number of sites"
    GROUP = "statistics"
    SUMMARY = (
        "Tells what correlation of sound and sight your sites can find, and how many sites it takes to find a weaker "
        "one.\n"
        "How far r strays by chance depends on the similarities themselves, not on the number of pairs: pairs that "
        "share a site are not independent. Both the spread of r where nothing is linked and its spread from sample to "
        "sample are therefore taken from the data, of a pilot study for instance, and told for other numbers of sites "
        "like these. The numbers are for the Mantel test. Where cities differ or neighbouring sites are alike, the "
        "stricter tests of 'Correlate sound and sight' find less: take more sites than this says."
    )
    REQUIRES = ("numpy", "scipy")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        add_sites(self)
        add_blocks(self, need="At least two blocks are needed.")
        add_group(self, "Field with the city or district of each site. Each group gets rows of its own.")
        self.add(
            QgsProcessingParameterString(TARGETS, self.tr("r to find"), defaultValue="0.1, 0.2, 0.3"),
            "Correlations that you want to be able to find, between 0 and 1, with commas or spaces between them. Each "
            "gets two columns: its chance to be found now, and how many sites it takes.",
        )
        add_bga_blocks(self)
        add_measure(self)
        add_joined_layers(self)
        add_number(
            self, ALPHA, "Level of the test (alpha)", 0.05, 1e-6,
            "A link counts as found where the two-sided p is at most this.", maximum=0.5, advanced=True,
        )  # fmt: skip
        add_number(
            self, POWER, "Power (0-1)", 0.8, 0.01, "Chance with which a link that is there should be found.",
            maximum=0.999, advanced=True,
        )  # fmt: skip
        add_seed(self, "Start of the random numbers, for the sample that is taken of more than 3,000 sites.")
        self.add(
            QgsProcessingParameterFeatureSink(
                OUTPUT, self.tr("Power plan"), QgsProcessing.SourceType.TypeVector
            ),
            "Table without geometry: a row per pair of blocks, pooled and per group.",
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        try:
            given = block_fields(self, parameters, context)
            group_field(self, parameters, context)
            self._targets(parameters, context)
        except InputError as error:
            return str(error)
        if len(given) < 2:
            return "Give the fields of at least two blocks: sound, street, aerial."
        return files_problem(self, parameters, context, (INPUT,), (OUTPUT,), "")

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._further = take_further_layers(self, parameters, context)

    def _targets(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> list[float]:
        """The r to find, each once, in the order given. Raises InputError for what is none."""
        given = self.parameterAsString(parameters, TARGETS, context)
        found = []
        for part in given.replace(",", " ").replace(";", " ").split():
            try:
                r = float(part)
            except ValueError:
                r = -1.0
            if not 0.0 < r < 1.0:
                raise InputError(
                    f"'{part}' is no r to find ({TARGETS}): give numbers between 0 and 1, as in '0.1, 0.2, 0.3'."
                )
            found.append(r)
        if not found:
            raise InputError(f"Give at least one r to find ({TARGETS}), as in '0.1, 0.2, 0.3'.")
        return list(dict.fromkeys(found))

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.progress import PartOf
        from soundvis_core.statistics.power_rows import power_rows

        targets = self._targets(parameters, context)
        alpha, power = (self.parameterAsDouble(parameters, name, context) for name in (ALPHA, POWER))
        sites = open_sites(self, parameters, context, self._further, progress)
        measure = self.parameterAsEnumString(parameters, MEASURE, context)
        blocks = read_blocks(sites, block_fields(self, parameters, context), measure)
        groups = sites.groups(group_field(self, parameters, context))
        seed = self.parameterAsInt(parameters, SEED, context)
        rows = power_rows(blocks, groups, targets, alpha, power, seed, PartOf(progress, 0.1, 1.0))
        fields = [*FIELDS, *_target_fields(targets, power), text("says", "In words"), text("note", "Note")]
        for row in rows:
            if row.group == "pooled" and not row.category:
                progress.info(_says(row, power))
        values = [{**_values(row), "says": _says(row, power)} for row in rows]
        return {OUTPUT: write_table(self, parameters, OUTPUT, context, fields, values, self.tr("Power plan"))}


def _name(r: float) -> str:
    """What stands for an r in the name of a field: 0_1 for 0.1."""
    return f"{r:.10g}".replace(".", "_").replace("-", "m")


def _target_fields(targets: Sequence[float], power: float) -> list[FieldSpec]:
    return [
        spec
        for r in targets
        for spec in (
            number(f"power_r{_name(r)}", f"Chance to find r = {r:g} now (0-1)"),
            integer(f"sites_r{_name(r)}", f"Sites to find r = {r:g}", f"with a chance of {power:g}"),
        )
    ]


def _values(row: PowerRow) -> dict[str, Any]:
    values: dict[str, Any] = {
        **{spec.name: getattr(row, spec.name, None) for spec in FIELDS},
        "r_detectable": row.detectable_r,
        "note": row.note,
    }
    for target in row.targets:
        values[f"power_r{_name(target.r)}"] = target.power
        values[f"sites_r{_name(target.r)}"] = target.sites_needed
    return values


def _says(row: PowerRow, power: float) -> str:
    """The row in plain words."""
    blocks = f"{row.block_a} and {row.block_b}" + (f" ({row.category})" if row.category else "")
    start = f"{blocks}, {row.group}: {row.sites} sites"
    if row.null_sd is None:
        return f"{start}, nothing can be told: {row.note}."
    now = "find no r"
    if row.detectable_r is not None:
        now = f"find an r of {row.detectable_r:.2f} or more with a chance of {100 * power:g} %"
    counts = [f"{target.sites_needed:,}" if target.sites_needed else _MANY for target in row.targets]
    needed = [f"r = {target.r:g} takes {count}" for target, count in zip(row.targets, counts)]
    return f"{start} {now}; {', '.join(needed)} sites."
