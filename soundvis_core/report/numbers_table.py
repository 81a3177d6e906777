"""Every number of a run as one long table: a line per number, for whoever goes on computing with them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence

from ..statistics.results import CorrelationResult, CorrelationRow, RuleEffect, WeightBand
from .wording import printable

#: The columns. kind and quantity say what ``value`` is; text is what has no number.
COLUMNS = (
    "kind",
    "block_a",
    "block_b",
    "category",
    "group",
    "site",
    "quantity",
    "value",
    "low",
    "high",
    "p",
    "p_holm",
    "p_bh",
    "sites",
    "text",
)
#: With more sites their own r are not listed: the file would be of hundreds of megabytes. A layer holds them.
MAX_ALIGNED_SITES = 200_000
#: With one of these first, a spreadsheet would take text for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_Line = dict[str, object]


def numbers_csv(
    result: CorrelationResult,
    provenance: Mapping[str, str] | None = None,
    site_names: Sequence[str] | None = None,
) -> str:
    """The whole run as CSV text (RFC 4180, comma, point as decimal mark, missing numbers empty).

    kind: ``run``, ``block``, ``correlation``, ``rung``, ``fusion``, ``heterogeneity``, ``weights``, ``screening``,
    ``alignment``, ``left out``. quantity: what ``value`` is, such as ``r`` or the name of the rung. low, high: its 95 %
    interval.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    names = site_names if site_names is not None else [str(index + 1) for index in range(result.sites)]
    for line in _lines(result, provenance or {}, names):
        writer.writerow({key: _cell(value) for key, value in line.items()})
    return buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    if value is None:
        return ""
    text = printable(value).encode("utf-8", errors="replace").decode("utf-8")
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _lines(result: CorrelationResult, provenance: Mapping[str, str], names: Sequence[str]) -> Iterator[_Line]:
    yield from _run(result, provenance)
    for row in result.rows:
        yield from _correlation(row)
    for part in result.fusion:
        yield {
            "kind": "fusion", "category": part.category, "group": part.group, "quantity": part.quantity,
            "value": part.value, **_interval(part.interval), "p": part.p, "sites": part.sites, "text": part.note,
        }  # fmt: skip
    for test in result.heterogeneity:
        key: _Line = {
            "kind": "heterogeneity", "block_a": test.block_a, "block_b": test.block_b, "category": test.category
        }  # fmt: skip
        yield {**key, "quantity": "Q", "value": test.q, "p": test.p, "text": test.note}
        yield {**key, "quantity": "df", "value": test.df}
        yield {**key, "quantity": "groups", "value": test.groups}
        yield {**key, "quantity": "I2", "value": test.i2}
    yield from _bands(result)
    yield from _screening(result)
    yield from _alignments(result, names)
    for site in result.dropped:
        yield {
            "kind": "left out", "block_a": site.block, "group": _group(result, site.index), "site": names[site.index],
            "text": site.reason,
        }  # fmt: skip


def _run(result: CorrelationResult, provenance: Mapping[str, str]) -> Iterator[_Line]:
    for name, value in (
        ("sites", result.sites),
        ("groups", len(result.groups)),
        ("permutations", result.permutations),
        ("bootstraps", result.bootstraps),
        ("seed", result.seed),
    ):
        yield {"kind": "run", "quantity": name, "value": value}
    yield {"kind": "run", "quantity": "method", "text": result.method}
    for control in result.controls:
        yield {"kind": "run", "quantity": "control", "text": control}
    for sentence in result.advice:
        yield {"kind": "run", "quantity": "advice", "text": sentence}
    for name, said in provenance.items():
        yield {"kind": "run", "quantity": name, "text": said}
    for name, width, measure in result.blocks:
        yield {
            "kind": "block",
            "block_a": name,
            "quantity": "numbers per site",
            "value": width,
            "text": measure,
        }


def _correlation(row: CorrelationRow) -> Iterator[_Line]:
    one = {**_key("correlation", row), "sites": row.sites}
    by_rank = row.method == "spearman"
    none: tuple[float, float] | None = None
    yield {
        **one,
        "quantity": "r",
        "value": row.r,
        **_interval(none if by_rank else row.interval),
        "text": row.note,
    }
    yield {**one, "quantity": "rho", "value": row.rho, **_interval(row.interval if by_rank else none)}
    yield {**one, "quantity": "sites", "value": row.sites}
    yield {**one, "quantity": "dropped", "value": row.dropped}
    yield {**one, "quantity": "pairs", "value": row.pairs}
    yield {**one, "quantity": "null sd", "value": row.null_sd}
    yield {**one, "quantity": "ceiling", "value": row.ceiling}
    yield {**one, "quantity": "advised", "text": row.advised}
    yield {**one, "quantity": "says", "text": row.says}
    for rung in row.rungs.values():
        yield {
            **_key("rung", row), "quantity": rung.name, "value": rung.statistic, "p": rung.p, "p_holm": rung.holm,
            "p_bh": rung.bh, "sites": row.sites if rung.sites is None else rung.sites, "text": rung.note,
        }  # fmt: skip


def _bands(result: CorrelationResult) -> Iterator[_Line]:
    for band in result.bands:
        key = _key("weights", band)
        yield {**key, "quantity": "median r", "value": band.median, "low": band.low, "high": band.high}
        yield {**key, "quantity": "draws", "value": band.draws}
        yield {**key, "quantity": "same sign", "value": band.same_sign}
        yield {**key, "quantity": "significant", "value": band.significant}
        yield {**key, "quantity": "survives", "value": band.survives}


def _screening(result: CorrelationResult) -> Iterator[_Line]:
    for effect in result.screening:
        key = _key("screening", effect)
        every, without = (
            f"{effect.rule}: {note}" if note else effect.rule for note in (effect.note_all, effect.note)
        )
        yield {**key, "quantity": "r with all sites", "value": effect.r, "sites": effect.sites, "text": every}
        yield {
            **key, "quantity": "r without", "value": effect.r_without, **_interval(effect.random),
            "sites": effect.sites - effect.lost, "text": without,
        }  # fmt: skip
        yield {
            **key,
            "quantity": "sites lost",
            "value": effect.lost,
            "sites": effect.sites,
            "text": effect.rule,
        }


def _alignments(result: CorrelationResult, names: Sequence[str]) -> Iterator[_Line]:
    for alignment in result.alignments:
        key: _Line = {"kind": "alignment", "block_a": alignment.block_a, "block_b": alignment.block_b}
        if result.sites > MAX_ALIGNED_SITES:
            yield {**key, "quantity": "r", "text": f"not listed for more than {MAX_ALIGNED_SITES:,} sites"}
            continue
        for index, r in enumerate(alignment.r.tolist()):
            if math.isfinite(r):
                yield {
                    **key,
                    "group": _group(result, index),
                    "site": names[index],
                    "quantity": "r",
                    "value": r,
                }


def _key(kind: str, row: CorrelationRow | WeightBand | RuleEffect) -> _Line:
    """What tells a row from others of its kind."""
    return {
        "kind": kind, "block_a": row.block_a, "block_b": row.block_b, "category": row.category, "group": row.group
    }  # fmt: skip


def _interval(interval: tuple[float, float] | None) -> _Line:
    return {"low": interval[0], "high": interval[1]} if interval is not None else {}


def _group(result: CorrelationResult, index: int) -> str | None:
    return result.site_groups[index] if index < len(result.site_groups) else None
