"""About how long the parts of a correlation run take, in seconds on this machine: for the bar and a word ahead.

Nearly all of the time goes into products of matrices, into sorting and into moving numbers about. How fast the first
two are differs many times over between installations (a QGIS of a Linux distribution may have the plain BLAS), so they
are measured, once, in some hundredths of a second.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import moran
from .factored import permuted_seconds
from .ladder import MIN_MORAN_SITES, MORAN_SITES, Settings

#: Runs that take longer say so at their start.
WORTH_SAYING = 20.0
#: Sides of the product, and numbers, that the machine is measured with.
_SIDE, _NUMBERS, _TIMES = 256, 100_000, 9
#: Seconds per multiplication that :mod:`factored` and :mod:`moran` reckon with, and of the slowest library there is.
_USUAL, _SLOWEST = 3e-11, 2.5e-10
#: Seconds per element of a matrix that is made, compared and looked through in a row, and per number moved.
_MADE, _MOVED = 1.6e-7, 3e-9
#: Of a pair of sites whose distance is measured, and of a pair per column of the regression on place.
_MEASURED, _REGRESSED, _COLUMNS = 7e-7, 6e-9, 37
#: Quadratic forms in one bootstrap of r, and in one of sound against both views.
_FORMS, _FUSION_FORMS = 5, 14


@dataclass(frozen=True)
class Machine:
    """multiplied: seconds per multiplication and addition of a large product. sorted: per number that is ranked."""

    multiplied: float
    ranked: float


@lru_cache(maxsize=1)
def machine() -> Machine:
    """How fast this machine is, measured once."""
    generator = np.random.default_rng(0)
    matrix, numbers = generator.random((_SIDE, _SIDE)), generator.random(_NUMBERS)
    # The product of a large matrix waits for memory: twice as long as one this small.
    multiplied = 2.0 * _shortest(lambda: matrix @ matrix) / _SIDE**3
    multiplied = min(max(multiplied, _USUAL / 2.0), _SLOWEST)
    return Machine(multiplied, 2.5 * _shortest(lambda: np.argsort(numbers)) / _NUMBERS)


def _shortest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of several times, so that what else the machine does counts little."""
    taken = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def row_seconds(
    matrix_sites: int,
    groups: int,
    placed: bool,
    controls: int,
    settings: Settings,
    axes: int = 0,
    first: bool = True,
) -> float:
    """One row on matrices of so many sites.

    groups: of a pooled row, 0 within a group. axes: numbers per site of the block that is permuted, where its
    similarities are cosines, else 0. first: whether no row before has the same sites.
    """
    speed, elements = machine(), float(matrix_sites) ** 2
    controlled = controls + int(placed and settings.use_distance)
    tests = 1.0 + (groups >= 2) + (1.0 + controlled if controlled else 0.0)
    seconds = 0.005 + elements * (_MADE + speed.ranked)
    # Half the elements are pairs; orders are products of a few, each of which moves all elements.
    moved = 2.0 * math.sqrt(settings.permutations) * _MOVED
    seconds += elements * tests * (0.5 * settings.permutations * speed.multiplied + moved)
    seconds += elements * settings.bootstraps * _FORMS * speed.multiplied
    if settings.method == "spearman":
        axes = 0
    if placed:
        seconds += elements * 0.5 * _MEASURED * first
        parts = groups if groups >= 2 else 1
        each = min(matrix_sites // parts, MORAN_SITES)
        seconds += parts * _moran_seconds(each, axes, first, settings)
    return seconds


def _moran_seconds(sites: int, axes: int, first: bool, settings: Settings) -> float:
    if sites < MIN_MORAN_SITES:
        return 0.0
    slow, pairs = machine().multiplied / _USUAL, 0.5 * float(sites) ** 2
    by_number = settings.method == "pearson" and axes == 1
    rank = min(sites, 60) if by_number else axes or sites
    seconds = slow * moran.estimate_seconds(sites, settings.permutations, rank, first)
    return seconds + pairs * _COLUMNS * (
        _COLUMNS * machine().multiplied + _REGRESSED * (2.0 if first else 1.0)
    )


def factored_seconds(sites: int, width_a: int, width_b: int, groups: int, settings: Settings) -> float:
    """What a row of so many sites takes without matrices, besides those of its sample."""
    slow = max(1.0, machine().multiplied / _USUAL)
    once = sites * (width_a * width_b * machine().multiplied + (width_a + width_b) * _MOVED)
    tests = 1 + (groups >= 2)
    permuted = tests * permuted_seconds(sites, width_a, width_b, settings.permutations)
    return once * (6 + 2 * settings.bootstraps) + permuted * slow


def band_seconds(draws: int, sites: int) -> float:
    """A row of so many sites under drawn weights."""
    return 0.01 + draws * (1e-3 + 5e-8 * float(sites) ** 2)


def fusion_seconds(sites: int, settings: Settings) -> float:
    """Sound against both views, of so many sites."""
    each = 1.5 * settings.permutations + _FUSION_FORMS * settings.bootstraps
    return 0.005 + float(sites) ** 2 * (2.0 * _MADE + each * machine().multiplied)


def in_words(seconds: float) -> str:
    """About 40 seconds, 3 minutes, 2 hours."""
    if seconds < 90.0:
        return f"about {10 * math.ceil(seconds / 10.0)} seconds"
    if seconds < 5400.0:
        return f"about {round(seconds / 60.0)} minutes"
    return f"about {math.ceil(seconds / 3600.0)} hours"
