"""A class raster read with a crosswalk: what its codes stand for, and which crosswalk fits where this one does not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgis.core import QgsRasterLayer

from soundvis_core.errors import InputError

from .class_rasters import check_no_picture, class_names
from .geodesic import is_placed
from .rasters import RasterSource

if TYPE_CHECKING:
    from soundvis_core.bga.crosswalk_rows import CrosswalkRow
    from soundvis_core.bga.crosswalks import Crosswalk


@dataclass(frozen=True)
class CrosswalkRaster:
    """A raster and the rows of the crosswalk by its codes.

    unknown: codes without a row, with their names, "" where they have none. hint: see :func:`fitting_hint`.
    """

    raster: RasterSource
    rows: dict[int, CrosswalkRow]
    unknown: dict[int, str]
    hint: str


def crosswalk_raster(layer: QgsRasterLayer, crosswalk: Crosswalk, among: Collection[str]) -> CrosswalkRaster:
    """Tell the codes of a raster by a crosswalk. Call it in the main thread.

    among: ids of the crosswalks that could be chosen instead. Raises InputError where the layer is no class raster,
    has no place on the ground, or shares no class with the crosswalk.
    """
    raster = class_raster(layer)
    check_placed(raster)
    named = class_names(layer)
    if not named:
        check_no_picture(layer)
    rows = dict(crosswalk.codes)
    for code, title in named.items():
        row = crosswalk.named(title)
        if row is not None:
            rows[code] = row
    codes = raster.found_codes()
    unknown = {code: named.get(code, "") for code in sorted(codes - rows.keys())}
    hint = fitting_hint(_texts(sorted(codes), named), among) if 2 * len(unknown) > len(codes) else ""
    if codes and len(unknown) == len(codes):
        raise InputError(
            f"None of the codes in '{layer.name()}' ({listed(codes)}) is in the crosswalk {crosswalk.name}. "
            f"{hint}Choose the crosswalk of this map, or give a table of your own with a 'code' column."
        )
    return CrosswalkRaster(raster, rows, unknown, hint)


def class_raster(layer: QgsRasterLayer) -> RasterSource:
    """The layer as a source of codes. Raises InputError where its first band does not hold whole numbers."""
    raster = RasterSource(layer)
    if raster.is_class_raster():
        return raster
    if layer.bandCount() == 1 and _is_whole(raster):
        raise InputError(
            f"'{layer.name()}' holds whole numbers that are stored as decimals, so they are not read as codes of "
            "classes. Save it as whole numbers first: Raster > Conversion > Translate, output data type UInt16 "
            "(Int16 where codes or nodata are negative)."
        )
    raise InputError(
        f"'{layer.name()}' is not a class raster: its first band does not hold whole numbers. Give a land cover "
        "raster, or make one by 'Segment raster'."
    )


def _is_whole(raster: RasterSource) -> bool:
    codes = raster.found_codes() if raster.native else set()
    return bool(codes) and all(float(code).is_integer() for code in codes)


def check_placed(raster: RasterSource) -> None:
    """Raise InputError where the raster does not say where it lies."""
    if not is_placed(raster.crs):
        raise InputError(
            f"The raster '{raster.name}' has no coordinate reference system. Set it (Layer > Set CRS) and run again."
        )


def fitting_hint(classes: Collection[str], among: Collection[str]) -> str:
    """Which crosswalk knows most of some classes, as a sentence with a blank behind it; empty where none does."""
    from soundvis_core.bga.crosswalks import fitting_crosswalk

    found = fitting_crosswalk(classes, among)
    return f"Most of the map's classes are in the crosswalk '{found}'. " if found else ""


def _texts(codes: Collection[int], named: dict[int, str]) -> list[str]:
    return [named.get(code) or str(code) for code in codes]


def listed(codes: Collection[int] | Collection[str]) -> str:
    """Codes or names in words, the first twenty of them."""
    shown = sorted(codes)
    return ", ".join(map(str, shown[:20])) + (", ..." if len(shown) > 20 else "")
