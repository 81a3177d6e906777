"""What the two processes say to each other, by itself and with a real worker."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import soundvis_core
from soundvis_core.errors import FAILED, SKIPPED, SiteError
from soundvis_core.jobs import run_job
from soundvis_core.pipeline import OK, SiteResult
from soundvis_core.progress import NO_PROGRESS
from soundvis_core.worker.protocol import decode_request, decode_result, encode_request, encode_result

WORKER = Path(soundvis_core.__file__).parent / "worker" / "__main__.py"


@given(st.lists(st.one_of(st.text(), st.tuples(st.text(), st.sampled_from([FAILED, SKIPPED])))))
def test_a_request_survives_the_way(items):
    paths = [SiteError(*item) if isinstance(item, tuple) else item for item in items]
    line = encode_request("embed-photos", {"model": "colour-texture"}, paths)
    assert "\n" not in line  # a line is a message, whatever file names hold
    job, options, decoded = decode_request(line)
    assert (job, options) == ("embed-photos", {"model": "colour-texture"})
    seen = [(str(item), item.status) if isinstance(item, SiteError) else item for item in decoded]
    assert seen == items


@given(
    vector=st.one_of(st.none(), hnp.arrays(np.float32, st.integers(0, 40))),
    reason=st.text(),
    status=st.sampled_from([OK, FAILED, SKIPPED]),
    values=st.dictionaries(
        st.text(), st.one_of(st.floats(allow_nan=False), st.integers(), st.none(), st.text())
    ),
)
def test_a_result_survives_the_way_bit_for_bit(vector, reason, status, values):
    line = json.dumps({"result": encode_result(SiteResult(status, reason, vector, values))})
    assert "\n" not in line
    result = decode_result(json.loads(line)["result"])
    assert (result.status, result.reason, result.values) == (status, reason, values)
    if vector is None:
        assert result.vector is None
    else:
        assert result.vector.dtype == np.float32
        assert result.vector.tobytes() == vector.tobytes()  # NaN and infinity too


def test_the_vector_is_little_endian_float32_in_base64():
    # 1.0f is 00 00 80 3f.
    assert encode_result(SiteResult(OK, vector=np.array([1.0])))["vector"] == "AACAPw=="


def talk(request: str, *arguments: str) -> tuple[int, list[dict], str]:
    """The exit code, messages and error output of a worker that gets ``request``."""
    done = subprocess.run(
        [sys.executable, str(WORKER), *arguments],
        input=request, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


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
    code, messages, _ = talk(encode_request("embed-recordings", options, paths) + "\n")
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
    ("request_line", "said"),
    [
        (encode_request("dance", {}, []), "no job 'dance'"),
        (encode_request("embed-photos", {"model": "vgg"}, []), "no model 'vgg'"),
        (
            encode_request("segment-photos", {"model": "colour-index", "classes": "x"}, []),
            "no class list 'x'",
        ),
    ],
)
def test_what_cannot_run_is_said_in_one_message(request_line, said):
    code, messages, _ = talk(request_line + "\n")
    assert code == 1
    assert said in messages[-1]["error"]


def test_a_worker_without_a_request_ends_quietly():
    code, messages, _ = talk("")
    assert code == 0
    assert [list(message) for message in messages] == [["ready"]]


def test_versions():
    code, (versions,), _ = talk("", "--versions")
    assert code == 0
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert versions["numpy"] == np.__version__


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
