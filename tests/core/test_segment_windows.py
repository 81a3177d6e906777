"""A whole raster through the windows: equal to the literal transcription, whatever the blocks; gaps; tiny rasters."""

from __future__ import annotations

import numpy as np
import pytest
import segearth_reference as reference
import torch
import torch.nn.functional as functional

from soundvis_core.classes import NODATA, load_classes
from soundvis_core.errors import SKIPPED, Cancelled, SiteError
from soundvis_core.models.device import Placement
from soundvis_core.models.segearth.model import SegEarth
from soundvis_core.models.segearth.simfeatup import SimFeatUp
from soundvis_core.progress import NoProgress
from soundvis_core.segment_windows import plan_window_blocks, segment_window_blocks
from tests.builders import segearth_checkpoints as tiny

torch.set_num_threads(1)
CLASSES = load_classes("a, b; c; d, e, f; background")
OWNERS = (0, 0, 1, 2, 2, 2, 3)


def raster(height, width, seed=0):
    rng = np.random.default_rng(seed)
    fields = rng.integers(0, 256, (height // 30 + 1, width // 30 + 1, 3))
    large = fields.repeat(30, 0).repeat(30, 1)[:height, :width]
    return (large + rng.normal(0, 12, large.shape)).clip(0, 255).astype(np.uint8)


TEXTS = functional.normalize(torch.randn(7, tiny.WIDTH, generator=torch.Generator().manual_seed(1)), dim=1)


def make(sharpened=False, batch=4):
    upsampler = SimFeatUp(tiny.random_upsampler()) if sharpened else None
    model = SegEarth(tiny.random_clip().visual, upsampler, Placement("cpu", "float32"), batch)
    model._embed = lambda names: TEXTS.numpy()[: len(names)]
    return model


def tasks(image, valid, block):
    height, width = valid.shape
    for window in plan_window_blocks(width, height, block):
        rows = slice(window.padded_row, window.padded_row + window.padded_height)
        columns = slice(window.padded_column, window.padded_column + window.padded_width)
        yield {
            "column": window.column, "row": window.row, "width": window.width, "height": window.height,
            "padded_column": window.padded_column, "padded_row": window.padded_row,
            "image": image[rows, columns], "valid": valid[rows, columns],
        }  # fmt: skip


def segment(model, image, valid=None, block=1344, threshold=None, progress=None):
    valid = np.ones(image.shape[:2], bool) if valid is None else valid
    height, width = valid.shape
    options = {"width": width, "height": height, "threshold": threshold, "pixel": 0.3}
    given = list(tasks(image, valid, block))
    results = segment_window_blocks(given, model, CLASSES, options, progress or NoProgress())
    codes = np.zeros((height, width), np.uint8)
    for task, result in zip(given, results):
        assert result.status == "ok", result.reason
        part = result.values["codes"]
        assert part.dtype == np.uint8
        codes[task["row"] : task["row"] + task["height"], task["column"] : task["column"] + task["width"]] = (
            part
        )
    return codes


class Log(NoProgress):
    def __init__(self):
        self.lines = []

    def info(self, text):
        self.lines.append(text)

    warn = info


def literal(image, valid=None, sharpened=False, threshold=0.0):
    """The codes of a raster of 224 pixels or more by the equations."""
    pixels = reference.normalised(image)
    if valid is not None:
        pixels[:, torch.from_numpy(~valid)] = 0
    state = tiny.random_upsampler() if sharpened else None
    with torch.inference_mode():
        logits = reference.slide(tiny.random_clip().visual, pixels, TEXTS, state)
        best, number = reference.class_probabilities(logits, OWNERS).max(0)
    return np.where(best.numpy() < threshold, 4, number.numpy() + 1)


def agreement(first, second):
    return (first == second).mean()


def test_a_raster_is_the_literal_one_whatever_the_blocks():
    image = raster(300, 340)
    expected = literal(image, sharpened=True, threshold=0.2)
    assert len(np.unique(expected)) > 2
    whole = segment(make(True), image, threshold=0.2)
    assert agreement(whole, expected) >= 0.9999
    parts = segment(make(True, batch=3), image, threshold=0.2, block=224)
    assert agreement(parts, whole) >= 0.9999


@pytest.mark.parametrize("block", [112, 224, 336])
def test_blocks_leave_no_seams(block):
    image = raster(448, 620)
    whole = segment(make(), image)
    assert agreement(whole, literal(image)) >= 0.9999
    assert agreement(segment(make(batch=5), image, block=block), whole) >= 0.9999


@pytest.mark.parametrize("batch", [1, 2, 7, 64])
def test_the_batch_does_not_matter(batch):
    image = raster(500, 448)
    assert agreement(segment(make(batch=batch), image), segment(make(batch=4), image)) >= 0.9999


def test_content_shifted_by_a_stride_gives_the_same_codes_where_windows_coincide():
    image = raster(560, 560)
    whole, shifted = segment(make(), image), segment(make(), image[112:, 112:])
    # Beyond a stride from the new borders, all windows of a pixel are windows of both.
    assert agreement(whole[224:, 224:], shifted[112:, 112:]) >= 0.9999
    assert agreement(whole[112:, 112:], shifted) < 0.9999


def test_gaps_stay_gaps_and_change_only_windows_that_hold_them():
    image, valid = raster(448, 560), np.ones((448, 560), bool)
    valid[20:60, 500:540] = False
    log = Log()
    codes = segment(make(), image, valid, progress=log)
    assert (codes[~valid] == NODATA).all()
    assert not (codes[valid] == NODATA).any()
    expected = literal(image, valid)
    assert agreement(codes[valid], expected[valid]) >= 0.9999
    assert agreement(codes[:, :336], segment(make(), image)[:, :336]) >= 0.9999
    assert sum("mean colour" in line for line in log.lines) == 1


def test_windows_without_any_pixel_are_not_looked_at():
    image, valid = raster(448, 1344), np.ones((448, 1344), bool)
    valid[:, 300:] = False
    model, seen = make(batch=2), []
    logits = model.logits
    model.logits = lambda crops, masks, prompts: seen.append(len(crops)) or logits(crops, masks, prompts)
    codes = segment(model, image, valid)
    # Of 3 x 11 windows, those that begin at 0, 112 and 224.
    assert sum(seen) == 9
    assert (codes[:, 300:] == NODATA).all()
    seen.clear()
    assert (segment(model, image, np.zeros_like(valid), block=448) == NODATA).all()
    assert not seen


@pytest.mark.parametrize("shape", [(1, 1), (50, 300), (223, 224), (224, 224), (300, 7)])
def test_rasters_smaller_than_a_window_are_mirrored(shape):
    image = raster(*shape)
    below, right = max(224 - shape[0], 0), max(224 - shape[1], 0)
    filled = np.pad(image, ((0, below), (0, right), (0, 0)), mode="symmetric")
    expected = literal(filled)[: shape[0], : shape[1]]
    assert agreement(segment(make(), image), expected) >= 0.999
    assert agreement(segment(make(), image, block=112), expected) >= 0.999


def test_memory_running_out_halves_the_batch():
    image = raster(336, 560)
    expected = segment(make(), image)
    model, log = make(batch=8), Log()
    logits = model.logits

    def short_of_memory(crops, masks, prompts):
        if len(crops) > 2:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return logits(crops, masks, prompts)

    model.logits = short_of_memory
    assert agreement(segment(model, image, progress=log), expected) >= 0.9999
    assert model.batch_size == 2
    assert sum("memory" in line for line in log.lines) == 2


def test_a_block_that_cannot_be_read_or_fails_costs_no_other():
    image, valid = raster(224, 224), np.ones((224, 224), bool)
    good = next(iter(tasks(image, valid, 224)))
    bad = {**good, "image": image.astype(float)}
    given = [SiteError("no such block", SKIPPED), bad, good]
    log = Log()
    results = list(segment_window_blocks(given, make(), CLASSES, {"width": 224, "height": 224}, log))
    assert [result.status for result in results] == [SKIPPED, "failed", "ok"]
    assert results[0].reason == "no such block"
    assert "float64" in results[1].reason
    assert log.lines[0].startswith("segearth-ov")


def test_a_cancelled_run_ends_between_batches():
    class Stop(NoProgress):
        left = 3

        def cancelled(self):
            self.left -= 1
            return self.left < 0

    with pytest.raises(Cancelled):
        segment(make(batch=1), raster(448, 448), progress=Stop())
