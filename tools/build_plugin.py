"""Stage the plugin as it ships in build/soundvis_qgis and zip it into dist/soundvis_qgis-VERSION.zip.

The same sources give the same bytes: sorted names, fixed dates and permissions, no leftovers of the machine.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

PLUGIN = "soundvis_qgis"
#: What is shipped: (where it lies in the repository, where in the plugin folder).
PARTS = (
    (PLUGIN, ""),
    ("soundvis_core", "soundvis_core"),
    ("resources", "resources"),
    ("metadata.txt", "metadata.txt"),
    ("LICENSE", "LICENSE"),
)
#: Only files of known kinds ship, so that nothing slips in.
KINDS = {
    ".py",
    ".txt",
    ".svg",
    ".png",
    ".qml",
    ".model3",
    ".csv",
    ".html",
    ".md",
    ".css",
    ".json",
    ".lock",
    ".qm",
    ".ts",
}
#: Every file in the zip bears this date (the first one that zip can hold is 1980-01-01).
DATE = (2020, 1, 1, 0, 0, 0)
EPOCH = 1577836800  # the same moment for the staged files
FILE_MODE = 0o644
FOLDER_MODE = 0o755


class BuildError(Exception):
    """The plugin cannot be built; the message says what to do."""


def shipped_files(root: Path) -> dict[str, Path]:
    """Path in the plugin folder -> source file, sorted.

    Raises :class:`BuildError` for a missing part and for a file of a kind that does not ship.
    """
    files: dict[str, Path] = {}
    for source, target in PARTS:
        path = root / source
        if path.is_file():
            files[target] = path
        elif path.is_dir():
            for file in sorted(path.rglob("*")):
                relative = file.relative_to(path)
                hidden = any(
                    part.startswith(".") or part in {"__pycache__", "tests"} for part in relative.parts
                )
                if hidden or not file.is_file():
                    continue
                if file.suffix not in KINDS:
                    raise BuildError(
                        f"{file} is of a kind that does not ship: remove it, or add {file.suffix} to KINDS"
                    )
                files[f"{target}/{relative.as_posix()}".lstrip("/")] = file
        else:
            raise BuildError(f"{path} is missing")
    return dict(sorted(files.items()))


def version(root: Path) -> str:
    """The version that metadata.txt states."""
    found = re.search(
        r"^version=(\d+\.\d+\.\d+)$", root.joinpath("metadata.txt").read_text("utf-8"), re.MULTILINE
    )
    if found is None:
        raise BuildError("metadata.txt has no line version=MAJOR.MINOR.PATCH")
    return found.group(1)


def stage(files: dict[str, Path], folder: Path) -> None:
    """Make ``folder`` hold exactly ``files``. It is swapped in whole: no half-staged plugin is ever seen."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".stage-") as scratch:
        fresh = Path(scratch) / "fresh"
        for name, source in files.items():
            target = fresh / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(FILE_MODE)
            os.utime(target, (EPOCH, EPOCH))
        for path in [fresh, *fresh.rglob("*")]:
            if path.is_dir():
                path.chmod(FOLDER_MODE)
                os.utime(path, (EPOCH, EPOCH))
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        fresh.rename(folder)


def is_staged(files: dict[str, Path], folder: Path) -> bool:
    """Whether ``folder`` already holds exactly ``files``."""
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return there == set(files) and all(
        source.read_bytes() == folder.joinpath(name).read_bytes() for name, source in files.items()
    )


def write_zip(folder: Path, target: Path) -> str:
    """Zip ``folder`` under its own name; returns the SHA-256 of the zip, in hexadecimal."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
            if path.is_file():
                entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", DATE)
                entry.create_system = 3  # Unix, wherever it was built
                entry.external_attr = (0o100000 | FILE_MODE) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    unfinished.replace(target)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def build(root: Path, staged: Path, dist: Path) -> Path:
    """Stage and zip; returns the path of the zip."""
    files = shipped_files(root)
    if not is_staged(files, staged):
        stage(files, staged)
    target = dist / f"{PLUGIN}-{version(root)}.zip"
    for other in dist.glob(f"{PLUGIN}-*.zip"):
        if other != target:
            other.unlink()
    digest = write_zip(staged, target)
    megabytes = target.stat().st_size / 1e6
    print(f"{target.relative_to(dist.parent)}: {len(files)} files, {megabytes:.2f} MB, sha256 {digest[:12]}")
    return target


def main() -> int:
    """Build the plugin of the repository this script lies in."""
    root = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--into", type=Path, default=root, help="build/ and dist/ are made here (default: the repository)"
    )
    into = parser.parse_args().into.resolve()
    try:
        build(root, into / "build" / PLUGIN, into / "dist")
    except BuildError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
