"""Screen recordings."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from itertools import tee
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeature,
    QgsProcessingContext,
)

from soundvis_core.pipeline import SiteResult
from soundvis_core.screening.rules import SIGNAL, SOUND_RULES, TAGS

from ...layers.sinks import FieldSpec, integer, is_wanted, text
from ..base import FeedbackProgress
from ..embedding.files import paths_of
from ..parameters import add_number, checkpoint_of
from ..plain_tables import add_plain_table
from .base import METHOD, ScreenSites

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.screening.verdict import Verdict

    from ..window_keys import WindowKey
    from .window_scores import WindowScores

MOST_MASKED, WINDOWS = "MOST_MASKED", "WINDOWS"


class ScreenRecordings(ScreenSites):
    """``soundvis:screenrecordings``."""

    ID = "screenrecordings"
    LABEL = "Screen recordings"
    SUMMARY = (
        "Says which recordings, and which 10-second windows of them, a study had better do without: speech, indoor, "
        "transient events, wind on the microphone, silence, clipping.\n"
        "The paper leaves out recordings dominated by speech, indoor ones and those with alarms, outbursts and the "
        "like (section 3.1), and gives no numbers. Nothing is deleted here: each site gets a score per rule, a mask of "
        "its windows (1 used, 0 masked), the advice to keep it or not and the reason, and stays. 'Embed recordings' "
        "and 'BGA of recordings' take the mask, so that a few seconds of talk need not cost a site; 'Correlate sound "
        "and sight' shows what each rule does to r.\n"
        "The method 'ast-audioset' reads the probabilities that the paper's model of sound gives to AudioSet's 527 "
        "classes; it needs the model's weights and SoundVis' own Python environment (tools 'Download models' and 'Set "
        "up the environment'). Silence and clipping are always measured on the signal.\n"
        "The method 'light' measures the signal alone: modulation for speech, what stands out in level of the rest of "
        "the recording for events, low frequencies for wind. It does not recognise sources, and knows no indoors: a "
        "lorry that passes once is an event, but a bird that sings on is none.\n"
        "Silence is the level in dB re full scale, the RMS over channels and window of the full band as recorded, so "
        "that channels in opposite phase are not silent. The rest is measured on the mono mix up to 8 kHz; where the "
        "channels cancel each other in it by 20 dB or more, on the loudest channel.\n"
        "Clipping is found at full scale, and below it where a recording was turned down later; not where it was "
        "turned down and then saved as MP3, OGG or M4A."
    )
    JOB = "screen-recordings"
    WHAT = "recording"
    ALL_RULES = SOUND_RULES
    METHODS = (TAGS, SIGNAL)
    METHOD_HELP = (
        "ast-audioset: by the tags of a trained model (needs environment and weights); what it heard for other tools "
        "is used again. light: by measures of the signal, nothing to download; indoor stays empty."
    )
    DEFAULT_PREFIX = "scr_"

    def further_parameters(self) -> None:
        add_number(
            self,
            MOST_MASKED,
            "Most windows masked (0-1)",
            0.5,
            0.0,
            "A site had better be left out where more than this share of its windows is masked, or all of them. With "
            "0.5 what dominates a recording decides, as in the paper; with 0 a single window does. The score of a site "
            "is that of the window on which this turns: about the median with 0.5, the worst with 0.",
            maximum=1.0,
            advanced=True,
        )

    def site_parameters(self) -> None:
        super().site_parameters()
        add_plain_table(
            self,
            WINDOWS,
            "Table of windows",
            ": a row per 10-second window of each recording, with its scores and whether it is used. The columns that "
            "name a window are those of the tables of 'Embed recordings' and 'BGA of recordings': site (the feature "
            "id), site_id (where the layer has a field site_id, site, id or name), recording, window, start_s.",
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return super().problem(parameters, context) or self.table_problem(parameters, context, WINDOWS)

    def dependency_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        """The signal is measured by either method; the tags need the model, too."""
        problem = super().dependency_problem(parameters, context)
        if problem or self.parameterAsEnumString(parameters, METHOD, context) != TAGS:
            return problem
        from ...runtime.execution import job_problem

        return job_problem("hear-recordings", _tagger(checkpoint_of(self, parameters, context)))

    def most_masked(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> float:
        return self.parameterAsDouble(parameters, MOST_MASKED, context)

    def counts(self, prefix: str) -> list[FieldSpec]:
        return [
            text(prefix + "mask", "Mask of the windows", "a character per 10-s window: 1 used, 0 masked"),
            integer(prefix + "windows", "Windows of the recording", "number of 10-s windows"),
            integer(prefix + "masked", "Windows masked"),
        ]

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        self._keys: deque[WindowKey] = deque()
        self._named_by = ""
        self._progress = progress
        self._table: WindowScores | None = None
        if is_wanted(parameters.get(WINDOWS)):
            from ...layers.joined_sites import naming_field
            from .window_scores import WindowScores

            method = self.parameterAsEnumString(parameters, METHOD, context)
            self._named_by = naming_field(self.source(parameters, context).fields())
            self._table = WindowScores(self, parameters, WINDOWS, context, method, self._named_by)
        results = super().execute(parameters, context, progress)
        if self._table is not None:
            self.on_success(self._table.close({**self.provenance, **self.facts}))
            results[WINDOWS] = self._table.destination
        return results

    def scored(
        self, features: Iterator[QgsFeature], progress: FeedbackProgress
    ) -> Generator[SiteResult, None, None]:
        from soundvis_core.screening.recordings import with_tags

        from ...runtime.execution import run_for_sites

        if self._method == SIGNAL:
            progress.info("Method light: measures of the signal, without a model.")
        for_signal, for_tags = tee(paths_of(self._noted(features), self._path_field, self._resolver))
        with closing(run_for_sites(self.JOB, {}, for_signal, progress)) as signals:  # type: ignore[type-var]
            if self._method == SIGNAL:
                del for_tags  # else it would hold every path
                yield from signals
                return
            options = _tagger(self._checkpoint)
            with closing(run_for_sites("hear-recordings", options, for_tags, progress, self.facts)) as heard:  # type: ignore[type-var]
                # The model's answers first: whoever is asked first comes to its end, and keeps what it found.
                for tags, signal in zip(heard, signals):
                    yield with_tags(signal, tags)

    def score_arrays(self, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
        from soundvis_core.screening.recordings import scores_of

        return scores_of(values, [rule.name for rule in SOUND_RULES])

    def _noted(self, features: Iterator[QgsFeature]) -> Iterator[QgsFeature]:
        """Features on their way; what names their windows waits for the result."""
        from ..window_keys import key_of

        for feature in features:
            self._keys.append(key_of(feature, self._named_by, self._path_field))
            yield feature

    def judged(self, result: SiteResult, verdict: Verdict | None) -> dict[str, Any]:
        key = self._keys.popleft()
        if verdict is None:
            return {}
        if self._table is not None:
            scores = self.score_arrays(result.values)
            self._table.add(key, result.values, scores, verdict.mask, self._progress)
        return {"mask": verdict.mask, "windows": len(verdict.mask), "masked": verdict.masked}


def _tagger(checkpoint: str) -> dict[str, Any]:
    return {"model": TAGS, "checkpoint": checkpoint}
