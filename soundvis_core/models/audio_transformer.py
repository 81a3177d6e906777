"""``ast-audioset``: the Audio Spectrogram Transformer (Gong et al. 2021, arXiv 2104.01778) by transformers.

One forward gives both: the embedding, which is LayerNorm over every token and then the mean of the first two (class
and distillation), and from it the probabilities of the labels, AudioSet's 527 in the paper's checkpoint. The patches
overlap (16 x 16 every 10 in time and frequency): 12 x 101 + 2 = 1214 tokens for ten seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import InputError
from .ast_features import RATE, MelSettings, log_mel
from .device import Placement, place
from .hub_folder import CONFIG, PREPROCESSOR, load_model, path_of, read_config, read_json
from .options import ModelOptions
from .store import Weights
from .torch_stack import torch_stack

MODEL_TYPE = "audio-spectrogram-transformer"
_NEEDED = f"{CONFIG}, {PREPROCESSOR}, model.safetensors"
# One window's 1214 tokens keep a processor busy; more than two at once take longer each, as they leave its cache.
# In bfloat16 some processors are many times slower with more than one.
_MOST_ON_CPU = {"float32": 2, "bfloat16": 1}


class AudioTransformer:
    """AST from a folder in the layout of the hub; see :meth:`load`.

    rate: Hz. dimension: of the embedding. labels: what the probabilities are of, in their order. batch_size: windows
    that fit the memory at once. placement: device and number format.
    """

    rate = RATE

    def __init__(self, model: Any, settings: MelSettings, weights: Weights, options: ModelOptions) -> None:
        self._torch = torch_stack()
        self._settings = settings
        config = model.config
        self.id = weights.row.id
        self.revision = weights.revision
        self.dimension = int(config.hidden_size)
        self.labels = tuple(config.id2label[number] for number in range(config.num_labels))
        self.tokens = int(model.audio_spectrogram_transformer.embeddings.position_embeddings.shape[1])
        # Measured on the paper's model in float32: 82 MB a window.
        bytes_per_item = 4 * self.tokens * (14 * config.hidden_size + 2 * config.intermediate_size)
        weight_bytes = 4 * sum(parameter.numel() for parameter in model.parameters())
        self.placement, batch_size = place(
            options, activation_bytes_per_item=bytes_per_item, weight_bytes=weight_bytes
        )
        if self.placement.device == "cpu" and options.batch == 0:
            batch_size = min(batch_size, _MOST_ON_CPU[self.placement.dtype])
        self.batch_size = batch_size
        self._model = _put(self._torch, model, self.placement)
        self._pinned: Any = None

    @classmethod
    def load(cls, weights: Weights, options: ModelOptions) -> AudioTransformer:
        """Read ``config.json``, ``preprocessor_config.json`` and the weights (safetensors by preference).

        Nothing is fetched and nothing of the checkpoint is run. Raises InputError where a file is missing, damaged
        or of another model; MissingDependencyError without torch or transformers.
        """
        settings = MelSettings.from_mapping(read_json(weights, PREPROCESSOR, _NEEDED), f"'{PREPROCESSOR}'")
        return cls(_build(settings, weights), settings, weights, options)

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """A window, mono (n,) float32 in -1..1 at 16 kHz -> its spectrogram (1024, 128) float32. Thread-safe."""
        return log_mel(item, self._settings)

    def forward(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Spectrograms (1024, 128) each -> embeddings (n, dimension) float32."""
        with self._torch.inference_mode():
            return _array(self._pooled(batch))

    def forward_tagged(self, batch: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Spectrograms -> embeddings (n, dimension) and probabilities (n, labels), float32, of one forward.

        Each label has a probability of its own (sigmoid): a window may hold several sounds, or none.
        """
        with self._torch.inference_mode():
            pooled = self._pooled(batch)
            return _array(pooled), _array(self._torch.sigmoid(self._model.classifier(pooled)))

    def encode(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Windows, mono float32 in -1..1 at 16 kHz -> embeddings (n, dimension) float32."""
        parts = [
            self.forward([self.prepare(window) for window in windows[start : start + self.batch_size]])
            for start in range(0, len(windows), self.batch_size)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)

    def _pooled(self, batch: Sequence[np.ndarray]) -> Any:
        """Embeddings as a tensor on the device, float32."""
        torch, device = self._torch, self.placement.device
        # The weights of the matrix products are in this format already; sums, norms and softmax stay in float32.
        with torch.autocast(
            device, dtype=self.placement.torch_dtype, enabled=self.placement.dtype != "float32"
        ):
            return self._model.audio_spectrogram_transformer(self._to_device(batch)).pooler_output.float()

    def _to_device(self, batch: Sequence[np.ndarray]) -> Any:
        torch = self._torch
        if self.placement.device != "cuda":
            return torch.from_numpy(np.stack(batch)).to(self.placement.device)
        # From page-locked memory, which is kept: the answer was waited for before it is written to again.
        shape = (len(batch), *batch[0].shape)
        if self._pinned is None or self._pinned.shape[1:] != shape[1:] or len(self._pinned) < len(batch):
            self._pinned = torch.empty(shape, dtype=torch.float32, pin_memory=True)
        host = self._pinned[: len(batch)]
        np.stack(batch, out=host.numpy())
        return host.to("cuda", non_blocking=True)


def _array(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.float().cpu().numpy())


def _put(torch: ModuleType, model: Any, placement: Placement) -> Any:
    """The model on its device. In a short format only what autocast would shorten at every forward is shortened."""
    if placement.dtype != "float32":
        for module in model.audio_spectrogram_transformer.modules():
            if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
                module.to(placement.torch_dtype)
    return model.to(placement.device).eval()


def _build(settings: MelSettings, weights: Weights) -> Any:
    """The model with its weights, float32, on the CPU."""
    torch_stack()
    from transformers import ASTConfig, ASTForAudioClassification

    values = read_config(weights, MODEL_TYPE, _NEEDED)
    where = path_of(weights, CONFIG)
    try:
        config = ASTConfig.from_dict(values)
        labels = [config.id2label[number] for number in range(config.num_labels)]
    except Exception as error:  # the library's own checks raise what they like
        raise InputError(f"{where} does not describe an Audio Spectrogram Transformer ({error}).") from error
    if not labels:
        raise InputError(f"{where} names no labels (id2label).")
    sizes = [f"{part.max_length} x {part.num_mel_bins}" for part in (config, settings)]
    if sizes[0] != sizes[1]:
        raise InputError(
            f"{CONFIG} and {PREPROCESSOR} in {weights.folder} do not belong together: max_length x num_mel_bins is "
            f"{sizes[0]} in one and {sizes[1]} in the other."
        )
    return load_model(ASTForAudioClassification, config, weights)
