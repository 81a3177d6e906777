"""The table of windows: an embedding for every 10 seconds of each recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext

from soundvis_core.progress import Progress, check_cancelled

from ...layers.sinks import TEXT_FORMATS, embedding, output_extension, pack_vector
from ..plain_tables import PlainTable
from ..window_keys import WindowKey, key_fields

if TYPE_CHECKING:
    from ..base import Algorithm

#: What 'Noise ceiling' looks for when it is not told.
EMBEDDING = "embedding"


class WindowTable(PlainTable):
    """Writes the windows of one recording after another."""

    def __init__(
        self,
        algorithm: Algorithm,
        parameters: Mapping[str, Any],
        name: str,
        context: QgsProcessingContext,
        model: str,
        named_by: str = "",
    ) -> None:
        """The table that output ``name`` asks for. ``model``: its id, and revision where it has one.

        ``named_by``: the field of the sites that names them; without one the table has no field for that.
        """
        as_text = output_extension(parameters.get(name)) in TEXT_FORMATS
        form = "JSON text" if as_text else "float32, little-endian"
        fields = [
            *key_fields(named_by),
            embedding(EMBEDDING, "Embedding of the window", f"{model}, {form}", as_text),
        ]
        super().__init__(algorithm, parameters, name, context, fields)
        self._as_text = as_text

    def add(self, key: WindowKey, values: Mapping[str, Any], progress: Progress) -> None:
        """Write the windows of a recording: ``starts`` (windows,), ``embeddings`` (windows, d), ``seconds``."""
        from soundvis_core.screening.mask import window_lengths

        starts = values["starts"]
        lengths = window_lengths(starts, float(values["seconds"]))
        for start, length, vector in zip(starts, lengths, values["embeddings"]):
            check_cancelled(progress)
            self.write({**key.row(start, length), EMBEDDING: pack_vector(vector, self._as_text)})
