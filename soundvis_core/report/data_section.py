"""What the run was made from: blocks, sites used and left out, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..statistics.results import POOLED, CorrelationResult
from ..statistics.similarity import MEASURES
from .markup import cell, escape, heads, isolated, section, table
from .wording import group_name

#: Dropped sites that are listed one by one; the rest are counted.
MAX_LISTED = 200
#: Fields named for one block.
_FIELDS = 12
_NO_GROUP = "without a group"


def data_section(result: CorrelationResult, block_fields: Mapping[str, Sequence[str]]) -> str:
    """The blocks, and per group how many sites have a value in each, with the reasons of the others."""
    return section("data", "Data used", _blocks(result, block_fields) + _sites(result) + _reasons(result))


def left_out_section(result: CorrelationResult, site_names: Sequence[str] | None) -> str:
    """The sites left out, one by one."""
    if not result.dropped:
        return ""

    def name(index: int) -> str:
        return isolated(site_names[index]) if site_names is not None else f"site {index + 1}"

    rows = "".join(
        f"<tr><td>{name(site.index)}</td><td>{_group(result, site.index)}</td>"
        f"<td>{escape(site.block)}</td><td>{escape(site.reason)}</td></tr>\n"
        for site in result.dropped[:MAX_LISTED]
    )
    more = len(result.dropped) - MAX_LISTED
    rest = f"<p>And {more:,} more; the CSV file beside this report has them all.</p>" if more > 0 else ""
    head = heads([("Site", ""), ("Group", ""), ("Block", ""), ("Reason", "")])
    return section(
        "left-out", "Sites left out, one by one", table("plain", head, f"<tbody>{rows}</tbody>") + rest
    )


def _blocks(result: CorrelationResult, block_fields: Mapping[str, Sequence[str]]) -> str:
    rows = []
    dropped = _count(result)
    for name, width, measure in result.blocks:
        fields = list(block_fields.get(name, ()))
        shown = ", ".join(isolated(field) for field in fields[:_FIELDS])
        shown = shown or "\u2013"
        shown += f" and {len(fields) - _FIELDS} more" if len(fields) > _FIELDS else ""
        lacking = sum(count for (_, block, _), count in dropped.items() if block == name)
        words = MEASURES.get(measure, measure).replace(" - ", " \u2212 ")
        rows.append(
            f"<tr><th scope='row'>{escape(name)}</th><td>{shown}</td>{cell(f'{width:,}')}"
            f"<td>{escape(words)}</td>{cell(f'{result.sites - lacking:,}')}</tr>\n"
        )
    head = heads(
        [
            ("Block", ""),
            ("Fields", ""),
            ("Numbers per site", ""),
            ("Similarity between sites", ""),
            ("Sites with a value", f"of {result.sites:,}"),
        ]
    )
    return table("blocks", head, f"<tbody>{''.join(rows)}</tbody>")


def _count(result: CorrelationResult) -> dict[tuple[str, str, str], int]:
    """How many sites were left out, by group, block and reason."""
    counts: dict[tuple[str, str, str], int] = {}
    for site in result.dropped:
        key = _group_of(result, site.index), site.block, site.reason
        counts[key] = counts.get(key, 0) + 1
    return counts


def _group_of(result: CorrelationResult, index: int) -> str:
    if not result.groups:
        return POOLED
    group = result.site_groups[index] if index < len(result.site_groups) else None
    return _NO_GROUP if group is None else group


def _group(result: CorrelationResult, index: int) -> str:
    group = _group_of(result, index)
    return "\u2013" if group in (POOLED, _NO_GROUP) else isolated(group)


def _sites(result: CorrelationResult) -> str:
    """Sites per group and block, where the groups of the sites are known."""
    if not result.groups or len(result.site_groups) != result.sites:
        return ""
    totals: dict[str, int] = {}
    for group in result.site_groups:
        key = _NO_GROUP if group is None else group
        totals[key] = totals.get(key, 0) + 1
    lacking: dict[tuple[str, str], int] = {}
    for (group, block, _), count in _count(result).items():
        lacking[group, block] = lacking.get((group, block), 0) + count
    names = [*result.groups, *([_NO_GROUP] if _NO_GROUP in totals else [])]
    rows = []
    for group in names:
        cells = cell(f"{totals.get(group, 0):,}")
        for name, _, _ in result.blocks:
            cells += _used_cell(totals.get(group, 0), lacking.get((group, name), 0))
        rows.append(f"<tr><th scope='row'>{isolated(group)}</th>{cells}</tr>\n")
    cells = cell(f"{result.sites:,}")
    for name, _, _ in result.blocks:
        cells += _used_cell(
            result.sites, sum(count for (_, block), count in lacking.items() if block == name)
        )
    rows.append(f"<tr class='total'><th scope='row'>{escape(group_name(POOLED))}</th>{cells}</tr>\n")
    head = heads(
        [("Sites", ""), ("in the layer", ""), *((escape(name), "used") for name, _, _ in result.blocks)]
    )
    return table("sites", head, f"<tbody>{''.join(rows)}</tbody>")


def _used_cell(total: int, lacking: int) -> str:
    more = f"<small>{lacking:,} left out</small>" if lacking else ""
    return cell(f"{total - lacking:,}{more}")


def _reasons(result: CorrelationResult) -> str:
    lines = ""
    for (group, block, reason), count in _count(result).items():
        where = "" if group == POOLED else f" ({isolated(group)})"
        sites = "site" if count == 1 else "sites"
        lines += f"<li>{escape(block)}{where}: {count:,} {sites}, {escape(reason)}</li>"
    if result.ungrouped:
        sites = "site" if len(result.ungrouped) == 1 else "sites"
        lines += f"<li>{len(result.ungrouped):,} {sites} without a group: in the pooled rows only</li>"
    if not lines:
        return "<p class='lead'>Every site has a value in every block.</p>"
    return (
        "<h3>Left out, and why</h3><p class='lead'>A site without a usable value in a block is left out of the rows "
        f"that need the block, and of no others.</p><ul class='reasons'>{lines}</ul>"
    )
