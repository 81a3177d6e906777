"""HTML of the report: any text made safe, numbers, tables."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as _escape
from typing import TypeVar

from ..statistics.results import POOLED, CorrelationRow, HeterogeneityRow, WeightBand
from .figures import BGA_COLOURS
from .wording import LEVEL, PLAIN_DIGITS, group_name, number, printable, probability

#: Begins what is not to be parted where the page is printed.
KEPT = "<div class='kept'>"

_Row = TypeVar("_Row", CorrelationRow, HeterogeneityRow, WeightBand)


def escape(text: object) -> str:
    """Any text of the user's, safe in HTML text and attributes; control characters become blanks."""
    return _escape(printable(text), quote=True)


def isolated(text: object) -> str:
    """A name of the user's: its own direction of writing does not turn the words around it."""
    return f"<bdi>{escape(text)}</bdi>"


def p_value(p: float | None) -> str:
    """A p with its power of ten set by HTML: superscript characters are too small in a table."""
    mantissa, minus, exponent = probability(p).partition("\u207b")
    if not minus:
        return escape(mantissa)
    return f"{escape(mantissa)}<sup>{(minus + exponent).translate(PLAIN_DIGITS)}</sup>"


def cell(content: str, kind: str = "number") -> str:
    """A table cell of ready HTML."""
    return f"<td class='{kind}'>{content}</td>"


def value_cell(value: float | None, digits: int = 3) -> str:
    """A table cell with a number."""
    return cell(number(value, digits))


def small_p(p: float | None) -> str:
    """An adjusted p, where the size of a tiny one says nothing."""
    return "&lt; 0.001" if p is not None and p < 0.0005 else escape(number(p))


def strong(text: str, p: float | None) -> str:
    """The text of a p, bold where it is at most ``LEVEL``."""
    return f"<strong>{text}</strong>" if p is not None and p <= LEVEL else text


def compared_cell(block_a: str, block_b: str, category: str, under: bool = False) -> str:
    """The head of a row: its blocks; a category behind its colour, alone where it stands ``under`` its blocks."""
    blocks = f"{isolated(block_a)} \u2013 {isolated(block_b)}"
    if not category:
        return f"<th scope='row'>{blocks}</th>"
    name = f"<i style='background:{BGA_COLOURS.get(category, '#969696')}'></i>{escape(category)}"
    if under:
        return f"<th scope='row' class='under'><span class='unseen'>{blocks}, </span>{name}</th>"
    return f"<th scope='row'>{blocks}<br>{name}</th>"


def with_whole(rows: Sequence[_Row]) -> list[tuple[_Row, bool]]:
    """Each row, and whether it is a category that stands under another row of the same blocks."""
    found = []
    above: tuple[str, str] | None = None
    for row in rows:
        found.append((row, bool(row.category) and above == (row.block_a, row.block_b)))
        above = row.block_a, row.block_b
    return found


def group_head(group: str, columns: int) -> str:
    """A row that heads the rows of a group."""
    name = escape(group_name(group)) if group == POOLED else isolated(group)
    return f"<tr class='group'><th colspan='{columns}' scope='rowgroup'>{name}</th></tr>"


def heads(names: Sequence[tuple[str, str]], words: str = "") -> str:
    """The head of a table: names, each with a word below it or none. ``words``: the name over words among numbers."""
    cells = "".join(
        f"<th scope='col'{' class=words' if name and name == words else ''}>{name}"
        f"{f'<small>{below}</small>' if below else ''}</th>"
        for name, below in names
    )
    return f"<thead><tr>{cells}</tr></thead>"


def table(kind: str, head: str, bodies: str) -> str:
    """A table that scrolls by itself where the window is narrow."""
    return f"<div class='scroll'><table class='{kind}'>{head}{bodies}</table></div>"


def chosen(rows: Sequence[_Row], limit: int) -> Sequence[_Row]:
    """The rows that a table shows: all, or where they are too many those of all sites and of whole blocks."""
    if len(rows) <= limit:
        return rows
    return [row for row in rows if not row.category or getattr(row, "group", POOLED) == POOLED][:limit]


def more_rows(count: int, limit: int) -> str:
    """What stands under a table that does not show all of ``count`` rows."""
    if count <= limit:
        return ""
    return (
        f"<p class='lead'>There are {count:,} rows, too many for a page: the CSV file beside this report has them "
        "all.</p>"
    )


def section(key: str, title: str, content: str, kind: str = "", first: str = "") -> str:
    """A part of the page that the list of contents leads to; nothing where it has no content.

    first: what comes before the content and stays on one printed page with the title.
    """
    if not content and not first:
        return ""
    named = f" class='{kind}'" if kind else ""
    head = f"<h2>{title}</h2>"
    return f"<section id='{key}'{named}>{f'{KEPT}{head}{first}</div>' if first else head}{content}</section>"


def figure(svgs: Sequence[str], caption: str = "", columns: int = 1) -> str:
    """Figures under each other or in two columns, with one caption of ready HTML."""
    kind = "panels" if columns == 2 else "stack"
    one = "<div class='wide'>" if columns == 1 else "<div>"
    inner = "".join(f"{one}{svg}</div>" for svg in svgs)
    told = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f"<figure><div class='{kind}'>{inner}</div>{told}</figure>"
