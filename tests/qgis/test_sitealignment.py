"""Each site's own r on the point layer: numbers, partners, groups, odd sites, and how the map is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import AlgorithmError
from qgis.core import (
    QgsExpression,
    QgsExpressionContext,
    QgsGraduatedSymbolRenderer,
    QgsRenderContext,
    QgsVectorLayer,
)
from scipy import stats

SITES = 24


@pytest.fixture
def blocks() -> dict[str, np.ndarray]:
    random = np.random.default_rng(4)
    shared = random.normal(size=(SITES, 6))
    noise = random.normal(size=(2, SITES, 6))
    return {
        "sound": (shared + noise[0]).astype("<f4"),
        "sight": (shared[:, :5] + noise[1][:, :5]).astype("<f4"),
    }


@pytest.fixture
def sites(make_points, blocks):
    random = np.random.default_rng(1)
    places = [(float(x), float(y)) for x, y in random.uniform([0.0, 51.4], [0.2, 51.6], (SITES, 2))]
    fields = {
        "site_id": [f"S{number:02d}" for number in range(SITES)],
        "snd_emb": [row.tobytes() for row in blocks["sound"]],
        "see_emb": [row.tobytes() for row in blocks["sight"]],
        "city": ["Ö", "B"] * (SITES // 2),
    }
    return make_points(places, fields, 4326)


FIELDS = {"SOUND": ["snd_emb"], "SIGHT": ["see_emb"]}


def cosines(vectors: np.ndarray) -> np.ndarray:
    unit = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
    return unit @ unit.T


def expected_r(blocks, members=range(SITES)) -> dict[int, float]:
    first, second = cosines(blocks["sound"]), cosines(blocks["sight"])
    found = {}
    for site in members:
        others = [other for other in members if other != site]
        found[site] = stats.pearsonr(first[site, others], second[site, others])[0]
    return found


def test_numbers_and_partners(run, sites, blocks):
    made = run("sitealignment", {"INPUT": sites, **FIELDS, "PERMUTATIONS": 99})
    rows = made.features()
    right = expected_r(blocks)
    similar = {"snd": cosines(blocks["sound"]), "see": cosines(blocks["sight"])}
    for site, row in enumerate(rows):
        assert row["site_id"] == f"S{site:02d}" and row["al_sites"] == SITES - 1
        assert row["al_r"] == pytest.approx(right[site], abs=1e-12)
        assert row["al_p"] * 100 == pytest.approx(round(row["al_p"] * 100)) and 0.01 <= row["al_p"] <= 1
        assert row["al_p"] <= row["al_p_bh"] <= 1
        assert (row["al_status"], row["al_reason"]) == ("ok", None)
        for short, matrix in similar.items():
            ranked = sorted(set(range(SITES)) - {site}, key=lambda other, s=site, m=matrix: m[s, other])
            assert (row[f"al_near_{short}"], row[f"al_far_{short}"]) == (
                f"S{ranked[-1]:02d}",
                f"S{ranked[0]:02d}",
            )
            assert row[f"al_near_{short}_sim"] == pytest.approx(matrix[site, ranked[-1]], abs=1e-12)
            assert row[f"al_far_{short}_sim"] == pytest.approx(matrix[site, ranked[0]], abs=1e-12)
    log = made.feedback.text
    assert (
        "24 sites: 24 ok." in log and "sites have p ≤ .05" in log and "permutation of the other sites" in log
    )


def test_the_same_seed_gives_the_same_p(run, sites):
    def p(seed):
        parameters = {"INPUT": sites, **FIELDS, "PERMUTATIONS": 19, "SEED": seed}
        return [row["al_p"] for row in run("sitealignment", parameters).features()]

    assert p(3) == p(3) != p(4)


def test_within_groups_or_over_all(run, sites, blocks):
    parameters = {"INPUT": sites, **FIELDS, "GROUP": "city", "PERMUTATIONS": 0}
    rows = run("sitealignment", parameters).features()
    for start in (0, 1):
        members = range(start, SITES, 2)
        for site, r in expected_r(blocks, members).items():
            assert rows[site]["al_r"] == pytest.approx(r, abs=1e-12)
            assert int(rows[site]["al_near_snd"][1:]) in members
            assert rows[site]["al_p"] is None and rows[site]["al_p_bh"] is None
    rows = run("sitealignment", {**parameters, "WITHIN": False}).features()
    assert [row["al_r"] for row in rows] == pytest.approx(list(expected_r(blocks).values()), abs=1e-12)


def test_sites_that_cannot_be_compared_say_why(run, make_points):
    random = np.random.default_rng(0)
    numbers = {name: random.uniform(0, 1, 9).tolist() for name in ("a", "b", "c", "d")}
    numbers["a"][2] = None
    numbers["snd_reason"] = [None, None, "silence", *[None] * 6]
    layer = make_points([(x, x) for x in range(8)] + [None], numbers)
    parameters = {"INPUT": layer, "SOUND": ["a", "b"], "SIGHT": ["c", "d"], "PERMUTATIONS": 9}
    made = run("sitealignment", parameters)
    rows = made.features()
    assert [row["al_status"] for row in rows] == ["ok", "ok", "skipped", *["ok"] * 6]
    assert rows[2]["al_r"] is None and rows[2]["al_near_snd"] is None and rows[2]["al_sites"] == 0
    assert rows[2]["al_reason"].startswith("sound: ")
    assert rows[8]["_geometry"] is None and rows[8]["al_r"] is not None  # a place is not needed
    assert "8 ok, 1 skipped" in made.feedback.text
    few = run("sitealignment", {**parameters, "GROUP": "snd_reason"}).features()
    assert {row["al_reason"] for row in few[:2]} == {"the site has no group"}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_sites(run, make_points, count):
    layer = make_points(
        [(x, x) for x in range(count)], {"a": [0.1, 0.2, 0.4][:count], "b": [0.3, 0.2, 0.1][:count]}
    )
    if count == 0:
        layer = make_points([(0, 0)], {"a": [0.1], "b": [0.2]})
        layer.dataProvider().truncate()
    rows = run("sitealignment", {"INPUT": layer, "SOUND": ["a"], "SIGHT": ["b"]}).features()
    assert len(rows) == count
    assert all(row["al_r"] is None and row["al_reason"].startswith("too few other sites") for row in rows)


def test_identical_sites(run, make_points):
    layer = make_points([(1, 1)] * 6, {"a": [0.5] * 6, "b": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]})
    rows = run(
        "sitealignment", {"INPUT": layer, "SOUND": ["a"], "SIGHT": ["b"], "PERMUTATIONS": 9}
    ).features()
    assert {row["al_reason"] for row in rows} == {"all other sites are equally similar to it in sound"}
    assert [row["al_near_snd_sim"] for row in rows] == [1.0] * 6


def test_shares_take_the_measure_that_is_asked_for(run, make_points):
    shares = np.random.default_rng(6).dirichlet(np.ones(3), size=(2, 10))
    fields = {
        f"{block}{part}": shares[i, :, part].tolist() for i, block in enumerate("ab") for part in range(3)
    }
    layer = make_points([(x, 0) for x in range(10)], fields)
    parameters = {"INPUT": layer, "SOUND": ["a0", "a1", "a2"], "SIGHT": ["b0", "b1", "b2"], "PERMUTATIONS": 0}
    row = run("sitealignment", {**parameters, "MEASURE": "hellinger"}).features()[0]
    roots = np.sqrt(shares)
    similar = 1 - np.sqrt(((roots[:, :1] - roots[:, 1:]) ** 2).sum(axis=2) / 2)
    assert row["al_r"] == pytest.approx(stats.pearsonr(*similar)[0], abs=1e-12)
    assert row["al_near_snd_sim"] == pytest.approx(similar[0].max(), abs=1e-12)


def test_wrong_fields_are_refused(run, sites):
    with pytest.raises(AlgorithmError, match="given the same fields"):
        run("sitealignment", {"INPUT": sites, "SOUND": ["snd_emb"], "SIGHT": ["snd_emb"]})
    with pytest.raises(AlgorithmError, match="no field 'nothing'"):
        run("sitealignment", {"INPUT": sites, "SOUND": ["nothing"], "SIGHT": ["see_emb"]})
    made = run("sitealignment", {"INPUT": sites, **FIELDS, "PERMUTATIONS": 0})
    with pytest.raises(AlgorithmError, match="al_r"):
        run("sitealignment", {"INPUT": made.layer(), **FIELDS, "PERMUTATIONS": 0})


def test_the_map_shows_r_about_zero(run, sites, tmp_path):
    path = str(tmp_path / "aligned.gpkg")
    run("sitealignment", {"INPUT": sites, **FIELDS, "PERMUTATIONS": 99, "OUTPUT": path})
    layer = QgsVectorLayer(path, "aligned", "ogr")
    assert sorted(layer.listStylesInDatabase()[2]) == ["Alignment p", "Alignment r"]
    renderer = layer.renderer()
    assert isinstance(renderer, QgsGraduatedSymbolRenderer)
    ranges = renderer.ranges()
    bounds = [(entry.lowerValue(), entry.upperValue()) for entry in ranges[:7]]
    assert bounds == [(-high, -low) for low, high in reversed(bounds)] and bounds[0][1] == 1.0
    assert [entry.label() for entry in ranges[7:]] == ["smaller: p > 0.05", "no r"]
    # Blue below, red above, as in the report's maps.
    top, bottom = (ranges[place].symbol().color().getRgb()[:3] for place in (0, 6))
    assert (top, bottom) == ((178, 24, 43), (33, 102, 172))
    context = QgsRenderContext()
    context.expressionContext().appendScopes(QgsExpressionContext().scopes())
    for feature in layer.getFeatures():
        expressions = QgsExpressionContext()
        expressions.setFeature(feature)
        expressions.setFields(layer.fields())
        size = renderer.symbols(context)[0].dataDefinedSize()
        found = QgsExpression(size.expressionString()).evaluate(expressions)
        assert found == (2.2 if feature["al_p"] > 0.05 else 3.8)


def test_class_bounds_are_round_and_about_zero():
    from soundvis_qgis.layers.alignment_styles import class_bounds

    assert class_bounds([]) == [-1.0, -0.05, -0.03, -0.01, 0.01, 0.03, 0.05, 1.0]
    assert class_bounds([0.2, -0.1, 0.45] * 10)[4:] == pytest.approx([0.1, 0.3, 0.5, 1.0])
    assert class_bounds([0.2, -0.1, 0.9] * 10) == pytest.approx([-1.0, -0.7, -0.4, -0.1, 0.1, 0.4, 0.7, 1.0])
