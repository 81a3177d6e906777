"""Screening recordings: scores, advice, masks and calibrated thresholds; masks in embedding and composition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, read_features, vector
from paper import path_layer

from soundvis_core.bga.audioset import load_sound_classes
from soundvis_core.errors import SiteError
from soundvis_core.pipeline import SiteResult
from soundvis_core.screening.rules import SOUND_RULES
from soundvis_qgis.algorithms.screening import screenrecordings
from soundvis_qgis.runtime import execution

pytest.importorskip("soundfile")
from tests.builders import recordings

RATE = 16000
NAMES = [rule.name for rule in SOUND_RULES]
FIELDS = [
    "keep", "reason", "mask", "windows", "masked", *NAMES, *(f"keep_{name}" for name in NAMES if name != "indoor"),
    "method", "status",
]  # fmt: skip


def noise(seconds, level, seed=0):
    return recordings.noise(seconds, RATE, seed=seed, level=level)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Plain noise; half of it muted; a burst in the last of three windows; clipped; silent; broken."""
    folder = tmp_path_factory.mktemp("clips")
    burst = noise(30, 0.004)
    burst[25 * RATE : 26 * RATE] += noise(1, 0.3, 1)
    for name, samples in {
        "plain.wav": noise(24, 0.05),
        "muted.wav": np.concatenate([np.zeros(20 * RATE), noise(10, 0.05)]),
        "burst.wav": burst,
        "clipped.wav": np.clip(noise(10, 0.9), -1, 1),
    }.items():
        recordings.write(folder, name, samples, RATE)
    recordings.silent(folder)
    recordings.corrupt(folder)
    return folder


@pytest.fixture
def sites(make_points, clips):
    def made(names, path=None, **fields):
        points = [(500000 + 20 * n, 5000000) for n in range(len(names))]
        layer = make_points(points, {"rec": list(names), **fields}, path=path)
        return {"INPUT": layer, "PATH_FIELD": "rec", "BASE_FOLDER": str(clips)}

    return made


def test_scores_masks_and_advice_by_the_signal(run, sites, clips):
    broken = next(path.name for path in clips.iterdir() if "corrupt" in path.name)
    silent = next(path.name for path in clips.iterdir() if "silent" in path.name)
    names = ["plain.wav", "muted.wav", "burst.wav", "clipped.wav", silent, broken, None]
    made = run("screenrecordings", {**sites(names), "WINDOWS": "memory:", "THRESHOLDS": "memory:"})
    assert made.layer().fields().names() == ["rec", *("scr_" + name for name in FIELDS)]
    plain, muted, burst, clipped, mute, bad, none = made.features()
    assert [row["scr_keep"] for row in made.features()] == [1, 0, 1, 0, 0, None, None]
    assert [row["scr_mask"] for row in (plain, muted, burst, clipped)] == ["111", "001", "110", "0"]
    assert set(mute["scr_mask"]) == {"0"} and "silence" in mute["scr_reason"]
    assert (muted["scr_windows"], muted["scr_masked"], muted["scr_keep_silence"]) == (3, 2, 0)
    assert muted["scr_reason"] == "2 of 3 windows masked: silence in 2"
    assert burst["scr_reason"] == "1 of 3 windows masked: transient event in 1"
    assert (burst["scr_keep_transient"], burst["scr_transient"] < 15) == (
        1,
        True,
    )  # the score of the middle window
    assert clipped["scr_reason"] == "clipping" and clipped["scr_clipping"] > 0.001
    assert all(row["scr_indoor"] is None for row in made.features())
    assert [row["scr_status"] for row in (bad, none)] == ["failed", "skipped"]
    assert (plain["scr_method"], mute["scr_method"], bad["scr_method"]) == ("light", "light", None)
    assert bad["scr_reason"] and bad["scr_speech"] is None and none["scr_mask"] is None
    windows = made.features("WINDOWS")
    assert [row["used"] for row in windows if row["recording"] == "burst.wav"] == [1, 1, 0]
    assert [row["length_s"] for row in windows if row["recording"] == "plain.wav"] == pytest.approx(
        [10, 10, 4]
    )
    loud = [row for row in windows if row["recording"] == "burst.wav"][2]
    assert loud["transient"] > 30 and loud["indoor"] is None and loud["window"] == 3
    thresholds = {row["rule"]: row for row in made.features("THRESHOLDS")}
    assert set(thresholds) == set(NAMES) - {"indoor"}
    assert (thresholds["silence"]["threshold"], thresholds["silence"]["applies"]) == (-70.0, "at or below")
    assert thresholds["clipping"]["dropped"] == 1 and thresholds["clipping"]["source"] == "default"
    assert "3 of 5 screened sites had better be left out" in made.feedback.text
    assert "7 sites: 5 ok, 1 failed, 1 skipped" in made.feedback.text


