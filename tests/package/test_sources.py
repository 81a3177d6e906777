"""House rules that a reader would notice."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from conftest import ROOT

FOLDERS = ("soundvis_core", "soundvis_qgis", "tests", "tools", "benchmarks")
SOURCES = sorted(
    path
    for folder in FOLDERS
    for path in ROOT.joinpath(folder).rglob("*")
    if path.suffix in {".py", ".sh"} and "__pycache__" not in path.parts
)
TEXTS = [
    *SOURCES,
    *ROOT.glob("*.md"),
    *ROOT.joinpath("docs").rglob("*.md"),
    ROOT / "Makefile",
    ROOT / "pyproject.toml",
    ROOT / "metadata.txt",
    *ROOT.joinpath("requirements").iterdir(),
]
LOCKS = sorted([*ROOT.joinpath("requirements").glob("*.lock"), *ROOT.joinpath("resources").rglob("*.lock")])
#: Put together from parts, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
#: Paths of one machine, and hosts that packages come from: nobody else has them.
MACHINE = re.compile(
    r"(?<![\w.])/("
    + "|".join(("ho" + "me", "ro" + "ot", "wo" + "rk"))
    + ")/|python"
    + "hosted|--extra"
    + "-index"
)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_short_enough_to_read(path):
    assert len(path.read_text("utf-8").splitlines()) < 400


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_nothing_left_unfinished(path):
    assert not UNFINISHED.findall(path.read_text("utf-8"))


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_no_path_or_host_of_one_machine(path):
    assert not MACHINE.findall(path.read_text("utf-8"))


@pytest.mark.parametrize("path", [path for path in SOURCES if path.suffix == ".py"], ids=name)
def test_runs_on_python_3_9(path):
    """QGIS 3.22 for Windows has Python 3.9: neither its grammar nor these arguments of later versions."""
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
    for call in (
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ):
        used = {(call.func.id, keyword.arg) for keyword in call.keywords}
        assert not used & {("zip", "strict"), ("dataclass", "slots"), ("dataclass", "kw_only")}, (
            f"line {call.lineno}"
        )


def test_only_ci_names_the_shared_folder():
    shared = "../sha" + "red"
    assert [name(path) for path in TEXTS if shared in path.read_text("utf-8")] == []
    assert "/sha" + "red/data" in ROOT.joinpath(".ci", "run").read_text("utf-8")


def test_locks_pin_versions_and_hashes():
    for lock in LOCKS:
        requirements = re.findall(r"^[A-Za-z][^\n]*(?:\\\n[^\n]+)+", lock.read_text("utf-8"), re.MULTILINE)
        assert requirements
        for requirement in requirements:
            assert re.match(r"[\w.-]+==[\w.]+", requirement)
            assert "--hash=sha256:" in requirement


def test_torch_is_pinned_apart():
    """What a lock does not name, no installation of that lock can replace: a CPU torch stays a CPU torch."""
    family = re.compile(r"^(torch|torchvision|triton|nvidia-[\w-]+|cuda-\w+)==", re.MULTILINE)
    found = {lock.name: bool(family.search(lock.read_text("utf-8"))) for lock in LOCKS}
    assert found == {"dev.lock": False, "qgis-tests.lock": False, "models.lock": False, "torch.lock": True}
    pinned = re.findall(
        r"^torch\w*==[\d.]+$", ROOT.joinpath("requirements", "torch.in").read_text("utf-8"), re.MULTILINE
    )
    locked = ROOT.joinpath("resources", "environment", "torch.lock").read_text("utf-8")
    assert len(pinned) == 2
    for requirement in pinned:
        assert re.search(rf"^{re.escape(requirement)}[ ;\\]", locked, re.MULTILINE), requirement


def test_qgis_keeps_its_own_libraries():
    """Nothing that QGIS's own Python must keep as it is may be in the lock for the tests inside QGIS."""
    lock = ROOT.joinpath("requirements", "qgis-tests.lock").read_text("utf-8")
    assert not re.search(
        r"^(numpy|scipy|shapely|pyproj|pillow|gdal|pyqt\w*)==", lock, re.MULTILINE | re.IGNORECASE
    )
