"""The tables of a correlation run: a row per pair of blocks, and one number per row for everything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...layers.sinks import FieldSpec, integer, long_integer, number, text

if TYPE_CHECKING:
    from soundvis_core.statistics.results import CorrelationResult, WeightBand

#: The rungs of the ladder as they begin the names of fields, and what each p is.
_RUNGS = {
    "naive": ("naive", "t-test; assumes independent pairs, as in the paper"),
    "mantel": ("Mantel", "two-sided permutation test of sites"),
    "strat": ("stratified Mantel", "sites permuted within their group only"),
    "partial": ("partial Mantel", "given distance and further fields"),
    "moran": ("Moran", "spectral randomisation, which keeps spatial autocorrelation"),
}
#: Rungs that test another r than the row's.
_WITH_STATISTIC = ("partial", "moran")
#: Columns that a result has under the same name.
_AS_THEY_ARE = (
    "block_a", "block_b", "category", "group", "method", "sites", "dropped", "pairs", "r", "rho", "null_sd",
    "ceiling", "advised", "says",
)  # fmt: skip
#: The group of the rows over all sites.
POOLED = "pooled"
#: Names of rungs in results that differ from those in fields.
_IN_RESULTS = {"strat": "stratified"}


def _p_fields(rung: str) -> list[FieldSpec]:
    label, what = _RUNGS[rung]
    return [
        number(f"p_{rung}", f"p, {label}", what),
        number(
            f"p_{rung}_holm", f"p, {label}, Holm", "adjusted over the rows that have this test (Holm 1979)"
        ),
        number(
            f"p_{rung}_bh",
            f"p, {label}, Benjamini-Hochberg",
            "adjusted over the rows that have this test (Benjamini and Hochberg 1995)",
        ),
    ]


CORRELATIONS: list[FieldSpec] = [
    text("block_a", "Block A"),
    text("block_b", "Block B"),
    text("category", "BGA category", "empty where whole blocks are compared"),
    text("group", "Group", "'pooled' takes all pairs of sites, between groups too"),
    text("method", "Coefficient tested", "pearson (r) or spearman (rho)"),
    integer("sites", "Sites used"),
    integer("dropped", "Sites dropped", "sites without a value in one of the blocks"),
    long_integer("pairs", "Pairs of sites"),
    number("r", "r", "Pearson correlation of the pairs' similarities"),
    number("rho", "rho", "Spearman correlation of the pairs' similarities"),
    *_p_fields("naive"),
    *_p_fields("mantel"),
    *_p_fields("strat"),
    number("r_partial", "Partial r", "with distance and further fields held fixed"),
    *_p_fields("partial"),
    number("r_moran", "Moran r", "beyond what place explains, within groups where there are some"),
    *_p_fields("moran"),
    number("ci_low", "95 % interval, low", "bootstrap of sites, of the tested coefficient"),
    number("ci_high", "95 % interval, high", "bootstrap of sites, of the tested coefficient"),
    number("null_sd", "Null sd", "exact standard deviation of r over all permutations of sites"),
    number("ceiling", "Noise ceiling", "largest |r| that the noise of the measurements lets one expect"),
    text("advised", "Advised test", "the one to read for this row"),
    text("says", "In words", "what the row says and what it does not"),
    text("note", "Note", "why a number is missing, or a warning"),
]
FUSION: list[FieldSpec] = [
    text("kind", "Kind", "fusion, heterogeneity, weights or screening"),
    text("block_a", "Block A"),
    text("block_b", "Block B"),
    text("category", "BGA category", "empty where whole blocks are compared"),
    text("group", "Group", "'pooled' takes all pairs of sites; empty where groups are compared"),
    text("rule", "Rule of screening", "empty elsewhere"),
    text("quantity", "Quantity"),
    text("label", "In words"),
    number("value", "Value"),
    number(
        "ci_low",
        "95 % interval, low",
        "bootstrap of sites; of weights: over the draws; of screening: over random drops",
    ),
    number(
        "ci_high",
        "95 % interval, high",
        "bootstrap of sites; of weights: over the draws; of screening: over random drops",
    ),
    number(
        "p",
        "p",
        "permutation of sites; street minus aerial: the larger of that and bootstrap; heterogeneity: Welch's F",
    ),
    integer("sites", "Sites used"),
    text("note", "Note", "why a number is missing, or a warning"),
]


def correlation_rows(result: CorrelationResult) -> Iterator[dict[str, Any]]:
    """The rows of ``CORRELATIONS``."""
    # What leaves a test out of all rows of a kind is said once, in the log; the rest concerns the row.
    told = {
        (rung.name, row.group == POOLED)
        for row in result.rows
        for rung in row.rungs.values()
        if rung.p is not None
    }
    for row in result.rows:
        values: dict[str, Any] = {name: getattr(row, name) for name in _AS_THEY_ARE}
        notes = [row.note]
        for field, (label, _) in _RUNGS.items():
            rung = row.rungs.get(_IN_RESULTS.get(field, field))
            if rung is None:
                continue
            values.update({f"p_{field}": rung.p, f"p_{field}_holm": rung.holm, f"p_{field}_bh": rung.bh})
            if field in _WITH_STATISTIC:
                values[f"r_{field}"] = rung.statistic
            if rung.note and (rung.name, row.group == POOLED) in told:
                notes.append(f"{label}: {rung.note}")
        if row.interval is not None:
            values["ci_low"], values["ci_high"] = row.interval
        values["note"] = "; ".join(note for note in notes if note)
        yield values


def fusion_rows(result: CorrelationResult) -> Iterator[dict[str, Any]]:
    """The rows of ``FUSION``: street and aerial together, differences between groups, the weights' uncertainty."""
    from soundvis_core.statistics.results import FUSION_QUANTITIES, RUNGS

    for fused in result.fusion:
        low, high = fused.interval or (None, None)
        yield {
            "kind": "fusion", "group": fused.group, "category": fused.category, "quantity": fused.quantity,
            "label": FUSION_QUANTITIES.get(fused.quantity, fused.quantity), "value": fused.value, "ci_low": low,
            "ci_high": high, "p": fused.p, "sites": fused.sites, "note": fused.note,
        }  # fmt: skip
    for row in result.heterogeneity:
        shared = {
            "kind": "heterogeneity", "block_a": row.block_a, "block_b": row.block_b, "category": row.category,
            "note": row.note,
        }  # fmt: skip
        freedom = f"{row.df} degrees of freedom; p by Welch's F"
        label = f"Cochran's Q: does r differ between the {row.groups} groups ({freedom})"
        yield {**shared, "quantity": "q", "label": label, "value": row.q, "p": row.p}
        label = "I2: share of the variation between groups that is not sampling noise"
        yield {**shared, "quantity": "i2", "label": label, "value": row.i2}
    advised = {(row.block_a, row.block_b, row.category, row.group): row.advised for row in result.rows}
    for band in result.bands:
        test = RUNGS[band.judged_by].split(" (")[0]
        shared = {
            "kind": "weights", "block_a": band.block_a, "block_b": band.block_b, "category": band.category,
            "group": band.group, "note": f"{band.draws} draws of the BGA weights{_judged(band, advised)}",
        }  # fmt: skip
        numbers = (
            ("same_sign", "share of draws in which r has the sign of the row's", band.same_sign),
            ("significant", f"share of draws in which the p of the {test} is at most .05", band.significant),
            (
                "survives",
                f"whether the conclusion of the {test} holds in at least 95 % of the draws (1: yes)",
                band.survives,
            ),
        )
        yield {
            **shared, "quantity": "median_r", "label": "median r over draws of the BGA weights", "value": band.median,
            "ci_low": band.low, "ci_high": band.high,
        }  # fmt: skip
        for quantity, label, value in numbers:
            yield {
                **shared,
                "quantity": quantity,
                "label": label,
                "value": None if value is None else float(value),
            }
    yield from _screening_rows(result)


