"""How torch, torchvision and open_clip are imported: in processes of their own, each with a torchvision of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch  # noqa: F401 - this file is for environments that have it

ROOT = Path(__file__).parents[2]

# What torchvision does in its first lines; it dies here where its compiled part does not match torch.
MISMATCHED = """
import torch
import torchvision.part
@torch.library.register_fake("torchvision::nms")
def fake_nms(dets, scores, threshold): ...
@torch.library.register_fake("torchvision::qnms")
def fake_qnms(dets, scores, threshold): ...
"""


def run(script, folder, **variables):
    """What a new Python prints that finds packages in ``folder`` first."""
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))}
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if name not in variables:
            environment.pop(name, None)
    result = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


def write_torchvision(folder, content):
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(content, "utf-8")
    (package / "part.py").write_text("", "utf-8")


def test_torchvision_that_does_not_match(tmp_path):
    write_torchvision(tmp_path, MISMATCHED)
    output, errors = run(
        """
import os, sys
try:
    import torchvision
except RuntimeError as error:
    print(error)
from soundvis_core.models.torch_stack import torch_stack
torch = torch_stack()
import torchvision
print(torch is sys.modules["torch"], hasattr(torch.ops.torchvision, "nms"), torch_stack() is torch)
print([os.environ[name] for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TOKENIZERS_PARALLELISM")])
""",
        tmp_path,
        HF_HUB_OFFLINE="0",
    )
    lines = output.splitlines()
    assert "operator torchvision::nms does not exist" in lines[0]
    assert lines[1:] == ["True True True", "['1', '1', 'false']"]
    assert errors == ""


def test_torchvision_that_is_absent_or_broken(tmp_path):
    write_torchvision(tmp_path, "raise RuntimeError('compiled for another processor')")
    output, _ = run(
        """
import sys
from soundvis_core.errors import MissingDependencyError
from soundvis_core.models.torch_stack import open_clip_stack, torch_stack
import torch
sys.modules["torch"] = None
try:
    torch_stack()
except MissingDependencyError as error:
    print(error)
sys.modules["torch"] = torch
try:
    torch_stack()
except MissingDependencyError as error:
    print(error)
sys.modules["torchvision"] = None
print(torch_stack().__name__)
try:
    open_clip_stack()
except MissingDependencyError as error:
    print(error)
""",
        tmp_path,
    )
    without, broken, works, absent = output.splitlines()
    assert "compiled for another processor" in broken and "Set up the environment" in broken
    assert works == "torch"
    assert "'torchvision' is needed for CLIP models" in absent
    assert "'torch' is needed" in without and sys.executable in without


@pytest.mark.parametrize(
    "first", ["", "import soundvis_core.models.torch_stack as s; s.torch_stack(); import transformers"]
)
def test_open_clip_then_transformers(tmp_path, first):
    output, errors = run(
        f"""
{first}
import sys
loaded = "transformers" in sys.modules
from soundvis_core.models.torch_stack import open_clip_stack
open_clip = open_clip_stack()
print(("transformers" in sys.modules) == loaded, len(open_clip.list_models()) > 50)
from transformers import ASTConfig, CLIPSegConfig
print(ASTConfig.__name__, open_clip_stack() is open_clip)
""",
        tmp_path,
    )
    assert output.splitlines() == ["True True", "ASTConfig True"]
    assert errors == ""
