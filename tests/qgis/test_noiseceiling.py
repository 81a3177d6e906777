"""Noise ceiling: the table against the core, slow transcriptions, and its way into 'Correlate sound and sight'."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, read_features

from soundvis_core.statistics.ceiling import half_correlation
from soundvis_core.statistics.noise_ceiling import noise_ceiling

GENERATOR = np.random.default_rng(6)
SITES, WINDOWS = 14, 4
CENTRES = GENERATOR.normal(size=(SITES, 5))
DATA = (CENTRES[:, None, :] + 0.8 * GENERATOR.normal(size=(SITES, WINDOWS, 5))).astype(np.float32)
#: What the dialog offers by itself where the table has such fields.
CHOSEN = {"SITE": "site", "EMBEDDING": ["embedding"]}
COLUMNS = [
    "block", "field", "windows", "sites", "sites_unsplit", "split_half", "reliability", "ceiling", "ci_low",
    "ci_high", "note",
]  # fmt: skip


@pytest.fixture
def table(make_points):
    def made(data=DATA, shuffle=0, name="windows", **more):
        rows = [(site, vector) for site, windows in enumerate(data) for vector in windows]
        order = np.random.default_rng(shuffle).permutation(len(rows)) if shuffle else range(len(rows))
        values = {
            "site": [rows[place][0] for place in order],
            "embedding": [
                None if rows[n][1] is None else np.asarray(rows[n][1], "<f4").tobytes() for n in order
            ],
            **more,
        }
        return make_points([None] * len(rows), values, name=name)

    return made


def test_the_table_is_the_core_s(run, table):
    made = run("noiseceiling", {**CHOSEN, "INPUT": table(), "HALVINGS": 6, "BOOTSTRAPS": 80, "SEED": 4})
    assert made.layer().fields().names() == COLUMNS and not made.layer().isSpatial()
    (row,) = made.features()
    found = noise_ceiling(list(DATA), 6, 80, 4)
    assert (row["block"], row["field"], row["windows"], row["sites"]) == ("sound", "embedding", 56, 14)
    assert row["sites_unsplit"] == 0 and not row["note"]
    assert row["split_half"] == pytest.approx(found.split_half)
    assert row["reliability"] == pytest.approx(2 * row["split_half"] / (1 + row["split_half"]))
    assert row["ceiling"] == pytest.approx(np.sqrt(row["reliability"]))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(found.interval)
    assert f"an r of about {row['ceiling']:.2f} is the most to expect" in made.feedback.infos[-1]
    assert made.feedback.warnings == []


@pytest.mark.parametrize("given", [{}, {"SITE": "", "EMBEDDING": []}, {"SITE": None, "EMBEDDING": ""}])
def test_the_usual_names_of_the_fields_need_not_be_given(run, table, given):
    (row,) = run("noiseceiling", {**given, "INPUT": table(), "HALVINGS": 6, "BOOTSTRAPS": 0}).features()
    assert (row["field"], row["windows"], row["sites"]) == ("embedding", 56, 14)


def test_sites_are_told_apart_in_any_order(run, table):
    (row,) = run(
        "noiseceiling", {**CHOSEN, "INPUT": table(shuffle=3), "HALVINGS": 200, "BOOTSTRAPS": 0}
    ).features()
    assert (row["windows"], row["sites"], row["ci_low"]) == (56, 14, None)
    found = noise_ceiling(list(DATA), 200, 0)
    assert row["split_half"] == pytest.approx(found.split_half, abs=0.02)


def test_two_tables_are_two_halves(run, table):
    """Each table is one measurement: the means of two days, whichever rows they have; by hand."""
    first, second = table(DATA[:, :3], name="monday"), table(DATA[:, 3:], name="friday")
    (row,) = run("noiseceiling", {**CHOSEN, "INPUT": first, "LAYERS": [second], "BOOTSTRAPS": 0}).features()
    halves = DATA[:, :3].mean(axis=1, dtype=float), DATA[:, 3].astype(float)
    assert (row["windows"], row["sites"]) == (28, 14)
    # Which day comes first is drawn for each site; all ways compare the same means.
    assert row["split_half"] == pytest.approx(half_correlation(*halves), abs=0.08)


def test_a_field_names_the_measurements(run, table):
    days = ["mon", "mon", "mon", "fri"] * SITES
    split = run(
        "noiseceiling", {**CHOSEN, "INPUT": table(day=days), "UNIT": "day", "BOOTSTRAPS": 0}
    ).features()
    first, second = table(DATA[:, :3], name="monday"), table(DATA[:, 3:], name="friday")
    tables = run("noiseceiling", {**CHOSEN, "INPUT": first, "LAYERS": [second], "BOOTSTRAPS": 0}).features()
    assert split[0]["windows"] == 28
    assert split[0]["split_half"] == pytest.approx(tables[0]["split_half"])


def test_rows_without_values_and_single_windows(run, table):
    data = [list(windows) for windows in DATA]
    data += [[DATA[0, 0]], [None, DATA[1, 0]], [None, None], [np.zeros(5), DATA[2, 0]]]
    data[0].append(None)
    made = run("noiseceiling", {**CHOSEN, "INPUT": table(data), "HALVINGS": 6, "BOOTSTRAPS": 0, "SEED": 4})
    (row,) = made.features()
    assert (row["windows"], row["sites"], row["sites_unsplit"]) == (56, 14, 4)
    assert "4 sites have fewer than two windows" in made.feedback.warnings[-1]


def test_rows_without_a_site_are_counted(run, table, make_points):
    layer = table()
    layer.startEditing()
    layer.changeAttributeValue(next(layer.getFeatures()).id(), 0, None)
    layer.commitChanges()
    made = run("noiseceiling", {**CHOSEN, "INPUT": layer, "BOOTSTRAPS": 0})
    assert made.features()[0]["windows"] == 55
    assert made.feedback.warnings[0].startswith("1 rows without a site")


def test_numbers_in_fields_of_their_own(run, make_points):
    shares = np.random.default_rng(1).dirichlet([2, 2, 2], SITES)
    windows = np.array([np.random.default_rng(n).dirichlet(60 * share, 3) for n, share in enumerate(shares)])
    flat = windows.reshape(-1, 3)
    values = {"place": np.repeat([f"S{n}" for n in range(SITES)], 3).tolist()}
    values.update({name: flat[:, place].tolist() for place, name in enumerate(("bio", "geo", "ant"))})
    layer = make_points([None] * len(flat), values)
    chosen = {
        "INPUT": layer,
        "SITE": "place",
        "EMBEDDING": ["bio", "geo", "ant"],
        "MEASURE": "jensen-shannon",
    }
    (row,) = run("noiseceiling", {**chosen, "BLOCK": "sound BGA", "HALVINGS": 5, "BOOTSTRAPS": 0}).features()
    found = noise_ceiling(list(windows), 5, 0, 1, "jensen-shannon")
    assert row["reliability"] == pytest.approx(found.reliability)
    assert (row["block"], row["field"]) == ("sound BGA", "bio, geo, ant")


def test_blocks_gather_in_one_table(run, table, tmp_path):
    path = str(tmp_path / "sound.gpkg")
    run("noiseceiling", {**CHOSEN, "INPUT": table(), "BOOTSTRAPS": 0, "OUTPUT": path})
    noisy = DATA + 2 * np.random.default_rng(1).normal(size=DATA.shape)
    chosen = {**CHOSEN, "INPUT": table(noisy), "BLOCK": "street", "EARLIER": path, "BOOTSTRAPS": 0}
    both = run("noiseceiling", chosen)
    rows = both.features()
    assert [row["block"] for row in rows] == ["sound", "street"]
    assert rows[0]["reliability"] == pytest.approx(read_features(path)[0]["reliability"])
    assert rows[1]["reliability"] < rows[0]["reliability"]
    again = run("noiseceiling", {**chosen, "EARLIER": both.layer(), "BLOCK": "Sound"}).features()
    assert [row["block"] for row in again] == ["street", "Sound"]


def test_very_many_sites_are_sampled(run, table, monkeypatch):
    from soundvis_core.statistics import ceiling

    monkeypatch.setattr(ceiling, "MAX_SITES", 8)
    (row,) = run("noiseceiling", {**CHOSEN, "INPUT": table(), "BOOTSTRAPS": 0}).features()
    assert (row["sites"], row["windows"]) == (8, 32)
    assert row["note"].startswith("from a random sample of 8 of 14 sites")


def test_too_few_sites_have_no_ceiling(run, table):
    made = run("noiseceiling", {**CHOSEN, "INPUT": table(DATA[:2])})
    (row,) = made.features()
    assert (row["reliability"], row["ceiling"], row["ci_low"]) == (None, None, None)
    assert "fewer than 3 sites" in row["note"] and "there is no noise ceiling" in made.feedback.warnings[0]


def test_the_ceiling_reaches_the_correlation(run, table, make_points):
    made = run("noiseceiling", {**CHOSEN, "INPUT": table(), "BOOTSTRAPS": 0})
    values = {
        "snd_emb": [row.astype("<f4").tobytes() for row in DATA.mean(axis=1)],
        "green": GENERATOR.random(SITES).tolist(),
    }
    layer = make_points([(500000 + 10 * n, 5000000) for n in range(SITES)], values)
    chosen = {"INPUT": layer, "SOUND": ["snd_emb"], "STREET": ["green"], "PERMUTATIONS": 9, "BOOTSTRAPS": 0}
    (row,) = run("correlatelayers", {**chosen, "CEILING": made.layer(), "REPORT": None}).features()[:1]
    assert row["ceiling"] == pytest.approx(made.features()[0]["ceiling"])


def test_from_recordings_to_the_ceiling(run, make_points, tmp_path):
    pytest.importorskip("soundfile")
    from tests.builders import recordings

    names = [f"{n}.wav" for n in range(4)]
    for seed, name in enumerate(names):
        recordings.write(tmp_path, name, recordings.noise(21, 24000, seed=seed), 24000)
    layer = make_points([(n, 0) for n in range(4)], {"rec": names})
    chosen = {"INPUT": layer, "PATH_FIELD": "rec", "BASE_FOLDER": str(tmp_path), "WINDOWS": "memory:"}
    made = run(
        "noiseceiling", {**CHOSEN, "INPUT": run("embedsound", chosen).layer("WINDOWS"), "BOOTSTRAPS": 20}
    )
    (row,) = made.features()
    assert (row["windows"], row["sites"]) == (12, 4)
    assert "only 4 sites" in row["note"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"BLOCK": " "}, "Give the block a name"),
        ({"SITE": "nowhere"}, "no field 'nowhere'"),
        ({"EMBEDDING": ["embedding", "site"]}, "either one embedding field or one or more numeric"),
        ({"EMBEDDING": ["text"]}, "does not hold an embedding"),
        ({"HALVINGS": 0}, "HALVINGS"),
    ],
)
def test_refusals(run, table, tmp_path, given, message):
    layer = table(text=["word"] * DATA.shape[0] * DATA.shape[1])
    with pytest.raises(AlgorithmError, match=message):
        run("noiseceiling", {**CHOSEN, "INPUT": layer, **given, "OUTPUT": str(tmp_path / "out.gpkg")})
    assert list(tmp_path.iterdir()) == []


def test_tables_of_different_models_are_refused(run, table):
    other = table(DATA[:, :, :3], name="friday")
    with pytest.raises(AlgorithmError, match=r"'friday' have 3 numbers, those of the tables before 5"):
        run("noiseceiling", {**CHOSEN, "INPUT": table(), "LAYERS": [other]})


def test_cancelling_leaves_no_file(run, table, tmp_path):
    chosen = {**CHOSEN, "INPUT": table(), "HALVINGS": 1000, "OUTPUT": str(tmp_path / "out.gpkg")}
    made = run("noiseceiling", chosen, Feedback(cancel_at=20.0))
    assert "OUTPUT" not in made and list(tmp_path.iterdir()) == []
