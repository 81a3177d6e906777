"""Write resources/models/sound_vision_alignment.model3 through QGIS's own model API.

Run it in QGIS's Python with the staged plugin on the path after a change of the tools' parameters:
``QT_HASH_SEED=5 QT_QPA_PLATFORM=offscreen PYTHONPATH=build /usr/bin/python3 tools/build_model.py``
(the seed decides the order of attributes in the file, so that only what changed differs).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessing,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
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

NAME = "sound_vision_alignment"
#: High enough for two lines of text.
BOX = QSizeF(200.0, 40.0)
TARGET = Path(__file__).resolve().parent.parent / "resources" / "models" / f"{NAME}.model3"

HELP = {
    "ALG_DESC": (
        "<p>The whole journey from sites with recordings and street photos and a basemap to the correlation of "
        "sound and sight: embeds recordings, photos and the basemap around each site, segments photos and "
        "basemap, maps everything to biophony, geophony and anthrophony, and correlates.</p>"
        "<p>It runs on the light models, with nothing to download. The paper's own models are a choice among the "
        "advanced parameters: ast-audioset for sound (embedding and BGA), clip-vit-l-14 and clipseg-rd64 (with "
        "the classes paper-street) for photos, remoteclip-vit-l-14 and segearth-ov for the basemap. They need the "
        "environment ('Set up the environment') and their weights ('Download models').</p>"
        "<p>To choose other steps, open its file in the model designer and save it under another name. It lies in "
        "the folder of your plugins: soundvis_qgis/resources/models/sound_vision_alignment.model3</p>"
    ),
    "ALG_CREATOR": "SoundVis",
    "SITES": "Point layer of the sites with the paths of their recordings and photos.",
    "BASEMAP": "Aerial image or any other raster layer.",
    "RECORDING_FIELD": "Text field with the path of each site's recording.",
    "PHOTO_FIELD": "Text field with the path of each site's street photo.",
    "GROUP_FIELD": "Field with the city or district of each site; correlations are also given per group.",
    "BASE_FOLDER": "Folder that relative paths start at.",
    "FOOTPRINT": "Side of the square of imagery about each site, in metres on the ground.",
    "RADIUS": "Radius of the land cover circle about each site, in metres on the ground.",
    "SOUND_MODEL": "What describes recordings. acoustic-features: light; ast-audioset: the paper's.",
    "SOUND_METHOD": "How the BGA of recordings is found. ndsi: light; ast-audioset: the paper's.",
    "PHOTO_MODEL": "What describes photos. colour-texture: light; clip-vit-l-14: the paper's.",
    "PHOTO_CLASSES_MODEL": "What finds classes in photos. colour-index: light; clipseg-rd64: the paper's.",
    "PHOTO_CLASSES": "Classes of photos: colour-index for the light model, paper-street for the paper's, or a CSV.",
    "IMAGERY_MODEL": "What describes the basemap. colour-texture: light; remoteclip-vit-l-14: the paper's.",
    "LAND_COVER_MODEL": "What finds land cover. spectral-index: light; segearth-ov: the paper's.",
    "PERMUTATIONS": "Permutations of the Mantel test.",
    "SEED": "Start of the random numbers of the Mantel test.",
}


#: Choices of a model: label, the tool and its parameter that offer them, the light one, place in the diagram.
CHOICES = {
    "SOUND_MODEL": ("Model of recordings", "embedsound", "MODEL", "acoustic-features", (580, 30)),
    "SOUND_METHOD": ("BGA of recordings by", "bgasound", "METHOD", "ndsi", (800, 90)),
    "PHOTO_MODEL": ("Model of photos", "embedphotos", "MODEL", "colour-texture", (960, 190)),
    "PHOTO_CLASSES_MODEL": ("Classes of photos by", "segmentphotos", "MODEL", "colour-index", (1120, 270)),
    "IMAGERY_MODEL": ("Model of the basemap", "embedimagery", "MODEL", "colour-texture", (1420, 510)),
    "LAND_COVER_MODEL": ("Land cover by", "segmentraster", "MODEL", "spectral-index", (140, 760)),
}


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


def add_parameter(
    model: QgsProcessingModelAlgorithm, definition: Any, place: tuple[int, int], advanced: bool = False
) -> None:
    """Add a parameter of the model at a place of its diagram."""
    definition.setHelp(HELP[definition.name()])
    if advanced:
        definition.setFlags(definition.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    component = QgsProcessingModelParameter(definition.name())
    component.setPosition(QPointF(*place))
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
) -> None:
    """Add a tool as a step; ``outputs`` maps results of the model to outputs of the tool and their labels.

    Results stand to the right of the step, ``drop`` lower.
    """
    child = QgsProcessingModelChildAlgorithm(f"soundvis:{algorithm}")
    child.setChildId(child_id)
    child.setDescription(description)
    child.setPosition(QPointF(*place))
    child.setSize(BOX)
    for name, source in sources.items():
        child.addParameterSources(name, source)
    model_outputs = {}
    for index, (name, (output, label)) in enumerate((outputs or {}).items()):
        model_output = QgsProcessingModelOutput(name, label)
        model_output.setChildId(child_id)
        model_output.setChildOutputName(output)
        model_output.setPosition(QPointF(place[0] + 300, place[1] + drop + 60 * index))
        model_output.setSize(BOX)
        model_outputs[name] = model_output
    child.setModelOutputs(model_outputs)
    model.addChildAlgorithm(child)


def stair(step: int) -> tuple[int, int]:
    """The place of a step of the main chain: down a staircase, so that every line runs to the right."""
    return 430 + 160 * step, 110 + 100 * step


def add_parameters(model: QgsProcessingModelAlgorithm) -> None:
    """The parameters of the model."""
    number = QgsProcessingParameterNumber.Type
    text_field = QgsProcessingParameterField.DataType.String
    points = [QgsProcessing.SourceType.TypeVectorPoint]
    add_parameter(model, QgsProcessingParameterFeatureSource("SITES", "Sites", points), (140, 60))
    add_parameter(model, QgsProcessingParameterRasterLayer("BASEMAP", "Basemap"), (140, 660))
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
    folder = QgsProcessingParameterFile(
        "BASE_FOLDER",
        "Base folder of relative paths",
        QgsProcessingParameterFile.Behavior.Folder,
        optional=True,
    )
    add_parameter(model, folder, (140, 260))
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
    model.setParameterOrder(
        ["SITES", "RECORDING_FIELD", "PHOTO_FIELD", "BASE_FOLDER", "BASEMAP", "GROUP_FIELD",
         "FOOTPRINT", "RADIUS", "SOUND_MODEL", "SOUND_METHOD", "PHOTO_MODEL", "PHOTO_CLASSES_MODEL", "PHOTO_CLASSES",
         "IMAGERY_MODEL", "LAND_COVER_MODEL", "PERMUTATIONS", "SEED"]
    )  # fmt: skip


def build() -> QgsProcessingModelAlgorithm:
    """The model."""
    model = QgsProcessingModelAlgorithm(NAME, "SoundVis", "soundvis")
    model.setHelpContent(HELP)
    add_parameters(model)
    recording = {"PATH_FIELD": parameter("RECORDING_FIELD"), "BASE_FOLDER": parameter("BASE_FOLDER")}
    photo = {"PATH_FIELD": parameter("PHOTO_FIELD"), "BASE_FOLDER": parameter("BASE_FOLDER")}
    add_step(
        model, "embed_sound", "embedsound", "Embed recordings", stair(0),
        {"INPUT": parameter("SITES"), "MODEL": choice_of("SOUND_MODEL"), "FIELD": value("snd_emb"), **recording},
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
        {"classes": ("OUTPUT", "Class raster")}, drop=120,
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
         "AERIAL": value(["aer_emb"]), "GROUP": parameter("GROUP_FIELD"),
         "PERMUTATIONS": parameter("PERMUTATIONS"), "SEED": parameter("SEED")},
        {"correlations": ("OUTPUT", "Correlations"), "report": ("REPORT", "Report")},
    )  # fmt: skip
    return model


def main() -> int:
    """Build the model and write it; the exit code is 1 where QGIS refuses it."""
    application = QgsApplication([], False)
    application.initQgis()
    from soundvis_qgis.provider import SoundVisProvider

    provider = SoundVisProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    model = build()
    ok, issues = model.validate()
    print("\n".join(issues))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    written = model.toFile(str(TARGET))
    print(f"{TARGET.name}: {'written' if written else 'could not be written'}")
    QgsApplication.processingRegistry().removeProvider(provider)
    application.exitQgis()
    return 0 if ok and written else 1


if __name__ == "__main__":
    sys.exit(main())
