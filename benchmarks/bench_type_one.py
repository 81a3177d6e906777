"""How often each rung of the ladder finds a link where there is none, and how often it finds one that is there.

Made-up sites (null_blocks.py) with the faults of real ones. A rung that claims to hold at .05 in a scenario is held to
it: a test that holds stays below the bar in 99 of 100 such benchmarks. So is the rung that the run advises, but where
no rung holds: where the ways in which place matters are the same in both blocks and not the same everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from benchmarks.claims import Claim
from benchmarks.null_blocks import SCENARIOS, binomial_interval, level_bound, made
from soundvis_core.statistics.correlate import correlate_blocks
from soundvis_core.statistics.results import MANTEL, MORAN, RUNGS, STRATIFIED, Block

RUNS, POWER_RUNS, PERMUTATIONS, LEVEL = 300, 60, 199, 0.05
#: How much of a common cause both blocks share where there is a link.
LINK = 0.8
ADVISED = "advised"
#: The rungs that claim to hold, per scenario; where there is none, none does.
HOLDS = {
    "exchangeable": (MANTEL, ADVISED),
    "hubs": (MANTEL, ADVISED),
    "space": (MORAN, ADVISED),
    "cities": (STRATIFIED, MORAN, ADVISED),
    "space and cities": (MORAN, ADVISED),
    "space, wide": (MORAN, ADVISED),
    "space and cities, wide": (MORAN, ADVISED),
}


def rejections(scenario: str, runs: int, link: float = 0.0, seed: int = 1) -> Counter[str]:
    """In how many of ``runs`` draws of a scenario each rung, and the advised one, has p of at most ``LEVEL``."""
    generator = np.random.default_rng(seed)
    found: Counter[str] = Counter()
    for run_number in range(runs):
        sites = made(scenario, generator, link=link)
        row = correlate_blocks(
            [Block("sound", sites.sound), Block("sight", sites.sight)],
            sites.groups,
            permutations=PERMUTATIONS,
            bootstraps=0,
            seed=run_number,
            lonlat=sites.lonlat,
        ).rows[0]
        for name, rung in row.rungs.items():
            found[name] += rung.p is not None and rung.p <= LEVEL
        advised = row.p(row.advised)
        found[ADVISED] += advised is not None and advised <= LEVEL
    return found


def run() -> Iterator[Claim]:
    """Type-I error, then power; one table of all, and a claim per rung that claims to hold."""
    names = [*RUNGS, ADVISED]
    counts = {scenario: rejections(scenario, RUNS) for scenario in SCENARIOS}
    power = {scenario: rejections(scenario, POWER_RUNS, LINK, seed=2) for scenario in SCENARIOS}
    for title, table, runs in (("no link", counts, RUNS), (f"a link of {LINK}", power, POWER_RUNS)):
        print(f"    {title:<26}" + "".join(f"{name:>20}" for name in names))
        for scenario in SCENARIOS:
            print(
                f"    {scenario:<26}" + "".join(f"{_rate(scenario, name, table, runs):>20}" for name in names)
            )
    bar = level_bound(RUNS)
    for scenario in SCENARIOS:
        for name in HOLDS.get(scenario, (ADVISED,)):
            rejected = counts[scenario][name]
            low, high = binomial_interval(rejected, RUNS)
            held = scenario in HOLDS
            reference = f"{RUNS} nulls at p <= .05; 95 %: {low:.3f} to {high:.3f}"
            reference += "" if held else "; no rung holds here"
            yield Claim(
                f"false links, {scenario}: {name}", rejected / RUNS, "", reference, bar if held else None
            )
    for scenario in SCENARIOS:
        found = power[scenario][ADVISED] / POWER_RUNS
        yield Claim(
            f"links found, {scenario}: {ADVISED}", found, "", f"{POWER_RUNS} runs, shared cause {LINK}"
        )


def _rate(scenario: str, name: str, table: dict[str, Counter[str]], runs: int) -> str:
    if name == STRATIFIED and "cities" not in scenario:
        return "-"
    low, high = binomial_interval(table[scenario][name], runs)
    return f"{table[scenario][name] / runs:.3f} ({low:.2f}-{high:.2f})"
