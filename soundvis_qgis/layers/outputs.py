"""What happens to an output after the run: styles, layer metadata and side-car files."""

from __future__ import annotations

import configparser
import datetime as dt
import os
from collections.abc import Collection, Mapping
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

from .gdal_errors import quiet_gdal
from .masking import mask_secrets
from .side_cars import METADATA, STYLE, called_alike, is_users, mark_ours, side_car_stem
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

    def finish(self, context: QgsProcessingContext, own: Collection[str] = ()) -> list[str]:
        """Write metadata and styles beside the output (or into its GeoPackage), and style it on load.

        own: the destinations of all outputs of the run. Returns warnings; a style or metadata that cannot be written
        never costs the result.
        """
        layer = self._layer(context)
        if layer is None:
            return []
        warnings = []
        stem, warning = "", ""
        if self._own_file(layer):
            stem, warning = self._beside(own)
            warnings += [warning] if warning else []
        self._describe(layer)
        self._label(layer)
        if self._holds_styles or stem:
            message, saved = self._write_metadata(layer, stem if warning else "")
            if not saved:
                warnings.append(
                    mask_secrets(f"The metadata of {self.destination} could not be written: {message}")
                )
        if self._own_file(layer) or (self.in_database and layer.isValid()):
            warnings += self._write_styles(layer, stem)
        self._apply(layer)
        if context.willLoadLayerOnCompletion(self.destination):
            processor = _StyleOnLoad(self)
            _kept[:] = [*(kept for kept in _kept if not kept.done), processor]
            details = context.layerToLoadOnCompletionDetails(self.destination)
            details.setPostProcessor(processor)
        return warnings

    def _beside(self, own: Collection[str]) -> tuple[str, str]:
        """What files beside the output go by, "" for none, and a warning where that is not its own name."""
        if self._holds_styles:
            # It holds all of them itself, so that others of its name have theirs beside it.
            stem = os.path.splitext(self._path)[0]
            if called_alike(self._path):
                return "", ""
            if is_users(stem + STYLE):
                return "", (
                    f"{os.path.basename(stem)}{STYLE} is not as SoundVis wrote it, so it was left as it is: the style "
                    f"of {os.path.basename(self._path)} is inside it."
                )
            return stem, ""
        return side_car_stem(self._path, [path.split("|")[0] for path in own])

    def _write_metadata(self, layer: QgsMapLayer, elsewhere: str) -> tuple[str, bool]:
        """Message and success. elsewhere: the path without ending where the usual place is another dataset's."""
        if self._holds_styles:
            return self._with_layer_name(layer).saveDefaultMetadata()
        file = (elsewhere or os.path.splitext(self._path)[0]) + METADATA
        message, saved = layer.saveNamedMetadata(file)
        if saved:
            mark_ours(file)
        return message, saved

    def _layer(self, context: QgsProcessingContext) -> QgsMapLayer | None:
        if self.raster:
            layer = _plain_raster(self.destination, self.name)
            return layer if layer.isValid() else None
        return QgsProcessingUtils.mapLayerFromString(self.destination, context)

    @property
    def _path(self) -> str:
        return self.destination.split("|")[0]

    @property
    def _is_geopackage(self) -> bool:
        return self._path.lower().endswith(".gpkg") and os.path.isfile(self._path)

    @property
    def _holds_styles(self) -> bool:
        return self._is_geopackage and not self.raster

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

    def _write_styles(self, layer: QgsMapLayer, stem: str) -> list[str]:
        """The default style as ``stem``.qml, the further ones beside it (none where it is empty), all in a GeoPackage.

        What is one layer of a database has them there alone: a file beside it belongs to the whole database.
        """
        warnings = []
        inside = self.in_database or self._holds_styles
        if not self.styles and self.labels:
            warnings += self._write_labels(layer, stem)
        for index, (name, style) in reversed(list(enumerate(self.styles.items()))):
            painted = self._unstyled(layer)
            if not style(painted):
                continue
            file = stem + ("" if index == 0 else "_" + name.lower().replace(" ", "_")) + STYLE
            if stem and (index == 0 or not (called_alike(file) or is_users(file))):
                message, saved = painted.saveNamedStyle(file)
                if saved:
                    mark_ours(file)
                else:
                    warnings.append(f"The style '{name}' could not be written: {message}")
            elif stem and not inside:
                warnings.append(
                    f"The style '{name}' was not written: {os.path.basename(file)} belongs to something else."
                )
            if isinstance(painted, QgsVectorLayer) and inside:
                warnings += _save_in_database(painted, name, index == 0)
        return warnings

    def _unstyled(self, layer: QgsMapLayer) -> QgsMapLayer:
        """The layer once more, to paint for a style that is only kept."""
        if isinstance(layer, QgsRasterLayer):
            # A clone would begin with the default style, and that may be another dataset's.
            return _plain_raster(layer.source(), layer.name())
        if not isinstance(layer, QgsVectorLayer) or layer.providerType() == "memory":
            return layer.clone()
        # A clone loads the default style from the database, in which QGIS 3.22 may crash after the first was saved.
        options = QgsVectorLayer.LayerOptions(False)
        painted = QgsVectorLayer(layer.source(), layer.name(), layer.providerType(), options)
        self._label(painted)
        return painted

    def _write_labels(self, layer: QgsMapLayer, stem: str) -> list[str]:
        """The aliases, the widths of their columns and the source folder: how the layer is drawn stays with QGIS."""
        if self.in_database or (self._holds_styles and not stem):
            # A database keeps whole styles only.
            plain = layer if self.in_database else self._unstyled(layer)
            return _save_in_database(plain, _LABELS_ONLY, True) if isinstance(plain, QgsVectorLayer) else []
        if not stem:
            return []
        category = QgsMapLayer.StyleCategory
        message, saved = layer.saveNamedStyle(
            stem + STYLE, category.Fields | category.AttributeTable | category.CustomProperties
        )
        if saved:
            mark_ours(stem + STYLE)
        return [] if saved else [f"The labels of the fields could not be written: {message}"]


def _plain_raster(path: str, name: str) -> QgsRasterLayer:
    """A raster without the style beside it.

    QGIS asks for statistics to stretch its colours by, and GDAL complains where it has no values, or one value only.
    """
    with quiet_gdal():
        return QgsRasterLayer(path, name, "gdal", QgsRasterLayer.LayerOptions(False))


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
