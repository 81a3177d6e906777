"""The fields that the three embed tools share: the embedding, a status and a reason."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingException

from soundvis_core.pipeline import SiteResult

from ...layers.sinks import FieldSpec, embedding, pack_vector, text


def prefix_of(field: str) -> str:
    """The prefix of the fields beside an embedding field: ``snd_emb`` gives ``snd_``, ``tower`` gives ``tower_``."""
    return field[: -len("emb")] if field.endswith("_emb") else field + "_"


def embedding_fields(
    field: str, model: str, dimension: int | None, what: str, as_text: bool
) -> list[FieldSpec]:
    """The embedding with its status and reason. ``model``: its id, and revision where it has one."""
    if not field:
        raise QgsProcessingException("Give the embedding field a name.")
    prefix = prefix_of(field)
    form = "JSON text" if as_text else "float32, little-endian"
    length = f"{dimension} dimensions, " if dimension else ""
    return [
        embedding(field, f"Embedding of the {what}", f"{model}, {length}{form}", as_text),
        text(prefix + "status", f"Status of the {what}", "ok, failed or skipped"),
        text(prefix + "reason", f"Reason or remark on the {what}"),
    ]


def embedding_values(field: str, result: SiteResult, as_text: bool) -> dict[str, Any]:
    """The attribute values of one site."""
    prefix = prefix_of(field)
    return {
        field: pack_vector(result.vector, as_text),
        prefix + "status": result.status,
        prefix + "reason": result.reason or None,
    }