def test_rules_and_thresholds_are_the_users(run, sites):
    parameters = sites(["burst.wav", "muted.wav"])
    made = run("screenrecordings", {**parameters, "RULES": ["transient"], "MOST_MASKED": 0, "PREFIX": "x_"})
    burst, muted = made.features()
    assert (burst["x_keep"], burst["x_mask"], burst["x_transient"] > 30) == (0, "110", True)
    assert (muted["x_keep"], muted["x_mask"]) == (1, "111")
    assert "x_keep_silence" not in muted and muted["x_silence"] == pytest.approx(-120.0)
    (changed,) = run("screenrecordings", {**sites(["burst.wav"]), "TRANSIENT": 60.0}).features()
    assert changed["scr_mask"] == "111"
    with pytest.raises(AlgorithmError, match="No rule is in force"):
        run("screenrecordings", {**parameters, "RULES": []})
    with pytest.raises(AlgorithmError, match="MOST_MASKED"):
        run("screenrecordings", {**parameters, "MOST_MASKED": 1.5})


def test_rules_that_the_method_cannot_judge_are_told(run, sites):
    parameters = {**sites(["plain.wav"]), "METHOD": "light"}
    made = run("screenrecordings", {**parameters, "RULES": ["indoor", "silence"]})
    assert [one for one in made.feedback.warnings if "indoor cannot be judged by the method light" in one]
    assert not run("screenrecordings", {**parameters, "RULES": ["silence"]}).feedback.warnings
    with pytest.raises(AlgorithmError, match="indoor cannot be judged by the method light"):
        run("screenrecordings", {**parameters, "RULES": ["indoor"]})


def test_nothing_is_deleted_and_what_was_there_stays(run, sites, tmp_path):
    parameters = sites(["muted.wav", "plain.wav"], note=["a", "b"])
    output = str(tmp_path / "screened.gpkg")
    made = run("screenrecordings", {**parameters, "OUTPUT": output})
    rows = read_features(output)
    assert [(row["note"], row["scr_keep"]) for row in rows] == [("a", 0), ("b", 1)]
    assert all(row["_geometry"] for row in rows)
    history = "\n".join(made.layer().metadata().history())
    assert "field scr_keep_silence: 1 or 0; applies at or below -70 dB re full scale (default)" in history
    labels = [rule.label() for rule in made.layer().renderer().rootRule().children()]
    assert labels == ["Keep", "Keep, some windows masked", "Better left out", "Not screened"]
    with pytest.raises(AlgorithmError, match="already has the fields"):
        run("screenrecordings", {"INPUT": made.layer(), "PATH_FIELD": "rec"})


def test_labels_and_the_table_of_thresholds_tell_units(run, sites, provider):
    made = run("screenrecordings", {**sites(["plain.wav"]), "THRESHOLDS": "memory:", "WINDOWS": "memory:"})
    sites_done, windows = made.layer(), made.layer("WINDOWS")
    for layer, prefix in ((sites_done, "scr_"), (windows, "")):
        said = {name: layer.attributeAlias(layer.fields().lookupField(prefix + name)) for name in NAMES}
        assert said["silence"].endswith("Silence: score (dB re full scale)")
        assert said["transient"].endswith("Transient event: score (dB)")
        assert said["speech"].endswith("Speech: score (0-1)") and said["indoor"].endswith("Indoor: score")
    units = {row["rule"]: row["unit"] for row in made.features("THRESHOLDS")}
    assert (units["silence"], units["transient"], units["wind"]) == ("dB re full scale", "dB", "0-1")
    algorithm = provider.algorithm("screenrecordings")
    labels = {name: algorithm.parameterDefinition(name.upper()).description() for name in NAMES}
    assert labels["silence"] == "Threshold: silence (dB re full scale)"
    assert labels["transient"] == "Threshold: transient event (0-1, or dB)"


