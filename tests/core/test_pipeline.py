"""Many sites on several threads: the order of results, statuses, cancelling, memory."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet

import numpy as np
import pytest

from soundvis_core import pipeline
from soundvis_core.errors import (
    FAILED,
    SKIPPED,
    Cancelled,
    InputError,
    MissingDependencyError,
    SiteError,
    as_site_error,
)
from soundvis_core.jobs import JOBS, run_job
from soundvis_core.pipeline import OK, SiteResult, map_sites, worker_threads
from soundvis_core.progress import NO_PROGRESS, NoProgress, PartOf, check_cancelled


class CancelLater(NoProgress):
    """Is cancelled when told so; counts how often it was asked."""

    def __init__(self) -> None:
        self.now = False

    def cancelled(self) -> bool:
        return self.now


def echo(task: int, stop: threading.Event) -> SiteResult:
    return SiteResult(OK, values={"task": task})


def test_results_come_in_the_order_of_tasks_however_long_each_takes():
    waits = random.Random(3)

    def work(task: int, stop: threading.Event) -> SiteResult:
        time.sleep(waits.random() * 0.01)
        return echo(task, stop)

    results = map_sites(work, iter(range(60)), NO_PROGRESS)
    assert [result.values["task"] for result in results] == list(range(60))


def test_no_tasks_give_no_results():
    assert list(map_sites(echo, [], NO_PROGRESS)) == []


def test_a_failing_site_is_marked_and_the_others_go_on():
    def work(task: int, stop: threading.Event) -> SiteResult:
        if task == 1:
            raise SiteError("the file is corrupt")
        if task == 2:
            raise SiteError("silence", SKIPPED)
        if task == 3:
            raise MissingDependencyError("av is missing")
        return echo(task, stop)

    tasks = [0, 1, 2, 3, SiteError("no path", SKIPPED), 4]
    results = list(map_sites(work, tasks, NO_PROGRESS))
    assert [(result.status, result.reason) for result in results] == [
        (OK, ""),
        (FAILED, "the file is corrupt"),
        (SKIPPED, "silence"),
        (FAILED, "av is missing"),
        (SKIPPED, "no path"),
        (OK, ""),
    ]
    assert results[1].vector is None and not results[1].values


class Kept(NoProgress):
    """Keeps the log."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.infos: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def info(self, text: str) -> None:
        self.infos.append(text)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("a defect"), "an unexpected error (ValueError: a defect)"),
        (np.linalg.LinAlgError("singular"), "an unexpected error (LinAlgError: singular)"),
        (
            OSError(5, "Input/output error"),
            "the file could not be read (OSError: [Errno 5] Input/output error)",
        ),
        (TimeoutError("of the network"), "the file could not be read (TimeoutError: of the network)"),
        (MemoryError(), "there was not enough memory for this site"),
        (InputError("unreadable"), "unreadable"),
    ],
)
def test_an_error_nobody_foresaw_costs_its_own_site_only(error, reason):
    def work(task: int, stop: threading.Event) -> SiteResult:
        if task == 2:
            raise error
        return echo(task, stop)

    progress = Kept()
    results = list(map_sites(work, range(5), progress))
    assert [result.status for result in results] == [OK, OK, FAILED, OK, OK]
    assert results[2].reason == reason
    unexpected = not isinstance(error, InputError)
    assert len(progress.warnings) == len(progress.infos) == unexpected
    if unexpected:
        assert reason in progress.warnings[0]
        assert "Traceback" in progress.infos[0] and "raise error" in progress.infos[0]


def test_only_the_first_unexpected_error_is_logged():
    def work(task: int, stop: threading.Event) -> SiteResult:
        raise ValueError(f"defect {task}")

    progress = Kept()
    results = list(map_sites(work, range(30), progress))
    assert [result.reason for result in results] == [
        f"an unexpected error (ValueError: defect {task})" for task in range(30)
    ]
    assert len(progress.warnings) == len(progress.infos) == 1
    assert "defect 0" in progress.warnings[0]


def test_a_task_that_already_failed_unexpectedly_is_logged_too():
    progress = Kept()
    tasks = [SiteError("no path", SKIPPED), as_site_error(KeyError("band"))]
    first, second = map_sites(echo, tasks, progress)
    assert (first.status, second.status) == (SKIPPED, FAILED)
    assert len(progress.warnings) == 1 and "KeyError" in progress.warnings[0]


