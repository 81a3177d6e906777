"""One gate for optional packages: it names what is missing and how to get it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from types import ModuleType

from .errors import MissingDependencyError


@dataclass(frozen=True)
class Package:
    """A Python package that some tools need: import name, Debian package, PyPI name, what it is for."""

    module: str
    debian: str
    pypi: str
    purpose: str


PACKAGES = {
    package.module: package
    for package in (
        Package("numpy", "python3-numpy", "numpy", "all numbers"),
        Package("scipy", "python3-scipy", "scipy", "resampling, filters and statistics"),
        Package("shapely", "python3-shapely", "shapely", "the geometry of the sample town"),
        Package("pyproj", "python3-pyproj", "pyproj", "true metres on the ground"),
        Package("PIL", "python3-pil", "Pillow", "reading photos"),
        Package("soundfile", "python3-soundfile", "soundfile", "reading WAV, FLAC, OGG and MP3 recordings"),
        Package("av", "python3-av", "av", "reading M4A/AAC and other recordings of phones and cameras"),
        Package("matplotlib", "python3-matplotlib", "matplotlib", "figures of the correlation report"),
    )
}

#: What importing a package raises where it is broken: not there, without the library below it (soundfile without
#: libsndfile: OSError), or built for another numpy (the rest).
IMPORT_ERRORS = (ImportError, OSError, AttributeError, ValueError, RuntimeError)


def available(module: str) -> bool:
    """Whether ``module`` can be found, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def missing(modules: tuple[str, ...]) -> list[str]:
    """Those of ``modules`` that cannot be found."""
    return [module for module in modules if not available(module)]


def how_to_get(modules: list[str]) -> str:
    """A sentence that tells how to get ``modules`` on this operating system."""
    packages = [PACKAGES[module] for module in modules]
    pypi = " ".join(package.pypi for package in packages)
    if sys.platform.startswith("linux"):
        debian = " ".join(package.debian for package in packages)
        return (
            f"On Debian or Ubuntu run: sudo apt-get install {debian} "
            "(other systems: install the packages of the same names), then restart QGIS."
        )
    if sys.platform == "win32":
        return (
            f"Open the OSGeo4W Shell of your QGIS as administrator and run: python -m pip install --no-deps {pypi} "
            "(or tick the packages in the OSGeo4W installer), then restart QGIS."
        )
    return f"Install {pypi} into the Python that QGIS uses, then restart QGIS."


def require(module: str) -> ModuleType:
    """Import an optional package.

    Raises :class:`MissingDependencyError` that says what the package is for and how to get it.
    """
    try:
        return importlib.import_module(module)
    except IMPORT_ERRORS as error:
        package = PACKAGES.get(module)
        if package is None:
            raise MissingDependencyError(f"The Python package '{module}' is missing: {error}") from error
        raise MissingDependencyError(
            f"The Python package '{package.pypi}' is needed for {package.purpose} and cannot be imported "
            f"({error}). {how_to_get([module])}"
        ) from error
