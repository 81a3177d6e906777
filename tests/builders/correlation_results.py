"""Correlation results as a run on the paper's sites would give them: made-up numbers of the right size and shape."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from soundvis_core.statistics.results import (
    FUSION_QUANTITIES,
    MANTEL,
    MORAN,
    NAIVE,
    PARTIAL,
    POOLED,
    STRATIFIED,
    AlignmentMap,
    CorrelationResult,
    CorrelationRow,
    DroppedSite,
    FusionRow,
    HeterogeneityRow,
    PairSimilarities,
    Rung,
    WeightBand,
)

CITIES = {"London": 98, "New York City": 28, "Tokyo": 32}
PLACES = {"London": (-0.12, 51.5), "New York City": (-73.97, 40.74), "Tokyo": (139.72, 35.68)}
CATEGORIES = ("biophony", "geophony", "anthrophony")
EMBEDDINGS = (("sound", "street"), ("sound", "aerial"), ("sound", "street+aerial"), ("street", "aerial"))
BGA = (
    ("sound BGA", "street BGA"),
    ("sound BGA", "aerial BGA"),
    ("sound BGA", "street+aerial BGA"),
    ("street BGA", "aerial BGA"),
)
#: r of the paper (its Figure 6): pooled, then the cities.
PAPER = {
    ("sound", "street"): (0.19, 0.20, 0.14, 0.26),
    ("sound", "aerial"): (0.14, 0.14, 0.04, 0.23),
    ("sound", "street+aerial"): (0.21, 0.22, 0.12, 0.29),
    ("street", "aerial"): (0.27, 0.25, 0.31, 0.22),
}


def correlation_result(
    groups: dict[str, int] | None = None,
    bga: bool = True,
    method: str = "pearson",
    permutations: int = 999,
    bootstraps: int = 999,
    ceiling: bool = True,
    seed: int = 1,
) -> CorrelationResult:
    """A result with every part filled. groups: sites per group (the paper's cities where left out); {} takes none."""
    sizes = CITIES if groups is None else groups
    rng = np.random.default_rng(seed)
    sites = sum(sizes.values()) or 60
    labels = tuple(name for name, size in sizes.items() for _ in range(size))
    compared = [(pair, "") for pair in EMBEDDINGS]
    if bga:
        compared += [(pair, category) for pair in BGA for category in ("", *CATEGORIES)]
    dropped = (
        DroppedSite(3, "street", "no value"),
        DroppedSite(7, "sound", "all values are zero"),
        DroppedSite(sites - 1, "aerial", "the tile could not be read (HTTP 404)"),
    )
    rows = []
    for place, (group, size) in enumerate([(POOLED, sites), *sizes.items()]):
        for (block_a, block_b), category in compared:
            known = PAPER.get((block_a, block_b), ())
            r = known[place] if place < len(known) and not category else float(rng.normal(0.07, 0.08))
            missing = 1 if size > 5 else 0
            rows.append(
                _row(
                    block_a,
                    block_b,
                    category,
                    group,
                    size - missing,
                    missing,
                    r,
                    method,
                    bool(sizes),
                    permutations,
                    bootstraps,
                    ceiling,
                    rng,
                )
            )
    rows = _adjusted(rows)
    blocks = [("sound", 768, "cosine"), ("street", 512, "cosine"), ("aerial", 768, "cosine")]
    if bga:
        blocks += [(f"{name} BGA", 3, "aitchison") for name, _, _ in blocks]
    pairs = [pair for pair, category in compared if not category]
    return CorrelationResult(
        rows=tuple(rows),
        sites=sites,
        groups=tuple(sizes),
        blocks=tuple(blocks),
        permutations=permutations,
        seed=seed,
        dropped=dropped,
        ungrouped=(),
        similarities=tuple(_similarities(pair, rows, sites, rng) for pair in pairs),
        method=method,
        bootstraps=bootstraps,
        controls=("elevation",),
        fusion=tuple(row for group in (POOLED, *sizes) for row in _fusion(group, "", sizes.get(group, sites), rng)),
        heterogeneity=tuple(
            _heterogeneity(a, b, c, len(sizes), rng) for (a, b), c in compared if len(sizes) > 1
        ),
        bands=tuple(_band(row, rng) for row in rows if "BGA" in row.block_a) if bga else (),
        alignments=tuple(AlignmentMap(a, b, _own_r(sites, rng)) for a, b in pairs[:3]),
        lonlat=_lonlat(sizes, sites, rng),
        advice=(
            ("Nearby sites are alike in sound and in street (Moran's I 0.31 and 0.27), so a test that ignores "
            "space finds links too easily: read the Moran rung."),
        ),
        site_groups=labels,
    )  # fmt: skip


def without_r(row: CorrelationRow, note: str) -> CorrelationRow:
    """The row as it is where r is undefined."""
    rungs = {name: Rung(name, None, None, note=note) for name in row.rungs}
    return replace(
        row, r=None, rho=None, rungs=rungs, interval=None, null_sd=None, ceiling=None, advised="",
        says=f"Nothing can be said: {note}.", note=note,
    )  # fmt: skip


def _row(
    block_a,
    block_b,
    category,
    group,
    sites,
    dropped,
    r,
    method,
    grouped,
    permutations,
    bootstraps,
    ceiling,
    rng,
):
    pairs = sites * (sites - 1) // 2
    r = max(-0.95, min(0.95, r))
    rho = r * 0.94 + 0.004
    tested = rho if method == "spearman" else r
    sd = 1.3 / math.sqrt(max(pairs, 1)) + 0.008
    half = 2.6 * sd
    partial = tested * 0.82 - 0.006
    rungs = {
        NAIVE: Rung(NAIVE, tested, _p(tested * math.sqrt(max(pairs, 1)))),
        MANTEL: Rung(MANTEL, tested, _counted(_p(tested / sd), permutations)),
        STRATIFIED: Rung(STRATIFIED, tested, _counted(_p(tested / (1.1 * sd)), permutations))
        if group == POOLED and grouped
        else Rung(STRATIFIED, None, None, note="within one group it is the Mantel "
        "test" if grouped else "there are fewer than two groups to permute within"),
        PARTIAL: Rung(PARTIAL, partial, _counted(_p(partial / (1.2 * sd)), permutations)),
        MORAN: Rung(MORAN, tested, _counted(_p(tested / (1.8 * sd)), permutations), sites=sites),
    }  # fmt: skip
    p = rungs[MORAN].p
    name = f"(Moran spectral randomisation, p = {p or 1.0:.3f})"
    words = f"No link is shown {name}; that is not evidence that there is none."
    if p is not None and p <= 0.05:
        words = f"Places that are alike in {block_a} tend to be alike in {block_b} {name}: a weak link."
    return CorrelationRow(
        block_a, block_b, group, sites, dropped, pairs, r, category, method, rho, rungs,
        (tested - half, tested + half * 0.9) if bootstraps else None, sd,
        float(rng.uniform(0.55, 0.8)) if ceiling else None, MORAN,
        words,
        "" if sites >= 6 else f"only {sites} sites",
    )  # fmt: skip


def _p(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2.0))


