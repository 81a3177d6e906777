"""The paper's models through the tools, in a real worker: the core's own numbers, kept for the next run."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback, make_points, make_raster, read_raster, vector
from paper import core_answers, tiny_models, torch_python
from qgis.core import QgsRasterLayer

from soundvis_core import segment_windows
from soundvis_core.classes import NODATA, load_classes
from soundvis_core.errors import SoundVisError
from soundvis_core.progress import NO_PROGRESS
from soundvis_core.segment_windows import plan_window_blocks
from soundvis_qgis.layers.rasters import RasterSource
from soundvis_qgis.runtime import execution, kept_results, programs

pytest.importorskip("soundfile")
from tests.builders import recordings

AST = {"model": "ast-audioset"}


@pytest.fixture(scope="module")
def python():
    return torch_python()


@pytest.fixture(scope="module")
def tiny(python, tmp_path_factory):
    return tiny_models(python, tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def setup(python, tiny, monkeypatch, tmp_path):
    """The environment, the downloaded models and an empty cache; one thread, as several tests may run."""
    monkeypatch.setenv("SOUNDVIS_PYTHON", python)
    monkeypatch.setenv("SOUNDVIS_MODELS", str(tiny / "models"))
    monkeypatch.setenv("SOUNDVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SOUNDVIS_DEVICE", "cpu")
    monkeypatch.setenv("SOUNDVIS_PRECISION", "fp32")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


@pytest.fixture
def processes(setup, monkeypatch):
    """Every worker that is started on a job."""
    started = []

    class Remembered(programs.subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            if "--versions" not in self.args:
                started.append(self)

    monkeypatch.setattr(programs.subprocess, "Popen", Remembered)
    return started


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Recordings of one to three windows, the second one broken, the fourth silent."""
    folder = tmp_path_factory.mktemp("sounds")
    made = []
    for index, seconds in enumerate((4, 21, 9, 12)):
        part = folder / str(index)
        part.mkdir()
        made.append(recordings.write(part, "a.wav", recordings.noise(seconds, 16000, seed=index), 16000))
    return [made[0], recordings.corrupt(folder), made[1], recordings.silent(folder), made[2], made[3]]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(5)
    paths = []
    for name, size in (("wide", (90, 200)), ("high", (120, 80))):
        coarse = random.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize(size[::-1], Image.BICUBIC).save(folder / f"{name}.png")
        paths.append(folder / f"{name}.png")
    return paths


@pytest.fixture(scope="module")
def aerial(qgis_app, tmp_path_factory):
    """A picture of 300 x 260 m, without data in its lower right corner."""
    random = np.random.default_rng(9)
    pixels = np.kron(
        random.integers(1, 255, (3, 26, 30), dtype=np.uint8), np.ones((1, 10, 10), dtype=np.uint8)
    )
    pixels[:, 150:, 200:] = 0
    return make_raster(tmp_path_factory.mktemp("aerial") / "aerial.tif", pixels, nodata=0)


def runtime(tiny, **changes):
    return {
        "models_folder": str(tiny / "models"), "cache_folder": str(tiny / "cache"), "device": "cpu",
        "precision": "fp32", **changes,
    }  # fmt: skip


def layer(paths, field="path"):
    return make_points(
        [(500000.0 + index, 5000000.0) for index in range(len(paths))], {field: [str(p) for p in paths]}
    )


PLACES = [(500060.0, 4999940.0), (500150.0, 4999900.0), (500290.0, 4999750.0), (500100.0, 4999800.0)]


def blocks_of(path, side):
    """The tasks of a raster, made by hand."""
    bands = np.stack([read_raster(path, band) for band in (1, 2, 3)])
    valid = ~(bands == 0).any(axis=0)
    image = np.where(valid, bands, 0)
    tasks = []
    for block in plan_window_blocks(bands.shape[2], bands.shape[1], side):
        rows = slice(block.padded_row, block.padded_row + block.padded_height)
        columns = slice(block.padded_column, block.padded_column + block.padded_width)
        tasks.append(
            {
                "column": block.column, "row": block.row, "width": block.width, "height": block.height,
                "padded_column": block.padded_column, "padded_row": block.padded_row,
                "image": np.ascontiguousarray(np.moveaxis(image[:, rows, columns], 0, 2)),
                "valid": valid[rows, columns],
            }
        )  # fmt: skip
    return tasks


