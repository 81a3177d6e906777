"""``soundvis:embedsound`` with AST at full size, end to end, over the bare forward passes it makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.claims import Claim
from benchmarks.full_size import checkpoint
from benchmarks.paper_tools import scratch, tool_over_forwards

RECORDINGS = 60
SECONDS = 30
#: What most field recorders and phones record at, in Hz; the model wants 16 kHz.
RATE = 48000
WINDOWS = RECORDINGS * SECONDS // 10


def run() -> Iterator[Claim]:
    """60 recordings of 30 s: 180 windows of 10 s, each one forward."""
    with scratch("paper-embedsound") as folder:
        window = np.random.default_rng(0).normal(0.0, 0.1, 160000).astype(np.float32)
        yield from tool_over_forwards(
            folder, "embedsound", "ast-audioset", checkpoint("ast"), window, WINDOWS,
            ("windows", f"{RECORDINGS} recordings"), paths=_write_recordings(folder),
        )  # fmt: skip


def _write_recordings(folder: Path) -> list[str]:
    """Mono, 16 bit: noise that falls off with frequency, as outdoors, each recording its own."""
    import soundfile

    paths = []
    for number in range(RECORDINGS):
        noise = np.cumsum(np.random.default_rng(number).normal(size=SECONDS * RATE))
        noise -= np.convolve(noise, np.ones(501) / 501, "same")
        paths.append(str(folder / f"{number:03d}.wav"))
        soundfile.write(paths[-1], 0.2 * noise / np.abs(noise).max(), RATE, subtype="PCM_16")
    return paths