def test_channels_in_opposite_phase_are_neither_silent_nor_skipped(run, sites, tmp_path):
    sound = noise(12, 0.1)
    path = str(recordings.write(tmp_path, "opposed.wav", np.stack([sound, -sound], axis=1), RATE))
    (screened,) = run("screenrecordings", sites([path])).features()
    assert (screened["scr_keep"], screened["scr_silence"]) == (1, pytest.approx(-20, abs=0.2))
    (embedded,) = run("embedsound", sites([path])).features()
    assert (embedded["snd_status"], embedded["snd_windows"]) == ("ok", 2)
    (composed,) = run("bgasound", {**sites([path]), "METHOD": "ndsi"}).features()
    assert composed["snd_bga_status"] == "ok"


@pytest.mark.parametrize("field", ["site_id", "name"])
def test_tables_of_windows_of_three_tools_join(run, sites, tagger, field):
    """The columns of the key have the same names, kinds and values."""
    parameters = sites(["muted.wav", "plain.wav"], used=["111", "111"], **{field: ["m", "p"]})
    screened = run("screenrecordings", {**parameters, "METHOD": "ast-audioset", "WINDOWS": "memory:"})
    embedded = run("embedsound", {**parameters, "WINDOWS": "memory:"})
    heard = {**parameters, "METHOD": "ast-audioset", "MASK": "used", "TAGS": "memory:"}
    tagged = run("bgasound", heard)
    key = ["site", "site_id", "recording", "window", "start_s", "length_s"]
    tables = [screened.layer("WINDOWS"), embedded.layer("WINDOWS"), tagged.layer("TAGS")]
    kinds = [[(one.name(), one.type()) for one in list(table.fields())[:6]] for table in tables]
    assert kinds[0] == kinds[1] == kinds[2] and [name for name, _ in kinds[0]] == key
    windows, vectors, tags = (
        [tuple(row[name] for name in key[1:5]) for row in made.features(name)]
        for made, name in ((screened, "WINDOWS"), (embedded, "WINDOWS"), (tagged, "TAGS"))
    )
    assert windows[0] == ("m", "muted.wav", 1, 0.0) and windows == vectors
    assert set(tags) == {windows[2], *windows[3:]}


def test_a_threshold_from_judged_sites(run, sites, tmp_path):
    """Three loud and three quiet recordings: judged as silent from -50 dB on, which the threshold has to find."""
    names, levels = [], (0.1, 0.03, 0.01, 0.002, 0.001, 0.0005)
    for index, level in enumerate(levels):
        names.append(str(recordings.write(tmp_path, f"{index}.wav", noise(10, level, index), RATE)))
    judged = ["0", "0", "0", "1", "1", None]
    parameters = {
        **sites(names, judged=judged),
        "LABEL": "judged",
        "LABEL_RULE": "silence",
        "RULES": ["speech"],
    }
    made = run("screenrecordings", {**parameters, "THRESHOLDS": "memory:"})
    row = {row["rule"]: row for row in made.features("THRESHOLDS")}["silence"]
    middle = 20 * np.log10(0.01) / 2 + 20 * np.log10(0.002) / 2
    assert row["threshold"] == pytest.approx(middle, abs=0.5) and row["source"] == "calibrated"
    assert (row["marked_1"], row["marked_0"], row["balanced"], row["left_out"], row["auc"]) == (2, 3, 1, 1, 1)
    # The one that nobody judged is decided by it, too.
    assert [site["scr_keep"] for site in made.features()] == [1, 1, 1, 0, 0, 0]
    assert "Balanced accuracy 1.00 on the 5 judged sites" in made.feedback.text
    assert any("Only 2 sites marked 1 and 3 marked 0" in one for one in made.feedback.warnings)
    assert not any("gives way" in one or "coin" in one for one in made.feedback.warnings)
    given = run("screenrecordings", {**parameters, "SILENCE": -60.0, "THRESHOLDS": "memory:"})
    row = {row["rule"]: row for row in given.features("THRESHOLDS")}["silence"]
    assert row["threshold"] == pytest.approx(middle, abs=0.5)
    assert any("SILENCE = -60 gives way to" in one for one in given.feedback.warnings)


