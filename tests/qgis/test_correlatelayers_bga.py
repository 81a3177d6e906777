"""Correlating BGA fields: whole and by category, their measures, drawn weights, both views, noise ceilings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback
from qgis.core import QgsVectorLayer

SITES = 30
PLACES = [(500000 + 61 * number, 5000000 + 29 * (number % 7)) for number in range(SITES)]
QUICK = {"PERMUTATIONS": 19, "BOOTSTRAPS": 19}
ENDINGS = ("bio", "geo", "ant")
CATEGORIES = ("biophony", "geophony", "anthrophony")
MODALITIES = ("snd", "st", "aer")


def names(prefix: str) -> list[str]:
    return [f"{prefix}_{ending}" for ending in ENDINGS]


BGA = {"SOUND_BGA": names("snd"), "STREET_BGA": names("st"), "AERIAL_BGA": names("aer")}


@pytest.fixture(scope="module")
def shares() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(8)
    common = rng.dirichlet((2, 1, 3), SITES)
    return {
        name: 0.6 * common + 0.4 * rng.dirichlet((1, 1, 1), SITES) if name != "aer" else rng.dirichlet((1, 2, 1), SITES)
        for name in MODALITIES
    }  # fmt: skip


def fields_of(shares) -> dict[str, list]:
    return {
        f"{name}_{ending}": values[:, column].tolist()
        for name, values in shares.items()
        for column, ending in enumerate(ENDINGS)
    }


@pytest.fixture
def sites(make_points, shares):
    city = {"city": ["Oslo", "Rome", "Kyiv"] * 10}
    return make_points(PLACES, {**fields_of(shares), **city})


def upper(matrix) -> np.ndarray:
    return np.asarray(matrix)[np.triu_indices(len(matrix), 1)]


def cosines(values) -> np.ndarray:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit @ unit.T


def differences(numbers) -> np.ndarray:
    return 1 - np.abs(numbers[:, None] - numbers[None, :]) / np.ptp(numbers)


def hellinger(values) -> np.ndarray:
    roots = np.sqrt(values / values.sum(axis=1, keepdims=True))
    return np.array([[1 - math.sqrt(((a - b) ** 2).sum() / 2) for b in roots] for a in roots])


def r_of(a, b) -> float:
    return float(np.corrcoef(upper(a), upper(b))[0, 1])


def pooled(rows, a, b, category=""):
    (row,) = (
        row for row in rows
        if (row["block_a"], row["block_b"], row["category"] or "", row["group"]) == (a, b, category, "pooled")
    )  # fmt: skip
    return row


def test_rows_for_the_whole_and_per_category(run, sites, shares):
    rows = run("correlatelayers", {"INPUT": sites, **BGA, **QUICK}).features()
    assert len(rows) == 4 * 4  # four comparisons, whole and of three categories
    whole = pooled(rows, "sound BGA", "street BGA")
    assert whole["r"] == pytest.approx(r_of(cosines(shares["snd"]), cosines(shares["st"])), abs=1e-12)
    for column, category in enumerate(CATEGORIES):
        expected = r_of(differences(shares["snd"][:, column]), differences(shares["aer"][:, column]))
        assert pooled(rows, "sound BGA", "aerial BGA", category)["r"] == pytest.approx(expected, abs=1e-12)
    assert all(-1 <= row["ci_low"] <= row["ci_high"] <= 1 for row in rows)


def test_the_three_fields_in_any_order(run, sites):
    turned = {name: fields[::-1] for name, fields in BGA.items()}
    rows = [run("correlatelayers", {"INPUT": sites, **given, **QUICK}).features() for given in (BGA, turned)]
    assert rows[0] == rows[1]


def test_bga_beside_embeddings(run, make_points, shares):
    rng = np.random.default_rng(1)
    embeddings = {
        f"{name}_emb": [v.astype("<f4").tobytes() for v in rng.normal(size=(SITES, 4))] for name in MODALITIES
    }
    layer = make_points(PLACES, {**fields_of(shares), **embeddings})
    parameters = {"SOUND": ["snd_emb"], "STREET": ["st_emb"], "AERIAL": ["aer_emb"], **BGA, **QUICK}
    rows = run("correlatelayers", {"INPUT": layer, **parameters}).features()
    assert len(rows) == 4 + 16
    assert not any("BGA" in row["block_a"] and "BGA" not in row["block_b"] for row in rows)


def test_a_measure_of_compositions(run, sites, shares):
    rows = run("correlatelayers", {"INPUT": sites, **BGA, **QUICK, "MEASURE": "hellinger"}).features()
    expected = r_of(hellinger(shares["snd"]), hellinger(shares["st"]))
    assert pooled(rows, "sound BGA", "street BGA")["r"] == pytest.approx(expected, abs=1e-12)
    for measure in ("jensen-shannon", "aitchison"):
        made = run("correlatelayers", {"INPUT": sites, **BGA, **QUICK, "MEASURE": measure}).features()
        assert pooled(made, "sound BGA", "street BGA")["r"] not in (None, pytest.approx(expected))


@pytest.mark.parametrize("given", [["snd_bio"], ["snd_bio", "snd_geo"], ["snd_bio", "snd_geo", "st_geo"],
                                   [*names("snd"), "st_bio"]])  # fmt: skip
def test_other_than_three_bga_fields_are_an_error(run, sites, given):
    with pytest.raises(
        AlgorithmError, match=r"^sound BGA: give three fields whose names end in 'bio', 'geo'"
    ):
        run("correlatelayers", {"INPUT": sites, **BGA, "SOUND_BGA": given})


def test_bga_fields_hold_numbers(run, make_points, shares):
    layer = make_points(PLACES, {**fields_of(shares), "x_geo": ["a"] * SITES})
    with pytest.raises(AlgorithmError, match=r"sound BGA: the field 'x_geo' does not hold numbers"):
        run("correlatelayers", {"INPUT": layer, **BGA, "SOUND_BGA": ["snd_bio", "x_geo", "snd_ant"]})


def test_one_modality_is_not_two_blocks(run, sites):
    with pytest.raises(AlgorithmError, match=r"^Give the fields of at least two blocks"):
        run("correlatelayers", {"INPUT": sites, "SOUND_BGA": names("snd"), "SOUND": ["snd_bio"]})


def test_spearman_is_tested_where_it_is_chosen(run, sites, shares):
    (row, *_) = run("correlatelayers", {"INPUT": sites, **BGA, **QUICK, "METHOD": "spearman"}).features()
    from scipy import stats

    expected = stats.spearmanr(upper(cosines(shares["snd"])), upper(cosines(shares["st"])))[0]
    assert row["method"] == "spearman" and row["rho"] == pytest.approx(expected, abs=1e-12)
    assert row["ci_low"] <= row["rho"] <= row["ci_high"]


def test_controls_take_away_what_they_explain(run, make_points, shares):
    height = np.random.default_rng(5).random(SITES)
    fields = {"a": height.tolist(), "b": height.tolist(), "h": height.tolist(), "name": ["x"] * SITES}
    layer = make_points(PLACES, fields)
    parameters = {"INPUT": layer, "SOUND": ["a"], "STREET": ["b"], **QUICK}
    (row,) = run("correlatelayers", {**parameters, "DISTANCE": False}).features()
    assert row["r"] == pytest.approx(1) and row["r_partial"] is None
    (row,) = run("correlatelayers", parameters).features()
    assert row["r_partial"] == pytest.approx(1, abs=1e-6)
    (row,) = run("correlatelayers", {**parameters, "CONTROLS": ["h"]}).features()
    assert row["r_partial"] is None and row["p_partial"] is None
    with pytest.raises(
        AlgorithmError, match="a further field to hold fixed: the field 'name' does not hold numbers"
    ):
        run("correlatelayers", {**parameters, "CONTROLS": ["name"]})


def test_the_further_table(run, sites, tmp_path):
    output = tmp_path / "further.gpkg"
    parameters = {"INPUT": sites, **BGA, **QUICK, "GROUP": "city"}
    made = run("correlatelayers", {**parameters, "FUSION": str(output)})
    rows = made.features("FUSION")
    layer = QgsVectorLayer(str(output), "further", "ogr")
    assert [field.name() for field in layer.fields() if field.name() != "fid"] == [
        "kind", "block_a", "block_b", "category", "group", "rule", "quantity", "label", "value", "ci_low", "ci_high",
        "p", "sites", "note",
    ]  # fmt: skip
    kinds = {row["kind"] for row in rows}
    assert kinds == {"fusion", "heterogeneity"}
    fused = {row["quantity"]: row for row in rows if row["kind"] == "fusion" and row["group"] == "pooled"}
    table = run("correlatelayers", parameters).features()
    assert fused["z_mean"]["value"] == pytest.approx(
        pooled(table, "sound BGA", "street+aerial BGA")["r"], abs=1e-12
    )
    parts = [fused[name]["value"] for name in ("unique_street", "unique_aerial", "shared")]
    assert sum(parts) == pytest.approx(fused["multiple_r"]["value"] ** 2, abs=1e-9)
    assert {row["quantity"] for row in rows if row["kind"] == "heterogeneity"} == {"q", "i2"}


@pytest.mark.parametrize("as_text", [False, True])
def test_the_uncertainty_of_the_weights(run, make_points, shares, as_text):
    from soundvis_core.bga.uncertainty import draws_text, pack_draws

    rng = np.random.default_rng(2)
    draws = {}
    for name in ("snd", "st"):
        drawn = shares[name][:, None] * rng.lognormal(0, 0.2, (12, 3))[None]
        packed = [pack_draws(one / one.sum(axis=1, keepdims=True)) for one in drawn]
        draws[f"{name}_bga_draws"] = [draws_text(one) for one in packed] if as_text else packed
    layer = make_points(PLACES, {**fields_of(shares), **draws})
    made = run("correlatelayers", {"INPUT": layer, **BGA, **QUICK, "FUSION": "memory:"})
    bands = [row for row in made.features("FUSION") if row["kind"] == "weights"]
    (band,) = (
        row for row in bands
        if (row["block_a"], row["block_b"], row["category"] or "", row["quantity"])
        == ("sound BGA", "street BGA", "", "median_r")
    )  # fmt: skip
    assert band["ci_low"] < band["value"] < band["ci_high"] and "12 draws" in band["note"]
    row = pooled(made.features(), "sound BGA", "street BGA")
    assert band["ci_low"] - 0.2 < row["r"] < band["ci_high"] + 0.2
    assert {"same_sign", "significant", "survives"} <= {row["quantity"] for row in bands}


def test_draws_that_are_none_are_an_error(run, make_points, shares):
    layer = make_points(PLACES, {**fields_of(shares), "snd_bga_draws": [b"draws"] * SITES})
    with pytest.raises(
        AlgorithmError, match=r"sound BGA: the field 'snd_bga_draws' of feature \d+ does not hold"
    ):
        run("correlatelayers", {"INPUT": layer, **BGA})


def test_noise_ceilings_by_block_or_field(run, sites, make_points):
    fields = {"block": ["Sound BGA", "st_bio", "nothing", None], "reliability": [0.64, 0.25, 0.9, 0.1]}
    table = make_points([None] * 4, fields, name="ceilings")
    parameters = {"INPUT": sites, "SOUND_BGA": names("snd"), "STREET": ["st_bio"], **QUICK, "CEILING": table}
    rows = run("correlatelayers", parameters).features()
    assert [row["ceiling"] for row in rows] == [pytest.approx(math.sqrt(0.64 * 0.25))] * len(rows)
    assert run("correlatelayers", {**parameters, "CEILING": None}).features()[0]["ceiling"] is None
    with pytest.raises(AlgorithmError, match=r"needs the fields 'block' and 'reliability'.*'snd_bio'"):
        run("correlatelayers", {**parameters, "CEILING": sites})
    high = make_points([None], {"block": ["sound"], "reliability": [1.5]}, name="high")
    with pytest.raises(
        AlgorithmError, match=r"reliability of 'sound' in the table of noise ceilings is 1\.5"
    ):
        run("correlatelayers", {**parameters, "CEILING": high})


def test_outputs_that_would_meet_are_refused(run, sites, tmp_path):
    parameters = {"INPUT": sites, **BGA}
    same = str(tmp_path / "same.gpkg")
    with pytest.raises(AlgorithmError, match=r"'Correlations' and 'Both views.*same place"):
        run("correlatelayers", {**parameters, "OUTPUT": same, "FUSION": same})
    csv, html = str(tmp_path / "r.csv"), str(tmp_path / "r.html")
    with pytest.raises(AlgorithmError, match="table beside the report would overwrite 'Correlations'"):
        run("correlatelayers", {**parameters, "OUTPUT": csv, "REPORT": html})


def test_the_csv_beside_the_report_does_not_overwrite_the_sites(run, tmp_path):
    path = tmp_path / "sites.csv"
    path.write_text("site,a,b\n1,1,2\n2,3,1\n3,2,2\n", "utf-8")
    parameters = {"INPUT": str(path), "SOUND": ["a"], "STREET": ["b"]}
    with pytest.raises(AlgorithmError, match="table beside the report would overwrite the file that 'Sites'"):
        run("correlatelayers", {**parameters, "REPORT": str(tmp_path / "sites.html")})


def test_a_run_that_is_cancelled_leaves_nothing(run, sites, tmp_path):
    output, further, report = (tmp_path / name for name in ("out.gpkg", "further.gpkg", "report.html"))
    feedback = Feedback(cancel_at=20.0)
    parameters = {"INPUT": sites, **BGA, "GROUP": "city", "OUTPUT": str(output), "FUSION": str(further)}
    made = run("correlatelayers", {**parameters, "REPORT": str(report)}, feedback)
    assert made == {} and feedback.errors == [] and list(tmp_path.iterdir()) == []


def test_sites_without_places_or_reference_system(run, make_points, shares):
    """Nowhere, nothing that needs distances; here and there, the others."""
    parameters = {**BGA, **QUICK}
    layer = make_points(PLACES, fields_of(shares), crs="")
    made = run("correlatelayers", {"INPUT": layer, **parameters})
    assert any("no coordinate reference system" in line for line in made.feedback.warnings)
    assert all(row["p_partial"] is None and row["p_moran"] is None for row in made.features())
    layer = make_points([None, "empty", *PLACES[2:]], fields_of(shares))
    (row, *_) = run("correlatelayers", {"INPUT": layer, **parameters}).features()
    assert row["sites"] == SITES and row["p_partial"] is not None and "2 " in row["note"]


def test_areas_stand_at_a_point_within(run, make_points, shares, sites):
    areas = QgsVectorLayer("Polygon?crs=EPSG:32631", "areas", "memory")
    areas.dataProvider().addAttributes(list(sites.fields()))
    areas.updateFields()
    features = list(sites.getFeatures())
    for feature in features:
        feature.setGeometry(feature.geometry().buffer(1.0, 8))
    areas.dataProvider().addFeatures(features)
    made = [
        run("correlatelayers", {"INPUT": layer, **BGA, **QUICK}).features()[0] for layer in (sites, areas)
    ]
    assert made[0]["r_partial"] == pytest.approx(made[1]["r_partial"], abs=1e-3)


@pytest.mark.parametrize("name", ["memory:", "rows.gpkg", "rows.csv", "rows.geojson"])
def test_pairs_of_very_many_sites_fit(run, sites, monkeypatch, tmp_path, name):
    """150,000 sites have more pairs than 32 bits hold."""
    from dataclasses import replace

    from soundvis_core.statistics import correlate

    correlated = correlate.correlate_blocks

    def many(*blocks, **options):
        result = correlated(*blocks, **options)
        return replace(result, rows=tuple(replace(row, pairs=11_227_436_325) for row in result.rows))

    monkeypatch.setattr(correlate, "correlate_blocks", many)
    output = name if name == "memory:" else str(tmp_path / name)
    (row, *_) = run("correlatelayers", {"INPUT": sites, **BGA, **QUICK, "OUTPUT": output}).features()
    assert float(row["pairs"]) == 11_227_436_325


def test_a_shapefile_is_refused(run, sites, tmp_path):
    for output in ("OUTPUT", "FUSION"):
        with pytest.raises(AlgorithmError, match="Shapefile cuts field names"):
            run("correlatelayers", {"INPUT": sites, **BGA, output: str(tmp_path / "rows.shp")})
