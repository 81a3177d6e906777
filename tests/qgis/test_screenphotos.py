"""Screening photos, and what each rule of screening does to correlations."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from helpers import AlgorithmError
from paper import path_layer

pytest.importorskip("PIL")
from PIL import Image

RULES = ["indoor", "night", "snow", "rain"]


@pytest.fixture
def photos(tmp_path):
    """Grey pictures whose columns are dark from a quarter to all of them, and a broken one."""
    paths = []
    for dark in (0.25, 0.5, 0.75, 1.0):
        pixels = np.full((48, 64, 3), 180, np.uint8)
        pixels[:, : round(64 * dark)] = 10
        paths.append(tmp_path / f"{dark}.png")
        Image.fromarray(pixels).save(paths[-1])
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    return [*paths, broken]


def test_brightness_tells_night(run, photos):
    made = run(
        "screenphotos", {"INPUT": path_layer([*photos, ""]), "PATH_FIELD": "path", "THRESHOLDS": "memory:"}
    )
    assert made.layer().fields().names() == [
        "path", "st_scr_keep", "st_scr_reason", *(f"st_scr_{rule}" for rule in RULES), "st_scr_keep_night",
        "st_scr_method", "st_scr_status",
    ]  # fmt: skip
    rows = made.features()
    assert [row["st_scr_night"] for row in rows] == [0.25, 0.5, 0.75, 1.0, None, None]
    assert [row["st_scr_keep"] for row in rows] == [1, 1, 0, 0, None, None]
    assert [row["st_scr_keep_night"] for row in rows] == [1, 1, 0, 0, None, None]
    assert [row["st_scr_reason"] for row in rows[:4]] == [None, None, "night", "night"]
    assert [row["st_scr_status"] for row in rows[4:]] == ["failed", "skipped"]
    assert all(row[f"st_scr_{rule}"] is None for row in rows for rule in ("indoor", "snow", "rain"))
    assert [row["st_scr_method"] for row in rows] == [*["light"] * 4, None, None]
    assert [row["rule"] for row in made.features("THRESHOLDS")] == ["night"]
    labels = [rule.label() for rule in made.layer().renderer().rootRule().children()]
    assert labels == ["Keep", "Better left out", "Not screened"]


def test_rules_that_brightness_cannot_judge_are_told(run, photos):
    parameters = {"INPUT": path_layer(photos[:1]), "PATH_FIELD": "path", "METHOD": "light"}
    warnings = run("screenphotos", {**parameters, "RULES": ["night", "snow"]}).feedback.warnings
    assert [one for one in warnings if "snow cannot be judged by the method light" in one]
    with pytest.raises(AlgorithmError, match="snow, rain cannot be judged by the method light"):
        run("screenphotos", {**parameters, "RULES": ["snow", "rain"]})


def test_calibrated_on_judged_photos(run, make_points, photos):
    layer = make_points(
        [(500000 + n, 5000000) for n in range(4)],
        {"path": [str(path) for path in photos[:4]], "dark": [0, 1, 1, None]},
    )
    parameters = {"INPUT": layer, "PATH_FIELD": "path", "LABEL": "dark", "LABEL_RULE": "night"}
    made = run("screenphotos", {**parameters, "THRESHOLDS": "memory:"})
    (row,) = made.features("THRESHOLDS")
    assert (row["threshold"], row["source"], row["left_out"]) == (0.375, "calibrated", None)
    assert [site["st_scr_keep"] for site in made.features()] == [1, 0, 0, 0]


def test_clip_without_weights_is_refused_before_the_run(run, photos, no_worker):
    with pytest.raises(AlgorithmError, match=r"clip-vit-l-14.*or choose the light model 'light'"):
        run("screenphotos", {"INPUT": path_layer(photos), "PATH_FIELD": "path", "METHOD": "clip"})


def test_a_tiny_clip_is_asked_once(run, photos, paper_setup, tiny, workers):
    """Its weights are random; that the scores are those of its towers is the core's test."""
    checkpoint = str(tiny / "clip")
    parameters = {"PATH_FIELD": "path", "METHOD": "clip", "CHECKPOINT": checkpoint}
    made = run("screenphotos", {"INPUT": path_layer(photos), **parameters})
    rows = made.features()
    assert [row["st_scr_status"] for row in rows] == [*["ok"] * 4, "failed"]
    for row in rows[:4]:
        scores = [row[f"st_scr_{rule}"] for rule in RULES]
        assert all(0 < score < 1 for score in scores)
        assert row["st_scr_keep"] == int(all(score < 0.7 for score in scores))
    assert "own weights" in made.feedback.text or "device: cpu" in "\n".join(
        made.layer().metadata().history()
    )
    again = run("screenphotos", {"INPUT": path_layer(photos), **parameters, "NIGHT": 0.0})
    assert [row["st_scr_keep"] for row in again.features()] == [0, 0, 0, 0, None]
    assert [row["st_scr_snow"] for row in again.features()] == [row["st_scr_snow"] for row in rows]
    assert len(workers) == 1  # another threshold needs no model


