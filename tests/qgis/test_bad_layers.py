"""Site layers of every kind: odd geometries, no CRS, odd fields. Each site has a defined outcome and none is lost."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import AlgorithmError, make_raster, read_features
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsVectorLayer,
    QgsWkbTypes,
)

from soundvis_qgis.layers.sources import make_transform

MIDDLE = (500150.0, 5799850.0)


@pytest.fixture(scope="module")
def basemap(tmp_path_factory):
    pixels = np.random.default_rng(1).integers(0, 256, (3, 300, 300), dtype=np.uint8)
    return make_raster(tmp_path_factory.mktemp("map") / "map.tif", pixels, (500000.0, 5800000.0))


def test_points_without_a_place_are_skipped(run, make_points, basemap):
    layer = make_points(
        [MIDDLE, None, "empty", (float("nan"), 1.0), (float("inf"), 0.0)], {"n": [1, 2, 3, 4, 5]}
    )
    made = run("embedimagery", {"INPUT": layer, "RASTER": basemap})
    rows = made.features()
    assert [row["n"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["aer_status"] for row in rows] == ["ok", "skipped", "skipped", "skipped", "skipped"]
    assert rows[1]["aer_reason"] == rows[2]["aer_reason"] == "the site has no geometry"
    assert [row["aer_covered"] for row in rows[1:]] == [None] * 4
    assert made.feedback.warnings == ["5 sites: 1 ok, 4 skipped. The reasons are in the field 'aer_reason'."]


def test_several_points_in_one_site_need_advice(run, make_points, basemap):
    two = QgsGeometry.fromWkt("MultiPoint ((500150 5799850),(500160 5799850))")
    layer = make_points([MIDDLE, two, None], {"n": [1, 2, 3]}, multi=True)
    made = run("embedimagery", {"INPUT": layer, "RASTER": basemap})
    rows = made.features()
    assert [row["aer_status"] for row in rows] == ["ok", "skipped", "skipped"]
    assert rows[1]["aer_reason"] == "the site has 2 points; run 'Multipart to singleparts' on the layer first"
    assert made.layer().wkbType() == QgsWkbTypes.Type.MultiPoint
    assert rows[1]["_geometry"] == "MultiPoint ((500150 5799850),(500160 5799850))"


def test_the_same_layers_through_bgasites(run, make_points, tmp_path):
    codes = np.full((300, 300), 4, np.uint8)
    classes = make_raster(tmp_path / "classes.tif", codes, (500000.0, 5800000.0), nodata=255)
    two = QgsGeometry.fromWkt("MultiPoint ((500150 5799850),(500160 5799850))")
    layer = make_points([MIDDLE, two, None, "empty", (0.0, 0.0)], {"n": [1, 2, 3, 4, 5]}, multi=True)
    rows = run("bgasites", {"INPUT": layer, "CLASSES": classes}).features()
    assert [row["n"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0]["aer_waterbody"] == pytest.approx(1.0)
    assert [row["aer_waterbody"] in (None, 0.0) for row in rows[1:]] == [True] * 4
    assert [row["aer_dominant"] for row in rows] == ["geophony", None, None, None, None]


def test_points_with_heights_pass_through(run, basemap, project):
    layer = QgsVectorLayer("PointZM?crs=EPSG:32631&field=n:integer", "z", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromWkt("PointZM (500150 5799850 12.5 3)"))
    feature.setAttributes([1])
    layer.dataProvider().addFeatures([feature])
    project.addMapLayer(layer)
    row = run("embedimagery", {"INPUT": layer, "RASTER": basemap}).features()[0]
    assert row["aer_status"] == "ok"
    assert row["_geometry"].replace("Point ZM", "PointZM") == "PointZM (500150 5799850 12.5 3)"


@pytest.mark.parametrize("wkt", ["Polygon ((0 0,1 0,1 1,0 0))", "LineString (0 0, 1 1)"])
def test_other_geometries_are_skipped(run, basemap, project, wkt):
    """The dialog offers point layers only; a script or a model may give any."""
    layer = QgsVectorLayer(f"{wkt.split(' ')[0]}?crs=EPSG:32631", "other", "memory")
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromWkt(wkt))
    layer.dataProvider().addFeatures([feature])
    project.addMapLayer(layer)
    rows = run("embedimagery", {"INPUT": layer, "RASTER": basemap}).features()
    assert [(row["aer_status"], row["aer_reason"]) for row in rows] == [
        ("skipped", "the site is not a point")
    ]


def test_sites_without_a_crs_are_one_clear_error(run, make_points, basemap, tmp_path):
    layer = make_points([MIDDLE], crs="")
    output = tmp_path / "out.gpkg"
    with pytest.raises(AlgorithmError, match=r"sites layer has no coordinate reference system.*Set it"):
        run("embedimagery", {"INPUT": layer, "RASTER": basemap, "OUTPUT": str(output)})
    assert list(tmp_path.iterdir()) == []
    # What needs no place needs no CRS.
    named = make_points([MIDDLE], {"path": [None]}, crs="")
    assert run("embedsound", {"INPUT": named, "PATH_FIELD": "path"}).features()[0]["snd_status"] == "skipped"


def test_places_off_the_earth_or_far_away_are_skipped(run, make_points, basemap):
    layer = make_points(
        [(5.0, 91.0), (500.0, 95.0), (0.0, -90.0), (-177.0, 10.0), (3.0021, 52.3489)], crs=4326
    )
    rows = run("embedimagery", {"INPUT": layer, "RASTER": basemap}).features()
    assert [row["aer_status"] for row in rows[:4]] == ["skipped"] * 4
    assert all(row["aer_reason"] for row in rows[:4])
    # The last lies on the basemap.
    assert rows[4]["aer_status"] == "ok"


def test_missing_inputs_are_one_clear_error(run, make_points, basemap):
    with pytest.raises(AlgorithmError):
        run("embedimagery", {"INPUT": "/nowhere/sites.gpkg", "RASTER": basemap})
    with pytest.raises(AlgorithmError):
        run("embedimagery", {"INPUT": make_points([MIDDLE]), "RASTER": None})
    with pytest.raises(AlgorithmError):
        run("embedsound", {"INPUT": make_points([MIDDLE], {"path": ["x"]})})


def test_layers_without_attributes(run, make_points, basemap):
    rows = run("embedimagery", {"INPUT": make_points([MIDDLE]), "RASTER": basemap}).features()
    assert list(rows[0]) == ["aer_emb", "aer_status", "aer_reason", "aer_covered", "_geometry"]


@pytest.mark.parametrize("tool", ["embedsound", "embedphotos", "bgasound", "segmentphotos"])
def test_a_path_field_that_cannot_be_one_is_refused_before_the_output_opens(run, make_points, tmp_path, tool):
    """The dialog offers text fields only; a script or the command line may name any."""
    layer = make_points([MIDDLE], {"n": [7], "path": ["a.wav"]})
    output = str(tmp_path / "out.gpkg")
    with pytest.raises(AlgorithmError, match=r"no field 'nope' \(given as path field\).* are 'n', 'path'\."):
        run(tool, {"INPUT": layer, "PATH_FIELD": "nope", "OUTPUT": output})
    with pytest.raises(
        AlgorithmError, match=r"'n' \(given as path field\) holds numbers.*layer are 'path'\."
    ):
        run(tool, {"INPUT": layer, "PATH_FIELD": "n", "OUTPUT": output})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("column", "values"), [("fid", [1, 2, 2]), ("FID", [1, None, 3]), ("fid", ["1", "2", "3"])]
)
def test_a_fid_column_that_a_geopackage_cannot_take_is_kept_under_another_name(
    run, make_points, basemap, tmp_path, column, values
):
    """As after 'Merge vector layers'."""
    layer = make_points([MIDDLE] * 3, {column: values, "fid_1": [7, 8, 9]})
    output = tmp_path / "out.gpkg"
    made = run("embedimagery", {"INPUT": layer, "RASTER": basemap, "OUTPUT": str(output)})
    rows = read_features(output)
    assert [(row["fid_2"], row["fid_1"]) for row in rows] == list(zip(values, [7, 8, 9]))
    assert [row["aer_status"] for row in rows] == ["ok"] * 3
    assert f"The field '{column}' is kept as 'fid_2'" in made.feedback.warnings[0]


def test_a_fid_column_of_another_geopackage_passes(run, make_points, basemap, tmp_path):
    """GeoPackage to GeoPackage: the feature ids come along and do not clash."""
    layer = make_points([MIDDLE] * 3, {"n": [1, 2, 3]}, path=tmp_path / "sites.gpkg")
    layer.selectByIds([3, 2])
    output = tmp_path / "out.gpkg"
    run(
        "embedimagery",
        {
            "INPUT": QgsProcessingFeatureSourceDefinition(layer.id(), True),
            "RASTER": basemap,
            "OUTPUT": str(output),
        },
    )
    assert [(row["fid"], row["n"]) for row in read_features(output)] == [(2, 2), (3, 3)]


def test_sites_of_an_undefined_crs_are_refused():
    """A GeoPackage keeps 'no CRS' as a CRS of its own; taking it for degrees would put sites anywhere."""
    undefined = QgsCoordinateReferenceSystem.fromWkt(
        'GEOGCRS["Undefined geographic SRS",DATUM["unknown",ELLIPSOID["unknown",6378137,298.257223563]],'
        'CS[ellipsoidal,2],AXIS["latitude",north],AXIS["longitude",east],ANGLEUNIT["degree",0.0174532925199433]]'
    )
    from soundvis_core.errors import InputError

    with pytest.raises(InputError, match="has no coordinate reference system"):
        make_transform(undefined, QgsCoordinateReferenceSystem("EPSG:32631"), QgsProcessingContext())


@pytest.mark.parametrize(
    ("tool", "given", "message"),
    [
        (
            "bgasites",
            {"RADIUS": 0},
            r"RADIUS \(Radius .*\) is 0; it has to be at least 0.1 and at most 100000",
        ),
        ("embedimagery", {"FOOTPRINT": "-5"}, r"FOOTPRINT .* is -5; it has to be at least 1"),
    ],
)
def test_a_number_outside_its_limits_is_named_with_them(
    run, make_points, basemap, tmp_path, tool, given, message
):
    raster = {"bgasites": "CLASSES", "embedimagery": "RASTER"}[tool]
    output = tmp_path / "out.gpkg"
    with pytest.raises(AlgorithmError, match=message):
        run(tool, {"INPUT": make_points([MIDDLE]), raster: basemap, "OUTPUT": str(output), **given})
    assert not output.exists()


def test_the_first_reason_is_in_the_log(run, make_points, basemap):
    made = run("embedimagery", {"INPUT": make_points([(0.0, 0.0)]), "RASTER": basemap, "OUTPUT": "memory:"})
    assert any(
        line.startswith("The first reason: the footprint lies outside") for line in made.feedback.infos
    )
