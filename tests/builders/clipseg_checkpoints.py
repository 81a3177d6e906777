"""Tiny CLIPSeg checkpoints in the layouts of the hub, with random weights and CLIP's real tokenizer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

#: Pictures of this side, where the real model's are 352.
SIDE = 96
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def new_layout(folder: Path, **changes) -> Path:
    """A folder as transformers writes it now: processor_config.json, tokenizer.json, model.safetensors."""
    from transformers import CLIPSegProcessor

    model = tiny_model(**changes)
    model.save_pretrained(folder)
    CLIPSegProcessor(image_processor=picture_processor(), tokenizer=tokenizer(folder)).save_pretrained(folder)
    for name in ("vocab.json", "merges.txt"):
        (folder / name).unlink(missing_ok=True)
    return folder


def old_layout(folder: Path, weights: str = "pytorch_model.bin", **changes) -> Path:
    """A folder as the hub has it: preprocessor_config.json with one size, vocab.json, merges.txt, ids of positions."""
    import torch

    model = tiny_model(**changes)
    model.save_pretrained(folder)
    describe(folder)
    if weights == "pytorch_model.bin":
        state = dict(model.state_dict())
        state["clip.text_model.embeddings.position_ids"] = torch.arange(77).unsqueeze(0)
        (folder / "model.safetensors").unlink()
        torch.save(state, folder / weights)
    return folder


def describe(folder: Path, side: int = SIDE) -> None:
    """The tokenizer and the settings of the pictures as the hub's folder has them, for pictures of ``side``."""
    tokenizer_files(folder)
    special = {"unk_token": "<|endoftext|>", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"}
    special["pad_token"] = "<|endoftext|>"
    write_json(folder / "special_tokens_map.json", special)
    write_json(
        folder / "tokenizer_config.json",
        {
            "add_prefix_space": False,
            **special,
            "model_max_length": 77,
            "tokenizer_class": "CLIPTokenizer",
        },
    )
    write_json(
        folder / "preprocessor_config.json",
        {
            "do_normalize": True,
            "do_resize": True,
            "feature_extractor_type": "ViTFeatureExtractor",
            "image_mean": MEAN,
            "image_std": STD,
            "resample": 2,
            "size": side,
        },
    )


def tiny_model(seed: int = 0, **changes):
    """CLIPSeg 32 wide, vision 4 layers with patch 16, as refined: with the larger convolutions at the end."""
    import torch
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    text = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    vision = {**text, "num_hidden_layers": 4, "patch_size": 16, "image_size": 224}
    activation = changes.pop("hidden_act", "quick_gelu")
    settings = {
        "projection_dim": 16,
        "reduce_dim": 8,
        "extract_layers": [1, 2, 3],
        "decoder_num_attention_heads": 2,
        "decoder_intermediate_size": 32,
        "use_complex_transposed_convolution": True,
        **changes,
    }
    config = CLIPSegConfig(
        text_config={**text, "hidden_act": activation},
        vision_config={**vision, "hidden_act": activation},
        **settings,
    )
    torch.manual_seed(seed)
    model = CLIPSegForImageSegmentation(config).eval()
    with torch.no_grad():
        # Fresh weights answer every prompt alike; these tell prompts and places apart, in logits of a few units.
        for name, value in model.named_parameters():
            if value.ndim > 1 and "embedding" not in name:
                value.normal_(0.0, 1.5 / value[0].numel() ** 0.5)
        model.decoder.film_add.weight *= 3.0
        model.decoder.transposed_convolution[-1].weight *= 6.0
    return model


def picture_processor():
    """The picture part of the hub's processor, on Pillow."""
    from transformers import ViTImageProcessorPil

    return ViTImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, image_mean=MEAN, image_std=STD, resample=2
    )


def tokenizer(folder: Path):
    """CLIP's tokenizer, made from the vocabulary that open_clip ships."""
    from transformers import CLIPTokenizerFast

    tokenizer_files(folder)
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    merges = [tuple(line.split()) for line in lines]
    return CLIPTokenizerFast(vocab=vocabulary, merges=merges, model_max_length=77)


def tokenizer_files(folder: Path) -> None:
    """vocab.json and merges.txt with CLIP's names of the first and the last token."""
    import open_clip

    source = Path(open_clip.__file__).with_name("bpe_simple_vocab_16e6.txt.gz")
    names = open_clip.tokenizer.SimpleTokenizer().encoder
    renamed = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    write_json(folder / "vocab.json", {renamed.get(name, name): number for name, number in names.items()})
    lines = gzip.decompress(source.read_bytes()).decode("utf-8").split("\n")[1 : 49152 - 256 - 2 + 1]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines]) + "\n", encoding="utf-8")


def write_json(path: Path, values) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")
