"""What a run says about how a model is to run: where its files lie, on which device, in which precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..home import home

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class ModelOptions:
    """The settings of a run that concern models; plain values, so that they travel to the worker as JSON.

    models_folder, cache_folder: folders; empty text means the standard one. checkpoint: a local file or folder
    used in place of the downloaded weights. batch: items at once, 0 = as many as memory holds.
    """

    models_folder: str = ""
    cache_folder: str = ""
    checkpoint: str = ""
    device: str = "auto"
    precision: str = "auto"
    batch: int = 0

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any] | None) -> ModelOptions:
        """The options of a mapping; names it lacks keep their defaults, names that are not options are left out.

        Raises InputError where a value is none of its kind.
        """
        values = values or {}
        taken = {
            field.name: values[field.name] for field in fields(cls) if values.get(field.name) is not None
        }
        options = cls(**{**taken, "batch": _batch(taken.get("batch", 0))})
        for name, value, known in (
            ("device", options.device, DEVICES),
            ("precision", options.precision, PRECISIONS),
        ):
            if value not in known:
                raise InputError(f"The {name} '{value}' is not known. Choose one of: {', '.join(known)}.")
        return options

    def to_mapping(self) -> dict[str, Any]:
        """The options as plain values."""
        return asdict(self)

    @property
    def models(self) -> Path:
        """The folder of the downloaded models."""
        return Path(self.models_folder) if self.models_folder else home() / "models"

    @property
    def cache(self) -> Path:
        """The folder of what is kept between runs."""
        return Path(self.cache_folder) if self.cache_folder else home() / "cache"


def _batch(value: Any) -> int:
    try:
        batch = int(value)
    except (TypeError, ValueError):
        batch = -1
    if batch < 0:
        raise InputError(f"The batch size '{value}' is not a whole number from 0 on (0 = sized to memory).")
    return batch
