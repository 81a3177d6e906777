"""CLIPSeg answers as transformers does, from both layouts of files; its class maps are those of the literal way."""

from __future__ import annotations

import json
import pickle
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from soundvis_core.classes import load_classes
from soundvis_core.errors import InputError
from soundvis_core.models.clipseg import ClipSeg
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.registry import SEGMENT_PHOTO, find, load
from soundvis_core.models.store import locate
from soundvis_core.models.torch_stack import torch_stack
from soundvis_core.progress import NO_PROGRESS
from soundvis_core.segment_photos import segment_photos
from tests.builders import clipseg_checkpoints as builder
from tests.builders.class_maps import literal_class_map

torch_stack()
torch.set_num_threads(1)

ID = "clipseg-rd64"
PROMPTS = ("road", "a red car", "waterbody", "tree", "person on a bicycle")
CLASSES = load_classes("road, street, carriageway; tree, trees; building; water; a red car")


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory):
    return builder.new_layout(tmp_path_factory.mktemp("clipseg-new"))


@pytest.fixture(scope="session")
def old_folder(tmp_path_factory):
    return builder.old_layout(tmp_path_factory.mktemp("clipseg-old"))


@pytest.fixture(scope="session")
def hub(new_folder):
    """The reference: transformers' own model, tokenizer and picture processor."""
    from transformers import AutoTokenizer, CLIPSegForImageSegmentation, CLIPSegProcessor

    tokenizer = AutoTokenizer.from_pretrained(new_folder, local_files_only=True)
    return SimpleNamespace(
        model=CLIPSegForImageSegmentation.from_pretrained(new_folder, local_files_only=True).eval(),
        processor=CLIPSegProcessor(image_processor=builder.picture_processor(), tokenizer=tokenizer),
    )


def loaded(folder, **options):
    return load(
        ID, SEGMENT_PHOTO, ModelOptions(checkpoint=str(folder), device="cpu", precision="fp32", **options)
    )


