"""What ``soundvis:embedsound`` takes over its encoder: reading layers, decoding, resampling, writing."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.claims import BUILD, Claim, in_qgis

RECORDINGS = 60
ROUNDS = 3
#: What most field recorders and phones record at, in Hz; the model wants 24 kHz.
RATE = 48000
_SCRIPT = Path(__file__).parent / "inside_qgis" / "embed_sound.py"


def run() -> Iterator[Claim]:
    """60 recordings of 30 s in a memory layer, to a GeoPackage; every reference has as many threads.

    This encoder is so light that decoding and resampling, which nobody can leave out, take as long as it
    does. So one bar is held against the bare libraries doing all three with whole recordings in memory:
    streaming, checks, layers and the GeoPackage may take half as much again. The other, against the encoder
    alone, lets decoding and resampling take twice its time.
    """
    folder = BUILD / "bench" / "recordings"
    try:
        answer = in_qgis(_SCRIPT, [str(folder), str(RECORDINGS), str(ROUNDS), str(RATE)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not isinstance(answer, dict):
        raise RuntimeError("no times came back")
    names = ("tool", "same", "one", "libraries")
    tool, same, one, libraries = (statistics.median(answer["times"][name]) for name in names)
    threads = answer["threads"]
    yield Claim(
        "embedsound over soundfile, scipy, encoder",
        tool / libraries,
        "x",
        f"read, resample_poly, encode; {threads} threads ({libraries:.2f} s)",
        1.5,
    )
    of_encoder = f"encode() of decoded windows, {threads} threads ({same:.2f} s)"
    yield Claim("embedsound over its encoder alone", tool / same, "x", of_encoder, 3.0)
    of_one = f"the same, 1 thread ({one:.2f} s)"
    yield Claim("embedsound over its encoder on one thread", tool / one, "x", of_one)
    yield Claim("embedsound, recordings of 30 s", RECORDINGS / tool, "per s", f"median of {ROUNDS} runs")
    yield Claim(
        "embedsound away from its encoder", answer["difference"], "", "mean of encode() over windows", 0.0
    )
