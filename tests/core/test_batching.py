"""Batches across sites: order, exact means, bounded memory, failures that stay with their site, cancelling."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core import batching
from soundvis_core.batching import map_batches, sites_ahead
from soundvis_core.errors import FAILED, SKIPPED, Cancelled, InputError, SiteError
from soundvis_core.pipeline import OK, SiteResult
from soundvis_core.progress import NO_PROGRESS, NoProgress


class Mean:
    """A site: the mean of what the model says of its items, and in which order it came."""

    def __init__(self, values, pause: float = 0.0, error: Exception | None = None) -> None:
        self.values = values
        self.pause = pause
        self.error = error
        self.total = 0.0
        self.seen: list[float] = []

    def items(self, stop: threading.Event) -> Iterator[np.ndarray]:
        for value in self.values:
            if self.pause:
                time.sleep(self.pause)
            yield np.array([value], dtype=np.float64)
        if self.error is not None:
            raise self.error

    def add(self, output) -> None:
        self.seen.append(float(output[0]))

    def result(self) -> SiteResult:
        if not self.seen:
            raise SiteError("nothing to average", SKIPPED)
        return SiteResult(OK, values={"mean": sum(self.seen) / len(self.seen), "seen": self.seen})


def square(batch) -> np.ndarray:
    return np.stack(batch) ** 2


class Kept(NoProgress):
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.infos: list[str] = []
        self.now = False

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def info(self, text: str) -> None:
        self.infos.append(text)

    def cancelled(self) -> bool:
        return self.now


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("soundvis")]
        if not left:
            return
        time.sleep(0.01)
    raise AssertionError(left)


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
