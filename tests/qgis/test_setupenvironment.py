"""Making the environment: tiny packages without a network, broken off, gone on with, and what is refused."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from helpers import AlgorithmError
from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QLockFile
from tiny_wheels import make_recipe, make_wheel

from soundvis_core.errors import Cancelled
from soundvis_core.progress import NO_PROGRESS
from soundvis_qgis.runtime import environment, installer, settings
from soundvis_qgis.runtime.environment import MARKER, STAMP, python_of, worker_python
from soundvis_qgis.runtime.install_errors import InstallError
from soundvis_qgis.runtime.install_plan import Request, make_plan
from soundvis_qgis.runtime.programs import ask_program

FOUND = {
    "python": "3.11.2",
    "executable": "/x/python",
    "versions": {"torch": "7.1.0+cpu", "numpy": "2.0"},
    "device": "cpu (2 threads), float32",
    "cuda": "",
    "problems": [],
}


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path, qgis_app):
    """A home of its own, no Python named anywhere, no uv, no settings of pip."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv(environment.PYTHON_VARIABLE, raising=False)
    monkeypatch.setenv(environment.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr("soundvis_qgis.runtime.install_plan.find_uv", lambda: None)
    monkeypatch.setattr("soundvis_qgis.runtime.install_plan.find_gpu", lambda: None)
    yield
    QgsSettings().remove(settings.PYTHON)


class Log:
    """Keeps what is said; ``stop_at``: cancels once a line begins so."""

    def __init__(self, stop_at: str = "nothing of the kind") -> None:
        self.lines: list[str] = []
        self.moved: list[float] = []
        self._stop_at = stop_at

    def report(self, fraction: float) -> None:
        self.moved.append(fraction)

    def info(self, text: str) -> None:
        self.lines.append(text)

    warn = info

    def cancelled(self) -> bool:
        return any(line.startswith(self._stop_at) for line in self.lines)


def script(path: Path, code: str) -> str:
    """A program that stands in for a Python."""
    path.write_text(f"#!{sys.executable}\n{code}", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def answering(tmp_path: Path, **facts) -> str:
    """A Python whose self-check gives an answer, with noise around it."""
    answer = json.dumps({"self_check": {**FOUND, **facts}})
    return script(
        tmp_path / "python", f"import sys\nprint('a warning', file=sys.stderr)\nprint({answer!r})\n"
    )


def test_made_broken_off_gone_on_with_and_up_to_date(tmp_path, monkeypatch):
    """One environment through its life: making one takes seconds."""
    wheels = tmp_path / "wheels"
    tiny = make_recipe(tmp_path / "recipe", wheels)
    request = Request(tiny, environment.environment_folder(), wheels=wheels)
    monkeypatch.setattr(installer, "check_python", lambda *_: dict(FOUND))

    log = Log(stop_at="Installing torch")
    with pytest.raises(Cancelled):
        installer.set_up(make_plan(request), log)
    assert request.folder.joinpath(MARKER).exists() and not request.folder.joinpath(STAMP).exists()
    assert os.path.isfile(python_of(request.folder)) and worker_python() is None

    # A package whose installation was broken off is made whole, the others are left as they are.
    (half,) = request.folder.glob("lib/**/tinyone-1.0.dist-info")
    half.joinpath("INSTALLER").unlink()
    half.parent.joinpath("tinyone.py").unlink()
    (other,) = request.folder.glob("lib/**/tinytwo.py")
    before = other.stat().st_mtime_ns
    log = Log()
    stamp = installer.set_up(make_plan(request), log)
    assert "Going on with the environment that is there." in log.lines
    assert half.joinpath("INSTALLER").exists() and half.parent.joinpath("tinyone.py").exists()
    assert other.stat().st_mtime_ns == before
    assert log.moved == sorted(log.moved) and log.moved[-1] == 1.0
    assert worker_python() == str(python_of(request.folder))
    told = ask_program(
        [str(python_of(request.folder)), "-c", "import tinytwo, torch; print(torch.__version__)"]
    )
    assert told.strip() == "7.1.0+cpu"
    assert stamp == json.loads(request.folder.joinpath(STAMP).read_text())
    assert (stamp["compute"], stamp["digest"], stamp["tool"]) == ("cpu", tiny.digest(), "pip")
    assert stamp["versions"] == FOUND["versions"] and stamp["date"].endswith("+00:00")
    assert sorted(entry.name for entry in request.folder.parent.iterdir()) == ["env"]

    # Nothing is started where nothing is to be done.
    monkeypatch.setattr(installer, "run_program", None)
    log = Log()
    assert installer.set_up(make_plan(request), log) == stamp
    assert any("up to date" in line for line in log.lines)
    monkeypatch.undo()

    # A package that is not the one of the lock is not installed, and the environment does not count meanwhile.
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    make_recipe(tmp_path / "recipe", wheels, {"tinyone": "1.1", "tinytwo": "2.0"})
    make_wheel(wheels, "tinyone", "1.1", "print('altered')\n")
    with pytest.raises(InstallError, match="its hash differs"):
        installer.set_up(make_plan(request), Log())
    assert not request.folder.joinpath(STAMP).exists()


def test_an_environment_that_does_not_work_does_not_count(tmp_path, monkeypatch):
    tiny = make_recipe(tmp_path / "recipe", tmp_path / "wheels")
    request = Request(tiny, environment.environment_folder())
    monkeypatch.setattr(installer, "run_program", lambda *_: 0)
    monkeypatch.setattr(installer, "_tells_progress", lambda _: False)
    monkeypatch.setattr(installer, "check_python", lambda *_: {**FOUND, "problems": ["torch is broken"]})
    with pytest.raises(InstallError, match=r"(?s)does not work.*torch is broken.*REINSTALL"):
        installer.set_up(make_plan(request), NO_PROGRESS)
    assert environment.is_unfinished(request.folder)


def test_where_uv_fails_pip_is_tried(tmp_path, monkeypatch):
    tiny = make_recipe(tmp_path / "recipe", tmp_path / "wheels")
    monkeypatch.setattr("soundvis_qgis.runtime.install_plan.find_uv", lambda: "/opt/uv")
    ran = []

    def run(arguments, on_line, _cancelled, _environment):
        ran.append(arguments)
        if arguments[:3] == ["/opt/uv", "pip", "install"]:
            on_line("error: something that only uv has")
            return 2
        return 0

    monkeypatch.setattr(installer, "run_program", run)
    monkeypatch.setattr(installer, "_tells_progress", lambda _: False)
    monkeypatch.setattr(installer, "check_python", lambda *_: dict(FOUND))
    log = Log()
    stamp = installer.set_up(make_plan(Request(tiny, environment.environment_folder())), log)
    assert stamp["tool"] == "pip"
    assert any("Trying once more with venv and pip" in line for line in log.lines)
    assert [command[1] for command in ran] == ["venv", "pip", "-m", "-m", "-m"]


def test_another_build_or_a_dead_python_is_made_anew(tmp_path, monkeypatch):
    tiny = make_recipe(tmp_path / "recipe", tmp_path / "wheels")
    folder = environment.environment_folder()
    for marker, python in (({"compute": "cuda"}, None), ({"compute": "cpu"}, "exit(1)")):
        folder.joinpath("bin").mkdir(parents=True, exist_ok=True)
        folder.joinpath(MARKER).write_text(json.dumps(marker))
        folder.joinpath("left over").touch()
        if python:
            script(python_of(folder), python)
        installer._prepare(make_plan(Request(tiny, folder, "cpu")), NO_PROGRESS)
        assert sorted(entry.name for entry in folder.iterdir()) == [MARKER]
    assert sorted(entry.name for entry in folder.parent.iterdir()) == ["env"]


def test_two_at_once_do_not_meet(tmp_path):
    tiny = make_recipe(tmp_path / "recipe", tmp_path / "wheels")
    folder = environment.environment_folder()
    folder.parent.mkdir(parents=True)
    other = QLockFile(str(folder.parent / ".env.lock"))
    other.setStaleLockTime(0)
    assert other.tryLock(0)
    with pytest.raises(InstallError, match="Another run"):
        installer.set_up(make_plan(Request(tiny, folder)), NO_PROGRESS)
    other.unlock()


def test_another_folder_is_remembered(tmp_path, monkeypatch):
    tiny = make_recipe(tmp_path / "recipe", tmp_path / "wheels")
    monkeypatch.setattr(installer, "run_program", lambda *_: 0)
    monkeypatch.setattr(installer, "_tells_progress", lambda _: False)
    monkeypatch.setattr(installer, "check_python", lambda *_: dict(FOUND))
    other = tmp_path / "large disk" / "soundvis"
    installer.set_up(make_plan(Request(tiny, other)), NO_PROGRESS)
    assert settings.stored(settings.PYTHON) == str(python_of(other))
    log = Log()
    installer.set_up(make_plan(Request(tiny, environment.environment_folder())), log)
    assert settings.stored(settings.PYTHON) == ""
    assert any("was removed" in line for line in log.lines)


def test_a_python_that_has_everything_is_taken(run, tmp_path):
    python = answering(tmp_path)
    report = tmp_path / "report.html"
    made = run("setupenvironment", {"PYTHON": python, "OUTPUT": str(report)})
    assert made["OUTPUT"] == str(report)
    assert settings.stored(settings.PYTHON) == python == worker_python()
    assert "7.1.0+cpu" in report.read_text("utf-8") and "cpu (2 threads), float32" in report.read_text(
        "utf-8"
    )
    assert not Path(environment.environment_folder()).exists()


def test_a_variable_that_goes_before_is_told(run, tmp_path, monkeypatch):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, "/other/python")
    made = run("setupenvironment", {"PYTHON": answering(tmp_path)})
    assert any("/other/python" in warning for warning in made.feedback.warnings)


def test_the_real_python_of_the_models_is_taken(run, paper_python):
    made = run("setupenvironment", {"PYTHON": paper_python})
    assert settings.stored(settings.PYTHON) == paper_python
    assert any("Models run on" in line for line in made.feedback.infos)


def test_a_python_without_torch_changes_nothing(run, tmp_path):
    python = answering(tmp_path, problems=["torch is not installed"])
    with pytest.raises(AlgorithmError, match=r"(?s)nothing was changed.*torch is not installed"):
        run("setupenvironment", {"PYTHON": python})
    assert settings.stored(settings.PYTHON) == ""


def test_a_program_that_is_no_python_is_told(run, tmp_path):
    with pytest.raises(AlgorithmError, match="did not pass the self-check"):
        run("setupenvironment", {"PYTHON": script(tmp_path / "other", "print('hello')\nexit(3)\n")})
    assert settings.stored(settings.PYTHON) == ""


def test_the_self_check_can_be_cancelled(tmp_path):
    sleeper = script(tmp_path / "python", "import time\ntime.sleep(60)\n")
    with pytest.raises(Cancelled):
        installer.check_python(sleeper, CancelledLog())


class CancelledLog(Log):
    def cancelled(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"PYTHON": "{tmp}/typo"}, "There is no Python at"),
        ({"PYTHON": "{tmp}"}, "is a folder"),
        ({"PYTHON": "{tmp}/text"}, "no program that can be run"),
        ({"FOLDER": "{tmp}"}, "not empty and holds no environment"),
        ({"WHEELS": "{tmp}"}, "holds no packages"),
        ({"INDEX": "pypi.org"}, "is no address"),
    ],
)
def test_what_cannot_be_is_said_before(provider, tmp_path, parameters, message):
    from qgis.core import QgsProcessingContext

    tmp_path.joinpath("text").write_text("x")
    filled = {name: value.format(tmp=tmp_path) for name, value in parameters.items()}
    ok, said = (
        provider.algorithm("setupenvironment").create().checkParameterValues(filled, QgsProcessingContext())
    )
    assert not ok and message in said
