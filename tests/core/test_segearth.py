"""SegEarth-OV against the literal equations on a tiny model of the real geometry, and one test for each trap."""

from __future__ import annotations

import numpy as np
import pytest
import segearth_reference as reference
import torch
import torch.nn.functional as functional

from soundvis_core.classes import load_classes
from soundvis_core.errors import InputError
from soundvis_core.models.device import Placement
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.segearth.encoder import PatchEncoder
from soundvis_core.models.segearth.model import Prompts, SegEarth, decide, read_upsampler, turned
from soundvis_core.models.segearth.simfeatup import SimFeatUp
from tests.builders import segearth_checkpoints as tiny

torch.set_num_threads(1)
CLASSES = "building, roof, house; road; tree, forest; background"
OWNERS = (0, 0, 0, 1, 2, 2, 3)


def picture(height=224, width=224, seed=0):
    """Fields of colour with some noise: borders for the upsampling to follow."""
    rng = np.random.default_rng(seed)
    fields = rng.integers(0, 256, (height // 40 + 1, width // 40 + 1, 3))
    large = fields.repeat(40, 0).repeat(40, 1)[:height, :width]
    return (large + rng.normal(0, 12, large.shape)).clip(0, 255).astype(np.uint8)


def texts(count=7, seed=1):
    return functional.normalize(
        torch.randn(count, tiny.WIDTH, generator=torch.Generator().manual_seed(seed)), dim=1
    )


def model_of(clip, upsampler=None, batch=4):
    sharpener = None if upsampler is None else SimFeatUp(upsampler)
    return SegEarth(clip.visual, sharpener, Placement("cpu", "float32"), batch)


def prompts(count=7, threshold=0.0, background=0):
    return Prompts(texts(count), torch.arange(1, count + 1, dtype=torch.uint8), threshold, background)


@pytest.fixture(scope="session")
def clip():
    return tiny.random_clip()


@pytest.fixture(scope="session")
def upsampler():
    return tiny.random_upsampler()


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """CLIP's weights on disk, with SimFeatUp's as their part, and the model they are of."""
    folder = tmp_path_factory.mktemp("segearth")
    weights, clip = tiny.write_clip(folder)
    state = tiny.random_upsampler()
    weights.parts["simfeatup-aid"] = tiny.write_upsampler(folder, state)
    return weights, clip, state


@pytest.fixture
def options(tmp_path):
    return ModelOptions(cache_folder=str(tmp_path / "cache"), device="cpu", precision="fp32")


def test_features_are_equations_1_and_2(clip):
    crop = reference.normalised(picture())[None]
    with torch.inference_mode():
        whole, features = PatchEncoder(clip.visual).encode(crop.repeat(2, 1, 1, 1))
        expected_whole, expected = reference.encode(clip.visual, crop)
    assert features.shape == (2, 14, 14, tiny.WIDTH)
    for found in features:
        assert torch.allclose(found.permute(2, 0, 1), expected[0], atol=1e-5)
    assert torch.allclose(whole[1], expected_whole, atol=1e-5)


def test_activation_is_that_of_openais_weights(clip):
    """With GELU in place of QuickGELU the same weights give other features."""
    crop = reference.normalised(picture())[None]
    wrong = tiny.random_clip()
    for block in wrong.visual.transformer.resblocks:
        block.mlp.gelu = torch.nn.GELU()
    with torch.inference_mode():
        right = PatchEncoder(clip.visual).encode(crop)[1]
        other = PatchEncoder(wrong.visual).encode(crop)[1]
    assert (right - other).abs().max() > 1e-3


def test_turned_features_keep_products_and_lengths():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 3, 20, generator=generator)
    weight, bias = torch.randn(20, 20, generator=generator), torch.randn(20, generator=generator)
    words = texts(5)[:, :20]
    turn = turned(features, weight, bias, words)
    assert turn.features.shape == (2, 3, 3, 10)
    pixel_weights = torch.randn(9, generator=generator)
    enlarged = torch.einsum("p,npc->nc", pixel_weights, features.flatten(1, 2))
    expected = enlarged + 0.1 * (enlarged @ weight.T + bias)
    found = torch.einsum("p,npr->nr", pixel_weights, turn.features.flatten(1, 2))
    found[:, 0] += turn.offset
    assert torch.allclose(found.norm(dim=1), expected.norm(dim=1), atol=1e-5)
    assert torch.allclose(torch.einsum("nr,nrq->nq", found, turn.texts), expected @ words.T, atol=1e-5)


@pytest.mark.parametrize("sharpened", [True, False])
def test_logits_are_equations_1_to_5(clip, upsampler, sharpened):
    state = upsampler if sharpened else None
    pixels = [picture(seed=seed) for seed in range(2)]
    found = model_of(clip, state).logits(np.stack(pixels), np.ones((2, 224, 224), bool), prompts())
    for crop, logits in zip(pixels, found):
        with torch.inference_mode():
            expected = reference.crop_logits(clip.visual, reference.normalised(crop)[None], texts(), state)
        assert torch.allclose(logits.permute(2, 0, 1), expected, atol=1e-5)


def test_debiasing_is_done_on_logits_not_on_features(clip):
    crop = picture()
    found = model_of(clip).logits(crop[None], np.ones((1, 224, 224), bool), prompts())
    with torch.inference_mode():
        whole, features = reference.encode(clip.visual, reference.normalised(crop)[None])
    plain = torch.einsum("qd,dyx->qyx", texts(), functional.normalize(features[0], dim=0))
    maps = functional.interpolate(plain[None], (224, 224), mode="bilinear", align_corners=False)[0]
    constant = -0.3 * texts() @ functional.normalize(whole, dim=0)
    assert torch.allclose(found[0].permute(2, 0, 1), maps + constant[:, None, None], atol=1e-5)


def test_pixels_without_data_have_the_mean_colour(clip, upsampler):
    crop, valid = picture(), np.ones((224, 224), bool)
    valid[50:90, 100:224] = False
    model = model_of(clip, upsampler)
    found = model.logits(crop[None], valid[None], prompts())
    image = reference.normalised(crop)
    image[:, 50:90, 100:] = 0
    with torch.inference_mode():
        expected = reference.crop_logits(clip.visual, image[None], texts(), upsampler)
    assert torch.allclose(found[0].permute(2, 0, 1), expected, atol=1e-5)
    noise = np.where(valid[..., None], crop, 7)
    assert torch.equal(model.logits(noise[None], valid[None], prompts()), found)


def test_softmax_is_over_all_synonyms_not_over_classes():
    # Two names of class 1 at 0.50, class 2 at 0.49. Over all three names: 0.5 e^.5 shares 1 : 1 : e^-.5.
    logits = torch.tensor([[[0.50, 0.50, 0.49]]])
    probability = 1 / (2 + np.exp(-0.5))
    codes = torch.tensor([1, 1, 2], dtype=torch.uint8)
    for threshold, code in ((probability - 1e-3, 1), (probability + 1e-3, 9)):
        assert decide(logits, Prompts(None, codes, threshold, 9)).tolist() == [[code]]
    # Of two classes alone the first would have 0.62.
    assert probability < 0.4


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6])
def test_classes_are_equation_7(threshold):
    logits = torch.randn(7, 30, 40, generator=torch.Generator().manual_seed(2)) * 0.05
    best, number = reference.class_probabilities(logits, OWNERS).max(0)
    expected = torch.where(best < threshold, 9, number + 1)
    codes = torch.tensor([owner + 1 for owner in OWNERS], dtype=torch.uint8)
    found = decide(logits.permute(1, 2, 0).contiguous(), Prompts(None, codes, threshold, 9))
    assert (found == expected.numpy()).all()
    assert (found == 9).any() == (threshold > 0)


