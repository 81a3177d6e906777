"""The environment report: what is there, what is missing and how to get it."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys

import pytest
from qgis.core import Qgis

from soundvis_core.dependencies import PACKAGES
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.registry import LIGHT, by_id, rows
from soundvis_core.models.store import revision_folder, write_manifest
from soundvis_qgis.runtime import check, environment, settings
from soundvis_qgis.runtime.findings import Finding
from soundvis_qgis.runtime.recipe import shipped_recipe


@pytest.fixture(autouse=True)
def no_worker(monkeypatch, tmp_path):
    """No Python of a worker, unless a test names one; no settings."""
    for key in settings.DEFAULTS:
        monkeypatch.delenv(settings.variable(key), raising=False)
    monkeypatch.setenv(environment.HOME_VARIABLE, str(tmp_path / "no home"))


def copyable(text: str) -> list[str]:
    """The lines of the block to copy."""
    return html.unescape(re.search(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL).group(1)).splitlines()


def test_everything_is_listed(run, tmp_path):
    path = tmp_path / "new" / "report.html"
    made = run("checkenvironment", {"OUTPUT": str(path)})
    assert made["OUTPUT"] == str(path)
    text = path.read_text("utf-8")
    lines = copyable(text)
    for name in (
        "SoundVis",
        "QGIS",
        "Python in QGIS",
        "System",
        *(package.pypi for package in PACKAGES.values()),
    ):
        assert any(f" {name}: " in line for line in lines), name
    for row in rows():
        assert any(row.id in line for line in lines), row.id
    assert any(Qgis.QGIS_VERSION in line for line in lines)
    assert any("{}.{}.{}".format(*sys.version_info[:3]) in line for line in lines)
    assert [item.name for item in path.parent.iterdir()] == ["report.html"]
    # The log says the same, so that qgis_process needs no browser.
    assert set(lines) <= {*made.feedback.infos, *made.feedback.warnings}


def test_the_page_needs_nothing_else(run, tmp_path):
    path = tmp_path / "report.html"
    run("checkenvironment", {"OUTPUT": str(path)})
    text = path.read_text("utf-8")
    assert not re.search(r"(src|href)\s*=|url\(|@import|<script|<link", text)


def test_what_is_missing_comes_with_the_way_to_get_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "available", lambda module: module not in ("soundfile", "av"))
    path = tmp_path / "report.html"
    made = run("checkenvironment", {"OUTPUT": str(path)})
    lines = copyable(path.read_text("utf-8"))
    absent = [line for line in lines if line.startswith("missing")]
    assert len(absent) == 2
    assert "soundfile" in absent[0] and "reading WAV" in absent[0]
    if sys.platform.startswith("linux"):
        assert "sudo apt-get install python3-soundfile" in absent[0]
        assert "sudo apt-get install python3-av" in absent[1]
    assert made.feedback.warnings == absent
    assert "2 things are missing" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("module", "error"),
    [
        ("soundfile", OSError("sndfile library not found")),
        ("av", ImportError("libavcodec.so.60: cannot open shared object file")),
        ("scipy", ValueError("numpy.dtype size changed, may indicate binary incompatibility")),
        ("matplotlib", AttributeError("_ARRAY_API not found")),
    ],
)
def test_what_is_there_but_broken_is_missing(run, tmp_path, monkeypatch, module, error):
    import_module = check.import_module

    def broken(name):
        if name == module:
            raise error
        return import_module(name)

    monkeypatch.setattr(check, "import_module", broken)
    path = tmp_path / "report.html"
    run("checkenvironment", {"OUTPUT": str(path)})
    (line,) = [line for line in copyable(path.read_text("utf-8")) if line.startswith("missing")]
    assert f"{module}: installed, but cannot be imported" in line and str(error) in line and "nstall" in line


def test_it_needs_no_numpy():
    """What tells that numpy is missing cannot need it."""
    code = (
        "import sys; sys.modules['numpy'] = None; import soundvis_qgis\n"
        "from soundvis_qgis.runtime import check, execution\n"
        "from soundvis_core.progress import NO_PROGRESS\n"
        "missing = [f.name for f in check.check_environment(NO_PROGRESS) if not f.ok]\n"
        "assert 'numpy' in missing, missing\n"
        "assert 'numpy' in execution.job_problem('embed-photos')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    if "qgis/core/__init__.py" in done.stderr:
        pytest.skip("this QGIS cannot be imported without numpy itself")
    assert done.returncode == 0, done.stderr


def test_a_named_python_that_is_not_there_is_missing(run, tmp_path, monkeypatch):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, str(tmp_path / "typo"))
    path = tmp_path / "report.html"
    run("checkenvironment", {"OUTPUT": str(path)})
    (line,) = [line for line in copyable(path.read_text("utf-8")) if line.startswith("missing")]
    assert "Python of SOUNDVIS_PYTHON" in line and str(tmp_path / "typo") in line


def test_of_the_worker_only_what_it_uses_is_listed(run, tmp_path, monkeypatch):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, sys.executable)
    monkeypatch.setattr(check, "worker_versions", lambda *_: {"python": "3.9.5", "numpy": "1.26", "av": ""})
    path = tmp_path / "report.html"
    run("checkenvironment", {"OUTPUT": str(path)})
    (line,) = [line for line in copyable(path.read_text("utf-8")) if line.startswith("missing")]
    assert line.startswith("missing  av: not installed") and f"{sys.executable} -m pip install av" in line


def test_the_workers_python_is_asked(run, tmp_path, monkeypatch):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, sys.executable)
    path = tmp_path / "report.html"
    run("checkenvironment", {"OUTPUT": str(path)})
    lines = copyable(path.read_text("utf-8"))
    (line,) = [line for line in lines if "Python of the worker" in line]
    assert line.startswith("ok") and sys.executable in line


def test_a_worker_that_does_not_answer_is_missing(run, tmp_path, monkeypatch):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, "/bin/true")
    path = tmp_path / "report.html"
    made = run("checkenvironment", {"OUTPUT": str(path)})
    (line,) = [line for line in copyable(path.read_text("utf-8")) if "Python of the worker" in line]
    assert line.startswith("missing") and "/bin/true" in line and "Choose another Python" in line
    assert line in made.feedback.warnings


def test_without_a_worker_it_says_where_it_looked(run, tmp_path):
    path = tmp_path / "report.html"
    run("checkenvironment", {"OUTPUT": str(path)})
    (line,) = [line for line in copyable(path.read_text("utf-8")) if "Python of the worker" in line]
    assert environment.PYTHON_VARIABLE in line and "soundvis/python" in line and "no home" in line


def test_names_that_look_like_html_are_shown_as_they_are(run, tmp_path, monkeypatch):
    monkeypatch.setattr(check.platform, "platform", lambda: "<b>Plan 9</b> & sons")
    path = tmp_path / "report.html"
    run("checkenvironment", {"OUTPUT": str(path)})
    text = path.read_text("utf-8")
    assert "&lt;b&gt;Plan 9&lt;/b&gt; &amp; sons" in text and "<b>Plan 9" not in text


WITH_TORCH = {
    "python": "3.12.1",
    "numpy": "2.4",
    "av": "",
    "torch": "2.13.0+cpu",
    "timm": "1.0",
    "safetensors": "",
}


@pytest.fixture
def own_environment(monkeypatch):
    """An environment as 'Set up the environment' leaves it, whose Python answers what the test says."""
    folder = environment.environment_folder()
    python = environment.python_of(folder)
    python.parent.mkdir(parents=True)
    python.touch()
    folder.joinpath(environment.MARKER).write_text("{}")
    stamp = {"date": "2026-11-01", "soundvis": "0.2", "tool": "uv", "compute": "cpu"}
    folder.joinpath(environment.STAMP).write_text(json.dumps({**stamp, "digest": shipped_recipe().digest()}))
    found = {"device": "cpu (8 threads), float32", "cuda": "", "problems": []}
    monkeypatch.setattr(check, "worker_versions", lambda *_: dict(WITH_TORCH))
    monkeypatch.setattr("soundvis_qgis.runtime.installer.check_python", lambda *_: found)
    return folder, stamp, found


def report(run, tmp_path) -> tuple[str, list[str]]:
    """The page and its lines to copy."""
    path = tmp_path / "report.html"
    run("checkenvironment", {"OUTPUT": str(path)})
    text = path.read_text("utf-8")
    return text, copyable(text)


def line_of(lines, name) -> str:
    (line,) = [line for line in lines if line[9:].startswith(f"{name}: ")]
    return line


def test_a_model_that_is_not_downloaded_is_no_error(run, tmp_path):
    text, lines = report(run, tmp_path)
    with_weights = [row for row in rows() if row.runtime != LIGHT]
    for row in with_weights:
        assert line_of(lines, row.id).startswith("absent ")
        assert html.escape(row.licence_note) in text
        assert row.repo in text and row.revision in text
    assert "Run 'Download models'" in line_of(lines, "ast-audioset")
    assert by_id("simfeatup-aid").page in line_of(lines, "simfeatup-aid")
    assert f"Of the models with weights 0 of {len(with_weights)} are on this computer." in text
    assert not any(line.startswith("missing") for line in lines if "Python of" not in line)


def test_a_model_that_is_there_is_told_with_its_place(run, tmp_path):
    row = by_id("remoteclip-rn50")
    folder = revision_folder(row, ModelOptions(models_folder=str(settings.models_folder())), row.revision)
    folder.mkdir(parents=True)
    folder.joinpath(row.files[0]).write_bytes(b"weights")
    write_manifest(row, folder, row.revision, "test")
    text, lines = report(run, tmp_path)
    line = line_of(lines, row.id)
    assert line.startswith("ok ") and str(folder) in line and row.revision in line
    assert "Of the models with weights 1 of" in text


def test_a_row_of_the_user_that_cannot_be_used_is_missing(run, tmp_path):
    home = settings.home()
    home.mkdir(parents=True, exist_ok=True)
    home.joinpath("models.csv").write_text("id,task\nmine,no-such-task\n", "utf-8")
    _, lines = report(run, tmp_path)
    line = line_of(lines, "Your registry of models")
    assert line.startswith("missing") and "models.csv" in line


def test_the_environment_is_told_and_tried_out(run, tmp_path, own_environment):
    _, lines = report(run, tmp_path)
    assert "2026-11-01 by SoundVis 0.2 with uv; cpu build" in line_of(lines, "Made")
    assert "another version" not in line_of(lines, "Made")
    assert line_of(lines, "torch") == "ok       torch: 2.13.0+cpu"
    assert line_of(lines, "Self-check") == (
        "ok       Self-check: models run on cpu (8 threads), float32; torch without CUDA"
    )
    assert line_of(lines, "safetensors").startswith("missing")


def test_an_environment_of_another_lock_is_told(run, tmp_path, own_environment):
    folder, stamp, _ = own_environment
    folder.joinpath(environment.STAMP).write_text(json.dumps({**stamp, "digest": "before"}))
    line = line_of(report(run, tmp_path)[1], "Made")
    assert "another version of SoundVis" in line and "Run 'Set up the environment'" in line


def test_an_environment_that_does_not_work_is_missing(run, tmp_path, own_environment):
    own_environment[2]["problems"].append("torch (2.13.0+cpu) does not work here: ImportError: libgomp.so.1")
    line = line_of(report(run, tmp_path)[1], "Self-check")
    assert line.startswith("missing") and "libgomp" in line and "Set up the environment" in line


def test_a_broken_off_environment_is_told(run, tmp_path, own_environment):
    own_environment[0].joinpath(environment.STAMP).unlink()
    line = line_of(report(run, tmp_path)[1], "Python of the worker")
    assert line.startswith("absent") and "broken off" in line and "again to go on" in line


def test_a_python_without_torch_runs_the_light_models(run, tmp_path, own_environment, monkeypatch):
    monkeypatch.setattr(
        check, "worker_versions", lambda *_: {"python": "3.9.5", "numpy": "1.26", "torch": ""}
    )
    line = line_of(report(run, tmp_path)[1], "torch")
    assert line.startswith("absent") and "light models only" in line


def test_settings_in_use_are_told(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SOUNDVIS_DEVICE", "cpu")
    monkeypatch.setenv("SOUNDVIS_BATCH", "3")
    monkeypatch.setenv("SOUNDVIS_CACHE_GB", "0")
    _, lines = report(run, tmp_path)
    assert "device cpu, precision auto, batch 3" in line_of(lines, "Models run with")
    assert "nothing is kept" in line_of(lines, "Kept results")
    monkeypatch.setenv("SOUNDVIS_DEVICE", "abacus")
    assert line_of(report(run, tmp_path)[1], "Settings").startswith("missing")


def test_the_summary_counts():
    findings = [Finding("x", "a", True, ""), Finding("x", "b", False, "")]
    assert check.summary(findings).startswith("1 thing is missing")
    assert check.summary(findings[:1]).startswith("Everything")
