"""CLIP and its relatives (RemoteCLIP, any model of open_clip): pictures to vectors.

Radford et al. 2021 (arXiv 2103.00020), Liu et al. 2024 (RemoteCLIP, arXiv 2306.11029). The architecture and the
preparation of pictures are open_clip's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from .clip_architecture import ClipConfig, read_config, visual_tower
from .device import Placement, place
from .options import ModelOptions
from .store import Weights
from .torch_stack import open_clip_stack, torch_stack


class Preparation:
    """From a picture to what the image tower takes, as ``open_clip.image_transform`` does it.

    By default: shortest side to the tower's size (bicubic, antialiased, by Pillow), centre crop, values 0..1,
    minus the mean and over the standard deviation of OpenAI's pictures. A model's own ``preprocess_cfg`` may
    differ. Safe to use from several threads.
    """

    def __init__(self, preprocess: Mapping[str, Any], size: int | tuple[int, int]) -> None:
        open_clip_stack()
        from open_clip.transform import (
            MaybeToTensor,
            PreprocessCfg,
            image_transform_v2,
            merge_preprocess_dict,
        )

        merged = merge_preprocess_dict(asdict(PreprocessCfg()), dict(preprocess))
        config = PreprocessCfg(**{**merged, "size": size})
        steps = image_transform_v2(config, is_train=False).transforms
        # open_clip's own steps up to the picture in its final size; the arithmetic after them is done in numpy.
        self._steps = steps[: next(i for i, step in enumerate(steps) if isinstance(step, MaybeToTensor))]
        self._mean = np.array(config.mean, np.float32)[:, None, None]
        self._std = np.array(config.std, np.float32)[:, None, None]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 (h, w, 3) -> float32 (3, size, size)."""
        from PIL import Image

        picture: Any = Image.fromarray(np.ascontiguousarray(image))
        for step in self._steps:
            picture = step(picture)
        values = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / np.float32(255.0)
        return np.ascontiguousarray((values - self._mean) / self._std)


class ClipImageEncoder:
    """The image tower of a CLIP model.

    id, revision: of the model. dimension: of the vectors. placement, batch_size: where it runs, and how many
    pictures at once.
    """

    def __init__(
        self, weights: Weights, config: ClipConfig, tower: Any, placement: Placement, batch_size: int
    ) -> None:
        self.id = weights.row.id
        self.revision = weights.revision
        self.dimension = int(config.model["embed_dim"])
        self.placement = placement
        self.batch_size = batch_size
        self.prepare = Preparation(config.preprocess, tower.image_size)
        self._tower = tower

    @classmethod
    def load(cls, weights: Weights, options: ModelOptions) -> ClipImageEncoder:
        """The model of a weight file, ready to run.

        Raises :class:`InputError` where the file is damaged, holds code, or belongs to another architecture, and
        where the device that was asked for is not there; :class:`MissingDependencyError` without open_clip.
        """
        config = read_config(weights)
        tower = visual_tower(weights, config)
        placement, batch_size = place(
            options,
            activation_bytes_per_item=activation_bytes(config.model["vision_cfg"]),
            weight_bytes=sum(4 * parameter.numel() for parameter in tower.parameters()),
        )
        # Whole weights in bfloat16; autocast is far slower on a CPU for batches of more than one.
        tower = tower.to(device=placement.device, dtype=placement.torch_dtype)
        return cls(weights, config, tower, placement, batch_size)

    def forward(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors, float32 (n, dimension), of prepared pictures, float32 (3, size, size) each.

        As open_clip's ``encode_image`` gives them: not of length 1.
        """
        torch = torch_stack()
        pictures = torch.from_numpy(np.stack(batch))
        on_gpu = self.placement.device == "cuda"
        if on_gpu:
            pictures = pictures.pin_memory()
        with torch.inference_mode():
            pictures = pictures.to(self.placement.device, non_blocking=on_gpu).to(self.placement.torch_dtype)
            features = self._tower(pictures)
            return features.float().cpu().numpy()

    def encode(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors, float32 (n, dimension), of pictures, uint8 (h, w, 3) each."""
        prepared = [self.prepare(image) for image in images]
        parts = [
            self.forward(prepared[start : start + self.batch_size])
            for start in range(0, len(prepared), self.batch_size)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), np.float32)


def activation_bytes(vision: Mapping[str, Any]) -> int:
    """About the memory (bytes, as float32) that one picture needs at its peak in a tower of open_clip.

    A transformer holds some sixteen numbers per token and channel (the residual, the hidden layer four times as
    wide before and after its activation, queries, keys and values); a ResNet, per pixel of its first layers.
    """
    side = vision.get("image_size", 224)
    side = max(side) if isinstance(side, (list, tuple)) else side
    width = vision.get("width", 768)
    if isinstance(vision.get("layers"), (list, tuple)):
        return int(4 * 16 * width * (side / 2) ** 2)
    patch = vision.get("patch_size") or 16
    return int(4 * 16 * width * ((side / patch) ** 2 + 1))
