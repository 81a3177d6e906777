"""bfloat16 over float32 for AST and CLIP at full size, where the processor has it: speed and agreement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.claims import Claim
from benchmarks.full_size import checkpoint
from benchmarks.paper_tools import in_turns, model_of
from soundvis_core.models.machine import cpu_flags

AMX = "amx_bf16"
BATCH, ROUNDS = 2, 3


def run() -> Iterator[Claim]:
    """Batches of two, both formats in turns. The speed is claimed for processors with AMX; others say what it is."""
    generator = np.random.default_rng(0)
    sounds = [generator.normal(0.0, 0.1, 160000).astype(np.float32) for _ in range(BATCH)]
    pictures = [generator.integers(0, 256, (256, 256, 3), dtype=np.uint8) for _ in range(BATCH)]
    clip = checkpoint("clip-vit-l-14")
    yield from _compare("ast-audioset", checkpoint("ast"), sounds)
    yield from _compare("clip-vit-l-14", clip, pictures)


def _compare(model_id: str, file: Any, items: list[np.ndarray]) -> Iterator[Claim]:
    models = [model_of(model_id, file, precision=precision) for precision in ("bf16", "fp32")]
    batch = [models[0].prepare(item) for item in items]
    fast, slow, rough, exact = in_turns(
        lambda: models[0].forward(batch), lambda: models[1].forward(batch), ROUNDS
    )
    cosine = np.sum(rough * exact, 1) / (np.linalg.norm(rough, axis=1) * np.linalg.norm(exact, axis=1))
    has_amx = AMX in cpu_flags()
    yield Claim(
        f"{model_id}: float32 over bfloat16",
        slow / fast,
        "x",
        f"{slow:.2f} s and {fast:.2f} s; processor {'with' if has_amx else 'without'} AMX",
        2.5 if has_amx else None,
        "at least",
    )
    yield Claim(
        f"{model_id}: bfloat16 to float32", float(cosine.min()), "cosine", "float32", 0.9999, "at least"
    )
