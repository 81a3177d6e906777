"""What each rule of screening does to the correlations: r with all sites, and without those that the rule drops."""

from __future__ import annotations

from ..statistics.results import POOLED, CorrelationResult, RuleEffect
from .markup import cell, compared_cell, escape, heads, isolated, more_rows, section, table, value_cell
from .wording import group_name, number

#: Rows of the table; the CSV file goes on.
MAX_ROWS = 200


def screening_section(result: CorrelationResult) -> str:
    """The r and the sites lost per rule, pair of blocks and group; nothing where no rule was given."""
    if not result.screening:
        return ""
    shown = [effect for effect in result.screening if not effect.category]
    symbol = "rho" if result.method == "spearman" else "r"
    bodies = ""
    for rule in dict.fromkeys(effect.rule for effect in shown):
        mine = [effect for effect in shown[:MAX_ROWS] if effect.rule == rule]
        rows = "".join(_row(effect) for effect in mine)
        head = f"<tr class='group'><th colspan='7' scope='rowgroup'>{isolated(rule)}</th></tr>"
        bodies += f"<tbody>{head}{rows}</tbody>" if mine else ""
    columns = heads(
        [
            ("Compared", ""),
            ("Group", ""),
            ("Sites", "in all"),
            ("Lost", "by the rule"),
            (symbol, "with all sites"),
            (symbol, "without those lost"),
            ("At random", f"95 % of {symbol}"),
        ]
    )
    lead = (
        "<p class='lead'>Screening deletes nothing: every other part of this report is of all sites. Here each row is "
        "told again without the sites that a rule drops. The last column says where it would lie if as many sites "
        "were dropped at random; <b>bold</b>: outside of that. There is no p: to choose rules by what they do to "
        f"{symbol} would make it worthless.</p>"
    )
    return section(
        "screening",
        "With and without screening",
        lead + table("screening", columns, bodies) + more_rows(len(shown), MAX_ROWS),
    )


def _row(effect: RuleEffect) -> str:
    group = escape(group_name(effect.group)) if effect.group == POOLED else isolated(effect.group)
    without = escape(number(effect.r_without))
    span = "\u2013"
    if effect.random is not None:
        low, high = effect.random
        span = f"{number(low)} to {number(high)}"
        if effect.r_without is not None and not low <= effect.r_without <= high:
            without = f"<strong>{without}</strong>"
    if effect.note:
        without += f"<small>{escape(effect.note)}</small>"
    return (
        f"<tr>{compared_cell(effect.block_a, effect.block_b, '')}<td>{group}</td>{cell(f'{effect.sites:,}')}"
        f"{cell(f'{effect.lost:,}')}{value_cell(effect.r)}{cell(without)}{cell(span)}</tr>\n"
    )
