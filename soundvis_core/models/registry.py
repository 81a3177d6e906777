"""The registry: what models there are and how each is made. Data, not code: ``resources/tables/models.csv``."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import InputError
from ..resources import table_path

if TYPE_CHECKING:  # the environment report reads the registry where numpy is missing, too
    import numpy as np

EMBED_AUDIO = "embed-audio"
EMBED_IMAGE = "embed-image"
SEGMENT_AERIAL = "segment-aerial"
SEGMENT_PHOTO = "segment-photo"


@dataclass(frozen=True)
class ModelRow:
    """One model: what it does, what makes it, and what its licence means for the user."""

    id: str
    task: str
    title: str
    loader: str
    runtime: str
    licence: str
    space: str
    description: str


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


@lru_cache(maxsize=1)
def rows() -> tuple[ModelRow, ...]:
    """Every row of the registry."""
    with open(table_path("models.csv"), encoding="utf-8", newline="") as file:
        return tuple(ModelRow(**row) for row in csv.DictReader(file))


def find(model_id: str, task: str) -> ModelRow:
    """The row of a model. Raises InputError that lists the models of the task."""
    for row in rows():
        if row.id == model_id and row.task == task:
            return row
    known = ", ".join(row.id for row in rows() if row.task == task)
    raise InputError(f"There is no model '{model_id}' for this task. Choose one of: {known}.")


def load(model_id: str, task: str) -> Any:
    """Make a model ready to run. Raises InputError for an unknown id."""
    module, name = find(model_id, task).loader.split(":")
    return getattr(importlib.import_module(f"{__package__}.{module}"), name)()
