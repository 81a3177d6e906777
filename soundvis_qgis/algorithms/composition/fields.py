"""The BGA fields of a site: normalised, raw, unmapped, dominant, evenness, status and reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...layers.sinks import FieldSpec, number, text

if TYPE_CHECKING:
    from soundvis_core.bga.composition import Composition

CATEGORIES = (("bio", "Biophony"), ("geo", "Geophony"), ("ant", "Anthrophony"))
#: Names behind a prefix that are results, not shares of classes.
RESERVED = [
    "bio",
    "geo",
    "ant",
    "bio_raw",
    "geo_raw",
    "ant_raw",
    "bio_lo",
    "bio_hi",
    "geo_lo",
    "geo_hi",
    "ant_lo",
    "ant_hi",
    "bga_draws",
    "unmapped",
    "nodata",
    "unknown",
    "source",
    "dominant",
    "evenness",
    "bga_status",
    "bga_reason",
    "bga_windows",
    "bga_seconds",
    "seg_status",
    "seg_reason",
    "emb",
    "status",
    "reason",
    "windows",
    "seconds",
    "tags",
    "views",
    "covered",
    "ndsi",
    "band_bio",
    "band_ant",
    "steadiness",
]


def class_fields(prefix: str, names: Mapping[int, str]) -> dict[str, str]:
    """Field of the share of each class by its name, in the order of their codes.

    Classes whose names differ in case or punctuation only share a field. A class that is called like a result
    of the tools ("Nodata", "Bio") gets the ending ``_share``, one without any letter the name of its code.
    """
    from soundvis_core.classes import slug

    slugs = {name: slug(name) or f"class_{code}" for code, name in sorted(names.items())}
    taken = set(slugs.values()) | set(RESERVED)
    endings = {}
    for base in dict.fromkeys(slugs.values()):
        free = base
        while base in RESERVED and free in taken:
            free += "_share"
        endings[base] = free
    return {name: prefix + endings[base] for name, base in slugs.items()}


def bga_fields(prefix: str, source: str) -> list[FieldSpec]:
    """The fields behind ``prefix``; ``source`` says in their comments where they come from."""
    fields = [
        number(prefix + short, f"{label} (0-1)", f"normalised composition, {source}")
        for short, label in CATEGORIES
    ]
    fields += [
        number(f"{prefix}{short}_raw", f"{label}, raw", f"share times weight, {source}")
        for short, label in CATEGORIES
    ]
    return [
        *fields,
        number(prefix + "unmapped", "Unmapped (0-1)", "share that no weight covers"),
        text(prefix + "dominant", "Dominant category", "biophony, geophony or anthrophony"),
        number(prefix + "evenness", "Evenness (0-1)", "Pielou's evenness of the three categories"),
        text(prefix + "bga_status", "Status of the composition", "ok, failed or skipped"),
        text(prefix + "bga_reason", "Reason or remark on the composition"),
    ]


def bga_values(prefix: str, composition: Composition | None, status: str, reason: str) -> dict[str, Any]:
    """The attribute values of one site; null, never zero, where nothing is known."""
    values: dict[str, Any] = {prefix + "bga_status": status, prefix + "bga_reason": reason or None}
    if composition is None:
        return values
    for triple, suffix in ((composition.normalised, ""), (composition.raw, "_raw")):
        numbers: Sequence[float | None] = triple if triple is not None else (None, None, None)
        values.update({f"{prefix}{short}{suffix}": value for (short, _), value in zip(CATEGORIES, numbers)})
    values[prefix + "unmapped"] = composition.unmapped
    values[prefix + "dominant"] = composition.dominant
    values[prefix + "evenness"] = composition.evenness
    return values
