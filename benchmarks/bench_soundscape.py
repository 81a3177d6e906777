"""How long the soundscape of a map takes, beside convolving the whole map at once with scipy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.claims import Claim, seconds
from soundvis_core.bga.cells import Cells
from soundvis_core.bga.kernels import EXPONENTIAL, Kernel
from soundvis_core.bga.soundscape_grid import soundscape_blocks

SIDE = 4096
#: Half-distance in metres on cells of 10 m: the kernel has 121 cells to each side.
_HALF = 90.0
_ROUNDS = 3


def run() -> Iterator[Claim]:
    """A map of 4,096 x 4,096 cells of 10 m, of which an eighth is unknown; one exponential kernel.

    The reference holds the map whole and convolves weights and known ground with overlap-add; the bar lets working
    through blocks, whose halos are convolved twice, take half as much again.
    """
    from scipy.signal import oaconvolve

    cells = Cells("EPSG:32631", 479_520.0, 5_020_480.0, 10.0, 10.0, SIDE, SIDE)
    ground = _ground()
    kernel = Kernel(EXPONENTIAL, _HALF)
    laid_out = kernel.on_cells(cells.steps(SIDE / 2, SIDE / 2)).astype(np.float32)

    def read(column: int, row: int, width: int, height: int) -> np.ndarray:
        return ground[:, row : row + height, column : column + width]

    def blocks() -> np.ndarray:
        found = np.empty((3, SIDE, SIDE), dtype=np.float32)
        for block in soundscape_blocks(read, cells, [kernel] * 3, 0.0):
            height, width = block.unmapped.shape
            found[:, block.row : block.row + height, block.column : block.column + width] = block.raw
        return found

    def whole() -> np.ndarray:
        sums = [oaconvolve(band, laid_out, mode="same") for band in ground]
        return np.stack([band / np.maximum(sums[3], 1e-6) for band in sums[:3]])

    difference = float(np.nanmax(np.abs(blocks() - whole())))
    ours, reference = seconds(blocks, _ROUNDS, 0), seconds(whole, _ROUNDS, 0)
    named = f"scipy.signal.oaconvolve, the map whole ({reference:.1f} s)"
    yield Claim("soundscape over one convolution", ours / reference, "x", named, 1.5)
    yield Claim(
        "soundscape", SIDE**2 / ours / 1e6, "Mcells/s", f"{SIDE:,} x {SIDE:,} cells, kernel of 243 x 243"
    )
    yield Claim("soundscape away from one convolution", difference, "raw", "the same cells", 1e-3)


def _ground() -> np.ndarray:
    """Weights times known ground of three categories, and known ground: (4, SIDE, SIDE) float32, in patches."""
    random = np.random.default_rng(0)
    patches = random.integers(0, 8, (SIDE // 32, SIDE // 32)).repeat(32, 0).repeat(32, 1)
    weights = random.random((8, 3)).astype(np.float32)
    weights[0] = 0.0
    return np.stack(
        [*(weights[patches, category] for category in range(3)), (patches > 0).astype(np.float32)]
    )