def _judged(band: WeightBand, advised: Mapping[tuple[str, str, str, str], str]) -> str:
    """Which test was not redone for the draws, where that is the one to read in the row."""
    to_read = advised.get((band.block_a, band.block_b, band.category, band.group), "")
    if to_read in ("", band.judged_by):
        return ""
    return f"; judged by the {band.judged_by} test, not by the {to_read} test that is advised for the row"


def _screening_rows(result: CorrelationResult) -> Iterator[dict[str, Any]]:
    """Three rows per rule and row of the run: r with all sites, r without those the rule drops, and how many."""
    from soundvis_core.screening.effect import ALL_RULES

    symbol = "rho" if result.method == "spearman" else "r"
    for effect in result.screening:
        dropped = f"sites that {'the rules drop' if effect.rule == ALL_RULES else 'the rule drops'}"
        shared = {
            "kind": "screening", "block_a": effect.block_a, "block_b": effect.block_b, "category": effect.category,
            "group": effect.group, "rule": effect.rule,
        }  # fmt: skip
        low, high = effect.random or (None, None)
        left = effect.sites - effect.lost
        yield {
            **shared, "quantity": "r_all", "label": f"{symbol} with all sites", "value": effect.r,
            "sites": effect.sites, "note": effect.note_all,
        }  # fmt: skip
        yield {
            **shared, "quantity": "r_without", "label": f"{symbol} without the {dropped}; interval: "
            "where it lies if as many are dropped at random", "value": effect.r_without, "ci_low": low,
            "ci_high": high, "sites": left, "note": effect.note,
        }  # fmt: skip
        yield {
            **shared, "quantity": "lost", "label": dropped, "value": float(effect.lost),
            "sites": effect.sites,
        }  # fmt: skip
