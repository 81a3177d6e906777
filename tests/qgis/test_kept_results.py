"""Results kept between runs, in QGIS: what is known is not asked again; what goes wrong costs no more than it must."""

from __future__ import annotations

import os
import shutil
import signal
import threading

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback
from paper import AST, path_layer

from soundvis_core.classes import load_classes
from soundvis_core.errors import SoundVisError
from soundvis_core.models.registry import EMBED_AUDIO, find
from soundvis_core.progress import NO_PROGRESS
from soundvis_qgis.runtime import execution, kept_results

pytest.importorskip("soundfile")
from tests.builders import recordings


def entries(folder):
    return sorted((folder / "cache" / "results").rglob("*.entry"))


def light_run(python, paths):
    """The real worker on a light model, which starts at once: what is kept, and how, does not depend on the model."""
    options = {"model": "acoustic-features"}
    row = find("acoustic-features", EMBED_AUDIO)
    job = kept_results.KeptJob(python, "embed-recordings", options, row, "", execution.result_cache())
    return list(kept_results.run_kept(job, [str(path) for path in paths], NO_PROGRESS, {}))


def heard(paths, progress=NO_PROGRESS):
    return list(execution.run_for_sites("embed-recordings", AST, [str(path) for path in paths], progress))


def many(folder, count):
    """Short recordings that all differ."""
    folder.mkdir()
    return [
        recordings.write(folder, f"{index}.wav", recordings.noise(2, 16000, seed=index), 16000)
        for index in range(count)
    ]


class Acting(Feedback):
    """Does something once, when the run has come to ``percent``."""

    def __init__(self, percent, action):
        super().__init__()
        self._percent, self._action = percent, action

    def _moved(self, percent):
        super()._moved(percent)
        if percent >= self._percent and self._action:
            action, self._action = self._action, None
            action()


def test_a_worker_killed_from_outside_keeps_what_was_done(run, paper_setup, workers, tmp_path):
    paths = many(tmp_path / "sounds", 80)
    parameters = {"INPUT": path_layer(paths), "PATH_FIELD": "path", "MODEL": "ast-audioset"}
    output = tmp_path / "out" / "sites.gpkg"
    output.parent.mkdir()
    kill = Acting(10, lambda: os.kill(workers[0].pid, signal.SIGKILL))
    with pytest.raises(AlgorithmError, match="ended from outside, or ran out of memory") as caught:
        run("embedsound", {**parameters, "OUTPUT": str(output)}, kill)
    kept = len(entries(paper_setup))
    assert kept >= 8
    assert f"The results of {kept} sites are kept: the next run" in str(caught.value)
    assert list(output.parent.iterdir()) == []
    made = run("embedsound", parameters)
    assert {site["snd_status"] for site in made.features()} == {"ok"}
    assert f"{kept} sites from the cache, {80 - kept} sites in" in made.feedback.text


def test_known_and_new_sites_keep_their_order(paper_setup, paper_python, workers, sounds, tmp_path):
    """Also where an entry was cut in half meanwhile: it is made anew."""
    known = light_run(paper_python, [sounds[0], sounds[4]])
    entry = entries(paper_setup)[0]
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2])
    new = many(tmp_path / "new", 3)
    paths = [new[0], sounds[4], new[1], tmp_path / "nothing.wav", sounds[0], sounds[4], new[2]]
    mixed = light_run(paper_python, paths)
    assert len(workers) == 2
    assert [result.status for result in mixed] == ["ok", "ok", "ok", "failed", "ok", "ok", "ok"]
    assert "nothing.wav" in mixed[3].reason
    assert entry.read_bytes() == whole
    for place, result in ((1, known[1]), (4, known[0]), (5, known[1])):
        np.testing.assert_array_equal(mixed[place].vector, result.vector)
    # A missing file is no matter of content: once it is there, it is heard.
    shutil.copy(sounds[0], tmp_path / "nothing.wav")
    (found,) = light_run(paper_python, [tmp_path / "nothing.wav"])
    np.testing.assert_array_equal(found.vector, known[0].vector)


