"""Parameters that several tools share, with their help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ..compat import is_null
from .base import Algorithm

PATH_FIELD = "PATH_FIELD"
BASE_FOLDER = "BASE_FOLDER"
CLASSES = "CLASSES"
MODEL = "MODEL"
CHECKPOINT = "CHECKPOINT"
THRESHOLD = "THRESHOLD"
PREFIX = "PREFIX"
WEIGHTS = "WEIGHTS"
MASK = "MASK"


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
        "made from, then that of the project. Where files were moved: the folder that they lie in now. A file that is "
        "no longer at its absolute path is looked for there by the end of its path, the longest first.",
    )


def add_mask(algorithm: Algorithm) -> None:
    """MASK: which windows of each recording are used."""
    algorithm.add(
        QgsProcessingParameterField(
            MASK,
            algorithm.tr("Field with the mask of the windows"),
            parentLayerParameterName=algorithm.INPUT,  # type: ignore[attr-defined] - a sites tool
            type=QgsProcessingParameterField.DataType.String,
            optional=True,
        ),
        "Text field with a 1 for each 10-second window that is used and a 0 for each that is left out, as 'Screen "
        "recordings' makes it (scr_mask). A recording of which no window is left is skipped; a site without a mask is "
        "used whole.",
        advanced=True,
    )


def mask_field(algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str:
    """The field of the masks; empty where none is given."""
    return algorithm.parameterAsString(parameters, MASK, context).strip()


def mask_problem(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> str | None:
    """Why the field of the masks cannot hold any; None where it can, or where none is given."""
    name = mask_field(algorithm, parameters, context)
    source = algorithm.parameterAsSource(parameters, algorithm.INPUT, context)  # type: ignore[attr-defined]
    if not name or source is None:
        return None
    index = source.fields().lookupField(name)
    if index < 0:
        return f"The layer has no field '{name}' (given as mask)."
    if source.fields().at(index).isNumeric():
        return (
            f"The field '{name}' (given as mask) holds numbers, which have lost the zeros in front of a mask. Keep the "
            "mask of 'Screen recordings' as text; a GeoPackage does."
        )
    return None


def models_for(task: str, first: str = "") -> list[str]:
    """Ids of the models of a task: ``first`` or else the registry's first, a light one, the others, the user's."""
    from soundvis_core.models.registry import LIGHT, for_task

    from ..runtime.settings import share_home

    share_home()
    models = [row.id for row in for_task(task)]
    light = [row.id for row in for_task(task) if row.runtime == LIGHT][:1]
    return [*dict.fromkeys([first or models[0], *light, *models])]


def add_model(algorithm: Algorithm, task: str, text: str, first: str = "") -> None:
    """MODEL as an enumeration of the registry's ids (see :func:`models_for`), the first as default."""
    models = models_for(task, first)
    add_choice(algorithm, MODEL, "Model", models, text)


def add_checkpoint(algorithm: Algorithm) -> None:
    """CHECKPOINT: weights of the user's own in place of the downloaded ones."""
    algorithm.add(
        QgsProcessingParameterFile(
            CHECKPOINT,
            algorithm.tr("Checkpoint of your own"),
            behavior=QgsProcessingParameterFile.Behavior.File,
            # Not *.*, which is the default: QGIS would refuse folders.
            fileFilter="All files (*)",
            optional=True,
        ),
        "Weights for the chosen model in place of the downloaded ones: a local file (safetensors, pt, ckpt, bin) "
        "or the folder of one, of the same architecture. Empty: those that 'Download models' brought.",
        advanced=True,
    )


def add_threshold(algorithm: Algorithm, text: str) -> None:
    """THRESHOLD of models that read class names; none stands for the model's own."""
    kind = QgsProcessingParameterNumber.Type.Double
    label = algorithm.tr("Threshold (probability)")
    definition = QgsProcessingParameterNumber(THRESHOLD, label, kind, None, True, 0.0, 1.0)
    algorithm.add(definition, text, advanced=True)


def optional_number(
    algorithm: Algorithm, parameters: Mapping[str, Any], name: str, context: QgsProcessingContext
) -> float | None:
    """The value of a number that need not be given; None where it is not."""
    given = parameters.get(name)
    if is_null(given) or (isinstance(given, str) and not given.strip()):
        return None
    return float(algorithm.parameterAsDouble(parameters, name, context))


def checkpoint_of(algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str:
    """The checkpoint of the user's own; empty where none is given."""
    return algorithm.parameterAsString(parameters, CHECKPOINT, context).strip()


def chosen_model(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """The options of a job that MODEL and CHECKPOINT stand for."""
    return {
        "model": algorithm.parameterAsEnumString(parameters, MODEL, context),
        "checkpoint": checkpoint_of(algorithm, parameters, context),
    }


def chosen_classes(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """The options of a job that MODEL, CHECKPOINT, CLASSES and THRESHOLD stand for."""
    return {
        **chosen_model(algorithm, parameters, context),
        "classes": algorithm.parameterAsString(parameters, CLASSES, context),
        "threshold": optional_number(algorithm, parameters, THRESHOLD, context),
    }


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


def add_weights(algorithm: Algorithm, scene: str, advanced: bool = False) -> None:
    """WEIGHTS as a CSV, Table 1 of the paper by default."""
    add_table_file(
        algorithm,
        WEIGHTS,
        "BGA weights (CSV)",
        f"Table with the columns class, biophony, geophony and anthrophony (0 or more, an empty cell is 0; further "
        f"columns scene, code, aliases, source and note are optional). Empty: Table 1 of the paper, {scene} classes.",
        advanced,
    )


def add_choice(
    algorithm: Algorithm, name: str, label: str, options: Sequence[str], text: str, advanced: bool = False
) -> None:
    """One of some names, the first by default."""
    algorithm.add(
        QgsProcessingParameterEnum(
            name, algorithm.tr(label), options=list(options), defaultValue=options[0], usesStaticStrings=True
        ),
        text,
        advanced,
    )


def add_table_file(
    algorithm: Algorithm, name: str, label: str, text: str, advanced: bool = False, endings: str = "*.csv"
) -> None:
    """A CSV that may be left out."""
    algorithm.add(
        QgsProcessingParameterFile(
            name,
            algorithm.tr(label),
            behavior=QgsProcessingParameterFile.Behavior.File,
            fileFilter=f"CSV ({endings});;All files (*)",
            optional=True,
        ),
        text,
        advanced,
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
