"""What is decided before an environment is made, and the commands that make it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from qgis.core import QgsSettings
from tiny_wheels import make_recipe

from soundvis_core.errors import InputError
from soundvis_core.progress import NO_PROGRESS
from soundvis_qgis.runtime import install_plan, installer, pythons, recipe
from soundvis_qgis.runtime.environment import MARKER, STAMP, child_environment, python_of
from soundvis_qgis.runtime.install_errors import InstallError
from soundvis_qgis.runtime.install_plan import Plan, Request, installer_environment, make_plan
from soundvis_qgis.runtime.programs import ProgramError
from soundvis_qgis.runtime.proxies import proxy_environment
from soundvis_qgis.runtime.pythons import BasePython, Gpu, find_base_python

BASE = BasePython("/opt/python", (3, 11, 2))
NEW_GPU, OLD_GPU = Gpu("NVIDIA L4", 590), Gpu("NVIDIA T4", 535)


@pytest.fixture(autouse=True)
def computer(monkeypatch):
    """A Linux computer with a Python, without uv and GPU; nothing of this one's settings for pip."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_", "SSL_CERT"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(install_plan, "find_base_python", lambda _: BASE)
    monkeypatch.setattr(install_plan, "find_uv", lambda: None)
    monkeypatch.setattr(install_plan, "find_gpu", lambda: None)


@pytest.fixture
def request_for(tmp_path):
    """``request_for(compute=..., wheels=...)``: a request of the tiny recipe."""
    tiny = make_recipe(tmp_path / "recipe", tmp_path / "wheels")

    def make(**options) -> Request:
        return Request(**{"recipe": tiny, "folder": tmp_path / "env", **options})

    return make


def made(request: Request, **facts) -> None:
    """An environment as a finished run leaves it."""
    python = python_of(request.folder)
    python.parent.mkdir(parents=True)
    python.touch()
    request.folder.joinpath(MARKER).write_text(json.dumps({"compute": "cpu"}))
    stamp = {"digest": request.recipe.digest(), "compute": "cpu", **facts}
    request.folder.joinpath(STAMP).write_text(json.dumps(stamp))


def test_what_how_large_and_where_is_told(request_for):
    plan = make_plan(request_for())
    assert (plan.compute, plan.stamp, plan.base) == ("cpu", None, BASE)
    said = "\n".join(plan.announcement())
    assert "torch 7.1.0 for the processor" in said
    assert "2 MB from the network" in said and "2 MB on disk" in said
    assert str(plan.folder) in said and "Python 3.11.2 (/opt/python)" in said


@pytest.mark.parametrize(
    ("gpu", "compute", "note"),
    [(None, "cpu", None), (NEW_GPU, "cuda", "Found NVIDIA L4"), (OLD_GPU, "cpu", "535.* older than 580")],
)
def test_auto_asks_the_driver(request_for, monkeypatch, gpu, compute, note):
    monkeypatch.setattr(install_plan, "find_gpu", lambda: gpu)
    plan = make_plan(request_for())
    assert plan.compute == compute
    assert (not plan.notes) if note is None else re.search(note, plan.notes[0])


def test_auto_keeps_what_is_there_until_it_is_made_anew(request_for, monkeypatch):
    monkeypatch.setattr(install_plan, "find_gpu", lambda: NEW_GPU)
    made(request_for())
    assert make_plan(request_for()).compute == "cpu"
    assert make_plan(request_for(reinstall=True)).compute == "cuda"


def test_cuda_without_a_driver_is_made_with_a_word(request_for):
    plan = make_plan(request_for(compute="cuda"))
    assert plan.compute == "cuda" and "No NVIDIA driver" in plan.notes[0]


def test_up_to_date_means_same_lock_same_build_and_a_python(request_for):
    request = request_for()
    made(request)
    assert make_plan(request).stamp is not None
    assert make_plan(request_for(compute="cuda")).stamp is None
    assert make_plan(request_for(reinstall=True)).stamp is None
    python_of(request.folder).unlink()
    assert make_plan(request).stamp is None
    request.folder.joinpath(STAMP).write_text("{")  # cut off
    assert make_plan(request).stamp is None


def test_another_lock_is_not_up_to_date(request_for):
    request = request_for()
    made(request, digest="of another version")
    assert make_plan(request).stamp is None


def test_a_folder_with_something_else_in_it_is_refused(request_for, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    folder.joinpath("photo.jpg").touch()
    with pytest.raises(InputError, match="not empty and holds no environment that SoundVis made"):
        make_plan(request_for(folder=folder))
    with pytest.raises(InputError, match="is a file"):
        make_plan(request_for(folder=folder / "photo.jpg"))


def test_room_is_looked_for_before(request_for, monkeypatch):
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 10**6)
    monkeypatch.setattr(install_plan.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InstallError, match=r"takes about 2 MB in .*only 1 MB are free"):
        make_plan(request_for())


