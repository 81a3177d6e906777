"""What tests of the paper's models share: a Python with torch, tiny checkpoints, and what the core itself answers."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers import make_points

from soundvis_core.worker.protocol import decode_result, encode_value
from soundvis_qgis.runtime.environment import child_environment

ROOT = Path(__file__).resolve().parents[2]
AST = {"model": "ast-audioset"}
_BUILDER = ROOT / "tests" / "builders" / "tiny_models.py"


def path_layer(paths: Sequence[Any]) -> Any:
    """Sites with the field ``path``."""
    places = [(500000.0 + index, 5000000.0) for index in range(len(paths))]
    return make_points(places, {"path": [str(path) for path in paths]})


def nobody_left(group: int) -> bool:
    """Whether no process of a group is left, soon."""
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def torch_python() -> str:
    """The Python that has torch: what SOUNDVIS_PYTHON names, else that of .venv.

    Skips where there is no such environment (QGIS of other versions is tested by itself); one that lacks torch is a
    failure, so that no comparison is lost without a word.
    """
    path = Path(os.environ.get("SOUNDVIS_PYTHON") or ROOT / ".venv" / "bin" / "python")
    if not path.exists():
        pytest.skip("no environment with torch: 'make setup' makes one")
    asked = subprocess.run(
        [path, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"],
        env=child_environment(), check=False,
    )  # fmt: skip
    if asked.returncode != 0:
        pytest.fail(f"{path} has no torch: 'make setup' installs it")
    return str(path)


def tiny_models(python: str, folder: Path) -> Path:
    """The models in small; see ``tests/builders/tiny_models.py``."""
    _build(python, "make", str(folder))
    return folder


def core_answers(
    python: str, folder: Path, questions: list[tuple[str, dict[str, Any], list[Any]]]
) -> list[list]:
    """What the core itself says to jobs (name, options, tasks), in that Python."""
    asked, told = folder / "questions.json", folder / "answers.json"
    content = [
        {"job": job, "options": options, "tasks": encode_value(tasks)} for job, options, tasks in questions
    ]
    asked.write_text(json.dumps(content), "utf-8")
    _build(python, "answer", str(asked), str(told))
    return [[decode_result(result) for result in results] for results in json.loads(told.read_text("utf-8"))]


def _build(python: str, *arguments: str) -> None:
    environment = {**child_environment(), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [python, str(_BUILDER), *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{_BUILDER.name} {arguments[0]} failed:\n{done.stderr}")
