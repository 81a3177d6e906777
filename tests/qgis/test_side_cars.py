"""Styles and metadata beside outputs: QGIS applies them by the name without its ending, so never over another's."""

from __future__ import annotations

import os

import numpy as np
import pytest
from helpers import AlgorithmError, make_points, make_raster, write_layer
from qgis.core import (
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsRasterLayer,
    QgsVectorLayer,
)

from soundvis_qgis.layers.side_cars import called_alike, names_problem, side_car_stem

CODES = np.tile(np.repeat(np.array([1, 7], np.uint8), 30), (60, 1))
PLACES = [(500010.0, 4999970.0), (500040.0, 4999970.0)]


def labelled(path: str) -> QgsRasterLayer:
    """The raster as a user has drawn it: its classes have colours and labels, in the .qml beside it."""
    from qgis.PyQt.QtGui import QColor

    layer = QgsRasterLayer(path, "classes")
    classes = [
        QgsPalettedRasterRenderer.Class(1, QColor(0, 200, 0), "Grassland"),
        QgsPalettedRasterRenderer.Class(7, QColor(200, 0, 0), "Building"),
    ]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes))
    message, saved = layer.saveDefaultStyle()
    assert saved, message
    return layer


@pytest.fixture
def drawn(tmp_path) -> str:
    """A class raster with the user's style."""
    path = make_raster(tmp_path / "lc.tif", CODES)
    labelled(path)
    (tmp_path / "lc.qmd").write_text("the user's")
    return path


def labels(path: str) -> list[str]:
    layer = QgsRasterLayer(path, "again")
    assert isinstance(layer.renderer(), QgsPalettedRasterRenderer)
    return [entry.label for entry in layer.renderer().classes()]


def files(folder) -> set[str]:
    return {name for name in os.listdir(folder) if name.rpartition(".")[2] in ("qml", "qmd")}


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "csv"])
def test_the_style_of_another_dataset_stays(run, drawn, tmp_path, ending):
    output = str(tmp_path / f"lc.{ending}")
    before = (tmp_path / "lc.qml").read_bytes()
    parameters = {"INPUT": make_points(PLACES), "CLASSES": drawn, "RADIUS": 5.0, "OUTPUT": output}
    for _ in range(2):  # written again, it is the run's own
        made = run("bgasites", parameters)
        assert (tmp_path / "lc.qml").read_bytes() == before
        assert (tmp_path / "lc.qmd").read_text() == "the user's"
        assert labels(drawn) == ["Grassland", "Building"]
        said = [text for text in made.feedback.warnings if "lc.qml" in text]
        if ending == "gpkg":
            assert said == [] and files(tmp_path) == {"lc.qml", "lc.qmd"}
            assert QgsVectorLayer(output, "sites", "ogr").diagramRenderer() is not None
            continue
        (warning,) = said
        assert "apply lc.qml to lc.tif as well" in warning and f"are in lc_{ending}.qml and .qmd" in warning
        assert files(tmp_path) == {
            "lc.qml", "lc.qmd", f"lc_{ending}.qml", f"lc_{ending}.qmd", f"lc_{ending}_bga_ternary.qml",
            f"lc_{ending}_bga_dominant.qml",
        }  # fmt: skip
        layer = QgsVectorLayer(output, "sites", "ogr")
        layer.loadNamedStyle(str(tmp_path / f"lc_{ending}.qml"))
        assert (layer.diagramRenderer() is not None) == (ending == "geojson")  # CSV has no places to draw


