"""How long a folder of recordings takes to become sites, beside reading the same headers with the guano package."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.claims import BUILD, Claim, seconds
from soundvis_core.sites import scan_recordings
from tests.builders import recorder_files

FILES = 10_000
_ROUNDS = 3


def run() -> Iterator[Claim]:
    """10,000 recordings with GUANO headers in ten folders, and a table that names them all.

    The reference opens each with the reader that the authors of GUANO publish, and reads place and time. The scan also
    reads names, the row of each file and the other headers, and weighs all that they say: the bar of six times keeps
    10,000 files within seconds.
    """
    folder = BUILD / "bench" / "scan"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        paths = _make(folder)
        scan = seconds(lambda: _scan(folder), _ROUNDS)
        bare = seconds(lambda: _read_alone(paths), _ROUNDS)
        wrong = _wrong(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    yield Claim(
        "scan over reading GUANO alone", scan / bare, "x", f"guano ({FILES / bare:,.0f} files/s)", 6.0
    )
    yield Claim("scan", FILES / scan, "files/s", f"{FILES:,} recordings and a table of as many rows")
    yield Claim(
        "scan: places that are not those written", wrong, "files", "what was written into the headers", 0.0
    )


def _place(number: int) -> tuple[float, float]:
    return 50.0 + number / 1e5, 8.0 + number / 2e5


def _make(folder: Path) -> list[Path]:
    rows, paths = ["file,licence"], []
    for number in range(FILES):
        name = f"recorder {number % 10}/a{number:05}.wav"
        latitude, longitude = _place(number)
        text = f"Timestamp:2024-05-14T05:30:00+02:00\nLoc Position:{latitude:.6f} {longitude:.6f}\n"
        paths.append(recorder_files.wav(folder / name, recorder_files.guano(text), seconds=0.1))
        rows.append(f"{name},CC BY 4.0")
    (folder / "licences.csv").write_text("\n".join(rows))
    return paths


def _scan(folder: Path) -> None:
    for _ in scan_recordings(os.fspath(folder)):
        pass


def _read_alone(paths: list[Path]) -> None:
    from guano import GuanoFile

    for path in paths:
        header = GuanoFile(os.fspath(path))
        if header.get("Loc Position") is None or header.get("Timestamp") is None:
            raise RuntimeError(f"{path} has no place or time")


def _wrong(folder: Path) -> int:
    """How many files are not where they were put."""
    found = {file.name: file for file in scan_recordings(os.fspath(folder))}
    wrong = 0
    for number in range(FILES):
        file = found.get(f"a{number:05}.wav")
        place = file.position if file is not None and file.licence == "CC BY 4.0" else None
        latitude, longitude = _place(number)
        near = (
            place is not None and max(abs(place.latitude - latitude), abs(place.longitude - longitude)) < 1e-6
        )
        wrong += not near
    return wrong
