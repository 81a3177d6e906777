"""CLIP's pictures to vectors, against open_clip's own way from file to vector."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from soundvis_core.errors import InputError
from soundvis_core.models import registry
from soundvis_core.models.clip import ClipImageEncoder, Preparation
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.store import MissingWeightsError
from soundvis_core.models.torch_stack import open_clip_stack

open_clip = open_clip_stack()

from tests.builders import clip_checkpoints as tiny  # noqa: E402 - needs the stack

SIZES = ((48, 48), (300, 130), (97, 211), (20, 31), (16, 400))


@pytest.fixture(scope="module", autouse=True)
def _one_thread(tmp_path_factory):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    tiny.register(tmp_path_factory.mktemp("architectures"))
    yield
    torch.set_num_threads(before)


@pytest.fixture
def options(tmp_path):
    return ModelOptions(cache_folder=str(tmp_path / "cache"), device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(5)
    return [random.integers(0, 256, (height, width, 3), np.uint8) for width, height in SIZES]


@pytest.fixture(scope="module")
def vit_file(tmp_path_factory):
    return tiny.write_state_dict(
        tmp_path_factory.mktemp("vit") / "RemoteCLIP-tiny.pt", tiny.random_model("tiny-ViT")
    )


def open_clip_vectors(pictures, name, pretrained=None):
    """open_clip from file to vectors, one picture at a time."""
    model, _, transform = open_clip.create_model_and_transforms(name, pretrained=pretrained)
    with torch.no_grad():
        batches = [transform(Image.fromarray(picture))[None] for picture in pictures]
        return torch.cat([model.eval().encode_image(batch) for batch in batches]).numpy()


def load(path, options, architecture="tiny-ViT"):
    return ClipImageEncoder.load(tiny.weights_of(path, options, architecture), options)


@pytest.mark.parametrize("architecture", ["tiny-ViT", "tiny-ViT-quickgelu", "tiny-RN"])
def test_bare_state_dict_gives_open_clips_vectors(tmp_path, options, pictures, architecture):
    file = tiny.write_state_dict(tmp_path / "weights.pt", tiny.random_model(architecture))
    found = load(file, options, architecture).encode(pictures)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, open_clip_vectors(pictures, architecture, str(file)), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "preprocess",
    [
        {},
        {
            "mean": [0.5, 0.4, 0.3],
            "std": [0.5, 0.6, 0.7],
            "interpolation": "bilinear",
            "resize_mode": "squash",
        },
        {"resize_mode": "longest", "fill_color": 90},
    ],
)
def test_folder_gives_open_clips_vectors(tmp_path, options, pictures, preprocess):
    # The folder's own configuration goes before the registry's architecture, which is a wrong one here.
    architecture = "tiny-ViT-quickgelu"
    folder = tiny.write_folder(tmp_path / "model", architecture, tiny.random_model(architecture), preprocess)
    found = load(folder, options, "tiny-RN").encode(pictures)
    np.testing.assert_allclose(found, open_clip_vectors(pictures, f"local-dir:{folder}"), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_preparation_is_open_clips_to_the_bit(size):
    picture = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    transform = open_clip.image_transform(224, is_train=False)
    expected = transform(Image.fromarray(picture)).numpy()
    found = Preparation({}, 224)(picture)
    assert found.dtype == np.float32 and found.shape == (3, 224, 224)
    np.testing.assert_array_equal(found, expected)


def test_preparation_of_a_plain_colour_by_hand():
    picture = np.full((300, 500, 3), (255, 0, 51), np.uint8)
    found = Preparation({}, 224)(picture)
    expected = [
        (1.0 - 0.48145466) / 0.26862954,
        (0.0 - 0.4578275) / 0.26130258,
        (0.2 - 0.40821073) / 0.27577711,
    ]
    np.testing.assert_allclose(found.reshape(3, -1).min(axis=1), expected, atol=1e-5)
    np.testing.assert_allclose(found.reshape(3, -1).max(axis=1), expected, atol=1e-5)


def test_preparation_from_many_threads(options, vit_file, pictures):
    prepare = load(vit_file, options).prepare
    alone = [prepare(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(prepare, pictures * 8))
    for index, found in enumerate(together):
        np.testing.assert_array_equal(found, alone[index % len(pictures)])


def test_activation_matters_and_the_registry_names_the_right_one(options, vit_file, pictures):
    gelu = load(vit_file, options, "tiny-ViT").encode(pictures)
    quick = load(vit_file, options, "tiny-ViT-quickgelu").encode(pictures)
    assert np.abs(gelu - quick).max() > 1e-3
    openai = registry.find("clip-vit-l-14", registry.EMBED_IMAGE).architecture
    assert open_clip.get_model_config(openai)["quick_gelu"] is True
    for name in ("remoteclip-vit-l-14", "remoteclip-vit-b-32", "remoteclip-rn50"):
        config = open_clip.get_model_config(registry.find(name, registry.EMBED_IMAGE).architecture)
        assert not config.get("quick_gelu", False)


def test_registry_has_the_dimensions_of_the_architectures():
    for row in registry.for_task(registry.EMBED_IMAGE):
        if row.loader == "clip:ClipImageEncoder":
            assert open_clip.get_model_config(row.architecture)["embed_dim"] == row.dimension


def test_vectors_are_not_of_length_one_and_do_not_depend_on_the_batch(options, vit_file, pictures):
    whole = load(vit_file, options).encode(pictures)
    pairs = load(vit_file, replace(options, batch=2))
    assert pairs.batch_size == 2
    np.testing.assert_allclose(pairs.encode(pictures), whole, rtol=0, atol=1e-5)
    assert np.abs(np.linalg.norm(whole, axis=1) - 1.0).min() > 0.05
    assert pairs.encode([]).shape == (0, 24)


def test_what_an_encoder_says_of_itself(options, vit_file):
    encoder = load(vit_file, options)
    assert (encoder.id, encoder.revision, encoder.dimension) == ("tiny", "local", 24)
    assert encoder.placement.describe().startswith("cpu (")
    assert encoder.placement.describe().endswith("float32")
    assert encoder.batch_size >= 1


def test_bfloat16_points_the_same_way(options, vit_file, pictures):
    exact = load(vit_file, options).encode(pictures)
    encoder = load(vit_file, replace(options, precision="bf16"))
    assert encoder.placement.dtype == "bfloat16"
    found = encoder.encode(pictures)
    assert found.dtype == np.float32
    cosine = (exact * found).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(found, axis=1)
    assert cosine.min() > 0.9995 and np.abs(exact - found).max() > 0.0


def test_files_of_other_origins_give_the_same_vectors(tmp_path, options, vit_file, pictures):
    expected = load(vit_file, options).encode(pictures)
    state = tiny.random_model("tiny-ViT").state_dict()
    training = {"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}
    openai = {
        **state,
        **{name: torch.tensor(48) for name in ("input_resolution", "context_length", "vocab_size")},
    }
    text = ("positional_embedding", "token_embedding", "transformer", "ln_final", "text_projection")
    custom = {f"text.{n}" if n.startswith(text) else n: tensor for n, tensor in state.items()}
    for name, content in (("training", training), ("openai", openai), ("custom", custom)):
        torch.save(content, tmp_path / f"{name}.pt")
        np.testing.assert_array_equal(load(tmp_path / f"{name}.pt", options).encode(pictures), expected)


def test_half_precision_files_run_in_float32(tmp_path, options, vit_file, pictures):
    half = {
        n: t.half() if t.is_floating_point() else t
        for n, t in tiny.random_model("tiny-ViT").state_dict().items()
    }
    torch.save(half, tmp_path / "half.pt")
    found = load(tmp_path / "half.pt", options).encode(pictures)
    np.testing.assert_allclose(found, load(vit_file, options).encode(pictures), rtol=0, atol=0.02)


def test_text_tower_is_not_kept(options, vit_file):
    encoder = load(vit_file, options)
    kept = sum(parameter.numel() for parameter in encoder._tower.parameters())
    visual = sum(parameter.numel() for parameter in tiny.random_model("tiny-ViT").visual.parameters())
    assert kept == visual


def test_registry_loads_it_from_a_checkpoint(options, vit_file, pictures, monkeypatch):
    monkeypatch.setattr(registry, "rows", lambda: (tiny.row(),))
    encoder = registry.load("tiny", registry.EMBED_IMAGE, replace(options, checkpoint=str(vit_file)))
    np.testing.assert_array_equal(encoder.encode(pictures[:1]), load(vit_file, options).encode(pictures[:1]))


def test_missing_file(options, tmp_path):
    with pytest.raises(MissingWeightsError, match="is not there"):
        load(tmp_path / "none.pt", options)


@pytest.mark.parametrize("name", ["weights.pt", "open_clip_model.safetensors"])
def test_truncated_file(options, tmp_path, vit_file, name):
    if name.endswith(".pt"):
        whole = vit_file
    else:
        whole = tiny.write_folder(tmp_path / "whole", "tiny-ViT", tiny.random_model("tiny-ViT")) / name
    cut = tmp_path / name
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match="cut off or damaged"):
        load(cut, options)


@pytest.mark.parametrize("architecture", ["tiny-ViT-wide", "tiny-RN"])
def test_weights_of_another_architecture(options, vit_file, architecture):
    with pytest.raises(InputError, match=r"another architecture.*visual"):
        load(vit_file, options, architecture)


def test_text_tower_of_another_architecture(options, tmp_path):
    state = tiny.random_model("tiny-ViT").state_dict()
    del state["text_projection"]
    torch.save(state, tmp_path / "cut.pt")
    with pytest.raises(InputError, match="missing: text_projection"):
        load(tmp_path / "cut.pt", options)


class Hostile:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_hostile_pickle_is_not_run(options, tmp_path):
    torch.save({"visual.proj": Hostile(tmp_path / "ran")}, tmp_path / "hostile.pt")
    with pytest.raises(InputError, match="could run code"):
        load(tmp_path / "hostile.pt", options)
    assert not (tmp_path / "ran").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_archive_is_not_run(options, tmp_path):
    script = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    script.save(str(tmp_path / "ViT-L-14.pt"))
    with pytest.raises(InputError, match="TorchScript"):
        load(tmp_path / "ViT-L-14.pt", options)


def test_unknown_architecture(options, vit_file):
    with pytest.raises(InputError, match=r"'ViT-L-14-quikgelu'.*Did you mean ViT-L-14-quickgelu"):
        load(vit_file, options, "ViT-L-14-quikgelu")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot be read"),
        ("[]", "lacks embed_dim"),
        (json.dumps({"model_cfg": {"embed_dim": 4}}), "lacks embed_dim"),
        (
            json.dumps({"model_cfg": {"embed_dim": 4, "vision_cfg": {"wings": 2}, "text_cfg": {}}}),
            "cannot build.*wings",
        ),
    ],
)
def test_unusable_configuration(options, tmp_path, content, reason):
    folder = tiny.write_folder(tmp_path / "model", "tiny-ViT", tiny.random_model("tiny-ViT"))
    (folder / "open_clip_config.json").write_text(content, "utf-8")
    with pytest.raises(InputError, match=reason):
        load(folder, options)


def test_absent_device(options, vit_file):
    if torch.backends.mps.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(InputError, match="MPS"):
        load(vit_file, replace(options, device="mps"))