def test_a_raster_spares_the_style_of_a_layer(run, make_raster, tmp_path):
    """The user's own style of lc.gpkg, which the run does not write."""
    make_points(PLACES, path=tmp_path / "lc.gpkg")
    (tmp_path / "lc.qml").write_text("the user's")
    classes = make_raster(tmp_path / "classes.tif", CODES)
    output = str(tmp_path / "lc.tif")
    made = run("bgaraster", {"INPUT": classes, "OUTPUT": output})
    assert (tmp_path / "lc.qml").read_text() == "the user's"
    (warning,) = [text for text in made.feedback.warnings if "lc.qml" in text]
    assert "to lc.gpkg as well" in warning and "lc_tif.qml" in warning
    layer = QgsRasterLayer(output, "bga")
    layer.loadNamedStyle(str(tmp_path / "lc_tif.qml"))
    assert isinstance(layer.renderer(), QgsMultiBandColorRenderer)


def test_an_unstyled_dataset_gets_no_style_of_another(run, make_raster, tmp_path):
    """Without a .qml, too: that of a vector layer would leave the raster black."""
    path = make_raster(tmp_path / "lc.tif", CODES)
    run("bgasites", {"INPUT": make_points(PLACES), "CLASSES": path, "OUTPUT": str(tmp_path / "lc.csv")})
    assert "lc.qml" not in files(tmp_path) and "lc.qmd" not in files(tmp_path)


def test_two_outputs_of_one_name_are_both_drawn(run, make_raster, tmp_path):
    classes = make_raster(tmp_path / "classes.tif", CODES, pixel=10.0)
    raster, squares = str(tmp_path / "sg.tif"), str(tmp_path / "sg.gpkg")
    parameters = {"INPUT": classes, "RADIUS": 60.0, "OUTPUT": raster, "GRID": squares}
    codes = {"CROSSWALK": "table-1"}
    for _ in range(2):
        made = run("soundscapegrid", {**parameters, **codes})
        assert not any(".qml" in text for text in made.feedback.warnings)
        assert files(tmp_path) == {"sg.qml", "sg.qmd"}
        assert isinstance(QgsRasterLayer(raster, "r").renderer(), QgsMultiBandColorRenderer)
        layer = QgsVectorLayer(squares, "s", "ogr")
        assert sorted(layer.listStylesInDatabase()[2])
        assert layer.renderer().symbol().symbolLayer(0).dataDefinedProperties().propertyKeys()
    with pytest.raises(AlgorithmError, match=r"would keep their styles in one file, sg\.qml"):
        run("soundscapegrid", {**parameters, **codes, "GRID": str(tmp_path / "sg.geojson")})


