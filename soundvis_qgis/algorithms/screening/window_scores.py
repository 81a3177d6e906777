"""The table of windows of screened recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext

from soundvis_core.progress import Progress, check_cancelled
from soundvis_core.screening.rules import SOUND_RULES

from ...layers.sinks import integer, number, text
from ..plain_tables import PlainTable

if TYPE_CHECKING:
    import numpy as np

    from ..base import Algorithm


class WindowScores(PlainTable):
    """Writes the windows of one recording after another."""

    def __init__(
        self,
        algorithm: Algorithm,
        parameters: Mapping[str, Any],
        name: str,
        context: QgsProcessingContext,
        method: str,
    ) -> None:
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
        super().__init__(algorithm, parameters, name, context, fields)

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
        from soundvis_core.screening.mask import window_lengths

        starts = values["starts"]
        lengths = window_lengths(starts, float(values["seconds"]))
        for place, (start, length) in enumerate(zip(starts, lengths)):
            check_cancelled(progress)
            self.write(
                {
                    "site": site,
                    "recording": recording,
                    "window": place + 1,
                    "start_s": start,
                    "length_s": length,
                    "used": int(mask[place]),
                    **{name: column[place] for name, column in scores.items()},
                },
            )
