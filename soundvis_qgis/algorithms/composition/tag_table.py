"""The table of tags: what was heard in each window of each recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsProcessingContext

from soundvis_core.progress import Progress, check_cancelled

from ...compat import NO_GEOMETRY
from ...layers.sinks import SiteSink, integer, number, text

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.bga.audioset import SoundClasses

    from ...layers.outputs import OutputLayer
    from ..base import Algorithm

#: Seconds of a window; the last one of a recording may be shorter.
WINDOW = 10.0
FIELDS = (
    integer("site", "Site", "id of the site's feature in the layer that was read"),
    text("recording", "Recording", "path as in the layer of the sites"),
    number("start_s", "Start of the window (s)", "from the beginning of the recording"),
    number("length_s", "Length of the window (s)"),
    integer("tag_index", "Index of the tag", "0 to 526, place in AudioSet's list of classes"),
    text("tag", "Tag", "AudioSet's name of the class"),
    text("mid", "Id of the tag", "AudioSet's machine id of the class"),
    number("probability", "Probability (0-1)", "what the model gives the class in this window"),
    text("category", "Category", "what the tag counts as in the composition; empty where it is unmapped"),
)


class TagTable:
    """Writes the tags of one recording after another; holds none of them."""

    def __init__(self, sink: SiteSink, classes: SoundClasses, score: float, pets: bool) -> None:
        self._sink = sink
        self._classes = classes
        self._categories = classes.categories(pets)
        self._score = score

    @classmethod
    def open(
        cls,
        algorithm: Algorithm,
        parameters: Mapping[str, Any],
        name: str,
        context: QgsProcessingContext,
        classes: SoundClasses,
        score: float,
        pets: bool,
    ) -> TagTable:
        """The table that output ``name`` asks for, of tags from the probability ``score`` on."""
        nowhere = QgsCoordinateReferenceSystem()
        return cls(
            algorithm.open_sink(parameters, name, context, FIELDS, nowhere, NO_GEOMETRY),
            classes,
            score,
            pets,
        )

    def add(self, site: int, recording: str, values: Mapping[str, Any], progress: Progress) -> None:
        """Write the tags of a recording: ``starts`` (windows,), ``probabilities`` (windows, 527), ``seconds``."""
        starts, probabilities = values["starts"], values["probabilities"]
        lengths = window_lengths(starts, float(values["seconds"]))
        # In 32 bits on both sides: 0.1 of the user's is 0.1 of the model's.
        score = probabilities.dtype.type(self._score)
        for start, length, window in zip(starts, lengths, probabilities):
            check_cancelled(progress)
            for index in (window >= score).nonzero()[0]:
                row = self._classes.rows[index]
                self._sink.add(
                    {
                        "site": site,
                        "recording": recording,
                        "start_s": start,
                        "length_s": length,
                        "tag_index": row.index,
                        "tag": row.name,
                        "mid": row.mid,
                        "probability": window[index],
                        "category": self._categories[index] or None,
                    },
                    geometry=QgsGeometry(),
                )

    def close(self, provenance: Mapping[str, str]) -> OutputLayer:
        """Complete the table. Raises where the last rows could not be written."""
        from ...layers.outputs import OutputLayer

        self._sink.close()
        notes = {f"field {spec.name}": spec.comment for spec in FIELDS if spec.comment}
        return OutputLayer(
            self._sink.destination,
            {**provenance, **notes},
            labels=self._sink.labels,
            in_database=not self._sink.own_file,
        )

    @property
    def destination(self) -> str:
        """Where the table lies, as Processing names it."""
        return self._sink.destination


def window_lengths(starts: np.ndarray, seconds: float) -> list[float]:
    """The length of each window, of ``seconds`` in all: whole windows, and what is left for the last one."""
    if len(starts) == 0:
        return []
    whole = [WINDOW] * (len(starts) - 1)
    return [*whole, min(max(seconds - sum(whole), 0.0), WINDOW)]
