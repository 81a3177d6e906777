"""QGIS's own Python lacks the reference libraries: the files that compare with them run in .venv only."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

REFERENCES = ("librosa", "maad", "skbio", "torch", "torchvision", "transformers", "open_clip", "safetensors")
INSIDE_QGIS_PYTHON = importlib.util.find_spec("qgis") is not None


def _references(node: ast.AST) -> set[str]:
    """The reference libraries that a test file imports when it is collected."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return set()
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
    found = {name.split(".")[0] for name in names} & set(REFERENCES)
    return found.union(*(_references(child) for child in ast.iter_child_nodes(node)))


def _lacks_references(path: Path) -> bool:
    needed = _references(ast.parse(path.read_text("utf-8")))
    return any(importlib.util.find_spec(name) is None for name in needed)


# In .venv a missing library is an error, so that no comparison is lost without a word.
collect_ignore = [
    path.name
    for path in sorted(Path(__file__).parent.glob("test_*.py"))
    if INSIDE_QGIS_PYTHON and _lacks_references(path)
]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what is left out."""
    if collect_ignore:
        terminalreporter.write_line(
            f"Run in .venv only (they need {', '.join(REFERENCES)}): {', '.join(collect_ignore)}"
        )
