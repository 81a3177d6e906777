"""What names a window of a recording in tables: the same columns in all of them, so that they join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qgis.core import QgsFeature

from ..compat import is_null
from ..layers.sinks import FieldSpec, integer, number, text

#: What 'Noise ceiling' looks for when it is not told.
SITE = "site"
#: What the user calls the site.
SITE_ID = "site_id"


def key_fields(named_by: str) -> list[FieldSpec]:
    """The columns of the key. ``named_by``: the field of the sites that names them; without one there is no site_id."""
    names = [text(SITE_ID, "Site id", f"field '{named_by}' of the layer that was read")] if named_by else []
    return [
        integer(SITE, "Site", "id of the site's feature in the layer that was read"),
        *names,
        text("recording", "Recording", "path as in the layer of the sites"),
        integer("window", "Number of the window", "from 1, in order of time; a masked one counts, too"),
        number("start_s", "Start of the window (s)", "from the beginning of the recording"),
        number("length_s", "Length of the window (s)", "10; the last one may be shorter"),
    ]


@dataclass(frozen=True)
class WindowKey:
    """The site whose windows are told. site: id of the feature; site_id: its name, if any; recording: its path."""

    site: int
    site_id: str | None
    recording: str

    def row(self, start: float, length: float) -> dict[str, Any]:
        """The key of one window, from its start and its length in seconds."""
        from soundvis_core.screening.mask import WINDOW

        return {
            SITE: self.site,
            SITE_ID: self.site_id,
            "recording": self.recording,
            "window": round(float(start) / WINDOW) + 1,
            "start_s": start,
            "length_s": length,
        }


def key_of(feature: QgsFeature, named_by: str, path_field: str) -> WindowKey:
    """The key of a feature's windows."""
    name = feature.attribute(named_by) if named_by else None
    path = feature.attribute(path_field)
    return WindowKey(feature.id(), None if is_null(name) else str(name), "" if is_null(path) else str(path))
