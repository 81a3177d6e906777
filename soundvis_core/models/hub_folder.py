"""A checkpoint in the layout of the hub: its configuration as JSON, and a model of transformers with all its weights.

The library would fill in what is missing, random numbers included; here it is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from .checkpoints import read_state_dict
from .store import Weights
from .torch_stack import torch_stack

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
#: The way out of most damage.
AGAIN = "Download the model again."
_MOST_JSON = 10_000_000
_MOST_NAMES = 3
_PROBLEMS = (
    ("missing_keys", "missing"),
    ("mismatched_keys", "of another shape"),
    ("unexpected_keys", "unknown"),
)


def path_of(weights: Weights, name: str) -> Path:
    """Where a file of the checkpoint lies, or would lie."""
    return weights.files.get(name, weights.folder / name)


def missing_file(weights: Weights, name: str, needed: str) -> InputError:
    """The error about a file that is not there. needed: what belongs to a whole checkpoint."""
    return InputError(
        f"{name} is missing in {weights.folder}. A checkpoint of '{weights.row.id}' is a folder with all files of its "
        f"page on the hub: {needed}. {AGAIN}"
    )


def read_json(weights: Weights, name: str, needed: str) -> dict[str, Any]:
    """The mapping in a JSON file of the checkpoint. Raises InputError where it is missing, damaged or something else.

    needed: see :func:`missing_file`.
    """
    path = path_of(weights, name)
    try:
        if path.stat().st_size > _MOST_JSON:
            raise ValueError("it is too large for a configuration")
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise missing_file(weights, name, needed) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}). {AGAIN}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is no configuration of a model. {AGAIN}")
    return values


def read_config(weights: Weights, model_type: str, needed: str) -> dict[str, Any]:
    """``config.json``, without quantisation: that would need further libraries, and float32 is what is run here.

    Raises InputError where it describes a model of another type than ``model_type``; else as :func:`read_json`.
    """
    values = read_json(weights, CONFIG, needed)
    kind = values.get("model_type")
    if kind != model_type:
        raise InputError(
            f"{path_of(weights, CONFIG)} describes a model of the type '{kind}'; '{weights.row.id}' needs "
            f"'{model_type}'. {AGAIN}"
        )
    return {**values, "quantization_config": None}


def load_model(kind: Any, config: Any, weights: Weights, ignored: tuple[str, ...] = ()) -> Any:
    """A model of the class ``kind`` of transformers with the weights of the checkpoint, float32, on the processor.

    ignored: endings of keys whose absence or presence does not matter. Raises InputError where weights are missing,
    unknown or of another shape.
    """
    torch = torch_stack()
    path = weights.weight_file()
    state = read_state_dict(path)
    try:
        model, found = kind.from_pretrained(
            None,
            config=config,
            state_dict=state,
            local_files_only=True,
            revision=weights.revision,
            attn_implementation="sdpa",
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as error:  # the library's readers raise what they like
        where = path_of(weights, CONFIG)
        raise InputError(
            f"{path} cannot be read into the model that {where} describes ({first_line(error)})."
        ) from error
    _check_loaded(found, path, ignored)
    return model


def _check_loaded(found: Mapping[str, Any], path: Path, ignored: tuple[str, ...]) -> None:
    """What is missing would be random numbers: transformers only warns of it."""
    problems = []
    for kind, words in _PROBLEMS:
        keys = sorted(str(key[0] if isinstance(key, tuple) else key) for key in found.get(kind, ()))
        keys = [key for key in keys if not key.endswith(ignored)]
        if keys:
            more = f" and {len(keys) - _MOST_NAMES} more" if len(keys) > _MOST_NAMES else ""
            problems.append(f"{words}: {', '.join(keys[:_MOST_NAMES])}{more}")
    problems += [str(message) for message in found.get("error_msgs") or ()][:_MOST_NAMES]
    if problems:
        raise InputError(
            f"{path} does not fit the model that {CONFIG} describes ({'; '.join(problems)}). {AGAIN} With weights of "
            "your own, lay their own configuration beside them."
        )


def first_line(error: Exception) -> str:
    """What an error of a library says, in one line."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]
