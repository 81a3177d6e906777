"""What screening recordings and screening photos have in common: rules, thresholds, fields, advice."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterNumber,
)

from soundvis_core.pipeline import OK, SiteResult
from soundvis_core.progress import check_cancelled
from soundvis_core.screening.rules import Rule

from ...compat import is_null
from ...layers.sinks import FieldSpec, integer, is_wanted, number, text
from ..base import FeedbackProgress
from ..parameters import (
    BASE_FOLDER,
    PATH_FIELD,
    PREFIX,
    add_checkpoint,
    add_path_parameters,
    add_prefix,
    checkpoint_of,
    optional_number,
)
from ..per_site import SitesAlgorithm
from ..plain_tables import add_plain_table
from .thresholds import calibrated_threshold, chosen_thresholds, label_of, score_label, write_thresholds

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.screening.verdict import Verdict

METHOD, RULES, LABEL, LABEL_RULE, THRESHOLDS = "METHOD", "RULES", "LABEL", "LABEL_RULE", "THRESHOLDS"


class ScreenSites(SitesAlgorithm):
    """Scores the file of each site by rules and says whether to keep it. Never deletes."""

    GROUP = "screening"
    OUTPUT_LABEL = "Screened sites"
    WHAT = ""
    ALL_RULES: tuple[Rule, ...] = ()
    METHODS: tuple[str, ...] = ()
    METHOD_HELP = ""
    DEFAULT_PREFIX = ""

    def site_parameters(self) -> None:
        add_path_parameters(self, self.WHAT)
        self.add(
            QgsProcessingParameterEnum(
                METHOD,
                self.tr("Method"),
                options=list(self.METHODS),
                defaultValue=self.METHODS[0],
                usesStaticStrings=True,
            ),
            self.METHOD_HELP,
        )
        names = [rule.name for rule in self.ALL_RULES]
        self.add(
            QgsProcessingParameterEnum(
                RULES,
                self.tr("Rules in force"),
                options=names,
                allowMultiple=True,
                defaultValue=names,
                optional=True,  # else QGIS itself refuses none, in words that say little
                usesStaticStrings=True,
            ),
            "The rules that the advice follows. The scores of the others are written all the same.",
        )
        add_prefix(self, self.DEFAULT_PREFIX)
        self.further_parameters()
        for rule in self.ALL_RULES:
            self._add_threshold(rule)
        self._add_labels()
        add_checkpoint(self)
        add_plain_table(
            self,
            THRESHOLDS,
            "Table of thresholds",
            ": a row per rule with its threshold, where that comes from, how many sites it "
            "drops, and, where it was calibrated, how well it tells the judged sites apart.",
        )

    def further_parameters(self) -> None:
        """The parameters of this kind of file alone."""

    def _add_threshold(self, rule: Rule) -> None:
        kind = QgsProcessingParameterNumber.Type.Double
        units = ", or ".join(dict.fromkeys(rule.unit(method) for method in rule.thresholds))
        label = self.tr(f"Threshold: {rule.label.lower()} ({units})")
        definition = QgsProcessingParameterNumber(rule.name.upper(), label, kind, None, True, *rule.limits)
        defaults = "; ".join(
            f"{method}: {threshold:g} ({rule.grounds[method]}), of the {rule.score[method]}"
            for method, threshold in rule.thresholds.items()
        )
        side = "at or below" if rule.below else "at or above"
        missing = [method for method in self.METHODS if method not in rule.thresholds]
        none = f" The method {missing[0]} has no such score." if missing else ""
        self.add(
            definition,
            f"The rule applies {side} this. Empty: that of the method. {defaults}.{none}",
            advanced=True,
        )

    def _add_labels(self) -> None:
        self.add(
            QgsProcessingParameterField(
                LABEL,
                self.tr("Field with your own judgement"),
                parentLayerParameterName=self.INPUT,
                optional=True,
            ),
            f"Calibrates a threshold: 1 where the rule should apply to the site's {self.WHAT}, 0 where not, empty "
            "where nobody has judged. The threshold with the best balanced accuracy (Youden's J) on these sites "
            "replaces that of the rule; the table of thresholds tells how it does on sites left out.",
            advanced=True,
        )
        names = [rule.name for rule in self.ALL_RULES]
        self.add(
            QgsProcessingParameterEnum(
                LABEL_RULE,
                self.tr("Rule that the judgement is about"),
                options=names,
                defaultValue=names[0],
                usesStaticStrings=True,
            ),
            "The rule whose threshold is calibrated; it is in force then. Run the tool once for each judged rule, and "
            "give the thresholds found before.",
            advanced=True,
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return (
            super().problem(parameters, context)
            or self._label_problem(parameters, context)
            or self._rules_problem(parameters, context)
            or self.table_problem(parameters, context, THRESHOLDS)
        )

    def _label_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        name = self.parameterAsString(parameters, LABEL, context)
        source = self.parameterAsSource(parameters, self.INPUT, context)
        if not name or source is None:
            return None
        if source.fields().lookupField(name) < 0:
            return f"The layer has no field '{name}' (given as judgement)."
        method = self.parameterAsEnumString(parameters, METHOD, context)
        rule = self.parameterAsEnumString(parameters, LABEL_RULE, context)
        if method not in next(one for one in self.ALL_RULES if one.name == rule).thresholds:
            return (
                f"The method '{method}' has no score for the rule '{rule}', so there is nothing to calibrate."
            )
        return None

    def _named_rules(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> list[str]:
        """The names given as RULES. Where none is given QGIS answers with the default, all of them."""
        if parameters.get(RULES) in ([], (), ""):
            return []
        return self.parameterAsEnumStrings(parameters, RULES, context)

    def _chosen_rules(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext
    ) -> tuple[list[str], list[str]]:
        """The names of the chosen rules: those that the method can judge, and those that it cannot."""
        method = self.parameterAsEnumString(parameters, METHOD, context)
        names = self._named_rules(parameters, context)
        chosen = [rule for rule in self.ALL_RULES if rule.name in names]
        judged = [rule.name for rule in chosen if method in rule.thresholds]
        return judged, [rule.name for rule in chosen if method not in rule.thresholds]

    def _rules_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        judged, others = self._chosen_rules(parameters, context)
        if judged or self.parameterAsString(parameters, LABEL, context):
            return None
        if not others:
            return "No rule is in force, so every site would be kept. Choose one at least."
        method = self.parameterAsEnumString(parameters, METHOD, context)
        return (
            f"{', '.join(others)} cannot be judged by the method {method}, and no other rule is in force. Choose the "
            f"method '{self.METHODS[0]}' or another rule."
        )

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._resolver = self.path_resolver(parameters, BASE_FOLDER, context)

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        prefix = self._prefix
        self.status_field = prefix + "status"
        scores = [
            number(
                prefix + rule.name,
                score_label(rule, self._method),
                rule.score.get(self._method, f"not known to the method {self._method}"),
            )
            for rule in self.ALL_RULES
        ]
        kept = [
            integer(f"{prefix}keep_{name}", f"Keep by the rule {name} alone", f"1 or 0; {threshold.told()}")
            for name, threshold in self._thresholds.items()
        ]
        return [
            integer(prefix + "keep", "Keep", "1: keep; 0: better left out; empty: not screened"),
            text(prefix + "reason", "Reason", "what the rules object to, or why the site was not screened"),
            *self.counts(prefix),
            *scores,
            *kept,
            text(
                prefix + "method",
                "Method",
                "what the scores are measured by; those of two methods differ in kind",
            ),
            text(prefix + "status", f"Status of the {self.WHAT}", "ok, failed or skipped"),
        ]

    def counts(self, prefix: str) -> list[FieldSpec]:
        """The fields on windows, of files that have several."""
        return []

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        self._method = self.parameterAsEnumString(parameters, METHOD, context)
        self._prefix = self.parameterAsString(parameters, PREFIX, context)
        self._path_field = self.parameterAsString(parameters, PATH_FIELD, context)
        self._checkpoint = checkpoint_of(self, parameters, context)
        self._label = self.parameterAsString(parameters, LABEL, context)
        label_rule = self.parameterAsEnumString(parameters, LABEL_RULE, context) if self._label else ""
        self._thresholds = chosen_thresholds(
            self.ALL_RULES,
            self._method,
            [*self._named_rules(parameters, context), label_rule],
            {
                rule.name: optional_number(self, parameters, rule.name.upper(), context)
                for rule in self.ALL_RULES
            },
        )
        for name in self._chosen_rules(parameters, context)[1]:
            progress.warn(f"{name} cannot be judged by the method {self._method}: nothing is left out by it.")
        self._label_rule = label_rule
        if label_rule and self._thresholds[label_rule].source == "given":
            progress.warn(
                f"{label_rule.upper()} = {self._thresholds[label_rule].value:g} gives way to the threshold that is "
                f"calibrated on the field '{self._label}'. Leave either of them empty."
            )
        self._most_masked = self.most_masked(parameters, context)
        self._dropped: Counter[str] = Counter()
        self._screened = self._kept = 0
        results = super().execute(parameters, context, progress)
        self._say_advice(progress)
        if is_wanted(parameters.get(THRESHOLDS)):
            results[THRESHOLDS] = write_thresholds(
                self, parameters, THRESHOLDS, context, self._thresholds.values(), self._dropped
            )
        return results

    def most_masked(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> float:
        """From which share of masked windows on a site goes."""
        return 0.0

    def scored(
        self, features: Iterator[QgsFeature], progress: FeedbackProgress
    ) -> Generator[SiteResult, None, None]:
        """The scores of each site, in order."""
        raise NotImplementedError

    def score_arrays(self, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """By rule the scores of the windows of a site."""
        raise NotImplementedError

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Generator[Mapping[str, Any], None, None]:
        labels: deque[bool | None] = deque()
        with closing(self.scored(self._labelled(features, labels), progress)) as results:
            if not self._label:
                for result in results:
                    yield self._values(result)
                return
            found: list[SiteResult] = []
            for result in results:
                check_cancelled(progress)
                found.append(result)
                progress.report(0.9 * len(found) / total if total else 0.9)
        self._calibrate(found, labels, progress)
        for result in found:
            yield self._values(result)

    def _labelled(self, features: Iterator[QgsFeature], labels: deque[bool | None]) -> Iterator[QgsFeature]:
        for feature in features:
            if self._label:
                value = feature.attribute(self._label)
                labels.append(None if is_null(value) else label_of(value, self._label))
            yield feature

    def _calibrate(
        self, results: Sequence[SiteResult], labels: Sequence[bool | None], progress: FeedbackProgress
    ) -> None:
        """Replace the threshold of the judged rule by the one that suits the judgements best."""
        from soundvis_core.screening.verdict import site_score

        threshold = self._thresholds[self._label_rule]
        judged = []
        for result, label in zip(results, labels):
            if label is None or result.status != OK:
                continue
            windows = self.score_arrays(result.values)[threshold.rule.name]
            score = site_score(windows, threshold.rule, self._most_masked)
            if score is not None:
                judged.append((score, label))
        self._thresholds[self._label_rule] = calibrated_threshold(threshold, judged, self._label, progress)

    def _values(self, result: SiteResult) -> dict[str, Any]:
        from soundvis_core.screening.verdict import judge

        prefix = self._prefix
        values: dict[str, Any] = {prefix + "status": result.status, prefix + "reason": result.reason or None}
        if result.status != OK:
            self.judged(result, None)
            return values
        limits = {name: threshold.value for name, threshold in self._thresholds.items()}
        scores = self.score_arrays(result.values)
        verdict = judge(scores, self.ALL_RULES, limits, self._most_masked)
        self._screened += 1
        self._kept += verdict.keep
        self._dropped.update(name for name, kept in verdict.kept.items() if kept is False)
        values.update(
            {
                prefix + "keep": int(verdict.keep),
                prefix + "reason": verdict.reason or None,
                prefix + "method": self._method,
                **{prefix + name: score for name, score in verdict.scores.items()},
                **{
                    f"{prefix}keep_{name}": None if kept is None else int(kept)
                    for name, kept in verdict.kept.items()
                },
            }
        )
        values.update({prefix + name: value for name, value in self.judged(result, verdict).items()})
        return values

    def judged(self, result: SiteResult, verdict: Verdict | None) -> dict[str, Any]:
        """The further values of a site, without prefix; None where it was not screened."""
        return {}

    def styles(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Mapping[str, Any]:
        from ...layers.screening_styles import screening_styles

        return screening_styles(self._prefix)

    def _say_advice(self, progress: FeedbackProgress) -> None:
        gone = self._screened - self._kept
        by_rule = ", ".join(
            f"{name} {self._dropped[name]}" for name in self._thresholds if self._dropped[name]
        )
        if not self._screened:
            return
        progress.info(
            f"{gone} of {self._screened} screened sites had better be left out"
            f"{f' (by each rule alone: {by_rule})' if by_rule else ''}. Nothing is deleted: choose "
            f'"{self._prefix}keep" = 1 in the steps that follow.'
        )
