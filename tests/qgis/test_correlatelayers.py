"""Correlating layers: r, naive p and Mantel p against numpy, scipy and a sheet of paper."""

from __future__ import annotations

import csv
import json
import math
import re

import numpy as np
import pytest
from helpers import AlgorithmError
from qgis.core import QgsVectorLayer, QgsWkbTypes
from scipy import stats

from soundvis_core.statistics.orders import permutation_orders

COLUMNS = [
    "block_a", "block_b", "category", "group", "method", "sites", "dropped", "pairs", "r", "rho",
    "p_naive", "p_naive_holm", "p_naive_bh", "p_mantel", "p_mantel_holm", "p_mantel_bh",
    "p_strat", "p_strat_holm", "p_strat_bh", "r_partial", "p_partial", "p_partial_holm", "p_partial_bh", "r_moran",
    "p_moran", "p_moran_holm", "p_moran_bh", "ci_low", "ci_high", "null_sd", "ceiling", "advised", "says", "note",
]  # fmt: skip
SITES = 30
DISTRICTS = ["Altstadt", "Île", "Süd"]


def packed(vectors) -> list[bytes | None]:
    return [None if vector is None else np.asarray(vector, dtype="<f4").tobytes() for vector in vectors]


@pytest.fixture(scope="module")
def blocks() -> dict[str, np.ndarray]:
    """Sound of 8 numbers; street partly and aerial hardly related to it."""
    rng = np.random.default_rng(11)
    sound = rng.normal(size=(SITES, 8)).astype(np.float32)
    street = (np.hstack([sound, sound])[:, :12] + rng.normal(0, 0.8, (SITES, 12))).astype(np.float32)
    aerial = rng.normal(0.2, 1.0, (SITES, 5)).astype(np.float32)
    return {"sound": sound, "street": street, "aerial": aerial}


@pytest.fixture
def sites(make_points, blocks):
    fields = {
        "site_id": [f"S{number:02d}" for number in range(SITES)],
        "district": [DISTRICTS[number % 3] for number in range(SITES)],
        **{f"{name}_emb": packed(values) for name, values in blocks.items()},
    }
    return make_points([(500000 + 10 * number, 5000000) for number in range(SITES)], fields)


ALL = {"SOUND": ["sound_emb"], "STREET": ["street_emb"], "AERIAL": ["aerial_emb"]}


def cosines(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.astype(float)
    return np.array(
        [[a @ b / math.sqrt((a @ a) * (b @ b)) for b in vectors] for a in vectors]
    )  # fmt: skip


def differences(numbers) -> np.ndarray:
    numbers = np.asarray(numbers, dtype=float)
    return 1 - np.abs(numbers[:, None] - numbers[None, :]) / (numbers.max() - numbers.min())


def upper(matrix: np.ndarray) -> np.ndarray:
    return np.array([matrix[i, j] for i in range(len(matrix)) for j in range(i + 1, len(matrix))])


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(upper(a), upper(b))[0, 1])


def mantel(a: np.ndarray, b: np.ndarray, permutations: int, seed: int) -> float:
    """Two-sided, the sites of the first block permuted in the orders that the seed gives."""
    observed = abs(pearson(a, b))
    hits = 0
    for order in permutation_orders(len(a), permutations, seed):
        hits += abs(pearson(a[np.ix_(order, order)], b)) >= observed - 1e-12
    return (hits + 1) / (permutations + 1)


def by_pair(rows, group="pooled"):
    return {(row["block_a"], row["block_b"]): row for row in rows if row["group"] == group}


