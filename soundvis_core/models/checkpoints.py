"""Read weight files safely: numbers only, whatever else a file may try.

safetensors hold nothing but numbers. Files of torch are pickles, which can run code when they are opened; torch's
``weights_only`` reader refuses everything but tensors and plain containers. Trainings keep their settings beside the
weights: types that are usual there are read as empty objects, so that nothing of theirs is ever imported or run.
"""

from __future__ import annotations

import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .torch_stack import torch_stack

if TYPE_CHECKING:
    from torch import Tensor

_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"
_LFS = b"version https://git-lfs"
#: Under these names training programs keep the weights beside the state of the training.
_NESTED = ("state_dict", "model_state_dict", "model", "weights")
_SHOWN = 3
#: Types of settings: paths, numbers of numpy, and what argparse, Lightning and OmegaConf keep.
_SETTINGS = re.compile(
    r"(argparse|collections|datetime|enum|lightning|lightning_fabric|numpy|omegaconf|pathlib|pytorch_lightning|typing)\.[\w.]+"
    r"|bool|dict|float|frozenset|int|list|range|slice|str|tuple"
)
_MOST_TYPES = 100


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a weight file by name, on the processor; names as they are in the file.

    Reads safetensors and files of torch (``.pt``, ``.pth``, ``.bin``, ``.ckpt``), told apart by their content.
    A checkpoint of a training gives its ``state_dict``.

    Raises InputError for a file that is missing, cut off, no checkpoint, or that could run code.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            start = file.read(64)
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"The weight file {path} cannot be read: {error}. Check its path.") from error
    if start[8:9] == b"{":  # the length of the header goes before it
        return _read_safetensors(path)
    if start.startswith((_ZIP, _PICKLE)):
        return _tensors(_read_torch(path, mapped=start.startswith(_ZIP)), path)
    raise InputError(f"{path} ({size:,} bytes) is no weight file{_looks_like(start)}. {_AGAIN}")


_AGAIN = "Download it again, or choose another file."


def _looks_like(start: bytes) -> str:
    text = start.lstrip().lower()
    if text.startswith(_LFS):
        return ", only the pointer that Git LFS keeps in its place"
    return ", but a web page" if text.startswith((b"<!doctype", b"<html")) else ""


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    torch_stack()
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(str(path), device="cpu")
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{_cut_off(path)} ({_first_line(error)}). {_AGAIN}") from error


def _read_torch(path: Path, mapped: bool) -> Any:
    torch = torch_stack()
    empty: list[type] = []
    while True:
        try:
            with warnings.catch_warnings(), torch.serialization.safe_globals(empty):
                # Of unusual kinds of pickles, which are refused or read right.
                warnings.simplefilter("ignore")
                return torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)
        except Exception as error:  # a broken file can fail in any way
            name = _unknown(str(error))
            if len(empty) == _MOST_TYPES or not _SETTINGS.fullmatch(name):
                raise _refusal(path, error) from error
            empty.append(_empty_type(name))


def _unknown(said: str) -> str:
    """The type that the reader stopped at: the first that is neither a tensor's nor a plain container's."""
    found = re.search(r"GLOBAL '?([\w.]+)", said)
    return found.group(1) if found else ""


class _Empty:
    """Takes whatever belongs to a setting, and forgets it."""

    def __new__(cls, *_values: Any) -> Any:
        # The reader fills mappings of its own kinds only.
        return OrderedDict() if cls.__name__.lower().endswith("dict") else super().__new__(cls)

    def __init__(self, *_values: Any) -> None:
        return

    def __setstate__(self, _state: Any) -> None:
        return


def _empty_type(name: str) -> type:
    """What stands in for the type ``name``; the reader leaves out the module of Python's own types."""
    module, _, title = name.rpartition(".")
    return type(title, (_Empty,), {"__module__": module or "builtins", "__qualname__": title})


def _refusal(path: Path, error: Exception) -> InputError:
    said = str(error)
    if "torchscript" in said.lower():
        return InputError(
            f"{path} is a TorchScript archive, that is a program, and was not opened. Use the file that the tool "
            "'Download models' gets, or save the model's state_dict as safetensors."
        )
    name = _unknown(said)
    if name or "Unsupported" in said:
        return InputError(
            f"{path} was not opened because it could run code: it holds more than tensors{name and f' ({name})'}. If "
            "you trust where it comes from, save its state_dict as safetensors there; else choose another file."
        )
    return InputError(f"{_cut_off(path)} ({_first_line(error)}). {_AGAIN}")


def _cut_off(path: Path) -> str:
    return f"The weight file {path} ({path.stat().st_size:,} bytes) is cut off or damaged"


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    # torch advises here to open the file without protection.
    return lines[0][:200] if lines and "weights_only" not in lines[0] else type(error).__name__


def _tensors(loaded: Any, path: Path) -> dict[str, Tensor]:
    torch = torch_stack()
    for found in (loaded, *(loaded.get(name) for name in _NESTED if isinstance(loaded, Mapping))):
        if isinstance(found, Mapping) and found:
            tensors = {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}
            if len(tensors) == len(found):
                return tensors
    raise InputError(f"{path} holds no table of weights (state_dict) of a model. {_AGAIN}")


def check_keys(found: Mapping[str, Any], expected: Mapping[str, Any], path: str | Path) -> None:
    """Check that a file holds the weights of the very architecture that is to be run.

    ``found`` and ``expected``: tensors, or shapes, by name. Raises one InputError that names a few weights that
    are missing, too many or of another shape.
    """
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    shapes = [
        f"{name} {_shape(found[name])} in place of {_shape(expected[name])}"
        for name in expected
        if name in found and _shape(found[name]) != _shape(expected[name])
    ]
    parts = [
        f"{what}: {_few(names)}"
        for what, names in (("missing", missing), ("not expected", unexpected), ("other shapes", shapes))
        if names
    ]
    if parts:
        raise InputError(
            f"{path} holds the weights of another architecture ({'; '.join(parts)}). Choose the model that these "
            "weights belong to, or the weights of this model."
        )


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", value))


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
