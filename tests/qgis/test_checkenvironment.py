"""The environment report: what is there, what is missing and how to get it."""

from __future__ import annotations

import html
import re
import subprocess
import sys

import pytest
from qgis.core import Qgis

from soundvis_core.dependencies import PACKAGES
from soundvis_core.models.registry import rows
from soundvis_qgis.runtime import check, environment


@pytest.fixture(autouse=True)
def no_worker(monkeypatch, tmp_path):
    """No Python of a worker, unless a test names one."""
    monkeypatch.delenv(environment.PYTHON_VARIABLE, raising=False)
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
    monkeypatch.setattr(check, "worker_versions", lambda _: {"python": "3.9.5", "numpy": "1.26", "av": ""})
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
