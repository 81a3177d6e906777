"""What a benchmark claims, how it is timed, and how it runs something in QGIS's own Python."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
STAGED = BUILD / "soundvis_qgis"
QGIS_PYTHON = BUILD / "venv-qgis" / "bin" / "python"

LOWER = "at most"
HIGHER = "at least"


@dataclass(frozen=True)
class Claim:
    """One measured number and the bar it is held against.

    ``bar`` is in ``unit`` as ``value`` is; ``direction`` says on which side of the bar the value has to be.
    ``reference`` says what the number is relative to, or where the bar comes from. Without a bar the number is
    reported and nothing is claimed.
    """

    name: str
    value: float
    unit: str
    reference: str
    bar: float | None = None
    direction: str = LOWER

    @property
    def met(self) -> bool | None:
        """Whether the value is on the right side of the bar; None where there is no bar."""
        if self.bar is None:
            return None
        return self.value <= self.bar if self.direction == LOWER else self.value >= self.bar


def seconds(work: Callable[[], object], repeats: int = 5, warm_up: int = 1) -> float:
    """The median time of a call, in seconds, after ``warm_up`` calls that do not count."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def qgis_environment(profile: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a headless QGIS with its own profile and the staged plugin."""
    run_folder = BUILD / "run"
    run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    profile.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {
        **kept,
        # QGIS looks for its Python along PATH: the development environment must not come first.
        "PATH": "/usr/bin:/bin:" + os.environ.get("PATH", ""),
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(run_folder),
        "QGIS_CUSTOM_CONFIG_PATH": str(profile),
        "QGIS_PLUGINPATH": str(BUILD),
        "QGIS_PREFIX_PATH": "/usr",
        "PYTHONPATH": str(BUILD),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **(extra or {}),
    }


def in_qgis(
    script: Path | str,
    arguments: Sequence[str] = (),
    timeout: float = 600,
    variables: Mapping[str, str] | None = None,
) -> object:
    """Run a script (or code) in QGIS's own Python, the staged plugin importable; what it prints last is JSON.

    ``variables`` join its environment. Returns what that JSON holds. Raises RuntimeError with the last lines of
    the output where the script fails.
    """
    command = (
        [str(QGIS_PYTHON), str(script)] if isinstance(script, Path) else [str(QGIS_PYTHON), "-c", script]
    )
    done = subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env=qgis_environment(BUILD / "bench" / "profile", variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise RuntimeError(f"the script in QGIS's Python ended with status {done.returncode}:\n{said}")
    return json.loads(lines[-1])
