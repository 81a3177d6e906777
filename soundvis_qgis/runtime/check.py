"""What is there, what is missing, how to get it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import import_module

from qgis.core import Qgis

from soundvis_core.dependencies import IMPORT_ERRORS, PACKAGES, Package, available, how_to_get
from soundvis_core.errors import SoundVisError
from soundvis_core.progress import Progress, check_cancelled
from soundvis_core.worker.self_check import PACKAGES as MODEL_PACKAGES

from ..layers.outputs import plugin_version
from . import settings
from .client import worker_versions
from .environment import (
    PYTHON_VARIABLE,
    SETTING,
    STAMP,
    environment_folder,
    is_unfinished,
    missing_pythons,
    python_of,
    worker_python,
)
from .findings import Finding
from .model_findings import MODELS_SECTION, model_findings

TITLE = "SoundVis: what is there and what is missing"
_ENVIRONMENT = "Environment of the models"
_SETTINGS = "Settings in use"
_SET_UP = "Run 'Set up the environment'."


def check_environment(progress: Progress) -> list[Finding]:
    """Everything that tools depend on, found or missing."""
    settings.share_home()
    findings = []
    for finding in _findings(progress):
        check_cancelled(progress)
        findings.append(finding)
    return findings


def summary(findings: list[Finding]) -> str:
    """The outcome in two sentences: what every tool needs, then the paper's models."""
    missing = sum(not finding.ok for finding in findings)
    first = (
        "Everything that the light models and the other tools need is there."
        if missing == 0
        else f"{missing} {'thing is' if missing == 1 else 'things are'} missing; the way to each is below."
    )
    models = [finding for finding in findings if finding.section == MODELS_SECTION]
    ready = sum(not finding.absent and finding.ok for finding in models)
    return f"{first} Of the models with weights {ready} of {len(models)} are on this computer."


def _findings(progress: Progress) -> Iterator[Finding]:
    yield Finding("Programs", "SoundVis", True, plugin_version())
    yield Finding("Programs", "QGIS", True, Qgis.QGIS_VERSION)
    yield Finding("Programs", "Python in QGIS", True, platform.python_version())
    yield Finding("Programs", "System", True, platform.platform())
    yield from map(_package, PACKAGES.values())
    yield from _worker(progress)
    yield from _settings()
    yield from model_findings()


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


def _worker(progress: Progress) -> Iterator[Finding]:
    for source, path in missing_pythons():
        remedy = "Correct the path, or remove it."
        yield Finding(_ENVIRONMENT, f"Python of {source}", False, f"{path} is not there", remedy)
    python = worker_python()
    folder = environment_folder()
    if python is None:
        broken_off = is_unfinished(folder)
        found = (
            f"making the environment in {folder} was broken off"
            if broken_off
            else f"none; looked at {PYTHON_VARIABLE}, the setting {SETTING} and {folder}"
        )
        remedy = "Run 'Set up the environment' again to go on." if broken_off else _SET_UP
        found += ". Models with weights need it, the light ones do not"
        yield Finding(_ENVIRONMENT, "Python of the worker", True, found, remedy, absent=True)
        return
    try:
        versions = worker_versions(python, MODEL_PACKAGES)
    except SoundVisError as error:
        yield Finding(_ENVIRONMENT, "Python of the worker", False, python, f"{error}")
        return
    found = f"{python} ({versions.pop('python', 'unknown version')})"
    yield Finding(_ENVIRONMENT, "Python of the worker", True, found)
    if python == str(python_of(folder)):
        yield from _stamp()
    runs_models = bool(versions.get("torch"))
    for name, version in versions.items():
        if version or name not in MODEL_PACKAGES or name in _LIGHT or runs_models:
            remedy = "" if version else f"Install it with: {python} -m pip install {name}"
            yield Finding(_ENVIRONMENT, name, bool(version), version or "not installed", remedy)
    if runs_models:
        yield from _models_run(python, progress)
    else:
        yield Finding(
            _ENVIRONMENT, "torch", True, "not in this Python: it runs the light models only", _SET_UP, True
        )


#: Packages that the light models use in the worker, too.
_LIGHT = {package.pypi for package in PACKAGES.values()}


def _stamp() -> Iterator[Finding]:
    """When the environment was made, and whether by the lock of this version."""
    from .install_plan import read_json
    from .recipe import shipped_recipe

    stamp = read_json(environment_folder() / STAMP)
    if stamp is None:
        return
    made = f"{stamp.get('date', '?')} by SoundVis {stamp.get('soundvis', '?')} with {stamp.get('tool', '?')}"
    current = stamp.get("digest") == shipped_recipe().digest()
    lock = f"lock {stamp.get('digest', '?')}" + ("" if current else " of another version of SoundVis")
    remedy = "" if current else f"{_SET_UP} It brings the packages up to date."
    yield Finding(_ENVIRONMENT, "Made", True, f"{made}; {stamp.get('compute', '?')} build, {lock}", remedy)


def _models_run(python: str, progress: Progress) -> Iterator[Finding]:
    """Whether models run there and on what, tried out."""
    from .installer import check_python

    progress.info("Trying out the environment of the models ...")
    try:
        found = check_python(python, progress)
    except SoundVisError as error:
        yield Finding(_ENVIRONMENT, "Self-check", False, str(error), _SET_UP)
        return
    for problem in found["problems"]:
        yield Finding(_ENVIRONMENT, "Self-check", False, problem, _SET_UP)
    if not found["problems"]:
        build = f"torch with CUDA {found['cuda']}" if found["cuda"] else "torch without CUDA"
        yield Finding(_ENVIRONMENT, "Self-check", True, f"models run on {found['device']}; {build}")


def _settings() -> Iterator[Finding]:
    from soundvis_core.cache import ResultCache

    try:
        options = settings.model_options()
        limit = settings.cache_bytes()
    except SoundVisError as error:
        yield Finding(
            _SETTINGS, "Settings", False, str(error), "Correct it in QGIS's options, page SoundVis."
        )
        return
    batch = str(options.batch) if options.batch else "as memory allows"
    yield Finding(
        _SETTINGS,
        "Models run with",
        True,
        f"device {options.device}, precision {options.precision}, batch {batch}",
    )
    yield Finding(_SETTINGS, "Folder of SoundVis", True, str(settings.home()))
    yield Finding(_SETTINGS, "Models folder", True, str(options.models))
    count, size = ResultCache(settings.cache_folder(), limit).size()
    kept = f"at most {limit / 1e9:g} GB" if limit else "nothing is kept"
    found = f"{count} in {settings.cache_folder()}, {size / 1e6:.1f} MB; {kept}"
    yield Finding(_SETTINGS, "Kept results", True, found)
