"""Tiny CLIP models with random weights, in the files that real ones come in."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

from soundvis_core.models.options import ModelOptions
from soundvis_core.models.registry import EMBED_IMAGE, TORCH, ModelRow
from soundvis_core.models.store import Weights, locate

_TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
_VIT = {"image_size": 48, "patch_size": 16, "width": 32, "head_width": 16, "layers": 2}
_RESNET = {"image_size": 64, "patch_size": None, "width": 16, "layers": [1, 2, 1, 1]}

#: open_clip's ``model_cfg`` by the names that :func:`register` makes known to it.
ARCHITECTURES = {
    "tiny-ViT": {"embed_dim": 24, "vision_cfg": _VIT, "text_cfg": _TEXT},
    "tiny-ViT-quickgelu": {"embed_dim": 24, "quick_gelu": True, "vision_cfg": _VIT, "text_cfg": _TEXT},
    "tiny-RN": {"embed_dim": 24, "vision_cfg": _RESNET, "text_cfg": _TEXT},
    "tiny-ViT-wide": {"embed_dim": 24, "vision_cfg": {**_VIT, "width": 48}, "text_cfg": _TEXT},
}


def register(folder: Path) -> None:
    """Make the tiny architectures known to open_clip; ``folder`` takes their files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, config in ARCHITECTURES.items():
        (folder / f"{name}.json").write_text(json.dumps(config), "utf-8")
    open_clip.add_model_config(folder)


def random_model(architecture: str, seed: int = 7) -> torch.nn.Module:
    """A model of the architecture in which every weight and every running mean is random, none at its start value."""
    torch.manual_seed(seed)
    model = open_clip.CLIP(**deepcopy(ARCHITECTURES[architecture])).eval()
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor += torch.rand_like(tensor)
        elif tensor.is_floating_point() and tensor.ndim:
            tensor += torch.randn_like(tensor) * 0.1
    return model


def write_state_dict(path: Path, model: torch.nn.Module) -> Path:
    """As RemoteCLIP publishes its weights: a bare state dict."""
    torch.save(model.state_dict(), path)
    return path


def write_folder(
    folder: Path, architecture: str, model: torch.nn.Module, preprocess: dict | None = None
) -> Path:
    """As open_clip publishes a model: configuration and safetensors in one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": ARCHITECTURES[architecture], "preprocess_cfg": preprocess or {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config), "utf-8")
    save_file(
        {n: t.contiguous() for n, t in model.state_dict().items()}, folder / "open_clip_model.safetensors"
    )
    return folder


def row(architecture: str = "tiny-ViT") -> ModelRow:
    """A row of the registry for a tiny model."""
    loader = "clip:ClipImageEncoder"
    return ModelRow("tiny", (EMBED_IMAGE,), "Tiny", loader, architecture=architecture, runtime=TORCH)


def weights_of(path: Path, options: ModelOptions, architecture: str = "tiny-ViT") -> Weights:
    """The weights of a file or folder, found by the store as a user's own checkpoint is."""
    return locate(row(architecture), ModelOptions(cache_folder=options.cache_folder, checkpoint=str(path)))
