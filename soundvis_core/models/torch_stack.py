"""Import torch and open_clip, quietly and without a network, also where torchvision does not match torch."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ..dependencies import IMPORT_ERRORS
from ..errors import MissingDependencyError

# Set before the first import, because the libraries read them then. Weights come from the models folder only:
# the offline switches make sure that no library ever asks a server.
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    # The worker reads and decodes on threads of its own, and forked tokenizers only warn about it.
    "TOKENIZERS_PARALLELISM": "false",
    # What Apple's GPU lacks runs on the processor instead of failing.
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",
}
_MISMATCH = "operator torchvision::"
_DECLARED = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_HOW = (
    "Create SoundVis's environment anew with the tool 'Set up the environment', or install it into the Python that is "
    "chosen in SoundVis's settings."
)

_lock = threading.RLock()
# torch forgets declared operators with the object that declared them.
_declarations: list[Any] = []
# What was imported once is handed out without looking at anything again: every batch asks for torch.
_imported: dict[str, ModuleType] = {}


def torch_stack() -> ModuleType:
    """torch, with torchvision in a state in which transformers and open_clip can be imported.

    Everything that runs a model calls this before it imports either. It takes no network from then on: not for
    a process that downloads. torchvision may be absent; transformers works without it.

    A torchvision built for another torch dies with ``operator torchvision::nms does not exist`` when it is
    imported. Neither library needs its compiled operators here, so the missing ones are declared, and it is
    imported again.

    Raises :class:`MissingDependencyError` without a torch that works.
    """
    with _lock:
        if "torch" not in _imported:
            os.environ.update(_ENVIRONMENT)
            with _quiet():
                torch = _import("torch", "running the models")
                _import_torchvision(torch)
            _imported["torch"] = torch
        return _imported["torch"]


def open_clip_stack() -> ModuleType:
    """open_clip, imported without transformers, which it needs for towers of other families only (1 s less).

    Raises :class:`MissingDependencyError` without open_clip, torch or torchvision.
    """
    with _lock:
        torch_stack()
        if sys.modules.get("torchvision") is None:
            raise MissingDependencyError(
                f"The Python package 'torchvision' is needed for CLIP models. {_HOW}"
            )
        with _quiet(), _hidden("transformers"):
            return _import("open_clip", "CLIP models")


def _import(module: str, purpose: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except IMPORT_ERRORS as error:
        raise MissingDependencyError(
            f"The Python package '{module}' is needed for {purpose} and cannot be imported in {sys.executable} "
            f"({error}). {_HOW}"
        ) from error


def _import_torchvision(torch: ModuleType) -> None:
    try:
        importlib.import_module("torchvision")
    except ModuleNotFoundError as error:
        if error.name != "torchvision":
            raise MissingDependencyError(f"torchvision cannot be imported ({error}). {_HOW}") from error
    except RuntimeError as error:
        if _MISMATCH not in str(error) or _declarations:
            raise MissingDependencyError(f"torchvision cannot be imported ({error}). {_HOW}") from error
        _purge("torchvision")
        library = torch.library.Library("torchvision", "DEF")
        for declaration in _DECLARED:
            library.define(declaration)
        _declarations.append(library)
        _import("torchvision", "CLIP models")
    except IMPORT_ERRORS as error:
        raise MissingDependencyError(f"torchvision cannot be imported ({error}). {_HOW}") from error


def _purge(package: str) -> None:
    """Forget what a failed import has left behind."""
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        del sys.modules[name]


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is said about deprecations inside the libraries: no user can do anything about them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """As if ``package`` were not installed, unless it is imported already (``None`` is Python's way to say so)."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]
