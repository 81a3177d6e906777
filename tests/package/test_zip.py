"""The zip is what plugins.qgis.org and QGIS take, and the same bytes each time."""

from __future__ import annotations

import shutil
import stat
import time
import zipfile
from pathlib import Path, PurePosixPath

from conftest import ROOT, build_zip

REQUIRED = (
    "__init__.py",
    "metadata.txt",
    "LICENSE",
    "resources/icons/soundvis.svg",
    "soundvis_core/__init__.py",
)
FORBIDDEN_KINDS = {
    ".pyc",
    ".pyo",
    ".so",
    ".dll",
    ".exe",
    ".dylib",
    ".zip",
    ".whl",
    ".pkl",
    ".pt",
    ".onnx",
    ".ui~",
}
MEGABYTE = 1_000_000


def entries(path: Path) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.infolist()


def test_one_top_folder_that_is_an_identifier(plugin_zip):
    tops = {PurePosixPath(entry.filename).parts[0] for entry in entries(plugin_zip)}
    assert tops == {"soundvis_qgis"}
    assert tops.pop().isidentifier()


def test_what_must_be_there_is_there(plugin_zip):
    names = {entry.filename for entry in entries(plugin_zip)}
    assert {f"soundvis_qgis/{name}" for name in REQUIRED} <= names


def test_nothing_forbidden(plugin_zip):
    for entry in entries(plugin_zip):
        path = PurePosixPath(entry.filename)
        assert path.suffix not in FORBIDDEN_KINDS, path
        assert not any(
            part.startswith(".") or part in {"__pycache__", "tests", "__MACOSX"} for part in path.parts
        ), path
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert not stat.S_ISLNK(entry.external_attr >> 16), path


def test_small_enough(plugin_zip):
    assert plugin_zip.stat().st_size < 25 * MEGABYTE


def test_every_source_file_ships(plugin_zip):
    """No file of the plugin, the core or the resources is left behind."""
    names = {entry.filename.removeprefix("soundvis_qgis/") for entry in entries(plugin_zip)}
    for part, prefix in (
        ("soundvis_qgis", ""),
        ("soundvis_core", "soundvis_core/"),
        ("resources", "resources/"),
    ):
        for path in ROOT.joinpath(part).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                assert prefix + path.relative_to(ROOT / part).as_posix() in names


def test_same_bytes_when_repeated(tmp_path):
    """Wherever the sources lie and whenever they were written."""
    built = []
    for name in ("one", "two"):
        copy = tmp_path / name
        for part in ("soundvis_qgis", "soundvis_core", "resources", "tools"):
            shutil.copytree(
                (tmp_path / "one" if built else ROOT) / part, copy / part, copy_function=shutil.copyfile
            )
        for part in ("metadata.txt", "LICENSE"):
            shutil.copyfile(ROOT / part, copy / part)
        built.append(build_zip(copy, copy).read_bytes())
        time.sleep(2.1)  # zip counts in steps of two seconds: a date that slipped in would show
    assert built[0] == built[1]


def test_sorted_dated_and_readable(plugin_zip):
    found = entries(plugin_zip)
    assert [entry.filename for entry in found] == sorted(entry.filename for entry in found)
    assert {entry.date_time for entry in found} == {(2020, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in found} == {0o100644}
