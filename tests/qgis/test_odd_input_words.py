"""What the statistics tools say of input that is odd but no error: names that do not match, few sites, no places."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import AlgorithmError

from soundvis_core.statistics.cross_modal import embedding_agreement
from soundvis_qgis.layers.blocks import vector_of

SITES = 12


@pytest.fixture
def vectors() -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    return {name: random.normal(size=(SITES, 16)).astype("<f4") for name in ("snd_emb", "st_emb")}


@pytest.fixture
def fields(vectors) -> dict[str, list]:
    return {
        "name": ["Tower", "Tower", *(f"S{number}" for number in range(2, SITES))],
        "snd_bio": [float(value) for value in vectors["snd_emb"][:, 0]],
        **{name: [row.tobytes() for row in values] for name, values in vectors.items()},
    }


@pytest.fixture
def sites(make_points, fields):
    return make_points([(n / 100, n % 3 / 100) for n in range(SITES)], fields, 4326)


PAIRED = {"SOUND": ["snd_emb"], "SIGHT": ["st_emb"]}
CORRELATED = {"SOUND": ["snd_emb"], "STREET": ["st_emb"], "PERMUTATIONS": 9, "BOOTSTRAPS": 0}


def first(layer, count, make_points):
    features = list(layer.getFeatures())[:count]
    names = [field.name() for field in layer.fields()]
    values = {name: [feature.attribute(name) for feature in features] for name in names}
    values = {
        name: [bytes(v) if name.endswith("emb") else v for v in column] for name, column in values.items()
    }
    return make_points([(n / 100, 0) for n in range(count)], values, 4326)


def test_ceilings_of_other_blocks_are_told(run, sites, make_points):
    def warnings(blocks):
        table = make_points([None] * len(blocks), {"block": blocks, "reliability": [0.5] * len(blocks)})
        return run("correlatelayers", {"INPUT": sites, **CORRELATED, "CEILING": table}).feedback.warnings

    (told,) = [line for line in warnings(["recordings", "sound"]) if "noise ceilings" in line]
    assert "no reliability for 'street'" in told and "'recordings' is in no block" in told
    (told,) = [line for line in warnings(["recordings"]) if "noise ceilings" in line]
    assert "no reliability for 'sound', 'street'" in told and "It has 'recordings'" in told
    assert not [line for line in warnings(["st_emb", "Sound"]) if "noise ceilings" in line]


def test_the_same_field_twice_is_told(run, sites):
    made = run("correlatelayers", {"INPUT": sites, **CORRELATED, "STREET": ["snd_emb"]})
    assert any(
        "sound and street are given the same field (snd_emb)" in line for line in made.feedback.warnings
    )


def test_names_that_recur_are_told(run, sites):
    made = run("sitealignment", {"INPUT": sites, **PAIRED, "SITE_ID": "name", "PERMUTATIONS": 9})
    assert "1 value of 'name' recurs among the 12 sites ('Tower' 2 times)" in made.feedback.text


def test_so_few_permutations_cannot_tell(run, sites):
    made = run("sitealignment", {"INPUT": sites, **PAIRED, "PERMUTATIONS": 9})
    assert (
        "9 permutations cannot tell" in made.feedback.text and "no p can be below 0.1" in made.feedback.text
    )
    assert "would by chance" not in made.feedback.text
    made = run("sitealignment", {"INPUT": sites, **PAIRED, "PERMUTATIONS": 19})
    assert "would by chance" in made.feedback.text


@pytest.mark.parametrize("output", ["memory:", "pairs.gpkg"])
def test_pairs_of_sites_without_places_are_a_table(run, make_points, fields, tmp_path, output, capfd):
    import processing

    table = processing.run(
        "native:dropgeometries", {"INPUT": make_points([None] * SITES, fields), "OUTPUT": "memory:"}
    )["OUTPUT"]
    place = output if output == "memory:" else str(tmp_path / output)
    made = run("sitepairs", {"INPUT": table, **PAIRED, "OUTPUT": place})
    assert "ERROR" not in capfd.readouterr().err
    assert not made.layer().isSpatial() and made.layer().featureCount() == 20
    assert any("a table without lines and distances" in line for line in made.feedback.warnings)


def test_pairs_with_a_site_without_a_place_are_told(run, make_points, fields):
    layer = make_points([None, *((n / 100, n % 3 / 100) for n in range(1, SITES))], fields, 4326)
    made = run("sitepairs", {"INPUT": layer, **PAIRED, "COUNT": 20, "MAX_PER_SITE": 20})
    assert any(
        "pairs have no line: one of their sites has no place" in line for line in made.feedback.warnings
    )


def test_media_that_cannot_be_read_are_counted(run, make_points, fields, tmp_path):
    (tmp_path / "odd.jpg").write_text("no photo")
    photos = ["odd.jpg", *(f"none{number}.jpg" for number in range(1, SITES))]
    layer = make_points([(n / 100, 0) for n in range(SITES)], {**fields, "photo": photos}, 4326)
    gallery = {"GALLERY": str(tmp_path / "g.html")}
    chosen = {"INPUT": layer, **PAIRED, **gallery, "PHOTO_FIELD": "photo", "BASE_FOLDER": str(tmp_path)}
    made = run("sitepairs", {**chosen, "COUNT": 20, "MAX_PER_SITE": 20})
    (told,) = [line for line in made.feedback.warnings if "could not be shown" in line]
    assert told.startswith("12 of 12 photos could not be shown; the gallery says why. The commonest reason")
    assert "does not exist" in told
    bare = run("sitepairs", {"INPUT": layer, **PAIRED, **gallery})
    assert any("The gallery has no photos, tiles and recordings" in line for line in bare.feedback.warnings)


def test_two_sites_are_one_pair(run, sites, make_points):
    two = first(sites, 2, make_points)
    made = run("sitepairs", {"INPUT": two, **PAIRED})
    assert made.features() == [] and "there is only one pair of sites" in made.feedback.text
    values = {"INPUT": two, "SOUND": "snd_emb", "SIGHT": "st_emb", "SUMMARY": "memory:"}
    (summary,) = run("crossmodalcosine", values).features("SUMMARY")
    # Both orders lie equally far from their middle.
    assert summary["p"] == 1.0 and "p cannot be below 0.5" in summary["note"]


@pytest.mark.parametrize("count", [3, 4, 5])
def test_few_sites_take_all_their_orders(vectors, count):
    sound, sight = vectors["snd_emb"][:count], vectors["st_emb"][:count]
    p = embedding_agreement(sound, sight, 999, 0).test.p
    orders = {3: 6, 4: 24, 5: 120}[count]
    assert p >= 1 / orders and p * orders == pytest.approx(round(p * orders))
    assert p == embedding_agreement(sound, sight, 200, 5).test.p


def test_bytes_that_gdal_wrote_as_hexadecimal_text(run, make_points, fields, vectors):
    written = {name: [row.tobytes().hex().upper() for row in values] for name, values in vectors.items()}
    places = [(n / 100, n % 3 / 100) for n in range(SITES)]
    rows = [
        run("correlatelayers", {"INPUT": make_points(places, given, 4326), **CORRELATED}).features()
        for given in (fields, {**fields, **written})
    ]
    assert rows[0] == rows[1] and rows[0][0]["r"] is not None
    np.testing.assert_array_equal(vector_of(written["snd_emb"][0]), vectors["snd_emb"][0])


@pytest.mark.parametrize(
    "value",
    ["Tower", "7", "{}", "deadbeef", "e3b0c44298fc1c149afbf4c8996fb924" * 2],
)
def test_other_text_is_named_without_a_parser(run, make_points, fields, value):
    layer = make_points([(n / 100, 0) for n in range(SITES)], {**fields, "label": [value] * SITES}, 4326)
    with pytest.raises(AlgorithmError, match="it holds text that is no list of numbers"):
        run("correlatelayers", {"INPUT": layer, **CORRELATED, "SOUND": ["label"]})


def test_bootstraps_have_a_limit(run, sites):
    with pytest.raises(AlgorithmError, match="at most 10000"):
        run("correlatelayers", {"INPUT": sites, **CORRELATED, "BOOTSTRAPS": 10_001})
