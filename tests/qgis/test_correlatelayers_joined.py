"""Correlating layers that are joined by a site id: the numbers of one layer, wherever its fields lie."""

from __future__ import annotations

import csv
import json
import time

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, Run
from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProject,
    QgsVectorLayer,
)

SITES = 24
NAMES = [f"S{number:02d}" for number in range(SITES)]
PLACES = [(500000 + 37 * number, 5000000 + 11 * (number % 5)) for number in range(SITES)]
QUICK = {"PERMUTATIONS": 19, "BOOTSTRAPS": 19}
SAME = ("r", "rho", "p_mantel", "sites", "dropped", "pairs")


def packed(vectors) -> list[bytes | None]:
    return [None if vector is None else np.asarray(vector, dtype="<f4").tobytes() for vector in vectors]


@pytest.fixture(scope="module")
def vectors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    sound = rng.normal(size=(SITES, 6))
    return {
        "sound": sound.astype(np.float32),
        "street": (sound + rng.normal(size=sound.shape)).astype(np.float32),
    }


@pytest.fixture
def whole(make_points, vectors):
    """Everything in one layer."""
    fields = {"site_id": NAMES, "snd_emb": packed(vectors["sound"]), "st_emb": packed(vectors["street"])}
    return make_points(PLACES, fields, name="whole")


@pytest.fixture
def places(make_points):
    return make_points(PLACES, {"site_id": NAMES}, name="places")


@pytest.fixture
def recordings(make_points, vectors):
    """The sites in another order."""
    order = np.random.default_rng(1).permutation(SITES)
    fields = {"site_id": [NAMES[k] for k in order], "snd_emb": packed(vectors["sound"][order])}
    return make_points([(0, 0)] * SITES, fields, name="recordings")


@pytest.fixture
def photos(make_points, vectors):
    order = np.arange(SITES)[::-1]
    fields = {"site_id": [NAMES[k] for k in order], "st_emb": packed(vectors["street"][order])}
    return make_points([None] * SITES, fields, name="photos")


def numbers(made, output="OUTPUT") -> list[tuple]:
    return [tuple(row[name] for name in SAME) for row in made.features(output)]


BLOCKS = {"SOUND": ["snd_emb"], "STREET": ["st_emb"]}


@pytest.fixture
def expected(run, whole):
    return numbers(run("correlatelayers", {"INPUT": whole, **BLOCKS, **QUICK}))


def test_fields_of_several_layers_are_those_of_one(run, places, recordings, photos, expected):
    parameters = {"INPUT": places, "LAYERS": [recordings, photos], "SITE_ID": "site_id", **BLOCKS, **QUICK}
    made = run("correlatelayers", parameters)
    assert numbers(made) == expected
    assert "'recordings': 24 of 24 sites found." in made.feedback.infos
    assert made.feedback.infos.count("'photos': 24 of 24 sites found.") == 1


def test_parameters_as_text_as_qgis_process_gives_them(run, places, recordings, vectors, tmp_path, expected):
    """A field of a further layer by layer and name, a table of a CSV."""
    path = tmp_path / "street.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["site_id", "st_emb"])
        writer.writerows([NAMES[k], json.dumps(vectors["street"][k].tolist())] for k in range(SITES))
    parameters = {
        "INPUT": places.id(), "LAYERS": [recordings.id(), str(path)], "SITE_ID": "site_id",
        "SOUND": "recordings.snd_emb", "STREET": "st_emb", "PERMUTATIONS": "19", "BOOTSTRAPS": "19",
        "METHOD": "pearson", "DISTANCE": "true",
    }  # fmt: skip
    assert numbers(run("correlatelayers", parameters)) == expected


def test_fields_of_further_layers_by_lines_of_text(run, places, recordings, photos, expected):
    """What the dialog offers: lists of fields show those of the sites alone."""
    lines = "sound: snd_emb\n  Street : photos.st_emb ;\n"
    parameters = {"INPUT": places, "LAYERS": [recordings, photos], "SITE_ID": "site_id", **QUICK}
    assert numbers(run("correlatelayers", {**parameters, "JOINED_FIELDS": lines})) == expected


@pytest.mark.parametrize("lines", ["snd_emb", "smell: a", "sound:", "sound = a"])
def test_a_line_amiss_is_an_error(run, whole, lines):
    with pytest.raises(
        AlgorithmError, match=r"is not of the form 'block: field, field'.*sound, street, aerial"
    ):
        run("correlatelayers", {"INPUT": whole, **BLOCKS, "JOINED_FIELDS": lines})


def test_numbers_match_text_of_the_same_value(run, make_points, vectors, expected):
    for one, other in (
        ([*range(SITES)], [str(k) for k in range(SITES)]),
        ([float(k) for k in range(SITES)], [f"{k:03d}" for k in range(SITES)]),
        ([f" {k}" for k in range(SITES)], [float(k) for k in range(SITES)]),
    ):
        sites = make_points(PLACES, {"number": one, "snd_emb": packed(vectors["sound"])}, name="sites")
        street = {"number": other, "st_emb": packed(vectors["street"])}
        further = make_points([None] * SITES, street, name="street")
        parameters = {"INPUT": sites, "LAYERS": [further], "SITE_ID": "number", **BLOCKS, **QUICK}
        assert numbers(run("correlatelayers", parameters)) == expected


