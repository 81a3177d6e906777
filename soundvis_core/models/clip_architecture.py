"""CLIP's two towers, built by open_clip's own code and filled from a weight file: one tower, once in memory."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from .checkpoints import check_keys, read_state_dict
from .store import Weights
from .torch_stack import open_clip_stack, torch_stack

#: Beside the weights in a folder as open_clip writes it; it goes before the architecture that the registry names.
CONFIG_FILE = "open_clip_config.json"

# In files of some origins, not weights: OpenAI's three numbers, a mask that is made, two numbers of training.
_NOT_WEIGHTS = (
    "input_resolution",
    "context_length",
    "vocab_size",
    "attn_mask",
    "logit_scale",
    "logit_bias",
)
_VISUAL = "visual."
# Stands in for the tower that is not wanted.
_NO_TEXT = {"context_length": 1, "vocab_size": 1, "width": 64, "heads": 1, "layers": 1}
_NO_VISION = {"image_size": 1, "patch_size": 1, "width": 64, "layers": 1}


@dataclass(frozen=True)
class ClipConfig:
    """What open_clip builds a model from: its ``model_cfg``, and how pictures are prepared (``preprocess_cfg``)."""

    name: str
    model: Mapping[str, Any]
    preprocess: Mapping[str, Any] = field(default_factory=dict)


def read_config(weights: Weights) -> ClipConfig:
    """The configuration of a model: of the folder it lies in, else open_clip's own of the registry's architecture.

    open_clip's names matter: OpenAI's weights need ``ViT-L-14-quickgelu``; ``ViT-L-14`` has another activation
    (GELU), which RemoteCLIP was trained with. Raises :class:`InputError` where there is no such configuration.
    """
    file = weights.files.get(CONFIG_FILE)
    if file is not None:
        return _config_of(Path(file))
    name = weights.row.architecture
    open_clip = open_clip_stack()
    model = open_clip.get_model_config(name) if name in open_clip.list_models() else None
    if model is None:
        near = difflib.get_close_matches(name, open_clip.list_models(), 3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise InputError(
            f"The model '{weights.row.id}' names the architecture '{name}', which open_clip does not know.{hint} "
            f"Correct it in the registry, or give a folder that holds {CONFIG_FILE}."
        )
    return ClipConfig(name, model)


def visual_tower(weights: Weights, config: ClipConfig) -> Any:
    """open_clip's image tower (a torch module in evaluation mode, float32, on the CPU) with its weights.

    The names and shapes of the whole file are checked, also of the text tower, which is not loaded. Raises
    :class:`InputError` where the file is damaged, holds code, or belongs to another architecture.
    """
    state = _read(weights, config)
    foreign = bool(config.model["text_cfg"].get("hf_model_name"))
    model = _build(config, state, {"text_cfg": _NO_TEXT} if foreign else {})
    expected = _names(model)
    visual = {name: tensor for name, tensor in state.items() if name.startswith(_VISUAL)}
    if foreign:
        expected = {name: tensor for name, tensor in expected.items() if name.startswith(_VISUAL)}
    check_keys(visual if foreign else state, expected, weights.weight_file())
    return _filled(model.visual, {name[len(_VISUAL) :]: tensor for name, tensor in visual.items()})


def text_model(weights: Weights, config: ClipConfig) -> Any:
    """open_clip's model (float32, on the CPU) with the weights of its text tower only: use its ``encode_text``.

    Raises :class:`InputError` as :func:`visual_tower` does, and for text towers that are not open_clip's own.
    """
    if config.model["text_cfg"].get("hf_model_name"):
        raise InputError(
            f"The text tower of {config.name} is not one of open_clip's own; it cannot read class names."
        )
    state = {n: t for n, t in _read(weights, config).items() if not n.startswith(_VISUAL)}
    model = _build(config, state, {"vision_cfg": _NO_VISION})
    model.visual = None
    check_keys(state, _names(model), weights.weight_file())
    torch = torch_stack()
    owner = model if hasattr(model, "attn_mask") else model.text
    if owner.attn_mask is not None:
        # No weight: it is made anew, as TextTransformer.build_causal_mask makes it.
        owner.attn_mask = torch.full(owner.attn_mask.shape, float("-inf")).triu_(1)
    scales = {
        name: torch.zeros_like(t, device="cpu")
        for name, t in model.state_dict().items()
        if name in _NOT_WEIGHTS
    }
    return _filled(model, {**state, **scales})


def _config_of(file: Path) -> ClipConfig:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"The model's configuration {file} cannot be read ({error}).") from error
    model = content.get("model_cfg", content) if isinstance(content, dict) else None
    keys = ("embed_dim", "vision_cfg", "text_cfg")
    if not isinstance(model, dict) or not all(key in model for key in keys):
        raise InputError(f"{file} is no configuration of open_clip: it lacks {', '.join(keys)}.")
    return ClipConfig(str(file), model, content.get("preprocess_cfg") or {})


def _read(weights: Weights, config: ClipConfig) -> dict[str, Any]:
    """The tensors of the weight file by open_clip's names."""
    state = read_state_dict(weights.weight_file())
    if state and all(name.startswith("module.") for name in state):
        state = {name[len("module.") :]: tensor for name, tensor in state.items()}
    state = {name: tensor for name, tensor in state.items() if name not in _NOT_WEIGHTS}
    if config.model.get("custom_text"):
        open_clip_stack()
        from open_clip.model import convert_to_custom_text_state_dict

        state = convert_to_custom_text_state_dict(state)
    return state


def _build(config: ClipConfig, state: Mapping[str, Any], instead: Mapping[str, Any]) -> Any:
    """The architecture without numbers: on torch's meta device nothing is drawn at random and nothing stored."""
    torch, open_clip = torch_stack(), open_clip_stack()
    settings = {**deepcopy(dict(config.model)), **deepcopy(dict(instead))}
    settings.pop("multimodal_cfg", None)
    # The same text tower under two sets of names: those of the file decide.
    custom_text = settings.pop("custom_text", False) or any(name.startswith("text.") for name in state)
    kind = open_clip.CustomTextCLIP if custom_text and "text_cfg" not in instead else open_clip.CLIP
    # timm computes with numbers while it builds, and would fetch weights of its own.
    timm = bool(settings["vision_cfg"].get("timm_model_name"))
    if timm:
        settings["vision_cfg"]["timm_model_pretrained"] = False
    try:
        with torch.device("cpu" if timm else "meta"):
            return kind(**settings)
    except (ArithmeticError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"open_clip cannot build the model that {config.name} describes ({error})."
        ) from error


def _names(model: Any) -> dict[str, Any]:
    return {name: tensor for name, tensor in model.state_dict().items() if name not in _NOT_WEIGHTS}


def _filled(module: Any, state: Mapping[str, Any]) -> Any:
    torch = torch_stack()
    module.load_state_dict({name: _as_float32(torch, tensor) for name, tensor in state.items()}, assign=True)
    return module.eval().requires_grad_(False)


def _as_float32(torch: Any, tensor: Any) -> Any:
    return tensor.to(torch.float32) if tensor.is_floating_point() else tensor
