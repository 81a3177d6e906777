"""The scans that plugins.qgis.org runs on an upload find nothing in the unpacked zip."""

from __future__ import annotations

import json
import re
import subprocess
import sys


def run(*command: str, cwd=None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", *command], check=False, capture_output=True, text=True, timeout=240, cwd=cwd
    )


def test_bandit_finds_nothing(unpacked):
    report = json.loads(run("bandit", "-q", "-r", "-f", "json", str(unpacked)).stdout)
    assert report["errors"] == []
    assert report["metrics"]["_totals"]["loc"] > 0
    findings = [
        f"{found['filename']}:{found['line_number']} {found['test_id']} {found['issue_text']}"
        for found in report["results"]
    ]
    assert findings == []


def test_every_exception_from_bandit_names_its_rule(unpacked):
    """A bare nosec hides whatever comes later on that line."""
    for path in unpacked.rglob("*.py"):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if "# nosec" in line:
                assert re.search(r"# nosec B\d{3}", line), f"{path.name}:{number}"


def test_processes_are_started_in_one_module_only(unpacked):
    starters = [
        path
        for path in unpacked.rglob("*.py")
        if re.search(r"^\s*(import|from) subprocess", path.read_text("utf-8"), re.M)
    ]
    assert len(starters) <= 1, starters


def test_detect_secrets_finds_nothing(unpacked):
    shown = run("detect_secrets", "scan", "--all-files", ".", cwd=unpacked)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["results"] == {}


def test_the_scans_do_find_something_where_there_is_something(tmp_path):
    tmp_path.joinpath("bad.py").write_text("import pickle\npickle.loads(b'')\nassert True\n", "utf-8")
    # put together here, so that this file itself is clean
    tmp_path.joinpath("secret.txt").write_text("AWS_KEY = 'AKIA" + "Z7QXJ3K5MNP2RSTU'\n", "utf-8")
    report = json.loads(run("bandit", "-q", "-r", "-f", "json", str(tmp_path)).stdout)
    assert {found["test_id"] for found in report["results"]} >= {"B301", "B101"}
    assert json.loads(run("detect_secrets", "scan", "--all-files", ".", cwd=tmp_path).stdout)["results"] != {}