def test_a_threshold_by_a_score_that_points_the_wrong_way_is_warned_of(run, sites, tmp_path):
    """Marked as silent: the quietest, and all the louder ones. A threshold parts them better than chance, AUC 0.25."""
    names = [
        str(recordings.write(tmp_path, f"{index}.wav", noise(10, level, index), RATE))
        for index, level in enumerate((0.1, 0.05, 0.03, 0.01, 0.005, 0.001))
    ]
    parameters = {**sites(names, quiet=[1, 1, 1, 0, 0, 1]), "LABEL": "quiet", "LABEL_RULE": "silence"}
    made = run("screenrecordings", {**parameters, "THRESHOLDS": "memory:"})
    row = {row["rule"]: row for row in made.features("THRESHOLDS")}["silence"]
    assert (row["source"], row["auc"]) == ("calibrated", 0.25)
    assert any("(AUC 0.25): worse than a coin" in one for one in made.feedback.warnings)


def test_a_judgement_that_the_score_does_not_follow_changes_no_threshold(run, sites, tmp_path):
    """Loud ones marked as silent: the best threshold would drop every site."""
    names = [
        str(recordings.write(tmp_path, f"{index}.wav", noise(10, level, index), RATE))
        for index, level in enumerate((0.1, 0.03, 0.002, 0.001))
    ]
    judged = {**sites(names, loud=[1, 1, 0, 0]), "LABEL": "loud", "LABEL_RULE": "silence", "RULES": []}
    made = run("screenrecordings", {**judged, "THRESHOLDS": "memory:"})
    (row,) = made.features("THRESHOLDS")  # the judged rule alone is in force
    assert (row["rule"], row["threshold"], row["source"], row["auc"]) == ("silence", -70.0, "default", 0.0)
    assert [site["scr_keep"] for site in made.features()] == [1] * 4
    assert any("does not tell the 4 judged sites apart (AUC 0.00)" in one for one in made.feedback.warnings)


def test_judgements_that_cannot_be_used_are_refused(run, sites):
    parameters = sites(["plain.wav", "burst.wav"], judged=["1", "maybe"], ones=[1, 1])
    with pytest.raises(AlgorithmError, match=r"holds 'maybe'\. A judgement is 1"):
        run("screenrecordings", {**parameters, "LABEL": "judged"})
    with pytest.raises(AlgorithmError, match="2 are marked 1 and 0 marked 0"):
        run("screenrecordings", {**parameters, "LABEL": "ones"})
    with pytest.raises(AlgorithmError, match="no field 'nobody'"):
        run("screenrecordings", {**parameters, "LABEL": "nobody"})
    with pytest.raises(AlgorithmError, match="no score for the rule 'indoor'"):
        run("screenrecordings", {**parameters, "LABEL": "ones", "LABEL_RULE": "indoor"})


