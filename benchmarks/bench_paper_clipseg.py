"""CLIPSeg at full size: one photo, nine prompts, over the hub's way of one copy of the photo per prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.claims import Claim
from benchmarks.full_size import checkpoint
from benchmarks.paper_tools import in_turns, model_of
from soundvis_core.classes import ClassList, load_classes
from soundvis_core.models.torch_stack import torch_stack

WIDTH, HEIGHT = 1280, 960
CLASSES = "sky; tree; road; building; car; person; grass; sidewalk; fence"
ROUNDS = 3


def run() -> Iterator[Claim]:
    """From the decoded photo to its class map, both ways in turns."""
    torch = torch_stack()
    folder = checkpoint("clipseg-rd64")
    model, classes = model_of("clipseg-rd64", folder), load_classes(CLASSES)
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    hub = _hub_way(folder, classes)
    with torch.inference_mode():
        own_seconds, hub_seconds, own, reference = in_turns(
            lambda: model.class_map(image, classes), lambda: hub(image), ROUNDS
        )
    yield Claim(
        "CLIPSeg, 9 prompts, hub's way over ours",
        hub_seconds / own_seconds,
        "x",
        f"{hub_seconds:.2f} s and {own_seconds:.2f} s, {model.placement.describe()}",
        6.0,
        "at least",
    )
    yield Claim(
        "CLIPSeg, class map", float((own == reference).mean()), "equal", "the hub's way", 1.0, "at least"
    )


def _hub_way(folder: Path, classes: ClassList) -> Callable[[np.ndarray], np.ndarray]:
    """As the hub's page shows it: the processor, a copy of the photo per prompt, and every map at full size."""
    import torch
    from PIL import Image
    from transformers import CLIPSegForImageSegmentation, CLIPTokenizerFast, ViTImageProcessorPil

    model = CLIPSegForImageSegmentation.from_pretrained(folder).eval()
    pictures, words = ViTImageProcessorPil.from_pretrained(folder), CLIPTokenizerFast.from_pretrained(folder)
    prompts, codes = classes.prompts()

    def class_map(image: np.ndarray) -> np.ndarray:
        photo = Image.fromarray(image)
        pixels = pictures([photo] * len(prompts), return_tensors="pt")["pixel_values"]
        tokens = words(list(prompts), padding=True, return_tensors="pt")
        logits = model(pixel_values=pixels, **tokens).logits
        maps = torch.nn.functional.interpolate(logits[:, None], image.shape[:2], mode="bilinear")[:, 0]
        return np.array(codes, dtype=np.uint8)[torch.sigmoid(maps).argmax(0).numpy()]

    return class_map