@pytest.fixture(scope="module")
def tiles(aerial):
    """What the footprints of PLACES look like, at the model's own 224 pixels."""
    from soundvis_core.geodesy import LocalFrame

    source = RasterSource(QgsRasterLayer(aerial, "aerial"))
    return [source.tile(LocalFrame(source.crs_text, *place), place, 60.0, 224) for place in PLACES]


@pytest.fixture(scope="module")
def core(python, tiny, sounds, pictures, aerial, tiles, tmp_path_factory):
    """The core's own answers to all that is asked of the tools below, by name."""
    classes = {"classes": "building, house; road; tree", "threshold": 0.05}
    own = {
        name: {"runtime": runtime(tiny, checkpoint=str(tiny / name))}
        for name in ("clip", "remoteclip", "segearth")
    }
    stored = {"runtime": runtime(tiny)}
    seen = [tile for tile, share in tiles if share >= 0.5]
    whole = {"classes": classes["classes"], "threshold": None, "width": 300, "height": 260}
    questions = {
        "embedsound": ("embed-recordings", {**AST, **stored}, [str(path) for path in sounds]),
        "embedphotos": (
            "embed-photos", {"model": "clip-vit-l-14", "views": "three-crops", **own["clip"]}, list(map(str, pictures)),
        ),
        "embedimagery": (
            "embed-tiles", {"model": "remoteclip-vit-l-14", **own["remoteclip"]}, seen,
        ),
        "segmentphotos": (
            "segment-photos", {"model": "clipseg-rd64", **classes, **stored}, list(map(str, pictures)),
        ),
        "segmentraster": (
            "segment-blocks", {"model": "segearth-ov", **whole, **own["segearth"]}, blocks_of(aerial, 1344),
        ),
    }  # fmt: skip
    answers = core_answers(python, tmp_path_factory.mktemp("core"), list(questions.values()))
    return dict(zip(questions, answers))


def history(made):
    return "\n".join(made.layer().metadata().history())


# ------------------------------------------------------------------------------------------------ each model


def test_embedsound_and_bgasound_share_one_run_of_the_model(run, setup, processes, sounds, core):
    sites = layer(sounds)
    parameters = {"INPUT": sites, "PATH_FIELD": "path", "MODEL": "ast-audioset"}
    made = run("embedsound", parameters)
    features = made.features()
    assert [site["snd_status"] for site in features] == ["ok", "failed", "ok", "skipped", "ok", "ok"]
    assert [(site["snd_status"], site["snd_reason"] or "") for site in features] == [
        (answer.status, answer.reason) for answer in core["embedsound"]
    ]
    for site, answer in zip(features, core["embedsound"]):
        if answer.vector is not None:
            np.testing.assert_allclose(vector(site["snd_emb"]), answer.vector, rtol=1e-5, atol=1e-5)
            assert (site["snd_windows"], site["snd_seconds"]) == (
                answer.values["windows"],
                answer.values["seconds"],
            )
    assert len(processes) == 1 and processes[0].returncode is not None
    assert "field snd_emb: ast-audioset, revision f826b80d2822" in history(made)
    log = made.feedback.text
    assert "Model ast-audioset, revision f826b80d2822" in log and "float32" in log
    assert "6 sites in" in log and "per second" in log
    assert (
        "device: cpu" in history(made)
        and "float32" in history(made)
        and "revision: f826b80d2822" in history(made)
    )

    again = run("embedsound", {**parameters, "FIELD": "other_emb"})
    assert len(processes) == 1
    assert [site["other_emb"] for site in again.features()] == [site["snd_emb"] for site in features]
    assert "6 sites from the cache" in again.feedback.text
    assert "device: cpu" in history(again)

    heard = run("bgasound", {"INPUT": sites, "PATH_FIELD": "path", "METHOD": "ast-audioset"})
    assert len(processes) == 1
    assert [site["snd_bga_status"] == "failed" for site in heard.features()] == [False, True, *[False] * 4]


