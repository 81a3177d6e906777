"""``soundvis:embedphotos`` with CLIP ViT-L/14 at full size, end to end, over the bare forward passes it makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.claims import Claim
from benchmarks.full_size import checkpoint
from benchmarks.paper_tools import scratch, tool_over_forwards

PHOTOS = 240
#: As services for street photos deliver them, in pixels.
WIDTH, HEIGHT = 1280, 960


def run() -> Iterator[Claim]:
    """240 JPEG photos of 1280 x 960 pixels, one view each."""
    with scratch("paper-embedphotos") as folder:
        photo = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        yield from tool_over_forwards(
            folder, "embedphotos", "clip-vit-l-14", checkpoint("clip-vit-l-14"), photo, PHOTOS,
            ("photos", f"{PHOTOS} photos"), paths=_write_photos(folder),
        )  # fmt: skip


def _write_photos(folder: Path) -> list[str]:
    """Smooth colours with some grain: the size of a file is that of a photo."""
    from PIL import Image

    paths = []
    for number in range(PHOTOS):
        generator = np.random.default_rng(number)
        coarse = Image.fromarray(generator.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), dtype=np.int16)
        grain = generator.integers(-12, 13, smooth.shape, dtype=np.int16)
        paths.append(str(folder / f"{number:03d}.jpg"))
        Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)).save(paths[-1], quality=88)
    return paths
