"""Who may import whom: the core knows nothing of QGIS, the plugin nothing of the models' libraries."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted(ROOT.joinpath("soundvis_core").rglob("*.py"))
PLUGIN = sorted(ROOT.joinpath("soundvis_qgis").rglob("*.py"))

NOT_IN_CORE = {"qgis", "PyQt5", "PyQt6", "sip", "osgeo", "processing", "soundvis_qgis"}
NOT_IN_PLUGIN = {"torch", "transformers", "open_clip", "librosa", "PyQt5", "PyQt6", "sip"}
#: What the core may import at module level: the standard library, itself, and numpy.
HEAVY = {
    "torch", "transformers", "open_clip", "librosa", "matplotlib", "soundfile", "av", "maad", "skbio", "pandas",
}  # fmt: skip


def imported(path: Path, module_level_only: bool = False) -> set[str]:
    """Top-level names of the packages that a file imports, relative imports left out."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
        inside_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        type_checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if module_level_only and (inside_function or type_checking):
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text("utf-8"), str(path)))
    return found


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_core_knows_nothing_of_qgis(path):
    assert not imported(path) & NOT_IN_CORE


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_core_imports_nothing_heavy_at_module_level(path):
    assert not imported(path, module_level_only=True) & HEAVY


@pytest.mark.parametrize(
    "path",
    [path for path in CORE if path.name != "__main__.py"],  # a program, started by its path
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_core_imports_itself_relatively(path):
    """The shipped core lies inside the plugin: an absolute import could find another copy."""
    assert "soundvis_core" not in imported(path)


@pytest.mark.parametrize("path", PLUGIN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_plugin_leaves_models_and_qt_to_others(path):
    assert not imported(path) & NOT_IN_PLUGIN


def modules_loaded_by(statement: str) -> set[str]:
    code = f"import json, sys; old = set(sys.modules); {statement}; print(json.dumps([*(set(sys.modules) - old)]))"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    return set(json.loads(shown.stdout))


def test_importing_the_core_imports_nothing_else():
    """Nothing is imported when the plugin loads: importing the package loads no third party's module."""
    loaded = {
        name for name in modules_loaded_by("import soundvis_core") if not name.startswith("soundvis_core")
    }
    third_party = {name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names}
    assert third_party == set()


def test_light_modules_stay_light():
    """What the plugin imports to register its tools must not bring numpy's friends along."""
    loaded = modules_loaded_by(
        "import soundvis_core.errors, soundvis_core.dependencies, soundvis_core.resources, soundvis_core.pipeline, "
        "soundvis_core.models.registry, soundvis_core.worker.protocol, soundvis_core.worker.service"
    )
    assert not {name.split(".")[0] for name in loaded} & {
        *HEAVY,
        "numpy",
        "scipy",
        "shapely",
        "pyproj",
        "PIL",
    }
