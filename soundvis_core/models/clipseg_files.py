"""Read a CLIPSeg checkpoint of the hub: configuration, weights, tokenizer, and how pictures are to be prepared.

The older layout has ``preprocessor_config.json``, ``vocab.json`` and ``merges.txt``, the present one
``processor_config.json`` and ``tokenizer.json``. The library would fill in what is missing, random numbers included;
here it is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..dependencies import require
from ..errors import InputError
from .checkpoints import read_state_dict
from .store import Weights
from .torch_stack import torch_stack

CONFIG, PROCESSOR, PREPROCESSOR = "config.json", "processor_config.json", "preprocessor_config.json"
TOKENIZER, VOCABULARY, MERGES = "tokenizer.json", "vocab.json", "merges.txt"
MODEL_TYPE = "clipseg"
_AGAIN = "Download the model again."
_MOST_JSON = 10_000_000
#: transformers' settings of a ViT picture where a file does not name them; Pillow's number of BILINEAR is 2.
_HALF, _BILINEAR, _TO_ONE = (0.5, 0.5, 0.5), 2, 1 / 255
#: Buffers that files of older versions hold, numbered from 0 on.
_COUNTED = ".position_ids"


@dataclass(frozen=True)
class PhotoSettings:
    """How a checkpoint wants its pictures: stretched to ``height`` x ``width``, scaled, per channel normalised.

    resample: Pillow's number of the filter. scale: what 8-bit values are multiplied with.
    """

    height: int
    width: int
    resample: int
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """A picture, uint8 (h, w, 3), as float32 (3, height, width)."""
        if image.shape[:2] != (self.height, self.width):
            picture = require("PIL.Image").fromarray(np.ascontiguousarray(image))
            image = np.asarray(picture.resize((self.width, self.height), resample=self.resample))
        # One value for each of 256 levels and three channels, rounded as transformers rounds it.
        scaled = (np.arange(256) * self.scale).astype(np.float32)[:, None]
        levels = (scaled - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.stack([levels[image[..., channel], channel] for channel in range(3)])


def photo_settings(weights: Weights) -> PhotoSettings:
    """The settings of the pictures. Raises InputError where no file gives them, or gives nonsense."""
    name = PROCESSOR if _path(weights, PROCESSOR).is_file() else PREPROCESSOR
    values = _read_json(weights, name)
    if name == PROCESSOR and "image_processor" not in values:
        # Between the two layouts this file named the processor's class and nothing else.
        name, values = PREPROCESSOR, _read_json(weights, PREPROCESSOR)
    values = values.get("image_processor", values)
    try:
        height, width = _size(values["size"])
        settings = PhotoSettings(
            height,
            width,
            int(values.get("resample", _BILINEAR)),
            float(values.get("rescale_factor", _TO_ONE)) if values.get("do_rescale", True) else 1.0,
            *(_channels(values, key) for key in ("image_mean", "image_std")),
        )
        if min(settings.std) <= 0 or not 0 <= settings.resample <= 5:
            raise ValueError("image_std or resample is out of range")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{_path(weights, name)} does not say how pictures are prepared ({type(error).__name__}: {error}). {_AGAIN}"
        ) from error
    return settings


def _size(value: Any) -> tuple[int, int]:
    height, width = (value, value) if isinstance(value, int) else (value["height"], value["width"])
    if not 16 <= int(height) <= 4096 or not 16 <= int(width) <= 4096:
        raise ValueError(f"size {height} x {width}")
    return int(height), int(width)


def _channels(values: Mapping[str, Any], key: str) -> tuple[float, ...]:
    if not values.get("do_normalize", True):
        return (0.0, 0.0, 0.0) if key == "image_mean" else (1.0, 1.0, 1.0)
    numbers = tuple(float(number) for number in values.get(key, _HALF))
    if len(numbers) != 3:
        raise ValueError(f"{key} has {len(numbers)} numbers")
    return numbers


def load_tokenizer(weights: Weights, vocabulary: int) -> Any:
    """The tokenizer of ``vocabulary`` tokens. Raises InputError where its files are missing, damaged or others."""
    torch_stack()
    from transformers import CLIPTokenizerFast

    present = _path(weights, TOKENIZER).is_file()
    if not present:
        for name in (VOCABULARY, MERGES):
            if not _path(weights, name).is_file():
                raise _missing(weights, f"{name} (and {TOKENIZER})")
    try:
        tokenizer = CLIPTokenizerFast.from_pretrained(
            str(weights.folder), local_files_only=True, revision=weights.revision
        )
        count, end = len(tokenizer), tokenizer("a")["input_ids"][-1]
    except Exception as error:  # the library's readers raise what they like
        raise InputError(
            f"The tokenizer in {weights.folder} cannot be read ({_first_line(error)}). {_AGAIN}"
        ) from error
    if count != vocabulary or end != tokenizer.eos_token_id:
        raise InputError(
            f"The tokenizer in {weights.folder} is of another model: it has {count} tokens, {CONFIG} tells of "
            f"{vocabulary}. {_AGAIN}"
        )
    return tokenizer


def load_model(weights: Weights) -> Any:
    """The model with its weights, float32, on the processor. Raises InputError where anything does not fit."""
    torch = torch_stack()
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    values = _read_json(weights, CONFIG)
    where = _path(weights, CONFIG)
    kind = values.get("model_type")
    if kind != MODEL_TYPE:
        raise InputError(
            f"{where} describes a model of the type '{kind}'; '{weights.row.id}' needs '{MODEL_TYPE}'. {_AGAIN}"
        )
    try:
        config = CLIPSegConfig.from_dict({**values, "quantization_config": None})
    except Exception as error:
        raise InputError(f"{where} does not describe a CLIPSeg model ({_first_line(error)}).") from error
    if (
        not 0
        <= min(config.extract_layers)
        <= max(config.extract_layers)
        < config.vision_config.num_hidden_layers
    ):
        raise InputError(f"{where} reads layers that the model lacks (extract_layers). {_AGAIN}")
    path = weights.weight_file()
    state = read_state_dict(path)
    try:
        model, found = CLIPSegForImageSegmentation.from_pretrained(
            None,
            config=config,
            state_dict=state,
            local_files_only=True,
            revision=weights.revision,
            attn_implementation="sdpa",
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as error:
        raise InputError(f"{path} cannot be read into the model that {where} describes ({error}).") from error
    _check_loaded(found, path)
    return model


def _check_loaded(found: Mapping[str, Any], path: Path) -> None:
    """What is missing would be random numbers: transformers only warns of it."""
    kinds = (
        ("missing_keys", "missing"),
        ("mismatched_keys", "of another shape"),
        ("unexpected_keys", "unknown"),
    )
    problems = []
    for kind, words in kinds:
        keys = sorted(str(key[0] if isinstance(key, tuple) else key) for key in found.get(kind, ()))
        keys = [key for key in keys if not key.endswith(_COUNTED)]
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            problems.append(f"{words}: {', '.join(keys[:3])}{more}")
    if problems:
        raise InputError(
            f"{path} holds the weights of another model than {CONFIG} describes ({'; '.join(problems)}). {_AGAIN}"
        )


def _path(weights: Weights, name: str) -> Path:
    return weights.files.get(name, weights.folder / name)


def _missing(weights: Weights, name: str) -> InputError:
    return InputError(
        f"{name} is missing in {weights.folder}. A checkpoint of '{weights.row.id}' is a folder with all files of its "
        f"page on the hub: {CONFIG}, {PREPROCESSOR}, {VOCABULARY}, {MERGES}, model.safetensors. {_AGAIN}"
    )


def _read_json(weights: Weights, name: str) -> dict[str, Any]:
    path = _path(weights, name)
    try:
        if path.stat().st_size > _MOST_JSON:
            raise ValueError("it is too large for a configuration")
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _missing(weights, name) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}). {_AGAIN}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is no configuration of a model. {_AGAIN}")
    return values


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
