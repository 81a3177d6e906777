"""Screening photos by a tiny CLIP: the same as open_clip's own towers, sentence by sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from soundvis_core.errors import InputError
from soundvis_core.jobs import run_job
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.text_embeddings import embed_ensembles
from soundvis_core.models.torch_stack import open_clip_stack
from soundvis_core.progress import NO_PROGRESS
from soundvis_core.screening.photos import SCALE, ensembles

open_clip = open_clip_stack()

from tests.builders import clip_checkpoints  # noqa: E402 - needs the stack


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    model = clip_checkpoints.random_model("tiny-ViT-quickgelu", 5)
    return clip_checkpoints.write_folder(folder / "model", "tiny-ViT-quickgelu", model), model


def unit(tensor):
    return torch.nn.functional.normalize(tensor, dim=-1)


def read(model, sentences):
    with torch.inference_mode():
        return unit(unit(model.encode_text(open_clip.tokenize(sentences))).mean(dim=0)).numpy()


def test_ensembles_are_the_mean_of_their_sentences(checkpoint, tmp_path):
    folder, model = checkpoint
    options = ModelOptions(cache_folder=str(tmp_path), checkpoint=str(folder))
    weights = clip_checkpoints.weights_of(folder, options, "tiny-ViT-quickgelu")
    wanted = [["a street at night", "a  dark road"], ["a street by day"], ["snow", "ice", "rain"]]
    found = embed_ensembles(wanted, weights, options)
    expected = np.stack([read(model, [" ".join(text.split()) for text in texts]) for texts in wanted])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(embed_ensembles(wanted, weights, options), found)  # from the cache
    for empty in ([], [[]], [["a", " "]]):
        with pytest.raises(InputError, match="no sentences"):
            embed_ensembles(empty, weights, options)


def test_the_job_gives_the_margins_of_the_towers(checkpoint, tmp_path):
    folder, model = checkpoint
    rng = np.random.default_rng(0)
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(paths[-1])
    runtime = {"checkpoint": str(folder), "cache_folder": str(tmp_path / "cache"), "device": "cpu"}
    options = {"model": "clip-vit-l-14", "runtime": {**runtime, "precision": "fp32"}}
    tasks = [str(path) for path in paths] + [str(tmp_path / "none.png")]
    *found, missing = run_job("screen-photos", options, tasks, NO_PROGRESS)
    assert missing.status == "failed"
    sentences, where = ensembles()
    texts = np.stack([read(model, ensemble) for ensemble in sentences])
    transform = open_clip.image_transform(48, is_train=False)
    for path, result in zip(paths, found):
        with torch.inference_mode(), Image.open(path) as image:
            vector = unit(model.encode_image(transform(image)[None]))[0].numpy()
        cosines = texts @ vector
        for rule, (own, *others) in where.items():
            margin = cosines[own] - max(cosines[place] for place in others)
            assert result.values[rule] == pytest.approx(1 / (1 + np.exp(-SCALE * margin)), abs=1e-3)
