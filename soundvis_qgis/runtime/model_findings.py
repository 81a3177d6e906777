"""The models of the registry: what each is, its source and licence, and where its weights lie or how to get them."""

from __future__ import annotations

from collections.abc import Iterator

from soundvis_core.errors import SoundVisError
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.registry import LIGHT, ModelRow, problems, rows
from soundvis_core.models.store import missing_weights, weights_folder

from .findings import Finding
from .settings import model_options

MODELS_SECTION = "Models with weights"
_LIGHT_SECTION = "Light models"


def model_findings() -> Iterator[Finding]:
    """Every row of the registry. A model whose weights are not there is absent, which is no error."""
    try:
        options = model_options()
    except SoundVisError:  # told with the settings; where models lie is told all the same
        options = ModelOptions()
    known = rows()
    for row in known:
        if row.runtime != LIGHT:
            yield _with_weights(row, options)
    for problem in problems():
        yield Finding(
            MODELS_SECTION, "Your registry of models", False, problem, "Correct that line, or remove it."
        )
    for row in known:
        if row.runtime == LIGHT:
            found = f"{row.title} ({', '.join(row.tasks)}), no weights to download. {row.description}"
            yield Finding(_LIGHT_SECTION, row.id, True, found)


def _with_weights(row: ModelRow, options: ModelOptions) -> Finding:
    problem = missing_weights(row, options)
    size = f"{row.bytes / 1e6:,.0f} MB" if row.bytes else "size unknown"
    if problem is None:
        folder, revision = weights_folder(row, options)
        found, remedy = f"on this computer: {folder} (revision {revision})", ""
    else:
        found, remedy = f"not downloaded ({size})", _way(row)
    facts = (
        ("What", f"{row.title} ({', '.join(row.tasks)}). {row.description}"),
        ("Source", _source(row)),
        ("Licence", ": ".join(filter(None, (row.licence, row.licence_note)))),
        ("Size", size),
        ("Input", row.input),
        ("Output", f"{row.dimension} numbers" if row.dimension else ""),
        ("Part", f"'{row.needs}', optional" if row.needs else ""),
        ("Looked for", problem or ""),
    )
    details = tuple((name, text) for name, text in facts if text.strip())
    return Finding(MODELS_SECTION, row.id, True, found, remedy, problem is not None, details)


def _way(row: ModelRow) -> str:
    if row.path:
        return "Correct its path in your registry of models."
    if row.page:
        return f"Get it from {row.page}, then run 'Download models' with its folder as source."
    return "Run 'Download models', or give a local folder or file as CHECKPOINT."


def _source(row: ModelRow) -> str:
    if row.repo:
        return f"huggingface.co/{row.repo}" + (f", revision {row.revision}" if row.revision else "")
    return row.page or row.path
