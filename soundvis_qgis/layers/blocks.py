"""Attributes to the arrays of a block, as a stream: a million sites never lie in memory as features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import QgsFeature, QgsField, QgsFields
from qgis.PyQt.QtCore import QByteArray

from soundvis_core.errors import InputError

from ..compat import is_binary, is_list, is_null, is_text
from .sources import numbers_of

if TYPE_CHECKING:
    import numpy as np

#: The endings of BGA fields in the order of a block: biophony, geophony, anthrophony.
BGA_ENDINGS = ("bio", "geo", "ant")
#: What may stand behind those endings: the composition before it was normalised.
_RAW = "_raw"
#: How the fields are called in which the tools say why a site has no value, behind a prefix.
_KINDS = ("bga_", "seg_", "")


def is_embedding(field: QgsField) -> bool:
    """Whether a field may hold embeddings: bytes, JSON text, or a list (what GeoJSON makes of such text)."""
    return is_binary(field) or is_text(field) or is_list(field)


def vector_of(value: Any) -> np.ndarray | None:
    """The numbers of one embedding attribute as float32; None where it is empty.

    Raises ValueError or TypeError where the value is something else.
    """
    import numpy as np

    if isinstance(value, (bytes, bytearray, QByteArray)) and len(value) % 4 == 0:
        data = bytes(value)
        return np.frombuffer(data, dtype="<f4") if data else None
    numbers = numbers_of(value)
    if numbers is None:
        return None
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and the site is dropped for that
        return np.array(numbers, dtype=np.float32)


def read_numbers(rows: Iterable[tuple[int, QgsFeature]], indices: Sequence[int], sites: int) -> np.ndarray:
    """The numbers in the fields ``indices``: (sites, len(indices)) float64; NaN throughout where one is null.

    ``rows``: features with the position of their site.
    """
    import numpy as np

    values = np.full((sites, len(indices)), np.nan)
    for site, feature in rows:
        try:
            values[site] = [float(feature.attribute(index)) for index in indices]
        except TypeError:  # null
            continue
    return values


def read_vectors(
    rows: Iterable[tuple[int, QgsFeature]], index: int, sites: int, name: str, title: str
) -> np.ndarray:
    """The embeddings in the field ``index``: (sites, dimensions) float32; NaN where there is none.

    Raises InputError naming the block ``title`` and the field ``name`` for what is no embedding, and for lengths
    that differ.
    """
    import numpy as np

    values: np.ndarray | None = None
    lengths: set[int] = set()
    for site, feature in rows:
        try:
            vector = vector_of(feature.attribute(index))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{title}: the field '{name}' of feature {feature.id()} does not hold an embedding ({error}). "
                "Choose a field made by one of the embed tools, or numeric fields."
            ) from error
        if vector is None:
            continue
        lengths.add(len(vector))
        if values is None:
            values = np.full((sites, len(vector)), np.nan, dtype=np.float32)
        if len(lengths) == 1:
            values[site] = vector
    if len(lengths) > 1:
        raise InputError(
            f"{title}: the embeddings in '{name}' have different lengths ({', '.join(map(str, sorted(lengths)))}): "
            "they come from different models. Embed all sites with one model."
        )
    return values if values is not None else np.full((sites, 1), np.nan, dtype=np.float32)


def read_draws(
    rows: Iterable[tuple[int, QgsFeature]], index: int, sites: int, name: str, title: str
) -> np.ndarray | None:
    """The compositions under drawn weights: (sites, draws, 3) float16; None where there are none.

    Raises InputError naming the field for what holds no draws, and for numbers of draws that differ.
    """
    import numpy as np

    from soundvis_core.bga.uncertainty import unpack_draws

    values: np.ndarray | None = None
    counts: set[int] = set()
    for site, feature in rows:
        value = feature.attribute(index)
        data = b"" if is_null(value) else value if isinstance(value, str) else bytes(value)
        if not data:
            continue
        try:
            draws = np.asarray(unpack_draws(data))
        except ValueError as error:
            raise InputError(
                f"{title}: the field '{name}' of feature {feature.id()} does not hold draws of the weights ({error}). "
                "Make the BGA fields again, or remove that field."
            ) from error
        counts.add(len(draws))
        if values is None:
            values = np.full((sites, *draws.shape), np.nan, dtype=np.float16)
        if len(counts) == 1:
            values[site] = draws
    if len(counts) > 1:
        raise InputError(
            f"{title}: the sites in '{name}' have different numbers of draws "
            f"({', '.join(map(str, sorted(counts)))}). Make the BGA fields of all sites in one run."
        )
    return values


def bga_order(names: Sequence[str], title: str) -> list[str]:
    """Three BGA fields as biophony, geophony, anthrophony, told by their endings bio, geo, ant (or bio_raw ...).

    Raises InputError where they are not three such fields.
    """
    found: dict[str, str] = {}
    for name in names:
        ending = _bare(name)[-3:]
        if ending in BGA_ENDINGS:
            found.setdefault(ending, name)
    if len(names) != 3 or len(found) != 3:
        raise InputError(
            f"{title}: give three fields whose names end in 'bio', 'geo' and 'ant', as the BGA tools make them; "
            f"given {'is' if len(names) == 1 else 'are'} {', '.join(repr(name) for name in names)}."
        )
    return [found[ending] for ending in BGA_ENDINGS]


def draws_field(biophony: str) -> str:
    """The field beside a field of biophony that may hold compositions under drawn weights; empty for a raw one."""
    return "" if biophony.lower().endswith(_RAW) else biophony[: -len("bio")] + "bga_draws"


def reason_fields(fields: QgsFields, name: str) -> list[int]:
    """The fields in which a tool said why ``name`` has no value, the likeliest first: reason, then status."""
    prefixes = [name + "_"]
    prefixes += [name[: place + 1] for place in range(len(name) - 1, -1, -1) if name[place] == "_"]
    prefixes.append("")
    # A composition has its own reason beside the shares that it was made of.
    kinds = _KINDS if _bare(name)[-3:] in BGA_ENDINGS else ("seg_", "", "bga_")
    if name.lower().endswith("emb"):
        kinds = ("",)
    for prefix in prefixes:
        for kind in kinds:
            found = [fields.lookupField(f"{prefix}{kind}{what}") for what in ("reason", "status")]
            if found[0] >= 0:
                return [index for index in found if index >= 0]
    return []


def said_reason(feature: QgsFeature, indices: Sequence[int]) -> str:
    """What a tool said about a site without a value; empty where it said nothing."""
    for index in indices:
        value = feature.attribute(index)
        if not is_null(value) and str(value).strip() and str(value).strip() != "ok":
            return str(value).strip()
    return ""


def _bare(name: str) -> str:
    name = name.lower()
    return name[: -len(_RAW)] if name.endswith(_RAW) else name