def _counted(p: float, permutations: int) -> float | None:
    return (round(p * permutations) + 1) / (permutations + 1) if permutations else None


def _adjusted(rows: list[CorrelationRow]) -> list[CorrelationRow]:
    """Bonferroni's, which is near enough for looks."""

    def more(rung: Rung) -> Rung:
        if rung.p is None:
            return rung
        return replace(rung, holm=min(1.0, rung.p * len(rows)), bh=min(1.0, rung.p * 2.1))

    return [replace(row, rungs={name: more(rung) for name, rung in row.rungs.items()}) for row in rows]


def _similarities(
    pair: tuple[str, str], rows: list[CorrelationRow], sites: int, rng: np.random.Generator
) -> PairSimilarities:
    row = next(row for row in rows if (row.block_a, row.block_b, row.category) == (*pair, ""))
    count = row.pairs
    a = rng.normal(size=count)
    b = (row.r or 0.0) * a + math.sqrt(1.0 - (row.r or 0.0) ** 2) * rng.normal(size=count)
    a, b = 0.62 + 0.09 * a, (b if "+" in pair[1] else 0.55 + 0.11 * b)
    slope = float(np.polyfit(a, b, 1)[0])
    return PairSimilarities(
        *pair, a.astype(np.float32), b.astype(np.float32), count, slope, float(b.mean() - slope * a.mean())
    )


def _fusion(group: str, category: str, size: int, rng: np.random.Generator) -> list[FusionRow]:
    street, aerial, shared = rng.uniform(0.005, 0.05), rng.uniform(0.002, 0.02), rng.uniform(-0.004, 0.02)
    total = street + aerial + shared
    values = {
        "z_mean": math.sqrt(total) * 0.95, "concatenated": math.sqrt(total) * 0.9, "multiple_r": math.sqrt(total),
        "unique_street": street, "unique_aerial": aerial, "shared": shared, "street_minus_aerial": street * 2 - aerial,
    }  # fmt: skip
    assert list(values) == list(FUSION_QUANTITIES)
    tested = {"z_mean": 0.001, "concatenated": 0.002, "multiple_r": 0.001, "street_minus_aerial": 0.31}
    return [
        FusionRow(group, category, name, value, (value - 0.03, value + 0.04), tested.get(name), size)
        for name, value in values.items()
    ]


def _heterogeneity(
    block_a: str, block_b: str, category: str, groups: int, rng: np.random.Generator
) -> HeterogeneityRow:
    q = float(rng.chisquare(groups))
    df = groups - 1
    return HeterogeneityRow(
        block_a, block_b, category, groups, q, df, math.exp(-q / 2), max(0.0, (q - df) / q)
    )


def _band(row: CorrelationRow, rng: np.random.Generator) -> WeightBand:
    r, spread = row.r or 0.0, float(rng.uniform(0.01, 0.05))
    same = float(min(1.0, 0.5 + abs(r) / spread / 4))
    return WeightBand(
        row.block_a, row.block_b, row.category, row.group, 200, r - 2 * spread, r - 0.2 * spread, r + 1.8 * spread,
        same, float(rng.uniform()), same >= 0.95,
    )  # fmt: skip


def _own_r(sites: int, rng: np.random.Generator) -> np.ndarray:
    r = np.clip(rng.normal(0.15, 0.18, sites), -0.9, 0.9)
    r[:: max(sites // 5, 1)] = np.nan
    return r


def _lonlat(sizes: dict[str, int], sites: int, rng: np.random.Generator) -> np.ndarray:
    centres = [PLACES.get(name, (4.9 + 0.7 * place, 52.4 - 0.3 * place)) for place, name in enumerate(sizes)]
    if not centres:
        return np.array(PLACES["London"]) + rng.normal(scale=(0.1, 0.06), size=(sites, 2))
    return np.concatenate(
        [
            np.array(centre) + rng.normal(scale=(0.08, 0.05), size=(size, 2))
            for centre, size in zip(centres, sizes.values())
        ]
    )
