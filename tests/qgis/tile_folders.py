"""Folders of tiles, as tests look at them."""

from __future__ import annotations

import csv

from osgeo import gdal


def manifest(folder):
    """The rows of the list of tiles."""
    with (folder / "tiles.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder):
    """The bytes of every file by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def opened(path):
    """A tile as GDAL reads it."""
    gdal.UseExceptions()
    return gdal.Open(str(path))
