"""Tiles as files: in a local projection about each site, together in a folder or not at all.

The manifest of a folder tells all that tools put there: what another run left is replaced, or stays listed.
"""

from __future__ import annotations

import csv
import math
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from osgeo import gdal

from soundvis_core.errors import InputError

from .gdal_errors import gdal_exceptions
from .overwriting import same_file
from .raster_output import RasterFormat, RasterOutput
from .rasters import Grid
from .sinks import output_path, remove_files

if TYPE_CHECKING:
    import numpy as np

GEOTIFF, PNG = "GeoTIFF", "PNG"
ENDINGS = {GEOTIFF: ".tif", PNG: ".png"}
MANIFEST = "tiles.csv"
#: The columns of the manifest, by which one is known again.
COLUMNS = (
    "site", "file", "longitude", "latitude", "metres_per_pixel", "footprint_m", "covered", "status", "reason", "crs",
)  # fmt: skip
#: Bytes of a name without its ending: file systems take 255 with everything.
_LONGEST_NAME = 120
#: How far apart (m) places are that are the same, and metres in a degree of a meridian, which is enough for that.
_SAME_PLACE, _METRES_PER_DEGREE = 1.0, 111_200.0
#: What Windows keeps for devices.
_DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{kind}{number}" for kind in ("com", "lpt") for number in range(1, 10)),
}


class LocalCrs:
    """Azimuthal equidistant metres about a place, on the datum of a raster, so that no datum shift enters."""

    def __init__(self, crs: str, x: float, y: float) -> None:
        """``crs``: WKT of the raster; ``x``, ``y``: the place in its units."""
        from pyproj.crs import ProjectedCRS
        from pyproj.crs.coordinate_operation import AzimuthalEquidistantConversion

        geodetic, to_lonlat = _geodetic(crs)
        longitude, latitude = to_lonlat.transform(x, y)
        # A tenth of a millimetre.
        conversion = AzimuthalEquidistantConversion(
            latitude_natural_origin=round(latitude, 9), longitude_natural_origin=round(longitude, 9)
        )
        self._crs = ProjectedCRS(conversion, name="Metres about the site", geodetic_crs=geodetic)

    @property
    def wkt(self) -> str:
        """The text for GDAL."""
        return str(self._crs.to_wkt("WKT1_GDAL"))

    @property
    def esri(self) -> str:
        """The text of a .prj file."""
        return str(self._crs.to_wkt("WKT1_ESRI"))


@lru_cache(maxsize=8)
def _geodetic(crs: str) -> tuple[Any, Any]:
    from pyproj import CRS, Transformer

    parsed = CRS.from_user_input(crs)
    return parsed.geodetic_crs, Transformer.from_crs(parsed, parsed.geodetic_crs, always_xy=True)


