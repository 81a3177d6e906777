"""The main table of correlations, the table of every rung of the ladder, and what each row says."""

from __future__ import annotations

from collections.abc import Sequence

from ..statistics.results import (
    MORAN,
    PARTIAL,
    POOLED,
    RUNGS,
    SHORT_RUNGS,
    CorrelationResult,
    CorrelationRow,
    Rung,
)
from .markup import (
    cell,
    chosen,
    compared_cell,
    escape,
    group_head,
    heads,
    more_rows,
    p_value,
    section,
    small_p,
    strong,
    table,
    value_cell,
    with_whole,
)
from .wording import COEFFICIENTS, LEVEL, advised_rung, number, span, tested

#: Rows of the tables; the CSV file goes on.
MAX_ROWS = 400
MAX_LADDER_ROWS = 400
MAX_SENTENCES = 200
#: Rungs that test another coefficient than the row's.
_OWN_STATISTIC = (PARTIAL, MORAN)


def results_section(result: CorrelationResult) -> str:
    """R and rho of every row with its interval, the advised p with its adjustments, null deviation and ceiling."""
    rungs = [rung for row in result.rows for rung in row.rungs.values()]
    has = {
        "dropped": any(row.dropped for row in result.rows),
        "rho": any(row.rho is not None for row in result.rows),
        "interval": any(row.interval is not None for row in result.rows),
        "p": any(advised_rung(row) is not None for row in result.rows),
        "adjusted": any(rung.holm is not None or rung.bh is not None for rung in rungs),
        "sd": any(row.null_sd is not None for row in result.rows),
        "ceiling": any(row.ceiling is not None for row in result.rows),
    }
    columns = [("Compared", ""), ("Sites", "used"), ("", "left out"), ("Pairs", ""), ("r", ""), ("rho", "")]
    columns += [("95 % interval", "of rho" if result.method == "spearman" else "of r")]
    columns += [("Test", "advised"), ("p", ""), ("", "Holm"), ("", "BH"), ("Null sd", ""), ("Ceiling", "")]
    kept = [True, True, has["dropped"], True, True, has["rho"], has["interval"], has["p"], has["p"]]
    kept += [has["p"] and has["adjusted"]] * 2 + [has["sd"], has["ceiling"]]
    count = sum(kept)
    bodies = ""
    shown = chosen(result.rows, MAX_ROWS)
    for group in (POOLED, *result.groups):
        rows = [row for row in shown if row.group == group]
        if rows:
            lines = "".join(_result_row(row, under, kept) for row, under in with_whole(rows))
            bodies += f"<tbody>{group_head(group, count)}{lines}</tbody>"
    untested = "" if has["p"] else f" {_untested(result)}"
    adjusted = ""
    if has["p"] and has["adjusted"]:
        adjusted = (
            " Holm, BH: p adjusted for the number of rows that have the same test. The columns are explained under "
            "<a href='#method'>Method</a>."
        )
    lead = (
        "<p class='lead'>Correlation between the similarities of all pairs of sites in one block and in "
        "the other. The test, "
        f"interval and null sd are of {COEFFICIENTS.get(result.method, result.method)}. <b>Bold</b> p: at "
        f"most {LEVEL:g}.{adjusted}{untested}</p>"
    )
    head = heads([column for column, keep in zip(columns, kept) if keep], words="Test")
    return section(
        "correlations",
        "Correlations",
        lead + table("results", head, bodies) + more_rows(len(result.rows), MAX_ROWS),
    )


def _untested(result: CorrelationResult) -> str:
    if not result.permutations:
        return "Nothing was tested by permutation: no permutations were asked for."
    return "Nothing could be tested by permutation; the rows say why."


def _result_row(row: CorrelationRow, under: bool, kept: Sequence[bool]) -> str:
    rung = advised_rung(row)
    p, holm, bh = (None, None, None) if rung is None else (rung.p, rung.holm, rung.bh)
    cells = [
        compared_cell(row.block_a, row.block_b, row.category, under),
        cell(f"{row.sites:,}"),
        cell(f"{row.dropped:,}" if row.dropped else ""),
        cell(f"{row.pairs:,}"),
        cell(_tested(row.r, row.method != "spearman")),
        cell(_tested(row.rho, row.method == "spearman")),
        cell(span(row.interval)),
        cell("" if rung is None else SHORT_RUNGS.get(rung.name, escape(rung.name)), "test"),
        cell(strong(p_value(p), p)),
        cell(strong(small_p(holm), holm)),
        cell(strong(small_p(bh), bh)),
        value_cell(row.null_sd, 3),
        value_cell(row.ceiling, 2),
    ]
    line = f"<tr>{''.join(content for content, keep in zip(cells, kept) if keep)}</tr>\n"
    if row.note:
        line = line.replace("<tr>", "<tr class='noted'>", 1)
        line += f"<tr class='note'><td colspan='{sum(kept)}'>{escape(_sentence(row.note))}</td></tr>\n"
    return line