@pytest.fixture(scope="session")
def model(new_folder, tmp_path_factory):
    return loaded(new_folder, cache_folder=str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def copied(new_folder, tmp_path):
    return shutil.copytree(new_folder, tmp_path / "copy")


def photo(height=70, width=110, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 10, width // 10, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 10, axis=0), 10, axis=1)


def hub_logits(hub, image, prompts):
    """The hub's way: one copy of the picture per prompt."""
    inputs = hub.processor(
        text=list(prompts), images=[image] * len(prompts), padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        return hub.model(**inputs).logits


def test_pixels_are_the_processors(hub, model):
    for image in (photo(), photo(300, 200, 1), photo(20, 900, 2), photo(builder.SIDE // 10 * 10, 90, 3)):
        expected = hub.processor(images=image, return_tensors="np")["pixel_values"][0]
        prepared = model.prepare(image)
        assert prepared.dtype == np.float32 and prepared.shape == (3, builder.SIDE, builder.SIDE)
        assert np.abs(prepared - expected).max() < 1e-6


def test_logits_are_the_hubs(hub, model):
    image = photo()
    expected = hub_logits(hub, image, PROMPTS)
    found = model.logits([model.prepare(image)], PROMPTS)[0]
    assert found.shape == (len(PROMPTS), *model.size) and found.dtype == torch.float32
    assert expected.std() > 0.5  # what agrees is not nothing
    assert (found - expected).abs().max() < 1e-5


def test_several_photos_and_many_prompts_at_once(hub, model):
    images = [photo(seed=number) for number in range(3)]
    prompts = [f"{name} {number}" for number in range(4) for name in PROMPTS]
    together = model.logits([model.prepare(image) for image in images], prompts)
    for image, found in zip(images, together):
        assert (found - hub_logits(hub, image, prompts)).abs().max() < 1e-5


def test_text_is_encoded_once_per_list(model, monkeypatch):
    asked = []
    encode = model._model.get_conditional_embeddings

    def counting(**inputs):
        asked.append(inputs["batch_size"])
        return encode(**inputs)

    monkeypatch.setattr(model._model, "get_conditional_embeddings", counting)
    batch = [model.prepare(photo())]
    for prompts in (["one", "two"], ["one", "two"], ["two"], ["one", "two"]):
        model.logits(batch, prompts)
    assert asked == [2, 1]


def test_long_prompts_are_cut_as_clip_cuts_them(model):
    found = model.logits([model.prepare(photo())], ["word " * 200, "road"])[0]
    assert found.isfinite().all()


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.4, 0.6])
def test_class_map_is_the_literal_one(hub, model, threshold):
    for size in ((70, 110), (480, 310)):
        image = photo(*size)
        prompts, codes = CLASSES.prompts()
        assert prompts[:3] == ("road", "street", "carriageway") and codes[:4] == (1, 1, 1, 2)
        expected = literal_class_map(hub_logits(hub, image, prompts), size, codes, threshold)
        found = model.class_map(image, CLASSES, threshold)
        assert found.dtype == np.uint8 and found.shape == size
        assert np.array_equal(found, expected)
        assert len(np.unique(expected)) >= 3


def test_shares_of_files_are_those_of_the_class_map(model, tmp_path):
    from PIL import Image

    paths = []
    for number in range(3):
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(photo(90, 160, number)).save(paths[-1])
    results = list(segment_photos(paths, model, CLASSES, 0.45, NO_PROGRESS))
    for number, result in enumerate(results):
        codes = model.class_map(photo(90, 160, number), CLASSES, 0.45)
        expected = {entry.name: (codes == entry.code).mean() for entry in CLASSES.classes}
        expected["unclassified"] = (codes == 0).mean()
        assert {"unclassified": 0.0, **result.values} == pytest.approx(expected)
        assert sum(result.values.values()) == pytest.approx(1)


def test_both_layouts_give_the_same(model, old_folder):
    old = loaded(old_folder)
    batch = [model.prepare(photo())]
    assert torch.equal(old.logits(batch, PROMPTS)[0], model.logits(batch, PROMPTS)[0])
    assert np.array_equal(old.prepare(photo()), model.prepare(photo()))
    assert (old.id, old.revision, old.placement.device) == (ID, "local", "cpu")


def test_safetensors_go_before_pickles(old_folder, tmp_path, model):
    both = shutil.copytree(old_folder, tmp_path / "both")
    builder.old_layout(tmp_path / "other", weights="model.safetensors")
    shutil.copy(tmp_path / "other" / "model.safetensors", both)
    (both / "pytorch_model.bin").write_bytes(b"not to be opened")
    assert loaded(both).size == model.size


def test_layers_above_the_last_that_is_read_are_not_computed(tmp_path, hub):
    folder = builder.new_layout(tmp_path, extract_layers=[0, 1, 2])
    found = loaded(folder)
    assert len(found._model.clip.vision_model.encoder.layers) == 3
    from transformers import CLIPSegForImageSegmentation

    whole = CLIPSegForImageSegmentation.from_pretrained(folder, local_files_only=True).eval()
    assert len(whole.clip.vision_model.encoder.layers) == 4
    reference = SimpleNamespace(model=whole, processor=hub.processor)
    expected = hub_logits(reference, photo(), PROMPTS)
    assert (found.logits([found.prepare(photo())], PROMPTS)[0] - expected).abs().max() < 1e-5


def test_the_activation_of_the_configuration_is_used(copied, model):
    config = json.loads((copied / "config.json").read_text())
    assert config["vision_config"].get("hidden_act", "quick_gelu") == "quick_gelu"
    batch = [model.prepare(photo())]
    quick = model.logits(batch, PROMPTS)[0]
    for tower in ("vision_config", "text_config"):
        changed = json.loads(json.dumps(config))
        changed[tower]["hidden_act"] = "gelu"
        builder.write_json(copied / "config.json", changed)
        assert (loaded(copied).logits(batch, PROMPTS)[0] - quick).abs().max() > 1e-3
    # As the hub's file has it: what is the default goes unsaid.
    for tower in ("vision_config", "text_config"):
        config[tower].pop("hidden_act", None)
    builder.write_json(copied / "config.json", config)
    assert torch.equal(loaded(copied).logits(batch, PROMPTS)[0], quick)


def test_bf16_keeps_text_and_decoder_exact(new_folder):
    short = load(ID, SEGMENT_PHOTO, ModelOptions(checkpoint=str(new_folder), device="cpu", precision="bf16"))
    assert short.placement.dtype == "bfloat16"
    assert short._model.clip.vision_model.encoder.layers[0].mlp.fc1.weight.dtype == torch.bfloat16
    assert short._model.decoder.film_mul.weight.dtype == torch.float32
    assert short._text_vectors(("road",)).dtype == torch.float32
    assert short.logits([short.prepare(photo())], ["road"])[0].dtype == torch.float32


def test_a_single_file_with_its_folder(new_folder, model):
    found = loaded(new_folder / "model.safetensors")
    assert np.array_equal(found.class_map(photo(), CLASSES, 0.1), model.class_map(photo(), CLASSES, 0.1))


@pytest.mark.parametrize("names", [("tokenizer.json",), ("config.json",), ("processor_config.json",)])
def test_missing_files_are_named(copied, names):
    for name in names:
        (copied / name).unlink()
    with pytest.raises(InputError, match=r"is missing in .*copy"):
        loaded(copied)


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_half_a_tokenizer_is_none(old_folder, tmp_path, name):
    folder = shutil.copytree(old_folder, tmp_path / "copy")
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name}.*is missing"):
        loaded(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "processor_config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00"])
def test_damaged_small_files(copied, name, content):
    (copied / name).write_bytes(content)
    with pytest.raises(InputError):
        loaded(copied)


def test_a_tokenizer_of_another_model(copied):
    from transformers import CLIPTokenizerFast

    (copied / "tokenizer.json").unlink()
    words = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a</w>": 2, "road</w>": 3}
    CLIPTokenizerFast(vocab=words, merges=[]).save_pretrained(copied)
    with pytest.raises(InputError, match=r"tokenizer .* of another model"):
        loaded(copied)


def test_truncated_weights(copied, old_folder, tmp_path):
    whole = (copied / "model.safetensors").read_bytes()
    for size in (0, 5, 1000, len(whole) // 2, len(whole) - 1):
        (copied / "model.safetensors").write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"model\.safetensors"):
            loaded(copied)
    old = shutil.copytree(old_folder, tmp_path / "old")
    content = (old / "pytorch_model.bin").read_bytes()
    (old / "pytorch_model.bin").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"pytorch_model\.bin"):
        loaded(old)


