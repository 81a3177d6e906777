"""Where a model runs: device, number format, threads, and how many items go through it at once."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

from ..errors import InputError
from .machine import cores, cpu_flags, free_memory
from .options import DEVICES, PRECISIONS, ModelOptions
from .torch_stack import torch_stack

#: The largest batches: more makes nothing faster. On two cores four pictures go through ViT-L/14 faster each
#: than eight, whose activations no longer fit the cache; more cores take two each.
FOR_TWO_CORES, MOST_ON_CPU, MOST_ON_GPU = 4, 16, 64

# Share of the free memory that activations may take. The rest is for decoding, and for what others do meanwhile.
_SHARE = {"cpu": 0.4, "cuda": 0.8, "mps": 0.4}
_NAMES = {"cuda": "CUDA (NVIDIA)", "mps": "MPS (Apple)"}
_DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
_BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
_WORTHWHILE = 1.5


@dataclass(frozen=True)
class Placement:
    """Where a model runs (``cpu``, ``cuda``, ``mps``) and its number format (torch's name: ``float32``...)."""

    device: str
    dtype: str
    name: str = ""

    def describe(self) -> str:
        """For the log and the layer's metadata, such as ``cpu (2 threads), float32``."""
        return f"{self.device} ({self.name}), {self.dtype}" if self.name else f"{self.device}, {self.dtype}"

    @property
    def torch_dtype(self) -> Any:
        """The number format as torch's own object."""
        return getattr(torch_stack(), self.dtype)


def place(
    options: ModelOptions, *, activation_bytes_per_item: int, weight_bytes: int
) -> tuple[Placement, int]:
    """Choose the device, the number format and the batch size of a model, and set torch's threads.

    ``activation_bytes_per_item`` is the memory that one item of a batch needs at its peak, ``weight_bytes`` that
    of the weights; both as float32. The order of ``auto`` is CUDA, MPS, CPU. bfloat16 is chosen on CUDA devices
    that have it, and on processors that have it (AMX or AVX512-BF16) where a short measurement finds it at
    least 1.5 times faster.

    Raises :class:`InputError` where the device or the number format that was asked for cannot be had.
    """
    _check(options)
    torch = torch_stack()
    device = _choose_device(torch, options.device)
    threads = _set_threads(torch)
    dtype = _choose_dtype(torch, device, options.precision)
    name = (
        f"{threads} thread{'' if threads == 1 else 's'}" if device == "cpu" else _device_name(torch, device)
    )
    placement = Placement(device, dtype, name)
    if options.batch > 0:
        return placement, options.batch
    width = 1.0 if dtype == "float32" else 0.5
    room = _SHARE[device] * _free(torch, device) - width * weight_bytes
    most = MOST_ON_GPU if device != "cpu" else min(max(2 * threads, FOR_TWO_CORES), MOST_ON_CPU)
    return placement, int(min(max(room / max(width * activation_bytes_per_item, 1.0), 1.0), most))


def out_of_memory(error: BaseException) -> bool:
    """Whether torch (or Python) ran out of memory: then a smaller batch may do."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and any(
            words in str(error).lower()
            for words in ("out of memory", "can't allocate memory", "not enough memory")
        )
    )


def _check(options: ModelOptions) -> None:
    if options.device not in DEVICES:
        raise InputError(f"There is no device '{options.device}'. Choose one of: {', '.join(DEVICES)}.")
    if options.precision not in PRECISIONS:
        raise InputError(
            f"There is no precision '{options.precision}'. Choose one of: {', '.join(PRECISIONS)}."
        )


def _choose_device(torch: ModuleType, wish: str) -> str:
    if wish == "cpu":
        return "cpu"
    if wish != "auto":
        problem = _problem(torch, wish)
        if problem:
            raise InputError(
                f"The device {_NAMES[wish]} was asked for and cannot be used: {problem}. Set the device to 'auto' or "
                "'cpu' in SoundVis's settings, or set up an environment made for it."
            )
        return wish
    return next((device for device in ("cuda", "mps") if not _problem(torch, device)), "cpu")


@lru_cache(maxsize=4)
def _problem(torch: ModuleType, device: str) -> str:
    """Why ``device`` cannot be used; empty where it can. A device that is there may still run nothing."""
    if device == "cuda" and not torch.cuda.is_available():
        without = torch.version.cuda is None
        return (
            "torch is installed without CUDA" if without else "no NVIDIA GPU with a driver that fits is found"
        )
    if device == "mps" and not torch.backends.mps.is_available():
        return "there is no Apple GPU that torch can use"
    try:
        torch.ones(8, device=device).sum().item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return ""


def _set_threads(torch: ModuleType) -> int:
    """As many threads as the process may use cores; fewer where torch was told so or sees only half-cores."""
    threads = min(torch.get_num_threads(), cores())
    torch.set_num_threads(threads)
    return threads


def _device_name(torch: ModuleType, device: str) -> str:
    return str(torch.cuda.get_device_name()) if device == "cuda" else "Apple GPU"


def _free(torch: ModuleType, device: str) -> int:
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return free_memory()


def _choose_dtype(torch: ModuleType, device: str, wish: str) -> str:
    if device == "cuda":
        has_bf16 = bool(torch.cuda.is_bf16_supported(including_emulation=False))
        if wish == "bf16" and not has_bf16:
            raise InputError("This NVIDIA GPU has no bfloat16. Set the precision to 'auto' or 'fp32'.")
    else:
        has_bf16 = wish == "auto" and device == "cpu" and bf16_is_faster()
    if wish != "auto":
        return _DTYPES[wish]
    return "bfloat16" if has_bf16 else "float32"


@lru_cache(maxsize=1)
def bf16_is_faster() -> bool:
    """Whether this processor multiplies matrices at least 1.5 times faster in bfloat16 than in float32.

    Where it has instructions for that, it is measured (about 0.2 s): some have them and gain nothing.
    """
    return _has_bf16(torch_stack()) and _speed_up(torch_stack()) >= _WORTHWHILE


def _has_bf16(torch: ModuleType) -> bool:
    """Whether the processor has instructions for bfloat16 (torch 2.9 and later tell; Linux always does)."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(_BF16_FLAGS & {*cpu_flags(), *(name for name, there in capabilities.items() if there)})


def _speed_up(torch: ModuleType) -> float:
    """Time in float32 over time in bfloat16 of one layer's product, measured in turns (median of seven)."""
    layers = {dtype: torch.nn.Linear(1024, 2048, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}
    inputs = {dtype: torch.ones(512, 1024, dtype=dtype) for dtype in layers}
    ratios = []
    with torch.inference_mode():
        for _ in range(8):
            seconds = {}
            for dtype, layer in layers.items():
                start = time.perf_counter()
                layer(inputs[dtype])
                seconds[dtype] = time.perf_counter() - start
            ratios.append(seconds[torch.float32] / max(seconds[torch.bfloat16], 1e-9))
    # The first round pays for what is made once.
    return statistics.median(ratios[1:])
