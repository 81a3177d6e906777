"""The thresholds of a run: the method's, the user's or those calibrated on judged sites, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext

from soundvis_core.errors import InputError
from soundvis_core.screening.rules import Rule

from ...layers.sinks import integer, number, text
from ..plain_tables import write_table

if TYPE_CHECKING:
    from soundvis_core.progress import Progress
    from soundvis_core.screening.calibration import Calibration

    from ..base import Algorithm

#: With fewer judged sites of a kind a calibrated threshold hangs on each of them.
FEW_JUDGED = 10
_YES, _NO = ("1", "true", "yes", "y"), ("0", "false", "no", "n")
FIELDS = (
    text("rule", "Rule"),
    text("method", "Method"),
    text("score", "What the score is"),
    text("unit", "Unit of score and threshold"),
    text("applies", "Side", "at or above, or at or below the threshold"),
    number("threshold", "Threshold"),
    text("source", "Where the threshold is from", "default, given or calibrated"),
    text("grounds", "Grounds"),
    integer("dropped", "Sites dropped by this rule alone"),
    integer("marked_1", "Judged sites marked 1"),
    integer("marked_0", "Judged sites marked 0"),
    number("sensitivity", "Sensitivity", "share of the sites marked 1 that the rule finds"),
    number("specificity", "Specificity", "share of the sites marked 0 that the rule spares"),
    number("youden_j", "Youden's J", "sensitivity + specificity - 1"),
    number("balanced", "Balanced accuracy", "on the sites that the threshold was chosen on: too good"),
    number("left_out", "Balanced accuracy, left out", "each site judged by the threshold of the others"),
    number("auc", "AUC", "chance that a site marked 1 scores worse than one marked 0"),
)


@dataclass(frozen=True)
class Threshold:
    """The threshold of a rule in force. source: default, given or calibrated; grounds: why that number."""

    rule: Rule
    method: str
    value: float
    source: str
    grounds: str
    calibration: Calibration | None = None

    def told(self) -> str:
        """What notes on fields say of it."""
        side = "at or below" if self.rule.below else "at or above"
        limit = f"{self.value:g} {self.rule.units.get(self.method, '')}".rstrip()
        return f"applies {side} {limit} ({self.source})"


def score_label(rule: Rule, method: str) -> str:
    """What tables call the field of a rule's score, with its unit."""
    unit = rule.unit(method)
    return f"{rule.label}: score{f' ({unit})' if unit else ''}"


def chosen_thresholds(
    rules: Iterable[Rule], method: str, names: Sequence[str], given: Mapping[str, float | None]
) -> dict[str, Threshold]:
    """The thresholds of the rules in force, ``names``, of which the method has a score."""
    found = {}
    for rule in rules:
        if rule.name not in names or method not in rule.thresholds:
            continue
        own = given.get(rule.name)
        if own is None:
            found[rule.name] = Threshold(
                rule, method, rule.thresholds[method], "default", rule.grounds[method]
            )
        else:
            found[rule.name] = Threshold(rule, method, own, "given", "the user's own")
    return found


def calibrated_threshold(
    threshold: Threshold, judged: Sequence[tuple[float, bool]], field: str, progress: Progress
) -> Threshold:
    """The threshold that suits judged sites (score, and whether the rule should apply) best.

    Where no threshold tells them apart better than chance, the one that was there stays.

    Raises InputError where all of them are judged alike.
    """
    import numpy as np

    from soundvis_core.screening.calibration import calibrate

    scores, marked = (
        np.array([score for score, _ in judged]),
        np.array([mark for _, mark in judged], dtype=bool),
    )
    found = calibrate(scores, marked, threshold.rule.below)
    name, count = threshold.rule.name, found.yes + found.no
    if found.youden <= 0.0:
        progress.warn(
            f"The score of {name} does not tell the {count} judged sites apart (AUC {found.auc:.2f}), so its threshold "
            f"stays {threshold.value:g} ({threshold.source}). Is '{field}' 1 where the rule should apply?"
        )
        return replace(threshold, calibration=found)
    if found.auc < 0.5:
        progress.warn(
            f"Sites marked 1 in '{field}' score milder by {name} than those marked 0 more often than not (AUC "
            f"{found.auc:.2f}): worse than a coin. Is '{field}' 1 where the rule should apply? The threshold that "
            "follows may be chance."
        )
    left_out = "unknown" if found.left_out is None else f"{found.left_out:.2f}"
    progress.info(
        f"Threshold of {name} by the field '{field}': {found.threshold:.4g}. Balanced accuracy {found.balanced:.2f} on "
        f"the {count} judged sites that it was chosen on, {left_out} on sites left out."
    )
    if min(found.yes, found.no) < FEW_JUDGED:
        progress.warn(
            f"Only {found.yes} sites marked 1 and {found.no} marked 0 stand behind the threshold of {name}: judge "
            f"{FEW_JUDGED} of either kind at least."
        )
    return replace(
        threshold,
        value=found.threshold,
        source="calibrated",
        grounds=f"best balanced accuracy on the field '{field}'",
        calibration=found,
    )


def label_of(value: Any, field: str) -> bool:
    """A judgement as yes or no. Raises InputError for what is neither."""
    said = str(value).strip().lower()
    said = said[: -len(".0")] if said.endswith(".0") else said
    if said not in (*_YES, *_NO):
        raise InputError(
            f"The field '{field}' holds '{value}'. A judgement is 1 (the rule should apply) or 0 (it should not), or "
            "empty."
        )
    return said in _YES


def write_thresholds(
    algorithm: Algorithm,
    parameters: Mapping[str, Any],
    name: str,
    context: QgsProcessingContext,
    thresholds: Iterable[Threshold],
    dropped: Mapping[str, int],
) -> str:
    """Write the table; where it lies, as Processing names it."""
    rows = (_row(threshold, dropped[threshold.rule.name]) for threshold in thresholds)
    return write_table(algorithm, parameters, name, context, FIELDS, rows)


def _row(threshold: Threshold, dropped: int) -> dict[str, Any]:
    rule, found = threshold.rule, threshold.calibration
    row: dict[str, Any] = {
        "rule": rule.name,
        "method": threshold.method,
        "score": rule.score[threshold.method],
        "unit": rule.unit(threshold.method),
        "applies": "at or below" if rule.below else "at or above",
        "threshold": threshold.value,
        "source": threshold.source,
        "grounds": threshold.grounds,
        "dropped": dropped,
    }
    if found is not None:
        row.update(
            marked_1=found.yes, marked_0=found.no, sensitivity=found.sensitivity, specificity=found.specificity,
            youden_j=found.youden, balanced=found.balanced, left_out=found.left_out, auc=found.auc,
        )  # fmt: skip
    return row
