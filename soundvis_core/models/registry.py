"""The registry: what models there are and how each is made. Data, not code: ``resources/tables/models.csv``.

The user's own rows lie in ``models.csv`` of the folder of SoundVis; see :mod:`.registry_file`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import InputError

if TYPE_CHECKING:  # the environment report reads the registry where numpy is missing, too
    import numpy as np

    from .options import ModelOptions

EMBED_AUDIO = "embed-audio"
TAG_AUDIO = "tag-audio"
EMBED_IMAGE = "embed-image"
SEGMENT_AERIAL = "segment-aerial"
SEGMENT_PHOTO = "segment-photo"
#: A part of another model, no tool of its own.
UPSAMPLE = "upsample-features"
TASKS = (EMBED_AUDIO, TAG_AUDIO, EMBED_IMAGE, SEGMENT_AERIAL, SEGMENT_PHOTO, UPSAMPLE)

LIGHT = "light"
TORCH = "torch"


@dataclass(frozen=True)
class ModelRow:
    """One model: what it does, what makes it, where its weights come from, what its licence means for the user.

    loader: ``module:Class`` within this package. architecture: the loader's own option, as open_clip's name of
    a model. files: the weight files by their names in ``repo`` at ``revision`` (a commit; empty: the newest one at
    the time of the download). sha256, git_blob: content hashes of those files that have no other pin. bytes: size
    of the download, 0 where unknown. dimension: of the vectors. space: name of the embedding space it shares.
    needs: id of a row that is an optional part of this one. page: where a person gets the files that are not ours
    to download. path: a local folder or file, the user's rows only.
    """

    id: str
    tasks: tuple[str, ...]
    title: str
    loader: str
    architecture: str = ""
    runtime: str = LIGHT
    repo: str = ""
    revision: str = ""
    files: tuple[str, ...] = ()
    sha256: Mapping[str, str] = field(default_factory=dict, hash=False)
    git_blob: Mapping[str, str] = field(default_factory=dict, hash=False)
    bytes: int = 0
    dimension: int | None = None
    input: str = ""
    licence: str = ""
    licence_note: str = ""
    space: str = ""
    needs: str = ""
    page: str = ""
    path: str = ""
    description: str = ""

    @property
    def task(self) -> str:
        """What it is mainly for."""
        return self.tasks[0]


class AudioEncoder(Protocol):
    """Turns windows of sound into vectors."""

    id: str
    rate: int
    dimension: int

    def encode(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Mono float32 windows in -1..1 at ``rate`` hertz -> float32 (n, dimension)."""


class ImageEncoder(Protocol):
    """Turns pictures into vectors."""

    id: str
    dimension: int

    def encode(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """uint8 (h, w, 3) each -> float32 (n, dimension)."""


def rows() -> tuple[ModelRow, ...]:
    """Every row: those that ship, then the user's. What is wrong with the user's file says :func:`problems`."""
    from .registry_file import shipped_rows, user_rows

    own = user_rows().rows
    return shipped_rows() + own if own else shipped_rows()


def problems() -> tuple[str, ...]:
    """What is wrong with the user's registry, with file and line; such rows are not among :func:`rows`."""
    from .registry_file import user_rows

    return tuple(user_rows().problems.values())


def for_task(task: str) -> tuple[ModelRow, ...]:
    """The models of a task: the paper's first, the light one second."""
    return tuple(row for row in rows() if task in row.tasks)


def by_id(model_id: str) -> ModelRow:
    """The row of a model. Raises InputError where there is none, or where the user's row cannot be used."""
    for row in rows():
        if row.id == model_id:
            return row
    raise _refusal(model_id, "", rows())


def find(model_id: str, task: str) -> ModelRow:
    """The row of a model. Raises InputError that lists the models of the task."""
    for row in for_task(task):
        if row.id == model_id:
            return row
    raise _refusal(model_id, " for this task", for_task(task))


def _refusal(model_id: str, where: str, known: Sequence[ModelRow]) -> InputError:
    from .registry_file import user_rows

    problem = user_rows().problems.get(model_id)
    if problem:
        return InputError(problem)
    choice = f"Choose one of: {', '.join(row.id for row in known)}."
    hints = " ".join(problems())
    return InputError(f"There is no model '{model_id}'{where}. {choice} {hints}".rstrip())


def load(model_id: str, task: str, options: ModelOptions | None = None) -> Any:
    """Make a model ready to run.

    Raises InputError for an unknown id or options without meaning, MissingWeightsError where its files are not there.
    """
    row = find(model_id, task)
    module, name = row.loader.split(":")
    loader = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    if row.runtime == LIGHT:
        return loader()
    from .options import ModelOptions
    from .store import locate

    options = options or ModelOptions()
    return loader.load(locate(row, options), options)
