"""Checkpoints of the paper's models at full size with random weights, in the formats of the real files.

Speed and memory depend on the architecture, not on what it has learnt. They lie in ``build/bench/models`` and
stay there for the next run; ``make clean`` removes them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.claims import BUILD
from soundvis_core.models.torch_stack import torch_stack

FOLDER = BUILD / "bench" / "models"
LABELS = 527


def checkpoint(name: str) -> Path:
    """The folder or file of a checkpoint, made where it is not there yet."""
    path = FOLDER / name
    if path.exists():
        return path
    partial = FOLDER / f"{name}.part"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    torch_stack().manual_seed(0)
    _WRITERS[name](partial)
    partial.rename(path)
    return path


def _ast(folder: Path) -> None:
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    labels = {number: f"label {number}" for number in range(LABELS)}
    config = ASTConfig(
        num_labels=LABELS, id2label=labels, label2id={name: key for key, name in labels.items()}
    )
    ASTForAudioClassification(config).save_pretrained(folder)
    ASTFeatureExtractor().save_pretrained(folder)


def _open_clip(name: str) -> Callable[[Path], None]:
    """A folder as open_clip's ``local-dir:`` reads it."""

    def write(folder: Path) -> None:
        import json

        import open_clip
        from safetensors.torch import save_file

        model = open_clip.create_model(name)
        config = {
            "model_cfg": open_clip.get_model_config(name),
            "preprocess_cfg": {
                "mean": list(open_clip.OPENAI_DATASET_MEAN),
                "std": list(open_clip.OPENAI_DATASET_STD),
                "interpolation": "bicubic",
                "resize_mode": "shortest",
            },
        }
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        save_file(state, folder / "open_clip_model.safetensors")
        folder.joinpath("open_clip_config.json").write_text(json.dumps(config), "utf-8")

    return write


def _remoteclip(folder: Path) -> None:
    """A bare state dict, as RemoteCLIP's files are."""
    import open_clip
    import torch

    torch.save(open_clip.create_model("ViT-L-14").state_dict(), folder / "RemoteCLIP-ViT-L-14.pt")


def _clipseg(folder: Path) -> None:
    """The settings of clipseg-rd64-refined in the hub's older layout."""
    import torch
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    from tests.builders import clipseg_checkpoints

    config = CLIPSegConfig(
        text_config={"hidden_act": "quick_gelu"},
        vision_config={"hidden_act": "quick_gelu", "patch_size": 16},
        use_complex_transposed_convolution=True,
    )
    model = CLIPSegForImageSegmentation(config)
    with torch.no_grad():
        # Fresh weights answer every prompt alike; these tell prompts and places apart.
        for name, value in model.named_parameters():
            if value.ndim > 1 and "embedding" not in name:
                value.normal_(0.0, value[0].numel() ** -0.5)
    model.save_pretrained(folder)
    clipseg_checkpoints.describe(folder, side=352)


def _upsampler(folder: Path) -> None:
    """SimFeatUp as a checkpoint of Lightning."""
    import torch

    from soundvis_core.models.segearth.simfeatup import expected_shapes

    state = {
        f"upsampler.{name}": torch.randn(shape) * (shape[1] ** -0.5 if len(shape) == 4 else 0.3)
        for name, shape in expected_shapes(512).items()
    }
    state["upsampler.up.range_temp"] = torch.tensor(0.4)
    state["upsampler.up.sigma_spatial"] = torch.tensor(0.8)
    torch.save({"state_dict": state}, folder / "xclip_jbu_one_million_aid.ckpt")


def segearth() -> tuple[Any, dict[str, Any]]:
    """Weights of SegEarth-OV with SimFeatUp, and SimFeatUp's tensors by name for a reference."""
    import torch

    from soundvis_core.models.options import ModelOptions
    from soundvis_core.models.registry import by_id
    from soundvis_core.models.store import locate

    upsampler = checkpoint("simfeatup-aid") / "xclip_jbu_one_million_aid.ckpt"
    part = locate(by_id("simfeatup-aid"), ModelOptions(checkpoint=str(upsampler)))
    whole = locate(by_id("segearth-ov"), ModelOptions(checkpoint=str(checkpoint("clip-vit-b-16"))))
    state = torch.load(upsampler, weights_only=True)["state_dict"]
    tensors = {name[len("upsampler.") :]: tensor for name, tensor in state.items()}
    return replace(whole, parts={part.row.id: part}), tensors


_WRITERS: dict[str, Callable[[Path], None]] = {
    "ast": _ast,
    "clip-vit-l-14": _open_clip("ViT-L-14-quickgelu"),
    "clip-vit-b-16": _open_clip("ViT-B-16-quickgelu"),
    "clipseg-rd64": _clipseg,
    "remoteclip-vit-l-14": _remoteclip,
    "simfeatup-aid": _upsampler,
}
