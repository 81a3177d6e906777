"""The table of tags: what was heard in each window of each recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext

from soundvis_core.progress import Progress, check_cancelled

from ...layers.sinks import integer, number, text
from ..plain_tables import PlainTable
from ..window_keys import WindowKey, key_fields

if TYPE_CHECKING:
    from soundvis_core.bga.audioset import SoundClasses

    from ..base import Algorithm

FIELDS = (
    integer("tag_index", "Index of the tag", "0 to 526, place in AudioSet's list of classes"),
    text("tag", "Tag", "AudioSet's name of the class"),
    text("mid", "Id of the tag", "AudioSet's machine id of the class"),
    number("probability", "Probability (0-1)", "what the model gives the class in this window"),
    text("category", "Category", "what the tag counts as in the composition; empty where it is unmapped"),
)


class TagTable(PlainTable):
    """Writes the tags of one recording after another."""

    def __init__(
        self,
        algorithm: Algorithm,
        parameters: Mapping[str, Any],
        name: str,
        context: QgsProcessingContext,
        classes: SoundClasses,
        score: float,
        pets: bool,
        named_by: str,
    ) -> None:
        """The table that output ``name`` asks for, of tags from the probability ``score`` on.

        ``named_by``: the field of the sites that names them; without one the table has no field for that.
        """
        super().__init__(algorithm, parameters, name, context, [*key_fields(named_by), *FIELDS])
        self._classes = classes
        self._categories = classes.categories(pets)
        self._score = score

    def add(self, key: WindowKey, values: Mapping[str, Any], progress: Progress) -> None:
        """Write the tags of a recording: ``starts`` (windows,), ``probabilities`` (windows, 527), ``seconds``."""
        from soundvis_core.screening.mask import window_lengths

        starts, probabilities = values["starts"], values["probabilities"]
        lengths = window_lengths(starts, float(values["seconds"]))
        # In 32 bits on both sides: 0.1 of the user's is 0.1 of the model's.
        score = probabilities.dtype.type(self._score)
        for start, length, window in zip(starts, lengths, probabilities):
            check_cancelled(progress)
            for index in (window >= score).nonzero()[0]:
                row = self._classes.rows[index]
                self.write(
                    {
                        **key.row(start, length),
                        "tag_index": row.index,
                        "tag": row.name,
                        "mid": row.mid,
                        "probability": window[index],
                        "category": self._categories[index] or None,
                    },
                )
