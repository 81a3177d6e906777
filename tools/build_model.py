"""Write resources/models/sound_vision_alignment.model3 through QGIS's own model API.

Run it in QGIS's Python with the staged plugin on the path after a change of the tools' parameters:
``QT_QPA_PLATFORM=offscreen PYTHONPATH=build /usr/bin/python3 tools/build_model.py``
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
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
)
from qgis.PyQt.QtCore import QPointF, QSizeF

NAME = "sound_vision_alignment"
#: High enough for two lines of text.
BOX = QSizeF(200.0, 40.0)
TARGET = Path(__file__).resolve().parent.parent / "resources" / "models" / f"{NAME}.model3"

HELP = {
    "ALG_DESC": (
        "<p>The whole journey from sites with recordings and street photos and a basemap to the correlation of sound "
        "and sight: embeds recordings, photos and the basemap around each site, segments photos and basemap, maps "
        "everything to biophony, geophony and anthrophony, and correlates.</p>"
        "<p>It runs on the light models, with nothing to download. To choose other models or steps, open its file in "
        "the model designer and save it under another name. It lies in the folder of your plugins: "
        "soundvis_qgis/resources/models/sound_vision_alignment.model3</p>"
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
    "PERMUTATIONS": "Permutations of the Mantel test.",
    "SEED": "Start of the random numbers of the Mantel test.",
}


def parameter(name: str) -> list[Any]:
    """A value that comes from a parameter of the model."""
    return [QgsProcessingModelChildParameterSource.fromModelParameter(name)]


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
    permutations = QgsProcessingParameterNumber("PERMUTATIONS", "Permutations", number.Integer, 999, False, 0)
    add_parameter(model, permutations, (1160, 870), advanced=True)
    seed = QgsProcessingParameterNumber("SEED", "Seed", number.Integer, 1, False, 0)
    add_parameter(model, seed, (1160, 950), advanced=True)
    model.setParameterOrder(
        ["SITES", "RECORDING_FIELD", "PHOTO_FIELD", "BASE_FOLDER", "BASEMAP", "GROUP_FIELD",
         "FOOTPRINT", "RADIUS", "PERMUTATIONS", "SEED"]
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
        {"INPUT": parameter("SITES"), "MODEL": value("acoustic-features"), "FIELD": value("snd_emb"), **recording},
    )  # fmt: skip
    add_step(
        model, "bga_sound", "bgasound", "BGA of recordings", stair(1),
        {"INPUT": result("embed_sound"), "METHOD": value("ndsi"), "PREFIX": value("snd_"), **recording},
    )  # fmt: skip
    add_step(
        model, "embed_photos", "embedphotos", "Embed street photos", stair(2),
        {"INPUT": result("bga_sound"), "MODEL": value("colour-texture"), "FIELD": value("st_emb"), **photo},
    )  # fmt: skip
    add_step(
        model, "segment_photos", "segmentphotos", "Segment street photos", stair(3),
        {"INPUT": result("embed_photos"), "MODEL": value("colour-index"), "CLASSES": value("colour-index"),
         "PREFIX": value("st_"), **photo},
    )  # fmt: skip
    add_step(
        model, "bga_photos", "bgashares", "BGA of street photos", stair(4),
        {"INPUT": result("segment_photos"), "SHARE_PREFIX": value("st_"), "PREFIX": value("st_")},
    )  # fmt: skip
    add_step(
        model, "embed_imagery", "embedimagery", "Embed imagery around sites", stair(5),
        {"INPUT": result("bga_photos"), "RASTER": parameter("BASEMAP"), "FOOTPRINT": parameter("FOOTPRINT"),
         "MODEL": value("colour-texture"), "FIELD": value("aer_emb")},
    )  # fmt: skip
    add_step(
        model, "segment_raster", "segmentraster", "Segment basemap", (470, 750),
        {"INPUT": parameter("BASEMAP"), "MODEL": value("spectral-index"), "CLASSES": value("paper-aerial")},
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
