"""How well the sound of each site matches its own sight: equations 4 and 5 of the paper."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingParameterEnum,
    QgsProcessingParameterString,
)

from soundvis_core.errors import SKIPPED, InputError
from soundvis_core.pipeline import OK

from ...compat import field_names
from ...layers.field_notes import model_of
from ...layers.sinks import FieldSpec, check_collisions, is_wanted, number, text
from ..base import FeedbackProgress
from ..parameters import PREFIX
from ..per_site import SitesAlgorithm
from ..plain_tables import add_plain_table
from .correlation_parameters import (
    PERMUTATIONS,
    SEED,
    add_field,
    add_permutations,
    add_seed,
    open_sites,
)

if TYPE_CHECKING:
    from ...layers.outputs import Styler
    from .matching import Match

SOUND, SIGHT, SOUND_BGA, SIGHT_BGA = "SOUND", "SIGHT", "SOUND_BGA", "SIGHT_BGA"
MEASURES = "MEASURES"
SHARED_SPACE = "SHARED_SPACE"
SUMMARY = "SUMMARY"
AUTO, YES, NO = "auto", "yes", "no"
#: Equation 5's measures: the ending of their fields, and their label. As in the core, which loads numpy.
BGA_MEASURES = {
    "cosine": ("bga_cos", "BGA cosine"),
    "hellinger": ("bga_hel", "BGA agreement, Hellinger"),
    "jensen-shannon": ("bga_js", "BGA agreement, Jensen-Shannon"),
    "aitchison": ("bga_ait", "BGA agreement, Aitchison"),
}
_NO_MEANING = (
    "the models do not share a space: level and sign of the cosine mean nothing, only the comparison with mismatched "
    "sites can be read"
)


class CrossModalCosine(SitesAlgorithm):
    """``soundvis:crossmodalcosine``."""

    ID = "crossmodalcosine"
    LABEL = "Match sound and sight per site"
    GROUP = "statistics"
    SUMMARY = (
        "Tells for each site how well its sound matches its own sight.\n"
        "Equation 4 of the paper: the cosine between the two embeddings. WARNING: between models that were not trained "
        "together (AST and CLIP, as in the paper) this cosine means nothing: the axes of their spaces have nothing to "
        "do with each other, and its level and its sign are accidents. What can be read is the comparison with "
        "mismatched sites: in the field xm_pct, the percentage of the other sites' sights that fit the site's sound "
        "less well than its own does (chance: 50), and in the log, a permutation test of whether matching sites agree "
        "more than shuffled ones. Only where both embeddings come from one shared space is the cosine a similarity.\n"
        "Equation 5: the agreement between what is heard and what is seen as shares of biophony, geophony and "
        "anthrophony, which do share their axes. All measures are 1 where the two compositions are equal: the cosine, "
        "1 - Hellinger distance, 1 - Jensen-Shannon distance, and 1 / (1 + Aitchison distance) with shares below 0.01 "
        "taken as 0.01.\n"
        "Give the embeddings, the BGA fields, or both."
    )
    REQUIRES = ("numpy", "scipy")
    OUTPUT_LABEL = "Sites with agreement of sound and sight"

    def site_parameters(self) -> None:
        for name, what in ((SOUND, "sound"), (SIGHT, "sight")):
            add_field(
                self,
                name,
                f"Embedding of the {what}",
                f"Embedding field of the {what} (equation 4); both embeddings need the same length. May be left out "
                "where BGA fields are given.",
            )
        for name, what in ((SOUND_BGA, "sound"), (SIGHT_BGA, "sight")):
            add_field(
                self,
                name,
                f"BGA fields of the {what}",
                f"The three fields of biophony, geophony and anthrophony of the {what} (their names end in bio, geo "
                "and ant), in any order (equation 5).",
                several=True,
                numeric=True,
            )
        add_permutations(
            self,
            "Permutations of the test of matching against shuffled sites. With 999 the smallest possible p is 0.001; "
            "0 leaves the test out.",
        )
        self.add(
            QgsProcessingParameterEnum(
                MEASURES,
                self.tr("Measures of the BGA agreement"),
                options=list(BGA_MEASURES),
                allowMultiple=True,
                defaultValue=list(BGA_MEASURES),
                usesStaticStrings=True,
            ),
            "A field for each. cosine: equation 5 of the paper, forgiving of small shares. hellinger and "
            "jensen-shannon: distances between distributions. aitchison: of the ratios between the shares, strict on "
            "small ones.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterEnum(
                SHARED_SPACE,
                self.tr("The embeddings share a space"),
                options=[AUTO, YES, NO],
                defaultValue=AUTO,
                usesStaticStrings=True,
            ),
            "Whether both embeddings come from models that were trained into one space. auto: by what the layer's "
            "history says of their models and the column 'space' of the table of models; no where that is lost. yes, "
            "no: as you know it.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(
                PREFIX, self.tr("Prefix of the new fields"), defaultValue="xm_", optional=True
            ),
            "Put before the name of every new field.",
            advanced=True,
        )
        add_seed(self, "Start of the random numbers; the same seed gives the same p.")
        add_plain_table(
            self,
            SUMMARY,
            "Summary",
            ": for each measure the mean of matching sites, that of shuffled ones and p.",
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        problem = super().problem(parameters, context) or self.table_problem(parameters, context, SUMMARY)
        return problem or self._fields_problem(parameters, context, self._given(parameters, context))

    def _given(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> dict[str, list[str]]:
        return {
            name: [field for field in field_names(self, parameters, name, context) if field]
            for name in (SOUND, SIGHT, SOUND_BGA, SIGHT_BGA)
        }

    def _fields_problem(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, given: Mapping[str, list[str]]
    ) -> str | None:
        from ...layers.blocks import bga_order

        if not any(given.values()):
            return "Give the embeddings of sound and sight, their BGA fields, or both."
        for one, other, what in ((SOUND, SIGHT, "embedding"), (SOUND_BGA, SIGHT_BGA, "BGA fields")):
            absent = [name for name in (one, other) if not given[name]]
            if len(absent) == 1:
                side = "sound" if absent[0] == one else "sight"
                return f"The {what} of the {side} ({absent[0]}) {'are' if what != 'embedding' else 'is'} missing."
            if given[one] and sorted(given[one]) == sorted(given[other]):
                return f"Sound and sight are given the same {what} ({', '.join(given[one])}). Choose two."
        try:
            for name in (SOUND_BGA, SIGHT_BGA):
                if given[name]:
                    bga_order(given[name], name)
        except InputError as error:
            return str(error)
        return self._embedding_problem(parameters, context, given)

    def _embedding_problem(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, given: Mapping[str, list[str]]
    ) -> str | None:
        from ...layers.blocks import is_embedding

        source = self.parameterAsSource(parameters, self.INPUT, context)
        for name in (*given[SOUND], *given[SIGHT]) if source is not None else ():
            index = source.fields().lookupField(name)
            if index >= 0 and not is_embedding(source.fields().at(index)):
                return f"The field '{name}' holds no embeddings. Choose one made by the embed tools."
        return None

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._fields = self._given(parameters, context)
        self._prefix = self.parameterAsString(parameters, PREFIX, context)
        self._measures = (
            self.parameterAsEnumStrings(parameters, MEASURES, context) if self._fields[SOUND_BGA] else []
        )
        self.status_field = self._prefix + "status"
        self._shared, self._space = False, ""
        if self._fields[SOUND]:
            self._shared, self._space = self._shared_space(
                self.parameterAsEnumString(parameters, SHARED_SPACE, context)
            )

    def _shared_space(self, asked: str) -> tuple[bool, str]:
        """Whether the embeddings share a space, and how that is known."""
        from soundvis_core.models.registry import rows

        from ...runtime.settings import share_home

        share_home()
        known = {row.id: row.space for row in rows()}
        models = [model_of(self.field_notes.get(self._fields[name][0], "")) for name in (SOUND, SIGHT)]
        named = " and ".join(
            f"'{self._fields[name][0]}' ({model or 'model unknown'})"
            for name, model in zip((SOUND, SIGHT), models)
        )
        if asked != AUTO:
            return asked == YES, f"{named}: as given by {SHARED_SPACE}"
        spaces = [known.get(model, "") for model in models]
        shared = bool(models[0]) and (models[0] == models[1] or (bool(spaces[0]) and spaces[0] == spaces[1]))
        return shared, f"{named}: {f'space {spaces[0] or models[0]}' if shared else 'no shared space known'}"

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        from soundvis_core.statistics.agreement import AGREEMENTS

        added: list[FieldSpec] = []
        if self._fields[SOUND]:
            warning = "" if self._shared else f"; {_NO_MEANING}"
            alias = "Cosine of sound and sight" + ("" if self._shared else " (no shared space: no meaning)")
            added += [
                number(self._prefix + "cos", alias, f"equation 4, {self._space}{warning}"),
                number(
                    self._prefix + "pct",
                    "Match among mismatches (%)",
                    "other sites' sights that fit the sound less well than its own does; chance gives 50",
                ),
            ]
        for measure in self._measures:
            ending, label = BGA_MEASURES[measure]
            added.append(
                number(self._prefix + ending, f"{label} (0-1)", f"equation 5, {AGREEMENTS[measure]}")
            )
        return [
            *added,
            text(self._prefix + "status", "Status of the match", "ok, or skipped"),
            text(self._prefix + "reason", "Reason or remark on the match"),
        ]

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from soundvis_core.progress import PartOf

        from .matching import say, write_summary

        added = self.new_fields(parameters, context)
        check_collisions(self.source(parameters, context).fields(), added, self.COLLISION_REMEDY)
        self._agree(parameters, context, progress)
        results = super().execute(parameters, context, PartOf(progress, 0.8, 1.0))
        for match in self._matches:
            say(match, progress)
        if is_wanted(parameters.get(SUMMARY)):
            results[SUMMARY] = write_summary(self, parameters, SUMMARY, context, self._matches)
        return results

    def _agree(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> None:
        """Read the fields and compare them."""
        from soundvis_core.progress import PartOf
        from soundvis_core.statistics.cross_modal import (
            composition_agreement,
            embedding_agreement,
            match_reasons,
        )

        from .matching import Match

        sites = open_sites(self, parameters, context, progress=progress)
        permutations, seed = (self.parameterAsInt(parameters, name, context) for name in (PERMUTATIONS, SEED))
        self._ids = sites.ids
        self._matches: list[Match] = []
        self._reasons: dict[str, list[str]] = {}
        if self._fields[SOUND]:
            self._warn(progress)
            sound, sight = (sites.block(self._fields[name], name.lower()) for name in (SOUND, SIGHT))
            part = PartOf(progress, 0.1, 0.5)
            agreed = embedding_agreement(sound.values, sight.values, permutations, seed, part)
            self._matches.append(Match("cos", "Cosine of sound and sight", agreed))
            self._reasons["embeddings"] = match_reasons(sound, sight)
        if self._measures:
            pair = ((SOUND_BGA, "sound BGA"), (SIGHT_BGA, "sight BGA"))
            sound, sight = (sites.bga_block(self._fields[name], title) for name, title in pair)
            self._reasons["BGA"] = match_reasons(sound, sight)
            step = 0.3 / len(self._measures)
            for done, measure in enumerate(self._measures):
                part = PartOf(progress, 0.5 + step * done, 0.5 + step * (done + 1))
                agreed = composition_agreement(sound.values, sight.values, measure, permutations, seed, part)
                self._matches.append(Match(*BGA_MEASURES[measure], agreed))

    def _warn(self, progress: FeedbackProgress) -> None:
        if self._shared:
            progress.info(f"Equation 4, {self._space}: the cosine is a similarity of sound and sight.")
            return
        progress.warn(
            f"Equation 4, {self._space}: the cosine between the embeddings of two models that do not share a space "
            f"means nothing, neither its level nor its sign. Read only the comparison with mismatched sites: the field "
            f"'{self._prefix}pct' and the p below. Where you know that the models share a space, set {SHARED_SPACE} to "
            f"'{YES}'."
        )

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Generator[Mapping[str, Any], None, None]:
        for site, feature in enumerate(features):
            if site >= len(self._ids) or self._ids[site] != feature.id():
                raise InputError("The layer changed while it was read. Run again.")
            values: dict[str, Any] = {}
            for match in self._matches:
                values[self._prefix + match.ending] = match.agreement.values[site]
                if match.agreement.percentiles is not None:
                    values[self._prefix + "pct"] = match.agreement.percentiles[site]
            said = [f"{what}: {reasons[site]}" for what, reasons in self._reasons.items() if reasons[site]]
            values[self.status_field] = SKIPPED if len(said) == len(self._reasons) else OK
            values[self.reason_field] = "; ".join(said) or None
            yield values

    def styles(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Mapping[str, Styler]:
        from .matching import match_styles

        return match_styles(self._matches, self._prefix, self._shared)
