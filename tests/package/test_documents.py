"""What the documents name is there: files, headings, tools, parameters, settings, models."""

from __future__ import annotations

import csv
import importlib
import re
import runpy
import sys
from pathlib import Path

import pytest
from conftest import ROOT

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.joinpath("docs").glob("*.md"), *ROOT.joinpath("resources").rglob("*.md")]
)
README = ROOT.joinpath("README.md").read_text("utf-8")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PARAMETER = re.compile(r"`([A-Z][A-Z_]*)`")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(path: Path) -> set[str]:
    """What the headings of a document are called in links, as GitHub makes it."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = [heading.strip().lower() for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path):
    dead = []
    for link in _LINK.findall(path.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_picture_is_shown():
    shown = {Path(link).name for path in DOCUMENTS for link in _LINK.findall(path.read_text("utf-8"))}
    assert {path.name for path in ROOT.joinpath("docs", "images").iterdir()} <= shown


def frozen() -> dict[str, set[str]]:
    """Parameters by tool, from the tables that the tests in QGIS hold the toolbox to."""
    folder = str(ROOT / "tests" / "qgis")
    sys.path.insert(0, folder)
    try:
        tables = importlib.import_module("frozen")
    finally:
        sys.path.remove(folder)
    found = {tool: {row[0] for row in rows} for tool, rows in tables.FROZEN.items()}
    found.update({model: set(parameters) for model, parameters in tables.READY_MODELS.items()})
    return found


def toolbox() -> dict[str, str]:
    """The README's table: the column of parameters by the id of the tool."""
    rows = re.findall(r"^\| [^|]+\(`([a-z_]+)`\) \|[^|]*\|([^|]*)\|", README, re.MULTILINE)
    return dict(rows)


def test_the_toolbox_in_the_readme_is_the_toolbox():
    assert set(toolbox()) == set(frozen())


@pytest.mark.parametrize("tool", sorted(frozen()))
def test_parameters_in_the_readme_are_those_of_the_tool(tool):
    assert set(_PARAMETER.findall(toolbox()[tool])) <= frozen()[tool]


def test_defaults_in_the_readme_are_of_parameters_that_exist():
    table = README.partition("| parameter | default |")[2].partition("\n\n")[0]
    named = {
        parameter for line in table.splitlines() for parameter in _PARAMETER.findall(line.partition(" | ")[0])
    }
    assert len(named) > 10
    assert named <= set().union(*frozen().values())


@pytest.mark.parametrize("document", ["README.md", "docs/models.md"])
def test_every_model_is_described(document):
    text = ROOT.joinpath(document).read_text("utf-8")
    with ROOT.joinpath("resources", "tables", "models.csv").open(encoding="utf-8", newline="") as file:
        models = [row["id"] for row in csv.DictReader(file)]
    assert [model for model in models if f"`{model}`" not in text] == []


def test_every_setting_is_in_the_user_guide():
    source = ROOT.joinpath("soundvis_qgis", "runtime", "settings.py").read_text("utf-8")
    settings = re.findall(r'"(soundvis/\w+)"', source)
    guide = ROOT.joinpath("docs", "user-guide.md").read_text("utf-8")
    variables = {setting.replace("/", "_").upper() for setting in settings}
    assert len(variables) == 8
    assert variables == set(re.findall(r"`(SOUNDVIS_[A-Z_]+)`", guide)) - {"SOUNDVIS_TEST_DATA"}


@pytest.mark.parametrize(("rules", "section"), [("SOUND_RULES", "recordings"), ("PHOTO_RULES", "photos")])
def test_the_page_of_screening_has_every_threshold(rules, section):
    page = ROOT.joinpath("docs", "screening.md").read_text("utf-8")
    table = page.partition(f"\n## The rules for {section}\n")[2].partition("\n## ")[0]
    header = next(line for line in table.splitlines() if line.startswith("| rule |"))
    methods = re.findall(r"`([a-z-]+)`", header)
    for rule in runpy.run_path(str(ROOT / "soundvis_core" / "screening" / "rules.py"))[rules]:
        row = next(line for line in table.splitlines() if line.startswith(f"| {rule.name} |"))
        for method, cell in zip(methods, row.strip("| ").split(" | ")[1:]):
            told = re.findall(r"(?:: )(-?[0-9.]+)$", cell)
            assert told == [f"{rule.thresholds[method]:g}" for _ in [0] if method in rule.thresholds], (
                rule.name,
                method,
            )


def test_the_page_of_land_cover_has_every_crosswalk():
    page = ROOT.joinpath("docs", "land-cover.md").read_text("utf-8")
    shipped = {path.stem for path in ROOT.joinpath("resources", "tables", "crosswalks").glob("*.csv")}
    assert {name for name in shipped if f"`{name}`" not in page} == set()
