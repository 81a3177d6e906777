"""Class names to vectors, against open_clip's own zero-shot classifier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from soundvis_core.errors import InputError
from soundvis_core.models import text_embeddings
from soundvis_core.models.clip_architecture import ClipConfig, read_config, text_model
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.text_embeddings import embed_names, encode_text, tokenizer
from soundvis_core.models.torch_stack import open_clip_stack

open_clip = open_clip_stack()

from tests.builders import clip_checkpoints as tiny  # noqa: E402 - needs the stack

NAMES = ["tree", "low vegetation", "a road! with very many more words in its name than others", "building"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread(tmp_path_factory):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    tiny.register(tmp_path_factory.mktemp("architectures"))
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tiny.write_state_dict(tmp_path_factory.mktemp("vit") / "weights.pt", tiny.random_model("tiny-ViT"))


@pytest.fixture
def options(tmp_path):
    return ModelOptions(cache_folder=str(tmp_path / "cache"), device="cpu")


@pytest.fixture
def weights(file, options):
    return tiny.weights_of(file, options)


@pytest.fixture
def readings(monkeypatch):
    """How often a text tower was loaded."""
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return text_model(*arguments)

    monkeypatch.setattr(text_embeddings, "text_model", counted)
    return calls


def test_open_clips_zero_shot_classifier(weights, options, file):
    model, _, _ = open_clip.create_model_and_transforms("tiny-ViT", pretrained=str(file))
    expected = open_clip.build_zero_shot_classifier(
        model.eval(), open_clip.get_tokenizer("tiny-ViT"), NAMES, open_clip.OPENAI_IMAGENET_TEMPLATES
    ).T.numpy()
    found = embed_names(NAMES, weights, options)
    assert found.dtype == np.float32 and found.shape == (4, 24)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)


def test_one_name_by_hand(weights, options):
    model = tiny.random_model("tiny-ViT")
    sentences = [f"a bad photo of a {NAMES[0]}.", f"a photo of many {NAMES[0]}."]
    templates = [template(NAMES[0]) for template in open_clip.OPENAI_IMAGENET_TEMPLATES]
    assert templates[:2] == sentences and len(set(templates)) == 80
    with torch.no_grad():
        vectors = model.encode_text(open_clip.tokenize(templates)).numpy().astype(float)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = vectors.mean(axis=0)
    found = embed_names(NAMES[:1], weights, options)[0]
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)


def test_padding_changes_nothing(weights):
    model = text_model(weights, read_config(weights))
    tokens = tokenizer(read_config(weights))(["tree", "!!a!b!", " ".join(NAMES), "word " * 100])
    with torch.no_grad():
        whole = model.encode_text(tokens)
        torch.testing.assert_close(encode_text(model, tokens), whole, rtol=0, atol=1e-5)
        for index in range(len(tokens)):
            one = encode_text(model, tokens[index : index + 1])
            torch.testing.assert_close(one, whole[index : index + 1], rtol=0, atol=1e-5)
        # Nothing of the shortening stays behind.
        torch.testing.assert_close(model.encode_text(tokens), whole)


def test_towers_by_other_names_read_the_same(weights, options, tmp_path):
    text = ("positional_embedding", "token_embedding", "transformer", "ln_final", "text_projection")
    state = tiny.random_model("tiny-ViT").state_dict()
    torch.save(
        {f"text.{n}" if n.startswith(text) else n: t for n, t in state.items()}, tmp_path / "custom.pt"
    )
    found = embed_names(NAMES, tiny.weights_of(tmp_path / "custom.pt", options), options)
    np.testing.assert_allclose(found, embed_names(NAMES, weights, options), rtol=0, atol=1e-5)


def test_half_precision_files_are_computed_in_float32(options, tmp_path):
    model = tiny.random_model("tiny-ViT")
    state = {name: tensor.half() for name, tensor in model.state_dict().items()}
    torch.save(state, tmp_path / "half.pt")
    halves = tiny.weights_of(tmp_path / "half.pt", options)
    assert {p.dtype for p in text_model(halves, read_config(halves)).parameters()} == {torch.float32}
    whole = {name: tensor.float() for name, tensor in state.items()}
    torch.save(whole, tmp_path / "whole.pt")
    expected = embed_names(NAMES, tiny.weights_of(tmp_path / "whole.pt", options), options)
    np.testing.assert_array_equal(embed_names(NAMES, halves, options), expected)


def test_second_run_loads_no_tower(weights, options, readings):
    first = embed_names(NAMES, weights, options)
    again = embed_names(NAMES, weights, options)
    assert len(readings) == 1
    np.testing.assert_array_equal(again, first)
    embed_names([" tree ", *NAMES[1:]], weights, options)
    assert len(readings) == 1
    again[:] = 0.0  # a caller may change its own copy


def test_other_names_order_or_weights_are_read(weights, options, readings, tmp_path):
    first = embed_names(NAMES, weights, options)
    np.testing.assert_array_equal(embed_names(NAMES[::-1], weights, options), first[::-1])
    other = tiny.write_state_dict(tmp_path / "weights.pt", tiny.random_model("tiny-ViT", seed=8))
    assert np.abs(embed_names(NAMES, tiny.weights_of(other, options), options) - first).max() > 1e-3
    quick = tiny.weights_of(weights.weight_file(), options, "tiny-ViT-quickgelu")
    assert np.abs(embed_names(NAMES, quick, options) - first).max() > 1e-4
    assert len(readings) == 4


def test_kept_names_stay_within_bounds_and_leave_results_alone(weights, options, tmp_path, monkeypatch):
    monkeypatch.setattr(text_embeddings, "_CACHE_BYTES", 400)
    result = tmp_path / "cache" / "results" / "aa" / "aa.entry"
    result.parent.mkdir(parents=True)
    result.write_bytes(bytes(1000))
    for name in NAMES:
        embed_names([name], weights, options)
    kept = list((tmp_path / "cache").rglob("*.entry"))
    assert result in kept and 1 < len(kept) <= 1 + 400 // (4 * 24)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: data[:-1] + b"x"])
def test_damaged_cache_file_is_made_anew(weights, options, readings, tmp_path, damage):
    first = embed_names(NAMES, weights, options)
    (entry,) = (tmp_path / "cache").rglob("*.entry")
    entry.write_bytes(damage(entry.read_bytes()))
    np.testing.assert_array_equal(embed_names(NAMES, weights, options), first)
    np.testing.assert_array_equal(embed_names(NAMES, weights, options), first)
    assert len(readings) == 2


def test_bfloat16_is_not_used_for_names(weights, options):
    exact = embed_names(NAMES, weights, options)
    half = replace(options, precision="bf16", cache_folder=options.cache_folder + "2")
    np.testing.assert_array_equal(embed_names(NAMES, weights, half), exact)


@pytest.mark.parametrize("names", [[], ["tree", " "]])
def test_no_names(weights, options, names):
    with pytest.raises(InputError, match="no class names"):
        embed_names(names, weights, options)


def test_models_that_read_otherwise(weights):
    foreign = ClipConfig(
        "model", {"embed_dim": 4, "vision_cfg": {}, "text_cfg": {"hf_model_name": "roberta"}}
    )
    with pytest.raises(InputError, match="cannot read class names"):
        text_model(weights, foreign)
    with pytest.raises(InputError, match="tokenizer of its own"):
        tokenizer(ClipConfig("model", {"text_cfg": {"hf_tokenizer_name": "t5"}}))
