"""Read a CLIPSeg checkpoint of the hub: configuration, weights, tokenizer, and how pictures are to be prepared.

The older layout has ``preprocessor_config.json``, ``vocab.json`` and ``merges.txt``, the present one
``processor_config.json`` and ``tokenizer.json``. What is missing is an error (``hub_folder``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dependencies import require
from ..errors import InputError
from .hub_folder import (
    AGAIN,
    CONFIG,
    PREPROCESSOR,
    first_line,
    load_model,
    missing_file,
    path_of,
    read_config,
    read_json,
)
from .store import Weights
from .torch_stack import torch_stack

PROCESSOR = "processor_config.json"
TOKENIZER, VOCABULARY, MERGES = "tokenizer.json", "vocab.json", "merges.txt"
MODEL_TYPE = "clipseg"
_NEEDED = f"{CONFIG}, {PREPROCESSOR}, {VOCABULARY}, {MERGES}, model.safetensors"
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
    name = PROCESSOR if path_of(weights, PROCESSOR).is_file() else PREPROCESSOR
    values = read_json(weights, name, _NEEDED)
    if name == PROCESSOR and "image_processor" not in values:
        # Between the two layouts this file named the processor's class and nothing else.
        name, values = PREPROCESSOR, read_json(weights, PREPROCESSOR, _NEEDED)
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
            f"{path_of(weights, name)} does not say how pictures are prepared ({type(error).__name__}: {error}). "
            f"{AGAIN}"
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

    present = path_of(weights, TOKENIZER).is_file()
    if not present:
        for name in (VOCABULARY, MERGES):
            if not path_of(weights, name).is_file():
                raise missing_file(weights, f"{name} (and {TOKENIZER})", _NEEDED)
    try:
        tokenizer = CLIPTokenizerFast.from_pretrained(
            str(weights.folder), local_files_only=True, revision=weights.revision
        )
        count, end = len(tokenizer), tokenizer("a")["input_ids"][-1]
    except Exception as error:  # the library's readers raise what they like
        raise InputError(
            f"The tokenizer in {weights.folder} cannot be read ({first_line(error)}). {AGAIN}"
        ) from error
    if count != vocabulary or end != tokenizer.eos_token_id:
        raise InputError(
            f"The tokenizer in {weights.folder} is of another model: it has {count} tokens, {CONFIG} tells of "
            f"{vocabulary}. {AGAIN}"
        )
    return tokenizer


def load_segmenter(weights: Weights) -> Any:
    """The model with its weights, float32, on the processor. Raises InputError where anything does not fit."""
    torch_stack()
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    values = read_config(weights, MODEL_TYPE, _NEEDED)
    where = path_of(weights, CONFIG)
    try:
        config = CLIPSegConfig.from_dict(values)
    except Exception as error:
        raise InputError(f"{where} does not describe a CLIPSeg model ({first_line(error)}).") from error
    if (
        not 0
        <= min(config.extract_layers)
        <= max(config.extract_layers)
        < config.vision_config.num_hidden_layers
    ):
        raise InputError(f"{where} reads layers that the model lacks (extract_layers). {AGAIN}")
    return load_model(CLIPSegForImageSegmentation, config, weights, (_COUNTED,))
