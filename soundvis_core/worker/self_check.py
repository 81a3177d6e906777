"""Does this Python run the models? Everything they need is imported and run once in small."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from typing import Any

from ..dependencies import IMPORT_ERRORS
from ..errors import SoundVisError

#: Names on PyPI of what models need, in the order in which reports list them.
PACKAGES = (
    "torch",
    "torchvision",
    "transformers",
    "open_clip_torch",
    "timm",
    "safetensors",
    "huggingface_hub",
    "numpy",
    "scipy",
    "soundfile",
    "av",
    "Pillow",
)
#: What jobs import beyond the models' libraries: module and name on PyPI.
_FURTHER = (
    ("huggingface_hub", "huggingface_hub"),
    ("scipy", "scipy"),
    ("soundfile", "soundfile"),
    ("av", "av"),
    ("PIL", "Pillow"),
)
OLDEST = (3, 10)
#: Whatever a library that does not fit its neighbours raises when it is imported or used.
_BROKEN = (*IMPORT_ERRORS, TypeError, LookupError, NotImplementedError, AssertionError)


def self_check() -> dict[str, Any]:
    """What this Python has and whether models run in it.

    Returns ``python`` (version), ``executable``, ``versions`` (name on PyPI -> version, empty where missing),
    ``device`` (where a model would run, empty where none would), ``cuda`` (the CUDA that torch was built for, or
    empty) and ``problems`` (sentences; empty where all is well).
    """
    problems: list[str] = []
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "versions": {name: _version(name) for name in PACKAGES},
        "device": "",
        "cuda": "",
        "problems": problems,
    }
    if sys.version_info[:2] < OLDEST:
        problems.append(f"Python {found['python']} is too old: the models' libraries need 3.10 or newer.")
        return found
    for module, name in _FURTHER:
        with _reported(problems, name):
            import_module(module)
    with _reported(problems, "torch"):
        found.update(_run_torch())
        with _reported(problems, "open_clip_torch"):
            _run_open_clip()
        with _reported(problems, "transformers"):
            _run_transformers()
        with _reported(problems, "safetensors"):
            _run_safetensors()
    return found


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


@contextmanager
def _reported(problems: list[str], name: str) -> Iterator[None]:
    """What is raised inside becomes a sentence in ``problems``."""
    try:
        yield
    except SoundVisError as error:
        problems.append(str(error))
    except _BROKEN as error:
        said = str(error).strip().splitlines() or [""]
        state = "is not installed" if not _version(name) else f"({_version(name)}) does not work here"
        problems.append(f"{name} {state}: {type(error).__name__}: {said[0][:300]}")


def _run_torch() -> dict[str, str]:
    """A product of matrices where models will run."""
    from ..models.device import place
    from ..models.options import ModelOptions
    from ..models.torch_stack import torch_stack

    torch = torch_stack()
    placement, _ = place(ModelOptions(), activation_bytes_per_item=1 << 20, weight_bytes=1 << 20)
    ones = torch.ones(8, 8, device=placement.device)
    if float((ones @ ones).sum().item()) != 512.0:
        raise RuntimeError(f"it computes wrong numbers on {placement.describe()}")
    return {"device": placement.describe(), "cuda": str(torch.version.cuda or "")}


def _run_open_clip() -> None:
    """One picture through a vision tower of two layers."""
    from ..models.torch_stack import open_clip_stack, torch_stack

    torch, open_clip = torch_stack(), open_clip_stack()
    tower = open_clip.transformer.VisionTransformer(
        image_size=32, patch_size=16, width=16, layers=2, heads=2, mlp_ratio=2.0, output_dim=8
    ).eval()
    with torch.inference_mode():
        shape = tuple(tower(torch.zeros(1, 3, 32, 32)).shape)
    if shape != (1, 8):
        raise RuntimeError(f"its vision tower gives {shape} in place of (1, 8)")


def _run_transformers() -> None:
    """One spectrogram through an audio transformer of one layer; the classes of CLIPSeg can be imported."""
    from ..models.torch_stack import torch_stack

    torch = torch_stack()
    from transformers import ASTConfig, ASTModel, CLIPSegForImageSegmentation

    if not hasattr(CLIPSegForImageSegmentation, "from_pretrained"):
        raise ImportError("CLIPSeg is missing")
    model = ASTModel(
        ASTConfig(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_length=32,
            num_mel_bins=16,
        )
    ).eval()
    with torch.inference_mode():
        shape = tuple(model(torch.zeros(1, 32, 16)).pooler_output.shape)
    if shape != (1, 16):
        raise RuntimeError(f"its audio transformer gives {shape} in place of (1, 16)")


def _run_safetensors() -> None:
    from safetensors.torch import load, save

    from ..models.torch_stack import torch_stack

    torch = torch_stack()
    if not torch.equal(load(save({"x": torch.ones(2)}))["x"], torch.ones(2)):
        raise RuntimeError("it does not give back what was saved")
