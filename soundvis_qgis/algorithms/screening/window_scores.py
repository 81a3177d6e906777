"""The table of windows of screened recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsProcessingContext

from soundvis_core.progress import Progress, check_cancelled
from soundvis_core.screening.rules import SOUND_RULES

from ...compat import NO_GEOMETRY
from ...layers.sinks import FieldSpec, SiteSink, integer, number, text
from ..composition.tag_table import window_lengths

if TYPE_CHECKING:
    import numpy as np

    from ...layers.outputs import OutputLayer
    from ..base import Algorithm


class WindowScores:
    """Writes the windows of one recording after another; holds none of them."""

    def __init__(self, sink: SiteSink, fields: list[FieldSpec]) -> None:
        self._sink = sink
        self._fields = fields

    @classmethod
    def open(
        cls,
        algorithm: Algorithm,
        parameters: Mapping[str, Any],
        name: str,
        context: QgsProcessingContext,
        method: str,
    ) -> WindowScores:
        """The table that output ``name`` asks for."""
        fields = [
            integer("site", "Site", "id of the site's feature in the layer that was read"),
            text("recording", "Recording", "path as in the layer of the sites"),
            integer("window", "Number of the window", "from 1, in order of time"),
            number("start_s", "Start of the window (s)", "from the beginning of the recording"),
            number("length_s", "Length of the window (s)", "10; the last one may be shorter"),
            integer("used", "Used", "1: used; 0: masked by a rule"),
            *(
                number(rule.name, f"{rule.label}: score", rule.score.get(method, "not known to the method"))
                for rule in SOUND_RULES
            ),
        ]
        nowhere = QgsCoordinateReferenceSystem()
        return cls(algorithm.open_sink(parameters, name, context, fields, nowhere, NO_GEOMETRY), fields)

    def add(
        self,
        site: int,
        recording: str,
        values: Mapping[str, Any],
        scores: Mapping[str, np.ndarray],
        mask: str,
        progress: Progress,
    ) -> None:
        """Write the windows of a recording: ``starts`` and ``seconds`` of ``values``, scores (w,) by rule."""
        starts = values["starts"]
        lengths = window_lengths(starts, float(values["seconds"]))
        for place, (start, length) in enumerate(zip(starts, lengths)):
            check_cancelled(progress)
            self._sink.add(
                {
                    "site": site,
                    "recording": recording,
                    "window": place + 1,
                    "start_s": start,
                    "length_s": length,
                    "used": int(mask[place]),
                    **{name: column[place] for name, column in scores.items()},
                },
                geometry=QgsGeometry(),
            )

    def close(self, provenance: Mapping[str, str]) -> OutputLayer:
        """Complete the table. Raises where the last rows could not be written."""
        from ...layers.outputs import OutputLayer

        self._sink.close()
        notes = {f"field {spec.name}": spec.comment for spec in self._fields if spec.comment}
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