def test_a_task_that_fails_just_after_the_wait_ended_keeps_its_error():
    """Between a time-out of the wait and the look at the future, the work may end."""

    class LateFuture(Future):
        def result(self, timeout=None):
            if timeout is not None and not self.done():
                self.set_exception(ValueError("a defect"))
                raise NotYet
            return super().result(timeout)

    with pytest.raises(ValueError, match="a defect"):
        pipeline._wait(LateFuture(), NO_PROGRESS)


def test_an_error_of_the_reader_of_tasks_ends_the_run_and_its_threads():
    def tasks():
        yield 1
        raise RuntimeError("the layer is gone")

    with pytest.raises(RuntimeError, match="the layer is gone"):
        list(map_sites(echo, tasks(), NO_PROGRESS))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("soundvis")]


def test_tasks_are_read_only_a_few_ahead():
    read = 0

    def tasks():
        nonlocal read
        for number in range(10_000):
            read += 1
            yield number

    furthest = 0
    for done, _ in enumerate(map_sites(echo, tasks(), NO_PROGRESS)):
        furthest = max(furthest, read - done)
        if done == 200:
            break
    assert furthest <= 2 * worker_threads() + 1


def test_tasks_are_read_on_the_calling_thread():
    """Features of a layer may be read in one thread only."""
    threads = set()

    def tasks():
        for number in range(20):
            threads.add(threading.current_thread())
            yield number

    list(map_sites(echo, tasks(), NO_PROGRESS))
    assert threads == {threading.current_thread()}


def test_work_is_shared_by_threads(monkeypatch):
    monkeypatch.setattr(pipeline, "worker_threads", lambda: 3)
    meeting = threading.Barrier(3, timeout=20)

    def work(task: int, stop: threading.Event) -> SiteResult:
        meeting.wait()  # broken unless three sites are worked on at the same time
        return echo(task, stop)

    assert len(list(map_sites(work, range(6), NO_PROGRESS))) == 6


def test_cancelling_stops_the_work_that_is_under_way():
    progress = CancelLater()
    started, stopped = threading.Event(), []

    def work(task: int, stop: threading.Event) -> SiteResult:
        started.set()
        if stop.wait(timeout=30):
            stopped.append(task)
            raise Cancelled
        return echo(task, stop)

    def press_cancel() -> None:
        started.wait(timeout=30)
        progress.now = True

    threading.Thread(target=press_cancel).start()
    with pytest.raises(Cancelled):
        list(map_sites(work, range(1000), progress))
    assert 1 <= len(stopped) <= worker_threads()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("soundvis")]


def test_a_consumer_that_stops_early_ends_the_threads():
    results = map_sites(echo, range(1000), NO_PROGRESS)
    next(results)
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("soundvis")]


def test_threads_are_one_to_eight(monkeypatch):
    for processors, threads in ((None, 1), (1, 1), (4, 4), (64, 8)):
        monkeypatch.setattr("os.cpu_count", lambda count=processors: count)
        assert worker_threads() == threads


def test_an_unknown_job_is_an_error_that_lists_the_known():
    with pytest.raises(InputError, match=r"no job 'dance'.*embed-recordings"):
        run_job("dance", {}, [], NO_PROGRESS)


def test_jobs_pass_missing_files_through_as_failed_sites(tmp_path):
    options = {
        "embed-recordings": {"model": "acoustic-features"},
        "embed-photos": {"model": "colour-texture"},
        "segment-photos": {"model": "colour-index", "classes": "colour-index"},
        "compose-sound": {},
    }
    assert set(options) <= set(JOBS)
    for job, chosen in options.items():
        paths = [str(tmp_path / "nothing.wav"), SiteError("no path", SKIPPED)]
        first, second = run_job(job, chosen, paths, NO_PROGRESS)
        assert first.status == FAILED and "nothing.wav" in first.reason
        assert (second.status, second.reason) == (SKIPPED, "no path")


def test_a_part_of_a_progress_reports_its_share():
    class Fractions(NoProgress):
        def __init__(self) -> None:
            self.fractions: list[float] = []

        def report(self, fraction: float) -> None:
            self.fractions.append(fraction)

    whole = Fractions()
    part = PartOf(whole, 0.2, 0.6)
    for fraction in (0.0, 0.5, 1.0):
        part.report(fraction)
    np.testing.assert_allclose(whole.fractions, [0.2, 0.4, 0.6])
    assert not part.cancelled()


def test_check_cancelled():
    progress = CancelLater()
    check_cancelled(progress)
    progress.now = True
    with pytest.raises(Cancelled):
        check_cancelled(progress)