def test_text_ids_match_as_text(run, make_points, vectors, expected):
    """07 and 7 are two sites where both layers hold text."""
    ids = [f"{k // 2:02d}" if k % 2 else str(k // 2) for k in range(SITES)]
    ids = [name if ids.count(name) == 1 else f"{name}x{k}" for k, name in enumerate(ids)]
    assert "07" in ids and "7" in ids
    sites = make_points(PLACES, {"id": ids, "snd_emb": packed(vectors["sound"])}, name="sites")
    further = make_points([None] * SITES, {"id": ids, "st_emb": packed(vectors["street"])}, name="street")
    parameters = {"INPUT": sites, "LAYERS": [further], "SITE_ID": "id", **BLOCKS, **QUICK}
    assert numbers(run("correlatelayers", parameters)) == expected


def test_sites_missing_in_a_layer_are_dropped_and_counted(run, make_points, vectors, tmp_path):
    """And those without an id; what the embed tools said of a site is repeated."""
    sound, street = packed(vectors["sound"]), packed(vectors["street"])
    sound[2] = sound[3] = None
    reasons = [None] * SITES
    reasons[2] = "recording not found"
    fields = {"site_id": [*NAMES[:-1], None], "snd_emb": sound, "snd_reason": reasons}
    fields["snd_status"] = ["ok", "ok", "skipped", "failed"] + ["ok"] * (SITES - 4)
    sites = make_points(PLACES, fields, name="sites")
    further = make_points(
        [None] * SITES,
        {"site_id": [*NAMES[4:-1], None, None, None, "elsewhere", "S99"], "st_emb": street},
        name="photos",
    )
    report = tmp_path / "report.html"
    parameters = {"INPUT": sites, "LAYERS": [further], "SITE_ID": "site_id", **BLOCKS, **QUICK}
    made = run("correlatelayers", {**parameters, "REPORT": str(report)})
    (row,) = made.features()
    assert (row["sites"], row["dropped"]) == (SITES - 5, 5)
    infos = made.feedback.infos
    assert "sound: 2 of 24 sites have no usable value (1 recording not found; 1 failed)." in infos
    assert "street: 5 of 24 sites have no usable value (4 not in layer photos; 1 no site id)." in infos
    assert "'photos': 19 of 24 sites found; 3 of its rows have no site id." in infos
    assert any("1 of 24 sites have no 'site_id'" in line for line in made.feedback.warnings)
    line = next(line for line in infos if line.startswith("sound and street: r = "))
    assert line.endswith("5 of 24 sites dropped.")
    text = report.read_text("utf-8")
    assert "recording not found" in text and "not in layer photos" in text


def test_recurring_ids_are_an_error_with_examples(run, make_points, places, recordings, vectors):
    doubled = make_points([(0, 0)] * SITES, {"site_id": ["S00", "S00", "S00", *NAMES[3:]]}, name="doubled")
    parameters = {"LAYERS": [recordings], "SITE_ID": "site_id", **BLOCKS}
    with pytest.raises(
        AlgorithmError, match=r"'site_id' recur in the layer 'doubled': 'S00' \(3 times\)\. .*once"
    ):
        run("correlatelayers", {"INPUT": doubled, **parameters, "STREET": ["recordings.snd_emb"]})
    twice = {"site_id": ["S05", *NAMES[1:-1], "S05"], "st_emb": packed(vectors["street"])}
    photos = make_points([None] * SITES, twice, name="photos")
    with pytest.raises(AlgorithmError, match=r"recur in the layer 'photos': 'S05' \(3 times\)"):
        run("correlatelayers", {"INPUT": places, **parameters, "LAYERS": [recordings, photos]})


def test_layers_that_share_no_site_are_an_error(run, make_points, places, vectors):
    ids = [f"X{k}" for k in range(SITES)]
    other = make_points([None] * SITES, {"site_id": ids, "snd_emb": packed(vectors["sound"])}, name="other")
    parameters = {"INPUT": places, "LAYERS": [other], "SITE_ID": "site_id", "SOUND": ["snd_emb"]}
    with pytest.raises(AlgorithmError, match=r"No site of 'places' is in the layer 'other'.*'S00' and 'X0'"):
        run("correlatelayers", {**parameters, "STREET": ["snd_emb"]})


def test_what_is_missing_for_the_join_is_said(run, places, recordings, photos, tmp_path):
    parameters = {"INPUT": places, "LAYERS": [recordings, photos], **BLOCKS}
    with pytest.raises(AlgorithmError, match=r"joined by a site id.*SITE_ID"):
        run("correlatelayers", parameters)
    with pytest.raises(
        AlgorithmError, match=r"'places' has no field 'nothing' \(given as site id\).*'site_id'"
    ):
        run("correlatelayers", {**parameters, "SITE_ID": "nothing"})
    lacking = QgsVectorLayer("Point?field=name:string", "lacking", "memory")
    QgsProject.instance().addMapLayer(lacking)
    with pytest.raises(AlgorithmError, match=r"'lacking' has no field 'site_id'.*'name'"):
        run("correlatelayers", {**parameters, "LAYERS": [recordings, lacking], "SITE_ID": "site_id"})
    gone = str(tmp_path / "gone.gpkg")
    with pytest.raises(AlgorithmError, match="LAYERS"):  # QGIS's own words
        run("correlatelayers", {**parameters, "LAYERS": [recordings, gone], "SITE_ID": "site_id"})


def test_a_field_in_two_layers_has_to_be_told_apart(run, make_points, places, recordings, vectors, expected):
    fields = {"site_id": NAMES, "snd_emb": packed(vectors["street"])}
    again = make_points([None] * SITES, fields, name="again.v2")
    parameters = {"INPUT": places, "LAYERS": [recordings, again], "SITE_ID": "site_id", **QUICK}
    match = (
        r"'snd_emb' \(given for sound\) is in the layers 'recordings' and 'again\.v2'.*'recordings\.snd_emb'"
    )
    with pytest.raises(AlgorithmError, match=match):
        run("correlatelayers", {**parameters, "SOUND": ["snd_emb"], "STREET": ["again.v2.snd_emb"]})
    told = {"SOUND": ["recordings.snd_emb"], "STREET": ["again.v2.snd_emb"]}
    assert numbers(run("correlatelayers", {**parameters, **told})) == expected
    with pytest.raises(
        AlgorithmError, match=r"no field 'x' \(given for street\) in any of .*'places', 'recordings'"
    ):
        run("correlatelayers", {**parameters, "SOUND": ["recordings.snd_emb"], "STREET": ["x"]})


def test_shares_of_one_block_may_lie_in_two_layers(run, make_points):
    shares = np.random.default_rng(3).random((SITES, 3))
    mine = {"site_id": NAMES, "a": shares[:, 0].tolist(), "n": list(range(SITES)), "city": ["x", "y"] * 12}
    other = {"site_id": NAMES[::-1], "b": shares[::-1, 1].tolist(), "c": shares[::-1, 2].tolist()}
    sites = make_points(PLACES, mine, name="sites")
    further = make_points([None] * SITES, {**other, "group": ["y", "x"] * 12}, name="further")
    parameters = {"INPUT": sites, "LAYERS": [further], "SITE_ID": "site_id", "AERIAL": ["n"], **QUICK}
    rows = run("correlatelayers", {**parameters, "STREET": ["a", "b", "c"], "GROUP": "group"}).features()
    together = make_points(PLACES, {**mine, "b": shares[:, 1].tolist(), "c": shares[:, 2].tolist()})
    once = {"INPUT": together, "STREET": ["a", "b", "c"], "AERIAL": ["n"], "GROUP": "city", **QUICK}
    assert rows == run("correlatelayers", once).features()
    assert [row["group"] for row in rows] == ["pooled", "x", "y"]


def test_the_sites_may_be_among_the_further_layers(run, whole, expected):
    parameters = {"INPUT": whole, "LAYERS": [whole], "SITE_ID": "site_id", **BLOCKS, **QUICK}
    assert numbers(run("correlatelayers", parameters)) == expected


def test_a_further_layer_is_not_overwritten(run, places, vectors, make_points, tmp_path):
    fields = {"site_id": NAMES, "snd_emb": packed(vectors["sound"]), "st_emb": packed(vectors["street"])}
    path = tmp_path / "further.gpkg"
    further = make_points(PLACES, fields, path=path, name="further")
    parameters = {"INPUT": places, "LAYERS": [further], "SITE_ID": "site_id", **BLOCKS}
    for output in ("OUTPUT", "FUSION"):
        with pytest.raises(AlgorithmError, match="overwrite the file that 'further' is read from"):
            run("correlatelayers", {**parameters, output: str(path)})


def test_cancelling_while_reading_leaves_nothing(run, places, recordings, photos, tmp_path):
    feedback = Feedback()
    feedback.cancel()
    output = tmp_path / "out.gpkg"
    parameters = {"INPUT": places, "LAYERS": [recordings, photos], "SITE_ID": "site_id", **BLOCKS}
    made = run("correlatelayers", {**parameters, "OUTPUT": str(output)}, feedback)
    assert made == {} and not output.exists() and feedback.errors == []


def test_in_the_background_as_the_toolbox_runs_it(run, places, recordings, photos, expected):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("soundvis:correlatelayers")
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(QgsProject.instance())
    parameters = {"INPUT": places, "LAYERS": [recordings, photos], "SITE_ID": "site_id", **BLOCKS, **QUICK}
    done: list[tuple] = []
    task = QgsProcessingAlgRunnerTask(algorithm, {**parameters, "OUTPUT": "memory:"}, context, feedback)
    task.executed.connect(lambda succeeded, results: done.append((succeeded, results)))
    QgsApplication.taskManager().addTask(task)
    end = time.monotonic() + 60
    while not done and time.monotonic() < end:
        QgsApplication.processEvents()
        time.sleep(0.01)
    ((succeeded, results),) = done
    assert succeeded, feedback.text
    assert numbers(Run(results, context, feedback)) == expected
