"""Which blocks are compared with which: the rows of a correlation run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .results import Block

#: The name of street view and aerial imagery taken together.
COMBINED = "street+aerial"
#: What the name of a block of BGA shares ends with, where its modality has an embedding too.
BGA_SUFFIX = " BGA"
#: The numbers of a BGA block, in their order.
CATEGORIES = ("biophony", "geophony", "anthrophony")
SOUND, STREET, AERIAL = "sound", "street", "aerial"


@dataclass(frozen=True)
class Comparison:
    """One row to come: a block against one block, or against two as a combined view.

    others: the names of the blocks behind ``block_b``. category: ``""`` for whole blocks, else one of ``CATEGORIES``.
    """

    block_a: str
    block_b: str
    others: tuple[str, ...]
    category: str = ""

    @property
    def blocks(self) -> tuple[str, ...]:
        """All blocks that a site needs a value in."""
        return (self.block_a, *self.others)

    @property
    def column(self) -> int | None:
        """The column of the category in a BGA block; None for whole blocks."""
        return CATEGORIES.index(self.category) if self.category else None


@dataclass(frozen=True)
class Triple:
    """Sound with both views, for what the two tell together. category: ``BGA`` for BGA blocks beside embeddings."""

    sound: str
    street: str
    aerial: str
    category: str = ""


def comparisons(blocks: Sequence[Block]) -> list[Comparison]:
    """The rows of a run: every pair, sound with both views after sound with either, categories after their wholes.

    BGA blocks are compared with BGA blocks and others with others: an embedding against three shares mixes two
    questions. Across the two kinds only where two modalities have no kind in common, or where a block would be
    compared with nothing.
    """
    pairs = _pairs(blocks)
    bga = {block.name: block.bga for block in blocks}
    triples = {triple.sound: triple for triple in _triples(blocks, pairs)}
    found: list[Comparison] = []
    for block in blocks:
        found.extend(Comparison(first, second, (second,)) for first, second in pairs if first == block.name)
        if block.name in triples:
            triple = triples[block.name]
            both = combined_name(triple.street, triple.aerial)
            found.append(Comparison(block.name, both, (triple.street, triple.aerial)))
    rows: list[Comparison] = []
    for whole in found:
        rows.append(whole)
        if all(bga[name] for name in whole.blocks):
            rows.extend(
                Comparison(whole.block_a, whole.block_b, whole.others, category) for category in CATEGORIES
            )
    return rows


def triples(blocks: Sequence[Block]) -> list[Triple]:
    """Each sound block with the street and the aerial block that it is compared with."""
    return _triples(blocks, _pairs(blocks))


def combined_name(street: str, aerial: str) -> str:
    """What the two views together are called: ``street+aerial``, or ``street+aerial BGA``."""
    if street.endswith(BGA_SUFFIX) and aerial.endswith(BGA_SUFFIX):
        return f"{street[: -len(BGA_SUFFIX)]}+{aerial}"
    return f"{street}+{aerial}"


def modality(name: str) -> str:
    """``sound`` of ``sound`` and of ``sound BGA``."""
    return name[: -len(BGA_SUFFIX)] if name.endswith(BGA_SUFFIX) else name


def _pairs(blocks: Sequence[Block]) -> list[tuple[str, str]]:
    kinds: dict[str, set[bool]] = {}
    for block in blocks:
        kinds.setdefault(modality(block.name), set()).add(block.bga)
    possible = [
        (first, second)
        for position, first in enumerate(blocks)
        for second in blocks[position + 1 :]
        if first.bga == second.bga or modality(first.name) != modality(second.name)
    ]
    chosen = {
        (first.name, second.name)
        for first, second in possible
        if first.bga == second.bga or not kinds[modality(first.name)] & kinds[modality(second.name)]
    }
    compared = {name for pair in chosen for name in pair}
    left_out = {block.name for block in blocks} - compared
    return [
        (first.name, second.name)
        for first, second in possible
        if (first.name, second.name) in chosen or {first.name, second.name} & left_out
    ]


def _triples(blocks: Sequence[Block], pairs: Sequence[tuple[str, str]]) -> list[Triple]:
    bga = {block.name: block.bga for block in blocks}
    found = []
    for block in blocks:
        if modality(block.name) != SOUND:
            continue
        partners = [name for pair in pairs if block.name in pair for name in pair if name != block.name]
        views = [
            (street, aerial)
            for street in partners
            for aerial in partners
            if modality(street) == STREET and modality(aerial) == AERIAL
        ]
        if not views:
            continue
        # Views of one kind before mixed ones, and of the kind of the sound before the other.
        street, aerial = min(
            views, key=lambda view: (bga[view[0]] != bga[view[1]], bga[view[0]] != block.bga)
        )
        found.append(Triple(block.name, street, aerial, "BGA" if block.name.endswith(BGA_SUFFIX) else ""))
    return found