def test_a_hostile_pickle_is_not_run(old_folder, tmp_path):
    folder = shutil.copytree(old_folder, tmp_path / "hostile")
    trace = tmp_path / "ran"

    class Hostile:
        def __reduce__(self):
            return (open, (str(trace), "w"))

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Hostile()}))
    with pytest.raises(InputError, match="could run code"):
        loaded(folder)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reduce_dim": 16}, "of another shape"),
        ({"use_complex_transposed_convolution": False}, "missing|unknown|another shape"),
        ({"extract_layers": [1, 2, 9]}, "layers that the model lacks"),
        ({"model_type": "clip"}, "of the type 'clip'"),
        ({"projection_dim": "wide"}, "does not describe a CLIPSeg model"),
    ],
)
def test_weights_of_another_model(copied, changes, said):
    config = json.loads((copied / "config.json").read_text())
    builder.write_json(copied / "config.json", {**config, **changes})
    with pytest.raises(InputError, match=said):
        loaded(copied)


@pytest.mark.parametrize(
    "changes",
    [
        {"size": {"shortest_edge": 224}},
        {"size": {"height": 96, "width": 112}},
        {"size": 100},
        {"image_std": [0, 0, 0]},
        {"image_mean": [0.5]},
        {"resample": 99},
        {"size": "large"},
    ],
)
def test_settings_of_pictures_that_cannot_be(old_folder, tmp_path, changes):
    folder = shutil.copytree(old_folder, tmp_path / "copy")
    values = json.loads((folder / "preprocessor_config.json").read_text())
    builder.write_json(folder / "preprocessor_config.json", {**values, **changes})
    with pytest.raises(InputError):
        loaded(folder)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(InputError):
        loaded(tmp_path)
    with pytest.raises(InputError):
        loaded(tmp_path / "absent")


def test_the_registry_loads_it(new_folder):
    options = ModelOptions(checkpoint=str(new_folder), device="cpu")
    assert isinstance(ClipSeg.load(locate(find(ID, SEGMENT_PHOTO), options), options), ClipSeg)