def test_a_missing_file_starts_no_worker(paper_setup, paper_python, workers, sounds, tmp_path):
    known = light_run(paper_python, sounds)
    assert len(workers) == 1
    empty = tmp_path / "empty.wav"
    empty.touch()
    again = light_run(paper_python, [tmp_path / "nothing.wav", *sounds, empty, tmp_path])
    assert len(workers) == 1
    assert [result.status for result in again] == [
        "failed",
        *(one.status for one in known),
        "failed",
        "failed",
    ]
    assert "no such file" in again[0].reason and "0 bytes" in again[-2].reason


def test_two_runs_at_once(paper_setup, paper_python, workers, sounds):
    """They share a cache and nothing else."""
    results = {}
    threads = [
        threading.Thread(target=lambda name=name: results.update({name: light_run(paper_python, sounds)}))
        for name in ("a", "b")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(workers) == 2
    for one, other in zip(results["a"], results["b"]):
        assert (one.status, one.reason) == (other.status, other.reason)
        if one.vector is not None:
            np.testing.assert_array_equal(one.vector, other.vector)
    assert len(light_run(paper_python, sounds)) == len(sounds) and len(workers) == 2


def test_weights_that_vanish_during_the_run_are_named(paper_setup, tiny, monkeypatch, sounds, tmp_path):
    models = tmp_path / "models"
    shutil.copytree(tiny / "models", models)
    monkeypatch.setenv("SOUNDVIS_MODELS", str(models))
    results = execution.run_for_sites("embed-recordings", AST, [str(sounds[0])], NO_PROGRESS)
    shutil.rmtree(models)
    with pytest.raises(
        SoundVisError, match=r"weights of 'ast-audioset' are not on this computer.*Download models"
    ):
        list(results)


class Warnings:
    def __init__(self):
        self.warned = []

    def report(self, fraction): ...

    def info(self, text): ...

    def warn(self, text):
        self.warned.append(text)

    def cancelled(self):
        return False


def test_a_cache_that_cannot_be_written_costs_one_warning(paper_setup, monkeypatch, sounds, tmp_path):
    """And batches larger than what is on the way at once stop nothing: the worker asks for more."""
    monkeypatch.setenv("SOUNDVIS_BATCH", "64")
    monkeypatch.setattr(kept_results, "AHEAD", 2)
    blocked = tmp_path / "no folder"
    blocked.write_text("a file")
    monkeypatch.setenv("SOUNDVIS_CACHE", str(blocked))
    progress = Warnings()
    results = heard([sounds[0], sounds[2], sounds[4]] * 4, progress)
    assert [result.status for result in results] == ["ok"] * 12
    (warning,) = progress.warned
    assert "could not be kept" in warning and "This run is not affected" in warning


def test_without_a_cache_nothing_is_kept(paper_setup, monkeypatch):
    assert execution.result_cache() is not None
    monkeypatch.setenv("SOUNDVIS_CACHE_GB", "0")
    assert execution.result_cache() is None


def test_other_options_are_another_result(paper_setup):
    row = execution.for_task("segment-photo")[0]

    def key(**options):
        given = {"model": row.id, "classes": "road; tree", "threshold": None, "runtime": {}, **options}
        return kept_results.KeptJob("", "segment-photos", given, row, "weights", None).base_key()

    others = [
        key(),
        key(threshold=0.2),
        key(classes="road; tree, bush"),
        key(runtime={"precision": "bf16"}),
        key(runtime={"device": "cuda"}),
    ]
    assert len(set(others)) == len(others)
    assert key(runtime={"batch": 3, "models_folder": "elsewhere"}) == key()
    assert kept_results.KeptJob("", "embed-photos", {"views": "centre"}, row, "w", None).base_key() != (
        kept_results.KeptJob("", "embed-photos", {"views": "panorama"}, row, "w", None).base_key()
    )


def test_a_list_of_classes_that_changes_is_another_result(paper_setup, tmp_path):
    """By what is in the file, not by its name."""
    table = tmp_path / "classes.csv"
    keys = []
    for text in ("name\nroad\n", "name\nroad\ntree\n", "name\nroad\n"):
        table.write_text(text)
        options = {"model": "clipseg-rd64", "classes": str(table), "threshold": None}
        row = execution.for_task("segment-photo")[0]
        keys.append(kept_results.KeptJob("", "segment-photos", options, row, "f", None).base_key())
    assert keys[0] == keys[2] != keys[1]
    assert load_classes(str(table)).classes[0].name == "road"
