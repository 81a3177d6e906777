"""The registry of models: every row can be made, and does what its task says."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.classes import load_classes
from soundvis_core.errors import InputError
from soundvis_core.models import registry
from soundvis_core.models.registry import (
    EMBED_AUDIO,
    EMBED_IMAGE,
    LIGHT,
    SEGMENT_AERIAL,
    SEGMENT_PHOTO,
    TAG_AUDIO,
    TASKS,
    TORCH,
    find,
    for_task,
    load,
    rows,
)


def light(task: str) -> list[str]:
    return [row.id for row in for_task(task) if row.runtime == LIGHT]


def test_the_paper_s_models_come_first_and_a_light_one_second():
    assert [row.id for row in for_task(EMBED_AUDIO)] == ["ast-audioset", "acoustic-features"]
    assert [row.id for row in for_task(TAG_AUDIO)] == ["ast-audioset"]
    assert [row.id for row in for_task(EMBED_IMAGE)] == [
        "clip-vit-l-14",
        "colour-texture",
        "remoteclip-vit-l-14",
        "remoteclip-vit-b-32",
        "remoteclip-rn50",
    ]
    assert [row.id for row in for_task(SEGMENT_AERIAL)] == ["segearth-ov", "spectral-index"]
    assert [row.id for row in for_task(SEGMENT_PHOTO)] == ["clipseg-rd64", "colour-index"]


def test_rows_are_complete_and_told_apart():
    assert len({row.id for row in rows()}) == len(rows())
    for row in rows():
        assert row.tasks and set(row.tasks) <= set(TASKS) and row.task == row.tasks[0]
        assert row.title and row.licence and row.licence_note and row.description
        assert row.runtime in (LIGHT, TORCH)
        assert not row.space or row.task in (EMBED_AUDIO, EMBED_IMAGE)
        assert not row.needs or row.needs in {other.id for other in rows()}


def test_models_with_weights_say_where_they_come_from():
    for row in (row for row in rows() if row.runtime == TORCH):
        assert row.files and row.input
        assert row.repo or row.page
        assert set(row.sha256) | set(row.git_blob) <= set(row.files)
        assert row.revision == "" or len(row.revision) == 40


@pytest.mark.parametrize("row", [row for row in rows() if row.runtime == LIGHT], ids=lambda row: row.id)
def test_every_row_can_be_made_and_knows_its_id(row):
    assert load(row.id, row.task).id == row.id


@pytest.mark.parametrize("model_id", light(EMBED_AUDIO))
def test_audio_encoders_keep_their_dimension(model_id):
    model = load(model_id, EMBED_AUDIO)
    windows = [
        np.random.default_rng(seed).normal(0, 0.1, 2 * model.rate).astype(np.float32) for seed in (1, 2)
    ]
    vectors = model.encode(windows)
    assert vectors.shape == (2, model.dimension) and vectors.dtype == np.float32
    assert np.isfinite(vectors).all() and not np.array_equal(vectors[0], vectors[1])


@pytest.mark.parametrize("model_id", light(EMBED_IMAGE))
def test_image_encoders_keep_their_dimension(model_id):
    model = load(model_id, EMBED_IMAGE)
    images = [np.random.default_rng(seed).integers(0, 255, (64, 80, 3), dtype=np.uint8) for seed in (1, 2)]
    vectors = model.encode(images)
    assert vectors.shape == (2, model.dimension) and vectors.dtype == np.float32
    assert np.isfinite(vectors).all() and not np.array_equal(vectors[0], vectors[1])


@pytest.mark.parametrize("model_id", light(SEGMENT_AERIAL))
def test_aerial_segmenters_give_codes_of_the_list(model_id):
    classes = load_classes("paper-aerial")
    bands = np.random.default_rng(1).random((3, 64, 64), dtype=np.float32)
    codes = load(model_id, SEGMENT_AERIAL).segment(bands, np.ones((64, 64), dtype=bool), classes, 0.5)
    assert codes.shape == (64, 64) and codes.dtype == np.uint8
    assert set(np.unique(codes).tolist()) <= {0, 255, *(entry.code for entry in classes.classes)}


@pytest.mark.parametrize("model_id", light(SEGMENT_PHOTO))
def test_photo_segmenters_share_out_the_photo(model_id):
    image = np.random.default_rng(1).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    shares = load(model_id, SEGMENT_PHOTO).shares(image)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) >= 0.0


@pytest.mark.parametrize(
    ("model_id", "task"), [("vgg", EMBED_IMAGE), ("acoustic-features", EMBED_IMAGE), ("", EMBED_AUDIO)]
)
def test_an_unknown_model_is_an_error_that_lists_the_known(model_id, task):
    with pytest.raises(InputError, match=f"no model '{model_id}'.*{for_task(task)[0].id}"):
        find(model_id, task)


def test_the_table_is_read_once():
    assert registry.rows() is registry.rows()
