"""Where a model runs, on machines that are made up here."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from soundvis_core.errors import InputError
from soundvis_core.models import device, machine
from soundvis_core.models.device import Placement, out_of_memory, place
from soundvis_core.models.options import ModelOptions

GIB = 1024**3
AUTO = ModelOptions()


class Machine:
    """As much of torch as placing takes, on a machine with the given devices."""

    version = SimpleNamespace(cuda="13.0")

    def __init__(self, cuda=False, mps=False, bf16=True, free=40 * GIB, broken="", threads=16):
        self.threads = threads
        self._broken = broken
        self.cuda = SimpleNamespace(
            is_available=lambda: cuda,
            get_device_name=lambda: "NVIDIA X100",
            is_bf16_supported=lambda including_emulation: bf16,
            mem_get_info=lambda: (free, 2 * free),
        )
        self.backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps))
        self.cpu = SimpleNamespace()

    def ones(self, count, device):
        if self._broken:
            raise RuntimeError(self._broken + "\nCompile with TORCH_USE_CUDA_DSA")
        return torch.ones(count)

    def get_num_threads(self):
        return self.threads

    def set_num_threads(self, threads):
        self.threads = threads


@pytest.fixture
def on(monkeypatch):
    """Pretend to be on a machine with that torch, that many cores, that much memory and these instructions."""

    def pretend(made, cores=4, memory=16 * GIB, flags=(), speed_up=1.0):
        monkeypatch.setattr(device, "torch_stack", lambda: made)
        monkeypatch.setattr(device, "cores", lambda: cores)
        monkeypatch.setattr(device, "free_memory", lambda: memory)
        monkeypatch.setattr(device, "cpu_flags", lambda: frozenset(flags))
        monkeypatch.setattr(device, "_speed_up", lambda _: speed_up)
        device.bf16_is_faster.cache_clear()
        return made

    yield pretend
    device.bf16_is_faster.cache_clear()


def placed(options=AUTO, item=100 * 1024**2, weights=GIB):
    return place(options, activation_bytes_per_item=item, weight_bytes=weights)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (Machine(cuda=True, mps=True), Placement("cuda", "bfloat16", "NVIDIA X100")),
        (Machine(cuda=True, bf16=False), Placement("cuda", "float32", "NVIDIA X100")),
        (Machine(mps=True), Placement("mps", "float32", "Apple GPU")),
        (Machine(), Placement("cpu", "float32", "4 threads")),
        (Machine(cuda=True, broken="no kernel image is available"), Placement("cpu", "float32", "4 threads")),
    ],
)
def test_order_of_auto(on, made, expected):
    on(made)
    assert placed()[0] == expected


def test_asked_for_device_goes_before_better_ones(on):
    on(Machine(cuda=True, mps=True))
    assert placed(ModelOptions(device="cpu"))[0].device == "cpu"
    assert placed(ModelOptions(device="mps"))[0].device == "mps"


def test_absent_devices_are_refused_with_the_reason(on):
    without = Machine()
    without.version = SimpleNamespace(cuda=None)
    for made, wish, reason in (
        (without, "cuda", "torch is installed without CUDA"),
        (Machine(), "cuda", "no NVIDIA GPU with a driver that fits"),
        (Machine(), "mps", "no Apple GPU"),
        (Machine(cuda=True, broken="no kernel image"), "cuda", r"no kernel image\. Set the device to 'auto'"),
    ):
        on(made)
        with pytest.raises(InputError, match=reason):
            placed(ModelOptions(device=wish))


@pytest.mark.parametrize("options", [ModelOptions(device="tpu"), ModelOptions(precision="fp16")])
def test_unknown_wishes(on, options):
    on(Machine())
    with pytest.raises(InputError, match="Choose one of"):
        placed(options)


@pytest.mark.parametrize(
    ("flags", "speed_up", "dtype"),
    [
        ((), 9.0, "float32"),
        (("avx2", "avx512_bf16"), 0.7, "float32"),
        (("avx512_bf16",), 1.4, "float32"),
        (("avx512_bf16",), 1.6, "bfloat16"),
        (("amx_bf16", "amx_tile"), 3.0, "bfloat16"),
    ],
)
def test_bfloat16_on_a_processor_has_to_be_there_and_faster(on, flags, speed_up, dtype):
    on(Machine(), flags=flags, speed_up=speed_up)
    assert placed()[0].dtype == dtype


def test_instructions_are_asked_of_torch_too(on):
    made = on(Machine(), speed_up=2.0)
    made.cpu = SimpleNamespace(get_capabilities=lambda: {"amx_bf16": True, "avx2": True, "cpu_name": "X"})
    assert placed()[0].dtype == "bfloat16"


def test_precision_can_be_forced(on):
    on(Machine(), flags=("amx_bf16",), speed_up=3.0)
    assert placed(ModelOptions(precision="fp32"))[0].dtype == "float32"
    on(Machine())
    assert placed(ModelOptions(precision="bf16"))[0].dtype == "bfloat16"
    on(Machine(cuda=True))
    assert placed(ModelOptions(precision="fp32"))[0].dtype == "float32"
    on(Machine(cuda=True, bf16=False))
    with pytest.raises(InputError, match="no bfloat16"):
        placed(ModelOptions(precision="bf16"))


def test_batch_is_what_memory_holds(on):
    on(Machine(cuda=True, bf16=False, free=10 * GIB))
    # 80 % of 10 GiB less 4 GiB of weights.
    assert placed(item=GIB // 2, weights=4 * GIB)[1] == 8
    assert placed(item=64, weights=0)[1] == device.MOST_ON_GPU
    assert placed(item=99 * GIB, weights=0)[1] == 1
    on(Machine(cuda=True, free=10 * GIB))
    assert placed(item=GIB // 2, weights=4 * GIB)[1] == 24  # bfloat16: all of it is half as large
    on(Machine(), memory=10 * GIB)
    assert placed(item=GIB, weights=GIB)[1] == 3  # 40 % of 10 GiB less 1 GiB
    assert placed(item=GIB, weights=50 * GIB)[1] == 1


@pytest.mark.parametrize(("cores", "most"), [(1, 4), (2, 4), (4, 8), (64, 16)])
def test_batch_on_a_processor_goes_by_its_cores(on, cores, most):
    on(Machine(threads=64), cores=cores)
    assert placed(item=64, weights=0)[1] == most


def test_batch_can_be_forced(on):
    on(Machine(), memory=GIB)
    assert placed(replace(AUTO, batch=33), item=GIB)[1] == 33


@pytest.mark.parametrize(("cores", "before", "after"), [(4, 16, 4), (8, 2, 2), (1, 16, 1)])
def test_threads(on, cores, before, after):
    made = on(Machine(threads=before), cores=cores)
    assert placed()[0].name == f"{after} thread{'s' if after > 1 else ''}"
    assert made.threads == after


def test_description():
    assert Placement("cpu", "float32", "2 threads").describe() == "cpu (2 threads), float32"
    assert Placement("cuda", "bfloat16").describe() == "cuda, bfloat16"
    assert Placement("cpu", "bfloat16").torch_dtype is torch.bfloat16


def test_this_machine():
    before = torch.get_num_threads()
    placement, batch = placed(ModelOptions(device="cpu", precision="fp32"))
    assert placement.device == "cpu" and 1 <= batch <= device.MOST_ON_CPU
    assert torch.get_num_threads() <= before
    assert device._speed_up(torch) > 0.0
    assert machine.cores() >= 1
    assert machine.free_memory() > 10_000_000
    torch.set_num_threads(before)


def test_limits_of_a_container(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    free, cores = machine.free_memory(), machine.cores()
    (tmp_path / "memory.max").write_text("300000\n")
    (tmp_path / "memory.current").write_text("100000\n")
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert machine.free_memory() == 200_000
    assert machine.cores() == 1
    # Files that were read are no reason for smaller batches.
    (tmp_path / "memory.stat").write_text("anon 40000\ninactive_file 50000\nactive_file 10000\n")
    assert machine.free_memory() == 250_000
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine.free_memory() == pytest.approx(free, rel=0.3)
    assert machine.cores() == cores


def test_out_of_memory_is_recognised():
    assert out_of_memory(MemoryError())
    assert out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    assert out_of_memory(
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 5 bytes")
    )
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not out_of_memory(ValueError("out of memory"))