def _tested(value: float | None, is_tested: bool) -> str:
    """A coefficient, dark where the tests are of it."""
    return number(value) if is_tested else f"<span class='beside'>{number(value)}</span>"


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def ladder_table(result: CorrelationResult) -> str:
    """Every rung of every row: p, Holm and Benjamini-Hochberg, the statistic where it differs, notes numbered below."""
    rungs = [name for name in RUNGS if any(name in row.rungs for row in result.rows)]
    rows = [row for row in chosen(result.rows, MAX_LADDER_ROWS) if row.rungs]
    if not rows or not rungs:
        return ""
    symbol = "rho" if result.method == "spearman" else "r"
    adjusted = any(
        rung.holm is not None or rung.bh is not None for row in rows for rung in row.rungs.values()
    )
    family = {name: sum(row.p(name) is not None for row in result.rows) for name in rungs}
    notes: dict[str, int] = {}
    bodies = ""
    for group in (POOLED, *result.groups):
        lines = "".join(
            _ladder_line(row, under, rungs, notes, adjusted)
            for row, under in with_whole([row for row in rows if row.group == group])
        )
        bodies += f"<tbody>{group_head(group, len(rungs) + 2)}{lines}</tbody>" if lines else ""
    names = [
        (
            f"{SHORT_RUNGS[name].capitalize()} {f'{symbol}, ' if name in _OWN_STATISTIC else ''}p",
            f"Holm \u00b7 BH, of {family[name]:,}" if adjusted and family[name] else "",
        )
        for name in rungs
    ]
    text = "".join(f"<li value='{place}'>{escape(_sentence(note))}</li>" for note, place in notes.items())
    told = f"<ol class='notes'>{text}</ol>" if text else ""
    head = heads([("Compared", ""), (symbol, ""), *names])
    return table("ladder", head, bodies) + told + more_rows(len(result.rows), MAX_LADDER_ROWS)


def _ladder_line(
    row: CorrelationRow, under: bool, rungs: Sequence[str], notes: dict[str, int], adjusted: bool
) -> str:
    cells = "".join(_rung_cell(row, row.rungs.get(name), notes, adjusted) for name in rungs)
    head = compared_cell(row.block_a, row.block_b, row.category, under)
    return f"<tr>{head}{value_cell(tested(row))}{cells}</tr>\n"


def _rung_cell(row: CorrelationRow, rung: Rung | None, notes: dict[str, int], adjusted: bool) -> str:
    if rung is None:
        return cell("\u2013")
    mark = f"<sup>{notes.setdefault(rung.note, len(notes) + 1)}</sup>" if rung.note else ""
    if rung.p is None and rung.statistic is None:
        return cell("\u2013" + mark)
    # Its own r is told even where it is the row's to three digits: a blank would look like none.
    own = tested(row)
    differs = rung.statistic is not None and (rung.name in _OWN_STATISTIC or own is None)
    statistic = f"<span class='beside'>{number(rung.statistic)}</span>\u2002" if differs else ""
    below = ""
    if adjusted and rung.p is not None:
        below = f"<small>{strong(small_p(rung.holm), rung.holm)} \u00b7 {strong(small_p(rung.bh), rung.bh)}</small>"
    kind = "number read" if rung.name == row.advised and rung.p is not None else "number"
    return cell(f"{statistic}{strong(p_value(rung.p), rung.p)}{mark}{below}", kind)


def row_sentences(result: CorrelationResult) -> str:
    """What each row within a group or of a category says, in plain words."""
    rows = [row for row in result.rows if row.says and (row.group != POOLED or row.category)]
    if not rows:
        return ""
    bodies = ""
    for group in (POOLED, *result.groups):
        mine = with_whole([row for row in chosen(rows, MAX_SENTENCES) if row.group == group])
        lines = "".join(
            f"<tr>{compared_cell(row.block_a, row.block_b, row.category, under)}<td>{escape(row.says)}</td></tr>\n"
            for row, under in mine
        )
        bodies += f"<tbody>{group_head(group, 2)}{lines}</tbody>" if lines else ""
    words = table("said", "", bodies) + more_rows(len(rows), MAX_SENTENCES)
    return section("row-by-row", "Row by row, in words", words)
