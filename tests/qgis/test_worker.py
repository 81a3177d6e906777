"""The worker process: the same results, gone when cancelled, and clear words where it dies."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, vector
from paper import nobody_left

from soundvis_core.errors import SKIPPED, Cancelled, InputError, SiteError, SoundVisError
from soundvis_core.jobs import run_job
from soundvis_core.progress import NO_PROGRESS, NoProgress
from soundvis_qgis.runtime import environment, execution, programs
from soundvis_qgis.runtime.client import WorkerError, run_in_worker, worker_versions
from soundvis_qgis.runtime.environment import child_environment

pytest.importorskip("soundfile")
from tests.builders import photos, recordings

ROOT = Path(__file__).resolve().parents[2]
SOUND = {"model": "acoustic-features"}


@pytest.fixture(scope="module")
def python() -> str:
    """A Python that has what the jobs need: that of .venv, with other libraries than QGIS has, else the tests' own."""
    needs = "import numpy, scipy, soundfile, PIL"
    for path in (ROOT / ".venv" / "bin" / "python", Path(sys.executable)):
        if not path.exists():
            continue
        asked = subprocess.run([path, "-c", needs], env=child_environment(), capture_output=True, check=False)
        if asked.returncode == 0:
            return str(path)
    pytest.skip("no Python outside QGIS has numpy, scipy, soundfile and Pillow: 'make setup' makes one")


