"""SegEarth-OV with SimFeatUp at full size: one 448 x 448 picture, over the literal transcription of its equations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.claims import Claim
from benchmarks.full_size import segearth
from benchmarks.paper_tools import in_turns
from soundvis_core.classes import load_classes
from soundvis_core.models.clip_architecture import read_config, visual_tower
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.segearth.model import SegEarth
from soundvis_core.models.torch_stack import torch_stack
from soundvis_core.segment_windows import plan_window_blocks, segment_window_blocks

SIDE = 448
CLASSES = "paper-aerial"


def run() -> Iterator[Claim]:
    """Nine windows with the classes of the paper and their synonyms; texts are embedded beforehand on both sides."""
    from tests.core import segearth_reference

    torch = torch_stack()
    weights, upsampler = segearth()
    model, classes = SegEarth.load(weights, ModelOptions(precision="fp32")), load_classes(CLASSES)
    prompts = model.prompts(classes)
    visual = visual_tower(weights, read_config(weights)).eval()
    image = _picture()
    (block,) = plan_window_blocks(SIDE, SIDE)
    task = {
        "column": 0, "row": 0, "width": SIDE, "height": SIDE,
        "padded_column": block.padded_column, "padded_row": block.padded_row,
        "image": image, "valid": np.ones((SIDE, SIDE), bool),
    }  # fmt: skip

    def own() -> np.ndarray:
        (result,) = segment_window_blocks([task], model, classes, {"width": SIDE, "height": SIDE})
        return np.asarray(result.values["codes"])

    def literal() -> np.ndarray:
        codes = prompts.codes.tolist()
        known = sorted(set(codes))
        owners = [known.index(code) for code in codes]
        _, numbers = segearth_reference.segment(
            visual, image, prompts.texts, owners, upsampler, classes.threshold, len(known)
        )
        return np.array([*known, 0], dtype=np.uint8)[numbers.numpy()]

    with torch.inference_mode():
        own_seconds, literal_seconds, codes, reference = in_turns(own, literal, 1)
    yield Claim(
        "SegEarth-OV 448 x 448, literal over ours",
        literal_seconds / own_seconds,
        "x",
        f"{literal_seconds:.1f} s and {own_seconds:.1f} s, {model.placement.describe()}",
        4.0,
        "at least",
    )
    yield Claim(
        "SegEarth-OV, class map",
        float((codes == reference).mean()),
        "equal",
        "the literal transcription",
        0.9999,
        "at least",
    )


def _picture() -> np.ndarray:
    """Patches of colour with edges at all scales, for the upsampling to follow."""
    generator = np.random.default_rng(0)
    parts = [
        np.kron(generator.integers(0, 256, (SIDE // step, SIDE // step, 3)), np.ones((step, step, 1)))
        for step in (112, 28, 7, 1)
    ]
    return np.mean(parts, axis=0).astype(np.uint8)