@pytest.fixture
def tagger(monkeypatch):
    """Answers by hand in the place of the model; the signal is measured."""
    places = {row.name: row.index for row in load_sound_classes().rows}
    real = execution.run_for_sites
    heard = {
        "plain.wav": [{"Speech": 0.9}, {"Speech": 0.9, "Inside, small room": 0.8}, {"Bird": 0.9}],
        "muted.wav": [{}, {}, {"Bird": 0.9, "Wind noise (microphone)": 0.5}],
    }

    def run_for_sites(job, options, tasks, progress, facts=None):
        if job != "hear-recordings":
            yield from real(job, options, tasks, progress, facts)
            return
        for task in tasks:
            name = "" if isinstance(task, SiteError) else Path(task).name
            if name not in heard:
                yield SiteResult("skipped", "silent or nothing")
                continue
            probabilities = np.full((3, 527), 0.01, np.float32)
            for row, tags in zip(probabilities, heard[name]):
                for tag, probability in tags.items():
                    row[places[tag]] = probability
            starts = np.array([0, 10, 20], np.float32)
            seconds = 24.0 if name == "plain.wav" else 30.0
            embeddings = np.arange(6, dtype=np.float32).reshape(3, 2)
            values = {"windows": 3, "seconds": seconds, "starts": starts, "embeddings": embeddings}
            yield SiteResult("ok", values={**values, "probabilities": probabilities, "audioset": True})
        facts.update(model="ast-audioset", revision="abc", device="cpu")

    monkeypatch.setattr(execution, "run_for_sites", run_for_sites)
    monkeypatch.setattr(execution, "job_problem", lambda job, options=None: None)
    monkeypatch.setattr(execution, "model_note", lambda job, options: ("ast-audioset, revision abc", 2))


def test_tags_and_signal_together(run, sites, tagger, clips):
    silent = next(path.name for path in clips.iterdir() if "silent" in path.name)
    made = run(
        "screenrecordings", {**sites(["plain.wav", None, "muted.wav", silent]), "METHOD": "ast-audioset"}
    )
    plain, none, muted, mute = made.features()
    assert plain["scr_mask"] == "001" and plain["scr_keep"] == 0
    assert plain["scr_reason"] == "2 of 3 windows masked: speech in 2, indoor in 1"
    assert (plain["scr_keep_speech"], plain["scr_keep_indoor"]) == (0, 1)
    assert plain["scr_speech"] == pytest.approx(0.9)  # the middle one of three
    assert (muted["scr_mask"], muted["scr_keep_wind"]) == ("000", 1)
    assert none["scr_status"] == "skipped"
    assert mute["scr_speech"] is None and mute["scr_keep_speech"] is None and mute["scr_keep"] == 0
    assert "revision: abc" in "\n".join(made.layer().metadata().history())


def test_bga_from_tags_honours_the_mask(run, sites, tagger):
    parameters = sites(
        ["plain.wav", "plain.wav", "plain.wav", "muted.wav", None], mask=["011", "000", None, "x", "1"]
    )
    made = run("bgasound", {**parameters, "METHOD": "ast-audioset", "MASK": "mask"})
    masked, nothing, whole, wrong, none = made.features()
    assert [masked[f"snd_{name}_raw"] for name in ("bio", "geo", "ant")] == [0.5, 0.0, 0.5]
    assert (masked["snd_bga_windows"], masked["snd_bga_seconds"]) == (2, 14.0)
    assert whole["snd_ant_raw"] == pytest.approx(2 / 3)
    assert [row["snd_bga_status"] for row in made.features()] == ["ok", "skipped", "ok", "failed", "skipped"]
    assert nothing["snd_bga_reason"] == "all windows of the recording are masked"
    assert "is not a text of 1" in wrong["snd_bga_reason"] and none["snd_bga_reason"]


def test_the_baseline_honours_the_mask(run, sites):
    names = ["burst.wav", "burst.wav", "burst.wav", "burst.wav", None]
    parameters = sites(names, mask=["110", "000", None, "110110110", "1"])
    masked, nothing, whole, wrong, _ = run("bgasound", {**parameters, "MASK": "mask"}).features()
    assert (masked["snd_bga_windows"], whole["snd_bga_windows"]) == (2, 3)
    assert masked["snd_band_ant"] < whole["snd_band_ant"] - 10  # without the burst
    assert (nothing["snd_bga_status"], wrong["snd_bga_status"]) == ("skipped", "failed")


