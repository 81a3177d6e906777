"""Resolve every attribute of a QGIS or Qt class that a plugin names, with the real libraries.

Run as: python enum_check.py qgis|pyqt6 PLUGIN_FOLDER. Prints a JSON list of findings:
- unscoped: an enum's value reached through the class, not through its enum (QgsProcessing.TypeVectorPoint). Qt 6
  knows only QgsProcessing.SourceType.TypeVectorPoint.
- missing: a name that is not there.
``compat.py`` is left out: naming what only some versions have is what it is for.
With ``qgis`` the real QGIS of this machine is asked, with ``pyqt6`` PyQt6, and for qgis.PyQt alone.
"""

from __future__ import annotations

import ast
import enum
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOVED = {"QAction", "QActionGroup", "QShortcut"}  # qgis.PyQt offers them in QtWidgets under Qt 6 as well
ABSENT = object()


def imports(tree: ast.AST) -> Iterator[tuple[str, str, str, int]]:
    """(name in the file, module, name in the module, line) of all that comes from qgis."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and node.level == 0
            and (node.module or "").split(".")[0] == "qgis"
        ):
            for alias in node.names:
                yield alias.asname or alias.name, str(node.module), alias.name, node.lineno


def chain(node: ast.Attribute) -> list[str]:
    """A.b.c as names; empty where it does not begin with a name."""
    names: list[str] = []
    value: ast.expr = node
    while isinstance(value, ast.Attribute):
        names.append(value.attr)
        value = value.value
    return [value.id, *reversed(names)] if isinstance(value, ast.Name) else []


def chains(tree: ast.AST, known: set[str]) -> Iterator[tuple[list[str], int, bool]]:
    """Attribute chains that begin with an imported name; those on ``self`` begin with the base class instead."""
    for owner in ast.walk(tree):
        if isinstance(owner, ast.ClassDef):
            bases = [base.id for base in owner.bases if isinstance(base, ast.Name) and base.id in known]
            for node in ast.walk(owner):
                names = chain(node) if isinstance(node, ast.Attribute) else []
                if names and names[0] in {"self", "cls"}:
                    for base in bases:
                        yield [base, *names[1:]], node.lineno, True
        if isinstance(owner, ast.Attribute):
            names = chain(owner)
            if names and names[0] in known:
                yield names, owner.lineno, False


def is_enum(kind: Any) -> bool:
    """Whether a class is an enum, of Python or of sip (PyQt 5)."""
    return isinstance(kind, enum.EnumMeta) or type(kind).__name__ == "enumtype"


def load(module: str, name: str, pyqt6: bool) -> Any:
    """The object that ``from module import name`` gives, or ABSENT."""
    if pyqt6:
        module = module.replace("qgis.PyQt", "PyQt6")
        if module.endswith("QtWidgets") and name in MOVED:
            module = "PyQt6.QtGui"
    try:
        loaded = importlib.import_module(module)
        return getattr(loaded, name) if hasattr(loaded, name) else importlib.import_module(f"{module}.{name}")
    except ImportError:
        return ABSENT


def check(path: Path, pyqt6: bool) -> Iterator[tuple[str, str, int, str]]:
    """Findings in one file: (kind, file, line, the chain)."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    known: dict[str, Any] = {}
    for local, module, name, line in imports(tree):
        if pyqt6 and not module.startswith("qgis.PyQt"):
            continue
        known[local] = load(module, name, pyqt6)
        if known[local] is ABSENT:
            yield "missing", path.name, line, f"{module}.{name}"
    for names, line, through_self in chains(tree, set(known)):
        value = known[names[0]]
        for attribute in names[1:]:
            if value is ABSENT or not (isinstance(value, type) or type(value).__name__ == "module"):
                break
            owner, value = value, getattr(value, attribute, ABSENT)
            if value is ABSENT:
                if not through_self:
                    yield "missing", path.name, line, ".".join(names)
            elif is_enum(type(value)) and not is_enum(owner):
                yield "unscoped", path.name, line, ".".join(names)


def main() -> None:
    """Check every file of the plugin but the core."""
    library, folder = sys.argv[1], Path(sys.argv[2])
    files = [
        path
        for path in sorted(folder.rglob("*.py"))
        if "soundvis_core" not in path.relative_to(folder).parts and path.name != "compat.py"
    ]
    findings = {finding for path in files for finding in check(path, library == "pyqt6")}
    print(json.dumps({"files": len(files), "findings": sorted(findings)}))


if __name__ == "__main__":
    main()
