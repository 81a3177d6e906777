"""What 'Match sound and sight per site' found, as a table, as styles and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext

from soundvis_core.progress import Progress

from ...layers.sinks import integer, number, text
from ..plain_tables import write_table

if TYPE_CHECKING:
    from soundvis_core.statistics.cross_modal import SiteAgreement

    from ...layers.outputs import Styler
    from ..base import Algorithm

SUMMARY_FIELDS = (
    text("measure", "Measure"),
    integer("sites", "Sites", "with both sound and sight"),
    number("mean", "Mean of matching sites", "sound and sight of the same site"),
    number("null_mean", "Mean of shuffled sites", "sights shuffled among sites"),
    number("null_sd", "SD of shuffled means", "of that average over the permutations"),
    number(
        "p", "p (two-sided)", "permutation test: do matching sites agree more or less than shuffled ones?"
    ),
    text("note", "Note", "why a number is missing, or a warning"),
)


@dataclass(frozen=True)
class Match:
    """One measure: the ending of its field, its label, and what was found."""

    ending: str
    label: str
    agreement: SiteAgreement


def write_summary(
    algorithm: Algorithm,
    parameters: Mapping[str, Any],
    name: str,
    context: QgsProcessingContext,
    matches: Sequence[Match],
) -> str:
    """Write the tests as the table that output ``name`` asks for; where it lies."""
    rows = [
        {
            **{spec.name: getattr(match.agreement.test, spec.name) for spec in SUMMARY_FIELDS},
            "measure": match.label,
        }
        for match in matches
    ]
    return write_table(algorithm, parameters, name, context, SUMMARY_FIELDS, rows)


def match_styles(matches: Sequence[Match], prefix: str, shared: bool) -> dict[str, Styler]:
    """A style for each field; the first is the first measure's, but never a cosine that means nothing."""
    from ...layers.graduated import DIVERGING, graduated

    found: dict[str, Styler] = {}
    for match in matches:
        found[match.label] = graduated(prefix + match.ending, _bounds(match.agreement))
        if match.agreement.percentiles is not None:
            ranks = {"Match among mismatches": graduated(prefix + "pct", range(0, 101, 20), DIVERGING)}
            found = {**found, **ranks} if shared else {**ranks, **found}
    return found


def _bounds(agreement: SiteAgreement) -> list[float]:
    """Five classes of about as many sites each."""
    import numpy as np

    values = agreement.values[np.isfinite(agreement.values)]
    if values.size == 0:
        return []
    bounds = np.unique(np.quantile(values, np.linspace(0.0, 1.0, 6))).tolist()
    return bounds * 2 if len(bounds) == 1 else bounds


def say(match: Match, progress: Progress) -> None:
    """Tell the log what the test of a measure found, in plain words."""
    test = match.agreement.test
    if test.mean is None:
        progress.info(f"{match.label}: {test.note}.")
        return
    line = f"{match.label}: {test.mean:.4g} on average at {test.sites} sites"
    if test.null_mean is not None:
        line += f"; {test.null_mean:.4g} with sights shuffled (SD {test.null_sd:.2g})"
        if test.p is not None:
            line += f"; p = {test.p:.3g}: {_meaning(test.p, test.mean > test.null_mean)}"
    progress.info(f"{line}.{f' Note: {test.note}.' if test.note else ''}")
    among = match.agreement.ranked_among
    if 0 < among < test.sites - 1:
        progress.info(f"Each site was ranked among a random sample of {among:,} others.")


def _meaning(p: float, more: bool) -> str:
    if p > 0.05:
        return "no sign that sound matches its own site's sight better or worse than that of other sites"
    return f"sound matches its own site's sight {'better' if more else 'worse'} than that of other sites"
