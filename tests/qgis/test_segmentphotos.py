"""``segmentphotos``: a share field per class, the same numbers as the core, summing to 1 with what fits no class."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback
from PIL import Image
from qgis.core import QgsProcessingFeatureSourceDefinition

from tests.builders import photos

SHARES = ["st_sky", "st_vegetation", "st_built", "st_road"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A street: blue sky in the upper 40 %, green on the left, grey below; and the four-quarter picture."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(3)
    street = np.empty((300, 400, 3))
    street[:120] = (150, 190, 235)
    street[120:210, :200] = (60, 110, 45)
    street[120:210, 200:] = (165, 120, 95)
    street[210:] = (110, 110, 112)
    # Leaves and bricks are rough, sky and asphalt are smooth.
    street[120:210] += random.normal(0, 18, (90, 400, 1))
    street += random.normal(0, 2, street.shape)
    Image.fromarray(np.clip(street, 0, 255).astype(np.uint8)).save(folder / "street.png")
    photos.plain_png(folder)
    return folder


def sites(make_points, folder, names, **options):
    paths = [None if name is None else str(folder / name) for name in names]
    return make_points([(i, -i) for i in range(len(names))], {"photo": paths}, **options)


def segment(run, layer, **options):
    return run("segmentphotos", {"INPUT": layer, "PATH_FIELD": "photo", **options})


def test_shares_are_those_of_the_core(run, make_points, pictures):
    from soundvis_core.images import load_photo
    from soundvis_core.models.colour_index import ColourIndex

    rows = segment(run, sites(make_points, pictures, ["street.png", "plain.png"])).features()
    for row, name in zip(rows, ("street.png", "plain.png")):
        expected = ColourIndex().shares(load_photo(pictures / name))
        got = [row[field] for field in SHARES]
        assert got == pytest.approx(
            [expected[key] for key in ("Sky", "Vegetation", "Built", "Road")], abs=1e-6
        )
        assert sum(got) == pytest.approx(1.0, abs=1e-6)
        assert (row["st_seg_status"], row["st_seg_reason"]) == ("ok", None)
    # By construction: 40 % sky, 15 % green, 15 % bricks, 30 % road.
    assert [rows[0][field] for field in SHARES] == pytest.approx([0.40, 0.15, 0.15, 0.30], abs=0.05)


def test_fields(run, make_points, pictures):
    made = segment(run, sites(make_points, pictures, ["plain.png"]))
    assert made.layer().fields().names() == ["photo", *SHARES, "st_seg_status", "st_seg_reason"]
    other = segment(run, sites(make_points, pictures, ["plain.png"]), PREFIX="view_")
    assert other.layer().fields().names()[1:3] == ["view_sky", "view_vegetation"]


def test_street_classes_of_the_paper(run, make_points, pictures):
    """The paper's street classes have no sky: what the baseline takes for sky is missing from the sum of 1."""
    row = segment(run, sites(make_points, pictures, ["street.png"]), CLASSES="paper-street").features()[0]
    shares = {
        name: value for name, value in row.items() if name.startswith("st_") and isinstance(value, float)
    }
    assert shares == {
        "st_road": pytest.approx(0.30, abs=0.05),
        "st_sidewalk": 0.0,
        "st_building": pytest.approx(0.15, abs=0.05),
        "st_vegetation": pytest.approx(0.15, abs=0.05),
        "st_waterbody": 0.0,
        "st_person": 0.0,
        "st_car_truck_bus_etc": 0.0,
    }
    assert sum(shares.values()) == pytest.approx(0.60, abs=0.05)


def test_own_classes(run, make_points, pictures, tmp_path):
    table = tmp_path / "own.csv"
    table.write_text("name,synonyms\nHimmel,sky\nAlles Übrige,vegetation|built|road\n", encoding="utf-8")
    row = segment(run, sites(make_points, pictures, ["street.png"]), CLASSES=str(table)).features()[0]
    assert row["st_himmel"] + row["st_alles_ubrige"] == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(AlgorithmError, match="There is no class list 'streets'"):
        segment(run, sites(make_points, pictures, ["street.png"]), CLASSES="streets")


def test_bad_sites_keep_their_row(run, make_points, pictures, tmp_path):
    truncated = photos.truncated_jpeg(tmp_path)
    layer = make_points(
        [(0, 0), (1, 1), (2, 2)], {"photo": [None, str(truncated), str(pictures / "plain.png")]}
    )
    made = segment(run, layer)
    rows = made.features()
    assert [row["st_seg_status"] for row in rows] == ["skipped", "failed", "ok"]
    assert [row["st_sky"] is None for row in rows] == [True, True, False]
    assert made.feedback.warnings == [
        "3 sites: 1 ok, 1 failed, 1 skipped. The reasons are in the field 'st_seg_reason'."
    ]


def test_collision_selection_shapefile_empty_and_cancel(run, make_points, pictures, tmp_path):
    clash = make_points([(0, 0)], {"photo": ["x"], "st_road": [0.5]})
    with pytest.raises(AlgorithmError, match="already has the field 'st_road'"):
        segment(run, clash, OUTPUT=str(tmp_path / "out.gpkg"))
    layer = sites(make_points, pictures, ["street.png", "plain.png", None])
    with pytest.raises(AlgorithmError, match="Shapefile"):
        segment(run, layer, OUTPUT=str(tmp_path / "out.shp"))
    layer.selectByIds([3])
    chosen = QgsProcessingFeatureSourceDefinition(layer.id(), True)
    assert [row["st_seg_status"] for row in segment(run, chosen).features()] == ["skipped"]
    assert segment(run, make_points([], {"photo": []})).features() == []
    feedback = Feedback(cancel_at=2.0)
    many = sites(make_points, pictures, ["street.png"] * 60)
    run(
        "segmentphotos",
        {"INPUT": many, "PATH_FIELD": "photo", "OUTPUT": str(tmp_path / "out.gpkg")},
        feedback,
    )
    assert max(feedback.progress) < 50.0
    assert list(tmp_path.iterdir()) == []
