"""Make the QGIS project of the demo and render its map: ``demo_project.py FOLDER`` in QGIS's Python.

FOLDER holds the results of the main job; ``soundvis-demo.qgz`` and ``map.png`` are written into it.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "build"))

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsLayerTreeGroup,
    QgsLayout,
    QgsLayoutExporter,
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutItemMap,
    QgsLayoutItemPicture,
    QgsLayoutItemScaleBar,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsLegendStyle,
    QgsMapLayer,
    QgsMapLayerLegendUtils,
    QgsPrintLayout,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsReferencedRectangle,
    QgsTextFormat,
    QgsUnitTypes,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QRectF
from qgis.PyQt.QtGui import QFont

from soundvis_qgis.layers.styling import bga_styles

PROJECT = "soundvis-demo.qgz"
MAP = "map.png"
MILLIMETRES = QgsUnitTypes.LayoutUnit.LayoutMillimeters


def sites_layer(folder: Path, name: str, prefix: str) -> QgsVectorLayer:
    """The sites as BGA pies of one prefix, with the other two styles to switch to."""
    layer = QgsVectorLayer(str(folder / "sites.gpkg"), name, "ogr")
    manager = layer.styleManager()
    styles = bga_styles(prefix)
    for style_name, paint in styles.items():
        manager.addStyleFromLayer(style_name)
        manager.setCurrentStyle(style_name)
        paint(layer)
    manager.setCurrentStyle(next(iter(styles)))
    manager.removeStyle("default")
    return layer


def add(
    project: QgsProject,
    group: QgsLayerTreeGroup,
    layer: QgsMapLayer,
    visible: bool,
    open_legend: bool = False,
) -> None:
    """Add a layer at the end of a group. Raises where it cannot be read."""
    if not layer.isValid():
        raise SystemExit(f"{layer.source()} cannot be read")
    project.addMapLayer(layer, False)
    node = group.addLayer(layer)
    node.setItemVisibilityChecked(visible)
    node.setExpanded(open_legend)


def build_project(folder: Path) -> QgsProject:
    """The project with every result, styled."""
    project = QgsProject.instance()
    project.setTitle("SoundVis demo: the sample town")
    project.setCrs(QgsCoordinateReferenceSystem("EPSG:32631"))
    root = project.layerTreeRoot()
    group = root.addGroup("Sites")
    add(project, group, sites_layer(folder, "BGA of recordings", "snd_"), True, True)
    add(project, group, sites_layer(folder, "BGA of street photos", "st_"), False)
    add(project, group, sites_layer(folder, "BGA of land cover", "aer_"), False)
    # To try the tools on: the others already have the fields that the tools would add.
    add(project, group, QgsVectorLayer(str(folder / "town" / "sites.gpkg"), "Sites as created", "ogr"), False)
    add(project, root, QgsRasterLayer(str(folder / "bga.tif"), "BGA raster"), False)
    add(project, root, QgsRasterLayer(str(folder / "classes.tif"), "Land cover"), False, True)
    add(project, root, QgsRasterLayer(str(folder / "aerial.tif"), "Aerial image"), True)
    # Read as delimited text, for that provider finds out which columns are numbers.
    table = (folder / "correlations.csv").as_uri() + "?type=csv&detectTypes=yes&geomType=none"
    add(project, root, QgsVectorLayer(table, "Correlations", "delimitedtext"), False)
    return project


def by_name(project: QgsProject, name: str) -> QgsMapLayer:
    """The layer of a name."""
    return project.mapLayersByName(name)[0]


def place(item: object, x: float, y: float, width: float, height: float) -> None:
    """Put a layout item somewhere, in millimetres."""
    item.attemptMove(QgsLayoutPoint(x, y, MILLIMETRES))  # type: ignore[attr-defined]
    item.attemptResize(QgsLayoutSize(width, height, MILLIMETRES))  # type: ignore[attr-defined]


def add_label(
    layout: QgsLayout, text: str, size: float, box: tuple[float, float, float, float], bold: bool = False
) -> None:
    """A line of text."""
    label = QgsLayoutItemLabel(layout)
    font = QFont("DejaVu Sans")
    font.setPointSizeF(size)
    font.setBold(bold)
    label.setFont(font)
    label.setText(text)
    layout.addLayoutItem(label)
    place(label, *box)


def add_map(
    layout: QgsLayout, layers: list[QgsMapLayer], extent: QgsRectangle, box: tuple[float, float, float, float]
) -> QgsLayoutItemMap:
    """A framed map of some layers."""
    item = QgsLayoutItemMap(layout)
    item.setRect(QRectF(0, 0, box[2], box[3]))
    layout.addLayoutItem(item)
    place(item, *box)
    item.setLayers(layers)
    item.setKeepLayerSet(True)
    item.setExtent(extent)
    item.setFrameEnabled(True)
    return item


def add_legend(
    layout: QgsLayout,
    layer: QgsMapLayer,
    linked: QgsLayoutItemMap,
    box: tuple[float, float, float, float],
    columns: int,
    nodes: list[int],
) -> None:
    """A legend of some entries of one layer."""
    legend = QgsLayoutItemLegend(layout)
    legend.setLinkedMap(linked)
    legend.setAutoUpdateModel(False)
    root = legend.model().rootGroup()
    root.clear()
    node = root.addLayer(layer)
    QgsMapLayerLegendUtils.setLegendNodeOrder(node, nodes)
    legend.model().refreshLayerLegend(node)
    legend.setColumnCount(columns)
    legend.setSplitLayer(True)
    legend.setSymbolWidth(5)
    legend.setSymbolHeight(3)
    for part in (QgsLegendStyle.Style.Subgroup, QgsLegendStyle.Style.SymbolLabel):
        font = QFont("DejaVu Sans")
        font.setPointSizeF(9.5 if part == QgsLegendStyle.Style.Subgroup else 8.5)
        font.setBold(part == QgsLegendStyle.Style.Subgroup)
        legend.setStyleFont(part, font)
    layout.addLayoutItem(legend)
    legend.adjustBoxSize()
    place(legend, *box)


def build_layout(project: QgsProject) -> QgsPrintLayout:
    """Two maps side by side: what is heard on the aerial, what is seen on the land cover."""
    layout = QgsPrintLayout(project)
    layout.initializeDefaults()
    layout.setName("Map of the sample town")
    extent = by_name(project, "Aerial image").extent()
    add_label(layout, "The sample town: what is heard and what is seen", 17, (10, 7, 277, 10), True)
    add_label(
        layout,
        "Biophony, geophony and anthrophony of each site, from its recording (left) "
        "and from the land cover within 100 m (right)",
        9.5,
        (10, 16, 277, 6),
    )
    side = 135.0
    heard = add_map(
        layout,
        [by_name(project, "BGA of recordings"), by_name(project, "Aerial image")],
        extent,
        (10, 25, side, side),
    )
    seen = add_map(
        layout,
        [by_name(project, "BGA of land cover"), by_name(project, "Land cover")],
        extent,
        (152, 25, side, side),
    )
    # The first entry of the pies is the dot below them, that of the land cover the name of its band.
    add_legend(layout, by_name(project, "BGA of recordings"), heard, (10, 162, 60, 30), 1, [1, 2, 3])
    add_legend(layout, by_name(project, "Land cover"), seen, (152, 162, 135, 30), 3, list(range(1, 10)))
    scale = QgsLayoutItemScaleBar(layout)
    scale.setStyle("Single Box")
    scale.setLinkedMap(heard)
    scale.setUnits(QgsUnitTypes.DistanceUnit.DistanceMeters)
    scale.setUnitLabel("m")
    scale.setNumberOfSegmentsLeft(0)
    scale.setNumberOfSegments(2)
    scale.setUnitsPerSegment(250)
    scale.setHeight(2)
    font = QFont("DejaVu Sans")
    font.setPointSizeF(8.5)
    scale.setTextFormat(QgsTextFormat.fromQFont(font))
    layout.addLayoutItem(scale)
    scale.update()
    place(scale, 66, 163, 66, 12)
    north = QgsLayoutItemPicture(layout)
    north.setPicturePath(":/images/north_arrows/layout_default_north_arrow.svg")
    layout.addLayoutItem(north)
    place(north, 136, 163, 9, 9)
    add_label(
        layout,
        "Made-up town, EPSG:32631. Recordings: ndsi baseline. Land cover: spectral-index baseline. "
        "Pies shrink with what is unmapped.",
        7.5,
        (10, 201, 277, 5),
    )
    project.layoutManager().addLayout(layout)
    return layout


def main() -> int:
    """Make project and map; the exit code is 1 where one of them could not be written."""
    folder = Path(sys.argv[1]).resolve()
    application = QgsApplication([], False)
    application.initQgis()
    print("Styling the layers ...", flush=True)
    project = build_project(folder)
    layout = build_layout(project)
    extent = by_name(project, "Aerial image").extent()
    project.viewSettings().setDefaultViewExtent(QgsReferencedRectangle(extent, project.crs()))
    written = project.write(str(folder / PROJECT))
    print("Rendering the map ...", flush=True)
    rendered = QgsLayoutExporter(layout).renderPageToImage(0, dpi=150).save(str(folder / MAP))
    project.clear()
    application.exitQgis()
    return 0 if written and rendered else 1


if __name__ == "__main__":
    sys.exit(main())
