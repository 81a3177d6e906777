"""Ids, parameters and outputs are what models, scripts and saved histories hold on to: they never change."""

from __future__ import annotations

import pytest
from frozen import ADVANCED, FROZEN, OPTIONAL, OUTPUTS, READY_MODELS
from qgis.core import (
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingModelAlgorithm,
    QgsProcessingParameterDefinition,
)

MOST_VISIBLE = 6


def has_flag(definition, flag):
    return bool(definition.flags() & flag)


def is_advanced(definition):
    return has_flag(definition, QgsProcessingParameterDefinition.Flag.FlagAdvanced)


def is_optional(definition):
    return has_flag(definition, QgsProcessingParameterDefinition.Flag.FlagOptional)


def described(definition):
    """A parameter in the shape of the frozen ones."""
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
    assert set(tools) == {*FROZEN, *READY_MODELS}
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
        {
            "downloadmodels": ["MODELS"],
            "timematch": ["WEEKDAYS", "SEASONS"],
            "crossmodalcosine": ["MEASURES"],
            "screenrecordings": ["RULES"],
            "screenphotos": ["RULES"],
        }.get(name, [])
    )


@pytest.mark.parametrize("name", [*FROZEN, *READY_MODELS])
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
        "parameterAsSink", "parameterAsOutputLayer", "parameterAsFileOutput",
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


@pytest.mark.parametrize("name", READY_MODELS)
def test_the_ready_models_are_offered_and_their_steps_resolve(tools, name):
    model = tools[name]
    assert isinstance(model, QgsProcessingModelAlgorithm)
    assert model.displayName() == name.replace("_", " ").capitalize()
    assert model.group() == "Ready models"
    assert model.validate() == (True, [])
    inputs = {
        entry.name(): entry.type() for entry in model.parameterDefinitions() if not entry.isDestination()
    }
    assert inputs == READY_MODELS[name]
    steps = model.childAlgorithms()
    registry = QgsApplication.processingRegistry()
    assert [step.algorithmId() for step in steps.values() if step.algorithm() is None] == []
    assert {step.algorithmId() for step in steps.values()} <= {f"soundvis:{tool}" for tool in FROZEN} | {
        algorithm.id() for algorithm in registry.algorithms()
    }
    ours = sorted(step.algorithmId() for step in steps.values() if step.algorithmId().startswith("soundvis:"))
    shared = [
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
    before = {"sound_vision_from_folders": ["joinsites", "sitesfromphotos", "sitesfromrecordings"]}.get(
        name, []
    )
    assert ours == sorted([*shared, *(f"soundvis:{step}" for step in before)])
    for step in steps.values():
        known = {entry.name() for entry in step.algorithm().parameterDefinitions()}
        assert set(step.parameterSources()) <= known
