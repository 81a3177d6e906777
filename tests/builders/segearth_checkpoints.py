"""Tiny SegEarth-OV and SimFeatUp checkpoints with random weights, in the files that real ones come in."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import torch
from safetensors.torch import save_file

from soundvis_core.models.registry import SEGMENT_AERIAL, TORCH, UPSAMPLE, ModelRow
from soundvis_core.models.segearth.simfeatup import expected_shapes
from soundvis_core.models.store import Weights
from soundvis_core.models.torch_stack import open_clip_stack

WIDTH = 24
_TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
#: The real geometry: patches of 16 pixels, pictures of 224, two heads or more.
_VISION = {"image_size": 224, "patch_size": 16, "width": 32, "head_width": 16, "layers": 3}
_QUICK = {"embed_dim": WIDTH, "quick_gelu": True, "vision_cfg": _VISION, "text_cfg": _TEXT}
ARCHITECTURES = {
    "tiny-B-16-quickgelu": _QUICK,
    "tiny-B-32-quickgelu": {**_QUICK, "vision_cfg": {**_VISION, "patch_size": 32}},
}


def random_clip(architecture: str = "tiny-B-16-quickgelu", seed: int = 3) -> torch.nn.Module:
    """open_clip's model, in which every weight is random, none at its start value."""
    torch.manual_seed(seed)
    model = open_clip_stack().CLIP(**deepcopy(ARCHITECTURES[architecture])).eval()
    for tensor in model.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim:
            tensor += torch.randn_like(tensor) * 0.1
    return model.requires_grad_(False)


def random_upsampler(width: int = WIDTH, seed: int = 5) -> dict[str, torch.Tensor]:
    """The tensors of SimFeatUp, with temperature and reach of the order of trained ones."""
    torch.manual_seed(seed)
    state = {
        name: torch.randn(shape) * (shape[1] ** -0.5 if len(shape) == 4 else 0.3)
        for name, shape in expected_shapes(width).items()
    }
    return {**state, "up.range_temp": torch.tensor(0.4), "up.sigma_spatial": torch.tensor(0.8)}


def write_clip(folder: Path, architecture: str = "tiny-B-16-quickgelu") -> tuple[Weights, torch.nn.Module]:
    """A safetensors file of all of CLIP, and the model itself; its architecture becomes known to open_clip."""
    configs = folder / "architectures"
    configs.mkdir(parents=True, exist_ok=True)
    for name, config in ARCHITECTURES.items():
        (configs / f"{name}.json").write_text(json.dumps(config), "utf-8")
    open_clip_stack().add_model_config(configs)
    model, path = random_clip(architecture), folder / f"{architecture}.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
    row = ModelRow("segearth-ov", (SEGMENT_AERIAL,), "", "", architecture=architecture, runtime=TORCH)
    return Weights(row, folder, {path.name: path}, "local", architecture), model


def write_upsampler(folder: Path, state: dict[str, torch.Tensor]) -> Weights:
    """As its authors publish it: a checkpoint of Lightning."""
    path = folder / "upsampler.ckpt"
    content = {"epoch": 1, "state_dict": {f"upsampler.{name}": tensor for name, tensor in state.items()}}
    torch.save(content, path)
    row = ModelRow("simfeatup-aid", (UPSAMPLE,), "", "", runtime=TORCH)
    return Weights(row, folder, {path.name: path}, "local", "upsampler")
