"""The report of a correlation run: one HTML file that needs nothing else and prints well."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape as _escape
from pathlib import Path

from ..errors import InputError
from ..statistics.correlate import COMBINED
from ..statistics.results import MANTEL, NAIVE, POOLED, CorrelationResult, CorrelationRow
from .figures import MAX_BAR_GROUPS, bar_figures, pair_figure
from .style import CSS
from .wording import LEVEL, PLAIN_DIGITS, cautions, findings, number, printable, probability

QUESTION = "Do places that sound alike look alike?"
TITLE = "Sound and sight"
#: Dropped sites that are listed one by one; the rest are counted.
MAX_LISTED = 200
#: Forbids the browser to load anything that is not in the file.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write_report(
    path: str | os.PathLike[str],
    result: CorrelationResult,
    *,
    title: str = TITLE,
    question: str = QUESTION,
    provenance: Mapping[str, str] | None = None,
    block_fields: Mapping[str, Sequence[str]] | None = None,
    site_names: Sequence[str] | None = None,
) -> None:
    """Write the report of ``result`` to ``path`` (HTML, UTF-8), replacing it only once it is complete.

    provenance: what made the numbers (tool, version, layer, parameters, date), printed in this order.
    block_fields: the fields each block was read from. site_names: per site what the user calls it; without
    them sites are counted from 1. The file depends on the arguments alone: nothing is dated here.

    Raises :class:`MissingDependencyError` without matplotlib and :class:`InputError` where the file cannot
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
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(page.encode("utf-8", errors="replace"))
        os.replace(part, target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(
            f"The report cannot be written to {target} ({error.strerror or error}). "
            "Check that the folder exists, can be written to, and that no other program holds the file."
        ) from error


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
        (
            f"<header><p class='kind'>SoundVis correlation report</p><h1>{escape(title)}</h1>"
            f"<p class='question'>{escape(question)}</p></header>"
        ),
        _summary(result),
        _results(result),
        _bars(result),
        _pairs(result),
        _dropped(result, site_names),
        _method(result),
        _provenance(result, provenance, block_fields),
    ]
    body = "\n".join(parts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{CSS}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def escape(text: object) -> str:
    """Any text of the user's, safe in HTML text and attributes; control characters become blanks."""
    return _escape(printable(text), quote=True)


def _summary(result: CorrelationResult) -> str:
    said = "".join(f"<li>{_lead(sentence)}</li>" for sentence in findings(result))
    minded = "".join(f"<li>{escape(sentence)}</li>" for sentence in cautions(result))
    return (
        f"<section class='summary'><h2>What this says</h2><ul>{said}</ul>"
        f"<h3>Bear in mind</h3><ul class='minded'>{minded}</ul></section>"
    )


def _lead(sentence: str) -> str:
    """The statement in bold, the numbers behind it not."""
    for mark in (": ", " ("):
        lead, found, rest = sentence.partition(mark)
        if found and "=" not in lead:
            return f"<strong>{escape(lead)}</strong>{escape(found + rest)}"
    return escape(sentence)


def _results(result: CorrelationResult) -> str:
    noted = any(row.note for row in result.rows)
    rows = []
    for group in (POOLED, *result.groups):
        label = "All sites (pooled)" if group == POOLED else escape(group)
        rows.append(f"<tr class='group'><th colspan='{7 + noted}' scope='rowgroup'>{label}</th></tr>")
        rows.extend(_result_row(row, noted) for row in result.rows if row.group == group)
    note = '<th scope="col">Note</th>' if noted else ""
    if result.permutations:
        tested = f"{result.permutations:,} permutations, seed {result.seed}"
    else:
        tested = "no permutations asked for"
    return f"""<section><h2>Correlations</h2>
<p class="lead">Pearson's r between the similarities of all pairs of sites in one block and in the other.</p>
<table class="results">
<thead><tr><th scope="col">Compared</th><th scope="col">Sites</th><th scope="col">Dropped</th>
<th scope="col">Pairs</th><th scope="col">r</th>
<th scope="col">p naive<small>assumes independent pairs (as in the paper)</small></th>
<th scope="col">p Mantel<small>two-sided, {tested}</small></th>{note}</tr></thead>
<tbody>
{"".join(rows)}
</tbody></table></section>"""


def _result_row(row: CorrelationRow, noted: bool) -> str:
    compared = f"{escape(row.block_a)} \u2013 {escape(row.block_b)}"
    cells = [
        f"{row.sites:,}",
        f"{row.dropped:,}",
        f"{row.pairs:,}",
        f"<strong>{number(row.r)}</strong>",
        _power(probability(row.p(NAIVE))),
        _power(probability(row.p(MANTEL))),
    ]
    numbers = "".join(f"<td class='number'>{cell}</td>" for cell in cells)
    note = f"<td class='note'>{escape(row.note)}</td>" if noted else ""
    return f"<tr><th scope='row'>{compared}</th>{numbers}{note}</tr>\n"


def _power(text: str) -> str:
    """A power of ten with the exponent set by HTML: superscript characters are too small in a table."""
    mantissa, minus, exponent = text.partition("\u207b")
    if not minus:
        return escape(text)
    return f"{escape(mantissa)}<sup>{(minus + exponent).translate(PLAIN_DIGITS)}</sup>"


def _bars(result: CorrelationResult) -> str:
    if all(row.r is None for row in result.rows):
        return ""
    figures = "".join(f"<div class='wide'>{svg}</div>" for svg in bar_figures(result, "bars-"))
    more = ""
    if len(result.groups) > MAX_BAR_GROUPS:
        more = (
            f" The first {MAX_BAR_GROUPS} of {len(result.groups)} groups are drawn; the table has them all."
        )
    return (
        "<section><h2>By group</h2><figure>"
        f"{figures}<figcaption>Correlation of similarities, for all sites and within each group. "
        f"Filled bars: Mantel p at most {LEVEL:g}; hatched: above.{more}</figcaption></figure></section>"
    )


def _pairs(result: CorrelationResult) -> str:
    rows = {(row.block_a, row.block_b): row for row in result.rows if row.group == POOLED}
    figures = []
    for index, pairs in enumerate(result.similarities):
        row = rows[pairs.block_a, pairs.block_b]
        if row.r is not None:
            figures.append(f"<div>{pair_figure(pairs, row, result, f'pairs{index}-')}</div>")
    if not figures:
        return ""
    return (
        "<section><h2>Pair by pair</h2><figure>"
        f"<div class='panels'>{''.join(figures)}</div>"
        "<figcaption>Each pair of sites by its similarity in one block (across) and in the other (up), all "
        "sites pooled, with the least-squares line. Where pairs are many, colour gives their number per "
        "cell, on a logarithmic scale.</figcaption></figure></section>"
    )


def _dropped(result: CorrelationResult, site_names: Sequence[str] | None) -> str:
    def name(index: int) -> str:
        return escape(site_names[index]) if site_names is not None else f"site {index + 1}"

    if not result.dropped and not result.ungrouped:
        return "<section><h2>Sites left out</h2><p>None: every site has a value in every block.</p></section>"
    counts: dict[tuple[str, str], int] = {}
    for site in result.dropped:
        counts[site.block, site.reason] = counts.get((site.block, site.reason), 0) + 1
    lines = "".join(
        f"<li>{escape(block)}: {count:,} of {result.sites:,} sites, {escape(reason)}</li>"
        for (block, reason), count in counts.items()
    )
    if result.ungrouped:
        sites = "site" if len(result.ungrouped) == 1 else "sites"
        lines += f"<li>{len(result.ungrouped):,} {sites} without a group: in the pooled rows only</li>"
    listed = "".join(
        f"<tr><td>{name(site.index)}</td><td>{escape(site.block)}</td><td>{escape(site.reason)}</td></tr>\n"
        for site in result.dropped[:MAX_LISTED]
    )
    table = ""
    if listed:
        more = len(result.dropped) - MAX_LISTED
        rest = f"<p>And {more:,} more.</p>" if more > 0 else ""
        table = (
            "<table><thead><tr><th scope='col'>Site</th><th scope='col'>Block</th>"
            f"<th scope='col'>Reason</th></tr></thead><tbody>{listed}</tbody></table>{rest}"
        )
    return (
        "<section><h2>Sites left out</h2><p>A site without a usable value in a block is left out of the rows "
        f"that need the block.</p><ul>{lines}</ul>{table}</section>"
    )


def _method(result: CorrelationResult) -> str:
    combined = ""
    if any(row.block_b == COMBINED for row in result.rows):
        combined = (
            f"<p><b>{COMBINED}</b> is the mean of the similarities of both views, each z-scored over the "
            "pairs of the row.</p>"
        )
    return f"""<section class="method"><h2>How it was computed</h2>
<p><b>Similarity</b> between two sites is the cosine of their vectors, or, where a block is a single number
per site, 1 minus the absolute difference over the range. <b>r</b> is Pearson's correlation between the
similarities of all pairs of sites in the two blocks; pooled rows include pairs from different groups.</p>
{combined}
<p><b>p naive</b> is the two-sided t-test with pairs \u2212 2 degrees of freedom. It assumes independent
pairs, but each site is part of many pairs, so it is usually far too small. <b>p Mantel</b> (Mantel 1967)
rearranges the sites of the first block at random and counts how often |r| is at least as large:
(hits + 1) / (permutations + 1). Neither accounts for sites that are alike because they lie
close together.</p></section>"""


def _provenance(
    result: CorrelationResult, provenance: Mapping[str, str], block_fields: Mapping[str, Sequence[str]]
) -> str:
    rows = [(escape(key), escape(value)) for key, value in provenance.items()]
    for name, width, measure in result.blocks:
        fields = list(block_fields.get(name, ()))
        shown = ", ".join(fields[:12]) + (f" and {len(fields) - 12} more" if len(fields) > 12 else "")
        what = f"{width:,} numbers per site" if width > 1 else "one number per site"
        rows.append(
            (f"Block {escape(name)}", escape("; ".join(part for part in (shown, what, measure) if part)))
        )
    rows.append(("Sites in the layer", f"{result.sites:,}"))
    rows.append(("Groups", escape(", ".join(result.groups)) or "none"))
    rows.append(("Permutations", f"{result.permutations:,}"))
    rows.append(("Seed", f"{result.seed}"))
    cells = "".join(f"<tr><th scope='row'>{key}</th><td>{value}</td></tr>\n" for key, value in rows)
    return f"<section><h2>Provenance</h2><table class='provenance'><tbody>{cells}</tbody></table></section>"
