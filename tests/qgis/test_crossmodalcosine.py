"""Match sound and sight per site: numbers against scipy and slow transcriptions, models told from the history."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, read_features
from qgis.core import QgsGraduatedSymbolRenderer, QgsVectorLayer
from scipy.spatial import distance

ALL = ["xm_cos", "xm_pct", "xm_bga_cos", "xm_bga_hel", "xm_bga_js", "xm_bga_ait", "xm_status", "xm_reason"]
GENERATOR = np.random.default_rng(8)
SITES = 24
SOUND = GENERATOR.normal(1.0, 1.0, (SITES, 6)).astype(np.float32)
SIGHT = (SOUND + GENERATOR.normal(0.0, 1.0, (SITES, 6))).astype(np.float32)
HEARD = GENERATOR.dirichlet([3.0, 2.0, 4.0], SITES)
SEEN = GENERATOR.dirichlet([3.0, 2.0, 4.0], SITES)
EMBEDDINGS = {"SOUND": "snd_emb", "SIGHT": "st_emb"}
BGA = {"SOUND_BGA": ["snd_bio", "snd_geo", "snd_ant"], "SIGHT_BGA": ["st_bio", "st_geo", "st_ant"]}


def fields(sites=SITES, sight=SIGHT):
    values = {
        "snd_emb": [row.tobytes() for row in SOUND[:sites]],
        "st_emb": [row.tobytes() for row in sight[:sites]],
    }
    for prefix, shares in (("snd_", HEARD), ("st_", SEEN)):
        for place, short in enumerate(("bio", "geo", "ant")):
            values[prefix + short] = shares[:sites, place].tolist()
    return values


@pytest.fixture
def layer(make_points):
    def made(values=None, path=None):
        values = values or fields()
        count = len(next(iter(values.values())))
        return make_points([(500000 + 10 * n, 5000000) for n in range(count)], values, path=path)

    return made


def cosine(a, b):
    return 1.0 - distance.cosine(a.astype(float), b.astype(float))


def column(made, name):
    return [row[name] for row in made.features()]


def test_equations_4_and_5_against_scipy(run, layer):
    made = run("crossmodalcosine", {"INPUT": layer(), **EMBEDDINGS, **BGA, "PERMUTATIONS": 99})
    assert made.layer().fields().names()[-8:] == ALL
    np.testing.assert_allclose(
        column(made, "xm_cos"), [cosine(a, b) for a, b in zip(SOUND, SIGHT)], atol=1e-7
    )
    ranks = [
        100
        * np.mean([cosine(SOUND[i], SIGHT[j]) < cosine(SOUND[i], SIGHT[i]) for j in range(SITES) if j != i])
        for i in range(SITES)
    ]
    np.testing.assert_allclose(column(made, "xm_pct"), ranks, atol=1e-9)
    pairs = list(zip(HEARD, SEEN))
    np.testing.assert_allclose(column(made, "xm_bga_cos"), [cosine(a, b) for a, b in pairs], atol=1e-12)
    hellinger = [1 - np.linalg.norm(np.sqrt(a) - np.sqrt(b)) / np.sqrt(2) for a, b in pairs]
    np.testing.assert_allclose(column(made, "xm_bga_hel"), hellinger, atol=1e-12)
    shannon = [1 - distance.jensenshannon(a, b, base=2) for a, b in pairs]
    np.testing.assert_allclose(column(made, "xm_bga_js"), shannon, atol=1e-9)
    for row, (a, b) in zip(made.features(), pairs):
        if min(*a, *b) > 0.01:
            logs = np.log(a / b)
            assert row["xm_bga_ait"] == pytest.approx(1 / (1 + np.linalg.norm(logs - logs.mean())))
    assert set(column(made, "xm_status")) == {"ok"} and set(column(made, "xm_reason")) == {None}
    assert made.feedback.infos[-1].startswith("BGA agreement, Aitchison: ")


def test_the_test_of_matching_sites_by_a_slow_transcription(run, layer):
    chosen = {**EMBEDDINGS, **BGA, "PERMUTATIONS": 199, "SEED": 5, "SUMMARY": "memory:"}
    made = run("crossmodalcosine", {"INPUT": layer(), **chosen, "MEASURES": ["cosine"]})
    assert not made.layer("SUMMARY").isSpatial()
    rows = made.features("SUMMARY")
    assert [row["measure"] for row in rows] == ["Cosine of sound and sight", "BGA cosine"]
    for row, first, second in zip(rows, (SOUND, HEARD), (SIGHT, SEEN)):
        table = np.array([[cosine(a, b) for b in second] for a in first])
        orders = np.random.default_rng(5)
        null = np.array([table[orders.permutation(SITES), range(SITES)].mean() for _ in range(199)])
        mean = table.diagonal().mean()
        centre = np.append(null, mean).mean()
        assert row["p"] == ((np.abs(null - centre) >= abs(mean - centre) - 1e-12).sum() + 1) / 200
        assert row["mean"] == pytest.approx(mean, abs=1e-7)
        assert row["null_mean"] == pytest.approx(null.mean(), abs=1e-7)
        assert row["null_sd"] == pytest.approx(null.std(), abs=1e-7)
        assert (row["sites"], row["note"]) == (SITES, "")
    assert rows[0]["p"] == 1 / 200
    assert "sound matches its own site's sight better than that of other sites" in made.feedback.text
    assert "p = 0.005" in made.feedback.text
    again = run("crossmodalcosine", {"INPUT": layer(), **chosen, "MEASURES": ["cosine"]})
    assert again.features("SUMMARY") == rows


def test_only_what_is_asked(run, layer):
    made = run("crossmodalcosine", {"INPUT": layer(), **EMBEDDINGS, "PERMUTATIONS": 0})
    assert made.layer().fields().names()[-4:] == ["xm_cos", "xm_pct", "xm_status", "xm_reason"]
    assert "no permutations were asked for" in made.feedback.text
    made = run("crossmodalcosine", {"INPUT": layer(), **BGA, "MEASURES": ["jensen-shannon"], "PREFIX": "m_"})
    assert made.layer().fields().names()[-3:] == ["m_bga_js", "m_status", "m_reason"]
    assert made.feedback.warnings == []
    assert "SUMMARY" not in made


def test_bga_fields_may_come_in_any_order(run, layer):
    turned = {"SOUND_BGA": ["snd_ant", "snd_bio", "snd_geo"], "SIGHT_BGA": BGA["SIGHT_BGA"]}
    straight = run("crossmodalcosine", {"INPUT": layer(), **BGA, "PERMUTATIONS": 9})
    assert (
        run("crossmodalcosine", {"INPUT": layer(), **turned, "PERMUTATIONS": 9}).features()
        == straight.features()
    )


def test_the_warning_is_in_log_label_history_and_help(run, layer, provider):
    made = run("crossmodalcosine", {"INPUT": layer(), **EMBEDDINGS, "PERMUTATIONS": 9})
    (warning,) = made.feedback.warnings
    assert "means nothing" in warning and "'snd_emb' (model unknown) and 'st_emb'" in warning
    table = made.layer()
    alias = table.attributeAlias(table.fields().lookupField("xm_cos"))
    assert alias == "xm_cos: Cosine of sound and sight (no shared space: no meaning)"
    history = [entry for entry in table.metadata().history() if entry.startswith("field xm_cos: equation 4")]
    assert "do not share a space" in history[0]
    assert "WARNING" in provider.algorithm("crossmodalcosine").shortHelpString()


def with_models(layer, **models):
    metadata = layer.metadata()
    for name, model in models.items():
        metadata.addHistoryItem(
            f"field {name}: {model}, revision abc, 768 dimensions, float32, little-endian"
        )
    layer.setMetadata(metadata)
    return layer


@pytest.mark.parametrize(
    ("sound", "sight", "asked", "shared"),
    [
        ("ast-audioset", "clip-vit-l-14", "auto", False),
        ("clip-vit-l-14", "clip-vit-l-14", "auto", True),
        ("binds-sound", "binds-sight", "auto", True),
        ("binds-sound", "clip-vit-l-14", "auto", False),
        ("binds-sound", "binds-sight", "no", False),
        ("ast-audioset", "clip-vit-l-14", "yes", True),
        ("nobody", "knows", "auto", False),
    ],
)
def test_models_that_share_a_space(run, layer, home_of_tests, sound, sight, asked, shared):
    own = home_of_tests / "models.csv"
    own.write_text(
        "id,task,like,path,space\nbinds-sound,embed-audio,ast-audioset,a.pt,bound\n"
        "binds-sight,embed-image,clip-vit-l-14,b.pt,bound\n"
    )
    try:
        chosen = with_models(layer(), snd_emb=sound, st_emb=sight)
        values = {"INPUT": chosen, **EMBEDDINGS, "PERMUTATIONS": 9, "SHARED_SPACE": asked}
        made = run("crossmodalcosine", values)
    finally:
        own.unlink()
    assert bool(made.feedback.warnings) == (not shared)
    assert f"'snd_emb' ({sound}) and 'st_emb' ({sight})" in made.feedback.text
    assert made.layer().renderer().classAttribute().split('"')[1] == ("xm_cos" if shared else "xm_pct")


def test_the_models_are_known_through_files_and_further_tools(run, layer, tmp_path):
    """Notes on fields go from tool to tool, and come back from a GeoPackage."""
    first = with_models(layer(), snd_emb="ast-audioset", st_emb="clip-vit-l-14")
    path = str(tmp_path / "one.gpkg")
    run("crossmodalcosine", {"INPUT": first, **BGA, "PERMUTATIONS": 9, "OUTPUT": path})
    made = run("crossmodalcosine", {"INPUT": path, **EMBEDDINGS, "PERMUTATIONS": 9, "PREFIX": "again_"})
    assert "'snd_emb' (ast-audioset) and 'st_emb' (clip-vit-l-14)" in made.feedback.warnings[0]
    history = made.layer().metadata().history()
    assert [entry for entry in history if entry.startswith("field snd_emb: ast-audioset")]
    assert [entry for entry in history if entry.startswith("field xm_bga_cos: equation 5")]


def test_different_lengths_have_no_cosine(run, layer, tmp_path):
    values = fields(sight=SIGHT[:, :4])
    output = tmp_path / "out.gpkg"
    with pytest.raises(
        AlgorithmError, match=r"sound embedding has 6 numbers, the sight embedding 4.*equation 5"
    ):
        run("crossmodalcosine", {"INPUT": layer(values), **EMBEDDINGS, **BGA, "OUTPUT": str(output)})
    assert list(tmp_path.iterdir()) == []
    assert (
        len(run("crossmodalcosine", {"INPUT": layer(values), **BGA, "PERMUTATIONS": 9}).features()) == SITES
    )


def test_sites_without_values_say_why(run, layer):
    values = fields(6)
    values["snd_status"] = ["ok", "skipped", "ok", "ok", "ok", "ok"]
    values["snd_reason"] = [None, "the recording is silent", None, None, None, None]
    values["snd_emb"][1] = None
    values["st_emb"][2] = np.zeros(6, "<f4").tobytes()
    values["st_geo"][1] = values["st_geo"][3] = None
    made = run("crossmodalcosine", {"INPUT": layer(values), **EMBEDDINGS, **BGA, "PERMUTATIONS": 9})
    rows = made.features()
    assert [row["xm_status"] for row in rows] == ["ok", "skipped", "ok", "ok", "ok", "ok"]
    assert [row["xm_cos"] is None for row in rows] == [False, True, True, False, False, False]
    assert [row["xm_pct"] is None for row in rows] == [False, True, True, False, False, False]
    assert [row["xm_bga_js"] is None for row in rows] == [False, True, False, True, False, False]
    assert rows[1]["xm_reason"].startswith("embeddings: sound: the recording is silent; BGA: sight: ")
    assert rows[2]["xm_reason"].startswith("embeddings: sight: all numbers are zero")
    assert rows[3]["xm_reason"] == "BGA: sight: no value"
    assert rows[0]["xm_reason"] is None
    assert "only 4 sites" in made.feedback.text
    assert made.feedback.warnings[-1].startswith("6 sites: 5 ok, 1 skipped.")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_very_few_sites(run, make_points, count):
    values = fields(2)
    if count < 2:
        values = {name: column[:count] for name, column in values.items()}
    if count == 0:
        values["snd_emb"] = values["st_emb"] = []
        template = make_points([(0, 0)], fields(1))
        template.dataProvider().truncate()
        layer = template
    else:
        layer = make_points([(n, 0) for n in range(count)], values)
    chosen = {"INPUT": layer, **EMBEDDINGS, **BGA, "PERMUTATIONS": 9, "SUMMARY": "memory:"}
    made = run("crossmodalcosine", chosen)
    assert len(made.features()) == count
    assert [row["sites"] for row in made.features("SUMMARY")] == [count] * 5
    assert [row["p"] is None for row in made.features("SUMMARY")] == [count < 2] * 5


def test_text_embeddings_and_files(run, layer, tmp_path):
    values = fields()
    values["snd_emb"] = [json.dumps(row.tolist()) for row in SOUND]
    output, summary = tmp_path / "out.gpkg", tmp_path / "summary.csv"
    chosen = {**EMBEDDINGS, **BGA, "PERMUTATIONS": 9, "OUTPUT": str(output), "SUMMARY": str(summary)}
    run("crossmodalcosine", {"INPUT": layer(values), **chosen})
    found = [row["xm_cos"] for row in read_features(output)]
    np.testing.assert_allclose(found, [cosine(a, b) for a, b in zip(SOUND, SIGHT)], atol=1e-6)
    assert len(read_features(summary)) == 5
    opened = QgsVectorLayer(str(output), "out", "ogr")
    renderer = opened.renderer()
    assert isinstance(renderer, QgsGraduatedSymbolRenderer)
    assert [entry.label() for entry in renderer.ranges()] == [
        "No value", "0 to 20", "20 to 40", "40 to 60", "60 to 80", "80 to 100",
    ]  # fmt: skip


def test_styles_show_every_measure(run, layer):
    made = run(
        "crossmodalcosine", {"INPUT": layer(), **EMBEDDINGS, **BGA, "PERMUTATIONS": 9, "SHARED_SPACE": "yes"}
    )
    table = made.layer()
    assert table.styleManager().currentStyle() == "Cosine of sound and sight"
    assert {"Match among mismatches", "BGA cosine", "BGA agreement, Aitchison"} <= set(
        table.styleManager().styles()
    )
    bounds = [entry.lowerValue() for entry in table.renderer().ranges()][1:]
    assert bounds == pytest.approx(np.quantile(column(made, "xm_cos"), [0, 0.2, 0.4, 0.6, 0.8]).tolist())
    made = run(
        "crossmodalcosine", {"INPUT": layer(), **BGA, "PERMUTATIONS": 9, "MEASURES": ["aitchison", "cosine"]}
    )
    assert made.layer().renderer().classAttribute().split('"')[1] in ("xm_bga_ait", "xm_bga_cos")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Give the embeddings of sound and sight, their BGA fields, or both"),
        ({"SOUND": "snd_emb"}, r"embedding of the sight \(SIGHT\) is missing"),
        ({"SIGHT_BGA": BGA["SIGHT_BGA"]}, r"BGA fields of the sound \(SOUND_BGA\) are missing"),
        ({"SOUND": "snd_emb", "SIGHT": "snd_emb"}, "given the same embedding"),
        ({**BGA, "SIGHT_BGA": ["st_bio", "st_geo"]}, "end in 'bio', 'geo' and 'ant'"),
        ({**BGA, "MEASURES": []}, "MEASURES"),
        ({"SOUND": "snd_bio", "SIGHT": "st_emb"}, "'snd_bio' holds no embeddings"),
        ({**EMBEDDINGS, "SOUND": "nowhere"}, "no field 'nowhere'"),
        ({**BGA, "PREFIX": "st_", "MEASURES": ["cosine"], "taken": "st_bga_cos"}, "already has the field"),
    ],
)
def test_refusals(run, layer, tmp_path, given, message):
    values = fields()
    if "taken" in given:
        values[given["taken"]] = ["x"] * SITES
    with pytest.raises(AlgorithmError, match=message):
        run("crossmodalcosine", {"INPUT": layer(values), **given, "OUTPUT": str(tmp_path / "out.gpkg")})
    assert list(tmp_path.iterdir()) == []


def test_cancelling_leaves_neither_file(run, layer, tmp_path):
    files = {"OUTPUT": str(tmp_path / "out.gpkg"), "SUMMARY": str(tmp_path / "summary.gpkg")}
    feedback = Feedback(cancel_at=20.0)
    made = run(
        "crossmodalcosine", {"INPUT": layer(), **EMBEDDINGS, **files, "PERMUTATIONS": 200_000}, feedback
    )
    assert "OUTPUT" not in made and feedback.errors == []
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_its_end(run, layer):
    made = run("crossmodalcosine", {"INPUT": layer(), **EMBEDDINGS, **BGA, "PERMUTATIONS": 50})
    steps = [step for step in made.feedback.progress if step > 0]
    assert steps == sorted(steps) and steps[-1] == pytest.approx(100.0)
