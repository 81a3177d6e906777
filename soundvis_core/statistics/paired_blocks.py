"""Two blocks of the same sites made ready to be compared site by site: who can be compared with whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..progress import NO_PROGRESS, PartOf, Progress
from .pieces import Pieces
from .results import Block
from .similarity import missing_reasons

NO_GROUP = "the site has no group"


@dataclass(frozen=True)
class PairedBlocks:
    """Two blocks (a: sound, b: sight) of the sites that have a value in both, sites of one group side by side.

    names: of the blocks. positions: (m,) the input position of each used site. reasons: per site of the input why it
    is left out, "" where it is used. ranges: (start, stop) of each group among the used sites; only sites of one range
    are compared. a, b: similarities between used sites.
    """

    names: tuple[str, str]
    positions: np.ndarray
    reasons: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...]
    a: Pieces
    b: Pieces

    @property
    def pairs(self) -> int:
        """How many pairs of sites are compared."""
        return sum((stop - start) * (stop - start - 1) // 2 for start, stop in self.ranges)


def pair_blocks(
    a: Block, b: Block, groups: Sequence[str | None] | None = None, progress: Progress = NO_PROGRESS
) -> PairedBlocks:
    """Two blocks of the same sites, to be compared over all sites, or within ``groups`` only where these are given.

    groups: the group of each site; one without a group (None) is left out. Similarities are scaled over all used
    sites, so that those of several groups stay comparable.

    Raises :class:`InputError` where the blocks differ in their number of sites, and for unknown measures,
    and :class:`Cancelled`.
    """
    sites = len(a.values)
    if len(b.values) != sites or (groups is not None and len(groups) != sites):
        raise InputError(
            f"'{a.name}' has {sites} sites and '{b.name}' {len(b.values)}"
            + (f"; {len(groups)} groups are given" if groups is not None else "")
            + ". Give one row per site in each."
        )
    reasons = [
        _reason(first, second, missing_group)
        for first, second, missing_group in zip(
            _missing(a),
            _missing(b),
            [groups is not None and group is None for group in groups or [""] * sites],
        )
    ]
    used = np.array([site for site, reason in enumerate(reasons) if not reason], dtype=np.intp)
    ranges: tuple[tuple[int, int], ...] = ((0, len(used)),) if len(used) else ()
    if groups is not None:
        names = np.array([str(groups[site]) for site in used.tolist()], dtype=object)
        codes = np.unique(names, return_inverse=True)[1].ravel() if len(names) else np.empty(0, dtype=np.intp)
        order = np.argsort(codes, kind="stable")
        used, codes = used[order], codes[order]
        edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(used)]
        ranges = tuple(zip(edges, edges[1:])) if len(used) else ()
    return PairedBlocks(
        (a.name, b.name),
        used,
        tuple(reasons),
        ranges,
        Pieces(a.values[used], a.measure, PartOf(progress, 0.0, 0.5)),
        Pieces(b.values[used], b.measure, PartOf(progress, 0.5, 1.0)),
    )


def _missing(block: Block) -> list[str | None]:
    """Per site why it has no usable value in the block, as the tool before has said it or as the value shows."""
    reasons = missing_reasons(block.values, block.measure)
    said = block.reasons if block.reasons is not None else [""] * len(reasons)
    return [
        None if reason is None else f"{block.name}: {earlier or reason}"
        for reason, earlier in zip(reasons, said)
    ]


def _reason(first: str | None, second: str | None, no_group: bool) -> str:
    found = [reason for reason in (first, second) if reason is not None]
    return "; ".join(found) if found else NO_GROUP if no_group else ""
