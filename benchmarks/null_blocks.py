"""Made-up sites whose sound and sight have nothing to do with each other, in the ways that real sites fool a test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: What is wrong with the sites of each: nothing; a few sites alike to all; near sites alike; cities alike; both;
#: near sites alike in one direction more than in the other, or all along a gradient, the same way in both blocks.
#: Wide: vectors of 64 numbers, whose similarities follow distance closely; else of 8.
SCENARIOS = (
    "exchangeable",
    "hubs",
    "space",
    "cities",
    "space and cities",
    "space, wide",
    "space and cities, wide",
    "space along a river, wide",
    "space with a gradient",
)
#: How much farther places stay alike along the river, and the gradient across a city, per km.
_STRETCH, _GRADIENT = 3.0, 0.5
#: London, Tokyo and New York, and their shares of the sites as in the paper.
_CENTRES = ((-0.12, 51.5), (139.7, 35.7), (-74.0, 40.7))
_SHARES = (0.55, 0.24, 0.21)
#: Half the width of a city, and how far its places stay alike (the range of an exponential covariance), in km.
_HALF_WIDTH, _RANGE = 5.0, 3.0
_KM_PER_DEGREE = 111.2


@dataclass(frozen=True)
class Made:
    """sound, sight: (n, d). lonlat: (n, 2) degrees. groups: the city of each site, or None where there is one only."""

    sound: np.ndarray
    sight: np.ndarray
    lonlat: np.ndarray
    groups: list[str | None] | None


def made(scenario: str, generator: np.random.Generator, sites: int = 75, link: float = 0.0) -> Made:
    """One draw of a scenario. link: how much of a cause, drawn anew at each site, both blocks share; 0 is a null."""
    many = "cities" in scenario
    width = 64 if "wide" in scenario else 8
    counts = [round(share * sites) for share in _SHARES[:2]] if many else []
    city = np.repeat(np.arange(3) if many else [0], [*counts, sites - sum(counts)])
    place = generator.uniform(-_HALF_WIDTH, _HALF_WIDTH, (sites, 2))
    centres = np.array(_CENTRES)[city]
    across = _KM_PER_DEGREE * np.cos(np.radians(centres[:, 1]))
    lonlat = centres + place / np.column_stack([across, np.full(sites, _KM_PER_DEGREE)])
    blocks = [_block(scenario, city, place, width, generator) for _ in range(2)]
    if link:
        cause = generator.normal(size=(sites, width))
        blocks = [block + link * cause for block in blocks]
    names = [("London", "Tokyo", "New York")[number] for number in city] if many else None
    return Made(blocks[0], blocks[1], lonlat, names)


def _block(
    scenario: str, city: np.ndarray, place: np.ndarray, width: int, generator: np.random.Generator
) -> np.ndarray:
    sites = len(city)
    noise = generator.normal(size=(sites, width))
    if scenario == "hubs":
        toward = 2.0 * generator.normal(size=width)
        share = generator.beta(0.7, 0.7, (sites, 1))
        return share * toward + (1.0 - share) * noise + 0.3 * generator.normal(size=(sites, width))
    block = noise
    if "space" in scenario:
        felt = place * (np.array([1.0, _STRETCH]) if "river" in scenario else 1.0)
        apart = np.linalg.norm(felt[:, None] - felt[None, :], axis=2)
        alike = np.where(city[:, None] == city[None, :], np.exp(-apart / _RANGE), 0.0)
        field = np.linalg.cholesky(alike + 1e-9 * np.eye(sites)) @ generator.normal(size=(sites, width))
        block = field + 0.5 * noise
    if "gradient" in scenario:
        block = block + _GRADIENT * place @ generator.normal(size=(2, width))
    if "cities" in scenario:
        block = block + generator.normal(size=(3, width))[city]
    return block


def binomial_interval(rejected: int, runs: int, level: float = 0.95) -> tuple[float, float]:
    """The rate of ``rejected`` in ``runs`` with its interval's ends (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    tail = (1.0 - level) / 2.0
    low = float(betaincinv(rejected, runs - rejected + 1, tail)) if rejected else 0.0
    high = float(betaincinv(rejected + 1, runs - rejected, 1.0 - tail)) if rejected < runs else 1.0
    return low, high


def level_bound(runs: int, level: float = 0.05, doubt: float = 0.01) -> float:
    """The largest rate of rejections that a test which holds its level shows in all but ``doubt`` of benchmarks."""
    from scipy.special import bdtr

    most = next(count for count in range(runs + 1) if float(bdtr(count, runs, level)) >= 1.0 - doubt)
    return most / runs
