"""Makes the isolated environment that models run in, and tells whether a Python runs them.

Every step looks first at what is there, so a run that was broken off goes on where it ended. The stamp that makes an
environment count is written last, after its self-check.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QLockFile

import soundvis_core
from soundvis_core.errors import InputError
from soundvis_core.progress import PartOf, Progress

from ..layers.outputs import plugin_version
from . import settings
from .environment import MARKER, PYTHON_VARIABLE, STAMP, child_environment, environment_folder
from .install_errors import InstallError, explain
from .install_plan import BROUGHT, Plan, installer_environment, read_json
from .programs import ProgramError, ask_program, run_program

_WORKER = Path(soundvis_core.__file__).resolve().parent / "worker" / "__main__.py"
#: How long the first import of everything may take, in seconds: a virus scanner reads each of 20,000 files.
_CHECK_LIMIT = 900.0
#: How many lines of an installer are kept to explain a failure.
_KEPT = 60
_MEGABYTE = 1_000_000


def set_up(plan: Plan, progress: Progress) -> dict[str, Any]:
    """Make the environment of a plan; returns its stamp.

    Raises InstallError where a step fails, Cancelled where the user cancels; what was done is kept for the next run.
    """
    if plan.stamp is not None:
        progress.info(f"The environment in {plan.folder} is up to date; nothing is to be done.")
        _prefer(plan, progress)
        return dict(plan.stamp)
    for line in plan.announcement():
        progress.info(line)
    with _alone(plan.folder):
        _prepare(plan, progress)
        try:
            _install(plan, progress)
        except InstallError as error:
            if plan.uv is None or plan.base is None:
                raise
            progress.warn(f"{error}\nTrying once more with venv and pip in place of uv.")
            plan = plan.without_uv()
            _remove(plan.folder)
            _prepare(plan, progress)
            _install(plan, progress)
        progress.info("Checking the environment: every library is imported and run once ...")
        found = check_python(str(plan.python), PartOf(progress, 0.88, 0.99))
        if found["problems"]:
            raise InstallError(
                "The environment is installed but does not work:\n"
                + "\n".join(found["problems"])
                + "\nRun this tool again with 'Make everything anew' (REINSTALL)."
            )
        stamp = {
            "digest": plan.request.recipe.digest(),
            "compute": plan.compute,
            "cuda": found["cuda"],
            "device": found["device"],
            "python": found["python"],
            "versions": found["versions"],
            "tool": "uv" if plan.uv else "pip",
            "soundvis": plugin_version(),
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        _write(plan.folder / STAMP, stamp)
    _prefer(plan, progress)
    progress.report(1.0)
    return stamp


def adopt(python: str, progress: Progress) -> dict[str, Any]:
    """Let SoundVis use another Python, if models run in it; returns what the self-check found.

    Nothing is installed. Raises InstallError where something is missing there.
    """
    progress.info(f"Checking {python}: every library is imported and run once ...")
    found = check_python(python, progress)
    if found["problems"]:
        raise InstallError(
            f"Models do not run in {python}, so nothing was changed:\n" + "\n".join(found["problems"])
        )
    QgsSettings().setValue(settings.PYTHON, python)
    progress.info(f"SoundVis uses {python} from now on (setting {settings.PYTHON}).")
    _warn_of_variable(python, progress)
    return found


def check_python(python: str, progress: Progress) -> dict[str, Any]:
    """What ``soundvis_core.worker.self_check`` finds in a Python. Raises InstallError where it gives no answer."""
    kept: deque[str] = deque(maxlen=_KEPT)
    answers: list[dict[str, Any]] = []

    def listen(line: str) -> None:
        if line.startswith('{"self_check"'):
            answers.append(json.loads(line)["self_check"])
        else:
            kept.append(line)

    progress.report(0.0)
    try:
        code = run_program(
            [python, str(_WORKER), "--self-check"],
            listen,
            progress.cancelled,
            child_environment(),
            _CHECK_LIMIT,
        )
    except ProgramError as error:
        raise InstallError(f"{error} Choose another Python.") from error
    if code != 0 or not answers:
        said = "\n".join(list(kept)[-8:])
        raise InstallError(
            f"{python} did not pass the self-check (exit code {code}). Is it a Python of 3.10 or newer?\n{said}".strip()
        )
    progress.report(1.0)
    return answers[-1]


def _prefer(plan: Plan, progress: Progress) -> None:
    """Let the settings lead to this environment."""
    stored = settings.stored(settings.PYTHON)
    wanted = "" if plan.folder == environment_folder() else str(plan.python)
    if stored != wanted:
        if wanted:
            QgsSettings().setValue(settings.PYTHON, wanted)
        else:
            QgsSettings().remove(settings.PYTHON)
        progress.info(
            f"The setting {settings.PYTHON} now names {wanted}."
            if wanted
            else f"The setting {settings.PYTHON} named {stored}; it was removed, so that this environment is used."
        )
    _warn_of_variable(str(plan.python), progress)


def _warn_of_variable(python: str, progress: Progress) -> None:
    named = os.environ.get(PYTHON_VARIABLE, "")
    if named and os.path.normcase(named) != os.path.normcase(python):
        progress.warn(f"The variable {PYTHON_VARIABLE} names {named}, which goes before every setting.")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one run at a time makes an environment; a lock of a program that is gone does not count."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = QLockFile(str(folder.parent / f".{folder.name}.lock"))
    lock.setStaleLockTime(0)
    if not lock.tryLock(0):
        raise InstallError(
            f"Another run is making the environment in {folder}. Wait until it is done, or cancel it."
        )
    try:
        yield
    finally:
        lock.unlock()


def _prepare(plan: Plan, progress: Progress) -> None:
    """The folder with its marker, without what does not fit, and not yet in use."""
    folder = plan.folder
    marked = read_json(folder / MARKER)
    if marked is not None and (
        plan.request.reinstall or marked.get("compute") != plan.compute or not _answers(plan.python)
    ):
        progress.info(f"Removing what is in {folder} ...")
        _remove(folder)
    elif marked is not None:
        progress.info("Going on with the environment that is there.")
        folder.joinpath(STAMP).unlink(missing_ok=True)
        _forget_halves(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / MARKER, {"compute": plan.compute})


def _answers(python: Path) -> bool:
    """Whether a Python is there and runs; one that was never made does not speak against going on."""
    if not os.path.lexists(python):
        return True
    try:
        ask_program([str(python), "-c", "print(1)"], child_environment())
    except ProgramError:
        return False
    return True


def _remove(folder: Path) -> None:
    """Delete an environment. It is moved aside first, so that no half of one is left in its place."""
    aside = folder.with_name(f".{folder.name}.removed-{os.getpid()}")
    try:
        folder.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        raise InstallError(
            f"The environment in {folder} cannot be removed ({error}). A tool of SoundVis may still be running: close "
            "QGIS and try again, or choose another folder (FOLDER)."
        ) from error


def _forget_halves(folder: Path) -> None:
    """Let packages whose installation was broken off be installed anew: INSTALLER is what pip writes last."""
    for information in folder.glob("[lL]ib/**/site-packages/*.dist-info"):
        if not information.joinpath("INSTALLER").exists():
            shutil.rmtree(information, ignore_errors=True)


def _write(path: Path, values: dict[str, Any]) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_text(json.dumps(values, indent=1), "utf-8")
    os.replace(partial, path)


def _install(plan: Plan, progress: Progress) -> None:
    """The empty environment, the packages, torch."""
    request, recipe = plan.request, plan.request.recipe
    build = recipe.build(plan.compute)
    if not os.path.lexists(plan.python):
        progress.info("Making an empty environment ...")
        _run(
            "Making an empty environment",
            _empty(plan),
            installer_environment(request),
            PartOf(progress, 0.0, 0.03),
        )
    options = ["--no-deps", "--only-binary", ":all:"]
    if request.wheels is not None:
        options += ["--no-index", "--find-links", str(request.wheels)]
    progress.info("Installing the packages ...")
    arguments = [*_installer(plan), *options, "--require-hashes", "-r", str(recipe.packages_lock)]
    environment = installer_environment(request)
    _run("Installing the packages", arguments, environment, PartOf(progress, 0.03, 0.35), 0)
    progress.info("Installing torch ...")
    lock = recipe.torch_lock(build)
    part = PartOf(progress, 0.35, 0.88)
    size = build.download_mb
    if lock is not None:
        arguments = [*_installer(plan), *options, "--require-hashes", "-r", str(lock)]
        _run("Installing torch", arguments, environment, part, size)
        return
    arguments = [*_installer(plan), *options, *recipe.torch_pair(build)]
    if request.wheels is None and not request.index:
        # First from where the user's own settings point to: the official index cannot be reached from everywhere.
        try:
            _run("Installing torch", arguments, environment, part, size)
            return
        except InstallError:
            environment = installer_environment(request, official=build.index)
    _run(f"Installing torch ({build.index})", arguments, environment, part, size)


def _empty(plan: Plan) -> list[str]:
    """The command that makes an empty environment."""
    if plan.uv is not None:
        python = plan.base.path if plan.base else BROUGHT
        return [
            plan.uv,
            "venv",
            "--quiet",
            "--allow-existing",
            "--no-project",
            "--python",
            python,
            str(plan.folder),
        ]
    if plan.base is None:
        raise InputError("There is no Python to make an environment from.")
    return [plan.base.path, "-m", "venv", str(plan.folder)]


def _installer(plan: Plan) -> list[str]:
    """The command that installs into the environment, without what to install."""
    if plan.uv is not None:
        return [plan.uv, "pip", "install", "--python", str(plan.python)]
    bar = "raw" if _tells_progress(plan.python) else "off"
    return [str(plan.python), "-m", "pip", "install", "--no-warn-script-location", "--progress-bar", bar]


def _tells_progress(python: Path) -> bool:
    """Whether pip can tell the progress of a download to another program: from 24.1 on."""
    try:
        answer = ask_program([str(python), "-m", "pip", "--version"], child_environment(), 60.0)
        return tuple(int(part) for part in re.findall(r"\d+", answer)[:2]) >= (24, 1)
    except ProgramError:
        return False


def _run(
    what: str, arguments: Sequence[str], environment: dict[str, str], progress: Progress, megabytes: int = 0
) -> None:
    """Run one step. Raises InstallError with what its program said last, Cancelled."""
    said = Chatter(progress, megabytes)
    try:
        code = run_program(list(arguments), said.hear, progress.cancelled, environment)
    except ProgramError as error:
        raise InstallError(f"{what} failed. {error}") from error
    if code != 0:
        raise explain(what, code, list(said.kept))
    progress.report(1.0)


class Chatter:
    """What installers say: large downloads go to the log, progress to the bar, the last lines are kept."""

    _PROGRESS = re.compile(r"^Progress (\d+) of (\d+)$")
    _DOWNLOAD = re.compile(r"^\s*Downloading (\S+)\s+\(([\d.]+) ?([kMG])i?B\)")
    _COUNTED = re.compile(r"^(Collecting|Requirement already satisfied)\b")
    #: Roughly how many requirements a lock has; the bar needs no more.
    _MANY = 75

    def __init__(self, progress: Progress, megabytes: int) -> None:
        self.kept: deque[str] = deque(maxlen=_KEPT)
        self._progress = progress
        self._whole = megabytes * _MEGABYTE
        self._before = 0
        self._current = (0, 0)
        self._count = 0

    def hear(self, line: str) -> None:
        """Take one line of an installer."""
        progress = self._PROGRESS.match(line)
        if progress is not None:
            self._moved(int(progress.group(1)), int(progress.group(2)))
            return
        if not line.strip() or line.startswith("Ignoring "):  # what a lock has for other systems
            return
        self.kept.append(line)
        download = self._DOWNLOAD.match(line)
        if download is not None and download.group(3) != "k" and float(download.group(2)) >= 10:
            name = download.group(1).rsplit("/", 1)[-1]
            self._progress.info(f"Downloading {name} ({download.group(2)} {download.group(3)}B) ...")
        elif self._COUNTED.match(line):
            self._count += 1
            if not self._whole:
                self._progress.report(min(0.8, 0.8 * self._count / self._MANY))
        elif line.startswith("Installing collected packages"):
            self._progress.report(0.85)
            self._progress.info("Unpacking what was downloaded ...")

    def _moved(self, done: int, whole: int) -> None:
        """A download of ``whole`` bytes has come to ``done``."""
        if (whole, done) < (self._current[1], self._current[0]) or whole != self._current[1]:
            self._before += self._current[0]
        self._current = (done, whole)
        if self._whole:
            self._progress.report(min(0.8, 0.8 * (self._before + done) / self._whole))
