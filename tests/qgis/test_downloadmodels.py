"""Download models: what it says first, downloads through the worker, copies without one, and its errors."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import AlgorithmError, Feedback
from qgis.core import QgsApplication

from soundvis_core.models.options import ModelOptions
from soundvis_core.models.registry import by_id
from soundvis_core.models.store import locate, missing_weights
from soundvis_qgis.runtime import environment
from tests.builders.hub import COMMIT, CONFIG, WEIGHTS, Hub

ROOT = Path(__file__).resolve().parents[2]
FILES = "config.json model.safetensors"


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A home with a tiny model in the user's registry, and no environment."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv(environment.HOME_VARIABLE, str(folder))
    monkeypatch.delenv(environment.PYTHON_VARIABLE, raising=False)
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()
    (folder / "models.csv").write_text(
        "id,like,repo,revision,files,sha256,bytes,licence\n"
        f"tiny,ast-audioset,owner/name,{COMMIT},{FILES},model.safetensors={sha256},{len(WEIGHTS)},MIT\n",
        "utf-8",
    )
    return folder


@pytest.fixture
def stick(tmp_path):
    """A folder with the files of the tiny model."""
    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "config.json").write_bytes(CONFIG)
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    return folder


@pytest.fixture
def worker(monkeypatch):
    """A Python with huggingface_hub as the worker's."""
    for path in (
        os.environ.get("SOUNDVIS_PYTHON", ""),
        str(ROOT / ".venv" / "bin" / "python"),
        sys.executable,
    ):
        asked = [path, "-c", "import huggingface_hub, numpy"]
        if (
            path
            and os.path.isfile(path)
            and subprocess.run(asked, capture_output=True, check=False).returncode == 0
        ):
            monkeypatch.setenv(environment.PYTHON_VARIABLE, path)
            return path
    pytest.skip("needs a Python with huggingface_hub")


@pytest.fixture
def hub(monkeypatch):
    """The hub; only this computer is asked."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    for name in ("HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    server = Hub()
    yield server
    server.shutdown()
    server.server_close()


def options(home):
    return ModelOptions(models_folder=str(home / "models"))


def test_the_five_of_the_paper_are_the_default_and_the_help_tells_size_and_licence(provider):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("soundvis:downloadmodels")
    models = algorithm.parameterDefinition("MODELS")
    assert models.defaultValue() == [
        "ast-audioset",
        "clip-vit-l-14",
        "remoteclip-vit-l-14",
        "clipseg-rd64",
        "segearth-ov",
    ]
    assert {*models.defaultValue(), "simfeatup-aid", "tiny"} <= set(models.options())
    assert "acoustic-features" not in models.options()
    text = algorithm.shortHelpString()
    assert (
        "ast-audioset: Audio Spectrogram Transformer (AudioSet), about 346.0 MB. Licence: BSD-3-Clause."
        in text
    )
    assert "no licence is specified for the weights" in text
    assert "tiny: tiny, about 0.1 MB. Licence: MIT." in text


def test_a_model_is_copied_from_a_folder_without_any_environment(run, home, stick):
    made = run("downloadmodels", {"MODELS": ["tiny"], "SOURCE_FOLDER": str(stick)})
    assert made["READY"] == 1 and made["MODELS_FOLDER"] == str(home / "models")
    weights = locate(by_id("tiny"), options(home))
    assert weights.weight_file().read_bytes() == WEIGHTS and weights.revision == COMMIT
    # What it is and what its licence is comes before the first file.
    infos = made.feedback.infos
    assert infos.index("tiny: tiny, about 0.1 MB. Licence: MIT.") < infos.index("  config.json: 19 bytes")
    assert "1 of 1 models are ready." in infos


def test_what_is_there_needs_neither_source_nor_environment(run, home, stick):
    run("downloadmodels", {"MODELS": ["tiny"], "SOURCE_FOLDER": str(stick)})
    made = run("downloadmodels", {"MODELS": ["tiny"]})
    assert made["READY"] == 1 and "tiny: already there" in made.feedback.text


def test_a_folder_of_one_s_own(run, home, stick, tmp_path):
    folder = tmp_path / "large disk"
    made = run("downloadmodels", {"MODELS": ["tiny"], "SOURCE_FOLDER": str(stick), "FOLDER": str(folder)})
    assert made["MODELS_FOLDER"] == str(folder) and missing_weights(by_id("tiny"), options(home))
    assert locate(by_id("tiny"), ModelOptions(models_folder=str(folder)))


def test_a_model_is_downloaded_by_the_worker(run, home, worker, hub):
    made = run("downloadmodels", {"MODELS": ["tiny"], "ENDPOINT": hub.address + "/"})
    assert made["READY"] == 1
    assert locate(by_id("tiny"), options(home)).weight_file().read_bytes() == WEIGHTS
    assert made.feedback.progress and max(made.feedback.progress) == pytest.approx(100.0)


def test_a_broken_transfer_is_an_error_and_the_next_run_goes_on(run, worker, hub, home, stick):
    part = home / "models" / "tiny" / COMMIT[:12] / ".model.safetensors.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(WEIGHTS[:40_000])  # what a run left that was killed
    run("downloadmodels", {"MODELS": ["tiny"], "ENDPOINT": hub.address})
    assert hub.ranges() == ["bytes=40000-"]
    assert locate(by_id("tiny"), options(home)).weight_file().read_bytes() == WEIGHTS


def test_what_failed_is_the_error_and_what_was_got_stays(run, worker, hub, home, stick):
    (home / "models.csv").write_text(
        (home / "models.csv").read_text("utf-8") + f"gone,ast-audioset,owner/other,{COMMIT},{FILES},,,MIT\n",
        "utf-8",
    )
    with pytest.raises(
        AlgorithmError, match=r"1 of 2 models are ready. gone: .*no public repository owner/other"
    ):
        run("downloadmodels", {"MODELS": ["tiny", "gone"], "ENDPOINT": hub.address})
    assert missing_weights(by_id("tiny"), options(home)) is None


def test_cancelling_leaves_nothing_that_looks_whole(run, home, stick):
    feedback = Feedback()
    feedback.cancel()
    results = run("downloadmodels", {"MODELS": ["tiny"], "SOURCE_FOLDER": str(stick)}, feedback)
    assert "READY" not in results and missing_weights(by_id("tiny"), options(home))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"MODELS": []}, "Choose one model or more|parameter"),
        ({"MODELS": ["tiny"]}, "there is none. Run 'Set up the environment' first, or copy"),
        ({"MODELS": ["tiny"], "SOURCE_FOLDER": "/no such folder"}, "no folder /no such folder"),
        ({"MODELS": ["tiny"], "ENDPOINT": "mirror"}, "has to begin with https"),
        (
            {"MODELS": ["simfeatup-aid"]},
            "does not download 'simfeatup-aid'. Get xclip_jbu.*github.com/likyoo",
        ),
        ({"MODELS": ["vgg"]}, "Choose one model or more|parameter"),
    ],
)
def test_what_stands_in_the_way_is_said_before(run, parameters, words):
    with pytest.raises(AlgorithmError, match=words) as caught:
        run("downloadmodels", parameters)
    assert not caught.value.feedback.infos


def test_wrong_files_are_named(run, stick):
    (stick / "model.safetensors").write_bytes(b"others")
    with pytest.raises(AlgorithmError, match=r"0 of 1 models are ready\. tiny: .*not the right ones.*sha256"):
        run("downloadmodels", {"MODELS": ["tiny"], "SOURCE_FOLDER": str(stick)})
