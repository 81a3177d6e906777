"""What the codes of a class raster mean: names from the file, its attribute table, or how the layer is drawn."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from osgeo import gdal
from qgis.core import QgsPalettedRasterRenderer, QgsRasterLayer

from soundvis_core.bga.crosswalk_rows import TABLE_1
from soundvis_core.bga.crosswalks import CODED, fitting_crosswalk, fitting_crosswalks
from soundvis_core.bga.weights import WeightTable
from soundvis_core.classes import NODATA, UNCLASSIFIED, load_classes
from soundvis_core.errors import InputError

from .gdal_errors import gdal_exceptions
from .raster_output import CLASS_ITEM
from .rasters import RasterSource

_OTHER_TOOLS = "'BGA of a land cover map' and 'Soundscape of a land cover map' read them by a CROSSWALK"
_SHOWN = 5
#: What codes 1 to 9 mean where a raster says nothing: the classes of the paper in the order of Table 1.
ASSUMED_CLASSES = "paper-aerial"


def class_names(layer: QgsRasterLayer) -> dict[int, str]:
    """Names by code; empty where the raster carries none.

    Looked for in the file (band metadata of this plugin, GDAL category names, raster attribute table), then
    in the labels of the layer's paletted style.
    """
    return _names_in_file(layer) or _names_in_style(layer)


def _names_in_file(layer: QgsRasterLayer) -> dict[int, str]:
    if layer.providerType() != "gdal":
        return {}
    with gdal_exceptions():
        try:
            dataset = gdal.Open(layer.source())
        except RuntimeError:
            return {}
        return _names_in_band(dataset.GetRasterBand(1))


def _names_in_band(band: gdal.Band) -> dict[int, str]:
    items = band.GetMetadata() or {}
    own = {
        int(key[len(CLASS_ITEM) :]): name
        for key, name in items.items()
        if key[len(CLASS_ITEM) :].isdigit() and key.startswith(CLASS_ITEM)
    }
    if own:
        return own
    categories = {code: name for code, name in enumerate(band.GetCategoryNames() or []) if name.strip()}
    return categories or _names_in_table(band.GetDefaultRAT())


def _names_in_table(table: gdal.RasterAttributeTable | None) -> dict[int, str]:
    if table is None:
        return {}
    name_column = table.GetColOfUsage(gdal.GFU_Name)
    code_column = table.GetColOfUsage(gdal.GFU_MinMax)
    if code_column < 0:
        code_column = table.GetColOfUsage(gdal.GFU_Min)
    if name_column < 0:
        return {}
    rows = range(table.GetRowCount())
    return {
        (table.GetValueAsInt(row, code_column) if code_column >= 0 else row): table.GetValueAsString(
            row, name_column
        )
        for row in rows
    }


def _names_in_style(layer: QgsRasterLayer) -> dict[int, str]:
    renderer = layer.renderer()
    if not isinstance(renderer, QgsPalettedRasterRenderer):
        return {}
    labels = {int(entry.value): entry.label for entry in renderer.classes() if entry.label.strip()}
    # QGIS labels unnamed entries with their own value, which names nothing.
    return {code: label for code, label in labels.items() if label != str(code)}


def check_no_picture(layer: QgsRasterLayer) -> None:
    """Raise InputError where a raster that names no classes has several bands."""
    if layer.bandCount() > 1:
        raise InputError(
            f"The raster '{layer.name()}' has {layer.bandCount()} bands and names no classes: it looks like a picture. "
            "Make a class raster of it by 'Segment raster' and give that."
        )


def names_for_weights(
    layer: QgsRasterLayer, raster: RasterSource, table: WeightTable, assume: bool = True
) -> tuple[dict[int, str], str]:
    """Names by code to be mapped with ``table``, and a warning where they are assumed.

    assume: whether the codes of a raster that says nothing may be taken for the classes of the paper; without, the
    tool has a parameter CROSSWALK to be told. Raises InputError where the codes cannot be told.
    """
    names = class_names(layer)
    coded = table.names_by_code
    if coded:
        return {**names, **coded}, ""
    if names:
        return names, ""
    check_no_picture(layer)
    assumed = {entry.code: entry.name for entry in load_classes(ASSUMED_CLASSES).classes}
    codes = raster.found_codes() - {UNCLASSIFIED, NODATA}
    strange = codes - assumed.keys()
    if strange:
        raise InputError(_strange_codes(layer, codes, strange, assume))
    if not codes:
        return assumed, ""
    if not assume:
        schemes = _either(fitting_crosswalks(codes))
        raise InputError(
            f"The class raster '{layer.name()}' does not name its classes, and its codes ({_some(codes)}) may be those "
            f"of {schemes}. Set CROSSWALK (Codes of the raster) to the one that they are; {TABLE_1} stands for the "
            "classes of the paper in the order of its Table 1. If they are none of these, label the classes in the "
            "layer's style (Paletted/Unique values), or give a weights table with a 'code' column."
        )
    others = _either([scheme for scheme in fitting_crosswalks(codes) if scheme != TABLE_1])
    could = f" They may as well be those of {others}: {_OTHER_TOOLS}." if others else ""
    return assumed, (
        f"The class raster '{layer.name()}' does not name its classes: codes 1 to {max(assumed)} are taken for "
        f"the classes of the paper in the order of its Table 1.{could} Give a weights table with a 'code' column if "
        "they mean something else."
    )


def _strange_codes(layer: QgsRasterLayer, codes: set[int], strange: set[int], assume: bool) -> str:
    """Why codes beyond those of the paper's classes cannot be told, and what would tell them."""
    best = fitting_crosswalk([str(code) for code in codes], CODED)
    hint = ""
    if best:
        way = _OTHER_TOOLS if assume else f"set CROSSWALK (Codes of the raster) to {best}"
        hint = f"Most of the map's classes are in the crosswalk '{best}': {way}. Or else: g"
    return (
        f"The class raster '{layer.name()}' does not say what its codes mean ({_some(strange)}). {hint or 'G'}ive a "
        "weights table with a 'code' column, or label the classes in the layer's style (Paletted/Unique values). If it "
        "is a picture, make a class raster of it by 'Segment raster'."
    )


def _some(codes: Collection[int]) -> str:
    return ", ".join(map(str, sorted(codes)[:_SHOWN])) + (", ..." if len(codes) > _SHOWN else "")


def _either(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
