"""Results are styled wherever they are opened: side-car files, GeoPackages, and on load in the desktop."""

from __future__ import annotations

import os

import pytest
from qgis.core import (
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsExpression,
    QgsExpressionContext,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRectangle,
    QgsSingleSymbolRenderer,
    QgsSymbolLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

from soundvis_qgis.expressions import BgaColor

BIO, GEO, ANT = (0, 158, 115), (0, 114, 178), (213, 94, 0)
#: Share fields of five sites: pure vegetation weights etc. are not needed, only that each category leads once.
SHARES = {
    "st_vegetation": [1.0, 0.0, 0.0, 0.3, 0.0],
    "st_waterbody": [0.0, 0.0, 1.0, 0.0, 0.0],
    "st_road": [0.0, 1.0, 0.0, 0.4, 0.0],
    "st_sky": [0.0, 0.0, 0.0, 0.3, 1.0],
}


@pytest.fixture
def points(make_points):
    return make_points([(500000 + 100 * site, 5000000) for site in range(5)], SHARES)


@pytest.fixture
def weights(tmp_path) -> str:
    """One category per class, so that compositions are known at a glance."""
    path = tmp_path / "weights.csv"
    path.write_text("class,biophony,geophony,anthrophony\nVegetation,1,0,0\nWaterbody,0,1,0\nRoad,0,0,1\n")
    return str(path)


@pytest.fixture
def geopackage(run, points, weights, tmp_path) -> str:
    path = str(tmp_path / "sites.gpkg")
    run("bgashares", {"INPUT": points, "WEIGHTS": weights, "PREFIX": "x_", "OUTPUT": path})
    return path


# In loadNamedStyle, True means the file: without it a GeoPackage's own default style goes first.


def assert_pies(layer: QgsVectorLayer, prefix: str) -> None:
    renderer = layer.diagramRenderer()
    assert renderer is not None and renderer.rendererName() == "LinearlyInterpolated"
    (settings,) = renderer.diagramSettings()
    assert settings.enabled
    assert settings.categoryAttributes == [f'"{prefix}{name}"' for name in ("bio", "geo", "ant")]
    assert settings.categoryLabels == ["Biophony", "Geophony", "Anthrophony"]
    assert [colour.getRgb()[:3] for colour in settings.categoryColors] == [BIO, GEO, ANT]
    assert isinstance(layer.renderer(), QgsSingleSymbolRenderer)
    # The more of a site is known, the larger its pie.
    size = QgsExpression(renderer.classificationAttributeExpression())
    context = QgsExpressionContext()
    sizes = []
    for feature in layer.getFeatures():
        context.setFeature(feature)
        context.setFields(layer.fields())
        sizes.append(size.evaluate(context))
    assert sizes == pytest.approx([1.0, 1.0, 1.0, 0.7, 0.0])


def test_a_geopackage_opens_as_pies(geopackage):
    layer = QgsVectorLayer(geopackage, "sites", "ogr")
    assert_pies(layer, "x_")


def test_a_geopackage_holds_the_three_styles(geopackage):
    layer = QgsVectorLayer(geopackage, "sites", "ogr")
    styles = layer.listStylesInDatabase()
    assert sorted(styles[2]) == ["BGA dominant", "BGA pies", "BGA ternary"]
    for identifier, name in zip(styles[1], styles[2]):
        found = layer.getStyleFromDatabase(identifier)
        text = found[0] if isinstance(found, tuple) else found
        assert ("PieDiagram" in text or '"Pie"' in text) == (name == "BGA pies")


@pytest.mark.parametrize("extension", ["geojson", "csv"])
def test_a_side_car_styles_other_formats(run, points, weights, tmp_path, extension):
    path = str(tmp_path / f"sites.{extension}")
    run("bgashares", {"INPUT": points, "WEIGHTS": weights, "PREFIX": "x_", "OUTPUT": path})
    assert {name for name in os.listdir(tmp_path) if name.endswith(".qml")} == {
        "sites.qml", "sites_bga_ternary.qml", "sites_bga_dominant.qml",
    }  # fmt: skip
    if extension == "geojson":
        layer = QgsVectorLayer(path, "sites", "ogr")
        assert_pies(layer, "x_")


def test_dominant_categories(geopackage):
    layer = QgsVectorLayer(geopackage, "sites", "ogr")
    message, loaded = layer.loadNamedStyle(geopackage.replace(".gpkg", "_bga_dominant.qml"), True)
    assert loaded, message
    renderer = layer.renderer()
    assert isinstance(renderer, QgsCategorizedSymbolRenderer)
    assert renderer.classAttribute() == "x_dominant"
    categories = {category.value(): category for category in renderer.categories()}
    for value, label, colour in (
        ("biophony", "Biophony", BIO),
        ("geophony", "Geophony", GEO),
        ("anthrophony", "Anthrophony", ANT),
    ):
        assert categories[value].label() == label
        assert categories[value].symbol().color().getRgb()[:3] == colour
    found = [feature["x_dominant"] for feature in layer.getFeatures()]
    assert found[:4] == ["biophony", "anthrophony", "geophony", "anthrophony"]
    assert set(found[:4]) <= set(categories)
    assert layer.diagramRenderer() is None


def test_the_ternary_colour_is_that_of_the_expression_function(geopackage):
    layer = QgsVectorLayer(geopackage, "sites", "ogr")
    message, loaded = layer.loadNamedStyle(geopackage.replace(".gpkg", "_bga_ternary.qml"), True)
    assert loaded, message
    symbol_layer = layer.renderer().symbol().symbolLayer(0)
    fill = symbol_layer.dataDefinedProperties().property(QgsSymbolLayer.Property.PropertyFillColor)
    expression = QgsExpression(fill.expressionString())
    assert not expression.hasParserError()
    context = QgsExpressionContext()
    context.setFields(layer.fields())
    colours = []
    for feature in layer.getFeatures():
        context.setFeature(feature)
        colour = str(expression.evaluate(context))
        assert not expression.hasEvalError(), expression.evalErrorString()
        colours.append(tuple(int(part) for part in colour.split(",")[:3]))
    assert colours[:3] == [BIO, ANT, GEO]
    # 3/7 biophony and 4/7 anthrophony: (4 x 213, 3 x 158 + 4 x 94, 3 x 115) / 7 = 121.7, 121.4, 49.3.
    function = tuple(int(part) for part in BgaColor().evaluate(3 / 7, 0.0, 4 / 7).split(","))
    assert function == (122, 121, 49)
    assert colours[3] == pytest.approx(function, abs=1)  # QGIS cuts where the function rounds
    assert colours[4] == (150, 150, 150)  # nothing known: grey


def painted(layer: QgsVectorLayer, x: float, y: float) -> tuple[int, int, int]:
    """The colour of the pixel that shows a place when the layer is drawn."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setOutputSize(QSize(401, 401))
    settings.setBackgroundColor(QColor(255, 255, 255))
    settings.setExtent(QgsRectangle(x - 20, y - 20, x + 20, y + 20))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage().pixelColor(200, 200).getRgb()[:3]


def test_what_is_drawn(geopackage):
    """Off the middle of a pie of one category, and at its middle in the other styles."""
    layer = QgsVectorLayer(geopackage, "sites", "ogr")
    QgsProject.instance().addMapLayer(layer)
    for index, colour in enumerate((BIO, ANT, GEO)):
        assert painted(layer, 500000.9 + 100 * index, 5000000.6) == pytest.approx(colour, abs=2)
    for style in ("ternary", "dominant"):
        layer.setDiagramRenderer(None)
        layer.loadNamedStyle(geopackage.replace(".gpkg", f"_bga_{style}.qml"), True)
        for index, colour in enumerate((BIO, ANT, GEO)):
            assert painted(layer, 500000 + 100 * index, 5000000) == pytest.approx(colour, abs=2)


def test_a_layer_of_the_desktop_is_styled_on_load(provider, project, points, weights):
    """As the toolbox does it: the output goes into a project, and the post-processor gets the loaded layer."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("soundvis:bgashares")
    context = QgsProcessingContext()
    context.setProject(project)
    parameters = {
        "INPUT": points,
        "WEIGHTS": weights,
        "OUTPUT": QgsProcessingOutputLayerDefinition("memory:", project),
    }
    feedback = QgsProcessingFeedback(False)
    results, succeeded = algorithm.run(parameters, context, feedback)
    assert succeeded
    (identifier,) = context.layersToLoadOnCompletion()
    assert identifier == results["OUTPUT"]
    details = context.layerToLoadOnCompletionDetails(identifier)
    layer = context.temporaryLayerStore().mapLayer(identifier)
    fresh = layer.clone()
    fresh.setDiagramRenderer(None)
    assert details.postProcessor() is not None
    details.postProcessor().postProcessLayer(fresh, context, feedback)
    assert_pies(fresh, "st_")
    assert {"BGA pies", "BGA ternary", "BGA dominant"} <= set(fresh.styleManager().styles())
    assert fresh.styleManager().currentStyle() == "BGA pies"
    assert fresh.attributeDisplayName(fresh.fields().lookupField("st_bio")) == "st_bio: Biophony (0-1)"


def test_history_tells_what_made_the_layer(geopackage, weights):
    layer = QgsVectorLayer(geopackage + "|layername=sites", "sites", "ogr")
    layer.loadDefaultMetadata()
    history = dict(line.split(": ", 1) for line in layer.metadata().history())
    assert history["tool"] == "soundvis:bgashares"
    assert history["SoundVis"].count(".") == 2
    assert history["date"].endswith("UTC")
    assert "x_" in history["parameters"] and os.path.basename(weights) in history["parameters"]


def test_a_prefix_with_odd_characters_is_styled_too(run, points, weights, tmp_path):
    path = str(tmp_path / "odd.gpkg")
    run("bgashares", {"INPUT": points, "WEIGHTS": weights, "PREFIX": "süd 1-", "OUTPUT": path})
    layer = QgsVectorLayer(path, "odd", "ogr")
    assert_pies(layer, "süd 1-")
