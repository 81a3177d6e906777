"""What happens to an output after the run: styles, layer metadata and side-car files."""

from __future__ import annotations

import configparser
import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from qgis.core import (
    Qgis,
    QgsDataProvider,
    QgsLayerMetadata,
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingUtils,
    QgsRasterLayer,
    QgsVectorLayer,
)

from .masking import mask_secrets
from .source_folder import SOURCE_FOLDER

#: A style: takes the layer and changes how it is drawn; False where the layer does not suit it.
Styler = Callable[[QgsMapLayer], bool]

#: Width of a column of the attribute table in pixels: for nothing, for each letter of its heading, at most.
_COLUMN, _LETTER, _WIDEST_COLUMN = 40, 8, 400

#: Post-processors belong to Python: QGIS keeps only a pointer, so they must outlive the run until they have run.
_kept: list[_StyleOnLoad] = []
#: The name of a style in a database that holds labels of fields and the source folder, for want of any other.
_LABELS_ONLY = "Labels"


def plugin_version() -> str:
    """The version in metadata.txt."""
    parser = configparser.ConfigParser()
    parser.read(Path(__file__).resolve().parent.parent / "metadata.txt", encoding="utf-8")
    return parser.get("general", "version", fallback="unknown")


def provenance(
    algorithm: QgsProcessingAlgorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> dict[str, str]:
    """Tool, version, parameters (defaults as well, without passwords and keys) and date of a run, as text.

    Call it in the main thread: layers are asked for their sources.
    """
    # The steps of a model get None for what the model does not set, and take their defaults then.
    values = {
        definition.name(): definition.defaultValue() if value is None else value
        for definition in algorithm.parameterDefinitions()
        for value in [parameters.get(definition.name())]
    }
    given = {
        name: mask_secrets(algorithm.parameterDefinition(name).valueAsPythonString(value, context))
        for name, value in values.items()
        if value is not None
    }
    return {
        "tool": algorithm.id(),
        "SoundVis": plugin_version(),
        "QGIS": Qgis.QGIS_VERSION,
        "date": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "parameters": ", ".join(f"{name}={value}" for name, value in given.items()),
    }


@dataclass
class OutputLayer:
    """An output to style and describe. ``styles`` by name, the first is the default."""

    destination: str
    provenance: Mapping[str, str]
    styles: Mapping[str, Styler] = field(default_factory=dict)
    name: str = ""
    raster: bool = False
    #: Aliases by field name.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Whether the output is one layer among others of a database: nothing is written beside that.
    in_database: bool = False
    #: The folder that relative paths of the sites start at.
    source_folder: str = ""

    def finish(self, context: QgsProcessingContext) -> list[str]:
        """Write metadata and styles beside the output (or into its GeoPackage), and style it on load.

        Returns warnings; a style or metadata that cannot be written never costs the result.
        """
        layer = self._layer(context)
        if layer is None:
            return []
        warnings = []
        self._describe(layer)
        self._label(layer)
        if self._is_geopackage or self._own_file(layer):
            message, saved = self._with_layer_name(layer).saveDefaultMetadata()
            if not saved:
                warnings.append(
                    mask_secrets(f"The metadata of {self.destination} could not be written: {message}")
                )
        if self._own_file(layer) or (self.in_database and layer.isValid()):
            warnings += self._write_styles(layer)
        self._apply(layer)
        if context.willLoadLayerOnCompletion(self.destination):
            processor = _StyleOnLoad(self)
            _kept[:] = [*(kept for kept in _kept if not kept.done), processor]
            details = context.layerToLoadOnCompletionDetails(self.destination)
            details.setPostProcessor(processor)
        return warnings

    def _layer(self, context: QgsProcessingContext) -> QgsMapLayer | None:
        if self.raster:
            # Without its default style: that would compute statistics and a histogram of the whole raster.
            layer = QgsRasterLayer(self.destination, self.name, "gdal", QgsRasterLayer.LayerOptions(False))
            return layer if layer.isValid() else None
        return QgsProcessingUtils.mapLayerFromString(self.destination, context)

    @property
    def _path(self) -> str:
        return self.destination.split("|")[0]

    @property
    def _is_geopackage(self) -> bool:
        return self._path.lower().endswith(".gpkg") and os.path.isfile(self._path)

    def _own_file(self, layer: QgsMapLayer) -> bool:
        return not self.in_database and os.path.isfile(self._path) and layer.isValid()

    def _with_layer_name(self, layer: QgsMapLayer) -> QgsMapLayer:
        """The layer by a source that names its table, which a GeoPackage needs to find where metadata belong."""
        if not isinstance(layer, QgsVectorLayer) or not self._is_geopackage or "|" in layer.source():
            return layer
        table = layer.dataProvider().subLayers()[0].split(QgsDataProvider.sublayerSeparator())[1]
        named = QgsVectorLayer(f"{self._path}|layername={table}", layer.name(), "ogr")
        named.setMetadata(layer.metadata())
        return named

    def _describe(self, layer: QgsMapLayer) -> None:
        metadata = QgsLayerMetadata(layer.metadata())
        metadata.setTitle(metadata.title() or self.name or layer.name())
        for key, value in self.provenance.items():
            metadata.addHistoryItem(f"{key}: {value}")
        layer.setMetadata(metadata)

    def _label(self, layer: QgsMapLayer) -> None:
        if not isinstance(layer, QgsVectorLayer):
            return
        if self.source_folder:
            layer.setCustomProperty(SOURCE_FOLDER, self.source_folder)
        table = layer.attributeTableConfig()
        table.update(layer.fields())
        for name, label in self.labels.items():
            index = layer.fields().lookupField(name)
            if index >= 0:
                layer.setFieldAlias(index, label)
                # QGIS cuts a heading that does not fit on both sides, and its beginning is the field's name.
                table.setColumnWidth(index, min(_COLUMN + _LETTER * len(label), _WIDEST_COLUMN))
        layer.setAttributeTableConfig(table)

    def _apply(self, layer: QgsMapLayer) -> None:
        """Draw with the default style; keep the others in the layer's style manager."""
        manager = layer.styleManager()
        names = list(self.styles)
        for name in names[1:]:
            if name not in manager.styles():
                manager.addStyleFromLayer(name)
            manager.setCurrentStyle(name)
            self.styles[name](layer)
        if names:
            if len(names) > 1:
                if names[0] not in manager.styles():
                    manager.addStyleFromLayer(names[0])
                manager.setCurrentStyle(names[0])
            self.styles[names[0]](layer)
        layer.triggerRepaint()

    def _write_styles(self, layer: QgsMapLayer) -> list[str]:
        """The default style as side-car .qml, the further ones beside it, and all in a GeoPackage.

        What is one layer of a database has them there alone: a file beside it belongs to the whole database.
        """
        warnings = []
        if not self.styles and self.labels:
            warnings += self._write_labels(layer)
        for index, (name, style) in reversed(list(enumerate(self.styles.items()))):
            painted = self._unstyled(layer)
            if not style(painted):
                continue
            if not self.in_database:
                suffix = "" if index == 0 else "_" + name.lower().replace(" ", "_")
                message, saved = painted.saveNamedStyle(f"{os.path.splitext(self._path)[0]}{suffix}.qml")
                if not saved:
                    warnings.append(f"The style '{name}' could not be written: {message}")
            if isinstance(painted, QgsVectorLayer) and (self.in_database or self._is_geopackage):
                warnings += _save_in_database(painted, name, index == 0)
        return warnings

    def _unstyled(self, layer: QgsMapLayer) -> QgsMapLayer:
        """The layer once more, to paint for a style that is only kept."""
        if not isinstance(layer, QgsVectorLayer) or layer.providerType() == "memory":
            return layer.clone()
        # A clone loads the default style from the database, in which QGIS 3.22 may crash after the first was saved.
        options = QgsVectorLayer.LayerOptions(False)
        painted = QgsVectorLayer(layer.source(), layer.name(), layer.providerType(), options)
        self._label(painted)
        return painted

    def _write_labels(self, layer: QgsMapLayer) -> list[str]:
        """The aliases, the widths of their columns and the source folder: how the layer is drawn stays with QGIS."""
        if self.in_database:
            # A database keeps whole styles only.
            return _save_in_database(layer, _LABELS_ONLY, True) if isinstance(layer, QgsVectorLayer) else []
        category = QgsMapLayer.StyleCategory
        message, saved = layer.saveNamedStyle(
            f"{os.path.splitext(self._path)[0]}.qml",
            category.Fields | category.AttributeTable | category.CustomProperties,
        )
        return [] if saved else [f"The labels of the fields could not be written: {message}"]


def _save_in_database(layer: QgsVectorLayer, name: str, default: bool) -> list[str]:
    """Save a style beside the layer's table; the warning where that fails.

    A style of that name goes first: QGIS would ask whether to overwrite it, and without a desktop nobody answers.
    """
    related, identifiers, names = layer.listStylesInDatabase()[:3]
    for identifier, old in list(zip(identifiers, names))[: max(related, 0)]:
        if old == name:
            deleted = layer.deleteStyleFromDatabase(identifier)
            done, message = deleted if isinstance(deleted, tuple) else (deleted, "")
            if not done:
                return [f"The earlier style '{name}' could not be replaced: {message}"]
    error = layer.saveStyleToDatabase(name, "SoundVis", default, "")
    return [f"The style '{name}' could not be kept in the database: {error}"] if error else []


class _StyleOnLoad(QgsProcessingLayerPostProcessorInterface):
    """Styles the layer that the desktop has just loaded."""

    def __init__(self, output: OutputLayer) -> None:
        super().__init__()
        self._output = output
        self.done = False

    def postProcessLayer(self, layer, context, feedback):  # noqa: ANN001, ANN202 - QGIS's signature
        if isinstance(layer, (QgsVectorLayer, QgsRasterLayer)):
            self._output._label(layer)
            self._output._apply(layer)
        self.done = True
