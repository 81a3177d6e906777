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

#: A style: takes the layer and changes how it is drawn; False where the layer does not suit it.
Styler = Callable[[QgsMapLayer], bool]

#: Width of a column of the attribute table in pixels: for nothing, for each letter of its heading, at most.
_COLUMN, _LETTER, _WIDEST_COLUMN = 40, 8, 400

#: Post-processors belong to Python: QGIS keeps only a pointer, so they must outlive the run.
_kept: list[QgsProcessingLayerPostProcessorInterface] = []


def plugin_version() -> str:
    """The version in metadata.txt."""
    parser = configparser.ConfigParser()
    parser.read(Path(__file__).resolve().parent.parent / "metadata.txt", encoding="utf-8")
    return parser.get("general", "version", fallback="unknown")


def provenance(
    algorithm: QgsProcessingAlgorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> dict[str, str]:
    """Tool, version, parameters (defaults as well) and date of a run, as text."""
    values = {
        definition.name(): parameters.get(definition.name(), definition.defaultValue())
        for definition in algorithm.parameterDefinitions()
    }
    given = {
        name: algorithm.parameterDefinition(name).valueAsPythonString(value, context)
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
        if self._own_file(layer):
            message, saved = self._with_layer_name(layer).saveDefaultMetadata()
            if not saved:
                warnings.append(f"The metadata of {self.destination} could not be written: {message}")
            warnings += self._write_styles(layer)
        self._apply(layer)
        if context.willLoadLayerOnCompletion(self.destination):
            processor = _StyleOnLoad(self)
            _kept.append(processor)
            details = context.layerToLoadOnCompletionDetails(self.destination)
            details.setPostProcessor(processor)
        return warnings

    def _layer(self, context: QgsProcessingContext) -> QgsMapLayer | None:
        if self.raster:
            # Without its default style: that would compute statistics and a histogram of the whole raster.
            layer = QgsRasterLayer(self.destination, self.name, "gdal", QgsRasterLayer.LayerOptions(False))
            return layer if layer.isValid() else None
        return QgsProcessingUtils.mapLayerFromString(self.destination, context)

    def _own_file(self, layer: QgsMapLayer) -> bool:
        return os.path.isfile(self.destination.split("|")[0]) and layer.isValid()

    def _with_layer_name(self, layer: QgsMapLayer) -> QgsMapLayer:
        """The layer by a source that names its table, which a GeoPackage needs to find where metadata belong."""
        path = self.destination.split("|")[0]
        if (
            not isinstance(layer, QgsVectorLayer)
            or not path.lower().endswith(".gpkg")
            or "|" in layer.source()
        ):
            return layer
        table = layer.dataProvider().subLayers()[0].split(QgsDataProvider.sublayerSeparator())[1]
        named = QgsVectorLayer(f"{path}|layername={table}", layer.name(), "ogr")
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
        """The default style as side-car .qml; the further ones beside it, and all in a GeoPackage."""
        warnings = []
        stem = os.path.splitext(self.destination.split("|")[0])[0]
        if not self.styles and self.labels:
            # The aliases and the widths of their columns alone: how the layer is drawn stays with QGIS.
            category = QgsMapLayer.StyleCategory
            message, saved = layer.saveNamedStyle(f"{stem}.qml", category.Fields | category.AttributeTable)
            if not saved:
                warnings.append(f"The labels of the fields could not be written: {message}")
        for index, (name, style) in reversed(list(enumerate(self.styles.items()))):
            painted = layer.clone()
            if not style(painted):
                continue
            suffix = "" if index == 0 else "_" + name.lower().replace(" ", "_")
            message, saved = painted.saveNamedStyle(f"{stem}{suffix}.qml")
            if not saved:
                warnings.append(f"The style '{name}' could not be written: {message}")
            if isinstance(painted, QgsVectorLayer) and self.destination.split("|")[0].lower().endswith(
                ".gpkg"
            ):
                error = painted.saveStyleToDatabase(name, "SoundVis", index == 0, "")
                if error:
                    warnings.append(f"The style '{name}' could not be kept in the GeoPackage: {error}")
        return warnings


class _StyleOnLoad(QgsProcessingLayerPostProcessorInterface):
    """Styles the layer that the desktop has just loaded."""

    def __init__(self, output: OutputLayer) -> None:
        super().__init__()
        self._output = output

    def postProcessLayer(self, layer, context, feedback):  # noqa: ANN001, ANN202 - QGIS's signature
        if isinstance(layer, (QgsVectorLayer, QgsRasterLayer)):
            self._output._label(layer)
            self._output._apply(layer)