@pytest.fixture
def processes(monkeypatch) -> list[subprocess.Popen]:
    """Every process that the client starts."""
    started = []

    class Remembered(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(programs.subprocess, "Popen", Remembered)
    return started


def gone(process: subprocess.Popen) -> bool:
    """Whether the process has ended and was waited for, by its id."""
    if process.returncode is None:
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    return False


def script(folder: Path, text: str) -> str:
    """A program that stands in for the worker's Python."""
    path = folder / "stand-in"
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_worker_gives_what_qgis_gives(python, tmp_path, processes):
    paths = [
        str(recordings.wav(tmp_path)), str(recordings.flac(tmp_path)), str(recordings.corrupt(tmp_path)),
        SiteError("the path field is empty", SKIPPED), str(recordings.silent(tmp_path)),
    ]  # fmt: skip
    for job, options in (("embed-recordings", SOUND), ("compose-sound", {})):
        here = list(run_job(job, options, paths, NO_PROGRESS))
        there = list(run_in_worker(python, job, options, paths, NO_PROGRESS))
        assert [(result.status, result.reason) for result in there] == [
            (result.status, result.reason) for result in here
        ]
        assert [result.status for result in there] == ["ok", "ok", "failed", "skipped", "skipped"]
        for mine, other in zip(here, there):
            assert set(mine.values) == set(other.values)
            for name, value in mine.values.items():
                assert other.values[name] == pytest.approx(value, rel=1e-4, abs=1e-5)
            if mine.vector is not None:
                assert other.vector.dtype == np.float32
                # Another numpy and scipy: the last digits of float32 may differ.
                np.testing.assert_allclose(other.vector, mine.vector, rtol=2e-4, atol=2e-5)
    assert len(processes) == 2 and all(map(gone, processes))


def test_photos_too(python, tmp_path):
    paths = [str(photos.plain_jpeg(tmp_path)), str(photos.text_as_jpeg(tmp_path))]
    for job, options in (
        ("embed-photos", {"model": "colour-texture"}),
        ("segment-photos", {"model": "colour-index", "classes": "colour-index"}),
    ):
        here = list(run_job(job, options, paths, NO_PROGRESS))
        there = list(run_in_worker(python, job, options, paths, NO_PROGRESS))
        assert [result.status for result in there] == ["ok", "failed"]
        assert there[1].reason == here[1].reason
        assert there[0].values == pytest.approx(here[0].values, abs=1e-5)
        if here[0].vector is not None:
            np.testing.assert_allclose(there[0].vector, here[0].vector, rtol=2e-4, atol=2e-5)


class CancelWhen(NoProgress):
    """Cancelled once ``event`` is set."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def cancelled(self) -> bool:
        return self._event.is_set()


def test_cancelling_ends_the_process(python, tmp_path, processes):
    path = str(recordings.wav(tmp_path, seconds=30))
    pressed = threading.Event()
    results = run_in_worker(python, "embed-recordings", SOUND, [path] * 500, CancelWhen(pressed))
    assert next(results).status == "ok"
    pressed.set()
    with pytest.raises(Cancelled):
        next(results)
    (process,) = processes
    assert gone(process)
    assert not [thread for thread in threading.enumerate() if "_read_lines" in thread.name]


def test_a_process_that_does_not_listen_is_killed(tmp_path, processes):
    stubborn = script(
        tmp_path,
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'print(\'{"ready": "3"}\', flush=True)\ntime.sleep(100)\n',
    )
    pressed = threading.Event()

    class Pressed(CancelWhen):
        def cancelled(self) -> bool:
            # As a user does: a little after the start.
            threading.Timer(0.5, pressed.set).start()
            return super().cancelled()

    with pytest.raises(Cancelled):
        list(run_in_worker(stubborn, "embed-recordings", SOUND, [], Pressed(pressed)))
    (process,) = processes
    assert gone(process) and process.returncode == -signal.SIGKILL


def test_a_consumer_that_stops_early_ends_the_process(python, tmp_path, processes):
    path = str(recordings.wav(tmp_path, seconds=30))
    results = run_in_worker(python, "embed-recordings", SOUND, [path] * 500, NO_PROGRESS)
    assert next(results).status == "ok"
    results.close()
    assert gone(processes[0])


def test_tasks_are_read_only_as_far_ahead_as_needed(python, tmp_path, processes):
    """A layer of a million sites does not lie in memory; where the worker needs more to go on, it gets more."""
    path = str(recordings.wav(tmp_path, seconds=2))
    taken = []

    def tasks():
        for number in range(1000):
            taken.append(number)
            yield path

    results = run_in_worker(python, "embed-recordings", SOUND, tasks(), NO_PROGRESS, ahead=3)
    for _ in range(10):
        assert next(results).status == "ok"
    assert len(taken) < 200
    results.close()
    assert gone(processes[0])


def test_arrays_travel_too(python, processes):
    tiles = [np.full((20, 30, 3), number, dtype=np.uint8) for number in range(3)]
    options = {"model": "colour-texture"}
    there = list(
        run_in_worker(python, "embed-tiles", options, [*tiles, SiteError("outside", SKIPPED)], NO_PROGRESS)
    )
    assert [result.status for result in there] == ["ok", "ok", "ok", "skipped"]
    for one, other in zip(there, run_job("embed-tiles", options, tiles, NO_PROGRESS)):
        np.testing.assert_allclose(one.vector, other.vector, rtol=2e-4, atol=2e-5)


def test_what_a_worker_started_ends_with_it(tmp_path, processes):
    """Also what does not listen, and where the worker itself has ended before."""
    group = script(
        tmp_path,
        "import subprocess, sys\n"
        "held = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(100)'\n"
        "subprocess.Popen([sys.executable, '-c', held], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        'print(\'{"ready": "3"}\', flush=True)\n',
    )
    with pytest.raises(WorkerError, match="ended early"):
        list(run_in_worker(group, "embed-recordings", SOUND, ["a.wav"], NO_PROGRESS))
    assert gone(processes[0]) and nobody_left(processes[0].pid)


@pytest.mark.parametrize(
    ("last_words", "advice"),
    [
        ("MemoryError", "ran out of memory"),
        ("RuntimeError: CUDA out of memory. Tried to allocate 2 GiB", "ran out of memory"),
        ("ModuleNotFoundError: No module named 'torch'", "Set up the environment"),
        ("ImportError: libtorch.so: cannot open shared object file", "Set up the environment"),
    ],
)
def test_the_last_words_decide_the_advice(tmp_path, last_words, advice):
    dying = script(tmp_path, f"import sys\nsys.exit({last_words!r})\n")
    with pytest.raises(WorkerError, match=rf"(?s)exit code 1.*{advice}.*{last_words.split(':')[0]}"):
        list(run_in_worker(dying, "embed-recordings", SOUND, ["a.wav"], NO_PROGRESS))


def test_a_worker_killed_from_outside_is_an_error_with_advice(python, tmp_path, processes):
    path = str(recordings.wav(tmp_path, seconds=30))
    results = run_in_worker(python, "embed-recordings", SOUND, [path] * 500, NO_PROGRESS)
    assert next(results).status == "ok"
    processes[0].send_signal(signal.SIGKILL)
    with pytest.raises(
        WorkerError, match=r"exit code -9.*ended from outside, or ran out of memory"
    ) as caught:
        list(results)
    assert "Close other programs" in str(caught.value)
    assert gone(processes[0])


def test_a_worker_that_dies_is_reported_with_its_last_words(tmp_path, processes):
    dying = script(tmp_path, "import sys\nprint('No module named numpy', file=sys.stderr)\nsys.exit(3)\n")
    with pytest.raises(WorkerError, match=r"(?s)exit code 3.*Check the environment.*No module named numpy"):
        list(run_in_worker(dying, "embed-recordings", SOUND, ["a.wav"], NO_PROGRESS))
    assert gone(processes[0])


def test_a_program_that_is_no_worker_is_said_so(tmp_path, processes):
    chatty = script(tmp_path, "print('Python was not found; install it from the store')\n")
    with pytest.raises(WorkerError, match=r"does not answer as SoundVis' worker.*Python was not found"):
        list(run_in_worker(chatty, "embed-recordings", SOUND, ["a.wav"], NO_PROGRESS))
    assert gone(processes[0])


@pytest.mark.parametrize("name", ["nothing", "a folder", "a text"])
def test_a_python_that_cannot_be_started_is_named(tmp_path, name):
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a text").write_text("no program")
    path = str(tmp_path / name)
    with pytest.raises(WorkerError, match="could not be started") as caught:
        list(run_in_worker(path, "embed-recordings", SOUND, ["a.wav"], NO_PROGRESS))
    assert path in str(caught.value)


def test_what_the_job_itself_refuses_arrives_as_its_message(python):
    with pytest.raises(SoundVisError, match="no model 'vgg'"):
        list(run_in_worker(python, "embed-photos", {"model": "vgg"}, ["a.jpg"], NO_PROGRESS))
    with pytest.raises(InputError, match="no model 'vgg'"):
        list(run_job("embed-photos", {"model": "vgg"}, ["a.jpg"], NO_PROGRESS))


def test_the_child_really_gets_that_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("PROJ_LIB", "/qgis")
    seen = tmp_path / "seen.json"
    dump = script(
        tmp_path,
        f"import json, os\njson.dump(dict(os.environ), open({str(seen)!r}, 'w'))\nprint('{{\"done\": true}}')\n",
    )
    assert list(run_in_worker(dump, "embed-recordings", SOUND, [], NO_PROGRESS)) == []
    environment_of_child = json.loads(seen.read_text())
    assert "PROJ_LIB" not in environment_of_child and "PYTHONPATH" not in environment_of_child


def test_a_worker_that_lives_on_without_answering_is_ended(tmp_path, processes):
    mute = script(tmp_path, "import os, time\nos.close(1)\ntime.sleep(100)\n")
    with pytest.raises(WorkerError, match="ended early"):
        list(run_in_worker(mute, "embed-recordings", SOUND, ["a.wav"], NO_PROGRESS))
    assert gone(processes[0])


def test_versions_are_told_without_numpy_and_name_what_jobs_use(tmp_path):
    bare = script(
        tmp_path,
        "import runpy, sys\nsys.modules['numpy'] = None\nsys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n",
    )
    assert set(worker_versions(bare)) == {"python", "numpy", "scipy", "soundfile", "av", "Pillow"}


def test_versions_of_the_worker(python, tmp_path):
    versions = worker_versions(python)
    assert versions["python"].startswith("3.") and versions["numpy"] and versions["soundfile"]
    with pytest.raises(WorkerError, match="Choose another Python"):
        worker_versions(script(tmp_path, "print('hello')\n"))
    with pytest.raises(WorkerError, match="Choose another Python"):
        worker_versions(str(tmp_path / "nothing"))


def sites(make_points, paths):
    return make_points(
        [(500000 + n, 5000000) for n in range(len(paths))], {"recording": [str(path) for path in paths]}
    )


def test_tools_take_the_worker_where_qgis_lacks_a_package(
    run, make_points, python, processes, no_worker, lacks_soundfile, monkeypatch, tmp_path
):
    layer = sites(
        make_points, [recordings.wav(tmp_path), recordings.corrupt(tmp_path), recordings.flac(tmp_path)]
    )
    parameters = {"INPUT": layer, "PATH_FIELD": "recording"}
    monkeypatch.setenv(environment.PYTHON_VARIABLE, python)
    there = run("embedsound", parameters).features()
    assert [process.args[0] for process in processes] == [python]
    monkeypatch.setattr(execution, "missing", lambda modules: [])
    here = run("embedsound", parameters).features()
    assert len(processes) == 1  # nothing lacks, nothing is started
    for site, other in zip(here, there):
        assert (site["snd_status"], site["snd_reason"]) == (other["snd_status"], other["snd_reason"])
        if site["snd_emb"] is not None:
            np.testing.assert_allclose(
                vector(other["snd_emb"]), vector(site["snd_emb"]), rtol=2e-4, atol=2e-5
            )
    assert [site["snd_status"] for site in there] == ["ok", "failed", "ok"]


def test_without_package_and_worker_the_tool_says_so_before_the_run(
    run, make_points, no_worker, lacks_soundfile
):
    layer = sites(make_points, ["a.wav"])
    for tool in ("embedsound", "bgasound"):
        with pytest.raises(AlgorithmError, match=r"does not have: soundfile or av\. .*SOUNDVIS_PYTHON"):
            run(tool, {"INPUT": layer, "PATH_FIELD": "recording"})


def test_a_tool_whose_worker_dies_leaves_nothing(
    run, make_points, no_worker, lacks_soundfile, monkeypatch, tmp_path
):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, script(tmp_path, "raise SystemExit('no numpy here')\n"))
    output = tmp_path / "out" / "sites.gpkg"
    output.parent.mkdir()
    with pytest.raises(AlgorithmError, match=r"(?s)worker process ended early.*no numpy here"):
        run(
            "embedsound",
            {"INPUT": sites(make_points, ["a.wav"]), "PATH_FIELD": "recording", "OUTPUT": str(output)},
        )
    assert list(output.parent.iterdir()) == []


def test_cancelling_a_tool_ends_its_worker(
    run, make_points, python, processes, no_worker, lacks_soundfile, monkeypatch, tmp_path
):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, python)
    output = tmp_path / "out" / "sites.gpkg"
    output.parent.mkdir()
    layer = sites(make_points, [recordings.wav(tmp_path, seconds=30)] * 100)
    run(
        "embedsound",
        {"INPUT": layer, "PATH_FIELD": "recording", "OUTPUT": str(output)},
        Feedback(cancel_at=3),
    )
    (process,) = processes
    assert gone(process)
    assert list(output.parent.iterdir()) == []
