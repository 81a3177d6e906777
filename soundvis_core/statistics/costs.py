"""About how long the parts of a correlation run take, in seconds on two cores: for the bar and a word ahead."""

from __future__ import annotations

import math

from . import moran
from .factored import permuted_seconds
from .ladder import MORAN_SITES, Settings

#: Runs that take longer say so at their start.
WORTH_SAYING = 20.0
#: Seconds per element of an (n, n) matrix: in one of many permutations; weighted in one bootstrap; made, compared and
#: ranked once.
_PERMUTED, _WEIGHTED, _MADE = 1.3e-10, 1.0e-9, 3.0e-7
#: Seconds per multiplication of blocks without matrices, and per number moved.
_MULTIPLIED, _MOVED = 5e-11, 3e-9


def row_seconds(matrix_sites: int, groups: int, placed: bool, controls: int, settings: Settings) -> float:
    """One row on matrices of so many sites. groups: of a pooled row, 0 within a group."""
    elements = float(matrix_sites) ** 2
    controlled = controls + int(placed and settings.use_distance)
    tests = 1.0 + (groups >= 2) + (0.7 + 0.5 * controlled if controlled else 0.0)
    seconds = 0.005 + elements * (_MADE + settings.permutations * tests * _PERMUTED)
    seconds += elements * settings.bootstraps * _WEIGHTED
    if placed:
        parts = groups if groups >= 2 else 1
        each = min(matrix_sites // parts, MORAN_SITES)
        seconds += parts * moran.estimate_seconds(each, settings.permutations)
    return seconds


def factored_seconds(sites: int, width_a: int, width_b: int, groups: int, settings: Settings) -> float:
    """What a row of so many sites takes without matrices, besides those of its sample."""
    once = sites * (width_a * width_b * _MULTIPLIED + (width_a + width_b) * _MOVED)
    tests = 1 + (groups >= 2)
    permuted = tests * permuted_seconds(sites, width_a, width_b, settings.permutations)
    return once * (4 + 2 * settings.bootstraps) + permuted


def band_seconds(draws: int, sites: int) -> float:
    """A row of so many sites under drawn weights."""
    return 0.01 + draws * (1e-3 + 5e-8 * float(sites) ** 2)


def fusion_seconds(sites: int, settings: Settings) -> float:
    """Sound against both views, of so many sites."""
    each = 2.5 * settings.permutations * _PERMUTED + 5.0 * settings.bootstraps * _WEIGHTED
    return 0.005 + float(sites) ** 2 * each


def in_words(seconds: float) -> str:
    """About 40 seconds, 3 minutes, 2 hours."""
    if seconds < 90.0:
        return f"about {10 * math.ceil(seconds / 10.0)} seconds"
    if seconds < 5400.0:
        return f"about {round(seconds / 60.0)} minutes"
    return f"about {math.ceil(seconds / 3600.0)} hours"