class TileFolder:
    """Tiles of one run: written beside their place, moved there together by :meth:`publish`."""

    def __init__(self, folder: str, kind: str, forbidden: str = "") -> None:
        """``kind``: GEOTIFF or PNG. ``forbidden``: a file that stays even where it is a tile (the raster).

        Raises InputError where the folder cannot be written to, or has a table of the manifest's name that is none.
        """
        self.folder = os.path.abspath(folder)
        self._kind = kind
        self._forbidden = forbidden
        self._names: set[str] = set()
        #: Names of this run with their rows of the manifest; those without a file are of sites without a tile.
        self._rows: list[tuple[str, Mapping[str, Any]]] = []
        self._earlier = _rows_of(self.path_of(MANIFEST))
        self._listed = {os.path.normcase(row["file"]) for row in self._earlier}
        self._published: list[str] = []
        self._moved: list[str] = []
        self._new = not os.path.isdir(self.folder)
        try:
            os.makedirs(self.folder, exist_ok=True)
            self._work = tempfile.mkdtemp(prefix=".unfinished-", dir=self.folder)
            self._stage, self._before = os.path.join(self._work, "new"), os.path.join(self._work, "before")
            os.mkdir(self._stage)
            os.mkdir(self._before)
        except OSError as error:
            raise InputError(
                f"The folder {self.folder} cannot be written to ({error.strerror or error}). Choose another."
            ) from error

    def name_for(self, site: str) -> str:
        """A file name for a site, with its ending: like no other of the run, and allowed everywhere.

        Sites without a tile have theirs, too: those behind them are called the same in every run.
        """
        stem = safe_name(site)
        number, name = 1, stem
        while name.casefold() in self._names:
            number += 1
            name = f"{stem}_{number}"
        self._names.add(name.casefold())
        return name + ENDINGS[self._kind]

    def _check_free(self, name: str) -> None:
        if same_file(self.path_of(name), self._forbidden):
            raise InputError(
                f"A tile would replace the raster itself ({self._forbidden}). Choose another folder or field for the "
                "names."
            )
        for part in side_files(name):
            if os.path.lexists(self.path_of(part)) and os.path.normcase(name) not in self._listed:
                raise InputError(
                    f"A tile would replace {self.path_of(part)}, which no earlier run made (it is not in {MANIFEST}). "
                    "Choose another folder, or move the file away."
                )

    def path_of(self, name: str) -> str:
        """Where a tile will be."""
        return os.path.join(self.folder, name)

    def write(self, name: str, tile: np.ndarray, side: float, crs: LocalCrs) -> None:
        """Write a tile, uint8 (pixels, pixels, 3), of ``side`` metres about the origin of ``crs``.

        Raises InputError where the raster is called so, or a file that no earlier run listed: it is somebody's own.
        """
        self._check_free(name)
        pixels = tile.shape[0]
        size = side / pixels
        grid = Grid(-side / 2.0, side / 2.0, size, size, pixels, pixels)
        path = os.path.join(self._stage, name)
        if self._kind == GEOTIFF:
            output = RasterOutput(path, grid, crs.wkt, RasterFormat("uint8", ["Red", "Green", "Blue"]))
            output.set_colour_bands()
            for band in range(3):
                output.write(band + 1, 0, 0, tile[:, :, band])
            output.close()
            return
        self._write_png(path, tile, grid, crs)

    @staticmethod
    def _write_png(path: str, tile: np.ndarray, grid: Grid, crs: LocalCrs) -> None:
        """A PNG with a world file, a .prj and GDAL's own side-car, for what reads any of them."""
        with gdal_exceptions():
            memory = gdal.GetDriverByName("MEM").Create("", grid.width, grid.height, 3, gdal.GDT_Byte)
            memory.SetGeoTransform((grid.left, grid.pixel_width, 0.0, grid.top, 0.0, -grid.pixel_height))
            memory.SetProjection(crs.wkt)
            for band in range(3):
                memory.GetRasterBand(band + 1).WriteRaster(
                    0, 0, grid.width, grid.height, tile[:, :, band].tobytes()
                )
            written = gdal.GetDriverByName("PNG").CreateCopy(path, memory)
            written.FlushCache()
            written = memory = None
        stem = os.path.splitext(path)[0]
        # Pixel size across, two rotations, size down, and the middle of the first pixel.
        first = grid.left + grid.pixel_width / 2.0, grid.top - grid.pixel_height / 2.0
        lines = (grid.pixel_width, 0.0, 0.0, -grid.pixel_height, *first)
        with open(stem + ".pgw", "w", encoding="ascii") as file:
            file.write("".join(f"{line:.12g}\n" for line in lines))
        with open(stem + ".prj", "w", encoding="utf-8") as file:
            file.write(crs.esri)

    def note(self, name: str, row: Mapping[str, Any]) -> None:
        """Keep the row of the manifest of the site that is called ``name``; its file is empty where it has no tile."""
        self._rows.append((name, row))

    def publish(self) -> str:
        """Move everything to its place, the manifest last; returns what there is to say of it.

        Tiles of earlier runs are moved aside where this run has cut the same site or name, or has no tile of the site
        but knows it at another place or with another footprint. All others stay, and stay listed: those of other
        sites, and those of sites of which this run has no tile.
        """
        old, outdated, kept = self._sort_earlier()
        stay = {_stem(row["file"]) for row in kept if row["file"]}
        # Of a site whose tile stays the list keeps the row of that tile.
        rows = [row for name, row in self._rows if row["file"] or _stem(name) not in stay]
        with open(os.path.join(self._stage, MANIFEST), "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows([*rows, *kept])
        replaced = sum(os.path.isfile(self.path_of(name)) for name in old)
        for name in (*old, *outdated):
            for part in side_files(name):
                self._move_aside(part)
        new = sorted(os.listdir(self._stage), key=lambda name: name == MANIFEST)
        for name in new:
            self._move_aside(name)
            os.replace(os.path.join(self._stage, name), self.path_of(name))
            self._published.append(self.path_of(name))
        return self._told(replaced, outdated, [row for row in kept if row["file"]])

    def _sort_earlier(self) -> tuple[list[str], list[str], list[dict[str, str]]]:
        """The tiles of earlier runs that go: replaced, or of what sites no longer are; the rows that stay."""
        mine = {row["site"] for _, row in self._rows}
        cut = {row["site"] for _, row in self._rows if row["file"]}
        without = {_stem(name): row for name, row in self._rows if not row["file"]}
        names = {_stem(name) for name, row in self._rows if row["file"]}
        old, outdated, kept = [], [], []
        for row in self._earlier:
            name = row["file"]
            if not name:
                if row["site"] not in mine:
                    kept.append(row)
            elif same_file(self.path_of(name), self._forbidden):
                kept.append(row)
            elif not os.path.isfile(self.path_of(name)):
                old.append(name)  # somebody deleted it; what lay beside it goes, too
            elif _stem(name) in names or (row["site"] in cut and _stem(name) not in without):
                old.append(name)
            elif _stem(name) in without and not _shows(row, without[_stem(name)]):
                outdated.append(name)
            else:
                kept.append(row)
        return old, outdated, kept

    def _move_aside(self, name: str) -> None:
        if os.path.lexists(self.path_of(name)):
            os.replace(self.path_of(name), os.path.join(self._before, name))
            self._moved.append(name)

    def _told(self, replaced: int, outdated: list[str], kept: list[dict[str, str]]) -> str:
        text = f"The tiles are listed in {self.path_of(MANIFEST)}."
        if replaced:
            text += f" They replace {replaced} of an earlier run."
        if outdated:
            one = len(outdated) == 1
            named = ", ".join(outdated[:3]) + f" and {len(outdated) - 3} more" * (len(outdated) > 3)
            text += (
                f" {len(outdated)} {'tile' if one else 'tiles'} of an earlier run {'is' if one else 'are'} removed, "
                f"for {'its site has' if one else 'their sites have'} none from this run and another place or "
                f"footprint than then: {named}."
            )
        mine = {_stem(name) for name, _ in self._rows}
        spared = [row for row in kept if _stem(row["file"]) in mine]
        foreign = [row for row in kept if _stem(row["file"]) not in mine]
        for rows, one, several in (
            (foreign, "of another site, from an earlier run,", "of other sites, from earlier runs,"),
            (
                spared,
                "of an earlier run, whose site has none from this run,",
                "of earlier runs, whose sites have none from this run,",
            ),
        ):
            if rows:
                tiles = f"1 tile {one} stays" if len(rows) == 1 else f"{len(rows)} tiles {several} stay"
                text += f" {tiles} in the folder and in the list{self._differences(rows)}."
        return text

    def _differences(self, kept: list[dict[str, str]]) -> str:
        """In what tiles that stay differ from those of this run, in words; empty where in nothing."""
        new = [row for _, row in self._rows if row["file"]]
        found = []
        for column, word in (("footprint_m", "footprint"), ("metres_per_pixel", "size of a pixel")):
            here = {row[column] for row in new}
            if new and any(row[column] not in here for row in kept):
                found.append(f"another {word}")
        if any(not row["file"].endswith(ENDINGS[self._kind]) for row in kept):
            found.append("another format")
        return f" ({', '.join(found)})" if found else ""

    def settle(self) -> None:
        """The run is done: what it replaced is deleted."""
        shutil.rmtree(self._work, ignore_errors=True)

    def discard(self) -> None:
        """Take back everything that this run wrote, put back what it replaced, and remove the folder if it made it."""
        remove_files(self._published)
        for name in self._moved:
            os.replace(os.path.join(self._before, name), self.path_of(name))
        shutil.rmtree(self._work, ignore_errors=True)
        if self._new and os.path.isdir(self.folder) and not os.listdir(self.folder):
            os.rmdir(self.folder)


def manifest_problem(output: Any, folder: str) -> str | None:
    """Why sites cannot be written to ``output``: it would be the list of the tiles of ``folder``; None where not."""
    manifest = os.path.join(folder, MANIFEST)
    if same_file(output_path(output), manifest):
        return f"The sites would be written over the list of tiles ({manifest}). Choose another file."
    return None


def _shows(earlier: Mapping[str, str], site: Mapping[str, Any]) -> bool:
    """Whether an earlier tile shows what that of a site would now: the same footprint about the same place."""
    try:
        (east, north, before), (longitude, latitude, side) = (
            [float(row[column]) for column in ("longitude", "latitude", "footprint_m")]
            for row in (earlier, site)
        )
    except ValueError:
        return False  # a site that has lost its place
    across = ((east - longitude + 180.0) % 360.0 - 180.0) * math.cos(math.radians(latitude))
    return before == side and math.hypot(across, north - latitude) * _METRES_PER_DEGREE <= _SAME_PLACE


def _stem(name: str) -> str:
    """What the files of a site are called in every format."""
    return os.path.normcase(os.path.splitext(name)[0])


def side_files(name: str) -> list[str]:
    """A tile and the files that belong to it, by name: what this tool writes beside it, and what GDAL keeps of it."""
    stem, ending = os.path.splitext(name)
    return [name, name + ".aux.xml", *([stem + ".pgw", stem + ".prj"] if ending == ENDINGS[PNG] else [])]


def _rows_of(path: str) -> list[dict[str, str]]:
    """The rows of the manifest of earlier runs; none where there is none.

    Raises InputError where a file of this name is something else. Rows that name no tile of the folder are left out.
    """
    if not os.path.lexists(path):
        return []
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ValueError("its columns are others")
            # Without the cells behind the last column that somebody may have added.
            return [{column: row[column] for column in COLUMNS} for row in reader if _is_listed(row)]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path} is not a list of tiles that this tool wrote ({error}), and would be replaced. Choose another "
            "folder, or move the file away."
        ) from error


def _is_listed(row: Mapping[str, str | None]) -> bool:
    """Whether a row of a manifest is whole and its file, if any, a tile of the folder itself."""
    if any(not isinstance(row.get(column), str) for column in COLUMNS):
        return False
    name = str(row["file"])
    plain = "/" not in name and "\\" not in name and os.path.splitext(name)[1] in ENDINGS.values()
    return not name or plain


def safe_name(text: str) -> str:
    """A file name without ending that every system takes: letters of any script, digits, dots, hyphens, underscores."""
    name = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", text)).strip("._ ")
    name = name.encode("utf-8", "ignore")[:_LONGEST_NAME].decode("utf-8", "ignore").rstrip("._ ") or "site"
    return f"{name}_" if name.partition(".")[0].casefold() in _DEVICES else name
