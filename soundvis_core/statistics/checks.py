"""What a correlation run was given, checked and in one shape: which sites can be used where, and why the others not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .comparisons import CATEGORIES, combined_name, triples
from .results import POOLED, Block, DroppedSite
from .similarity import missing_reasons

#: What the ladder can test.
METHODS = ("pearson", "spearman")
#: Beyond this, even what is linear in the sites takes too long on a desktop.
MAX_SITES = 1_000_000


@dataclass(frozen=True)
class Sites:
    """The checked input of a run.

    blocks: by name, values (sites, d) float. usable: per block, (sites,) bool. dropped: the others, with reasons.
    labels: the group of each site or None. groups: their names in order. codes: (sites,) int, a number per group and
    for each site without one a negative number of its own. lonlat: (sites, 2) degrees, NaN where unknown, or None.
    controls: further fields, (sites,) float each.
    """

    blocks: dict[str, Block]
    usable: dict[str, np.ndarray]
    dropped: tuple[DroppedSite, ...]
    labels: tuple[str | None, ...]
    groups: tuple[str, ...]
    codes: np.ndarray
    lonlat: np.ndarray | None
    controls: dict[str, np.ndarray]

    @property
    def count(self) -> int:
        """How many sites the input has."""
        return len(self.codes)

    def members(self, group: str) -> np.ndarray:
        """(sites,) bool, the sites of a group; all for the pooled rows."""
        if group == POOLED:
            return np.ones(self.count, dtype=bool)
        return self.codes == self.groups.index(group)

    def used(self, group: str, names: Sequence[str]) -> np.ndarray:
        """Positions of the sites of a group that have a value in all of these blocks, rising."""
        return np.flatnonzero(
            np.logical_and.reduce([self.members(group), *(self.usable[name] for name in names)])
        )


def check_sites(
    blocks: Sequence[Block],
    groups: Sequence[str | None] | None,
    lonlat: np.ndarray | None,
    controls: Sequence[tuple[str, np.ndarray]],
) -> Sites:
    """The input in one shape.

    Raises :class:`InputError` for fewer than two blocks, names given twice, and sizes that do not fit together.
    """
    checked = _check_blocks(blocks)
    count = len(next(iter(checked.values())).values)
    if groups is not None and len(groups) != count:
        raise InputError(f"There are {len(groups)} groups for {count} sites; there must be one per site.")
    labels = tuple(_label(group) for group in groups) if groups is not None else (None,) * count
    names = tuple(sorted({label for label in labels if label is not None}))
    number = {name: position for position, name in enumerate(names)}
    codes = np.array(
        [-1 - site if label is None else number[label] for site, label in enumerate(labels)], dtype=int
    )
    usable: dict[str, np.ndarray] = {}
    dropped: list[DroppedSite] = []
    for name, block in checked.items():
        found = _dropped(block)
        usable[name] = np.ones(count, dtype=bool)
        usable[name][[site.index for site in found]] = False
        dropped.extend(found)
    return Sites(
        checked,
        usable,
        tuple(dropped),
        labels,
        names,
        codes,
        _check_lonlat(lonlat, count),
        _check_controls(controls, count),
    )


def check_numbers(permutations: int, bootstraps: int, seed: int, method: str) -> None:
    """Raise :class:`InputError` for settings that no run can have."""
    for value, what in ((permutations, "permutations"), (bootstraps, "bootstraps")):
        if value < 0:
            raise InputError(f"The number of {what} is {value}; it cannot be negative.")
    if seed < 0:
        raise InputError(f"The seed is {seed}; it cannot be negative.")
    if method not in METHODS:
        raise InputError(f"There is no method '{method}'. Choose {' or '.join(METHODS)}.")


def _check_blocks(blocks: Sequence[Block]) -> dict[str, Block]:
    if len(blocks) < 2:
        raise InputError(
            "A correlation needs at least two blocks, such as sound and street. Choose one more."
        )
    checked: dict[str, Block] = {}
    for block in blocks:
        if block.name in checked:
            raise InputError(f"There are two blocks called '{block.name}'. Give each block its own name.")
        checked[block.name] = _check_values(block)
    _check_names(list(checked.values()))
    sizes = {name: len(block.values) for name, block in checked.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InputError(
            f"The blocks have different numbers of sites ({listed}); they must be the same sites."
        )
    count = next(iter(sizes.values()))
    if count > MAX_SITES:
        raise InputError(
            f"The layer has {count:,} sites; correlating takes at most {MAX_SITES:,}. "
            "Select fewer sites or thin the layer."
        )
    for block in checked.values():
        _check_companions(block, count)
    return checked


def _check_values(block: Block) -> Block:
    """The block with (sites, d) float values; float32 stays, for it takes half the memory."""
    array = np.asarray(block.values)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"The block '{block.name}' has no values. Choose its field or fields.")
    if block.bga and array.shape[1] != len(CATEGORIES):
        raise InputError(
            f"The block '{block.name}' has {array.shape[1]} fields, but {', '.join(CATEGORIES)} are three. "
            "Choose these three fields, in this order."
        )
    if block.reliability is not None and not 0.0 <= block.reliability <= 1.0:
        raise InputError(
            f"The reliability of the block '{block.name}' is {block.reliability:g}; it must lie between 0 and 1."
        )
    return replace(block, values=array)


def _check_companions(block: Block, count: int) -> None:
    """What goes along with the values of a block must be of the same sites."""
    draws = block.draws
    if draws is not None and (draws.ndim != 3 or len(draws) != count or draws.shape[2] != len(CATEGORIES)):
        raise InputError(
            f"The draws of the block '{block.name}' have the shape {draws.shape}; "
            f"they must be {count} sites x draws x {len(CATEGORIES)} categories."
        )
    if block.reasons is not None and len(block.reasons) != count:
        raise InputError(f"The block '{block.name}' has {len(block.reasons)} reasons for {count} sites.")


def _check_names(blocks: Sequence[Block]) -> None:
    """No block may be called as a combined view is: the rows could not be told apart."""
    names = {block.name for block in blocks}
    for triple in triples(blocks):
        both = combined_name(triple.street, triple.aerial)
        if both in names:
            raise InputError(f"There are two blocks called '{both}'. Give each block its own name.")


def _dropped(block: Block) -> list[DroppedSite]:
    reasons = block.reasons if block.reasons is not None else [""] * len(block.values)
    return [
        DroppedSite(index, block.name, known or reason)
        for index, (reason, known) in enumerate(zip(missing_reasons(block.values, block.measure), reasons))
        if reason is not None
    ]


def _check_lonlat(lonlat: np.ndarray | None, count: int) -> np.ndarray | None:
    """Coordinates as float64 with NaN where one of the two is unknown or off the globe."""
    if lonlat is None:
        return None
    degrees = np.array(lonlat, dtype=np.float64)
    if degrees.shape != (count, 2):
        raise InputError(
            f"The coordinates have the shape {degrees.shape}; there must be a longitude and a latitude for each of "
            f"the {count} sites."
        )
    with np.errstate(invalid="ignore"):
        unknown = ~(np.isfinite(degrees).all(axis=1) & (np.abs(degrees[:, 1]) <= 90.0))
    degrees[unknown] = np.nan
    return degrees


def _check_controls(controls: Sequence[tuple[str, np.ndarray]], count: int) -> dict[str, np.ndarray]:
    checked: dict[str, np.ndarray] = {}
    for name, values in controls:
        if name in checked:
            raise InputError(f"The control field '{name}' is given twice. Choose each field once.")
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.shape != (count,):
            raise InputError(
                f"The control field '{name}' has {numbers.size} values for {count} sites; there must be one per site."
            )
        checked[name] = np.where(np.isfinite(numbers), numbers, np.nan)
    return checked


def _label(group: object) -> str | None:
    """The group as text; None for null and blank. A group that is called as the pooled rows are says so."""
    if group is None or (isinstance(group, float) and math.isnan(group)):
        return None
    text = str(group).strip()
    if not text:
        return None
    return f"{text} (group)" if text == POOLED else text