def test_without_a_python_the_ways_are_named(request_for, monkeypatch, tmp_path):
    monkeypatch.setattr(install_plan, "find_base_python", lambda _: None)
    with pytest.raises(InstallError, match=r"(?s)No Python from 3\.9.*python3-venv.*uv"):
        make_plan(request_for())
    monkeypatch.setattr(install_plan, "find_uv", lambda: "/opt/uv")
    assert make_plan(request_for()).base is None  # uv brings one
    with pytest.raises(InstallError, match="No Python"):
        make_plan(request_for(wheels=tmp_path))  # not without a network


def test_macs(request_for, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(recipe.platform, "machine", lambda: "arm64")
    assert "for Macs" in "\n".join(make_plan(request_for()).announcement())
    with pytest.raises(InputError, match="A Mac has no CUDA"):
        make_plan(request_for(compute="cuda"))
    monkeypatch.setattr(recipe.platform, "machine", lambda: "x86_64")
    with pytest.raises(InputError, match="Intel"):
        make_plan(request_for())


def test_the_shipped_recipe():
    shipped = recipe.shipped_recipe()
    assert (shipped.oldest, shipped.newest) == ((3, 10), (3, 14))
    torch, torchvision = shipped.versions()
    assert shipped.torch_pair(shipped.builds["cpu"]) == (f"torch=={torch}+cpu", f"torchvision=={torchvision}")
    for build in shipped.builds.values():
        assert bool(build.lock) != bool(build.index)
        assert not build.lock or shipped.folder.joinpath(build.lock).is_file()
        assert not build.index or build.index.startswith("https://download.pytorch.org/whl/")
    assert shipped.packages_lock.is_file()
    assert re.fullmatch(r"[0-9a-f]{16}", shipped.digest())


class Recorder:
    """Stands in for run_program: keeps commands and variables, fails where told."""

    def __init__(self, fails=lambda _: False, says="ERROR: No matching distribution found for torch") -> None:
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self._fails = fails
        self._says = says

    def __call__(self, arguments, on_line, _cancelled, environment) -> int:
        self.commands.append(list(arguments))
        self.environments.append(dict(environment))
        if self._fails(self):
            on_line(self._says)
            return 1
        return 0


@pytest.fixture
def commands(monkeypatch):
    """``commands(plan, fails)``: what a plan runs."""

    def record(plan: Plan, *arguments, **options) -> Recorder:
        recorder = Recorder(*arguments, **options)
        monkeypatch.setattr(installer, "run_program", recorder)
        monkeypatch.setattr(installer, "_tells_progress", lambda _: True)
        installer._install(plan, NO_PROGRESS)
        return recorder

    return record


def test_commands_of_pip(request_for, commands):
    plan = make_plan(request_for())
    ran = commands(plan)
    venv, packages, torch = ran.commands
    assert venv == ["/opt/python", "-m", "venv", str(plan.folder)]
    for command in (packages, torch):
        assert command[:4] == [str(plan.python), "-m", "pip", "install"]
        assert "--no-deps" in command and command[command.index("--only-binary") + 1] == ":all:"
    assert packages[-3:] == ["--require-hashes", "-r", str(plan.request.recipe.packages_lock)]
    assert torch[-2:] == ["torch==7.1.0+cpu", "torchvision==7.2.0"]


def test_torchs_own_index_is_asked_second(request_for, commands, monkeypatch):
    """Who has set pip up to find torch elsewhere does not wait for an index that cannot be reached."""
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://company.invalid/simple")
    ran = commands(make_plan(request_for()), lambda ran: len(ran.commands) == 3)
    assert ran.commands[2] == ran.commands[3]
    assert [variables["PIP_EXTRA_INDEX_URL"] for variables in ran.environments[2:]] == [
        "https://company.invalid/simple",
        "https://company.invalid/simple https://torch.invalid/cpu",
    ]


def test_cuda_comes_by_hashes_on_linux(request_for, commands):
    plan = make_plan(request_for(compute="cuda"))
    assert commands(plan).commands[-1][-3:] == [
        "--require-hashes", "-r", str(plan.request.recipe.folder / "torch.lock"),
    ]  # fmt: skip


def test_cuda_comes_from_its_index_on_windows(request_for, commands, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    plan = make_plan(request_for(compute="cuda"))
    ran = commands(plan, lambda ran: len(ran.commands) == 3)
    assert ran.commands[-1][-2:] == ["torch==7.1.0+cu130", "torchvision==7.2.0"]
    assert ran.environments[-1]["PIP_EXTRA_INDEX_URL"] == "https://torch.invalid/cu130"


def test_an_offline_folder_is_all_that_is_asked(request_for, commands, tmp_path):
    plan = make_plan(request_for(wheels=tmp_path / "wheels"))
    _, packages, torch = commands(plan).commands
    for command in (packages, torch):
        at = command.index("--no-index")
        assert command[at : at + 3] == ["--no-index", "--find-links", str(tmp_path / "wheels")]
    with pytest.raises(InstallError, match="WHEELS"):
        commands(plan, lambda ran: len(ran.commands) == 3)


def test_an_index_of_ones_own_takes_the_place_of_both(request_for, commands):
    plan = make_plan(request_for(index=("https://mirror.invalid/simple", "https://mirror.invalid/torch")))
    with pytest.raises(InstallError, match="INDEX"):
        commands(plan, lambda ran: len(ran.commands) == 3)
    for variables in commands(plan).environments:
        assert variables["PIP_INDEX_URL"] == "https://mirror.invalid/simple"
        assert variables["PIP_EXTRA_INDEX_URL"] == "https://mirror.invalid/torch"


def test_commands_of_uv(request_for, commands, monkeypatch):
    monkeypatch.setattr(install_plan, "find_uv", lambda: "/opt/uv")
    plan = make_plan(request_for())
    venv, packages, torch = commands(plan).commands
    assert venv[:2] == ["/opt/uv", "venv"] and venv[-3:] == ["--python", "/opt/python", str(plan.folder)]
    for command in (packages, torch):
        assert command[:5] == ["/opt/uv", "pip", "install", "--python", str(plan.python)]
        assert "--no-deps" in command


def test_settings_of_pip_hold_and_those_that_lead_astray_do_not(request_for, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    monkeypatch.setenv("PIP_CERT", "/company.pem")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PYTHONPATH", "/qgis")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "7")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "99")
    found = installer_environment(request_for())
    assert found["PIP_FIND_LINKS"] == found["UV_FIND_LINKS"] == "/wheels"
    assert found["PIP_CERT"] == found["SSL_CERT_FILE"] == "/company.pem"
    assert found["UV_HTTP_TIMEOUT"] == "7"
    assert found["PIP_USER"] == "0"
    assert not {"PIP_TARGET", "PYTHONPATH", "PIP_EXTRA_INDEX_URL"} & set(found)


@pytest.fixture
def proxy(qgis_app):
    """``proxy(**entries)``: QGIS's settings of the proxy; taken back afterwards."""
    stored = QgsSettings()
    kept = []

    def set_entries(**entries) -> None:
        for name, value in entries.items():
            kept.append(f"proxy/{name}")
            stored.setValue(f"proxy/{name}", value)

    yield set_entries
    for key in kept:
        stored.remove(key)


def test_the_proxy_of_qgis(proxy, request_for):
    assert proxy_environment() == {}
    proxy(
        proxyEnabled=True,
        proxyType="HttpProxy",
        proxyHost="proxy.invalid",
        proxyPort="3128",
        proxyUser="me@home",
        proxyPassword="p:w/d",
        noProxyUrls=["http://intranet.invalid/a", "https://other.invalid:8443/"],
    )
    found = installer_environment(request_for())
    assert found["HTTPS_PROXY"] == found["http_proxy"] == "http://me%40home:p%3Aw%2Fd@proxy.invalid:3128"
    assert found["NO_PROXY"] == "intranet.invalid,other.invalid"
    assert (
        child_environment(offline=False)["HTTPS_PROXY"] == found["HTTPS_PROXY"]
    )  # the worker that downloads
    assert "proxy.invalid" not in str(child_environment())
    proxy(proxyType="Socks5Proxy", proxyUser="", proxyPassword="")
    assert proxy_environment()["HTTPS_PROXY"] == "socks5h://proxy.invalid:3128"
    proxy(proxyType="DefaultProxy")
    assert proxy_environment() == {}
    proxy(proxyType="HttpProxy", proxyEnabled=False)
    assert proxy_environment() == {}


def test_pythons_are_asked_for_what_they_are(tmp_path, request_for, monkeypatch):
    answers = {
        "old": "[[3, 8, 1], 64, false]",
        "small": "[[3, 11, 1], 32, false]",
        "stub": "Python was not found; run without arguments to install",
        "good": "warning of a site\n[[3, 12, 4], 64, false]",
        "later": "[[3, 13, 0], 64, false]",
    }
    monkeypatch.setattr(pythons, "candidates", lambda _: iter(["broken", *answers]))

    def ask(path: str) -> str:
        if path == "broken":
            raise ProgramError("no")
        return answers[path]

    assert find_base_python(request_for().recipe, ask) == BasePython("good", (3, 12, 4))


def test_this_computer_has_a_python(request_for):
    """The one that QGIS runs on, or another on PATH; never the executable of QGIS."""
    if os.name != "posix":
        pytest.skip("looks for Pythons of this system")
    found = find_base_python(request_for().recipe)
    assert found is not None and Path(found.path).name.startswith("python3")