def test_four_sites_by_hand(run, make_points):
    """Directions of 0, 60, 90 and 180 degrees against the numbers 0, 1, 2 and 4."""
    angles = np.radians([0, 60, 90, 180])
    sound = packed(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    layer = make_points([(0, n) for n in range(4)], {"s": sound, "v": [0.0, 1.0, 2.0, 4.0]})
    (row,) = run("correlatelayers", {"INPUT": layer, "SOUND": ["s"], "AERIAL": ["v"]}).features()
    # Pairs 12 13 14 23 24 34: cosines .5 0 -1 .8660 -.5 0; likeness of numbers .75 .5 0 .75 .25 .5.
    # Sxy = .8995 + 6 x .0223 x .4583 = .96092, Sxx = 2.24701, Syy = .42708: r = .96092 / .97962.
    assert row["r"] == pytest.approx(0.98091, abs=1e-5)
    assert (row["block_a"], row["block_b"], row["group"]) == ("sound", "aerial", "pooled")
    assert (row["sites"], row["dropped"], row["pairs"]) == (4, 0, 6)
    # t = .98091 sqrt(4 / (1 - .98091^2)) = 10.09 with 4 degrees of freedom.
    assert row["p_naive"] == pytest.approx(5.434e-4, rel=2e-3)
    assert 0 < row["p_mantel"] <= 1


def test_rows_of_three_blocks(run, sites, blocks):
    made = run("correlatelayers", {"INPUT": sites, **ALL, "PERMUTATIONS": 99, "SEED": 7})
    rows = by_pair(made.features())
    assert list(rows) == [
        ("sound", "street"), ("sound", "aerial"), ("sound", "street+aerial"), ("street", "aerial"),
    ]  # fmt: skip
    matrices = {name: cosines(values) for name, values in blocks.items()}
    views = []
    for name in ("street", "aerial"):
        pairs = upper(matrices[name])
        views.append((matrices[name] - pairs.mean()) / pairs.std())
    matrices["street+aerial"] = (views[0] + views[1]) / 2
    for (a, b), row in rows.items():
        r = pearson(matrices[a], matrices[b])
        assert row["r"] == pytest.approx(r, abs=1e-12)
        pairs = SITES * (SITES - 1) // 2
        assert (row["sites"], row["dropped"], row["pairs"]) == (SITES, 0, pairs)
        reference = stats.pearsonr(upper(matrices[a]), upper(matrices[b]))
        assert row["p_naive"] == pytest.approx(reference[1], rel=1e-9)
        t = abs(r) * math.sqrt((pairs - 2) / (1 - r * r))
        assert row["p_naive"] == pytest.approx(2 * stats.t.sf(t, pairs - 2), rel=1e-9)
        assert row["p_mantel"] == mantel(matrices[a], matrices[b], 99, 7)
        assert (row["note"] or "") in ("", "Moran: beyond what place explains")
    assert rows["sound", "street"]["r"] > 0.3
    assert rows["sound", "street"]["p_mantel"] == 0.01


def test_groups_have_rows_of_their_own(run, sites, blocks):
    parameters = {"INPUT": sites, "SOUND": ["sound_emb"], "STREET": ["street_emb"], "GROUP": "district"}
    rows = run("correlatelayers", {**parameters, "PERMUTATIONS": 19, "SEED": 3}).features()
    assert [row["group"] for row in rows] == ["pooled", *DISTRICTS[:1], "Süd", "Île"]
    for index, district in enumerate(DISTRICTS):
        row = by_pair(rows, district)["sound", "street"]
        sound, street = (cosines(blocks[name][index::3]) for name in ("sound", "street"))
        assert (row["sites"], row["pairs"]) == (10, 45)
        assert row["r"] == pytest.approx(pearson(sound, street), abs=1e-12)
        assert row["p_mantel"] == mantel(sound, street, 19, 3)


def test_the_seed_decides(run, sites):
    def p(seed: int) -> list[float]:
        parameters = {"INPUT": sites, "SOUND": ["sound_emb"], "AERIAL": ["aerial_emb"], "GROUP": "district"}
        return [row["p_mantel"] for row in run("correlatelayers", {**parameters, "SEED": seed}).features()]

    assert p(5) == p(5)
    assert p(5) != p(6)


def test_no_permutations_leave_the_mantel_test_out(run, sites):
    parameters = {"INPUT": sites, "SOUND": ["sound_emb"], "AERIAL": ["aerial_emb"], "PERMUTATIONS": 0}
    (row,) = run("correlatelayers", parameters).features()
    assert row["p_mantel"] is None and row["r"] is not None


def test_one_number_and_several_fields_make_blocks(run, make_points):
    rng = np.random.default_rng(2)
    ndsi, shares = rng.uniform(-1, 1, 12), rng.random((12, 3))
    fields = {
        "ndsi": ndsi.tolist(),
        **{f"share_{k}": shares[:, k].tolist() for k in range(3)},
        "count": list(range(12)),
    }
    layer = make_points([(0, n) for n in range(12)], fields)
    parameters = {"SOUND": ["ndsi"], "STREET": ["share_0", "share_1", "share_2"], "AERIAL": ["count"]}
    rows = by_pair(run("correlatelayers", {"INPUT": layer, **parameters}).features())
    assert rows["sound", "street"]["r"] == pytest.approx(
        pearson(differences(ndsi), cosines(shares)), abs=1e-12
    )
    assert rows["sound", "aerial"]["r"] == pytest.approx(
        pearson(differences(ndsi), differences(range(12))), abs=1e-12
    )


def test_embeddings_as_text_equal_binary_ones(run, make_points, blocks, tmp_path):
    """What GeoJSON and CSV hold."""
    texts = {name: [json.dumps(vector.tolist()) for vector in values] for name, values in blocks.items()}
    fields = {f"{name}_emb": values for name, values in texts.items()}
    points = [(5 + number / 1000, 45) for number in range(SITES)]
    layer = make_points(points, fields, 4326, tmp_path / "sites.geojson")
    as_text = run("correlatelayers", {"INPUT": layer, **ALL}).features()
    assert len(as_text) == 4
    binary = {f"{name}_emb": packed(values) for name, values in blocks.items()}
    as_bytes = run("correlatelayers", {"INPUT": make_points(points, binary, 4326), **ALL}).features()
    assert as_text == as_bytes
    assert all(row["p_moran"] is not None and row["r_partial"] is not None for row in as_text)


def test_sites_without_a_value_are_dropped_and_counted(run, make_points, blocks, tmp_path):
    sound = packed(blocks["sound"])
    street = packed(blocks["street"])
    sound[3] = None
    street[5] = None
    street[7] = np.zeros(12, dtype="<f4").tobytes()  # no direction, so no cosine
    fields = {
        "site_id": [f"S{number:02d}" for number in range(SITES)],
        "sound": sound, "street": street, "aerial": packed(blocks["aerial"]),
        "group": ["a"] * 8 + [None] * 2 + ["b"] * 20,
    }  # fmt: skip
    layer = make_points([(0, n) for n in range(SITES)], fields)
    parameters = {"SOUND": ["sound"], "STREET": ["street"], "AERIAL": ["aerial"], "GROUP": "group"}
    report = tmp_path / "report.html"
    rows = run("correlatelayers", {"INPUT": layer, **parameters, "REPORT": str(report)}).features()
    counts = {pair: (row["sites"], row["dropped"]) for pair, row in by_pair(rows).items()}
    assert counts == {
        ("sound", "street"): (27, 3),
        ("sound", "aerial"): (29, 1),
        ("sound", "street+aerial"): (27, 3),
        ("street", "aerial"): (28, 2),
    }
    kept = [number for number in range(SITES) if number not in (3, 5, 7)]
    expected = pearson(cosines(blocks["sound"][kept]), cosines(blocks["street"][kept]))
    assert by_pair(rows)["sound", "street"]["r"] == pytest.approx(expected, abs=1e-12)
    counts = {group: by_pair(rows, group)["sound", "street"] for group in ("a", "b")}
    assert [(row["sites"], row["dropped"]) for row in counts.values()] == [(5, 3), (20, 0)]
    text = report.read_text("utf-8")
    assert all(site in text for site in ("S03", "S05", "S07"))  # named, not only counted


def test_embeddings_that_our_tools_write_to_geojson_come_back(run, town, tmp_path):
    """OGR makes lists of them there; they are embeddings all the same."""
    whole = run("embedphotos", {"INPUT": town.sites, "PATH_FIELD": "photo"})
    path = tmp_path / "sites.geojson"
    run("embedphotos", {"INPUT": town.sites, "PATH_FIELD": "photo", "OUTPUT": str(path)})
    rows = {}
    for name, layer in (("binary", whole.layer()), ("text", str(path))):
        parameters = {"INPUT": layer, "STREET": ["st_emb"], "AERIAL": ["st_views"], "SOUND": ["st_emb"]}
        rows[name] = by_pair(run("correlatelayers", {**parameters, "PERMUTATIONS": 9}).features())
    assert rows["text"]["sound", "street"]["r"] == pytest.approx(1.0)
    assert (
        rows["text"]["sound", "street"]["sites"]
        == rows["binary"]["sound", "street"]["sites"]
        == len(whole.features())
    )


def test_what_has_no_r_says_why(run, make_points):
    layer = make_points(
        [(0, n) for n in range(5)], {"a": [1.0] * 5, "b": [1.0, 2, 3, 4, 5], "c": [1.0, 2, None, None, None]}
    )
    made = run("correlatelayers", {"INPUT": layer, "SOUND": ["a"], "STREET": ["b"], "AERIAL": ["c"]})
    (warning,) = [text for text in made.feedback.warnings if "usable" in text]
    assert warning.startswith(
        "Nothing could be compared: no row has an r. aerial: 2 of 5 sites have a usable value"
    )
    rows = by_pair(made.features())
    constant, few = rows["sound", "street"], rows["street", "aerial"]
    assert constant["r"] is None and constant["p_naive"] is None and constant["p_mantel"] is None
    assert "equally similar in sound" in constant["note"]
    assert few["r"] is None and (few["sites"], few["dropped"], few["pairs"]) == (2, 3, 1)
    assert "fewer than 3 sites" in few["note"]


@pytest.mark.parametrize("chosen", [{}, {"SOUND": ["sound_emb"]}, {"AERIAL": ["aerial_emb"], "SOUND": []}])
def test_fewer_than_two_blocks_is_one_clear_error(run, sites, chosen):
    with pytest.raises(AlgorithmError, match=r"^Give the fields of at least two blocks"):
        run("correlatelayers", {"INPUT": sites, **chosen})


def test_embeddings_of_different_models_are_an_error(run, make_points):
    mixed = packed([[1, 2, 3], [1, 2, 3, 4], [3, 2, 1]])
    layer = make_points([(0, n) for n in range(3)], {"mixed": mixed, "number": [1.0, 2.0, 4.0]})
    with pytest.raises(AlgorithmError, match=r"'mixed' have different lengths \(3, 4\).*one model"):
        run("correlatelayers", {"INPUT": layer, "SOUND": ["mixed"], "STREET": ["number"]})


@pytest.mark.parametrize("value", ["a street", "{}", '{"a": 1}', "[1, 2", '["a", "b"]', b"12345", "[]"])
def test_a_field_that_holds_no_embedding_is_an_error_that_names_it(run, make_points, value):
    layer = make_points([(0, n) for n in range(3)], {"notes": [value] * 3, "number": [1.0, 2.0, 4.0]})
    with pytest.raises(AlgorithmError, match=r"'notes'.*does not hold an embedding"):
        run("correlatelayers", {"INPUT": layer, "SOUND": ["notes"], "STREET": ["number"]})


def test_an_embedding_beside_other_fields_is_an_error(run, sites):
    with pytest.raises(AlgorithmError, match="'sound_emb' is an embedding, which is a block by itself"):
        run("correlatelayers", {"INPUT": sites, "SOUND": ["sound_emb", "site_id"], "STREET": ["street_emb"]})


def test_a_field_that_is_not_there_is_an_error(run, sites):
    with pytest.raises(AlgorithmError, match="no field 'nothing'"):
        run("correlatelayers", {"INPUT": sites, "SOUND": ["nothing"], "STREET": ["street_emb"]})


def test_the_report_needs_nothing_else(run, sites, tmp_path):
    path = tmp_path / "new folder" / "report.html"
    made = run("correlatelayers", {"INPUT": sites, **ALL, "GROUP": "district", "REPORT": str(path)})
    assert made["REPORT"] == str(path)
    text = path.read_text("utf-8")
    assert not re.search(r"""(src|href|action|data|poster)\s*=\s*['"]?\s*(https?:)?//""", text)
    assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import|<script|<link|<iframe|<object", text)
    assert text.count("<svg") >= 4  # a scatter per pair of blocks, and bars
    for expected in ("soundvis:correlatelayers", "Île", "sound_emb", "999 permutations, seed 1"):
        assert expected in text
    row = by_pair(made.features())["sound", "street"]
    assert f"{row['r']:.2f}"[1:] in text
    numbers = path.with_suffix(".csv")
    assert sorted(path.parent.iterdir()) == [numbers, path]  # nothing half-written beside them
    assert "sound" in numbers.read_text("utf-8-sig")


def test_without_a_report(run, sites):
    made = run("correlatelayers", {"INPUT": sites, **ALL})
    assert "REPORT" not in made
    assert len(made.features()) == 4


def test_without_matplotlib_only_the_report_is_refused(run, sites, tmp_path, monkeypatch):
    from soundvis_qgis.algorithms.statistics import correlatelayers

    def lacks_matplotlib(modules):
        return [module for module in modules if module == "matplotlib"]

    monkeypatch.setattr(correlatelayers, "missing", lacks_matplotlib)
    with pytest.raises(AlgorithmError, match=r"needs matplotlib.*leave the report empty"):
        run("correlatelayers", {"INPUT": sites, **ALL, "REPORT": str(tmp_path / "report.html")})
    assert len(run("correlatelayers", {"INPUT": sites, **ALL}).features()) == 4


@pytest.mark.parametrize("name", ["table.gpkg", "table.csv"])
def test_the_table_has_no_geometry_in_any_format(run, sites, tmp_path, name):
    output = tmp_path / name
    run("correlatelayers", {"INPUT": sites, **ALL, "OUTPUT": str(output)})
    layer = QgsVectorLayer(str(output), "table", "ogr")
    assert layer.isValid() and layer.featureCount() == 4
    assert layer.wkbType() == QgsWkbTypes.Type.NoGeometry
    assert [field.name() for field in layer.fields() if field.name() != "fid"] == COLUMNS
    if name.endswith(".csv"):
        with open(output, encoding="utf-8", newline="") as file:
            first = next(csv.DictReader(file))
        assert list(first) == COLUMNS
        memory = run("correlatelayers", {"INPUT": sites, **ALL}).features()[0]
        assert float(first["r"]) == pytest.approx(memory["r"], rel=1e-12)


def test_a_table_without_places_will_do(run, sites, blocks, tmp_path):
    """Sites as rows of a CSV, embeddings as text."""
    path = tmp_path / "sites.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["site", *blocks])
        for number in range(SITES):
            writer.writerow([number, *(json.dumps(values[number].tolist()) for values in blocks.values())])
    parameters = {"SOUND": ["sound"], "STREET": ["street"], "AERIAL": ["aerial"]}
    made = run("correlatelayers", {"INPUT": str(path), **parameters})
    rows = made.features()
    assert all(row[name] is None for row in rows for name in ("p_partial", "r_partial", "p_moran"))
    placeless = [name for name in COLUMNS if "partial" not in name and "moran" not in name][:-3]
    placed = run("correlatelayers", {"INPUT": sites, **ALL}).features()
    assert [[row[name] for name in placeless] for row in rows] == [
        [row[name] for name in placeless] for row in placed
    ]
    left_out = [line for line in made.feedback.infos if line.startswith("Left out, ")]
    assert [line.split(",")[1].split()[0] for line in left_out] == ["stratified", "partial", "Moran"]


def test_an_empty_layer_gives_rows_without_r(run, make_points):
    layer = make_points([], {"a": [], "b": []})
    with pytest.raises(AlgorithmError):
        # Text fields of an empty layer: nothing tells numbers from embeddings, so nothing is known.
        run("correlatelayers", {"INPUT": layer, "SOUND": ["a"], "STREET": ["c"]})
    (row,) = run("correlatelayers", {"INPUT": layer, "SOUND": ["a"], "STREET": ["b"]}).features()
    assert (row["sites"], row["pairs"], row["r"]) == (0, 0, None)


def test_selection_and_filters_are_honoured(run, sites, blocks):
    from qgis.core import QgsProcessingFeatureSourceDefinition

    sites.selectByExpression("\"district\" = 'Süd'")
    source = QgsProcessingFeatureSourceDefinition(sites.id(), True)
    (row, *_) = run("correlatelayers", {"INPUT": source, **ALL}).features()
    assert row["sites"] == 10
    assert row["r"] == pytest.approx(
        pearson(cosines(blocks["sound"][2::3]), cosines(blocks["street"][2::3])), abs=1e-12
    )
