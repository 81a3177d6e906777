"""The table of windows of screened recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext

from soundvis_core.progress import Progress, check_cancelled
from soundvis_core.screening.rules import SOUND_RULES

from ...layers.sinks import integer, number
from ..plain_tables import PlainTable
from ..window_keys import WindowKey, key_fields
from .thresholds import score_label

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
        named_by: str,
    ) -> None:
        """The table that output ``name`` asks for.

        ``named_by``: the field of the sites that names them; without one the table has no field for that.
        """
        fields = [
            *key_fields(named_by),
            integer("used", "Used", "1: used; 0: masked by a rule"),
            *(
                number(
                    rule.name, score_label(rule, method), rule.score.get(method, "not known to the method")
                )
                for rule in SOUND_RULES
            ),
        ]
        super().__init__(algorithm, parameters, name, context, fields)

    def add(
        self,
        key: WindowKey,
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
                    **key.row(start, length),
                    "used": int(mask[place]),
                    **{name: column[place] for name, column in scores.items()},
                },
            )