def test_whole_chain_from_files_and_names(checkpoint, options):
    weights, clip, state = checkpoint
    classes = load_classes(CLASSES)
    model = SegEarth.load(weights, options)
    assert (model.id, model.revision, model.sharpened) == ("segearth-ov", "local", True)
    assert "sharpened by SimFeatUp" in model.describe() and "float32" in model.describe()
    wanted = model.prompts(classes, 0.6)
    assert wanted.codes.tolist() == [1, 1, 1, 2, 3, 3, 4]
    assert wanted.background == 4
    assert torch.allclose(wanted.texts.norm(dim=1), torch.ones(7), atol=1e-5)
    pixels = picture(224, 300)
    found = model.class_codes(pixels, np.ones((224, 300), bool), [0], [0, 76], wanted)
    with torch.inference_mode():
        best, number = reference.segment(clip.visual, pixels, wanted.texts, OWNERS, state, 0.6, 3)
    assert (found == number.numpy() + 1).mean() >= 0.9999
    assert 0 < (best < 0.6).float().mean() < 1


def test_text_vectors_are_those_of_the_names(checkpoint, options):
    weights, _, _ = checkpoint
    model = SegEarth.load(weights, options)
    first = model.prompts(load_classes("building, roof; road")).texts
    second = model.prompts(load_classes("road; roof")).texts
    assert torch.allclose(first[[2, 1]], second, atol=1e-6)


