"""Write the ready models in resources/models through QGIS's own model API.

``sound_vision_alignment`` starts at a layer of sites; ``sound_vision_from_folders`` makes the sites of two folders
first, and goes on with the same steps. Run it in QGIS's Python with the staged plugin on the path after a change of
the tools' parameters:
``QT_HASH_SEED=5 QT_QPA_PLATFORM=offscreen PYTHONPATH=build /usr/bin/python3 tools/build_model.py``
(the seed decides the order of attributes in the file, so that only what changed differs).
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from model_help import ALIGNMENT, FROM_FOLDERS, HELP, NO_SITES, help_of
from qgis.analysis import QgsNativeAlgorithms
from qgis.core import (
    QgsApplication,
    QgsProcessing,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildDependency,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import QPointF, QSizeF

#: How far the shared steps stand to the right and down: steps that go before them need a place.
SHIFT = {ALIGNMENT: (0, 0), FROM_FOLDERS: (620, 460)}
#: High enough for two lines of text.
BOX = QSizeF(200.0, 40.0)
FOLDER = Path(__file__).resolve().parent.parent / "resources" / "models"
#: Choices of a model: label, the tool and its parameter that offer them, the light one, place in the diagram.
CHOICES = {
    "SOUND_MODEL": ("Model of recordings", "embedsound", "MODEL", "acoustic-features", (580, 30)),
    "SOUND_METHOD": ("BGA of recordings by", "bgasound", "METHOD", "ndsi", (800, 90)),
    "PHOTO_MODEL": ("Model of photos", "embedphotos", "MODEL", "colour-texture", (960, 190)),
    "PHOTO_CLASSES_MODEL": ("Classes of photos by", "segmentphotos", "MODEL", "colour-index", (1120, 270)),
    "IMAGERY_MODEL": ("Model of the basemap", "embedimagery", "MODEL", "colour-texture", (1420, 510)),
    "LAND_COVER_MODEL": ("Land cover by", "segmentraster", "MODEL", "spectral-index", (140, 760)),
}


def at(model: QgsProcessingModelAlgorithm, x: float, y: float) -> QPointF:
    """A place of the diagram of a model, counted from where its shared steps start."""
    right, down = SHIFT[model.name()]
    return QPointF(x + right, y + down)


def parameter(name: str) -> list[Any]:
    """A value that comes from a parameter of the model."""
    return [QgsProcessingModelChildParameterSource.fromModelParameter(name)]


def chosen(name: str, light: str) -> list[Any]:
    """A choice of the model, or the light one: where a caller gives none, QGIS would take the step's own default."""
    return [QgsProcessingModelChildParameterSource.fromExpression(f"coalesce(@{name}, '{light}')")]


def choice_of(name: str) -> list[Any]:
    """One of CHOICES."""
    return chosen(name, CHOICES[name][3])


def result(child: str, name: str = "OUTPUT") -> list[Any]:
    """A value that comes from an earlier step."""
    return [QgsProcessingModelChildParameterSource.fromChildOutput(child, name)]


def value(fixed: Any) -> list[Any]:
    """A fixed value."""
    return [QgsProcessingModelChildParameterSource.fromStaticValue(fixed)]


def full_id(algorithm: str) -> str:
    """The id of a tool, one of ours where it names no provider."""
    return algorithm if ":" in algorithm else f"soundvis:{algorithm}"


def defaults(algorithm: str, given: Collection[str]) -> dict[str, list[Any]]:
    """Values of a tool that must be there and are not among the ``given``: QGIS calls a step without them invalid."""
    tool = QgsApplication.processingRegistry().algorithmById(full_id(algorithm))
    return {
        definition.name(): value(definition.defaultValue())
        for definition in tool.parameterDefinitions()
        if definition.name() not in given
        and not definition.isDestination()
        and not definition.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional
    }


