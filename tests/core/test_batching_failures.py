"""What goes wrong in batches: failures stay with their site, memory runs out, runs are cancelled or dropped."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest

from soundvis_core.batching import map_batches
from soundvis_core.errors import FAILED, SKIPPED, Cancelled, InputError, SiteError
from soundvis_core.pipeline import OK
from soundvis_core.progress import NO_PROGRESS
from tests.builders.batch_sites import Kept, Mean, square, wait_for_threads


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    wait_for_threads()


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (SiteError("the recording is silent", SKIPPED), SKIPPED, "the recording is silent"),
        (InputError("not that model"), FAILED, "not that model"),
        (OSError("gone"), FAILED, "the file could not be read (OSError: gone)"),
        (ValueError("a defect"), FAILED, "an unexpected error (ValueError: a defect)"),
        (MemoryError(), FAILED, "there was not enough memory for this site"),
    ],
)
def test_a_site_that_fails_in_preparing_is_marked_and_the_others_go_on(error, status, reason):
    progress = Kept()
    sites = [Mean([1]), Mean([5, 6, 7], error=error), Mean([2]), Mean([], error=error), Mean([3])]
    results = list(map_batches(sites, square, 2, progress, 2))
    assert [result.status for result in results] == [OK, status, OK, status, OK]
    assert results[1].reason == results[3].reason == reason
    assert [results[place].values["mean"] for place in (0, 2, 4)] == [1.0, 4.0, 9.0]
    unexpected = "unexpected" in reason or "OSError" in reason or "memory" in reason
    assert len(progress.warnings) == len(progress.infos) == unexpected


@pytest.mark.parametrize("method", ["add", "result"])
def test_a_site_that_fails_with_its_outputs_is_marked_and_the_others_go_on(method):
    class Bad(Mean):
        pass

    def fail(*_arguments):
        raise SiteError("not finite")

    setattr(Bad, method, fail)
    results = list(map_batches([Mean([1]), Bad([2, 3, 4, 5]), Mean([6])], square, 2, NO_PROGRESS, 2))
    assert [result.status for result in results] == [OK, FAILED, OK]
    assert results[1].reason == "not finite"


def test_a_failed_site_is_not_prepared_to_its_end():
    """Where its first item fails in the model, nobody wants the rest of a long recording."""
    prepared = 0

    class Endless(Mean):
        def items(self, stop):
            nonlocal prepared
            while not stop.is_set():
                prepared += 1
                yield np.array([-1.0])

    def forward(batch):
        if min(item[0] for item in batch) < 0:
            raise ValueError("negative")
        return square(batch)

    results = list(map_batches([Endless([]), Mean([2])], forward, 3, NO_PROGRESS, 2))
    assert [result.status for result in results] == [FAILED, OK]
    assert prepared < 30


def test_too_few_outputs_are_an_error_and_not_a_shift():
    results = list(map_batches([Mean([1, 2, 3])], lambda batch: square(batch)[1:], 3, NO_PROGRESS, 1))
    assert results[0].status == FAILED and "0 outputs for 1 inputs" in results[0].reason


def test_lack_of_memory_halves_the_batches_for_good_and_is_said_once():
    sizes = []

    class OutOfMemoryError(RuntimeError):
        """As torch's: a RuntimeError."""

    def forward(batch):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return square(batch)

    progress = Kept()
    results = list(map_batches([Mean(range(40))], forward, 16, progress, 2))
    assert results[0].values["seen"] == [float(value) ** 2 for value in range(40)]
    assert [size for size in sizes if size > 2] == sorted({size for size in sizes if size > 2}, reverse=True)
    assert len(progress.warnings) == 1
    assert "not enough memory for 16 items at once" in progress.warnings[0]


def test_one_item_for_which_there_is_no_memory_costs_its_site_only():
    def forward(batch):
        if max(item[0] for item in batch) > 100:
            raise MemoryError
        return square(batch)

    results = list(map_batches([Mean([1]), Mean([2, 500, 3]), Mean([4])], forward, 4, Kept(), 2))
    assert [result.status for result in results] == [OK, FAILED, OK]
    assert results[1].reason == "there was not enough memory for this site"


def test_cancelling_ends_the_run_between_batches():
    progress = Kept()
    calls = 0

    def forward(batch):
        nonlocal calls
        calls += 1
        time.sleep(0.01)
        if calls == 3:
            progress.now = True
        return square(batch)

    with pytest.raises(Cancelled):
        list(map_batches([Mean(range(100_000))], forward, 2, progress, 2))
    assert calls < 30


def test_a_long_batch_does_not_hold_up_cancelling():
    """The model's thread cannot be stopped; the run does not wait for it."""
    progress, go_on, running = Kept(), threading.Event(), threading.Event()

    def forward(batch):
        running.set()
        progress.now = True
        go_on.wait(30.0)
        return square(batch)

    with pytest.raises(Cancelled):
        list(map_batches([Mean([1, 2])], forward, 2, progress, 2))
    assert running.is_set() and not go_on.is_set()
    go_on.set()


def test_a_run_that_is_dropped_ends_its_threads():
    run = map_batches((Mean(range(1000)) for _ in range(50)), square, 2, NO_PROGRESS, 3)
    next(run)
    run.close()


def test_an_error_of_the_reader_of_tasks_ends_the_run():
    def tasks():
        yield Mean([1])
        raise RuntimeError("the layer is gone")

    with pytest.raises(RuntimeError, match="the layer is gone"):
        list(map_batches(tasks(), square, 4, NO_PROGRESS))


def test_the_end_of_the_model_s_thread_is_the_end_of_the_run():
    """Whatever is no error of a site, such as the end of the program, does not leave the run waiting for ever."""

    def forward(batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(map_batches([Mean([1, 2]), Mean([3])], forward, 2, NO_PROGRESS, 2))


def test_many_threads_switching_often_lose_nothing():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        sites = [Mean(range(number % 7)) for number in range(300)]
        results = list(map_batches(iter(sites), square, 5, NO_PROGRESS, 8))
    finally:
        sys.setswitchinterval(before)
    assert [len(result.values.get("seen", [])) for result in results] == [number % 7 for number in range(300)]
