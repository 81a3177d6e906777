"""Plan the number of sites: the table against the plan of each pair of similarities."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, read_features

from soundvis_core.statistics.similarity import pairs_of, similarity_matrix
from tests.builders.power_of_pair import power_of

GENERATOR = np.random.default_rng(2)
SITES = 30
SOUND = GENERATOR.normal(0.3, 1.0, (SITES, 5)).astype(np.float32)
SHARES = GENERATOR.dirichlet([2.0, 1.0, 3.0], SITES)
CITIES = ["Lima"] * 18 + ["Oslo"] * 12
FIELDS = ["block_a", "block_b", "category", "group", "sites", "null_sd", "r_detectable"]
BLOCKS = {"SOUND": ["snd_emb"], "STREET": ["st_road", "st_tree", "st_sky"]}


@pytest.fixture
def layer(make_points):
    def made(sites=SITES, **more):
        values = {"snd_emb": [row.tobytes() for row in SOUND[:sites]], "city": CITIES[:sites]}
        for place, name in enumerate(("st_road", "st_tree", "st_sky")):
            values[name] = SHARES[:sites, place].tolist()
        for place, short in enumerate(("bio", "geo", "ant")):
            values["snd_" + short] = SHARES[:sites, place].tolist()
            values["st_" + short] = SHARES[:sites, 2 - place].tolist()
        values.update(more)
        return make_points([(500000 + 10 * n, 5000000) for n in range(sites)], values)

    return made


def test_numbers_of_every_row(run, layer):
    made = run("powerplan", {"INPUT": layer(), **BLOCKS, "GROUP": "city", "R": "0.2 .35;"})
    columns = ["power_r0_2", "sites_r0_2", "power_r0_35", "sites_r0_35", "says", "note"]
    assert made.layer().fields().names() == FIELDS + columns and not made.layer().isSpatial()
    rows = made.features()
    assert [(row["group"], row["sites"]) for row in rows] == [("pooled", 30), ("Lima", 18), ("Oslo", 12)]
    for row, part in zip(rows, (slice(None), slice(0, 18), slice(18, 30))):
        sound, street = (similarity_matrix(values[part].astype(float)) for values in (SOUND, SHARES))
        assert (row["block_a"], row["block_b"], row["category"]) == ("sound", "street", "")
        for name, r in (("0_2", 0.2), ("0_35", 0.35)):
            plan = power_of(sound, street, r)
            assert row["null_sd"] == pytest.approx(plan.null_sd, rel=1e-5)
            assert row["r_detectable"] == pytest.approx(plan.detectable_r, rel=1e-5)
            assert row[f"power_r{name}"] == pytest.approx(plan.power_at_target, rel=1e-4)
            assert row[f"sites_r{name}"] == pytest.approx(plan.sites_needed, abs=1)


def test_the_spread_by_chance_by_drawn_permutations(run, layer):
    (row,) = run("powerplan", {"INPUT": layer(), **BLOCKS}).features()
    sound, street = (similarity_matrix(values.astype(float)) for values in (SOUND, SHARES))
    orders = np.random.default_rng(1)
    found = []
    for _ in range(2000):
        order = orders.permutation(SITES)
        found.append(np.corrcoef(pairs_of(sound[np.ix_(order, order)]), pairs_of(street))[0, 1])
    assert row["null_sd"] == pytest.approx(np.std(found), rel=0.06)
    assert row["sites_r0_1"] > row["sites_r0_2"] > row["sites_r0_3"]
    assert row["power_r0_1"] < row["power_r0_2"] < row["power_r0_3"]


def test_alpha_power_and_measure(run, layer):
    chosen = {"INPUT": layer(), **BLOCKS, "R": "0.2", "ALPHA": 0.01, "POWER": 0.9, "MEASURE": "hellinger"}
    (row,) = run("powerplan", chosen).features()
    sound = similarity_matrix(SOUND.astype(float))
    plan = power_of(sound, similarity_matrix(SHARES, "hellinger"), 0.2, 0.01, 0.9)
    assert row["sites_r0_2"] == pytest.approx(plan.sites_needed, abs=1)
    assert row["r_detectable"] == pytest.approx(plan.detectable_r, rel=1e-5)


def test_plain_words(run, layer):
    made = run("powerplan", {"INPUT": layer(), **BLOCKS, "R": "0.2"})
    (row,) = made.features()
    assert row["says"] == (
        f"sound and street, pooled: 30 sites find an r of {row['r_detectable']:.2f} or more with a chance of 80 %; "
        f"r = 0.2 takes {row['sites_r0_2']:,} sites."
    )
    assert row["says"] in made.feedback.infos
    table = made.layer()
    assert (
        table.attributeAlias(table.fields().lookupField("sites_r0_2")) == "sites_r0_2: Sites to find r = 0.2"
    )


def test_bga_categories_and_joined_layers(run, layer, make_points):
    names = [f"S{n}" for n in range(SITES)]
    further = make_points(
        [(0, 0)] * SITES, {"name": names, "st2_emb": [row.tobytes() for row in SOUND[::-1]]}, name="photos"
    )
    bga = {"SOUND_BGA": ["snd_bio", "snd_geo", "snd_ant"], "STREET_BGA": ["st_bio", "st_geo", "st_ant"]}
    joined = {
        "LAYERS": [further],
        "SITE_ID": "name",
        "JOINED_FIELDS": "street: st2_emb",
        "SOUND": ["snd_emb"],
    }
    rows = run("powerplan", {"INPUT": layer(name=names), **bga, **joined}).features()
    whole = [(row["block_a"], row["block_b"], row["category"]) for row in rows]
    assert ("sound", "street", "") in whole
    assert [("sound BGA", "street BGA", category) in whole for category in ("", "biophony")] == [True, True]


def test_too_few_sites_say_so(run, layer):
    made = run("powerplan", {"INPUT": layer(4), **BLOCKS})
    (row,) = made.features()
    assert (row["null_sd"], row["r_detectable"], row["sites_r0_1"]) == (None, None, None)
    assert row["note"] == "fewer than 6 sites have a value in sound and street"
    assert "nothing can be told: fewer than 6 sites" in row["says"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"STREET": []}, "at least two blocks"),
        ({"R": "0.1 high"}, "'high' is no r to find"),
        ({"R": "1"}, "'1' is no r to find"),
        ({"R": " , "}, "at least one r to find"),
        ({"ALPHA": 0.9}, "ALPHA"),
        ({"STREET": ["snd_emb", "st_sky"]}, "block by itself"),
    ],
)
def test_refusals(run, layer, tmp_path, given, message):
    chosen = {"INPUT": layer(), **BLOCKS, "OUTPUT": str(tmp_path / "plan.gpkg"), **given}
    with pytest.raises(AlgorithmError, match=message):
        run("powerplan", chosen)
    assert list(tmp_path.iterdir()) == []


def test_a_file_and_its_cancel(run, layer, tmp_path):
    path = tmp_path / "plan.gpkg"
    run("powerplan", {"INPUT": layer(), **BLOCKS, "OUTPUT": str(path)})
    assert len(read_features(path)) == 1
    other = tmp_path / "other.gpkg"
    many = {"city": [f"city {n}" for n in range(SITES)]}
    chosen = {"INPUT": layer(**many), **BLOCKS, "GROUP": "city", "OUTPUT": str(other)}
    made = run("powerplan", chosen, Feedback(cancel_at=20.0))
    assert "OUTPUT" not in made and not other.exists()