def test_embeddings_are_of_the_used_windows(run, sites):
    names = ["plain.wav"] * 5
    parameters = sites(names, mask=["101", "111", None, "000", "11111"])
    made = run("embedsound", {**parameters, "MASK": "mask", "WINDOWS": "memory:"})
    plain = run("embedsound", {**sites(["plain.wav"]), "WINDOWS": "memory:"})
    masked, every, none, nothing, wrong = made.features()
    parts = [vector(row["embedding"]) for row in plain.features("WINDOWS")]
    np.testing.assert_allclose(vector(masked["snd_emb"]), (parts[0] + parts[2]) / 2, atol=1e-6)
    assert (masked["snd_windows"], masked["snd_seconds"]) == (2, 14.0)
    assert every["snd_emb"] == none["snd_emb"] == plain.features()[0]["snd_emb"]
    assert (nothing["snd_status"], nothing["snd_emb"], wrong["snd_status"]) == ("skipped", None, "failed")
    rows = [row for row in made.features("WINDOWS") if row["site"] == made.features("WINDOWS")[0]["site"]]
    assert [(row["window"], row["start_s"], row["length_s"]) for row in rows] == [
        (1, 0, 10),
        (3, 20, pytest.approx(4)),
    ]


def test_masks_chain_from_the_tool_to_the_next(run, sites):
    screened = run("screenrecordings", sites(["burst.wav", "muted.wav"]))
    folder = {"PATH_FIELD": "rec", "BASE_FOLDER": sites([])["BASE_FOLDER"]}
    made = run("embedsound", {"INPUT": screened.layer(), **folder, "MASK": "scr_mask"})
    assert [row["snd_windows"] for row in made.features()] == [2, 1]


def test_a_field_that_cannot_hold_masks_is_refused_before_the_run(run, sites):
    parameters = sites(["plain.wav"], number=[101])
    for tool in ("embedsound", "bgasound"):
        with pytest.raises(AlgorithmError, match="lost the zeros in front"):
            run(tool, {**parameters, "MASK": "number"})
        with pytest.raises(AlgorithmError, match="no field 'nobody'"):
            run(tool, {**parameters, "MASK": "nobody"})


def test_cancelling_leaves_nothing(run, sites, tmp_path):
    output = tmp_path / "out.gpkg"
    run("screenrecordings", {**sites(["plain.wav"] * 30), "OUTPUT": str(output)}, Feedback(cancel_at=10))
    assert not output.exists()


def test_the_help_tells_every_threshold_and_its_grounds(provider):
    text = provider.algorithm("screenrecordings").shortHelpString()
    for rule in SOUND_RULES:
        for method, threshold in rule.thresholds.items():
            assert f"{method}: {threshold:g} ({rule.grounds[method]})".replace("'", "&#x27;") in text
    assert screenrecordings.ScreenRecordings.DEFAULT_PREFIX == "scr_"


def test_the_model_is_heard_once_for_screening_embedding_and_composition(run, paper_setup, workers, sounds):
    """Tiny weights: what they say is random, but every tool gets it from one run of the worker."""
    parameters = {"INPUT": path_layer(sounds), "PATH_FIELD": "path"}
    screened = run(
        "screenrecordings", {**parameters, "METHOD": "ast-audioset", "WINDOWS": "memory:", "SPEECH": 0}
    )
    rows = screened.features()
    assert [row["scr_status"] for row in rows] == ["ok", "failed", "ok", "ok", "ok", "ok"]
    assert [row["scr_keep_speech"] for row in rows] == [
        0,
        None,
        0,
        None,
        0,
        0,
    ]  # every window is speech from 0 on
    assert rows[3]["scr_keep"] == 0 and "silence" in rows[3]["scr_reason"]
    assert all(0 < row["indoor"] <= 1 for row in screened.features("WINDOWS") if row["site"] != 4)
    assert "device: cpu" in "\n".join(screened.layer().metadata().history())
    masked = {**parameters, "INPUT": screened.layer(), "MASK": "scr_mask"}
    embedded = run("embedsound", {**masked, "MODEL": "ast-audioset"}).features()
    composed = run("bgasound", {**masked, "METHOD": "ast-audioset"}).features()
    for status in ([row["snd_status"] for row in embedded], [row["snd_bga_status"] for row in composed]):
        assert status == ["skipped", "failed", *["skipped"] * 4]
    assert len(workers) == 1
