"""What the two processes say to each other, by itself and with a real worker."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import soundvis_core
from soundvis_core.errors import FAILED, SKIPPED, SiteError, UnexpectedSiteError
from soundvis_core.jobs import run_job
from soundvis_core.pipeline import OK, SiteResult
from soundvis_core.progress import NO_PROGRESS
from soundvis_core.worker import service
from soundvis_core.worker.protocol import (
    END,
    decode_request,
    decode_result,
    decode_task,
    decode_value,
    encode_request,
    encode_result,
    encode_task,
    encode_value,
)

WORKER = Path(soundvis_core.__file__).parent / "worker" / "__main__.py"


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
ARRAYS = st.one_of(
    *(
        hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
        for kind in (np.uint8, np.bool_, np.int64, ">i2", np.float32, ">f8")
    )
)
NAMES = st.one_of(st.text(), st.sampled_from(["__array__", "__map__", "task"]))
VALUES = st.recursive(
    st.one_of(SCALARS, ARRAYS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


def same(one, other) -> bool:
    """Equal, arrays bit for bit and in their type."""
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and (one.dtype.newbyteorder("="), one.shape) == (other.dtype.newbyteorder("="), other.shape)
            and one.astype(one.dtype.newbyteorder("<")).tobytes() == other.tobytes()
        )
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and set(one) == set(other)
            and all(same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(VALUES)
def test_every_value_survives_the_way_bit_for_bit(value):
    line = json.dumps(encode_value(value))
    assert "\n" not in line
    assert same(value, decode_value(json.loads(line)))


def test_how_an_array_looks_on_the_way():
    # 1.0f is 00 00 80 3f.
    assert encode_value({"v": np.array([[1.0]], ">f4")}) == {"v": {"__array__": ["<f4", [1, 1], "AACAPw=="]}}
    assert encode_value([np.float32(0.5), np.bool_(True), np.int16(-3), (1, 2)]) == [0.5, True, -3, [1, 2]]


@pytest.mark.parametrize(
    "value", [object(), {1: "a"}, np.array([object()]), np.array(["text"]), 1j, b"bytes"]
)
def test_nothing_else_travels(value):
    with pytest.raises(TypeError):
        encode_value(value)


@pytest.mark.parametrize("dtype", ["O", "V8", "U3", "M8[s]"])
def test_no_array_of_objects_comes_out_of_a_message(dtype):
    with pytest.raises(ValueError, match="do not travel"):
        decode_value({"__array__": [dtype, [1], "AACAPwAAgD8="]})


def test_an_array_that_came_can_be_written_to():
    array = decode_value(encode_value(np.zeros(3)))
    array[0] = 1.0


@given(st.one_of(VALUES, st.builds(SiteError, st.text(), st.sampled_from([FAILED, SKIPPED]))))
def test_a_task_survives_the_way(task):
    line = encode_task(task)
    assert "\n" not in line  # a line is a message, whatever file names hold
    decoded = decode_task(json.loads(line))
    if isinstance(task, SiteError):
        assert (str(decoded), decoded.status) == (str(task), task.status)
    else:
        assert same(task, decoded)


def test_a_request_survives_the_way():
    options = {"model": "colour-texture", "runtime": {"batch": 2, "checkpoint": "a\nb"}}
    line = encode_request("embed-photos", options)
    assert "\n" not in line
    assert decode_request(line) == ("embed-photos", options)


@given(
    vector=st.one_of(st.none(), hnp.arrays(np.float32, st.integers(0, 40))),
    reason=st.text(),
    status=st.sampled_from([OK, FAILED, SKIPPED]),
    values=st.dictionaries(NAMES, VALUES, max_size=4),
)
def test_a_result_survives_the_way_bit_for_bit(vector, reason, status, values):
    line = json.dumps({"result": encode_result(SiteResult(status, reason, vector, values))})
    assert "\n" not in line
    result = decode_result(json.loads(line)["result"])
    assert (result.status, result.reason) == (status, reason)
    assert same(values, result.values)
    if vector is None:
        assert result.vector is None
    else:
        assert result.vector.dtype == np.float32
        assert result.vector.tobytes() == vector.tobytes()  # NaN and infinity too


def test_that_an_error_was_unexpected_survives():
    found = SiteResult(FAILED, "odd", unexpected=UnexpectedSiteError(RuntimeError("odd")))
    assert decode_result(encode_result(found)).unexpected is not None
    assert decode_result(encode_result(SiteResult(FAILED, "odd"))).unexpected is None


def conversation(job: str, options: dict, tasks: list) -> str:
    """All that a parent sends."""
    return "\n".join([encode_request(job, options), *map(encode_task, tasks), END]) + "\n"


def worker(*arguments: str) -> subprocess.Popen:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, str(WORKER), *arguments], stdin=pipe, stdout=pipe, stderr=pipe)


def talk(request: str, *arguments: str) -> tuple[int, list[dict], str]:
    """The exit code, messages and error output of a worker that gets ``request`` of a parent that stays."""
    with worker(*arguments) as process:
        process.stdin.write(request.encode("utf-8"))
        process.stdin.flush()
        said, words = process.stdout.read(), process.stderr.read()
        return process.wait(timeout=30), _messages(said), words.decode("utf-8")


def abandon(request: bytes, *arguments: str) -> tuple[int, list[dict], str]:
    """The same, of a parent that is gone after ``request``."""
    with worker(*arguments) as process:
        said, words = process.communicate(request, timeout=120)
        return process.returncode, _messages(said), words.decode("utf-8")


def _messages(said: bytes) -> list[dict]:
    return [json.loads(line) for line in said.decode("utf-8").splitlines()]


@pytest.fixture
def recordings(tmp_path) -> list[str]:
    """Two recordings of 3 s and a broken one, under a folder with accents."""
    folder = tmp_path / "Übung, été"
    folder.mkdir()
    rng = np.random.default_rng(8)
    for name in ("a", "b"):
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(24000)
            file.writeframes((rng.normal(0, 3000, 72000)).astype("<i2").tobytes())
    (folder / "broken.wav").write_bytes(b"RIFF and then nothing")
    return [str(folder / f"{name}.wav") for name in ("a", "broken", "b")]


def test_a_worker_gives_what_this_process_gives(recordings):
    pytest.importorskip("soundfile")
    paths = [*recordings, SiteError("no path", SKIPPED)]
    options = {"model": "acoustic-features"}
    here = list(run_job("embed-recordings", options, paths, NO_PROGRESS))
    code, messages, _ = talk(conversation("embed-recordings", options, paths))
    assert code == 0
    assert list(messages[0]) == ["ready"] and messages[-1] == {"done": True}
    there = [decode_result(message["result"]) for message in messages if "result" in message]
    assert [(one.status, one.reason, one.values) for one in there] == [
        (one.status, one.reason, one.values) for one in here
    ]
    assert [one.status for one in there] == [OK, FAILED, OK, SKIPPED]
    for one, other in zip(there, here):
        if other.vector is not None:
            np.testing.assert_array_equal(one.vector, other.vector)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (conversation("dance", {}, []), "no job 'dance'"),
        (conversation("embed-photos", {"model": "vgg"}, ["a.jpg"]), "no model 'vgg'"),
        (
            conversation("segment-photos", {"model": "colour-index", "classes": "x"}, []),
            "no class list 'x'",
        ),
    ],
)
def test_what_cannot_run_is_said_in_one_message(sent, said):
    code, messages, _ = talk(sent)
    assert code == 1
    assert said in messages[-1]["error"]


REQUEST = encode_request("embed-recordings", {"model": "acoustic-features"})


@pytest.mark.parametrize(
    "sent", [[], [encode_task("a.wav") + "\n"], [encode_task("a.wav"), '\n{"task": "b.w']]
)
def test_input_that_ends_without_the_mark_ends_the_worker_at_once(sent):
    """The parent died: nobody is told, nothing is finished."""
    code, messages, _ = abandon("".join([REQUEST, "\n", *sent]).encode())
    assert code == 4
    assert not any("done" in message for message in messages)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"task": "\xff.wav"}', "UnicodeDecodeError"),
        (b'{"task": "a.w', "JSONDecodeError"),
        (b"[]", "KeyError|TypeError"),
        (b'{"task": {"__array__": ["<f4", [3], "AACAPw=="]}}', "ValueError"),
    ],
)
def test_a_line_that_is_no_task_ends_the_worker_and_is_named(line, words):
    """It would else ask for a task for ever: here the parent stays, and looks for last words."""
    with worker() as process:
        process.stdin.write(REQUEST.encode() + b"\n" + line + b"\n")
        process.stdin.flush()
        process.stdout.read()
        assert process.wait(timeout=30) == 4
        assert re.search(words, process.stderr.read().decode("utf-8"))


@pytest.mark.parametrize("error", [OSError(9, "Bad file descriptor"), MemoryError()])
def test_input_that_cannot_be_read_ends_the_worker(error, monkeypatch, capfd):
    """As with a line that is larger than the memory."""

    def broken():
        yield encode_task("a.wav")
        raise error

    exits = []
    monkeypatch.setattr(service.os, "_exit", exits.append)
    service.TaskStream(broken(), service.Answers(io.StringIO()))
    for thread in threading.enumerate():
        if thread.name == "soundvis-tasks":
            thread.join(timeout=10)
    assert exits == [4]
    assert type(error).__name__ in capfd.readouterr().err


def test_an_orphan_that_has_all_its_tasks_ends_too(tmp_path):
    """The id of its parent does not tell on Windows: the end of the input does."""
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(1).integers(-3000, 3000, 16000 * 20, dtype="<i2").tobytes())
    tasks = [str(tmp_path / "long.wav")] * 2000
    code, messages, _ = abandon(
        conversation("embed-recordings", {"model": "acoustic-features"}, tasks).encode()
    )
    assert code == 4
    assert not any("done" in message for message in messages)


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(22, "Invalid argument")])
def test_a_parent_that_does_not_listen_any_more_is_no_error(error):
    """Windows calls a broken pipe an invalid argument."""

    class Broken(io.StringIO):
        def write(self, text):
            raise error

    assert service.main([], Broken()) == 1


def test_a_worker_that_waits_says_so_and_goes_on():
    """Tasks come slowly; the worker asks, and its answers come while its input is still open."""
    with subprocess.Popen(
        [sys.executable, str(WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        process.stdin.write(encode_request("embed-recordings", {"model": "acoustic-features"}) + "\n")
        process.stdin.flush()
        messages = (json.loads(line) for line in process.stdout)
        assert "ready" in next(messages)
        assert next(messages) == {"more": True}
        assert next(messages) == {"more": True}  # again, as the first may have crossed a task
        for line in (encode_task(SiteError("no path", SKIPPED)), END):
            process.stdin.write(line + "\n")
            process.stdin.flush()
        rest = [message for message in messages if "more" not in message]
        assert [list(message) for message in rest] == [["result"], ["done"]]
        assert process.wait(timeout=30) == 0


def test_a_worker_without_a_request_ends_quietly():
    code, messages, _ = abandon(b"")
    assert code == 0
    assert [list(message) for message in messages] == [["ready"]]


def test_versions():
    code, (versions,), _ = talk("", "--versions")
    assert code == 0
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert versions["numpy"] == np.__version__
    _, (versions,), _ = talk("", "--versions", "no-such-package", "numpy")
    assert (versions["no-such-package"], versions["numpy"]) == ("", np.__version__)


def test_what_libraries_print_does_not_disturb_the_answers(tmp_path):
    """Everything written to standard output after the start goes to standard error."""
    chatty = tmp_path / "sitecustomize.py"
    chatty.write_text(
        "import atexit, os\natexit.register(lambda: (print('a library prints'), os.write(1, b'and C code too')))\n"
    )
    done = subprocess.run(
        [sys.executable, str(WORKER)], input="", capture_output=True, text=True, timeout=60, check=False,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert [list(json.loads(line)) for line in done.stdout.splitlines()] == [["ready"]]
    assert "and C code too" in done.stderr
