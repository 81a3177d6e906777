"""What the tools noted on the fields they made: the history of a layer tells the model behind an embedding."""

from __future__ import annotations

from qgis.core import QgsMapLayer, QgsVectorLayer

_NOTE = "field "


def field_notes(layer: QgsMapLayer | None) -> dict[str, str]:
    """The note on each field that has one, by name. Call it in the main thread.

    Processing opens files without their metadata, so they may have to be read from there.
    """
    if not isinstance(layer, QgsVectorLayer):
        return {}
    found = _noted(layer)
    if not found and layer.providerType() == "ogr":
        described = QgsVectorLayer(layer.source(), layer.name(), "ogr")
        described.loadDefaultMetadata()
        found = _noted(described)
    return found


def model_of(note: str) -> str:
    """The id of the model in the note on an embedding field: what stands before the first comma."""
    return note.partition(",")[0].strip()


def _noted(layer: QgsVectorLayer) -> dict[str, str]:
    notes = {}
    for entry in layer.metadata().history():
        name, separator, note = entry[len(_NOTE) :].partition(": ")
        if entry.startswith(_NOTE) and separator:
            notes[name] = note
    return notes
