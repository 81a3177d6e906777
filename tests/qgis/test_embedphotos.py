"""``embedphotos``: what the core computes from the upright picture, at the right site."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, read_features, vector
from PIL import Image
from qgis.core import QgsProcessingFeatureSourceDefinition

from soundvis_qgis.compat import BINARY, INTEGER, STRING
from tests.builders import photos

DIMENSION = 87


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    photos.plain_png(folder)
    photos.rotated(folder, 1)
    photos.rotated(folder, 6)
    noise = np.random.default_rng(4).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    return folder


def sites(make_points, folder, names, **options):
    paths = [None if name is None else str(folder / name) for name in names]
    return make_points(
        [(5.0 + index / 10, 52.0) for index in range(len(names))],
        {"site": [f"P{i}" for i in range(len(names))], "photo": paths},
        crs=4326,
        **options,
    )


def embed(run, layer, **options):
    return run("embedphotos", {"INPUT": layer, "PATH_FIELD": "photo", **options})


def test_values_are_those_of_the_core(run, make_points, pictures):
    from soundvis_core.models.colour_texture import ColourTexture

    rows = embed(run, sites(make_points, pictures, ["plain.png", "noise.png"])).features()
    noise = np.asarray(Image.open(pictures / "noise.png"))
    expected = ColourTexture().encode([photos.quarters(), noise])
    assert expected.shape == (2, DIMENSION)
    for row, numbers in zip(rows, expected):
        np.testing.assert_allclose(vector(row["st_emb"]), numbers, rtol=1e-5, atol=1e-6)
        assert (row["st_status"], row["st_reason"], row["st_views"]) == ("ok", None, 1)
    assert [row["site"] for row in rows] == ["P0", "P1"]


def test_exif_rotation_does_not_change_the_embedding(run, make_points, pictures):
    from soundvis_core.models.colour_texture import ColourTexture

    rows = embed(
        run, sites(make_points, pictures, ["rotated_1.jpg", "rotated_6.jpg", "plain.png"])
    ).features()
    upright, turned, lossless = (vector(row["st_emb"]) for row in rows)
    (sideways,) = ColourTexture().encode([np.rot90(photos.quarters())])
    # JPEG alone moves the numbers a little; a picture on its side would move them far more.
    far = np.linalg.norm(sideways - upright)
    assert far > 5.0
    assert np.linalg.norm(turned - upright) < 0.1 * far
    assert np.linalg.norm(turned - lossless) < 0.2 * far


def test_fields_and_their_types(run, make_points, pictures):
    fields = embed(run, sites(make_points, pictures, ["plain.png"])).layer().fields()
    assert fields.names() == ["site", "photo", "st_emb", "st_status", "st_reason", "st_views"]
    assert [fields.at(index).type() for index in range(2, 6)] == [BINARY, STRING, STRING, INTEGER]


def test_the_field_name_gives_the_prefix(run, make_points, pictures):
    made = embed(run, sites(make_points, pictures, ["plain.png"]), FIELD="view_emb")
    assert made.layer().fields().names()[2:] == ["view_emb", "view_status", "view_reason", "view_views"]


def test_selection_and_filter(run, make_points, pictures, tmp_path):
    layer = sites(make_points, pictures, ["plain.png", "noise.png", "plain.png"], path=tmp_path / "s.gpkg")
    layer.setSubsetString("\"site\" <> 'P0'")
    assert [row["site"] for row in embed(run, layer).features()] == ["P1", "P2"]
    layer.selectByExpression("\"site\" = 'P2'")
    chosen = QgsProcessingFeatureSourceDefinition(layer.id(), True)
    assert [row["site"] for row in embed(run, chosen).features()] == ["P2"]


def test_null_missing_and_relative_paths(run, make_points, pictures):
    layer = make_points(
        [(0, 0), (1, 1), (2, 2)], {"photo": [None, "none.jpg", "plain.png"], "st_note": ["a", None, "c"]}
    )
    made = embed(run, layer, BASE_FOLDER=str(pictures))
    rows = made.features()
    assert [row["st_status"] for row in rows] == ["skipped", "failed", "ok"]
    assert rows[0]["st_reason"] == "the path field is empty"
    assert rows[1]["st_reason"] == f"The photo '{pictures / 'none.jpg'}' does not exist."
    assert [row["st_note"] for row in rows] == ["a", None, "c"]
    assert [row["_geometry"] for row in rows] == ["Point (0 0)", "Point (1 1)", "Point (2 2)"]
    assert made.feedback.warnings == [
        "3 sites: 1 ok, 1 failed, 1 skipped. The reasons are in the field 'st_reason'."
    ]


def test_collision_shapefile_and_empty_layer(run, make_points, pictures, tmp_path):
    clash = make_points([(0, 0)], {"photo": ["x"], "st_views": [1]})
    with pytest.raises(AlgorithmError, match="already has the field 'st_views'"):
        embed(run, clash, OUTPUT=str(tmp_path / "out.gpkg"))
    plain = sites(make_points, pictures, ["plain.png"])
    with pytest.raises(AlgorithmError, match="Shapefile"):
        embed(run, plain, OUTPUT=str(tmp_path / "out.shp"))
    assert list(tmp_path.iterdir()) == []
    made = embed(run, make_points([], {"photo": []}))
    assert made.features() == []
    assert made.layer().fields().names() == ["photo", "st_emb", "st_status", "st_reason", "st_views"]


@pytest.mark.parametrize("kind", ["geojson", "csv"])
def test_text_formats(run, make_points, pictures, tmp_path, kind):
    output = tmp_path / f"out.{kind}"
    layer = sites(make_points, pictures, ["plain.png"])
    binary = vector(embed(run, layer).features()[0]["st_emb"])
    embed(run, layer, OUTPUT=str(output))
    numbers = read_features(output)[0]["st_emb"]
    numbers = json.loads(numbers) if isinstance(numbers, str) else numbers
    np.testing.assert_allclose(numbers, binary, rtol=1e-6)


def test_cancelling_leaves_no_file(run, make_points, pictures, tmp_path):
    feedback = Feedback(cancel_at=2.0)
    layer = sites(make_points, pictures, ["noise.png"] * 60)
    made = run(
        "embedphotos",
        {"INPUT": layer, "PATH_FIELD": "photo", "OUTPUT": str(tmp_path / "out.gpkg")},
        feedback,
    )
    assert "OUTPUT" not in made
    assert max(feedback.progress) < 50.0
    assert list(tmp_path.iterdir()) == []
