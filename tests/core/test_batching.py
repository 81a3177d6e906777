"""Batches across sites: order, exact means, bounded memory, failures that stay with their site, cancelling."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core import batching
from soundvis_core.batching import map_batches, sites_ahead
from soundvis_core.errors import FAILED, SKIPPED, SiteError
from soundvis_core.pipeline import OK
from soundvis_core.progress import NO_PROGRESS
from tests.builders.batch_sites import Kept, Mean, square, wait_for_threads


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    wait_for_threads()


numbers = st.lists(st.integers(-1000, 1000), max_size=9)


@settings(max_examples=150, deadline=None)
@given(
    sites=st.lists(st.one_of(numbers, st.sampled_from(["failed", "skipped"])), max_size=12),
    batch_size=st.integers(1, 10),
    threads=st.integers(1, 6),
)
def test_every_site_gets_its_own_mean_in_order_whatever_the_batches_and_threads(sites, batch_size, threads):
    tasks = [SiteError(f"it {site}", site) if isinstance(site, str) else Mean(site) for site in sites]
    sizes = []

    def forward(batch):
        sizes.append(len(batch))
        return square(batch)

    results = list(map_batches(iter(tasks), forward, batch_size, NO_PROGRESS, threads))
    assert len(results) == len(sites)
    for site, result in zip(sites, results):
        if isinstance(site, str):
            assert (result.status, result.reason) == (site, f"it {site}")
        elif not site:
            assert (result.status, result.reason) == (SKIPPED, "nothing to average")
        else:
            expected = [float(value) ** 2 for value in site]
            assert result.values["seen"] == expected
            assert result.values["mean"] == sum(expected) / len(expected)
    assert sum(sizes) == sum(len(site) for site in sites if not isinstance(site, str))
    assert max(sizes, default=1) <= batch_size and min(sizes, default=1) >= 1


@settings(max_examples=60, deadline=None)
@given(
    sites=st.lists(st.lists(st.integers(-9, 99), min_size=1, max_size=6), min_size=1, max_size=10),
    batch_size=st.integers(1, 8),
    memory=st.integers(1, 8),
)
def test_sites_that_the_model_cannot_take_fail_alone_and_lack_of_memory_costs_none(sites, batch_size, memory):
    """The model rejects negative numbers, and more than ``memory`` of them at once."""

    def forward(batch):
        if len(batch) > memory:
            raise RuntimeError("CUDA out of memory. Tried to allocate 3 GiB")
        if min(item[0] for item in batch) < 0:
            raise ValueError("negative")
        return square(batch)

    progress = Kept()
    results = list(map_batches([Mean(site) for site in sites], forward, batch_size, progress, 2))
    for site, result in zip(sites, results):
        if min(site) < 0:
            assert (result.status, result.reason) == (FAILED, "an unexpected error (ValueError: negative)")
        else:
            assert result.values["seen"] == [float(value) ** 2 for value in site]
    assert sum("not enough memory" in warning for warning in progress.warnings) <= 1
    assert sum("A site failed" in warning for warning in progress.warnings) == any(
        min(site) < 0 for site in sites
    )


def test_batches_are_full_across_sites():
    sizes = []
    together = threading.Event()

    def forward(batch):
        together.wait(5.0)
        sizes.append(len(batch))
        return square(batch)

    def tasks():
        for number in range(20):
            yield Mean([number, number + 1, number + 2])
        together.set()

    # The window of tasks is wider than these, so all are there before the first batch is done.
    assert len(list(map_batches(tasks(), forward, 8, NO_PROGRESS, 4))) == 20
    assert sum(sizes) == 60
    assert sizes[1:-1] == [8] * (len(sizes) - 2) and len(sizes) <= 9


def test_the_same_job_gives_the_same_batches(monkeypatch):
    monkeypatch.setattr(batching, "_PATIENCE", 60.0)

    def run(turn):
        batches = []

        def forward(batch):
            batches.append([float(item[0]) for item in batch])
            return square(batch)

        random = np.random.default_rng(turn)
        tasks = [
            Mean([n * 10 + k for k in range(1 + n % 4)], pause=random.random() * 0.003) for n in range(25)
        ]
        list(map_batches(tasks, forward, 4, NO_PROGRESS, 3))
        return batches

    seen = [run(turn) for turn in range(3)]
    assert seen[0] == seen[1] == seen[2]
    assert [len(batch) for batch in seen[0][:-1]] == [4] * (len(seen[0]) - 1)


def test_a_long_recording_streams_in_bounded_memory():
    """A thousand windows of a megabyte, beside short sites: never more than a few of them exist."""
    alive = peak = 0
    lock = threading.Lock()

    class Megabyte(np.ndarray):
        def __del__(self):
            nonlocal alive
            with lock:
                alive -= 1

    class Long(Mean):
        def items(self, stop):
            nonlocal alive, peak
            for value in self.values:
                item = np.full(131072, value, dtype=np.float64).view(Megabyte)
                with lock:
                    alive += 1
                    peak = max(peak, alive)
                yield item
                del item

    def forward(batch):
        time.sleep(0.0005)
        return np.array([[item[0]] for item in batch])

    threads, batch_size = 4, 4
    sites = [Long([1, 2]), Long(range(1000)), *(Long([number]) for number in range(30)), Long(range(200))]
    results = list(map_batches(sites, forward, batch_size, NO_PROGRESS, threads))
    assert results[1].values["seen"] == [float(value) for value in range(1000)]
    assert all(result.status == OK for result in results)
    # One batch being computed, one ready and some more, one of the site whose turn it is, one in each thread's hands.
    assert peak <= 4 * batch_size + 2 * threads
    assert alive <= batch_size


def test_a_recording_whose_turn_it_is_is_not_kept_waiting_by_those_behind_it():
    """The others fill the room first; the model waits for the first site all the same."""
    behind = threading.Event()

    class First(Mean):
        def items(self, stop):
            behind.wait(5.0)
            yield from super().items(stop)

    class Behind(Mean):
        def items(self, stop):
            for number, item in enumerate(super().items(stop)):
                yield item
                if number == 4:
                    behind.set()

    sites = [First(range(50)), Behind(range(300)), Behind(range(300)), Mean([1])]
    results = list(map_batches(sites, square, 2, NO_PROGRESS, 3))
    assert [len(result.values["seen"]) for result in results] == [50, 300, 300, 1]


def test_results_come_as_soon_as_they_are_there():
    """The first site is given out while the tasks after it are still being read, and while a later batch runs."""
    log = []
    first_seen = threading.Event()

    def forward(batch):
        if batch[0][0] >= 100:
            assert first_seen.wait(5.0)
        return square(batch)

    def tasks():
        yield Mean([1, 2])
        yield Mean(range(100, 140))

    for result in map_batches(tasks(), forward, 2, NO_PROGRESS, 2):
        log.append(result.values["mean"])
        first_seen.set()
    assert log[0] == 2.5 and len(log) == 2


def test_a_batch_that_is_not_full_is_not_held_back_while_tasks_are_slow_to_come():
    heard = threading.Event()

    def forward(batch):
        heard.set()
        return square(batch)

    def tasks():
        yield Mean([3])
        assert heard.wait(5.0), "the first site waits for a full batch"
        yield Mean([4])

    results = list(map_batches(tasks(), forward, 64, NO_PROGRESS, 2))
    assert [result.values["mean"] for result in results] == [9.0, 16.0]


def test_tasks_are_read_on_the_calling_thread_and_only_some_ahead():
    read, furthest, readers, models = 0, 0, set(), set()

    def tasks():
        nonlocal read
        for number in range(400):
            readers.add(threading.current_thread())
            read += 1
            yield Mean([number])

    def forward(batch):
        models.add(threading.current_thread())
        return square(batch)

    for done, _ in enumerate(map_batches(tasks(), forward, 4, NO_PROGRESS, 2)):
        furthest = max(furthest, read - done)
    assert readers == {threading.current_thread()} and len(models) == 1
    assert furthest <= sites_ahead(4, 2) == 12


def test_no_tasks_give_no_results():
    assert list(map_batches([], square, 4, NO_PROGRESS)) == []