def test_bare_file_names_are_looked_at_too(run, make_raster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classes = make_raster(tmp_path / "classes.tif", CODES, pixel=10.0)
    with pytest.raises(AlgorithmError, match=r"'Squares' \(sg\.geojson\) and 'Soundscape' \(sg\.tif\)"):
        run(
            "soundscapegrid",
            {"INPUT": classes, "CROSSWALK": "table-1", "OUTPUT": "sg.tif", "GRID": "sg.geojson"},
        )
    assert not [name for name in os.listdir(tmp_path) if name.startswith("sg")]


def test_labels_alone_go_into_the_geopackage(run, make_raster, tmp_path):
    """Outputs without styles have labels of fields to keep."""
    make_raster(tmp_path / "emb.tif", CODES)
    output = str(tmp_path / "emb.gpkg")
    run(
        "embedsound",
        {"INPUT": make_points(PLACES, {"path": ["", ""]}), "PATH_FIELD": "path", "OUTPUT": output},
    )
    assert files(tmp_path) == set()
    layer = QgsVectorLayer(output, "emb", "ogr")
    assert layer.attributeDisplayName(layer.fields().lookupField("snd_emb")).startswith("snd_emb: ")


@pytest.mark.parametrize("ending", ["gpkg", "geojson"])
def test_the_users_own_style_of_an_output_stays(run, make_raster, tmp_path, ending):
    """Without any other dataset of that name, too."""
    classes = make_raster(tmp_path / "classes.tif", CODES)
    output, style = str(tmp_path / f"s.{ending}"), tmp_path / "s.qml"
    style.write_text("the user's")
    parameters = {"INPUT": make_points(PLACES), "CLASSES": classes, "RADIUS": 5.0, "OUTPUT": output}
    for _ in range(2):
        made = run("bgasites", parameters)
        assert style.read_text() == "the user's"
        (said,) = [text for text in made.feedback.warnings if "s.qml" in text]
        assert said.startswith("s.qml is not as SoundVis wrote it, so it was left as it is: the style")
        if ending == "gpkg":
            assert "is inside it" in said and files(tmp_path) == {"s.qml"}
            assert QgsVectorLayer(output, "s", "ogr").diagramRenderer() is not None
        else:
            assert "in s_geojson.qml and .qmd" in said and (tmp_path / "s_geojson.qml").is_file()
    # Without it, and again over our own, the style lies where QGIS finds it.
    style.unlink()
    for _ in range(2):
        made = run("bgasites", parameters)
        assert not any(".qml" in text for text in made.feedback.warnings)
        assert "SoundVis" in style.read_text("utf-8") and QgsVectorLayer(output, "s", "ogr").diagramRenderer()
    # Changed and saved in QGIS it is the user's.
    message, saved = QgsVectorLayer(output, "s", "ogr").saveNamedStyle(str(style))
    assert saved, message
    assert any("s.qml" in text for text in run("bgasites", parameters).feedback.warnings)


@pytest.mark.parametrize("kind", ["qml", "qmd"])
def test_the_users_own_side_car_of_a_raster_stays(run, make_raster, tmp_path, kind):
    classes = make_raster(tmp_path / "classes.tif", CODES)
    mine = tmp_path / f"b.{kind}"
    mine.write_text("")
    made = run("bgaraster", {"INPUT": classes, "OUTPUT": str(tmp_path / "b.tif")})
    assert mine.read_text() == "" and files(tmp_path) == {mine.name, "b_tif.qml", "b_tif.qmd"}
    (said,) = [text for text in made.feedback.warnings if mine.name in text]
    assert "b_tif.qml" in said


def test_what_is_called_alike(qgis_app, project, tmp_path):
    make_raster(tmp_path / "a.tif", CODES)
    write_layer(make_points(PLACES), tmp_path / "a.gpkg")
    write_layer(make_points(PLACES, {"n": [1, 2]}), tmp_path / "a.shp")
    project.clear()
    (tmp_path / "a.html").write_text("<html></html>")
    (tmp_path / "a.json").write_text("{}")
    for name in ("a.qml", "a.qmd", "a.tif.aux.xml", "a.xml", "b.tif", "a.b.tif", "a", "a.log", "a.wav"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    path = str(tmp_path / "a.tif")
    assert sorted(called_alike(path)) == ["a.csv", "a.gpkg", "a.shp"]
    assert called_alike(str(tmp_path / "a.shp"), [path, str(tmp_path / "a.csv")]) == ["a.gpkg"]
    assert called_alike(str(tmp_path / "none" / "a.tif")) == []
    # Where even the other name is taken, there is no place.
    make_raster(tmp_path / "a_tif.img.tif", CODES)
    make_raster(tmp_path / "a_tif.tif", CODES)
    stem, warning = side_car_stem(path)
    assert stem == "" and "was not written" in warning


def test_names_of_outputs(qgis_app, tmp_path):
    def problem(**outputs):
        paths = {name: str(tmp_path / file) for name, file in outputs.items()}
        rasters = {name: paths.pop(name) for name, file in outputs.items() if file.endswith(".tif")}
        return names_problem(paths, rasters)

    assert problem(a="x.tif", b="x.gpkg") is None and problem(a="x.tif", b="y.geojson") is None
    assert problem(a="x.gpkg", b="sub/x.gpkg") is None
    assert "same place" in problem(a="x", b="x.gpkg")
    assert "'a' (x.csv) and 'b' (x.geojson)" in problem(a="x.csv", b="x.geojson")
    assert (
        names_problem({"a": "TEMPORARY_OUTPUT", "c": "memory:", "d": None}, {"b": "TEMPORARY_OUTPUT"}) is None
    )
