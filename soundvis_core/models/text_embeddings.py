"""Names of classes to vectors in CLIP's space of pictures and words.

Each name is read in the 80 sentences that OpenAI published for ImageNet ("a bad photo of a {}."); its vector is the
mean of theirs, each of length 1, brought to length 1 again (Radford et al. 2021, arXiv 2103.00020, section 3.1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..cache import ResultCache, content_key
from ..errors import InputError
from .clip_architecture import ClipConfig, read_config, text_model
from .device import place
from .options import ModelOptions
from .store import Weights
from .torch_stack import open_clip_stack, torch_stack

# Part of the cache's keys: to be raised where the way from names to vectors changes.
_VERSION = 1
# Sentences of so many names go through the tower together.
_NAMES_AT_ONCE = 2
# Beside the results of runs, in a folder of their own: tens of thousands of names.
_CACHE_FOLDER, _CACHE_BYTES = "class-names", 64 * 1024**2


def embed_names(names: Sequence[str], weights: Weights, options: ModelOptions) -> np.ndarray:
    """Vectors of length 1, float32 (n, d), of class names by the text tower of a CLIP model.

    Kept in the folder of the cache by the content of the weights and the names, so that a second run loads no text
    tower; a file there that was cut off or altered is made anew.

    Raises :class:`InputError` without names, and for weights that cannot be used (see :func:`.text_model`).
    """
    wanted = [" ".join(name.split()) for name in names]
    if not wanted or not all(wanted):
        raise InputError("There are no class names to look for, or one of them is empty.")

    def sentences() -> list[list[str]]:
        templates = open_clip_stack().OPENAI_IMAGENET_TEMPLATES
        return [[template(name) for template in templates] for name in wanted]

    return _embedded(("class names", _VERSION), wanted, sentences, weights, options)


def embed_ensembles(
    ensembles: Sequence[Sequence[str]], weights: Weights, options: ModelOptions
) -> np.ndarray:
    """Vectors of length 1, float32 (n, d), of ensembles of whole sentences: the mean of theirs, as of class names.

    Kept like :func:`embed_names`, and raises like it.
    """
    wanted = [[" ".join(sentence.split()) for sentence in ensemble] for ensemble in ensembles]
    if not wanted or not all(ensemble and all(ensemble) for ensemble in wanted):
        raise InputError("There are no sentences to look for, or one of them is empty.")
    return _embedded(("ensembles", _VERSION), wanted, lambda: wanted, weights, options)


def _embedded(
    kind: tuple[str, int],
    wanted: Sequence[Any],
    sentences: Callable[[], Sequence[Sequence[str]]],
    weights: Weights,
    options: ModelOptions,
) -> np.ndarray:
    """The vectors of ``wanted``, from the cache or from the ensembles that ``sentences`` gives, one for each."""
    config = read_config(weights)
    width = int(config.model["embed_dim"])
    cache = ResultCache(options.cache / _CACHE_FOLDER, _CACHE_BYTES)
    key = content_key(*kind, weights.fingerprint, config.model, wanted)
    kept = cache.get(key)
    if kept is not None and len(kept) == 4 * width * len(wanted):
        return np.frombuffer(kept, "<f4").astype(np.float32).reshape(-1, width)
    vectors = _read_ensembles(sentences(), weights, config, options)
    cache.put(key, vectors.astype("<f4").tobytes())
    cache.prune()
    return vectors


def _read_ensembles(
    ensembles: Sequence[Sequence[str]], weights: Weights, config: ClipConfig, options: ModelOptions
) -> np.ndarray:
    torch = torch_stack()
    model = text_model(weights, config)
    size = sum(4 * parameter.numel() for parameter in model.parameters())
    # Always float32: these few vectors decide on every pixel, and are made once.
    placement, _ = place(replace(options, precision="fp32"), activation_bytes_per_item=1, weight_bytes=size)
    model = model.to(placement.device)
    tokens = tokenizer(config)
    vectors = []
    with torch.inference_mode():
        for start in range(0, len(ensembles), _NAMES_AT_ONCE):
            part = ensembles[start : start + _NAMES_AT_ONCE]
            sentences = [sentence for ensemble in part for sentence in ensemble]
            read = encode_text(model, tokens(sentences).to(placement.device))
            read = torch.nn.functional.normalize(read, dim=-1)
            means = [own.mean(dim=0) for own in read.split([len(ensemble) for ensemble in part])]
            vectors.append(torch.nn.functional.normalize(torch.stack(means), dim=-1).float().cpu().numpy())
    return np.concatenate(vectors)


def tokenizer(config: ClipConfig) -> Any:
    """open_clip's own byte-pair tokenizer for a configuration: sentences -> numbers (n, context length).

    Raises :class:`InputError` for models with a tokenizer of their own.
    """
    text = config.model["text_cfg"]
    if text.get("hf_tokenizer_name") or text.get("tokenizer_kwargs"):
        raise InputError(f"{config.name} has a tokenizer of its own; class names can be read by CLIP's only.")
    return open_clip_stack().SimpleTokenizer(context_length=text.get("context_length", 77))


def encode_text(model: Any, tokens: Any) -> Any:
    """open_clip's ``encode_text`` (n, d), without the padding behind the longest sentence.

    A sentence is read at its last token, and no token looks at those after it: what is padding changes nothing, and
    sentences of 12 of 77 tokens cost a sixth. Towers that are read otherwise get the whole context.
    """
    if not hasattr(model, "attn_mask") or model.attn_mask is None or model.text_pool_type != "argmax":
        return model.encode_text(tokens)
    torch = torch_stack()
    # The last token has the highest number.
    length = int(tokens.argmax(dim=1).max()) + 1
    whole = model.positional_embedding, model.attn_mask
    try:
        model.positional_embedding = torch.nn.Parameter(whole[0][:length], requires_grad=False)
        model.attn_mask = whole[1][:length, :length]
        return model.encode_text(tokens[:, :length])
    finally:
        model.positional_embedding, model.attn_mask = whole
