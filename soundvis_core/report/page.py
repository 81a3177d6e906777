"""The report of a correlation run: one HTML file that needs nothing else and prints well, and its numbers as CSV."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..statistics.plain_words import headline
from ..statistics.results import PARTIAL, POOLED, RUNGS, CorrelationResult
from .alignment_maps import alignment_figures
from .bar_figures import (
    MAX_BAR_GROUPS,
    MAX_CATEGORY_GROUPS,
    MAX_CATEGORY_PAIRS,
    bar_figures,
    category_figures,
)
from .data_section import data_section, left_out_section
from .figures import BGA_COLOURS
from .frame import framed, provenance_section
from .further_tables import bands_section, ceiling_section, fusion_section, heterogeneity_section
from .ladder_figure import ladder_figures
from .markup import KEPT, escape, figure, isolated, section
from .method_section import method_section
from .numbers_table import numbers_csv
from .pair_figures import pair_figure
from .results_tables import ladder_table, results_section, row_sentences
from .screening_table import screening_section
from .style import CSS
from .wording import COEFFICIENTS, LEVEL, cautions, findings
from .writing import replace_together

QUESTION = "Do places that sound alike look alike?"
TITLE = "Sound and sight"
#: Scatter figures; more pairs of blocks are in the tables only.
MAX_PAIR_FIGURES = 24
#: Groups named in the provenance.
_MAX_NAMED = 40


def csv_beside(path: str | os.PathLike[str]) -> Path:
    """Where the numbers of the report at ``path`` go: ``report.csv`` beside ``report.html``."""
    target = Path(path)
    if target.suffix.lower() in (".html", ".htm"):
        return target.with_suffix(".csv")
    return target.with_name(target.name + ".csv")


def write_report(
    path: str | os.PathLike[str],
    result: CorrelationResult,
    *,
    title: str = TITLE,
    question: str = QUESTION,
    provenance: Mapping[str, str] | None = None,
    block_fields: Mapping[str, Sequence[str]] | None = None,
    site_names: Sequence[str] | None = None,
) -> list[Path]:
    """Write the report of ``result`` to ``path`` (HTML, UTF-8) and every number of it to :func:`csv_beside`.

    provenance: what made the numbers (tool, version, layer, parameters, date), printed in this order.
    block_fields: the fields each block was read from. site_names: per site what the user calls it; without
    them sites are counted from 1. The files depend on the arguments alone: nothing is dated here. Earlier files
    are replaced once both are complete; on failure both stay as they were. Returns the paths written.

    Raises :class:`MissingDependencyError` without matplotlib and :class:`InputError` where a file cannot
    be written.
    """
    page = render_report(
        result,
        title=title,
        question=question,
        provenance=provenance or {},
        block_fields=block_fields or {},
        site_names=site_names,
    )
    numbers = numbers_csv(result, provenance, site_names)
    target, beside = Path(path), csv_beside(path)
    # The table first: it is the one that another program may hold open.
    replace_together({beside: numbers.encode("utf-8"), target: page.encode("utf-8", errors="replace")})
    return [target, beside]


def render_report(
    result: CorrelationResult,
    *,
    title: str,
    question: str,
    provenance: Mapping[str, str],
    block_fields: Mapping[str, Sequence[str]],
    site_names: Sequence[str] | None = None,
) -> str:
    """The report as HTML text; see :func:`write_report`."""
    parts = [
        ("summary", "", _summary(result)),
        ("data", "Data used", data_section(result, block_fields)),
        ("by-group", "By group" if result.groups else "At a glance", _bars(result)),
        ("categories", "By BGA category", _categories(result)),
        ("correlations", "Correlations", results_section(result)),
        ("ladder", "The ladder of tests", _ladder(result)),
        ("pairs", "Pair by pair", _pairs(result)),
        ("maps", "Where they agree", _maps(result)),
        ("fusion", "Both views together", fusion_section(result)),
        ("groups", "Do the groups differ?", heterogeneity_section(result)),
        ("ceiling", "Noise ceiling", ceiling_section(result)),
        ("weights", "BGA weights", bands_section(result)),
        ("screening", "Screening", screening_section(result)),
        ("row-by-row", "Row by row", row_sentences(result)),
        ("method", "Method", method_section(result)),
        ("left-out", "Sites left out", left_out_section(result, site_names)),
        ("provenance", "Provenance", _provenance(result, provenance)),
    ]
    links = " ".join(f"<a href='#{key}'>{name}</a>" for key, name, content in parts if content and name)
    body = "\n".join(content for _, _, content in parts if content)
    lead = f"<p class='question'>{isolated(question)}</p>"
    return framed("SoundVis correlation report", title, lead, links, body, CSS)


def _summary(result: CorrelationResult) -> str:
    said = "".join(
        f"<li><strong>{escape(lead)}</strong> {escape(rest)}</li>" for lead, rest in findings(result)
    )
    advised = "".join(f"<li>{escape(sentence)}</li>" for sentence in result.advice)
    minded = "".join(f"<li>{escape(sentence)}</li>" for sentence in cautions(result))
    first = headline(result)
    return (
        "<section class='summary' id='summary'><h2>What this says</h2>"
        + (f"<p><strong>{escape(first)}</strong></p>" if first else "")
        + f"<ul>{said}</ul>"
        + (f"<h3>Which test to read</h3><ul class='minded'>{advised}</ul>" if advised else "")
        + f"<h3>Bear in mind</h3><ul class='minded'>{minded}</ul></section>"
    )


def _bars(result: CorrelationResult) -> str:
    known = [row for row in result.rows if row.r is not None and not row.category]
    if len(known) < 2:  # a single number needs no bars
        return ""
    groups = ", for all sites and within each group" if result.groups else ""
    caption = (
        f"{COEFFICIENTS.get(result.method, result.method)} of the similarities{groups}{_whiskers(result)}. "
        f"Filled: p of the advised test at most {LEVEL:g}; hatched: above.{_not_drawn(result)}"
    )
    title = "By group" if result.groups else "At a glance"
    return section("by-group", title, figure(bar_figures(result, "bars-"), caption))


def _whiskers(result: CorrelationResult) -> str:
    return ", with 95 % bootstrap intervals" if any(row.interval for row in result.rows) else ""


def _not_drawn(result: CorrelationResult) -> str:
    if len(result.groups) <= MAX_BAR_GROUPS:
        return ""
    return f" The first {MAX_BAR_GROUPS} of {len(result.groups)} groups are drawn; the table has them all."


def _categories(result: CorrelationResult) -> str:
    if all(row.r is None for row in result.rows if row.category):
        return ""
    svgs, half = category_figures(result, "categories-")
    pairs = {(row.block_a, row.block_b) for row in result.rows if row.category}
    more = (
        f" The first {MAX_CATEGORY_PAIRS} of {len(pairs)} pairs are drawn."
        if len(pairs) > MAX_CATEGORY_PAIRS
        else ""
    )
    few = ""
    if len(result.groups) > MAX_CATEGORY_GROUPS:
        few = f" All sites only; the ladder and the tables have the {len(result.groups)} groups."
    colours = " ".join(
        f"<span class='key'><i style='background:{BGA_COLOURS.get(name, '#969696')}'></i>{escape(name)}</span>"
        for name in dict.fromkeys(row.category for row in result.rows if row.category)
    )
    caption = (
        f"{colours} Each category compared by itself: the similarity of two sites is 1 \u2212 |difference| / range of "
        f"their shares. Filled: p of the advised test at most {LEVEL:g}; hatched: above.{more}{few}"
    )
    return section("categories", "By BGA category", figure(svgs, caption, 2 if half else 1))


def _ladder(result: CorrelationResult) -> str:
    svgs, left = ladder_figures(result, "ladder-")
    if not svgs:
        return ""
    rungs = "".join(
        f"<li>{escape(words[:1].upper() + words[1:])}</li>"
        for name, words in RUNGS.items()
        if any(name in row.rungs for row in result.rows)
    )
    content = (
        "<p class='lead'>The same question under ever stricter ideas of what chance could do. A link that is lost on "
        "the way up is one that the looser tests owe to something else, such as cities or nearness.</p>"
        f"<ol class='rungs'>{rungs}</ol>{figure(svgs, _ladder_key(result, left))}"
        "<h3>Every rung in numbers</h3><p class='lead'>Shaded: the advised rung. "
        f"<b>Bold</b>: at most {LEVEL:g}. Grey: the coefficient that the rung itself tests, "
        "beyond distance or place. Below: p adjusted over the "
        "rows that have this test, as many as the head says.</p>"
        f"{ladder_table(result)}"
    )
    return section("ladder", "The ladder of tests", content)


def _ladder_key(result: CorrelationResult, left: int) -> str:
    """What stands for what in the figures of the ladder."""
    key = [f"<b>Dot</b>: observed {'rho' if result.method == 'spearman' else 'r'}"]
    if any(row.interval for row in result.rows):
        key.append("<b>whisker</b>: its 95 % bootstrap interval, with an arrow where it goes on")
    if any(row.null_sd is not None for row in result.rows):
        key.append(
            "<b>grey band</b>: where 95 % of coefficients fall if sites are exchanged (\u00b1 1.96 null sd)"
        )
    if any(PARTIAL in row.rungs and row.rungs[PARTIAL].statistic is not None for row in result.rows):
        key.append(
            "<b>open diamond</b>: what is left of it given distance and the other controls (partial test)"
        )
    if any(row.ceiling is not None for row in result.rows):
        key.append("<b>dotted tick</b>: noise ceiling, where it lies within the axis")
    more = f" {left:,} more rows are in the tables." if left else ""
    return (
        f"{'; '.join(key)}. On the right the p of each rung: filled and dark at most {LEVEL:g}, open and grey above; "
        f"the framed one is advised.{more}"
    )


def _pairs(result: CorrelationResult) -> str:
    rows = {
        (row.block_a, row.block_b): row for row in result.rows if row.group == POOLED and not row.category
    }
    shown = [
        pairs
        for pairs in result.similarities
        if rows[pairs.block_a, pairs.block_b].r is not None and len(pairs.a)
    ]
    svgs = [
        pair_figure(pairs, rows[pairs.block_a, pairs.block_b], result, f"pairs{index}-")
        for index, pairs in enumerate(shown[:MAX_PAIR_FIGURES])
    ]
    if not svgs:
        return ""
    more = (
        f" The first {MAX_PAIR_FIGURES} of {len(shown)} are drawn." if len(shown) > MAX_PAIR_FIGURES else ""
    )
    caption = (
        "Each pair of sites by its similarity in one block (across) and in the other (up), all sites "
        "pooled, with the least-squares line. "
        f"Where pairs are many, colour gives their number per cell, on a logarithmic scale.{more}"
    )
    return section("pairs", "Pair by pair", figure(svgs, caption, 2))


def _maps(result: CorrelationResult) -> str:
    drawn, left_out = alignment_figures(result, "maps-")
    if not drawn:
        return section("maps", "Where they agree", f"<p>{escape(left_out)}</p>" if left_out else "")
    lead = (
        "Each site by its own r: how far the sites that are like it in one block are like it in the other. "
        "North is up; each "
        f"map has its own scale, true on the ground. {escape(left_out)}"
    )
    # A title and its first map stay together in print; further maps of a pair may go on to the next page.
    first, *others = [
        (f"<h3>{escape(name)}</h3>{figure(svgs[:1])}", figure(svgs[1:]) if svgs[1:] else "")
        for name, svgs in drawn
    ]
    parts = "".join(f"{KEPT}{top}</div>{rest}" for top, rest in others)
    return section(
        "maps", "Where they agree", first[1] + parts, first=f"<p class='lead'>{lead}</p>{first[0]}"
    )


def _provenance(result: CorrelationResult, provenance: Mapping[str, str]) -> str:
    named = ", ".join(isolated(name) for name in result.groups[:_MAX_NAMED])
    more = f" and {len(result.groups) - _MAX_NAMED:,} more" if len(result.groups) > _MAX_NAMED else ""
    rows = [
        ("Sites in the layer", f"{result.sites:,}"),
        ("Groups", f"{named}{more}" if named else "none"),
        ("Coefficient tested", escape(COEFFICIENTS.get(result.method, result.method))),
        ("Permutations", f"{result.permutations:,}"),
        ("Bootstraps", f"{result.bootstraps:,}"),
    ]
    if result.controls:
        rows.append(("Controls", ", ".join(isolated(name) for name in result.controls)))
    return provenance_section(provenance, [*rows, ("Seed", f"{result.seed}")])