def add_parameter(
    model: QgsProcessingModelAlgorithm, definition: Any, place: tuple[int, int], advanced: bool = False
) -> None:
    """Add a parameter of the model at a place of its diagram."""
    definition.setHelp(HELP[definition.name()])
    if advanced:
        definition.setFlags(definition.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    component = QgsProcessingModelParameter(definition.name())
    component.setPosition(at(model, *place))
    component.setSize(BOX)
    model.addModelParameter(definition, component)


def add_step(
    model: QgsProcessingModelAlgorithm,
    child_id: str,
    algorithm: str,
    description: str,
    place: tuple[int, int],
    sources: dict[str, list[Any]],
    outputs: dict[str, tuple[str, str]] | None = None,
    drop: int = 50,
    after: str = "",
) -> None:
    """Add a tool as a step; ``outputs`` maps results of the model to outputs of the tool and their labels.

    Results stand to the right of the step, ``drop`` lower. The step waits for the one called ``after``, too.
    """
    child = QgsProcessingModelChildAlgorithm(full_id(algorithm))
    child.setChildId(child_id)
    child.setDescription(description)
    child.setPosition(at(model, *place))
    child.setSize(BOX)
    for name, source in {**defaults(algorithm, sources), **sources}.items():
        child.addParameterSources(name, source)
    if after:
        child.setDependencies([QgsProcessingModelChildDependency(after)])
    model_outputs = {}
    for index, (name, (output, label)) in enumerate((outputs or {}).items()):
        model_output = QgsProcessingModelOutput(name, label)
        model_output.setChildId(child_id)
        model_output.setChildOutputName(output)
        model_output.setPosition(at(model, place[0] + 300, place[1] + drop + 60 * index))
        model_output.setSize(BOX)
        model_outputs[name] = model_output
    child.setModelOutputs(model_outputs)
    model.addChildAlgorithm(child)


def stair(step: int) -> tuple[int, int]:
    """The place of a step of the main chain: down a staircase, so that every line runs to the right."""
    return 430 + 160 * step, 110 + 100 * step


def folder(name: str, label: str, optional: bool = False) -> QgsProcessingParameterFile:
    """A parameter that is a folder."""
    return QgsProcessingParameterFile(
        name, label, QgsProcessingParameterFile.Behavior.Folder, optional=optional
    )


def add_site_parameters(model: QgsProcessingModelAlgorithm) -> None:
    """The layer of sites and its fields."""
    text_field = QgsProcessingParameterField.DataType.String
    points = [QgsProcessing.SourceType.TypeVectorPoint]
    add_parameter(model, QgsProcessingParameterFeatureSource("SITES", "Sites", points), (140, 60))
    for name, label, place in (
        ("RECORDING_FIELD", "Field with the path of the recording", (140, 160)),
        ("PHOTO_FIELD", "Field with the path of the photo", (140, 360)),
    ):
        field = QgsProcessingParameterField(name, label, parentLayerParameterName="SITES", type=text_field)
        add_parameter(model, field, place)
    group = QgsProcessingParameterField(
        "GROUP_FIELD", "Group field", parentLayerParameterName="SITES", optional=True
    )
    add_parameter(model, group, (140, 860))
    add_parameter(model, folder("BASE_FOLDER", "Base folder of relative paths", optional=True), (140, 260))


def add_folder_parameters(model: QgsProcessingModelAlgorithm) -> None:
    """The two folders, and what their files are read and joined by."""
    number = QgsProcessingParameterNumber.Type
    add_parameter(model, folder("RECORDINGS", "Folder of recordings"), (-480, -240))
    add_parameter(model, folder("PHOTOS", "Folder of street photos"), (-480, -120))
    distance = QgsProcessingParameterNumber(
        "MAX_DISTANCE", "Longest distance to a photo (metres)", number.Double, 100.0, False, 0.0, 20_100_000.0
    )
    add_parameter(model, distance, (-480, 60))
    zone = QgsProcessingParameterString("TIME_ZONE", "Time zone of times without one", "UTC", optional=True)
    add_parameter(model, zone, (-480, -40))
    for name, label, kind, place in (
        ("RECORDINGS_TABLE", "Table of the recordings", "csv", (-200, -400)),
        ("PHOTOS_TABLE", "Table of the photos", "csv", (-480, 160)),
        ("TRACK", "Track", "gpx", (-480, -400)),
    ):
        file = QgsProcessingParameterFile(name, label, extension=kind, optional=True)
        add_parameter(model, file, place, advanced=True)
    alone = QgsProcessingParameterBoolean("ONE_TO_ONE", "One photo for one site", False)
    add_parameter(model, alone, (-200, 160), advanced=True)


def add_shared_parameters(model: QgsProcessingModelAlgorithm) -> None:
    """Basemap, choices of models and numbers."""
    number = QgsProcessingParameterNumber.Type
    add_parameter(model, QgsProcessingParameterRasterLayer("BASEMAP", "Basemap"), (140, 660))
    footprint = QgsProcessingParameterNumber(
        "FOOTPRINT", "Footprint (metres)", number.Double, 200.0, False, 1.0
    )
    add_parameter(model, footprint, (790, 570), advanced=True)
    radius = QgsProcessingParameterNumber("RADIUS", "Radius (metres)", number.Double, 100.0, False, 0.1)
    add_parameter(model, radius, (1000, 770), advanced=True)
    for name, (label, tool, parameter_name, light, place) in CHOICES.items():
        # The choices that ship, in the order of the tool; a model of the user's own is chosen in the tool itself.
        definition = QgsApplication.processingRegistry().algorithmById(f"soundvis:{tool}")
        options = definition.parameterDefinition(parameter_name).options()
        choice = QgsProcessingParameterEnum(name, label, options, False, light, False, True)
        add_parameter(model, choice, place, advanced=True)
    classes = QgsProcessingParameterString("PHOTO_CLASSES", "Classes of photos", "colour-index")
    add_parameter(model, classes, (1180, 330), advanced=True)
    permutations = QgsProcessingParameterNumber("PERMUTATIONS", "Permutations", number.Integer, 999, False, 0)
    add_parameter(model, permutations, (1160, 870), advanced=True)
    seed = QgsProcessingParameterNumber("SEED", "Seed", number.Integer, 1, False, 0)
    add_parameter(model, seed, (1160, 950), advanced=True)


#: The last parameters of both models.
SHARED_ORDER = [
    "FOOTPRINT", "RADIUS", "SOUND_MODEL", "SOUND_METHOD", "PHOTO_MODEL", "PHOTO_CLASSES_MODEL", "PHOTO_CLASSES",
    "IMAGERY_MODEL", "LAND_COVER_MODEL", "PERMUTATIONS", "SEED",
]  # fmt: skip


Sources = dict[str, list[Any]]


def add_analysis(
    model: QgsProcessingModelAlgorithm,
    sites: list[Any],
    recording: Sources,
    photo: Sources,
    group: Sources,
    after: str = "",
) -> None:
    """The steps from ``sites`` to the report; those on the basemap wait for the step ``after``."""
    add_step(
        model, "embed_sound", "embedsound", "Embed recordings", stair(0),
        {"INPUT": sites, "MODEL": choice_of("SOUND_MODEL"), "FIELD": value("snd_emb"), **recording},
    )  # fmt: skip
    add_step(
        model, "bga_sound", "bgasound", "BGA of recordings", stair(1),
        {"INPUT": result("embed_sound"), "METHOD": choice_of("SOUND_METHOD"),
         "THRESHOLD": value(0.2), "AGGREGATION": value("share"), "PETS": value(True), "TAGS_SCORE": value(0.1),
         "PREFIX": value("snd_"), **recording},
    )  # fmt: skip
    add_step(
        model, "embed_photos", "embedphotos", "Embed street photos", stair(2),
        {"INPUT": result("bga_sound"), "MODEL": choice_of("PHOTO_MODEL"), "VIEWS": value("centre"),
         "FIELD": value("st_emb"), **photo},
    )  # fmt: skip
    add_step(
        model, "segment_photos", "segmentphotos", "Segment street photos", stair(3),
        {"INPUT": result("embed_photos"), "MODEL": choice_of("PHOTO_CLASSES_MODEL"),
         "CLASSES": chosen("PHOTO_CLASSES", "colour-index"),
         "PREFIX": value("st_"), **photo},
    )  # fmt: skip
    add_step(
        model, "bga_photos", "bgashares", "BGA of street photos", stair(4),
        {"INPUT": result("segment_photos"), "SHARE_PREFIX": value("st_"), "PREFIX": value("st_")},
    )  # fmt: skip
    add_step(
        model, "embed_imagery", "embedimagery", "Embed imagery around sites", stair(5),
        {"INPUT": result("bga_photos"), "RASTER": parameter("BASEMAP"), "FOOTPRINT": parameter("FOOTPRINT"),
         "MODEL": choice_of("IMAGERY_MODEL"), "FIELD": value("aer_emb")},
    )  # fmt: skip
    add_step(
        model, "segment_raster", "segmentraster", "Segment basemap", (470, 750),
        {"INPUT": parameter("BASEMAP"), "MODEL": choice_of("LAND_COVER_MODEL"), "CLASSES": value("paper-aerial")},
        {"classes": ("OUTPUT", "Class raster")}, drop=120, after=after,
    )  # fmt: skip
    add_step(
        model, "bga_raster", "bgaraster", "BGA raster", (620, 970),
        {"INPUT": result("segment_raster")}, {"bga": ("OUTPUT", "BGA raster")},
    )  # fmt: skip
    add_step(
        model, "bga_sites", "bgasites", "BGA of land cover around sites", stair(6),
        {"INPUT": result("embed_imagery"), "CLASSES": result("segment_raster"), "RADIUS": parameter("RADIUS"),
         "PREFIX": value("aer_")},
        {"sites": ("OUTPUT", "Sites with embeddings, shares and BGA")},
    )  # fmt: skip
    add_step(
        model, "correlate", "correlatelayers", "Correlate sound and sight", stair(7),
        {"INPUT": result("bga_sites"), "SOUND": value(["snd_emb"]), "STREET": value(["st_emb"]),
         "AERIAL": value(["aer_emb"]), **group,
         "PERMUTATIONS": parameter("PERMUTATIONS"), "SEED": parameter("SEED")},
        {"correlations": ("OUTPUT", "Correlations"), "report": ("REPORT", "Report")},
    )  # fmt: skip


def finish(model: QgsProcessingModelAlgorithm, order: list[str]) -> QgsProcessingModelAlgorithm:
    """Put the parameters into order and the help beside them."""
    model.setParameterOrder(order)
    model.setHelpContent(help_of(model.name(), order))
    return model


def alignment() -> QgsProcessingModelAlgorithm:
    """The model that starts at a layer of sites."""
    model = QgsProcessingModelAlgorithm(ALIGNMENT, "SoundVis", "soundvis")
    add_site_parameters(model)
    add_shared_parameters(model)
    base = {"BASE_FOLDER": parameter("BASE_FOLDER")}
    add_analysis(
        model, parameter("SITES"), {"PATH_FIELD": parameter("RECORDING_FIELD"), **base},
        {"PATH_FIELD": parameter("PHOTO_FIELD"), **base}, {"GROUP": parameter("GROUP_FIELD")},
    )  # fmt: skip
    return finish(
        model,
        ["SITES", "RECORDING_FIELD", "PHOTO_FIELD", "BASE_FOLDER", "BASEMAP", "GROUP_FIELD", *SHARED_ORDER],
    )


def from_folders() -> QgsProcessingModelAlgorithm:
    """The model that starts at two folders."""
    model = QgsProcessingModelAlgorithm(FROM_FOLDERS, "SoundVis", "soundvis")
    add_folder_parameters(model)
    add_shared_parameters(model)
    files = {"TRACK": parameter("TRACK"), "TIME_ZONE": parameter("TIME_ZONE")}
    add_step(
        model, "recording_sites", "sitesfromrecordings", "Sites from recordings", (-60, -240),
        {"FOLDER": parameter("RECORDINGS"), "METADATA": parameter("RECORDINGS_TABLE"), **files},
        {"unplaced": ("UNPLACED", "Recordings without a place")}, drop=-60,
    )  # fmt: skip
    # QGIS names a number that a step gives after the description of the step.
    add_step(
        model, "no_sites", "native:raiseexception", "Stop where there is no site", (140, -440),
        {"CONDITION": value("@Sites_from_recordings_PLACED = 0"),
         "MESSAGE": value(NO_SITES)}, after="recording_sites",
    )  # fmt: skip
    add_step(
        model, "photo_sites", "sitesfromphotos", "Sites from photos", (-60, -120),
        {"FOLDER": parameter("PHOTOS"), "METADATA": parameter("PHOTOS_TABLE"), **files},
        {"unplaced": ("UNPLACED", "Photos without a place")}, drop=-60,
    )  # fmt: skip
    add_step(
        model, "join_photos", "joinsites", "Join each site with its photo", (140, 0),
        {"INPUT": result("recording_sites"), "OTHER": result("photo_sites"),
         "MAX_DISTANCE": parameter("MAX_DISTANCE"), "ONE_TO_ONE": parameter("ONE_TO_ONE"),
         "TIME_ZONE": parameter("TIME_ZONE"), "PREFIX": value("photo_")}, after="no_sites",
    )  # fmt: skip
    # Nothing groups files of a folder, and a basemap is not segmented before the folders prove to be of use.
    add_analysis(
        model, result("join_photos"), {"PATH_FIELD": value("path")}, {"PATH_FIELD": value("photo_path")}, {},
        after="join_photos",
    )  # fmt: skip
    first = ["RECORDINGS", "PHOTOS", "BASEMAP", "MAX_DISTANCE", "TIME_ZONE"]
    return finish(model, [*first, "RECORDINGS_TABLE", "PHOTOS_TABLE", "TRACK", "ONE_TO_ONE", *SHARED_ORDER])


def main() -> int:
    """Build the models and write them; the exit code is 1 where QGIS refuses one."""
    application = QgsApplication([], False)
    application.initQgis()
    from soundvis_qgis.provider import SoundVisProvider

    registry = QgsApplication.processingRegistry()
    registry.addProvider(QgsNativeAlgorithms(registry))
    provider = SoundVisProvider()
    registry.addProvider(provider)
    FOLDER.mkdir(parents=True, exist_ok=True)
    good = True
    for model in (alignment(), from_folders()):
        ok, issues = model.validate()
        print("\n".join(issues))
        written = model.toFile(str(FOLDER / f"{model.name()}.model3"))
        print(f"{model.name()}: {'written' if written else 'could not be written'}")
        good = good and ok and written
    registry.removeProvider(provider)
    application.exitQgis()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
