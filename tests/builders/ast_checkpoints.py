"""Tiny Audio Spectrogram Transformers with random weights, in the layout of the hub. Needs torch and transformers."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from soundvis_core.models.registry import TAG_AUDIO, find
from soundvis_core.models.store import Weights
from soundvis_core.models.torch_stack import torch_stack

LABELS = 527


def tiny_ast(folder: Path, seed: int = 0, weights: str = "safetensors", **config: Any) -> Path:
    """A folder with ``config.json``, ``preprocessor_config.json`` and the weights, as ``save_pretrained`` makes them.

    The geometry of the spectrogram is the real one (1024 x 128), the model 32 wide and two layers deep.
    ``weights`` is ``safetensors`` or ``bin`` (a pickle, as older checkpoints of the hub have it).
    """
    torch = torch_stack()
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    labels = config.pop("num_labels", LABELS)
    settings = ASTConfig(
        **{
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "id2label": {number: f"sound {number}" for number in range(labels)},
            "label2id": {f"sound {number}": number for number in range(labels)},
            **config,
        }
    )
    torch.manual_seed(seed)
    model = ASTForAudioClassification(settings)
    with torch.no_grad():
        for parameter in model.parameters():
            # Biases, norms and positions are zeros and ones in a fresh model and would hide mistakes.
            parameter.add_(torch.randn_like(parameter) * 0.2)
    folder = Path(folder)
    model.save_pretrained(folder)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="At least one mel filter has all zero values")
        extractor = ASTFeatureExtractor(max_length=settings.max_length, num_mel_bins=settings.num_mel_bins)
    extractor.save_pretrained(folder)
    if weights == "bin":
        from safetensors.torch import load_file

        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    return folder


def weights_in(folder: Path, model_id: str = "ast-audioset") -> Weights:
    """What the store says of a folder, without hashing it."""
    files = {path.name: path for path in sorted(Path(folder).iterdir())}
    return Weights(find(model_id, TAG_AUDIO), Path(folder), files, "local", "")


def change_json(path: Path, **values: Any) -> None:
    """Set entries of a JSON file; ``None`` takes one out."""
    content = json.loads(path.read_text(encoding="utf-8"))
    content.update(values)
    content = {name: value for name, value in content.items() if value is not None}
    path.write_text(json.dumps(content), encoding="utf-8")
