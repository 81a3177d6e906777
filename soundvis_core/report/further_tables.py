"""What stands beside the correlations: both views together, differences between groups, noise ceiling, weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..statistics.results import (
    FUSION_QUANTITIES,
    POOLED,
    SHORT_RUNGS,
    CorrelationResult,
    CorrelationRow,
    FusionRow,
    WeightBand,
)
from .fusion_figure import fusion_figures, fusion_rows
from .markup import (
    cell,
    chosen,
    compared_cell,
    escape,
    figure,
    group_head,
    heads,
    isolated,
    more_rows,
    p_value,
    section,
    strong,
    table,
    value_cell,
    with_whole,
)
from .wording import LEVEL, compared, number, percent, span, tested

#: Rows of one table; the CSV file goes on.
MAX_ROWS = 200
_SHARES = ("unique_street", "unique_aerial", "shared")


def fusion_section(result: CorrelationResult) -> str:
    """Sound against both views: the combined r in three ways, what each view has alone, and which has more."""
    found = fusion_rows(result)
    if not found:
        return ""
    quantities = [name for name in FUSION_QUANTITIES if any(name in rows for rows in found.values())]
    bodies = ""
    for (category, group), rows in list(found.items())[:MAX_ROWS]:
        name = "All sites (pooled)" if group == POOLED else isolated(group)
        name += f"<small>{escape(category)}</small>" if category else ""
        cells = "".join(_fusion_cell(rows.get(quantity)) for quantity in quantities)
        bodies += f"<tr><th scope='row'>{name}</th>{cells}</tr>\n"
        notes = dict.fromkeys(row.note for row in rows.values() if row.note)
        if notes:
            text = escape("; ".join(notes))
            bodies += f"<tr class='note'><td colspan='{len(quantities) + 1}'>{text}.</td></tr>\n"
    head = heads([("Sound against", ""), *((escape(FUSION_QUANTITIES[name]), "") for name in quantities)])
    drawn = fusion_figures(result, "fusion-")
    caption = (
        "How much of the variance of the similarity in sound the two views explain together, and which part of it is "
        "each view's own. Where the part in common is below zero the views hide some of each other's link; it "
        "stands to the left."
    )
    return section(
        "fusion",
        "Both views together",
        "<p class='lead'>In each cell: the value, its 95 % bootstrap interval, and the p of a permutation "
        "of sites. Always by "
        f"Pearson's correlation.</p>{table('fusion', head, f'<tbody>{bodies}</tbody>')}"
        + (figure(drawn, caption) if drawn else ""),
    )


def _fusion_cell(row: FusionRow | None) -> str:
    if row is None or row.value is None:
        return cell("\u2013")
    share = row.quantity in _SHARES
    value = percent(row.value) if share else number(row.value)
    interval = row.interval
    below = ""
    if interval is not None:
        ends = (
            f"{number(100 * interval[0], 1)} to {number(100 * interval[1], 1)} %"
            if share
            else span(interval, 2)
        )
        below += f"<small>{ends}</small>"
    if row.p is not None:
        below += f"<small>p = {strong(p_value(row.p), row.p)}</small>"
    return cell(value + below)


def heterogeneity_section(result: CorrelationResult) -> str:
    """Whether the correlation differs between groups."""
    if not result.heterogeneity:
        return ""
    rows = ""
    for row, under in with_whole(result.heterogeneity[:MAX_ROWS]):
        if row.q is None:
            read = escape(row.note) or "\u2013"
        else:
            read = "groups differ" if row.p is not None and row.p <= LEVEL else "no difference is shown"
            read += f"<small>{escape(row.note)}</small>" if row.note else ""
        rows += (
            f"<tr>{compared_cell(row.block_a, row.block_b, row.category, under)}"
            f"{cell(str(row.groups))}{value_cell(row.q, 2)}"
            f"{cell(str(row.df) if row.q is not None else '')}"
            f"{cell(strong(p_value(row.p), row.p))}"
            f"{cell(percent(row.i2, 0))}<td>{read}</td></tr>\n"
        )
    head = heads(
        [
            ("Compared", ""),
            ("Groups", ""),
            ("Q", "Cochran"),
            ("df", ""),
            ("p", "Welch's F"),
            ("I\u00b2", ""),
            ("Read", ""),
        ]
    )
    lead = (
        "<p class='lead'>Cochran's Q over Fisher's z of the groups' r, each weighted by its sampling "
        "variance; p is by Welch's F, as these variances are estimated from few sites; I\u00b2 is the share "
        "of the variation between groups that is more than sampling noise.</p>"
    )
    shown = table("groups", head, f"<tbody>{rows}</tbody>") + more_rows(len(result.heterogeneity), MAX_ROWS)
    return section("groups", "Do the groups differ?", lead + shown)


def ceiling_section(result: CorrelationResult) -> str:
    """Each r beside the largest that the noise of the measurements lets one expect, and which part of it is reached."""
    rows = [
        (row, value)
        for row, value in ((row, tested(row)) for row in result.rows)
        if row.ceiling is not None and value is not None and not row.category
    ]
    if not rows:
        return ""
    bodies = ""
    for group in (POOLED, *result.groups):
        lines = "".join(_ceiling_row(row, value) for row, value in rows[:MAX_ROWS] if row.group == group)
        bodies += f"<tbody>{group_head(group, 5)}{lines}</tbody>" if lines else ""
    symbol = "rho" if result.method == "spearman" else "r"
    head = heads([("Compared", ""), (symbol, ""), ("Ceiling", ""), ("Reached", ""), ("", "")])
    lead = (
        "<p class='lead'>Recordings and photos of another minute would have given other vectors. The "
        "ceiling is the largest "
        "correlation that this noise lets one expect, the square root of the reliability of the blocks "
        "that it is known for; "
        "where it is known for one block only it is too high rather than too low.</p>"
    )
    return section(
        "ceiling",
        "Against the noise ceiling",
        lead + table("ceiling", head, bodies) + more_rows(len(rows), MAX_ROWS),
    )


def _ceiling_row(row: CorrelationRow, value: float) -> str:
    share = abs(value) / row.ceiling if row.ceiling else None
    bar = ""
    if share is not None:
        bar = f"<span class='meter'><i style='width:{100.0 * min(share, 1.0):.1f}%'></i></span>"
    return (
        f"<tr>{compared_cell(row.block_a, row.block_b, '')}{value_cell(value)}{value_cell(row.ceiling, 2)}"
        f"{cell(percent(share, 0))}<td class='bar'>{bar}</td></tr>\n"
    )


def bands_section(result: CorrelationResult) -> str:
    """What the uncertainty of the BGA weights does to each row, and which conclusions survive it."""
    bands = result.bands
    if not bands:
        return ""
    rows = {(row.block_a, row.block_b, row.category, row.group): row for row in result.rows}
    bodies = ""
    for group in (POOLED, *result.groups):
        mine = [band for band in chosen(bands, MAX_ROWS) if band.group == group]
        lines = "".join(
            _band_row(band, under, rows.get((band.block_a, band.block_b, band.category, group)))
            for band, under in with_whole(mine)
        )
        bodies += f"<tbody>{group_head(group, 8)}{lines}</tbody>" if mine else ""
    head = heads(
        [
            ("Compared", ""),
            ("r", "as weighted"),
            ("Median r", "of the draws"),
            ("95 % of draws", ""),
            ("Same sign", "of draws"),
            ("p", f"\u2264 {LEVEL:g}, of draws"),
            ("Test", "row and draws"),
            ("Conclusion", "under the draws"),
        ]
    )
    return section(
        "weights",
        "If the BGA weights were others",
        _survivors(bands)
        + table("bands", head, bodies)
        + _marked(bands, rows)
        + more_rows(len(bands), MAX_ROWS),
    )


def _marked(bands: Sequence[WeightBand], rows: Mapping[tuple[str, str, str, str], CorrelationRow]) -> str:
    if not any(
        _looser(band, rows.get((band.block_a, band.block_b, band.category, band.group))) for band in bands
    ):
        return ""
    return (
        "<p class='lead'>* Another test is advised for this row, which would have to be drawn anew for each draw of "
        "the weights. Here the conclusion of the test named is compared, the strictest that needs no drawing.</p>"
    )


def _survivors(bands: Sequence[WeightBand]) -> str:
    judged = [band for band in bands if band.survives is not None]
    held = [band for band in judged if band.survives]
    draws = max((band.draws for band in bands), default=0)
    text = f"r was computed again under {draws:,} draws of the weights. "
    if judged:
        held_of = f"{len(held)} of {len(judged)}" if len(held) < len(judged) else f"All {len(judged)}"
        text += f"{held_of} conclusions (link or none, by the test that is named) hold in at least 95 % of the draws."
    lost = list(
        dict.fromkeys(
            compared(band) + (f", {band.category}" if band.category else "")
            for band in judged
            if not band.survives and band.group == POOLED
        )
    )
    if lost:
        listed = "; ".join(escape(name) for name in lost[:12]) + (
            f"; and {len(lost) - 12} more" if len(lost) > 12 else ""
        )
        text += f" Over all sites these depend on the weights: {listed}."
    return f"<p class='lead'>{text}</p>"


def _band_row(band: WeightBand, under: bool, row: CorrelationRow | None) -> str:
    verdict = {True: "survives", False: "<b>depends on them</b>", None: "\u2013"}[band.survives]
    interval = (
        "\u2013" if band.low is None or band.high is None else f"{number(band.low)} to {number(band.high)}"
    )
    return (
        f"<tr>{compared_cell(band.block_a, band.block_b, band.category, under)}"
        f"{value_cell(None if row is None else row.r)}{value_cell(band.median)}{cell(interval)}"
        f"{cell(percent(band.same_sign, 0))}{cell(percent(band.significant, 0))}"
        f"{cell(_judged(band, row), 'test')}<td>{verdict}</td></tr>\n"
    )


def _judged(band: WeightBand, row: CorrelationRow | None) -> str:
    """The test that row and draws are judged by, marked where it is not the advised one."""
    name = SHORT_RUNGS.get(band.judged_by, escape(band.judged_by)) if band.survives is not None else "\u2013"
    return f"{name} *" if _looser(band, row) else name


def _looser(band: WeightBand, row: CorrelationRow | None) -> bool:
    told = band.survives is not None and row is not None and bool(row.advised)
    return told and row is not None and row.advised != band.judged_by