def test_embedphotos_with_a_checkpoint_of_ones_own(run, setup, processes, tiny, pictures, core):
    parameters = {
        "INPUT": layer(pictures), "PATH_FIELD": "path", "MODEL": "clip-vit-l-14", "VIEWS": "three-crops",
        "CHECKPOINT": str(tiny / "clip" / "open_clip_model.safetensors"),
    }  # fmt: skip
    made = run("embedphotos", parameters)
    for site, answer in zip(made.features(), core["embedphotos"]):
        np.testing.assert_allclose(vector(site["st_emb"]), answer.vector, rtol=1e-5, atol=1e-5)
        assert (site["st_status"], site["st_views"]) == ("ok", 3)
    assert "field st_emb: clip-vit-l-14, own weights clip" in history(made)
    run("embedphotos", {**parameters, "CHECKPOINT": str(tiny / "clip")})
    assert len(processes) == 1  # the same weights by another name


def test_embedimagery_at_the_pixels_of_the_model(run, setup, processes, tiny, aerial, tiles, core):
    sites = make_points(PLACES, {"id": [1, 2, 3, 4]})
    parameters = {
        "INPUT": sites, "RASTER": aerial, "FOOTPRINT": 60.0, "MODEL": "remoteclip-vit-l-14",
        "CHECKPOINT": str(tiny / "remoteclip"),
    }  # fmt: skip
    features = run("embedimagery", parameters).features()
    answers = iter(core["embedimagery"])
    for site, (_, share) in zip(features, tiles):
        assert site["aer_covered"] == pytest.approx(share)
        assert site["aer_status"] == ("ok" if share >= 0.5 else "skipped")
        if share >= 0.5:
            np.testing.assert_allclose(vector(site["aer_emb"]), next(answers).vector, rtol=1e-5, atol=1e-5)
    assert [site["aer_status"] for site in features].count("ok") >= 2
    # Two of the four places, in another order, are known already.
    few = make_points([PLACES[1], PLACES[0]], {"id": [2, 1]})
    again = run("embedimagery", {**parameters, "INPUT": few}).features()
    assert [site["aer_emb"] for site in again] == [features[1]["aer_emb"], features[0]["aer_emb"]]
    assert len(processes) == 1


def test_segmentphotos(run, setup, processes, pictures, core):
    parameters = {
        "INPUT": layer(pictures), "PATH_FIELD": "path", "MODEL": "clipseg-rd64",
        "CLASSES": "building, house; road; tree", "THRESHOLD": 0.05,
    }  # fmt: skip
    for site, answer in zip(run("segmentphotos", parameters).features(), core["segmentphotos"]):
        for name in ("building", "road", "tree"):
            assert site[f"st_{name}"] == pytest.approx(answer.values[name], abs=1e-4)
        assert site["st_seg_status"] == "ok"
    run("segmentphotos", {**parameters, "CLASSES": "building,house;road;tree"})
    assert len(processes) == 1  # the same classes, written otherwise


def segment(run, tiny, aerial, output, feedback=None, **changes):
    parameters = {
        "INPUT": aerial, "MODEL": "segearth-ov", "CLASSES": "building, house; road; tree",
        "CHECKPOINT": str(tiny / "segearth"), "OUTPUT": str(output), **changes,
    }  # fmt: skip
    return run("segmentraster", parameters, feedback)


def test_segmentraster(run, setup, processes, tiny, aerial, core, tmp_path):
    made = segment(run, tiny, aerial, tmp_path / "classes.tif")
    codes = read_raster(made["OUTPUT"])
    (answer,) = core["segmentraster"]
    np.testing.assert_array_equal(codes, answer.values["codes"])
    assert (codes[150:, 200:] == NODATA).all() and not (codes[:150] == NODATA).any()
    assert set(np.unique(codes)) <= {1, 2, 3, NODATA}
    assert "sharpened by SimFeatUp" in made.feedback.text
    assert "1 blocks in" in made.feedback.text


def test_a_broken_run_of_segmentraster_goes_on_where_it_stopped(
    run, setup, processes, tiny, aerial, core, tmp_path, monkeypatch
):
    """Other blocks, the same codes; a run that was cancelled leaves no file, and its blocks are known."""
    monkeypatch.setattr(segment_windows, "BLOCK", 112)
    out = tmp_path / "out"
    out.mkdir()
    segment(run, tiny, aerial, out / "classes.tif", Feedback(cancel_at=30))
    assert list(out.iterdir()) == []
    assert processes[0].returncode is not None and nobody_left(processes[0].pid)
    made = segment(run, tiny, aerial, out / "classes.tif")
    np.testing.assert_array_equal(read_raster(made["OUTPUT"]), core["segmentraster"][0].values["codes"])
    known = int(made.feedback.text.split(" blocks from the cache")[0].split()[-1])
    assert known >= 2  # of nine, one of which has no data
    assert made.feedback.progress == sorted(made.feedback.progress) and made.feedback.progress[-1] == 100.0
    assert len(processes) == 2
    segment(run, tiny, aerial, out / "again.tif")
    assert len(processes) == 2
    np.testing.assert_array_equal(read_raster(out / "again.tif"), read_raster(out / "classes.tif"))


