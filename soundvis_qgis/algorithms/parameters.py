"""Parameters that several tools share, with their help."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from .base import Algorithm

PATH_FIELD = "PATH_FIELD"
BASE_FOLDER = "BASE_FOLDER"
MODEL = "MODEL"
PREFIX = "PREFIX"
WEIGHTS = "WEIGHTS"


def add_path_parameters(algorithm: Algorithm, what: str) -> None:
    """PATH_FIELD and BASE_FOLDER for files of sites; ``what`` is "recording" or "photo"."""
    algorithm.add(
        QgsProcessingParameterField(
            PATH_FIELD,
            algorithm.tr(f"Field with the path of the {what}"),
            parentLayerParameterName=algorithm.INPUT,  # type: ignore[attr-defined] - a sites tool
            type=QgsProcessingParameterField.DataType.String,
        ),
        f"Text field that holds the path of each site's {what}: absolute, or relative to the base folder. "
        f"A site without a path is skipped.",
    )
    algorithm.add(
        QgsProcessingParameterFile(
            BASE_FOLDER,
            algorithm.tr("Base folder of relative paths"),
            behavior=QgsProcessingParameterFile.Behavior.Folder,
            optional=True,
        ),
        "Folder that relative paths start at. Empty: the folder of the layer's file, then that of the layer it was "
        "made from, then that of the project.",
    )


def add_model(algorithm: Algorithm, models: tuple[str, ...], text: str, advanced: bool = False) -> None:
    """MODEL as an enumeration of registry ids, the first as default."""
    algorithm.add(
        QgsProcessingParameterEnum(
            MODEL, algorithm.tr("Model"), options=list(models), defaultValue=models[0], usesStaticStrings=True
        ),
        text,
        advanced,
    )


def add_field_name(algorithm: Algorithm, name: str, label: str, default: str, text: str) -> None:
    """The name of an output field."""
    algorithm.add(QgsProcessingParameterString(name, algorithm.tr(label), defaultValue=default), text)


def add_prefix(algorithm: Algorithm, default: str) -> None:
    """PREFIX of the output fields."""
    algorithm.add(
        QgsProcessingParameterString(
            PREFIX, algorithm.tr("Prefix of the new fields"), defaultValue=default, optional=True
        ),
        "Put before the name of every new field, so that the results of several tools fit into one layer.",
    )


def add_weights(algorithm: Algorithm, scene: str) -> None:
    """WEIGHTS as a CSV, Table 1 of the paper by default."""
    algorithm.add(
        QgsProcessingParameterFile(
            WEIGHTS,
            algorithm.tr("BGA weights (CSV)"),
            behavior=QgsProcessingParameterFile.Behavior.File,
            fileFilter="CSV (*.csv);;*.*",
            optional=True,
        ),
        f"Table with the columns class, biophony, geophony and anthrophony (0 or more; further columns scene, code, "
        f"aliases, source and note are optional). Empty: Table 1 of the paper, {scene} classes.",
    )


def add_number(
    algorithm: Algorithm,
    name: str,
    label: str,
    default: float,
    minimum: float,
    text: str,
    maximum: float | None = None,
    integer: bool = False,
    advanced: bool = False,
    optional: bool = False,
) -> None:
    """A number with its limits."""
    kind = QgsProcessingParameterNumber.Type.Integer if integer else QgsProcessingParameterNumber.Type.Double
    definition = QgsProcessingParameterNumber(name, algorithm.tr(label), kind, default, optional, minimum)
    if maximum is not None:
        definition.setMaximum(maximum)
    algorithm.add(definition, text, advanced)
