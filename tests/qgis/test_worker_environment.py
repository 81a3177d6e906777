"""Which Python the worker runs in, what it inherits, and what is said where there is none."""

from __future__ import annotations

import os

from soundvis_qgis.runtime import environment, execution
from soundvis_qgis.runtime.environment import child_environment, worker_python


def test_the_child_inherits_nothing_of_qgis(monkeypatch):
    dropped = {
        "PYTHONHOME": "/qgis", "PYTHONPATH": "/qgis", "PYTHONSTARTUP": "/qgis", "PYTHONEXECUTABLE": "/qgis",
        "LD_LIBRARY_PATH": "/qgis", "LD_PRELOAD": "/qgis", "DYLD_LIBRARY_PATH": "/qgis", "PROJ_LIB": "/qgis",
        "PROJ_DATA": "/qgis", "GDAL_DATA": "/qgis", "GDAL_DRIVER_PATH": "/qgis", "QGIS_PREFIX_PATH": "/qgis",
        "PIP_USER": "1", "PIP_TARGET": "/qgis", "PIP_PREFIX": "/qgis", "VIRTUAL_ENV": "/qgis",
    }  # fmt: skip
    for name, value in dropped.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", os.pathsep.join(["/opt/QGIS 3.40/bin", "/usr/bin", "/usr/lib/qgis"]))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    kept = child_environment()
    assert not set(dropped) & set(kept)
    assert kept["PATH"] == "/usr/bin"
    assert kept["HTTPS_PROXY"] == "http://proxy:3128"
    assert (kept["PYTHONNOUSERSITE"], kept["PYTHONSAFEPATH"], kept["PYTHONUTF8"]) == ("1", "1", "1")


def test_where_the_python_is_looked_for(no_worker, monkeypatch, tmp_path):
    assert worker_python() is None
    own = tmp_path / "home" / "env" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    monkeypatch.setenv(environment.HOME_VARIABLE, str(tmp_path / "home"))
    assert worker_python() == str(own)
    named = tmp_path / "named"
    monkeypatch.setenv(environment.PYTHON_VARIABLE, str(named))
    assert worker_python() == str(own)  # what is named has to be there
    named.touch()
    assert worker_python() == str(named)


def test_one_package_that_reads_recordings_is_enough(monkeypatch, no_worker):
    for lacking, problem in (
        (["soundfile"], False),
        (["av"], False),
        (["av", "soundfile"], True),
        (["scipy"], True),
    ):
        monkeypatch.setattr(
            execution,
            "missing",
            lambda modules, lacking=lacking: [name for name in modules if name in lacking],
        )
        assert (execution.job_problem("embed-recordings") is not None) == problem, lacking


def test_a_named_python_that_is_not_there_is_said(monkeypatch, no_worker, lacks_soundfile, tmp_path):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, str(tmp_path / "typo"))
    assert environment.missing_pythons() == [(environment.PYTHON_VARIABLE, str(tmp_path / "typo"))]
    problem = execution.job_problem("compose-sound")
    assert f"SOUNDVIS_PYTHON names {tmp_path / 'typo'}, which is not there" in problem
