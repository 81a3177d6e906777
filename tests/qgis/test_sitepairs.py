"""The pairs of the four quadrants as lines, and their gallery: numbers, odd layers, missing files, looks."""

from __future__ import annotations

import re
import wave
from collections import Counter

import numpy as np
import pytest
from helpers import AlgorithmError
from PIL import Image
from qgis.core import QgsCategorizedSymbolRenderer, QgsRasterLayer, QgsVectorLayer, QgsWkbTypes

SITES = 16
FIELDS = {"SOUND": ["snd_emb"], "SIGHT": ["see_emb"]}
QUADRANTS = ("alike in both", "alike in sound only", "alike in sight only", "unlike in both")


@pytest.fixture
def blocks() -> dict[str, np.ndarray]:
    random = np.random.default_rng(4)
    shared = random.normal(size=(SITES, 5))
    noise = random.normal(size=(2, SITES, 5))
    return {"sound": (shared + noise[0]).astype("<f4"), "sight": (shared + noise[1]).astype("<f4")}


@pytest.fixture
def fields(blocks) -> dict[str, list]:
    return {
        "site_id": [f"S{number:02d}" for number in range(SITES)],
        "snd_emb": [row.tobytes() for row in blocks["sound"]],
        "see_emb": [row.tobytes() for row in blocks["sight"]],
        "city": ["Ö", "B"] * (SITES // 2),
    }


@pytest.fixture
def places() -> list[tuple[float, float]]:
    random = np.random.default_rng(1)
    return [(float(x), float(y)) for x, y in random.uniform([500000, 5700000], [502000, 5702000], (SITES, 2))]


@pytest.fixture
def sites(make_points, places, fields):
    return make_points(places, fields, 32631)


def z_scores(blocks, members=None):
    """Similarities and z of all pairs, by block."""
    found = {}
    for name, vectors in blocks.items():
        unit = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
        matrix = unit @ unit.T
        pairs = [
            (i, j) for i in range(SITES) for j in range(i + 1, SITES) if members is None or members(i, j)
        ]
        values = np.array([matrix[pair] for pair in pairs])
        found[name] = matrix, dict(zip(pairs, (values - values.mean()) / values.std()))
    return found


def numbered(row) -> tuple[int, int]:
    return int(row["site_a"][1:]), int(row["site_b"][1:])


def test_the_lines_join_the_pairs(run, sites, blocks, places):
    made = run("sitepairs", {"INPUT": sites, **FIELDS, "GROUP": "city", "WITHIN": False, "COUNT": 3})
    layer = made.layer()
    assert layer.crs().authid() == "EPSG:32631"
    assert QgsWkbTypes.geometryType(layer.wkbType()) == QgsWkbTypes.GeometryType.LineGeometry
    rows = made.features()
    assert [(row["quadrant"], row["rank"]) for row in rows] == [(q, r) for q in QUADRANTS for r in (1, 2, 3)]
    right = z_scores(blocks)
    for row in rows:
        a, b = numbered(row)
        assert a < b
        for short, name in (("sound", "sound"), ("sight", "sight")):
            matrix, z = right[name]
            assert row[f"sim_{short}"] == pytest.approx(matrix[a, b], abs=1e-12)
            assert row[f"z_{short}"] == pytest.approx(z[a, b], abs=1e-9)
        assert (row["group_a"], row["group_b"]) == (["Ö", "B"][a % 2], ["Ö", "B"][b % 2])
        straight = np.hypot(*(np.array(places[a]) - places[b]))
        assert row["distance_m"] == pytest.approx(straight, rel=1e-3)
        ends = [float(number) for number in re.findall(r"[\d.]+", row["_geometry"])]
        assert ends == pytest.approx([*places[a], *places[b]], abs=1e-3)
    for quadrant, signs in zip(QUADRANTS, ((1, 1), (1, -1), (-1, 1), (-1, -1))):
        best = max(
            (min(right["sound"][1][pair] * signs[0], right["sight"][1][pair] * signs[1]), pair)
            for pair in right["sound"][1]
        )
        assert numbered(next(row for row in rows if row["quadrant"] == quadrant)) == best[1]
        times = Counter(site for row in rows if row["quadrant"] == quadrant for site in numbered(row))
        assert max(times.values()) <= 2
    assert "120 pairs compared; chosen: 3 alike in both" in made.feedback.text


def test_within_groups(run, sites, blocks):
    rows = run("sitepairs", {"INPUT": sites, **FIELDS, "GROUP": "city"}).features()
    right = z_scores(blocks, lambda i, j: i % 2 == j % 2)
    assert rows and all(row["group_a"] == row["group_b"] for row in rows)
    for row in rows:
        assert row["z_sound"] == pytest.approx(right["sound"][1][numbered(row)], abs=1e-9)


def test_one_pair_per_site(run, sites):
    rows = run("sitepairs", {"INPUT": sites, **FIELDS, "MAX_PER_SITE": 1}).features()
    for quadrant in QUADRANTS:
        named = [site for row in rows if row["quadrant"] == quadrant for site in numbered(row)]
        assert len(named) == len(set(named))


def test_sites_without_a_place_and_identical_points(run, make_points, fields):
    layer = make_points([None, "empty", *[(500000.0, 5700000.0)] * (SITES - 2)], fields, 32631)
    rows = run("sitepairs", {"INPUT": layer, **FIELDS, "COUNT": 20, "MAX_PER_SITE": 20}).features()
    placeless = [row for row in rows if min(numbered(row)) < 2]
    assert placeless and all(row["_geometry"] is None and row["distance_m"] is None for row in placeless)
    others = [row for row in rows if min(numbered(row)) >= 2]
    assert others and all(row["distance_m"] == 0.0 and row["_geometry"] for row in others)


def test_a_layer_without_a_crs_has_no_distances(run, make_points, places, fields):
    made = run("sitepairs", {"INPUT": make_points(places, fields, ""), **FIELDS, "COUNT": 1})
    assert [row["distance_m"] for row in made.features()] == [None] * 4
    assert "has no coordinate reference system" in made.feedback.text


def test_distances_across_a_continent_are_geodesic(run, make_points):
    london, tokyo = (-0.1278, 51.5074), (139.6917, 35.6895)
    layer = make_points([london, tokyo, london], {"a": [0.1, 0.2, 0.9], "b": [0.1, 0.3, 0.5]}, 4326)
    rows = run("sitepairs", {"INPUT": layer, "SOUND": ["a"], "SIGHT": ["b"]}).features()
    far = [row["distance_m"] for row in rows if row["distance_m"]]
    assert far and all(9_570_000 < metres < 9_590_000 for metres in far)


@pytest.mark.parametrize(
    ("a", "b", "note"),
    [
        ([], [], "fewer than two sites"),
        ([0.1], [0.3], "fewer than two sites"),
        ([0.1, 0.4], [0.3, 0.2], "only one pair of sites"),
        ([0.5] * 5, [0.1, 0.2, 0.3, 0.4, 0.5], "all pairs are equally similar in SOUND"),
        ([None] * 4, [0.1, 0.2, 0.3, 0.4], "fewer than two sites"),
    ],
)
def test_layers_without_pairs(run, make_points, tmp_path, a, b, note):
    count = max(len(a), 1)
    layer = make_points([(x, x) for x in range(count)], {"a": [0.5] * count, "b": [0.5] * count})
    layer.startEditing()
    if not a:
        layer.deleteFeatures([feature.id() for feature in layer.getFeatures()])
    for feature, first, second in zip(list(layer.getFeatures()), a, b):
        layer.changeAttributeValues(feature.id(), {0: first, 1: second})
    layer.commitChanges()
    gallery = tmp_path / "g.html"
    made = run("sitepairs", {"INPUT": layer, "SOUND": ["a"], "SIGHT": ["b"], "GALLERY": str(gallery)})
    assert made.features() == []
    assert note.lower() in made.feedback.text.lower()
    assert "There are no pairs to show" in gallery.read_text("utf-8")


def test_wrong_input_is_refused(run, sites, tmp_path):
    with pytest.raises(AlgorithmError, match="COUNT"):
        run("sitepairs", {"INPUT": sites, **FIELDS, "COUNT": 0})
    gallery = {"GALLERY": str(tmp_path / "g.html")}
    with pytest.raises(AlgorithmError, match="no field 'photo'"):
        run("sitepairs", {"INPUT": sites, **FIELDS, "PHOTO_FIELD": "photo", **gallery})
    with pytest.raises(AlgorithmError, match="given the same fields"):
        run("sitepairs", {"INPUT": sites, "SOUND": ["snd_emb"], "SIGHT": ["snd_emb"]})
    assert list(tmp_path.iterdir()) == []


def test_the_lines_are_drawn_by_quadrant(run, sites, tmp_path):
    path = str(tmp_path / "pairs.gpkg")
    run("sitepairs", {"INPUT": sites, **FIELDS, "OUTPUT": path})
    layer = QgsVectorLayer(path, "pairs", "ogr")
    renderer = layer.renderer()
    assert isinstance(renderer, QgsCategorizedSymbolRenderer) and renderer.classAttribute() == "quadrant"
    from soundvis_core.gallery.quadrants import LOOKS

    assert [category.value() for category in renderer.categories()] == list(QUADRANTS)
    for category in renderer.categories():
        # The map and the gallery tell the quadrants by the same colours.
        assert category.symbol().symbolLayer(1).color().name() == LOOKS[category.value()].css
        assert category.symbol().symbolLayerCount() == 2  # a white edge below
        assert category.symbol().symbolLayer(1).dataDefinedProperties().hasActiveProperties()


@pytest.fixture
def folder(tmp_path):
    """Recordings and photos of the sites, some missing, beside the layer."""
    place = tmp_path / "data"
    (place / "files").mkdir(parents=True)
    time = np.arange(16000) / 8000
    for number in range(SITES):
        if number != 3:
            with wave.open(str(place / "files" / f"{number}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                tone = 9000 * np.sin(2 * np.pi * (200 + 50 * number) * time)
                file.writeframes(tone.astype("<i2").tobytes())
        colour = np.full((60, 80, 3), 10 * number, np.uint8)
        Image.fromarray(colour).save(place / "files" / f"{number}.jpg")
    (place / "files" / "5.jpg").write_text("no photo")
    return place


def test_the_gallery(run, make_points, make_raster, places, fields, folder, tmp_path):
    fields["rec"] = [f"files/{number}.wav" for number in range(SITES)]
    fields["pic"] = [None if number == 7 else f"files/{number}.jpg" for number in range(SITES)]
    layer = make_points(places, fields, 32631, path=folder / "sites.gpkg")
    image = np.random.default_rng(0).integers(0, 255, (3, 210, 110), dtype=np.uint8)
    raster = QgsRasterLayer(make_raster(tmp_path / "base.tif", image, (500000, 5702050), 10.0), "base")
    gallery = tmp_path / "new" / "gallery.html"
    parameters = {
        "INPUT": layer, **FIELDS, "GROUP": "city", "WITHIN": False, "COUNT": 6, "MAX_PER_SITE": 6,
        "AUDIO_FIELD": "rec", "PHOTO_FIELD": "pic", "RASTER": raster, "FOOTPRINT": 120, "GALLERY": str(gallery),
    }  # fmt: skip
    made = run("sitepairs", parameters)
    assert made["GALLERY"] == str(gallery)
    text = gallery.read_text("utf-8")
    rows = made.features()
    shown = [site for row in rows for site in numbered(row)]
    assert text.count("<article") == len(rows) == 24
    assert {3, 5, 7} <= set(shown)
    photos, tiles = text.count(">photo</figcaption>"), text.count(">from above, 120 m across</figcaption>")
    assert photos == sum(site not in (5, 7) for site in shown)
    assert text.count("<audio") == sum(site != 3 for site in shown)
    outside = text.count("the place lies outside the basemap")
    assert 0 < outside and tiles + outside == len(shown)
    assert text.count("<img") == photos + tiles
    assert text.count("recording: no such file") == shown.count(3)
    assert text.count("photo: the path field is empty") == shown.count(7)
    assert text.count("is not a photo that can be read") == shown.count(5)
    assert "soundvis:sitepairs" in text and "Ö" in text
    assert re.search(r"The gallery has 24 pairs and \d+\.\d MB", made.feedback.text)
    assert not re.search(r"""(src|href)\s*=\s*['"](?!data:|#)""", text)


def test_a_gallery_without_files_still_tells_the_pairs(run, sites, tmp_path):
    gallery = tmp_path / "g.html"
    made = run("sitepairs", {"INPUT": sites, **FIELDS, "GALLERY": str(gallery)})
    text = gallery.read_text("utf-8")
    assert text.count("<article") == len(made.features()) == 20
    assert "<img" not in text and "<audio" not in text


def test_without_a_gallery(run, sites):
    assert "GALLERY" not in run("sitepairs", {"INPUT": sites, **FIELDS})
