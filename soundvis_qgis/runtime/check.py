"""What is there, what is missing, how to get it."""

from __future__ import annotations

import html
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

from qgis.core import Qgis

from soundvis_core.dependencies import IMPORT_ERRORS, PACKAGES, Package, available, how_to_get
from soundvis_core.errors import SoundVisError
from soundvis_core.models.registry import rows
from soundvis_core.progress import Progress, check_cancelled

from ..layers.outputs import plugin_version
from .client import worker_versions
from .environment import PYTHON_VARIABLE, SETTING, home, missing_pythons, worker_python

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 60em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 1.6em; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
padding: .3em .8em .3em 0; border-bottom: 1px solid #ddd; }
td:first-child { width: 4em; } th { width: 11em; }
.ok { color: #00694c; font-weight: 600; } .no { color: #a33f00; font-weight: 600; }
pre { background: #f4f4f4; padding: 1em; white-space: pre-wrap; user-select: all; }
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for. ``ok`` is False where something that tools need is missing."""

    section: str
    name: str
    ok: bool
    found: str
    remedy: str = ""

    def line(self) -> str:
        """One line of the copyable report."""
        mark = "ok     " if self.ok else "missing"
        return f"{mark}  {self.name}: {self.found}" + (f" - {self.remedy}" if self.remedy else "")


def check_environment(progress: Progress) -> list[Finding]:
    """Everything that tools depend on, found or missing."""
    findings = []
    for finding in _findings():
        check_cancelled(progress)
        findings.append(finding)
    return findings


def _findings() -> Iterator[Finding]:
    yield Finding("Programs", "SoundVis", True, plugin_version())
    yield Finding("Programs", "QGIS", True, Qgis.QGIS_VERSION)
    yield Finding("Programs", "Python in QGIS", True, platform.python_version())
    yield Finding("Programs", "System", True, platform.platform())
    yield from map(_package, PACKAGES.values())
    yield from _worker()
    for row in rows():
        # Every model of this version is made of signal and image statistics: nothing has to be fetched.
        yield Finding(
            "Models", row.id, True, f"{row.title} ({row.task}), no weights to download. {row.description}"
        )


def _package(package: Package) -> Finding:
    section = "Python packages in QGIS"
    remedy = how_to_get([package.module])
    if not available(package.module):
        return Finding(section, package.pypi, False, f"needed for {package.purpose}", remedy)
    try:
        version = getattr(import_module(package.module), "__version__", "installed")
    except IMPORT_ERRORS as error:
        said = f"installed, but cannot be imported ({type(error).__name__}: {error}); needed for {package.purpose}"
        return Finding(section, package.pypi, False, said, f"Install it anew. {remedy}")
    return Finding(section, package.pypi, True, f"{version}, for {package.purpose}")


def _worker() -> Iterator[Finding]:
    section = "Worker environment (used where QGIS lacks a package)"
    for source, path in missing_pythons():
        remedy = "Correct the path, or remove it."
        yield Finding(section, f"Python of {source}", False, f"{path} is not there", remedy)
    python = worker_python()
    if python is None:
        found = f"none; looked at {PYTHON_VARIABLE}, the setting {SETTING} and {home() / 'env'}"
        yield Finding(
            section, "Python of the worker", True, f"{found}. Not needed while the packages above are there."
        )
        return
    try:
        versions = worker_versions(python)
    except SoundVisError as error:
        yield Finding(section, "Python of the worker", False, python, f"{error}")
        return
    yield Finding(
        section, "Python of the worker", True, f"{python} ({versions.pop('python', 'unknown version')})"
    )
    for name, version in versions.items():
        remedy = "" if version else f"Install it with: {python} -m pip install {name}"
        yield Finding(section, name, bool(version), version or "not installed", remedy)


def write_page(path: str, text: str, on_failure: Callable[[Callable[[], None]], None]) -> None:
    """Write a page whole or not at all; ``on_failure`` takes what removes a half-written one."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    partial = path + ".part"
    on_failure(lambda: os.path.exists(partial) and os.remove(partial))
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(partial, path)


def page(
    findings: list[Finding], title: str = "SoundVis: what is there and what is missing", summary: str = ""
) -> str:
    """The findings as an HTML page that needs nothing else."""
    missing_count = sum(not finding.ok for finding in findings)
    summary = summary or (
        "Everything that the tools of this version need is there."
        if missing_count == 0
        else f"{missing_count} {'thing is' if missing_count == 1 else 'things are'} missing; the way to each is below."
    )
    parts = [f"<h1>{html.escape(title)}</h1><p>{html.escape(summary)}</p>"]
    for section in dict.fromkeys(finding.section for finding in findings):
        parts.append(f"<h2>{html.escape(section)}</h2><table>")
        for finding in findings:
            if finding.section == section:
                mark = "<td class='ok'>ok</td>" if finding.ok else "<td class='no'>missing</td>"
                remedy = f"<br>{html.escape(finding.remedy)}" if finding.remedy else ""
                parts.append(
                    f"<tr>{mark}<th>{html.escape(finding.name)}</th><td>{html.escape(finding.found)}{remedy}</td></tr>"
                )
        parts.append("</table>")
    lines = "\n".join(finding.line() for finding in findings)
    parts.append(f"<h2>To copy</h2><pre>{html.escape(lines)}</pre>")
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>SoundVis environment</title>"
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )
