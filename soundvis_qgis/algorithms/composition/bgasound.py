"""BGA composition of recordings."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
)

from soundvis_core.errors import SiteError
from soundvis_core.pipeline import SiteResult, TaskOrError

from ...layers.sinks import FieldSpec, integer, is_wanted, number, text
from ..base import FeedbackProgress
from ..embedding.files import paths_of
from ..parameters import (
    BASE_FOLDER,
    PATH_FIELD,
    PREFIX,
    WEIGHTS,
    add_checkpoint,
    add_mask,
    add_number,
    add_path_parameters,
    add_prefix,
    checkpoint_of,
    mask_field,
    mask_problem,
)
from ..plain_tables import add_plain_table
from .base import ComposeSites
from .fields import bga_fields, bga_values

if TYPE_CHECKING:
    from ..window_keys import WindowKey
    from .tag_table import TagTable

METHOD = "METHOD"
THRESHOLD = "THRESHOLD"
AGGREGATION = "AGGREGATION"
PETS = "PETS"
TAGS = "TAGS"
TAGS_SCORE = "TAGS_SCORE"
AST, NDSI = "ast-audioset", "ndsi"
#: As in soundvis_core.bga.audioset, which imports numpy and is not read when the plugin loads.
DEFAULT_THRESHOLD = 0.2
AGGREGATIONS = ("share", "noisy-or", "maximum")
NDSI_VALUES = ("ndsi", "band_bio", "band_ant", "steadiness")


class BgaSound(ComposeSites):
    """``soundvis:bgasound``."""

    ID = "bgasound"
    LABEL = "BGA of recordings"
    JOB = "compose-sound"
    SUMMARY = (
        "Estimates how much of each recording is biophony, geophony and anthrophony.\n"
        "The method 'ast-audioset' is the paper's model of sound. It gives every 10 seconds of a recording a "
        "probability for each of the 527 classes of AudioSet; a table says which of them are animals (biophony), "
        "water, wind and weather (geophony), people, music and machines (anthrophony), or none of these. A category's "
        "raw value is the share of windows in which some class of it is heard. Windows in which none is heard are "
        "unmapped; a recording of such windows only has no composition (null). It needs the model's weights and "
        "SoundVis' own Python environment (tools 'Download models' and 'Set up the environment').\n"
        "The method 'ndsi' is a baseline without a model. Tones and calls between 2 and 11 kHz count as biophony, "
        "those between 1 and 2 kHz as anthrophony: the bands of the soundscape index NDSI. Steady "
        "broadband noise is parted by its spectrum: that of road traffic is anthrophony, that of rain, running water "
        "and wind is geophony. It does not recognise sources: a whistling machine is biophony to it, and the tyres "
        "on a wet road sound like rain. Silent windows are unmapped; a silent recording has no composition (null)."
    )

    def site_parameters(self) -> None:
        add_path_parameters(self, "recording")
        self.add(
            QgsProcessingParameterEnum(
                METHOD, self.tr("Method"), options=[AST, NDSI], defaultValue=AST, usesStaticStrings=True
            ),
            "How sources are told apart. ast-audioset: by a model that names 527 kinds of sound. ndsi: by band energy "
            "and steadiness, a baseline with nothing to download.",
        )
        add_prefix(self, "snd_")
        self._add_advanced()

    def _add_advanced(self) -> None:
        add_number(
            self,
            THRESHOLD,
            "Threshold of the tags (0-1)",
            DEFAULT_THRESHOLD,
            0.0,
            "A class counts as heard in a window where its probability is this or more. Lower hears more, and more "
            "that is not there: check it on recordings that you know. Only for ast-audioset.",
            maximum=1.0,
            advanced=True,
        )
        self.add(
            QgsProcessingParameterEnum(
                AGGREGATION,
                self.tr("From tags to categories"),
                options=list(AGGREGATIONS),
                defaultValue=AGGREGATIONS[0],
                usesStaticStrings=True,
            ),
            "The raw value of a category. share: share of windows in which some class of it reaches the threshold. "
            "noisy-or: mean probability that at least one of its classes is there, as if they were independent; "
            "favours the category with the most classes, anthrophony. maximum: mean of its highest probability per "
            "window. Only for ast-audioset.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean(PETS, self.tr("Pets and livestock are biophony"), True),
            "Whether dogs, cats, horses, cattle and hens count as biophony. Where not, they count as anthrophony, and "
            "classes that do not tell wild animals from kept ones (such as Animal or Growling) are unmapped. Only for "
            "ast-audioset.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFile(
                WEIGHTS,
                self.tr("BGA weights of tags (CSV)"),
                behavior=QgsProcessingParameterFile.Behavior.File,
                fileFilter="CSV (*.csv);;All files (*)",
                optional=True,
            ),
            "Table of the classes of AudioSet that are to count otherwise, the rest stay as they are: columns class "
            "(the name; or mid, the id), biophony, geophony and anthrophony (0 to 1), optional threshold (of the class "
            "alone) and group (pets, livestock, either). Three zeros: unmapped. Empty: the plugin's table. Only for "
            "ast-audioset.",
            advanced=True,
        )
        add_mask(self)
        add_checkpoint(self)
        add_number(
            self,
            TAGS_SCORE,
            "Least probability in the table of tags (0-1)",
            0.1,
            0.0,
            "Tags below this probability are not written to the table of tags.",
            maximum=1.0,
            advanced=True,
        )
        add_plain_table(
            self,
            TAGS,
            "Table of tags",
            " of what was heard: a row per site, window and tag, with its probability and what "
            "it counts as. Only for ast-audioset.",
        )

    def job_options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, Any]:
        return {
            "method": self.parameterAsEnumString(parameters, METHOD, context),
            "checkpoint": checkpoint_of(self, parameters, context),
        }

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        problem = super().problem(parameters, context) or mask_problem(self, parameters, context)
        if problem is None and self.parameterAsEnumString(parameters, METHOD, context) == AST:
            problem = self._weights_problem(parameters, context)
        if problem is None and is_wanted(parameters.get(TAGS)):
            problem = self._tags_problem(parameters, context)
        return problem

    def _weights_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        from soundvis_core.compose import sound_classes
        from soundvis_core.errors import InputError

        try:
            sound_classes(self.parameterAsString(parameters, WEIGHTS, context).strip())
        except InputError as error:
            return str(error)
        return None

    def _tags_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        if self.parameterAsEnumString(parameters, METHOD, context) != AST:
            return f"The table of tags comes with the method '{AST}' only. Choose it, or leave the table out."
        return self.table_problem(parameters, context, TAGS)

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._resolver = self.path_resolver(parameters, BASE_FOLDER, context)

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        self._path_field = self.parameterAsString(parameters, PATH_FIELD, context)
        self._mask_field = mask_field(self, parameters, context)
        prefix = self._prefix = self.parameterAsString(parameters, PREFIX, context)
        self.status_field = prefix + "bga_status"
        windows = [
            integer(prefix + "bga_windows", "Windows of the composition", "number of 10-s windows used"),
            number(prefix + "bga_seconds", "Length heard (s)", "seconds of the recording in those windows"),
        ]
        if self._method == AST:
            from ...runtime.execution import model_note

            model, _ = model_note(self.JOB, self._options)
            note = f"share of 10-s windows in which a tag has {self._options['threshold']:g} or more"
            return [
                text(prefix + "tags", "Tags heard most", f"the first three; in brackets: {note}"),
                *windows,
                *bga_fields(prefix, f"recording, {model}, {self._options['aggregation']}"),
            ]
        return [
            number(
                prefix + "ndsi",
                "NDSI (-1 to 1)",
                "(biophony band - anthrophony band) / sum, Kasten et al. 2012",
            ),
            number(prefix + "band_bio", "Energy 2-11 kHz (dBFS)", "mean power of the biophony band"),
            number(prefix + "band_ant", "Energy 1-2 kHz (dBFS)", "mean power of the anthrophony band"),
            number(prefix + "steadiness", "Broadband steadiness (0-1)", "how flat and steady the sound is"),
            *windows,
            *bga_fields(prefix, "recording, ndsi baseline"),
        ]

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        self._method = self.parameterAsEnumString(parameters, METHOD, context)
        self._options = {"method": self._method}
        self._tags: TagTable | None = None
        self._named_by = ""
        if self._method == AST:
            self._take_options(parameters, context)
        results = super().execute(parameters, context, progress)
        if self._tags is not None:
            self.on_success(self._tags.close({**self.provenance, **self.facts}))
            results[TAGS] = self._tags.destination
        return results

    def _take_options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        """What the model's answer is to become; opens the table of tags where one is wanted."""
        wanted = is_wanted(parameters.get(TAGS))
        self._options.update(
            threshold=self.parameterAsDouble(parameters, THRESHOLD, context),
            aggregation=self.parameterAsEnumString(parameters, AGGREGATION, context),
            pets=self.parameterAsBoolean(parameters, PETS, context),
            weights=self.parameterAsString(parameters, WEIGHTS, context).strip(),
            checkpoint=checkpoint_of(self, parameters, context),
            tags=wanted,
        )
        if wanted:
            from soundvis_core.compose import sound_classes

            from ...layers.joined_sites import naming_field
            from .tag_table import TagTable

            self._named_by = naming_field(self.source(parameters, context).fields())

            classes = sound_classes(self._options["weights"])
            score = self.parameterAsDouble(parameters, TAGS_SCORE, context)
            pets = self._options["pets"]
            self._tags = TagTable(self, parameters, TAGS, context, classes, score, pets, self._named_by)

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Generator[Mapping[str, Any], None, None]:
        from soundvis_core.bga.composition import composition_from_raw

        if self._method == NDSI:
            progress.info("Method ndsi: a baseline from band energies, without a model.")
        keys: deque[WindowKey] = deque()
        masks: deque[str | SiteError | None] = deque()
        paths = paths_of(self._noted(features, keys, masks), self._path_field, self._resolver)
        for result in self._composed(paths, masks, progress):
            key = keys.popleft()
            values = result.values
            if self._tags is not None and "probabilities" in values:
                self._tags.add(key, values, progress)
            composition = composition_from_raw(values["raw"], values["unmapped"]) if values else None
            yield {
                **bga_values(self._prefix, composition, result.status, result.reason),
                **{self._prefix + name: values.get(name) for name in NDSI_VALUES},
                self._prefix + "tags": values.get("top_tags") or None,
                self._prefix + "bga_windows": values.get("windows"),
                self._prefix + "bga_seconds": values.get("seconds"),
            }

    def _composed(
        self,
        paths: Iterable[TaskOrError[str]],
        masks: deque[str | SiteError | None],
        progress: FeedbackProgress,
    ) -> Iterator[SiteResult]:
        """The composition of each recording. ``masks`` has the mask of each path that was read, and loses it."""
        from ...runtime.execution import run_for_sites
        from ..masks import masked_tasks, with_mask

        if not self._mask_field:
            yield from run_for_sites(self.JOB, self._options, paths, progress, self.facts)
            return
        if self._method == NDSI:
            yield from run_for_sites(
                self.JOB, self._options, masked_tasks(paths, masks), progress, self.facts
            )
            return
        from soundvis_core.compose import composition_of
        from soundvis_core.screening.mask import keep_windows

        heard = {"model": self._method, "checkpoint": self._options["checkpoint"]}
        for result in run_for_sites("hear-recordings", heard, paths, progress, self.facts):
            yield composition_of(with_mask(result, masks.popleft(), keep_windows), self._options)

    def _noted(
        self,
        features: Iterable[QgsFeature],
        keys: deque[WindowKey],
        masks: deque[str | SiteError | None],
    ) -> Iterator[QgsFeature]:
        """Features on their way; what names their windows goes to ``keys``, their masks to ``masks``."""
        from ..masks import mask_of
        from ..window_keys import key_of

        for feature in features:
            keys.append(key_of(feature, self._named_by, self._path_field))
            if self._mask_field:
                masks.append(mask_of(feature, self._mask_field))
            yield feature
