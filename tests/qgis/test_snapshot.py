"""Ids, parameters and outputs are what models, scripts and saved histories hold on to: they never change."""

from __future__ import annotations

import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingModelAlgorithm,
    QgsProcessingParameterDefinition,
)

ADVANCED, OPTIONAL = "advanced", "optional"
REMOTE = ["remoteclip-vit-l-14", "remoteclip-vit-b-32", "remoteclip-rn50"]
PAPER = ["ast-audioset", "clip-vit-l-14", "remoteclip-vit-l-14", "clipseg-rd64", "segearth-ov"]
AGREEMENTS = ["cosine", "hellinger", "jensen-shannon", "aitchison"]
UNCERTAINTY = [
    ("WEIGHT_DRAWS", "number", 0, ADVANCED),
    ("WEIGHT_SPREAD", "number", 30.0, ADVANCED),
    ("SEED", "number", 1, ADVANCED),
]
#: Parameters of every tool: name, type, default, then what marks it. For enumerations the options follow.
FROZEN = {
    "samplesites": (
        ("FOLDER", "folderDestination", None),
        ("SEED", "number", 1),
        ("OUTPUT", "sink", None),
        ("AERIAL", "rasterDestination", None),
    ),
    "embedsound": (
        ("INPUT", "source", None),
        ("PATH_FIELD", "field", None),
        ("BASE_FOLDER", "file", None, OPTIONAL),
        ("MODEL", "enum", "ast-audioset", ["ast-audioset", "acoustic-features"]),
        ("FIELD", "string", "snd_emb"),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("WINDOWS", "sink", None, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "embedphotos": (
        ("INPUT", "source", None),
        ("PATH_FIELD", "field", None),
        ("BASE_FOLDER", "file", None, OPTIONAL),
        ("MODEL", "enum", "clip-vit-l-14", ["clip-vit-l-14", "colour-texture", *REMOTE]),
        ("FIELD", "string", "st_emb"),
        ("VIEWS", "enum", "centre", ADVANCED, ["centre", "three-crops", "panorama"]),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "embedimagery": (
        ("INPUT", "source", None),
        ("RASTER", "raster", None),
        ("FOOTPRINT", "number", 200.0),
        ("MODEL", "enum", REMOTE[0], [REMOTE[0], "colour-texture", "clip-vit-l-14", *REMOTE[1:]]),
        ("FIELD", "string", "aer_emb"),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "segmentraster": (
        ("INPUT", "raster", None),
        ("MODEL", "enum", "segearth-ov", ["segearth-ov", "spectral-index"]),
        ("CLASSES", "string", "paper-aerial"),
        ("EXTENT", "extent", None, OPTIONAL),
        ("RESOLUTION", "number", 0.0, ADVANCED, OPTIONAL),
        ("THRESHOLD", "number", None, ADVANCED, OPTIONAL),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("OUTPUT", "rasterDestination", None),
    ),
    "segmentphotos": (
        ("INPUT", "source", None),
        ("PATH_FIELD", "field", None),
        ("BASE_FOLDER", "file", None, OPTIONAL),
        ("MODEL", "enum", "clipseg-rd64", ["clipseg-rd64", "colour-index"]),
        ("CLASSES", "string", "paper-street"),
        ("PREFIX", "string", "st_", OPTIONAL),
        ("THRESHOLD", "number", None, ADVANCED, OPTIONAL),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "bgaraster": (
        ("INPUT", "raster", None),
        ("WEIGHTS", "file", None, OPTIONAL),
        ("OUTPUT", "rasterDestination", None),
    ),
    "bgasites": (
        ("INPUT", "source", None),
        ("CLASSES", "raster", None),
        ("RADIUS", "number", 100.0),
        ("WEIGHTS", "file", None, OPTIONAL),
        ("PREFIX", "string", "aer_", OPTIONAL),
        *UNCERTAINTY,
        ("OUTPUT", "sink", None),
    ),
    "bgashares": (
        ("INPUT", "source", None),
        ("SHARE_PREFIX", "string", "st_"),
        ("WEIGHTS", "file", None, OPTIONAL),
        ("PREFIX", "string", "st_", OPTIONAL),
        *UNCERTAINTY,
        ("OUTPUT", "sink", None),
    ),
    "bgasound": (
        ("INPUT", "source", None),
        ("PATH_FIELD", "field", None),
        ("BASE_FOLDER", "file", None, OPTIONAL),
        ("METHOD", "enum", "ast-audioset", ["ast-audioset", "ndsi"]),
        ("PREFIX", "string", "snd_", OPTIONAL),
        ("THRESHOLD", "number", 0.2, ADVANCED),
        ("AGGREGATION", "enum", "share", ADVANCED, ["share", "noisy-or", "maximum"]),
        ("PETS", "boolean", True, ADVANCED),
        ("WEIGHTS", "file", None, ADVANCED, OPTIONAL),
        ("CHECKPOINT", "file", None, ADVANCED, OPTIONAL),
        ("TAGS_SCORE", "number", 0.1, ADVANCED),
        ("TAGS", "sink", None, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "correlatelayers": (
        ("INPUT", "source", None),
        ("SOUND", "field", None, OPTIONAL),
        ("STREET", "field", None, OPTIONAL),
        ("AERIAL", "field", None, OPTIONAL),
        ("SOUND_BGA", "field", None, ADVANCED, OPTIONAL),
        ("STREET_BGA", "field", None, ADVANCED, OPTIONAL),
        ("AERIAL_BGA", "field", None, ADVANCED, OPTIONAL),
        ("MEASURE", "enum", "cosine", ADVANCED, ["cosine", "hellinger", "jensen-shannon", "aitchison"]),
        ("GROUP", "field", None, OPTIONAL),
        ("LAYERS", "multilayer", None, ADVANCED, OPTIONAL),
        ("SITE_ID", "field", None, ADVANCED, OPTIONAL),
        ("JOINED_FIELDS", "string", None, ADVANCED, OPTIONAL),
        ("METHOD", "enum", "pearson", ADVANCED, ["pearson", "spearman"]),
        ("DISTANCE", "boolean", True, ADVANCED),
        ("CONTROLS", "field", None, ADVANCED, OPTIONAL),
        ("PERMUTATIONS", "number", 999),
        ("BOOTSTRAPS", "number", 999, ADVANCED),
        ("SEED", "number", 1, ADVANCED),
        ("CEILING", "source", None, ADVANCED, OPTIONAL),
        ("OUTPUT", "sink", None),
        ("FUSION", "sink", None, OPTIONAL),
        ("REPORT", "fileDestination", None, OPTIONAL),
    ),
    "crossmodalcosine": (
        ("INPUT", "source", None),
        ("SOUND", "field", None, OPTIONAL),
        ("SIGHT", "field", None, OPTIONAL),
        ("SOUND_BGA", "field", None, OPTIONAL),
        ("SIGHT_BGA", "field", None, OPTIONAL),
        ("PERMUTATIONS", "number", 999),
        ("MEASURES", "enum", AGREEMENTS, ADVANCED, AGREEMENTS),
        ("SHARED_SPACE", "enum", "auto", ADVANCED, ["auto", "yes", "no"]),
        ("PREFIX", "string", "xm_", ADVANCED, OPTIONAL),
        ("SEED", "number", 1, ADVANCED),
        ("SUMMARY", "sink", None, OPTIONAL),
        ("OUTPUT", "sink", None),
    ),
    "sitealignment": (
        ("INPUT", "source", None),
        ("SOUND", "field", None),
        ("SIGHT", "field", None),
        ("GROUP", "field", None, OPTIONAL),
        ("WITHIN", "boolean", True, ADVANCED),
        ("SITE_ID", "field", None, ADVANCED, OPTIONAL),
        ("PERMUTATIONS", "number", 999),
        ("PREFIX", "string", "al_", OPTIONAL),
        ("MEASURE", "enum", "cosine", ADVANCED, AGREEMENTS),
        ("SEED", "number", 1, ADVANCED),
        ("OUTPUT", "sink", None),
    ),
    "noiseceiling": (
        ("INPUT", "source", None),
        ("SITE", "field", "site"),
        ("EMBEDDING", "field", "embedding"),
        ("BLOCK", "string", "sound"),
        ("LAYERS", "multilayer", None, OPTIONAL),
        ("EARLIER", "source", None, OPTIONAL),
        ("UNIT", "field", None, ADVANCED, OPTIONAL),
        ("MEASURE", "enum", "cosine", ADVANCED, AGREEMENTS),
        ("HALVINGS", "number", 20, ADVANCED),
        ("BOOTSTRAPS", "number", 999, ADVANCED),
        ("SEED", "number", 1, ADVANCED),
        ("OUTPUT", "sink", None),
    ),
    "powerplan": (
        ("INPUT", "source", None),
        ("SOUND", "field", None, OPTIONAL),
        ("STREET", "field", None, OPTIONAL),
        ("AERIAL", "field", None, OPTIONAL),
        ("GROUP", "field", None, OPTIONAL),
        ("R", "string", "0.1, 0.2, 0.3"),
        ("SOUND_BGA", "field", None, ADVANCED, OPTIONAL),
        ("STREET_BGA", "field", None, ADVANCED, OPTIONAL),
        ("AERIAL_BGA", "field", None, ADVANCED, OPTIONAL),
        ("MEASURE", "enum", "cosine", ADVANCED, AGREEMENTS),
        ("LAYERS", "multilayer", None, ADVANCED, OPTIONAL),
        ("SITE_ID", "field", None, ADVANCED, OPTIONAL),
        ("JOINED_FIELDS", "string", None, ADVANCED, OPTIONAL),
        ("ALPHA", "number", 0.05, ADVANCED),
        ("POWER", "number", 0.8, ADVANCED),
        ("SEED", "number", 1, ADVANCED),
        ("OUTPUT", "sink", None),
    ),
    "sitepairs": (
        ("INPUT", "source", None),
        ("SOUND", "field", None),
        ("SIGHT", "field", None),
        ("COUNT", "number", 5),
        ("AUDIO_FIELD", "field", None, OPTIONAL),
        ("PHOTO_FIELD", "field", None, OPTIONAL),
        ("RASTER", "raster", None, ADVANCED, OPTIONAL),
        ("FOOTPRINT", "number", 200.0, ADVANCED),
        ("BASE_FOLDER", "file", None, ADVANCED, OPTIONAL),
        ("GROUP", "field", None, ADVANCED, OPTIONAL),
        ("WITHIN", "boolean", True, ADVANCED),
        ("SITE_ID", "field", None, ADVANCED, OPTIONAL),
        ("MAX_PER_SITE", "number", 2, ADVANCED),
        ("MEASURE", "enum", "cosine", ADVANCED, AGREEMENTS),
        ("OUTPUT", "sink", None),
        ("GALLERY", "fileDestination", None, OPTIONAL),
    ),
    "setupenvironment": (
        ("COMPUTE", "enum", "auto", ["auto", "cpu", "cuda"]),
        ("PYTHON", "file", None, OPTIONAL),
        ("WHEELS", "file", None, OPTIONAL),
        ("FOLDER", "file", None, ADVANCED, OPTIONAL),
        ("INDEX", "string", None, ADVANCED, OPTIONAL),
        ("REINSTALL", "boolean", False, ADVANCED),
        ("OUTPUT", "fileDestination", None, OPTIONAL),
    ),
    "downloadmodels": (
        ("MODELS", "enum", PAPER, [*PAPER[:2], *REMOTE, "segearth-ov", "clipseg-rd64", "simfeatup-aid"]),
        ("SOURCE_FOLDER", "file", None, OPTIONAL),
        ("FOLDER", "file", None, ADVANCED, OPTIONAL),
        ("ENDPOINT", "string", None, ADVANCED, OPTIONAL),
    ),
    "checkenvironment": (("OUTPUT", "fileDestination", None),),
}
OUTPUTS = {
    "samplesites": {"FOLDER": "outputFolder", "OUTPUT": "outputVector", "AERIAL": "outputRaster"},
    "embedsound": {"OUTPUT": "outputVector", "WINDOWS": "outputVector"},
    "embedphotos": {"OUTPUT": "outputVector"},
    "embedimagery": {"OUTPUT": "outputVector"},
    "segmentraster": {"OUTPUT": "outputRaster"},
    "segmentphotos": {"OUTPUT": "outputVector"},
    "bgaraster": {"OUTPUT": "outputRaster"},
    "bgasites": {"OUTPUT": "outputVector"},
    "bgashares": {"OUTPUT": "outputVector"},
    "bgasound": {"OUTPUT": "outputVector", "TAGS": "outputVector"},
    "correlatelayers": {"OUTPUT": "outputVector", "FUSION": "outputVector", "REPORT": "outputHtml"},
    "crossmodalcosine": {"OUTPUT": "outputVector", "SUMMARY": "outputVector"},
    "sitealignment": {"OUTPUT": "outputVector"},
    "sitepairs": {"OUTPUT": "outputVector", "GALLERY": "outputHtml"},
    "noiseceiling": {"OUTPUT": "outputVector"},
    "powerplan": {"OUTPUT": "outputVector"},
    "setupenvironment": {"OUTPUT": "outputHtml"},
    "downloadmodels": {"MODELS_FOLDER": "outputFolder", "READY": "outputNumber"},
    "checkenvironment": {"OUTPUT": "outputHtml"},
}
READY_MODEL = "sound_vision_alignment"
READY_MODEL_PARAMETERS = {
    "SITES": "source",
    "RECORDING_FIELD": "field",
    "PHOTO_FIELD": "field",
    "BASE_FOLDER": "file",
    "BASEMAP": "raster",
    "GROUP_FIELD": "field",
    "FOOTPRINT": "number",
    "RADIUS": "number",
    "SOUND_MODEL": "enum",
    "SOUND_METHOD": "enum",
    "PHOTO_MODEL": "enum",
    "PHOTO_CLASSES_MODEL": "enum",
    "PHOTO_CLASSES": "string",
    "IMAGERY_MODEL": "enum",
    "LAND_COVER_MODEL": "enum",
    "PERMUTATIONS": "number",
    "SEED": "number",
}
MOST_VISIBLE = 6


def has_flag(definition, flag):
    return bool(definition.flags() & flag)


def is_advanced(definition):
    return has_flag(definition, QgsProcessingParameterDefinition.Flag.FlagAdvanced)


def is_optional(definition):
    return has_flag(definition, QgsProcessingParameterDefinition.Flag.FlagOptional)


def described(definition):
    """A parameter in the shape of the table above."""
    row = [definition.name(), definition.type(), definition.defaultValue()]
    if is_advanced(definition):
        row.append(ADVANCED)
    if is_optional(definition):
        row.append(OPTIONAL)
    if definition.type() == "enum":
        row.append(list(definition.options()))
    return tuple(row)


@pytest.fixture
def tools(provider):
    return {algorithm.name(): algorithm for algorithm in provider.algorithms()}


def test_provider_and_tool_ids(provider, tools):
    assert provider.id() == "soundvis"
    assert set(tools) == {*FROZEN, READY_MODEL}
    assert {algorithm.id() for algorithm in tools.values()} == {f"soundvis:{name}" for name in tools}


@pytest.mark.parametrize("name", FROZEN)
def test_parameters_and_outputs_are_frozen(tools, name):
    assert tuple(described(definition) for definition in tools[name].parameterDefinitions()) == FROZEN[name]
    assert {output.name(): output.type() for output in tools[name].outputDefinitions()} == OUTPUTS[name]


@pytest.mark.parametrize("name", FROZEN)
def test_choices_are_static_strings(tools, name):
    choices = [entry for entry in tools[name].parameterDefinitions() if entry.type() == "enum"]
    assert all(entry.usesStaticStrings() for entry in choices)
    assert [entry.name() for entry in choices if entry.allowMultiple()] == (
        {"downloadmodels": ["MODELS"], "crossmodalcosine": ["MEASURES"]}.get(name, [])
    )


@pytest.mark.parametrize("name", [*FROZEN, READY_MODEL])
def test_every_parameter_has_help_and_few_are_visible(tools, name):
    definitions = tools[name].parameterDefinitions()
    assert [entry.name() for entry in definitions if not entry.help().strip()] == []
    inputs = [entry for entry in definitions if not entry.isDestination() and not is_advanced(entry)]
    assert len(inputs) <= MOST_VISIBLE, [entry.name() for entry in inputs]


@pytest.mark.parametrize("name", FROZEN)
def test_texts_for_the_toolbox(tools, name):
    tool = tools[name]
    assert tool.displayName() and tool.group() and tool.groupId() and not tool.icon().isNull()
    assert tool.shortDescription().endswith(".")
    for definition in tool.parameterDefinitions():
        assert definition.help()[:20].split("&")[0] in tool.shortHelpString().replace("&#x27;", "'")


@pytest.mark.parametrize("name", FROZEN)
def test_no_method_hides_one_of_qgis(tools, name):
    """A method called ``run`` or ``prepare`` would be taken for QGIS's own when Python runs the tool."""
    overridden = {
        "name", "displayName", "group", "groupId", "icon", "createInstance", "initAlgorithm", "shortDescription",
        "shortHelpString", "checkParameterValues", "prepareAlgorithm", "processAlgorithm", "postProcessAlgorithm",
    }  # fmt: skip
    own = {
        attribute
        for kind in type(tools[name]).__mro__
        if kind.__module__.startswith("soundvis_qgis")
        for attribute in vars(kind)
        if not attribute.startswith("__") and hasattr(QgsProcessingAlgorithm, attribute)
    }
    assert own <= overridden


def test_every_tool_makes_a_fresh_instance(tools):
    for name, frozen in FROZEN.items():
        made = tools[name].create()
        assert made is not tools[name]
        assert made.name() == name
        assert len(made.parameterDefinitions()) == len(frozen)


def test_models_of_the_user_come_last(tools, home_of_tests):
    """A row in the user's registry is one more choice; those that ship keep their places."""
    table = home_of_tests / "models.csv"
    table.write_text(
        "id,task,like,path\nmine,embed-image,clip-vit-l-14,weights.pt\nbad,dance,clip-vit-l-14,x.pt\n"
    )
    try:
        for name in ("embedphotos", "embedimagery"):
            tool = tools[name].create()
            options = tool.parameterDefinition("MODEL").options()
            row = next(row for row in FROZEN[name] if row[0] == "MODEL")
            assert options == [*row[-1], "mine"]
        tool = tools["embedsound"].create()
        assert "mine" not in tool.parameterDefinition("MODEL").options()
    finally:
        table.unlink()


def test_the_ready_model_is_offered_and_its_steps_resolve(tools):
    model = tools[READY_MODEL]
    assert isinstance(model, QgsProcessingModelAlgorithm)
    assert model.displayName() == "Sound vision alignment"
    inputs = {
        entry.name(): entry.type() for entry in model.parameterDefinitions() if not entry.isDestination()
    }
    assert inputs == READY_MODEL_PARAMETERS
    steps = model.childAlgorithms()
    registry = QgsApplication.processingRegistry()
    assert [step.algorithmId() for step in steps.values() if step.algorithm() is None] == []
    assert {step.algorithmId() for step in steps.values()} <= {f"soundvis:{name}" for name in FROZEN} | {
        algorithm.id() for algorithm in registry.algorithms()
    }
    ours = sorted(step.algorithmId() for step in steps.values() if step.algorithmId().startswith("soundvis:"))
    assert ours == [
        "soundvis:bgaraster",
        "soundvis:bgashares",
        "soundvis:bgasites",
        "soundvis:bgasound",
        "soundvis:correlatelayers",
        "soundvis:embedimagery",
        "soundvis:embedphotos",
        "soundvis:embedsound",
        "soundvis:segmentphotos",
        "soundvis:segmentraster",
    ]
    for step in steps.values():
        known = {entry.name() for entry in step.algorithm().parameterDefinitions()}
        assert set(step.parameterSources()) <= known
