"""The table of jobs: who runs what, and what results depend on. No model with weights is loaded here."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core import jobs
from soundvis_core.errors import InputError, SiteError
from soundvis_core.jobs import JOBS, check_task, key_parameters, model_row, run_job, worker_part
from soundvis_core.models.store import MissingWeightsError
from soundvis_core.pipeline import OK, SiteResult
from soundvis_core.progress import NO_PROGRESS, NoProgress


def heard():
    """What the model says of a recording of two windows: speech in the first, a bird in the second."""
    probabilities = np.zeros((2, 527), np.float32)
    probabilities[0, 0] = probabilities[1, 111] = 0.9
    embeddings = np.array([[1.0, 3.0], [3.0, 5.0]], np.float32)
    starts = np.array([0.0, 10.0], np.float32)
    values = {
        "windows": 2,
        "seconds": 15.0,
        "starts": starts,
        "embeddings": embeddings,
        "probabilities": probabilities,
    }
    return SiteResult(OK, values=values)


def test_a_model_that_tags_is_heard_once_for_both_tools():
    options = {"model": "ast-audioset", "runtime": {"batch": 2}, "checkpoint": "x"}
    name, sent, derive = worker_part("embed-recordings", options)
    assert (name, sent) == ("hear-recordings", {"model": "ast-audioset", "runtime": {"batch": 2}})
    result = derive(heard())
    np.testing.assert_array_equal(result.vector, np.array([2.0, 4.0], np.float32))
    assert result.values == {"windows": 2, "seconds": 15.0}

    options = {"method": "ast-audioset", "threshold": 0.2, "runtime": {"batch": 2}}
    name, sent, derive = worker_part("compose-sound", options)
    assert (name, sent) == ("hear-recordings", {"model": "ast-audioset", "runtime": {"batch": 2}})
    result = derive(heard())
    assert result.status == OK and len(result.values["raw"]) == 3


def test_a_site_that_failed_stays_failed_on_the_way():
    _, _, derive = worker_part("embed-recordings", {"model": "ast-audioset"})
    failed = SiteResult("failed", "the file is corrupt")
    assert derive(failed) == failed


@pytest.mark.parametrize(
    ("job", "options"),
    [
        ("embed-recordings", {"model": "acoustic-features"}),
        ("embed-photos", {"model": "clip-vit-l-14", "views": "centre"}),
        ("segment-photos", {"model": "clipseg-rd64", "classes": "paper-street"}),
        ("compose-sound", {"method": "ndsi"}),
        ("compose-sound", {}),
        ("hear-recordings", {"model": "ast-audioset"}),
    ],
)
def test_other_jobs_go_as_they_are(job, options):
    name, sent, derive = worker_part(job, options)
    assert (name, sent, derive) == (job, options, None)


def test_the_model_of_a_job():
    assert model_row("embed-tiles", {"model": "remoteclip-rn50"}).id == "remoteclip-rn50"
    assert model_row("compose-sound", {"method": "ast-audioset"}).id == "ast-audioset"
    assert model_row("compose-sound", {}) is None
    assert model_row("download-models", {}) is None
    with pytest.raises(InputError, match="no model 'clip-vit-l-14' for this task"):
        model_row("embed-recordings", {"model": "clip-vit-l-14"})


def test_what_results_depend_on(tmp_path):
    table = tmp_path / "classes.csv"
    table.write_text("name,synonyms\nroad,street|way\n")
    same = tmp_path / "same.csv"
    same.write_text("code,name,synonyms\n1,road,street|way\n")
    options = {"threshold": 0.3, "classes": str(table), "runtime": {"batch": 4}, "width": 10, "height": 20}
    assert key_parameters("segment-photos", options) == key_parameters(
        "segment-photos", {**options, "classes": str(same)}
    )
    assert key_parameters("segment-photos", options)["threshold"] == 0.3
    table.write_text("name,synonyms,prompts\nroad,street|way,a road\n")
    assert key_parameters("segment-photos", options) != key_parameters(
        "segment-photos", {**options, "classes": str(same)}
    )
    assert set(key_parameters("segment-blocks", options)) >= {"classes", "threshold", "width", "height"}
    assert key_parameters("embed-photos", {"views": "panorama"}) == {"views": "panorama"}
    # A preset's own threshold holds where none is given.
    of_preset = {"classes": "loveda", "threshold": None}
    assert 0.3 in key_parameters("segment-blocks", of_preset).values()


@pytest.mark.parametrize("job", sorted(set(JOBS) - {"compose-sound", "download-models", "screen-recordings"}))
def test_every_job_says_which_weights_are_missing(job, tmp_path):
    models = {
        "embed-recordings": "ast-audioset", "hear-recordings": "ast-audioset", "embed-photos": "clip-vit-l-14",
        "embed-tiles": "remoteclip-vit-l-14", "segment-photos": "clipseg-rd64", "segment-blocks": "segearth-ov",
        "screen-photos": "clip-vit-l-14",
    }  # fmt: skip
    runtime = {"models_folder": str(tmp_path)}
    options = {"model": models[job], "runtime": runtime, "classes": "paper-street", "width": 9, "height": 9}
    with pytest.raises(MissingWeightsError, match=rf"weights of '{models[job]}' are not on this computer"):
        list(run_job(job, options, [], NO_PROGRESS))


def test_settings_without_meaning_are_said_before_a_model_is_loaded():
    with pytest.raises(InputError, match="device 'quantum'"):
        list(
            run_job(
                "embed-photos", {"model": "clip-vit-l-14", "runtime": {"device": "quantum"}}, [], NO_PROGRESS
            )
        )


class Placement:
    def describe(self):
        return "cpu (1 thread), float32"


class Model:
    id, dimension, revision, placement, batch_size = "clip-vit-l-14", 2, "abc", Placement(), 4

    def prepare(self, item):
        return item

    def forward(self, batch):
        return np.array([[item.mean(), 1.0] for item in batch], np.float32)


def test_what_runs_and_where_goes_to_the_log_and_to_the_parent(monkeypatch):
    monkeypatch.setattr(jobs, "load", lambda *_: Model())
    told = []

    class Listening(NoProgress):
        def info(self, text):
            told.append(text)

        def model(self, facts):
            told.append(facts)

    tiles = [np.full((4, 4, 3), 6, np.uint8), SiteError("outside")]
    first, second = run_job("embed-tiles", {"model": "clip-vit-l-14"}, tiles, Listening())
    np.testing.assert_array_equal(first.vector, np.array([6.0, 1.0], np.float32))
    assert second.reason == "outside"
    assert told == [
        "Model clip-vit-l-14, revision abc, on cpu (1 thread), float32.",
        {"model": "clip-vit-l-14", "revision": "abc", "device": "cpu (1 thread), float32"},
    ]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("embed-recordings", {"model": "acoustic-features"}),
        ("compose-sound", {"method": "ndsi"}),
        ("embed-photos", {"model": "colour-texture"}),
        ("segment-photos", {"model": "colour-index", "classes": "colour-index"}),
    ],
)
def test_files_that_are_not_there_are_told_in_the_words_of_the_job(name, options, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    whole = tmp_path / "whole"
    whole.write_bytes(b"something")
    paths = [str(tmp_path / "nothing"), str(empty), str(tmp_path)]
    for path, result in zip(paths, run_job(name, options, paths, NO_PROGRESS)):
        with pytest.raises(SiteError) as told:
            check_task(name, path)
        assert (told.value.status, str(told.value)) == (result.status, result.reason)
    check_task(name, str(whole))
    check_task("embed-tiles", np.zeros((2, 2, 3), np.uint8))