def test_threshold_and_background_of_the_class_list(checkpoint, options):
    model = SegEarth.load(checkpoint[0], options)
    model._embed = lambda names: np.zeros((len(names), tiny.WIDTH), np.float32)
    potsdam = model.prompts(load_classes("potsdam"))
    assert (potsdam.threshold, potsdam.background) == (0.1, 6)
    paper = model.prompts(load_classes("paper-aerial"), 0.2)
    assert (paper.threshold, paper.background) == (0.2, 0)
    with pytest.raises(InputError, match="from 0 to 1"):
        model.prompts(load_classes("potsdam"), 1.5)


def test_without_simfeatup_it_says_so(checkpoint, options):
    weights, _, _ = checkpoint
    bare = type(weights)(weights.row, weights.folder, weights.files, "local", "bare")
    model = SegEarth.load(bare, options)
    assert not model.sharpened
    assert "enlarged bilinearly" in model.describe()


def test_another_architecture_is_refused(tmp_path, options):
    weights, _ = tiny.write_clip(tmp_path, "tiny-B-32-quickgelu")
    with pytest.raises(InputError, match="patches of 32 pixels"):
        SegEarth.load(weights, options)


def test_other_weights_in_place_of_simfeatups_are_refused(tmp_path):
    path = tiny.write_upsampler(tmp_path, tiny.random_upsampler(16)).weight_file()
    with pytest.raises(InputError, match=r"fixup_proj\.1\.weight"):
        read_upsampler(path, tiny.WIDTH, "cpu")
    state = tiny.random_upsampler()
    del state["up.range_temp"]
    path = tiny.write_upsampler(tmp_path, {**state, "up.other": torch.zeros(2)}).weight_file()
    with pytest.raises(InputError, match=r"missing: up\.range_temp.*not expected: up\.other"):
        read_upsampler(path, tiny.WIDTH, "cpu")


def test_bfloat16_stays_close(clip, upsampler):
    crop, valid = picture()[None], np.ones((1, 224, 224), bool)
    expected = model_of(clip, upsampler).logits(crop, valid, prompts())
    half = SegEarth(
        tiny.random_clip().visual.to(torch.bfloat16), SimFeatUp(upsampler), Placement("cpu", "bfloat16"), 1
    )
    found = half.logits(crop, valid, prompts())
    assert found.dtype == torch.float32
    assert functional.cosine_similarity(found.flatten(), expected.flatten(), dim=0) > 0.999