# --------------------------------------------------------------------------------- what goes wrong on the way


def entries(folder):
    return sorted((folder / "cache" / "results").rglob("*.entry"))


def heard(paths, progress=NO_PROGRESS):
    return list(execution.run_for_sites("embed-recordings", AST, [str(path) for path in paths], progress))


def many(folder, count):
    """Short recordings that all differ."""
    folder.mkdir()
    return [
        recordings.write(folder, f"{index}.wav", recordings.noise(2, 16000, seed=index), 16000)
        for index in range(count)
    ]


def nobody_left(group):
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


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


def test_a_worker_killed_from_outside_keeps_what_was_done(run, setup, processes, tmp_path):
    paths = many(tmp_path / "sounds", 80)
    parameters = {"INPUT": layer(paths), "PATH_FIELD": "path", "MODEL": "ast-audioset"}
    output = tmp_path / "out" / "sites.gpkg"
    output.parent.mkdir()
    kill = Acting(10, lambda: os.kill(processes[0].pid, signal.SIGKILL))
    with pytest.raises(AlgorithmError, match="ended from outside, or ran out of memory") as caught:
        run("embedsound", {**parameters, "OUTPUT": str(output)}, kill)
    kept = len(entries(setup))
    assert kept >= 8
    assert f"The results of {kept} sites are kept: the next run" in str(caught.value)
    assert list(output.parent.iterdir()) == []
    made = run("embedsound", parameters)
    assert {site["snd_status"] for site in made.features()} == {"ok"}
    assert f"{kept} sites from the cache, {80 - kept} sites in" in made.feedback.text


def test_known_and_new_sites_keep_their_order(setup, processes, sounds, tmp_path):
    """Also where an entry was cut in half meanwhile: it is made anew."""
    known = heard([sounds[0], sounds[4]])
    entry = entries(setup)[0]
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2])
    new = many(tmp_path / "new", 3)
    mixed = heard([new[0], sounds[4], new[1], tmp_path / "nothing.wav", sounds[0], sounds[4], new[2]])
    assert len(processes) == 2
    assert [result.status for result in mixed] == ["ok", "ok", "ok", "failed", "ok", "ok", "ok"]
    assert "nothing.wav" in mixed[3].reason
    assert entry.read_bytes() == whole
    for place, result in ((1, known[1]), (4, known[0]), (5, known[1])):
        np.testing.assert_array_equal(mixed[place].vector, result.vector)
    # A missing file is no matter of content: once it is there, it is heard.
    shutil.copy(sounds[0], tmp_path / "nothing.wav")
    (found,) = heard([tmp_path / "nothing.wav"])
    np.testing.assert_array_equal(found.vector, known[0].vector)


def test_two_runs_at_once(setup, processes, sounds):
    """They share a cache and nothing else."""
    results = {}
    threads = [
        threading.Thread(target=lambda name=name: results.update({name: heard(sounds)}))
        for name in ("a", "b")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(processes) == 2
    for one, other in zip(results["a"], results["b"]):
        assert (one.status, one.reason) == (other.status, other.reason)
        if one.vector is not None:
            np.testing.assert_array_equal(one.vector, other.vector)
    assert len(heard(sounds)) == len(sounds) and len(processes) == 2


def test_weights_that_vanish_during_the_run_are_named(setup, tiny, monkeypatch, sounds, tmp_path):
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


def test_a_cache_that_cannot_be_written_costs_one_warning(setup, monkeypatch, sounds, tmp_path):
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


def test_without_a_cache_nothing_is_kept(setup, monkeypatch):
    assert execution.result_cache() is not None
    monkeypatch.setenv("SOUNDVIS_CACHE_GB", "0")
    assert execution.result_cache() is None


def test_other_options_are_another_result(setup):
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


def test_a_list_of_classes_that_changes_is_another_result(setup, tmp_path):
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
