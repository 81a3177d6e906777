"""Embed recordings."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeature,
    QgsProcessingContext,
)

from soundvis_core.errors import SiteError
from soundvis_core.pipeline import OK, SiteResult

from ...layers.sinks import FieldSpec, integer, is_wanted, number
from ..base import FeedbackProgress
from ..parameters import add_mask, mask_field, mask_problem
from ..plain_tables import add_plain_table
from .fields import prefix_of
from .files import EmbedFiles

if TYPE_CHECKING:
    from ..window_keys import WindowKey
    from .window_table import WindowTable

WINDOWS = "WINDOWS"
#: What the sites get; the vectors of the windows go to their own table.
_MEASURED = ("windows", "seconds")


class EmbedSound(EmbedFiles):
    """``soundvis:embedsound``."""

    ID = "embedsound"
    LABEL = "Embed recordings"
    SUMMARY = (
        "Describes the recording of each site by an embedding: a vector of numbers that is alike for places that "
        "sound alike.\n"
        "WAV, FLAC, OGG, MP3 and the M4A/AAC of phones are read, mixed to mono (of channels that cancel each other the "
        "loudest is taken) and cut into 10-second windows (a last window of 1 second or more counts); the site's "
        "embedding is the mean over its windows. Recordings of any length are streamed. A recording that cannot be "
        "used marks its site with a status and a reason; the run goes on. Silent recordings are skipped.\n"
        "The model 'ast-audioset' is the paper's: the Audio Spectrogram Transformer, trained on AudioSet; 768 "
        "numbers. It runs in SoundVis' own Python environment ('Set up the environment') on weights that "
        "'Download models' brings. What it hears is kept: a second run, or 'BGA of recordings' of the same files, "
        "takes seconds.\n"
        "The model 'acoustic-features' is a baseline without weights: log-mel statistics, spectral shape, "
        "modulation and acoustic indices."
    )
    WHAT = "recording"
    JOB = "embed-recordings"
    TASK = "embed-audio"
    MODEL_HELP = (
        "What describes the sound. ast-audioset: the paper's model, a trained transformer (needs environment and "
        "weights). acoustic-features: signal statistics, nothing to download."
    )
    DEFAULT_FIELD = "snd_emb"

    def further_parameters(self) -> None:
        add_mask(self)

    def site_parameters(self) -> None:
        super().site_parameters()
        add_plain_table(
            self,
            WINDOWS,
            "Table of windows",
            ": a row per 10-second window of each recording, with its start and its own "
            "embedding. 'Noise ceiling' takes it. Sites are named by their feature id and, where the layer has a field "
            "site_id, site, id or name, by that; the tables of other tools have the same columns for that.",
        )

    def job_options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        wanted = is_wanted(parameters.get(WINDOWS)) or mask_field(self, parameters, context)
        each = {"each_window": True} if wanted else {}
        return {**super().job_options(parameters, context), **each}

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return (
            super().problem(parameters, context)
            or mask_problem(self, parameters, context)
            or self.table_problem(parameters, context, WINDOWS)
        )

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from ...runtime.execution import model_note

        self._table: WindowTable | None = None
        self._keys: deque[WindowKey] = deque()
        self._named_by = ""
        self._masks: deque[str | SiteError | None] = deque()
        self._mask_field = mask_field(self, parameters, context)
        self._progress = progress
        if is_wanted(parameters.get(WINDOWS)):
            from .window_table import WindowTable

            model, _ = model_note(self.JOB, self.job_options(parameters, context))
            from ...layers.joined_sites import naming_field

            self._named_by = naming_field(self.source(parameters, context).fields())
            self._table = WindowTable(self, parameters, WINDOWS, context, model, self._named_by)
        results = super().execute(parameters, context, progress)
        if self._table is not None:
            self.on_success(self._table.close({**self.provenance, **self.facts}))
            results[WINDOWS] = self._table.destination
        return results

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        return super().describe(self._noted(features), total, progress)

    def _noted(self, features: Iterator[QgsFeature]) -> Iterator[QgsFeature]:
        """Features on their way; their keys and masks wait for the result."""
        from ..masks import mask_of
        from ..window_keys import key_of

        for feature in features:
            self._keys.append(key_of(feature, self._named_by, self._path_field))
            self._masks.append(mask_of(feature, self._mask_field))
            yield feature

    def completed(self, result: SiteResult) -> SiteResult:
        from soundvis_core.embed import masked_embedding

        from ..masks import with_mask

        return with_mask(result, self._masks.popleft(), masked_embedding)

    def measured(self, result: SiteResult) -> dict[str, Any]:
        key = self._keys.popleft()
        if self._table is not None and result.status == OK:
            self._table.add(key, result.values, self._progress)
        return {name: value for name, value in super().measured(result).items() if name in _MEASURED}

    def measures(self) -> list[FieldSpec]:
        prefix = prefix_of(self._field)
        return [
            integer(prefix + "windows", "Windows of the recording", "number of 10-s windows averaged"),
            number(prefix + "seconds", "Length heard (s)", "seconds of the recording in those windows"),
        ]