def test_r_with_and_without_each_rule(run, make_points, tmp_path):
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(6)
    sound = rng.normal(size=(24, 4)).astype(np.float32)
    street = (sound + rng.normal(0, 1, (24, 4))).astype(np.float32)
    speech = [0 if site in (1, 4, 9) else 1 for site in range(24)]
    night = [None if site == 0 else 0 if site in (4, 23) else 1 for site in range(24)]
    fields = {
        "city": ["A" if site < 12 else "B" for site in range(24)],
        "snd_emb": [row.astype("<f4").tobytes() for row in sound],
        "st_emb": [row.astype("<f4").tobytes() for row in street],
        "scr_keep_speech": speech, "st_scr_keep_night": night, "scr_speech": rng.random(24).tolist(),
        "few_keep": [1 if site < 14 else 0 for site in range(24)],
    }  # fmt: skip
    layer = make_points([(500000 + 30 * n, 5000000) for n in range(24)], fields)
    given = {"INPUT": layer, "SOUND": ["snd_emb"], "STREET": ["st_emb"], "GROUP": "city"}
    parameters = {**given, "PERMUTATIONS": 19, "BOOTSTRAPS": 0, "FUSION": "memory:"}
    report = tmp_path / "report.html"
    keep = ["scr_keep_speech", "st_scr_keep_night"]
    made = run("correlatelayers", {**parameters, "KEEP": keep, "REPORT": str(report)})
    rows = [row for row in made.features("FUSION") if row["kind"] == "screening"]
    assert len(rows) == 3 * 3 * 3  # numbers, rules with all of them together, groups with all sites

    def of(rule, quantity, group="pooled"):
        (row,) = [r for r in rows if (r["rule"], r["quantity"], r["group"]) == (rule, quantity, group)]
        return row

    def pearson(stay):
        matrices = []
        for block in (sound, street):
            unit = block[stay] / np.linalg.norm(block[stay], axis=1, keepdims=True)
            matrices.append((unit @ unit.T)[np.triu_indices(len(stay), 1)])
        return np.corrcoef(*matrices)[0, 1]

    stays = {
        "scr_keep_speech": [site for site in range(24) if speech[site]],
        "st_scr_keep_night": [site for site in range(24) if night[site] != 0],
        "all rules together": [site for site in range(24) if speech[site] and night[site] != 0],
    }
    for rule, stay in stays.items():
        assert of(rule, "r_all")["value"] == pytest.approx(pearson(list(range(24))), abs=1e-6)
        without = of(rule, "r_without")
        assert without["value"] == pytest.approx(pearson(stay), abs=1e-6) and without["sites"] == len(stay)
        assert of(rule, "lost")["value"] == 24 - len(stay)
        assert without["ci_low"] < of(rule, "r_all")["value"] < without["ci_high"]
    assert [of("st_scr_keep_night", "lost", group)["value"] for group in ("A", "B")] == [1, 1]
    # The rows themselves are of all sites.
    assert {row["sites"] for row in made.features() if row["group"] == "pooled"} == {24}
    assert "Without the sites that scr_keep_speech drops (3 of 24)" in made.feedback.text
    assert "Without the sites that all rules together drop (4 of 24)" in made.feedback.text
    assert of("all rules together", "lost")["label"] == "sites that the rules drop"
    assert of("scr_keep_speech", "lost")["label"] == "sites that the rule drops"
    assert "With and without screening" in report.read_text("utf-8")
    with (tmp_path / "report.csv").open(encoding="utf-8") as lines:
        assert sum(line["kind"] == "screening" for line in csv.DictReader(lines)) == 27
    with pytest.raises(AlgorithmError, match="holds other numbers than 1"):
        run("correlatelayers", {**parameters, "KEEP": ["scr_speech"]})
    # Two sites of B are left: the note stands by the r that is missing, not by the numbers that are there.
    made = run("correlatelayers", {**parameters, "KEEP": ["few_keep"]})
    told = {row["quantity"]: row["note"] or None for row in made.features("FUSION")
            if (row["kind"], row["group"]) == ("screening", "B")}  # fmt: skip
    assert told == {"r_all": None, "r_without": "fewer than 3 sites", "lost": None}
