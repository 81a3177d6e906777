"""What tests in QGIS share: running a tool, making layers and rasters, reading results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsField,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QByteArray

from soundvis_qgis.compat import BINARY, DOUBLE, INTEGER, STRING, is_null

MEMORY = "memory:"
#: What tests run where they do not say: models that need neither environment nor weights. The tools' own defaults are
#: the paper's models, with tests of their own.
LIGHT = {
    "soundvis:embedsound": {"MODEL": "acoustic-features"},
    "soundvis:embedphotos": {"MODEL": "colour-texture"},
    "soundvis:embedimagery": {"MODEL": "colour-texture"},
    "soundvis:segmentraster": {"MODEL": "spectral-index"},
    "soundvis:segmentphotos": {"MODEL": "colour-index", "CLASSES": "colour-index"},
    "soundvis:bgasound": {"METHOD": "ndsi"},
    "soundvis:screenrecordings": {"METHOD": "light"},
    "soundvis:screenphotos": {"METHOD": "light"},
}


class AlgorithmError(Exception):
    """A tool ended with this message. ``feedback`` holds its log."""

    def __init__(self, message: str, feedback: Feedback) -> None:
        super().__init__(message)
        self.feedback = feedback


class Feedback(QgsProcessingFeedback):
    """Keeps the log. ``cancel_at`` (percent) cancels once progress has come that far."""

    def __init__(self, cancel_at: float | None = None) -> None:
        super().__init__(False)
        self.infos: list[str] = []
        self.warnings: list[str] = []
        self.errors: list[str] = []
        self.progress: list[float] = []
        self._cancel_at = cancel_at
        self.progressChanged.connect(self._moved)

    def _moved(self, percent: float) -> None:
        self.progress.append(percent)
        if self._cancel_at is not None and percent >= self._cancel_at:
            self.cancel()

    def pushInfo(self, info: str) -> None:
        self.infos.append(info)

    def pushWarning(self, warning: str) -> None:
        self.warnings.append(warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:  # noqa: N803 - QGIS's name
        self.errors.append(error)

    @property
    def text(self) -> str:
        """The whole log."""
        return "\n".join([*self.infos, *self.warnings, *self.errors])


class Run(dict):
    """The results of a run by output name, with the context that owns memory layers, and the log."""

    def __init__(self, results: Mapping[str, Any], context: QgsProcessingContext, feedback: Feedback) -> None:
        super().__init__(results)
        self.context = context
        self.feedback = feedback
        self._layers: dict[str, Any] = {}

    def layer(self, output: str = "OUTPUT") -> Any:
        """An output as a layer, which stays as long as it is held."""
        if output not in self._layers:
            layer = QgsProcessingUtils.mapLayerFromString(self[output], self.context)
            if layer is None:
                raise KeyError(f"{output}: {self[output]} is no layer")
            self._layers[output] = self.context.takeResultLayer(layer.id()) or layer
        return self._layers[output]

    def features(self, output: str = "OUTPUT") -> list[dict[str, Any]]:
        """An output as :func:`read_features` gives it."""
        return read_features(self.layer(output))


def run_algorithm(
    algorithm_id: str,
    parameters: Mapping[str, Any],
    feedback: Feedback | None = None,
    own_defaults: bool = False,
) -> Run:
    """Run a tool as Processing does: create, check the values, prepare, process, post-process.

    The model is the light one where ``parameters`` name none, and the tool's default with ``own_defaults``.

    ``algorithm_id`` without a provider means one of ours. OUTPUT defaults to memory where the tool has a
    sink of that name. Raises AlgorithmError with the message where the values are refused or the run fails.
    """
    name = algorithm_id if ":" in algorithm_id else f"soundvis:{algorithm_id}"
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(name)
    if algorithm is None:
        raise KeyError(f"there is no algorithm {name}")
    feedback = feedback or Feedback()
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    context.setFeedback(feedback)
    values = {**({} if own_defaults else LIGHT.get(name, {})), **parameters}
    output = algorithm.parameterDefinition("OUTPUT")
    if output is not None and output.type() == "sink":
        values.setdefault("OUTPUT", MEMORY)
    accepted, message = algorithm.checkParameterValues(values, context)
    if not accepted:
        raise AlgorithmError(message, feedback)
    results, succeeded = algorithm.run(values, context, feedback)
    if not succeeded:
        raise AlgorithmError("\n".join(feedback.errors), feedback)
    return Run(results, context, feedback)


def make_points(
    points: Sequence[Any],
    fields: Mapping[str, Sequence[Any]] | None = None,
    crs: str | int = 32631,
    path: str | Path | None = None,
    multi: bool = False,
    name: str = "sites",
) -> QgsVectorLayer:
    """A point layer in the project: in memory, or in the file ``path`` (its extension is the format).

    ``points``: (x, y), None (no geometry), "empty", WKT or a QgsGeometry each. ``fields``: values by name, the type
    from the first value that is not None (str, int, float, bytes; text where all are None). ``crs``: EPSG code
    or definition; "" for none.
    """
    fields = fields or {}
    layer = QgsVectorLayer("MultiPoint" if multi else "Point", name, "memory")
    layer.setCrs(as_crs(crs))
    provider = layer.dataProvider()
    provider.addAttributes([QgsField(field, _kind(values)) for field, values in fields.items()])
    layer.updateFields()
    features = []
    for index, point in enumerate(points):
        feature = QgsFeature(layer.fields())
        geometry = _geometry(point, multi)
        if geometry is not None:
            feature.setGeometry(geometry)
        feature.setAttributes([_attribute(values[index]) for values in fields.values()])
        features.append(feature)
    added, _ = provider.addFeatures(features)
    if not added:
        raise ValueError("the features could not be added")
    layer.updateExtents()
    if path is not None:
        layer = write_layer(layer, path)
    QgsProject.instance().addMapLayer(layer)
    return layer


def write_layer(layer: QgsVectorLayer, path: str | Path) -> QgsVectorLayer:
    """A copy of ``layer`` in a file, opened."""
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = QgsVectorFileWriter.driverForExtension(Path(path).suffix)
    options.layerName = layer.name()
    written = QgsVectorFileWriter.writeAsVectorFormatV3(
        layer, str(path), QgsProject.instance().transformContext(), options
    )
    if written[0] != QgsVectorFileWriter.WriterError.NoError:
        raise ValueError(written[1])
    opened = QgsVectorLayer(str(path), layer.name(), "ogr")
    if not opened.isValid():
        raise ValueError(f"{path} cannot be opened")
    return opened


def as_crs(crs: str | int) -> QgsCoordinateReferenceSystem:
    """A CRS of an EPSG code or definition; an invalid one of empty text."""
    if crs == "":
        return QgsCoordinateReferenceSystem()
    return QgsCoordinateReferenceSystem(f"EPSG:{crs}" if isinstance(crs, int) else crs)


def _kind(values: Sequence[Any]) -> Any:
    sample = next((value for value in values if value is not None), "")
    return {str: STRING, int: INTEGER, float: DOUBLE, bytes: BINARY}[type(sample)]


def _attribute(value: Any) -> Any:
    return QByteArray(value) if isinstance(value, bytes) else value


def _geometry(point: Any, multi: bool) -> QgsGeometry | None:
    if point is None:
        return None
    if isinstance(point, QgsGeometry):
        return point
    if isinstance(point, str):
        return QgsGeometry.fromWkt(
            ("MultiPoint" if multi else "Point") + " EMPTY" if point == "empty" else point
        )
    place = QgsPointXY(*point)
    return QgsGeometry.fromMultiPointXY([place]) if multi else QgsGeometry.fromPointXY(place)


def make_raster(
    path: str | Path,
    array: np.ndarray,
    origin: tuple[float, float] = (500000.0, 5000000.0),
    pixel: float | tuple[float, float] = 1.0,
    epsg: int | str | None = 32631,
    nodata: float | None = None,
    geotransform: Sequence[float] | None = None,
    alpha: bool = False,
    palette: Mapping[int, tuple[int, int, int]] | None = None,
    driver: str = "GTiff",
) -> str:
    """Write ``array``, (h, w) or (bands, h, w), as a raster file and return its path.

    ``origin`` is the upper-left corner, ``pixel`` its size (or width and height), in units of ``epsg``
    (None: no CRS). ``geotransform`` replaces both (rotation). ``alpha``: the last band is one.
    """
    bands = array[None] if array.ndim == 2 else array
    types = {"uint8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "int16": gdal.GDT_Int16,
             "uint32": gdal.GDT_UInt32, "int32": gdal.GDT_Int32,
             "float32": gdal.GDT_Float32, "float64": gdal.GDT_Float64}  # fmt: skip
    kind = types[bands.dtype.name]
    count, height, width = bands.shape
    gdal.UseExceptions()
    options = ["ALPHA=YES"] if alpha and driver == "GTiff" else []
    if count >= 3 and driver == "GTiff":
        options.append("PHOTOMETRIC=RGB")
    dataset = gdal.GetDriverByName(driver).Create(str(path), width, height, count, kind, options=options)
    size = pixel if isinstance(pixel, tuple) else (pixel, pixel)
    dataset.SetGeoTransform(geotransform or (origin[0], size[0], 0.0, origin[1], 0.0, -size[1]))
    if epsg is not None:
        dataset.SetProjection(as_crs(epsg).toWkt())
    if palette:
        table = gdal.ColorTable()
        for code, colour in palette.items():
            table.SetColorEntry(code, (*colour, 255))
        dataset.GetRasterBand(1).SetRasterColorTable(table)
    for number, values in enumerate(bands, start=1):
        band = dataset.GetRasterBand(number)
        if nodata is not None:
            band.SetNoDataValue(nodata)
        band.WriteRaster(0, 0, width, height, np.ascontiguousarray(values).tobytes(), width, height, kind)
    dataset.FlushCache()
    dataset = None
    return str(path)


def read_raster(path: str | Path, band: int = 1) -> np.ndarray:
    """The values of one band of a raster file, (h, w)."""
    gdal.UseExceptions()
    dataset = gdal.Open(str(path))
    source = dataset.GetRasterBand(band)
    dtype = {gdal.GDT_Byte: "u1", gdal.GDT_UInt16: "u2", gdal.GDT_Int16: "i2", gdal.GDT_Float32: "f4",
             gdal.GDT_Float64: "f8"}[source.DataType]  # fmt: skip
    data = source.ReadRaster(0, 0, dataset.RasterXSize, dataset.RasterYSize)
    return np.frombuffer(data, dtype=dtype).reshape(dataset.RasterYSize, dataset.RasterXSize)


def read_features(output: Any) -> list[dict[str, Any]]:
    """The features of a layer, path or :class:`Run` as mappings, in order.

    NULL is None, bytes are bytes; ``"_geometry"`` holds the geometry as WKT (None where there is none).
    """
    if isinstance(output, Run):
        output = output.layer()
    layer = output if isinstance(output, QgsVectorLayer) else QgsVectorLayer(str(output), "output", "ogr")
    if not layer.isValid():
        raise ValueError(f"{output} is no vector layer")
    names = [field.name() for field in layer.fields()]
    rows = []
    for feature in layer.getFeatures():
        row = {name: _plain(value) for name, value in zip(names, feature.attributes())}
        row["_geometry"] = feature.geometry().asWkt(3) if feature.hasGeometry() else None
        rows.append(row)
    return rows


def _plain(value: Any) -> Any:
    if is_null(value):
        return None
    return bytes(value) if isinstance(value, QByteArray) else value


def vector(value: bytes) -> np.ndarray:
    """The numbers of an embedding attribute."""
    return np.frombuffer(value, dtype="<f4")


@dataclass(frozen=True)
class SampleTown:
    """The files of the sample town."""

    folder: Path
    sites: str
    aerial: str

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What is in truth.json."""
        return json.loads((self.folder / "files" / "truth.json").read_text("utf-8"))


def build_town(folder: Path, seed: int = 1) -> SampleTown:
    """Build the sample town in ``folder``."""
    made = run_algorithm(
        "samplesites",
        {
            "FOLDER": str(folder / "files"),
            "SEED": seed,
            "OUTPUT": str(folder / "sites.gpkg"),
            "AERIAL": str(folder / "aerial.tif"),
        },
    )
    return SampleTown(folder, made["OUTPUT"], made["AERIAL"])
