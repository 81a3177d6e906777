"""``clipseg-rd64``: CLIPSeg (Lueddecke and Ecker 2022, arXiv 2112.10003) by transformers: what words name in a photo.

A photo is stretched to 352 x 352 and goes through CLIP's ViT-B/16 once; a small decoder answers each prompt from
three of its layers with a map of 352 x 352 logits. transformers encodes one copy of the photo per prompt; here the
decoder's inputs are repeated instead, and the layers above the last one that it reads are not computed. Both
leave every logit as it is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..classes import ClassList
from ..errors import InputError
from .clipseg_files import PhotoSettings, load_segmenter, load_tokenizer, photo_settings
from .device import place
from .logit_maps import class_map
from .options import ModelOptions
from .store import Weights
from .torch_stack import torch_stack

# Prompts decoded together: their activations stay small beside those of the photos.
_PROMPTS_AT_ONCE = 12
# Lists of prompts whose text vectors are kept.
_LISTS = 4
# So many maps of logits per photo the memory of a batch is planned for.
_PLANNED_PROMPTS = 40


class ClipSeg:
    """CLIPSeg from a folder in the layout of the hub; see :meth:`load`.

    size: (height, width) of the logits in pixels. batch_size: photos that fit the memory at once. placement: device
    and number format of the photo's part; text and decoder are always float32, because classes are told apart by
    small differences of logits.
    """

    def __init__(
        self, model: Any, tokenizer: Any, settings: PhotoSettings, weights: Weights, options: ModelOptions
    ) -> None:
        self._torch = torch_stack()
        self._tokenizer = tokenizer
        self._settings = settings
        self._layers = tuple(int(layer) for layer in model.config.extract_layers)
        self.id = weights.row.id
        self.revision = weights.revision
        self.size = (settings.height, settings.width)
        vision = model.config.vision_config
        depth = max(self._layers) + 1
        tokens = settings.height * settings.width // vision.patch_size**2 + 1
        floats = tokens * ((10 + depth) * vision.hidden_size + 2 * vision.intermediate_size)
        floats += _PLANNED_PROMPTS * settings.height * settings.width
        self.placement, self.batch_size = place(
            options,
            activation_bytes_per_item=4 * floats,
            weight_bytes=4 * sum(parameter.numel() for parameter in model.parameters()),
        )
        encoder = model.clip.vision_model.encoder
        encoder.layers = encoder.layers[:depth]
        self._model = model.to(self.placement.device).eval()
        self._model.clip.vision_model.to(self.placement.torch_dtype)
        self._texts: OrderedDict[tuple[str, ...], Any] = OrderedDict()

    @classmethod
    def load(cls, weights: Weights, options: ModelOptions) -> ClipSeg:
        """Read configuration, weights (safetensors by preference), tokenizer and the settings of the pictures.

        The hub's present layout of files and its older one are both understood. Nothing is fetched and nothing of
        the checkpoint is run. Raises InputError where a file is missing, damaged or of another model;
        MissingDependencyError without torch or transformers.
        """
        model = load_segmenter(weights)
        settings = photo_settings(weights)
        patch = int(model.config.vision_config.patch_size)
        if settings.height != settings.width or settings.height % patch:
            raise InputError(
                f"The pictures of {weights.folder} are {settings.width} x {settings.height}; CLIPSeg needs squares "
                f"of a multiple of {patch} pixels. Download the model again."
            )
        tokenizer = load_tokenizer(weights, int(model.config.text_config.vocab_size))
        return cls(model, tokenizer, settings, weights, options)

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """A photo, uint8 (h, w, 3), as the model's input: float32 (3, 352, 352). Thread-safe."""
        return self._settings.pixels(item)

    def logits(self, batch: Sequence[np.ndarray], prompts: Sequence[str]) -> list[Any]:
        """Prepared photos and words -> for each photo a tensor (prompts, 352, 352) float32, on the device."""
        torch = self._torch
        with torch.inference_mode():
            words = self._text_vectors(tuple(prompts))
            pixels = torch.from_numpy(np.stack(batch)).to(self.placement.device, self.placement.torch_dtype)
            hidden = self._model.clip.vision_model(
                pixel_values=pixels,
                interpolate_pos_encoding=True,
                output_hidden_states=True,
                return_dict=True,
            ).hidden_states
            # The first of the hidden states is what enters the first layer.
            read = [hidden[layer + 1].float() for layer in self._layers]
            return [
                self._decode([layer[photo : photo + 1] for layer in read], words)
                for photo in range(len(batch))
            ]

    def class_map(self, image: np.ndarray, classes: ClassList, threshold: float = 0.0) -> np.ndarray:
        """Class codes, uint8 (h, w), of a photo, uint8 (h, w, 3), at the photo's own size.

        A pixel has the class of its best prompt; below ``threshold`` (probability, 0 to 1) it is UNCLASSIFIED.
        """
        prompts, codes = classes.prompts()
        with self._torch.inference_mode():
            logits = self.logits([self.prepare(image)], prompts)[0]
            return class_map(logits, image.shape[:2], codes, threshold)

    def _decode(self, layers: Sequence[Any], words: Any) -> Any:
        """The layers read of one photo, (1, tokens, width) each, and words (p, d) -> logits (p, 352, 352)."""
        parts = []
        for start in range(0, len(words), _PROMPTS_AT_ONCE):
            part = words[start : start + _PROMPTS_AT_ONCE]
            repeated = tuple(layer.expand(len(part), -1, -1) for layer in layers)
            parts.append(self._model.decoder(repeated, part).logits)
        return self._torch.cat(parts)

    def _text_vectors(self, prompts: tuple[str, ...]) -> Any:
        """The text tower's vectors of the prompts, (p, d); kept for the next photos."""
        found = self._texts.pop(prompts, None)
        if found is None:
            limit = int(self._model.config.text_config.max_position_embeddings)
            tokens = self._tokenizer(
                list(prompts), padding=True, truncation=True, max_length=limit, return_tensors="pt"
            ).to(self.placement.device)
            found = self._model.get_conditional_embeddings(
                batch_size=len(prompts),
                input_ids=tokens["input_ids"],
                attention_mask=tokens["attention_mask"],
            )
        self._texts[prompts] = found
        while len(self._texts) > _LISTS:
            self._texts.popitem(last=False)
        return found
